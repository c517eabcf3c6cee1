"""`minewatch monitor`: what is live, and what is still being written."""

from __future__ import annotations

import argparse
import math
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from detector.cli import INTERRUPTED, explain, output, places
from detector.cli.parser import add_privacy, network, with_privacy
from detector.document import WORST_FIRST
from detector.records import Verdict
from detector.settings import YEAR_S
from detector.text import grouped

if TYPE_CHECKING:
    from detector.monitor import Journal, Outcome, Plan, Relay, Stop
    from detector.monitor.changes import Change
    from detector.scoring import Run

LEAST_S = 0.001
SUMMARY = "watch interfaces, and captures and power logs that are still being written"
EPILOG = """\
examples:
  sudo setcap cap_net_raw,cap_net_admin+eip $(command -v dumpcap)    (once; minewatch needs no rights)
  minewatch monitor --interface eth0 --output findings.jsonl
  minewatch monitor --follow span.pcapng --power pdu.csv --assets assets.csv
  minewatch monitor site.toml --duration 3600
  minewatch monitor --once --follow capture.pcapng       (what `minewatch score` says, to the last bit)

A finding is told when a host is new, or its verdict, its kinds of evidence or its score (by
0.05) changed: one line on standard output where it is --min-verdict or worse, or was; and
always one JSON line in --output.  A syslog server (--syslog) is sent what is printed; while
it cannot be had, findings wait for it and the watching goes on.  At the end the last word on
every host is told.  A window (300 s of data time) is judged when it is over and the slowest
source is past it, so the first findings of a live line come after 6 minutes.

SIGTERM and Ctrl-C stop it with what it knows: windows that are open are judged, too.
Status: 0 ran; 2 wrong usage or a source that failed; 130 interrupted.

the settings file, CONFIG.toml:
  [monitor]
  interfaces = ["eth0"]
  follow = ["/var/log/span.pcapng"]
  power = ["/var/log/pdu.csv"]
  output = "findings.jsonl"
  syslog = "tls://siem.example.org:6514"
  [findings]
  home_networks = ["10.0.0.0/8"]
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the design's command table."""
    parser.add_argument(
        "config", nargs="?", metavar="CONFIG.toml", help="settings file, with a table [monitor]"
    )
    add = parser.add_argument_group("input").add_argument
    add("--interface", action="append", default=[], metavar="IF", help="live interface (dumpcap); repeatable")
    add("--follow", action="append", default=[], metavar="PATH", help="capture or power log; repeatable")
    add("--power", action="append", default=[], metavar="PATH", help="power log (CSV); repeatable")
    add("--power-unit", metavar="UNIT", help="unit of the readings, where the file does not say")
    add("--power-timezone", metavar="ZONE", help="zone of times that have none, such as Europe/Oslo")
    add("--assets", metavar="FILE", help="CSV that joins addresses, meters and owners")
    add("--policy", metavar="FILE", help="TOML of who may mine, and thresholds by organisation")
    add("--tips", metavar="FILE", help="CSV of reports: they move hosts up the list, never a score")
    told = "network whose hosts are judged; repeatable (default: the private ranges)"
    add("--pools", metavar="FILE", help="names of mining pools: lines or STIX 2.1 (default: the shipped)")
    add("--block-times", metavar="FILE", help="when a node heard of blocks: a time a line, or CSV time,chain")
    add("--home-net", action="append", type=network, default=[], metavar="CIDR", help=told)
    add("--model", metavar="BUNDLE", help="model to score with (default: the shipped one)")
    add("--public-key", metavar="FILE", help="use no bundle that this Ed25519 key did not sign (PEM)")
    add = parser.add_argument_group("output").add_argument
    add("--output", metavar="FINDINGS.jsonl", help="append changed findings, one JSON line each")
    add(
        "--syslog",
        metavar="ADDRESS",
        help="also send what is printed as CEF: udp://, tcp:// or tls://HOST[:PORT]",
    )
    verdicts = tuple(verdict.value for verdict in WORST_FIRST)
    told = "print this verdict and worse (default: suspicious)"
    add("--min-verdict", choices=verdicts, default="suspicious", help=told)
    add_privacy(add)
    add("--quiet", action="store_true", help="no notes; errors are still told")
    add = parser.add_argument_group("end").add_argument
    add("--once", action="store_true", help="read what the files hold now, to their end, then stop")
    add("--duration", type=_seconds, metavar="S", help="stop after so many seconds")


