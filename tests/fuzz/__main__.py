"""`python -m tests.fuzz`: controls first, then every mutator; `python -m tests.fuzz replay FILE`."""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

from tests.fuzz import campaign, report, sanitised


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzzes the parsers.")
    parser.add_argument(
        "--seconds",
        type=float,
        default=300,
        help="of processor time, of all processes together (%(default)s)",
    )
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="a run again (random)")
    parser.add_argument("--files", type=int, default=400, help="captures to take seeds from (%(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="processes at once (%(default)s)")
    parser.add_argument("--report", type=Path, help="write what was done here, as Markdown")
    parser.add_argument("replay", nargs="*", help="`replay FILE`: take the steps of a finding again")
    asked = parser.parse_args()
    if reason := sanitised.missing():
        sys.exit(f"no fuzzing: {reason}")
    if asked.replay:
        done = campaign.replay(Path(asked.replay[-1]), sanitised.build())
        print(done.stdout + done.stderr)
        return done.returncode
    print(f"seed {asked.seed}", flush=True)
    controls = {}
    for name, plant in sanitised.PLANTS.items():
        controls[name] = campaign.control(name, asked.seed, asked.files)
        print(f"control {name} ({plant.what}): found in {controls[name].seconds:.1f} s", flush=True)
    outcomes = campaign.fuzz(asked.seed, asked.seconds, asked.files, asked.jobs)
    print(report.table(outcomes))
    for outcome in outcomes:
        if outcome.report:
            print(f"\n{outcome.report[-4_000:]}\nagain: python -m tests.fuzz replay {outcome.saved}")
    if asked.report:
        asked.report.write_text(report.document(asked, outcomes, controls), encoding="utf-8")
    return int(any(outcome.report for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
