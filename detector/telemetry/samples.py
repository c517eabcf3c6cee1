"""Readings of sources that know their meters and their UTC times: watts, or running totals of energy.

Tables of text go through `collect`, which has to find both out first.  What the two do alike
(order, duplicates, registers, what is absurd) stands here.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from typing import TYPE_CHECKING, Final

import numpy as np

from detector.records import Readings
from detector.telemetry.contract import TelemetryError
from detector.telemetry.gpu_use import GpuTally
from detector.telemetry.times import FIRST_S, LAST_S
from detector.text import grouped

if TYPE_CHECKING:
    from detector.records import Floats, Int64s

    Mask = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

MAX_METERS: Final = 1_000_000
MAX_WATTS: Final = 1e9  # the largest power station is 22.5 GW; one meter above 1 GW is a unit gone wrong
J_PER_KWH: Final = 3.6e6
FELL: Final = "register fell back (reset or replaced)"


class Samples:
    """Takes readings one by one, gives `Readings`.  20 bytes each."""

    def __init__(self, path: str) -> None:
        """`path` begins every error."""
        self._path = path
        self._names: dict[str, int] = {}
        self._power, self._totals = _Rows(), _Rows()
        self._wrap: dict[int, float] = {}
        self._use = GpuTally()
        self.dropped: Counter[str] = Counter()
        self.notes: list[str] = []
        self.estimated = False

    def power(self, meter: str, time_s: float, watts: float) -> None:
        """Mean watts over the interval that begins at `time_s` (seconds since 1970 UTC)."""
        self._add(self._power, meter, time_s, watts)

    def total(self, meter: str, time_s: float, kwh: float, wrap_kwh: float = math.nan) -> None:
        """A register that counts kWh up and begins again at `wrap_kwh`, where that is known."""
        self._add(self._totals, meter, time_s, kwh)
        if meter in self._names:
            self._wrap[self._names[meter]] = wrap_kwh

    def gpu_use(self, meter: str, percent: float) -> None:
        """How busy the GPU of a meter is whose watts were told."""
        if meter in self._names:
            self._use.add(np.array([self._names[meter]]), np.array([percent]))

    def readings(self) -> Readings:
        """All of them.  Raises TelemetryError when there are none."""
        n = len(self._names)
        wrap = np.array([self._wrap.get(i, math.nan) for i in range(n)])
        first = ordered(*self._power.arrays(), self.dropped)
        second = _rates(*ordered(*self._totals.arrays(), self.dropped), wrap, self.dropped)
        if len(second[0]):
            self.notes.append("running totals of energy: differences taken")
        meter, time_ns, watts = (np.concatenate(pair) for pair in zip(first, second, strict=True))
        meter, time_ns, watts = ordered(meter, time_ns, watts, self.dropped)
        readings = Readings(list(self._names), meter, time_ns, watts, median_steps(meter, time_ns, n))
        readings.estimated = self.estimated
        readings = finished(readings, self._path, self.notes, self.dropped)
        readings.gpu_use = self._use.told(readings, self._names)
        return readings

    def _add(self, rows: _Rows, meter: str, time_s: float, value: float) -> None:
        if not math.isfinite(value):
            self.dropped["value missing" if math.isnan(value) else "value not a number"] += 1
        elif not FIRST_S <= time_s <= LAST_S:
            self.dropped["time before 1980 or after 2100"] += 1
        elif meter not in self._names and len(self._names) >= MAX_METERS:
            raise TelemetryError(f"{self._path}: more than {grouped(MAX_METERS)} meters")
        else:
            rows.meter.append(self._names.setdefault(meter, len(self._names)))
            rows.time_ns.append(round(time_s * 1e6) * 1000)  # a double holds microseconds of our days
            rows.value.append(value)


class _Rows:
    """Columns that grow."""

    def __init__(self) -> None:
        self.meter, self.time_ns, self.value = array("i"), array("q"), array("d")

    def arrays(self) -> tuple[Int64s, Int64s, Floats]:
        return np.array(self.meter, np.int64), np.array(self.time_ns, np.int64), np.array(self.value, float)


def ordered(
    meter: Int64s, time_ns: Int64s, values: Floats, dropped: Counter[str]
) -> tuple[Int64s, Int64s, Floats]:
    """Sorted by (meter, time), each once: the first that was told stays, the others are counted."""
    order = np.argsort(time_ns, kind="stable")  # in runs already, as a rule
    narrow = meter.astype(np.uint16 if len(meter) and meter.max() < 1 << 16 else meter.dtype)
    order = order[np.argsort(narrow[order], kind="stable")]  # of 16 bits: by counting
    meter, time_ns, values = meter[order], time_ns[order], values[order]
    first = np.ones(len(meter), dtype=bool)
    first[1:] = (meter[1:] != meter[:-1]) | (time_ns[1:] != time_ns[:-1])
    dropped["same meter and time as another row"] += int((~first).sum())
    return meter[first], time_ns[first], values[first]


def increments(meter: Int64s, total: Floats, wrap: Floats) -> tuple[Floats, Mask]:
    """What each register grew by since the row before (kWh), and which rows are the first of a meter.

    NaN for first rows, and where a register fell: a reset, unless `wrap` (of each meter, NaN =
    not known) explains it.  Who adds more than half a turn in one step was reset rather than
    wrapped: a host that restarts begins its registers anew.
    """
    first = np.ones(len(meter), dtype=bool)
    first[1:] = meter[1:] != meter[:-1]
    step = np.diff(total, prepend=0.0)
    turned = step + wrap[meter]
    wrapped = (step < 0) & (turned >= 0) & (turned <= wrap[meter] / 2)
    step = np.where(wrapped, turned, step)
    return np.where(first | (step < 0), math.nan, step), first


def _rates(
    meter: Int64s, time_ns: Int64s, total: Floats, wrap: Floats, dropped: Counter[str]
) -> tuple[Int64s, Int64s, Floats]:
    """Mean watts between successive rows of a register, from the time of the first of the two."""
    grown, first = increments(meter, total, wrap)
    dropped[FELL] += int((np.isnan(grown) & ~first).sum())
    seconds = np.diff(time_ns, prepend=0) / 1e9
    known = np.flatnonzero(~np.isnan(grown))
    return meter[known], time_ns[known - 1], grown[known] * J_PER_KWH / seconds[known]


def finished(readings: Readings, path: str, notes: list[str], dropped: Counter[str]) -> Readings:
    """The readings without what is absurd, told of.  Raises TelemetryError when none are left."""
    keep = np.abs(readings.watts) <= MAX_WATTS
    dropped["above 1e9 W"] += int((~keep).sum())
    if not keep.all():
        readings.meter, readings.time_ns = readings.meter[keep], readings.time_ns[keep]
        readings.watts = readings.watts[keep]
    if not len(readings):
        why = ", ".join(f"{n} x {reason}" for reason, n in dropped.most_common(3) if n)
        raise TelemetryError(f"{path}: no reading could be used ({why or 'no rows'})")
    readings.notes = notes
    readings.dropped = {reason: n for reason, n in dropped.items() if n}
    return readings


def median_steps(meter: Int64s, time_ns: Int64s, meters: int) -> Floats:
    """Median seconds between the readings of each meter (sorted by meter, time); NaN below two."""
    inner = meter[1:] == meter[:-1]
    step, owner = np.diff(time_ns)[inner], meter[1:][inner]
    result = np.full(meters, np.nan)
    if not len(step):
        return result
    order = np.lexsort((step, owner))
    step, owner = step[order], owner[order]
    count = np.bincount(owner, minlength=meters)
    begin = np.concatenate([[0], np.cumsum(count)[:-1]])
    some = count > 0
    low, high = begin + np.maximum(count - 1, 0) // 2, begin + count // 2
    result[some] = (step[low[some]] + step[high[some]]) / 2e9
    return result
