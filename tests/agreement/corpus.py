"""The public captures, and which of them differ from tshark for which reasons."""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Mapping, Set
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("MINEWATCH_DATA", ROOT.parent / "shared" / "data")) / "net"
EXPLAINED = Path(__file__).with_name("explained.tsv")
"""Capture and reasons of each that differs: written by `make agreement`, held by the tests."""


def captures() -> list[str]:
    """Every capture by its path; empty where the public data is not there."""
    return [row["path"] for row in _rows()]


def sample(each: int, largest: int) -> list[str]:
    """The first `each` captures by hash of every source and link type, of files up to `largest` packets."""
    strata: dict[tuple[str, str], list[str]] = {}
    for row in _rows():
        if int(row["packets"] or 0) <= largest:
            strata.setdefault((row["path"].split("/")[0], row["linktype"]), []).append(row["path"])
    return sorted(name for names in strata.values() for name in sorted(names, key=_hash)[:each])


def explained() -> dict[str, set[str]]:
    """Reasons by capture."""
    lines = EXPLAINED.read_text(encoding="utf-8").splitlines() if EXPLAINED.is_file() else []
    return {name: set(reasons.split(",")) for name, _, reasons in (line.partition("\t") for line in lines)}


def write_explained(reasons: Mapping[str, Set[str]]) -> None:
    lines = (f"{name}\t{','.join(sorted(why))}\n" for name, why in sorted(reasons.items()))
    EXPLAINED.write_text("".join(lines), encoding="utf-8")


def _rows() -> list[dict[str, str]]:
    table = DATA / "labels.tsv"
    if not table.is_file():
        return []
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
