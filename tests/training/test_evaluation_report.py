"""The checks of the evaluation, on a small made-up sample: each can fail."""

from __future__ import annotations

import numpy as np

from detector.features.channel import NAMES
from training.dataset import dataset_of
from training.evaluation import checks, held_out
from training.evaluation.sample import Sample
from training.evaluation.scorers import logistic


def sample() -> Sample:
    """16 groups of 15 rows, half of them mining; the last four are recorded and benign."""
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(16), 15)
    labels = (group % 2 == 0) & (group < 12)
    values = rng.normal(size=(240, len(NAMES)))
    values[:, :3] += 2.0 * labels[:, None]
    recorded = group >= 12
    names = [f"g{g:02d}" for g in group]
    rows = dataset_of(values, labels, names, NAMES, simulated=~recorded)
    time = np.where(recorded, group * 1e6, np.nan)
    sources = np.array([f"s{g % 2}" if g >= 12 else "simulated" for g in group], object)
    return Sample(rows, sources, np.zeros(240, np.int64), time)


def test_duration_is_seen_where_it_is_a_label() -> None:
    buckets = np.repeat([0, 1], 50)
    labels = buckets == 1
    told = checks.duration(buckets, labels, np.ones(100))
    assert [row[2] for row in told] == [0.0, 1.0]


def test_a_leak_is_seen() -> None:
    of = sample().rows
    found = checks.probe(checks.part(of, [0, 1, 2]), 0, logistic)
    nothing = checks.probe(checks.part(of, [10, 11]), 0, logistic)
    assert (found.auc.value or 0) > 0.9 > 0.7 > (nothing.auc.value or 0)


def test_a_threshold_that_hangs_on_one_group_says_so() -> None:
    score = np.concatenate([np.linspace(-3, 0, 196), np.full(4, 5.0)])
    labels = np.zeros(200, bool)
    groups = np.array(["many"] * 196 + ["loud"] * 4, object)
    found = held_out.Judged(score, labels, ~labels, groups, np.zeros(200, np.int64), labels)
    told = checks.hangs_on(found)
    assert told.groups == ("loud",) and told.threshold > 4.9 and told.without[0] < 0.1
