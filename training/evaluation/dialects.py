"""How often each dialect is found, and each look-alike family mistaken: by a bundle, and by bundles that
never met the family.

Simulated, every table says so.  For the left-out families a few smaller bundles are fitted anew: a
fifth of the dialects and a fifth of the look-alikes are left out together, so that strange mining is
judged against strange benign.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from detector.records import Verdict
from training import build, table
from training.evaluation import tables
from training.evaluation.captures import Fitting
from training.evaluation.trials import Outcome, Trial, encrypted, recall, speaks_clear, tried
from training.metrics import clopper_pearson, per_thousand_host_days
from training.simulation.catalogue import BENIGN_FAMILIES, MINING_FAMILIES
from training.simulation.disguises import CLEAR, TLS_13, Disguise, one_in
from training.simulation.draw import Draw

POLLING = ("ethproxy_poll", "getwork", "eth_getwork", "getblocktemplate", "daemon_poll", "duino", "prober")
FOLDS = 5
SHOWN = 20  # look-alike families, the worst first
_MINUTE_S, _HOUR_S = 60.0, 3_600.0
_MIDDLE_S = 400.0  # when a capture that joins a connection in the middle begins


@dataclass(frozen=True, slots=True)
class Condition:
    """A column of the table: what the capture shows, and for how long."""

    name: str
    disguise: Disguise
    duration_s: float
    clear: bool = True

    def trials(self, family: str, n: int) -> list[Trial]:
        """n scenes of a family, or none where it does not travel like this."""
        wrap = "none" if self.clear and speaks_clear(family) else None if self.clear else encrypted(family)
        if wrap is None:
            return []
        disguise = replace(self.disguise, talk=dict(self.disguise.talk) | {"wrap": wrap})
        return [Trial(family, number, disguise, self.duration_s) for number in range(n)]


def _middle(disguise: Disguise) -> Disguise:
    """The same, joined when the connection has long been open."""
    talk = dict(disguise.talk) | {"joined_s": _MIDDLE_S}
    return replace(disguise, name=f"{disguise.name}, mid-stream", talk=talk)


_ENCRYPTED = tuple(
    Condition(f"encrypted, {name}", TLS_13, duration_s, clear=False)
    for name, duration_s in (("10 min", 10 * _MINUTE_S), ("1 h", _HOUR_S))
)
_SAMPLED, _SAMPLED_TLS = (
    replace(of, name=f"{of.name}, sampled 1:100", keep=one_in(100)) for of in (CLEAR, TLS_13)
)
_IPV6, _IPV6_TLS = (replace(of, name=f"{of.name}, IPv6", version=6) for of in (CLEAR, TLS_13))
CONDITIONS = (
    Condition("clear, 60 s", CLEAR, _MINUTE_S),
    Condition("clear, 10 min", CLEAR, 10 * _MINUTE_S),
    Condition("clear, 1 h", CLEAR, _HOUR_S),
    Condition("clear, mid-stream", _middle(CLEAR), 10 * _MINUTE_S),
    Condition("clear, IPv6", _IPV6, 10 * _MINUTE_S),
    Condition("clear, sampled 1:100, 1 h", _SAMPLED, _HOUR_S),
    Condition("encrypted, 60 s", TLS_13, _MINUTE_S, clear=False),
    *_ENCRYPTED,
    Condition("encrypted, mid-stream", _middle(TLS_13), 10 * _MINUTE_S, clear=False),
    Condition("encrypted, IPv6", _IPV6_TLS, 10 * _MINUTE_S, clear=False),
    Condition("encrypted, sampled 1:100, 1 h", _SAMPLED_TLS, _HOUR_S, clear=False),
)


def section(bundle: Path | None, n: int, jobs: int) -> str:
    """Dialect x condition, and look-alikes, by a bundle that knows the families by other conversations."""
    cells = [(family, condition) for family in MINING_FAMILIES for condition in CONDITIONS]
    told = _in_cells([condition.trials(family, n) for family, condition in cells], bundle, jobs)
    rows = [[family, *(recall(next(told)) for _ in CONDITIONS)] for family in MINING_FAMILIES]
    benign = tried(_looking_alike(BENIGN_FAMILIES, 2 * n), bundle, jobs)
    return (
        f"## Dialects\n**Simulated**: {n} conversations a cell, each a capture of its own, not of the"
        " training corpus. Hosts called `mining` with the lower bound (95 %), and how many were at least"
        " `suspicious`. `-`: there is no such thing (Noise in the clear, words of a dialect of lengths"
        " alone). Encrypted is TLS 1.3, for Stratum V2 Noise.\n\n"
        + tables.table(["dialect", *(condition.name for condition in CONDITIONS)], rows)
        + "\n\n### Look-alikes\n**Simulated**, conversations of a minute to two hours, wrapped as they"
        " come.\n\n" + _mistaken(benign)
    )


def left_out(recipe: build.Recipe, n: int, fitted: Fitting) -> str:
    """The same by bundles that met neither the dialect nor the look-alike family."""
    rows = build.simulated_rows(recipe)
    mining: list[Outcome] = []
    benign: list[Outcome] = []
    for fold, families in enumerate(_folds(recipe.seed)):
        seen = table.select(rows, ~np.isin(np.array(rows.family, object), sorted(families)))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "bundle"
            fitted(seen, path, f"without {len(families)} families, {fold + 1} of {FOLDS}")
            for condition in _ENCRYPTED:
                strange = [name for name in MINING_FAMILIES if name in families]
                trials = [trial for name in strange for trial in condition.trials(name, n)]
                mining += tried(trials, path, recipe.jobs)
            strangers = [name for name in BENIGN_FAMILIES if name in families]
            benign += tried(_looking_alike(strangers, 2 * n), path, recipe.jobs)
    return (
        f"## Strange dialects among strange look-alikes\n**Simulated.** Bundles of {recipe.examples}"
        f" conversations, {FOLDS} of them, each without a fifth of the dialects and a fifth of the look-alike"
        " families; encrypted conversations of the families left out. `polling` miners only ask.\n\n"
        + tables.table(["dialects left out", *(condition.name for condition in _ENCRYPTED)], _grouped(mining))
        + "\n\n"
        + _mistaken(benign)
    )


def _in_cells(cells: Sequence[list[Trial]], bundle: Path | None, jobs: int) -> Iterator[list[Outcome]]:
    """The outcomes of each cell's trials."""
    told = iter(tried([trial for cell in cells for trial in cell], bundle, jobs))
    return ([next(told) for _ in cell] for cell in cells)


