"""Power windows of a block of meters as dense arrays, padded with NaN.

Two views: `fine`, the finest windows of each meter in time order (300 s, an hour or a
day), and `hours`, the hourly means of each complete local day.  Incomplete days, and days
in which every reading is exactly 0 W (gaps filled with zero by the collector, as in
REFIT), are left out of the daily view; the latter not of meters that rest at 0 W on other days, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from detector.records import PowerWindows
from detector.windows.power import COLUMNS, DAY_S, SAME, column, group_starts

if TYPE_CHECKING:
    from detector.records import Floats, Int64s

    Mask = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

HOUR_S: Final = 3_600
HOUR_NS: Final = HOUR_S * 1_000_000_000
COMPLETE_HOURS: Final = 18  # hours with a reading that make a day complete
RESTING_DAYS: Final = 3  # with a rest at 0 W, from which on a day without a watt is no gap that was filled
CELLS: Final = 65_536  # windows in a block of meters: temporaries stay in cache


@dataclass(slots=True)
class Grid:
    """A block of m meters."""

    meters: Int64s  # (m,) index into PowerWindows.meters
    fine: dict[str, Floats]  # COLUMNS and "mean", each (m, windows); NaN = no window
    start_s: Floats  # (m, windows) start of each fine window, seconds since the epoch
    window_s: Floats  # (m,) length of the fine windows
    hours: Floats  # (m, days, 24) mean W of each hour of the complete local days
    spread: Floats  # (m, days, 24) max - min of the readings within the hour, W; NaN below 3 readings
    days: Floats  # (m, days) mean W; of the daily reading where that is all there is
    date: Floats  # (m, days) days since the epoch, local; NaN = padding
    quantum: Floats  # (m,) smallest step ever seen, W; NaN = the reading never changed
    estimated: bool  # the source estimates power


@dataclass(slots=True)
class _Daily:
    """The daily view of all meters as one row a complete day, sorted by (meter, date)."""

    meter: Int64s
    date: Int64s
    mean: Floats
    hours: Floats
    spread: Floats


_NOTHING: Final = np.full((1, 24), np.nan)
_NO_DAY: Final = _Daily(np.zeros(1, np.int64), np.zeros(1, np.int64), _NOTHING[:, 0], _NOTHING, _NOTHING)


@dataclass(slots=True)
class _Tables:
    """What every block is cut from; rows of meter i begin at `first_*[i]`."""

    fine: PowerWindows
    first_row: Int64s
    daily: _Daily
    first_day: Int64s
    quantum: Floats


def grids(windows: PowerWindows, timezone_offset_s: int) -> Iterator[Grid]:
    """Blocks of meters that have windows, each once; meters of like length share a block."""
    if not len(windows):
        return
    fine = _finest(windows)
    daily = _daily(windows, timezone_offset_s)
    rows = np.bincount(fine.meter, minlength=len(windows.meters))
    first_row = np.concatenate([[0], np.cumsum(rows)])
    first_day = np.searchsorted(daily.meter, np.arange(len(windows.meters) + 1))
    daily = daily if len(daily.meter) else _NO_DAY
    tables = _Tables(fine, first_row, daily, first_day, _quantum(fine, len(windows.meters)))
    order = np.argsort(rows, kind="stable")
    for block in _meter_blocks(order[rows[order] > 0], rows):
        yield _grid(block, tables)


def _meter_blocks(order: Int64s, rows: Int64s) -> Iterator[Int64s]:
    begin = 0
    for end in range(1, len(order) + 1):
        full = end < len(order) and (end - begin + 1) * rows[order[end]] > CELLS
        if full or end == len(order):
            yield np.sort(order[begin:end])
            begin = end


def _grid(block: Int64s, tables: _Tables) -> Grid:
    fine, daily = tables.fine, tables.daily
    at, inside = _padded(tables.first_row, block)
    table = {name: column(fine, name)[at] for name in COLUMNS}
    if not inside.all():
        for values in table.values():
            values[~inside] = np.nan
    table["mean"] = table["sum_w"] / table["n"]
    start_s = np.where(inside, fine.window_ns[at] // 1_000_000_000, np.nan)
    at_day, is_day = _padded(tables.first_day, block)
    hours = np.where(is_day[..., None], daily.hours[at_day], np.nan)
    spread = np.where(is_day[..., None], daily.spread[at_day], np.nan)
    days, date = np.where(is_day, daily.mean[at_day], np.nan), np.where(is_day, daily.date[at_day], np.nan)
    window_s = fine.window_s[tables.first_row[block]]
    quantum = tables.quantum[block]
    return Grid(block, table, start_s, window_s, hours, spread, days, date, quantum, fine.estimated)


def _padded(first: Int64s, block: Int64s) -> tuple[Int64s, np.ndarray[tuple[int, int], np.dtype[np.bool_]]]:
    """Row numbers (m, longest) of each meter of the block, and which of them are its own."""
    counts = first[block + 1] - first[block]
    offset = np.arange(max(1, int(counts.max())))
    inside = offset[None, :] < counts[:, None]
    return np.where(inside, first[block][:, None] + offset, 0), inside


def _finest(windows: PowerWindows) -> PowerWindows:
    """Only the windows of each meter's shortest length."""
    shortest = np.full(len(windows.meters), np.inf)
    np.minimum.at(shortest, windows.meter, windows.window_s)
    keep = windows.window_s == shortest[windows.meter]
    return _rows(windows, keep)


