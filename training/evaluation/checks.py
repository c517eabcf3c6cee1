"""What would make the numbers a lie, each looked for: leaks, duration, few channels, few groups.

The traps are those that were met when the models were tried out: duration as a label, disturbances on
one class only, one recipe of noise, thresholds that hang on a handful of channels, and n counted in
rows where it is sources.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from training import bootstrap, metrics
from training.columns import families
from training.dataset import Dataset, Floats, Texts
from training.evaluation import held_out
from training.evaluation.held_out import FALSE_ALARMS, Judged, Worth
from training.evaluation.scorers import Scorer, boosted

WORST = 5  # groups that a threshold is tried without
TELLS = 0.6  # AUC: what must not tell does, where the whole interval over groups lies above
QUARTERS = (0.25, 0.5, 0.75)


@dataclass(frozen=True, slots=True)
class Hanging:
    """What a threshold hangs on."""

    share: float  # of benign examples that may reach it
    examples: int  # benign ones that do, or stand just below
    groups: tuple[str, ...]  # whose they are, most first
    threshold: float
    without: tuple[tuple[str, float], ...]  # what it is with one of the worst groups left out


@dataclass(frozen=True, slots=True)
class Met:
    """One disturbance, and whom it met."""

    name: str
    mining: metrics.Rate  # share among the examples that met it
    even: bool  # that share may be the share of all


def permuted(rows: Dataset, seed: int, times: int = 3) -> list[bootstrap.Interval]:
    """AUC with labels dealt out anew to whole groups: chance, or a leak.

    Most groups are of one class, so a shuffle within them would change nothing; a group keeps its rows
    together and gets another group's label.
    """
    found = []
    for number in range(times):
        labels = _dealt(rows, seed + number)
        shuffled = replace(rows, labels=labels)
        split = held_out.folds(shuffled, seed)
        found.append(held_out.worth(held_out.judged(shuffled, split, boosted, seed)).auc)
    return found


def by_chance(aucs: Sequence[bootstrap.Interval]) -> bool:
    """Whether most of these intervals hold a half."""
    holds = [auc.low <= 0.5 <= auc.high for auc in aucs if auc.low is not None and auc.high is not None]
    return 2 * sum(holds) > len(aucs)


def _dealt(rows: Dataset, seed: int) -> np.ndarray:
    _, place = np.unique(rows.groups, return_inverse=True)
    share = np.bincount(place, rows.labels) / np.bincount(place)
    dealt = np.random.default_rng([seed, 5]).permutation(share >= 0.5)
    return dealt[place]


def learning_curve(
    rows: Dataset, seed: int, shares: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0)
) -> Iterator[tuple[float, int, Worth]]:
    """(share of the training groups, how many, worth) with the same groups held out each time."""
    split = held_out.folds(rows, seed)
    for share in shares:
        kept = [(_some_groups(rows, train, share, seed), held) for train, held in split]
        groups = int(np.mean([len(set(rows.groups[train].tolist())) for train, _ in kept]))
        yield share, groups, held_out.worth(held_out.judged(rows, kept, boosted, seed))


def _some_groups(rows: Dataset, train: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Rows of a share of the groups of each class, at least two."""
    rng, chosen = np.random.default_rng([seed, 6]), []
    for mining in (False, True):
        names = sorted(set(rows.groups[train][rows.labels[train] == mining].tolist()))
        chosen += list(rng.permutation(names)[: max(2, round(share * len(names)))])
    return train[np.isin(rows.groups[train], chosen)]


def ablation(rows: Dataset, seed: int) -> Iterator[tuple[str, int, Worth, Worth]]:
    """(family, columns, worth without it, worth of it alone)."""
    split = held_out.folds(rows, seed)
    everything = set(range(len(rows.names)))
    for family, columns in families(rows.names).items():
        rest = sorted(everything - set(columns))
        without, alone = (
            held_out.worth(held_out.judged(part(rows, kept), split, boosted, seed))
            for kept in (rest, columns)
        )
        yield family, len(columns), without, alone


def part(rows: Dataset, columns: list[int]) -> Dataset:
    """Some of the columns."""
    names = tuple(rows.names[i] for i in columns)
    return replace(rows, names=names, values=rows.values[:, columns])


def probe(rows: Dataset, seed: int, scorer: Scorer = boosted) -> Worth:
    """A model on what must not tell: it had better be no good."""
    return held_out.worth(held_out.judged(rows, held_out.folds(rows, seed), scorer, seed))


def duration(buckets: np.ndarray, labels: np.ndarray, weights: Floats) -> list[tuple[int, float, float]]:
    """(bucket of observed time, share of mining as rows, as they are weighed): the latter must be a half."""
    told = []
    for bucket in np.unique(buckets):
        here = buckets == bucket
        told.append(
            (int(bucket), float(labels[here].mean()), float(np.average(labels[here], weights=weights[here])))
        )
    return told


def hangs_on(found: Judged, share: float = FALSE_ALARMS) -> Hanging:
    """Which benign examples set the threshold for `share`, and what it is without their groups."""
    benign = found.take(~found.labels)
    limit = held_out.highest_allowed(benign.score, share)
    above = benign.groups[benign.score >= np.nextafter(limit, -np.inf)].tolist()
    worst = sorted(set(above), key=lambda name: (-above.count(name), name))
    moved = tuple(
        (name, held_out.highest_allowed(benign.score[benign.groups != name], share))
        for name in worst[:WORST]
        if (benign.groups != name).any()
    )
    return Hanging(share, len(above), tuple(worst), limit, moved)


def met_evenly(disturbances: Mapping[str, Texts], labels: np.ndarray) -> list[Met]:
    """Share of mining among examples that met each disturbance; one met by one class more is learnt.

    disturbances: kind -> (n,) which of its kind, "" = none was drawn.  Even: the share of all for whom one
    was drawn lies within the exact interval of each, at 95 % for all of them together.
    """
    cells = [(kind, name) for kind, of in disturbances.items() for name in sorted({*of.tolist()} - {""})]
    certain = 1 - (1 - metrics.CONFIDENCE) / max(1, len(cells))
    told = []
    for kind, name in cells:
        share = float(labels[disturbances[kind] != ""].mean())
        here = labels[disturbances[kind] == name]
        rate = metrics.clopper_pearson(int(here.sum()), len(here), certain)
        even = rate.low is not None and rate.high is not None and rate.low <= share <= rate.high
        told.append(Met(f"{kind}: {name}", rate, even))
    return told


def quarters(values: Floats) -> Texts:
    """Which quarter of all each value (n,) is in, by name; equal values are in one."""
    edges = np.unique(np.quantile(values, QUARTERS))
    steps = itertools.pairwise([*edges, values.max()])
    names = [f"up to {edges[0]:.3g}", *(f"{low:.3g} to {high:.3g}" for low, high in steps)]
    return np.array(names, object)[np.searchsorted(edges, values)]


def tells(found: Worth) -> bool:
    """Whether a probe does better than it may."""
    return found.auc.low is not None and found.auc.low > TELLS
