"""The public sources of `corpora.toml`: which there are, where they lie, and what they are labels of.

Training needs the manifest, the folder that `python -m training.corpora fetch` fills (or a mirror, laid out
alike) and the simulator.  Without any public data it learns from simulation only, and says so.

    python -m training.corpora fetch --mirror DIR    copy what the manifest names from a folder
    python -m training.corpora fetch --download      or from the archives of the repositories, over https
    python -m training.corpora verify [DIR]          say what is missing or differs

Sources are named NAME...; without a name, all.  Status: 0 all is there and as the manifest says, 1 not all.
"""

from __future__ import annotations

import argparse
import csv
import functools
import hashlib
import os
import sys
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training import store

MANIFEST = Path(__file__).with_name("corpora.toml")
BESIDE = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
FOLDERS = {"network": "net", "power": "power"}


class CorpusError(ValueError):
    """A source that cannot be had, or is not what the manifest says; one line that says why."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of a source."""

    path: str  # below the source's folder, with /
    size: int  # bytes
    sha256: str


@dataclass(frozen=True, slots=True)
class Source:
    """One source of the manifest; `terms` is its table there."""

    kind: str  # "network" or "power"
    name: str  # <owner>__<repository>
    files: tuple[File, ...]  # in order of path
    terms: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """Of the files as listed; what `terms` says it is, or the list was changed by hand."""
        lines = "".join(f"{file.path}\0{file.sha256}\n" for file in self.files)
        return hashlib.sha256(lines.encode()).hexdigest()

    def trains(self, path: str) -> bool:
        """Whether the licence lets the default model learn from one of its files."""
        return self.terms["use"] == "train" and path not in self.terms.get("evaluate_only", ())

    def place(self, root: Path) -> Path:
        """Its folder in a mirror or a cache."""
        return root / FOLDERS[self.kind] / self.name


@dataclass(frozen=True, slots=True)
class Capture:
    """One labelled capture of a public source."""

    path: Path
    source: str  # folder of the mirror, named <owner>__<repository>
    label: str  # "mining", "benign" or "ambiguous"
    role: str  # "traffic" (learn from it) or "robustness" (parser vectors, often malformed)
    protocol: str  # what the source says it shows
    mining_hosts: frozenset[str]
    trains: bool  # the licence lets the default model learn from it
    sha256: str  # of the file: sources copy captures from each other

    @property
    def group(self) -> str:
        """What no split may part: benign captures of a folder, mining captures of a source."""
        return f"{self.source}/{self.path.parent.name}" if self.label == "benign" else self.source


def cache() -> Path:
    """The folder that `fetch` fills: content-addressed, with a mirror's layout on top."""
    return store.home() / "corpora"


def mirror() -> Path | None:
    """The folder of the public data, or None when there is none on this machine.

    $MINEWATCH_DATA if that is set, else the cache, else `shared/data` beside the checkout.
    """
    chosen = os.environ.get("MINEWATCH_DATA")
    places = [Path(chosen)] if chosen else [cache(), BESIDE]
    return next(
        (place for place in places if any(source.place(place).is_dir() for source in sources())), None
    )


def manifest() -> Mapping[str, Any]:
    """`corpora.toml` as it stands."""
    return tomllib.loads(MANIFEST.read_text(encoding="utf-8"))


def sources(names: Collection[str] = ()) -> tuple[Source, ...]:
    """Every source of the manifest, or those that are named.  Raises CorpusError."""
    known = _sources(MANIFEST)
    unknown = sorted(set(names) - {source.name for source in known})
    if unknown:
        raise CorpusError(f"no source {unknown[0]!r} in {MANIFEST.name}")
    return tuple(source for source in known if not names or source.name in names)


