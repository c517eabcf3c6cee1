"""What is told of meters by rules: the published clauses and one band rule, on the readings themselves.

Bands are three equal stretches of the local day (`detector.features.power_days.BANDS`): valley, peak, flat.
"""

from __future__ import annotations

import numpy as np

from detector.features.power_days import BANDS
from detector.records import Readings
from training.dataset import Floats

MONTH = 30  # days; of a shorter record the whole, scaled
SUSPECT_CV = 0.066  # of bands, as in the published rule


def clauses(readings: Readings) -> float:
    """Share of the clauses that hold of one meter: DCIC-2022, second team, of which the one on contract
    kVA is left out where there is no contract (a file in a public repository, recorded macro-F1 0.949).

    Monthly kWh: q25(band CV) < 0.066, std(valley) > 350, q75(valley) > 1600, median(flat - valley) < 1200,
    mean(total) > 4500; daily: median(band CV) < 0.675.  NaN below a week of hours.
    """
    daily = band_days(readings)
    if len(daily) < 7:
        return float("nan")
    size = min(MONTH, len(daily))
    months = np.stack([daily[i : i + size].mean(0) for i in range(0, len(daily) - size + 1, size)]) * MONTH
    valley, _, flat = months.T
    held = (
        np.quantile(_cv(months), 0.25) < SUSPECT_CV,
        np.std(valley) > 350,
        np.quantile(valley, 0.75) > 1600,
        np.median(flat - valley) < 1200,
        months.sum(1).mean() > 4500,
        np.median(_cv(daily)) < 0.675,
    )
    return float(np.mean(held))


def flatness(readings: Readings) -> float:
    """Minus the band CV over the record: higher is flatter; NaN below a week of hours."""
    daily = band_days(readings)
    return -float(_cv(daily.mean(0)[None, :])[0]) if len(daily) >= 7 else float("nan")


def band_days(readings: Readings) -> Floats:
    """(days, 3) kWh by band of the days that have a reading in every hour; UTC."""
    hour = readings.time_ns // (3600 * 10**9)
    starts, first = np.unique(hour, return_index=True)
    mean = np.add.reduceat(readings.watts, first) / np.diff(np.append(first, len(readings))) / 1000
    day = starts // 24
    names, place = np.unique(day, return_inverse=True)
    grid = np.full((len(names), 24), np.nan)
    grid[place, starts % 24] = mean
    whole = grid[~np.isnan(grid).any(1)]
    return np.stack([whole[:, list(band)].sum(1) for band in BANDS], axis=1)


def _cv(bands: Floats) -> Floats:
    spread: Floats = bands.std(1) / np.maximum(bands.mean(1), 1e-9)
    return spread
