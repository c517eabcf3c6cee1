"""How busy GPUs were: what nvidia-smi writes, what says nothing, and parts that are joined."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.records import GpuUse, Readings
from detector.telemetry import follow, read_power
from detector.telemetry.gpu_use import GpuTally, joined

START = datetime(2026, 3, 2, tzinfo=UTC)


def log(folder: Path, head: str, rows: list[str], every_s: float = 60.0, name: str = "rig.csv") -> Path:
    """Rows with `{}` for their time, each `every_s` after the one before."""
    stamps = [START + timedelta(seconds=every_s * i) for i in range(len(rows))]
    lines = [row.format(f"{at:%Y/%m/%d %H:%M:%S}.000") for row, at in zip(rows, stamps, strict=True)]
    (folder / name).write_text("\n".join([head, *lines]) + "\n")
    return folder / name


HEAD = "timestamp, power.draw [W], utilization.gpu [%], utilization.memory [%]"


def test_nvidia_smi_tells_it_beside_the_watts(tmp_path: Path) -> None:
    rows = ["{}, 250.1 W, 99 %, 3 %"] * 90 + ["{}, 80.0 W, 40 %, 3 %"] * 30
    readings = read_power(log(tmp_path, HEAD, rows))
    assert readings.gpu_use == {"rig": GpuUse(pytest.approx((99 * 90 + 40 * 30) / 120), 1.5, 2.0)}
    assert readings.watts[0] == 250.1 and len(readings.meters) == 1


def test_gpus_by_index_are_meters_of_their_own(tmp_path: Path) -> None:
    head = "timestamp, index, utilization.gpu, power.draw"
    rows = [f"{{}}, {i % 2}, {100 if i % 2 else 5}, 200.0 W" for i in range(120)]
    readings = read_power(log(tmp_path, head, rows, every_s=30.0))
    assert {name: round(use.mean) for name, use in readings.gpu_use.items()} == {"rig/0": 5, "rig/1": 100}
    assert readings.gpu_use["rig/1"].busy_h == pytest.approx(1.0)


def test_gpus_polled_in_turn_share_what_was_told(tmp_path: Path) -> None:
    rows = []
    for poll in range(60):
        at = START + timedelta(seconds=60 * poll)
        rows += [f"{at:%Y/%m/%d %H:%M:%S}.{10 * gpu:03d}, 200.0 W, 98 %, 1 %" for gpu in range(3)]
    path = tmp_path / "rig.csv"
    path.write_text("\n".join([HEAD, *rows]) + "\n")
    found = read_power(path).gpu_use
    assert found.keys() == {"rig/0", "rig/1", "rig/2"}
    assert all(use.mean == 98 and use.read_h == pytest.approx(1.0) for use in found.values())


def test_what_is_no_percentage_says_nothing(tmp_path: Path) -> None:
    cells = ["[N/A]", "-1 %", "101 %", "nan", "", "99 W", "ninety", "50 %", "100 %"]
    found = read_power(log(tmp_path, HEAD, [f"{{}}, 200.0 W, {cell}, 1 %" for cell in cells])).gpu_use
    assert found["rig"].mean == 75 and found["rig"].read_h == pytest.approx(2 / 60)
    none = read_power(log(tmp_path, HEAD, ["{}, 200.0 W, [N/A], 1 %"] * 9)).gpu_use
    assert none == {}
    assert read_power(log(tmp_path, "timestamp, power.draw [W]", ["{}, 200.0 W"] * 9)).gpu_use == {}


def test_parquet_tells_the_same(tmp_path: Path) -> None:
    times = pd.date_range("2026-03-02", periods=120, freq="min", tz="UTC")
    table = {"time": times, "host": "rig", "power_w": 250.0, "gpu_util": [97] * 60 + [0] * 60}
    pd.DataFrame(table).to_parquet(tmp_path / "rig.parquet")
    assert read_power(tmp_path / "rig.parquet").gpu_use == {"rig": GpuUse(48.5, 1.0, 2.0)}


def test_a_log_that_was_rotated_adds_up(tmp_path: Path) -> None:
    one = read_power(log(tmp_path, HEAD, ["{}, 200.0 W, 100 %, 1 %"] * 60))
    two = read_power(log(tmp_path, HEAD, ["{}, 200.0 W, 40 %, 1 %"] * 180))
    assert follow.joined([one, two]).gpu_use == {"rig": GpuUse(55.0, 1.0, 4.0)}


PERCENTS = st.lists(st.one_of(st.floats(0, 100), st.sampled_from([np.nan, -5.0, 300.0, np.inf])), max_size=40)


@given(st.lists(PERCENTS, min_size=1, max_size=4))
def test_shares_are_those_of_all_rows_however_they_came(parts: list[list[float]]) -> None:
    tally = GpuTally()
    for part in parts:
        tally.add(np.full(len(part), 2), np.array(part, float))
    rows = np.array([value for part in parts for value in part], float)
    known = rows[(rows >= 0) & (rows <= 100)]
    n = max(len(rows), 1)
    readings = Readings(["m"], np.zeros(n, np.int64), np.arange(n) * 60 * 10**9, np.ones(n), np.array([60.0]))
    found = tally.told(readings, {"m": 2})
    if not len(known):
        assert found == {}
        return
    use = found["m"]
    assert use.mean == pytest.approx(known.mean()) and use.read_h == pytest.approx(len(known) / 60)
    assert use.busy_h == pytest.approx((known >= 95).sum() / 60) and use.busy_h <= use.read_h + 1e-12


USES = st.builds(GpuUse, st.floats(0, 100), st.just(0.5), st.floats(1, 9))
FOUND = st.dictionaries(st.sampled_from("ab"), USES)


@given(FOUND, FOUND, FOUND)
def test_joining_does_not_hang_on_the_order(a: dict, b: dict, c: dict) -> None:
    left, right = joined([joined([a, b]), c]), joined([c, joined([b, a])])
    assert left.keys() == right.keys()
    for name, use in left.items():
        assert (use.mean, use.busy_h, use.read_h) == pytest.approx(
            (right[name].mean, right[name].busy_h, right[name].read_h)
        )
