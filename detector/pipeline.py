"""The rooms joined, once: `score` takes a request for files and gives findings.

What is believed of the rows that come out of them is `scoring`, which the monitor and training share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from detector import findings, hosts
from detector.chains import Captures
from detector.cluster import Cluster
from detector.inputs import Inputs, sort_inputs
from detector.interrupts import Interrupts
from detector.metering import Progress
from detector.model import Bundle
from detector.parallel import metered_with
from detector.policy import NO_POLICY, read_policy
from detector.records import ChannelWindows, Finding, Readings, SourceReport
from detector.scoring import Run
from detector.settings import Settings
from detector.signing import Trust
from detector.tips import NO_TIPS, read_tips
from detector.windows.channel import concatenate, merged

if TYPE_CHECKING:
    from detector.history import History
    from detector.telemetry.jobs_list import JobsList


@dataclass(frozen=True, slots=True)
class Request:
    """What to score and how; see the command `score` for the meaning of each field."""

    paths: tuple[str, ...]
    power: tuple[str, ...] = ()
    assets: str | None = None
    model: str | None = None
    engine: str = "native"
    deep: bool = False
    jobs: int = 1
    scheduler: str | None = None
    settings: Settings = field(default_factory=Settings)
    power_unit: str | None = None
    power_timezone: str | None = None
    policy: str | None = None
    tips: str | None = None
    state: str | None = None  # folder of the history of meters
    jobs_list: str | None = None  # of a scheduler


@dataclass(slots=True)
class Result:
    """Findings, worst first, and what became of each input."""

    findings: list[Finding]
    sources: list[SourceReport]
    problems: list[str]  # one line each
    model: Mapping[str, str]  # "id" and "schema_digest" of the bundle
    assets: hosts.Assets = field(default_factory=hosts.Assets)
    card: str = ""  # of the model, Markdown
    notes: list[str] = field(
        default_factory=list
    )  # what of the inputs was passed over, and of findings not told
    interrupted: bool = False


def score(request: Request, progress: Progress | None = None, bundle: Bundle | None = None) -> Result:
    """Score everything the request names.

    Unreadable inputs become problems and the rest is still scored; Ctrl-C gives what is
    known so far.  Raises BundleError, AssetsError, HistoryError, PoolsError, BlocksError,
    SettingsError, TipsError, NetworkError, SchedulerError and TelemetryError (of the list of jobs) before
    anything is judged.

    bundle: one that is loaded already.
    """
    settings = request.settings
    assets = hosts.read_assets(request.assets) if request.assets else hosts.Assets()
    policy = read_policy(request.policy) if request.policy else NO_POLICY
    tips = read_tips(request.tips) if request.tips else NO_TIPS
    bundle = bundle or Bundle.load(request.model, Trust.of(settings.model.public_key, settings.model.oldest))
    jobs = _jobs(request)
    history = _history(request)
    run = Run(bundle, settings, assets, policy, history=history, tips=tips, jobs=jobs)
    about = {"id": bundle.id, "schema_digest": bundle.schema_digest}
    nameable = hosts.Assets() if settings.privacy.pseudonymise else assets  # the rest has pseudonyms
    result = Result([], [], [], about, nameable, bundle.card)
    inputs = Inputs()
    try:
        inputs = sort_inputs(
            request.paths, request.power, settings.inputs, foreign=request.engine != "native"
        )
        result.problems, result.notes = inputs.problems, inputs.notes
        if jobs:
            result.notes = [*result.notes, jobs.note]
            result.problems += [jobs.problem] if jobs.problem else []
        run.add(_tables(request, inputs, run, result, progress))
        if not result.interrupted:
            _add_flows(request, inputs, run, result, progress)
        if not result.interrupted:
            for part, readings, source in _readings(request, inputs, result):
                run.add_power(readings, source, part)
    except KeyboardInterrupt:
        result.interrupted = True
    if history:
        history.close()
        result.problems += history.problems
    result.findings = run.findings(_deeper(request, inputs, result))
    result.notes += findings.without_course(result.findings)
    result.sources = run.privacy.sources(result.sources)
    return result


def _deeper(request: Request, inputs: Inputs, result: Result) -> Callable[[list[Finding]], None] | None:
    """Wireshark's look at the findings, where it was asked for."""
    if not request.deep or result.interrupted:
        return None
    from detector.deep import look_deeper  # noqa: PLC0415  (asyncio, for tshark)

    return lambda believed: look_deeper(believed, inputs.captures, result.problems)


