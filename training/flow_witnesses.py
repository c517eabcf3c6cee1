"""Which of a miner's channels in a flow log is the one that mines: no words tell, so something else must.

What a capture of the same label and time showed goes first, then what a model that learned from flow logs
suspects most, else the channel that was kept up longest: a pool's is.  What the others are is not known,
so they are left out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np

from detector.features import volumes
from detector.model import Model
from training import table
from training.sightings import Sighting, Sightings


def chosen(
    rows: table.Rows, seen: Iterable[Sighting], sightings: Sightings, heard: Collection[str], base: Model
) -> tuple[set[str], list[str]]:
    """Names of the examples that mine, host by host, and a line for each host where it was a guess.

    rows: of one label that says mining.  heard: examples that captures gave.
    """
    by_host: dict[str, list[Sighting]] = {}
    for one in seen:
        by_host.setdefault(one.host, []).append(one)
    found: set[str] = set()
    told = []
    for host, channels in sorted(by_host.items()):
        known = {one.example for one in channels if _was_heard(one, sightings, heard)}
        if not known and len(channels) > 1:
            lead = _suspect(rows, channels, base) or _longest(channels)
            known = {lead.example}
            told.append(
                f"{host} kept up {len(channels)} channels as miners do; learnt as mining: the one that"
                f" {'the base bundle suspects most' if _knows(base) else 'was kept up longest'}"
            )
        found |= known or {one.example for one in channels}
    return found, told


def _was_heard(one: Sighting, sightings: Sightings, heard: Collection[str]) -> bool:
    """Whether a capture of the same group and time showed that this channel mines."""
    return any(
        other.label.mining and other.label.group == one.label.group and other.example in heard
        for other in sightings.twins(one)
        if not other.flow
    )


def _knows(base: Model) -> bool:
    return set(volumes.NAMES) <= set(base.names)


def _suspect(rows: table.Rows, channels: list[Sighting], base: Model) -> Sighting | None:
    if not _knows(base):
        return None
    logit = base.score(table.vectors(rows, base.names)).logit
    best = dict.fromkeys(rows.example, -np.inf)
    for name, value in zip(rows.example, logit.tolist(), strict=True):
        best[name] = max(best[name], value)
    return max(channels, key=lambda one: (best.get(one.example, -np.inf), one.key))


def _longest(channels: list[Sighting]) -> Sighting:
    return max(channels, key=lambda one: (one.last_ns - one.first_ns, one.key))
