"""`minewatch evaluate`: a bundle held against labels, host by host, with bounds."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detector.cli import INTERRUPTED, OK, WRONG, explain, output, places, progress
from detector.cli.parser import network
from detector.text import printable

if TYPE_CHECKING:
    from detector.model import Bundle
    from detector.pipeline import Request, Result
    from training.hostwise import Hosts
    from training.labels import Label

SUMMARY = "measure a model on labelled data: found, missed, false alarms, calibration; or tell drift"
EPILOG = """\
examples:
  minewatch evaluate my-bundle LABELS.csv
  minewatch evaluate default LABELS.csv --format json --output evaluation.json
  minewatch evaluate default LABELS.csv --prevalence 1e-4
  minewatch evaluate my-bundle LABELS.csv --against default --checks
  minewatch evaluate --drift my-bundle monday.pcap tuesday.pcap

BUNDLE is a folder or a .zip; `default` is the shipped one.  LABELS.csv is as for minewatch train,
but may hold mining or benign hosts alone; weights are for training and not used here.

Each source is scored by itself, as minewatch score would, and each host of it counts once.  It
counts when a label speaks of its whole record; where start or end cut it, or a part is mining and
a part benign, the host is listed as not counted: its verdict is on all of it.  A mining host that is
undecided was not found; a benign one is left out of false alarms and host-days.  A host-day is a day
from a host's first packet or reading to its last.  Bounds are 95 %: Clopper-Pearson for shares,
Poisson for host-days; hosts of one site are not independent, so they are a little too narrow.
A bundle looks better on what it was trained on than it is.  Beside them stand bounds over groups,
drawn anew as wholes: hosts of one site are alike, and the effective n is the number of groups.
Delay is told in windows (5 minutes) from a miner's first to its first verdict; precision is what an
alarm is worth where so many hosts mine, from recall and false alarms as measured here.

--against scores the same hosts by a second bundle and tells both, and the hosts of which they differ.
Rates by kind of source tell captures, flow logs and power readings apart: what one gives is no
measure of the other.

--checks fits models anew on the labelled channels of captures, and on the labelled meters, groups
held out, to see what your labels are worth: simple baselines and the published rules, each group
left out, learning curve, ablation, labels dealt out anew, duration, and a probe of leaks (address,
port, time, length of the record); and tells how well traffic alone, power alone and both rank the
hosts.  It takes minutes.

--drift tells whether the traffic of a site has left what BUNDLE learned from: the population
stability index by family of features, held against what so few hosts would show by chance, and the
share of hosts unlike training.  PATHs are captures, folders and power readings; no labels are needed.

