"""The blocks of simulated power: exact means of pulses, colours of noise, local time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.simulation import power_scene as ps

MONDAY_NS = 1_772_409_600 * 10**9  # 2026-03-02T00:00:00Z


def make_scene(seed: int, step_s: float = 900.0, n: int = 960, offset_h: float = 0.0) -> ps.Scene:
    return ps.scene(np.random.default_rng(seed), ps.Clock(MONDAY_NS, step_s, n, offset_h))


def test_pulse_shorter_than_an_interval_gives_its_mean():
    clock = ps.Clock(MONDAY_NS, 10.0, 4)
    # 3 s of 6 W in the second interval; 10 s of 2 W across the third and fourth.
    got = ps.pulses(clock, np.array([12.0, 25.0]), np.array([3.0, 10.0]), np.array([6.0, 2.0]))
    assert got == pytest.approx([0.0, 1.8, 1.0, 1.0])


def test_overlapping_pulses_add_and_cover_once():
    clock = ps.Clock(MONDAY_NS, 10.0, 2)
    starts, lengths = np.array([0.0, 0.0]), np.array([10.0, 10.0])
    assert ps.pulses(clock, starts, lengths) == pytest.approx([2.0, 0.0])
    assert ps.covered(clock, starts, lengths) == pytest.approx([1.0, 0.0])


@given(
    st.lists(st.tuples(st.floats(0, 800), st.floats(0, 300), st.floats(0, 50)), min_size=1, max_size=20),
    st.floats(1, 90),
)
def test_pulses_keep_energy(events: list[tuple[float, float, float]], step_s: float):
    starts, lengths, heights = (np.array(column) for column in zip(*events, strict=True))
    clock = ps.Clock(MONDAY_NS, step_s, int(1200 / step_s) + 1)
    energy = ps.pulses(clock, starts, lengths, heights).sum() * step_s
    assert energy == pytest.approx((lengths * heights).sum(), rel=1e-6, abs=1e-3)


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
def test_noise_has_the_colour_asked_for(exponent: float):
    noise = ps.coloured(np.random.default_rng(1), 1 << 15, exponent)
    power = np.abs(np.fft.rfft(noise * np.hanning(len(noise)))) ** 2
    frequency = np.arange(len(power))
    use = slice(20, 8000)
    slope = np.polyfit(np.log(frequency[use]), np.log(power[use]), 1)[0]
    assert -slope == pytest.approx(exponent, abs=0.15)
    assert noise.std() == pytest.approx(1) and noise.mean() == pytest.approx(0, abs=1e-9)


def test_schedule_keeps_local_hours_and_weekdays():
    s = make_scene(0, n=96 * 14, offset_h=2.0)
    week = np.array([True] * 5 + [False] * 2)
    on = ps.daily(s, 8.0, 4.0, week=week)
    weekday = (s.clock.local_s // ps.DAY_S + 3) % 7
    expected = (s.clock.hour >= 8) & (s.clock.hour < 12) & (weekday < 5)
    assert np.array_equal(on, expected.astype(float))


def test_cycles_have_their_duty():
    on = ps.cycles(make_scene(3, step_s=60.0, n=20_000), 700.0, 0.4, 0.1)
    assert on.mean() == pytest.approx(0.4, abs=0.03)


def test_plateau_is_positive_and_near_one():
    for seed in range(40):
        level = ps.plateau(make_scene(seed))
        assert (level >= 0).all() and 0.7 < np.median(level) < 1.3
