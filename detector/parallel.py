"""One stream metered by several threads: each takes the channels of its part.

The kernel lets go of Python's lock while it works, so threads use the cores without a copy
of the rows and without the 0.3 s in which processes start.  Every thread walks and decodes
all records, and meters a part: between them they have the rows of one meter, though those of
one window in another order.  Unpacking is done once.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from detector.kernel import Counters, layout
from detector.metering import Metering
from detector.records import ChannelWindows
from detector.settings import Settings

if TYPE_CHECKING:
    from concurrent.futures import Executor

MOST_PARTS: Final = 16


class Parts:
    """Parts of one meter, fed with the same bytes at the same time; the interface of one."""

    def __init__(self, settings: Settings, n: int, threads: Executor) -> None:
        self._parts = [Metering(settings, (i, n)) for i in range(n)]
        self._threads = threads
        self._room = bytearray()

    @property
    def meter(self) -> Parts:
        """What a reader fills."""
        return self

    @property
    def newest_ns(self) -> int:
        return self._parts[0].meter.newest_ns

    @property
    def problem(self) -> str | None:
        return self._parts[0].meter.problem

    @property
    def counters(self) -> Counters:
        return _sum([part.meter.counters for part in self._parts])

    def room(self, n: int) -> memoryview:
        """At least n writable bytes."""
        if len(self._room) < n:
            self._room = bytearray(n)
        return memoryview(self._room)

    def advance(self, n: int) -> None:
        """n bytes were written to the last `room`: every part meters them."""
        data = memoryview(self._room)[:n]
        list(self._threads.map(lambda part: part.meter.feed(data), self._parts))

    def next_stream(self) -> Counters:
        """Ends this stream and begins another."""
        return _sum([part.meter.next_stream() for part in self._parts])

    def finish(self) -> None:
        """The last stream is over."""
        for part in self._parts:
            part.finish()

    def blocks(self, final: bool = False) -> Iterator[ChannelWindows]:
        """Rows of the windows that are over (all, when `final`), few rows of one window at a time."""
        parts = (part.blocks(final) for part in self._parts)
        yield from heapq.merge(*parts, key=lambda table: int(table.wide[0, layout.WINDOW_NS]))


def _sum(parts: list[Counters]) -> Counters:
    """What all parts count together; what nobody decoded stands in the first."""
    packets, decoded = sum(part.packets for part in parts), sum(part.decoded for part in parts)
    return replace(parts[0], packets=packets, decoded=decoded)


@contextmanager
def metered_with(settings: Settings, jobs: int) -> Iterator[Callable[[], Metering | Parts]]:
    """What makes the meterings of `jobs` threads, while entered."""
    if jobs == 1:
        yield lambda: Metering(settings)
        return
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  imports logging

    with ThreadPoolExecutor(min(jobs, MOST_PARTS)) as threads:
        yield lambda: Parts(settings, min(jobs, MOST_PARTS), threads)
