"""Rates with their bounds, ranking and calibration: the numbers a model is judged by.

Every rate carries its n and a 95 % bound.  Labels are True for mining.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

CONFIDENCE = 0.95
DIGITS = 6  # significant ones, of a metric that is kept
TOLERANCE = 0.01  # of recall or average precision: below it two models are alike


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` out of `n` (or per unit of exposure), with a two-sided 95 % bound."""

    count: int
    n: float
    value: float | None  # None when n is 0
    low: float | None
    high: float | None

    def document(self) -> dict[str, float | int | None]:
        """As it stands in the manifest."""
        return asdict(self)


def clopper_pearson(count: int, n: int, confidence: float = CONFIDENCE) -> Rate:
    """The exact binomial interval (Clopper and Pearson 1934).  0 <= count <= n, else ValueError."""
    from scipy.special import betaincinv  # noqa: PLC0415  (heavy)

    if not 0 <= count <= n:
        raise ValueError(f"{count} of {n}")
    if n == 0:
        return Rate(0, 0, None, None, None)
    tail = (1 - confidence) / 2
    low = 0.0 if count == 0 else float(betaincinv(count, n - count + 1, tail))
    high = 1.0 if count == n else float(betaincinv(count + 1, n - count, 1 - tail))
    return Rate(count, n, count / n, low, high)


def per_thousand_host_days(alarms: int, host_days: float, confidence: float = CONFIDENCE) -> Rate:
    """False alarms per 1 000 host-days with the exact Poisson interval (Garwood 1936)."""
    from scipy.special import gammaincinv  # noqa: PLC0415  (heavy)

    if alarms < 0 or host_days < 0:
        raise ValueError(f"{alarms} alarms in {host_days} host-days")
    if host_days == 0:
        return Rate(alarms, 0.0, None, None, None)
    tail = (1 - confidence) / 2
    low = 0.0 if alarms == 0 else float(gammaincinv(alarms, tail))
    high = float(gammaincinv(alarms + 1, 1 - tail))
    per = 1000 / host_days
    return Rate(alarms, host_days, alarms * per, low * per, high * per)


def precision_at(
    prevalence: float, recall: Mapping[str, Any], false_alarms: Mapping[str, Any]
) -> dict[str, float | None]:
    """Share of alarms that are right where `prevalence` (0..1) of hosts mine, from two documents of rates.

    low: the worst of both bounds together (at least 90 % sure), high the best.  None where one is unknown.
    """
    out: dict[str, float | None] = {}
    for name, found, alarmed in (
        ("value", "value", "value"),
        ("low", "low", "high"),
        ("high", "high", "low"),
    ):
        hit, false = recall[found], false_alarms[alarmed]
        if hit is None or false is None or hit + false == 0:
            out[name] = None
            continue
        right = prevalence * hit
        out[name] = float(right / (right + (1 - prevalence) * false)) if right else 0.0
    return out


def brier(labels: ArrayLike, probability: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Weighted mean squared error of probabilities (Brier 1950); 0 is perfect."""
    error = (np.asarray(probability, float) - np.asarray(labels, float)) ** 2
    return float(np.average(error, weights=None if weights is None else np.asarray(weights, float)))


def expected_calibration_error(
    labels: ArrayLike, probability: ArrayLike, weights: ArrayLike | None = None, bins: int = 15
) -> float:
    """Mean distance of observed share and stated probability over equally wide bins (Naeini et al. 2015)."""
    y, p = np.asarray(labels, float), np.asarray(probability, float)
    w = np.ones(len(y)) if weights is None else np.asarray(weights, float)
    place = np.minimum((p * bins).astype(int), bins - 1)
    error = np.bincount(place, w * (y - p), minlength=bins)  # (bins,) weighted surplus of observed mining
    return float(np.abs(error).sum() / w.sum())


def average_precision(labels: ArrayLike, scores: ArrayLike) -> float:
    """Area under precision and recall as a sum of steps; equal scores are one step.  NaN without mining."""
    y, s = np.asarray(labels, bool), np.asarray(scores, float)
    if not y.any():
        return float("nan")
    order = np.argsort(-s, kind="stable")
    y, s = y[order], s[order]
    ends = np.append(np.flatnonzero(np.diff(s)), len(s) - 1)  # last row of each run of equal scores
    hits = np.cumsum(y)[ends]
    precision = hits / (ends + 1)
    return float(np.sum(np.diff(hits, prepend=0) * precision) / hits[-1])


def auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Chance that a mining row scores above a benign one, ties half.  NaN when a class is missing."""
    y = np.asarray(labels, bool)
    _, place, size = np.unique(np.asarray(scores, float), return_inverse=True, return_counts=True)
    rank = (np.cumsum(size) - (size - 1) / 2)[place]  # mean rank of equal scores, from 1
    mining, benign = int(y.sum()), int((~y).sum())
    if not mining or not benign:
        return float("nan")
    return float((rank[y].sum() - mining * (mining + 1) / 2) / (mining * benign))


def at_thresholds(
    labels: ArrayLike, probability: ArrayLike, mining: float, suspicious: float
) -> dict[str, Any]:
    """False-alarm rate and recall of examples at both thresholds, and the ranking measures."""
    y, p = np.asarray(labels, bool), np.asarray(probability, float)
    out: dict[str, Any] = {}
    for name, threshold in (("mining", mining), ("suspicious", suspicious)):
        hit = p >= threshold
        out[name] = {
            "false_alarms": clopper_pearson(int((hit & ~y).sum()), int((~y).sum())).document(),
            "recall": clopper_pearson(int((hit & y).sum()), int(y.sum())).document(),
        }
    return out | {"average_precision": finite(average_precision(y, p)), "auc": finite(auc(y, p))}


def finite(value: float) -> float | None:
    """None for NaN: what is not known is null in a manifest."""
    return value if np.isfinite(value) else None


def rounded(told: Any) -> Any:
    """The same document with every float to DIGITS significant digits."""
    if isinstance(told, Mapping):
        return {name: rounded(value) for name, value in told.items()}
    if isinstance(told, list):
        return [rounded(value) for value in told]
    return float(f"{told:.{DIGITS}g}") if isinstance(told, float) else told


def better(old: Mapping[str, Any], new: Mapping[str, Any]) -> str | None:
    """One line that says in what the old model is better than the new one, None when in nothing.

    Both are documents of `at_thresholds` over the same rows.  False alarms weigh first, then
    recall, then average precision; differences below TOLERANCE of the last two are none.
    """
    alarms = [m["mining"]["false_alarms"] for m in (old, new)]
    if alarms[0]["n"] != alarms[1]["n"]:
        raise ValueError(f"metrics of different rows: {alarms[0]['n']} and {alarms[1]['n']} benign examples")
    if alarms[1]["count"] > alarms[0]["count"]:
        counts = f"{alarms[0]['count']} against {alarms[1]['count']} of {alarms[0]['n']}"
        return f"the old model calls fewer benign examples mining: {counts}"
    recall = [m["mining"]["recall"]["value"] for m in (old, new)]
    if None not in recall and recall[0] - recall[1] > TOLERANCE:
        return f"the old model finds more of the mining examples: {recall[0]:.1%} against {recall[1]:.1%}"
    precision = [m["average_precision"] for m in (old, new)]
    if None not in precision and precision[0] - precision[1] > TOLERANCE:
        return f"the old model ranks better: average precision {precision[0]:.3f} against {precision[1]:.3f}"
    return None
