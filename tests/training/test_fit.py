"""Fitting: metrics are out of fold, the budget holds on strangers, nothing is learned from nothing."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from detector.model import sigmoid
from detector.records import Vectors
from training import card, judge, metrics
from training.binning import BINS, bin_numbers, edges_of, to_values
from training.dataset import DatasetError, dataset_of
from training.fit import FitError, FitSettings, fit_model, leave_out
from training.splits import SplitError

NAMES = ("a", "b", "c", "d")
SMALL = FitSettings(
    trees=25, leaves=6, min_leaf=15, max_features=1.0, forest_trees=15, forest_samples=64, folds=4
)


def draw(n: int, seed: int, shift: float = 1.5) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Column a tells mining by `shift`, b a little, c and d nothing; ten groups a class."""
    rng = np.random.default_rng(seed)
    labels = rng.random(n) < 0.4
    values = rng.normal(size=(n, 4))
    values[:, 0] += shift * labels
    values[:, 1] += 0.3 * shift * labels
    values[rng.random(values.shape) < 0.1] = np.nan
    return values, labels, [f"{label}-{g}" for label, g in zip(labels, rng.integers(0, 10, n), strict=True)]


def test_learns_what_is_there() -> None:
    fitted = fit_model(*draw(1200, 1, shift=3.0), NAMES, seed=1, settings=SMALL)
    assert fitted.metrics["auc"] > 0.95
    values, labels, _ = draw(2000, 2, shift=3.0)
    held = fitted.model.score(Vectors(NAMES, values))
    assert held.probability[labels].mean() > 0.8 > 0.2 > held.probability[~labels].mean()


def test_labels_without_meaning_give_chance() -> None:
    """A leak between training and held-out rows would show as an AUC above one half."""
    values, labels, _ = draw(1500, 3)
    groups = [str(i % 20) for i in range(1500)]
    shuffled = np.random.default_rng(4).permutation(labels)
    fitted = fit_model(values, shuffled, groups, NAMES, settings=SMALL)
    assert fitted.metrics["auc"] == pytest.approx(0.5, abs=0.06)


def test_a_group_that_gives_itself_away_does_not_help() -> None:
    """A column that is the group's number tells every label in training and nothing of a stranger."""
    rng = np.random.default_rng(5)
    group = rng.integers(0, 40, 1600)
    labels = np.isin(group, rng.permutation(40)[:20])
    values = np.column_stack([group, rng.normal(size=(1600, 3))])
    fitted = fit_model(values, labels, [str(g) for g in group], NAMES, settings=SMALL)
    assert fitted.metrics["auc"] < 0.75


def test_the_same_arguments_give_the_same_arrays() -> None:
    first, again = (fit_model(*draw(500, 6), NAMES, seed=3, settings=SMALL) for _ in range(2))
    other = fit_model(*draw(500, 6), NAMES, seed=4, settings=SMALL)
    for name, array in first.model.arrays().items():
        np.testing.assert_array_equal(array, again.model.arrays()[name])
    assert first.metrics == again.metrics
    assert not np.array_equal(first.logit, other.logit)


def test_the_false_alarm_budget_holds_on_strangers() -> None:
    settings = replace(SMALL, budget=judge.Budget(mining_fpr=0.01, suspicious_fpr=0.05))
    values, labels, groups = draw(2500, 7)
    simulated = np.ones(2500, bool)
    fitted = fit_model(values, labels, groups, NAMES, simulated=simulated, settings=settings)
    fresh, truth, _ = draw(20_000, 8)
    probability = fitted.model.score(Vectors(NAMES, fresh)).probability[~truth]
    limits = fitted.model.thresholds
    assert 0.003 < (probability >= limits.mining).mean() < 0.03
    assert 0.025 < (probability >= limits.suspicious).mean() < 0.10
    told = fitted.metrics["suspicious"]["false_alarms"]
    assert told["low"] <= 0.05 <= told["high"]


