"""Power windows: readings summarised per (meter, window), and how summaries merge.

A row is `COLUMNS` float64 numbers, whatever the number of readings in it.  Two tables of
the same meters merge into the table that all the readings together would have given:

- exact: `n`, `changes`, `falls`, `rises`, `zeros`, `negatives`, all extremes, `first_*`
  and `last_*`, `interval_s` (the smaller);
- exact up to float64 rounding of the order of addition: the four sums.

Columns that depend on the order of the readings (steps, falls, rises) see the step over
the seam as long as the pieces do not interleave in time inside a window.  Where they do,
the order is lost: `sum_step`, `sum_step2`, `changes`, `falls`, `rises` and `min_step` of
that window become NaN.  Merging pieces in time order is therefore associative.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from detector.records import PowerWindows, Readings

if TYPE_CHECKING:
    from detector.records import Floats, Int64s
    from detector.settings import WindowSettings

DAY_S: Final = 86_400
FALL: Final = 0.6
"""A reading below this share of the one before it is a fall; the way back is a rise."""
SAME: Final = 1e-9
"""Readings closer than this share of their size are the same (float noise of a unit conversion)."""
BLOCK: Final = 131_072  # readings summarised at a time: a few MB of temporaries stay in cache

COLUMNS: Final = (
    "n",  # readings
    "sum_w",  # of watts
    "sum_w2",  # of watts squared
    "sum_step",  # of |reading - reading before it in the window|, W
    "sum_step2",  # of its square
    "changes",  # readings that differ from the one before
    "falls",  # readings below FALL of the one before, which is above 0
    "rises",  # readings above 0 whose FALL is above the one before
    "zeros",  # readings of exactly 0 W
    "negatives",  # readings below 0 W (export)
    "min_w",
    "max_w",
    "min_step",  # smallest step that is one; NaN = none changed
    "interval_s",  # between readings, median of the meter
    "first_s",  # of the first reading, from the start of the window
    "first_w",
    "last_s",
    "last_w",
)
_AT: Final = {name: index for index, name in enumerate(COLUMNS)}
_ADDED: Final = slice(_AT["n"], _AT["negatives"] + 1)
_ORDERED: Final = tuple(_AT[c] for c in ("sum_step", "sum_step2", "changes", "falls", "rises", "min_step"))


def column(windows: PowerWindows, name: str) -> Floats:
    """The column called `name` of COLUMNS, shape (n,), a view.  Raises KeyError."""
    return windows.columns[:, _AT[name]]


def power_windows(readings: Readings, settings: WindowSettings) -> PowerWindows:
    """Summarises `readings`, sorted by (meter, time), in windows aligned to the epoch.

    A meter read more often than every `power_fast_s` has windows of that length, one read
    at least every `power_slow_s` has those, a slower one days.  Windows without a reading
    have no row.  Rows are sorted by (meter, window).
    """
    length = window_lengths(readings.interval_s, settings)
    window = _window_starts(readings, length)
    starts = group_starts(readings.meter, window)
    columns = np.empty((len(starts), len(COLUMNS)), order="F")  # read column by column
    for low, high in _blocks(starts, len(readings)):
        begin, end = starts[low], starts[high] if high < len(starts) else len(readings)
        offset = (readings.time_ns[begin:end] - window[begin:end]).astype(np.float64) * 1e-9
        columns[low:high] = _summarise(readings.watts[begin:end], offset, starts[low:high] - begin)
    meter = readings.meter[starts]
    columns[:, _AT["interval_s"]] = readings.interval_s[meter] if len(meter) else np.nan
    return PowerWindows(
        list(readings.meters),
        meter,
        window[starts],
        length[meter].astype(np.float64),
        columns,
        readings.estimated,
    )


def window_lengths(interval_s: Floats, settings: WindowSettings) -> Int64s:
    """Seconds of a window for meters read every `interval_s` seconds; slow where that is NaN."""
    length = np.full(len(interval_s), settings.power_slow_s, dtype=np.int64)
    length[interval_s < settings.power_fast_s] = settings.power_fast_s
    length[interval_s > settings.power_slow_s] = DAY_S
    return length


def merge(a: PowerWindows, b: PowerWindows) -> PowerWindows:
    """The table of the readings of both.  A reading that is in both counts twice."""
    names = list(dict.fromkeys([*a.meters, *b.meters]))
    place = {name: index for index, name in enumerate(names)}
    meter = np.concatenate([_renumbered(t, place) for t in (a, b)])
    window = np.concatenate([a.window_ns, b.window_ns])
    length = np.concatenate([a.window_s, b.window_s])
    columns = np.concatenate([a.columns, b.columns])
    order = np.lexsort((columns[:, _AT["first_s"]], length, window, meter))
    meter, window, length = meter[order], window[order], length[order]
    starts = group_starts(meter, window, length)
    merged = combine(columns[order], starts)
    return PowerWindows(
        names, meter[starts], window[starts], length[starts], merged, a.estimated or b.estimated
    )


def roll_up(windows: PowerWindows, length_s: int) -> PowerWindows:
    """The same readings in windows of `length_s`, a multiple of every length in `windows`."""
    step = length_s * 1_000_000_000
    start = windows.window_ns // step * step
    columns = windows.columns.copy()
    for name in ("first_s", "last_s"):
        columns[:, _AT[name]] += (windows.window_ns - start) * 1e-9
    starts = group_starts(windows.meter, start)
    return PowerWindows(
        windows.meters,
        windows.meter[starts],
        start[starts],
        np.full(len(starts), float(length_s)),
        combine(columns, starts),
        windows.estimated,
    )


def combine(columns: Floats, starts: Int64s) -> Floats:
    """One row for each run of rows that begins at `starts`; rows of a run are sorted by `first_s`."""
    if len(starts) == len(columns):
        return columns.copy()
    joined = columns.copy()
    overlap = _add_seams(joined, starts)
    result = np.empty((len(starts), len(COLUMNS)))
    result[:, _ADDED] = np.add.reduceat(joined[:, _ADDED], starts, axis=0)
    for name in ("min_w", "min_step", "interval_s"):
        result[:, _AT[name]] = np.fmin.reduceat(joined[:, _AT[name]], starts)
    result[:, _AT["max_w"]] = np.fmax.reduceat(joined[:, _AT["max_w"]], starts)
    result[:, [_AT["first_s"], _AT["first_w"]]] = columns[starts][:, [_AT["first_s"], _AT["first_w"]]]
    result[:, [_AT["last_s"], _AT["last_w"]]] = columns[_last_rows(columns, starts)][
        :, [_AT["last_s"], _AT["last_w"]]
    ]
    blurred = np.logical_or.reduceat(overlap, starts)
    for index in _ORDERED:
        result[blurred, index] = np.nan
    return result


def _add_seams(rows: Floats, starts: Int64s) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Adds the step from the row before to each row that does not begin a run; True = they overlap."""
    inner = np.ones(len(rows), dtype=bool)
    inner[starts] = False
    at = np.flatnonzero(inner)
    before, first = rows[at - 1, _AT["last_w"]], rows[at, _AT["first_w"]]
    step = np.abs(first - before)
    changed = step > SAME * np.maximum(np.abs(first), np.abs(before))
    rows[at, _AT["sum_step"]] += step
    rows[at, _AT["sum_step2"]] += step * step
    rows[at, _AT["changes"]] += changed
    rows[at, _AT["falls"]] += (before > 0) & (first < FALL * before)
    rows[at, _AT["rises"]] += (first > 0) & (before < FALL * first)
    rows[at, _AT["min_step"]] = np.fmin(rows[at, _AT["min_step"]], np.where(changed, step, np.nan))
    overlap = np.zeros(len(rows), dtype=bool)
    overlap[at] = rows[at, _AT["first_s"]] < rows[at - 1, _AT["last_s"]]
    return overlap


