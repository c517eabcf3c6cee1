"""Power held out: meters and nodes of kinds that were not trained on, and the traps of their corpus.

Records are drawn with another seed than the shipped bundle's.  Each is one row and one example; the
groups of their splits are real profiles and recipes of loads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from detector.features import power
from detector.records import Readings
from detector.settings import Settings
from detector.windows.power import power_windows
from training.dataset import Dataset, Indices, Texts, dataset_of
from training.evaluation import checks, held_out, tables
from training.evaluation.scorers import POWER_BASELINES, boosted
from training.simulation import power_corpus
from training.simulation.power_bank import LoadBank
from training.simulation.power_corpus import PowerExample

MEASURED = ("noise", "colour", "quantum", "missing", "step", "readings", "hour", "weekday")
"""How a record was measured: none of it may tell the classes apart."""
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Meters:
    """n records as rows, with what is known of each; all (n,)."""

    rows: Dataset
    measured: Dataset  # the same records, MEASURED instead of features
    load: Texts  # kind of load, which the miner hides in if there is one
    miner: Texts  # kind of miner; "none" = benign
    evasion: Texts
    met: dict[str, Texts]  # kind of disturbance -> which of its kind


def drawn(n: int, seed: int, mirror: Path | None) -> Meters:
    """n records of meters and nodes in turn, on real profiles where `mirror` has them."""
    bank = LoadBank.load(mirror) if mirror is not None else None
    made = list(power_corpus.examples(seed, n, bank))
    settings = Settings().windows
    values = [power.extract(power_windows(one.readings, settings))[1].values for one in made]
    labels = [one.label for one in made]
    groups = [one.group for one in made]
    simulated = [one.simulated for one in made]
    rows = dataset_of(np.concatenate(values), labels, groups, power.NAMES, simulated=simulated)
    told = np.array([_measured(one) for one in made])
    names = [f"measured.{name}" for name in MEASURED]
    return Meters(
        rows,
        dataset_of(told, labels, groups, names, simulated=simulated),
        np.array([one.host for one in made], object),
        np.array([one.family if one.label else "none" for one in made], object),
        np.array([one.evasion for one in made], object),
        _disturbances(made),
    )


def _measured(one: PowerExample) -> list[float]:
    readings: Readings = one.readings
    start_s = int(readings.time_ns[0]) // 1_000_000_000
    traits = one.traits
    return [
        traits.noise,
        traits.colour,
        traits.quantum,
        traits.missing,
        float(readings.interval_s[0]),
        float(len(readings)),
        start_s % DAY_S / 3600,
        float(start_s // DAY_S % 7),
    ]


def _disturbances(made: list[PowerExample]) -> dict[str, Texts]:
    of = [one.traits for one in made]
    numbers = {name: np.array([getattr(traits, name) for traits in of]) for name in ("noise", "missing")}
    noisy = numbers["noise"] > 0
    colour = np.full(len(of), "no noise", object)
    colour[noisy] = checks.quarters(np.array([traits.colour for traits in of])[noisy])
    return {
        "change": np.array([traits.change for traits in of], object),
        "rounding": np.array([f"{one.tier}, {one.traits.quantum:g}" for one in made], object),
        "noise": checks.quarters(numbers["noise"]),
        "colour of noise": colour,
        "rows lost": checks.quarters(numbers["missing"]),
    }


def sections(of: Meters, seed: int) -> Iterator[str]:
    """What is told of power, in Markdown."""
    recorded = int((~of.rows.simulated).sum())
    yield (
        f"## Power held out\n{len(of.rows)} records of meters and nodes, {recorded} of them recorded"
        f" (benign, on real profiles), {len(set(of.rows.groups.tolist()))} groups (profiles and"
        " recipes). **All mining is simulated**, and so are the flat loads: read limits and rankings."
    )
    split = held_out.folds(of.rows, seed)
    found = {name: held_out.judged(of.rows, split, scorer, seed) for name, scorer in POWER_BASELINES.items()}
    rows = [[name, *tables.worth(held_out.worth(one))] for name, one in found.items()]
    yield tables.table(["scored by, of unseen profiles", *tables.WORTH], rows)
    yield from _one_kind_out(of, seed)
    probe = checks.probe(of.measured, seed)
    yield (
        "### Power: what must not tell\nA model on how a record was measured (noise, its colour, rounding,"
        f" rows lost, step, length, hour and weekday of its start): AUC {tables.interval(probe.auc)}, the"
        f" probe {tables.passes(not checks.tells(probe))}.\n\n" + tables.met(of.met, of.rows.labels)
    )


def _one_kind_out(of: Meters, seed: int) -> Iterator[str]:
    """Each kind of load, and each kind of miner, wholly left out of training once; and evasions."""

    def by(keys: Texts, split: held_out.Parts) -> held_out.Judged:
        return held_out.judged(replace(of.rows, groups=keys), split, boosted, seed)

    loads = by(of.load, held_out.one_out(of.rows, of.load))
    yield (
        "### Power: leave one kind of load out\nWhatever hides in such loads is held out with them; the"
        " threshold is that of the other kinds. Benign, the worst first:\n\n"
        + tables.by_group(loads, ~loads.labels, "simulated and recorded")
        + "\n\nMiners hidden in them:\n\n"
        + tables.by_group(loads, loads.labels, "simulated")
    )
    miners = by(of.miner, _miner_kinds(of))
    evading = by(of.evasion, held_out.folds(of.rows, seed))
    yield (
        "### Power: leave one kind of miner out\n"
        + tables.by_group(miners, miners.labels, "simulated")
        + "\n\nBy evasion, which was trained on, behind unseen profiles:\n\n"
        + tables.by_group(evading, evading.labels, "simulated")
    )


def _miner_kinds(of: Meters) -> Iterator[tuple[Indices, Indices]]:
    """Each kind of miner, with a part of the benign profiles beside it."""
    benign, groups = ~of.rows.labels, of.rows.groups
    kinds = sorted(set(of.miner[~benign].tolist()))
    profiles = sorted(set(groups[benign].tolist()))
    for place, kind in enumerate(kinds):
        held = (of.miner == kind) | (benign & np.isin(groups, profiles[place :: len(kinds)]))
        yield np.flatnonzero(~held), np.flatnonzero(held)
