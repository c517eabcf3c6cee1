"""What is kept for pictures: sums stay sums whatever the order, in a bounded number of steps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.findings.strip import MOST, Pictures, Strip, of_power, together
from detector.records import Readings
from detector.settings import WindowSettings
from detector.windows.power import power_windows

STEP_NS = 300_000_000_000
TEN = 1_772_445_600_000_000_000
WINDOWS = st.lists(
    st.tuples(
        st.integers(0, 10_000), st.integers(0, 1_000), st.integers(0, 1_000), st.floats(0, 1, width=32)
    ),
    min_size=1,
    max_size=60,
)


def filled(windows: list[tuple[int, int, int, float]]) -> Strip:
    made = Strip(STEP_NS)
    for number, messages, pushes, score in windows:
        made.add(np.array([TEN + number * STEP_NS, messages, 0, pushes]), score)
    return made


@given(WINDOWS)
def test_sums_and_extremes_are_those_of_all_windows_in_any_order(
    windows: list[tuple[int, int, int, float]],
) -> None:
    steps = filled(windows).steps()
    turned = filled(windows[::-1]).steps()
    assert steps is not None and turned is not None
    assert len(steps.columns["messages"]) <= MOST
    assert np.nansum(steps.columns["messages"]) == sum(w[1] for w in windows)
    assert np.nansum(steps.columns["pushes"]) == sum(w[2] for w in windows)
    assert np.nanmax(steps.columns["score"]) == max(w[3] for w in windows)
    assert steps.step_ns == turned.step_ns and steps.start_ns <= TEN + windows[0][0] * STEP_NS


@given(WINDOWS)
def test_every_step_is_the_sum_of_its_windows(windows: list[tuple[int, int, int, float]]) -> None:
    """The oracle: windows put into steps one by one."""
    steps = filled(windows).steps()
    assert steps is not None
    for number, messages in enumerate(steps.columns["messages"]):
        start = steps.start_ns + number * steps.step_ns
        inside = [w for w in windows if start <= TEN + w[0] * STEP_NS < start + steps.step_ns]
        assert messages == sum(w[1] for w in inside) if inside else np.isnan(messages)


@given(WINDOWS, WINDOWS)
def test_two_channels_together_are_all_their_windows(
    a: list[tuple[int, int, int, float]], b: list[tuple[int, int, int, float]]
) -> None:
    joined = together([filled(a), None, filled(b)])
    assert joined is not None
    assert np.nansum(joined.columns["messages"]) == sum(w[1] for w in [*a, *b])


def test_nothing_is_no_picture() -> None:
    assert together([]) is None and together([None]) is None
    assert Strip(STEP_NS).steps() is None


def meters(n: int, hours: int) -> Readings:
    time = np.tile(TEN + np.arange(hours) * 3_600_000_000_000, n)
    meter = np.repeat(np.arange(n), hours)
    return Readings([f"M-{i}" for i in range(n)], meter, time, 100.0 + meter + time % 7, np.full(n, 3600.0))


@pytest.mark.parametrize("hours", [1, 24, 31 * 24, 5_000])
def test_watts_over_time_keep_their_mean_and_extremes(hours: int) -> None:
    readings = meters(1, hours)
    steps = of_power(power_windows(readings, WindowSettings()), slice(0, hours))
    assert steps is not None and len(steps.columns["mean"]) <= MOST
    assert np.nanmin(steps.columns["low"]) == readings.watts.min()
    assert np.nanmax(steps.columns["high"]) == readings.watts.max()
    assert abs(np.nanmean(steps.columns["mean"]) - readings.watts.mean()) < 1


def test_pictures_are_of_the_meter_asked_for() -> None:
    pictures = Pictures(power_windows(meters(3, 48), WindowSettings()))
    for number in range(3):
        steps = pictures.of(f"M-{number}")
        assert steps is not None and 0 <= np.nanmin(steps.columns["low"]) - 100 - number < 7
