"""From which kinds of source a channel model learned: captures, flow logs; and what its flow rows support.

Rows of both are fitted together and judged apart: a threshold of one kind is none of the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from detector.flow_limits import CAPTURE, FLOW
from training import table
from training.fit import Fitted
from training.labels import LABELS
from training.table import Rows

FEWEST_GROUPS = 2  # of each class: fewer cannot be held out, and a limit would be set on what was learnt


def learnable(own: Rows) -> tuple[Rows, list[str]]:
    """The labelled rows, less those of flow logs where they cannot be judged; a line where that is so."""
    if not own.flow.any():
        return own, []
    groups = np.array(own.group, object)
    for value, name in enumerate(reversed(LABELS)):
        count = len(set(groups[own.flow & (own.label == value)].tolist()))
        if count < FEWEST_GROUPS:
            told = (
                f"flow logs: {name} channels come from {count} group(s); at least {FEWEST_GROUPS} of each"
                " class are needed to set limits on groups held out: nothing is learnt from flow logs"
            )
            return table.of_packets(own), [told]
    return own, []


def described(rows: Rows, own: Rows, channel: Fitted) -> dict[str, Any]:
    """For the manifest: rows and groups of each kind that was learnt from, and the limits of flow rows.

    own: those of `rows` that the user labelled.
    """
    told = {CAPTURE: _counted(rows, ~rows.flow)}
    if channel.apart is None:
        return told
    limits, metrics = channel.apart
    supported = bool(metrics["budget"]["supported"])
    told[FLOW] = _counted(rows, rows.flow) | {
        "groups": len({group for group, flow in zip(own.group, own.flow.tolist(), strict=True) if flow}),
        "limits": {
            "mining": limits.mining if supported else None,
            "suspicious": limits.suspicious,
            "novelty": limits.novelty,
        },
        "metrics": metrics,
    }
    return told


def _counted(rows: Rows, of: np.ndarray[Any, np.dtype[np.bool_]]) -> dict[str, Any]:
    labelled = of & ~rows.simulated
    groups = np.array(rows.group, object)
    return {
        "rows": int(of.sum()),
        "mining_rows": int(rows.label[of].sum()),
        "groups": len(set(groups[labelled].tolist())),
        "simulated_rows": int((of & rows.simulated).sum()),
    }


def lines(told: Mapping[str, Any]) -> Iterator[str]:
    """The same in words, for the card and the terminal."""
    for kind, name in ((CAPTURE, "captures"), (FLOW, "flow logs")):
        if kind in told:
            of = told[kind]
            yield (
                f"The channel model learned from {of['rows']} rows of {name}, {of['mining_rows']} of them"
                f" mining: {of['rows'] - of['simulated_rows']} labelled, of {of['groups']} groups, and"
                f" {of['simulated_rows']} simulated."
            )
    if FLOW in told:
        yield from _limits(told[FLOW])
    else:
        yield "It did not learn from flow logs, and has no say in them."


def _limits(flow: Mapping[str, Any]) -> Iterator[str]:
    limits, metrics = flow["limits"], flow["metrics"]
    suspicious = f"suspicious from {limits['suspicious']:.4f}"
    if limits["mining"] is None:
        asked, recorded = metrics["budget"]["asked"], metrics["budget"]["benign"]["recorded"]
        yield (
            f"By flow logs alone: {suspicious}, and nobody is called mining, for {recorded} labelled benign"
            f" channels cannot promise {asked}."
        )
    else:
        yield f"By flow logs alone: mining from {limits['mining']:.4f}, {suspicious}."
    for level in ("mining", "suspicious"):
        rates = metrics[level]
        yield (
            f"Of channels of flow logs that were kept up, out of fold, at `{level}`: found"
            f" {_rate(rates['recall'])}, of labelled {_rate(rates['recall_real'])}; false alarms"
            f" {_rate(rates['false_alarms'])}, of labelled {_rate(rates['false_alarms_real'])}."
        )


def _rate(rate: Mapping[str, Any]) -> str:
    if rate["value"] is None:
        return "none seen"
    return f"{rate['count']} of {rate['n']} (95 %: {rate['low']:.1%} to {rate['high']:.1%})"
