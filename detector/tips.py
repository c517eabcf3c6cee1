"""Public reports and tips: `--tips FILE.csv`, rows with time, host or place, text and source.

A tip moves no score and no verdict.  It moves a host up among those of its verdict, since somebody
has to choose where to look first, and it is told with its source.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from detector.records import Tip
from detector.tables import Table, TableError
from detector.text import moment, printable

FIELDS: Final = ("time", "host", "place", "text", "source")
KEPT: Final = 16  # of one host or place; the newest stay
LONGEST: Final = 200  # characters of a text
_MAX_BYTES: Final = 64 << 20


class TipsError(ValueError):
    """The file cannot be used: one line with file, line and what is wrong."""


@dataclass(frozen=True, slots=True)
class Tips:
    """By host (address, meter, asset) or place (organisation, asset, feeder), in any case of letters."""

    by_name: Mapping[str, list[Tip]] = field(default_factory=dict)

    def of(self, names: Iterable[str | None]) -> list[Tip]:
        """The tips on any of the names, newest first, each once."""
        if not self.by_name:
            return []
        found = {tip for name in names if name for tip in self.by_name.get(name.casefold(), ())}
        return sorted(found, key=lambda tip: (-tip.time_ns, tip.line))


NO_TIPS: Final = Tips()


def read_tips(path: str) -> Tips:
    """Read a file of tips (columns FIELDS; one of `host` and `place` may be empty).  Raises TipsError."""
    try:
        table = Table(path, _MAX_BYTES, "list of tips")
        rows = iter(table)
        names = [name.strip() for name in next(rows, [])]
        _check_header(path, names)
        return _gathered(path, names, table, rows)
    except TableError as error:
        raise TipsError(str(error)) from error


def _check_header(path: str, names: Iterable[str]) -> None:
    known = set(names)
    for name in known - set(FIELDS):
        near = difflib.get_close_matches(name, FIELDS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(FIELDS)}"
        raise TipsError(f"{path}: line 1: unknown column {name!r:.80}; {hint}")
    for name in ("time", "text", "source"):
        if name not in known:
            raise TipsError(f"{path}: line 1: no column {name!r}; known: {', '.join(FIELDS)}")


def _gathered(path: str, header: Sequence[str], table: Table, rows: Iterable[list[str]]) -> Tips:
    by_name: dict[str, list[Tip]] = {}
    for row in rows:
        if not row:
            continue
        where = f"{path}: line {table.line}"
        cell = dict.fromkeys(FIELDS, "") | dict(zip(header, map(str.strip, row), strict=False))
        if len(row) > len(header):
            raise TipsError(f"{where}: more cells than the header")
        names = {cell[name].casefold() for name in ("host", "place")} - {""}
        if not names:
            raise TipsError(f"{where}: neither 'host' nor 'place' says whom it is about")
        tip = _tip(cell, where, table.line)
        for name in names:
            kept = by_name.setdefault(name, [])
            kept.append(tip)
            if len(kept) > KEPT:
                kept.remove(min(kept, key=lambda one: one.time_ns))
    return Tips(by_name)


def _tip(cell: Mapping[str, Any], where: str, line: int) -> Tip:
    for name in ("text", "source"):
        if not cell[name]:
            raise TipsError(f"{where}: empty {name!r}: what is told needs its provenance")
    try:
        time_ns = moment(cell["time"])
    except ValueError as error:
        raise TipsError(f"{where}: time {error}") from error
    return Tip(time_ns, printable(cell["text"], LONGEST), printable(cell["source"], LONGEST), line)
