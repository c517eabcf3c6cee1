"""Telemetry: files of power readings -> Readings, by content.  A growing folder (`registry`).

In here: `contract` (what a source is, units), `columns`, `times`, `values` (what a table's
names and cells mean), `collect` (rows to Readings); one file a source.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from detector.telemetry.contract import Hints, Source, TelemetryError
from detector.telemetry.registry import SOURCES

if TYPE_CHECKING:
    from detector.records import Readings

__all__ = ["SOURCES", "Hints", "Source", "TelemetryError", "read_power"]

HEAD_BYTES: Final = 65_536
_CAPTURES: Final = (
    b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d",
    b"\x0a\x0d\x0d\x0a",
)  # fmt: skip
_KNOWN: Final = (
    *((magic, "a packet capture; give it as a capture, not as power readings") for magic in _CAPTURES),
    (b"PK\x03\x04", "a spreadsheet or zip archive; save or unpack it as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet; save it as CSV"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd; decompress it first"),
    (b"BZh", "compressed with bzip2; decompress it first"),
    (b"\xfd7zXZ", "compressed with xz; decompress it first"),
    (b"<", "HTML or XML; export the readings as CSV"),
    (b"{", "JSON; export the readings as CSV"),
    (b"[", "JSON; export the readings as CSV"),
)


def read_power(
    path: str | Path,
    *,
    unit: str | None = None,
    timezone: str | None = None,
    meter: str | None = None,
    value: str | None = None,
    day_first: bool | None = None,
) -> Readings:
    """Read the power readings in a file, whatever its kind.

    What the file says wins; the arguments speak where it is silent: `unit` ("W", "kW",
    "kWh" per interval ...), `timezone` (IANA name or offset; UTC if None), `meter` (name of
    the meter's column, or of the one meter in the file; the file's own name if None),
    `value` (name of the column with the readings), `day_first` (03/04/2026 is in April).
    What was taken for what stands in `Readings.notes`, what was left out in `.dropped`.

    Raises TelemetryError (one line: file, place, what, what to do).
    """
    name = str(path)
    hints = Hints(unit, timezone, meter, value, day_first)
    if Path(name).is_fifo():
        raise TelemetryError(f"{name}: a pipe: a table is read more than once; write it to a file first")
    try:
        head = _head(name)
        for source in SOURCES:
            if source.sniff(head, Path(name).name):
                return source.read(name, hints)
    except OSError as error:
        raise TelemetryError(f"{name}: {(error.strerror or 'cannot be read').lower()}") from error
    raise TelemetryError(f"{name}: no power readings: {_what(head)}")


def _head(path: str) -> bytes:
    """The first bytes, decompressed where they are gzip."""
    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES)
    if head[:2] != b"\x1f\x8b":
        return head
    unpacker = zlib.decompressobj(wbits=31)
    try:
        plain = unpacker.decompress(head, HEAD_BYTES)
    except zlib.error as error:
        raise TelemetryError(f"{path}: damaged gzip data; copy the file again") from error
    if not plain and not unpacker.eof:
        raise TelemetryError(f"{path}: the gzip data ends early; copy the file again")
    return plain


def _what(head: bytes) -> str:
    if not head.strip():
        return "the file is empty"
    start = head.lstrip()
    for magic, name in _KNOWN:
        if head.startswith(magic) or start.startswith(magic):
            return f"it is {name}"
    return "neither a table of text (CSV) nor Parquet"
