"""What to watch and how: the table [monitor] of a settings file, and what the command line adds."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from detector.inputs import sort_inputs
from detector.monitor.changes import SCORE_STEP
from detector.settings import Settings, SettingsError, from_table, ranged, read_table, refuse_unknown, room
from detector.streams import STDIN


@dataclass(frozen=True, slots=True)
class MonitorSettings:
    """The table [monitor].  Empty = not given."""

    interfaces: tuple[str, ...] = ()
    follow: tuple[str, ...] = ()  # captures and power logs, told apart by content
    power: tuple[str, ...] = ()  # power logs
    power_unit: str = ""  # of readings whose file does not say
    power_timezone: str = ""
    assets: str = ""
    policy: str = ""
    tips: str = ""
    model: str = ""
    output: str = ""  # findings as JSON lines are appended here
    syslog: str = ""  # a server that is told what is printed, as CEF
    score_step: float = ranged(SCORE_STEP, 0.0001, 1)  # a score that moved by this much is told again


@dataclass(slots=True)
class Watched:
    """Captures and power logs, one line for each that cannot be, and what else is to be told."""

    captures: list[str] = field(default_factory=list)
    power: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything the monitor needs to know before it starts."""

    monitor: MonitorSettings = field(default_factory=MonitorSettings)
    settings: Settings = field(default_factory=Settings)
    once: bool = False  # read what files hold now, then stop
    duration_s: float | None = None  # by the clock

    def sources(self) -> Watched:
        """What to watch, each once.  A followed file that is not there yet is a capture."""
        found, named = Watched(), list[str]()
        for path in self._once_each(self.monitor.power, self.monitor.follow, found.notes):
            if path in self.monitor.power or (path == STDIN and "-" in self.monitor.power):
                found.power.append(path)
            elif Path(path).is_fifo():  # no look inside: what is read from a pipe is gone
                found.captures.append(path)
            else:
                named.append(path)
        for paths in [named] if self.once else [[path] for path in named]:
            self._told_apart(paths, found)
        if not self.once:
            pipes = [path for path in found.power if Path(path).is_fifo()]
            found.power = [path for path in found.power if path not in pipes]
            found.problems += [
                f"{path}: a pipe; a power log is read again as it grows: a file" for path in pipes
            ]
        return found

    def _told_apart(self, paths: list[str], found: Watched) -> None:
        inputs = sort_inputs(paths, settings=self.settings.inputs)
        found.captures += inputs.captures
        found.power += inputs.power
        found.notes += inputs.notes
        found.problems += [f"{path}: a flow log: read it with minewatch score" for path in inputs.flows]
        waits = not self.once and all(p.endswith(_NOT_YET) for p in inputs.problems)
        if inputs.problems and waits:
            found.captures += paths
        else:
            found.problems += inputs.problems

    @staticmethod
    def _once_each(power: Iterable[str], follow: Iterable[str], notes: list[str]) -> Iterator[str]:
        """Every path but those that lead to a file that was named before, which is noted."""
        first: dict[object, str] = {}
        for name in (*power, *follow):
            path = STDIN if name == "-" else name
            try:
                about = Path(path).stat()
                which: object = (about.st_dev, about.st_ino)
            except (OSError, ValueError):
                which = os.path.realpath(path) if "\0" not in path else path
            if which in first:
                twice = "named twice" if first[which] == path else f"the same file as {first[which]}"
                notes.append(f"{path}: {twice}; read once")
            else:
                first[which] = path
                yield path


_NOT_YET = (": no such file", ": empty file")


def load(path: str | None) -> Plan:
    """The plan in a TOML file: [monitor] and the tables of `detector.settings`.

    Raises SettingsError with the key at fault and the nearest known one.
    """
    if path is None:
        return Plan()
    table: dict[str, Any] = read_table(path)
    refuse_unknown(table, {"monitor", *(item.name for item in fields(Settings))}, path)
    chosen = table.pop("monitor", {})
    monitor: MonitorSettings = room(MonitorSettings, chosen, f"{path}: [monitor]")
    return Plan(monitor, from_table(table, path))


def watching(plan: Plan) -> Plan:
    """The plan itself, when there is something to watch.  Raises SettingsError."""
    monitor = plan.monitor
    if not (monitor.interfaces or monitor.follow or monitor.power):
        raise SettingsError(
            "nothing to watch: name an --interface, a file to --follow, or readings with --power"
        )
    if plan.once and monitor.interfaces:
        raise SettingsError("--once reads files to their end; an interface has none: use --duration")
    if plan.once:
        return replace(plan, duration_s=None)
    return plan
