"""Registers of Linux' powercap tree, as `grep . /sys/class/powercap/*/*` in a loop writes them.

    1700000000.123
    /sys/class/powercap/intel-rapl:0/energy_uj:262143328850
    /sys/class/powercap/intel-rapl:0/max_energy_range_uj:262143328850
    /sys/class/powercap/intel-rapl:0/name:package-0

`energy_uj` counts microjoules and begins again at `max_energy_range_uj`, at 100 W after 44
minutes.  Packages and memory are meters of their own; core and uncore are parts of a package,
and the mmio tree tells the same package again.  Source: Documentation/power/powercap.
"""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import TYPE_CHECKING, Final

from detector.telemetry.collect import stem
from detector.telemetry.contract import Hints, TelemetryError
from detector.telemetry.loglines import HOW_TO_TIME, TIME_LINE, text_lines
from detector.telemetry.samples import Samples
from detector.telemetry.times import zone_called

if TYPE_CHECKING:
    from datetime import tzinfo

    from detector.records import Readings
    from detector.streams import Stream

_UJ_PER_KWH: Final = 3.6e12
_FIELD: Final = re.compile(
    r"((?:intel|amd)-rapl(?::\d+){1,2})/(energy_uj|max_energy_range_uj|name):\s*(\S+)$"
)
_WITHIN_PACKAGE: Final = frozenset({"core", "uncore"})
_SNIFF: Final = re.compile(rb"-rapl:[\d:]+/energy_uj:\s*\d")


def sniff(head: bytes, name: str) -> bool:
    """A register of the tree with its path."""
    return _SNIFF.search(head) is not None


def read(stream: Stream, hints: Hints) -> list[Readings]:
    """Watts of packages and memory.  Raises TelemetryError, OSError."""
    samples, zone = Samples(stream.path), zone_called(hints.timezone)
    host = hints.meter or stem(stream.path)
    time: float | None = None
    block: dict[str, dict[str, str]] = {}
    names: dict[str, str] = {}
    for line in text_lines(stream):
        if told := TIME_LINE.match(line.strip()):
            _take(samples, host, time, block, names)
            time, block = _seconds(told[1], zone), {}
        elif field := _FIELD.search(line):
            if time is None:
                raise TelemetryError(f"{stream.path}: {HOW_TO_TIME}")
            block.setdefault(field[1], {})[field[2]] = field[3]
    _take(samples, host, time, block, names)
    samples.notes.append("power of processors and memory, not of the whole host")
    return [samples.readings()]


def _take(
    samples: Samples, host: str, time: float | None, block: dict[str, dict[str, str]], names: dict[str, str]
) -> None:
    """One look at all zones; `names` keeps what they are called, which may be told once."""
    names.update({zone: told["name"] for zone, told in block.items() if "name" in told})
    for zone, told in block.items():
        name = names.get(zone, zone)
        if name in _WITHIN_PACKAGE or time is None:
            continue
        package = zone.split(":")[1]
        label = f"{name}-{package}" if zone.count(":") > 1 else name  # every package has one "dram"
        wrap = _number(told.get("max_energy_range_uj", "")) / _UJ_PER_KWH
        samples.total(f"{host}/{label}", time, _number(told.get("energy_uj", "")) / _UJ_PER_KWH, wrap)


def _number(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() and len(text) <= 20 else math.nan


def _seconds(text: str, zone: tzinfo) -> float:
    if "-" not in text:
        return float(text)
    try:
        stamp = datetime.fromisoformat(re.sub(r"\s*(UTC|GMT|Z)$", "+00:00", text.replace(",", ".")))
    except ValueError:
        return math.nan
    return (stamp if stamp.tzinfo else stamp.replace(tzinfo=zone)).timestamp()
