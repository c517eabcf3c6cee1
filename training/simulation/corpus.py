"""The simulated training corpus: many small captures, one conversation each, both classes alike.

Every example is simulated and says so; no claim may rest on it alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from training.simulation.capture import capture
from training.simulation.catalogue import BENIGN_FAMILIES, MINING_FAMILIES, family_named
from training.simulation.conversation import simulate
from training.simulation.draw import Draw

_EXTRA = {"generic": 6, "stratum": 3, "cryptonote": 3}
"""Families that appear more often: the widest, and what is met most."""


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled capture."""

    pcap: bytes
    label: str  # "mining" or "benign"
    family: str
    wrap: str
    group: str  # what belongs on one side of a split
    client: str  # the labelled host
    servers: tuple[str, ...]
    duration_s: float
    packets: int
    seed: int
    simulated: bool = True


def example(family: str, seed: int) -> Example:
    """One capture of one family; equal arguments give equal bytes."""
    conversation = simulate(family, seed)
    captured = capture(conversation, Draw(f"capture/{family}/{seed}"))
    return Example(
        pcap=captured.pcap,
        label=family_named(family).label,
        family=family,
        wrap=conversation.wrap,
        group=f"simulated/{family}",
        client=captured.client,
        servers=captured.servers,
        duration_s=conversation.until_s - conversation.from_s,
        packets=captured.packets,
        seed=seed,
    )


def plan(n: int, seed: int) -> list[tuple[str, int]]:
    """Which (family, seed) make up a corpus of n: half mining, half benign, families in turn."""
    order = Draw(f"plan/{seed}")
    names = {
        "mining": [name for name in MINING_FAMILIES for _ in range(_EXTRA.get(name, 2))],
        "benign": list(BENIGN_FAMILIES),
    }
    waiting: dict[str, list[str]] = {label: [] for label in names}
    chosen = []
    for index in range(n):
        label = "mining" if index % 2 == 0 else "benign"
        if not waiting[label]:
            waiting[label] = order.sample(names[label], len(names[label]))
        chosen.append((waiting[label].pop(), seed * 1_000_000 + index))
    return chosen


def corpus(n: int, seed: int) -> Iterator[Example]:
    """n labelled captures; each is made when it is asked for."""
    for family, number in plan(n, seed):
        yield example(family, number)
