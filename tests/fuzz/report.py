"""What a campaign did, as Markdown."""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence

import Cython
import numpy as np

import detector
from tests.fuzz import sanitised
from tests.fuzz.campaign import Outcome, headline
from tests.fuzz.rounds import MUTATORS

_DOCUMENT = """# Safety: the fuzz report

Written by `make fuzz FUZZ_SECONDS={asked.seconds:.0f} FUZZ_SEED={asked.seed} FUZZ_REPORT={asked.report}`;
nothing here is typed by hand.

Every byte that minewatch reads may come from an attacker. The compiled core keeps its bounds checks, and
is run here as it is shipped, under AddressSanitizer and UndefinedBehaviorSanitizer: an index out of
range, undefined arithmetic, an exception that is not declared, a count that does not add up, a hang
and growing memory are findings. Behind each packet stands memory that nobody may touch, since in a whole file
one byte too far is only the next record.

**{packets:,} mutated packets, {findings} findings; {found} of {planted} planted bugs found.**

{runs}

Seeds: {chains:,} packets, one of each protocol chain of {links} link types, from up to {asked.files:,} public
captures; and packets built for link types that no capture has. A case is a packet, a block, a record, a file
or a dialogue; packets are those that reached the decoder. Seconds are of one processor.

## Planted bugs

A harness that does not find a known bug proves nothing. Each of these is put into a copy of the source, and
the run fails when it is not found. The time includes the start of the process (about 2 s).

{controls}

## What became of them

What is never reached is not tested.

{said}

## Versions

minewatch {detector.__version__}, {compiler}, Cython {Cython.__version__}, Python {python},
numpy {np.__version__}, {machine}; flags `{sanitised.CFLAGS}`.
"""


def document(asked: argparse.Namespace, outcomes: Sequence[Outcome], controls: Mapping[str, Outcome]) -> str:
    """docs/safety.md."""
    return _DOCUMENT.format(
        asked=asked,
        packets=sum(outcome.said.get("packets", 0) for outcome in outcomes),
        findings=sum(bool(outcome.report) for outcome in outcomes),
        found=len(controls),
        planted=len(sanitised.PLANTS),
        chains=max(outcome.count("chains") for outcome in outcomes),
        links=max(outcome.count("links") for outcome in outcomes),
        runs=table(outcomes),
        controls=_controls(controls),
        said=_said(outcomes),
        compiler=_compiler(),
        python=sys.version.split()[0],
        machine=platform.machine(),
        detector=detector,
        Cython=Cython,
        np=np,
        sanitised=sanitised,
    )


def table(outcomes: Iterable[Outcome]) -> str:
    """A row a mutator."""
    return _markdown(
        ("mutator", "what", "cases", "packets", "seconds", "memory grew", "finding"),
        (
            (
                outcome.mutator,
                MUTATORS[outcome.mutator].what,
                f"{outcome.count('cases'):,}",
                f"{outcome.said.get('packets', 0):,}",
                f"{outcome.counts.get('seconds', 0):.0f}",
                f"{outcome.count('grown_mb')} MB",
                headline(outcome.report) if outcome.report else "none",
            )
            for outcome in outcomes
        ),
    )


def _controls(controls: Mapping[str, Outcome]) -> str:
    rows = ((sanitised.PLANTS[name], outcome.seconds) for name, outcome in controls.items())
    return _markdown(
        ("bug", "mutator", "seconds", "reported as"),
        ((plant.what, plant.mutator, f"{seconds:.1f}", plant.sign) for plant, seconds in rows),
    )


def _said(outcomes: Sequence[Outcome]) -> str:
    """A row an outcome, a column a mutator."""
    words = sorted({word for outcome in outcomes for word in outcome.said} - {"packets"})
    return _markdown(
        ("", *(outcome.mutator for outcome in outcomes)),
        (
            (word.replace("_", " "), *(f"{outcome.said.get(word, 0):,}" for outcome in outcomes))
            for word in words
        ),
    )


def _markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _compiler() -> str:
    done = subprocess.run(["gcc", "--version"], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[0]