def _jobs(request: Request) -> JobsList | None:
    if not request.jobs_list:
        return None
    from detector.telemetry.jobs_list import read_jobs  # noqa: PLC0415  (pandas, for times)

    return read_jobs(request.jobs_list, request.power_timezone)


def _history(request: Request) -> History | None:
    if not request.state:
        return None
    from detector.history import History  # noqa: PLC0415  (loads SQLite)

    return History(request.state)


def _tables(
    request: Request, inputs: Inputs, run: Run, result: Result, progress: Progress | None
) -> Iterator[ChannelWindows]:
    """Tables of all captures in order of window, counted; what became of each stands in `result`."""
    settings, engine = request.settings, request.engine
    jobs = request.jobs if engine == "native" else 1
    with Interrupts() as interrupts, metered_with(settings, jobs) as metering:
        captures: Captures | Cluster
        if request.scheduler:
            captures = Cluster(inputs, settings, engine, request.scheduler)
        else:
            waiting = interrupts.waiting
            captures = Captures(
                inputs, settings, engine=engine, metering=metering, waiting=waiting, progress=progress
            )
        result.sources = captures.reports
        for together in captures:
            for rows in together:
                run.ledger.see(rows.table, rows.spans)
            tables = [rows.table for rows in together]
            yield tables[0] if len(tables) == 1 else merged(concatenate(tables))
        result.interrupted = captures.interrupted or interrupts.asked
    result.problems += [report.problem for report in captures.reports if report.problem]


def _add_flows(request: Request, inputs: Inputs, run: Run, result: Result, progress: Progress | None) -> None:
    """All flow logs; what became of each stands in `result`."""
    if not inputs.flows:
        return
    from detector.flowlogs import FlowLogs  # noqa: PLC0415  loads msgspec

    with Interrupts() as interrupts:
        logs = FlowLogs(
            inputs.flows,
            request.settings,
            streams=inputs.streams,
            interrupts=interrupts,
            progress=progress,
        )
        for table, spans in logs:
            run.add_flows(table, spans)
    result.sources += logs.reports
    result.problems += [report.problem for report in logs.reports if report.problem]
    result.interrupted = interrupts.asked


def _readings(request: Request, inputs: Inputs, result: Result) -> Iterator[tuple[int, Readings, str]]:
    """(number of the part, readings, source) of all power files; what became of each stands in `result`.

    An interrupt ends the file that is read, and what was read of it is given; else the part.
    """
    if not inputs.power:
        return
    from detector.telemetry import Hints, TelemetryError, read_parts  # noqa: PLC0415

    hints = Hints(request.power_unit, request.power_timezone)
    with Interrupts() as interrupts:
        for path in inputs.power:
            report = SourceReport(source=path)
            result.sources.append(report)
            ended = False  # while it was read
            try:
                source = inputs.streams.get(path, path)
                for part, readings in enumerate(read_parts(source, hints, interrupts)):
                    _count(report, readings)
                    ended = interrupts.asked if not part else ended
                    yield part, readings, path
                    if interrupts.asked and not ended:
                        break
            except (OSError, TelemetryError) as error:
                report.problem = str(error)
            if report.problem and not interrupts.asked:
                result.problems.append(report.problem)
            if interrupts.asked:
                result.interrupted = True
                return


def _count(report: SourceReport, readings: Readings) -> None:
    """A part of a power file."""
    report.readings += len(readings)
    report.undecodable = dict(readings.dropped)
    report.notes = report.notes or list(readings.notes)
    report.problem = readings.problem
