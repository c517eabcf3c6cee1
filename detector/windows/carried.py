"""Power windows of earlier runs beside those of this one, and which of them are worth carrying on.

A start is told by the days before it and the days after it.  So the days around the start of what
came and stayed are kept, and the newest ones, and what lies between is let go: the record of a
meter stays as small as `KEPT_DAYS`, and a miner that came a year ago is still seen to have come.
What is read again takes the place of what was remembered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from detector.records import PowerWindows
from detector.windows.power import DAY_S, column, merge, roll_up

if TYPE_CHECKING:
    from detector.records import Int64s

    Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]

HOUR_S: Final = 3_600
NEWEST_DAYS: Final = 42  # six weeks: a start that no change point tells yet has its earlier days in them
BEFORE_DAYS: Final = 28  # of the start: four of each weekday
AFTER_DAYS: Final = 14
KEPT_DAYS: Final = NEWEST_DAYS + BEFORE_DAYS + AFTER_DAYS
DAILY: Final = 10  # times as many days are kept of meters that are read once a day
_NS: Final = 1_000_000_000


def joined(old: PowerWindows, new: PowerWindows) -> tuple[PowerWindows, PowerWindows]:
    """(what is known now, what of it may be remembered): `new` with the hours of `old` before it.

    The second has no windows shorter than an hour.  An hour that both hold is joined where their
    readings follow one another; else the one with more readings stands for both.
    """
    hours = hourly(new)
    kept, fresh, clash = _once(old, hours)
    remembered = merge(taken(old, kept), taken(hours, fresh))
    if len(hours) == len(new):
        return remembered, remembered
    return merge(taken(old, kept & ~clash), new), remembered


def hourly(windows: PowerWindows) -> PowerWindows:
    """The same, windows shorter than an hour as hours."""
    short = windows.window_s < HOUR_S
    if not short.any():
        return windows
    return merge(roll_up(taken(windows, short), HOUR_S), taken(windows, ~short))


def thinned(windows: PowerWindows, onset_ns: Sequence[int | None]) -> PowerWindows:
    """What is carried on; `onset_ns`: when what stays came to each of the meters, None = nothing did."""
    newest = np.full(len(windows.meters), np.iinfo(np.int64).min)
    np.maximum.at(newest, windows.meter, windows.window_ns)
    came = np.array([-1 if start is None else start for start in onset_ns], np.int64)[windows.meter]
    day = np.where(windows.window_s >= DAY_S, DAILY, 1) * DAY_S * _NS
    since = windows.window_ns - came
    around = (came >= 0) & (since >= -BEFORE_DAYS * day) & (since < AFTER_DAYS * day)
    return taken(windows, around | (windows.window_ns > newest[windows.meter] - NEWEST_DAYS * day))


def taken(windows: PowerWindows, keep: Mask) -> PowerWindows:
    """Some rows, of the same list of meters."""
    if keep.all():
        return windows
    return PowerWindows(
        windows.meters,
        windows.meter[keep],
        windows.window_ns[keep],
        windows.window_s[keep],
        windows.columns[keep],
        windows.estimated,
    )


def _once(old: PowerWindows, new: PowerWindows) -> tuple[Mask, Mask, Mask]:
    """Rows of either that stand, and those of `old` whose window is in `new`, too."""
    number = {name: i for i, name in enumerate(new.meters)}
    named = np.array([number.get(name, -1) for name in old.meters], np.int64)
    meter = np.concatenate([named[old.meter] if len(old) else np.empty(0, np.int64), new.meter])
    start = np.concatenate([old.window_ns, new.window_ns])
    length = np.concatenate([old.window_s, new.window_s])
    order = np.lexsort((np.arange(len(meter)), length, start, meter))  # the old one first
    same = np.ones(max(0, len(order) - 1), dtype=bool)
    for key in (meter, start, length):
        same &= key[order][1:] == key[order][:-1]
    at_old, at_new = order[:-1][same], order[1:][same] - len(old)
    loses = ~_apart(old, at_old, new, at_new)
    fewer = column(old, "n")[at_old] > column(new, "n")[at_new]
    kept, fresh, clash = np.ones(len(old), bool), np.ones(len(new), bool), np.zeros(len(old), bool)
    kept[at_old[loses & ~fewer]] = False
    fresh[at_new[loses & fewer]] = False
    clash[at_old] = True
    return kept, fresh, clash


def _apart(old: PowerWindows, at_old: Int64s, new: PowerWindows, at_new: Int64s) -> Mask:
    """Whether the readings of two rows of the same window do not overlap in time."""
    first, last = ((column(old, name)[at_old], column(new, name)[at_new]) for name in ("first_s", "last_s"))
    found: Mask = (last[0] < first[1]) | (last[1] < first[0])
    return found
