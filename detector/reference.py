"""What a bundle carries of its training rows, so that others can be held against them.

A few rows are scored again at load; the deciles of every column tell when traffic has left
what was learned (drift); and the recorded rows, known by a digest each, keep what a model that
had not seen their group said of them, so that a successor is compared with a stranger's score.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from detector.kernel.forest import flat_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detector.records import Floats, Int64s

DECILES = 9  # edges a column
BINS = DECILES + 2  # ten between and beyond them, and one for what is not known
MOST_HELD = 500_000  # rows


@dataclass(frozen=True, slots=True)
class Reference:
    """Of one model with n columns.  Made by training, checked when loaded."""

    rows: Floats  # (r, n), r >= 1; their log-odds are in the bundle and must come out again
    edges: Floats  # (n, DECILES) ascending deciles of ordinary examples; NaN where nothing is known
    shares: Floats  # (n, BINS) of those examples; each row adds up to 1
    groups: int  # that the deciles are of: their effective number
    held_key: Int64s  # (h,) ascending digests of recorded training rows
    held_logit: Floats  # (h,) calibrated log-odds, out of fold

    def __post_init__(self) -> None:
        n = self.rows.shape[1]
        if self.edges.shape != (n, DECILES) or (np.diff(self.edges, axis=1) < 0).any():
            raise ValueError("the deciles of the reference are not ascending, one line a column")
        whole = np.abs(self.shares.sum(axis=1) - 1) < 1e-6 if self.shares.shape == (n, BINS) else np.zeros(1)
        if not whole.all() or not (self.shares >= 0).all() or self.groups < 1:  # NaN compares false
            raise ValueError("the shares of the reference do not add up to 1")
        if len(self.held_key) != len(self.held_logit) or (self.held_key[1:] <= self.held_key[:-1]).any():
            raise ValueError("the held-out scores of the reference are not one a row")
        if len(self.held_key) > MOST_HELD or not np.isfinite(self.held_logit).all():
            raise ValueError("the held-out scores of the reference are too many or not numbers")

    def arrays(self, kind: str) -> dict[str, NDArray[Any]]:
        """As they stand in the bundle; `from_arrays` takes them back."""
        return {
            f"{kind}.values": self.rows,
            f"{kind}.edges": self.edges,
            f"{kind}.shares": self.shares,
            f"{kind}.groups": np.array([self.groups], np.int64),
            f"{kind}.held_key": self.held_key,
            f"{kind}.held_logit": self.held_logit,
        }

    @classmethod
    def from_arrays(cls, kind: str, arrays: Mapping[str, NDArray[Any]], n: int) -> Reference:
        """Raises ValueError or KeyError where anything is missing or out of range."""
        rows, edges, shares = (_table(arrays, f"{kind}.{name}") for name in ("values", "edges", "shares"))
        if rows.shape[1] != n or not len(rows):
            raise ValueError(f"{kind} has no rows of {n} columns with scores")
        groups = flat_array(arrays, f"{kind}.groups", np.int64)
        if len(groups) != 1:
            raise ValueError(f"{kind} has {len(groups)} counts of groups, not one")
        keys = flat_array(arrays, f"{kind}.held_key", np.int64)
        held = flat_array(arrays, f"{kind}.held_logit", np.float64)
        return cls(rows, edges, shares, int(groups[0]), keys, held)

    def held_out(self, values: Floats, logit: Floats) -> Floats:
        """`logit` (n,) of rows `values`, but what a stranger said where the model was trained on them."""
        keys = row_keys(values)
        place = np.minimum(np.searchsorted(self.held_key, keys), max(len(self.held_key) - 1, 0))
        if not len(self.held_key):
            return logit
        return np.where(self.held_key[place] == keys, self.held_logit[place], logit)

    def knows(self, values: Floats) -> NDArray[np.bool_]:
        """Which of the rows the model was trained on; (n,)."""
        return np.isin(row_keys(values), self.held_key)


def row_keys(values: Floats) -> Int64s:
    """A digest of each row, over the bytes of its columns; (n,)."""
    table = np.ascontiguousarray(values, np.float64)
    digests = (hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in table)
    return np.frombuffer(b"".join(digests), np.int64).copy()


def bin_shares(values: Floats, edges: Floats, weights: Floats) -> Floats:
    """Weighted share of rows (m, n) in each bin of each column, the last bin for NaN; (n, BINS)."""
    out = np.zeros((values.shape[1], BINS))
    for column, (known, limits) in enumerate(zip(values.T, edges, strict=True)):
        place = np.where(np.isnan(known), BINS - 1, np.searchsorted(limits, known))
        out[column] = np.bincount(np.minimum(place, BINS - 1), weights, BINS)
    out /= weights.sum()
    return out


def _table(arrays: Mapping[str, NDArray[Any]], name: str) -> Floats:
    array = arrays[name]
    if array.ndim != 2 or array.dtype != np.float64:
        raise ValueError(f"array {name} is {array.ndim}-d {array.dtype}, not 2-d float64")
    return array
