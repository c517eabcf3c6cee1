"""The findings of an earlier run, read back: who was called what.  What is in the file is hostile."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from detector.document import SCHEMA
from detector.records import Verdict

LONGEST_LINE = 1 << 20  # bytes; a finding has a few thousand
LONGEST_NAME = 1_000  # characters
MOST = 5_000_000  # hosts; more would not fit beside the findings of this run
VERDICTS = {verdict.value: verdict for verdict in Verdict}


class PreviousError(ValueError):
    """The file is no list of findings: one line with file, line and what is wrong."""


@dataclass(frozen=True, slots=True)
class Told:
    """What was said of one host."""

    verdict: Verdict
    organisation: str | None
    allowed: bool = False


@dataclass(frozen=True, slots=True)
class Previous:
    """A run by the name of its file; hosts by (kind, name)."""

    name: str
    hosts: Mapping[tuple[str, str], Told]


def read_previous(path: str) -> Previous:
    """Findings as `--format jsonl` writes them.  Raises PreviousError."""
    hosts: dict[tuple[str, str], Told] = {}
    try:
        with Path(path).open("rb") as file:
            for where, line in _lines(file, path):
                key, told = _finding(line, where)
                hosts[key] = told
                if len(hosts) > MOST:
                    raise PreviousError(f"{where}: more than {MOST} hosts")
    except OSError as error:
        raise PreviousError(f"{path}: {(error.strerror or 'cannot be read').lower()}") from error
    return Previous(Path(path).name, hosts)


def _lines(file: BinaryIO, path: str) -> Iterator[tuple[str, bytes]]:
    number = 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        where = f"{path}: line {number}"
        if len(line) > LONGEST_LINE:
            raise PreviousError(f"{where}: longer than {LONGEST_LINE} bytes; give what --format jsonl wrote")
        if line.strip():
            yield where, line


def _finding(line: bytes, where: str) -> tuple[tuple[str, str], Told]:
    try:
        told: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise PreviousError(f"{where}: no JSON; give what --format jsonl wrote") from error
    if not isinstance(told, dict) or told.get("schema") != SCHEMA:
        raise PreviousError(f"{where}: no finding of the schema {SCHEMA!r}")
    names = [told.get("kind"), told.get("host")]
    organisation, verdict = told.get("organisation"), told.get("verdict")
    for name in [*names, *([organisation] if organisation is not None else [])]:
        if not isinstance(name, str) or not name or len(name) > LONGEST_NAME:
            raise PreviousError(f"{where}: kind, host or organisation is no name")
    if not isinstance(verdict, str) or verdict not in VERDICTS:
        raise PreviousError(f"{where}: verdict is none of {', '.join(VERDICTS)}")
    return (str(names[0]), str(names[1])), Told(VERDICTS[verdict], organisation, "allowed" in told)
