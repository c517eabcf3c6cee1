"""What to watch and how: the table [monitor] of a settings file, and what the command line adds."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from detector.inputs import sort_inputs
from detector.monitor.changes import SCORE_STEP
from detector.settings import Settings, SettingsError, from_table, read_table, refuse_unknown, room


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
    score_step: float = SCORE_STEP  # a score that moved by this much is told again


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything the monitor needs to know before it starts."""

    monitor: MonitorSettings = field(default_factory=MonitorSettings)
    settings: Settings = field(default_factory=Settings)
    once: bool = False  # read what files hold now, then stop
    duration_s: float | None = None  # by the clock

    def sources(self) -> tuple[tuple[str, ...], tuple[str, ...], list[str]]:
        """(captures, power logs, problems).  A followed file that is not there yet is a capture."""
        captures: list[str] = []
        power = list(self.monitor.power)
        problems: list[str] = []
        for path in self.monitor.follow:
            if Path(path).is_fifo():  # no look inside: what is read from a pipe is gone
                captures.append(path)
                continue
            inputs = sort_inputs([path])
            captures += inputs.captures
            power += inputs.power
            problems += [f"{path}: a flow log: read it with minewatch score" for path in inputs.flows]
            waits = not self.once and all(p.endswith(_NOT_YET) for p in inputs.problems)
            if inputs.problems and waits:
                captures.append(path)
            else:
                problems += inputs.problems
        return tuple(captures), tuple(dict.fromkeys(power)), problems


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
