"""`make model`: fit the default bundle by the recipe and say what differs from the one that ships.

python -m training.rebuild                   rebuild in place
python -m training.rebuild --output FOLDER   elsewhere

Rows that were extracted before are taken from the cache; the bundle is the same with and without it.
`make model` sets how numpy and OpenBLAS calculate, which the processor would else decide: the last bit of a
logarithm may turn the splits of a tree.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from detector.bundle import DEFAULT
from detector.model import Bundle, BundleError
from training import build, card, corpora, export, fit, store, table

CREATED = "2026-11-22"
IDENTITY = "default-2026.11"


def main(words: list[str] | None = None) -> int:
    """Rebuild, save, compare; 0 when the result is the shipped bundle, else 1 with what differs."""
    usual = build.Recipe()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--output", type=Path, default=DEFAULT, help="folder to write (default: the package's)"
    )
    parser.add_argument("--examples", type=int, default=usual.examples, help="simulated conversations")
    parser.add_argument("--power-examples", type=int, default=usual.power_examples)
    parser.add_argument("--jobs", type=int, default=usual.jobs)
    parser.add_argument("--no-cache", action="store_true", help="make every row anew, and keep none")
    args = parser.parse_args(words)
    cache = None if args.no_cache else store.home() / "rows"
    recipe = build.Recipe(
        examples=args.examples, power_examples=args.power_examples, jobs=args.jobs, cache=cache
    )
    before = _shipped()
    say = _clock()
    mirror = corpora.mirror()
    _tell_absent(mirror, say)
    rows = table.concatenate([build.simulated_rows(recipe), build.recorded_rows(recipe, mirror)])
    power = build.power_rows(recipe, mirror)
    say("rows are ready")
    bundle = fit_bundle(recipe, rows, power, args.output, say)
    if cache is not None:
        store.prune(cache)
    return _tell_difference(before, bundle)


def _tell_absent(mirror: Path | None, say: Callable[[str], None]) -> None:
    """Say what of the public data is not there to learn from."""
    absent = corpora.absent(mirror)
    if mirror is None:
        say("no public data (python -m training.corpora fetch): simulated rows only")
    elif absent:
        say(f"not (wholly) in {mirror}: {', '.join(absent)}")
    if absent:
        say("so the digest will not be that of the shipped bundle")


def fit_bundle(
    recipe: build.Recipe,
    rows: table.Rows,
    power: build.PowerRows,
    output: Path,
    say: Callable[[str], None],
    *,
    drawn: fit.Fitted | None = None,
) -> Bundle:
    """Fit the three models on these rows and write the bundle to `output`; `drawn`: see `build.fit_all`."""
    models = build.fit_all(recipe, rows, power, say, drawn=drawn)
    data = build.training_data(rows, power)
    return export.save_bundle(
        output,
        {kind: fitted.entry() for kind, fitted in models.items()},
        identity=IDENTITY,
        created=CREATED,
        card=card.text(IDENTITY, CREATED, models, data),
        training_data=data,
        notes={"recipe": {"examples": recipe.examples, "seed": recipe.seed}},
    )


def _clock() -> Callable[[str], None]:
    """Progress on stderr, with the seconds since now."""
    started = time.monotonic()
    return lambda text: print(f"{time.monotonic() - started:6.0f} s  {text}", file=sys.stderr)  # noqa: T201


def _shipped() -> Bundle | None:
    try:
        return Bundle.load()
    except BundleError:
        return None


def _tell_difference(before: Bundle | None, after: Bundle) -> int:
    if before is None:
        print(f"new bundle {after.id} {after.digest[:16]}; there was none that loads")  # noqa: T201
        return 0
    if before.digest == after.digest:
        print(f"same bundle: {after.id} {after.digest[:16]}")  # noqa: T201
        return 0
    print(f"bundle differs: {before.digest[:16]} -> {after.digest[:16]}")  # noqa: T201
    for kind in ("channel", "power", "fusion"):
        old, new = before.manifest["models"][kind], after.manifest["models"][kind]
        changed = [key for key in new if old.get(key) != new[key]]
        print(f"  {kind}: {', '.join(changed) or 'nothing'} changed")  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())
