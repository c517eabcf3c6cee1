"""The rooms joined, once: scoring files, training tables and the monitor all come through here.

`score` takes a request and gives findings.  `Run` is the part that the monitor shares:
tables of windows go in, in order of time, and findings can be asked for at any moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from detector import findings, hosts
from detector.capture import first_ns
from detector.deep import look_deeper
from detector.features import channel as channel_features
from detector.inputs import Inputs, sort_inputs
from detector.metering import Progress, channel_windows
from detector.model import Bundle
from detector.records import ChannelWindows, Finding, Readings, SourceReport, Vectors
from detector.settings import Settings
from detector.signing import Trust
from detector.windows.channel import Rollup, in_order, take


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


@dataclass(slots=True)
class Result:
    """Findings, worst first, and what became of each input."""

    findings: list[Finding]
    sources: list[SourceReport]
    problems: list[str]  # one line each
    model: Mapping[str, str]  # "id" and "schema_digest" of the bundle
    notes: list[str] = field(default_factory=list)  # what of the inputs was passed over
    interrupted: bool = False


class Run:
    """Scoring in progress: takes tables of windows and readings, knows what to believe so far."""

    def __init__(self, bundle: Bundle, settings: Settings, assets: hosts.Assets) -> None:
        self.bundle = bundle
        self._settings = settings
        self._assets = assets
        self._rollup = Rollup(settings.meter, settings.windows)
        self.ledger = findings.Ledger(
            hosts.HomeNetworks(settings.findings.home_networks),
            settings.findings.min_messages,
            bundle.channel.thresholds.suspicious,
        )

    def add(self, batch: ChannelWindows) -> None:
        """Roll up, judge and remember one batch of rows of one window (`see` them before)."""
        rolled, vectors, batch = judged_rows(batch, self._rollup, self.ledger.scoreable)
        if len(rolled):
            self.ledger.add(rolled, batch.facts, vectors, self.bundle.channel.score(vectors))

    def add_power(self, readings: Readings, source: str) -> None:
        """Judge the meters of one source over the whole record given."""
        from detector.features import power  # noqa: PLC0415
        from detector.windows.power import power_windows  # noqa: PLC0415

        windows = power_windows(readings, self._settings.windows)
        meters, vectors = power.extract(windows)
        scores = self.bundle.power.score(vectors)
        described = power.describe_all(windows)
        for i, meter in enumerate(meters):
            description = described[meter]
            record = findings.PowerRecord(
                meter=meter,
                logit=float(scores.logit[i]),
                probability=float(scores.probability[i]),
                novelty=float(scores.novelty[i]),
                values=vectors.values[i].copy(),
                description=description,
                estimated=windows.estimated,
            )
            span = (int(description["first_ns"]), int(description["last_ns"]))
            self.ledger.add_power(record, span, source)

    def findings(self) -> list[Finding]:
        """What is believed now, worst first."""
        return findings.judge(self.ledger, self.bundle, self._settings, self._assets)


def judged_rows(
    batch: ChannelWindows, rollup: Rollup, scoreable: Callable[[ChannelWindows], np.ndarray]
) -> tuple[ChannelWindows, Vectors, ChannelWindows]:
    """(rolled-up rows, their vectors, their newest windows) of the channels of a batch that hold enough.

    Training takes its rows from here, too.
    """
    rolled = rollup.add(batch)
    rows = np.flatnonzero(scoreable(rolled))
    rolled = take(rolled, rows)
    return rolled, channel_features.extract(rolled), take(batch, rows)


def score(request: Request, progress: Progress | None = None, bundle: Bundle | None = None) -> Result:
    """Score everything the request names.

    Unreadable inputs become problems and the rest is still scored; Ctrl-C gives what is
    known so far.  Raises BundleError, AssetsError, NetworkError and SchedulerError
    before anything is judged.  `bundle`: one that is loaded already.
    """
    settings = request.settings
    assets = hosts.read_assets(request.assets) if request.assets else hosts.Assets()
    bundle = bundle or Bundle.load(request.model, Trust.of(settings.model.public_key, settings.model.oldest))
    run = Run(bundle, settings, assets)
    inputs = sort_inputs(request.paths, request.power)
    about = {"id": bundle.id, "schema_digest": bundle.schema_digest}
    result = Result([], [], list(inputs.problems), about, list(inputs.notes))
    try:
        for batch in in_order(_tables(request, inputs, run, result, progress)):
            run.add(batch)
        for readings, source in _readings(request, inputs, result):
            run.add_power(readings, source)
    except KeyboardInterrupt:
        result.interrupted = True
    result.findings = run.findings()
    if request.deep and not result.interrupted:
        look_deeper(result.findings, inputs.captures, result.problems)
    return result


def _tables(
    request: Request, inputs: Inputs, run: Run, result: Result, progress: Progress | None
) -> Iterable[tuple[int, Iterator[ChannelWindows]]]:
    """(time of its first packet, its tables) of each capture; with jobs, metered in other processes."""
    if request.jobs > 1 or request.scheduler:
        return _metered_elsewhere(request, inputs, run, result)
    return [(first_ns(path), _seen(path, request, run, result, progress)) for path in inputs.captures]


def _seen(
    path: str, request: Request, run: Run, result: Result, progress: Progress | None
) -> Iterator[ChannelWindows]:
    report = SourceReport(source=path)
    result.sources.append(report)
    try:
        for table in channel_windows(path, request.settings, request.engine, report, progress):
            run.ledger.see(table, path)
            yield table
    except (OSError, ValueError) as error:  # CaptureError is a ValueError: one line each
        report.problem = str(error)
    if report.problem:
        result.problems.append(report.problem)


def _metered_elsewhere(
    request: Request, inputs: Inputs, run: Run, result: Result
) -> Iterator[tuple[int, Iterator[ChannelWindows]]]:
    from detector.parallel import metered  # noqa: PLC0415  (joblib)

    done = metered(inputs.captures, request.settings, request.engine, request.jobs, request.scheduler)
    for path, (tables, report) in zip(inputs.captures, done, strict=True):
        yield (first_ns(path), _seen_elsewhere(path, tables, report, run, result))


def _seen_elsewhere(
    path: str, tables: list[ChannelWindows], report: SourceReport, run: Run, result: Result
) -> Iterator[ChannelWindows]:
    """Counted when they are due, as one process does it: the same order, the same outcome."""
    result.sources.append(report)
    for table in tables:
        run.ledger.see(table, path)
        yield table
    if report.problem:
        result.problems.append(report.problem)


def _readings(request: Request, inputs: Inputs, result: Result) -> Iterator[tuple[Readings, str]]:
    if not inputs.power:
        return
    from detector.telemetry import TelemetryError, read_power  # noqa: PLC0415

    for path in inputs.power:
        report = SourceReport(source=path)
        result.sources.append(report)
        try:
            readings = read_power(path, unit=request.power_unit, timezone=request.power_timezone)
        except (OSError, TelemetryError) as error:
            report.problem = str(error)
            result.problems.append(report.problem)
            continue
        report.readings = len(readings)
        report.undecodable = dict(readings.dropped)
        report.notes = list(readings.notes)
        yield readings, path
