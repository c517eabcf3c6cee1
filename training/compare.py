"""A new channel model beside old ones on the user's own rows: like with like, or not at all.

What a model says of rows that it was trained on flatters it.  So the new model is taken out of
fold, and of an old one the score that its bundle kept of each such row, given by a model that
had not seen the row's group; on rows that an old model never met it is asked as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from detector.features.channel import NAMES
from detector.model import Bundle, Thresholds, sigmoid
from detector.records import Vectors
from training import metrics
from training.dataset import Floats
from training.fit import Fitted
from training.table import Rows


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the new channel model is worth on the user's own rows, beside an old one."""

    lines: list[str]
    worse: str | None  # in what the bundle that would be replaced is better


def compare(own: Rows, fitted: Fitted, base: Bundle, standing: Bundle | None) -> Comparison:
    """New against the base, and against the bundle that would be replaced."""
    if not len(own):
        return Comparison(["no labelled channels: the channel model is that of the simulated corpus"], None)
    new = measured(own, fitted.logit[: len(own)], fitted.model.thresholds)
    lines = ["your labelled channels, out of fold (by models that had not seen their group):"]
    lines += ["  " + line for line in _told("this model", new)]
    lines += ["  " + line for line in _told(_named(own, base), of_bundle(own, base))]
    worse = metrics.better(of_bundle(own, standing), new) if standing else None
    return Comparison(lines, worse)


def of_bundle(own: Rows, bundle: Bundle) -> dict[str, Any]:
    """`measured` of an old model: as a stranger on rows that it learned from, as it is on others."""
    logit = bundle.channel.score(Vectors(NAMES, own.values)).logit
    honest = bundle.reference["channel"].held_out(own.values, logit)
    return measured(own, honest, bundle.channel.thresholds)


def measured(own: Rows, logit: Floats, limits: Thresholds) -> dict[str, Any]:
    """Rates over examples, each the maximum over its rows."""
    names, place = np.unique(own.example, return_inverse=True)
    best, label = np.full(len(names), -np.inf), np.zeros(len(names), bool)
    np.maximum.at(best, place, logit)
    np.logical_or.at(label, place, own.label == 1)
    return metrics.at_thresholds(label, sigmoid(best), limits.mining, limits.suspicious)


def _named(own: Rows, bundle: Bundle) -> str:
    known = int(bundle.reference["channel"].knows(own.values).sum())
    if not known:
        return f"{bundle.id}, as it is"
    return f"{bundle.id}, out of fold on the {known} of {len(own)} rows that it learned from"


def _told(name: str, told: Mapping[str, Any]) -> list[str]:
    lines = [f"{name}:"]
    for verdict in ("mining", "suspicious"):
        recall, alarms = told[verdict]["recall"], told[verdict]["false_alarms"]
        lines.append(f"  {verdict:<10} found {_rate(recall)}; false alarms {_rate(alarms)}")
    return lines


def _rate(rate: Mapping[str, Any]) -> str:
    if rate["value"] is None:
        return "- (none labelled)"
    return f"{rate['count']} of {rate['n']} (95 %: {rate['low']:.1%} to {rate['high']:.1%})"
