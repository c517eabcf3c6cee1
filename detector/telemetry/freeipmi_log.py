"""Logs of FreeIPMI's `ipmi-dcmi --get-system-power-statistics`, and the table that is made of them.

    Current Power                        : 164 Watts
    Minimum Power over sampling duration : 4 watts
    Time Stamp                           : 05/15/2013 - 10:35:12
    Power Measurement                    : Active

    2024-07-21 04:49:22,Current,257

The table is often without its header `Timestamp,Sensor,Value`, and "Current" is power, not
amperes.  Minimum, maximum and average describe the same meter and are left.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from detector.telemetry.contract import UNITS, Hints, TelemetryError
from detector.telemetry.loglines import HOW_TO_TIME, TIME_LINE, read_rows, text_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detector.records import Readings
    from detector.streams import Stream
    from detector.telemetry.loglines import Row

_ROW: Final = re.compile(
    r"(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[^,]{0,16}),\s{0,4}Current,\s{0,4}(\d+(?:\.\d+)?)"
)
_CURRENT: Final = re.compile(r"(?i)^(?:([\w.-]+): )?\s*Current Power\s*:\s*(\d+(?:\.\d+)?) watts")
_STAMP: Final = re.compile(
    r"^(?:[\w.-]+: )?\s*Time Stamp\s*:\s*(\d\d)/(\d\d)/(\d{4}) - (\d\d:\d\d:\d\d)"
)  # month first
_ACTIVE: Final = re.compile(r"(?i)Power Measurement\s*:\s*Active\b")
_SNIFF: Final = re.compile(
    rb"(?im)^[ \t]{0,40}([\w.-]{1,64}: )?Current Power[ \t]{0,60}: ?\d"
    rb"|^([^,\n]*,)?\d{4}-[^,\n]+,\s*(Current|Average|Minimum|Maximum),\s*\d"
)


def sniff(head: bytes, name: str) -> bool:
    """A block with the current power, or rows of a time, a statistic's name and a number."""
    return _SNIFF.search(head) is not None


def read(stream: Stream, hints: Hints) -> Iterator[Readings]:
    """Watts of each node.  Raises TelemetryError, OSError."""
    return read_rows(stream.path, _rows(stream), UNITS["W"], hints)


def _rows(stream: Stream) -> Iterator[Row]:
    time, host, watts = "", "", None
    for line in text_lines(stream):
        if row := _ROW.search(line):
            yield row[1], "", "", float(row[2])
        elif told := TIME_LINE.match(line.strip()):
            time = told[1]
        elif current := _CURRENT.match(line):
            host, watts = current[1] or "", float(current[2])
        elif stamp := _STAMP.match(line):
            time = f"{stamp[3]}-{stamp[1]}-{stamp[2]} {stamp[4]}"
        elif "Power Measurement" in line and watts is not None:
            if not time:
                raise TelemetryError(f"{stream.path}: {HOW_TO_TIME}")
            if _ACTIVE.search(line):
                yield time, host, "", watts
            watts = None
