"""Hosts, channels and meters as the ledger remembers them, and a bundle whose scores a test sets."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from detector.features import channel, fusion, power
from detector.findings.ledger import ChannelRecord, Ledger, PowerRecord
from detector.findings.roster import HostRecord
from detector.hosts import HomeNetworks, words
from detector.kernel import layout
from detector.model import Thresholds, sigmoid
from detector.records import Facts, Scores, Vectors
from detector.settings import PRIVATE_NETWORKS

TEN = 1_772_445_600_000_000_000  # 2026-03-02 10:00 UTC
HOUR_NS = 3_600_000_000_000
LIMITS = Thresholds(mining=0.9, suspicious=0.6, novelty=0.99)
Row = dict[str, float]


@dataclass
class Scorer:
    """Stands for a model: `score` gives what the test says, `contributions` the first two columns."""

    says: Callable[[Row], float] = field(default=lambda row: 0.0)
    names: tuple[str, ...] = fusion.NAMES
    thresholds: Thresholds = LIMITS
    start: float = 0.5

    def score(self, vectors: Vectors) -> Scores:
        rows = [dict(zip(vectors.names, values.tolist(), strict=True)) for values in vectors.values]
        told = np.array([self.says(row) for row in rows], np.float64)
        bounded = np.clip(told, 1e-12, 1 - 1e-12)
        return Scores(told, np.log(bounded / (1 - bounded)), np.zeros(len(rows)))

    def contributions(self, row: np.ndarray, novelty: float) -> list[tuple[str, float]]:
        return [(self.names[0], 1.5), ("novelty", -0.25)]


@dataclass
class Models:
    """Stands for a bundle.  The fusion model repeats the higher probability of the two modalities."""

    channel: Scorer = field(default_factory=lambda: Scorer(names=channel.NAMES))
    power: Scorer = field(default_factory=lambda: Scorer(names=power.NAMES))
    fusion: Scorer = field(default_factory=lambda: Scorer(says=highest, names=fusion.NAMES))
    flows: None = None  # as of a bundle that learned from no flow log


def highest(row: Row) -> float:
    logits = [row["fusion.network_logit"], row["fusion.power_logit"]]
    return float(sigmoid(np.array([np.nanmax(logits)]))[0])


def logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


def heard(**changes: Any) -> Facts:
    told = {
        "dialect": "cryptonote",
        "coin": "XMR",
        "agent": "XMRig/6.21.0",
        "logins": 1,
        "jobs": 3,
        "shares": 2,
    }
    return Facts(**(told | changes))


def channel_record(
    probability: float = 0.95,
    remote: str = "203.0.113.5",
    port: int = 3333,
    transport: int = 6,
    is_client: bool = True,
    **changes: Any,
) -> ChannelRecord:
    ends = words("10.0.0.7"), words(remote)
    client, server = ends if is_client else reversed(ends)
    told: dict[str, Any] = {
        "key": np.array([*client, *server, port << 8 | transport], np.uint64).tobytes(),
        "is_client": is_client,
        "first_ns": TEN,
        "last_ns": TEN + HOUR_NS,
        "logit": logit(probability),
        "probability": probability,
        "novelty": 0.1,
        "values": np.full(len(channel.NAMES), np.nan),
        "wide": np.zeros(layout.WIDE, np.int64),
        "narrow": np.zeros(layout.NARROW, np.uint32),
    }
    return ChannelRecord(**(told | changes))


def power_record(probability: float = 0.95, meter: str = "M-1", **changes: Any) -> PowerRecord:
    description = {
        "mean_w": 2_000.0, "flatness": 0.01, "night_day": 0.98, "step_w": None, "onset_ns": None,
        "persists_h": None, "resolution_s": 900.0, "hours": 48.0, "windows": 48, "state": "ok",
        "arrived": False, "floor_w": 1_900.0, "tier": "hour",
        "first_ns": TEN, "last_ns": TEN + 47 * HOUR_NS,
    }  # fmt: skip
    told: dict[str, Any] = {
        "meter": meter,
        "logit": logit(probability),
        "probability": probability,
        "novelty": 0.1,
        "values": np.full(len(power.NAMES), np.nan),
        "description": description | changes.pop("description", {}),
        "estimated": False,
        "readings": 48,
    }
    return PowerRecord(**(told | changes))


CAME = {"arrived": True, "step_w": 1_500.0, "onset_ns": TEN, "persists_h": 72.0}
"""Facts of a meter on which a steady load came and stayed."""


def host(*channels: ChannelRecord, **changes: Any) -> HostRecord:
    told: dict[str, Any] = {
        "packets": 100,
        "windows": 12,
        "judged": len(channels),
        "asked": True,
        "one_way": False,
        "channels": {str(i).encode(): record for i, record in enumerate(channels)},
        "sources": frozenset({"a.pcap"}),
    }
    return HostRecord(TEN, TEN + HOUR_NS, **(told | changes))


def ledger(
    hosts: dict[str, HostRecord] | None = None, meters: tuple[PowerRecord, ...] = (), min_messages: int = 6
) -> Ledger:
    made = Ledger(HomeNetworks(PRIVATE_NETWORKS), min_messages, LIMITS.suspicious)
    made.hosts = hosts or {}  # type: ignore[assignment]  # is read like a dict
    for name, record_of in made.hosts.items():
        made.spoken |= {name.encode() + key: c for key, c in record_of.channels.items() if c.said}
    for record in meters:
        span = record.description["first_ns"], record.description["last_ns"]
        made.add_power(record, span, "power.csv")
    return made
