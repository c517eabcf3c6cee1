"""turbostat: columns between tabs or blanks, the header repeated, one summary row and one a CPU.

    Time_Of_Day_Seconds Core CPU Busy% Bzy_MHz PkgWatt RAMWatt
    1720410814.483070   -    -   3.10  2100    61.20   2.03
    1720410814.483070   0    0   2.90  2100    61.20   2.03

The summary row (`-`) is the sum over packages; with `--Joules` it counts joules per interval.
This is the power of processors and memory, not of the host: no discs, fans, GPUs, losses.
Source: turbostat(8).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from detector.telemetry.contract import UNITS, Hints, TelemetryError
from detector.telemetry.loglines import read_rows, text_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detector.records import Readings
    from detector.streams import Stream
    from detector.telemetry.loglines import Row

_TIME: Final = "Time_Of_Day_Seconds"
_WATTS: Final = ("PkgWatt", "RAMWatt")
_JOULES: Final = ("Pkg_J", "RAM_J")
_PLACES: Final = ("CPU", "Core", "Package", "Node", "Die")
_SCOPE: Final = "power of processors and memory, not of the whole host"


def sniff(head: bytes, name: str) -> bool:
    """A header with the power of the package, between blanks."""
    lines = head.decode("latin-1").splitlines()[:200]
    return any("," not in line and {"PkgWatt", "Pkg_J"} & set(line.split()) for line in lines)


def read(stream: Stream, hints: Hints) -> Iterator[Readings]:
    """Watts of processors and memory.  Raises TelemetryError, OSError."""
    lines = text_lines(stream)
    header = next(cells for line in lines if {"PkgWatt", "Pkg_J"} & set(cells := line.split()))
    if _TIME not in header:
        raise TelemetryError(
            f"{stream.path}: turbostat without times; run it with --enable {_TIME} (and --Summary)"
        )
    joules = "Pkg_J" in header
    rows, unit = _rows(lines, header, _JOULES if joules else _WATTS), UNITS["J" if joules else "W"]
    for readings in read_rows(stream.path, rows, unit, hints):
        readings.notes.append(_SCOPE)
        yield readings


def _rows(lines: Iterator[str], header: list[str], wanted: tuple[str, ...]) -> Iterator[Row]:
    for line in lines:
        cells = line.split()
        if len(cells) < len(header) or cells == header:  # rows of further CPUs leave columns out
            continue
        row = dict(zip(header, cells, strict=False))
        if any(row.get(place, "-") != "-" for place in _PLACES):
            continue
        try:
            yield row[_TIME], "", "", sum(float(row[name]) for name in wanted if name in row)
        except ValueError:
            yield row[_TIME], "", "", float("nan")
