"""`minewatch score`: captures, flow logs and power files in, findings out."""

from __future__ import annotations

import argparse
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from detector import settings, syslog
from detector.cli import FAILED_ON, INTERRUPTED, WRONG, explain, output, places, progress
from detector.cli.parser import add_power, add_privacy, network, whole, with_privacy
from detector.document import WORST_FIRST, Context
from detector.previous import Previous, read_previous
from detector.records import Finding, Verdict
from detector.sinks import SINKS, by_name

if TYPE_CHECKING:
    from detector.pipeline import Request, Result

MOST_JOBS = 256
SUMMARY = "tell who mines, from captures, flow logs and power readings"
EPILOG = """\
examples:
  minewatch score capture.pcapng
  minewatch score captures/ --power pdu.csv --assets assets.csv --report report.html
  tcpdump -w - | minewatch score -
  minewatch score ring/*.pcapng.zst --power <(zcat pdu.csv.gz) --jobs 2
  minewatch score *.pcap.gz --format jsonl --output findings.jsonl
  minewatch score conn.log ssl.log eve.json nfcapd.202603010000 flows.ipfix
  minewatch score --power meters-2026-04.parquet --state meters/ --format jsonl
  minewatch score --power nodes.csv --jobs-list sacct.txt --power-timezone Europe/Oslo
  minewatch score capture.pcap --min-verdict suspicious --fail-on mining

Findings go to standard output, everything else to standard error.  Types of files are told
by content; gzip, zstd, lz4, bzip2 and xz are unpacked.  Captures that follow one another
in time are one stream, whatever their names.  Flow logs (Zeek, Suricata EVE, NetFlow, IPFIX,
nfdump, CSV) tell volumes and times only: they tell whom to record, and never that a host mines,
unless --model learned from labelled flow logs.
Status: 0 ran; 1 --fail-on met; 2 wrong usage or an unreadable input
(the others are still scored; 1 wins where both hold); 130 interrupted (what was known is printed).
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the design's command table."""
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="capture, flow log, power file, folder of them, or - (standard input)",
    )
    add_inputs(parser)
    add_outputs(parser)
    add = parser.add_argument_group("work").add_argument
    add("--engine", choices=("native", "pyshark"), default="native", help="what decodes (default: native)")
    add("--deep", action="store_true", help="add Wireshark's fields to the evidence (needs tshark)")
    add(
        "--jobs",
        type=whole(1, MOST_JOBS),
        default=1,
        metavar="N",
        help="threads that meter a part each: more CPU time, little gain; see docs/inputs.md (default: 1)",
    )
    add("--scheduler", metavar="ADDRESS", help="dask scheduler that shares the work")
    add("--quiet", action="store_true", help="no progress and no notes; errors are still told")


def add_inputs(parser: argparse.ArgumentParser) -> None:
    """Options that say what is read and how it is understood."""
    add = parser.add_argument_group("input").add_argument
    add_power(add)
    told = "folder that remembers the meters: what came in an earlier run is seen to have come"
    add("--state", metavar="DIR", help=told)
    add("--assets", metavar="FILE", help="CSV that joins addresses, meters and owners")
    add("--policy", metavar="FILE", help="TOML of who may mine, and thresholds by organisation")
    add("--tips", metavar="FILE", help="CSV of reports: they move hosts up the list, never a score")
    told = "a scheduler's jobs (sacct --parsable2): load with and without one is told (docs/power.md)"
    add("--jobs-list", metavar="FILE", help=told)
    told = "network whose hosts are judged; repeatable (default: the private ranges)"
    add("--home-net", action="append", type=network, default=[], metavar="CIDR", help=told)
    add("--pools", metavar="FILE", help="names of mining pools: lines or STIX 2.1 (default: the shipped)")
    add("--block-times", metavar="FILE", help="when a node heard of blocks: a time a line, or CSV time,chain")
    add("--model", metavar="BUNDLE", help="model to score with (default: the shipped one)")
    told = "use no bundle that this Ed25519 key did not sign (PEM)"
    add("--public-key", metavar="FILE", help=told)
    add("--config", metavar="TOML", help="settings file")


