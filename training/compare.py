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

from detector.model import Bundle, Thresholds, sigmoid
from training import metrics
from training.dataset import Floats
from training.fit import Fitted
from training.table import Rows, select, vectors


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the new channel model is worth on the user's own rows, beside an old one."""

    lines: list[str]
    worse: str | None  # in what the bundle that would be replaced is better


def compare(own: Rows, fitted: Fitted, base: Bundle, standing: Bundle | None) -> Comparison:
    """New against the base, and against the bundle that would be replaced; kind of source by kind."""
    if not len(own):
        return Comparison(["no labelled channels: the channel model is that of the simulated corpus"], None)
    logit, lines, worse = fitted.logit[: len(own)], [], None
    limits = {False: fitted.model.thresholds, True: fitted.apart[0] if fitted.apart else None}
    for flow, what in ((False, "channels"), (True, "channels of flow logs")):
        mine, limit = select(own, own.flow == flow), limits[flow]
        if not len(mine) or limit is None:
            continue
        new = measured(mine, logit[own.flow == flow], limit)
        lines.append(f"your labelled {what}, out of fold (by models that had not seen their group):")
        lines += ["  " + line for line in _told("this model", new)]
        lines += ["  " + line for line in _of_base(mine, base, flow=flow)]
        if standing and (limits_of(standing, flow=flow)):
            worse = worse or metrics.better(of_bundle(mine, standing, flow=flow), new)
    return Comparison(lines, worse)


def limits_of(bundle: Bundle, *, flow: bool) -> Thresholds | None:
    """The thresholds of an old model for one kind of source; None where it has no say in it."""
    if not flow:
        return bundle.channel.thresholds
    own = bundle.flows
    if own is None:
        return None
    return Thresholds(1.0 if own.mining is None else own.mining, own.suspicious, own.novelty)


def of_bundle(own: Rows, bundle: Bundle, *, flow: bool = False) -> dict[str, Any]:
    """`measured` of an old model: as a stranger on rows that it learned from, as it is on others."""
    limits, asked = limits_of(bundle, flow=flow), vectors(own, bundle.channel.names)
    assert limits is not None, "asked of what it has a say in"
    honest = bundle.reference["channel"].held_out(asked.values, bundle.channel.score(asked).logit)
    return measured(own, honest, limits)


def _of_base(own: Rows, base: Bundle, *, flow: bool) -> list[str]:
    if limits_of(base, flow=flow) is None:
        return [f"{base.id}: did not learn from flow logs, and has no say in them"]
    return _told(_named(own, base), of_bundle(own, base, flow=flow))


def measured(own: Rows, logit: Floats, limits: Thresholds) -> dict[str, Any]:
    """Rates over examples, each the maximum over its rows."""
    names, place = np.unique(own.example, return_inverse=True)
    best, label = np.full(len(names), -np.inf), np.zeros(len(names), bool)
    np.maximum.at(best, place, logit)
    np.logical_or.at(label, place, own.label == 1)
    return metrics.at_thresholds(label, sigmoid(best), limits.mining, limits.suspicious)


def _named(own: Rows, bundle: Bundle) -> str:
    known = int(bundle.reference["channel"].knows(vectors(own, bundle.channel.names).values).sum())
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
