"""Shares and quantiles of the window's histograms and heavy-hitter lists.  All take n rows at once."""

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
    reached = np.cumsum(histogram, axis=1, dtype=np.int64)  # (n, bins)
    total = reached[:, -1].astype(np.float64)
    rows, found = np.arange(len(histogram)), []
    for share in shares:
        wanted = share * total
        place = (reached < wanted[:, None]).sum(axis=1)
        inside = histogram[rows, place].astype(np.float64)
        before = reached[rows, place] - inside
        found.append(np.where(total > 0, place + (wanted - before) / np.maximum(inside, 1), np.nan))
    return found


def octave_seconds(bins: Floats) -> Floats:
    """Bins of the gap histograms (octaves of 2**20 ns, bin 0 = below) as log2 seconds."""
    return bins + (19 - math.log2(1e9))


def entropy(histogram: Counts) -> Floats:
    """Entropy in bits of each row; NaN for empty rows."""
    p = histogram / positive(histogram.sum(axis=1, dtype=np.float64))[:, None]
    bits: Floats = -np.where(p > 0, p * np.log2(np.where(p > 0, p, 1)), p).sum(axis=1)
    return bits


def regular(histogram: Counts) -> Floats:
    """Largest share of two neighbouring bins: near 1 for a timer, whatever its period."""
    pairs = histogram[:, :-1].astype(np.float64) + histogram[:, 1:]
    largest: Floats = pairs.max(axis=1)
    return largest / positive(histogram.sum(axis=1, dtype=np.float64))


class Common:
    """The (length, count) pairs of a heavy-hitter list; unused pairs are (0, 0)."""

    def __init__(self, counts: Counts, start: int, pairs: int) -> None:
        block = counts[:, start : start + 2 * pairs]
        self._lengths = block[:, 0::2].astype(np.float64)  # (n, pairs)
        self._counts = block[:, 1::2].astype(np.float64)  # (n, pairs)

    def length(self) -> Floats:
        """log2 of the commonest length; NaN where there is none.  Of equals the shortest, so that the
        order of arrival does not matter."""
        top = self._counts.max(axis=1, keepdims=True)
        tied = np.where(self._counts == top, self._lengths, np.inf)
        return np.log2(np.where(top[:, 0] > 0, positive(tied.min(axis=1)), np.nan))

    def share(self, n: Floats, most: int) -> Floats:
        """Share of the `most` commonest lengths among `n` messages; NaN where n is."""
        best = np.sort(self._counts, axis=1)[:, ::-1][:, :most]
        total: Floats = best.sum(axis=1)
        return total / n

    def close(self, n: Floats, kinds: int = 1) -> Floats:
        """Share of messages of so many kinds, the largest first: of a kind are those whose lengths lie within
        CLOSE_BYTES above one of them.  Of equals the shortest."""
        order = np.argsort(self._lengths, axis=1)
        lengths, counts = (np.take_along_axis(part, order, 1) for part in (self._lengths, self._counts))
        total = np.zeros(len(counts))
        for _ in range(kinds):
            best, of_best = np.zeros(len(counts)), np.zeros(counts.shape, np.bool_)
            for anchor in range(counts.shape[1]):
                above = lengths - lengths[:, anchor : anchor + 1]
                near = (above >= 0) & (above <= CLOSE_BYTES)
                count = (counts * near).sum(axis=1)
                more = count > best
                best[more], of_best[more] = count[more], near[more]
            total += best
            counts = np.where(of_best, 0, counts)
        return total / n

    def distinct(self) -> Floats:
        """Number of lengths that the list holds."""
        number: Floats = (self._counts > 0).sum(axis=1).astype(np.float64)
        return number
