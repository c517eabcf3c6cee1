"""How power is judged: rules by hand, thresholds of the other half, and who may be accused at all."""

import numpy as np
import pytest

from detector.features import power as features
from detector.records import Readings
from training import judge
from training.bootstrap import Interval
from training.budget import Budget
from training.evaluation import power, power_picture, power_rules
from training.evaluation.power_sample import PowerSample

DAYS = 60
HOURS = np.arange(DAYS * 24)


def readings(watts: np.ndarray, step_s: int = 3600) -> Readings:
    n = len(watts)
    time = np.arange(n) * step_s * 10**9
    return Readings(["m"], np.zeros(n, np.int64), time, watts.astype(float), np.array([float(step_s)]))


def test_bands_by_hand() -> None:
    """1 kW from 00 to 08, 3 kW in the peak hours 08-12 and 17-21, 2 kW else."""
    hour = HOURS % 24
    peak = ((hour >= 8) & (hour < 12)) | ((hour >= 17) & (hour < 21))
    days = power_rules.band_days(readings(np.where(hour < 8, 1000, np.where(peak, 3000, 2000))))
    assert days.shape == (DAYS, 3) and np.allclose(days, [8.0, 24.0, 16.0])
    assert power_rules.flatness(readings(np.full(len(HOURS), 500.0))) == pytest.approx(0)
    quarters = np.repeat(np.where(hour < 8, 1000.0, 2000.0), 4)
    assert np.allclose(power_rules.band_days(readings(quarters, 900)), [8.0, 16.0, 16.0])


def test_days_with_gaps_are_left_out_and_a_week_is_needed() -> None:
    gap = readings(np.full(len(HOURS), 1.0))
    keep = np.arange(len(HOURS)) != 30
    short = Readings(["m"], gap.meter[keep], gap.time_ns[keep], gap.watts[keep], gap.interval_s)
    assert len(power_rules.band_days(short)) == DAYS - 1
    assert np.isnan(power_rules.clauses(readings(np.ones(6 * 24))))


def test_clauses_of_a_large_miner_and_of_a_household() -> None:
    """10 kW day and night: 7200 kWh a month, 2400 in the valley; only its months do not differ."""
    assert power_rules.clauses(readings(np.full(len(HOURS), 10_000.0))) == pytest.approx(5 / 6)
    starts = np.where(HOURS < 30 * 24, 3000.0, 30_000.0)
    assert power_rules.clauses(readings(starts)) == 1.0
    evening = np.where((HOURS % 24 >= 17) & (HOURS % 24 < 21), 1500.0, 150.0)
    assert power_rules.clauses(readings(evening)) < 0.5


def sample(label: np.ndarray, group: list[str]) -> PowerSample:
    n = len(label)
    zeros, texts = np.zeros(n), ["none"] * n
    return PowerSample(
        np.full((n, len(features.NAMES)), np.nan), label, np.ones(n, bool), zeros, np.zeros(n, bool), zeros,
        zeros, zeros, zeros, zeros, ["meter"] * n, group, texts, texts, texts, texts, texts,
        np.zeros((n, 8)),
    )  # fmt: skip


def test_thresholds_come_from_the_other_half() -> None:
    """Benign scores of groups a are 0..99, of b 100..199: a is held to b's limit and b to a's."""
    label = np.zeros(202, bool)
    label[200:] = True
    rows = sample(label, ["a"] * 100 + ["b"] * 100 + ["a", "b"])  # the two letters lie in different halves
    score = np.concatenate([np.arange(200.0), [150.0, 150.0]])
    hit = power.called(rows, score, 0.01)
    assert not hit[:100].any() and hit[100:200].all()
    assert not hit[200] and hit[201]


def test_steady_kinds_are_counted_by_tier_and_only_where_benign() -> None:
    """Ten of meters, two of them called; five of nodes; a miner and an office do not count."""
    n = 18
    rows = sample(np.arange(n) == 15, ["a"] * n)
    rows.family[:] = ["telecom"] * 9 + ["steady 4"] + ["cold store"] * 5 + ["telecom", "office", "office"]
    rows.tier[10:15] = ["node"] * 5
    mining = np.isin(np.arange(n), (0, 9, 15, 16))
    told = power._steady(power.Judged(rows, np.zeros(n), (mining, mining), mining, mining))
    meters, nodes = (
        line for line in told.splitlines() if "min" in line.partition("|")[2][:24] or "nodes" in line
    )
    assert "| 10 | 2 of 10" in meters and "| 5 | 0 of 5" in nodes


def test_worth_at_a_rare_prevalence() -> None:
    label = np.array([True] * 10 + [False] * 1000)
    hit = np.zeros(1010, bool)
    hit[:8] = True
    recall, alarms, precision, f1 = power._worth(hit, label)
    assert recall.startswith("80.0%") and alarms.startswith("0 of 1000") and precision.startswith("100.0%")
    assert float(f1) == pytest.approx((2 * 0.8 / 1.8 + 1) / 2, abs=1e-3)
    assert power._worth(np.zeros(1010, bool), label)[2].startswith("0.0%")


def test_who_may_not_be_accused_is_no_false_alarm() -> None:
    """The highest benign score is of a load that was always there: it does not set the limit of mining."""
    n = 2001
    logit, may = np.linspace(-4, 4, n), np.ones(n, bool)
    may[-100:] = False
    examples = judge.Examples(
        np.zeros(n, bool), logit, np.zeros(n), np.ones(n, bool), np.arange(n).astype(object),
        np.zeros(n, np.int64), np.zeros(n), may, np.ones(n, bool),
    )  # fmt: skip
    with_gate = judge.thresholds(examples, Budget(mining_fpr=0.001))
    without = judge.thresholds(examples.part(may), Budget(mining_fpr=0.001))
    assert with_gate.mining == pytest.approx(without.mining, abs=2e-3)
    assert with_gate.mining < 1 / (1 + np.exp(-logit[-101])) + 1e-9


def test_picture_shows_every_known_point() -> None:
    points = [Interval(0.5, 0.4, 0.6, 20)] * 3 + [Interval(None, None, None, 0)] * 5
    drawn = power_picture.picture({"one": points, "two": points})
    assert drawn.count("<circle") == 4 and drawn.count("<polyline") == 2  # three points and the key
    assert drawn.startswith("<svg") and "miner's share" in drawn
