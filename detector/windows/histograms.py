"""Shares and quantiles of the window's histograms and heavy-hitter lists.  All take n rows at once.

Whole numbers are summed over columns laid one after the other (bins, n): numpy adds n numbers at a time
so, and one after the other in a row of a few bins.  Fractions, whose sum depends on the order, are not.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.uint32]
CLOSE_BYTES = 8  # messages that differ by no more are of one kind (a counter grew, a nonce was shorter)


def positive(values: Floats) -> Floats:
    """`values` with NaN where they are not above 0, so that what is divided by them is undefined."""
    return np.where(values > 0, values, np.nan)


def quantiles(histogram: Counts, shares: tuple[float, ...]) -> list[Floats]:
    """Quantiles in bins, counted from the lower edge of bin 0 and interpolated inside a bin; NaN for empty
    rows.  histogram: (n, bins); result: (n,) for each of the shares."""
    reached = np.cumsum(np.ascontiguousarray(histogram.T), axis=0, dtype=np.float64)  # (bins, n)
    total = reached[-1]
    rows, found = np.arange(len(histogram)), []
    for share in shares:
        wanted = share * total
        place = (reached < wanted).sum(axis=0)
        inside = histogram[rows, place].astype(np.float64)
        before = reached[place, rows] - inside
        found.append(np.where(total > 0, place + (wanted - before) / np.maximum(inside, 1), np.nan))
    return found


def octave_seconds(bins: Floats) -> Floats:
    """Bins of the gap histograms (octaves of 2**20 ns, bin 0 = below) as log2 seconds."""
    return bins + (19 - math.log2(1e9))


def total(histogram: Counts) -> Floats:
    """Sum of each row."""
    summed: Floats = np.ascontiguousarray(histogram.T).sum(axis=0, dtype=np.float64)
    return summed


def entropy(histogram: Counts) -> Floats:
    """Entropy in bits of each row; NaN for empty rows."""
    p = histogram / positive(total(histogram))[:, None]
    bits: Floats = -np.where(p > 0, p * np.log2(np.where(p > 0, p, 1)), p).sum(axis=1)
    return bits


def regular(histogram: Counts) -> Floats:
    """Largest share of two neighbouring bins: near 1 for a timer, whatever its period."""
    bins = histogram.T.astype(np.float64, order="C")  # (bins, n)
    largest: Floats = (bins[:-1] + bins[1:]).max(axis=0)
    return largest / positive(bins.sum(axis=0))


class Common:
    """The (length, count) pairs of a heavy-hitter list; unused pairs are (0, 0)."""

    def __init__(self, counts: Counts, start: int, pairs: int) -> None:
        block = np.ascontiguousarray(counts[:, start : start + 2 * pairs].T)
        self._lengths, self._counts = block[0::2], block[1::2].astype(np.float64)  # (pairs, n)

    def length(self) -> Floats:
        """log2 of the commonest length; NaN where there is none.  Of equals the shortest, so that the
        order of arrival does not matter."""
        top = self._counts.max(axis=0)
        tied = np.where(self._counts == top, self._lengths, np.inf)
        return np.log2(np.where(top > 0, positive(tied.min(axis=0)), np.nan))

    def share(self, n: Floats, most: int) -> Floats:
        """Share of the `most` commonest lengths among `n` messages; NaN where n is."""
        if most == 1:
            commonest: Floats = self._counts.max(axis=0)
            return commonest / n
        total: Floats = np.sort(self._counts, axis=0)[-most:].sum(axis=0)
        return total / n

    def close(self, n: Floats) -> Floats:
        """Largest share of messages whose lengths lie within CLOSE_BYTES above one of them."""
        best = np.zeros(self._counts.shape[1])
        for anchor in self._lengths:
            near = self._lengths - anchor <= CLOSE_BYTES  # unsigned: what is shorter is far above
            best = np.maximum(best, (self._counts * near).sum(axis=0))
        return best / n

    def distinct(self) -> Floats:
        """Number of lengths that the list holds."""
        number: Floats = (self._counts > 0).sum(axis=0).astype(np.float64)
        return number
