"""Flow logs one after the other, as tables of channel windows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from detector.flowlogs.cells import Cells
from detector.flowlogs.contract import FlowLogError, FlowSource
from detector.flowlogs.registry import SOURCES
from detector.interrupts import Interrupts
from detector.records import ChannelWindows, SourceReport, Span
from detector.streams import Stream, open_stream

if TYPE_CHECKING:
    from detector.settings import Settings

Progress = Callable[[str, int, int], None]
_LATE: Final = 1 << 62


def kind_of(head: bytes) -> FlowSource | None:
    """The kind of flow log that begins so; None where it is none."""
    return next((source for source in SOURCES if source.sniff(head)), None)


class FlowLogs:
    """The flow logs of a request, all in one: rows do not depend on how records lie in files."""

    def __init__(
        self,
        paths: Sequence[str],
        settings: Settings,
        *,
        streams: Mapping[str, Stream] | None = None,
        interrupts: Interrupts | None = None,
        progress: Progress | None = None,
    ) -> None:
        """streams: of pipes, which are open already.  After an interrupt no more is read."""
        self.reports: list[SourceReport] = []
        self._paths = paths
        self._settings = settings
        self._streams = streams or {}
        self._interrupts = interrupts
        self._progress = progress
        self._cells = Cells(settings.meter.window_s)
        self._spans: dict[str, Span] = {}

    def __iter__(self) -> Iterator[tuple[ChannelWindows, tuple[Span, ...]]]:
        """(rows of one window, the files whose records lie in their time), in order of window."""
        for path in self._paths:
            if self._interrupts and self._interrupts.asked:
                break
            report = SourceReport(source=path)
            self.reports.append(report)
            try:
                yield from self._read(path, report)
            except (OSError, ValueError) as error:  # StreamError is a ValueError: one line
                report.problem = str(error)
        yield from self._taken()

    def _read(self, path: str, report: SourceReport) -> Iterator[tuple[ChannelWindows, tuple[Span, ...]]]:
        with self._streams.get(path) or open_stream(path, self._settings.inputs) as stream:
            source = kind_of(stream.head())
            if source is None:
                raise FlowLogError(f"{path}: no flow log (offset 0)")
            stream.end_at_damage()
            if self._interrupts:
                stream.end_at_interrupt(self._interrupts)
            for flows in source.read(stream, report):
                first, last = int(flows.first_ns.min()), int(flows.last_ns.max())
                known = self._spans.get(path, Span(path, _LATE, 0))
                self._spans[path] = Span(path, min(known.first_ns, first), max(known.last_ns, last))
                self._cells.add(flows)
                if self._progress:
                    self._progress(path, stream.position, stream.n_bytes)
                if self._cells.full:
                    yield from self._taken()
            report.problem = report.problem or stream.problem

    def _taken(self) -> Iterator[tuple[ChannelWindows, tuple[Span, ...]]]:
        spans = tuple(self._spans.values())
        for table in self._cells.take():
            yield table, spans
