"""Where changed findings are told: lines for people, and a file of JSON lines for machines."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

from detector.atomic import named
from detector.document import WORST_FIRST, Context
from detector.monitor.changes import Change
from detector.records import Finding, Verdict
from detector.sinks import by_name
from detector.text import minute, printable, probability

_WIDEST_HOST = 39  # an IPv6 address


class Journal:
    """Appends documents `minewatch.finding/1`; what was appended is on the disk when `append` returns."""

    def __init__(self, path: str, model: Mapping[str, str]) -> None:
        """Raises OSError."""
        self._file = open(path, "a+", encoding="ascii", newline="")  # noqa: SIM115  closed by close
        self._path = path
        self._context = Context(model=model)
        self._mend(path)

    def _mend(self, path: str) -> None:
        """A line that a crash cut off is ended, so that the next one stands alone."""
        if not Path(path).is_file():
            return
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            if size and file.seek(size - 1) is not None and file.read(1) != b"\n":
                self._file.write("\n")

    def append(self, findings: Sequence[Finding]) -> None:
        """Raises OSError."""
        if not findings:
            return
        with named(self._path):
            by_name("jsonl").write(findings, self._file, self._context)
            self._file.flush()
            if self._file.seekable():
                os.fsync(self._file.fileno())

    def close(self) -> None:
        """Raises OSError."""
        with named(self._path):
            self._file.close()


def worth_a_line(change: Change, least: Verdict) -> bool:
    """Whether people are told: its verdict is `least` or worse, or was when it was last told."""
    wanted = WORST_FIRST[: WORST_FIRST.index(least) + 1]
    return change.finding.verdict in wanted or change.before in wanted


def line(finding: Finding) -> str:
    """`2026-03-01 00:55  mining      0.997  10.0.0.7  why`: when last seen (UTC), and what is believed."""
    host = printable(finding.host)
    return (
        f"{minute(finding.last_ns)}  {finding.verdict.value:<10}  {probability(finding.score):>5}"
        f"  {host:<{15 if len(host) <= 15 else _WIDEST_HOST}}  {printable(finding.why)}"
    )


def tell(findings: Sequence[Finding], stream: TextIO) -> None:
    """One line each.  Raises OSError."""
    for finding in findings:
        stream.write(line(finding).rstrip() + "\n")
    stream.flush()
