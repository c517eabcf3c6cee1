"""Registers, polls of several devices, calendar months: what stands between a table and mean watts."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.features import power, power_facts
from detector.records import Readings
from detector.settings import WindowSettings
from detector.telemetry import collect, csv_log, held, read_power
from detector.telemetry.groups import place_in_group
from detector.telemetry.samples import FELL, Samples, increments
from detector.windows.power import power_windows

S = 1_000_000_000


def write(folder: Path, text: str, name: str = "log.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def test_a_register_that_is_replaced_costs_one_interval(tmp_path: Path) -> None:
    values = [9000 + 0.5 * i for i in range(30)] + [0.25 + 0.5 * i for i in range(30)]
    rows = [f"2026-01-01 {i // 4:02d}:{i % 4 * 15:02d},{v}\n" for i, v in enumerate(values)]
    readings = read_power(write(tmp_path, "time,kwh\n" + "".join(rows)))
    assert set(readings.watts.tolist()) == {2000.0} and len(readings) == 58
    assert readings.dropped == {FELL: 1}


def test_a_column_called_register_is_one_however_short(tmp_path: Path) -> None:
    text = "time,register kWh\n2026-01-01 00:00,100\n2026-01-01 01:00,102\n2026-01-01 02:00,103\n"
    assert read_power(write(tmp_path, text)).watts.tolist() == [2000.0, 1000.0]


def test_energy_that_rises_through_a_morning_and_falls_a_little_is_no_register(tmp_path: Path) -> None:
    values = [1 + 0.1 * i for i in range(40)] + [4.5, 4.0]
    rows = [f"2026-01-01 {i // 4:02d}:{i % 4 * 15:02d},{v}\n" for i, v in enumerate(values)]
    readings = read_power(write(tmp_path, "time,kwh\n" + "".join(rows)))
    assert len(readings) == 42 and readings.watts[0] == 4000.0 and not readings.dropped


def test_joules_since_the_start(tmp_path: Path) -> None:
    rows = [f"{1720410814000 + 1000 * i},{500 + 65 * i}\n" for i in range(30)]
    readings = read_power(write(tmp_path, "Time(ms),PACKAGE_ENERGY (J)\n" + "".join(rows).replace("ms", "")))
    assert np.allclose(readings.watts, 65.0)


@pytest.mark.parametrize(
    ("text", "watts"),
    [
        ("time,power_mW\n2026-01-01,250000\n2026-01-02,1\n", 250.0),  # not megawatts
        ("time,power_microwatts\n2026-01-01,250000000\n2026-01-02,1\n", 250.0),
        ("time,1-0:1.7.0\n2026-01-01,0.25\n2026-01-02,1\n", 250.0),  # OBIS: kW
        ("time,02030000\n2026-01-01,0.25\n2026-01-02,1\n", 250.0),  # DL/T 645: XX.XXXX kW
        ("time,00010000\n2026-01-01 00:00,10\n2026-01-01 02:00,10.5\n", 250.0),  # DL/T 645 register, kWh
        ("time,00100200\n2026-01-01 00:00,10\n2026-01-01 02:00,10.5\n", 250.0),  # DL/T 698.45
    ],
)
def test_units_and_codes_in_names(tmp_path: Path, text: str, watts: float) -> None:
    assert read_power(write(tmp_path, text)).watts[0] == pytest.approx(watts)


def test_state_grid_daily(tmp_path: Path) -> None:
    text = "id,rq,kwh,kwh_rap,kwh_pap_r1,用户名\n7,2021-03-01,72,1,9,甲\n7,2021-03-02,72.3,1,9,甲\n"
    readings = read_power(write(tmp_path, text, encoding="gbk"), timezone="Asia/Shanghai")
    assert readings.meters == ["7"] and readings.watts[0] == 3000.0
    assert readings.time_ns[0] == int(np.datetime64("2021-02-28T16:00", "ns").astype(np.int64))


def test_state_grid_monthly_knows_how_long_months_are(tmp_path: Path) -> None:
    """A flat load stays flat: 31 and 28 days differ by a tenth."""
    months = {"202101": 31, "202102": 28, "202103": 31, "202104": 30}
    rows = [f"7,{ym},9,9,9,{24 * days}\n" for ym, days in months.items()]
    readings = read_power(write(tmp_path, "id,ym,pq_f,pq_g,pq_p,pq_z\n" + "".join(rows)), timezone="+08:00")
    assert readings.watts.tolist() == [1000.0] * 4


def bands_of(readings: Readings, meter: int) -> np.ndarray:
    """Watts of valley, peak and flat hours, a row a period."""
    return readings.watts[readings.meter == meter].reshape(-1, 3)


def test_state_grid_daily_bands(tmp_path: Path) -> None:
    """A household sleeps at night, what mines does not; sharp hours (r1) are the top of the peak."""
    rows = [
        "id,rq,kwh,kwh_rap,kwh_pap_r1,kwh_pap_r2,kwh_pap_r3,kwh_pap_r4,\u7528\u6237\u540d",
        *(f"H,2021-03-{day:02},11,0,1,5,3,2,\u7532" for day in range(1, 32)),
        *(f"M,2021-03-{day:02},72,0,,24.1,24,23.9,\u4e59" for day in range(1, 32)),
    ]
    readings = read_power(write(tmp_path, "\n".join(rows) + "\n", encoding="gbk"), timezone="Asia/Shanghai")
    assert readings.meters == ["H", "M"] and readings.interval_s.tolist() == [86_400.0] * 2
    assert bands_of(readings, 0).tolist() == [[250.0, 750.0, 375.0]] * 31
    assert bands_of(readings, 1)[0] == pytest.approx([2987.5, 3012.5, 3000.0])
    assert readings.time_ns[0] == int(np.datetime64("2021-02-28T16:00", "ns").astype(np.int64))
    windows = power_windows(readings, WindowSettings())
    assert len(windows) == 62 and set(windows.columns[:, 0].tolist()) == {3.0}
    vectors = power.extract(windows, timezone_offset_s=8 * 3600)[1]
    told = dict(zip(power.NAMES, vectors.values.T.tolist(), strict=True))
    uneven = [np.std(watts) / np.mean(watts) for watts in ([250, 750, 375], [2987.5, 3012.5, 3000])]
    assert told["band.cv"] == pytest.approx(uneven)
    assert told["day.base_share"][0] == pytest.approx(250 * 3 / 1375)
    assert np.isnan(told["dip.share"]).all(), "a valley is no dip"
    assert told["quality.missing"] == [0.0, 0.0]


def test_state_grid_monthly_bands_stand_in_one_window(tmp_path: Path) -> None:
    months = {"202101": 31, "202102": 28, "202103": 31, "202104": 30, "202105": 31, "202106": 30}
    rows = [f"7,{ym},{9 * days},{8 * days},{7 * days},{24 * days}\n" for ym, days in months.items()]
    readings = read_power(write(tmp_path, "id,ym,pq_f,pq_g,pq_p,pq_z\n" + "".join(rows)), timezone="+08:00")
    assert bands_of(readings, 0).ravel() == pytest.approx([1000.0, 1125.0, 875.0] * 6)
    assert readings.interval_s[0] == pytest.approx(30.5 * 86_400, rel=0.02)
    windows = power_windows(readings, WindowSettings())
    assert windows.columns[:, 0].tolist() == [3.0] * 6
    facts = power_facts.describe(windows, "7")
    assert facts["tier"] == "month" and facts["mean_w"] == pytest.approx(1000.0)
    assert facts["missing"] == 0


def test_bands_that_do_not_add_up_are_not_believed(tmp_path: Path) -> None:
    rows = [f"7,2021-03-{day:02},24,8,8,{8 if day % 2 else 3}" for day in range(1, 21)]
    text = "id,rq,kwh,kwh_pap_r2,kwh_pap_r3,kwh_pap_r4\n" + "\n".join(rows) + "\n"
    readings = read_power(write(tmp_path, text))
    assert len(readings) == 10 * 3 + 10
    assert np.allclose(readings.watts, 1000.0)


def test_bands_in_parts_are_the_bands_of_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        f"{meter},2021-03-{day:02},{6 + meter},{1 + meter},3,2" for day in range(1, 21) for meter in range(50)
    ]
    path = write(tmp_path, "id,rq,kwh,kwh_pap_r2,kwh_pap_r3,kwh_pap_r4\n" + "\n".join(rows) + "\n")
    whole = read_power(path)
    monkeypatch.setattr(collect, "Held", lambda together: held.Held(together, 500))
    monkeypatch.setattr(csv_log, "CHUNK_ROWS", 100)
    parted = read_power(path)
    assert sorted(parted.meters) == sorted(whole.meters)
    for number, name in enumerate(whole.meters):
        assert np.array_equal(bands_of(whole, number), bands_of(parted, parted.meters.index(name)))


def test_a_day_with_daylight_saving_has_23_hours(tmp_path: Path) -> None:
    text = "date,kwh\n2025-03-29,24\n2025-03-30,23\n2025-03-31,24\n2025-04-01,24\n"
    assert read_power(write(tmp_path, text), timezone="Europe/Berlin").watts.tolist() == [1000.0] * 4


def test_gpus_in_turn_without_an_index(tmp_path: Path) -> None:
    rows = []
    for poll in range(40):
        for gpu in range(3):
            if (poll, gpu) != (7, 1):
                rows.append(f"2026/01/01 00:00:{poll:02d}.{gpu * 4:03d}, {100 * (gpu + 1)}.00 W\n")
    readings = read_power(write(tmp_path, "timestamp, power.draw [W]\n" + "".join(rows), "rig.csv"))
    assert readings.meters == ["rig/0", "rig/1", "rig/2"]
    assert all(set(readings.watts[readings.meter == i]) == {100.0 * (i + 1)} for i in range(3))
    assert readings.dropped == {"row of a poll that lacks a device": 2}


def test_one_gpu_stays_one(tmp_path: Path) -> None:
    rows = [f"2026/01/01 00:00:{i:02d}.{i * 7 % 13:03d}, 187.80 W\n" for i in range(60)]
    readings = read_power(write(tmp_path, "timestamp, power.draw [W]\n" + "".join(rows), "rig.csv"))
    assert readings.meters == ["rig"] and len(readings) == 60


@given(st.integers(2, 16), st.integers(4, 40), st.integers(0, 2**31))
def test_places_are_those_of_the_poll(devices: int, polls: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    times = np.arange(polls)[:, None] * S + np.sort(rng.integers(0, S // 8, (polls, devices)), axis=1)
    n, place = place_in_group(times.ravel())
    assert n == devices and place.tolist() == list(range(devices)) * polls


def test_a_register_that_wraps_and_one_that_restarts() -> None:
    meter = np.array([0, 0, 0, 1, 1, 1])
    total = np.array([90.0, 95, 5, 90, 20, 30])
    grown, first = increments(meter, total, np.array([100.0, 200.0]))
    assert first.tolist() == [True, False, False, True, False, False]
    assert grown[[1, 2, 5]].tolist() == [5.0, 10.0, 10.0] and np.isnan(grown[4])  # 130 of 200 is no step


@given(st.lists(st.tuples(st.floats(), st.floats(allow_nan=True)), max_size=30))
def test_samples_take_any_numbers(pairs: list[tuple[float, float]]) -> None:
    samples = Samples("x")
    samples.power("m", 1.7e9, 5.0)
    for time, value in pairs:
        samples.power("m", time, value)
        samples.total("t", time, value)
    readings = samples.readings()
    assert np.isfinite(readings.watts).all() and len(readings) >= 1
