"""Ways to score rows: the model as it ships, and what a sceptic would try first.

A scorer is fitted on rows and gives a function of values (n, F) to a score (n,), higher = more
like mining.  Rules need no fitting and are told as published, translated to what a channel's
columns hold: messages where the authors count packets (a message is at least one packet), and no
TCP flags, which no encrypted tunnel or flow log keeps in this form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np

from detector.model import Bundle
from detector.records import Vectors
from training import fit
from training.compose import JOBS_OF_A_DIALOGUE
from training.dataset import Dataset, Floats
from training.metrics import auc

Score = Callable[[Floats], Floats]


class Scorer(Protocol):
    """Fitted on rows; gives the score of others."""

    def __call__(self, rows: Dataset, seed: int) -> Score:
        """The score of values (n, F) with the columns of `rows`, by what was learned from `rows`."""


def boosted(rows: Dataset, seed: int) -> Score:
    """The model of the bundle: forest and boosting."""
    model = fit.fit_bare(rows, [0] * len(rows.names), seed, fit.FitSettings())
    return lambda values: model.score(Vectors(rows.names, values)).logit


def logistic(rows: Dataset, seed: int) -> Score:
    """Logistic regression on standardised columns, unknown ones at the median."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  (heavy)

    fill = fit.medians(rows.values)
    known = _filled(rows.values, fill)
    mean, spread = known.mean(axis=0), np.maximum(known.std(axis=0), 1e-9)
    model = LogisticRegression(C=1.0, max_iter=500, random_state=seed)
    model.fit((known - mean) / spread, rows.labels, sample_weight=rows.weights)
    return lambda values: model.decision_function((_filled(values, fill) - mean) / spread)


def one_rule(rows: Dataset, seed: int) -> Score:
    """The one column, up or down, that ranks the training rows best."""
    del seed
    filled = _filled(rows.values, fit.medians(rows.values))
    ranks = np.array([auc(rows.labels, column) for column in filled.T])
    best = int(np.argmax(np.abs(ranks - 0.5)))
    sign, fill = np.sign(ranks[best] - 0.5), fit.medians(rows.values)
    return lambda values: sign * _filled(values, fill)[:, best]


def vesely(rows: Dataset, seed: int) -> Score:
    """Vesely and Zadnik 2019, clauses held: 35-80 or 105-110 bytes a packet; 2-8 or 40-5300 packets a
    minute.  Their clauses on flags, packets a flow and duration have no counterpart here."""
    del seed

    def score(values: Floats) -> Floats:
        size, rate = _size_and_rate(rows.names, values)
        sized = ((size >= 35) & (size <= 80)) | ((size >= 105) & (size <= 110))
        paced = ((rate >= 2) & (rate <= 8)) | ((rate >= 40) & (rate <= 5300))
        return sized.astype(float) + paced

    return score


def nemea(rows: Dataset, seed: int) -> Score:
    """CESNET Nemea's miner_detector, points: 50-130 bytes a packet +2; 8-30 packets a minute +2 (+3 for more
    than 300 s, which a window of 5 minutes cannot tell, and +3 for flags and flow lengths, left out)."""
    del seed

    def score(values: Floats) -> Floats:
        size, rate = _size_and_rate(rows.names, values)
        return 2.0 * ((size >= 50) & (size <= 130)) + 2.0 * ((rate >= 8) & (rate <= 30))

    return score


def said(rows: Dataset, seed: int) -> Score:
    """Words alone, of rows whose columns are `table.WORDS`: whether what only miners and pools say was heard,
    by the rule that the fusion model's hosts are composed with."""
    del seed
    logins, jobs, shares = (rows.names.index(name) for name in ("logins", "jobs", "shares"))

    def score(values: Floats) -> Floats:
        heard = (values[:, logins] + values[:, shares] > 0) | (values[:, jobs] >= JOBS_OF_A_DIALOGUE)
        return heard.astype(float)

    return score


def of_bundle(bundle: Bundle) -> Scorer:
    """A bundle as it is, fitted to nothing here."""

    def scorer(rows: Dataset, seed: int) -> Score:
        del seed
        return lambda values: bundle.channel.score(Vectors(rows.names, values)).logit

    return scorer


BASELINES: Mapping[str, Scorer] = {
    "gradient boosting (this model)": boosted,
    "logistic regression": logistic,
    "one column, the best of training": one_rule,
    "Vesely and Zadnik 2019, translated": vesely,
    "Nemea miner_detector, translated": nemea,
}


POWER_BASELINES: Mapping[str, Scorer] = {
    name: scorer for name, scorer in BASELINES.items() if scorer in (boosted, logistic, one_rule)
}
"""What knows nothing of traffic."""


def _size_and_rate(names: tuple[str, ...], values: Floats) -> tuple[Floats, Floats]:
    """(bytes a message, messages a minute), both directions together."""
    up, down, total = (
        2 ** values[:, names.index(f"channel.{name}")] for name in ("up.rate", "down.rate", "byte_rate")
    )
    rate = np.nan_to_num(up) + np.nan_to_num(down)
    with np.errstate(invalid="ignore", divide="ignore"):
        return total / rate, rate


def _filled(values: Floats, fill: Floats) -> Floats:
    finite = np.where(np.isfinite(values), values, np.nan)
    return np.where(np.isnan(finite), fill, finite)
