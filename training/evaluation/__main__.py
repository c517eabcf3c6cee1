"""`make evaluation`: measure, and write docs/evaluation.md with its pictures.

    python -m training.evaluation                    every section; what was measured before is not again
    python -m training.evaluation captures power     these two, which take their old places on the page
    python -m training.evaluation --list             the sections, and which of them are to be measured
    python -m training.evaluation --quick --output /tmp/look.md    a look: small samples, not for the record
    python -m training.evaluation strangers --previous OLD         an older bundle, on the same rows

An older bundle is a folder; git holds those that shipped: git archive REV detector/data | tar -x -C OLD.
Needs the public data; see `training.corpora`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from detector.model import BundleError
from training import corpora, store
from training.evaluation import page
from training.evaluation.ground import Ground, Sizes
from training.evaluation.remembered import Told, remembered
from training.evaluation.sections import SECTIONS, Section

DOCS = Path(__file__).resolve().parents[2] / "docs"


def main(words: Sequence[str] | None = None) -> int:
    """Evaluate and write the page; 2 without the public data, or with a bundle that does not load."""
    parser = _parser()
    args = parser.parse_args(words)
    unknown = set(args.sections) - {one.name for one in SECTIONS}
    if unknown:
        parser.error(f"no section {min(unknown)!r}; there are {', '.join(one.name for one in SECTIONS)}")
    mirror = corpora.mirror()
    if mirror is None:
        print("no public data: set MINEWATCH_DATA to its folder", file=sys.stderr)  # noqa: T201
        return 2
    sizes = Sizes.quick() if args.quick else Sizes()
    cache = None if args.no_cache else store.home()
    rows = cache / "rows" if cache else None
    on = Ground(mirror, sizes, args.jobs, rows, args.previous, _clock())
    try:
        known = page.parts(args.output.read_text(encoding="utf-8")) if args.output.exists() else {}
        chosen = [one for one in SECTIONS if not args.sections or one.name in args.sections]
        if args.list:
            for one in chosen:
                stands = known.get(one.name)
                told = "as it stands" if stands and stands.of == one.of(on) else "to be measured"
                print(f"{one.name:18} {told}")  # noqa: T201
            return 0
        _measure(chosen, on, cache / "sections" if cache else None, known, args.output)
    except BundleError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [one.name for one in SECTIONS]
    add = parser.add_argument
    add("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(names)}; default: all")
    add("--list", action="store_true", help="say which sections there are, and measure nothing")
    add("--quick", action="store_true", help="small samples; not for the record")
    add("--previous", type=Path, metavar="BUNDLE", help="an older bundle, on the same rows")
    add("--output", type=Path, default=DOCS / "evaluation.md")
    add("--jobs", type=int, default=2)
    add("--no-cache", action="store_true", help="measure all anew, and keep nothing")
    return parser


def _measure(
    chosen: Sequence[Section], on: Ground, cache: Path | None, known: dict[str, page.Part], output: Path
) -> None:
    """Each section into its place; the page is written after each, so that an interruption costs one."""
    from joblib import parallel_config  # noqa: PLC0415

    with parallel_config("loky", n_jobs=on.jobs):  # of the fits, which otherwise are one after the other
        for one in chosen:
            on.say(one.name)
            told = remembered(cache, one.parts(on), lambda make=one.make: make(on))  # type: ignore[misc]
            known[one.name] = page.Part(one.of(on), told.text)
            _write(output, page.text(known, [section.name for section in SECTIONS]), told)
    on.say(f"wrote {output}")


def _write(output: Path, text: str, told: Told) -> None:
    output.write_text(text, encoding="utf-8")
    for name, picture in told.pictures.items():
        (output.parent / name).write_text(picture, encoding="utf-8")


def _clock() -> Callable[[str], None]:
    started = time.monotonic()
    return lambda text: print(f"{time.monotonic() - started:6.0f} s  {text}", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
