"""Public reports and tips: `--tips FILE.csv`, rows with time, host or place, text and source.

A tip moves no score and no verdict.  It moves a host up among those of its verdict, since somebody
has to choose where to look first, and it is told with its source.
"""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from detector.records import Tip
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
        with Path(path).open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise TipsError(f"{path}: larger than {_MAX_BYTES >> 20} MiB; this is no list of tips")
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        _check_header(path, reader.fieldnames or [])
        return _gathered(path, reader)
    except OSError as error:
        raise TipsError(f"{path}: {(error.strerror or 'cannot be read').lower()}") from error
    except UnicodeDecodeError as error:
        raise TipsError(f"{path}: not UTF-8 text; save it as CSV in UTF-8") from error
    except csv.Error as error:
        raise TipsError(f"{path}: {error}") from error


def _check_header(path: str, names: Iterable[str]) -> None:
    known = set(names)
    for name in known - set(FIELDS):
        near = difflib.get_close_matches(name, FIELDS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(FIELDS)}"
        raise TipsError(f"{path}: line 1: unknown column {name!r:.80}; {hint}")
    for name in ("time", "text", "source"):
        if name not in known:
            raise TipsError(f"{path}: line 1: no column {name!r}; known: {', '.join(FIELDS)}")


def _gathered(path: str, reader: csv.DictReader[str]) -> Tips:
    by_name: dict[str, list[Tip]] = {}
    for row in reader:
        where = f"{path}: line {reader.line_num}"
        cell = {name: (row.get(name) or "").strip() for name in FIELDS}
        if None in row:  # what csv.DictReader calls the cells that are too many
            raise TipsError(f"{where}: more cells than the header")
        names = {cell[name].casefold() for name in ("host", "place")} - {""}
        if not names:
            raise TipsError(f"{where}: neither 'host' nor 'place' says whom it is about")
        tip = _tip(cell, where, reader.line_num)
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