def add_outputs(parser: argparse.ArgumentParser) -> None:
    """Options that say what is told, and where."""
    verdicts = tuple(verdict.value for verdict in WORST_FIRST)
    add = parser.add_argument_group("output").add_argument
    add("--format", choices=tuple(sink.name for sink in SINKS), default="table", help="how (default: table)")
    add("--output", metavar="FILE", help="where (default: -, standard output)")
    told = "also send them as CEF to a syslog server: udp://, tcp:// or tls://HOST[:PORT]"
    add("--syslog", metavar="ADDRESS", help=told)
    add("--report", metavar="FILE.html", help="also write a self-contained HTML report")
    add("--rollup", metavar="FILE", help="also write counts by organisation (.csv, else JSON)")
    told = "findings of an earlier run (jsonl), to tell in report and roll-up what changed"
    add("--previous", metavar="FINDINGS", help=told)
    add(
        "--min-verdict",
        choices=verdicts,
        default="clear",
        help="list this verdict and worse (default: all)",
    )
    add(
        "--fail-on",
        choices=verdicts[:2],
        help="exit 1 when a host has this verdict or worse, and may not",
    )
    add_privacy(add)


@contextmanager
def _few_collections() -> Iterator[None]:
    """What a run makes is freed by counting; passes of the collector over all findings are slow."""
    before = gc.get_threshold()
    gc.set_threshold(100_000)
    try:
        yield
    finally:
        gc.set_threshold(*before)


@_few_collections()
def run(args: argparse.Namespace) -> int:
    """Score and tell."""
    if not args.paths and not args.power:
        output.note("minewatch score: name a PATH, or readings with --power; see minewatch score --help")
        return WRONG
    _check_places(args)
    if args.syslog:
        syslog.place(args.syslog)
    from detector import pipeline  # noqa: PLC0415  numpy and the model: not for --help

    request = _request(args)
    previous = read_previous(args.previous) if args.previous else None
    with progress.shown(not args.quiet) as told:
        result = pipeline.score(request, told)
    listed, hidden = _split(result.findings, Verdict(args.min_verdict))
    with output.opened(args.output) as stream:
        context = output.context(stream, result.model, hidden)
        by_name(args.format).write(listed, stream, context)
    if args.syslog:
        with syslog.Syslog(args.syslog) as server:
            server.send(listed)
    if args.report or args.rollup:
        _write_whole(args, result, context, request.settings.findings.co2e_kg_per_kwh, previous)
    status = explain.outcome(
        result.sources,
        result.problems,
        interrupted=result.interrupted,
        nothing=not result.findings,
        quiet=args.quiet,
        passed_over=result.notes,
    )
    blamed = [finding for finding in result.findings if finding.allowed is None]
    if status != INTERRUPTED and args.fail_on and _split(blamed, Verdict(args.fail_on))[0]:
        return FAILED_ON
    return status


def _check_places(args: argparse.Namespace) -> None:
    """Raises OSError for a result that cannot be written, or would replace what is read."""
    output_file = None if args.output == places.STDOUT else args.output
    places.check(
        {"--output": output_file, "--report": args.report, "--rollup": args.rollup},
        read=[*args.paths, *args.power],
        kept=(
            args.state, args.assets, args.policy, args.tips, args.pools, args.block_times, args.model,
            args.public_key, args.config, args.previous, args.site_key,
        ),
    )  # fmt: skip


def _write_whole(
    args: argparse.Namespace, result: Result, context: Context, co2e: float, previous: Previous | None
) -> None:
    """What is written of all findings, the listed and the hidden ones: report and roll-up."""
    from detector.rollup import of_result, write_rollup  # noqa: PLC0415

    rollup = of_result(result, co2e, previous)
    if args.rollup:
        write_rollup(args.rollup, rollup)
    if args.report:
        from detector.report import write_report  # noqa: PLC0415

        write_report(args.report, result, context, rollup)


def _request(args: argparse.Namespace) -> Request:
    from detector.pipeline import Request  # noqa: PLC0415

    chosen = settings.load(args.config) if args.config else settings.Settings()
    findings = chosen.findings
    if args.home_net:
        findings = replace(findings, home_networks=tuple(args.home_net))
    if args.pools:
        findings = replace(findings, pools=args.pools)
    if args.block_times:
        findings = replace(findings, block_times=args.block_times)
    trusted = replace(chosen.model, public_key=args.public_key or chosen.model.public_key)
    return Request(
        paths=tuple(args.paths),
        power=tuple(args.power),
        assets=args.assets,
        policy=args.policy,
        tips=args.tips,
        model=args.model,
        engine=args.engine,
        deep=args.deep,
        jobs=args.jobs,
        scheduler=args.scheduler,
        settings=with_privacy(replace(chosen, findings=findings, model=trusted), args),
        power_unit=args.power_unit,
        power_timezone=args.power_timezone,
        state=args.state,
        jobs_list=args.jobs_list,
    )


def _split(findings: list[Finding], least: Verdict) -> tuple[list[Finding], list[Finding]]:
    """What is listed, and what is only counted."""
    wanted = WORST_FIRST[: WORST_FIRST.index(least) + 1]
    return [f for f in findings if f.verdict in wanted], [f for f in findings if f.verdict not in wanted]
