"""What happens to any record, mining or not: benign changes of use, and the ways of measuring it.

All of it is drawn before or without looking at the label.  A step done to one class only, such as a
rounding, a noise or a missing row, would be learnt instead of mining.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detector.records import Readings
from training.simulation.power_loads import electric_vehicle, heat_pump, heater, household
from training.simulation.power_nodes import backup, batch, rendering, web
from training.simulation.power_scene import (
    Clock,
    Floats,
    Scene,
    chance,
    coloured,
    covered,
    log_uniform,
    plateau,
)
from training.simulation.power_steady import KINDS, steady

# How often life does what to a meter within a record: unverified.  One in fifty gets something steady and
# one in thirty something else for good; how many of each are called is told apart in the evaluation.
CHANGES = {
    "none": 0.75,
    "scale": 0.05,
    "vacation": 0.05,
    "new load": 0.03,
    "flat addition": 0.01,
    "steady addition": 0.01,
    "flat removal": 0.02,
    "drift": 0.05,
    "outage": 0.03,
}
FLAT_SHARE = (0.03, 0.6)  # of what was there: as steady as a miner, and as large as a small one
METER_QUANTA = {0.0: 0.1, 1.0: 0.45, 10.0: 0.35, 100.0: 0.1}  # Wh an interval; 0 = not rounded
NODE_QUANTA = {0.0: 0.1, 0.01: 0.15, 0.1: 0.2, 1.0: 0.35, 10.0: 0.2}  # W; 10 W steps: fasrc cluster


@dataclass(frozen=True, slots=True)
class Traits:
    """What was drawn of a record besides its loads; distributed alike in both classes."""

    change: str
    quantum: float  # Wh an interval for meters, W for nodes
    noise: float  # relative deviation of what was added on top, 0 = none
    colour: float  # its spectral exponent, 0 white .. 2 red
    missing: float  # share of rows left out


def change(s: Scene, watts: Floats, node: bool) -> tuple[Floats, str]:
    """(n,) watts after a benign change of use, and its name; in the middle 80 % of the record."""
    rng, length, mean = s.rng, s.clock.length_s, float(watts.mean())
    name = str(rng.choice(list(CHANGES), p=list(CHANGES.values())))
    at = rng.uniform(0.1, 0.9) * length
    after = s.clock.seconds >= at
    while_away = covered(s.clock, np.array([at]), np.array([rng.uniform(0.02, 0.4) * length]))
    if name == "scale":
        watts = watts * np.where(after, np.exp(rng.uniform(-0.9, 0.9)), 1.0)
    elif name == "vacation":
        watts = watts * (1 - while_away) + while_away * np.minimum(watts, np.quantile(watts, 0.12))
    elif name == "new load":
        watts = watts + after * _new_load(s, mean, node)
    elif name == "flat addition":
        watts = watts + after * mean * log_uniform(rng, *FLAT_SHARE) * plateau(s)
    elif name == "steady addition":
        load = steady(int(rng.integers(KINDS)))(s)
        watts = watts + after * mean * log_uniform(rng, 0.05, 1.0) * load / max(float(load.mean()), 1e-9)
    elif name == "flat removal":
        watts = watts + ~after * mean * log_uniform(rng, *FLAT_SHARE) * plateau(s)
    elif name == "drift":
        watts = watts * np.linspace(1, np.exp(rng.uniform(-0.6, 0.6)), s.clock.n)
    elif name == "outage":
        watts = watts * (
            1 - covered(s.clock, np.array([at]), np.array([log_uniform(rng, 60, 0.05 * length + 61)]))
        )
    return watts, name


def _new_load(s: Scene, mean: float, node: bool) -> Floats:
    """(n,) watts of something that was not there before, sized to what is there."""
    jobs, appliances = (web, batch, rendering, backup), (electric_vehicle, heat_pump, heater, household)
    choices = jobs if node else appliances
    load = choices[s.rng.integers(len(choices))](s)
    return load / max(float(load.mean()), 1e-9) * mean * log_uniform(s.rng, 0.1, 2.0)


def measure(
    s: Scene, watts: Floats, *, name: str, node: bool, changed: str, quantum: float | None = None
) -> tuple[Readings, Traits]:
    """One meter's readings of (n,) watts: noise, rounding, late and lost rows.

    Repeated rows are not here: the reader drops them before anything is computed.

    `changed` names what `change` did; `quantum` is given where the real instrument had one.
    """
    rng, clock = s.rng, s.clock
    noise = 0.0 if chance(rng, 0.5) else log_uniform(rng, 0.0005, 0.05)
    colour = float(rng.uniform(0, 2))
    watts = np.maximum(watts * (1 + noise * coloured(rng, clock.n, colour)), 0)
    quanta = NODE_QUANTA if node else METER_QUANTA
    drawn = float(rng.choice(list(quanta), p=list(quanta.values())))
    quantum = drawn if quantum is None else quantum
    step_w = quantum if node else quantum * 3600 / clock.step_s
    if step_w > 0:
        watts = np.round(watts / step_w) * step_w
    rows = _rows(s)
    late = log_uniform(rng, 0.001, 0.1) if node and chance(rng, 0.3) else 0.0  # pollers are not on time
    delay = (late * rng.random(clock.n))[rows]
    time = clock.start_ns + np.round((rows + delay) * clock.step_s * 1e9).astype(np.int64)
    readings = Readings([name], np.zeros(len(rows), np.int64), time, watts[rows], np.array([clock.step_s]))
    return readings, Traits(changed, quantum, noise, colour, 1 - len(rows) / clock.n)


def _rows(s: Scene) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Which samples arrive, in order: single losses, one long gap.  Four fifths stay."""
    rng, n = s.rng, s.clock.n
    kept = np.ones(n, bool)
    if chance(rng, 0.4):
        kept &= rng.random(n) >= log_uniform(rng, 0.0003, 0.03)
    if chance(rng, 0.12):
        first = rng.integers(n)
        kept[first : first + int(rng.uniform(0.005, 0.15) * n)] = False
    return np.flatnonzero(kept)


def new_clock(s_rng: np.random.Generator, node: bool) -> Clock:
    """A record's sampling and length: meters 15, 30 or 60 min over 7-120 days; nodes 1-60 s over 1-24 h,
    one in ten over 10-60 min only: of those little can be said, and a model should have seen that.

    Starts anywhere in 2022-2027, on the grid of its step; 14 400 samples at most (4 h at 1 s).
    """
    if node:
        step = float(s_rng.choice([1, 2, 5, 10, 15, 30, 60]))
        shortest, longest = (600, 3600) if chance(s_rng, 0.1) else (3600, 86_400)
        n = int(min(log_uniform(s_rng, shortest, longest) / step, 14_400))
    else:
        step = float(s_rng.choice([900, 1800, 3600], p=[0.7, 0.15, 0.15]))
        n = int(log_uniform(s_rng, 7, 120)) * int(86_400 / step)
    start_s = int(s_rng.integers(1_640_995_200, 1_798_761_600) // step) * int(step)
    offset = float(s_rng.integers(-8, 10)) if chance(s_rng, 0.4) else 0.0
    return Clock(start_s * 10**9, step, n, offset)
