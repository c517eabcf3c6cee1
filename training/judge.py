"""Dataset to examples, examples to thresholds, and what both are worth on strangers.

An example's score is the maximum over its rows: what a monitor would have alarmed on.
Thresholds are quantiles of the benign examples' out-of-fold scores for a stated
false-alarm budget, `mining` never below the highest real benign one.  A rate at a threshold
that was set on the same examples is no evidence: the rates told set it on the other folds.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.model import Thresholds, sigmoid
from training import budget as budgets
from training import conformal, metrics
from training.budget import Budget
from training.calibration import platt
from training.dataset import Dataset, Floats, Mask, Texts

Folds = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Each row's raw log-odds and novelty by a model that never saw its group, and its fold; (n,)."""

    raw: Floats
    novelty: Floats
    fold: Folds


@dataclass(frozen=True, slots=True)
class Examples:
    """Scores a whole example was given, out of fold; all (examples,)."""

    labels: Mask
    logit: Floats  # calibrated; the highest of its rows
    novelty: Floats  # the highest of its rows
    simulated: Mask
    groups: Texts
    fold: Folds
    days: Floats  # observed; 0 = not known
    accusable: Mask  # may be called mining at all; see `detector.findings`
    lookalike: Mask  # benign and made to be taken for mining; of those that mine it says nothing

    def part(self, mask: Mask) -> Examples:
        """Some of the examples."""
        return Examples(*(getattr(self, item.name)[mask] for item in fields(self)))


def examples_of(
    rows: Dataset,
    logit: Floats,
    strange: OutOfFold,
    *,
    days: Floats | None = None,
    accusable: Mask | None = None,
    lookalike: Mask | None = None,
) -> Examples:
    """Dataset with calibrated log-odds (n,) joined into examples; `days` (n,) that a row looks back on.

    accusable: (n,) rows by which an example may be called mining, where not all are.
    lookalike: (n,) benign rows made to be taken for mining, where that is not what is simulated.
    """
    names = np.char.add(np.char.add(rows.groups, "\n"), rows.examples)
    _, first, place = np.unique(names, return_index=True, return_inverse=True)
    highest, strangest = np.full(len(first), -np.inf), np.zeros(len(first))
    longest = np.zeros(len(first))
    np.maximum.at(highest, place, logit)
    np.maximum.at(strangest, place, strange.novelty)
    if days is not None:
        np.maximum.at(longest, place, days)
    may = np.zeros(len(first), bool)
    np.logical_or.at(may, place, True if accusable is None else accusable)
    return Examples(
        rows.labels[first],
        highest,
        strangest,
        rows.simulated[first],
        rows.groups[first],
        strange.fold[first],
        longest,
        may,
        (rows.simulated if lookalike is None else lookalike)[first],
    )


def thresholds(examples: Examples, budget: Budget) -> Thresholds:
    """For the stated budget, on the calibrated probability."""
    benign = examples.part(~examples.labels)
    scores = sigmoid(benign.logit)
    shares, stands = _shares(benign, budget), _stands(benign, budget)
    accused = np.where(benign.accusable, scores, 0.0)
    mining = allowing(accused, shares[0], stands)
    if stands is not None:  # nobody's network is the mixture: what it is made of keeps the budget, too
        mining = max(mining, allowing(accused[benign.lookalike], shares[0]))
    real = benign.logit[~benign.simulated & benign.accusable]
    if len(real):
        mining = max(mining, float(sigmoid(real.max() + budget.real_margin)))
    suspicious = min(mining, allowing(scores, shares[1], stands))
    novelty = allowing(examples.novelty, budget.novel_share)
    return Thresholds(mining, suspicious, novelty, _clear(examples, budget, suspicious))


def _shares(benign: Examples, budget: Budget) -> tuple[float, float]:
    """Shares of benign examples that may be called mining, and suspicious; host-days are turned into them."""
    if budget.per_host_day is None or budget.suspicious_per_host_day is None:
        return budget.mining_fpr, budget.suspicious_fpr
    days = float(benign.days.sum())
    if days <= 0:
        raise budgets.BudgetError("a budget in host-days, but it is not known how long the hosts were seen")
    return tuple(  # type: ignore[return-value]
        min(1.0, rate * days / len(benign.labels))
        for rate in (budget.per_host_day, budget.suspicious_per_host_day)
    )


def _stands(benign: Examples, budget: Budget) -> Floats | None:
    """What share of the benign examples that the budget speaks of each stands for; None = all the same."""
    nasty, rest = int(benign.lookalike.sum()), int((~benign.lookalike).sum())
    if budget.lookalikes is None or budget.per_host_day is not None or not nasty:
        return None
    if not budgets.can_show(rest, budget):
        return None
    return np.where(benign.lookalike, budget.lookalikes / nasty, (1 - budget.lookalikes) / rest)


def _clear(examples: Examples, budget: Budget, suspicious: float) -> float:
    if budget.miss is None:
        return 1.0
    found = conformal.limits(examples.logit, examples.labels, examples.groups, budget.miss)
    return min(suspicious, float(sigmoid(np.float64(found.clear))))


