"""What came and stayed: one change of the meter's steady level, and the shape of what it added.

The change detector of the meter tier.  The steady level of a day leans on the hours that differ
least from day to day, so that a flat load shows under a busy one.  What was added is the mean day
after the change minus the mean day before it, working days against working days and weekends
against weekends: a miner adds the same to every hour and to every order of the sorted hours,
leaves the unevenness of its host as it was, and comes within a day; a longer shift, a season
or a busier customer do not (power spike, 2.5).  All in watts relative to the meter's level.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from detector.features.power_days import SOFT, Change, change_point
from detector.features.power_families import (
    Family,
    count_mask,
    nan_mean,
    nan_sd,
    only,
    positive,
    row_quantile,
)

if TYPE_CHECKING:
    from detector.records import Floats

Mask = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

QUIET: Final = 0.02
"""Noise of an hour from day to day, as a share of the level, below which hours count alike."""
NORMAL: Final = 1.4826  # times the median absolute deviation is the standard deviation of a normal
EDGE_DAYS: Final = 3  # on either side of the change
LIMIT: Final = 4.0  # of logarithms and ratios of what may vanish


@dataclass(slots=True)
class _Sides:
    """Hours (m, days, 24) on either side of the change, and what lies between their mean days."""

    before: Floats  # hours, NaN after the change
    after: Floats
    added: Floats  # (m, 24) mean day after - mean day before, like days with like
    error: Floats  # (m, 24) standard error of that from the differences of one day to the next
    step: Floats  # (m,) of the steady level


def onset(hours: Floats, spread: Floats, days: Floats, date: Floats, kilowatts: Floats) -> Family:
    """Features `onset.*` of hours and spread (m, days, 24), days and date (m, days); `kilowatts` = level."""
    noise = hourly_noise(hours)
    steady = steady_level(hours, noise)
    change = change_point(_clipped(steady), upward=True)
    later = np.arange(days.shape[1])[None, :] >= change.at[:, None]
    sides = _sides(hours, noise, later, date)
    found = {
        **_change(_clipped(steady), change, "onset."),
        "onset.log_kw": _log_kw(nan_mean(sides.added), kilowatts),
        "onset.spread_before": change.spread_before / (change.step + SOFT),
        "onset.spread_after": change.spread_after / (change.step + SOFT),
        **_flatness(sides),
        **_unevenness(sides, spread, later),
    }
    known = count_mask(change.step)
    usual = _clipped(days)
    mean_change = _change(usual, change_point(usual, upward=True), "onset.mean_")
    return {name: only(known, value) for name, value in found.items()} | mean_change


def _clipped(series: Floats) -> Floats:
    """Rows (m, n) within their 5 % and 95 % quantiles: a holiday or an outage is no change."""
    low, high = (row_quantile(series, p)[:, None] for p in (0.05, 0.95))
    clipped: Floats = np.clip(series, low, high)
    return clipped


def steady_level(hours: Floats, noise: Floats) -> Floats:
    """Level of each day (m, days): its hours weighted by 1 / `noise`^2, gaps filled by the mean day."""
    weight = 1 / (noise * noise + QUIET * QUIET)
    profile = nan_mean(hours, 1)
    known = count_mask(hours)
    departs = np.where(known, hours - profile[:, None, :], 0.0) * weight[:, None, :]
    total = (known * weight[:, None, :]).sum(2)
    usual = (profile * weight).sum(1, where=count_mask(profile)) / weight.sum(1, where=count_mask(profile))
    level: Floats = departs.sum(2) / positive(total) + usual[:, None]
    return level


def hourly_noise(hours: Floats) -> Floats:
    """Standard deviation of each hour from day to day (m, 24); 1 where it is not known."""
    m, days, _ = hours.shape
    noise = _day_to_day(hours.transpose(0, 2, 1).reshape(-1, days)).reshape(m, 24)
    return np.where(count_mask(noise), noise, 1.0)


def _day_to_day(series: Floats) -> Floats:
    """Standard deviation of each row (m, n) about its slow course, blind to a change or two (m,)."""
    if series.shape[1] < 2:
        return np.full(len(series), np.nan)
    return row_quantile(np.abs(np.diff(series, axis=1)), 0.5) * NORMAL / 2**0.5


def _sides(hours: Floats, noise: Floats, later: Mask, date: Floats) -> _Sides:
    before = np.where(later[:, :, None], np.nan, hours)
    after = np.where(later[:, :, None], hours, np.nan)
    n_before, n_after = count_mask(before).sum(1), count_mask(after).sum(1)
    error = np.maximum(noise, QUIET) * np.sqrt(1 / positive(n_before) + 1 / positive(n_after))
    added = _like_with_like(before, after, (date + 3) % 7 >= 5)  # 1970-01-01 was a Thursday; Monday = 0
    weight = 1 / (noise * noise + QUIET * QUIET)
    known = count_mask(added)
    step = (np.where(known, added, 0.0) * weight).sum(1) / positive((weight * known).sum(1))
    return _Sides(before, after, added, error, step)


def _like_with_like(before: Floats, after: Floats, weekend: Mask) -> Floats:
    """(m, 24) after minus before, weekends and working days apart where both sides have both."""
    plain = nan_mean(after, 1) - nan_mean(before, 1)
    total, weight = np.zeros_like(plain), np.zeros_like(plain)
    for kind in (weekend, ~weekend):
        left = np.where(kind[:, :, None], before, np.nan)
        right = np.where(kind[:, :, None], after, np.nan)
        difference, share = nan_mean(right, 1) - nan_mean(left, 1), count_mask(right).sum(1)
        known = count_mask(difference)
        total += np.where(known, difference * share, 0.0)
        weight += known * share
    return np.where(weight > 0, total / positive(weight), plain)


def _change(series: Floats, change: Change, prefix: str) -> Family:
    """How clearly a series (m, n) changes once, and stays."""
    noise = _day_to_day(series)
    count = count_mask(series).sum(1)
    per_side = np.sqrt(positive(change.support * (1 - change.support) * count))
    found = {
        "explained": change.explained,
        "step": change.step,
        "ratio": change.step / (change.before + SOFT),
        "persists": change.persists,
        "support": change.support,
        "clarity": np.log10(1 + change.step * per_side / (noise + SOFT / 10)),
        "edge": _edge(series, change),
        "gap": _gap(series, change),
    }
    return {prefix + name: value for name, value in found.items()}


def _edge(series: Floats, change: Change) -> Floats:
    """Share of the step that lies between the days just before and just after the change."""
    place = np.arange(series.shape[1])[None, :] - change.at[:, None]
    near_before = nan_mean(np.where((place < 0) & (place >= -EDGE_DAYS), series, np.nan))
    near_after = nan_mean(np.where((place >= 0) & (place < EDGE_DAYS), series, np.nan))
    return np.clip((near_after - near_before) / positive(change.step), -1, 2)


def _gap(series: Floats, change: Change) -> Floats:
    """What lies between nine tenths of the days before and of those after, of the step: 1 = two plateaus."""
    later = np.arange(series.shape[1])[None, :] >= change.at[:, None]
    lowest = row_quantile(np.where(later, series, np.nan), 0.1)
    highest = row_quantile(np.where(later, np.nan, series), 0.9)
    return np.clip((lowest - highest) / positive(change.step), -LIMIT, 1)


def _flatness(sides: _Sides) -> Family:
    """What was added, hour by hour and order by order: a flat load adds the same to all."""
    added, step = sides.added, sides.step
    size = np.abs(step) + SOFT
    ranked = np.sort(added, axis=1)
    orders = _orders(sides.after) - _orders(sides.before)
    misfit = nan_mean(((sides.added - sides.step[:, None]) / positive(sides.error)) ** 2)
    profile = nan_mean(sides.before, 1)
    rest = (sides.after - profile[:, None, :] - sides.step[:, None, None]).reshape(len(step), -1)
    return {
        "onset.hours_spread": nan_sd(added) / size,
        "onset.hours_least": ranked[:, 1] / size,
        "onset.hours_low": ranked[:, 6] / size,
        "onset.hours_share": (added > 0.75 * ranked[:, -4, None]).sum(1) / 24,
        "onset.hours_misfit": np.log10(1 + misfit),
        "onset.orders_least": np.fmin.reduce(orders, axis=1) / size,
        "onset.orders_spread": nan_sd(orders) / size,
        "onset.agreement": nan_mean(added) / size,
        "onset.residual": row_quantile(np.abs(rest), 0.5) / size,
    }


def _orders(hours: Floats) -> Floats:
    """Mean of every third order of the sorted hours of a day (m, 8)."""
    return nan_mean(np.sort(hours, axis=2)[:, :, 1:-1:3], 1)


def _unevenness(sides: _Sides, spread: Floats, later: Mask) -> Family:
    """Whether the host goes on as unevenly as before (0), or grew as a whole (1, `scaled`)."""
    rough_before, rough_after = (_mid(nan_sd(side)) for side in (sides.before, sides.after))
    level_before, level_after = (_mid(nan_mean(side)) for side in (sides.before, sides.after))
    rough = _log_ratio(rough_after, rough_before)
    grown = _log_ratio(level_after, level_before)
    within = [_mid(nan_mean(np.where(part[:, :, None], spread, np.nan))) for part in (~later, later)]
    return {
        "onset.rough_change": rough,
        "onset.scaled": np.clip(rough * np.sign(grown) / (np.abs(grown) + 0.1), -LIMIT, LIMIT),
        "onset.spread_change": _log_ratio(within[1], within[0]),
    }


def _mid(values: Floats) -> Floats:
    return row_quantile(values, 0.5)


def _log_ratio(after: Floats, before: Floats) -> Floats:
    """log2 of a ratio of what may vanish, within -LIMIT..LIMIT."""
    return np.clip(np.log2((after + SOFT / 10) / (before + SOFT / 10)), -LIMIT, LIMIT)


def _log_kw(added: Floats, kilowatts: Floats) -> Floats:
    return np.sign(added) * np.log10(1 + np.abs(added) * kilowatts * 10)
