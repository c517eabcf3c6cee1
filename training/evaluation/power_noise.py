"""Does the power model learn the simulator's noise?  Nodes under four recipes of noise, trained by tested.

The same nodes are drawn four times: loads, miners, labels and groups alike, only the noise of steady loads
and of measuring is another.  Each model is fitted on nodes of one recipe and judged, by folds of kinds it
never saw, on those of every recipe.  If it leant on how the simulator's noise looks, recall would fall where
it is tested on another.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from detector.features import power as features
from detector.records import Vectors
from detector.settings import Settings
from detector.windows.power import power_windows
from training import bootstrap, fit, metrics
from training.dataset import Floats, Mask, dataset_of
from training.evaluation import tables
from training.evaluation.held_out import highest_allowed
from training.simulation import power_disturbances, power_nodes, power_scene
from training.simulation.power_bank import LoadBank
from training.simulation.power_corpus import examples
from training.simulation.power_scene import Generator, Scene, coloured, log_uniform
from training.splits import grouped_folds, row_weights

RATE: Final = 0.01  # of benign nodes, whose kind was not seen, called
FOLDS: Final = 5
CHUNK: Final = 250  # nodes a task
TAILS: Final = 3.0  # degrees of freedom of the heavy-tailed noise: its variance is just finite

Shape = Callable[[Generator, int, float, tuple[Floats, ...]], Floats]
"""(generator, n, spectral exponent, measured residuals) -> (n,) of mean 0 and deviation 1, or zeros."""


@dataclass(frozen=True, slots=True)
class Nodes:
    """n simulated nodes as the model sees them."""

    values: Floats  # (n, features)
    label: Mask
    group: list[str]
    family: list[str]


def _drawn(rng: Generator, n: int, exponent: float, segments: tuple[Floats, ...]) -> Floats:
    del segments
    return coloured(rng, n, exponent)


def _stitched(rng: Generator, n: int, exponent: float, segments: tuple[Floats, ...]) -> Floats:
    """Residuals of a real miner at one clock, turned and joined at random."""
    del exponent
    pieces: list[Floats] = []
    while sum(map(len, pieces)) < n:
        pieces.append(segments[rng.integers(len(segments))] * rng.choice([-1.0, 1.0]))
    return _scaled(np.concatenate(pieces)[:n])


def _tailed(rng: Generator, n: int, exponent: float, segments: tuple[Floats, ...]) -> Floats:
    """White, and of a few samples far out."""
    del exponent, segments
    return _scaled(rng.standard_t(TAILS, n))


def _jumping(rng: Generator, n: int, exponent: float, segments: tuple[Floats, ...]) -> Floats:
    """Between two levels, some to hundreds of samples on each."""
    del exponent, segments
    turns = rng.random(n) < 1 / log_uniform(rng, 5, 500)
    return _scaled(np.where(np.cumsum(turns) % 2, 1.0, -1.0))


def _scaled(noise: Floats) -> Floats:
    centred: Floats = noise - noise.mean()
    return centred / max(float(centred.std()), 1e-9)


RECIPES: Final[dict[str, tuple[Shape, float]]] = {
    "the simulator's, white to red": (_drawn, 1.0),
    "measured at a real miner": (_stitched, 1.0),
    "heavy tails, twice as strong": (_tailed, 2.0),
    "jumps between two levels": (_jumping, 1.0),
}
"""Name -> (shape, how many times the level that the simulator draws)."""


@contextlib.contextmanager
def noise(name: str, segments: tuple[Floats, ...]) -> Iterator[None]:
    """The simulator's two blocks of noise, exchanged in this process for those of a recipe.

    They draw from a generator beside the node's own, so that what else is drawn of it does not change.
    """
    shape, strength = RECIPES[name]

    def measured(rng: Generator, n: int, exponent: float) -> Floats:
        return strength * shape(rng.spawn(1)[0], n, exponent, segments)

    def steady(s: Scene) -> Floats:
        rng = s.rng.spawn(1)[0]
        level = strength * log_uniform(rng, 0.0005, 0.03)  # as `power_scene.steady_noise`
        return level * shape(rng, s.clock.n, rng.uniform(0.0, 2.0), segments)

    blocks: tuple[tuple[Any, str, Any], ...] = (
        (power_scene, "steady_noise", steady),
        (power_nodes, "steady_noise", steady),
        (power_disturbances, "coloured", measured),
    )
    own = [getattr(module, block) for module, block, _ in blocks]
    try:
        for module, block, made in blocks:
            setattr(module, block, made)
        yield
    finally:
        for (module, block, _), before in zip(blocks, own, strict=True):
            setattr(module, block, before)


def section(seed: int, n: int, mirror: Path, jobs: int, say: Callable[[str], None]) -> str:
    """Markdown, of n nodes a recipe."""
    segments = LoadBank.load(mirror).segments
    drawn = {}
    for name in RECIPES:
        say(f"power-noise: {name}")
        drawn[name] = draw(name, seed, n, segments, jobs)
    return told(drawn, *crossed(drawn, seed))


def draw(name: str, seed: int, n: int, segments: tuple[Floats, ...], jobs: int) -> Nodes:
    """n nodes under one recipe of noise: the same ones for the same seed, whatever the recipe."""
    from joblib import Parallel, delayed  # noqa: PLC0415

    tasks = [(name, seed * 1_000 + part, CHUNK, segments) for part in range(max(n // CHUNK, 1))]
    parts = Parallel(n_jobs=jobs)(delayed(made)(*task) for task in tasks)
    return Nodes(
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.label for part in parts]),
        [group for part in parts for group in part.group],
        [family for part in parts for family in part.family],
    )


def made(name: str, seed: int, n: int, segments: tuple[Floats, ...]) -> Nodes:
    """n nodes of one seed; none of a real profile, whose noise is its own."""
    with noise(name, segments):
        drawn = list(examples(seed, n, tiers=("node",)))
    windows = (power_windows(one.readings, Settings().windows) for one in drawn)
    return Nodes(
        np.concatenate([features.extract(window)[1].values for window in windows]),
        np.array([one.label for one in drawn]),
        [one.group for one in drawn],
        [one.family for one in drawn],
    )


def crossed(drawn: dict[str, Nodes], seed: int) -> tuple[list[str], dict[tuple[str, str], Mask]]:
    """(group of each node, (trained on, tested on) -> whether each node is called by who never saw its kind).

    The threshold is what benign nodes of the training recipe allow, of other folds than the one that is
    called: whoever sets one has not met the other noise.
    """
    from joblib import Parallel, delayed  # noqa: PLC0415  (heavy)

    first = next(iter(drawn.values()))
    folds = grouped_folds(first.label, first.group, FOLDS, seed)
    work = [(name, part) for name in drawn for part in range(len(folds))]
    found = Parallel()(delayed(_scores)(drawn, name, *folds[part], seed) for name, part in work)
    scored = dict(zip(work, found, strict=True))
    part_of = np.zeros(len(first.label), np.int64)
    for part, (_, held) in enumerate(folds):
        part_of[held] = part
    called = {}
    for train in drawn:
        score = {test: np.zeros(len(first.label)) for test in drawn}
        for part, (_, held) in enumerate(folds):
            for test in drawn:
                score[test][held] = scored[train, part][test]
        limit = np.array(
            [
                highest_allowed(score[train][~drawn[train].label & (part_of != part)], RATE)
                for part in range(len(folds))
            ]
        )
        called |= {(train, test): score[test] >= limit[part_of] for test in drawn}
    return first.group, called


def _scores(
    drawn: dict[str, Nodes], name: str, train: np.ndarray[Any, Any], held: np.ndarray[Any, Any], seed: int
) -> dict[str, Floats]:
    """Scores of the held-out nodes under every recipe, by a model of the others under one."""
    import sklearn.ensemble  # noqa: F401, PLC0415  (the limit below holds for what is loaded)
    from threadpoolctl import threadpool_limits  # noqa: PLC0415  (comes with scikit-learn)

    nodes = drawn[name]
    label, family = nodes.label[train], np.array(nodes.family)[train].tolist()
    rows = dataset_of(
        nodes.values[train],
        label,
        np.array(nodes.group)[train].tolist(),
        features.NAMES,
        simulated=np.ones(len(train), bool),
        weights=row_weights(label, [0] * len(train), family),
    )
    signs = [features.MONOTONE.get(column, 0) for column in features.NAMES]
    with threadpool_limits(1):
        model = fit.fit_bare(rows, signs, seed, fit.FitSettings())
        return {
            test: model.score(Vectors(features.NAMES, other.values[held])).logit
            for test, other in drawn.items()
        }


def told(drawn: dict[str, Nodes], group: list[str], called: dict[tuple[str, str], Mask]) -> str:
    """Markdown: recall and false alarms of every cell, and the largest fall beside a column's own recipe."""
    label = next(iter(drawn.values())).label
    miners = [name for name, mines in zip(group, label.tolist(), strict=True) if mines]
    recall = [
        [train, *(tables.interval(bootstrap.share(called[train, test][label], miners), percent=True)
                  for test in drawn)]
        for train in drawn
    ]  # fmt: skip
    alarms = [
        [train, *(tables.rate(metrics.clopper_pearson(int(hit.sum()), len(hit)))
                  for hit in (called[train, test][~label] for test in drawn))]
        for train in drawn
    ]  # fmt: skip
    head = ["trained on", *(f"tested on {name}" for name in drawn)]
    return (
        "## Power: the simulator's noise\n"
        f"{len(label)} simulated nodes, {int(label.sum())} of them mining, {len(set(group))} groups; the same"
        " nodes four times, only the noise of steady loads and of measuring is another. Each model saw one"
        f" noise, and none of the kinds it is tested on; threshold: {RATE:.0%} of benign nodes under the"
        " noise it saw.\n\n"
        f"Recall (intervals over groups):\n\n{tables.table(head, recall)}\n\n"
        f"Benign nodes called:\n\n{tables.table(head, alarms)}\n\n{_verdict(called, label, miners)}"
    )


def _verdict(called: dict[tuple[str, str], Mask], label: Mask, miners: list[str]) -> str:
    """Whether it matters on which noise was trained, of the same nodes under the same noise."""
    falls = {
        (train, test): _fall(called[test, test][label], hit[label], miners)
        for (train, test), hit in called.items()
        if train != test
    }
    shares = [float(hit[label].mean()) for hit in called.values()]
    (train, test), worst = max(falls.items(), key=lambda item: item[1].value or 0.0)
    sure = [fall for fall in falls.values() if (fall.low or 0.0) > 0]
    return (
        f"Recall lies between {min(shares):.1%} and {max(shares):.1%}. The largest fall beside a model that"
        f" was trained on the noise it is tested on: trained on {train}, tested on {test},"
        f" {tables.interval(worst, percent=True)} of the miners; in {len(sure)} of {len(falls)} such cells"
        " the fall is more than chance over groups."
    )


def _fall(own: Mask, other: Mask, groups: list[str]) -> bootstrap.Interval:
    """Share of miners found by the one less that found by the other."""
    less = own.astype(float) - other.astype(float)
    return bootstrap.over_groups(lambda counts: float((less * counts).sum() / counts.sum()), groups)