def allowing(scores: Floats, share: float, stands: Floats | None = None) -> float:
    """The lowest threshold t for which at most `share` of `scores` (0..1) are >= t; at most 1.

    With fewer than 1 / share scores that is just above the highest of them.  `stands`: what each
    of them counts for, 1 in all.
    """
    order = np.argsort(scores, kind="stable")[::-1]
    falling = scores[order]
    if stands is None:
        allowed = int(np.floor(share * len(falling)))
    else:
        rounded = share * (1 + 1e-9)  # sums of shares are off in their last bits
        allowed = int(np.searchsorted(np.cumsum(stands[order]), rounded, side="right"))
    if allowed >= len(falling):
        return 0.0
    return min(1.0, float(np.nextafter(falling[allowed], np.inf)))


def measure(
    rows: Dataset, strange: OutOfFold, examples: Examples, limits: Thresholds, budget: Budget
) -> dict[str, Any]:
    """What the manifest and the card say, in JSON types; rates of verdicts are cross-fitted.

    Numbers to six digits: the last bits of a sum depend on the processor's vector units.
    """
    honest = _cross_calibrated(rows, strange)
    scores = sigmoid(examples.logit)
    by_group = _by_group(examples, limits.mining, mining=True)
    real_benign = examples.logit[~examples.labels & ~examples.simulated]
    told = {
        "rows": len(rows),
        "groups": len(set(rows.groups.tolist())),
        "simulated_share": float(examples.simulated.mean()),
        "budget": _support(examples, budget),
        **_cross_fitted(examples, budget),
        "average_precision": metrics.finite(metrics.average_precision(examples.labels, scores)),
        "auc": metrics.finite(metrics.auc(examples.labels, scores)),
        "brier": metrics.brier(rows.labels, honest, rows.weights),
        "expected_calibration_error": metrics.expected_calibration_error(rows.labels, honest, rows.weights),
        "highest_real_benign_logit": float(real_benign.max()) if len(real_benign) else None,
        # one family that opens hundreds of channels must not decide alone
        "recall_mean_of_groups": float(np.mean([rate["value"] for rate in by_group.values()])),
        "recall_by_group": by_group,
        "suspicious_benign_by_group": _by_group(examples, limits.suspicious, mining=False),
    }
    return dict(metrics.rounded(told))


def _cross_calibrated(rows: Dataset, strange: OutOfFold) -> Floats:
    """Probabilities by a calibration that has not seen the row's fold."""
    out = np.empty(len(rows))
    for number in np.unique(strange.fold):
        held = strange.fold == number
        slope, offset = platt(strange.raw[~held], rows.labels[~held], rows.weights[~held])
        out[held] = sigmoid(slope * strange.raw[held] + offset)
    return out


def _cross_fitted(examples: Examples, budget: Budget) -> dict[str, Any]:
    """Rates at thresholds set on the other folds: what the budget is worth on strangers."""
    scores = sigmoid(examples.logit)
    hits = {name: np.zeros(len(scores), bool) for name in ("mining", "suspicious")}
    cleared = np.zeros(len(scores), bool)
    for number in np.unique(examples.fold):
        held = examples.fold == number
        limits = thresholds(examples.part(~held), budget)
        for name, hit in hits.items():
            hit[held] = scores[held] >= getattr(limits, name)
        cleared[held] = scores[held] < min(limits.clear, limits.suspicious)
    hits["mining"] &= examples.accusable
    benign, real, nasty = ~examples.labels, ~examples.simulated, examples.lookalike
    clear = {"missed_as_clear": _rate(cleared, ~benign), "benign_clear": _rate(cleared, benign)}
    return {"conformal": clear} | {
        name: {
            "false_alarms": _rate(hit, benign),
            "false_alarms_real": _rate(hit, benign & real),
            "false_alarms_lookalike": _rate(hit, benign & nasty),
            "false_alarms_ordinary": _rate(hit, benign & ~nasty),
            "recall": _rate(hit, ~benign),
            "recall_real": _rate(hit, ~benign & real),
        }
        for name, hit in hits.items()
    }


def _support(examples: Examples, budget: Budget) -> dict[str, Any]:
    benign = examples.part(~examples.labels)
    recorded, groups = int((~benign.simulated).sum()), len(set(benign.groups.tolist()))
    return dict(budgets.support(budget, len(benign.labels), recorded, groups, float(benign.days.sum())))


def _by_group(examples: Examples, threshold: float, *, mining: bool) -> dict[str, Any]:
    """Share of each group's examples of one class at or above `threshold`."""
    part = examples.part(examples.labels == mining)
    hit = (sigmoid(part.logit) >= threshold) & (part.accusable | (not mining))
    return {name: _rate(hit, part.groups == name) for name in sorted(set(part.groups.tolist()))}


def _rate(hit: Mask, of: Mask) -> dict[str, Any]:
    return metrics.clopper_pearson(int((hit & of).sum()), int(of.sum())).document()
