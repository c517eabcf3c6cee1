"""The power sections of docs/evaluation.md: what readings alone tell, by tier, share, kind and evasion.

The recipe of the shipped power model, fitted on a sample of its own and judged out of fold: a kind of
load, a real profile or an invented kind that is scored was never seen.  Thresholds for one half of the
groups are set on the benign records of the other half.  Every miner is simulated.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from detector.features import power as features
from detector.records import Vectors
from training import bootstrap, build, fit, metrics
from training.dataset import Floats, Mask
from training.evaluation import tables
from training.evaluation.power_picture import SHARES, picture
from training.evaluation.power_sample import PowerSample
from training.splits import row_weights

RATES = (0.01, 0.001)  # of benign records
LIKE_THE_SPIKE = 0.13  # prevalence to which average precision is weighted
FUJIAN = 10 / 8840  # miners among meters (DCIC-2022, power reference 1a)
SEED = 2_027
FEWEST = 5  # records of a kind that stand in a table
STEADY = ("cold store", "telecom", "server room", "pump", "ventilation", "grow light", "lighting", "standby",
          "process line", "continuous industry", "network gear", "flat HPC", "powered off")  # fmt: skip
PICTURE = "power-recall.svg"


@dataclass(frozen=True, slots=True)
class Judged:
    """A sample with its scores out of fold, and what is called at RATES and by the verdict; (n,)."""

    rows: PowerSample
    score: Floats
    called: tuple[Mask, Mask]  # at RATES, whatever else is known
    mining: Mask  # the verdict: at the lower rate, and it came and stayed
    suspected: Mask  # mining, or suspicious by the score


def judge(rows: PowerSample, seed: int = SEED) -> Judged:
    """Out of fold by the recipe of the bundle."""
    made = build.PowerRows(
        rows.values, rows.label, rows.group, rows.family, rows.tier, rows.simulated, np.ones(len(rows))
    )
    return judged(rows, build.fit_power(made, seed).logit)


def judged(rows: PowerSample, score: Floats) -> Judged:
    """Called at thresholds of the other half of the groups."""
    may = np.where(rows.arrived, score, -np.inf)
    one, few = (called(rows, score, rate) for rate in RATES)
    mining = called(rows, may, RATES[1]) & rows.arrived
    return Judged(rows, score, (one, few), mining, mining | called(rows, score, 0.005))


def called(rows: PowerSample, score: Floats, share: float) -> Mask:
    """Above what `share` of the benign scores of the other half of the groups reach, tier by tier."""
    half = np.array([sum(name.encode()) % 2 for name in rows.group])
    tier, hit = rows.of("tier"), np.zeros(len(rows), bool)
    for name in sorted(set(rows.tier)):
        for side in (0, 1):
            here = (tier == name) & (half == side)
            others = np.sort(score[(tier == name) & (half != side) & ~rows.label])[::-1]
            if len(others):
                hit[here] = score[here] > others[int(share * len(others))]
    return hit


def sections(found: Judged, say: Callable[[str], None]) -> Iterator[str]:
    """Markdown, in order."""
    yield _head(found.rows)
    yield "### Tiers\n" + _tiers(found)
    yield "### Meters by how much of them mines\n" + _subsets(found)
    yield _shares(found)
    yield "### Benign kinds that the model never saw\n" + _kinds(found)
    yield "### Steady kinds that the model never saw, by tier\n" + _steady(found)
    yield "### Benign changes of use\n" + _changes(found)
    yield "### One meter in 884\n" + _rare(found)
    yield "### Nodes by sampling\n" + _sampling(found)
    say("power: evasions left out")
    yield "### Evasions that the model never saw\n" + _evasions(found)


def svg(found: Judged) -> str:
    """Recall by share, with and without the onset in the record."""
    curves = {}
    for name, onset in (("start in the record", True), ("mined from the first reading", False)):
        some = _meters(found.rows) & found.rows.label & (found.rows.onset == onset)
        curves[name] = [_recall(found.called[0], some & inside, found.rows) for inside in _bins(found.rows)]
    return picture(curves)


def _head(rows: PowerSample) -> str:
    return (
        "## Power\n"
        f"{len(rows)} records, {int(rows.label.sum())} of them mining, all miners simulated;"
        f" {len(set(rows.group))} groups (real profiles, kinds of load), a group never on both sides;"
        " intervals over groups."
        f" Average precision is weighted to {LIKE_THE_SPIKE:.0%} mining. Thresholds: of the benign records of"
        " the other half of the groups, tier by tier. `mining` is the verdict: at the 0.1 % threshold and a"
        " steady load came and stayed."
    )


def _tiers(found: Judged) -> str:
    rows = found.rows
    long = {"meters, 15 to 60 min, 60 days and more": _meters(rows) & (rows.days >= 60)}
    parts = _by_tier(rows) | long
    return tables.table(_HEAD, [_line(found, name, mask) for name, mask in parts.items() if mask.any()])


def _by_tier(rows: PowerSample) -> dict[str, Mask]:
    monthly, tier = rows.step_s > 86_400, rows.of("tier")
    return {
        "meters, 15 to 60 min": tier == "meter",
        "meters, daily": (tier == "daily") & ~monthly,
        "meters, monthly": (tier == "daily") & monthly,
        "nodes, 1 to 60 s": tier == "node",
    }


_HEAD = (
    "records",
    "mining / benign",
    "average precision",
    "recall at 1 %",
    "at 0.1 %",
    "`mining`",
    "false `mining`",
)


def _line(found: Judged, name: str, of: Mask, mining: Mask | None = None) -> list[str]:
    """Of the records `of`; `mining`: which of its miners count, all where not given."""
    rows = found.rows
    wanted = of & rows.label & (True if mining is None else mining)
    benign = of & ~rows.label
    recalls = [_recall(hit, wanted, rows) for hit in (*found.called, found.mining)]
    alarms = metrics.clopper_pearson(int(found.mining[benign].sum()), int(benign.sum()))
    return [
        name,
        f"{int(wanted.sum())} / {int(benign.sum())}",
        tables.interval(_precision(found, wanted | benign)),
        *(tables.interval(recall, percent=True) for recall in recalls),
        tables.rate(alarms),
    ]


def _recall(hit: Mask, wanted: Mask, rows: PowerSample) -> bootstrap.Interval:
    return bootstrap.share(hit[wanted], rows.of("group")[wanted].tolist())


def _precision(found: Judged, of: Mask) -> bootstrap.Interval:
    """Average precision, weighted to LIKE_THE_SPIKE."""
    from sklearn.metrics import average_precision_score  # noqa: PLC0415  (heavy)

    label, score = found.rows.label[of], found.score[of]
    if label.all() or not label.any():
        return bootstrap.Interval(None, None, None, 0)
    odds = LIKE_THE_SPIKE / (1 - LIKE_THE_SPIKE) * (~label).sum() / label.sum()
    weight = np.where(label, odds, 1.0)

    def statistic(counts: Floats) -> float:
        if not (counts[label] > 0).any():
            return float("nan")
        return float(average_precision_score(label, score, sample_weight=weight * counts))

    return bootstrap.over_groups(statistic, found.rows.of("group")[of].tolist(), draws=100)


def _meters(rows: PowerSample) -> Mask:
    mask: Mask = rows.of("tier") == "meter"
    return mask


def _subsets(found: Judged) -> str:
    rows, meters = found.rows, _meters(found.rows)
    honest = rows.of("evasion") == "none"
    parts: dict[str, Mask] = {
        "share >= 0.5": rows.share >= 0.5,
        "start seen, share >= 0.2": rows.onset & (rows.share >= 0.2),
        "either": (rows.share >= 0.5) | (rows.onset & (rows.share >= 0.2)),
        "start seen, share >= 0.2, nothing to hide it": rows.onset & (rows.share >= 0.2) & honest,
        "from the first reading, share >= 0.5": ~rows.onset & (rows.share >= 0.5),
    }
    return tables.table(_HEAD, [_line(found, name, meters, mask) for name, mask in parts.items()])


def _bins(rows: PowerSample) -> Iterator[Mask]:
    for low, high in itertools.pairwise(SHARES):
        yield (rows.share >= low) & (rows.share < high)


def _shares(found: Judged) -> str:
    rows = found.rows
    lines = []
    for (low, high), inside in zip(itertools.pairwise(SHARES), _bins(rows), strict=True):
        cells = [f"{low:.0%} to {min(high, 1.0):.0%}"]
        for onset in (False, True):
            some = _meters(rows) & rows.label & inside & (rows.onset == onset)
            cells.append(str(int(some.sum())))
            cells += [tables.interval(_recall(hit, some, rows), percent=True) for hit in found.called]
        lines.append(cells)
    head = ["share of the meter"]
    head += [f"{when}: {what}" for when in ("always", "start seen") for what in ("n", "at 1 %", "at 0.1 %")]
    return tables.table(head, lines) + f"\n\n![recall by share]({PICTURE})"


def _kinds(found: Judged) -> str:
    """Out of fold a kind is left out whole; verdicts as the score gives them, without contract or peers."""
    rows, family = found.rows, found.rows.of("family")
    parts = {"invented steady kinds": np.char.startswith(family, "steady ")}
    parts |= {name: family == name for name in STEADY}
    parts["every other kind"] = ~np.any(list(parts.values()), axis=0)
    return _verdicts(found, {name: mask & ~rows.label for name, mask in parts.items()})


def _steady(found: Judged) -> str:
    """Benign steady loads of kinds that were left out of the fit, whichever kind, tier by tier."""
    family = found.rows.of("family")
    steady = (np.isin(family, STEADY) | np.char.startswith(family, "steady ")) & ~found.rows.label
    return _verdicts(found, {name: mask & steady for name, mask in _by_tier(found.rows).items()})


def _changes(found: Judged) -> str:
    change = found.rows.of("change")
    benign = ~found.rows.label & (found.rows.of("tier") != "node")
    return _verdicts(found, {name: benign & (change == name) for name in sorted(set(found.rows.change))})


def _verdicts(found: Judged, parts: dict[str, Mask]) -> str:
    lines = []
    for name, mask in parts.items():
        n = int(mask.sum())
        if n >= FEWEST:
            hits = (found.mining, found.suspected & ~found.mining)
            told = [metrics.clopper_pearson(int(hit[mask].sum()), n) for hit in hits]
            lines.append([name, str(n), *(tables.rate(one) for one in told)])
    return tables.table(["benign", "n", "called `mining`", "score `suspicious` or more"], lines)


def _rare(found: Judged) -> str:
    """Precision, recall and macro-F1 at Fujian's prevalence, thresholds fixed beforehand."""
    rows, meters = found.rows, _meters(found.rows)
    ruled = meters & np.isfinite(rows.clauses)
    calls: dict[str, Mask] = {
        "verdict `mining`": found.mining,
        "score at 0.1 %": found.called[1],
        "score at 1 %": found.called[0],
        "published clauses, all that can be stated": rows.clauses == 1.0,
        "published clauses, all but one": rows.clauses >= 0.8,
        "band CV, the flattest 0.1 %": called(rows, np.nan_to_num(rows.flatness, nan=-9.0), RATES[1]),
    }
    lines = [[name, *_worth(hit[ruled], rows.label[ruled])] for name, hit in calls.items()]
    said = f"{int(ruled.sum())} meters, weighted to {FUJIAN:.2%} mining.\n\n"
    return said + tables.table(["called by", "recall", "false alarms", "precision", "macro-F1"], lines)


