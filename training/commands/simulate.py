"""`minewatch simulate`: seeded traffic and power with labels."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from detector.cli.parser import whole
from training.simulation.scenario import SCENARIOS
from training.simulation.scenario import run as write_scenario

MOST_SEED = (1 << 63) - 1
SUMMARY = "make seeded traffic and power with labels; everything is simulated and says so"
EPILOG = """\
examples:
  minewatch simulate campus-hour --output sim/
  minewatch simulate mixed-corpus --count 200 --seed 7 --output sim/
  minewatch score sim/ && minewatch evaluate default sim/LABELS.csv
  minewatch train sim/LABELS.csv --output my-bundle

scenarios:
""" + "\n".join(f"  {name:<14} {what}" for name, what in SCENARIOS.items())


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """SCENARIO, --output, --seed, --count."""
    parser.add_argument("scenario", choices=tuple(SCENARIOS), metavar="SCENARIO", help="one of those below")
    parser.add_argument("--output", required=True, type=Path, metavar="DIR", help="folder to write into")
    parser.add_argument(
        "--seed", type=whole(0, MOST_SEED), default=1, metavar="N", help="same seed, same bytes (default: 1)"
    )
    told = "captures of mixed-corpus (default: 100)"
    parser.add_argument("--count", type=whole(1, 1_000_000), default=100, metavar="N", help=told)


def run(args: argparse.Namespace) -> int:
    """Write the scenario and list its files."""
    for path in write_scenario(args.scenario, args.output, args.seed, args.count):
        sys.stdout.write(f"{path}\n")
    return 0
