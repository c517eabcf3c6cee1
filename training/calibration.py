"""Raw log-odds to calibrated ones: Platt scaling on out-of-fold scores, with a bounded slope."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from training.dataset import Floats

SLOPE = (0.2, 1.5)
"""Out-of-fold scores that separate by accident ask for any slope; boosting that is sane needs 0.5 to 1."""
STEPS = 100


def platt(logit: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None) -> tuple[float, float]:
    """Slope and offset of `sigmoid(slope * logit + offset)` by weighted maximum likelihood.

    logit, labels (True = mining), weights: (n,).  Targets are Platt's smoothed ones (Platt 1999), so
    perfect separation stays finite.  The slope is held within SLOPE, the offset refitted.
    """
    x, y = np.asarray(logit, float), np.asarray(labels, bool)
    w = np.ones(len(x)) if weights is None else np.asarray(weights, float)
    n_mining, n_benign = int(y.sum()), int((~y).sum())
    target = np.where(y, (n_mining + 1) / (n_mining + 2), 1 / (n_benign + 2))
    slope, offset = _newton(x, target, w, None)
    if SLOPE[0] <= slope <= SLOPE[1]:
        return slope, offset
    return _newton(x, target, w, min(max(slope, SLOPE[0]), SLOPE[1]))


def _newton(x: Floats, target: Floats, w: Floats, fixed: float | None) -> tuple[float, float]:
    """Newton steps, halved until the loss falls; `fixed` holds the slope."""
    design = np.stack([x, np.ones_like(x)], axis=1)[:, (0 if fixed is None else 1) :]  # (n, 2 or 1)
    shift = np.zeros_like(x) if fixed is None else fixed * x
    beta = np.zeros(design.shape[1])
    loss = _loss(design @ beta + shift, target, w)
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-(design @ beta + shift)))
        gradient = design.T @ (w * (p - target))
        curvature = (design * (w * p * (1 - p))[:, None]).T @ design + 1e-9 * np.eye(len(beta))
        step = np.linalg.solve(curvature, gradient)
        size = 1.0
        while size > 1e-6 and _loss(design @ (beta - size * step) + shift, target, w) > loss:
            size /= 2
        beta = beta - size * step
        before, loss = loss, _loss(design @ beta + shift, target, w)
        if before - loss <= 1e-12 * abs(before):
            break
    return (float(beta[0]), float(beta[1])) if fixed is None else (fixed, float(beta[0]))


def _loss(logit: Floats, target: Floats, w: Floats) -> float:
    return float(np.sum(w * (np.logaddexp(0, logit) - target * logit)))
