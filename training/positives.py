"""Learning where only miners are known: rows that are not labelled mining may still mine.

Elkan and Noto, Learning classifiers from only positive and unlabeled data (KDD 2008): a model g
of "labelled" against "unlabelled" finds the chance that a row mines up to the constant
c = p(labelled | mining), the mean of g over rows that are labelled.  An unlabelled row x mines
with weight w(x) = (1 - c) / c * g(x) / (1 - g(x)); it is learned from twice, as mining with
weight w and as benign with 1 - w.  That holds when the labelled miners are a random draw of all.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from detector.model import sigmoid
from training import fit, table
from training.calibration import platt
from training.dataset import Floats, Mask
from training.splits import grouped_folds

LEAST = 0.02  # of a row: less is no evidence, and not worth a row


def weighed(own: table.Rows, simulated: table.Rows, seed: int) -> tuple[table.Rows, str]:
    """The user's rows, unlabelled ones as both classes in part, and one line of what was found.

    simulated: fitted beside them, with their labels, so that few rows are enough.
    """
    labelled = own.label == 1
    if not labelled.any() or labelled.all():
        return own, "--unlabelled: rows of one kind only, nothing to weigh"
    chance = mining_chance(_labelled_chance(own, simulated, seed), labelled)
    hidden = ~labelled & (chance >= LEAST)
    twin = table.select(own, hidden)
    twin.label[:] = 1
    twin.example = [f"{name}/may-mine" for name in twin.example]
    twin.weight = twin.weight * chance[hidden]
    rest = replace(own, weight=np.where(hidden, own.weight * np.maximum(1 - chance, 1e-6), own.weight))
    share = float(chance[~labelled].mean())
    told = (
        f"--unlabelled: {share:.1%} of {int((~labelled).sum())} unlabelled rows look like the labelled miners"
    )
    return table.concatenate([rest, twin]), told


def mining_chance(labelled_chance: Floats, labelled: Mask) -> Floats:
    """p(mining | row) of every row, 0..1, from g = p(labelled | row), out of fold; 1 where labelled."""
    g = np.clip(labelled_chance, 1e-6, 1 - 1e-6)
    c = float(np.clip(g[labelled].mean(), 1e-3, 1.0))
    weight = (1 - c) / c * g / (1 - g)
    return np.where(labelled, 1.0, np.clip(weight, 0.0, 1.0))


def _labelled_chance(own: table.Rows, simulated: table.Rows, seed: int) -> Floats:
    """p(labelled mining | row) of the user's rows, by models that had not seen their group, calibrated
    on the user's rows alone (the mix of the simulated ones is not the site's)."""
    rows = table.concatenate([own, simulated])
    data = table.dataset(rows)
    raw = fit.out_of_fold(data, [0] * len(data.names), seed, fit.FitSettings(folds=3, trees=60)).raw[
        : len(own)
    ]
    chance = np.empty(len(own))
    try:
        folds = grouped_folds(own.label, own.group, 3, seed)
    except ValueError:  # SplitError: too few groups to calibrate on strangers
        folds = [(np.arange(len(own)), np.arange(len(own)))]
    for train, held in folds:
        slope, offset = platt(raw[train], own.label[train] == 1)
        chance[held] = sigmoid(slope * raw[held] + offset)
    return chance
