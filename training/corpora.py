"""The public sources of `corpora.toml`, found in a local mirror: which captures there are, and their labels.

Nothing is downloaded.  The mirror is the folder in the environment variable
MINEWATCH_DATA, else `shared/data` beside the checkout; without it there are no captures.
"""

from __future__ import annotations

import csv
import os
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MANIFEST = Path(__file__).with_name("corpora.toml")
BESIDE = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


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


def mirror() -> Path | None:
    """The folder of the public data, or None when there is none on this machine."""
    folder = Path(os.environ.get("MINEWATCH_DATA", BESIDE))
    return folder if (folder / "net" / "labels.tsv").is_file() else None


def manifest() -> Mapping[str, Any]:
    """`corpora.toml` as it stands."""
    return tomllib.loads(MANIFEST.read_text(encoding="utf-8"))


def captures(folder: Path) -> list[Capture]:
    """Every labelled capture in the mirror, in order of path.

    Raises KeyError when the labels name a source that the manifest does not know: its
    licence is unknown, so nobody may learn from it.
    """
    network = manifest()["network"]
    with open(folder / network["labels"], encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [_capture(folder, row, network["sources"]) for row in sorted(rows, key=lambda row: row["path"])]


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


def _capture(folder: Path, row: Mapping[str, str], sources: Mapping[str, Any]) -> Capture:
    source = row["path"].split("/", 1)[0]
    terms = sources[source]
    path = folder / "net" / row["path"]
    allowed = terms["use"] == "train" and path.name not in terms.get("evaluate_only", [])
    return Capture(
        path=path,
        source=source,
        label=row["label"],
        role=row["role"],
        protocol=row["protocol"],
        mining_hosts=frozenset(filter(None, row["mining_hosts"].split(";"))),
        trains=allowed and row["role"] == "traffic" and row["label"] != "ambiguous",
        sha256=row["sha256"],
    )
