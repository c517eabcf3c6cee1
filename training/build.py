"""The recipe of the default bundle: tables of rows, three models fitted on them, one bundle.

The recipe is seeded; with the same data, sizes and seeds it gives the same bytes.  Mining
that is simulated and mining that was recorded are kept apart all the way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from detector.features import channel as channel_features
from detector.features import fusion
from detector.features import power as power_features
from detector.features.fusion import HostEvidence
from detector.settings import Settings
from detector.windows.power import power_windows
from training import corpora, fit, table
from training.simulation import corpus, power_corpus
from training.simulation.power_bank import LoadBank
from training.splits import row_weights

CHUNK = 50  # simulated captures a task


@dataclass(frozen=True, slots=True)
class Recipe:
    """Sizes and seeds of a build."""

    examples: int = 6_000  # simulated conversations, half of them mining
    power_examples: int = 4_000  # records of meters and nodes
    fused_hosts: int = 8_000  # hosts composed of them
    seed: int = 2_026
    jobs: int = 2


@dataclass(frozen=True, slots=True)
class PowerRows:
    """One row a record of a meter; n rows."""

    values: np.ndarray[Any, np.dtype[np.float64]]  # (n, features)
    label: np.ndarray[Any, np.dtype[np.bool_]]
    group: list[str]
    family: list[str]
    tier: list[str]
    simulated: np.ndarray[Any, np.dtype[np.bool_]]


def channel_rows(recipe: Recipe, mirror: Path | None, without: Collection[str] = ()) -> table.Rows:
    """Rows of the simulated corpus and of the real captures that may train, less some sources."""
    from joblib import Parallel, delayed  # noqa: PLC0415

    plan = corpus.plan(recipe.examples, recipe.seed)
    tasks = [delayed(_simulated)(plan[i : i + CHUNK]) for i in range(0, len(plan), CHUNK)]
    if mirror is not None:
        chosen = [c for c in corpora.captures(mirror) if c.trains and c.source not in without]
        tasks += [delayed(_recorded)(chosen[i : i + CHUNK]) for i in range(0, len(chosen), CHUNK)]
    return table.concatenate(list(Parallel(n_jobs=recipe.jobs)(tasks)))


def _simulated(plan: list[tuple[str, int]]) -> table.Rows:
    settings, parts = Settings(), []
    for family, seed in plan:
        made = corpus.example(family, seed)
        origin = table.Origin(
            label=int(made.label == "mining"),
            group=made.group,
            family=made.family,
            source="simulated",
            name=f"{family}/{seed}",
            simulated=True,
        )
        parts.append(table.rows_of(table.simulated_tables(made.pcap, settings), settings, origin))
    return table.concatenate(parts)


def _recorded(captures: list[corpora.Capture]) -> table.Rows:
    settings, parts = Settings(), []
    for capture in captures:
        origin = table.Origin(
            label=0,
            group=f"{capture.source}/{capture.path.parent.name}"
            if capture.label == "benign"
            else capture.source,
            family=f"{capture.source}/{capture.label}",
            source=capture.source,
            name=str(capture.path.name),
            simulated=False,
            mining_hosts=capture.mining_hosts,
        )
        try:
            parts.append(table.rows_of(table.file_tables(str(capture.path), settings), settings, origin))
        except ValueError:  # a capture that cannot be read teaches nothing
            continue
    return table.concatenate(parts)


def fit_channel(rows: table.Rows, seed: int) -> fit.Fitted:
    """The channel model of these rows."""
    return fit.fit_model(
        rows.values,
        rows.label,
        rows.group,
        channel_features.NAMES,
        examples=rows.example,
        simulated=rows.simulated,
        weights=row_weights(rows.label, rows.bucket.tolist(), rows.family),
        monotone=channel_features.MONOTONE,
        seed=seed,
    )


def power_rows(recipe: Recipe, mirror: Path | None) -> PowerRows:
    """Rows of simulated records of meters and nodes, on real profiles where there are any."""
    from joblib import Parallel, delayed  # noqa: PLC0415

    bank = LoadBank.load(mirror) if mirror is not None else None
    each = recipe.power_examples // 8
    parts = Parallel(n_jobs=recipe.jobs)(
        delayed(_power_part)(recipe.seed * 100 + part, each, bank) for part in range(8)
    )
    return PowerRows(
        values=np.concatenate([part.values for part in parts]),
        label=np.concatenate([part.label for part in parts]),
        group=[g for part in parts for g in part.group],
        family=[f for part in parts for f in part.family],
        tier=[t for part in parts for t in part.tier],
        simulated=np.concatenate([part.simulated for part in parts]),
    )


def _power_part(seed: int, n: int, bank: LoadBank | None) -> PowerRows:
    made = list(power_corpus.examples(seed, n, bank))
    settings = Settings().windows
    values = [power_features.extract(power_windows(one.readings, settings))[1].values for one in made]
    return PowerRows(
        values=np.concatenate(values),
        label=np.array([one.label for one in made]),
        group=[one.group for one in made],
        family=[one.family for one in made],
        tier=[one.tier for one in made],
        simulated=np.array([one.simulated for one in made]),
    )


def fit_power(rows: PowerRows, seed: int) -> fit.Fitted:
    """The power model of these rows."""
    return fit.fit_model(
        rows.values,
        rows.label,
        rows.group,
        power_features.NAMES,
        simulated=rows.simulated,
        weights=row_weights(rows.label, [power_corpus.TIERS.index(tier) for tier in rows.tier], rows.family),
        seed=seed,
    )


@dataclass(frozen=True, slots=True)
class _Example:
    """An example as a host would carry it: out-of-fold, over its windows."""

    logit: float
    suspect_windows: int
    dialogue: bool
    group: str


def fit_fusion(
    recipe: Recipe, rows: table.Rows, channel: fit.Fitted, power: PowerRows, drawn: fit.Fitted
) -> fit.Fitted:
    """The fusion model, on hosts composed of out-of-fold scores.

    A host has channels (those of a miner also ordinary ones), or a meter, or both; which
    telemetry there is does not depend on whether it mines.
    """
    rng = np.random.default_rng([recipe.seed, 3])
    mining, benign = _by_class(rows, channel)
    meters = {label: np.flatnonzero(power.label == label) for label in (False, True)}
    hosts, labels, groups = [], [], []
    for number in range(recipe.fused_hosts):
        mines = number % 2 == 0
        telemetry = rng.choice(["network", "power", "both"], p=[0.5, 0.2, 0.3])
        channels = [benign[i] for i in rng.integers(len(benign), size=rng.integers(1, 16))]
        if mines:
            channels = [*channels[rng.integers(0, 4) :], mining[rng.integers(len(mining))]]
        meter = meters[mines][rng.integers(len(meters[mines]))]
        hosts.append(_host(channels, float(drawn.logit[meter]), str(telemetry)))
        labels.append(mines)
        lead = max(channels, key=lambda one: one.logit)
        groups.append(lead.group if telemetry != "power" else power.group[meter])
    vectors = fusion.extract(hosts)
    return fit.fit_model(
        vectors.values,
        labels,
        groups,
        fusion.NAMES,
        simulated=np.ones(len(labels), bool),
        monotone=fusion.MONOTONE,
        seed=recipe.seed,
        settings=fit.FitSettings(trees=80, leaves=8, min_leaf=60, max_features=1.0),
    )


def _by_class(rows: table.Rows, channel: fit.Fitted) -> tuple[list[_Example], list[_Example]]:
    """Mining and benign examples, each the maximum over its windows."""
    suspicious = channel.model.thresholds.suspicious
    suspect = 1 / (1 + np.exp(-channel.logit)) >= suspicious
    found: dict[str, list[int]] = {}
    for row, name in enumerate(rows.example):
        found.setdefault(name, []).append(row)
    classes: tuple[list[_Example], list[_Example]] = ([], [])
    for members in found.values():
        best = max(members, key=lambda row: channel.logit[row])
        example = _Example(
            float(channel.logit[best]),
            int(suspect[members].sum()),
            bool(rows.values[best, channel_features.NAMES.index("channel.facts.dialogue")] > 0),
            rows.group[best],
        )
        classes[1 - int(rows.label[best])].append(example)
    return classes


def _host(channels: list[_Example], power_logit: float, telemetry: str) -> HostEvidence:
    if telemetry == "power":
        return HostEvidence(power_logit=power_logit)
    logits = sorted((one.logit for one in channels), reverse=True)
    return HostEvidence(
        network_logit=logits[0],
        network_second=logits[1] if len(logits) > 1 else float("nan"),
        network_windows=max(one.suspect_windows for one in channels),
        dialogue=float(any(one.dialogue for one in channels)),
        power_logit=power_logit if telemetry == "both" else float("nan"),
    )


def training_data(rows: table.Rows, power: PowerRows) -> list[dict[str, Any]]:
    """What the manifest says of the data: one object a source, with the digest of its rows."""
    listed = []
    for source in sorted(set(rows.source)):
        mine = np.array([name == source for name in rows.source])
        listed.append(
            {
                "name": f"network/{source}",
                "sha256": _digest(rows.values[mine]),
                "rows": int(mine.sum()),
                "mining_rows": int(rows.label[mine].sum()),
                "simulated": source == "simulated",
            }
        )
    listed.append(
        {
            "name": "power/records",
            "sha256": _digest(power.values),
            "rows": len(power.label),
            "mining_rows": int(power.label.sum()),
            "simulated": True,
        }
    )
    return listed


def _digest(values: np.ndarray[Any, Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()
