"""`minewatch simulate`: seeded traffic and power with labels."""

from __future__ import annotations

import argparse
from pathlib import Path

from detector.cli import INTERRUPTED, OK, WRONG, output, places
from detector.cli.parser import whole
from detector.text import plural, printable
from training.simulation.scenario import COUNTED, NOTE_NAME, SCENARIOS
from training.simulation.scenario import run as write_scenario

COUNT = 100
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
    parser.add_argument("--count", type=whole(1, 1_000_000), metavar="N", help=told)


def run(args: argparse.Namespace) -> int:
    """Write the scenario and list its files; Ctrl-C leaves whole files, and labels of them."""
    if args.count is not None and args.scenario != COUNTED:
        output.note(f"minewatch simulate: --count is for {COUNTED}: {args.scenario} is always of one size")
        return WRONG
    places.check_folder(str(args.output), ())
    if (args.output / "LABELS.csv").exists() and not (args.output / NOTE_NAME).exists():
        output.note(f"minewatch simulate: {args.output} holds LABELS.csv of your own; name another folder")
        return WRONG
    files: list[Path] = []
    interrupted = False
    try:
        for path in write_scenario(args.scenario, args.output, args.seed, args.count or COUNT):
            files.append(path)
    except KeyboardInterrupt:
        interrupted = True
    with output.opened(None) as stream:
        stream.writelines(f"{printable(path)}\n" for path in files)
    if interrupted:
        labelled = any(path.name == "LABELS.csv" for path in files)
        told = f"{plural(len(files), 'file')} in {args.output}, whole and labelled"
        told = told if labelled else f"nothing in {args.output} is labelled yet"
        output.note(f"minewatch simulate: interrupted; {printable(told)}")
        return INTERRUPTED
    return OK
