"""What a loop around `ipmitool dcmi power reading` or `ipmitool sdr|sensor` writes.

    Timestamp: 2025-06-03 00:00:11 UTC
    Sys Power        | 270 Watts         | ok

Times stand on lines of their own (`loglines.TIME_LINE`); a DCMI block brings the BMC's own
clock, which is used where the log tells none.  `pdsh` and `clush` put `node: ` before a line.
Source: ipmitool lib/ipmi_dcmi.c (ipmi_print_power_reading), lib/ipmi_sdr.c.
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

_SENSOR: Final = re.compile(r"^[^|]*\|.*?(\d{1,9}(?:\.\d{1,6})?)\s*(?:\|\s*)?Watts\b")
_DCMI: Final = re.compile(r"^\s*Instantaneous power reading:\s*(\d+) Watts")
_CLOCK: Final = re.compile(r"^\s*IPMI timestamp:\s*(\S.*?)\s*$")
_STATE: Final = re.compile(r"^\s*Power reading state is:\s*(\S+)")
_NODE: Final = re.compile(r"^([\w.-]+): (?=.*(?:\||:))")
_SHORT_YEAR: Final = re.compile(r"^(\d\d)/(\d\d)/(\d\d) ")  # strftime %x in the C locale: month first
_SNIFF: Final = re.compile(rb"(?m)Instantaneous power reading:|^[^|\n]{1,64}\|[^\n]*\d\s*(\|\s*)?Watts\b")


def sniff(head: bytes, name: str) -> bool:
    """A DCMI reading, or a sensor in watts between bars."""
    return _SNIFF.search(head) is not None


def read(stream: Stream, hints: Hints) -> Iterator[Readings]:
    """Watts of each sensor of each node.  Raises TelemetryError, OSError."""
    return read_rows(stream.path, _rows(stream), UNITS["W"], hints)


def _rows(stream: Stream) -> Iterator[Row]:
    time, timed = "", False  # timed: the log itself tells times
    block: dict[str, float] = {}  # node -> instantaneous watts of a DCMI block that is not over
    for whole in text_lines(stream):
        told = TIME_LINE.match(whole.strip())
        if told:
            time, timed = told[1], True
            continue
        node = _NODE.match(whole)
        host, line = (node[1], whole[node.end() :]) if node and not _is_field(whole) else ("", whole)
        if reading := _DCMI.match(line):
            block[host] = float(reading[1])
        elif (clock := _CLOCK.match(line)) and not timed:
            time = _SHORT_YEAR.sub(r"20\3-\1-\2 ", " ".join(clock[1].split()))
        elif state := _STATE.match(line):
            if host in block and state[1] == "activated":
                yield _timed(time, stream), host, "", block[host]
            block.pop(host, None)
        elif sensor := _SENSOR.match(line):
            yield _timed(time, stream), host, line.partition("|")[0].strip(), float(sensor[1])


def _is_field(line: str) -> bool:
    """Whether what stands before the colon is a field of a DCMI block rather than a node."""
    return any(field.match(line) for field in (_DCMI, _CLOCK, _STATE))


def _timed(time: str, stream: Stream) -> str:
    if not time:
        raise TelemetryError(f"{stream.path}: {HOW_TO_TIME}")
    return time