def _worth(hit: Mask, label: Mask) -> list[str]:
    recall = metrics.clopper_pearson(int(hit[label].sum()), int(label.sum()))
    alarms = metrics.clopper_pearson(int(hit[~label].sum()), int((~label).sum()))
    good, bad = (recall.value or 0.0) * FUJIAN, (alarms.value or 0.0) * (1 - FUJIAN)
    precision = good / (good + bad) if good + bad else 0.0
    ours = 2 * good / (good + bad + FUJIAN) if good else 0.0
    quiet = 1 - FUJIAN - bad
    theirs = 2 * quiet / (2 * quiet + bad + FUJIAN - good)
    worst = good / (good + (alarms.high or 0.0) * (1 - FUJIAN)) if good else 0.0
    return [
        f"{recall.value or 0.0:.1%} ({recall.low or 0.0:.1%} to {recall.high or 0.0:.1%})",
        tables.rate(alarms),
        f"{precision:.1%} (at worst {worst:.1%})",
        f"{(ours + theirs) / 2:.3f}",
    ]


def _sampling(found: Judged) -> str:
    rows = found.rows
    node, coarse = rows.of("tier") == "node", rows.quantum >= 10
    parts = {
        "1 to 2 s": node & (rows.step_s <= 2) & ~coarse,
        "5 to 15 s": node & (rows.step_s > 2) & (rows.step_s <= 15) & ~coarse,
        "30 to 60 s": node & (rows.step_s > 15) & ~coarse,
        "10 W steps": node & coarse,
    }
    lines = [_line(found, name, mask) for name, mask in parts.items() if mask.any()]
    often = parts["1 to 2 s"]
    for name, mask in (
        ("asic, 1 to 2 s, start seen, share >= 0.8", rows.onset & (rows.share >= 0.8)),
        ("asic, 1 to 2 s, start seen, less", rows.onset & (rows.share < 0.8)),
        ("asic, 1 to 2 s, from the first reading", ~rows.onset),
    ):
        if (often & mask & rows.label).any():
            lines.append(_line(found, name, often, mask & (rows.of("family") == "asic")))
    kinds = [
        _line(found, f"{kind}, all rates", node, rows.of("family") == kind)
        for kind in ("asic", "gpu rig", "cpu")
    ]
    return tables.table(_HEAD, [*lines, *kinds])


