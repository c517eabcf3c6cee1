"""`minewatch extract`: the window tables as Parquet, for training or for one's own study."""

from __future__ import annotations

import argparse
import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detector import settings
from detector.atomic import drafted
from detector.cli import explain, output, places, progress
from detector.cli.parser import add_power, add_site_key
from detector.records import SourceReport
from detector.text import plural, printable

if TYPE_CHECKING:
    from detector.inputs import Inputs
    from detector.settings import Settings

SUMMARY = "write the window tables as Parquet"
EPILOG = """\
examples:
  minewatch extract capture.pcapng --output windows/
  minewatch extract captures/ pdu.csv --output windows/
  minewatch extract conn.log nfcapd.202603010000 --output windows/
  tcpdump -w - | minewatch extract - --output windows/

Writes channels.parquet (a row a channel and window) and power.parquet (a row a meter and
window) into the folder.  They hold no payload; wallets, worker names and the
names that hosts asked DNS for (but for listed pools) are hashed, with --site-key under
the site's key.  Addresses and meters stand as they are: labels name them.
What a source cannot know is null.

The folder can be a source in LABELS.csv of minewatch train: it gives the very rows that the
captures, flow logs and power files would have given, which then need not be kept.
"""
CHANNELS, POWER = "channels.parquet", "power.parquet"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to read, and where to write."""
    add = parser.add_argument
    add(
        "paths",
        nargs="+",
        metavar="PATH",
        help="capture, flow log, power file, folder or - (standard input), plain or compressed",
    )
    add("--output", required=True, metavar="DIR", help="folder to write into; made when it is not there")
    add_power(add)
    add("--engine", choices=("native", "pyshark"), default="native", help="what decodes (default: native)")
    add_site_key(add)
    add("--pools", metavar="FILE", help="names of mining pools: lines or STIX 2.1 (default: the shipped)")
    add("--config", metavar="TOML", help="settings file")
    add("--quiet", action="store_true", help="no progress and no notes; errors are still told")


class Account:
    """What became of the inputs so far."""

    def __init__(self, problems: list[str]) -> None:
        self.sources: list[SourceReport] = []
        self.problems = problems
        self.interrupted = False

    @contextlib.contextmanager
    def source(self, path: str) -> Iterator[SourceReport]:
        """A report on one source; what goes wrong inside is its problem, and the next one follows."""
        report = SourceReport(source=path)
        self.sources.append(report)
        try:
            yield report
        except (OSError, ValueError) as error:  # every reader's own error is a ValueError of one line
            report.problem = str(error)


def run(args: argparse.Namespace) -> int:
    """Captures in order of time, then power file after power file."""
    from detector.inputs import sort_inputs  # noqa: PLC0415

    chosen = _settings(args)
    kept = (args.site_key, args.pools, args.config)
    places.check_folder(args.output, (CHANNELS, POWER), read=[*args.paths, *args.power], kept=kept)
    folder = Path(args.output)
    folder.mkdir(parents=True, exist_ok=True)
    inputs = sort_inputs(args.paths, args.power, chosen.inputs, foreign=args.engine != "native")
    account = Account(list(inputs.problems))
    for line in [] if args.quiet else inputs.notes:
        output.note(printable(line))
    with progress.shown(not args.quiet) as bar:
        channels = _channels(inputs, chosen, args.engine, account, bar)
        written = [_write(folder / CHANNELS, channels, account)]
        if not account.interrupted:
            written.append(_write(folder / POWER, _power(inputs, chosen, args, account), account))
    for line in filter(None, written):
        output.note(line)
    return explain.outcome(
        account.sources,
        account.problems,
        interrupted=account.interrupted,
        nothing=not any(written),
        quiet=args.quiet,
    )


def _settings(args: argparse.Namespace) -> Settings:
    chosen = settings.load(args.config) if args.config else settings.Settings()
    privacy = replace(chosen.privacy, site_key=args.site_key or chosen.privacy.site_key, pseudonymise=False)
    findings = replace(chosen.findings, pools=args.pools or chosen.findings.pools)
    return replace(chosen, privacy=privacy, findings=findings)


def _channels(
    inputs: Inputs, chosen: Settings, engine: str, account: Account, bar: progress.Progress | None
) -> Iterator[Any]:
    """Tables of all captures in order of window, then of all flow logs; of rows that span files, the source
    is the last."""
    from detector.chains import Captures  # noqa: PLC0415
    from detector.flowlogs import FlowLogs  # noqa: PLC0415
    from detector.interrupts import Interrupts  # noqa: PLC0415
    from detector.metering import Metering  # noqa: PLC0415
    from detector.pools import SHIPPED, read_pools  # noqa: PLC0415
    from detector.privacy import Privacy  # noqa: PLC0415
    from detector.windows.parquet import channels_to_arrow  # noqa: PLC0415

    pools, hidden = read_pools(chosen.findings.pools or SHIPPED), Privacy.of(chosen).hidden
    with Interrupts() as interrupts:
        captures = Captures(
            inputs,
            chosen,
            engine=engine,
            metering=lambda: Metering(chosen),
            waiting=interrupts.waiting,
            progress=bar,
        )
        account.sources = captures.reports
        for rows in itertools.chain.from_iterable(captures):
            yield channels_to_arrow(rows.table, rows.spans[-1].source, hidden, pools)
        if inputs.flows and not captures.interrupted:
            logs = FlowLogs(inputs.flows, chosen, streams=inputs.streams, interrupts=interrupts, progress=bar)
            for table, spans in logs:
                yield channels_to_arrow(table, spans[-1].source, hidden, pools)
            account.sources += logs.reports
        account.interrupted = captures.interrupted or interrupts.asked


def _power(inputs: Inputs, chosen: Settings, args: argparse.Namespace, account: Account) -> Iterator[Any]:
    from detector.telemetry import Hints, read_parts  # noqa: PLC0415
    from detector.windows.parquet import power_to_arrow  # noqa: PLC0415
    from detector.windows.power import power_windows  # noqa: PLC0415

    for path in inputs.power:
        with account.source(path) as report:
            source = inputs.streams.get(path, path)
            for readings in read_parts(source, Hints(args.power_unit, args.power_timezone)):
                report.readings += len(readings)
                report.undecodable = dict(readings.dropped)
                report.notes = report.notes or list(readings.notes)
                report.problem = readings.problem
                yield power_to_arrow(power_windows(readings, chosen.windows), path)


def _write(path: Path, tables: Iterator[Any], account: Account) -> str | None:
    """Tables into one Parquet file, which is whole or not there; Ctrl-C ends it where it is."""
    import pyarrow.parquet as pq  # noqa: PLC0415

    first = next(tables, None)
    if first is None:
        return None
    rows = 0
    with (
        drafted(path) as draft,
        pq.ParquetWriter(draft, first.schema, compression="zstd") as writer,
    ):
        try:
            for table in itertools.chain([first], tables):
                writer.write_table(table, row_group_size=max(1, table.num_rows))  # one group: read back as is
                rows += table.num_rows
        except KeyboardInterrupt:
            account.interrupted = True
    return f"{path}: {plural(rows, 'row')}"
