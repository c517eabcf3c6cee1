"""Scores of rows by those who never saw their group, and what they are worth.

Examples are judged, each by its highest row.  A threshold is set on the benign examples of other
parts than the one judged, for a share of false alarms that n can bear (FALSE_ALARMS); bounds are
over groups, which are what is independent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from training import bootstrap, judge, metrics
from training.dataset import Dataset, Floats, Indices, Mask, Texts
from training.evaluation.scorers import Scorer
from training.splits import grouped_folds

FALSE_ALARMS = 0.01  # share of benign examples; 1 in 1 000 asks for more examples than are judged here
FOLDS = 5

Parts = Iterable[tuple[Indices, Indices]]


@dataclass(frozen=True, slots=True)
class Judged:
    """Examples with the score of a stranger; all (n,)."""

    score: Floats
    labels: Mask
    simulated: Mask
    groups: Texts
    part: Indices  # of the split in which it was held out
    hit: Mask  # at or above the threshold that the other parts set

    def take(self, which: Mask) -> Judged:
        """Some of the examples."""
        return Judged(*(getattr(self, item.name)[which] for item in fields(self)))


@dataclass(frozen=True, slots=True)
class Worth:
    """What scores are worth; intervals over groups."""

    auc: bootstrap.Interval
    recall: bootstrap.Interval  # at FALSE_ALARMS
    false_alarms: metrics.Rate
    false_alarms_recorded: metrics.Rate


def folds(rows: Dataset, seed: int, count: int = FOLDS) -> list[tuple[Indices, Indices]]:
    """StratifiedGroupKFold: (training rows, held-out rows)."""
    return grouped_folds(rows.labels, rows.groups.tolist(), count, seed)


def one_out(rows: Dataset, keys: Texts) -> list[tuple[Indices, Indices]]:
    """Each value of `keys` (n,) once; one without which a class would be missing stays in.  Rows that
    share a group with those held out leave the training, too."""
    split = []
    for key in sorted(set(keys.tolist())):
        held = keys == key
        rest = ~held & ~np.isin(rows.groups, rows.groups[held])
        if rows.labels[rest].any() and not rows.labels[rest].all():
            split.append((np.flatnonzero(rest), np.flatnonzero(held)))
    return split


def later(rows: Dataset, time: Floats) -> list[tuple[Indices, Indices]]:
    """One split: what was recorded in the later half, held out from the earlier half and from whatever has
    no time (NaN: simulated).  Groups that reach over the middle are held out whole."""
    known = ~np.isnan(time)
    middle = float(np.median(time[known]))
    late = known & np.isin(rows.groups, rows.groups[known & (time > middle)])
    return [(np.flatnonzero(~late), np.flatnonzero(late))]


def judged(rows: Dataset, split: Parts, scorer: Scorer, seed: int = 0) -> Judged:
    """Held-out rows of every part, scored by `scorer` fitted on the rest, joined into examples.

    Parts are fitted side by side where the caller's `joblib.parallel_config` says so.
    """
    from joblib import Parallel, delayed  # noqa: PLC0415  (heavy)

    parts = list(split)
    work = delayed(_scored)
    told = Parallel()(work(scorer, rows.take(train), rows.values[held], seed) for train, held in parts)
    score, part = np.full(len(rows), np.nan), np.zeros(len(rows), np.int64)
    for number, ((_, held), scores) in enumerate(zip(parts, told, strict=True)):
        score[held], part[held] = scores, number
    seen = ~np.isnan(score)
    return _examples(rows.take(seen), score[seen], part[seen])


def _scored(scorer: Scorer, known: Dataset, values: Floats, seed: int) -> Floats:
    """Scores of values by `scorer` fitted on what is known."""
    import sklearn.ensemble  # noqa: F401, PLC0415  (the limit below holds for what is loaded)
    from threadpoolctl import threadpool_limits  # noqa: PLC0415  (comes with scikit-learn)

    with threadpool_limits(1):  # small fits on few cores: threads wait for each other
        return scorer(known, seed)(values)


def worth(found: Judged, seed: int = 0) -> Worth:
    """Of judged examples."""
    mining, benign = found.labels, ~found.labels
    recall = bootstrap.share(found.hit[mining], found.groups[mining].tolist(), seed)
    return Worth(
        _auc(found, seed),
        recall,
        alarms(found.take(benign)),
        alarms(found.take(benign & ~found.simulated)),
    )


def alarms(found: Judged) -> metrics.Rate:
    """Share of examples called."""
    return metrics.clopper_pearson(int(found.hit.sum()), len(found.hit))


def _auc(found: Judged, seed: int) -> bootstrap.Interval:
    def statistic(counts: Floats) -> float:
        drawn = np.repeat(np.arange(len(counts)), counts.astype(int))
        return metrics.auc(found.labels[drawn], found.score[drawn])

    return bootstrap.over_groups(statistic, found.groups.tolist(), seed, draws=100)


def _examples(rows: Dataset, score: Floats, part: Indices) -> Judged:
    strange = judge.OutOfFold(score, np.zeros(len(score)), part)
    joined = judge.examples_of(rows, score, strange)
    return Judged(
        joined.logit,
        joined.labels,
        joined.simulated,
        joined.groups,
        joined.fold,
        _hits(joined.logit, joined.labels, joined.fold),
    )


def _hits(score: Floats, labels: Mask, part: Sequence[int] | Indices) -> Mask:
    """Whether each score reaches what the benign examples of other parts (of its own, where there is but
    one) allow for FALSE_ALARMS."""
    parts = np.asarray(part)
    out = np.zeros(len(score), bool)
    for number in np.unique(parts):
        held = parts == number
        others = ~labels & ~held if (~labels & ~held).any() else ~labels
        out[held] = score[held] >= highest_allowed(score[others], FALSE_ALARMS)
    return out


def highest_allowed(benign: Floats, share: float) -> float:
    """The lowest threshold that at most `share` of the scores reach, on any scale."""
    falling = np.sort(benign)[::-1]
    return float(np.nextafter(falling[int(np.floor(share * len(falling)))], np.inf))
