"""Power features of the day: bands, load factor, profile; and the single change point of a series.

All functions take relative watts (level 1) of a block of m meters, NaN where unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from detector.features.power_families import (
    MIN_DAYS,
    MIN_WINDOWS,
    ROUNDING,
    TINY,
    Family,
    count_mask,
    nan_mean,
    nan_sd,
    only,
    positive,
    resolved,
    row_quantile,
)

if TYPE_CHECKING:
    from detector.features.power_grid import Grid
    from detector.records import Floats, Int64s

# Hours of three bands of equal length, as tariffs draw them (power reference, 1a): valley, peak, flat.
BANDS: Final = (
    tuple(range(8)),
    (*range(8, 12), *range(17, 21)),
    (*range(12, 17), *range(21, 24)),
)
NIGHT: Final = slice(0, 6)
DAY: Final = slice(8, 22)
SOFT: Final = 0.02
"""Added to divisors that may vanish, as a share of the level: a step of nothing has no shape."""


@dataclass(slots=True)
class Change:
    """Best single change point of each row of a series."""

    at: Int64s  # (m,) index of the first value after it
    step: Floats  # (m,) mean after - mean before
    explained: Floats  # (m,) share of the variance, 0..1
    before: Floats  # (m,) mean
    after: Floats  # (m,) mean
    spread_before: Floats  # (m,) standard deviation
    spread_after: Floats
    persists: Floats  # (m,) share of the values after it that stay beyond half the step
    support: Floats  # (m,) values on the shorter side / all values


def change_point(series: Floats, least: int = 2, *, upward: bool = False) -> Change:
    """Splits each row of `series` (m, n; NaN skipped) where two means explain most; `least` values a side.

    `upward`: only where the later mean is the higher one.  NaN where a row has fewer than
    max(MIN_DAYS, 2 * least) values, does not vary or never rises.
    """
    known = count_mask(series)
    values, seen = np.where(known, series, 0.0), np.cumsum(known, axis=1, dtype=np.int64)
    total, count = np.cumsum(values, axis=1), seen[:, -1:]
    rest = positive(count - seen)
    step = (total[:, -1:] - total) / rest - total / positive(seen)
    allowed = known & (seen >= least) & (count - seen >= least) & (count >= max(MIN_DAYS, 2 * least))
    if upward:
        allowed &= step > 0
    gain = np.where(allowed, seen * rest / positive(count) * step * step, -1.0)
    cut, rows = gain.argmax(1), np.arange(len(series))
    spread = ((series - (total[:, -1] / positive(count[:, 0]))[:, None]) ** 2).sum(1, where=known)
    found = allowed.any(1) & (spread > TINY * count[:, 0])
    later = np.arange(series.shape[1])[None, :] > cut[:, None]
    height = only(found, step[rows, cut])
    before = only(found, total[rows, cut] / positive(seen[rows, cut]))
    beyond = (series - (before + height / 2)[:, None]) * np.sign(height)[:, None] > 0
    after_n = rest[rows, cut]
    return Change(
        cut + 1,
        height,
        np.clip(gain[rows, cut] / positive(spread), 0, 1) + 0 * height,
        before,
        before + height,
        only(found, nan_sd(np.where(~later, series, np.nan))),
        only(found, nan_sd(np.where(later, series, np.nan))),
        only(found, (beyond & later & known).sum(1) / after_n),
        only(found, np.minimum(seen[rows, cut], after_n) / positive(count[:, 0])),
    )


def shift(relative: Floats, resolution: Floats) -> Family:
    """Change point of the fine windows (m, windows)."""
    change = change_point(relative, MIN_WINDOWS // 2)
    return {
        "shift.explained": change.explained,
        "shift.step": change.step,
        "shift.ratio": change.step / (np.minimum(change.before, change.after) + SOFT),
        "shift.persists": change.persists,
        "shift.support": change.support,
        "shift.spread_before": resolved(change.spread_before, resolution / ROUNDING)
        / positive(change.before),
        "shift.spread_after": resolved(change.spread_after, resolution / ROUNDING) / positive(change.after),
    }


def rhythm(hours: Floats, spread: Floats, resolution: Floats, averaged: Floats) -> Family:
    """Flatness within the day and across its bands; hours and spread (m, days, 24).

    `resolution` is that of a reading, `averaged` that of a mean.
    """
    day = nan_mean(hours)
    high = np.where(count_mask(hours), hours, -np.inf).max(2, initial=-np.inf)
    factor = day / positive(only(np.isfinite(high), high))
    variation = nan_sd(hours) / positive(day)
    base = np.sort(hours, axis=2)[:, :, 1] / positive(day)
    bands = np.stack([nan_mean(hours[:, :, list(band)]) for band in BANDS], axis=2)
    across = nan_sd(bands) / positive(nan_mean(bands))
    whole = nan_mean(bands, 1)
    night = nan_mean(hours[:, :, NIGHT])
    night_spread = nan_sd(hours[:, :, NIGHT]) / positive(night)
    rough = (spread / positive(hours)).reshape(len(hours), -1)
    return {
        "day.load_factor": row_quantile(factor, 0.5),
        "day.load_factor_best": row_quantile(factor, 1.0),
        "day.hourly_cv": resolved(row_quantile(variation, 0.5), averaged / ROUNDING),
        "day.hourly_cv_best": resolved(row_quantile(variation, 0.0), averaged / ROUNDING),
        "day.base_share": row_quantile(base, 0.5),
        "day.hour_range": resolved(row_quantile(rough, 0.5), resolution),
        "band.cv": resolved(row_quantile(across, 0.5), averaged / ROUNDING),
        "band.cv_q25": resolved(row_quantile(across, 0.25), averaged / ROUNDING),
        "band.cv_whole": nan_sd(whole) / positive(nan_mean(whole)),
        "night.ratio": nan_mean(night) / positive(nan_mean(nan_mean(hours[:, :, DAY]))),
        "night.spread": resolved(row_quantile(night_spread, 0.5), averaged / ROUNDING),
    }


def stability(days: Floats, hours: Floats, date: Floats) -> Family:
    """How alike days are: mean, floor, profile and weekend; NaN below MIN_DAYS days."""
    count = count_mask(days).sum(1)
    enough = count >= MIN_DAYS
    floor = day_floor(hours)
    weekend = (date + 3) % 7 >= 5  # 1970-01-01 was a Thursday; Monday = 0
    profile = nan_mean(hours, 1)
    residual = (hours - profile[:, None, :]).reshape(len(hours), -1)
    everything = hours.reshape(len(hours), -1)
    middle = row_quantile(floor, 0.5)
    deviation = row_quantile(np.abs(floor - middle[:, None]), 0.5)
    found = {
        "days.mean_cv": nan_sd(days) / positive(nan_mean(days)),
        "days.floor_cv": nan_sd(floor) / positive(nan_mean(floor)),
        "days.floor_mad": deviation / positive(middle),
        "days.weekend_mean": _weekend_ratio(days, weekend),
        "days.weekend_floor": _weekend_ratio(floor, weekend),
        "days.profile_cv": nan_sd(profile) / positive(nan_mean(profile)),
        "days.profile_explains": 1 - nan_sd(residual) ** 2 / positive(nan_sd(everything) ** 2),
    }
    return {name: only(enough, value) for name, value in found.items()}


def day_floor(hours: Floats) -> Floats:
    """Mean of the 2nd to 4th lowest hour of each day (m, days): the base load, robust to one dip."""
    return nan_mean(np.sort(hours, axis=2)[:, :, 1:4])


def _weekend_ratio(values: Floats, weekend: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> Floats:
    work = nan_mean(np.where(weekend, np.nan, values))
    return nan_mean(np.where(weekend, values, np.nan)) / positive(work)


def relative_days(grid: Grid, level: Floats) -> tuple[Floats, Floats, Floats]:
    """Hours, spread within hours and day means of the grid, divided by the level of each meter."""
    scale = level[:, None]
    return grid.hours / scale[..., None], grid.spread / scale[..., None], grid.days / scale
