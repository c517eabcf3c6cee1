"""Power windows to one feature vector a meter, over the whole record it is given.

`FEATURES` is the schema: what each number is and why a miner moves it.  Undefined is
NaN: the record is too short, too coarse, stuck or not above 0 W.  Spreads and steps are
relative to the meter's mean, so only `level.*`, `onset.log_kw` know its size.  What the columns
say in words is `power_facts`.
Deliberately absent: the colour of the noise (a booster learns the simulator's recipe,
power spike 3.3), the place of the onset and the length of the record (label leaks).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from detector.features import power_added, power_days, power_families
from detector.features.power_grid import Grid, grids
from detector.records import PowerWindows, Vectors

if TYPE_CHECKING:
    from detector.features.power_added import Mask
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
    Feature("onset.explained", "variance of daily steady levels explained by one rise, 0..1", "switched on"),
    Feature("onset.step", "rise of the steady level / mean; days within 5 and 95 %", "what was switched on"),
    Feature("onset.ratio", "step / (level before + 2 %)", "against the load before"),
    Feature("onset.persists", "days after it beyond half the step", "weeks, not an evening"),
    Feature("onset.support", "share of days on the shorter side", "a step at the edge means less"),
    Feature("onset.clarity", "log10(1 + step / its error from day-to-day noise)", "a step, not weather"),
    Feature("onset.edge", "share of the step between 3 days before and 3 after", "switched, not grown"),
    Feature(
        "onset.gap",
        "(10 % quantile after - 90 % before) / step",
        "two plateaus, 1; a slope or noise, below 0",
    ),
    Feature("onset.log_kw", "sign x log10(1 + 10 x kW added over all hours)", "a miner's size"),
    Feature("onset.spread_before", "sd of steady levels before / step", "a clear step"),
    Feature("onset.spread_after", "sd of steady levels after / step", "a lasting, even step"),
    Feature("onset.hours_spread", "sd over hours of what was added / step", "flat over the day"),
    Feature("onset.hours_least", "2nd least added hour / step", "1: every hour alike; 0: one appliance"),
    Feature("onset.hours_low", "7th least added hour / step", "1: three quarters of the hours alike"),
    Feature(
        "onset.hours_share", "share of hours that got 3/4 of the 4th most", "all, or those of a schedule"
    ),
    Feature(
        "onset.hours_misfit", "log10(1 + mean square of added - step, in errors)", "flat within the noise"
    ),
    Feature(
        "onset.orders_least", "least over ranked hours of what was added / step", "the valley keeps the miner"
    ),
    Feature("onset.orders_spread", "sd over ranked hours of what was added / step", "shifts all ranks alike"),
    Feature("onset.agreement", "added over all hours / step", "1: the steady level rose by what was added"),
    Feature("onset.residual", "median |hour - own earlier day - step| / step", "flat residual"),
    Feature(
        "onset.rough_change", "log2 of sd within the day, after / before", "0: its host goes on as it did"
    ),
    Feature(
        "onset.scaled", "that / log2 of the level, after / before", "1: a busier customer, not a new load"
    ),
    Feature("onset.spread_change", "log2 of max - min within the hour, after / before", "adds no unrest"),
    Feature("onset.mean_explained", "as explained, of daily means", "switched on"),
    Feature("onset.mean_step", "as step, of daily means", "what was switched on"),
    Feature("onset.mean_ratio", "as ratio, of daily means", "against the load before"),
    Feature("onset.mean_persists", "as persists, of daily means", "stays"),
    Feature("onset.mean_support", "as support, of daily means", "a step at the edge means less"),
    Feature("onset.mean_clarity", "as clarity, of daily means", "a step, not weather"),
    Feature("onset.mean_edge", "as edge, of daily means", "switched, not grown"),
    Feature("onset.mean_gap", "as gap, of daily means", "two plateaus"),
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
MOST: Final = 0.5  # of the variance is the one step
LASTS: Final = 0.9  # of the days after it stay up
CLEAR: Final = float(np.log10(1 + 6.0))  # of `clarity`: six errors from day-to-day noise
ALIKE: Final = 0.5  # of the step, or of the hours: what came is no load of some hours
_RISES: Final = ("explained", "persists", "clarity", "gap")
MONOTONE: Final = {
    **{f"onset.{name}": 1 for name in (*_RISES, "hours_low", "hours_share", "orders_least")},
    **{f"onset.mean_{name}": 1 for name in _RISES},
    **{f"onset.{name}": -1 for name in ("residual", "orders_spread", "hours_spread", "hours_misfit")},
}
"""A clearer rise, and a flatter one, never speak against mining."""
_ARRIVAL: Final = (
    *(
        f"onset.{mean}{name}"
        for mean in ("", "mean_")
        for name in ("step", "clarity", "explained", "persists")
    ),
    "onset.hours_low",
    "onset.hours_share",
)
_SHAPES: Final = np.array([not name.startswith(("level.log", "quality.")) for name in NAMES])


def extract(windows: PowerWindows, *, timezone_offset_s: int = 0) -> tuple[list[str], Vectors]:
    """One vector for each meter that has windows, in the order of `windows.meters`.

    `timezone_offset_s` is added to UTC to find the local day, night and week; whole hours
    count.  Raises ValueError when it is not within a day.
    """
    if not -86_400 < timezone_offset_s < 86_400:
        raise ValueError(f"timezone_offset_s must be within a day, not {timezone_offset_s}")
    values = np.full((len(windows.meters), len(NAMES)), np.nan)
    for grid in grids(windows, timezone_offset_s):
        values[grid.meters] = of_block(grid)
    present = np.flatnonzero(np.bincount(windows.meter, minlength=len(windows.meters)))
    return [windows.meters[i] for i in present.tolist()], Vectors(NAMES, values[present])


@np.errstate(invalid="ignore", divide="ignore", over="ignore")
def of_block(grid: Grid) -> Floats:
    """(m, len(NAMES)) of a block of meters."""
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
        **power_added.onset(hours, spread, days, grid.date, level / 1e3),
        "quality.estimated": np.full(len(level), float(grid.estimated)),
    }
    for name, told in power_families.bands(grid, averaged).items():
        found[name] = np.where(np.isnan(found[name]), told, found[name])
    values = np.column_stack([found[name] for name in NAMES])
    values[np.ix_(power_families.blind(grid, level), _SHAPES)] = np.nan
    values[~np.isfinite(values)] = np.nan
    return values


def arrived(vectors: Vectors) -> Mask:
    """Records (n,) in which a steady load came, in three hours of four, and stayed.

    From days of hours, else from daily readings, where the hours are not known.  Most of the
    variance is one step up, clear of the noise, between one day and the next, that lasts.
    """
    at = {name: vectors.values[:, vectors.names.index(name)] for name in _ARRIVAL}
    hourly = ~np.isnan(at["onset.step"])
    flat = (at["onset.hours_low"] >= ALIKE) & (at["onset.hours_share"] >= ALIKE)
    found = []
    for prefix in ("onset.", "onset.mean_"):
        clear = (at[f"{prefix}step"] > 0) & (at[f"{prefix}clarity"] >= CLEAR)
        found.append(clear & (at[f"{prefix}explained"] >= MOST) & (at[f"{prefix}persists"] >= LASTS))
    return np.where(hourly, found[0] & flat, found[1])
