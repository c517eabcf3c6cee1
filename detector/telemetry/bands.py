"""Tariff bands: the energy of a day or month by valley, peak and flat hours, as State Grid exports it.

A band is no stretch of time, so its energy becomes the mean watts of the eight hours that it has of a
day (equal lengths, as the bands of Fujian are: DCIC-2022), and the three stand one second apart at
the start of their period: one window holds a period, and its readings differ as the bands do.
Rows whose bands do not add up to their total tell the total alone.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import numpy as np

from detector.records import Readings
from detector.telemetry.samples import median_steps, ordered

if TYPE_CHECKING:
    from detector.records import Floats, Int64s

    Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]

BANDS: Final = 3  # valley, peak, flat
LINES: Final = BANDS + 1  # and the total: a meter is read as so many, and `folded` into one
ADDS_UP: Final = 0.02  # of the total: each figure is rounded by itself
_NS: Final = 1_000_000_000


def add_up(bands: Floats, total: Floats) -> Mask:
    """Rows (n,) whose bands (n, BANDS) are the total; not where one is unknown or below 0."""
    whole: Mask = np.abs(bands.sum(axis=1) - total) <= ADDS_UP * np.abs(total)
    return whole & (bands >= 0).all(axis=1)


def periods(line: Int64s, time_ns: Int64s, lines: int) -> Floats:
    """Seconds between the rows of each meter, for each of its lines (lines,): days told by bands and days
    told by the total take turns."""
    meter, time_ns, _ = ordered(line // LINES, time_ns, np.empty(len(line)), Counter())
    return np.repeat(median_steps(meter, time_ns, lines // LINES), LINES)


def folded(readings: Readings, dropped: Counter[str]) -> Readings:
    """Meters from their LINES each: meter i is read as LINES * i and the ones that follow it."""
    line = readings.meter % LINES
    band = line < BANDS
    watts = np.where(band, readings.watts * BANDS, readings.watts)
    time_ns = readings.time_ns + np.where(band, line, 0) * _NS
    meter, time_ns, watts = ordered(readings.meter // LINES, time_ns, watts, dropped)
    names, interval_s = readings.meters[::LINES], readings.interval_s[::LINES]
    return Readings(names, meter, time_ns, watts, interval_s, readings.estimated)
