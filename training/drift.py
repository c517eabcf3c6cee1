"""Whether a site's traffic has left what a bundle learned from: PSI by family of columns.

The population stability index of a column is sum((q - p) ln(q / p)) over the deciles of the
training examples, p their shares and q those of the site; what is unknown is a bin of its own.
Of two samples of one population, PSI / (1 / n + 1 / m) is about chi-square with one degree
less than there are bins (Yurdakul and Naranjo 2020), so few hosts drift by chance: `noise` is
its 95 % point.  n and m are hosts and groups, not rows: what is alike is counted once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detector.model import Model
from detector.reference import BINS, Reference, bin_shares
from training import metrics
from training.columns import families
from training.dataset import Floats, Texts

MOVED, LEFT = 0.1, 0.25
"""Customary limits of PSI: below 0.1 alike, above 0.25 another population (Siddiqi 2006)."""
CONFIDENCE = 0.95
TOLD = 3  # columns a family
WHAT_TO_DO = {
    "alike": "the thresholds hold as far as this can show",
    "moved": "move the thresholds: minewatch train --output SITE --recalibrate BUNDLE --traffic PATH...",
    "left": "the model has not learned such traffic: label hosts of this site and train anew;"
    " until then `clear` means little",
    "unknown": "this source does not know these columns: the model works with less, and misses more",
}


@dataclass(frozen=True, slots=True)
class Drift:
    """One family of columns of one model."""

    family: str
    psi: float  # mean over its columns
    noise: float  # PSI that two samples of one population of these sizes stay below, 95 %
    columns: tuple[tuple[str, float], ...]  # those that moved most
    state: str  # a key of WHAT_TO_DO


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of one model on one site."""

    kind: str
    hosts: int
    drifts: tuple[Drift, ...]
    novel: metrics.Rate  # hosts that are stranger than the threshold of novelty


def drifts(values: Floats, hosts: Texts, names: Sequence[str], reference: Reference) -> list[Drift]:
    """Each family; `values` (m, F) one row a channel or meter, `hosts` (m,) whose it is.  m >= 1."""
    _, place, size = np.unique(hosts, return_inverse=True, return_counts=True)
    shares = bin_shares(values, reference.edges, 1 / size[place])
    psi, freedom = _psi(shares, len(size), reference)
    told = []
    for family, columns in families(names).items():
        mean = float(psi[columns].mean())
        noise = _noise(int(freedom[columns].max()), len(size), reference.groups)
        worst = sorted(columns, key=lambda column: -psi[column])[:TOLD]
        unknown = float((shares - reference.shares)[columns, BINS - 1].mean())
        state = _state(mean, noise, unknown)
        told.append(Drift(family, mean, noise, tuple((names[i], float(psi[i])) for i in worst), state))
    return told


def told_of(kind: str, model: Model, values: Floats, hosts: Texts, reference: Reference) -> Told:
    """Drift and novelty of a site's rows under one model."""
    novelty = model.novelty(values)
    names = np.unique(hosts)
    strange = sum(bool((novelty[hosts == name] >= model.thresholds.novelty).any()) for name in names)
    found = tuple(drifts(values, hosts, model.names, reference))
    return Told(kind, len(names), found, metrics.clopper_pearson(strange, len(names)))


def _psi(shares: Floats, hosts: int, reference: Reference) -> tuple[Floats, np.ndarray]:
    """PSI of each column, and its degrees of freedom; half a case a bin keeps what was never seen finite."""
    p = _smooth(reference.shares, reference.groups)
    q = _smooth(shares, hosts)
    used = (reference.shares > 0) | (shares > 0)
    psi: Floats = np.where(used, (q - p) * np.log(q / p), 0.0).sum(axis=1)
    return psi, np.maximum(used.sum(axis=1) - 1, 1)


def _smooth(shares: Floats, n: int) -> Floats:
    return (shares * n + 0.5) / (n + 0.5 * BINS)


def _noise(freedom: int, hosts: int, groups: int) -> float:
    from scipy.special import chdtri  # noqa: PLC0415  (heavy)

    return float(chdtri(freedom, 1 - CONFIDENCE) * (1 / hosts + 1 / groups))


def _state(psi: float, noise: float, unknown: float) -> str:
    if psi <= max(MOVED, noise):
        return "alike"
    if unknown > 0.5:
        return "unknown"
    return "left" if psi > max(LEFT, 2 * noise) else "moved"
