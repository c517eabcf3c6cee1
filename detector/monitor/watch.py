"""The loop of the monitor.

One thread: reads what sources have, passes batches on in order of data time (`holdback`),
judges, tells what changed.  The clock decides when to read, to judge and to tell; it never
decides in which window a packet is or what a score is.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from detector.findings import Ledger
from detector.kernel import layout
from detector.monitor.changes import Change, Changes
from detector.monitor.holdback import HoldBack
from detector.monitor.plan import Plan
from detector.monitor.signals import Stop
from detector.monitor.sources import FollowedSource, LiveSource, ReplayedSource, Source
from detector.records import ChannelWindows, Finding, Readings, SourceReport
from detector.scoring import Run
from detector.telemetry import TelemetryError, read_power
from detector.telemetry.follow import Tail
from detector.text import grouped, plural, printable

FIRST_WAIT_S: Final = 0.05
LONGEST_WAIT_S: Final = 1.0
HANDED_OVER_S: Final = 0.4  # dumpcap reads the kernel's ring every 250 ms, and not again when it ends
FILES_S: Final = 2.0  # for what files hold and was not read yet
DRAIN_S: Final = 10.0  # for what dumpcap still has when it is asked to end
JUDGING_SHARE: Final = 0.05  # of the time, at most, where many hosts make judging long
TOLD_WINDOWS: Final = 12  # windows between two lines on what was read and lost
TOLD_S: Final = 60.0


Teller = Callable[[Sequence[Change]], None]
"""Takes findings that changed, worst first."""


@dataclass(slots=True)
class Outcome:
    """What is believed at the end, and what became of each source."""

    findings: list[Finding]
    sources: list[SourceReport]
    problems: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Power:
    """A power log on its way."""

    tail: Tail
    report: SourceReport
    judged_window: int = -1
    waiting: Readings | None = None  # read and not judged yet
    next_s: float = 0.0


class Watch:
    """Watches what a plan names until it is over or a stop is asked for."""

    def __init__(self, plan: Plan, run: Run, tell: Teller, note: Callable[[str], None]) -> None:
        """Opens the sources.  Raises CaptureError and OSError, whose text says what to do."""
        self._plan, self._run, self._tell, self._note = plan, run, tell, note
        self._changes = Changes(plan.monitor.score_step)
        watched = plan.sources()
        self._problems = watched.problems
        for line in watched.notes:
            note(printable(line))
        self._sources: list[Source] = []
        self._live: list[LiveSource] = []
        try:
            for interface in dict.fromkeys(plan.monitor.interfaces):
                self._live.append(LiveSource(interface, plan.settings))
            self._sources += list[Source](self._live)
            for path in watched.captures:
                replayed = plan.once
                source = (
                    ReplayedSource(path, plan.settings) if replayed else FollowedSource(path, plan.settings)
                )
                self._sources.append(source)
        except BaseException:
            self._close()
            raise
        self._power = [self._power_log(path) for path in watched.power]
        self._hold = HoldBack(len(self._sources))
        self._wait_s = FIRST_WAIT_S
        self._judge_at = 0.0
        self._dirty = False
        self._windows = 0
        self._window = -1
        self._told_at, self._told_windows = time.monotonic(), 0

    def _power_log(self, path: str) -> _Power:
        monitor = self._plan.monitor
        tail = Tail(path, monitor.power_unit or None, monitor.power_timezone or None)
        return _Power(tail, SourceReport(source=path))

    @property
    def ledger(self) -> Ledger:
        """What is remembered of each host."""
        return self._run.ledger

    def run(self, stop: Stop) -> Outcome:
        """Watch.  Raises OSError when findings cannot be told."""
        self._tell_start()
        try:
            self._loop(stop)
            self._drain()
        finally:
            self._close()
        findings = self._run.findings()
        self._tell(self._changes.news(findings, final=True))
        reports = [source.report for source in self._sources] + [log.report for log in self._power]
        return Outcome(findings, reports, self._problems)

    # --- the loop

    def _loop(self, stop: Stop) -> None:
        ends_at = time.monotonic() + (self._plan.duration_s or float("inf"))
        while not stop.asked and time.monotonic() < ends_at and not self._over():
            progressed = self._read()
            self._pass_on()
            if not self._plan.once:
                self._follow_power()
                self._judge()
                self._tell_state()
            self._wait_s = FIRST_WAIT_S if progressed else min(2 * self._wait_s, LONGEST_WAIT_S)
            if not progressed:
                self._wait(stop, ends_at)

    def _over(self) -> bool:
        captures_over = all(source.ended for source in self._sources)
        return captures_over and (self._plan.once or not self._power)

    def _read(self, held: bool = False) -> bool:
        """Read a piece of every live source and of each that the others wait for (`held`: of the rest,
        too); whether any came."""
        progressed = False
        for number, source in enumerate(self._sources):
            if source.ended or not (held or number < len(self._live) or self._hold.empty(number)):
                continue
            try:
                for table in source.read(time.time_ns()):
                    self._put(number, table)
            except OSError as error:
                source.report.problem = (
                    f"{source.report.source}: {(error.strerror or 'cannot be read').lower()}"
                )
                source.ended = True
            progressed = progressed or not source.idle
        return progressed

    def _put(self, number: int, table: ChannelWindows) -> None:
        self._run.ledger.see(table, self._sources[number].report.source)
        self._hold.put(number, table)

    def _pass_on(self) -> None:
        if not self._sources:
            return
        newest, now = max(source.newest_ns for source in self._sources), time.time_ns()
        for batch in self._hold.release([source.floor(newest, now) for source in self._sources]):
            self._run.add([batch])
            self._dirty = True
            start = int(batch.wide[0, layout.WINDOW_NS])
            self._windows += start != self._window
            self._window = start

    def _judge(self) -> None:
        began = time.monotonic()
        if not self._dirty or began < self._judge_at:
            return
        self._dirty = False
        self._tell(self._changes.news(self._run.findings()))
        now = time.monotonic()
        self._judge_at = now + (now - began) / JUDGING_SHARE

    def _wait(self, stop: Stop, ends_at: float) -> None:
        """Until there is something in a pipe, a stop, or it is time to look at the files again."""
        lines: list[Stop | LiveSource] = [source for source in self._live if not source.ended]
        longest = max(0.0, min(self._wait_s, ends_at - time.monotonic()))
        select.select([stop, *lines], [], [], longest)

    def _tell_start(self) -> None:
        if self._plan.once:
            return
        for name in [s.report.source for s in self._sources] + [log.report.source for log in self._power]:
            waits = name not in self._plan.monitor.interfaces and not Path(name).exists()
            self._note(f"minewatch: {'waiting for' if waits else 'watching'} {printable(name)}")

    def _tell_state(self) -> None:
        now = time.monotonic()
        if self._windows - self._told_windows < TOLD_WINDOWS or now - self._told_at < TOLD_S:
            return
        self._told_windows, self._told_at = self._windows, now
        packets = sum(source.report.packets for source in self._sources)
        left_out = sum(sum(source.report.undecodable.values()) for source in self._sources)
        self._note(
            f"minewatch: {plural(self._windows, 'window')}, {plural(packets, 'packet')},"
            f" {grouped(left_out)} left out, {plural(len(self._run.ledger.hosts), 'host')}"
        )

    # --- power

    def _follow_power(self, final: bool = False) -> None:
        """Judge the logs that have readings of a new window; at the end, all that have new readings."""
        for log in self._power:
            began = time.monotonic()
            if began < log.next_s and not final:
                continue
            readings = self._poll(log)
            now = time.monotonic()
            log.next_s = now + max(LONGEST_WAIT_S, (now - began) / JUDGING_SHARE)
            if readings is None:
                continue
            newest = int(readings.time_ns.max()) if len(readings) else -1
            window = newest // (self._plan.settings.windows.power_fast_s * 1_000_000_000)
            if window > log.judged_window or final:
                log.judged_window, log.waiting = window, None
                self._run.add_power(readings, log.report.source)
                self._dirty = True

    def _poll(self, log: _Power) -> Readings | None:
        try:
            fresh = log.tail.poll()
        except (OSError, TelemetryError) as error:
            log.report.problem = _reason(log.report.source, error)
            return None
        if fresh is not None:
            log.waiting = fresh
            log.report.problem = None
            _tell_readings(log.report, fresh)
        return log.waiting

    def _read_power(self) -> None:
        """Every log as a whole, as `score` reads it."""
        monitor = self._plan.monitor
        for log in self._power:
            try:
                readings = read_power(
                    log.report.source,
                    unit=monitor.power_unit or None,
                    timezone=monitor.power_timezone or None,
                )
            except (OSError, TelemetryError) as error:
                log.report.problem = _reason(log.report.source, error)
                continue
            _tell_readings(log.report, readings)
            self._run.add_power(readings, log.report.source)

    # --- the end

    def _drain(self) -> None:
        """Take what is already there, then every open window."""
        began = time.monotonic()
        while any(not line.ended for line in self._live) and time.monotonic() < began + HANDED_OVER_S:
            if not self._read():
                time.sleep(FIRST_WAIT_S)
        for line in self._live:
            line.stop()
        until = time.monotonic() + DRAIN_S
        while any(not line.ended for line in self._live) and time.monotonic() < until:
            if not self._read():
                select.select([line for line in self._live if not line.ended], [], [], LONGEST_WAIT_S)
            self._pass_on()
        until = time.monotonic() + FILES_S
        while not self._plan.once and time.monotonic() < until and self._read(held=True):
            self._pass_on()
        for source in self._sources:
            if not (source.ended or source.idle):
                self._note(f"minewatch: stopped before the end of {printable(source.report.source)}")
        for number, source in enumerate(self._sources):
            for table in source.finish():
                self._put(number, table)
        self._pass_on()
        if self._plan.once:
            self._read_power()
        else:
            self._follow_power(final=True)

    def _close(self) -> None:
        for source in dict.fromkeys([*list[Source](self._live), *self._sources]):
            source.close()


def _tell_readings(report: SourceReport, readings: Readings) -> None:
    report.readings = len(readings)
    report.undecodable = dict(readings.dropped)
    report.notes = list(readings.notes)
    report.problem = readings.problem


def _reason(path: str, error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{path}: {(error.strerror or 'cannot be read').lower()}"
    return str(error)
