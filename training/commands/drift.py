"""`minewatch evaluate --drift`: whether a site's traffic has left what a bundle learned from."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from detector.cli import OK, WRONG, output
from detector.model import Bundle
from detector.text import plural, printable
from training import drift
from training.observed import Observed, observe

SCHEMA = "minewatch.drift/1"
WORST = ("left", "unknown", "moved", "alike")


def run(args: argparse.Namespace) -> int:
    """Read, compare, tell."""
    bundle = Bundle.load(None if args.bundle == "default" else args.bundle)
    seen = observe(tuple(str(path) for path in args.labels), names=bundle.channel.names)
    for problem in seen.problems:
        output.note(f"minewatch evaluate: {printable(problem)}")
    told = drift_of(bundle, seen)
    if not told:
        output.note("minewatch evaluate: no channel and no meter that holds enough: nothing is compared")
        return WRONG
    with output.opened(args.output) as stream:
        if args.format == "json":
            stream.write(json.dumps(document(bundle, told), indent=1) + "\n")
        else:
            stream.write("".join(f"{printable(line)}\n" for line in lines(bundle, told)))
    return WRONG if seen.problems else OK


def drift_of(bundle: Bundle, seen: Observed) -> list[drift.Told]:
    """Of each model that has rows here."""
    parts = (("channel", seen.channel, seen.host), ("power", seen.power, seen.meter))
    return [
        drift.told_of(kind, bundle.model(kind), values, whose, bundle.reference[kind])
        for kind, values, whose in parts
        if len(values)
    ]


def document(bundle: Bundle, told: list[drift.Told]) -> dict[str, Any]:
    """In JSON types."""
    return {
        "schema": SCHEMA,
        "model": {"id": bundle.id, "digest": bundle.digest},
        "models": {one.kind: asdict(one) for one in told},
        "what_to_do": drift.WHAT_TO_DO[_worst(told)],
    }


def lines(bundle: Bundle, told: list[drift.Told]) -> Iterator[str]:
    """As a person reads it."""
    for one in told:
        groups = bundle.reference[one.kind].groups
        unit = "host" if one.kind == "channel" else "meter"
        yield f"{one.kind}: {plural(one.hosts, unit)} against {groups} groups of training"
        yield f"  {'family':<12}{'PSI':>7}{'chance':>9}  state    moved most"
        for found in one.drifts:
            columns = ", ".join(f"{name} {psi:.2f}" for name, psi in found.columns)
            numbers = f"{found.psi:>7.3f}{found.noise:>9.3f}"
            yield f"  {found.family:<12}{numbers}  {found.state:<8} {columns}"
        rate = one.novel
        yield f"  unlike anything in training: {rate.count} of {rate.n:g} (at most {rate.high or 0:.1%})"
    yield "chance: what two samples of one population of these sizes stay below, 95 %"
    worst = _worst(told)
    yield f"{'no drift' if worst == 'alike' else worst}: {drift.WHAT_TO_DO[worst]}"


def _worst(told: list[drift.Told]) -> str:
    states = {found.state for one in told for found in one.drifts}
    return next(state for state in WORST if state in states)
