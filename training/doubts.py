"""A user's labels that look wrong, named so that a person can look again; what is learnt is not changed.

After confident learning (Northcutt, Jiang, Chuang, JAIR 2021): what an example is labelled is held against
what a model says that saw the other examples, those of its group too (a strange group is no wrong label).
To learn less from such labels was tried: it wins as much recall where a tenth is wrong as it costs where
all are right, so who labelled them decides.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from detector.records import Vectors
from training import fit, table
from training.dataset import Dataset, Floats
from training.splits import SplitError, grouped_folds

AGAINST = 1.0  # log-odds of the others against a label from which on it is named
FOLDS = 5
TREES = 60  # enough to know the examples that are like one
SHOWN = 10  # labels that are named


def named(own: table.Rows, simulated: table.Rows, seed: int) -> list[str]:
    """One line for each label of which the channels look wrong, the worst first.

    simulated: learnt from beside the user's rows; its labels are right by construction.
    """
    rows = table.concatenate([own, simulated])
    data = table.dataset(rows)
    return list(_told(own, agreement(data, len(own), seed)))


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