@functools.cache
def _sources(path: Path) -> tuple[Source, ...]:
    listed: dict[tuple[str, str], list[File]] = {}
    with path.with_suffix(".tsv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream, delimiter="\t"):
            file = File(row["path"], int(row["bytes"]), row["sha256"])
            listed.setdefault((row["kind"], row["source"]), []).append(file)
    told = tomllib.loads(path.read_text(encoding="utf-8"))
    found = [
        Source(kind, name, tuple(sorted(listed.pop((kind, name)), key=lambda file: file.path)), terms)
        for kind in FOLDERS
        for name, terms in told.get(kind, {}).get("sources", {}).items()
    ]
    if listed:  # nobody may learn from what has no licence
        raise CorpusError(f"{path.name} does not name the source {next(iter(listed))[1]!r} of its list")
    for source in found:
        if source.digest != source.terms["digest"]:
            raise CorpusError(f"{path.name}: the digest of {source.name} is not that of its list of files")
    return tuple(found)


def captures(folder: Path) -> list[Capture]:
    """Every labelled capture that lies in the folder, in order of path."""
    found = [
        _capture(source, file, folder)
        for source in sources()
        if source.kind == "network"
        for file in source.files
    ]
    return sorted((capture for capture in found if capture.path.is_file()), key=lambda c: c.path.as_posix())


def to_learn_from(folder: Path, without: Collection[str] = ()) -> list[Capture]:
    """The captures that may train, each content once, and none that a source in `without` holds too."""
    listed = captures(folder)
    seen = {capture.sha256 for capture in listed if capture.source in without}
    chosen = []
    for capture in listed:
        if capture.trains and capture.sha256 not in seen:
            seen.add(capture.sha256)
            chosen.append(capture)
    return chosen


def power_digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file in the folders of the sources of power readings, of those that may train."""
    listed = [(source, source.place(folder)) for source in sources() if source.kind == "power"]
    files = sorted(
        path
        for source, place in listed
        for path in place.rglob("*")
        if path.is_file() and source.trains(path.relative_to(place).as_posix())
    )
    return {path.relative_to(folder).as_posix(): store.digest_of(path) for path in files}


def differences(source: Source, place: Path) -> list[str]:
    """One line for each file of the source that `place` lacks or has another content of."""
    lines = []
    for file in source.files:
        path = place / file.path
        try:
            same = path.stat().st_size == file.size and store.digest_of(path) == file.sha256
        except OSError:
            lines.append(f"{source.name}/{file.path}: missing")
            continue
        if not same:
            lines.append(f"{source.name}/{file.path}: differs from the manifest")
    return lines


def absent(folder: Path | None) -> list[str]:
    """The sources that may train and do not lie in the folder wholly, by name and size only."""
    return [
        source.name
        for source in sources()
        if source.terms["use"] == "train" and (folder is None or not _whole(source, source.place(folder)))
    ]


def _whole(source: Source, place: Path) -> bool:
    paths = [(place / file.path, file.size) for file in source.files]
    return all(path.is_file() and path.stat().st_size == size for path, size in paths)


def _capture(source: Source, file: File, folder: Path) -> Capture:
    terms = source.terms
    mining, ambiguous = terms.get("mining", {}), terms.get("ambiguous", {})
    label = "mining" if file.path in mining else "ambiguous" if file.path in ambiguous else terms["label"]
    vectors = terms.get("vectors", False)
    return Capture(
        path=source.place(folder) / file.path,
        source=source.name,
        label=label,
        role="robustness" if vectors else "traffic",
        protocol=mining[file.path]["shows"] if label == "mining" else ambiguous.get(file.path, ""),
        mining_hosts=frozenset(mining[file.path]["hosts"] if label == "mining" else ()),
        trains=source.trains(file.path) and not vectors and label != "ambiguous",
        sha256=file.sha256,
    )


def main(words: list[str] | None = None) -> int:
    """Fetch or verify; what is wrong goes to stderr, a line each."""
    parser = argparse.ArgumentParser(
        prog="python -m training.corpora",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    fetch = commands.add_parser("fetch", help="bring what the manifest names to the cache")
    origin = fetch.add_mutually_exclusive_group(required=True)
    origin.add_argument("--mirror", type=Path, metavar="DIR", help="folder with net/ and power/")
    origin.add_argument("--download", action="store_true", help="from the repositories, over https")
    verify = commands.add_parser("verify", help="say what is missing or differs")
    verify.add_argument("--in", dest="place", type=Path, metavar="DIR", help="a mirror, instead of the cache")
    for command in (fetch, verify):
        command.add_argument("names", nargs="*", metavar="NAME", help="sources (default: all)")
    args = parser.parse_args(words)
    try:
        chosen = sources(args.names)
        problems = _verify(args, chosen) if args.command == "verify" else _fetch(args, chosen)
    except CorpusError as error:
        problems = [str(error)]
    for line in problems:
        print(line, file=sys.stderr)  # noqa: T201
    return 1 if problems else 0


def _verify(args: argparse.Namespace, chosen: Iterable[Source]) -> list[str]:
    place = args.place or mirror() or cache()
    problems = [line for source in chosen for line in differences(source, source.place(place))]
    if not problems:
        print(f"{place}: as the manifest says")  # noqa: T201
    return problems


def _fetch(args: argparse.Namespace, chosen: Iterable[Source]) -> list[str]:
    from training import fetching  # noqa: PLC0415  (urllib, zipfile)

    problems = []
    for source in chosen:
        try:
            fetching.fetch(source, cache(), args.mirror)
            print(f"{source.name}: {len(source.files)} files")  # noqa: T201
        except CorpusError as error:
            problems.append(str(error))
    return problems


if __name__ == "__main__":
    from training import corpora  # noqa: PLW0406  the module that `fetching` knows, not this copy of it

    sys.exit(corpora.main())
