"""One capture -> its channel windows with what the dissectors heard: capture, kernel and dissectors joined.

Both engines end here: the native one reads and decodes by itself, the other asks tshark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from detector.dissectors import Dissection
from detector.kernel import Meter, layout
from detector.records import ChannelWindows, SourceReport
from detector.settings import Settings

Progress = Callable[[str, int, int], None]
"""Called with (source, bytes done, bytes in all; 0 = not known)."""


class Metering:
    """A meter and the dissection of its payload, fed with the bytes of one capture."""

    def __init__(self, settings: Settings) -> None:
        self.meter = Meter(settings.meter)
        self._dissection = Dissection(settings.meter.window_s)

    def listen(self) -> None:
        """Hand new payload to the dissectors, and their decisions back to the meter."""
        for decision in self._dissection.feed(self.meter.payloads()):
            if decision.client_is_a is not None:
                self.meter.turn(decision.connection, decision.client_is_a)
            if decision.ignore:
                self.meter.ignore(decision.connection)
        for old, new in self.meter.joined():
            self._dissection.join(old, new)

    def windows(self, final: bool = False) -> ChannelWindows:
        """Rows of the windows that are over (all, when `final`), facts attached."""
        table, channels = self.meter.windows(final)
        if not len(table):
            return table
        heard = np.flatnonzero(np.isin(channels, self._dissection.heard()))
        starts = table.wide[heard, layout.WINDOW_NS]
        for row, channel, start in zip(
            heard.tolist(), channels[heard].tolist(), starts.tolist(), strict=True
        ):
            table.facts[row] = self._dissection.facts(channel, start)
        return table


def channel_windows(
    path: str, settings: Settings, engine: str, report: SourceReport, progress: Progress | None = None
) -> Iterator[ChannelWindows]:
    """Tables of finished windows of one capture, in order; `report` is filled as it goes.

    engine: "native" or "pyshark".  Raises CaptureError when nothing of it can be read; what
    goes wrong later stands in `report.problem`, and what came before is still yielded.
    """
    if engine == "pyshark":
        from detector.capture.pyshark_engine import read  # noqa: PLC0415  (starts tshark)
    else:
        from detector.capture.files import read  # noqa: PLC0415
    metering = Metering(settings)
    for done, total in read(path, metering.meter, report):
        metering.listen()
        table = metering.windows()
        if len(table):
            yield table
        if progress:
            progress(path, done, total)
    metering.listen()
    table = metering.windows(final=True)
    report.packets = metering.meter.counters.packets
    report.decoded = metering.meter.counters.decoded
    report.undecodable = dict(metering.meter.counters.undecodable)
    if len(table):
        yield table
