"""Power windows to one feature vector a meter, over the whole record it is given.

`FEATURES` is the schema: what each number is and why a miner moves it.  Undefined is
NaN: the record is too short, too coarse, stuck or not above 0 W.  Spreads and steps are
relative to the meter's mean, so only `level.*`, `onset.log_kw` know its size.
Deliberately absent: the colour of the noise (a booster learns the simulator's recipe,
power spike 3.3), the place of the onset and the length of the record (label leaks).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detector.features import power_days, power_families
from detector.features.power_grid import HOUR_S, Grid, grids
from detector.records import PowerWindows, Vectors

if TYPE_CHECKING:
    from detector.records import Floats


@dataclass(frozen=True, slots=True)
class Feature:
    """One column: what it is (with its unit) and why a miner moves it."""

    name: str
    what: str
    why: str


_RATIO = "share of the level"
FEATURES: Final = (
    Feature("level.log_mean_kw", "log10 of mean kW + 0.001", "an ASIC adds 1.4 to 5.5 kW, a rig 0.5 to 2"),
    Feature("level.log_floor_kw", "log10 of the 5 % quantile of window means, kW", "a miner never rests"),
    Feature("level.log_top_kw", "log10 of the 99 % quantile of window means, kW", "size of the whole load"),
    Feature(
        "level.idle_ratio", "1 % / 99 % quantile of window means", "near 1 for a miner, 0.3 for a server"
    ),
    Feature("level.place", "median between the 1 % (0) and 99 % (1) quantile", "a miner stays at its top"),
    Feature("quantile.q05", "5 % quantile / mean", "high floor"),
    Feature("quantile.q25", "25 % quantile / mean", "high floor"),
    Feature("quantile.q50", "median / mean", "1 where most windows are alike"),
    Feature("quantile.q75", "75 % quantile / mean", "no peaks above the plateau"),
    Feature("quantile.q95", "95 % quantile / mean", "no peaks above the plateau"),
    Feature("plateau.width10", "relative width of the densest 10 % of windows", "a plateau is narrow"),
    Feature("plateau.width30", "relative width of the densest 30 %", "a plateau is narrow"),
    Feature("plateau.width60", "relative width of the densest 60 %", "narrow although a third is dips"),
    Feature("plateau.place", "middle of the densest 60 % / mean", "1 or above: the plateau is the load"),
    Feature("plateau.share", "windows within 5 % of the middle of the densest 30 %", "share of time at work"),
    Feature(
        "two.explained", "variance explained by the best two levels, 0..1", "on and off, scheduled mining"
    ),
    Feature("two.gap", "distance of the two levels / mean", "what is switched"),
    Feature("two.high_share", "share of windows on the upper level", "time at work"),
    Feature("two.high_spread", "relative spread on the upper level", "equal heights when it comes back"),
    Feature("within.spread_q10", "10 % quantile of sd / mean within windows below 1 h", "flattest stretch"),
    Feature("within.spread", "median of sd / mean within windows below 1 h", "0.2 to 1 % for ASICs"),
    Feature("within.spread_q90", "90 % quantile of sd / mean within windows below 1 h", "few disturbances"),
    Feature("within.step", "median of rms step / sqrt 2 / mean", "noise from one reading to the next"),
    Feature("within.range", "median of (max - min) / mean", "training has a saw of checkpoints"),
    Feature(
        "within.falls_per_h", "readings below 60 % of the one before, per hour", "checkpoints, sync drops"
    ),
    Feature("dip.share", "windows with a reading below 60 % of the hour around (12 windows)", "few restarts"),
    Feature("dip.depth", "median depth of dips, 0..1", "a restart goes to idle"),
    Feature(
        "dip.log_seconds", "log10(1 + median seconds below)", "pool outage 10 s to minutes, checkpoint 20 s"
    ),
    Feature("dip.over_share", "windows with a reading 30 % above the level around", "a miner has no bursts"),
    Feature("shift.explained", "variance of the windows explained by one change point, 0..1", "switched on"),
    Feature("shift.step", "step there / mean, signed", "what was switched on"),
    Feature("shift.ratio", "step / (lower side + 2 %)", "step against what was there before"),
    Feature("shift.persists", "windows after it beyond half the step", "a miner stays on"),
    Feature("shift.support", "share of windows on the shorter side", "a step at the edge means less"),
    Feature("shift.spread_before", "relative sd before", "the load that it hides in"),
    Feature("shift.spread_after", "relative sd after", "flat once it runs"),
    Feature("day.load_factor", "median over days of mean / highest hour", "0.96 and above; households 0.3"),
    Feature("day.load_factor_best", "highest load factor of a day", "at least one undisturbed day"),
    Feature("day.hourly_cv", "median over days of sd / mean of hours", "below 0.03; households 0.8"),
    Feature("day.hourly_cv_best", "flattest day's sd / mean of hours", "at least one undisturbed day"),
    Feature("day.base_share", "median over days of 2nd lowest hour / mean", "above 0.9; households 0.3"),
    Feature(
        "day.hour_range", "median of (max - min) / mean of readings within the hour", "no cycles, no kettles"
    ),
    Feature("band.cv", "median over days of sd / mean of three 8 h bands", "0.01 to 0.06 (Fujian miners)"),
    Feature("band.cv_q25", "25 % quantile of the same", "rule of DCIC-2022: below 0.066"),
    Feature("band.cv_whole", "sd / mean of the bands over the record", "the same each month"),
    Feature("night.ratio", "mean 00-06 h / mean 08-22 h, local", "1: no difference of night and day"),
    Feature("night.spread", "median over days of sd / mean of hours 00-06", "flat when nothing else runs"),
    Feature("days.mean_cv", "sd / mean of daily means", "each day the same"),
    Feature("days.floor_cv", "sd / mean of daily floors", "each night the same"),
    Feature(
        "days.floor_mad", "median absolute deviation of daily floors / median", "same, blind to one change"
    ),
    Feature("days.weekend_mean", "weekend / weekday of daily means", "1: knows no weekend"),
    Feature("days.weekend_floor", "weekend / weekday of daily floors", "1: knows no weekend"),
    Feature("days.profile_cv", "sd / mean of the mean day", "no shape of day"),
    Feature("days.profile_explains", "share of variance of hours explained by the mean day", "no habit"),
    Feature("onset.explained", "variance of daily floors explained by one change point, 0..1", "switched on"),
    Feature("onset.step", "step of the floor / mean, signed", "what was switched on"),
    Feature("onset.ratio", "step of the floor / (lower side + 2 %)", "against the load before"),
    Feature("onset.log_kw", "sign x log10(1 + 10 x kW added over all hours)", "a miner's size"),
    Feature("onset.persists", "days after it beyond half the step", "weeks, not an evening"),
    Feature("onset.support", "share of days on the shorter side", "a step at the edge means less"),
    Feature("onset.hours_spread", "sd over hours of what was added / its mean", "flat over the day"),
    Feature(
        "onset.hours_least", "least added in any hour / mean added", "1: every hour alike; 0: one appliance"
    ),
    Feature(
        "onset.orders_spread", "the same over hours ranked by size", "a flat load shifts all ranks alike"
    ),
    Feature(
        "onset.agreement", "added over all hours / step of the floor", "1: the floor rose by what was added"
    ),
    Feature("onset.spread_before", "sd of floors before / step", "a clear step"),
    Feature("onset.spread_after", "sd of floors after / step", "a lasting, even step"),
    Feature("onset.residual", "sd of hours after minus the own earlier profile / added", "flat residual"),
    Feature("onset.mean_explained", "as explained, of daily means", "switched on"),
    Feature("onset.mean_step", "as step, of daily means", "what was switched on"),
    Feature("onset.mean_ratio", "as ratio, of daily means", "against the load before"),
    Feature(
        "quality.log_quantum", "log10 of smallest step ever seen / mean", "coarse meters cannot show flatness"
    ),
    Feature("quality.missing", "share of expected readings not there, 0..1", "trust in the rest"),
    Feature(
        "quality.stuck", "share of windows (3 readings or more) without any change", "a stuck sensor is flat"
    ),
    Feature("quality.zeros", "share of readings of exactly 0 W", "off, or a gap filled with zeros"),
    Feature("quality.estimated", "1 where the source estimates power, else 0", "estimates are smooth"),
)
NAMES: Final = tuple(feature.name for feature in FEATURES)
_SHAPES: Final = np.array([not name.startswith(("level.log", "quality.")) for name in NAMES])


def extract(windows: PowerWindows, *, timezone_offset_s: int = 0) -> tuple[list[str], Vectors]:
    """One vector for each meter that has windows, in the order of `windows.meters`.

    `timezone_offset_s` is added to UTC to find the local day, night and week; whole hours
    count.  Raises ValueError when it is not within a day.
    """
    if not -86_400 < timezone_offset_s < 86_400:
        raise ValueError(f"timezone_offset_s must be within a day, not {timezone_offset_s}")
    values = np.full((len(windows.meters), len(NAMES)), np.nan)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        for grid in grids(windows, timezone_offset_s):
            values[grid.meters] = _vectors(grid)
    values[:, NAMES.index("quality.estimated")] = float(windows.estimated)
    values[~np.isfinite(values)] = np.nan
    present = np.flatnonzero(np.bincount(windows.meter, minlength=len(windows.meters)))
    return [windows.meters[i] for i in present.tolist()], Vectors(NAMES, values[present])


def _vectors(grid: Grid) -> Floats:
    """(m, len(NAMES)) of a block; the column of the estimate is left to the caller."""
    level = power_families.level(grid)
    relative = grid.fine["mean"] / level[:, None]
    ordered = np.sort(relative, axis=1)
    count = power_families.count_mask(ordered).sum(1)
    resolution, averaged = grid.quantum / level, power_families.mean_resolution(grid, level)
    hours, spread, days = power_days.relative_days(grid, level)
    found = {
        **power_families.levels(grid, ordered, count),
        **power_families.plateaus(ordered, count, averaged),
        **power_families.within(grid, resolution),
        **power_families.dips(grid),
        **power_families.quality(grid),
        **power_days.shift(relative, averaged),
        **power_days.rhythm(hours, spread, resolution, averaged),
        **power_days.stability(days, hours, grid.date),
        **power_days.onset(hours, days, level / 1e3),
        "quality.estimated": np.zeros(len(level)),
    }
    values = np.column_stack([found[name] for name in NAMES])
    values[np.ix_(power_families.blind(grid, level), _SHAPES)] = np.nan
    return values


def describe(windows: PowerWindows, meter: str, *, timezone_offset_s: int = 0) -> dict[str, Any]:
    """As `describe_all`, of one meter.  Raises KeyError for one that is not in the table."""
    if meter not in windows.meters:
        raise KeyError(meter)
    at = windows.meters.index(meter)
    mine = slice(*np.searchsorted(windows.meter, [at, at + 1]).tolist())
    n = len(windows.window_ns[mine])
    if not n:
        raise KeyError(meter)
    table = PowerWindows(
        [meter],
        np.zeros(n, dtype=np.int64),
        windows.window_ns[mine],
        windows.window_s[mine],
        windows.columns[mine],
        windows.estimated,
    )
    return describe_all(table, timezone_offset_s=timezone_offset_s)[meter]


def describe_all(windows: PowerWindows, *, timezone_offset_s: int = 0) -> dict[str, dict[str, Any]]:
    """Plain facts of each meter that has windows, for sentences: floats, ints, strings; None where unknown.

    Keys: `mean_w`, `floor_w`, `top_w` (quantiles 5 % and 99 % of the window means), `flatness`
    (relative width of the densest 60 %), `load_factor`, `night_day`, `onset_ns`, `step_w`,
    `persists_h` (the load that came and stayed; all None if none did), `dips`, `dip_depth`
    (0..1), `dip_recovery_s`, `quantum_w`, `resolution_s`, `hours` (from the first reading to the end
    of the last one's interval), `windows`, `first_ns`, `last_ns` (starts of the first and last
    window) and `state`: "ok", "off" (0 W or below), "stuck"
    (never changed) or "coarse" (varied less than its rounding hides).
    """
    found: dict[str, dict[str, Any]] = {}
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        for grid in grids(windows, timezone_offset_s):
            columns = _facts(grid, timezone_offset_s)
            for row, meter in enumerate(grid.meters.tolist()):
                found[windows.meters[meter]] = {name: _plain(values[row]) for name, values in columns.items()}
    return found


def _facts(grid: Grid, offset_s: int) -> dict[str, Any]:
    """The facts of a block, one array a key."""
    means, named = grid.fine["mean"], dict(zip(NAMES, _vectors(grid).T, strict=True))
    _, depth, seconds = power_families.dip_table(grid)
    onset_s, step_w, persists_h = _onsets(grid, offset_s)
    first_s = np.fmin.reduce(grid.start_s + grid.fine["first_s"], axis=1)
    last_s = np.fmax.reduce(grid.start_s + grid.fine["last_s"], axis=1)
    interval_s = np.fmin.reduce(grid.fine["interval_s"], axis=1)
    return {
        "mean_w": power_families.nan_mean(means),
        "floor_w": power_families.row_quantile(means, 0.05),
        "top_w": power_families.row_quantile(means, 0.99),
        "flatness": named["plateau.width60"],
        "load_factor": named["day.load_factor"],
        "night_day": named["night.ratio"],
        "onset_ns": _nanoseconds(onset_s),
        "step_w": step_w,
        "persists_h": persists_h,
        "dips": (~np.isnan(depth)).sum(1),
        "dip_depth": power_families.row_quantile(depth, 0.5),
        "dip_recovery_s": power_families.row_quantile(seconds, 0.5),
        "quantum_w": grid.quantum,
        "resolution_s": interval_s,
        "hours": (last_s - first_s + interval_s) / HOUR_S,
        "windows": power_families.count_mask(means).sum(1),
        "first_ns": _nanoseconds(np.fmin.reduce(grid.start_s, axis=1)),
        "last_ns": _nanoseconds(np.fmax.reduce(grid.start_s, axis=1)),
        "state": _states(grid),
    }


def _onsets(grid: Grid, offset_s: int) -> tuple[Floats, Floats, Floats]:
    """Start (s), height (W) and hours beyond half the height of a load that came and stayed; NaN if none.

    From daily floors where there are days enough (the start is then the local midnight before),
    else from the fine windows.  It must explain half of the variance and stay for nine
    tenths of the rest.
    """
    floors = power_days.day_floor(grid.hours)
    by_day = _onset_in(floors, grid.date * 86_400.0 - offset_s, np.full(len(floors), 86_400.0))
    by_window = _onset_in(grid.fine["mean"], grid.start_s, grid.window_s)
    daily = power_families.count_mask(floors).sum(1) >= power_families.MIN_WINDOWS
    start, step, hours = (np.where(daily, a, b) for a, b in zip(by_day, by_window, strict=True))
    return start, step, hours


def _onset_in(series: Floats, starts_s: Floats, unit_s: Floats) -> tuple[Floats, Floats, Floats]:
    change = power_days.change_point(series)
    tall = change.step > np.maximum(0.05 * change.before, 3 * change.spread_after)
    clear = tall & (change.explained >= 0.5) & (change.persists >= 0.9)
    after = np.arange(series.shape[1])[None, :] >= change.at[:, None]
    hours = (power_families.count_mask(series) & after).sum(1) * change.persists * unit_s / 3600
    at = np.minimum(change.at, series.shape[1] - 1)
    start = starts_s[np.arange(len(series)), at]
    return (
        np.where(clear, start, np.nan),
        np.where(clear, change.step, np.nan),
        np.where(clear, hours, np.nan),
    )


def _states(grid: Grid) -> list[str]:
    level = power_families.level(grid)
    off, stuck, coarse = np.isnan(level), np.isnan(grid.quantum), power_families.blind(grid, level)
    found: list[str] = np.select([off, stuck, coarse], ["off", "stuck", "coarse"], "ok").tolist()
    return found


def _nanoseconds(seconds: Floats) -> list[int | None]:
    return [None if np.isnan(value) else int(value) * 1_000_000_000 for value in seconds.tolist()]


def _plain(value: Any) -> Any:
    """A Python number, None for one that is not finite; other values as they are."""
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, np.floating):
        return float(value) if np.isfinite(value) else None
    return value
