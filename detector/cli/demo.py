"""`minewatch demo`: the bundled samples scored, and held against what is true of them.

The samples are invented (`training.samples` makes them): a campus hour of traffic, a day
of node power, a month of meters.  `truth.csv` says of each host what it is.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from detector.cli import WRONG, explain, output, places, progress
from detector.records import Finding, Verdict
from detector.text import plural, printable

SUMMARY = "score the bundled samples and compare with the truth"
EPILOG = """\
examples:
  minewatch demo
  minewatch demo --report /tmp/demo.html

Offline, with simulated data that ships with minewatch.  It says where it is right and
where it is wrong; being wrong is no error.
"""
FOLDERS = (
    Path(__file__).parent.parent / "data" / "samples",  # put there when a wheel is built
    Path(__file__).parent.parent.parent / "sample_data",  # a checkout
)
CAPTURES = ("*.pcap", "*.pcapng", "*.pcap.gz", "*.pcapng.gz")
POWER = ("node-day.*", "meter-month.*")
NEXT = """\
next:
  minewatch score YOUR.pcapng --report report.html     your own capture
  minewatch score --power YOUR.csv                     your own power readings
  minewatch doctor                                     what else this machine can do
"""


@dataclass(frozen=True, slots=True)
class Truth:
    """What a host of the samples is: `label` is mining, benign or look-alike."""

    host: str
    label: str
    note: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the report goes."""
    told = "where the report goes (default: minewatch-demo.html)"
    parser.add_argument("--report", metavar="FILE.html", default="minewatch-demo.html", help=told)
    parser.add_argument("--quiet", action="store_true", help="no progress and no notes")


def run(args: argparse.Namespace) -> int:
    """Score, print, compare, report."""
    folder = next((place for place in FOLDERS if (place / "truth.csv").is_file()), None)
    if folder is None:
        output.note(f"minewatch demo: no samples in {' or '.join(map(str, FOLDERS))}; reinstall minewatch")
        return WRONG
    places.check({"--report": args.report}, read=[str(folder)], kept=[str(folder / "truth.csv")])
    from detector import hosts, pipeline  # noqa: PLC0415
    from detector.report import write_report  # noqa: PLC0415
    from detector.rollup import of_result  # noqa: PLC0415
    from detector.sinks import by_name  # noqa: PLC0415

    request = pipeline.Request(
        paths=_found(folder, CAPTURES), power=_found(folder, POWER), assets=str(folder / "assets.csv")
    )
    with progress.shown(not args.quiet) as bar:
        result = pipeline.score(request, bar)
    listed = [f for f in result.findings if f.verdict is not Verdict.CLEAR]
    hidden = [f for f in result.findings if f.verdict is Verdict.CLEAR]
    with output.opened(None) as stream:
        context = output.context(stream, result.model, hidden)
        stream.write("Simulated samples: an hour of a campus, a day of nodes, a month of meters.\n\n")
        by_name("table").write(listed, stream, context)
        co2e = request.settings.findings.co2e_kg_per_kwh
        write_report(args.report, result, context, of_result(result, co2e))
        joined = hosts.read_assets(str(folder / "assets.csv")).meter_to_ip()
        compare(read_truth(folder / "truth.csv"), result.findings, joined, stream)
        stream.write(f"\nreport: {args.report}\n\n{NEXT}")
    return explain.outcome(
        result.sources,
        result.problems,
        interrupted=result.interrupted,
        nothing=not result.findings,
        quiet=args.quiet,
        passed_over=result.notes,
    )


def read_truth(path: Path) -> list[Truth]:
    """`truth.csv`: columns host, label, note."""
    with path.open(encoding="utf-8", newline="") as file:
        return [Truth(row["host"], row["label"], row["note"]) for row in csv.DictReader(file)]


def compare(
    truth: Sequence[Truth], findings: Sequence[Finding], joined: Mapping[str, str], stream: TextIO
) -> None:
    """Every miner and look-alike by name, the ordinary ones by number unless they are wrong.

    A miner is found when it is called mining or suspicious; nobody else may be called mining.
    `joined`: meter or node -> address of the same asset; a finding may bear either name.
    """
    verdicts = {finding.host: finding.verdict for finding in findings}
    verdicts |= {joined[name]: verdict for name, verdict in verdicts.items() if name in joined}
    found = (Verdict.MINING, Verdict.SUSPICIOUS)
    stream.write("\nheld against the truth:\n")
    ordinary = wrong = 0
    for item in truth:
        verdict = verdicts.get(joined.get(item.host, item.host))
        right = verdict in found if item.label == "mining" else verdict not in (None, Verdict.MINING)
        wrong += not right
        if right and item.label == "benign":
            ordinary += 1
            continue
        said = "was not seen" if verdict is None else f"called {verdict.value}"
        line = f"  {'right' if right else 'WRONG'}  {item.host:<12} {item.label:<10} {said:<17} {item.note}"
        stream.write(printable(line) + "\n")
    if ordinary:
        stream.write(f"  right  {plural(ordinary, 'ordinary one')}, none called mining\n")
    stream.write(f"{len(truth) - wrong} of {len(truth)} right\n")


def _found(folder: Path, patterns: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(path) for pattern in patterns for path in sorted(folder.glob(pattern)))
