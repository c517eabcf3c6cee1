"""What disguises do to recall, and what padding and delay cost the miner who tries them.

Simulated; the bundle is an argument and knows the families by other conversations.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from detector.records import Verdict
from training.evaluation import tables
from training.evaluation.trials import FIRST_SEED, Outcome, Trial, recall, tried
from training.simulation.conversation import simulate
from training.simulation.disguises import DISGUISES, WORKERS, Disguise, evading
from training.simulation.evasion import Evasion

FAMILIES = ("stratum", "cryptonote", "kawpow", "kaspa", "zcash", "ethereumstratum")
DURATION_S = 3_600.0
PADDINGS = (0, 16, 64, 128, 256, 512, 1_024)
JITTERS_S = (0.0, 0.05, 0.2, 1.0, 5.0, 20.0)
BLOCKS_S = {"Bitcoin": 600.0, "Monero": 120.0, "Ravencoin": 60.0, "Ethereum Classic": 13.0, "Kaspa": 1.0}
"""Mean time between blocks (network facts, section 3.4)."""


def section(bundle: Path | None, n: int, jobs: int) -> str:
    """Recall in each disguise, and the cost curves; n conversations of each of FAMILIES a row."""
    dressed = [_trials(disguise, n) for disguise in DISGUISES]
    farms = [Trial("cryptonote", i, None, DURATION_S, farmed=True) for i in range(n)]
    told = tried([trial for row in dressed for trial in row] + farms, bundle, jobs)
    rows = [
        [disguise.name, recall(part), _others(part)]
        for disguise, part in zip(DISGUISES, _parts(told, len(dressed[0])), strict=False)
    ]
    rows += _farm(told[-n:])
    return (
        f"## Disguises\n**Simulated**: an hour each of {', '.join(FAMILIES)}, {n} conversations of each"
        " a row; hosts called `mining` with the lower bound (95 %).\n\n"
        + tables.table(["disguise", "called mining", "others called"], rows)
        + "\n\n"
        + _cost(bundle, n, jobs)
    )


def _trials(disguise: Disguise, n: int) -> list[Trial]:
    return [Trial(family, number, disguise, DURATION_S) for family in FAMILIES for number in range(n)]


def _parts(outcomes: Sequence[Outcome], size: int) -> list[list[Outcome]]:
    return [list(outcomes[start : start + size]) for start in range(0, len(outcomes) - size + 1, size)]


def _others(outcomes: Sequence[Outcome]) -> str:
    """Hosts of the scenes that do not mine and were called mining: none, it is hoped."""
    called = sum(verdict is Verdict.MINING for one in outcomes for verdict in one.others)
    return str(called) if any(one.others for one in outcomes) else "-"


def _farm(outcomes: Sequence[Outcome]) -> list[list[str]]:
    """A LAN proxy: its one encrypted connection outside, and the workers' clear ones."""
    hosts = [verdict for one in outcomes for verdict in one.named]
    found = sum(verdict is Verdict.MINING for verdict in hosts)
    name = f"LAN proxy with {WORKERS} workers, all hosts (Monero's kind)"
    return [[name, f"{found} of {len(hosts)}", "-"]]


def _cost(bundle: Path | None, n: int, jobs: int) -> str:
    """The curves: what padding and delay buy, and what they cost."""
    evasions = [Evasion(padding, 0.0) for padding in PADDINGS] + [Evasion(0, late) for late in JITTERS_S[1:]]
    evasions.append(Evasion(PADDINGS[-1], JITTERS_S[-2]))
    trials = [trial for evasion in evasions for trial in _trials(evading(evasion), n)]
    told = _parts(tried(trials, bundle, jobs), n * len(FAMILIES))
    plain = _bytes(Evasion(0), n)
    rows = [
        [
            evasion.padding or "-",
            f"{evasion.jitter_s:g}",
            recall(part),
            f"x {_bytes(evasion, n) / plain:.2f}",
            *(f"{_lost(evasion.jitter_s, block_s):.1%}" for block_s in BLOCKS_S.values()),
        ]
        for evasion, part in zip(evasions, told, strict=True)
    ]
    head = ["records padded to", "messages late by (mean, s)", "called mining", "bytes"]
    return (
        "### What evasion costs\n**Simulated**, the same families in TLS 1.3. Bytes are counted; what is lost"
        " to delay is worked out: with blocks each T seconds and delays of mean J, both memoryless, a miner"
        " has the right work for T/(T+J) of the time, and a share is still worth something as often.\n\n"
        + tables.table([*head, *(f"lost, {coin}" for coin in BLOCKS_S)], rows)
    )


def _lost(jitter_s: float, block_s: float) -> float:
    """Share of what a miner earns that late jobs and late shares cost it."""
    return 1.0 - (block_s / (block_s + jitter_s)) ** 2


def _bytes(evasion: Evasion, n: int) -> int:
    """Application bytes on the wire of n conversations of each family."""
    talk: dict[str, Any] = {"wrap": "tls13", "evasion": evasion}
    made = [
        simulate(family, FIRST_SEED + number, duration_s=DURATION_S, whole=True, tunnel="", **talk)
        for family in FAMILIES
        for number in range(n)
    ]
    return sum(len(data) for talk in made for link in talk.connections for _, _, data in link.writes)
