"""Records of flows -> channel windows: one row a channel and window, whatever the order of the records.

A record stands in the window that holds its last packet, with its own first and last: of a record that
is longer than a window nobody knows how its packets lay, so nothing is spread or made up.  Records of
one channel that a time-out cut, halves of one connection, and reconnects add up in one row, and rows
in `findings.volumes`, exactly.

Where two kinds of log saw a channel in the same window, the one that tells more stands for both, so
that a flow that Zeek and a router both told of is not counted twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detector.dissectors import merge_names
from detector.kernel import layout
from detector.kernel.index import Index
from detector.records import ChannelWindows, Names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from detector.flowlogs.contract import Flows
    from detector.records import Int64s

MOST_CELLS: Final = 1 << 20
"""Held at a time, about 0.25 KB each.  Where there would be more, all are given, and what comes later
of the same channel and window is a row of its own."""
ROWS: Final = 4_096  # a table that is given: a row takes 2.5 KB there
KEPT_NAMES: Final = 512  # records with names of a cell, the earliest
_KEY: Final = 7  # window, client, server, port and transport, kind of log
_CELL: Final = np.dtype(
    [("first", "i8"), ("last", "i8"), ("up", "i8", 2), ("down", "i8", 2), ("client_port", "i8"),
     ("basis", "i8"), ("exact", "?")]
)  # fmt: skip
_FOREVER: Final = np.iinfo(np.int64).max
_Told = list[tuple[int, str, Names]]
"""Names with the time of each, and how they are spelt, which settles what comes first."""


class Cells:
    """Sums of records by channel and window."""

    def __init__(self, window_s: int) -> None:
        self._window_ns = window_s * 1_000_000_000
        self._clear()

    def _clear(self) -> None:
        self._index = Index(_KEY)
        self._table: NDArray[Any] = np.zeros(0, _CELL)
        self._names: dict[int, _Told] = {}

    @property
    def full(self) -> bool:
        """Whether the rows are to be taken before more is added."""
        return len(self._index) >= MOST_CELLS

    def add(self, flows: Flows) -> None:
        """Take in records."""
        numbers = self._numbers(flows)
        table = self._table
        _keep_earliest(table, numbers, flows)
        np.maximum.at(table["last"], numbers, flows.last_ns)
        np.maximum.at(table["basis"], numbers, flows.basis)
        np.logical_and.at(table["exact"], numbers, flows.exact | ~_counts(flows))
        for name, told in (("up", flows.up), ("down", flows.down)):
            for i in range(2):
                np.add.at(table[name][:, i], numbers, told[:, i])
        for row, names in flows.names.items():
            self._name(int(numbers[row]), int(flows.first_ns[row]), names)

    def _numbers(self, flows: Flows) -> Int64s:
        keys = np.empty((len(flows), _KEY), np.uint64)
        keys[:, 0] = flows.last_ns // self._window_ns
        keys[:, 1:3], keys[:, 3:5] = flows.client, flows.server
        keys[:, 5] = (flows.port << 8) | flows.transport
        keys[:, 6] = int(flows.told)
        numbers = self._index.numbers(keys)
        if len(self._index) > len(self._table):
            larger = np.zeros(max(len(self._index), 3 * len(self._table) // 2), _CELL)
            larger[: len(self._table)] = self._table
            larger["first"][len(self._table) :] = _FOREVER
            larger["exact"][len(self._table) :] = True
            self._table = larger
        return numbers

    def _name(self, number: int, ts_ns: int, names: Names) -> None:
        """Remember the earliest names of a cell; of the same time, in the order of what they say."""
        kept = self._names.setdefault(number, [])
        kept.append((ts_ns, repr(names), names))
        if len(kept) >= 2 * KEPT_NAMES:
            kept.sort(key=lambda one: one[:2])
            del kept[KEPT_NAMES:]

    def take(self) -> Iterator[ChannelWindows]:
        """Every row, those of one window together and in order; what was held is forgotten."""
        keys, table, names = self._index.keys, self._table[: len(self._index)], self._names
        self._clear()
        order = np.lexsort([keys[:, i] for i in (6, 5, 4, 3, 2, 1, 0)])
        if not len(order):
            return
        same = (keys[order][1:, :6] == keys[order][:-1, :6]).all(axis=1)
        best = order[np.append(~same, True)]  # the kind that tells most is the last of its channel and window
        group = np.concatenate([[0], np.cumsum(~same)])
        told: dict[int, _Told] = {}
        for place, number in enumerate(order.tolist() if names else ()):
            if number in names:
                told.setdefault(int(group[place]), []).extend(names[number])
        edges = np.flatnonzero(np.diff(keys[best, 0].astype(np.int64), prepend=-1))
        for start, end in zip(edges.tolist(), [*edges[1:].tolist(), len(best)], strict=True):
            for begin in range(start, end, ROWS):
                rows = range(begin, min(begin + ROWS, end))
                some = [told.get(row) for row in rows] if told else []
                yield self._rows(keys[best[rows]], table[best[rows]], some)

    def _rows(
        self, keys: NDArray[np.uint64], cells: NDArray[Any], names: list[_Told | None]
    ) -> ChannelWindows:
        wide = np.zeros((len(cells), layout.WIDE), np.int64)
        wide[:, layout.WINDOW_NS] = keys[:, 0].astype(np.int64) * self._window_ns
        wide[:, layout.FIRST_NS], wide[:, layout.LAST_NS] = cells["first"], cells["last"]
        counted = (cells["up"] + cells["down"]).any(axis=1)
        wide[:, layout.KNOWN] = np.where(cells["exact"] & counted, layout.KNOWS_COUNTS, 0)
        wide[:, layout.UP + layout.PORT] = cells["client_port"]
        for side, name in ((layout.UP, "up"), (layout.DOWN, "down")):
            wide[:, side + layout.PACKETS], wide[:, side + layout.BYTES] = cells[name].T
        service = keys[:, 5].astype(np.int64)
        return ChannelWindows(
            client=np.ascontiguousarray(keys[:, 1:3]),
            server=np.ascontiguousarray(keys[:, 3:5]),
            port=service >> 8,
            transport=service & 0xFF,
            basis=cells["basis"].copy(),
            wide=wide,
            narrow=np.zeros((len(cells), layout.NARROW), np.uint32),
            facts=[None] * len(cells),
            names=list(map(_merged, names)),
        )


def _counts(flows: Flows) -> NDArray[np.bool_]:
    """Which records count anything: others tell names alone."""
    found: NDArray[np.bool_] = (flows.up + flows.down).max(axis=1) > 0
    return found


def _keep_earliest(table: NDArray[Any], numbers: Int64s, flows: Flows) -> None:
    """First packet of each cell and the client's port then; of records that begin together, the lowest."""
    order = np.lexsort([flows.client_port, flows.first_ns, numbers])
    leads = order[np.diff(numbers[order], prepend=-1) != 0]
    at, first, port = numbers[leads], flows.first_ns[leads], flows.client_port[leads]
    known = table["first"][at]
    better = (first < known) | ((first == known) & (port < table["client_port"][at]))
    table["first"][at[better]] = first[better]
    table["client_port"][at[better]] = port[better]


def _merged(told: _Told | None) -> Names | None:
    """The names of one row, the earliest first."""
    found: Names | None = None
    for _, _, names in sorted(told or [], key=lambda one: one[:2])[:KEPT_NAMES]:
        found = merge_names(found, names)
    return found
