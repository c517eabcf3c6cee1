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

from detector.dissectors import merge_facts
from detector.kernel import layout, merge_rows
from detector.records import ChannelWindows, Facts
from detector.settings import MeterSettings, WindowSettings

if TYPE_CHECKING:
    from detector.records import Int64s

_LATEST_START_NS = 3_600_000_000_000
"""A source that begins less than this after a window may still hold rows of it: windows are no longer."""
_FIRST_SLOTS = 256
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
    return ChannelWindows(**columns, facts=[windows.facts[i] for i in rows])


def concatenate(tables: list[ChannelWindows]) -> ChannelWindows:
    """All rows of all tables, in order."""
    if len(tables) < 2:
        return tables[0] if tables else empty()
    columns = {name: np.concatenate([getattr(table, name) for table in tables]) for name in _COLUMNS}
    return ChannelWindows(**columns, facts=[facts for table in tables for facts in table.facts])


def keys(windows: ChannelWindows) -> list[bytes]:
    """What tells one channel from another, a row: client, server, port, transport."""
    service = (windows.port.astype(np.uint64) << np.uint64(8)) | windows.transport.astype(np.uint64)
    packed = np.ascontiguousarray(np.hstack([windows.client, windows.server, service[:, None]]))  # (n, 5)
    raw = packed.tobytes()
    return [raw[i : i + 40] for i in range(0, len(raw), 40)]


def merged(windows: ChannelWindows) -> ChannelWindows:
    """Rows of one window start with each channel once; rows of one channel are merged in order of time."""
    names = keys(windows)
    if len(set(names)) == len(names):
        return windows
    order = np.argsort(windows.wide[:, layout.FIRST_NS], kind="stable")
    windows = take(windows, order)
    first: dict[bytes, int] = {}
    for row, place in enumerate(order.tolist()):
        seen = first.setdefault(names[place], row)
        if seen != row:
            _merge_into(windows, np.array([seen]), windows, np.array([row]))
    return take(windows, np.array(sorted(first.values()), np.int64))


def _merge_into(into: ChannelWindows, i: Int64s, other: ChannelWindows, j: Int64s) -> None:
    """Merge rows `j` of `other` into rows `i`; no row stands twice in `i`."""
    merge_rows(into, i, other, j)
    into.basis[i] = np.maximum(into.basis[i], other.basis[j])
    for left, right in zip(i.tolist(), j.tolist(), strict=True):
        into.facts[left] = merge_facts(into.facts[left], other.facts[right])


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
    """(window start, its rows) of each table, in order of start."""
    for table in source:
        yield from by_window(table)


def by_window(table: ChannelWindows) -> Iterator[tuple[int, ChannelWindows]]:
    """(window start, its rows) of every window in a table, in order of start."""
    starts = table.wide[:, layout.WINDOW_NS]
    distinct = np.unique(starts)
    for start in distinct:
        rows = table if len(distinct) == 1 else take(table, np.flatnonzero(starts == start))
        yield int(start), rows


