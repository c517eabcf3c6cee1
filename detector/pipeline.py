"""The rooms joined, once: scoring files, training tables and the monitor all come through here.

`score` takes a request and gives findings.  `Run` is the part that the monitor shares:
tables of windows go in, in order of time, and findings can be asked for at any moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from detector import findings, hosts
from detector.blocks import read_blocks
from detector.chains import Captures
from detector.cluster import Cluster
from detector.features import channel as channel_features
from detector.features import volumes
from detector.findings import strip, volume_scores
from detector.inputs import Inputs, sort_inputs
from detector.interrupts import Interrupts
from detector.metering import Progress
from detector.model import Bundle
from detector.parallel import metered_with
from detector.policy import NO_POLICY, Policy, read_policy
from detector.pools import SHIPPED, read_pools
from detector.privacy import Privacy
from detector.records import ChannelWindows, Facts, Finding, Readings, SourceReport, Span, Vectors
from detector.settings import Settings
from detector.signing import Trust
from detector.tips import NO_TIPS, Tips, read_tips
from detector.windows.channel import Rollup, concatenate, merged, take

if TYPE_CHECKING:
    from detector.history import History
    from detector.records import Int64s
    from detector.telemetry.jobs_list import JobsList

BLOCK = 2_048  # rows judged at a time: their vectors and what they are made from take about 5 KB a row


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


class Run:
    """Scoring in progress: takes tables of windows and readings, knows what to believe so far."""

    def __init__(
        self,
        bundle: Bundle,
        settings: Settings,
        assets: hosts.Assets,
        policy: Policy = NO_POLICY,
        *,
        history: History | None = None,
        tips: Tips = NO_TIPS,
        jobs: JobsList | None = None,
    ) -> None:
        """Reads the list of pools, and times of blocks.  history: of meters in earlier runs; it is added to.
        jobs: what a scheduler gave the nodes to do.

        Raises PoolsError, BlocksError, NetworkError.
        """
        self.bundle = bundle
        self._policy = policy
        self._tips, self._jobs = tips, jobs
        self._history = history
        self._settings = settings
        self._assets = assets
        self._of_hosts = assets.meter_to_ip()
        self._pools = read_pools(settings.findings.pools or SHIPPED)
        self._rollup = Rollup(settings.meter, settings.windows)
        self._flow_rollup = Rollup(settings.meter, settings.windows)
        self._flow_limits = bundle.flows
        self._extract = volumes.extractor(bundle.channel.names)
        self.privacy = Privacy.of(settings)
        self.ledger = findings.Ledger(
            hosts.HomeNetworks(settings.findings.home_networks),
            settings.findings.min_messages,
            bundle.channel.thresholds.suspicious,
            assets.meter_to_feeder(),
            owners=assets.owners,
            pools=self._pools,
            window_s=settings.meter.window_s,
            blocks=read_blocks(settings.findings.block_times) if settings.findings.block_times else None,
        )

    def add(self, batches: Iterable[ChannelWindows]) -> None:
        """Roll up, judge and remember batches of rows, each of one window (`see` them before)."""
        rows = judged_rows(batches, self._rollup, self.ledger.scoreable, self._extract)
        for rolled, vectors, newest in rows:
            self.ledger.add(rolled, newest, vectors, self.bundle.channel.score(vectors))

    def add_flows(self, table: ChannelWindows, spans: Sequence[Span]) -> None:
        """Take in rows of flow logs, of one window: they hold no messages, and the channel model has no say
        in them unless it learned from flow logs."""
        self.ledger.see(table, spans)
        self.ledger.volumes.add(table)
        if self._flow_limits is None:
            return
        for rolled, vectors, _ in judged_flows([table], self._flow_rollup):
            scores = self.bundle.channel.score(vectors)
            self.ledger.volume_scores.add(rolled, vectors, scores, self._flow_limits.suspicious)

    def add_power(self, readings: Readings, source: str, part: int = 0) -> None:
        """Judge the meters of one source over the whole record given, and what is remembered of them.

        part: number of the part of the source; the first stands for it anew (a log that has grown).
        """
        from detector.features import power_facts  # noqa: PLC0415
        from detector.windows import carried  # noqa: PLC0415
        from detector.windows.power import column, power_windows  # noqa: PLC0415

        windows = power_windows(readings, self._settings.windows)
        self.ledger.feeders.add(windows, source, anew=not part)
        remembered = windows
        if self._history:
            windows, remembered = carried.joined(self._history.recalled(windows.meters), windows)
        meters, vectors, facts = power_facts.survey(windows)
        if self._history:
            came = {meter: told["onset_ns"] for meter, told in zip(meters, facts, strict=True)}
            self._history.keep(remembered, came)
        scores = self.bundle.power.score(vectors)
        counted = np.bincount(windows.meter, weights=column(windows, "n"), minlength=len(windows.meters))
        read = dict(zip(windows.meters, counted.tolist(), strict=True))
        least = min(self.bundle.power.thresholds.suspicious, findings.LIKELIER)
        pictures = strip.Pictures(windows)
        for i, meter in enumerate(meters):
            if meter in self.ledger.feeders:  # many customers at once: judged by its balance
                continue
            description = facts[i]
            told = scores.probability[i] >= least or meter in self._of_hosts
            record = findings.PowerRecord(
                meter=meter,
                logit=float(scores.logit[i]),
                probability=float(scores.probability[i]),
                novelty=float(scores.novelty[i]),
                values=vectors.values[i].copy() if told else None,
                description=description,
                estimated=windows.estimated,
                readings=int(read[meter]),
                drawn=pictures.of(meter) if told else None,
                gpu_use=readings.gpu_use.get(meter),
            )
            span = (int(description["first_ns"]), int(description["last_ns"]))
            self.ledger.add_power(record, span, source)

    def findings(self, look: Callable[[list[Finding]], None] | None = None) -> list[Finding]:
        """What is believed now, worst first, as it may be told; `look` adds to it what needs real names."""
        believed = findings.judge(
            self.ledger,
            self.bundle,
            self._settings,
            self._assets,
            policy=self._policy,
            pools=self._pools,
            tips=self._tips,
            jobs=self._jobs,
        )
        if look:
            look(believed)
        return self.privacy.findings(believed)


def judged_flows(
    batches: Iterable[ChannelWindows], rollup: Rollup
) -> Iterator[tuple[ChannelWindows, Vectors, findings.Newest]]:
    """The same of rows of flow logs, which stay as they are: of the channels kept up as mining is."""
    known = (take(batch, rows) for batch in batches if len(rows := volume_scores.countable(batch)))
    yield from judged_rows(known, rollup, volume_scores.askable, volumes.extract)


def judged_rows(
    batches: Iterable[ChannelWindows],
    rollup: Rollup,
    scoreable: Callable[[ChannelWindows], np.ndarray],
    extract: Callable[[ChannelWindows], Vectors] = channel_features.extract,
) -> Iterator[tuple[ChannelWindows, Vectors, findings.Newest]]:
    """(rolled-up rows, their vectors, their newest windows) of the channels that hold enough.

    Each batch is of one window, and is used up.  What is given may be of several: it is
    gathered until it is worth the calls.  Training takes its rows from here, too.
    """
    waiting: list[ChannelWindows] = []
    facts: list[Facts | None] = []
    counts: list[Int64s] = []
    for batch in batches:
        heard, counted = batch.facts, batch.wide[:, strip.COUNTED]
        rolled = rollup.add(batch)
        judged = np.flatnonzero(scoreable(rolled))
        for begin in range(0, len(judged), BLOCK):
            rows = judged[begin : begin + BLOCK]
            block = take(rolled, rows)
            rollup.name(block)
            waiting.append(block)
            facts += [heard[row] for row in rows.tolist()]
            counts.append(counted[rows])
            if len(facts) >= BLOCK:
                yield *_with_vectors(waiting, extract), findings.Newest(facts, np.concatenate(counts))
                waiting, facts, counts = [], [], []
    if facts:
        yield *_with_vectors(waiting, extract), findings.Newest(facts, np.concatenate(counts))


def _with_vectors(
    waiting: list[ChannelWindows], extract: Callable[[ChannelWindows], Vectors]
) -> tuple[ChannelWindows, Vectors]:
    rows = concatenate(waiting)
    return rows, extract(rows)


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
