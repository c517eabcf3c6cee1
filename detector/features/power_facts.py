"""Power windows to plain facts of each meter, for sentences: numbers and states, no judgement.

What came is dated from the day of the change point to the window in which the level rises most;
its height is the step of the steady level, its evenness the residual over the meter's own earlier day.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detector.features import power, power_added, power_days, power_families
from detector.features.power_grid import HOUR_S, Grid, grids
from detector.records import PowerWindows, Vectors
from detector.windows.power import DAY_S

if TYPE_CHECKING:
    from detector.records import Floats

Facts = Mapping[str, Any]

TIERS: Final = ((2, "second"), (90, "minute"), (3_600, "hour"), (DAY_S * 2, "day"), (np.inf, "month"))
"""Longest interval between readings, s, and what a reading of that tier is called."""


class _Row(Mapping[str, Any]):
    """The facts of one meter of a block: a province of meters has its facts in columns, not in a million
    dictionaries."""

    __slots__ = ("_columns", "_row")

    def __init__(self, columns: Mapping[str, Any], row: int) -> None:
        self._columns, self._row = columns, row

    def __getitem__(self, name: str) -> Any:
        return _plain(self._columns[name][self._row])

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)


def survey(windows: PowerWindows, *, timezone_offset_s: int = 0) -> tuple[list[str], Vectors, list[Facts]]:
    """Vectors as `power.extract` gives them, and the facts of each (see `describe_all`)."""
    values = np.full((len(windows.meters), len(power.NAMES)), np.nan)
    facts: dict[int, Facts] = {}
    for grid in grids(windows, timezone_offset_s):
        values[grid.meters] = power.of_block(grid)
        columns = _facts(grid, values[grid.meters], timezone_offset_s)
        facts |= {meter: _Row(columns, row) for row, meter in enumerate(grid.meters.tolist())}
    present = sorted(facts)
    names = [windows.meters[i] for i in present]
    return names, Vectors(power.NAMES, values[present]), [facts[i] for i in present]


def describe_all(windows: PowerWindows, *, timezone_offset_s: int = 0) -> dict[str, Facts]:
    """Facts of each meter that has windows: floats, ints, bools, strings; None where unknown.

    Keys: `mean_w`, `floor_w`, `top_w` (quantiles 5 % and 99 % of the window means), `flatness`
    (relative width of the densest 60 %), `load_factor`, `night_day`, `weekend` (floor of weekends /
    of working days); `arrived` (see `power.arrived`), `onset_ns`, `step_w`, `persists_h` (a load
    that came and stayed, flat or not; None if none did), `added_spread` (0..1: median departure from
    the own earlier day and the step, of the step); `dips`, `dip_depth` (0..1), `dip_recovery_s`;
    `quantum_w`, `resolution_s`, `tier`, `hours` (first reading to the end of the last one's interval),
    `windows`, `missing` (0..1), `first_ns`, `last_ns` (starts of the first and last window) and `state`:
    "ok", "off" (0 W or below), "stuck" (never changed) or "coarse" (varied less than its rounding).
    """
    names, _, facts = survey(windows, timezone_offset_s=timezone_offset_s)
    return dict(zip(names, facts, strict=True))


def describe(windows: PowerWindows, meter: str, *, timezone_offset_s: int = 0) -> Facts:
    """As `describe_all`, of one meter.  Raises KeyError for one that is not in the table."""
    at = windows.meters.index(meter) if meter in windows.meters else len(windows.meters)
    mine = slice(*np.searchsorted(windows.meter, [at, at + 1]).tolist())
    n = len(windows.window_ns[mine])
    if not n:
        raise KeyError(meter)
    rows = (windows.window_ns[mine], windows.window_s[mine], windows.columns[mine])
    table = PowerWindows([meter], np.zeros(n, dtype=np.int64), *rows, windows.estimated)
    return describe_all(table, timezone_offset_s=timezone_offset_s)[meter]


@np.errstate(invalid="ignore", divide="ignore", over="ignore")
def _facts(grid: Grid, vectors: Floats, offset_s: int) -> dict[str, Any]:
    """The facts of a block, one array a key."""
    means, named = grid.fine["mean"], dict(zip(power.NAMES, vectors.T, strict=True))
    _, depth, seconds = power_families.dip_table(grid)
    onset_s, step_w, persists_h = _onsets(grid, offset_s)
    first_s = np.fmin.reduce(grid.start_s + grid.fine["first_s"], axis=1)
    last_s = np.fmax.reduce(grid.start_s + grid.fine["last_s"], axis=1)
    interval_s = np.fmin.reduce(grid.fine["interval_s"], axis=1)
    columns: dict[str, Any] = {
        "mean_w": power_families.nan_mean(means),
        "floor_w": power_families.row_quantile(means, 0.05),
        "top_w": power_families.row_quantile(means, 0.99),
        "flatness": named["plateau.width60"],
        "load_factor": named["day.load_factor"],
        "night_day": named["night.ratio"],
        "weekend": named["days.weekend_floor"],
        "arrived": power.arrived(Vectors(power.NAMES, vectors)),
        "onset_ns": _nanoseconds(onset_s),
        "step_w": step_w,
        "persists_h": persists_h,
        "added_spread": np.where(np.isnan(step_w), np.nan, named["onset.residual"]),
        "dips": (~np.isnan(depth)).sum(1),
        "dip_depth": power_families.row_quantile(depth, 0.5),
        "dip_recovery_s": power_families.row_quantile(seconds, 0.5),
        "quantum_w": grid.quantum,
        "resolution_s": interval_s,
        "tier": [_tier(seconds) for seconds in interval_s.tolist()],
        "hours": (last_s - first_s + interval_s) / HOUR_S,
        "windows": power_families.count_mask(means).sum(1),
        "missing": named["quality.missing"],
        "first_ns": _nanoseconds(np.fmin.reduce(grid.start_s, axis=1)),
        "last_ns": _nanoseconds(np.fmax.reduce(grid.start_s, axis=1)),
        "state": _states(grid),
    }
    return {name: np.array(c) if isinstance(c, np.ndarray) else c for name, c in columns.items()}  # no views


def _tier(interval_s: float) -> str | None:
    return next((name for longest, name in TIERS if interval_s <= longest), None)


def _onsets(grid: Grid, offset_s: int) -> tuple[Floats, Floats, Floats]:
    """Start (s), height (W) and hours beyond half the height of a load that came and stayed; NaN if none.

    From the daily steady level where there are days enough, else from the fine windows.  It must
    explain half of the variance and stay for nine tenths of the rest.
    """
    steady = power_added.steady_level(grid.hours, power_added.hourly_noise(grid.hours))
    midnight = grid.date * DAY_S - offset_s
    by_day = _onset_in(steady, midnight, np.full(len(steady), float(DAY_S)))
    by_window = _onset_in(grid.fine["mean"], grid.start_s, grid.window_s)
    daily = power_families.count_mask(steady).sum(1) >= power_families.MIN_WINDOWS
    start, step, hours = (np.where(daily, a, b) for a, b in zip(by_day, by_window, strict=True))
    return np.where(daily, _sharpened(grid, start), start), step, hours


def _onset_in(series: Floats, starts_s: Floats, unit_s: Floats) -> tuple[Floats, Floats, Floats]:
    change = power_days.change_point(series)
    tall = change.step > np.maximum(0.05 * change.before, 3 * change.spread_after)
    clear = tall & (change.explained >= power.MOST) & (change.persists >= power.LASTS)
    at = np.minimum(change.at, series.shape[1] - 1)
    start = starts_s[np.arange(len(series)), at]
    hours = (np.fmax.reduce(starts_s, axis=1) + unit_s - start) * change.persists / HOUR_S
    return (
        np.where(clear, start, np.nan),
        np.where(clear, change.step, np.nan),
        np.where(clear, hours, np.nan),
    )


def _sharpened(grid: Grid, day_s: Floats) -> Floats:
    """The fine window within a day of `day_s` before which the least and after which the most is drawn."""
    near = np.abs(grid.start_s - day_s[:, None]) <= DAY_S
    change = power_days.change_point(np.where(near, grid.fine["mean"], np.nan))
    at = np.minimum(change.at, grid.start_s.shape[1] - 1)
    found = grid.start_s[np.arange(len(at)), at]
    return np.where(change.step > 0, found, day_s)


def _states(grid: Grid) -> list[str]:
    level = power_families.level(grid)
    off, stuck, coarse = np.isnan(level), np.isnan(grid.quantum), power_families.blind(grid, level)
    found: list[str] = np.select([off, stuck, coarse], ["off", "stuck", "coarse"], "ok").tolist()
    return found


def _nanoseconds(seconds: Floats) -> list[int | None]:
    return [None if np.isnan(value) else int(value) * 1_000_000_000 for value in seconds.tolist()]


def _plain(value: Any) -> Any:
    """A Python value, None for a number that is not finite; other values as they are."""
    if isinstance(value, np.integer | np.bool_):
        return value.item()
    if isinstance(value, np.floating):
        return float(value) if np.isfinite(value) else None
    return value
