"""The labelled corpus of the power model: seeded records of meters and nodes, mining and benign.

Example i of a seed is the same whatever is drawn before it.  Everything but the miner itself is drawn
without looking at the label: host, change of use, solar roof, noise, rounding, lost rows.  Prevalence
here is not that of life; whoever fits re-weights.  Groups name the host's real profile or its recipe,
so that a grouped split leaves out whole kinds; a flat kind that was left out is the honest test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from detector.features.power_days import BANDS
from detector.records import Readings
from training.simulation.power_bank import QUARTER_S, LoadBank, Profile, evaluation
from training.simulation.power_disturbances import Traits, change, measure, new_clock
from training.simulation.power_loads import LOADS, photovoltaics
from training.simulation.power_miners import Miner, mine
from training.simulation.power_nodes import NODES
from training.simulation.power_scene import Clock, Floats, Generator, Scene, chance, log_uniform, scene

TIERS = ("meter", "node", "daily")  # quarter-hours to hours; seconds to minutes; days to months
MIX = ("meter", "node", "meter", "daily")  # in turn
MONTH_DAYS = 30
SIMULATED = "simulated by this project"
BARE_SHARE = 0.08  # of miners have a meter to themselves
REAL_SHARE = {"meter": 0.5, "node": 0.06, "daily": 0.5}  # of hosts are real profiles where a bank is at hand
# Mean kW of a real profile's customer: low, high (SimBench and the steel works are per unit or of one site).
LEVELS_KW = {
    "household": (0.1, 2.5),
    "business": (0.8, 80.0),
    "farm": (1.0, 60.0),
    "continuous industry": (3.0, 1500.0),
    "shift industry": (5.0, 800.0),
    "electric vehicle": (0.1, 10.0),
    "heat pump": (0.2, 5.0),
}


@dataclass(frozen=True, slots=True)
class PowerExample:
    """One labelled record of one meter.  `simulated` is False only for a benign record of a real profile
    to which nothing was done but measuring it: what was added to it is an invention, too.
    """

    readings: Readings
    tier: str  # of TIERS
    label: bool  # True = mining
    family: str  # kind of miner if it mines, else kind of load
    host: str  # kind of load that the miner hides in; "none" = a meter to itself
    group: str  # keep on one side of every split
    source: str
    simulated: bool
    share: float  # of the energy while it mines, 0..1; 0 = benign
    onset_in_view: bool
    mining_from_ns: int  # meaningless if benign
    mining_to_ns: int
    evasion: str
    units: int
    unit_w: float
    traits: Traits


@dataclass(frozen=True, slots=True)
class Host:
    watts: Floats
    family: str
    group: str
    source: str
    real: bool
    quantum: float | None = None  # of the real instrument, where it is coarse


def examples(
    seed: int,
    n: int,
    bank: LoadBank | None = None,
    *,
    tiers: tuple[str, ...] = MIX,
    mining_share: float = 0.35,
) -> Iterator[PowerExample]:
    """n records, tiers in turn; without a bank every host is a recipe and `simulated` is always True."""
    for i in range(n):
        yield example(np.random.default_rng([seed, i]), i, tiers[i % len(tiers)], bank, mining_share)


def example(rng: Generator, i: int, tier: str, bank: LoadBank | None, mining_share: float) -> PowerExample:
    """One record; the label is the first draw, and only the miner depends on it."""
    mines = chance(rng, mining_share)
    node = tier == "node"
    profile = _profile(rng, tier, bank)
    clock = _clock(rng, tier, profile)
    s = scene(rng, clock, bank.segments if bank else ())
    host = _real(s, profile, node) if profile else _recipe(s, NODES if node else LOADS)
    miner = None
    if mines and chance(rng, BARE_SHARE):
        host, watts = _nobody(s), np.zeros(clock.n)
        miner = mine(s, watts, share=None, begins=chance(rng, 0.5), node=node)
        total, changed = change(s, miner.watts, node)
    else:
        total, changed = change(s, host.watts, node)
        watts = total
        if mines:
            share = float(rng.uniform(0.02, 0.95)) if not node and chance(rng, 0.65) else None
            miner = mine(s, watts, share=share, begins=chance(rng, 0.5), node=node)
            total = watts + miner.watts
    roof = not node and chance(rng, 0.08)
    if roof:
        total = np.maximum(total - photovoltaics(s, float(total.mean()) * rng.uniform(0.5, 5.0)), 0)
    readings, traits = measure(s, total, name=f"{tier}-{i}", node=node, changed=changed, quantum=host.quantum)
    if tier == "daily":
        days = MONTH_DAYS if chance(rng, 0.2) and clock.days > 8 * MONTH_DAYS else 1
        readings = banded(readings, days) if chance(rng, 0.3) else billed(readings, days)
    return _labelled(readings, traits, tier, host=host, miner=miner, watts=watts, clock=clock, roof=roof)


def billed(readings: Readings, days: int) -> Readings:
    """One meter's mean watts of each `days` days that hold any reading, as a daily or monthly bill tells."""
    length = days * 86_400 * 10**9
    start, first = np.unique(readings.time_ns // length * length, return_index=True)
    mean = np.add.reduceat(readings.watts, first) / np.diff(np.append(first, len(readings)))
    return Readings(readings.meters, np.zeros(len(start), np.int64), start, mean, np.array([length / 1e9]))


def banded(readings: Readings, days: int) -> Readings:
    """The same bill by valley, peak and flat hours (UTC, as these records are), as `telemetry.bands` reads
    one; periods in which a band has no reading are left out."""
    length = days * 86_400 * 10**9
    period = readings.time_ns // length
    hour = readings.time_ns // (3600 * 10**9) % 24
    band = np.array([next(i for i, hours in enumerate(BANDS) if h in hours) for h in range(24)])[hour]
    start, place = np.unique(period, return_inverse=True)
    cell, size = place * len(BANDS) + band, len(start) * len(BANDS)
    n = np.bincount(cell, minlength=size).reshape(-1, len(BANDS))
    total = np.bincount(cell, weights=readings.watts, minlength=size).reshape(-1, len(BANDS))
    whole = (n > 0).all(axis=1)
    mean = (total[whole] / n[whole]).ravel()
    time_ns = (start[whole, None] * length + np.arange(len(BANDS)) * 10**9).ravel()
    return Readings(readings.meters, np.zeros(len(mean), np.int64), time_ns, mean, np.array([length / 1e9]))


def held_out(root: Path) -> Iterator[PowerExample]:
    """Real benign records that may not be learnt from, to measure false alarms; see `evaluation`."""
    start = new_clock(np.random.default_rng(0), node=True).start_ns
    for p in evaluation(root):
        time = start + (np.arange(len(p.watts)) * p.step_s * 1e9).astype(np.int64)
        readings = Readings([p.name], np.zeros(len(time), np.int64), time, p.watts, np.array([p.step_s]))
        yield PowerExample(
            readings, "meter" if p.step_s == QUARTER_S else "node", False, p.family, p.family, p.group,
            p.source, False, 0.0, False, 0, 0, "none", 0, 0.0, Traits("none", 1.0, 0.0, 0.0, 0.0),
        )  # fmt: skip


def _labelled(
    readings: Readings,
    traits: Traits,
    tier: str,
    *,
    host: Host,
    miner: Miner | None,
    watts: Floats,
    clock: Clock,
    roof: bool,
) -> PowerExample:
    if miner is None:
        return PowerExample(
            readings, tier, False, host.family, host.family, host.group, host.source,
            not host.real or roof or traits.change != "none",
            0.0, False, 0, 0, "none", 0, 0.0, traits,
        )  # fmt: skip
    runs = (clock.seconds >= miner.from_s) & (clock.seconds < miner.to_s)
    share = float(miner.watts[runs].sum() / max((miner.watts + watts)[runs].sum(), 1e-9))
    evasion = "behind PV" if roof and miner.evasion == "none" else miner.evasion
    group = host.group if host.family != "none" else f"miner:{miner.kind}"
    start, end = (clock.start_ns + round(t * 1e9) for t in (miner.from_s, miner.to_s))
    return PowerExample(
        readings, tier, True, miner.kind, host.family, group, host.source, True,
        share, miner.from_s > 0, start, end, evasion, miner.units, miner.unit_w, traits,
    )  # fmt: skip


def _recipe(s: Scene, recipes: dict[str, tuple[object, float]]) -> Host:
    weights = np.array([weight for _, weight in recipes.values()])
    family = str(s.rng.choice(list(recipes), p=weights / weights.sum()))
    load = recipes[family][0]
    return Host(load(s), family, f"recipe:{family}", SIMULATED, real=False)  # type: ignore[operator]


def _nobody(s: Scene) -> Host:
    return Host(np.zeros(s.clock.n), "none", "miner", SIMULATED, real=False)


def _profile(rng: Generator, tier: str, bank: LoadBank | None) -> Profile | None:
    """A real profile at times: first a family, so that twenty industries do not outweigh seven households."""
    profiles = () if bank is None else bank.nodes if tier == "node" else bank.meters
    if not profiles or not chance(rng, REAL_SHARE[tier]):
        return None
    families = sorted({p.family for p in profiles})
    family = families[rng.integers(len(families))]
    kin = [p for p in profiles if p.family == family]
    return kin[rng.integers(len(kin))]


def _clock(rng: Generator, tier: str, profile: Profile | None) -> Clock:
    node = tier == "node"
    clock = new_clock(rng, node)
    if tier == "daily":  # hours, of which `billed` makes days or months
        clock = replace(clock, step_s=3600.0, n=24 * int(log_uniform(rng, 60, 720)))
        clock = replace(clock, start_ns=clock.start_ns // (3600 * 10**9) * 3600 * 10**9)
    if profile and not node:  # its days, less those that weekday and shift may take
        longest = (len(profile.watts) // 96 - 17) * round(86_400 / clock.step_s)
        return replace(clock, n=min(clock.n, longest))
    if node and profile:  # a trace is not stretched: its own step, or part of its length
        length = min(int(clock.length_s / profile.step_s), len(profile.watts))
        return Clock(
            clock.start_ns // 60_000_000_000 * 60_000_000_000, profile.step_s, length, clock.offset_h
        )
    return clock


def _real(s: Scene, profile: Profile, node: bool) -> Host:
    """A stretch of a real profile: at the right hour and weekday, scaled, its peaks stretched a little."""
    rng, clock = s.rng, s.clock
    if node:
        first = int(rng.integers(len(profile.watts) - clock.n + 1))
        watts = profile.watts[first : first + clock.n]
        return Host(watts, profile.family, profile.group, profile.source, real=True, quantum=10.0)
    watts = _stretch(s, profile) ** rng.uniform(0.85, 1.25)
    low, high = LEVELS_KW[profile.family]
    watts = watts / max(float(watts.mean()), 1e-6) * log_uniform(rng, low, high) * 1000
    return Host(watts, profile.family, profile.group, profile.source, real=True)


def _stretch(s: Scene, profile: Profile) -> Floats:
    """(n,) relative watts from a random day of the same weekday, shifted by up to 90 min, averaged."""
    clock, quarters = s.clock, round(s.clock.step_s / profile.step_s)
    days = len(profile.watts) // 96
    weekday = int(clock.local_s[0] // 86_400 + 3) % 7
    needed = clock.n * quarters // 96 + 3
    day = int(s.rng.integers(0, (days - needed) // 7)) * 7 + (weekday - profile.weekday) % 7
    slot = int(clock.hour[0] * 4) + int(s.rng.integers(-6, 7)) + (96 if day == 0 else 0)
    first = day * 96 + slot - (7 * 96 if day * 96 + slot + clock.n * quarters > len(profile.watts) else 0)
    return profile.watts[first : first + clock.n * quarters].reshape(clock.n, quarters).mean(axis=1)
