"""A bundle moved to a site: another offset and other thresholds of the fusion model, the same trees.

How common mining is at the site is estimated by EM over its hosts (Saerens, Latinne and
Decaestecker 2002), labelled ones fixed at their label; the log-odds move by as much as the prior.
Thresholds stand at the quantile of the site's benign and unlabelled hosts that the budget
asks for.  They may always rise; they fall only when there are hosts enough to support it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from detector.model import Bundle, Model, Thresholds, sigmoid
from detector.reference import Reference, bin_shares
from training import judge
from training.budget import Budget, least_share
from training.carried import deciles
from training.dataset import Floats, Mask, Texts

STEPS = 500
FARTHEST = 7.0  # log-odds that a prior may move by: mining in one host of a thousand, from one of two
ENOUGH_HOSTS = 30  # for deciles of the site's own


class RecalibrationError(ValueError):
    """A site of which too little is known; one line."""


@dataclass(frozen=True, slots=True)
class Site:
    """Hosts of the site that have a score; all (n,)."""

    logit: Floats  # of the parent's fusion model
    novelty: Floats
    mining: Mask  # labelled so
    benign: Mask  # labelled so

    def __len__(self) -> int:
        return len(self.logit)


def recalibrated(parent: Bundle, site: Site, budget: Budget) -> tuple[Model, dict[str, Any]]:
    """The fusion model for the site, and what the manifest says of it.  Raises RecalibrationError."""
    if not len(site):
        raise RecalibrationError("no host of the site has a score: nothing to recalibrate by")
    model, before = parent.fusion, _prior(parent)
    share = prevalence(site, before)
    moved = float(np.clip(_log_odds(share) - _log_odds(before), -FARTHEST, FARTHEST))
    limits = _thresholds(model.thresholds, site, budget, moved)
    fresh = replace(model, offset=model.offset + moved, thresholds=limits)
    ordinary = int((~site.mining).sum())
    missed = sigmoid(site.logit[site.mining] + moved) < limits.mining
    least = least_share(ordinary)
    return fresh, {
        "hosts": {"all": len(site), "mining": int(site.mining.sum()), "benign": int(site.benign.sum())},
        "prevalence": share,
        "offset_moved": moved,
        "budget": budget.words(),
        "smallest_budget": least,
        "supported": least is not None and least <= budget.mining_fpr,
        "labelled_mining_below_mining": int(missed.sum()),
    }


def prevalence(site: Site, before: float) -> float:
    """Share of the site's hosts that mine, by EM from the prior that the scores were made for."""
    labelled = site.mining | site.benign
    share = before
    for _ in range(STEPS):
        chance = sigmoid(site.logit + _log_odds(share) - _log_odds(before))
        mine = np.where(labelled, site.mining, chance)
        after = (mine.sum() + 0.5) / (len(site) + 1)  # Jeffreys: none seen is not never
        if abs(after - share) < 1e-12:
            break
        share = float(after)
    return share


def site_reference(reference: Reference, values: Floats, hosts: Texts) -> Reference:
    """The reference with the deciles of the site, where there are hosts enough: drift is from there on."""
    _, place, size = np.unique(hosts, return_inverse=True, return_counts=True)
    if len(size) < ENOUGH_HOSTS:
        return reference
    weights = 1 / size[place]
    edges = np.array([deciles(column, weights) for column in values.T])
    return replace(reference, edges=edges, shares=bin_shares(values, edges, weights), groups=len(size))


def _thresholds(old: Thresholds, site: Site, budget: Budget, moved: float) -> Thresholds:
    ordinary = ~site.mining
    scores = sigmoid(site.logit[ordinary] + moved)
    mining = _moved(_shifted(old.mining, moved), scores, budget.mining_fpr)
    suspicious = min(mining, _moved(_shifted(old.suspicious, moved), scores, budget.suspicious_fpr))
    novelty = _moved(old.novelty, site.novelty[ordinary], budget.novel_share)
    clear = 1.0 if old.clear == 1.0 else min(suspicious, _shifted(old.clear, moved))
    return Thresholds(mining, suspicious, novelty, clear)


def _moved(old: float, scores: Floats, share: float) -> float:
    """The quantile that the share asks for; lower than `old` only where the scores are enough for it."""
    wanted, least = judge.allowing(scores, share), least_share(len(scores))
    supported = least is not None and least <= share
    return wanted if supported else max(old, wanted)


def _shifted(probability: float, moved: float) -> float:
    if probability in (0.0, 1.0):
        return probability
    return float(sigmoid(np.float64(_log_odds(probability) + moved)))


def _prior(parent: Bundle) -> float:
    """Share of mining among the examples that the fusion model was calibrated on."""
    told: Mapping[str, Any] = parent.manifest["models"]["fusion"].get("metrics", {})
    try:
        mining = float(told["mining"]["recall"]["n"])
        benign = float(told["mining"]["false_alarms"]["n"])
        return float(np.clip(mining / (mining + benign), 0.01, 0.99))
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return 0.5  # what `compose` draws


def _log_odds(share: float) -> float:
    return float(np.log(share) - np.log1p(-share))
