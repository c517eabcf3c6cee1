"""Hosts composed of channels and meters, on which the fusion model is fitted.

No public source has both modalities of one host with labels, so hosts are put together from the
out-of-fold scores of conversations and of power records.  A user's labels may name hosts that
have both (`Pair`): those are taken as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from detector.features import fusion
from detector.features.fusion import HostEvidence
from training import fit, table
from training.budget import can_show

if TYPE_CHECKING:
    from training.build import PowerRows, Recipe


JOBS_OF_A_DIALOGUE = 3
_SEEN_S = (0.0, *table.SPAN_EDGES_S)  # a row of bucket k was observed for at least so long


@dataclass(frozen=True, slots=True)
class Pair:
    """A labelled host of which both modalities were recorded."""

    examples: frozenset[str]  # its channels, as `table.Rows.example` names them
    meter: int  # its row of the power table
    mining: bool
    weight: float


@dataclass(frozen=True, slots=True)
class _Example:
    """An example as a host would carry it: out-of-fold, over its windows."""

    logit: float
    again: float  # of its second most suspect window
    mean: float  # over its windows
    lacks: tuple[float, float, float]  # of its opening, see `fusion.lacks`
    logins: int
    requests: int
    jobs: int
    shares: int
    group: str
    simulated: bool
    days: float  # seen at least so long

    @property
    def said(self) -> bool:
        """Words that only miners and pools say.  One job or poll is none: who watches a node asks for it."""
        return self.logins + self.shares > 0 or self.jobs >= JOBS_OF_A_DIALOGUE


def fit_fusion(
    recipe: Recipe,
    rows: table.Rows,
    channel: fit.Fitted,
    power: PowerRows,
    drawn: fit.Fitted,
    *,
    pairs: Sequence[Pair] = (),
) -> fit.Fitted:
    """The fusion model, on hosts composed of out-of-fold scores.

    A host has channels (those of a miner also ordinary ones), or a meter, or both; which
    telemetry there is does not depend on whether it mines.  Ordinary channels were recorded; one
    host in two has a look-alike, too.  Mining ones are in the clear and not in equal parts; half
    of those in the clear behave like an ordinary channel, for what was said counts however it
    sounds (a model that met words only in the rhythm of the simulated dialects would trust the
    rhythm and forget the words).
    """
    rng = np.random.default_rng([recipe.seed, 3])
    found = _examples(rows, channel)
    mining, benign = _pools(found)
    meters = {label: np.flatnonzero(power.label == label) for label in (False, True)}
    hosts, labels, groups, days, nasty = [], [], [], [], []
    for number in range(recipe.fused_hosts):
        mines = number % 2 == 0
        telemetry = str(rng.choice(["network", "power", "both"], p=[0.5, 0.2, 0.3]))
        channels = _ordinary(rng, benign)
        if mines:
            channels = [*channels[rng.integers(0, 3) :], _in_any_rhythm(rng, _drawn(rng, mining), benign)]
        meter = meters[mines][rng.integers(len(meters[mines]))]
        hosts.append(_host(channels, float(drawn.logit[meter]), telemetry))
        labels.append(mines)
        lead = channels[-1] if mines else max(channels, key=lambda one: one.logit)
        groups.append(power.group[meter] if telemetry == "power" else lead.group)
        days.append(0.0 if telemetry == "power" else max(channel.days for channel in channels))
        made_up = telemetry != "power" and any(one.simulated for one in channels)
        nasty.append(not mines and (made_up or (telemetry != "network" and bool(power.simulated[meter]))))
    composed, real = len(hosts), [pair for pair in pairs if pair.examples & found.keys()]
    for pair in real:
        channels = [found[name][0] for name in sorted(pair.examples & found.keys())]
        hosts.append(_host(channels, float(drawn.logit[pair.meter]), "both"))
        labels.append(pair.mining)
        groups.append(channels[0].group)
        days.append(max(channel.days for channel in channels))
        nasty.append(False)
    recorded = sum(not one.simulated for pool in benign for one in pool)
    ordinary_is_known = can_show(recorded, recipe.budget)  # hosts are drawn again and again from those
    vectors = fusion.extract(hosts)
    return fit.fit_model(
        vectors.values,
        labels,
        groups,
        fusion.NAMES,
        simulated=np.arange(len(labels)) < composed,
        weights=np.array([1.0] * composed + [pair.weight for pair in real]),
        days=days,
        lookalike=nasty if ordinary_is_known else None,
        monotone=fusion.MONOTONE,
        seed=recipe.seed,
        settings=fit.FitSettings(trees=150, leaves=8, min_leaf=30, max_features=0.5, budget=recipe.budget),
    )


Pools = list[list[_Example]]


def _ordinary(rng: np.random.Generator, benign: Pools) -> list[_Example]:
    """The channels of a host that does not mine: 1 to 6, of the first pool; in one of two hosts the first
    is of any pool but that."""
    channels = [_drawn(rng, benign[:1]) for _ in range(rng.integers(1, 7))]
    if len(benign) > 1 and rng.random() < 0.5:
        channels[0] = _drawn(rng, benign[1:])
    return channels


def _drawn(rng: np.random.Generator, pools: Pools) -> _Example:
    pool = pools[rng.integers(len(pools))]
    return pool[rng.integers(len(pool))]


def _in_any_rhythm(rng: np.random.Generator, miner: _Example, benign: Pools) -> _Example:
    """For every other miner that was heard: its words, and the behaviour of an ordinary channel."""
    if not miner.said or rng.random() < 0.5:
        return miner
    ordinary = _drawn(rng, benign)
    sounds = {name: getattr(ordinary, name) for name in ("logit", "again", "mean")}
    return replace(miner, **sounds)


def _examples(rows: table.Rows, channel: fit.Fitted) -> dict[str, tuple[_Example, bool]]:
    """Each example over its windows, and whether it is labelled mining."""
    found: dict[str, list[int]] = {}
    for row, name in enumerate(rows.example):
        found.setdefault(name, []).append(row)
    return {
        name: (_over_windows(rows, channel, members), bool(rows.label[members[0]]))
        for name, members in found.items()
    }


def _pools(found: Mapping[str, tuple[_Example, bool]]) -> tuple[Pools, Pools]:
    """Mining examples (in the clear, not) and benign ones (simulated, recorded); empty pools are left out."""
    mining: Pools = [[], []]
    benign: Pools = [[], []]
    for example, mines in found.values():
        if mines:
            mining[int(not example.said)].append(example)
        else:
            benign[int(example.simulated)].append(example)
    return [pool for pool in mining if pool], [pool for pool in benign if pool]


def _over_windows(rows: table.Rows, channel: fit.Fitted, members: list[int]) -> _Example:
    """What a ledger would remember of an example."""
    logits = np.sort(channel.logit[members])
    logins, requests, jobs, shares = rows.words[members].max(axis=0).tolist()
    unnamed, no_protocol, self_signed = np.fmax.reduce(rows.lacks[members]).tolist()
    return _Example(
        logit=float(logits[-1]),
        again=float(logits[-2]) if len(logits) > 1 else float("nan"),
        mean=float(logits.mean()),
        lacks=(unnamed, no_protocol, self_signed),
        logins=logins,
        requests=requests,
        jobs=jobs,
        shares=shares,
        group=rows.group[members[0]],
        simulated=bool(rows.simulated[members[0]]),
        days=_SEEN_S[int(rows.bucket[members].max())] / 86_400,
    )


def _host(channels: list[_Example], power_logit: float, telemetry: str) -> HostEvidence:
    if telemetry == "power":
        return HostEvidence(power_logit=power_logit)
    logits = sorted((one.logit for one in channels), reverse=True)
    unnamed, no_protocol, self_signed = max(channels, key=lambda one: one.logit).lacks
    return HostEvidence(
        network_logit=logits[0],
        network_second=logits[1] if len(logits) > 1 else float("nan"),
        network_again=float(np.fmax.reduce([one.again for one in channels])),
        network_mean=max(one.mean for one in channels),
        unnamed=unnamed,
        no_protocol=no_protocol,
        self_signed=self_signed,
        logins=max(one.logins for one in channels),
        requests=max(one.requests for one in channels),
        jobs=max(one.jobs for one in channels),
        shares=max(one.shares for one in channels),
        power_logit=power_logit if telemetry == "both" else float("nan"),
    )