def _daily(windows: PowerWindows, offset_s: int) -> _Daily:
    """Complete days from hours, and the daily readings of meters that have no more."""
    short = windows.window_s <= HOUR_S
    days = _from_hours(_rows(windows, short), offset_s)
    long = _rows(windows, ~short)
    if not len(long):
        return days
    blank = np.full((len(long), 24), np.nan)
    date = (long.window_ns // 1_000_000_000 + offset_s) // DAY_S
    mean = column(long, "sum_w") / column(long, "n")
    meter = np.concatenate([days.meter, long.meter])
    order = np.lexsort((np.concatenate([days.date, date]), meter))
    return _Daily(
        meter[order],
        np.concatenate([days.date, date])[order],
        np.concatenate([days.mean, mean])[order],
        np.concatenate([days.hours, blank])[order],
        np.concatenate([days.spread, blank])[order],
    )


def _from_hours(windows: PowerWindows, offset_s: int) -> _Daily:
    """Complete days of windows of an hour or less; sums and extremes are all that is asked of them."""
    local = (windows.window_ns // 1_000_000_000 + offset_s) // HOUR_S
    starts = group_starts(windows.meter, local)
    meter, local = windows.meter[starts], local[starts]
    n, total = (np.add.reduceat(column(windows, name), starts) for name in ("n", "sum_w"))
    high = np.maximum.reduceat(column(windows, "max_w"), starts)
    wide = high - np.minimum.reduceat(column(windows, "min_w"), starts)
    date, hour = local // 24, local % 24
    new = group_starts(meter, date)
    day = np.repeat(np.arange(len(new)), np.diff(np.append(new, len(meter))))
    hours, spread = (np.full((len(new), 24), np.nan) for _ in range(2))
    hours[day, hour] = total / n
    spread[day, hour] = np.where(n >= 3, wide, np.nan)
    known = ~np.isnan(hours)
    zero = hours == 0.0
    real = ~(zero | ~known).all(1) | _rests(meter[new], zero, known)
    complete = (known.sum(1) >= COMPLETE_HOURS) & real
    mean = np.where(known, hours, 0.0).sum(1) / np.maximum(known.sum(1), 1)
    return _Daily(
        meter[new][complete], date[new][complete], mean[complete], hours[complete], spread[complete]
    )


def _rests(meter: Int64s, zero: Mask, known: Mask) -> Mask:
    """Days (n,) of meters that do rest at 0 W, such as a charging point's: they go to 0 and come back, or
    come and go again, within a day.  Where a gap that was filled begins or ends a day does one of the two."""
    beside = known[:, 1:] & known[:, :-1]
    turns = ((zero[:, 1:] != zero[:, :-1]) & beside).sum(1)
    days = np.bincount(meter, weights=turns >= 2, minlength=int(meter.max(initial=-1)) + 1)
    mask: Mask = days[meter] >= RESTING_DAYS
    return mask


def _quantum(fine: PowerWindows, meters: int) -> Floats:
    """Smallest step of each meter, within its windows and from one to the next, W."""
    step = np.fmin(column(fine, "min_step"), np.inf)
    first, last = column(fine, "first_w")[1:], column(fine, "last_w")[:-1]
    across = np.abs(first - last)
    same = across <= SAME * np.maximum(np.abs(first), np.abs(last))
    across[same | (fine.meter[1:] != fine.meter[:-1])] = np.inf
    step[1:] = np.minimum(step[1:], across)
    smallest = np.full(meters, np.inf)
    np.minimum.at(smallest, fine.meter, step)
    return np.where(np.isinf(smallest), np.nan, smallest)


def _rows(windows: PowerWindows, keep: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> PowerWindows:
    return windows if keep.all() else taken(windows, np.flatnonzero(keep))


def taken(windows: PowerWindows, rows: Int64s) -> PowerWindows:
    """Some rows of a table, of the same list of meters."""
    return PowerWindows(
        windows.meters,
        windows.meter[rows],
        windows.window_ns[rows],
        windows.window_s[rows],
        windows.columns[rows],
        windows.estimated,
    )
