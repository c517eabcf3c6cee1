"""Training rows: captures, real and simulated, through the very rooms that score them.

A row is what the channel model is shown when a window closes: the rolled-up channel as a
feature vector.  There is no second way to make one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector import hosts
from detector.features import channel as channel_features
from detector.findings import Ledger
from detector.kernel import layout
from detector.metering import Metering, channel_windows
from detector.pipeline import judged_rows
from detector.records import ChannelWindows, SourceReport, Vectors
from detector.settings import Settings
from detector.windows.channel import Rollup, in_order, keys

SPAN_EDGES_S = (60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
"""Buckets of observed time; rows are weighed so that it is no label (behaviour spike, trap 1)."""


@dataclass(slots=True)
class Rows:
    """Feature rows with what is known of them; n rows."""

    values: NDArray[np.float64]  # (n, features)
    label: NDArray[np.int64]  # (n,) 1 = mining
    group: list[str]  # what must stay on one side of a split
    family: list[str]
    source: list[str]
    example: list[str]  # one conversation or channel, over its windows
    bucket: NDArray[np.int64]  # (n,) of observed time
    dialogue: NDArray[np.bool_]  # (n,) words of a mining dialogue were heard
    simulated: NDArray[np.bool_]  # (n,)

    def __len__(self) -> int:
        return len(self.label)


@dataclass(frozen=True, slots=True)
class Origin:
    """Whatever all rows of one capture share."""

    label: int
    group: str
    family: str
    source: str
    name: str
    simulated: bool
    mining_hosts: frozenset[str] | None = None  # None: every channel has the label
    host: Callable[[str, int, int], bool] | None = None  # (host, first ns, last ns) -> whether it counts


def simulated_tables(capture: bytes, settings: Settings) -> Iterator[ChannelWindows]:
    """Finished windows of a capture that is held in memory."""
    metering = Metering(settings)
    metering.meter.feed(capture)
    yield metering.windows()
    metering.meter.finish()
    yield metering.windows(final=True)


def file_tables(path: str, settings: Settings) -> Iterator[ChannelWindows]:
    """Finished windows of a capture file."""
    return channel_windows(path, settings, "native", SourceReport(source=path))


def rows_of(tables: Iterable[ChannelWindows], settings: Settings, origin: Origin) -> Rows:
    """Training rows of one capture."""
    ledger = Ledger(hosts.HomeNetworks(settings.findings.home_networks), settings.findings.min_messages, 1.0)
    rollup = Rollup(settings.meter, settings.windows)
    home = hosts.HomeNetworks(settings.findings.home_networks)
    parts: list[Rows] = []
    for batch in in_order([(0, iter(tables))]):
        ledger.see(batch, origin.name)
        rolled, vectors, _ = judged_rows(batch, rollup, ledger.scoreable)
        if len(rolled):
            parts.append(_labelled(rolled, vectors, hosts.ends(rolled, home), origin))
    return concatenate(parts)


def _labelled(rolled: ChannelWindows, vectors: Vectors, ends: hosts.Ends, origin: Origin) -> Rows:
    """Rows with labels.  Of a mining host only the channels that speak a mining dialect are mining; what its
    other channels are is not known, so they are left out."""
    spoken = np.array([facts is not None for facts in rolled.facts], np.bool_)
    keep = np.ones(len(rolled), np.bool_)
    label = np.full(len(rolled), origin.label, np.int64)
    if origin.mining_hosts is not None:
        mines = np.array([hosts.text(host) in origin.mining_hosts for host in ends.host], np.bool_)
        label = (mines & spoken).astype(np.int64)
        keep = ~mines | spoken
    if origin.host is not None:
        first, last = rolled.wide[:, layout.FIRST_NS].tolist(), rolled.wide[:, layout.LAST_NS].tolist()
        keep = np.array(
            [origin.host(hosts.text(host), *span) for host, *span in zip(ends.host, first, last, strict=True)]
        )
    bucket = np.searchsorted(SPAN_EDGES_S, channel_features.span_s(rolled))
    ids = keys(rolled)
    picked = np.flatnonzero(keep)
    n = len(picked)
    return Rows(
        values=vectors.values[picked],
        label=label[picked],
        group=[origin.group] * n,
        family=[origin.family] * n,
        source=[origin.source] * n,
        example=[origin.name if origin.simulated else f"{origin.name}#{ids[i].hex()}" for i in picked],
        bucket=bucket[picked],
        dialogue=spoken[picked],
        simulated=np.full(n, origin.simulated),
    )


def concatenate(parts: list[Rows]) -> Rows:
    """All rows of all parts, in order."""
    if not parts:
        none = np.zeros(0, np.int64)
        width = len(channel_features.NAMES)
        return Rows(np.zeros((0, width)), none, [], [], [], [], none, none.astype(bool), none.astype(bool))
    arrays = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("values", "label", "bucket", "dialogue", "simulated")
    }
    lists = {
        name: list(itertools.chain.from_iterable(getattr(part, name) for part in parts))
        for name in ("group", "family", "source", "example")
    }
    return Rows(**arrays, **lists)


def select(rows: Rows, keep: NDArray[np.bool_]) -> Rows:
    """The rows for which `keep` is true."""
    index = np.flatnonzero(keep)
    arrays = {n: getattr(rows, n)[index] for n in ("values", "label", "bucket", "dialogue", "simulated")}
    lists = {n: [getattr(rows, n)[i] for i in index] for n in ("group", "family", "source", "example")}
    return Rows(**arrays, **lists)
