"""A user's labels that look wrong: they count for less, and are named so that a person can look again.

After confident learning (Northcutt, Jiang, Chuang, JAIR 2021): what an example is labelled is held against
what a model says that saw the other examples, those of its group too (a strange group is no wrong label).
Such a label still counts for LEAST of its weight: the others may be wrong.

Measured on simulated conversations as recall of strangers at 2 % false alarms, in drawings that nothing was
chosen by.  Beside 400 of the corpus (three mixes, 19 drawings in all): where a tenth of the labels is wrong
it rises by 2 to 4 points, where all are right it falls by 0 to 0.9.  With nothing beside them (six drawings)
that is 0.7 and 0.9 points: not worth it, but `minewatch train` always has a corpus beside.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from detector.records import Vectors
from training import fit, table
from training.dataset import Dataset, Floats
from training.splits import SplitError, grouped_folds

AGAINST = 1.0  # log-odds of the others against a label from which on it is named
FOLDS = 5
TREES = 60  # enough to know the examples that are like one
SHOWN = 10  # labels that are named
PASSES = 2  # the second is told by models that believe the doubted less
LEAST = 0.02  # of its weight, that a label keeps
STEEP = 1.5


def weighed(own: table.Rows, simulated: table.Rows, seed: int) -> tuple[table.Rows, list[str]]:
    """The user's rows, those of doubted labels with less weight, and a line for each label of which the
    channels look wrong, the worst first.

    simulated: learnt from beside the user's rows; its labels are right by construction.
    """
    rows, agrees = own, np.zeros(len(own))
    for number in range(PASSES):
        data = table.dataset(table.concatenate([rows, simulated]))
        agrees = agreement(data, len(own), seed + number)
        rows = replace(own, weight=own.weight * trust(agrees))
    return rows, list(_told(own, agrees))


def trust(agrees: Floats) -> Floats:
    """Which part of its weight a label keeps, LEAST..1, by the log-odds of the others for it: all of it
    unless they speak against it."""
    against = np.clip(-STEEP * agrees, 0.0, 50.0)
    return np.maximum(2 / (1 + np.exp(against)), LEAST)


def agreement(rows: Dataset, n: int, seed: int) -> Floats:
    """Log-odds of the others for the label of each of the first n rows, all rows of an example together;
    (n,), 0 where too few are there to ask."""
    from threadpoolctl import threadpool_limits  # noqa: PLC0415  (comes with scikit-learn)

    examples = np.array([f"{g}\n{e}" for g, e in zip(rows.groups[:n], rows.examples[:n], strict=True)])
    try:
        split = grouped_folds(rows.labels[:n], examples.tolist(), FOLDS, seed)
    except SplitError:
        return np.zeros(n)
    settings, beside = fit.FitSettings(trees=TREES), np.arange(n, len(rows))
    logit = np.zeros(n)
    with threadpool_limits(1):  # small fits on few cores: threads wait for each other
        for train, held in split:
            known = rows.take(np.concatenate([train, beside]))
            model = fit.fit_bare(known, [0] * len(rows.names), seed, settings)
            logit[held] = model.score(Vectors(rows.names, rows.values[held])).logit
    _, place = np.unique(examples, return_inverse=True)
    together = (np.bincount(place, logit) / np.bincount(place))[place]
    return np.where(rows.labels[:n], together, -together)


def _told(own: table.Rows, agrees: Floats) -> Iterator[str]:
    labels = np.array([name.rpartition("#")[0] for name in own.example], object)
    found = []
    for name in dict.fromkeys(labels.tolist()):
        mine = labels == name
        mean = float(agrees[mine].mean())
        if mean <= -AGAINST:
            found.append((mean, name, "mining" if own.label[mine][0] else "benign"))
    for mean, name, label in sorted(found)[:SHOWN]:
        odds = np.exp(min(-mean, 6.0))
        yield f"{name}: labelled {label}, but all the others say {odds:.0f} to 1 that it is not; look again"
    if len(found) > SHOWN:
        yield f"{len(found) - SHOWN} more labels look wrong like this"
