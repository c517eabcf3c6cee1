"""Speed and memory of minewatch beside its peers, all in one run.

Makes its captures, starts each engine in turn in a process of its own, and writes the
page of what it measured.  Engines that are not installed are left out and named.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import captures, engines, graph, machine, page, peers
from benchmarks.captures import Capture, Made
from benchmarks.engines import ROOT, Engine
from benchmarks.results import Results
from benchmarks.running import Sample, jobs, measure

QUICK_SCALE, QUICK_ROUNDS, ROUNDS = 0.05, 2, 4
PAGE = ROOT / "docs" / "performance.md"


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    scale = QUICK_SCALE if options.quick else 1.0
    table, rows = engines.table(options.cache, scale), captures.table(scale)
    record = options.cache / f"measured-{scale:g}.json"
    if options.rewrite:
        facts = json.loads(record.read_text(encoding="utf-8"))
    else:
        facts = _measured(options, table, rows)
        record.write_text(json.dumps(facts), encoding="utf-8")
    report = told(facts, table, rows)
    print(terminal(report))
    if not options.quick:
        print(page.budgets(report.results))
        options.page.write_text(page.page(report), encoding="utf-8")
        graph.draw(report, options.page.with_name(page.GRAPH))
        print(f"written: {options.page}")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    data = Path(os.environ.get("MINEWATCH_DATA", ROOT.parent / "shared" / "data"))
    parser.add_argument(
        "--data", type=Path, default=data, help="folder of the public data, with net/labels.tsv"
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path(tempfile.gettempdir()) / "minewatch-bench",
        help="where captures (10 GB) and the peers' environments are kept (default: %(default)s)",
    )
    parser.add_argument("--rounds", type=int, help=f"default: {ROUNDS}, or {QUICK_ROUNDS} with --quick")
    parser.add_argument(
        "--quick", action="store_true", help="small captures; print the tables, write no page"
    )
    parser.add_argument("--page", type=Path, default=PAGE, help="the page to write (default: %(default)s)")
    parser.add_argument("--rewrite", action="store_true", help="tell again what the last run measured")
    options = parser.parse_args(arguments)
    options.rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    return options


def _measured(
    options: argparse.Namespace, table: Sequence[Engine], rows: Sequence[Capture]
) -> dict[str, Any]:
    """Everything that a report needs, as JSON holds it."""
    say("the peers' environments")
    missing = {} if options.quick else peers.install(options.cache / "peers")
    there = [engine for engine in table if engine.there]
    missing |= {
        engine.name: "not installed" for engine in table if not engine.there and engine.name not in missing
    }
    work = jobs(there, rows)
    needed = {job.given.name: job.given for job in work if job.given}
    say(f"{len(needed)} captures, those that are not there yet")
    made_from, made = captures.make_apart(list(needed.values()), options.data, options.cache / "captures")
    began, before = time.monotonic(), machine.Clock.read()
    samples: list[Sample] = []
    try:
        for sample in measure(work, made, options.rounds, say):
            samples.append(sample)
    except KeyboardInterrupt:
        say("interrupted: the page is of what was measured until here")
    seconds, after = time.monotonic() - began, machine.Clock.read()
    core_s = seconds * (os.cpu_count() or 1)
    ours_s = sum(sample.cpu_s for sample in samples)
    return {
        "samples": [asdict(sample) for sample in samples],
        "made": {name: asdict(one) | {"path": str(one.path)} for name, one in made.items()},
        "made_from": made_from,
        "machine": machine.described(),
        "missing": missing,
        "date": datetime.now(UTC).date().isoformat(),
        "rounds": max((sample.round for sample in samples), default=0),
        "minutes": seconds / 60,
        "others": max(0.0, after.busy_s - before.busy_s - ours_s) / core_s,
        "stolen": (after.stolen_s - before.stolen_s) / core_s,
    }


def told(facts: Mapping[str, Any], table: Sequence[Engine], rows: Sequence[Capture]) -> page.Report:
    """The report of what `_measured` gave."""
    rest = {key: value for key, value in facts.items() if key not in ("samples", "made")}
    made = {name: Made(**{**one, "path": Path(one["path"])}) for name, one in facts["made"].items()}
    results = Results([Sample(**sample) for sample in facts["samples"]])
    return page.Report(results=results, engines=table, captures=rows, made=made, **rest)


def terminal(report: page.Report) -> str:
    """The tables of engines, as printed."""
    parts = [f"{one.name}\n{page.engines_on(report, one)}" for one in report.compared()]
    return "\n\n".join([*parts, page.others(report.results, report.engines)])


def say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
