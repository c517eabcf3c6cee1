"""Channel rows -> aligned windows of all sources, rolled up per channel.

Two jobs.  `in_order` joins the row streams of many sources into one stream of batches,
a batch a window start, each (channel, window) once.  `Rollup` keeps for every channel
what it did in the running span of windows and in the span before it, so that what is
judged always covers at least one span (an hour) once the channel is that old, in memory
that depends on the number of open channels only.

Spans are aligned to the epoch like windows: a file and a live tap cut alike.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from detector.dissectors import merge_facts, merge_names, without_lookups
from detector.kernel import layout, merge_rows
from detector.kernel.index import Index
from detector.kernel.packed import PackedRows
from detector.records import ChannelWindows, Facts, Names
from detector.settings import MeterSettings, WindowSettings
from detector.windows.lookups import Lookups

if TYPE_CHECKING:
    from detector.records import Int64s, UInt64s

_LATEST_START_NS = 3_600_000_000_000
"""A source that begins less than this after a window may still hold rows of it: windows are no longer."""
_KEY_WORDS = 5  # client, server, port and transport
_COLUMNS = ("client", "server", "port", "transport", "basis", "wide", "narrow")


def empty(n: int = 0) -> ChannelWindows:
    """A table of `n` rows of zeros."""
    return ChannelWindows(
        client=np.zeros((n, 2), np.uint64),
        server=np.zeros((n, 2), np.uint64),
        port=np.zeros(n, np.int64),
        transport=np.zeros(n, np.int64),
        basis=np.zeros(n, np.int64),
        wide=np.zeros((n, layout.WIDE), np.int64),
        narrow=np.zeros((n, layout.NARROW), np.uint32),
        facts=[None] * n,
    )


def take(windows: ChannelWindows, rows: Int64s) -> ChannelWindows:
    """A copy of some rows, in the given order."""
    columns = {name: getattr(windows, name)[rows] for name in _COLUMNS}
    picked = rows.tolist()
    return ChannelWindows(
        **columns, facts=[windows.facts[i] for i in picked], names=[windows.names[i] for i in picked]
    )


def concatenate(tables: list[ChannelWindows]) -> ChannelWindows:
    """All rows of all tables, in order."""
    if len(tables) < 2:
        return tables[0] if tables else empty()
    columns = {name: np.concatenate([getattr(table, name) for table in tables]) for name in _COLUMNS}
    return ChannelWindows(
        **columns,
        facts=[facts for table in tables for facts in table.facts],
        names=[names for table in tables for names in table.names],
    )


def key_words(windows: ChannelWindows) -> UInt64s:
    """What tells one channel from another, a row: client, server, port and transport; (n, 5)."""
    words = np.empty((len(windows), _KEY_WORDS), np.uint64)
    words[:, :2], words[:, 2:4] = windows.client, windows.server
    words[:, 4] = (windows.port << 8) | windows.transport
    return words


def keys(windows: ChannelWindows) -> list[bytes]:
    """`key_words` as one text of bytes a row."""
    raw = key_words(windows).tobytes()
    return [raw[i : i + 8 * _KEY_WORDS] for i in range(0, len(raw), 8 * _KEY_WORDS)]


def merged(windows: ChannelWindows) -> ChannelWindows:
    """Rows of one window start with each channel once; rows of one channel are merged in order of time.

    Exact, whatever the split: packets, bytes, messages, connections, resets and other counts;
    sums; first, last and extreme times and lengths; length, gap and delay histograms of
    messages; openings; both rings of recent events; facts.  Within a bound:

    - Commonest lengths: exact while nothing was dropped; else a count is at most the truth and
      at least the truth less the row's DROPPED, itself at most a 13th of what was counted
      (Misra-Gries, mergeable by Agarwal et al. 2013).
    - Pushes, their lengths, and answered pushes: exact where fewer than HEAD_EVENTS messages
      follow within PROMPT_NS of the seam.  Else they are off by at most the messages that do,
      and FIRST_PUSH_NS and push gaps may begin with one of them.
    - Where rows meet at a cut inside a TCP message (a file that does not know the one before),
      the message counts as two.  Files that follow one another are one stream, and have no seam.
    """
    channels = Index(_KEY_WORDS)
    numbers = channels.numbers(key_words(windows))
    if len(channels) == len(windows):
        return windows
    order = np.argsort(windows.wide[:, layout.FIRST_NS], kind="stable")
    windows = take(windows, order)
    first: dict[int, int] = {}
    for row, number in enumerate(numbers[order].tolist()):
        seen = first.setdefault(number, row)
        if seen != row:
            _merge_into(windows, np.array([seen]), windows, np.array([row]))
    return take(windows, np.array(sorted(first.values()), np.int64))


def _merge_into(into: ChannelWindows, i: Int64s, other: ChannelWindows, j: Int64s) -> None:
    """Merge rows `j` of `other` into rows `i`; no row stands twice in `i`."""
    merge_rows(into, i, other, j)
    into.basis[i] = np.maximum(into.basis[i], other.basis[j])
    for left, right in zip(i.tolist(), j.tolist(), strict=True):
        into.facts[left] = merge_facts(into.facts[left], other.facts[right])
        into.names[left] = merge_names(into.names[left], other.names[right])


def in_order(sources: Iterable[tuple[int, Iterator[ChannelWindows]]]) -> Iterator[ChannelWindows]:
    """Batches of one window start each, in order of time, over all sources.

    A source is (time of its first packet in ns, its tables); it is not touched before that
    time is due, so that a folder of captures is not read all at once.  Each yields tables whose
    windows are in order, as far as its packets were; rows that come later than their window
    was passed on make a batch of their own.
    """
    held: list[ChannelWindows] = []
    for start, batch in _due(sources):
        if held and int(held[0].wide[0, layout.WINDOW_NS]) != start:
            yield merged(concatenate(held))
            held = []
        held.append(batch)
    if held:
        yield merged(concatenate(held))


def _due(sources: Iterable[tuple[int, Iterator[ChannelWindows]]]) -> Iterator[tuple[int, ChannelWindows]]:
    """(window start, rows) over all sources, always of the one that is earliest."""
    waiting = sorted(enumerate(sources), key=lambda item: (-item[1][0], -item[0]))  # earliest last
    heap: list[tuple[int, int, ChannelWindows | None, Iterator[tuple[int, ChannelWindows]]]] = []
    while heap or waiting:
        while waiting and (not heap or waiting[-1][1][0] < heap[0][0] + _LATEST_START_NS):
            number, (begins, tables) = waiting.pop()
            heapq.heappush(heap, (begins - _LATEST_START_NS, number, None, _batches(tables)))
        start, number, batch, batches = heapq.heappop(heap)
        if batch is not None:
            yield start, batch
        following = next(batches, None)
        if following is not None:
            heapq.heappush(heap, (following[0], number, following[1], batches))


def _batches(source: Iterator[ChannelWindows]) -> Iterator[tuple[int, ChannelWindows]]:
    """(window start, its rows) of every window of each table, in order of start."""
    for table in source:
        starts = table.wide[:, layout.WINDOW_NS]
        if len(table) and (starts == starts[0]).all():
            yield int(starts[0]), table
            continue
        for start in sorted(set(starts.tolist())):
            yield start, take(table, np.flatnonzero(starts == start))


_KEPT = np.dtype(
    [("span", "i8"), ("current", "i8"), ("previous", "i8"), ("newest", "i8"),
     ("current_basis", "i1"), ("previous_basis", "i1"), ("spoke", "i1")]
)  # fmt: skip
"""Of a channel: its running span, places of the rows of that span and of the one before (-1 = none), its
newest window, and in how many directions there were messages."""


class Rollup:
    """What each open channel did over the running span and the one before it.

    Of at most `max_connections` channels.  Where there would be more, those without a message are
    forgotten, then, down to half, those of one direction and the longest silent: what a scan leaves
    behind does not push out who talks.
    """

    def __init__(self, meter: MeterSettings, settings: WindowSettings) -> None:
        self._span_ns = meter.window_s * settings.span_windows * 1_000_000_000
        self._channels = Index(_KEY_WORDS)
        self._kept = np.zeros(0, _KEPT)  # by number of the channel, with room to spare
        self._rows = PackedRows()
        self._facts: dict[str, dict[int, Facts]] = {"current": {}, "previous": {}}
        self._lookups = Lookups()
        self._names: dict[int, Names] = {}  # of a channel as long as it is kept: it opens but once
        self._newest = -1
        self._most = meter.max_connections
        self._live = 0  # rows that were wanted when they were last counted

    def __len__(self) -> int:
        """Number of channels that are kept."""
        return len(self._channels)

    def add(self, batch: ChannelWindows) -> ChannelWindows:
        """Take in a batch of one window; returns the rolled-up row of every channel in it, in its order.

        The batch is used up: what is returned stands in its arrays, but for facts and names.
        Facts of a rolled-up row are of both spans, names of all that is kept of the channel.
        """
        self._lookups.hear(batch)
        span = int(batch.wide[0, layout.WINDOW_NS]) // self._span_ns
        self._forget_before(span - 1)
        if len(self) > self._most:
            self._make_room()
        numbers = self._numbers(batch)
        self._turn_over(numbers, span)
        rolled = replace(batch, facts=list(batch.facts), names=self._named(numbers, batch.names))
        self._merge_under("current", numbers, rolled)
        self._keep(numbers, rolled, span)
        self._merge_under("previous", numbers, rolled)
        return rolled

    def name(self, rolled: ChannelWindows) -> None:
        """Say of rolled-up rows, all or some, what their clients looked up; see `lookups`."""
        self._lookups.name(rolled)

    def _named(self, numbers: Int64s, fresh: list[Names | None]) -> list[Names | None]:
        """What each channel showed of itself so far, with what is fresh taken in."""
        for number, names in zip(numbers.tolist(), fresh, strict=True):
            own = without_lookups(names)
            if own is not None:
                self._names[number] = merge_names(self._names.get(number), own) or own
        return list(map(self._names.get, numbers.tolist()))

    def _numbers(self, batch: ChannelWindows) -> Int64s:
        """The number of each channel; new ones get one, and room."""
        numbers = self._channels.numbers(key_words(batch))
        if len(self._channels) > len(self._kept):
            larger = np.zeros(max(len(self._channels), 3 * len(self._kept) // 2), _KEPT)
            larger[: len(self._kept)] = self._kept
            for name in ("span", "current", "previous"):
                larger[name][len(self._kept) :] = -1
            self._kept = larger
        return numbers

    def _turn_over(self, numbers: Int64s, span: int) -> None:
        """Channels whose running span is over: it becomes the one before, or is forgotten when older."""
        kept = self._kept
        spans = kept["span"][numbers]
        over = (spans >= 0) & (spans < span)
        follows, passed = numbers[over & (spans == span - 1)], numbers[over & (spans != span - 1)]
        kept["previous"][passed] = -1
        for name in ("previous", "previous_basis"):
            kept[name][follows] = kept[name.replace("previous", "current")][follows]
        for name in ("span", "current"):
            kept[name][numbers[over]] = -1
        current, previous = self._facts["current"], self._facts["previous"]
        if current or previous:
            for number in passed.tolist():
                _put(previous, number, None)
                _put(current, number, None)
            for number in follows.tolist():
                _put(previous, number, current.pop(number, None))

    def _merge_under(self, which: str, numbers: Int64s, batch: ChannelWindows) -> None:
        """Merge what is kept of the channels before what the batch holds of them, in the batch."""
        places = self._kept[which][numbers]
        rows = np.flatnonzero(places >= 0)
        if not len(rows):
            return
        wide, narrow = self._rows.get(places[rows])
        older = replace(
            batch, port=batch.port[rows], basis=self._kept[f"{which}_basis"][numbers[rows]].astype(np.int64),
            wide=wide, narrow=narrow, facts=list(map(self._facts[which].get, numbers[rows].tolist())),
            names=[],
        )  # fmt: skip
        _merge_into(older, np.arange(len(rows)), batch, rows)
        for name in ("basis", "wide", "narrow"):
            getattr(batch, name)[rows] = getattr(older, name)
        for row, facts in zip(rows.tolist(), older.facts, strict=True):
            batch.facts[row] = facts

    def _keep(self, numbers: Int64s, batch: ChannelWindows, span: int) -> None:
        """Put the rows of the running span away, in place of what was kept of it."""
        kept = self._kept
        kept["span"][numbers] = np.maximum(kept["span"][numbers], span)
        kept["current"][numbers] = self._rows.put(batch.wide, batch.narrow, np.arange(len(batch)))
        kept["current_basis"][numbers] = batch.basis
        kept["newest"][numbers] = batch.wide[:, layout.WINDOW_NS]
        sides = (batch.wide[:, side + layout.MESSAGES] > 0 for side in (layout.UP, layout.DOWN))
        kept["spoke"][numbers] = np.maximum(kept["spoke"][numbers], sum(side.view(np.int8) for side in sides))
        if batch.facts.count(None) < len(batch):
            for number, facts in zip(numbers.tolist(), batch.facts, strict=True):
                _put(self._facts["current"], number, facts)
        if self._rows.sparse(self._live):
            used = self._kept[: len(self)]
            self._live = int(np.count_nonzero(used["current"] >= 0) + np.count_nonzero(used["previous"] >= 0))
            if self._rows.sparse(self._live):
                self._compact()

    def _forget_before(self, span: int) -> None:
        """Drop channels whose newest span is before `span`, once a span has passed."""
        if span <= self._newest:
            return
        self._newest = span
        live = np.flatnonzero(self._kept["span"][: len(self)] >= span)
        if len(live) < len(self):
            self._keep_only(live)

    def _make_room(self) -> None:
        """Forget the channels that are missed least."""
        used = self._kept[: len(self)]
        dearest = np.lexsort((used["newest"], used["spoke"]))[-(self._most // 2 + 1) :]
        self._keep_only(np.sort(dearest[used["spoke"][dearest] > 0]))

    def _keep_only(self, live: Int64s) -> None:
        """Forget all channels but those of these numbers, which are numbered anew in their order."""
        self._kept, channels = self._kept[live], Index(_KEY_WORDS)
        channels.numbers(self._channels.keys[live])
        self._channels = channels
        told = self._names or any(self._facts.values())
        place = dict(zip(live.tolist(), range(len(live)), strict=True)) if told else {}
        self._names = {place[old]: names for old, names in self._names.items() if old in place}
        for which, facts in self._facts.items():
            self._facts[which] = {place[old]: kept for old, kept in facts.items() if old in place}
        self._compact()

    def _compact(self) -> None:
        """Close the holes that rows left which were replaced or forgotten."""
        names = ("current", "previous")
        places = np.concatenate([self._kept[name][: len(self)] for name in names])
        live = places >= 0
        self._live = int(np.count_nonzero(live))
        places[live] = self._rows.compact(places[live])
        for name, part in zip(names, np.split(places, 2), strict=True):
            self._kept[name][: len(self)] = part


def _put(into: dict[int, Facts], number: int, facts: Facts | None) -> None:
    """Set an entry, or remove it where there is nothing to set."""
    if facts is None:
        into.pop(number, None)
    else:
        into[number] = facts