def test_mining_begins_above_every_real_benign_example() -> None:
    values, labels, groups = draw(800, 9)
    fitted = fit_model(values, labels, groups, NAMES, settings=SMALL)
    highest = fitted.logit[~labels].max()
    assert fitted.model.thresholds.mining == pytest.approx(sigmoid(highest + SMALL.budget.real_margin))
    assert fitted.metrics["highest_real_benign_logit"] == metrics.rounded(float(highest))


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 0.9), (0.24, 0.9), (0.25, 0.7), (0.5, 0.4), (0.99, 0.1), (1.0, None)]
)
def test_allowing_by_hand(share: float, expected: float | None) -> None:
    """Of 0.1 0.4 0.7 0.9 at most `share` may be at or above the threshold."""
    limit = judge.allowing(np.array([0.4, 0.9, 0.1, 0.7]), share)
    assert limit == (0.0 if expected is None else np.nextafter(expected, 1))


def test_allowing_with_ties_never_exceeds_the_share() -> None:
    scores = np.array([0.5] * 10 + [0.2] * 10)
    assert (scores >= judge.allowing(scores, 0.1)).mean() == 0.0


def test_an_example_is_judged_by_its_highest_row() -> None:
    """Five rows an example: thresholds are of examples, so that length is no excuse."""
    values, labels, groups = draw(2000, 10)
    order = np.argsort(labels, kind="stable")
    values, labels = values[order], labels[order]
    benign = int((~labels).sum()) // 5 * 5
    keep = np.r_[0:benign, len(labels) - int(labels.sum()) // 5 * 5 : len(labels)]
    values, labels = values[keep], labels[keep]
    examples = [str(i // 5) for i in range(len(labels))]
    groups = [f"{label}{i // 5 % 10}" for i, label in enumerate(labels)]
    settings = replace(SMALL, budget=judge.Budget(mining_fpr=0.05, suspicious_fpr=0.10))
    fitted = fit_model(
        values,
        labels,
        groups,
        NAMES,
        examples=examples,
        simulated=np.ones(len(labels), bool),
        settings=settings,
    )
    highest = fitted.logit[: benign // 5 * 5].reshape(-1, 5).max(axis=1)
    share = (sigmoid(highest) >= fitted.model.thresholds.suspicious).mean()
    assert 0.05 < share <= 0.10
    assert fitted.metrics["suspicious"]["false_alarms"]["n"] == benign // 5


def test_monotone_columns_never_lower_the_score() -> None:
    fitted = fit_model(*draw(800, 11), NAMES, monotone={"a": 1, "b": -1}, settings=SMALL)
    base = draw(40, 12)[0]
    for column, sign in ((0, 1), (1, -1)):
        steps = np.repeat(base, 25, axis=0)
        steps[:, column] = np.tile(np.linspace(-4, 4, 25), 40)
        trees = fitted.model.booster
        novelty = np.full(len(steps), 0.3)  # held still: the forest is not monotone
        raw = trees.walk(np.column_stack([steps, novelty]), 0.0).reshape(40, 25)
        assert (np.diff(raw, axis=1) * sign >= -1e-12).all()
        assert np.ptp(raw, axis=1).max() > 0.1


def test_held_out_groups_are_scored_by_strangers() -> None:
    data = dataset_of(*draw(900, 13), NAMES)
    held = {"True-3", "False-4"}
    fitted, mask, scores = leave_out(data, held, settings=SMALL)
    assert set(data.groups[mask].tolist()) == held
    assert len(scores.logit) == mask.sum()
    assert fitted.metrics["groups"] == 18
    with pytest.raises(FitError, match="no rows of the groups"):
        leave_out(data, {"nobody"}, settings=SMALL)
    with pytest.raises(FitError, match="one class"):
        leave_out(data, {f"True-{i}" for i in range(10)}, settings=SMALL)


def test_few_rows_and_empty_columns_can_be_fitted() -> None:
    values, labels, _ = draw(40, 14)
    values[:, 3] = np.nan
    fitted = fit_model(values, labels, [f"{y}{i % 3}" for i, y in enumerate(labels)], NAMES, settings=SMALL)
    assert np.isfinite(fitted.model.score(Vectors(NAMES, np.full((2, 4), 7.0))).logit).all()


BAD = {
    "one class": ({"labels": np.ones(400, bool)}, DatasetError, "all 400 rows are mining"),
    "one group": ({"groups": ["a"] * 400}, SplitError, "1 group"),
    "short": ({"groups": ["a"] * 399}, DatasetError, "columns differ"),
    "weights": ({"weights": np.zeros(400)}, DatasetError, "above 0"),
    "both labels": ({"examples": ["a"] * 400, "groups": ["g"] * 400}, DatasetError, "both labels"),
    "sign of nothing": ({"monotone": {"z": 1}}, FitError, "unknown columns: z"),
    "sign": ({"monotone": {"a": 2}}, FitError, "-1, 0 or 1"),
}


@pytest.mark.parametrize("case", BAD)
def test_rows_that_cannot_be_fitted(case: str) -> None:
    changed, error, told = BAD[case]
    values, labels, groups = draw(400, 15)
    arguments = {"values": values, "labels": labels, "groups": groups, "names": NAMES, "settings": SMALL}
    with pytest.raises(error, match=told):
        fit_model(**(arguments | changed))  # type: ignore[arg-type]


def test_metrics_are_json_and_the_card_tells_them() -> None:
    values, labels, groups = draw(600, 16)
    simulated = np.arange(600) % 2 == 0
    fitted = fit_model(values, labels, groups, NAMES, simulated=simulated, settings=SMALL)
    json.dumps(fitted.metrics, allow_nan=False)
    found = [rate["value"] for rate in fitted.metrics["recall_by_group"].values()]
    assert len(found) == 10
    assert fitted.metrics["recall_mean_of_groups"] == pytest.approx(sum(found) / 10)
    data = [
        {"name": "campus | x\n# y", "rows": 600, "simulated": True, "sha256": "ab" * 32, "licence": "CC0"}
    ]
    text = card.text("id-1", "2026-11-22", {"channel": fitted}, data)
    assert "campus \\| x # y | **simulated** | CC0 | 600" in text
    assert "50% of the examples are **simulated**" in text
    assert f"| mining | {fitted.model.thresholds.mining:.4f} | 0.10% of benign |" in text


def test_bins_keep_the_order_of_values() -> None:
    values = np.column_stack([np.random.default_rng(0).normal(size=5000), np.arange(5000) % 7])
    values[::50, 0] = np.nan
    edges = edges_of(values)
    assert [len(edge) for edge in edges] == [BINS - 1, 6]
    bins = bin_numbers(values, edges)
    assert np.isnan(bins[::50, 0]).all()
    known = ~np.isnan(values[:, 0])
    order = np.argsort(values[known, 0])
    assert (np.diff(bins[known, 0][order]) >= 0).all()
    assert np.bincount(bins[known, 0].astype(int)).max() < 30  # about 19 a bin
    assert to_values(np.array([2.5, np.inf]), np.array([1, 1]), edges).tolist() == [edges[1][2], np.inf]


def test_own_bins_rank_like_scikit_learns() -> None:
    """Binning by quantiles of its own loses nothing against scikit-learn's on the raw values."""
    values, labels, groups = draw(2000, 17)
    fitted = fit_model(values, labels, groups, NAMES, settings=SMALL)
    fresh, truth, _ = draw(4000, 18)
    plain = HistGradientBoostingClassifier(max_iter=25, max_leaf_nodes=6, learning_rate=0.12, random_state=0)
    theirs = plain.fit(values, labels).decision_function(fresh)
    ours = fitted.model.score(Vectors(NAMES, fresh)).logit
    assert judge.metrics.auc(truth, ours) > judge.metrics.auc(truth, theirs) - 0.01
