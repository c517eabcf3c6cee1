"""Rates, ranking and calibration against scikit-learn, scipy and values by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, chi2
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from training import calibration, metrics


def test_rule_of_three() -> None:
    """0 of 388 proves nothing below 0.8 % one-sided; two-sided 0.95 %."""
    rate = metrics.clopper_pearson(0, 388)
    assert (rate.value, rate.low) == (0.0, 0.0)
    assert rate.high == pytest.approx(1 - 0.025 ** (1 / 388))


@given(st.integers(0, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_clopper_pearson_is_scipys(counts: tuple[int, int]) -> None:
    count, n = counts
    rate = metrics.clopper_pearson(count, n)
    if n == 0:
        assert (rate.value, rate.low, rate.high) == (None, None, None)
        return
    exact = binomtest(count, n).proportion_ci(method="exact")
    assert (rate.low, rate.high) == pytest.approx((exact.low, exact.high), abs=1e-9)


@pytest.mark.parametrize("counts", [(-1, 3), (4, 3)])
def test_impossible_counts(counts: tuple[int, int]) -> None:
    with pytest.raises(ValueError):
        metrics.clopper_pearson(*counts)


@pytest.mark.parametrize("alarms", [0, 1, 7])
def test_alarms_per_thousand_host_days(alarms: int) -> None:
    rate = metrics.per_thousand_host_days(alarms, 500.0)
    assert rate.value == alarms * 2
    assert rate.high == pytest.approx(chi2.ppf(0.975, 2 * alarms + 2) / 2 * 2)
    assert rate.low == pytest.approx(chi2.ppf(0.025, 2 * alarms) / 2 * 2 if alarms else 0.0)
    assert metrics.per_thousand_host_days(0, 0.0).high is None


scored = st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=40)


@settings(deadline=None)
@given(scored)
def test_ranking_is_scikit_learns(pairs: list[tuple[bool, int]]) -> None:
    labels = [label for label, _ in pairs]
    scores = [score / 7 for _, score in pairs]
    if not any(labels):
        assert math.isnan(metrics.average_precision(labels, scores))
        return
    assert metrics.average_precision(labels, scores) == pytest.approx(average_precision_score(labels, scores))
    assert metrics.brier(labels, scores) == pytest.approx(brier_score_loss(labels, scores, pos_label=True))
    if not all(labels):
        assert metrics.auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores))


def test_calibration_error_by_hand() -> None:
    """Half of the rows say 0.9 and half of those mine; half say 0.1 and none do: (0.4 + 0.1) / 2."""
    probability = [0.9] * 4 + [0.1] * 4
    labels = [True, True, False, False] + [False] * 4
    assert metrics.expected_calibration_error(labels, probability) == pytest.approx(0.25)
    weights = [1.0] * 4 + [0.0] * 4
    assert metrics.expected_calibration_error(labels, probability, weights) == pytest.approx(0.4)
    assert metrics.expected_calibration_error([True, False], [1.0, 0.0]) == 0.0


def judged(alarms: int, found: int, precision: float) -> dict[str, Any]:
    rates = {
        "false_alarms": metrics.clopper_pearson(alarms, 100).document(),
        "recall": metrics.clopper_pearson(found, 100).document(),
    }
    return {"mining": rates, "average_precision": precision}


@pytest.mark.parametrize(
    ("new", "told"),
    [
        (judged(1, 90, 0.9), None),
        (judged(0, 95, 0.95), None),
        (judged(1, 90, 0.895), None),  # within tolerance
        (judged(2, 99, 0.99), "fewer benign"),
        (judged(1, 80, 0.95), "finds more"),
        (judged(1, 90, 0.8), "ranks better"),
        (judged(0, 80, 0.95), "finds more"),
    ],
)
def test_which_of_two_models_is_better(new: dict[str, Any], told: str | None) -> None:
    said = metrics.better(judged(1, 90, 0.9), new)
    assert (said is None) if told is None else (said is not None and told in said and "\n" not in said)


def test_models_judged_on_other_rows_are_not_compared() -> None:
    other = metrics.at_thresholds([True, False], [0.9, 0.1], 0.5, 0.5)
    with pytest.raises(ValueError, match="different rows"):
        metrics.better(judged(1, 90, 0.9), other)


def test_at_thresholds_by_hand() -> None:
    told = metrics.at_thresholds([True, True, False, False], [0.9, 0.6, 0.6, 0.1], mining=0.9, suspicious=0.6)
    assert [told["mining"][k]["count"] for k in ("false_alarms", "recall")] == [0, 1]
    assert [told["suspicious"][k]["count"] for k in ("false_alarms", "recall")] == [1, 2]


def test_platt_recovers_what_made_the_labels() -> None:
    rng = np.random.default_rng(0)
    logit = rng.normal(0, 3, 20_000)
    labels = rng.random(20_000) < 1 / (1 + np.exp(-(0.7 * logit - 1)))
    slope, offset = calibration.platt(logit, labels)
    assert (slope, offset) == pytest.approx((0.7, -1.0), abs=0.05)
    fitted = LogisticRegression(C=np.inf, tol=1e-8).fit(logit[:, None], labels)
    assert (slope, offset) == pytest.approx((fitted.coef_[0, 0], fitted.intercept_[0]), abs=1e-3)


def test_platt_weights_count_rows() -> None:
    rng = np.random.default_rng(1)
    logit, labels = rng.normal(size=4000), rng.random(4000) < 0.5
    weights = rng.integers(1, 4, 4000)
    repeated = np.repeat(np.arange(4000), weights)
    assert calibration.platt(logit, labels, weights) == pytest.approx(
        calibration.platt(logit[repeated], labels[repeated]), abs=2e-3
    )


@pytest.mark.parametrize(("sign", "slope"), [(1.0, calibration.SLOPE[1]), (-1.0, calibration.SLOPE[0])])
def test_platt_slope_is_bounded(sign: float, slope: float) -> None:
    """Perfect separation asks for any slope, reversed scores for a negative one."""
    logit = np.concatenate([np.full(500, -0.01), np.full(500, 0.01)]) * sign
    assert calibration.platt(logit, np.arange(1000) >= 500)[0] == slope


def test_what_is_kept_of_a_metric_does_not_tell_on_which_processor_it_was_summed() -> None:
    """Two that had the same rows, the same models and the same scores gave these."""
    sums = {"brier": 0.17381942335404, "error": 0.0174482033348}
    others = {"brier": 0.17381942335421, "error": 0.0174482033374}
    assert metrics.rounded(sums) == metrics.rounded(others) == {"brier": 0.173819, "error": 0.0174482}


def test_only_floats_are_rounded() -> None:
    told = {"a": 0.123456789, "b": {"n": 12345678, "none": None, "yes": True}, "c": ["text", 1 / 3]}
    kept = metrics.rounded(told)
    assert kept == {"a": 0.123457, "b": told["b"], "c": ["text", 0.333333]}
    assert metrics.rounded(kept) == kept


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_rounded_float_is_near(value: float) -> None:
    assert metrics.rounded(value) == pytest.approx(value, rel=10.0 ** (1 - metrics.DIGITS), abs=1e-300)
