"""Power features: worked values, what must not change them, and what must make them unknown."""

import numpy as np
import pytest

from detector.features.power import FEATURES, NAMES, extract
from detector.features.power_facts import describe, describe_all
from detector.records import PowerWindows, Readings
from detector.settings import WindowSettings
from detector.windows.power import merge, power_windows

S = 1_000_000_000
T0 = 1_767_571_200  # Monday 2026-01-05, UTC
DAY = 96  # readings of 15 minutes
Series = np.ndarray[tuple[int], np.dtype[np.float64]]


def windows_of(*series: Series, step_s: int = 900, start_s: int = T0) -> PowerWindows:
    times = [(start_s + np.arange(len(s)) * step_s) * S for s in series]
    table = Readings(
        [f"m{i}" for i in range(len(series))],
        np.repeat(np.arange(len(series)), [len(s) for s in series]),
        np.concatenate(times).astype(np.int64),
        np.concatenate(series).astype(np.float64),
        np.full(len(series), float(step_s)),
    )
    return power_windows(table, WindowSettings())


def features_of(*series: Series, step_s: int = 900, **options: int) -> list[dict[str, float]]:
    _, vectors = extract(windows_of(*series, step_s=step_s), **options)
    return [dict(zip(NAMES, row.tolist(), strict=True)) for row in vectors.values]


def household(days: int, seed: int = 1) -> Series:
    rng = np.random.default_rng(seed)
    hour = np.arange(days * DAY) % DAY / 4
    return np.round(
        300 + 500 * ((hour >= 17) & (hour < 23)) * rng.random(days * DAY) + 40 * rng.random(days * DAY)
    )


def miner(n: int, watts: float = 3250.0, noise: float = 0.004, seed: int = 2) -> Series:
    return np.round(watts * (1 + noise * np.random.default_rng(seed).normal(size=n)))


def test_table_of_features_is_complete() -> None:
    assert len(set(NAMES)) == len(NAMES) == len(FEATURES)
    assert all(feature.what and feature.why for feature in FEATURES)


