"""Positive-unlabelled weights find what was hidden; simulated, for of real sites nobody knows it."""

from __future__ import annotations

import numpy as np

from detector.features.channel import NAMES
from detector.model import sigmoid
from training import positives, table


def rows(n: int, seed: int, simulated: bool) -> tuple[table.Rows, np.ndarray]:
    """Two columns tell mining; 30 groups; and the truth."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 30, n)
    truth = group % 3 == 0
    values = rng.normal(size=(n, len(NAMES)))
    values[:, :2] += 2.0 * truth[:, None]
    names = [f"{'s' if simulated else 'r'}{g}" for g in group]
    return (
        table.Rows(
            values=values,
            label=truth.astype(np.int64),
            group=names,
            family=names,
            source=["a"] * n,
            example=[str(i) for i in range(n)],
            bucket=np.zeros(n, np.int64),
            words=np.zeros((n, len(table.WORDS)), np.int64),
            simulated=np.full(n, simulated),
            weight=np.ones(n),
            lacks=np.full((n, 3), np.nan),
            flow=np.zeros(n, np.bool_),
        ),
        truth,
    )


def test_hidden_miners_are_learned_from_as_miners() -> None:
    own, truth = rows(1500, 1, simulated=False)
    hidden = truth & (np.random.default_rng(2).random(1500) < 0.5)
    own.label[hidden] = 0
    beside, _ = rows(800, 3, simulated=True)
    told, line = positives.weighed(own, beside, seed=4)
    weight = np.zeros(1500)
    for i, name in enumerate(told.example):
        if name.endswith("/may-mine"):
            weight[int(name.split("/")[0])] = told.weight[i]
    ordinary = ~truth
    share = hidden.sum() / (hidden.sum() + ordinary.sum())
    # What the densities themselves say: two normal columns, 2 apart.
    odds = 2 * own.values[:, :2].sum(axis=1) - 4 + np.log(share / (1 - share))
    for some in (hidden, ordinary):
        assert abs(weight[some].mean() - sigmoid(odds)[some].mean()) < 0.08
    unlabelled = own.label == 0
    assert np.corrcoef(weight[unlabelled], sigmoid(odds)[unlabelled])[0, 1] > 0.9
    assert abs(weight[own.label == 0].mean() - share) < 0.08  # the prevalence among the unlabelled
    assert "unlabelled rows look like" in line
    first = told.weight[: len(own)]
    assert np.allclose(first + weight, 1.0, atol=1e-5)  # each row counts once in all


def test_elkan_and_noto_by_hand() -> None:
    """c = 0.5 and g = 1/3: (1 - c) / c * g / (1 - g) = 1/2."""
    chance = positives.mining_chance(np.array([0.5, 0.5, 1 / 3]), np.array([True, True, False]))
    np.testing.assert_allclose(chance, [1, 1, 0.5])
    assert (positives.mining_chance(sigmoid(np.linspace(-9, 9, 50)), np.arange(50) > 40) <= 1).all()
