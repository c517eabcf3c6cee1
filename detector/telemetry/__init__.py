"""Telemetry: files of power readings -> Readings, by content.  A growing folder (`registry`).

In here: `contract` (what a source is, units), `columns`, `times`, `values` (what a table's
names and cells mean), `collect` (rows to Readings); one file a source.
"""

from __future__ import annotations

import difflib
import itertools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from detector.formats import CAPTURE_MAGICS
from detector.records import Readings
from detector.streams import Stream, StreamError, open_stream
from detector.telemetry import gpu_use
from detector.telemetry.address import parse_address, problem_of, scheme_of
from detector.telemetry.contract import Hints, Service, Source, TelemetryError
from detector.telemetry.registry import SERVICES, SOURCES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detector.interrupts import Interrupts

__all__ = [
    "SERVICES", "SOURCES", "Hints", "Service", "Source", "TelemetryError", "is_address", "is_power_log",
    "mistyped", "problem_of", "read_parts", "read_power", "scheme_of",
]  # fmt: skip

HEAD_BYTES: Final = 65_536
_KNOWN: Final = (
    *((magic, "a packet capture; give it as a capture, not as power readings") for magic in CAPTURE_MAGICS),
    (b"PK\x03\x04", "a spreadsheet or zip archive; save or unpack it as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet; save it as CSV"),
    (b"<", "HTML or XML; export the readings as CSV"),
    (b"{", "JSON; export the readings as CSV"),
    (b"[", "JSON; export the readings as CSV"),
)


def read_power(
    source: str | Path | Stream,
    *,
    unit: str | None = None,
    timezone: str | None = None,
    meter: str | None = None,
    value: str | None = None,
    day_first: bool | None = None,
) -> Readings:
    """Read the power readings in a file or stream, whatever its kind and size, as one table; closes it.

    Or those that a server answers with, where `source` is an address (`is_address`).

    What the file says wins; the arguments speak where it is silent: `unit` ("W", "kW",
    "kWh" per interval ...), `timezone` (IANA name or offset; UTC if None), `meter` (name of
    the meter's column, or of the one meter in the file; the file's own name if None),
    `value` (name of the column with the readings), `day_first` (03/04/2026 is in April).
    What was taken for what stands in `Readings.notes`, what was left out in `.dropped`, and
    what ended a damaged file before its end in `.problem`: the rows before it are read.

    Raises TelemetryError (one line: file, place, what, what to do) where nothing can be used.
    """
    return joined(list(read_parts(source, Hints(unit, timezone, meter, value, day_first))))


def read_parts(
    source: str | Path | Stream, hints: Hints, interrupts: Interrupts | None = None
) -> Iterator[Readings]:
    """What `read_power` reads, as much at a time as memory holds; every meter stands in one part alone.

    `notes` and `dropped` of a part are of the file up to it.  An interrupt ends the file where it is.
    """
    if isinstance(source, str) and is_address(source):
        service = _service(source)
        yield service.fetch(parse_address(source, service.ARGUMENTS), hints)
        return
    try:
        with source if isinstance(source, Stream) else open_stream(str(source)) as stream:
            if interrupts:
                stream.end_at_interrupt(interrupts)
            yield from _read(stream, hints)
    except StreamError as error:
        raise TelemetryError(str(error)) from error


def joined(parts: list[Readings]) -> Readings:
    """Parts of one file, none of whose meters is in two, as one table."""
    if len(parts) == 1:
        return parts[0]
    before = itertools.accumulate((len(part.meters) for part in parts), initial=0)
    return Readings(
        [name for part in parts for name in part.meters],
        np.concatenate([part.meter + first for part, first in zip(parts, before, strict=False)]),
        np.concatenate([part.time_ns for part in parts]),
        np.concatenate([part.watts for part in parts]),
        np.concatenate([part.interval_s for part in parts]),
        any(part.estimated for part in parts),
        parts[-1].notes,
        parts[-1].dropped,
        parts[-1].problem,
        gpu_use.joined(part.gpu_use for part in parts),
    )


def is_address(text: str) -> bool:
    """Whether it names a server (`prometheus:http://...`) and no file is called so."""
    return scheme_of(text) in {service.SCHEME for service in SERVICES} and not Path(text).exists()


def mistyped(text: str) -> str | None:
    """What to tell of an address whose scheme is none of ours; None of what may be a file.

    Nothing behind the scheme is told: credentials may stand there.
    """
    found = re.match(r"([A-Za-z][\w.+-]{1,24}):", text)
    if found is None or is_address(text) or Path(text).exists():
        return None
    schemes = [service.SCHEME for service in SERVICES]
    near = difflib.get_close_matches(found[1].lower().partition("+")[0], schemes, n=1)
    if not near and not text[found.end() :].startswith("//"):
        return None
    hint = f"did you mean {near[0] + ':'!r}?" if near else f"known: {', '.join(f'{s}:' for s in schemes)}"
    return f"{found[1]}: no kind of server is called so; {hint} (docs/power-sources.md)"


def _service(text: str) -> Service:
    return next(service for service in SERVICES if scheme_of(text) == service.SCHEME)


def is_power_log(head: bytes, name: str) -> bool:
    """Whether a source other than tables of text knows what begins so: their readers take any text."""
    return any(source.sniff(head, name) for source in SOURCES[:-1])


def _read(stream: Stream, hints: Hints) -> Iterator[Readings]:
    head = stream.head(HEAD_BYTES)
    stream.end_at_damage()
    kind = next((kind for kind in SOURCES if kind.sniff(head, Path(stream.path).name)), None)
    if kind is None:
        raise TelemetryError(f"{stream.path}: no power readings: {_what(head)}")
    try:
        for readings in kind.read(stream, hints):
            readings.problem = stream.problem
            yield readings
    except OSError as error:
        raise TelemetryError(f"{stream.path}: {(error.strerror or 'cannot be read').lower()}") from error
    except TelemetryError as error:
        if not stream.problem:
            raise
        what = str(error).removeprefix(f"{stream.path}: ")
        raise TelemetryError(f"{stream.problem}; before it: {what}") from error


def _what(head: bytes) -> str:
    if not head.strip():
        return "the file is empty"
    start = head.lstrip()
    for magic, name in _KNOWN:
        if head.startswith(magic) or start.startswith(magic):
            return f"it is {name}"
    return "neither a table of text (CSV) nor Parquet"
