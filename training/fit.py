"""Fit one model on feature rows: forest, boosting, calibration, thresholds, honest metrics.

Everything reported is out of fold: a group is never on both sides.  The isolation forest is
fitted again in every fold, so that a held-out row gets the novelty of a stranger.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from detector.model import Model, Thresholds, forest_input
from detector.records import Scores, Vectors
from detector.reference import Reference
from training import export, judge
from training.binning import bin_numbers, edges_of
from training.budget import Budget
from training.calibration import platt
from training.carried import reference_of
from training.dataset import Dataset, Floats, Mask, dataset_of
from training.splits import grouped_folds

UNSET = Thresholds(1.0, 1.0, 1.0)


class FitError(ValueError):
    """What was asked cannot be fitted; one line that says why."""


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How a model is fitted.  Defaults are those of the behaviour spike unless a reason is given."""

    trees: int = 130
    leaves: int = 16
    learning_rate: float = 0.12
    l2: float = 3.0
    max_features: float = 0.25  # of the columns, drawn anew at each split
    min_leaf: int = 30  # rows; fewer where there are fewer than 1 500
    forest_trees: int = 100
    forest_samples: int = 256
    quantiles: int = 1_001  # of the forest's anomaly, kept for the percentile
    folds: int = 6
    budget: Budget = field(default_factory=Budget)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model with what was measured on it.  `logit`, `novelty` (n,) are out of fold, one a row."""

    model: Model
    logit: Floats  # calibrated
    novelty: Floats
    metrics: dict[str, Any]
    seed: int
    settings: FitSettings
    monotone: Mapping[str, int]
    reference: Reference
    apart: tuple[Thresholds, dict[str, Any]] | None = None  # of rows that are judged by themselves

    def entry(self, **about: Any) -> export.Entry:
        """For `export.save_bundle`; `about` is added to what the manifest says of this model."""
        settings = asdict(self.settings)
        told = {
            "budget": settings.pop("budget"),
            "settings": settings,
            "monotone": dict(self.monotone),
            "seed": self.seed,
            "metrics": self.metrics,
        }
        return export.Entry(self.model, told | about, self.reference)


def fit_model(
    values: ArrayLike,
    labels: ArrayLike,
    groups: Sequence[str],
    names: Sequence[str],
    *,
    examples: Sequence[str] | None = None,
    simulated: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    days: ArrayLike | None = None,
    accusable: ArrayLike | None = None,
    lookalike: ArrayLike | None = None,
    monotone: Mapping[str, int] | None = None,
    seed: int = 0,
    settings: FitSettings | None = None,
) -> Fitted:
    """A calibrated model of `values` (n, F), NaN = unknown, with out-of-fold metrics.

    labels: True = mining.  groups: never on both sides.  examples: which rows are judged together.
    days: (n,) that a row looks back on, for a budget in host-days.
    accusable: (n,) rows that findings may call mining at this score; others are no false alarms.
    lookalike: (n,) benign rows that the budget counts as look-alikes (default: what is simulated).
    monotone: sign of the columns of which more must never lower (+1) or raise (-1) the score.
    The same arguments give the same arrays.  Raises DatasetError, SplitError, FitError.
    """
    rows = dataset_of(values, labels, groups, names, examples=examples, simulated=simulated, weights=weights)
    return fit_rows(
        rows,
        days=days,
        accusable=accusable,
        lookalike=lookalike,
        monotone=monotone,
        seed=seed,
        settings=settings,
    )


def leave_out(
    rows: Dataset,
    held: Collection[str],
    *,
    monotone: Mapping[str, int] | None = None,
    seed: int = 0,
    settings: FitSettings | None = None,
) -> tuple[Fitted, Mask, Scores]:
    """A model that never saw the groups `held`, the mask of their rows, and its scores of them."""
    mask = np.isin(rows.groups, list(held))
    if not mask.any():
        raise FitError(f"no rows of the groups {', '.join(sorted(held))}")
    rest = rows.take(~mask)
    if not rest.labels.any() or rest.labels.all():
        raise FitError("without the groups held out only one class is left")
    fitted = fit_rows(rest, monotone=monotone, seed=seed, settings=settings)
    return fitted, mask, fitted.model.score(Vectors(rows.names, rows.values[mask]))


def fit_rows(
    rows: Dataset,
    *,
    days: ArrayLike | None = None,
    accusable: ArrayLike | None = None,
    lookalike: ArrayLike | None = None,
    monotone: Mapping[str, int] | None = None,
    seed: int = 0,
    settings: FitSettings | None = None,
    apart: ArrayLike | None = None,
) -> Fitted:
    """`fit_model` on checked rows.

    apart: (n,) rows that are learned from as all are, and judged by themselves: thresholds and rates of the
    others do not count them.
    """
    import sklearn.ensemble  # noqa: F401, PLC0415  (the limit below holds for what is loaded)
    from threadpoolctl import threadpool_limits  # noqa: PLC0415  (comes with scikit-learn)

    chosen = settings or FitSettings()
    signs = _signs(rows.names, monotone or {})
    with threadpool_limits(1):  # the order of sums, and so their last bits, depends on the threads
        strange = out_of_fold(rows, signs, seed, chosen)
        bare = fit_bare(rows, signs, seed, chosen)
    slope, offset = platt(strange.raw, rows.labels, rows.weights)
    logit = slope * strange.raw + offset
    beside = (
        None if days is None else np.asarray(days, np.float64),
        None if accusable is None else np.asarray(accusable, bool),
        None if lookalike is None else np.asarray(lookalike, bool),
    )
    alone = None if apart is None or not np.any(apart) or np.all(apart) else np.asarray(apart, bool)
    rest, other = None if alone is None else ~alone, None
    limits, told = _judged(rows, logit, strange, beside, budget=chosen.budget, which=rest)
    if alone is not None:
        other = _judged(rows, logit, strange, beside, budget=chosen.budget, which=alone)
    model = replace(bare, slope=slope, offset=offset, thresholds=limits)
    told["calibration"] = {"slope": slope, "offset": offset}
    reference = reference_of(rows, logit)
    return Fitted(model, logit, strange.novelty, told, seed, chosen, dict(monotone or {}), reference, other)


def _judged(
    rows: Dataset,
    logit: Floats,
    strange: judge.OutOfFold,
    beside: Sequence[Any],
    *,
    budget: Budget,
    which: Mask | None,
) -> tuple[Thresholds, dict[str, Any]]:
    """Thresholds and what was measured; of some of the rows where `which` is given.

    beside: days, accusable and lookalike, each (n,) or None.
    """
    if which is not None:
        rows, logit = rows.take(which), logit[which]
        strange = judge.OutOfFold(strange.raw[which], strange.novelty[which], strange.fold[which])
        beside = tuple(None if one is None else one[which] for one in beside)
    days, may, nasty = beside
    examples = judge.examples_of(rows, logit, strange, days=days, accusable=may, lookalike=nasty)
    limits = judge.thresholds(examples, budget)
    return limits, judge.measure(rows, strange, examples, limits, budget)


def out_of_fold(rows: Dataset, signs: list[int], seed: int, settings: FitSettings) -> judge.OutOfFold:
    """Raw log-odds and novelty of every row by a model that never saw its group."""
    n = len(rows)
    raw, novelty, fold = np.full(n, np.nan), np.full(n, np.nan), np.zeros(n, np.int64)
    folds = grouped_folds(rows.labels, rows.groups.tolist(), settings.folds, seed)
    for number, (train, held) in enumerate(folds):
        model = fit_bare(rows.take(train), signs, seed, settings)
        scores = model.score(Vectors(rows.names, rows.values[held]))
        raw[held], novelty[held], fold[held] = scores.logit, scores.novelty, number
    return judge.OutOfFold(raw, novelty, fold)


def fit_bare(rows: Dataset, signs: list[int], seed: int, settings: FitSettings) -> Model:
    """Forest, then boosting on the columns and the forest's percentile; not calibrated, no thresholds."""
    from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest  # noqa: PLC0415  (heavy)

    fill = medians(rows.values)
    seen = forest_input(rows.values, fill)
    isolation = IsolationForest(
        n_estimators=settings.forest_trees,
        max_samples=min(settings.forest_samples, len(rows)),
        random_state=seed,
    ).fit(seen)
    forest, scale = export.forest(isolation)
    anomaly = 2 ** -(forest.walk(seen, 0.0) / scale)
    steps = np.linspace(0, 1, settings.quantiles)
    ordinary = np.maximum.accumulate(np.quantile(anomaly, steps))  # rounding may turn equal ones round
    boosting = HistGradientBoostingClassifier(
        max_iter=settings.trees,
        max_leaf_nodes=settings.leaves,
        learning_rate=settings.learning_rate,
        l2_regularization=settings.l2,
        max_features=settings.max_features,
        min_samples_leaf=max(2, min(settings.min_leaf, len(rows) // 50)),
        monotonic_cst=[*signs, 0],
        early_stopping=False,
        random_state=seed,
    )
    del seen  # as large as the table
    columns = np.column_stack([rows.values, np.interp(anomaly, ordinary, steps)])
    edges = edges_of(columns)
    columns = bin_numbers(columns, edges)
    boosting.fit(columns, rows.labels, sample_weight=rows.weights)
    booster, base = export.booster(boosting, edges)
    return Model(rows.names, booster, base, forest, scale, fill, ordinary, 1.0, 0.0, UNSET)


def _signs(names: Sequence[str], monotone: Mapping[str, int]) -> list[int]:
    unknown = sorted(set(monotone) - set(names))
    if unknown:
        raise FitError(f"monotone signs of unknown columns: {', '.join(unknown)}")
    if not set(monotone.values()) <= {-1, 0, 1}:
        raise FitError("monotone signs are -1, 0 or 1")
    return [monotone.get(name, 0) for name in names]


def medians(values: Floats) -> Floats:
    """Median of each column over what is known and finite, 0 where nothing is; (F,)."""
    finite = np.where(np.isfinite(values), values, np.nan)
    known = np.isfinite(finite).any(axis=0)
    out = np.zeros(values.shape[1])
    out[known] = np.nanmedian(finite[:, known], axis=0)
    return out
