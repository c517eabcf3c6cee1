"""Budgets: what the words mean, what n can promise, and the threshold that follows."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from training import judge
from training.budget import (
    Budget,
    BudgetError,
    can_show,
    least_per_day,
    least_share,
    parse,
    support,
    support_words,
)


@pytest.mark.parametrize(
    ("text", "share", "per_day"),
    [
        ("1/1000-host-days", None, 1e-3),
        ("0.5/100-host-days", None, 5e-3),
        ("2-host-days", None, 2.0),
        ("1/1000", 1e-3, None),
        ("0.01", 0.01, None),
        ("1e-4", 1e-4, None),
    ],
)
def test_words(text: str, share: float | None, per_day: float | None) -> None:
    found = parse(text)
    assert found.per_host_day == (None if per_day is None else pytest.approx(per_day))
    if share is not None:
        assert (found.mining_fpr, found.suspicious_fpr) == pytest.approx((share, 10 * share))


@pytest.mark.parametrize(
    "text", ["", "often", "1/0", "0", "-1", "1/1000-weeks", "0.6", "99-host-days", "nan"]
)
def test_what_is_no_budget(text: str) -> None:
    with pytest.raises(BudgetError) as caught:
        parse(text)
    assert len(str(caught.value).splitlines()) == 1


def test_the_rule_of_three() -> None:
    assert least_share(3000) == pytest.approx(3 / 3000, rel=0.01)
    assert least_per_day(1000) == pytest.approx(3 / 1000, rel=0.01)
    assert least_share(0) is None and least_per_day(0.0) is None


def test_only_recorded_examples_promise() -> None:
    few = support(Budget(), benign=10_000, recorded=988, groups=90, days=0.0)
    assert not few["supported"] and few["smallest"]["recorded"] == pytest.approx(1 - 0.05 ** (1 / 988))
    assert "cannot promise" in support_words(few) and "988 of them recorded" in support_words(few)
    many = support(Budget(), benign=10_000, recorded=4000, groups=90, days=0.0)
    assert many["supported"] and "support it" in support_words(many)


def examples(logit: np.ndarray, labels: np.ndarray, days: float) -> judge.Examples:
    n = len(logit)
    text = np.array([str(i) for i in range(n)], object)
    all_of_them, days_of_each = np.ones(n, bool), np.full(n, days)
    return judge.Examples(
        labels,
        logit,
        np.zeros(n),
        all_of_them,
        text,
        np.zeros(n, np.int64),
        days_of_each,
        all_of_them,
        all_of_them,
    )


def test_a_budget_in_host_days_counts_alarms_in_the_time_there_is() -> None:
    """1 000 benign hosts seen a day each and 2 alarms in 1 000 host-days: the third highest is the limit."""
    logit = np.concatenate([np.linspace(-5, 5, 1000), np.full(10, 6.0)])
    labels = np.arange(1010) >= 1000
    found = judge.thresholds(examples(logit, labels, 1.0), parse("2/1000-host-days"))
    benign = judge.sigmoid(logit[:1000])
    assert (benign >= found.mining).sum() == 2
    assert (benign >= found.suspicious).sum() == 20
    with pytest.raises(BudgetError, match="not known how long"):
        judge.thresholds(examples(logit, labels, 0.0), parse("2/1000-host-days"))


def test_look_alikes_count_for_the_share_that_the_budget_says() -> None:
    """500 ordinary examples and 500 look-alikes that stand for 2 % of all: 1.5 % of all is three in four
    of them.  Called mining are 1 % of themselves at most, though 1 % of all were half of them."""
    logit = np.concatenate([np.linspace(-9, -4, 500), np.linspace(-3, 3, 500), np.full(10, 6.0)])
    labels = np.arange(1010) >= 1000
    known = replace(examples(logit, labels, 0.0), lookalike=np.arange(1010) >= 500)
    budget = Budget(mining_fpr=0.01, suspicious_fpr=0.015, lookalikes=0.02)
    found = judge.thresholds(known, budget)
    scores = judge.sigmoid(logit[:1000])
    assert (scores >= found.mining).sum() == 5 and (scores >= found.suspicious).sum() == 375
    alike = judge.thresholds(known, replace(budget, lookalikes=None))
    assert (scores >= alike.mining).sum() == 10 and (scores >= alike.suspicious).sum() == 15


def test_few_ordinary_examples_stand_for_nobody_else() -> None:
    """Below 3 / n = `suspicious` look-alikes count as many as they are."""
    budget = Budget()
    assert can_show(300, budget) and not can_show(290, budget) and not can_show(0, budget)
    logit = np.concatenate([np.linspace(-9, -4, 50), np.linspace(-3, 3, 2000), np.full(10, 6.0)])
    known = replace(examples(logit, np.arange(2060) >= 2050, 0.0), lookalike=np.arange(2060) >= 50)
    assert judge.thresholds(known, budget) == judge.thresholds(known, replace(budget, lookalikes=None))


def test_what_may_be_missed_sets_where_clear_ends() -> None:
    rng = np.random.default_rng(1)
    labels = np.arange(400) % 2 == 0
    logit = rng.normal(size=400) + 2 * labels
    found = judge.thresholds(examples(logit, labels, 0.0), Budget(miss=0.1))
    assert found.clear <= found.suspicious
    assert (judge.sigmoid(logit[labels]) < found.clear).mean() <= 0.1
    assert judge.thresholds(examples(logit, labels, 0.0), Budget()).clear == 1.0
    assert not math.isnan(found.clear)
