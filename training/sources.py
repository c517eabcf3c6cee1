"""What a label's `source` holds: captures, window tables, power readings; one file, or a folder of them.

Window tables are what `minewatch extract` wrote: they give the same rows as the captures and power
files that they were extracted from, and hold no payload.  Flow logs are refused by name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from detector.capture import first_ns
from detector.inputs import sort_inputs
from detector.metering import channel_windows
from detector.records import ChannelWindows, PowerWindows, SourceReport
from detector.settings import Settings
from detector.telemetry import read_power
from detector.windows.power import power_windows
from training import window_tables

if TYPE_CHECKING:
    from training.table import Sources

_NO_MESSAGES = (
    "flow logs cannot be learnt from: they hold no messages; give captures, or window tables of them"
)


class SourceError(ValueError):
    """A source that nothing can be learnt from; one line that says why."""


@dataclass(slots=True)
class Source:
    """The files of one source, by what they hold."""

    captures: list[str] = field(default_factory=list)
    readings: list[str] = field(default_factory=list)
    channel_tables: list[str] = field(default_factory=list)
    power_tables: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # what was passed over, or not read to its end

    @property
    def files(self) -> list[str]:
        """All that will be read."""
        return [*self.captures, *self.channel_tables, *self.readings, *self.power_tables]


def find(path: Path) -> Source:
    """The files of a source, told apart by content.  Raises SourceError."""
    inputs = sort_inputs([str(path)])
    if inputs.problems:
        raise SourceError(inputs.problems[0])
    if inputs.flows and not (inputs.captures or inputs.power):
        raise SourceError(f"{inputs.flows[0]}: {_NO_MESSAGES}")
    source = Source(captures=inputs.captures, notes=list(inputs.notes))
    source.notes += [f"{name}: {_NO_MESSAGES}" for name in inputs.flows[:1]]
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


def power(source: Source, settings: Settings) -> Iterator[PowerWindows]:
    """The power windows of each file that was recorded.  Raises ValueError, OSError."""
    for path in source.readings:
        yield power_windows(read_power(path), settings.windows)
    for path in source.power_tables:
        yield from window_tables.power(path)


def _metered(path: str, settings: Settings, notes: list[str]) -> Iterator[ChannelWindows]:
    report = SourceReport(source=path)
    yield from channel_windows(path, settings, "native", report)
    if report.problem:
        notes.append(report.problem)
