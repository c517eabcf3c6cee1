"""Explanations are exact: they add up, and each part is what a walk by hand says."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from detector.findings import judge
from detector.hosts import Asset, Assets
from detector.model import KINDS, NOVELTY, Bundle, Model
from detector.pipeline import Request, score
from detector.records import Finding, Vectors, Verdict
from detector.settings import Settings
from tests.detector.findings.records import CAME, channel_record, heard, host, ledger, power_record
from training import export

SAMPLES = Path(__file__).parents[3] / "sample_data"
BUNDLE = Bundle.load()


def by_hand(model: Model, row: np.ndarray) -> tuple[float, dict[str, float]]:
    """Start and contributions of a row, one tree after the other, as Saabas (2014) defines them."""
    trees, names = model.booster, (*model.names, NOVELTY)
    values = np.append(row, model.novelty(row[np.newaxis])[0])
    start, moved = model.base, dict.fromkeys(names, 0.0)
    for node in trees.root.tolist():
        start += float(trees.value[node])
        while True:
            feature, x = int(trees.feature[node]), values[trees.feature[node]]
            left = bool(trees.missing_left[node]) if math.isnan(x) else x <= trees.threshold[node]
            child = int(trees.children[2 * node + int(left)])
            if child == node:
                break
            moved[names[feature]] += float(trees.value[child] - trees.value[node])
            node = child  # noqa: PLW2901  the walk
    return model.slope * start + model.offset, {n: model.slope * v for n, v in moved.items() if v}


@pytest.mark.parametrize("kind", KINDS)
def test_contributions_are_those_of_a_walk_by_hand_and_add_up(kind: str) -> None:
    model = BUNDLE.model(kind)
    rows = BUNDLE.reference[kind].rows[:40]
    for row, logit in zip(rows, model.score(Vectors(model.names, rows)).logit.tolist(), strict=True):
        start, expected = by_hand(model, row)
        told = dict(model.contributions(row))
        assert told == pytest.approx(expected, abs=1e-12)
        assert model.start == pytest.approx(start, abs=1e-12)
        assert start + sum(told.values()) == pytest.approx(logit, abs=1e-9)


def reached(nodes: np.ndarray, row: np.ndarray) -> list[int]:
    """The nodes of one of scikit-learn's own trees that a row passes, the root first."""
    path, node = [0], nodes[0]
    while not node["is_leaf"]:
        x = row[node["feature_idx"]]
        left = node["missing_go_to_left"] if np.isnan(x) else x <= node["num_threshold"]
        path.append(int(node["left"] if left else node["right"]))
        node = nodes[path[-1]]
    return path


def test_contributions_are_those_of_the_training_rows_below_each_node() -> None:
    """The oracle knows nothing of our arrays: scikit-learn's trees, and what they say of the rows they
    were fitted to.  A split is credited with how the mean of the rows that took it differs (Saabas 2014)."""
    rng = np.random.default_rng(7)
    rows = rng.normal(size=(300, 5)) * [1.0, 10.0, 0.01, 1.0, 1.0]
    rows[rng.random(rows.shape) < 0.2] = np.nan
    labels = np.nan_to_num(rows[:, 0]) + rng.normal(size=300) > 0
    fitted = HistGradientBoostingClassifier(
        max_iter=12, max_leaf_nodes=9, early_stopping=False, random_state=3
    )
    trees, base = export.booster(fitted.fit(rows, labels))
    start, expected = base, np.zeros((20, 5))
    for (predictor,) in fitted._predictors:
        nodes = predictor.nodes
        paths = [reached(nodes, row) for row in rows]
        leaves = nodes["value"][[path[-1] for path in paths]]
        mean = {n: leaves[[n in path for path in paths]].mean() for n in {n for path in paths for n in path}}
        start += mean[0]
        for at, path in enumerate(paths[:20]):
            for here, child in itertools.pairwise(path):
                expected[at, nodes[here]["feature_idx"]] += mean[child] - mean[here]
    for at, logit in enumerate(fitted.decision_function(rows[:20]).tolist()):
        moved, begun = trees.contribute(rows[at])
        assert moved == pytest.approx(expected[at], abs=1e-12)
        assert base + begun == pytest.approx(start, abs=1e-12)
        assert base + begun + moved.sum() == pytest.approx(logit, abs=1e-9)


def adds_up(finding: Finding) -> None:
    told: Any = finding.explanation
    assert told["start"] + told["forgotten"] + sum(
        part["contribution"] for part in told["parts"]
    ) == pytest.approx(told["logit"], abs=1e-9)
    assert 1 / (1 + math.exp(-told["logit"])) == pytest.approx(finding.score, abs=1e-12)


@pytest.mark.parametrize("watts", [None, 0.05, 0.7, 0.99])
@pytest.mark.parametrize("came", [{}, CAME])
@pytest.mark.parametrize("network", [0.3, 0.8, 0.99])
@pytest.mark.parametrize("facts", [None, heard()])
def test_explanations_of_fused_hosts_add_up(
    network: float, watts: float | None, came: dict[str, Any], facts: Any
) -> None:
    channel = channel_record(network, suspect_windows=2 * (network > 0.5), facts=facts, heard_ns=1)
    asset = Asset("rig")
    meters = ()
    if watts is not None:
        row = BUNDLE.reference["power"].rows[0]
        (logit,) = BUNDLE.power.score(Vectors(BUNDLE.power.names, row[np.newaxis])).logit.tolist()
        novelty = float(BUNDLE.power.novelty(row[np.newaxis])[0])
        probability = 1 / (1 + math.exp(-logit))
        meters = (power_record(probability, values=row, logit=logit, novelty=novelty, description=came),)
    made = ledger({"10.0.0.7": host(channel)}, meters)
    (found,) = judge(made, BUNDLE, Settings(), Assets({"10.0.0.7": asset}, {"M-1": asset}))
    if found.explanation is not None:
        adds_up(found)


def test_explanations_of_the_samples_add_up() -> None:
    found = score(Request((str(SAMPLES),), assets=str(SAMPLES / "assets.csv"))).findings
    told = [
        finding for finding in found if finding.score is not None and finding.verdict is not Verdict.CLEAR
    ]
    assert {finding.explanation and finding.explanation["model"] for finding in told} == {"fusion", "power"}
    for finding in told:
        adds_up(finding)