Status: 0 measured; 2 mistakes in the labels, an unreadable source (the others still count), or
no labelled host seen; 130 interrupted (sources that were done are told).
"""
DEFAULT = "default"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """BUNDLE, LABELS.csv, what is judged, and how it is told."""
    parser.add_argument("bundle", metavar="BUNDLE", help="folder or .zip; default: the shipped one")
    told = "what is known of which host; with --drift, captures and readings"
    parser.add_argument("labels", metavar="LABELS.csv", nargs="+", type=Path, help=told)
    parser.add_argument("--drift", action="store_true", help="has this traffic left the training set?")
    parser.add_argument("--against", metavar="BUNDLE", help="a second bundle, on the same hosts")
    parser.add_argument("--checks", action="store_true", help="what are the labels worth? (takes minutes)")
    told = "share of hosts that mine where it is to be used (default: 0.001)"
    parser.add_argument("--prevalence", type=_prevalence, default=1e-3, metavar="SHARE", help=told)
    parser.add_argument("--assets", metavar="FILE", help="CSV that joins power_source's meters to hosts")
    told = "network whose hosts are judged; repeatable (default: the private ranges)"
    parser.add_argument("--home-net", action="append", type=network, default=[], metavar="CIDR", help=told)
    parser.add_argument("--format", choices=("table", "json"), default="table", help="how (default: table)")
    parser.add_argument("--output", metavar="FILE", help="where (default: standard output)")


def _prevalence(word: str) -> float:
    try:
        value = float(word)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{word!r} is no number") from error
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{word} is not between 0 and 1")
    return value


def run(args: argparse.Namespace) -> int:
    """Read, score each source, measure, tell."""
    _check_places(args, map(str, args.labels) if args.drift else ())
    if args.drift:
        from training.commands import drift  # noqa: PLC0415

        return drift.run(args)
    if len(args.labels) != 1:
        output.note("minewatch evaluate: one LABELS.csv; several PATHs are for --drift")
        return WRONG
    (args.labels,) = args.labels
    from training import hostwise, hostwise_text  # noqa: PLC0415
    from training.labels import LabelError, read_labels  # noqa: PLC0415

    try:
        labels = read_labels(args.labels, both=False)
    except LabelError as error:
        for line in str(error).splitlines():
            output.note(f"minewatch evaluate: {printable(line)}")
        return WRONG
    _check_places(args, _sources(labels))
    bundle, other = _loaded(args.bundle), _loaded(args.against) if args.against else None
    hosts, by_other = hostwise.Hosts(), hostwise.Hosts()
    status = _hold(args, labels, bundle, hosts)
    if other is not None and status != INTERRUPTED:
        status = max(status, _hold(args, labels, other, by_other, again=True))
    document = {
        "schema": hostwise.SCHEMA,
        "model": {"id": bundle.id, "digest": bundle.digest},
        "labels": str(args.labels),
        "seen_in_training": _trained_on(bundle, args.labels),
        **hostwise.document(hosts, args.prevalence),
    }
    if other is not None and status != INTERRUPTED:
        about = {"id": other.id, "digest": other.digest}
        document["against"] = {"model": about, **hostwise.against(hosts, by_other)}
    if args.checks and status != INTERRUPTED:
        document["checks"] = _checks(args.labels, labels, bundle, hosts)
    lines = [json.dumps(document, indent=1)] if args.format == "json" else hostwise_text.lines(document)
    with output.opened(args.output) as stream:
        stream.write("".join(f"{line}\n" for line in lines))
    if not hosts.counted and status == OK:
        output.note("minewatch evaluate: no host was seen that a label speaks of wholly: nothing is measured")
        return WRONG
    return status


def _check_places(args: argparse.Namespace, read: Iterable[str]) -> None:
    """Raises OSError for a result that cannot be written, or would replace what is read."""
    named = args.labels if isinstance(args.labels, list) else [args.labels]
    output_file = None if args.output == places.STDOUT else args.output
    kept = [*([] if args.drift else map(str, named)), args.bundle, args.against, args.assets]
    places.check({"--output": output_file}, read, kept)


def _sources(labels: list[Label]) -> list[str]:
    """Every file and folder that the labels name."""
    return [str(path) for label in labels for path in (label.source, label.power_source) if path]


def _loaded(name: str) -> Bundle:
    from detector.model import Bundle  # noqa: PLC0415  numpy: not for --help

    return Bundle.load(None if name == DEFAULT else name)


def _checks(path: Path, labels: list[Label], bundle: Bundle, hosts: Hosts) -> list[dict[str, Any]]:
    """What `evaluation.own` finds of the labelled channels; mistakes of labels are told as training does."""
    from detector.settings import Settings  # noqa: PLC0415
    from training import build, labelled, table  # noqa: PLC0415
    from training.evaluation import own  # noqa: PLC0415

    found = labelled.read(labels, Settings(), bundle.channel, path)
    for line in found.mistakes:
        output.note(f"minewatch evaluate: {printable(line)}")
    rows = table.of_packets(table.gathered(found.channels, own.MOST_ROWS))  # the checks know messages
    power = build.joined_power(found.power) if found.power else None
    return [one.document() for one in own.sections(rows, hosts.counted, power)]


def _hold(
    args: argparse.Namespace, labels: list[Label], bundle: Bundle, hosts: Hosts, *, again: bool = False
) -> int:
    """Score source after source; the exit status that their reading deserves.  again: told already."""
    from detector.hosts import read_assets  # noqa: PLC0415
    from detector.pipeline import score  # noqa: PLC0415
    from training.sources import kinds_of  # noqa: PLC0415

    joined = read_assets(args.assets).meter_to_ip() if args.assets else {}
    by_source: dict[Path, list[Label]] = {}
    for label in labels:
        by_source.setdefault(label.source, []).append(label)
    status = OK
    with progress.shown(True) as bar:
        for source, mine in by_source.items():
            result = score(_request(args, source, mine), bar, bundle)
            if result.interrupted:  # half a source is no record
                output.note("minewatch evaluate: interrupted; the sources that were done are told")
                return INTERRUPTED
            status = max(status, OK if again else _problems(result))
            delays = {} if again else _delays(args, source, mine, bundle)
            request = _request(args, source, mine)
            kinds = kinds_of(request.paths, request.power)
            hosts.hold(mine, result.findings, args.labels.parent, joined, delays, kinds=kinds)
    return status


def _delays(
    args: argparse.Namespace, source: Path, labels: list[Label], bundle: Bundle
) -> dict[str, dict[str, int | None]]:
    """Of the mining hosts of one source that are named; nothing of what cannot be read (told already)."""
    from training.delay import delays  # noqa: PLC0415

    mining = {label.host for label in labels if label.mining}
    if not mining:
        return {}
    try:
        return delays(str(source), mining, bundle, _request(args, source, labels).settings)
    except (OSError, ValueError):
        return {}


def _request(args: argparse.Namespace, source: Path, labels: list[Label]) -> Request:
    from detector.pipeline import Request  # noqa: PLC0415
    from detector.settings import Settings  # noqa: PLC0415

    settings = Settings()
    if args.home_net:
        judged = replace(settings.findings, home_networks=tuple(args.home_net))
        settings = replace(settings, findings=judged)
    power = dict.fromkeys(str(label.power_source) for label in labels if label.power_source)
    return Request(paths=(str(source),), power=tuple(power), assets=args.assets, settings=settings)


def _problems(result: Result) -> int:
    lines = explain.told_problems(result.sources, result.problems)
    for line in lines:
        output.note(f"minewatch evaluate: {line}")
    return WRONG if lines else OK


def _trained_on(bundle: Bundle, labels: Path) -> bool:
    """Whether the bundle was fitted to these very labels, by the name that `minewatch train` gives it."""
    from training.commands.train import identity_of  # noqa: PLC0415

    return bundle.id == identity_of(labels)
