"""Wrong labels are named and count for less; right ones of a strange group, and a few, are left alone."""

from __future__ import annotations

import numpy as np
import pytest

from detector.features.channel import NAMES
from training import doubts, table


def rows(n: int, seed: int, *, simulated: bool = False, groups: int = 10) -> table.Rows:
    """Two columns tell mining, 2 apart; groups of both classes; each example is two rows of one label."""
    rng = np.random.default_rng(seed)
    label = np.repeat((np.arange(n // 2) % 2), 2)
    values = rng.normal(size=(n, len(NAMES)))
    values[:, :2] += 2.0 * label[:, None]
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
        flow=np.zeros(n, np.bool_),
    )


NOTHING = table.concatenate([])


def truly(own: table.Rows) -> np.ndarray:
    """Log-odds of the densities themselves for the label of each row, both rows of an example together."""
    odds = (2 * own.values[:, :2].sum(axis=1) - 4).reshape(-1, 2).mean(axis=1).repeat(2)
    return np.where(own.label == 1, odds, -odds)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_wrong_labels_are_named_as_the_densities_name_them(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tenth is wrong; those that lie among the others' rows nobody can name: densities are the measure."""
    monkeypatch.setattr(doubts, "SHOWN", 1_000)
    own = rows(800, seed)
    wrong = np.repeat(np.random.default_rng(seed).random(400) < 0.1, 2)
    own.label[wrong] = 1 - own.label[wrong]
    before = own.label.copy()
    learned, lines = doubts.weighed(own, NOTHING, 2)
    named = np.isin([name.partition("#")[0] for name in own.example], [line.split(": ")[0] for line in lines])
    can_be = wrong & (truly(own) <= -doubts.AGAINST)
    assert named[can_be].mean() >= 0.75 and named[~wrong].mean() <= 0.02
    kept = learned.weight / own.weight
    assert kept[wrong].mean() < 0.3 and kept[~wrong].mean() > 0.95
    assert kept.min() >= doubts.LEAST and (own.weight == 1).all()
    np.testing.assert_array_equal(learned.label, before)  # nobody's word is changed


def test_trust_by_hand() -> None:
    """All of it unless the others speak against it; 2 / (1 + e ** 1.5) at log-odds of 1; never nothing."""
    told = doubts.trust(np.array([3.0, 0.0, -1.0, -700.0]))
    np.testing.assert_allclose(told, [1, 1, 0.36485, doubts.LEAST], atol=1e-5)


def test_a_strange_group_is_no_wrong_label() -> None:
    """A site whose miners behave as people do elsewhere: its own examples speak for it."""
    own, beside = rows(120, 1, groups=2), rows(200, 3, simulated=True)
    own.values[:, :2] = -own.values[:, :2]
    own.values[:, 9] += 30.0
    learned, lines = doubts.weighed(own, beside, 2)
    assert len(lines) <= 2 and learned.weight.mean() > 0.95


def test_too_few_to_ask_are_left_alone() -> None:
    """One example of a class: nothing else is like it."""
    learned, lines = doubts.weighed(rows(4, 1), rows(200, 3, simulated=True), 2)
    assert lines == [] and (learned.weight == 1).all()