def test_two_level_day_by_hand() -> None:
    """1000 W from 00 to 12, 3000 W from 12 to 24, for 14 days."""
    (found,) = features_of(np.tile(np.repeat([1000.0, 3000.0], DAY // 2), 14))
    expected = {
        "level.log_mean_kw": np.log10(2.001), "level.idle_ratio": 1 / 3, "level.place": 0.5,
        "quantile.q05": 0.5, "quantile.q95": 1.5, "two.explained": 1.0, "two.gap": 1.0, "two.high_share": 0.5,
        "day.load_factor": 2 / 3, "day.hourly_cv": 0.5, "day.base_share": 0.5,
        "night.ratio": 1000 / ((4 * 1000 + 10 * 3000) / 14),
        # bands: 00-08 1000; 08-12, 17-21 2000; 12-17, 21-24 3000
        "band.cv": np.std([1000, 2000, 3000]) / 2000, "days.mean_cv": 0.0, "days.weekend_mean": 1.0,
        "days.profile_explains": 1.0, "dip.share": 0.0, "quality.log_quantum": 0.0,
        "quality.missing": 0.0, "quality.stuck": 1.0, "quality.zeros": 0.0,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-9)


def test_onset_by_hand() -> None:
    """A household of three repeating readings that gains exactly 2000 W after 7 of 21 days."""
    before = np.tile([400.0, 410.0, 420.0], 21 * DAY // 3)
    (found,) = features_of(before + np.where(np.arange(len(before)) >= 7 * DAY, 2000.0, 0.0))
    level = 410 + 2000 * 2 / 3
    assert found["onset.explained"] > 0.9999 and found["shift.explained"] > 0.9999
    assert found["onset.step"] == pytest.approx(2000 / level)
    assert found["onset.log_kw"] == pytest.approx(np.log10(21))
    assert found["onset.persists"] == found["shift.persists"] == 1.0
    assert found["onset.support"] == pytest.approx(1 / 3)
    assert found["onset.hours_spread"] == pytest.approx(0, abs=1e-9)
    assert found["onset.hours_least"] == pytest.approx(2000 / level / (2000 / level + 0.02))
    assert found["onset.agreement"] == pytest.approx(2000 / level / (2000 / level + 0.02))
    assert found["onset.residual"] == pytest.approx(0, abs=0.01)


def test_what_is_added_tells_a_miner_from_an_evening_load() -> None:
    house, later = household(28), np.arange(28 * DAY) >= 14 * DAY
    evening = np.arange(28 * DAY) % DAY >= 68
    mining, heater = features_of(house + 3000 * later, house + 3000 * (later & evening))
    assert mining["onset.hours_least"] > 0.9 and mining["onset.explained"] > 0.95
    assert not heater["onset.hours_least"] > 0.3


def test_dips_are_counted_measured_and_not_confused_with_switching() -> None:
    """300 s windows of 10 s readings: 2000 W, and in every third window 500 W for 30 s."""
    n = 36 * 30
    load = 2000 + np.tile([0.0, 1.0], n // 2)
    dipped = load.copy()
    for window in range(1, 36, 3):
        dipped[window * 30 + 10 : window * 30 + 13] = 500.0
    switched = np.where(np.arange(n) > n // 2 + 7, 2000.0, 500.0) + np.tile([0.0, 1.0], n // 2)
    plain, dips, switch = features_of(load, dipped, switched, step_s=10)
    assert plain["dip.share"] == 0.0 and np.isnan(plain["dip.depth"])
    assert switch["dip.share"] == 0.0
    assert dips["dip.share"] == pytest.approx(1 / 3)
    assert dips["dip.depth"] == pytest.approx(0.75, abs=0.002)
    assert 10 ** dips["dip.log_seconds"] - 1 == pytest.approx(30, abs=0.5)
    assert dips["within.falls_per_h"] == pytest.approx(4.0)
    facts = describe(windows_of(dipped, step_s=10), "m0")
    assert facts["dips"] == 12 and facts["dip_recovery_s"] == pytest.approx(30, abs=0.5)


def test_noise_inside_fast_windows() -> None:
    """1000 W and 1010 W in turn: standard deviation 5 W."""
    (found,) = features_of(np.tile([1000.0, 1010.0], 1800), step_s=1)
    assert found["within.spread"] == pytest.approx(5 / 1005, rel=1e-6)
    assert found["within.range"] == pytest.approx(10 / 1005, rel=1e-6)
    assert found["within.step"] == pytest.approx(10 / np.sqrt(2) / 1005, rel=1e-6)
    assert found["within.falls_per_h"] == 0.0
    assert np.isnan(found["day.load_factor"])  # an hour is no day


@pytest.mark.parametrize(
    ("watts", "state"),
    [
        (np.full(14 * DAY, 10.0), "stuck"),
        (np.zeros(14 * DAY), "off"),
        (np.where(np.arange(14 * DAY) == 700, 280.0, 270.0), "coarse"),
    ],
)
def test_what_cannot_be_seen_does_not_look_flat(watts: Series, state: str) -> None:
    (found,) = features_of(watts)
    shapes = [value for name, value in found.items() if not name.startswith(("level.log", "quality."))]
    assert np.isnan(shapes).all()
    facts = describe(windows_of(watts), "m0")
    assert facts["state"] == state and facts["flatness"] is None and facts["load_factor"] is None


def test_spread_below_the_quantum_is_unknown_and_above_it_is_measured() -> None:
    coarse_meter = (
        np.round(miner(28 * DAY, noise=0.02) / 400) * 400
    )  # 100 Wh a quarter hour: now and then a step
    fine, coarse = features_of(miner(28 * DAY), coarse_meter)
    assert fine["plateau.width60"] < 0.01 and fine["day.hourly_cv"] < 0.01
    assert np.isnan(coarse["plateau.width60"])
    assert coarse["quality.log_quantum"] > -1.0 > fine["quality.log_quantum"]


def test_scaling_watts_moves_the_level_alone() -> None:
    base = household(21) + np.where(np.arange(21 * DAY) > 10 * DAY, miner(21 * DAY), 0)
    one, eight = features_of(base, base * 8)
    for name in NAMES:
        if name.startswith("level.log") or name == "onset.log_kw":
            continue
        assert eight[name] == pytest.approx(one[name], rel=1e-6, abs=1e-9, nan_ok=True), name
    assert eight["level.log_mean_kw"] > one["level.log_mean_kw"] + 0.8


def test_shift_by_whole_weeks_changes_nothing() -> None:
    load = household(21)
    _, a = extract(windows_of(load))
    _, b = extract(windows_of(load, start_s=T0 + 5 * 604_800))
    np.testing.assert_allclose(a.values, b.values, rtol=1e-9, equal_nan=True)


def test_local_time_moves_the_night() -> None:
    hour = np.arange(14 * DAY) % DAY // 4
    load = np.where((hour >= 16) & (hour < 22), 100.0, 1000.0)  # quiet at night of UTC+8
    (utc,), (china,) = features_of(load), features_of(load, timezone_offset_s=8 * 3600)
    assert china["night.ratio"] == pytest.approx(0.1) and utc["night.ratio"] > 1
    with pytest.raises(ValueError, match="within a day"):
        extract(windows_of(load), timezone_offset_s=86_400)


def test_meters_do_not_see_each_other() -> None:
    loads = (household(28), miner(3 * DAY), household(9, seed=5) + 3000, np.full(10, 5.0))
    names, together = extract(windows_of(*loads))
    assert names == ["m0", "m1", "m2", "m3"]
    for i, load in enumerate(loads):
        _, alone = extract(windows_of(load))
        np.testing.assert_allclose(together.values[i], alone.values[0], rtol=1e-9, atol=1e-12, equal_nan=True)


def test_merged_chunks_give_the_features_of_the_whole() -> None:
    load = household(14)
    cut = 5 * DAY + 33
    pieces = [windows_of(load[:cut]), windows_of(load[cut:], start_s=T0 + cut * 900)]
    _, whole = extract(windows_of(load))
    _, merged = extract(merge(*pieces))
    np.testing.assert_allclose(merged.values, whole.values, rtol=1e-9, equal_nan=True)


def test_fast_readings_give_the_daily_features_of_their_hours() -> None:
    load = household(14) + np.where(np.arange(14 * DAY) >= 6 * DAY, 700.0, 0.0)
    (slow,), (fast,) = features_of(load), features_of(np.repeat(load, 15), step_s=60)
    for name in (
        "day.load_factor",
        "day.hourly_cv",
        "band.cv",
        "night.ratio",
        "onset.explained",
        "days.floor_cv",
    ):
        assert fast[name] == pytest.approx(slow[name], rel=1e-9), name


def test_daily_energy_and_gaps() -> None:
    daily = np.concatenate([np.tile([10.0, 11.0], 20), np.tile([80.0, 81.0], 20)])
    (found,) = features_of(daily, step_s=86_400)
    assert found["onset.mean_explained"] > 0.99 and found["shift.persists"] == 1.0
    assert np.isnan(found["day.load_factor"]) and np.isnan(found["onset.explained"])
    with_gap = household(14)
    with_gap[3 * DAY : 5 * DAY] = 0.0  # a collector that writes 0 for "no data"
    (filled,) = features_of(with_gap)
    assert filled["days.mean_cv"] < 0.1 and filled["quality.zeros"] == pytest.approx(2 / 14)


def test_a_load_that_rests_at_zero_has_days_without_a_watt() -> None:
    """A charging point's idle days are days; a household's are gaps that were filled."""
    charging = np.zeros((30, DAY))
    charging[::3, 70:82] = 7_000.0  # from 17:30 for three hours, every third day
    charging[15:] += 3_300.0
    home = household(30).reshape(30, DAY)
    home[3:12] = 0.0
    home[2, 60:] = 0.0  # where the gap begins
    point, house = features_of(charging.ravel(), home.ravel())
    assert point["onset.explained"] > 0.9 and point["onset.support"] == pytest.approx(0.5)
    assert point["onset.hours_low"] == pytest.approx(1.0, abs=0.02)
    assert house["days.mean_cv"] < 0.2


def test_describe_tells_the_onset_of_a_miner() -> None:
    start = 10 * DAY
    load = household(21) + np.where(np.arange(21 * DAY) >= start, miner(21 * DAY), 0.0)
    facts = describe(windows_of(load), "m0")
    assert facts["onset_ns"] == (T0 + start * 900) * S
    assert facts["step_w"] == pytest.approx(3250, rel=0.01) and facts["persists_h"] == 11 * 24
    assert facts["quantum_w"] == 1.0 and facts["resolution_s"] == 900.0 and facts["state"] == "ok"
    assert (facts["first_ns"], facts["last_ns"]) == (T0 * S, (T0 + 21 * 86_400 - 3600) * S)
    assert describe(windows_of(household(21)), "m0")["onset_ns"] is None
    oslo = describe(windows_of(load, start_s=T0 - 3600), "m0", timezone_offset_s=3600)
    assert oslo["onset_ns"] == (T0 - 3600 + start * 900) * S
    with pytest.raises(KeyError):
        describe(windows_of(load), "nobody")


def test_describe_all_equals_describe() -> None:
    windows = windows_of(household(21), miner(3 * DAY), np.full(10, 5.0), household(9))
    together = describe_all(windows)
    assert list(together) and together == {name: describe(windows, name) for name in together}


def test_any_record_gives_finite_numbers_or_nan() -> None:
    rng = np.random.default_rng(7)
    hostile = [
        np.array([1e9]),
        np.array([-5.0, 5.0]),
        rng.normal(size=50) * 1e8,
        np.full(200, 1e-300),
        -household(5),
    ]
    for step_s in (1, 60, 900, 3600, 86_400, 2_592_000):
        _, vectors = extract(windows_of(*hostile, step_s=step_s))
        assert vectors.values.shape == (5, len(NAMES)) and not np.isinf(vectors.values).any()
    nobody, none = extract(PowerWindows([], *(np.empty(0, np.int64),) * 2, np.empty(0), np.empty((0, 18))))
    assert nobody == [] and len(none) == 0
