"""Capture bytes -> channel windows with what the dissectors heard: capture, kernel and dissectors joined.

Both engines end here: the native one reads and decodes by itself, the other asks tshark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from detector.capture.files import Sink, count, read
from detector.dissectors import Dissection
from detector.kernel import Meter, layout
from detector.records import ChannelWindows, SourceReport
from detector.settings import Settings
from detector.streams import Stream, StreamError, open_stream

if TYPE_CHECKING:
    from detector.records import Int64s

Progress = Callable[[str, int, int], None]
"""Called with (source, bytes done, bytes in all; 0 = not known)."""
Waiting = Callable[[], AbstractContextManager[None]]
"""Around every wait for bytes."""


class Metering:
    """A meter and the dissection of its payload, fed with the bytes of one stream after the other."""

    def __init__(self, settings: Settings, part: tuple[int, int] = (0, 1)) -> None:
        """part: (i, n), see `Meter`."""
        self.meter = Meter(settings.meter, part)
        self._dissection = Dissection(settings.meter.window_s)
        self.meter.hear = self._listen

    def _listen(self) -> None:
        """Hand new payload to the dissectors, and their decisions back to the meter."""
        for decision in self._dissection.feed(self.meter.payloads()):
            if decision.client_is_a is not None:
                self.meter.turn(decision.connection, decision.client_is_a)
            if decision.ignore:
                self.meter.ignore(decision.connection)
        for old, new in self.meter.joined():
            self._dissection.join(old, new)

    def finish(self) -> None:
        """The last stream is over."""
        self.meter.finish()
        self.meter.hear = None  # a meter that calls what holds it lives until Python looks for circles

    def windows(self, final: bool = False) -> ChannelWindows:
        """Rows of the windows that are over (all, when `final`), facts attached."""
        self._listen()  # what segments that waited gave at the end
        return self._told(*self.meter.windows(final))

    def blocks(self, final: bool = False) -> Iterator[ChannelWindows]:
        """What `windows` gives, few rows of one window at a time: see `Meter.blocks`."""
        self._listen()
        for table, channels in self.meter.blocks(final):
            yield self._told(table, channels)

    def _told(self, table: ChannelWindows, channels: Int64s) -> ChannelWindows:
        """The rows with what was heard and seen on their channels."""
        heard, named = self._dissection.heard(), self._dissection.named()
        for row, channel in enumerate(channels.tolist()):
            if channel in heard:
                table.facts[row] = self._dissection.facts(channel, int(table.wide[row, layout.WINDOW_NS]))
            if channel in named:
                table.names[row] = self._dissection.names(channel, int(table.wide[row, layout.WINDOW_NS]))
        return table


class Capture:
    """One capture on its way through a metering, a piece at a time."""

    def __init__(
        self,
        source: str | Stream,
        meter: Sink,
        settings: Settings,
        report: SourceReport,
        *,
        engine: str,
        waiting: Waiting = nullcontext,
    ) -> None:
        """engine: "native" or "pyshark"; `report` is filled as it goes.  Opens nothing yet."""
        self.path = report.source
        self.report = report
        self._meter = meter
        self._pieces = self._read(source, settings, engine, waiting)

    def step(self) -> tuple[int, int] | None:
        """Meters the next piece: (bytes done, bytes in all; 0 = not known), None at the end.

        Raises StreamError when it is no capture at all; what goes wrong later stands in
        `report.problem`.
        """
        progress = next(self._pieces, None)
        if progress:
            count(self._meter.counters, self.report)
        return progress

    def _read(
        self, source: str | Stream, settings: Settings, engine: str, waiting: Waiting
    ) -> Iterator[tuple[int, int]]:
        meter = self._meter
        if engine == "pyshark":
            assert isinstance(meter, Meter)  # alone: tshark is what takes the time
            if isinstance(source, Stream):
                source.close()
                raise StreamError(f"{self.path}: --engine pyshark reads files, not pipes (offset 0)")
            from detector.capture.pyshark_engine import read as other  # noqa: PLC0415  (starts tshark)

            yield from other(self.path, meter, self.report, waiting)
        else:
            stream = source if isinstance(source, Stream) else open_stream(source, settings.inputs)
            yield from read(stream, meter, self.report, waiting)


def channel_windows(
    path: str, settings: Settings, engine: str, report: SourceReport, progress: Progress | None = None
) -> Iterator[ChannelWindows]:
    """Rows of finished windows of one capture, in order, a block at a time; `report` is filled as it goes.

    engine: "native" or "pyshark".  Raises StreamError when nothing of it can be read; what
    goes wrong later stands in `report.problem`, and what came before is still yielded.
    """
    metering = Metering(settings)
    capture = Capture(path, metering.meter, settings, report, engine=engine)
    while done := capture.step():
        yield from metering.blocks()
        if progress:
            progress(path, *done)
    metering.finish()
    yield from metering.blocks(final=True)
