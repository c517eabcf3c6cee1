"""`make evaluation`: measure, and write docs/evaluation.md with its diagram.

    python -m training.evaluation                everything: about half an hour on two cores
    python -m training.evaluation --quick        a look: small samples, no leave-one-source-out bundles
    python -m training.evaluation --shipped      the shipped bundle on the captures, and nothing else
    python -m training.evaluation --power        the power sections, printed
    python -m training.evaluation --previous OLD-BUNDLE

Needs the public data; see `training.corpora`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from detector.model import Bundle
from training import build, corpora, store, table
from training.evaluation import (
    captures,
    dialects,
    disguises,
    fusion,
    meters,
    peers,
    power,
    power_sample,
    rewrapped,
    sample,
)
from training.evaluation.report import Sizes, modelled

DOCS = Path(__file__).resolve().parents[2] / "docs"
DIAGRAM = "reliability.svg"
UNMEASURED = "Not measured in this run (`--shipped`): held-out groups, baselines, calibration and the checks."


def main() -> int:
    """Evaluate and write the report; 2 without the public data."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small samples; not for the record")
    parser.add_argument("--shipped", action="store_true", help="the captures by the shipped bundle only")
    parser.add_argument("--power", action="store_true", help="print the power sections, and nothing else")
    parser.add_argument("--previous", type=Path, metavar="BUNDLE", help="an older bundle, on the same rows")
    parser.add_argument("--output", type=Path, default=DOCS / "evaluation.md")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--no-cache", action="store_true", help="make every row anew, and keep none")
    args = parser.parse_args()
    mirror = corpora.mirror()
    if mirror is None:
        print("no public data: set MINEWATCH_DATA to its folder", file=sys.stderr)  # noqa: T201
        return 2
    sizes = Sizes.quick() if args.quick else Sizes()
    cache = None if args.no_cache else store.home() / "rows"
    recipe = build.Recipe(sizes.conversations, seed=sizes.seed, jobs=args.jobs, cache=cache)
    say = _clock()
    if args.power:
        told, picture = _power(mirror, recipe, sizes, say)
        print("\n\n".join(told))  # noqa: T201
        (args.output.parent / power.PICTURE).write_text(picture, encoding="utf-8")
        return 0
    if args.shipped:
        shipped = captures.judge_captures(corpora.captures(mirror), None, recipe.jobs)
        parts = [*_parts(Bundle.load(), shipped, [], sizes, []), UNMEASURED]
        args.output.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
        return 0
    text, diagram, picture = report(mirror, recipe, sizes, args.previous, say)
    args.output.write_text(text, encoding="utf-8")
    (args.output.parent / DIAGRAM).write_text(diagram, encoding="utf-8")
    (args.output.parent / power.PICTURE).write_text(picture, encoding="utf-8")
    say(f"wrote {args.output}")
    return 0


def report(
    mirror: Path, recipe: build.Recipe, sizes: Sizes, previous: Path | None, say: Callable[[str], None]
) -> tuple[str, str, str]:
    """The text of docs/evaluation.md, its diagram, and the picture of its power sections."""
    bundle = Bundle.load()
    say("every capture by the shipped bundle")
    listed = corpora.captures(mirror)
    shipped = captures.judge_captures(listed, None, recipe.jobs)
    say("peers, dialects, disguises")
    scenes = [
        dialects.section(None, sizes.trials, recipe.jobs),
        disguises.section(None, sizes.trials, recipe.jobs),
        peers.section(shipped),
    ]
    left_out = []
    if sizes.left_out_conversations:
        smaller = build.Recipe(
            sizes.left_out_conversations,
            2 * sizes.left_out_conversations,
            3 * sizes.left_out_conversations,
            recipe.seed,
            recipe.jobs,
            cache=recipe.cache,
        )
        left_out = captures.leave_one_source_out(listed, mirror, smaller)
        power = build.power_rows(smaller, mirror)
        scenes.insert(1, dialects.left_out(smaller, power, sizes.trials, say))
    say("rows of the sample")
    rows = table.concatenate([build.simulated_rows(recipe), build.recorded_rows(recipe, mirror)])
    of = sample.sample_of(rows, sample.times(listed))
    bundles = {"shipped": bundle} | ({"previous": Bundle.load(previous)} if previous else {})
    told, diagram = modelled(of, bundles, sizes, DIAGRAM, say)
    told += meters.sections(meters.drawn(min(3_000, sizes.power_records), sizes.seed, mirror), sizes.seed)
    say("paired sites")
    paired = replace(
        recipe, examples=sizes.paired_conversations, power_examples=sizes.paired_conversations, seed=2_031
    )
    told.append(fusion.section(fusion.drawn(bundle, paired, mirror), paired.seed))
    drawn, picture = _power(mirror, recipe, sizes, say)
    parts = _parts(bundle, shipped, left_out, sizes, [*scenes, *told, *drawn])
    return "\n\n".join(parts) + "\n", diagram, picture


def _power(
    mirror: Path, recipe: build.Recipe, sizes: Sizes, say: Callable[[str], None]
) -> tuple[list[str], str]:
    """The sections on power, and their picture."""
    say("power")
    records = power_sample.draw(sizes.seed, sizes.power_records, mirror, recipe.jobs, recipe.cache)
    found = power.judge(records, sizes.seed)
    return list(power.sections(found, say)), power.svg(found)


def _parts(
    bundle: Bundle,
    shipped: list[captures.Outcome],
    left_out: list[captures.Outcome],
    sizes: Sizes,
    told: list[str],
) -> Iterator[str]:
    yield "# Evaluation"
    yield (
        "Written by `make evaluation`. Captures are scored one by one by `minewatch score`'s own code.\n"
        f"Bundle: `{bundle.id}`, digest `{bundle.digest[:16]}`. Bounds are 95"
        f" %, Clopper-Pearson for counts;\n"
        "where it says groups, whole groups (sources, families, sites) were"
        " drawn anew: hosts of a capture and\n"
        "windows of a channel are alike, **the effective n is the number of groups**. Tables say what is\n"
        "*recorded* and what is *simulated*; no claim rests on the simulated alone."
    )
    yield from captures.sections(shipped, left_out, sizes.left_out_conversations)
    yield rewrapped.section(rewrapped.judged(rewrapped.sessions(one.capture for one in shipped), bundle))
    yield captures.model_table(bundle)
    yield from told
    yield captures.problems(shipped)


def _clock() -> Callable[[str], None]:
    started = time.monotonic()
    return lambda text: print(f"{time.monotonic() - started:6.0f} s  {text}", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
