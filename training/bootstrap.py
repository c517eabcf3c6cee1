"""Bounds whose n is the number of groups: whole groups are drawn anew, never rows (Efron 1979).

Hosts of a site, windows of a channel, conversations of a family are alike: the effective n is
the number of sources.  With few groups a percentile interval is too narrow, and a share of 0
or 1 has none at all: then the bound is Clopper-Pearson's with one trial a group.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike

from training.dataset import Floats
from training.metrics import CONFIDENCE, clopper_pearson

DRAWS = 1000
FEW = 10  # groups: fewer, and the interval is marked


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its 95 % interval over groups."""

    value: float | None
    low: float | None
    high: float | None
    groups: int

    def document(self) -> dict[str, float | int | None]:
        """In JSON types."""
        return asdict(self)


def share(hit: ArrayLike, groups: Sequence[str], seed: int = 0) -> Interval:
    """The share of `hit` (n,), as an interval over groups; None of no rows."""
    flag = np.asarray(hit, float)
    if not len(flag):
        return Interval(None, None, None, 0)
    _, place = np.unique(np.asarray(groups, object), return_inverse=True)
    hits, size = np.bincount(place, flag), np.bincount(place).astype(float)
    drawn = _drawn(len(size), seed)
    shares = hits[drawn].sum(axis=1) / size[drawn].sum(axis=1)
    low, high = _percentiles(shares)
    value = float(flag.mean())
    if value in (0.0, 1.0):
        exact = clopper_pearson(len(size) if value else 0, len(size))
        low, high = float(exact.low or 0.0), float(exact.high or 0.0)
    return Interval(value, low, high, len(size))


def over_groups(
    statistic: Callable[[Floats], float], groups: Sequence[str], seed: int = 0, draws: int = 200
) -> Interval:
    """Any statistic of rows: it is given how often each row counts, (n,), and may give NaN."""
    _, place = np.unique(np.asarray(groups, object), return_inverse=True)
    n = int(place.max()) + 1 if len(place) else 0
    if not n:
        return Interval(None, None, None, 0)
    value = statistic(np.ones(len(place)))
    counts = [np.bincount(row, minlength=n)[place].astype(float) for row in _drawn(n, seed, draws)]
    drawn = np.array([statistic(count) for count in counts])
    known = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or not len(known):
        return Interval(None, None, None, n)
    low, high = _percentiles(known)
    return Interval(float(value), low, high, n)


def _drawn(n: int, seed: int, draws: int = DRAWS) -> np.ndarray:
    return np.random.default_rng([seed, 11]).integers(0, n, (draws, n))


def _percentiles(values: Floats) -> tuple[float, float]:
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)
