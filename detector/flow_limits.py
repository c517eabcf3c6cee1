"""From which scores on rows of flow logs accuse, by what the manifest says of them.

A threshold that was set on captures is none for flow logs: rows without messages score otherwise.  So a
bundle that learned from labelled flow logs keeps limits of their own, set on groups held out, and one
that did not has none: then the channel model has no say in rows of flow logs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FLOW = "flow"
CAPTURE = "capture"


@dataclass(frozen=True, slots=True)
class FlowLimits:
    """On the calibrated probability of the channel model; `novelty` on the forest's share.  All 0..1."""

    mining: float | None  # None: the labels do not support one, so nobody is called mining by flow logs
    suspicious: float
    novelty: float
    groups: int  # labelled ones that the rows came from

    def __post_init__(self) -> None:
        known = {"suspicious": self.suspicious, "novelty": self.novelty}
        for name, value in (
            known.items() if self.mining is None else (known | {"mining": self.mining}).items()
        ):
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
                raise ValueError(f"limit {name} of flow rows is {value!r:.80}, not a number from 0 to 1")
        if self.mining is not None and self.suspicious > self.mining:
            raise ValueError(f"limit suspicious {self.suspicious} of flow rows is above mining {self.mining}")
        if isinstance(self.groups, bool) or not isinstance(self.groups, int) or self.groups < 1:
            raise ValueError(f"flow rows of {self.groups!r:.80} groups")

    def as_wanted(self, own: Mapping[str, float]) -> FlowLimits:
        """With an organisation's own thresholds: they raise these, and never lower what was measured."""
        suspicious = max(self.suspicious, own.get("suspicious", 0.0))
        if self.mining is None:
            return FlowLimits(None, suspicious, self.novelty, self.groups)
        mining = max(self.mining, suspicious, own.get("mining", 0.0))
        return FlowLimits(mining, suspicious, self.novelty, self.groups)


def flow_limits(manifest: Mapping[str, Any]) -> FlowLimits | None:
    """The limits of a bundle; None where it did not learn from flow logs.  Raises ValueError, KeyError."""
    sources = manifest["models"]["channel"].get("sources", {})
    if not isinstance(sources, Mapping):
        raise ValueError("manifest.json: channel: sources is no table")
    about = sources.get(FLOW)
    if about is None:
        return None
    if not isinstance(about, Mapping) or not isinstance(about.get("limits"), Mapping):
        raise ValueError("manifest.json: channel: flow rows without limits")
    told = about["limits"]
    unknown = set(told) ^ {"mining", "suspicious", "novelty"}
    if unknown or any(isinstance(value, float) and math.isnan(value) for value in told.values()):
        raise ValueError("manifest.json: channel: limits of flow rows are mining, suspicious and novelty")
    return FlowLimits(told["mining"], told["suspicious"], told["novelty"], about["groups"])