def _last_rows(rows: Floats, starts: Int64s) -> Int64s:
    """Index of the row of each run that ends last."""
    run = np.zeros(len(rows), dtype=np.int64)
    run[starts[1:]] = 1
    order = np.lexsort((rows[:, _AT["last_s"]], np.cumsum(run)))
    ends: Int64s = order[np.append(starts[1:], len(rows)) - 1]
    return ends


def _summarise(watts: Floats, offset_s: Floats, starts: Int64s) -> Floats:
    """Columns of the windows that begin at `starts`; `interval_s` is left to the caller."""
    step = np.empty_like(watts)
    step[0] = 0.0
    np.abs(np.subtract(watts[1:], watts[:-1], out=step[1:]), out=step[1:])
    before = np.empty_like(watts)
    before[0] = watts[0]
    before[1:] = watts[:-1]
    step[starts], before[starts] = 0.0, watts[starts]
    changed = step > SAME * np.maximum(np.abs(watts), np.abs(before))
    last = np.append(starts[1:], len(watts)) - 1
    out = np.empty((len(starts), len(COLUMNS)), order="F")
    added = (watts, watts * watts, step, step * step)
    falls, rises = (before > 0) & (watts < FALL * before), (watts > 0) & (before < FALL * watts)
    counted = (changed, falls, rises, watts == 0.0, watts < 0.0)
    out[:, 0] = last - starts + 1
    for index, values in enumerate(added, 1):
        out[:, index] = np.add.reduceat(values, starts)
    for index, flags in enumerate(counted, len(added) + 1):
        out[:, index] = np.add.reduceat(flags, starts, dtype=np.int64) if flags.any() else 0.0
    out[:, _AT["min_w"]] = np.minimum.reduceat(watts, starts)
    out[:, _AT["max_w"]] = np.maximum.reduceat(watts, starts)
    smallest = np.minimum.reduceat(np.where(changed, step, np.inf), starts)
    out[:, _AT["min_step"]] = np.where(np.isinf(smallest), np.nan, smallest)
    out[:, _AT["first_s"]], out[:, _AT["first_w"]] = offset_s[starts], watts[starts]
    out[:, _AT["last_s"]], out[:, _AT["last_w"]] = offset_s[last], watts[last]
    return out


def _window_starts(readings: Readings, length: Int64s) -> Int64s:
    """Start of the window of each reading, ns."""
    if len(np.unique(length)) <= 1:
        step = int(length[0]) * 1_000_000_000 if len(length) else 1
        return readings.time_ns // step * step
    steps = length[readings.meter] * 1_000_000_000
    return readings.time_ns // steps * steps


def group_starts(*keys: Int64s | Floats) -> Int64s:
    """Index of each row in which any of `keys` differs from the row before."""
    if not len(keys[0]):
        return np.empty(0, dtype=np.int64)
    new = np.ones(len(keys[0]), dtype=bool)
    new[1:] = False
    for key in keys:
        new[1:] |= key[1:] != key[:-1]
    return np.flatnonzero(new)


def _blocks(starts: Int64s, total: int) -> list[tuple[int, int]]:
    """Ranges of whole windows of about BLOCK readings."""
    cuts = np.searchsorted(starts, np.arange(0, total, BLOCK))
    edges = np.unique(np.append(cuts, len(starts)))
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))


def _renumbered(table: PowerWindows, place: dict[str, int]) -> Int64s:
    """Meter of each row as a number of the merged list."""
    numbers = np.array([place[name] for name in table.meters], dtype=np.int64)
    return numbers[table.meter] if len(table) else np.empty(0, dtype=np.int64)
