"""The power samples: same bytes for a seed, small, and telling what the truth says."""

from __future__ import annotations

import csv
import gzip
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from detector.features import power as features
from detector.settings import WindowSettings
from detector.telemetry import read_power
from detector.windows.power import power_windows
from training.simulation import power_samples, site


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("samples")
    power_samples.write(path, site.SEED)
    return path


def test_same_seed_same_bytes(folder: Path, tmp_path: Path):
    for path in power_samples.write(tmp_path, site.SEED):
        assert path.read_bytes() == (folder / path.name).read_bytes()
    assert sum(p.stat().st_size for p in folder.iterdir()) < 700_000


def test_node_day_covers_the_day_and_the_miners_work_in_the_campus_hour(folder: Path):
    table = pd.read_csv(folder / "node-day.csv", parse_dates=["time"])
    assert table.time.min() == site.DAY_START and table.time.max() < site.DAY_END
    assert set(table.node) == {n.name for n in site.NODES}
    hour = table[(table.time >= site.HOUR_START) & (table.time < site.HOUR_END)]
    before = table[table.time < site.DAY_START + pd.Timedelta(hours=2)]
    for node in site.NODES:
        if node.mines:
            now, then = (t[t.node == node.name].watts.median() for t in (hour, before))
            assert now > 2 * then


def test_hidden_farm_starts_in_the_middle_of_the_month(folder: Path):
    with gzip.open(folder / "meter-month.csv.gz", "rt") as file:
        table = pd.read_csv(file, parse_dates=["time"])
    assert table.time.min() == site.MONTH_START + pd.Timedelta(minutes=15)  # stamped at the end
    assert table.time.max() == site.MONTH_END
    farm = table[table.meter == power_samples.FARM_METER].set_index("time").kwh * 4
    start = power_samples.FARM_START
    step = farm[farm.index > start].quantile(0.05) - farm[farm.index <= start].quantile(0.05)
    assert step == pytest.approx(power_samples.FARM_W / 1000, rel=0.1)
    assert len(set(table.meter)) == len(power_samples.METERS)
    assert np.allclose(table.kwh * 100, (table.kwh * 100).round())  # 10 Wh


def test_samples_pass_through_the_reader(folder: Path):
    day = read_power(folder / "node-day.csv")
    assert set(day.meters) == {n.name for n in site.NODES} and set(day.interval_s) == {60.0}
    month = read_power(folder / "meter-month.csv.gz")
    assert set(month.meters) == {m.meter for m in power_samples.METERS} and set(month.interval_s) == {900.0}
    assert (
        month.time_ns.min() == int(site.MONTH_START.timestamp()) * 10**9
    )  # readings begin where intervals do
    settings = WindowSettings()
    for readings in (day, month):
        meters, vectors = features.extract(power_windows(readings, settings))
        assert set(meters) == set(readings.meters)
        assert np.isfinite(vectors.values).mean() > 0.5
    level = month.watts[month.meter == month.meters.index("M-0405")].mean()
    assert level == pytest.approx(3100, rel=0.02)  # 3.1 kW: kWh and watts agree


def test_assets_join_addresses_nodes_and_meters(folder: Path):
    with (folder / "assets.csv").open() as file:
        rows = list(csv.DictReader(file))
    by_ip = {row["ip"]: row["node"] for row in rows if row["ip"]}
    assert by_ip[site.MINER_CLEAR] == "ws-023" and by_ip[site.MINER_ENCRYPTED] == "gpu-057"
    assert {row["meter"] for row in rows if row["meter"]} == {m.meter for m in power_samples.METERS}


def test_truth_names_every_series_once():
    rows = power_samples.truth_rows()
    hosts = [host for host, _, _ in rows]
    assert sorted(hosts) == sorted({n.name for n in site.NODES} | {m.meter for m in power_samples.METERS})
    assert {label for _, label, _ in rows} == {"mining", "benign", "look-alike"}
    mining = {host for host, label, _ in rows if label == "mining"}
    assert mining == {n.name for n in site.NODES if n.mines} | {power_samples.FARM_METER}


def test_the_clock_of_the_machine_is_not_in_the_files(folder: Path):
    header = (folder / "meter-month.csv.gz").read_bytes()[4:8]
    assert header == b"\0\0\0\0"  # gzip's time stamp
    assert datetime(2026, 3, 1, tzinfo=UTC) > power_samples.FARM_START
