"""What would make the power sections a lie: baselines, whole sources and kinds left out, and traps.

Of the sample that `power` judges.  A source is a data set of real profiles, or the simulation; its
bounds are over the profiles in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from detector.features import power as features
from training import bootstrap
from training.dataset import Dataset, Floats, Indices, Texts, dataset_of
from training.evaluation import checks, held_out, tables
from training.evaluation.power_sample import MEASURED, PowerSample
from training.evaluation.scorers import POWER_BASELINES, boosted


def sections(rows: PowerSample, seed: int) -> Iterator[str]:
    """Markdown, in order."""
    table = dataset(rows)
    yield "### Power: other ways to score\n" + _baselines(table, seed)
    yield "### Power: leave one source out\n" + _sources(rows, table, seed)
    yield "### Power: leave one kind of miner out\n" + _miners(rows, table, seed)
    probe = checks.probe(measured(rows), seed)
    yield (
        "### Power: what must not tell\nA model on how a record was measured (noise, its colour, rounding,"
        f" rows lost, step, length, hour and weekday of its start): AUC {tables.interval(probe.auc)}, the"
        f" probe {tables.passes(not checks.tells(probe))}.\n\n" + tables.met(disturbances(rows), rows.label)
    )


def dataset(rows: PowerSample) -> Dataset:
    """The features of the sample."""
    return _dataset(rows, rows.values, features.NAMES)


def measured(rows: PowerSample) -> Dataset:
    """The same records, how they were measured instead of features."""
    return _dataset(rows, rows.measured, [f"measured.{name}" for name in MEASURED])


def disturbances(rows: PowerSample) -> dict[str, Texts]:
    """Kind of disturbance -> which of its kind each record met."""
    at = {name: rows.measured[:, place] for place, name in enumerate(MEASURED)}
    noisy, colour = at["noise"] > 0, np.full(len(rows), "no noise", object)
    colour[noisy] = checks.quarters(at["colour"][noisy])
    rounding = [f"{tier}, {q:g}" for tier, q in zip(rows.tier, rows.quantum.tolist(), strict=True)]
    return {
        "change": np.array(rows.change, object),
        "rounding": np.array(rounding, object),
        "noise": checks.quarters(at["noise"]),
        "colour of noise": colour,
        "rows lost": checks.quarters(at["missing"]),
    }


def _dataset(rows: PowerSample, values: Floats, names: list[str] | tuple[str, ...]) -> Dataset:
    return dataset_of(values, rows.label, rows.group, names, simulated=rows.simulated)


def _baselines(rows: Dataset, seed: int) -> str:
    split = held_out.folds(rows, seed)
    found = {name: held_out.judged(rows, split, scorer, seed) for name, scorer in POWER_BASELINES.items()}
    told = [[name, *tables.worth(held_out.worth(one))] for name, one in found.items()]
    return tables.table(["scored by, of unseen profiles", *tables.WORTH], told)


def _sources(rows: PowerSample, table: Dataset, seed: int) -> str:
    """Each source once as strangers: trained without it and held to the threshold of all the others."""
    source = np.array(rows.source, object)
    split = held_out.one_out(table, source)
    judged = held_out.judged(table, split, boosted, seed)
    lines = []
    for part, (_, held) in enumerate(split):
        cells = []
        for side in (judged.labels, ~judged.labels):
            some = (judged.part == part) & side
            called = bootstrap.share(judged.hit[some], judged.groups[some].tolist())
            cells += [str(int(some.sum())), tables.interval(called, percent=True)]
        lines.append([source[held[0]], *cells])
    said = "Miners are simulated, on the profiles of the source; threshold: 1 % of the others' benign.\n\n"
    return said + tables.table(["held out", "mining", "called", "benign", "called"], lines)


def _miners(rows: PowerSample, table: Dataset, seed: int) -> str:
    miner = np.where(rows.label, rows.of("family"), "none").astype(object)
    judged = held_out.judged(replace(table, groups=miner), _miner_kinds(table, miner), boosted, seed)
    return tables.by_group(judged, judged.labels, "simulated")


def _miner_kinds(rows: Dataset, miner: Texts) -> Iterator[tuple[Indices, Indices]]:
    """Each kind of miner, with a part of the benign profiles beside it."""
    benign, groups = ~rows.labels, rows.groups
    kinds = sorted(set(miner[~benign].tolist()))
    profiles = sorted(set(groups[benign].tolist()))
    for place, kind in enumerate(kinds):
        held = (miner == kind) | (benign & np.isin(groups, profiles[place :: len(kinds)]))
        yield np.flatnonzero(~held), np.flatnonzero(held)