class Rollup:
    """What each open channel did over the running span and the one before it."""

    def __init__(self, meter: MeterSettings, settings: WindowSettings) -> None:
        self._span_ns = meter.window_s * settings.span_windows * 1_000_000_000
        self._slots: dict[bytes, int] = {}
        self._free: list[int] = []
        self._current = empty(_FIRST_SLOTS)
        self._previous = empty(_FIRST_SLOTS)
        self._span = np.full(_FIRST_SLOTS, -1, np.int64)  # span of _current; -1 = slot not in use
        self._has_previous = np.zeros(_FIRST_SLOTS, np.bool_)
        self._newest = -1

    def __len__(self) -> int:
        """Number of channels that are kept."""
        return len(self._slots)

    def add(self, batch: ChannelWindows) -> ChannelWindows:
        """Take in a batch of one window; returns the rolled-up row of every channel in it, in its order.

        The facts of a rolled-up row are those of both spans.  Where nothing was known of any channel the
        batch itself is returned, not a copy.
        """
        span = int(batch.wide[0, layout.WINDOW_NS]) // self._span_ns
        self._forget_before(span - 1)
        slots = self._slots_of(keys(batch))
        self._turn_over(slots, span)
        new = self._span[slots] < 0
        self._start(slots[new], batch, np.flatnonzero(new), span)
        _merge_into(self._current, slots[~new], batch, np.flatnonzero(~new))
        alone = bool(new.all()) and not self._has_previous[slots].any()
        return batch if alone else self._rolled(slots)

    def _slots_of(self, names: list[bytes]) -> Int64s:
        """The slot of each channel; new ones get one."""
        for name, slot in zip(names, map(self._slots.get, names), strict=True):
            if slot is None:  # slots in use and free ones are together 0, 1, 2, ...
                self._slots[name] = self._free.pop() if self._free else len(self._slots)
        if len(self._slots) > len(self._span):
            self._grow(max(4 * len(self._span), len(self._slots)))  # rarely: rows are wide
        return np.array([self._slots[name] for name in names], np.int64)

    def _grow(self, size: int) -> None:
        """Room for `size` channels; pages of the new tables that nothing is written to cost no memory."""
        used = len(self._span)
        for name in ("_current", "_previous"):
            larger, smaller = empty(size), getattr(self, name)
            if name == "_current" or self._has_previous.any():
                for column in _COLUMNS:
                    getattr(larger, column)[:used] = getattr(smaller, column)
                larger.facts[:used] = smaller.facts
            setattr(self, name, larger)
        self._span = np.concatenate([self._span, np.full(size - used, -1, np.int64)])
        self._has_previous = np.concatenate([self._has_previous, np.zeros(size - used, np.bool_)])

    def _turn_over(self, slots: Int64s, span: int) -> None:
        """Channels whose running span is over: it becomes the one before, or is forgotten when older."""
        kept = self._span[slots]
        over = slots[(kept >= 0) & (kept < span)]
        follows = over[self._span[over] == span - 1]
        self._copy(self._current, follows, self._previous)
        self._has_previous[over] = self._span[over] == span - 1
        self._span[over] = -1

    def _start(self, slots: Int64s, batch: ChannelWindows, rows: Int64s, span: int) -> None:
        for name in _COLUMNS:
            getattr(self._current, name)[slots] = getattr(batch, name)[rows]
        for slot, row in zip(slots.tolist(), rows.tolist(), strict=True):
            self._current.facts[slot] = batch.facts[row]
        self._span[slots] = span

    def _rolled(self, slots: Int64s) -> ChannelWindows:
        rows = take(self._current, slots)
        place = np.flatnonzero(self._has_previous[slots])
        if not len(place):
            return rows
        both = take(self._previous, slots[place])
        _merge_into(both, np.arange(len(place)), rows, place)
        for name in _COLUMNS:
            getattr(rows, name)[place] = getattr(both, name)
        for i, facts in zip(place.tolist(), both.facts, strict=True):
            rows.facts[i] = facts
        return rows

    def _forget_before(self, span: int) -> None:
        """Drop channels whose newest span is before `span`, once a span has passed."""
        if span <= self._newest:
            return
        self._newest = span
        gone = [(key, slot) for key, slot in self._slots.items() if 0 <= self._span[slot] < span]
        for key, slot in gone:
            del self._slots[key]
            self._free.append(slot)
        slots = np.array([slot for _, slot in gone], np.int64)
        self._span[slots] = -1
        self._has_previous[slots] = False

    @staticmethod
    def _copy(source: ChannelWindows, slots: Int64s, into: ChannelWindows) -> None:
        for name in _COLUMNS:
            getattr(into, name)[slots] = getattr(source, name)[slots]
        for slot in slots.tolist():
            into.facts[slot] = _copied(source.facts[slot])


def _copied(facts: Facts | None) -> Facts | None:
    return None if facts is None else replace(facts)
