"""What a label's `source` holds: captures, flow logs, window tables, power readings; one file, or a folder.

Window tables are what `minewatch extract` wrote: they give the same rows as the captures, flow logs and
power files that they were extracted from, and hold no payload.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from detector.capture import first_ns
from detector.flow_limits import CAPTURE, FLOW
from detector.inputs import sort_inputs
from detector.metering import channel_windows
from detector.records import ChannelWindows, Finding, PowerWindows, SourceReport
from detector.settings import Settings
from detector.telemetry import read_power
from detector.windows.power import power_windows
from training import window_tables

if TYPE_CHECKING:
    from training.table import Sources


POWER = "power"


class SourceError(ValueError):
    """A source that nothing can be learnt from; one line that says why."""


@dataclass(slots=True)
class Source:
    """The files of one source, by what they hold."""

    captures: list[str] = field(default_factory=list)
    flows: list[str] = field(default_factory=list)
    readings: list[str] = field(default_factory=list)
    channel_tables: list[str] = field(default_factory=list)
    power_tables: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # what was passed over, or not read to its end

    @property
    def files(self) -> list[str]:
        """All that will be read."""
        return [*self.captures, *self.flows, *self.channel_tables, *self.readings, *self.power_tables]


def find(path: Path) -> Source:
    """The files of a source, told apart by content.  Raises SourceError."""
    inputs = sort_inputs([str(path)])
    if inputs.problems:
        raise SourceError(inputs.problems[0])
    source = Source(captures=inputs.captures, flows=inputs.flows, notes=list(inputs.notes))
    for name in inputs.power:
        kind = window_tables.kind_of(name)
        into = {"channels": source.channel_tables, "power": source.power_tables}
        into.get(kind or "", source.readings).append(name)
    return source


def channels(source: Source, settings: Settings) -> Sources:
    """Each capture's finished windows, as `in_order` takes them; reading raises ValueError, OSError."""
    for path in source.captures:
        yield first_ns(path), _metered(path, settings, source.notes)
    for path in source.channel_tables:
        yield from window_tables.channels(path)


def volumes(source: Source, settings: Settings) -> Iterator[ChannelWindows]:
    """Rows of all flow logs, of one window each; reading raises ValueError, OSError."""
    if source.flows:
        from detector.flowlogs import FlowLogs  # noqa: PLC0415  loads msgspec

        logs = FlowLogs(source.flows, settings)
        for table, _ in logs:
            yield table
        for report in logs.reports:
            if report.problem and not report.records:
                raise SourceError(report.problem)
            source.notes += [f"{report.source}: {note}" for note in report.notes]
            source.notes += [report.problem] if report.problem else []
    for path in source.channel_tables:
        yield from window_tables.volumes(path)


def power(source: Source, settings: Settings) -> Iterator[PowerWindows]:
    """The power windows of each file that was recorded.  Raises ValueError, OSError."""
    for path in source.readings:
        yield power_windows(read_power(path), settings.windows)
    for path in source.power_tables:
        yield from window_tables.power(path)


def kinds_of(paths: Iterable[str], power: Iterable[str] = ()) -> dict[str, str]:
    """`capture`, `flow` or `power` of each file that scoring these paths reads."""
    inputs = sort_inputs(tuple(paths), tuple(power))
    parts = ((CAPTURE, inputs.captures), (FLOW, inputs.flows), (POWER, inputs.power))
    return {name: kind for kind, names in parts for name in names}


def kind_of(finding: Finding, kinds: Mapping[str, str]) -> str:
    """What was seen of a host came from: `flow`, or several as `capture+flow`."""
    if finding.kind == "meter":
        return POWER
    told = {kinds[name] for name in finding.quality.get("sources", ()) if name in kinds}
    return "+".join(sorted(told | ({POWER} if finding.power_score is not None else set()))) or "-"


def _metered(path: str, settings: Settings, notes: list[str]) -> Iterator[ChannelWindows]:
    report = SourceReport(source=path)
    yield from channel_windows(path, settings, "native", report)
    if report.problem:
        notes.append(report.problem)
