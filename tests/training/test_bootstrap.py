"""Bounds over groups are as wide as the groups ask for, not as narrow as the rows allow."""

from __future__ import annotations

import numpy as np
import pytest

from training import bootstrap, metrics


def test_copies_of_a_row_are_no_evidence() -> None:
    """Twenty groups, ten of them all hit: copying their rows a hundredfold leaves the interval alone."""
    hit = np.arange(20) % 2 == 0
    one = bootstrap.share(hit, [str(i) for i in range(20)])
    many = bootstrap.share(np.repeat(hit, 100), [str(i) for i in range(20) for _ in range(100)])
    assert (one.low, one.high, one.groups) == pytest.approx((many.low, many.high, 20))
    rows = metrics.clopper_pearson(1000, 2000)
    assert many.high is not None and rows.high is not None and many.high > rows.high + 0.1


def test_none_seen_has_the_bound_of_its_groups() -> None:
    found = bootstrap.share([False] * 300, [str(i % 3) for i in range(300)])
    assert found.high == metrics.clopper_pearson(0, 3).high
    assert bootstrap.share([], []).value is None


def test_any_statistic() -> None:
    labels, score = np.arange(40) % 2 == 0, np.arange(40) % 2 + 0.0

    def auc(counts: np.ndarray) -> float:
        drawn = np.repeat(np.arange(40), counts.astype(int))
        return metrics.auc(labels[drawn], score[drawn])

    found = bootstrap.over_groups(auc, [str(i) for i in range(40)], draws=50)
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


def test_precision_by_hand() -> None:
    """1 % mine, 90 % of them found, 1 % false alarms: 0.9 / (0.9 + 0.99)."""
    recall, alarms = metrics.clopper_pearson(90, 100).document(), metrics.clopper_pearson(1, 100).document()
    told = metrics.precision_at(0.01, recall, alarms)
    assert told["value"] == pytest.approx(0.009 / (0.009 + 0.99 * 0.01))
    assert told["low"] is not None and told["high"] is not None
    assert told["low"] < told["value"] < told["high"]
    nothing = metrics.clopper_pearson(0, 0).document()
    assert metrics.precision_at(0.01, nothing, alarms)["value"] is None
