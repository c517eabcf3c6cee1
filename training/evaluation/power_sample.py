"""The sample that the power model is judged on: records of a seed of its own, with all that was drawn."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from detector.features import power as features
from detector.records import Vectors
from detector.settings import Settings
from detector.windows.power import power_windows
from training import corpora, store
from training.dataset import Floats, Mask
from training.evaluation import power_rules
from training.simulation.power_bank import LoadBank
from training.simulation.power_corpus import PowerExample, examples

MEASURED = ("noise", "colour", "quantum", "missing", "step", "readings", "hour", "weekday")
"""How a record was measured: none of it may tell the classes apart."""
DAY_S = 86_400
CHUNK = 1_000  # records a task and an entry of the cache


@dataclass(frozen=True, slots=True)
class PowerSample:
    """n records; see `power_corpus.PowerExample` for the meaning of each."""

    values: Floats  # (n, features)
    label: Mask
    simulated: Mask
    share: Floats
    onset: Mask
    step_s: Floats
    days: Floats
    quantum: Floats
    clauses: Floats  # `power_rules`, NaN of other tiers than meters
    flatness: Floats
    tier: list[str]
    group: list[str]
    family: list[str]
    host: list[str]
    evasion: list[str]
    change: list[str]
    source: list[str]  # data set of the host's profile
    measured: Floats  # (n, len(MEASURED))

    def __len__(self) -> int:
        return len(self.label)

    @property
    def arrived(self) -> Mask:
        """Records by which findings may call a meter mining."""
        return features.arrived(Vectors(features.NAMES, self.values))

    def of(self, name: str) -> np.ndarray[Any, Any]:
        """A column of texts as an array."""
        return np.array(getattr(self, name))


def draw(seed: int, n: int, mirror: Path, jobs: int, cache: Path | None) -> PowerSample:
    """n records of all tiers on the real profiles of `mirror`."""
    from joblib import Parallel, delayed  # noqa: PLC0415

    files = corpora.power_digests(mirror) if cache is not None else {}
    tasks = [(seed * 1000 + part, CHUNK, mirror, files, cache) for part in range(n // CHUNK)]
    parts = Parallel(n_jobs=jobs)(delayed(_part)(*task) for task in tasks)
    joined: dict[str, Any] = {}
    for item in fields(PowerSample):
        columns = [getattr(part, item.name) for part in parts]
        texts = isinstance(columns[0], list)
        joined[item.name] = [t for column in columns for t in column] if texts else np.concatenate(columns)
    return PowerSample(**joined)


def _part(seed: int, n: int, mirror: Path, files: dict[str, str], cache: Path | None) -> PowerSample:
    parts = {
        "power sample": [seed, n],
        "profiles": files,
        "features": features.NAMES,
        "settings": asdict(Settings()),
    }
    return store.remembered(cache, PowerSample, parts, lambda: made(seed, n, mirror))


def made(seed: int, n: int, mirror: Path | None) -> PowerSample:
    """n records, on real profiles where `mirror` has them."""
    drawn = list(examples(seed, n, LoadBank.load(mirror) if mirror is not None else None))
    windows = (power_windows(one.readings, Settings().windows) for one in drawn)
    ruled = [one.readings if one.tier == "meter" else None for one in drawn]
    return PowerSample(
        values=np.concatenate([features.extract(window)[1].values for window in windows]),
        label=np.array([one.label for one in drawn]),
        simulated=np.array([one.simulated for one in drawn]),
        share=np.array([one.share for one in drawn]),
        onset=np.array([one.onset_in_view for one in drawn]),
        step_s=np.array([one.readings.interval_s[0] for one in drawn]),
        days=np.array([_days(one) for one in drawn]),
        quantum=np.array([one.traits.quantum for one in drawn]),
        clauses=np.array([power_rules.clauses(r) if r else np.nan for r in ruled]),
        flatness=np.array([power_rules.flatness(r) if r else np.nan for r in ruled]),
        tier=[one.tier for one in drawn],
        group=[one.group for one in drawn],
        family=[one.family for one in drawn],
        host=[one.host for one in drawn],
        evasion=[one.evasion for one in drawn],
        change=[one.traits.change for one in drawn],
        source=[one.source for one in drawn],
        measured=np.array([_measured(one) for one in drawn]),
    )


def _days(one: PowerExample) -> float:
    return float(one.readings.time_ns[-1] - one.readings.time_ns[0]) / 86_400e9


def _measured(one: PowerExample) -> list[float]:
    start_s = int(one.readings.time_ns[0]) // 1_000_000_000
    traits = one.traits
    told = (traits.noise, traits.colour, traits.quantum, traits.missing)
    step = float(one.readings.interval_s[0])
    return [*told, step, float(len(one.readings)), start_s % DAY_S / 3600, float(start_s // DAY_S % 7)]