def _folds(seed: int) -> list[frozenset[str]]:
    """Which families are left out together."""
    draw = Draw(f"families left out/{seed}")
    dealt: list[list[str]] = [[] for _ in range(FOLDS)]
    for names in (MINING_FAMILIES, BENIGN_FAMILIES):
        for place, name in enumerate(draw.sample(names, len(names))):
            dealt[place % FOLDS].append(name)
    return [frozenset(names) for names in dealt]


def _looking_alike(families: Sequence[str], n: int) -> list[Trial]:
    return [Trial(family, number) for family in families for number in range(n)]


def _grouped(outcomes: Sequence[Outcome]) -> list[list[str]]:
    """Rows: all push dialects, Stratum V2, polling ones; then each dialect."""
    groups = {
        "push dialects": [name for name in MINING_FAMILIES if name not in POLLING],
        "polling": [name for name in MINING_FAMILIES if name in POLLING],
    } | {name: [name] for name in MINING_FAMILIES}
    rows = []
    for title, names in groups.items():
        cells = [
            recall(
                o for o in outcomes if o.trial.family in names and o.trial.duration_s == condition.duration_s
            )
            for condition in _ENCRYPTED
        ]
        rows.append([title, *cells])
    return rows


def _mistaken(outcomes: Sequence[Outcome]) -> str:
    """False `mining` by family, the worst first, with bounds over conversations and over host-hours."""
    families = sorted({one.trial.family for one in outcomes})
    rows = [_false(name, [one for one in outcomes if one.trial.family == name]) for name in families]
    rows.sort(key=lambda row: (-row[0], -row[1], row[2]))
    total = _false("all", outcomes)
    listed = [row[2:] for row in (total, *(row for row in rows[:SHOWN] if row[0] or row[1]))]
    quiet = sum(not row[0] and not row[1] for row in rows)
    head = ["family", "called mining", "host-hours", "per 1 000 host-hours, at most", "suspicious"]
    return tables.table(head, listed) + f"\n\n{quiet} of {len(rows)} families were never called anything."


def _false(name: str, outcomes: Sequence[Outcome]) -> tuple[int, int, str, str, str, str, str]:
    """(called mining, called suspicious, and the cells of the row)."""
    mining = sum(one.called(Verdict.MINING) for one in outcomes)
    noticed = sum(one.called(Verdict.SUSPICIOUS) for one in outcomes)
    hours = sum(one.seconds for one in outcomes) / _HOUR_S
    per = per_thousand_host_days(mining, hours).high  # of hours here: the unit is the caller's
    rate = tables.rate(clopper_pearson(mining, len(outcomes)))
    return mining, noticed, name, rate, f"{hours:.1f}", f"{per:.1f}" if per is not None else "-", str(noticed)
