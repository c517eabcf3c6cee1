"""Who may be on which side: folds by group, groups left out, and the weights of rows.

Dataset are never split at random: a group (site, capture campaign, family, day) is wholly on
one side.  Weights keep what is no property of mining, how long something was observed and
how often a family was recorded, from becoming the label.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike

from training.dataset import Floats, Indices, Mask


class SplitError(ValueError):
    """The labels cannot be split so that both sides hold both classes."""


def grouped_folds(
    labels: ArrayLike, groups: Sequence[str], folds: int, seed: int
) -> list[tuple[Indices, Indices]]:
    """(training rows, held-out rows) of each fold; every row is held out once.

    Fewer folds than asked when a class has fewer groups.  Raises SplitError below two groups of a class.
    """
    from sklearn.model_selection import StratifiedGroupKFold  # noqa: PLC0415  (heavy)

    y = np.asarray(labels, bool)
    names = np.asarray(groups)
    counts = {what: len(set(names[y == value])) for what, value in (("mining", True), ("benign", False))}
    for what, count in counts.items():
        if count < 2:
            raise SplitError(
                f"{what} examples come from {count} group(s); at least 2 are needed to hold one out"
            )
    splitter = StratifiedGroupKFold(min(folds, *counts.values()), shuffle=True, random_state=seed)
    split = [(train, held) for train, held in splitter.split(np.zeros(len(y)), y, names) if len(held)]
    for train, _ in split:
        if y[train].all() or not y[train].any():
            raise SplitError("classes are so uneven over groups that a fold has only one; use finer groups")
    return split


def left_out(groups: Sequence[str]) -> Iterator[tuple[str, Mask]]:
    """Each group once, with the mask of its rows: leave one group (or source) out."""
    names = np.asarray(groups)
    for name in sorted(set(names.tolist())):
        yield name, names == name


def row_weights(labels: ArrayLike, buckets: Sequence[int], families: Sequence[str]) -> Floats:
    """Weights with mean 1: each (bucket, class) has the same total, families in it count 1/sqrt(n) a row.

    `buckets` are steps of the time observed, so that duration says nothing of the class;
    `families` are dialects, applications or devices, so that the commonest does not decide alone.
    """
    y, bucket, family = np.asarray(labels, bool), np.asarray(buckets), np.asarray(families)
    weights = np.zeros(len(y))
    for value in np.unique(bucket):
        for mining in (False, True):
            cell = np.flatnonzero((bucket == value) & (y == mining))
            if len(cell):
                _, place, size = np.unique(family[cell], return_inverse=True, return_counts=True)
                share = 1 / np.sqrt(size[place])
                weights[cell] = share / share.sum()
    scaled: Floats = weights * (len(y) / weights.sum())
    return scaled
