"""Feeder balance: what a feeder or substation delivers beyond the sum of the meters it feeds.

Hours (or days, where no more is read) in which the feeder and every one of its meters were read
are set side by side.  What is left over is losses, a share of what flows and alike for ever, and
what no meter saw: a bypassed meter's load.  A miner behind a bypass leaves a flat rest, which
losses, that follow the load, cannot make (power reference, 1a: Malaysia's finds are bypasses).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from detector.features.power_grid import HOUR_S, taken
from detector.windows.power import column, roll_up

if TYPE_CHECKING:
    from detector.records import Floats, Int64s, PowerWindows

LOSSES: Final = (
    0.0,
    0.12,
)  # share of what flows that lines and transformers may take; 3-10 % in distribution
FEWEST: Final = 48  # windows side by side; a day or two of hours says nothing of a rest
COLUMNS: Final = 4
NORMAL: Final = 1.4826  # times the median absolute deviation is the standard deviation of a normal


@dataclass(frozen=True, slots=True)
class Balance:
    """One feeder over the windows in which all of it was read; watts."""

    feeder: str
    meters: int  # of the asset map
    unread: int  # of them, never read
    windows: int  # side by side
    first_ns: int  # starts of the first and last window in which any of it was read
    last_ns: int
    delivered_w: float  # mean; this and the rest NaN below FEWEST windows
    losses: float  # share of what the meters drew
    rest_w: float  # median of what neither meters nor losses explain
    spread_w: float  # its standard deviation, robust


class Feeders:
    """Sums by feeder, in memory that depends on feeders and windows, not on meters."""

    def __init__(self, feeder_of: Mapping[str, str]) -> None:
        """`feeder_of`: name of the feeder's own meter by the name of each meter that it feeds."""
        self._feeder_of = dict(feeder_of)
        self._names = sorted(set(feeder_of.values()))
        self._number = {name: number for number, name in enumerate(self._names)}
        self._holder: dict[str, str] = {}  # the source of each meter that was read
        # by source: (feeder, start of the window in s); delivered W, feeders read (0 or 1), drawn W, meters
        self._parts: dict[str, tuple[Int64s, Floats]] = {}

    def __contains__(self, meter: str) -> bool:
        """Whether that meter measures a feeder, not a customer."""
        return meter in self._number

    def add(self, windows: PowerWindows, source: str, *, anew: bool = True) -> None:
        """Take in windows of a source, `anew` in place of what it held before (a log that has grown).

        A meter that two sources hold counts in the first.
        """
        fed = np.array([self._number.get(self._feeder_of.get(name, ""), -1) for name in windows.meters])
        own = np.array([self._number.get(name, -1) for name in windows.meters])
        told = (fed >= 0) | (own >= 0) if len(windows) else np.zeros(0, bool)
        for place in np.flatnonzero(told).tolist():
            told[place] = self._holder.setdefault(windows.meters[place], source) == source
        parts = [self._parts[source]] if source in self._parts and not anew else []
        for number, first in ((own, 0), (fed, 2)):
            counts = told & (number >= 0)
            if counts.any():
                rows = np.flatnonzero(counts[windows.meter])
                parts.append(_summed(taken(windows, rows), number, first))
        if parts:
            self._parts[source] = _joined(parts)

    def balances(self) -> list[Balance]:
        """Every feeder of which anything was read, by name."""
        empty = (np.empty((0, 2), np.int64), np.empty((0, COLUMNS)))
        keys, sums = _joined([empty, *self._parts.values()])
        found = []
        for number in np.unique(keys[:, 0]).tolist():
            mine = keys[:, 0] == number
            found.append(self._balance(self._names[number], keys[mine, 1], sums[mine]))
        return found

    def _balance(self, name: str, start: Int64s, sums: Floats) -> Balance:
        members = [meter for meter, feeder in self._feeder_of.items() if feeder == name]
        unread = sum(meter not in self._holder for meter in members)
        delivered, is_own, drawn, count = sums.T
        whole = (is_own > 0) & (count == len(members) - unread) & (count > 0)
        span = (int(start[0]) * 10**9, int(start[-1]) * 10**9)
        counted = (name, len(members), unread, int(whole.sum()), *span)
        if counted[3] < FEWEST:
            return Balance(*counted, *(4 * [float("nan")]))
        delivered, drawn = delivered[whole], drawn[whole]
        losses, rest = _rest(delivered, drawn)
        middle = float(np.median(rest))
        spread = float(np.median(np.abs(rest - middle))) * NORMAL
        return Balance(*counted, float(delivered.mean()), losses, middle, spread)


def _summed(windows: PowerWindows, number: Int64s, first: int) -> tuple[Int64s, Floats]:
    """Keys and sums of the hours of meters that are `number` (-1: none), in columns `first` and the next."""
    hourly = roll_up(windows, HOUR_S)
    keys = np.column_stack([number[hourly.meter], hourly.window_ns // 1_000_000_000])
    sums = np.zeros((len(keys), COLUMNS))
    sums[:, first] = column(hourly, "sum_w") / column(hourly, "n")
    sums[:, first + 1] = 1.0
    return _joined([(keys, sums)])


def _joined(parts: Sequence[tuple[Int64s, Floats]]) -> tuple[Int64s, Floats]:
    """Each key once, sorted, with all its sums."""
    keys, place = np.unique(np.concatenate([k for k, _ in parts]), axis=0, return_inverse=True)
    sums = np.zeros((len(keys), COLUMNS))
    np.add.at(sums, place.ravel(), np.concatenate([s for _, s in parts]))
    return keys, sums


def _rest(delivered: Floats, drawn: Floats) -> tuple[float, Floats]:
    """Losses as a share of what was drawn, within LOSSES, and what is left after them (n,)."""
    departs = drawn - drawn.mean()
    slope = float((departs * delivered).sum() / max(float((departs * departs).sum()), 1e-9)) - 1
    losses = float(np.clip(slope, *LOSSES))
    return losses, delivered - drawn * (1 + losses)
