"""Logs that are no tables: lines of bounded length, and rows of (time, host, part, value) -> Readings."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Final

from detector.telemetry.collect import Collector
from detector.telemetry.columns import Layout, Value
from detector.telemetry.contract import Hints, Unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from detector.records import Readings
    from detector.streams import Stream

    Row = tuple[str, str, str, float]

MAX_LINE: Final = 1 << 16
CHUNK_ROWS: Final = 250_000
TIME_LINE: Final = re.compile(
    r"^(?:Timestamp:\s*|#\s*)?"
    r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.,\d]*(?:\s*(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?|\d{10}(?:\.\d+)?)$"
)
"""A line that is nothing but a time, as `date -Is` or `date +%s.%N` writes it before each reading."""
HOW_TO_TIME: Final = "the log tells no times; write `date -Is` before each reading"


def text_lines(stream: Stream) -> Iterator[str]:
    """Lines without their ends, up to damage or one of more than 64 KiB (then `stream.problem` says so)."""
    plain = io.BufferedReader(stream, 1 << 16)
    number = 0
    while line := plain.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE:
            stream.problem = (
                f"{stream.path}: line {number}: more than 64 KiB: this is no log of readings; "
                "it and what lies behind it is left out"
            )
        if stream.problem and (len(line) == MAX_LINE or not line.endswith(b"\n")):
            return  # torn: its last number may lack digits
        yield line.decode("utf-8", "replace").rstrip("\r\n")


def read_rows(path: str, rows: Iterable[Row], unit: Unit, hints: Hints) -> Iterator[Readings]:
    """Readings, in parts, of rows of (time as written, host or "", part or "", value in `unit`).

    Raises TelemetryError when none can be used.
    """
    import pandas as pd  # noqa: PLC0415

    layout = Layout("time", None, ("host", "part"), (Value(unit.label, unit),), energy_at_start=False)
    collector = Collector(path, layout, hints)
    default = collector.default_name
    held: list[Row] = []

    def flush() -> None:
        frame = pd.DataFrame(held, columns=layout.columns)
        frame["host"] = frame["host"].where(frame["host"] != "", default)
        collector.add(frame)
        held.clear()

    for row in rows:
        held.append(row)
        if len(held) == CHUNK_ROWS:
            flush()
    flush()
    return collector.finish()
