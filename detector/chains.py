"""Captures in order of time: those that follow one another are one stream, those that overlap are several.

Owns which file continues which.  Names say nothing; the time of a file's first packet does,
and where the one before it ended.  Files of a ring (dumpcap -b, tcpdump -G or -C) so go
through one meter, and connections, roles and messages live on across the seam: the windows
are those of the files in one.  Captures of two sensors overlap and are metered apart.

All chains go forward together, the one furthest behind first, so that windows leave in
order of time, and what is held depends on open windows only, not on the number of files.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from detector.capture import first_ns
from detector.capture.files import count
from detector.inputs import Inputs
from detector.kernel import layout
from detector.metering import Capture, Metering, Progress, Waiting
from detector.parallel import Parts
from detector.records import ChannelWindows, SourceReport, Span
from detector.settings import MeterSettings, Settings
from detector.streams import Stream

SEAM_NS: Final = 1_000_000_000
"""A file may begin so much before the end of the one it continues: the queues of a network card, and the
interfaces that share a file, are out of order by less."""
_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one window, and the files that they come from: one after the other, of one chain."""

    start_ns: int  # of the window
    table: ChannelWindows
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Waits:
    """A file that has not been begun."""

    first_ns: int  # 0 = not known: read before all others
    path: str
    stream: Stream | None  # of a pipe, which is open already


class Chain:
    """Files that follow one another, in one meter."""

    def __init__(self, metering: Metering | Parts, settings: MeterSettings) -> None:
        self.capture: Capture | None = None  # the file that is being read; None between two
        self.metering = metering
        self.open = False  # has rows that have not left
        self._settings = settings
        self._spans: list[Span] = []

    @property
    def newest_ns(self) -> int:
        return self.metering.meter.newest_ns

    def begin(self, capture: Capture, begins_ns: int) -> None:
        """Goes on with a file."""
        self.capture = capture
        self._spans.append(Span(capture.report.source, begins_ns, begins_ns))

    def step(self) -> tuple[int, int] | None:
        """A piece of its file; None at the file's end.  Raises StreamError where it is no capture."""
        assert self.capture is not None
        self.open = True
        progress = None
        try:
            progress = self.capture.step()
        finally:
            self._spans[-1] = replace(self._spans[-1], last_ns=self.newest_ns)
            if progress is None:
                self.capture = None
        return progress

    def floor(self) -> int:
        """Start of the earliest window that may still get packets in time."""
        return opens(self.newest_ns, self._settings)

    def rows(self, final: bool = False) -> Iterator[Rows]:
        """What is over (all, when `final`), few rows of one window at a time; to be taken to the end."""
        if not self.open:
            return
        self.open = not final
        for table in self.metering.blocks(final):
            start = int(table.wide[0, layout.WINDOW_NS])
            yield Rows(start, table, tuple(span for span in self._spans if span.last_ns >= start))
        passed = self.floor()
        self._spans = [*(span for span in self._spans[:-1] if span.last_ns >= passed), self._spans[-1]]


