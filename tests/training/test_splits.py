"""A group is never on both sides, and duration is no label."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.splits import SplitError, grouped_folds, left_out, row_weights


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.integers(2, 9))
def test_folds_hold_each_row_out_once_and_groups_together(seed: int, folds: int) -> None:
    rng = np.random.default_rng(seed)
    groups = np.concatenate([np.arange(12), rng.integers(0, 12, 200)])
    labels = groups % 2 == 0
    split = grouped_folds(labels, [str(g) for g in groups], folds, seed)
    assert 2 <= len(split) <= min(folds, 6)
    held = np.concatenate([rows for _, rows in split])
    assert sorted(held.tolist()) == list(range(len(labels)))
    for train, rows in split:
        assert not set(groups[train]) & set(groups[rows])
        assert labels[train].any() and not labels[train].all()


def test_folds_are_the_same_for_the_same_seed() -> None:
    labels, groups = [True, False] * 40, [str(i % 16) for i in range(80)]
    first, again = (grouped_folds(labels, groups, 4, 3) for _ in range(2))
    assert all((a[1] == b[1]).all() for a, b in zip(first, again, strict=True))


@pytest.mark.parametrize("labels", [[True, True, False, False], [True, False, False, False]])
def test_one_group_of_a_class_cannot_be_held_out(labels: list[bool]) -> None:
    with pytest.raises(SplitError, match=r"mining examples come from 1 group"):
        grouped_folds(labels, ["a", "a", "b", "c"], 5, 0)


def test_left_out_names_every_group() -> None:
    found = {name: mask.tolist() for name, mask in left_out(["b", "a", "b"])}
    assert found == {"a": [False, True, False], "b": [True, False, True]}


def test_weights_by_hand() -> None:
    """Bucket 0 benign: family x four rows, y one: shares 1/2 each of x, 1 of y -> x 1/6 each, y 2/6."""
    labels = [False] * 5 + [True]
    weights = row_weights(labels, [0] * 6, ["x"] * 4 + ["y", "z"])
    np.testing.assert_allclose(weights, np.array([1 / 6] * 4 + [2 / 6, 1]) * 3)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.sampled_from("abc")), min_size=1, max_size=60))
def test_every_bucket_and_class_weighs_the_same(rows: list[tuple[bool, int, str]]) -> None:
    labels, buckets, families = (list(column) for column in zip(*rows, strict=True))
    weights = row_weights(labels, buckets, families)
    totals: dict[tuple[bool, int], float] = {}
    for label, bucket, weight in zip(labels, buckets, weights, strict=True):
        totals[label, bucket] = totals.get((label, bucket), 0.0) + weight
    assert weights.mean() == pytest.approx(1)
    assert max(totals.values()) == pytest.approx(min(totals.values()))
