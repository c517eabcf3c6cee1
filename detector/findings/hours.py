"""A load that keeps hours: it ends at the same time of most days, as machines of people do and miners do not.

Who mines only while a desk is empty ends at the same time, too: it is told, and moves no score.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from detector.records import Evidence, Steps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detector.records import Int64s

HOUR_NS: Final = 3_600_000_000_000
DAY_NS: Final = 24 * HOUR_NS
DAYS: Final = 3  # on which it must have ended
SHARE: Final = 0.75  # of the days that were read, on which it ended within NEAR_NS of the usual time
NEAR_NS: Final = HOUR_NS
FALLS: Final = 0.5  # the low level is at most so much of the high one


def ends_daily(drawn: Steps) -> Evidence | None:
    """When the load usually ends (UTC), where it does; None for steps longer than an hour."""
    mean = drawn.columns["mean"]
    known = np.flatnonzero(np.isfinite(mean))
    if drawn.step_ns > HOUR_NS or not len(known):
        return None
    low, high = np.quantile(mean[known], (0.1, 0.9)).tolist()
    if high <= 0 or low > FALLS * high:
        return None
    times = drawn.start_ns + known * drawn.step_ns
    ends = times[1:][_falls(mean[known] >= (low + high) / 2)]
    days = len(np.unique(times // DAY_NS))
    usual_ns, met = _usual(ends)
    met = min(met, days)  # one end on either side of midnight
    if met < max(DAYS, SHARE * days):
        return None
    hour, minute = divmod(usual_ns // 60_000_000_000, 60)
    return Evidence(
        kind="keeps_hours",
        weight=0.0,
        summary=f"its load ends at about {hour:02}:{minute:02} UTC on {met} of {days} days:"
        " work that keeps hours",
        facts={"ends_utc": f"{hour:02}:{minute:02}", "days": days, "met": met},
    )


def _falls(is_high: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(n - 1,) whether the load goes from high to low after each step."""
    fell: NDArray[np.bool_] = is_high[:-1] & ~is_high[1:]
    return fell


def _usual(ends: Int64s) -> tuple[int, int]:
    """(time of day, ns, near which the load ended on the most days; on how many)."""
    best = (0, 0)
    for clock in np.unique(ends % DAY_NS).tolist():
        apart = np.abs((ends % DAY_NS - clock + DAY_NS // 2) % DAY_NS - DAY_NS // 2)
        met = len(np.unique((ends[apart <= NEAR_NS] - clock + DAY_NS // 2) // DAY_NS))
        best = max(best, (clock, met), key=lambda one: one[1])
    return best
