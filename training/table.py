"""Training rows: captures, real and simulated, through the very rooms that score them.

A row is what the channel model is shown when a window closes: the rolled-up channel as a
feature vector.  There is no second way to make one.  `gathered` bounds how many are held.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detector import hosts
from detector.features import channel as channel_features
from detector.features import fusion, noise, volumes
from detector.findings import Ledger
from detector.kernel import layout
from detector.metering import Metering, channel_windows
from detector.records import ChannelWindows, SourceReport, Vectors
from detector.scoring import judged_flows, judged_rows
from detector.settings import Settings
from detector.windows.channel import Rollup, in_order, keys
from training.dataset import Dataset, dataset_of
from training.splits import row_weights

SPAN_EDGES_S = (60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
"""Buckets of observed time; rows are weighed so that it is no label (behaviour spike, trap 1)."""
_NARROW = len(channel_features.NAMES)


@dataclass(slots=True)
class Rows:
    """Feature rows with what is known of them; n rows."""

    values: NDArray[np.float64]  # (n, len(names))
    label: NDArray[np.int64]  # (n,) 1 = mining
    group: list[str]  # what must stay on one side of a split
    family: list[str]
    source: list[str]
    example: list[str]  # one conversation or channel, over its windows
    bucket: NDArray[np.int64]  # (n,) of observed time
    words: NDArray[np.int64]  # (n, len(WORDS)) heard of a mining dialogue
    simulated: NDArray[np.bool_]  # (n,)
    weight: NDArray[np.float64]  # (n,) what the user gave it, 1 = as any other
    lacks: NDArray[np.float64]  # (n, 3) of the opening: `fusion.lacks`
    flow: NDArray[np.bool_]  # (n,) of a flow log: volumes, and no messages

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of `values`: those of volumes stand behind the others where any row may have them."""
        return channel_features.NAMES if self.values.shape[1] == _NARROW else volumes.WITH_MESSAGES

    def __len__(self) -> int:
        return len(self.label)

    @property
    def dialogue(self) -> NDArray[np.bool_]:
        """(n,) whether words of a mining dialogue were heard."""
        heard: NDArray[np.bool_] = self.words.any(axis=1)
        return heard


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
    weight: float = 1.0


Sources = Iterable[tuple[int, Iterator[ChannelWindows]]]
"""(time of its first packet in ns, its tables) of each capture, as `windows.channel.in_order` takes them."""

WORDS = ("logins", "requests", "jobs", "shares")
"""Counts of `records.Facts` that the fusion model knows."""
_ARRAYS = ("values", "label", "bucket", "words", "simulated", "weight", "lacks", "flow")
_LISTS = ("group", "family", "source", "example")


def dataset(rows: Rows) -> Dataset:
    """The rows as the channel model is fitted on them: neither duration, nor the commonest family, nor the
    kind of source decides.

    Raises DatasetError.
    """
    cells = rows.bucket + rows.flow * (len(SPAN_EDGES_S) + 1)
    return dataset_of(
        rows.values,
        rows.label,
        rows.group,
        rows.names,
        examples=rows.example,
        simulated=rows.simulated,
        weights=row_weights(rows.label, cells.tolist(), rows.family) * rows.weight,
    )


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


def judged(
    sources: Sources, settings: Settings, ledger: Ledger
) -> Iterator[tuple[ChannelWindows, Vectors, hosts.Ends]]:
    """(channels that hold enough rolled up, their vectors, their ends), window after window.

    `ledger` comes to know every host that was seen, and when.
    """
    home = hosts.HomeNetworks(settings.findings.home_networks)
    rollup = Rollup(settings.meter, settings.windows)
    for batch in in_order(sources):
        ledger.see(batch, "")
        for rolled, vectors, _ in judged_rows([batch], rollup, ledger.scoreable):
            yield rolled, vectors, hosts.ends(rolled, home)


