"""Wrong labels are named; right ones of a strange group, and a few, are left alone."""

from __future__ import annotations

import numpy as np

from detector.features.channel import NAMES
from training import doubts, table


def rows(n: int, seed: int, *, simulated: bool = False, groups: int = 10) -> table.Rows:
    """Six columns tell mining; groups of both classes; each example is two rows of one label."""
    rng = np.random.default_rng(seed)
    label = np.repeat((np.arange(n // 2) % 2), 2)
    values = rng.normal(size=(n, len(NAMES)))
    values[:, :6] += 2.0 * label[:, None]
    return table.Rows(
        values=values,
        label=label.astype(np.int64),
        group=[f"g{i // 2 % groups}" for i in range(n)],
        family=["f"] * n,
        source=["a"] * n,
        example=[f"a.pcap:{i // 2}#00" for i in range(n)],
        bucket=np.zeros(n, np.int64),
        words=np.zeros((n, len(table.WORDS)), np.int64),
        simulated=np.full(n, simulated),
        weight=np.ones(n),
        lacks=np.full((n, 3), np.nan),
    )


NOTHING = table.concatenate([])


def test_wrong_labels_are_named_and_right_ones_are_not() -> None:
    own = rows(200, 1)
    wrong = np.repeat(np.arange(100) % 10 == 3, 2)
    own.label[wrong] = 1 - own.label[wrong]
    before = own.label.copy()
    named = {line.split(": ")[0] for line in doubts.named(own, NOTHING, 2)}
    planted = {f"a.pcap:{i}" for i in range(3, 100, 10)}
    assert len(named & planted) >= 7 and len(named - planted) <= 2
    np.testing.assert_array_equal(own.label, before)  # nobody's word is changed


def test_a_strange_group_is_no_wrong_label() -> None:
    """A site whose miners behave as people do elsewhere: its own examples speak for it."""
    own, beside = rows(120, 1, groups=2), rows(200, 3, simulated=True)
    own.values[:, :6] = -own.values[:, :6]
    own.values[:, 9] += 30.0
    assert len(doubts.named(own, beside, 2)) <= 2


def test_too_few_to_ask_are_left_alone() -> None:
    """One example of a class: nothing else is like it."""
    assert doubts.named(rows(4, 1), rows(200, 3, simulated=True), 2) == []