def _evasions(found: Judged) -> str:
    """Recall of meters at 1 % by a model that saw none of the evasion, and by one that did; two folds."""
    rows = found.rows
    evasion, some = rows.of("evasion"), _meters(rows) & rows.label & (rows.share >= 0.2)
    names = [name for name in sorted(set(rows.evasion)) if (some & (evasion == name)).sum() >= FEWEST]
    seen = called(rows, _refit(rows, np.ones(len(rows), bool)), RATES[0])
    lines = []
    for name in names:
        hidden = evasion == name
        score = _refit(rows, ~hidden | ~rows.label)
        wanted = some & hidden
        told = [_recall(hit, wanted, rows) for hit in (called(rows, score, RATES[0]), seen)]
        lines.append([name, str(int(wanted.sum())), *(tables.interval(one, percent=True) for one in told)])
    return tables.table(["meters, share >= 0.2", "n", "left out", "seen"], lines)


def _refit(rows: PowerSample, taught: Mask) -> Floats:
    """Scores of either half of the groups by a model of the other half's `taught` records."""
    import sklearn.ensemble  # noqa: F401, PLC0415  (the limit below holds for what is loaded)
    from threadpoolctl import threadpool_limits  # noqa: PLC0415  (comes with scikit-learn)

    half = np.array([sum(name.encode()) % 2 for name in rows.group])
    signs = [features.MONOTONE.get(name, 0) for name in features.NAMES]
    score = np.zeros(len(rows))
    with threadpool_limits(1):
        for side in (0, 1):
            train = np.flatnonzero((half != side) & taught)
            model = fit.fit_bare(_dataset(rows, train), signs, SEED, fit.FitSettings())
            held = half == side
            score[held] = model.score(Vectors(features.NAMES, rows.values[held])).logit
    return score


def _dataset(rows: PowerSample, train: Sequence[int] | np.ndarray) -> fit.Dataset:
    label = rows.label[train]
    tiers = [sorted(set(rows.tier)).index(name) for name in rows.of("tier")[train]]
    weights = row_weights(label, tiers, rows.of("family")[train].tolist())
    groups = rows.of("group")[train].tolist()
    return fit.dataset_of(
        rows.values[train], label, groups, features.NAMES, simulated=rows.simulated[train], weights=weights
    )
