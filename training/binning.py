"""Columns to bin numbers before boosting, and thresholds on bin numbers back to values.

scikit-learn bins columns itself, but with row weights it computes every edge on its own (1.9:
255 sorts a column, minutes for what takes a second), and its edges have changed between
versions.  Binning here keeps a fit fast and the same; the trees that come out compare values.
"""

from __future__ import annotations

import numpy as np

from training.dataset import Floats

BINS = 255  # the most that scikit-learn's histograms hold beside the bin for missing values
LARGEST = 1e300  # infinities are the largest values


def edges_of(values: Floats) -> list[Floats]:
    """Ascending edges of each column of `values` (n, F): at most BINS - 1, from unweighted quantiles.

    x is in bin k when edges[k - 1] < x <= edges[k].  A column without two different values has none.
    """
    return [_edges(column[~np.isnan(column)]) for column in values.T]


def bin_numbers(values: Floats, edges: list[Floats]) -> Floats:
    """The bin of each value, 0..BINS - 1, NaN where it is NaN; (n, F) float64.

    A column of nothing but NaN is 0 throughout: scikit-learn's binning does not bear it.
    """
    bins = np.empty(values.shape)  # column by column: a million rows are held but twice
    for place, edge in enumerate(edges):
        column = values[:, place]
        bins[:, place] = np.searchsorted(edge, column)
        unknown = np.isnan(column)
        if not unknown.all():
            bins[unknown, place] = np.nan
    return bins


def to_values(threshold: Floats, feature: np.ndarray, edges: list[Floats]) -> Floats:
    """Thresholds on bin numbers as thresholds on values; infinite ones (known goes left) stay.

    bin <= t exactly when value <= edges[floor(t)].
    """
    out = threshold.copy()
    for i in np.flatnonzero(np.isfinite(threshold)):
        edge = edges[feature[i]]
        place = int(np.floor(threshold[i]))
        out[i] = edge[place] if place < len(edge) else np.inf
    return out


def _edges(known: Floats) -> Floats:
    distinct = np.unique(np.clip(known, -LARGEST, LARGEST))
    if len(distinct) <= BINS:
        return distinct[:-1] + (distinct[1:] / 2 - distinct[:-1] / 2)
    inner = np.linspace(0, 1, BINS + 1)[1:-1]
    return np.unique(np.quantile(np.clip(known, -LARGEST, LARGEST), inner, method="averaged_inverted_cdf"))