def judged_volumes(
    tables: Iterable[ChannelWindows], settings: Settings, ledger: Ledger
) -> Iterator[tuple[ChannelWindows, Vectors, hosts.Ends]]:
    """The same of flow logs: channels that were kept up as mining is, as scoring asks about them."""
    home = hosts.HomeNetworks(settings.findings.home_networks)
    rollup = Rollup(settings.meter, settings.windows)
    for batch in tables:
        ledger.see(batch, "")
        for rolled, vectors, _ in judged_flows([batch], rollup):
            yield rolled, vectors, hosts.ends(rolled, home)


def new_ledger(settings: Settings) -> Ledger:
    """A ledger that asks of a channel what scoring asks of it."""
    home = hosts.HomeNetworks(settings.findings.home_networks)
    return Ledger(home, settings.findings.min_messages, 1.0)


def rows_of(tables: Iterable[ChannelWindows], settings: Settings, origin: Origin) -> Rows:
    """Training rows of one capture."""
    windows = judged([(0, iter(tables))], settings, new_ledger(settings))
    return concatenate([_of_origin(rolled, vectors, ends, origin) for rolled, vectors, ends in windows])


def rows_of_volumes(tables: Iterable[ChannelWindows], settings: Settings, origin: Origin) -> Rows:
    """Training rows of the flow logs of one conversation."""
    parts = []
    for rolled, vectors, _ in judged_volumes(tables, settings, new_ledger(settings)):
        label = np.full(len(rolled), origin.label, np.int64)
        parts.append(labelled_rows(rolled, vectors, np.arange(len(rolled)), label, origin))
    return concatenate(parts)


def _of_origin(rolled: ChannelWindows, vectors: Vectors, ends: hosts.Ends, origin: Origin) -> Rows:
    """Rows with labels.  Of a mining host only the channels that speak a mining dialect are mining; what its
    other channels are is not known, so they are left out."""
    spoken = np.array([facts is not None for facts in rolled.facts], np.bool_)
    keep = np.ones(len(rolled), np.bool_)
    label = np.full(len(rolled), origin.label, np.int64)
    if origin.mining_hosts is not None:
        mines = np.array([hosts.text(host) in origin.mining_hosts for host in ends.host], np.bool_)
        label = (mines & spoken).astype(np.int64)
        keep = ~mines | spoken
    return labelled_rows(rolled, vectors, np.flatnonzero(keep), label, origin)


def labelled_rows(
    rolled: ChannelWindows,
    vectors: Vectors,
    picked: NDArray[np.int64],
    label: NDArray[np.int64],
    origin: Origin,
) -> Rows:
    """The `picked` rows of a batch, all of one origin; `label` is (len(rolled),)."""
    ids, n = keys(rolled), len(picked)
    names = {ids[i]: origin.name if origin.simulated else f"{origin.name}#{ids[i].hex()}" for i in picked}
    return Rows(
        values=vectors.values[picked],
        label=label[picked],
        group=[origin.group] * n,
        family=[origin.family] * n,
        source=[origin.source] * n,
        example=[names[ids[i]] for i in picked],
        bucket=np.searchsorted(SPAN_EDGES_S, channel_features.span_s(rolled))[picked],
        words=_words(rolled)[picked],
        simulated=np.full(n, origin.simulated),
        weight=np.full(n, origin.weight),
        lacks=np.array([fusion.lacks(rolled.names[i]) for i in picked]).reshape(n, 3),
        flow=(rolled.wide[picked, layout.KNOWN] & layout.KNOWS_MESSAGES) == 0,
    )


def _words(rolled: ChannelWindows) -> NDArray[np.int64]:
    """What was heard, or what lengths tell; (n, len(WORDS))."""
    told = [heard or facts for heard, facts in zip(rolled.facts, noise.sessions(rolled), strict=True)]
    counts = [[getattr(facts, name, 0) for name in WORDS] for facts in told]
    return np.array(counts, np.int64).reshape(len(told), len(WORDS))


def concatenate(parts: list[Rows]) -> Rows:
    """All rows of all parts, in order."""
    if not parts:
        parts = [_none()]
    width = max(part.values.shape[1] for part in parts)
    parts = [part if part.values.shape[1] == width else widened(part) for part in parts]
    arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _ARRAYS}
    lists = {
        name: list(itertools.chain.from_iterable(getattr(part, name) for part in parts)) for name in _LISTS
    }
    return Rows(**arrays, **lists)


