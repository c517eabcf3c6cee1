"""Watts that follow a channel, and such that only seem to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.features.agreement import BY_CHANCE, Agreement, agreement

N = 192


def spans(*pairs: tuple[int, int]) -> np.ndarray:
    is_open = np.zeros(N, bool)
    for first, last in pairs:
        is_open[first:last] = True
    return is_open


OPEN = spans((40, 90), (120, 150))


def told(is_open: np.ndarray, watts: np.ndarray) -> Agreement:
    found = agreement(is_open, watts)
    assert found is not None
    return found


def test_a_load_that_follows_the_channel() -> None:
    found = told(OPEN, np.where(OPEN, 1_900.0, 300.0))
    assert (found.open_w, found.else_w, found.switches, found.agreed) == (1_900.0, 300.0, 4, 4)
    assert (found.steps_open, found.steps_else) == (80, 112) and found.speaks
    assert found.by_chance == pytest.approx(2 / (N - 1))  # one step to either side: levels are medians


def test_one_opening_in_a_record_that_is_long_enough() -> None:
    is_open = spans((100, N))
    assert told(is_open, np.where(is_open, 800.0, 100.0)).speaks


def test_a_load_that_steps_elsewhere_does_not_follow() -> None:
    found = told(OPEN, np.where(np.roll(OPEN, 20), 1_900.0, 300.0))
    assert found.agreed == 0 and not found.speaks


def test_a_constant_load_does_not_follow() -> None:
    found = told(OPEN, np.full(N, 1_900.0))
    assert found.agreed == 0 and found.by_chance == 1.0 and not found.speaks


def test_a_load_that_steps_everywhere_follows_by_chance() -> None:
    busy = np.where(np.arange(N) // 5 % 2 == 0, 1_900.0, 300.0)
    is_open = np.arange(N) // 5 % 2 == 0
    found = told(is_open, busy)
    assert found.agreed == found.switches and found.by_chance > BY_CHANCE and not found.speaks


def test_a_load_that_falls_as_the_channel_opens_speaks_not() -> None:
    assert not told(OPEN, np.where(OPEN, 300.0, 1_900.0)).speaks


@pytest.mark.parametrize("is_open", [np.zeros(N, bool), np.ones(N, bool), spans((0, 2))])
def test_nothing_is_said_where_one_side_is_not_known(is_open: np.ndarray) -> None:
    assert agreement(is_open, np.full(N, 300.0)) is None


def test_what_nobody_read_is_not_counted() -> None:
    watts = np.where(OPEN, 1_900.0, 300.0)
    watts[100:] = np.nan
    found = told(OPEN, watts)
    assert (found.switches, found.steps_open) == (2, 50)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 50.0, 900.0, float("nan")])), max_size=60))
def test_counts_are_in_range(rows: list[tuple[bool, float]]) -> None:
    is_open, watts = np.array([a for a, _ in rows], bool), np.array([w for _, w in rows], float)
    found = agreement(is_open, watts)
    if found is not None:
        assert 0 <= found.agreed <= found.switches < len(rows) and 0 <= found.by_chance <= 1
        assert found.steps_open + found.steps_else == int(np.isfinite(watts).sum())
