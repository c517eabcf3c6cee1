"""Rows over time in bounded memory: the last one of each of equal steps, which double when they get many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FIRST = 4  # rows that there is room for


def thin(rows: NDArray[Any], most: int) -> NDArray[Any]:
    """At most `most` of rows that are in order of their field `window`: the first one, and the last one of
    each of steps as short as will do (a power of two)."""
    step = 1
    while len(rows) > most:
        step *= 2
        rows = rows[_kept(rows, step)]
    return rows


def _kept(rows: NDArray[Any], step: int) -> NDArray[np.bool_]:
    steps = rows["window"] // step
    kept = np.append(steps[1:] != steps[:-1], True)
    kept[0] = True
    return kept


class Thinned:
    """Rows by number of their window.  The first and the last one always stay."""

    __slots__ = ("_most", "_rows", "_used", "step")

    def __init__(self, dtype: np.dtype[Any], most: int) -> None:
        """dtype: of a row, whose first field is `window`.  most: rows that are kept, > 2."""
        self.step = 1  # windows that one row stands for
        self._most, self._used = most, 0
        self._rows: NDArray[Any] = np.zeros(_FIRST, dtype)

    @property
    def rows(self) -> NDArray[Any]:
        """What was kept, in order of time; a view."""
        return self._rows[: self._used]

    def add(self, row: Any) -> None:
        """The newest row.  One of a window that is no newer than the last takes the place of that one."""
        window, last = int(row[0]), int(self._rows["window"][self._used - 1]) if self._used else -1
        if self._used and window <= last:
            self._rows[self._used - 1] = row
            self._rows["window"][self._used - 1] = last
            return
        if self._used < 2 or window // self.step != last // self.step:
            self._used += 1
        self._make_room()
        self._rows[self._used - 1] = row
        while self._used > self._most:
            self._thin()

    def _make_room(self) -> None:
        if self._used > len(self._rows):
            rows = np.zeros(min(2 * len(self._rows), self._most + 1), self._rows.dtype)
            rows[: self._used - 1] = self._rows
            self._rows = rows

    def _thin(self) -> None:
        """Make each step twice as long."""
        self.step *= 2
        left = self.rows[_kept(self.rows, self.step)]
        self._used = len(left)
        self._rows[: self._used] = left