def vectors(rows: Rows, names: tuple[str, ...]) -> Vectors:
    """The rows for a channel model of these columns: with those of volumes, or without."""
    if len(names) == _NARROW:
        return Vectors(channel_features.NAMES, rows.values[:, :_NARROW])
    return Vectors(
        volumes.WITH_MESSAGES, (rows if rows.names == volumes.WITH_MESSAGES else widened(rows)).values
    )


def widened(rows: Rows) -> Rows:
    """The rows with the columns of volumes, which rows of captures do not have."""
    unknown = np.full((len(rows), len(volumes.NAMES)), np.nan)
    return replace(rows, values=np.hstack([rows.values[:, :_NARROW], unknown]))


def of_packets(rows: Rows) -> Rows:
    """What captures told, with their columns alone: the same as if there were no flow logs."""
    told = select(rows, ~rows.flow) if rows.flow.any() else rows
    return told if told.values.shape[1] == _NARROW else replace(told, values=told.values[:, :_NARROW].copy())


def _none() -> Rows:
    whole, flag = np.zeros(0, np.int64), np.zeros(0, np.bool_)
    values = np.zeros((0, len(channel_features.NAMES)))
    words, lacks = np.zeros((0, len(WORDS)), np.int64), np.zeros((0, 3))
    return Rows(values, whole, [], [], [], [], whole, words, flag, np.zeros(0), lacks, flag)


def select(rows: Rows, keep: NDArray[np.bool_]) -> Rows:
    """The rows for which `keep` is true."""
    index = np.flatnonzero(keep)
    arrays = {name: getattr(rows, name)[index] for name in _ARRAYS}
    lists = {name: [getattr(rows, name)[i] for i in index] for name in _LISTS}
    return Rows(**arrays, **lists)


def gathered(parts: Iterable[Rows], most: int) -> Rows:
    """All rows of all parts, in order, while they are at most `most`; beyond that the largest groups give.

    Windows of one site are much alike, and a rare group must not be drawn thin because another one is
    large.  So each group keeps at most as many rows as will fit, the same for all: those of lowest rank,
    where a row's rank is a hash of its example and values.  What is kept does not depend on how the rows
    were cut into parts, and no more than `most` and one part are held at a time.
    """
    held: list[Rows] = []
    count, cap = 0, None
    for part in parts:
        held.append(part if cap is None else _capped(part, cap))
        count += len(held[-1])
        if count > most:
            joined = concatenate(held)
            cap = _cap(joined, most, cap)
            held = [_capped(joined, cap)]
            count = len(held[0])
    joined = concatenate(held)
    return joined if cap is None else _capped(joined, _cap(joined, most, cap))


def _cap(rows: Rows, most: int, cap: int | None) -> int:
    """The largest power of two, at most `cap`, for which groups of at most so many rows are `most` in all."""
    sizes = np.unique(np.array(rows.group, object), return_counts=True)[1]
    cap = cap or 1 << int(sizes.max()).bit_length()
    while cap > 1 and np.minimum(sizes, cap).sum() > most:
        cap //= 2
    return cap


def _capped(rows: Rows, cap: int) -> Rows:
    """At most `cap` rows a group: those of lowest rank, in the order in which they stand."""
    _, group = np.unique(np.array(rows.group, object), return_inverse=True)
    order = np.lexsort((_ranks(rows), group))
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    place = np.arange(len(rows)) - np.repeat(starts, np.diff(starts, append=len(rows)))
    keep = np.zeros(len(rows), np.bool_)
    keep[order[place < cap]] = True
    return rows if keep.all() else select(rows, keep)


def _ranks(rows: Rows) -> NDArray[np.uint64]:
    """A number of each row that its example and its values alone decide, as if drawn."""
    crc = {name: zlib.crc32(name.encode()) for name in set(rows.example)}
    seed = np.array([crc[name] for name in rows.example], np.uint64)
    values = np.ascontiguousarray(rows.values).view(np.uint64)
    mixed = seed ^ (values @ (2 * np.arange(values.shape[1], dtype=np.uint64) + 1))
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)  # splitmix64
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