class Captures:
    """All captures of a request, as rows in order of window."""

    def __init__(
        self,
        inputs: Inputs,
        settings: Settings,
        *,
        engine: str,
        metering: Callable[[], Metering | Parts],
        waiting: Waiting = nullcontext,
        progress: Progress | None = None,
    ) -> None:
        """Looks for the first packet of each.  `metering` makes what a chain is metered with."""
        self.reports: list[SourceReport] = []  # in the order in which they were begun
        self.interrupted = False
        self._settings = settings
        self._engine = engine
        self._metering = metering
        self._entered = waiting
        self._progress = progress
        self._waiting = _by_time(inputs)
        self._chains: list[Chain] = []
        self._held: list[tuple[int, int, Rows]] = []  # (window start, number, rows), a heap
        self._number = 0

    def __iter__(self) -> Iterator[list[Rows]]:
        """Rows, in order of window as far as the packets of each chain are in order.

        What is given together is of one window, and may hold rows of one channel several times,
        from several chains: they are to be merged.  A later one of that window comes by itself.
        Where it is interrupted it gives what it has and ends, with `interrupted` set.
        """
        try:
            while chain := self._go_on():
                yield from self._leaving(chain)
        except KeyboardInterrupt:
            self.interrupted = True
            self._waiting = []
        chains, self._chains = self._chains, []
        for chain in chains:
            chain.metering.finish()
            if len(chains) == 1 and not self._held:
                yield from ([rows] for rows in chain.rows(final=True))
            self._hold(chain.rows(final=True))
        yield from self._of_windows_before(None)

    def _go_on(self) -> Chain | None:
        """Begins the next file, or reads a piece of the one furthest behind; None when all is read."""
        reading = [chain for chain in self._chains if chain.capture]
        behind = min(reading, key=lambda chain: chain.newest_ns, default=None)
        if self._waiting and (behind is None or self._waiting[-1].first_ns + SEAM_NS < behind.newest_ns):
            return self._begin(self._waiting.pop())
        if behind is not None:
            self._step(behind)
        return behind

    def _begin(self, file: Waits) -> Chain:
        """In the chain that ended last before it, else in one of its own."""
        between = [c for c in self._chains if not c.capture and c.newest_ns <= file.first_ns + SEAM_NS]
        chain = max(between, key=lambda chain: chain.newest_ns, default=None)
        if chain is None:
            chain = Chain(self._metering(), self._settings.meter)
            self._chains.append(chain)
        report = SourceReport(source=file.path)
        self.reports.append(report)
        source = file.stream or file.path
        capture = Capture(
            source, chain.metering.meter, self._settings, report, engine=self._engine, waiting=self._entered
        )
        chain.begin(capture, file.first_ns)
        return chain

    def _step(self, chain: Chain) -> None:
        assert chain.capture is not None
        report = chain.capture.report
        try:
            done = chain.step()
        except (OSError, ValueError) as error:  # StreamError is a ValueError: one line
            report.problem = str(error)
            return
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001  what no input should cause: the others are still scored
            count(chain.metering.meter.next_stream(), report)
            report.problem = f"{report.source}: {_mistake(error)} (after {report.packets} packets)"
            return
        if done and self._progress:
            self._progress(report.source, *done)

    def _leaving(self, chain: Chain) -> Iterator[list[Rows]]:
        """What a chain has to give, at once where no other can add to its windows, and what others waited
        for."""
        begins = _start(self._waiting[-1].first_ns, self._settings.meter) if self._waiting else None
        if self._chains == [chain] and not self._held and (begins is None or begins >= chain.floor()):
            yield from ([rows] for rows in chain.rows())
            return
        self._hold(chain.rows())
        self._leave_behind()
        floors = [chain.floor() for chain in self._chains if chain.open or chain.capture]
        floors += [] if begins is None else [begins]
        yield from self._of_windows_before(min(floors, default=None))

    def _of_windows_before(self, floor: int | None) -> Iterator[list[Rows]]:
        """What is held of windows that start before `floor` (all, without one), a window at a time."""
        while self._held and (floor is None or self._held[0][0] < floor):
            start, together = self._held[0][0], list[Rows]()
            while self._held and self._held[0][0] == start:
                together.append(heapq.heappop(self._held)[2])
            yield together

    def _leave_behind(self) -> None:
        """Closes what chains that no file has continued still hold, once time has passed over it, and forgets
        them when their connections would be forgotten."""
        reading = [chain.newest_ns for chain in self._chains if chain.capture]
        if not reading:
            return
        now = min(reading) - SEAM_NS
        for chain in [chain for chain in self._chains if not chain.capture]:
            if _start(chain.newest_ns, self._settings.meter) < opens(now, self._settings.meter):
                self._hold(chain.rows(final=True))
            if chain.newest_ns + self._settings.meter.idle_s * _NS < now:
                self._chains.remove(chain)

    def _hold(self, rows: Iterator[Rows]) -> None:
        for one in rows:
            heapq.heappush(self._held, (one.start_ns, self._number, one))
            self._number += 1


def _by_time(inputs: Inputs) -> list[Waits]:
    """Captures that wait, the earliest last; those that begin at the same time in order of name."""
    found = []
    for path in inputs.captures:
        stream = inputs.streams.get(path)
        found.append(Waits(first_ns(stream or path), path, stream))
    return sorted(found, key=lambda file: (file.first_ns, file.path), reverse=True)


def _start(ns: int, settings: MeterSettings) -> int:
    """Start of the window that holds a time."""
    return ns // (settings.window_s * _NS) * settings.window_s * _NS


def opens(newest_ns: int, settings: MeterSettings) -> int:
    """Start of the earliest window that the meter keeps open when its newest packet is that old."""
    return max(0, _start(newest_ns - settings.lateness_s * _NS, settings))


def _mistake(error: Exception) -> str:
    """What happened and where; the text of an exception may hold what was read, and so is not told."""
    import traceback  # noqa: PLC0415  6 ms, for what should not happen

    place = traceback.extract_tb(error.__traceback__)[-1]
    what = f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
    return f"a mistake in minewatch, please report it: {what}"
