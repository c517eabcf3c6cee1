"""The power samples of the repository: a day of nodes, a month of meters, and who owns what.

**Simulated by this project**, seeded, from the recipes of the corpus with fixed levels so that each
series tells one story.  Same names and times as the sample traffic: see `site`.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from training.simulation import power_loads as loads
from training.simulation import site
from training.simulation.power_scene import (
    Clock,
    Floats,
    Scene,
    coloured,
    covered,
    cycles,
    plateau,
    pulses,
    scene,
    telegraph,
)

NODE_STEP_S = 60.0
METER_STEP_S = 900.0
HOUR_S = 3600.0
ASSET_COLUMNS = (
    "asset", "organisation", "ip", "meter", "outlet", "node", "contract_kw", "role", "allowed_mining",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class MeterSample:
    """One meter of the month: its recipe scaled to a mean power."""

    meter: str
    organisation: str
    role: str
    contract_kw: float
    mean_kw: float
    load: Callable[[Scene], Floats]
    label: str = "benign"


LOOK_ALIKE = "look-alike"  # steady or sharp-edged, and benign
FARM_METER = "M-0412"
FARM_START = datetime(2026, 2, 14, 21, 40, tzinfo=UTC)
FARM_NOTE = "three ASICs hidden in a print shop from 14 February 21:40Z"
FARM_W = 3 * 3450.0  # three ASICs of the S19 and S21 class

METERS = (
    MeterSample("M-0401", "Household A", "household", 10, 0.42, loads.household),
    MeterSample("M-0402", "Household B", "household", 10, 0.31, loads.household),
    MeterSample("M-0403", "Garage 17", "electric vehicle", 22, 1.1, loads.electric_vehicle),
    MeterSample("M-0404", "Fish Cold Store", "cold store", 60, 24.0, loads.cold_store, LOOK_ALIKE),
    MeterSample("M-0405", "Mast 88", "telecom", 8, 3.1, loads.telecom, LOOK_ALIKE),
    MeterSample("M-0406", "Office North", "office", 80, 18.0, loads.office),
    MeterSample("M-0407", "Herb Nursery", "grow light", 40, 14.0, loads.grow_light, LOOK_ALIKE),
    MeterSample("M-0408", "Bakery", "shop", 50, 9.0, loads.shop),
    MeterSample("M-0409", "Water Works 3", "pump", 30, 7.5, loads.pump, LOOK_ALIKE),
    MeterSample("M-0410", "Server Room B", "server room", 40, 19.0, loads.server_room, LOOK_ALIKE),
    MeterSample("M-0411", "Machine Shop", "shift industry", 120, 32.0, loads.shift_industry),
    MeterSample(FARM_METER, "Print Shop", "shop", 40, 5.5, loads.shop, "mining"),
)  # fmt: skip


def write(directory: Path, seed: int) -> list[Path]:
    """Writes all power samples into `directory`; the same seed gives the same bytes."""
    return [node_day(directory, seed), meter_month(directory, seed), assets(directory)]


def truth_rows() -> list[tuple[str, str, str]]:
    """(host, label, note) of every node and meter; label is mining, benign or look-alike."""
    nodes = [(node.name, *_NODE_TRUTH[node.name]) for node in site.NODES]
    meters = [(m.meter, m.label, FARM_NOTE if m.label == "mining" else m.role) for m in METERS]
    return nodes + meters


def node_day(directory: Path, seed: int) -> Path:
    """`node-day.csv`: time (RFC 3339, UTC), node, watts; one reading a minute and node, some lost."""
    clock = _clock(site.DAY_START, site.DAY_END, NODE_STEP_S)
    series = {}
    for i, node in enumerate(site.NODES):
        s = scene(np.random.default_rng([seed, 1, i]), clock)
        series[node.name] = np.round(_NODE_WATTS[node.name](s), 1)
    lost = np.random.default_rng([seed, 2]).random((len(series), clock.n)) < 0.003
    path = directory / "node-day.csv"
    path.write_text(_table(clock, series, ("time", "node", "watts"), "{:.1f}", lost), newline="")
    return path


def meter_month(directory: Path, seed: int) -> Path:
    """`meter-month.csv.gz`: time (end of the quarter hour, UTC), meter, kwh in it, in steps of 10 Wh."""
    clock = _clock(site.MONTH_START, site.MONTH_END, METER_STEP_S)
    series = {}
    for i, meter in enumerate(METERS):
        s = scene(np.random.default_rng([seed, 3, i]), clock)
        watts = meter.load(s)
        watts = watts / watts.mean() * meter.mean_kw * 1000
        if meter.label == "mining":
            watts = watts + _farm(s)
        series[meter.meter] = np.round(watts * METER_STEP_S / 3.6e6, 2)
    lost = np.random.default_rng([seed, 4]).random((len(series), clock.n)) < 0.001
    stamps = replace(
        clock, start_ns=clock.start_ns + round(METER_STEP_S * 1e9)
    )  # energy is told when it is spent
    text = _table(stamps, series, ("time", "meter", "kwh"), "{:.2f}", lost)
    path = directory / "meter-month.csv.gz"
    path.write_bytes(gzip.compress(text.encode(), mtime=0))  # no clock in the file: same seed, same bytes
    return path


def assets(directory: Path) -> Path:
    """`assets.csv`: joins addresses to nodes and outlets, and meters to their customers."""
    path = directory / "assets.csv"
    with path.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(ASSET_COLUMNS)
        for n in site.NODES:
            role = "workstation" if n.name.startswith("ws") else "server"
            table.writerow((n.name, site.ORGANISATION, n.ip, "", n.outlet, n.name, "", role, "no"))
        for m in METERS:
            table.writerow((m.meter, m.organisation, "", m.meter, "", "", f"{m.contract_kw:g}", m.role, "no"))
    return path


def _clock(start: datetime, end: datetime, step_s: float) -> Clock:
    return Clock(int(start.timestamp()) * 10**9, step_s, int((end - start).total_seconds() / step_s))


def _table(
    clock: Clock,
    series: dict[str, Floats],
    head: tuple[str, ...],
    number: str,
    lost: np.ndarray[tuple[int, int], np.dtype[np.bool_]],
) -> str:
    """Rows in order of time, as a poller writes them."""
    out = io.StringIO(newline="")
    out.write(",".join(head) + "\n")
    for i in range(clock.n):
        time = datetime.fromtimestamp(clock.start_ns / 1e9 + i * clock.step_s, UTC)
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ")
        for j, (name, watts) in enumerate(series.items()):
            if not lost[j, i]:
                out.write(f"{when},{name},{number.format(watts[i])}\n")
    return out.getvalue()


def _during(s: Scene, begin_h: float, end_h: float) -> Floats:
    """(n,) 0..1: between two hours of the record."""
    return covered(s.clock, np.array([begin_h]) * HOUR_S, np.array([end_h - begin_h]) * HOUR_S)


def _steady(s: Scene, level: float) -> Floats:
    """(n,) around 1 with a little pink noise: a steady load without dips."""
    return 1 + level * coloured(s.rng, s.clock.n, 1.0)


def _farm(s: Scene) -> Floats:
    """Three ASICs from a Saturday night on: warmer afternoons cost some watts, two restarts, one outage."""
    begin_h = (FARM_START - site.MONTH_START).total_seconds() / HOUR_S
    runs = _during(s, begin_h, s.clock.length_s / HOUR_S)
    restarts = pulses(s.clock, (begin_h + np.array([61.2, 233.7])) * HOUR_S, np.full(2, 600.0), 1 / 3)
    outage = _during(s, begin_h + 150.1, begin_h + 150.6)
    return FARM_W * runs * (1 - restarts) * (1 - 0.95 * outage) * (_steady(s, 0.004) + 0.004 * s.warmth)


def _cpu_miner(s: Scene) -> Floats:
    """A workstation that someone works at by day and that mines on its CPU from 02:14 on."""
    work, _, _ = telegraph(s, 90, 240)
    host = 46 + 70 * work * 0.6 * _during(s, 7.6, 16.4)
    mined = _during(s, 2.23, 24) * np.maximum(158 - host, 0) * 0.96
    reconnects = pulses(s.clock, np.array([5.1, 12.7, 19.4]) * HOUR_S, np.array([25.0, 70.0, 40.0]), 0.8)
    return (host + mined * (1 - reconnects)) * _steady(s, 0.006)


def _gpu_miner(s: Scene) -> Floats:
    """Four cards of a lab server: idle until 06:40, then mining, with one outage of the pool."""
    mined = _during(s, 6.67, 24) * (1 - 0.9 * _during(s, 15.30, 15.37))
    return (205 + 4 * 212 * mined) * (_steady(s, 0.004) + 0.0005 * s.warmth)


def _ai_training(s: Scene) -> Floats:
    """Eight H100: 4.4 kW with checkpoints every half hour, a restart at 13:30 (training_profile)."""
    run = _during(s, -1, 13.5) + _during(s, 14.1, 30)
    checkpoint = cycles(s, 1790, 0.02, 0.02)
    evaluation = cycles(s, 6 * HOUR_S, 0.05, 0.05)
    start = _during(s, 14.1, 14.14)
    cards = 575 + 3825 * run * (1 - 0.73 * checkpoint) * (1 - 0.35 * evaluation) * (1 - 0.9 * start)
    return cards * (1 + 0.022 * coloured(s.rng, s.clock.n, 0.5) * run) + 420


def _web(s: Scene) -> Floats:
    demand = (
        0.35 + 0.2 * np.cos(2 * np.pi * (s.clock.hour - 15) / 24) + 0.04 * coloured(s.rng, s.clock.n, 0.7)
    )
    return 120 + 240 * np.clip(demand, 0, 1)


def _batch(s: Scene) -> Floats:
    _, starts, lengths = telegraph(s, 2400, 900)
    level = pulses(s.clock, starts, lengths, s.rng.uniform(0.4, 1.0, len(starts)))
    return (140 + 380 * level) * _steady(s, 0.01)


def _flat_hpc(s: Scene) -> Floats:
    """A solver from yesterday into tomorrow: as flat as a miner, and not one."""
    return 655 * _steady(s, 0.006)


def _idle(s: Scene) -> Floats:
    return 131 * plateau(s)


_NODE_WATTS: dict[str, Callable[[Scene], Floats]] = {
    "ws-023": _cpu_miner,
    "gpu-057": _gpu_miner,
    "gpu-061": _ai_training,
    "web-01": _web,
    "batch-02": _batch,
    "hpc-03": _flat_hpc,
    "idle-04": _idle,
}
_NODE_TRUTH = {
    "ws-023": ("mining", "XMRig on its CPU from 02:14Z"),
    "gpu-057": ("mining", "four GPUs from 06:40Z, pool over TLS"),
    "gpu-061": ("look-alike", "trains a network on eight GPUs"),
    "web-01": ("benign", "web server"),
    "batch-02": ("benign", "batch jobs"),
    "hpc-03": ("look-alike", "a solver at full load all day: the watts of a miner without its traffic"),
    "idle-04": ("benign", "idle server"),
}
