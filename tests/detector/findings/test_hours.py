"""A load that ends at the same time of most days is told so; one that rests at random is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.findings import judge
from detector.findings.hours import DAY_NS, HOUR_NS, ends_daily
from detector.hosts import Assets
from detector.records import Steps
from detector.settings import Settings
from tests.detector.findings.records import CAME, TEN, Models, ledger, power_record

MIDNIGHT = TEN // DAY_NS * DAY_NS


def load(mean: np.ndarray, step_ns: int = HOUR_NS) -> Steps:
    return Steps(MIDNIGHT, step_ns, {"mean": mean, "low": mean, "high": mean})


def working(days: int, end: int = 17) -> np.ndarray:
    day = np.full(24, 200.0)
    day[8:end] = 1_500.0
    return np.tile(day, days)


def test_a_load_that_ends_at_five() -> None:
    found = ends_daily(load(working(5)))
    assert found is not None and found.weight == 0
    assert found.summary == "its load ends at about 17:00 UTC on 5 of 5 days: work that keeps hours"


def test_an_hour_more_or_less_is_the_same_time_and_a_free_day_is_no_contradiction() -> None:
    week = np.concatenate([working(1, end) for end in (17, 18, 17, 16)] + [np.full(24, 200.0)])
    found = ends_daily(load(week))
    assert found is not None and (found.facts["met"], found.facts["days"]) == (4, 5)


def test_a_night_that_ends_after_midnight_is_one_time_of_day() -> None:
    day = np.full(24 * 4, 1_500.0)
    for start in (0, 25, 48, 72):  # lows begin at 00:00, 01:00, 00:00, 00:00
        day[start : start + 5] = 100.0
    day[23] = 100.0  # and once at 23:00
    found = ends_daily(load(day))
    assert found is not None and found.facts["ends_utc"] in ("00:00", "23:00", "01:00")


@pytest.mark.parametrize(
    "mean",
    [
        np.full(120, 1_500.0),
        working(2),
        np.full(120, np.nan),
        working(5) + 1_400.0,  # falls, and not by half
        np.concatenate([working(1, end) for end in (10, 13, 16, 19, 22)]),
    ],
    ids=["flat", "two days", "nothing", "little", "other times"],
)
def test_other_loads_keep_no_hours(mean: np.ndarray) -> None:
    assert ends_daily(load(mean)) is None


def test_steps_of_days_show_no_hour() -> None:
    assert ends_daily(load(working(5), step_ns=DAY_NS)) is None


@given(st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), max_size=192))
def test_any_load_is_told_or_not(mean: list[float]) -> None:
    found = ends_daily(load(np.array(mean)))
    assert found is None or found.facts["met"] <= found.facts["days"]


def test_it_speaks_against_a_meter_that_is_accused() -> None:
    made = ledger(meters=(power_record(0.95, description=CAME, drawn=load(working(5))),))
    (found,) = judge(made, Models(), Settings(), Assets())  # type: ignore[arg-type]
    assert "keeps_hours" in {item.kind for item in found.counter_evidence}
