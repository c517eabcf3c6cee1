"""What of the training rows a bundle carries: see `detector.reference`."""

from __future__ import annotations

import numpy as np

from detector.reference import DECILES, MOST_HELD, Reference, bin_shares, row_keys
from training.dataset import Dataset, Floats, Indices

SCORED_AGAIN = 32  # rows


def reference_of(rows: Dataset, logit: Floats) -> Reference:
    """Of the rows that a model was fitted on, with their calibrated out-of-fold log-odds (n,)."""
    edges, shares, groups = ordinary(rows)
    keys, first = np.unique(row_keys(rows.values), return_index=True)
    recorded = ~rows.simulated[first]
    keys, first = keys[recorded][:MOST_HELD], first[recorded][:MOST_HELD]
    return Reference(spread_rows(rows.values, logit), edges, shares, groups, keys, logit[first])


def spread_rows(values: Floats, logit: Floats) -> Floats:
    """Rows spread evenly over the scores, from the lowest to the highest; (at most SCORED_AGAIN, F)."""
    order = np.argsort(logit, kind="stable")
    count = min(SCORED_AGAIN, len(order))
    return values[order[np.linspace(0, len(order) - 1, count).round().astype(int)]]


def ordinary(rows: Dataset) -> tuple[Floats, Floats, int]:
    """Deciles (F, DECILES), shares of bins and number of groups of the benign examples; groups weigh alike.

    Of an example its last row: the whole of what was seen of it.
    """
    last = np.flatnonzero(~rows.labels)[_last(rows.take(~rows.labels))]
    values, groups = rows.values[last], rows.groups[last]
    _, place, size = np.unique(groups, return_inverse=True, return_counts=True)
    weights = 1 / size[place]
    edges = np.array([deciles(column, weights) for column in values.T])
    return edges, bin_shares(values, edges, weights), len(size)


def _last(rows: Dataset) -> Indices:
    names = np.char.add(np.char.add(rows.groups, "\n"), rows.examples)
    _, from_end = np.unique(names[::-1], return_index=True)
    return np.sort(len(names) - 1 - from_end)


def deciles(column: Floats, weights: Floats) -> Floats:
    """Weighted deciles of what is known of a column (n,); (DECILES,), NaN where nothing is."""
    known = ~np.isnan(column)
    if not known.any():
        return np.full(DECILES, np.nan)
    order = np.argsort(column[known], kind="stable")
    mass = np.cumsum(weights[known][order])
    at = np.searchsorted(mass, mass[-1] * np.arange(1, DECILES + 1) / (DECILES + 1))
    return np.clip(column[known][order][np.minimum(at, len(order) - 1)], -1e300, 1e300)
