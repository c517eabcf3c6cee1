"""Simulated miners: ASICs, GPU rigs and CPUs, from one unit to a farm, with what they do to hide.

**Every miner here is simulated**: no public trace of a kW-class miner exists.  Levels are of the
manufacturers and of public tables; noise, dips and drift are `power_scene.plateau`, the same as those
of benign steady loads, so that what is left to learn is size, start, steadiness and schedule.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.simulation.power_scene import (
    DAY_S,
    Floats,
    Generator,
    Scene,
    chance,
    coloured,
    covered,
    cycles,
    daily,
    log_uniform,
    plateau,
    pulses,
    steps,
)

# Watts at the wall of one unit: S9 1400 and S19 Pro 3250-3320 (d-central.tech, zeusmining.co), S21 3500-3564
# and M66 5492 (kookoo55/miningftw), T21 3400-3600 (guzmanpintos.com), 1200-1440 modified for 120 V (APW12
# manual); L7 3425, M30S++ 3470, M50 3300 unverified; 14-22 = Bitaxe (mtab3000/bitaxe-monitor).
ASIC_W = (1400, 1371, 1250, 1440, 2200, 3250, 3320, 3500, 3510, 3564, 3500, 3425, 3470, 3300, 5492)
BITAXE_W = (14.0, 22.0)
CARD_W = (60.0, 350.0)  # a card while mining: medians 104-165 W by algorithm, 75 (1660S) to 320 W (3090)
BOARD_W = (45.0, 110.0)  # of a rig without its cards, unverified
CPU_W = (45.0, 500.0)  # one machine at 80-100 % of its full load, unverified
LEAST_SHARE = 0.02  # of a meter's power; less is not labelled mining
LARGEST_HOST_W = 500.0  # up to here a node is one machine, whose free capacity a CPU miner takes
SPREAD = 0.03  # between units of a kind; +/-5 % is rated

EVASIONS = {
    "none": 0.40,
    "throttle": 0.08,
    "night": 0.08,
    "office off": 0.05,
    "peak off": 0.05,
    "duty cycle": 0.08,
    "ramp": 0.07,
    "dither": 0.07,
    "anti-correlated": 0.05,
    "autotune": 0.05,
    "fake checkpoint": 0.02,
}


@dataclass(frozen=True, slots=True)
class Miner:
    """One miner as seen by a meter; `watts` is (n,) and 0 before `from_s` and after `to_s` (seconds)."""

    kind: str  # "asic", "gpu rig", "cpu"
    units: int
    unit_w: float
    evasion: str
    watts: Floats
    from_s: float  # 0 = it mined when the record began
    to_s: float


def unit(rng: Generator, node: bool) -> tuple[str, float]:
    """A kind of miner and the watts of one unit."""
    kind = str(rng.choice(["asic", "gpu rig", "cpu"], p=[0.3, 0.4, 0.3] if node else [0.55, 0.3, 0.15]))
    if kind == "asic":
        small = chance(rng, 0.02)
        return kind, float(rng.uniform(*BITAXE_W)) if small else float(rng.choice(ASIC_W)) * rng.normal(
            1, SPREAD
        )
    if kind == "gpu rig":
        cards = int(rng.choice([1, 1, 2, rng.integers(2, 13)]))
        return kind, (cards * log_uniform(rng, *CARD_W) + rng.uniform(*BOARD_W)) / rng.uniform(0.85, 0.94)
    return kind, log_uniform(rng, *CPU_W)


def units(s: Scene, unit_w: float, host_w: float, share: float | None, node: bool) -> int:
    """How many units: to reach `share` of the total where given, else from one to a farm; 2 % at least."""
    wanted = share if share is not None else LEAST_SHARE
    for_share = host_w * wanted / (1 - wanted) / unit_w
    if share is not None:
        return int(np.clip(round(for_share), 1, 2000))
    if node:
        natural = int(s.rng.choice([1, 1, 1, s.rng.integers(2, 9)]))
    else:
        few, some, many = s.rng.integers(2, 5), s.rng.integers(5, 21), s.rng.integers(20, 150)
        natural = int(s.rng.choice([1, few, some, many], p=[0.4, 0.3, 0.2, 0.1]))
    return max(natural, int(np.ceil(for_share)))


def mine(s: Scene, host: Floats, *, share: float | None, begins: bool, node: bool) -> Miner:
    """A miner beside (n,) watts of `host`; `begins` puts its start inside the record."""
    rng = s.rng
    kind, unit_w = unit(rng, node)
    host_w = float(host.mean())
    fills = node and kind == "cpu" and 0 < host_w < LARGEST_HOST_W  # it takes what the machine has left
    count = 1 if fills else units(s, unit_w, host_w, share, node)
    evasion = str(rng.choice(list(EVASIONS), p=list(EVASIONS.values())))
    from_s, to_s = _life(s, begins)
    shape = _shape(s, evasion, host, count) * covered(s.clock, np.array([from_s]), np.array([to_s - from_s]))
    if begins:
        shape *= np.clip((s.clock.seconds - from_s) / log_uniform(rng, 1, 600), 0.0, 1.0)
    if evasion == "ramp":
        shape *= _ramp(s, count, from_s)
    if fills:
        unit_w = max(float(host.max()) * rng.uniform(1.0, 1.3), host_w * rng.uniform(1.3, 5.0))
        return Miner(kind, 1, unit_w, evasion, shape * np.maximum(unit_w - host, 0), from_s, to_s)
    return Miner(kind, count, unit_w, evasion, unit_w * count * shape, from_s, to_s)


def _shape(s: Scene, evasion: str, host: Floats, count: int) -> Floats:
    """(n,) around 1 when it runs; a waiting unit draws a rest for fans and control (50-150 W, unverified)."""
    rest = s.rng.uniform(0.0, 0.15)
    running = _troubles(s, count) * _gate(s, evasion, host)
    return np.maximum(plateau(s) * _modulation(s, evasion) * (rest + (1 - rest) * running), 0)


def _life(s: Scene, begins: bool) -> tuple[float, float]:
    """Seconds of start and end; starts lie at 10-80 % of the record, one in twelve also ends inside."""
    length = s.clock.length_s
    from_s = s.rng.uniform(0.1, 0.8) * length if begins else 0.0
    to_s = s.rng.uniform(0.9, 1.0) * length if chance(s.rng, 1 / 12) else length
    return float(from_s), float(to_s)


def _troubles(s: Scene, count: int) -> Floats:
    """(n,) 0..1: restarts of single units, outages of the pool for all, lost units, a hot-day throttle.

    Restart 1-13 min, outage 10 s to an hour, fail-over 5-60 s: unverified, varied widely.
    """
    rng, clock = s.rng, s.clock
    days = clock.length_s / DAY_S
    restarts = rng.poisson(min(count, 60) * log_uniform(rng, 0.005, 0.3) * days)
    lost = pulses(clock, rng.uniform(0, clock.length_s, restarts), rng.uniform(30, 800, restarts), 1 / count)
    outages = rng.poisson(log_uniform(rng, 0.01, 0.5 if days > 2 else 8) * days)
    lost = lost + pulses(clock, rng.uniform(0, clock.length_s, outages), rng.exponential(300, outages))
    if count > 1 and chance(rng, 0.1):
        lost = lost + rng.integers(1, max(2, count // 4 + 1)) / count * (
            clock.seconds > rng.uniform(0, clock.length_s)
        )
    if chance(rng, 0.1):  # dynamic scaling lowers the step when chips are hot (braiins.com)
        lost = lost + rng.uniform(0.05, 0.2) * (s.ambient > np.quantile(s.ambient, rng.uniform(0.75, 0.97)))
    return np.clip(1 - lost, 0.0, 1.0)


def _gate(s: Scene, evasion: str, host: Floats) -> Floats:
    """(n,) 0..1: when it runs at all."""
    rng = s.rng
    jitter = rng.choice([0.0, 0.1, 0.4])
    if evasion == "night":
        return daily(s, rng.uniform(18, 25), rng.uniform(5, 11), jitter)
    if evasion in {"peak off", "office off"}:
        peak = evasion == "peak off"
        week = np.array([True] * 5 + [peak] * 2)
        begins, lasts = (float(rng.choice([8, 17, 18])), (2, 6)) if peak else (rng.uniform(6, 9), (8, 12))
        return 1 - daily(s, begins, rng.uniform(*lasts), jitter, week)
    if evasion == "duty cycle":
        period = log_uniform(rng, 20, 0.2 * s.clock.length_s)
        return cycles(s, period, rng.uniform(0.3, 0.95), rng.choice([0.0, 0.1, 0.5]))
    if evasion == "fake checkpoint":
        return 1 - rng.uniform(0.5, 1.0) * cycles(s, log_uniform(rng, 60, 2400), rng.uniform(0.01, 0.1), 0.05)
    if evasion == "anti-correlated" and float(np.ptp(host)) > 0:
        return (host <= np.quantile(host, rng.uniform(0.5, 0.9))).astype(np.float64)
    return np.ones(s.clock.n)


def _modulation(s: Scene, evasion: str) -> Floats:
    """(n,) around 1: power caps, injected noise, a tuner that changes the operating point."""
    rng, n = s.rng, s.clock.n
    if evasion == "throttle":
        return np.full(n, rng.uniform(0.3, 0.7))
    if evasion == "dither":
        return np.clip(1 + rng.uniform(0.03, 0.18) * coloured(rng, n, rng.uniform(0, 1.5)), 0.1, 1.6)
    if evasion == "autotune":
        return steps(s, log_uniform(rng, 30, max(60.0, s.clock.length_s / 6)), rng.uniform(0.6, 0.95), 1.05)
    return np.ones(n)


def _ramp(s: Scene, count: int, from_s: float) -> Floats:
    """(n,) 0..1: units are added over most of what is left of the record."""
    left = s.clock.length_s - from_s
    centre, width = from_s + s.rng.uniform(0.25, 0.7) * left, s.rng.uniform(0.05, 0.15) * left
    rise = 1 / (1 + np.exp(-np.clip((s.clock.seconds - centre) / width, -50, 50)))
    return np.ceil(rise * count) / count if 1 < count < 200 else rise
