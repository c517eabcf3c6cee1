"""Hosts by address, in columns: who was seen when, how much, where, and what could be judged.

A host takes about 0.15 KB; what is remembered of its channels is the ledger's.  Read like
a dict it gives a `HostRecord` an address, made when it is asked for.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from detector import hosts
from detector.findings.course import Courses
from detector.kernel import layout
from detector.kernel.index import Index
from detector.records import Span

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detector.findings.ledger import ChannelRecord, PowerRecord
    from detector.findings.thinned import Thinned
    from detector.records import Int64s, UInt64s

_FOREVER_NS = 1 << 62
KEPT_SOURCES = 16  # names, a host
COUNTED = ("first_ns", "last_ns", "packets", "windows", "judged", "most_messages", "asked", "one_way")
"""The first fields of a `HostRecord`, in its order."""
_HOST = np.dtype(
    [(name, "?" if name in {"asked", "one_way"} else "i8") for name in (*COUNTED, "newest_window", "sources")]
)


@dataclass(slots=True)
class HostRecord:
    """Everything that is remembered of one host."""

    first_ns: int
    last_ns: int
    packets: int = 0
    windows: int = 0
    judged: int = 0  # rows that could be scored
    most_messages: int = 0  # of a row that could not
    asked: bool = False  # had a channel of its own, not only answered others
    one_way: bool = True  # nothing but one direction of its channels was seen
    channels: dict[bytes, ChannelRecord] = field(default_factory=dict)
    course: Thinned | None = None
    power: PowerRecord | None = None
    sources: frozenset[str] = frozenset()


class Roster:
    """What was counted of each host; `channels`, by number of the host, are filled by the ledger."""

    def __init__(self, courses: Courses | None = None) -> None:
        """courses: of the scores of hosts, by number."""
        self.channels: dict[int, dict[bytes, ChannelRecord]] = {}
        self._courses = courses or Courses()
        self._index = Index(2)
        self._table: NDArray[Any] = np.zeros(64, _HOST)
        self._sources = _Sources()

    def __len__(self) -> int:
        return len(self._index)

    def __iter__(self) -> Iterator[str]:
        return map(hosts.text, self._index.keys.tolist())

    def __contains__(self, name: str) -> bool:
        try:
            self[name]
        except KeyError:
            return False
        return True

    def __getitem__(self, name: str) -> HostRecord:
        """Raises KeyError."""
        try:
            address = np.array(hosts.words(name), np.uint64)
        except ValueError as error:
            raise KeyError(name) from error
        same = np.flatnonzero((self._index.keys == address).all(axis=1))
        if not len(same) or hosts.text(address) != name:  # other spellings are no names
            raise KeyError(name)
        return next(self._records(slice(int(same[0]), int(same[0]) + 1)))

    def items(self) -> Iterator[tuple[str, HostRecord]]:
        """(address, record) of every host, in order of first appearance; each record made in its turn."""
        return zip(self, self._records(slice(0, len(self))), strict=True)

    def _records(self, which: slice) -> Iterator[HostRecord]:
        columns: list[Iterable[Any]] = [self._table[name][which].tolist() for name in COUNTED]
        channels = (self.channels.get(number, {}) for number in range(which.start, which.stop))
        sources = map(self._sources.names, self._table["sources"][which].tolist())
        courses = map(self._courses.of, range(which.start, which.stop))
        return map(HostRecord, *columns, channels, courses, itertools.repeat(None), sources)

    def numbers(self, addresses: UInt64s) -> Int64s:
        """The number of each host, (n, 2) -> (n,); new hosts get one."""
        numbers = self._index.numbers(addresses)
        if len(self._index) > len(self._table):
            size = max(len(self._index), 3 * len(self._table) // 2)
            self._table = np.concatenate([self._table, np.zeros(size - len(self._table), _HOST)])
        return numbers

    def see(self, addresses: UInt64s, wide: Int64s, packets: Int64s, source: str | Sequence[Span]) -> None:
        """Count rows: whose, their wide words as far as the times stand, their packets, their source
        (spans where they are of several, one after the other)."""
        n = len(self)
        numbers, table = self.numbers(addresses), self._table
        table["first_ns"][n : len(self)] = np.iinfo(np.int64).max
        table["newest_window"][n : len(self)] = -1
        table["one_way"][n : len(self)] = True
        np.minimum.at(table["first_ns"], numbers, wide[:, layout.FIRST_NS])
        np.maximum.at(table["last_ns"], numbers, wide[:, layout.LAST_NS])
        np.add.at(table["packets"], numbers, packets)
        starts = wide[:, layout.WINDOW_NS]
        for start in sorted(set(starts.tolist())):
            of_window = numbers[starts == start]
            fresh = of_window[table["newest_window"][of_window] < start]
            table["windows"][fresh] += 1  # once, however often it stands there
            table["newest_window"][fresh] = start
        for span in [Span(source, 0, _FOREVER_NS)] if isinstance(source, str) else source:
            within = (wide[:, layout.FIRST_NS] <= span.last_ns) & (wide[:, layout.LAST_NS] >= span.first_ns)
            seen = numbers[within]
            table["sources"][seen] = self._sources.joined(table["sources"][seen], span.source)

    def try_rows(self, addresses: UInt64s, messages: Int64s, both_ways: NDArray[np.bool_]) -> None:
        """Remember rows that are looked at: messages of those that do not hold enough (else 0)."""
        numbers, table = self.numbers(addresses), self._table
        np.maximum.at(table["most_messages"], numbers, messages)
        table["asked"][numbers] = True
        table["one_way"][numbers[both_ways]] = False

    def judge_rows(self, addresses: UInt64s) -> Int64s:
        """Count rows that are scored; the number of the host of each."""
        numbers = self.numbers(addresses)
        np.add.at(self._table["judged"], numbers, 1)
        return numbers


class _Sources:
    """Sets of names of sources, by number: hosts of one capture share one.  0 is the empty set."""

    def __init__(self) -> None:
        self._sets: list[frozenset[str]] = [frozenset()]
        self._joined: dict[tuple[int, str], int] = {}
        self._number: dict[frozenset[str], int] = {frozenset(): 0}

    def names(self, number: int) -> frozenset[str]:
        return self._sets[number]

    def joined(self, numbers: Int64s, source: str) -> Int64s:
        """The set of each with `source` in it, where it is not full."""
        distinct, place = np.unique(numbers, return_inverse=True)
        return np.array([self._with(number, source) for number in distinct.tolist()], np.int64)[place]

    def _with(self, number: int, source: str) -> int:
        names = self._sets[number]
        if len(names) >= KEPT_SOURCES or source in names:
            return number
        found = self._joined.get((number, source))
        if found is None:
            found = self._number.setdefault(names | {source}, len(self._sets))
            if found == len(self._sets):
                self._sets.append(names | {source})
            self._joined[number, source] = found
        return found
