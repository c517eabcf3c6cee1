"""Split-conformal prediction sets on held-out groups: when a score says neither the one nor the other.

Of each class the scores of held-out groups are the calibration set (Mondrian: a bound for each
class, whatever the prevalence).  Examples of a group are alike, so every group weighs the same
and the coverage is that of a new example of a *new group*: hierarchical conformal prediction
(Lee, Barber and Willett 2023), K groups and a mass of 1 / (K + 1) for the one to come.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.dataset import Floats, Mask, Texts


@dataclass(frozen=True, slots=True)
class Limits:
    """A score (log-odds) is in the set of mining from `mining` up, in that of benign up to `benign`."""

    mining: float
    benign: float

    def sets(self, logit: Floats) -> tuple[Mask, Mask]:
        """Whether the prediction set of each score holds mining, and whether it holds benign; (n,)."""
        return logit >= self.mining, logit <= self.benign

    def undecided(self, logit: Floats) -> Mask:
        """Sets that hold both classes, or neither."""
        mining, benign = self.sets(logit)
        return mining == benign

    @property
    def clear(self) -> float:
        """Below it the set is that of benign alone."""
        return min(self.mining, float(np.nextafter(self.benign, np.inf)))


def limits(logit: Floats, labels: Mask, groups: Texts, miss: float) -> Limits:
    """Limits that leave a class out of its own example's set no more often than `miss` (0..1).

    logit: (n,) out of fold.  With fewer than 1 / miss - 1 groups of a class its set is everything.
    """
    low = _lowest(logit[labels], groups[labels], miss)
    high = -_lowest(-logit[~labels], groups[~labels], miss)
    return Limits(low, high)


def _lowest(score: Floats, groups: Texts, miss: float) -> float:
    """The highest t for which scores below t have at most `miss`, groups weighing alike; may be -inf."""
    _, place, size = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.argsort(score, kind="stable")
    each = 1 / (size[place][order] * (len(size) + 1))
    below = np.cumsum(each) - each + 1 / (len(size) + 1)  # mass below each score, and of what is to come
    distinct = np.searchsorted(score[order], score[order])  # equal scores: the mass below the first
    allowed = np.flatnonzero(below[distinct] <= miss + 1e-12)
    return float(score[order][allowed[-1]]) if len(allowed) else -np.inf
