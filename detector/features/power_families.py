"""The power features of a block of meters, one function a family.

Every spread is relative to the meter's level, so that twice the watts change `level.*`
alone.  A spread below what the meter can resolve says nothing about the load: it is NaN,
not 0 (BMC readings in 10 W steps make nodes that are switched off look perfectly flat).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from detector.features.power_grid import Grid
    from detector.records import Floats, Int64s

Family = dict[str, "Floats"]
Mask = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

RUN: Final = 12  # fine windows (an hour of 300 s ones) whose median is the level that a dip falls from
DIP: Final = 0.6  # a window whose lowest reading is below this share of that level holds a dip
RECOVERED: Final = 0.8  # of that level
NEAR: Final = 3
OVER: Final = 1.3
MIN_WINDOWS: Final = 6  # fewer windows have no shape
MIN_DAYS: Final = 4  # fewer days have no change point
ROUNDING: Final = 12**0.5  # a reading rounded to q has a standard deviation of q / sqrt(12) from that alone
TINY: Final = 1e-12
UNRECORDED_S: Final = 30 * 86_400.0  # a month without a reading is no fault of the line
WITHIN: Final = tuple(
    f"within.{name}" for name in ("spread_q10", "spread", "spread_q90", "step", "range", "falls_per_h")
)


def level(grid: Grid) -> Floats:
    """Mean W of each meter over its windows; NaN where it is not above 0. Shape (m,)."""
    mean = nan_mean(grid.fine["mean"])
    return np.where(mean > 0, mean, np.nan)


def mean_resolution(grid: Grid, level: Floats) -> Floats:
    """Smallest relative difference of two window means that the meter can show. Shape (m,).

    Rounding is averaged out only where the readings of a window differ by more than it.
    """
    fine = grid.fine
    spread = np.sqrt(np.maximum(fine["sum_w2"] / fine["n"] - fine["mean"] ** 2, 0))
    dithered = row_quantile(spread, 0.5) >= grid.quantum / ROUNDING
    finer = ROUNDING * np.sqrt(row_quantile(fine["n"], 0.5))
    return grid.quantum / level / np.where(dithered, finer, 1.0)


def blind(grid: Grid, level: Floats) -> Mask:
    """Meters that never changed, or varied less over the whole record than rounding hides. Shape (m,)."""
    fine, known = grid.fine, count_mask(grid.fine["n"])
    n = fine["n"].sum(1, where=known)
    mean = fine["sum_w"].sum(1, where=known) / n
    spread = np.sqrt(np.maximum(fine["sum_w2"].sum(1, where=known) / n - mean * mean, 0))
    seen: Mask = spread * (1 + 1e-9) >= grid.quantum / ROUNDING
    return ~seen | np.isnan(level)


def levels(grid: Grid, ordered: Floats, count: Int64s) -> Family:
    """Level in kW and where the quantiles of the window means lie around it."""
    mean = level(grid)
    low, mid, high = (quantile(ordered, count, p) for p in (0.01, 0.5, 0.99))
    floor = quantile(ordered, count, 0.05) * mean
    enough = count >= MIN_WINDOWS
    relative = {f"quantile.q{p:02d}": quantile(ordered, count, p / 100) for p in (5, 25, 50, 75, 95)}
    return {
        "level.log_mean_kw": np.log10(mean / 1e3 + 1e-3),
        "level.log_floor_kw": np.log10(np.maximum(floor, 0) / 1e3 + 1e-3),
        "level.log_top_kw": np.log10(np.maximum(high * mean, 0) / 1e3 + 1e-3),
        "level.idle_ratio": only(enough, low / positive(high)),
        "level.place": only(enough, (mid - low) / positive(high - low)),
        **{name: only(enough, value) for name, value in relative.items()},
    }


def plateaus(ordered: Floats, count: Int64s, resolution: Floats) -> Family:
    """The densest part of the window means, and their best split in two levels."""
    found: Family = {}
    for share in (10, 30, 60):
        width, place = densest(ordered, count, share / 100)
        found[f"plateau.width{share}"] = resolved(width, resolution) / positive(place)
        if share == 30:
            near = np.abs(ordered - place[:, None]) <= 0.05 * place[:, None]
            found["plateau.share"] = only(count >= MIN_WINDOWS, near.sum(1) / np.maximum(count, 1))
    found["plateau.place"] = place
    gap, explained, high_share, high_spread = split_levels(ordered, count)
    found["two.explained"], found["two.gap"] = explained, gap
    found["two.high_share"], found["two.high_spread"] = (
        high_share,
        resolved(high_spread, resolution / ROUNDING),
    )
    return found


def within(grid: Grid, resolution: Floats) -> Family:
    """Noise inside windows shorter than an hour with at least 5 readings."""
    fine = grid.fine
    usable = (fine["n"] >= 5) & (grid.window_s < 3600)[:, None] & (fine["mean"] > 0)
    if not usable.any():
        return dict.fromkeys(WITHIN, np.full(len(grid.meters), np.nan))
    n, mean = np.where(usable, fine["n"], np.nan), fine["mean"]
    spread = np.sqrt(np.maximum(fine["sum_w2"] / n - mean * mean, 0)) / positive(mean)
    step = np.sqrt(fine["sum_step2"] / (2 * (n - 1))) / positive(mean)
    width = np.where(usable, (fine["max_w"] - fine["min_w"]) / positive(mean), np.nan)
    hours = (n * fine["interval_s"]).sum(1, where=usable) / 3600
    falls = np.where(usable.any(1), fine["falls"].sum(1, where=usable) / positive(hours), np.nan)
    noise = resolution / ROUNDING
    found = (
        resolved(row_quantile(spread, 0.1), noise),
        resolved(row_quantile(spread, 0.5), noise),
        resolved(row_quantile(spread, 0.9), noise),
        resolved(row_quantile(step, 0.5), noise),
        resolved(row_quantile(width, 0.5), resolution),
        falls,
    )
    return dict(zip(WITHIN, found, strict=True))


def of_bands(grid: Grid) -> Mask:
    """Windows (m, windows) of a day or month in three readings: means of valley, peak and flat hours."""
    mask: Mask = (grid.fine["n"] == 3) & (grid.window_s > 3600)[:, None]
    return mask


def bands(grid: Grid, averaged: Floats) -> Family:
    """How alike the tariff bands are, where the readings are theirs; else NaN."""
    fine, known = grid.fine, of_bands(grid) & (grid.fine["mean"] > 0)
    spread = np.sqrt(np.maximum(fine["sum_w2"] / fine["n"] - fine["mean"] ** 2, 0)) / positive(fine["mean"])
    across = np.where(known, spread, np.nan)
    least = np.where(known, fine["min_w"] / positive(fine["mean"]), np.nan)
    return {
        "day.base_share": row_quantile(least, 0.5),
        "band.cv": resolved(row_quantile(across, 0.5), averaged / ROUNDING),
        "band.cv_q25": resolved(row_quantile(across, 0.25), averaged / ROUNDING),
    }


def dips(grid: Grid) -> Family:
    """Short falls below the surrounding level, how deep, and how long they lasted."""
    share_low, depth, seconds = dip_table(grid)
    base = run_level(grid.fine["mean"])
    seen = ~np.isnan(base) & ~of_bands(grid)
    over = (seen & (grid.fine["max_w"] > OVER * base)).sum(1) / positive(seen.sum(1))
    return {
        "dip.share": share_low,
        "dip.depth": row_quantile(depth, 0.5),
        "dip.log_seconds": np.log10(row_quantile(seconds, 0.5) + 1),
        "dip.over_share": over,
    }


def dip_table(grid: Grid) -> tuple[Floats, Floats, Floats]:
    """Share of windows with a dip (m,), depth 0..1 and seconds of each dip (m, windows), NaN = none.

    A dip recovers: the level is reached again on both sides, at most NEAR windows away (a
    switch is no dip).  The time below is what the window's mean lacks to its top, spread over its falls.
    """
    fine, base = grid.fine, run_level(grid.fine["mean"])
    seen = ~np.isnan(base) & (base > 0) & ~of_bands(grid)
    lowest, top = fine["min_w"], np.minimum(fine["max_w"], OVER * base)
    low = seen & (lowest < DIP * base) & _recovered(fine, base)
    depth = np.where(low, 1 - np.maximum(lowest, 0) / positive(base), np.nan)
    lost = np.clip((top - fine["mean"]) / positive(top - lowest), 0, 1)
    read_s = np.minimum(fine["n"] * fine["interval_s"], grid.window_s[:, None])
    share = low.sum(1) / positive(seen.sum(1))
    return share, depth, np.where(low, lost * read_s / np.fmax(fine["falls"], 1), np.nan)


def _recovered(fine: Family, base: Floats) -> Mask:
    """Windows before and after which, or inside which, the load is back at its level."""
    enough = RECOVERED * base
    top = fine["max_w"]
    before, after = fine["first_w"] >= enough, fine["last_w"] >= enough
    for away in range(1, NEAR + 1):
        before[:, away:] |= top[:, :-away] >= enough[:, away:]
        after[:, :-away] |= top[:, away:] >= enough[:, :-away]
    return before & after


def run_level(mean: Floats) -> Floats:
    """Median of the RUN windows that each window (m, windows) belongs to; NaN below half of them."""
    m, length = mean.shape
    runs = -(-length // RUN)
    padded = np.full((m, runs * RUN), np.nan)
    padded[:, :length] = mean
    ordered = np.sort(padded.reshape(m * runs, RUN), axis=1)
    count = (~np.isnan(ordered)).sum(1)
    middle = only(count * 2 >= RUN, quantile(ordered, count, 0.5))
    return np.repeat(middle.reshape(m, runs), RUN, axis=1)[:, :length]


def quality(grid: Grid) -> Family:
    """What the telemetry can and cannot tell: resolution, gaps, stuck and zero readings."""
    fine = grid.fine
    n, several = fine["n"], fine["n"] >= 3
    expected = np.clip(grid.window_s[:, None] / positive(fine["interval_s"]), 1, None)
    span = np.nanmax(grid.start_s, axis=1) - np.nanmin(grid.start_s, axis=1) - _unrecorded(grid)
    windows = span / np.fmax(grid.window_s, np.fmax.reduce(fine["interval_s"], axis=1)) + 1
    present = np.minimum(n / expected, 1).sum(1, where=count_mask(n))
    stuck = (several & (fine["changes"] == 0)).sum(1) / positive(several.sum(1))
    return {
        "quality.log_quantum": np.log10(np.clip(grid.quantum / level(grid), 1e-7, 10)),
        "quality.missing": np.clip(1 - present / windows, 0, 1),
        "quality.stuck": stuck,
        "quality.zeros": fine["zeros"].sum(1, where=count_mask(n)) / positive(n.sum(1, where=count_mask(n))),
    }


def _unrecorded(grid: Grid) -> Floats:
    """Seconds that lie between two records of a meter read hourly or more often, m: no row was lost there."""
    gap = np.diff(grid.start_s, axis=1)
    apart = (gap > UNRECORDED_S) & (grid.window_s <= 3600)[:, None]
    unread: Floats = np.where(apart, gap, 0.0).sum(1)
    return unread


# --- arithmetic on rows padded with NaN


def count_mask(values: Floats) -> Mask:
    return ~np.isnan(values)


def positive(values: Floats | Int64s) -> Floats:
    """`values`, NaN where they are not above 0: a divisor."""
    return np.where(values > TINY, values, np.nan)


def only(known: Mask, values: Floats) -> Floats:
    """`values` where `known`, else NaN."""
    return np.where(known, values, np.nan)


def resolved(spread: Floats, resolution: Floats) -> Floats:
    """`spread` where it is not below `resolution` (both relative), else NaN: also where nothing changed."""
    return np.where(spread >= resolution * (1 - 1e-9), spread, np.nan)


def nan_mean(values: Floats, axis: int = -1) -> Floats:
    """Mean of what is not NaN along `axis`; NaN where nothing is."""
    known = count_mask(values)
    total: Floats = values.sum(axis, where=known)
    return total / positive(known.sum(axis))


def nan_sd(values: Floats, axis: int = -1) -> Floats:
    """Standard deviation (of the population) of what is not NaN along `axis`."""
    centred = values - np.expand_dims(nan_mean(values, axis), axis)
    return np.sqrt(nan_mean(centred * centred, axis))


def quantile(ordered: Floats, count: Int64s, p: float) -> Floats:
    """Quantile p, linearly interpolated, of rows sorted with their `count` values first."""
    place = np.maximum(count - 1, 0) * p
    low = place.astype(np.int64)
    rows = np.arange(len(ordered))
    below, above = ordered[rows, low], ordered[rows, np.minimum(low + 1, np.maximum(count - 1, 0))]
    return below + (above - below) * (place - low)


def row_quantile(values: Floats, p: float) -> Floats:
    """Quantile p of what is not NaN in each row."""
    return quantile(np.sort(values, axis=1), count_mask(values).sum(1), p)


def densest(ordered: Floats, count: Int64s, share: float) -> tuple[Floats, Floats]:
    """Width and middle of the narrowest interval that holds `share` of each row (the shorth)."""
    m, length = ordered.shape
    held = np.maximum((share * count).astype(np.int64), 1)
    above = np.arange(length)[None, :] + held[:, None]
    inside = above < count[:, None]
    high = np.take_along_axis(ordered, np.minimum(above, length - 1), axis=1)
    width = np.where(inside, high - ordered, np.inf)
    first, rows = width.argmin(1), np.arange(m)
    enough = (count >= MIN_WINDOWS) & inside.any(1)
    middle = (ordered[rows, first] + high[rows, first]) / 2
    return only(enough, width[rows, first]), only(enough, middle)


def split_levels(ordered: Floats, count: Int64s) -> tuple[Floats, Floats, Floats, Floats]:
    """Best two-level split: gap, variance explained, share above, relative spread above."""
    known = count_mask(ordered)
    values = np.where(known, ordered, 0.0)
    total, square = np.cumsum(values, 1), np.cumsum(values * values, 1)
    k = np.arange(1, ordered.shape[1] + 1)[None, :]
    rest = positive(count[:, None] - k)
    gap = (total[:, -1:] - total) / rest - total / k
    gain = np.where(count_mask(gap), k * rest / positive(count[:, None]) * gap * gap, -1.0)
    at, rows = gain.argmax(1), np.arange(len(ordered))
    variation = square[:, -1] - total[:, -1] ** 2 / positive(count)
    above = rest[rows, at]
    high = (total[:, -1] - total[rows, at]) / above
    high_var = (square[:, -1] - square[rows, at]) / above - high * high
    enough = (count >= MIN_WINDOWS) & (variation > TINY)
    return (
        only(enough, gap[rows, at]),
        only(enough, np.clip(gain[rows, at] / positive(variation), 0, 1)),
        only(enough, above / positive(count)),
        only(enough, np.sqrt(np.maximum(high_var, 0)) / positive(high)),
    )
