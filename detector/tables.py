"""Small tables that people keep in spreadsheets (assets, labels, tips, times of blocks), read in one way.

UTF-8 with or without a byte order mark, or UTF-16 with one; cells set apart by comma, semicolon, tab or
pipe, whichever the first line has most of; cells in double quotes; a decimal comma where there is no point.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

MARKS: Final = ",;\t|"
UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_THOUSANDS: Final = re.compile(r"\d{1,3}(,\d{3})+")


class TableError(ValueError):
    """A table that cannot be read: one line with the file, and the line where there is one."""


class Table:
    """The rows of a table, each with the line it ends on."""

    def __init__(self, path: str | Path, most_bytes: int, what: str) -> None:
        """Raises TableError where it is too large for `what`, or no text."""
        self.path = path
        text = _text(path, most_bytes, what)
        first = next((line for line in text[:65_536].splitlines() if line.strip()), "")
        self._reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark_of(first), strict=True)

    @property
    def line(self) -> int:
        """The line that the row ended on."""
        return self._reader.line_num

    def __iter__(self) -> Iterator[list[str]]:
        """Raises TableError where quotes have no end."""
        begins = 1  # of a quote without its other one the end is far away
        try:
            for row in self._reader:
                begins = self.line + 1
                yield row
        except csv.Error as error:
            raise TableError(f"{self.path}: line {begins}: {error}") from error


def mark_of(line: str) -> str:
    """What sets the cells of a header apart."""
    return max(MARKS, key=line.count)


def number(cell: str) -> float:
    """A number with a decimal point or comma.  Raises ValueError, also for `1,000`, which may be either."""
    if _THOUSANDS.fullmatch(cell) or ("," in cell and "." in cell):
        raise ValueError(f"{cell!r:.40} may be two numbers: write it without a mark between thousands")
    return float(cell.replace(",", "."))


def _text(path: str | Path, most_bytes: int, what: str) -> str:
    try:
        with Path(path).open("rb") as file:
            content = file.read(most_bytes + 1)
    except OSError as error:
        raise TableError(f"{path}: {(error.strerror or 'cannot be read').lower()}") from error
    if len(content) > most_bytes:
        raise TableError(f"{path}: larger than {most_bytes >> 20} MiB; this is no {what}")
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise TableError(f"{path}: a spreadsheet; save it as CSV")
    try:
        return content.decode("utf-16" if content.startswith(UTF16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise TableError(f"{path}: line {line}: not UTF-8 text; save it as CSV in UTF-8") from error
