"""What a host did over time, in few steps: for pictures and their tables, never for a judgement.

A strip holds sums over equal steps, aligned to the epoch.  When the span no longer fits into
`MOST` steps, the steps double: so a strip takes the same few hundred bytes for an hour and for a year.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from detector.kernel import layout
from detector.records import PowerWindows, Steps
from detector.windows.power import column

if TYPE_CHECKING:
    from detector.records import Int64s

MOST: Final = 192  # steps: eight days of hours; a picture shows no more
COUNTED: Final = (
    layout.WINDOW_NS,
    layout.UP + layout.MESSAGES,
    layout.DOWN + layout.MESSAGES,
    layout.DOWN + layout.PUSHES,
)
"""Wide words of a window that a strip takes in."""
_MESSAGES, _PUSHES, _SCORE = range(3)


class Strip:
    """Messages, pushes and the highest score of a channel over time.  Times may come in any order."""

    __slots__ = ("_first", "_last", "_rows", "_step_ns")

    def __init__(self, step_ns: int) -> None:
        """step_ns: length of a window, > 0."""
        self._step_ns = step_ns
        self._first = self._last = 0  # numbers of the steps that row 0 and the last row used stand for
        self._rows: NDArray[np.float32] | None = None  # (MOST, 3); NaN = no window in that step

    def add(self, counted: Int64s, score: float) -> None:
        """One window.  counted: (4,) its words COUNTED; score: 0..1."""
        start_ns, up, down, pushes = counted.tolist()
        self._mix(start_ns // self._step_ns, np.array([up + down, pushes, score], np.float32))

    def _mix(self, step: int, row: NDArray[np.float32]) -> None:
        if self._rows is None:
            self._rows = np.full((MOST, 3), np.nan, np.float32)
            self._first = self._last = step
        while max(self._last, step) - min(self._first, step) >= MOST:
            step //= 2
            self._double()
        if step < self._first:
            self._rows = np.roll(self._rows, self._first - step, axis=0)
            self._first = step
        self._last = max(self._last, step)
        self._rows[step - self._first] = _mixed(self._rows[step - self._first], row)

    def _double(self) -> None:
        """Make each step twice as long."""
        assert self._rows is not None
        rows = np.full((MOST + 2, 3), np.nan, np.float32)
        odd = self._first % 2
        rows[odd : odd + MOST] = self._rows
        halved = _mixed(rows[0::2], rows[1::2])
        self._rows[:] = np.nan
        self._rows[: len(halved)] = halved
        self._first, self._last, self._step_ns = self._first // 2, self._last // 2, 2 * self._step_ns

    def joined(self, other: Strip) -> Strip:
        """What two channels did together.  Both were made with the same step."""
        sum_ = Strip(max(self._step_ns, other._step_ns))
        for strip in (self, other):
            if strip._rows is None:
                continue
            for number in np.flatnonzero(~np.isnan(strip._rows[:, _SCORE])).tolist():
                start_ns = (strip._first + number) * strip._step_ns
                sum_._mix(start_ns // sum_._step_ns, strip._rows[number])
        return sum_

    def steps(self) -> Steps | None:
        """The strip as a table; None when nothing was added."""
        if self._rows is None:
            return None
        used = self._rows[: self._last - self._first + 1].astype(np.float64)
        columns = {"messages": used[:, _MESSAGES], "pushes": used[:, _PUSHES], "score": used[:, _SCORE]}
        return Steps(self._first * self._step_ns, self._step_ns, columns)


def _mixed(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Two steps as one: counts add, the higher score stays; NaN is nothing.  (..., 3) each."""
    mixed = np.fmax(a, b)
    both = ~np.isnan(a[..., :_SCORE]) & ~np.isnan(b[..., :_SCORE])
    mixed[..., :_SCORE][both] = (a[..., :_SCORE] + b[..., :_SCORE])[both]
    return mixed


def together(strips: Iterable[Strip | None]) -> Steps | None:
    """What several channels of a host did, as one table; None where there is nothing to show."""
    found = [strip for strip in strips if strip is not None]
    if not found:
        return None
    whole = found[0]
    for strip in found[1:]:
        whole = whole.joined(strip)
    return whole.steps()


class Pictures:
    """What each meter of one table drew over time."""

    def __init__(self, windows: PowerWindows) -> None:
        self._windows = windows
        self._place = {name: number for number, name in enumerate(windows.meters)}
        self._bounds = np.searchsorted(windows.meter, np.arange(len(windows.meters) + 1))

    def of(self, meter: str) -> Steps | None:
        """Watts of the meter called `meter`.  Raises KeyError."""
        at = self._place[meter]
        return of_power(self._windows, slice(int(self._bounds[at]), int(self._bounds[at + 1])))


def of_power(windows: PowerWindows, rows: slice) -> Steps | None:
    """Watts of one meter over time, from its rows, which are in order of time."""
    starts = windows.window_ns[rows]
    if not len(starts):
        return None
    step_ns = int(windows.window_s[rows][0]) * 1_000_000_000
    while int(starts[-1]) // step_ns - int(starts[0]) // step_ns >= MOST:
        step_ns *= 2
    number = starts // step_ns
    number = number - number[0]
    shape = int(number[-1]) + 1
    read, drawn = np.zeros(shape), np.zeros(shape)
    low, high = np.full(shape, np.nan), np.full(shape, np.nan)
    np.add.at(read, number, column(windows, "n")[rows])
    np.add.at(drawn, number, column(windows, "sum_w")[rows])
    np.fmin.at(low, number, column(windows, "min_w")[rows])
    np.fmax.at(high, number, column(windows, "max_w")[rows])
    mean = np.divide(drawn, read, out=np.full(shape, np.nan), where=read > 0)
    columns = {"mean": mean, "low": low, "high": high}
    return Steps(int(starts[0]) // step_ns * step_ns, step_ns, columns)
