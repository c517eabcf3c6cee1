"""Steady benign loads of invented kinds: what runs day and night and is no miner.

Eight recipes of flat loads teach a model those eight: of a kind that was left out it calls two
thirds mining (power spike, 2.4).  So kinds are drawn, too.  A kind is a fixed choice of habits by
its number: whether it cycles, rests, grows, follows the sun or the week, and how much; each record
of the kind draws within it.  Noise, dips and drift are `power_scene.plateau`, as of a miner.
Unverified by nature: the ranges are wide enough to hold the named kinds of `power_loads`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from training.simulation.power_scene import (
    DAY_S,
    Floats,
    Generator,
    Scene,
    chance,
    coloured,
    cycles,
    daily,
    log_uniform,
    plateau,
    steps,
    telegraph,
)

KINDS = 60
_SEED = 20_261


@dataclass(frozen=True, slots=True)
class Kind:
    """Habits of a kind of steady load; shares are of its level, 0 = has not this habit."""

    low_w: float  # its records lie between low_w and high_w
    high_w: float
    cycle_s: float  # of a compressor or a tank
    cycle_depth: float
    duty: float
    day_depth: float  # of a smooth day
    day_hour: float  # local hour of its peak
    shift_depth: float  # of a second speed by the clock
    shift_h: float
    weekend_depth: float
    slope: float  # a degree Celsius; cooling gains, heating loses
    growth_s: float  # between changes of its size
    growth_depth: float
    rest_every_s: float  # between stops
    wander: float  # slow unrest, sd


def kind(number: int) -> Kind:
    """The kind of that number, always the same."""
    rng = np.random.default_rng([_SEED, number])
    low = log_uniform(rng, 40, 30_000)
    return Kind(
        low_w=low,
        high_w=low * log_uniform(rng, 3, 40),
        cycle_s=log_uniform(rng, 180, 20_000),
        cycle_depth=_some(rng, 0.45, 0.02, 1.0),
        duty=rng.uniform(0.25, 0.95),
        day_depth=_some(rng, 0.5, 0.003, 0.3),
        day_hour=rng.uniform(0, 24),
        shift_depth=_some(rng, 0.3, 0.02, 0.6),
        shift_h=rng.uniform(3, 20),
        weekend_depth=_some(rng, 0.25, 0.01, 0.4),
        slope=_some(rng, 0.5, 0.0005, 0.03) * rng.choice([1.0, 1.0, -1.0]),
        growth_s=log_uniform(rng, DAY_S, 60 * DAY_S),
        growth_depth=_some(rng, 0.35, 0.02, 0.5),
        rest_every_s=log_uniform(rng, 2 * DAY_S, 90 * DAY_S) if chance(rng, 0.4) else 0.0,
        wander=_some(rng, 0.5, 0.001, 0.08),
    )


def steady(number: int) -> Callable[[Scene], Floats]:
    """The recipe of kind `number`: a scene in, watts (n,) out."""
    habits = kind(number)
    return lambda s: _draw(s, habits)


def _some(rng: Generator, probability: float, low: float, high: float) -> float:
    return log_uniform(rng, low, high) if chance(rng, probability) else 0.0


def _draw(s: Scene, k: Kind) -> Floats:
    """One record: the habits of the kind, each a little of its own."""
    rng = s.rng

    def own(value: float) -> float:
        return value * rng.uniform(0.6, 1.4)

    day = own(k.day_depth) * np.cos(2 * np.pi * (s.clock.hour - rng.normal(k.day_hour, 0.7)) / 24)
    week = np.array([False] * 5 + [True, True])
    level = 1 + day + own(k.slope) * s.warmth
    level = level - own(k.weekend_depth) * daily(s, 0.0, 24.0, 0.0, week)
    level = level + own(k.shift_depth) * daily(s, rng.uniform(0, 24), own(k.shift_h), 0.1)
    if k.wander:
        level = level + own(k.wander) * coloured(rng, s.clock.n, rng.uniform(0.5, 2.0))
    if k.cycle_depth:
        depth = min(own(k.cycle_depth), 1.0)
        level = level * (1 - depth * (1 - cycles(s, own(k.cycle_s), k.duty, rng.uniform(0.02, 0.3))))
    if k.growth_depth:
        level = level * steps(s, own(k.growth_s), 1 - min(own(k.growth_depth), 0.9), 1.0)
    if k.rest_every_s:
        stopped, _, _ = telegraph(s, log_uniform(rng, 1800, 200_000), own(k.rest_every_s))
        level = level * (1 - rng.uniform(0.3, 1.0) * stopped)
    return log_uniform(rng, k.low_w, k.high_w) * np.maximum(level, 0.0) * plateau(s)
