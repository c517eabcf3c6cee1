"""Feeder balance: what a feeder or substation delivers beyond the sum of the meters it feeds.

Hours (or days, where no more is read) in which the feeder and every one of its meters were read
are set side by side.  What is left over is losses, a share of what flows and alike for ever, and
what no meter saw: a bypassed meter's load.  A miner behind a bypass leaves a flat rest, which
losses, that follow the load, cannot make (power reference, 1a: Malaysia's finds are bypasses).
"""

from __future__ import annotations

from collections.abc import Mapping
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
NORMAL: Final = 1.4826  # times the median absolute deviation is the standard deviation of a normal


@dataclass(frozen=True, slots=True)
class Balance:
    """One feeder over the windows in which all of it was read; watts."""

    feeder: str
    meters: int  # of the asset map
    unread: int  # of them, never read
    windows: int  # side by side
    first_ns: int  # 0 = none
    last_ns: int
    delivered_w: float  # mean; NaN = no window
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
        self._read: set[str] = set()
        self._keys = np.empty((0, 2), np.int64)  # (feeder, start of the window in s), sorted
        self._sums = np.empty((0, 4))  # delivered W, feeders read (0 or 1), drawn W, meters read

    def __contains__(self, meter: str) -> bool:
        """Whether that meter measures a feeder, not a customer."""
        return meter in self._number

    def add(self, windows: PowerWindows) -> None:
        """Take in the windows of one source.  A meter that two sources hold counts in the first."""
        fed = np.array([self._number.get(self._feeder_of.get(name, ""), -1) for name in windows.meters])
        own = np.array([self._number.get(name, -1) for name in windows.meters])
        fresh = np.array([name not in self._read for name in windows.meters])
        for number, first in ((own, 0), (fed, 2)):
            counts = (number >= 0) & fresh if len(windows) else np.zeros(0, bool)
            rows = np.flatnonzero(counts[windows.meter])
            if len(rows):
                self._take(taken(windows, rows), number, first)
        self._read.update(name for name in windows.meters if name in self._feeder_of or name in self)

    def balances(self) -> list[Balance]:
        """Every feeder of the asset map, by name."""
        return [self._balance(number, name) for number, name in enumerate(self._names)]

    def _take(self, windows: PowerWindows, number: Int64s, first: int) -> None:
        hourly = roll_up(windows, HOUR_S)
        keys = np.column_stack([number[hourly.meter], hourly.window_ns // 1_000_000_000])
        sums = np.zeros((len(keys), self._sums.shape[1]))
        sums[:, first] = column(hourly, "sum_w") / column(hourly, "n")
        sums[:, first + 1] = 1.0
        together = np.concatenate([self._keys, keys])
        self._keys, place = np.unique(together, axis=0, return_inverse=True)
        joined = np.zeros((len(self._keys), sums.shape[1]))
        np.add.at(joined, place.ravel(), np.concatenate([self._sums, sums]))
        self._sums = joined

    def _balance(self, number: int, name: str) -> Balance:
        members = [meter for meter, feeder in self._feeder_of.items() if feeder == name]
        unread = sum(meter not in self._read for meter in members)
        mine = self._keys[:, 0] == number
        delivered, is_own, drawn, count = self._sums[mine].T
        whole = (is_own > 0) & (count == len(members) - unread) & (count > 0)
        start, delivered, drawn = self._keys[mine, 1][whole], delivered[whole], drawn[whole]
        if len(start) < FEWEST:
            return Balance(name, len(members), unread, len(start), 0, 0, *(4 * [float("nan")]))
        losses, rest = _rest(delivered, drawn)
        middle = float(np.median(rest))
        spread = float(np.median(np.abs(rest - middle))) * NORMAL
        span = (int(start[0]) * 10**9, int(start[-1]) * 10**9)
        mean = float(delivered.mean())
        return Balance(name, len(members), unread, len(start), *span, mean, losses, middle, spread)


def _rest(delivered: Floats, drawn: Floats) -> tuple[float, Floats]:
    """Losses as a share of what was drawn, within LOSSES, and what is left after them (n,)."""
    departs = drawn - drawn.mean()
    slope = float((departs * delivered).sum() / max(float((departs * departs).sum()), 1e-9)) - 1
    losses = float(np.clip(slope, *LOSSES))
    return losses, delivered - drawn * (1 + losses)
