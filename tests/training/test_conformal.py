"""Conformal sets cover a new group's examples as often as they say, and are empty-handed with few groups."""

from __future__ import annotations

import numpy as np

from training import conformal


def groups_of(rng: np.random.Generator, n_groups: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Groups of uneven size with a shift of their own: (logit, labels, groups), half of them mining."""
    sizes = rng.integers(1, 30, n_groups)
    group = np.repeat(np.arange(n_groups), sizes)
    labels = group % 2 == 0
    shift = rng.normal(0, 1, n_groups)[group]
    return (
        np.where(labels, 1.5, -1.5) + shift + rng.normal(0, 1, len(group)),
        labels,
        group.astype(str).astype(object),
    )


def test_a_new_group_is_covered() -> None:
    """400 draws of 60 groups, each judged on one new example of a group of each class: 90 % and no less.

    Three standard errors of 400 draws are 4.5 points.
    """
    rng = np.random.default_rng(3)
    missed = np.zeros(2)
    for _ in range(400):
        found = conformal.limits(*groups_of(rng, 60), 0.1)
        new = np.array([1.5, -1.5]) + rng.normal(0, 1, 2) + rng.normal(0, 1, 2)
        mining, benign = found.sets(new)
        missed += [not mining[0], not benign[1]]
    assert (missed / 400 <= 0.145).all()
    assert (missed / 400 >= 0.03).all()  # not by holding everything


def test_both_or_neither_is_undecided() -> None:
    overlap = conformal.Limits(mining=-1.0, benign=1.0)
    assert overlap.undecided(np.array([-2.0, 0.0, 2.0])).tolist() == [False, True, False]
    apart = conformal.Limits(mining=1.0, benign=-1.0)
    assert apart.undecided(np.array([-2.0, 0.0, 2.0])).tolist() == [False, True, False]
    for found in (overlap, apart):
        logit = np.linspace(-3, 3, 601)
        mining, benign = found.sets(logit)
        np.testing.assert_array_equal(logit < found.clear, benign & ~mining)


def test_too_few_groups_can_clear_nobody() -> None:
    rng = np.random.default_rng(4)
    found = conformal.limits(*groups_of(rng, 10), 0.1)  # five groups a class
    assert found.clear == -np.inf


def test_a_large_group_weighs_no_more_than_a_small_one() -> None:
    labels = np.ones(1021, bool)
    labels[-1] = False
    groups = np.array(["big"] * 1000 + [f"g{i}" for i in range(20)] + ["b"], object)
    logit = np.concatenate([np.full(1000, -9.0), np.full(20, 1.0), [0.0]])
    assert conformal.limits(logit, labels, groups, 0.1).mining == 1.0
