"""How busy GPUs were, where a source of watts tells it beside them: counted, not kept row by row.

It is no reading of power and moves no score; findings tell it in words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

import numpy as np

from detector.records import GpuUse

if TYPE_CHECKING:
    from detector.records import Floats, Int64s, Readings

BUSY: Final = 95.0  # percent from which on a GPU counts as busy
HOUR_S: Final = 3_600.0


class GpuTally:
    """Readings of use by number of the meter."""

    def __init__(self) -> None:
        self._n, self._sum, self._busy = np.zeros(0), np.zeros(0), np.zeros(0)

    def add(self, meter: Int64s, percent: Floats) -> None:
        """Readings (n,) in percent; what is none, or outside of 0..100, says nothing."""
        known = (percent >= 0) & (percent <= 100)
        meter, percent = meter[known], percent[known]
        if not len(meter):
            return
        size = max(int(meter.max()) + 1, len(self._n))
        more = [np.bincount(meter, weights, size) for weights in (None, percent, percent >= BUSY)]
        self._n, self._sum, self._busy = (
            np.pad(held, (0, size - len(held))) + new
            for held, new in zip((self._n, self._sum, self._busy), more, strict=True)
        )

    def told(self, readings: Readings, numbers: Mapping[str, int]) -> dict[str, GpuUse]:
        """By meter; `numbers`: by which its readings were added.  Nothing of one that was read once.

        A row that comes twice is counted twice in the shares, not in the hours.
        """
        rows = np.bincount(readings.meter, minlength=len(readings.meters)).tolist()
        found = {}
        for name, n, step_s in zip(readings.meters, rows, readings.interval_s.tolist(), strict=True):
            number = numbers.get(name, len(self._n))
            if number < len(self._n) and self._n[number] and np.isfinite(step_s):
                of = float(self._n[number])
                hours = min(of, n) * step_s / HOUR_S
                found[name] = GpuUse(
                    float(self._sum[number]) / of, float(self._busy[number]) / of * hours, hours
                )
        return found


def joined(parts: Iterable[Mapping[str, GpuUse]]) -> dict[str, GpuUse]:
    """Of several files or parts of one: hours add up."""
    found: dict[str, GpuUse] = {}
    for part in parts:
        for name, use in part.items():
            known = found.get(name)
            if known is None:
                found[name] = use
                continue
            hours = known.read_h + use.read_h
            mean = (known.mean * known.read_h + use.mean * use.read_h) / hours
            found[name] = GpuUse(mean, known.busy_h + use.busy_h, hours)
    return found