def _seconds(word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not LEAST_S <= value <= YEAR_S:
        told = f"{word!r:.40} is no number of seconds from {LEAST_S} to {grouped(YEAR_S)}"
        raise argparse.ArgumentTypeError(told)
    return value


def run(args: argparse.Namespace) -> int:
    """Watch and tell."""
    plan = _plan(args)
    from detector import hosts  # noqa: PLC0415  numpy and the model: not for --help
    from detector.findings import without_course  # noqa: PLC0415
    from detector.model import Bundle  # noqa: PLC0415
    from detector.monitor import Journal, Relay, Stop  # noqa: PLC0415
    from detector.policy import NO_POLICY, read_policy  # noqa: PLC0415
    from detector.scoring import Run  # noqa: PLC0415
    from detector.signing import Trust  # noqa: PLC0415
    from detector.tips import NO_TIPS, read_tips  # noqa: PLC0415

    trusted = plan.settings.model
    bundle = Bundle.load(plan.monitor.model or None, Trust.of(trusted.public_key, trusted.oldest))
    assets = hosts.read_assets(plan.monitor.assets) if plan.monitor.assets else hosts.Assets()
    policy = read_policy(plan.monitor.policy) if plan.monitor.policy else NO_POLICY
    tips = read_tips(plan.monitor.tips) if plan.monitor.tips else NO_TIPS
    watched = plan.monitor
    kept = (
        args.config, watched.assets, watched.policy, watched.tips, watched.model, trusted.public_key,
        plan.settings.privacy.site_key, plan.settings.findings.pools, plan.settings.findings.block_times,
    )  # fmt: skip
    read = [*watched.follow, *watched.power]
    places.check({"--output": watched.output or None}, read=read, kept=kept, appended=True)
    relay = Relay(plan.monitor.syslog, output.note) if plan.monitor.syslog else None
    model = {"id": bundle.id, "schema_digest": bundle.schema_digest}
    journal = Journal(plan.monitor.output, model) if plan.monitor.output else None
    unsent = None
    try:
        with Stop() as stop:
            tell = _teller(args, journal, relay)
            scoring = Run(bundle, plan.settings, assets, policy, tips=tips)
            result = _watch(plan, scoring, tell, stop, args.quiet)
    finally:
        if journal:
            journal.close()
        unsent = relay.close() if relay else None
    status = explain.outcome(
        result.sources,
        [*result.problems, *([unsent] if unsent else [])],
        interrupted=stop.signal == signal.SIGINT,
        nothing=not result.findings,
        quiet=args.quiet,
        passed_over=without_course(result.findings),
    )
    return INTERRUPTED if stop.signal == signal.SIGINT else status


def _watch(
    plan: Plan, run: Run, tell: Callable[[Sequence[Change]], None], stop: Stop, quiet: bool
) -> Outcome:
    from detector.monitor import Watch  # noqa: PLC0415

    watch = Watch(plan, run, tell, (lambda _: None) if quiet else output.note)
    return watch.run(stop)


def _plan(args: argparse.Namespace) -> Plan:
    from detector.monitor import load  # noqa: PLC0415
    from detector.monitor.plan import watching  # noqa: PLC0415

    plan = load(args.config)
    given = {
        "interfaces": tuple(args.interface),
        "follow": tuple(args.follow),
        "power": tuple(args.power),
        "power_unit": args.power_unit,
        "power_timezone": args.power_timezone,
        "assets": args.assets,
        "policy": args.policy,
        "tips": args.tips,
        "model": args.model,
        "output": args.output,
        "syslog": args.syslog,
    }
    monitor = replace(plan.monitor, **{key: value for key, value in given.items() if value})
    findings = plan.settings.findings
    if args.home_net:
        findings = replace(findings, home_networks=tuple(args.home_net))
    if args.pools:
        findings = replace(findings, pools=args.pools)
    if args.block_times:
        findings = replace(findings, block_times=args.block_times)
    trusted = plan.settings.model
    trusted = replace(trusted, public_key=args.public_key or trusted.public_key)
    settings = with_privacy(replace(plan.settings, findings=findings, model=trusted), args)
    return watching(
        replace(plan, monitor=monitor, settings=settings, once=args.once, duration_s=args.duration)
    )


def _teller(
    args: argparse.Namespace, journal: Journal | None, relay: Relay | None
) -> Callable[[Sequence[Change]], None]:
    """Takes changes to the journal, a server and standard output; a reader who left stops the latter only."""
    from detector.monitor.journal import tell, worth_a_line  # noqa: PLC0415

    least = Verdict(args.min_verdict)

    def told(changes: Sequence[Change]) -> None:
        if journal:
            journal.append([change.finding for change in changes])
        worth = [change.finding for change in changes if worth_a_line(change, least)]
        if relay:
            relay.send(worth)
        try:
            tell(worth, sys.stdout)
        except BrokenPipeError:
            if journal is None and relay is None:
                raise
            output.silence()

    return told
