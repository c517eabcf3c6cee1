"""Simulated benign meters: families of loads that need no data, each a recipe drawn afresh every time.

A family fixes what a load *is*; its level, hours, duty, drift, noise and colour are drawn from wide
ranges, because a model that has seen eight recipes of flat loads calls two thirds of all others mining.
Every function takes a `Scene` and returns watts, shape (n,).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from training.simulation.power_scene import (
    Floats,
    Scene,
    chance,
    coloured,
    cycles,
    daily,
    log_uniform,
    plateau,
    pulses,
    steady_noise,
    steps,
    telegraph,
)
from training.simulation.power_steady import KINDS, steady

Load = Callable[[Scene], Floats]


def _week(s: Scene) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Seven flags: working days; Saturdays, Sundays or one day off at random."""
    week = np.array([True] * 5 + [chance(s.rng, 0.4), chance(s.rng, 0.2)])
    if chance(s.rng, 0.15):
        week[s.rng.integers(5)] = False
    return week


def household(s: Scene) -> Floats:
    """Events of appliances over a base with a fridge; load factor 0.2-0.4, base share 0.3, mean 276-536 W
    in UK-DALE, REFIT and IDEAL (adrienpetralia/DeviceScope), widened to 0.1-2.5 kW.
    """
    rng, clock = s.rng, s.clock
    base = log_uniform(rng, 20, 300) * plateau(s)
    fridge = log_uniform(rng, 40, 200) * cycles(s, log_uniform(rng, 1200, 7200), rng.uniform(0.2, 0.6), 0.15)
    count = rng.poisson(log_uniform(rng, 10, 90) * clock.days)
    peaks = rng.normal([7.5, 19.0], 1.2)
    hour = np.where(
        rng.random(count) < 0.3, rng.normal(peaks[0], 1.5, count), rng.normal(peaks[1], 2.5, count)
    )
    hour = np.where(rng.random(count) < 0.08, rng.uniform(0, 24, count), hour)
    hour += 10.0 if chance(rng, 0.05) else 0.0  # who works at night
    day = rng.integers(0, clock.days, count)
    midnight, _ = clock.midnights()
    length = np.exp(rng.normal(np.log(900), 1.1, count))
    events = pulses(clock, midnight[day] + hour * 3600, length, np.exp(rng.normal(np.log(500), 0.9, count)))
    watts = base + fridge + events
    return watts / watts.mean() * log_uniform(rng, 100, 2500)


def office(s: Scene) -> Floats:
    """Lights, plugs and cooling in working hours over a base; load factor 0.38-0.73 (SimBench G profiles)."""
    rng = s.rng
    week, start, length = _week(s), rng.uniform(5, 10), rng.uniform(7, 14)
    hours = [
        daily(s, rng.normal(start, 0.8), rng.normal(length, 1.0), 0.3, week)
        for _ in range(rng.integers(2, 9))
    ]
    cooling = np.maximum(s.ambient - rng.uniform(16, 26), 0) * rng.uniform(0, 0.06)
    work = np.mean(hours, axis=0) * (1 + 0.5 * steady_noise(s) + cooling)
    return log_uniform(rng, 500, 200_000) * (rng.uniform(0.05, 0.6) * plateau(s) + work)


def shop(s: Scene) -> Floats:
    """Opening hours over refrigeration; unverified, varied widely."""
    rng = s.rng
    week = np.array([True] * 6 + [chance(rng, 0.5)])
    opened = daily(s, rng.uniform(6, 11), rng.uniform(7, 16), 0.15, week)
    cold = cycles(s, log_uniform(rng, 300, 3600), rng.uniform(0.3, 0.8), 0.2) * (1 + 0.01 * s.warmth)
    return log_uniform(rng, 1000, 120_000) * (
        rng.uniform(0.05, 0.3) * plateau(s) + rng.uniform(0, 0.7) * cold + opened * rng.uniform(0.4, 1.2)
    )


def continuous_industry(s: Scene) -> Floats:
    """Day and night: load factor 0.73-0.94, hourly CV 0.04-0.18, between days 0.09-0.15 (SimBench)."""
    rng = s.rng
    level = steps(s, log_uniform(rng, 3600, 6 * 86_400), rng.uniform(0.5, 0.98), 1.0)
    slow = log_uniform(rng, 0.003, 0.15) * coloured(rng, s.clock.n, rng.uniform(0.3, 2.0))
    weekend = 1 - rng.choice([0.0, rng.uniform(0, 0.4)]) * daily(
        s, 0.0, 24.0, 0.0, np.array([False] * 5 + [True] * 2)
    )
    stops, _, _ = telegraph(s, log_uniform(rng, 600, 40_000), log_uniform(rng, 86_400, 3e6))
    running = 1 - rng.uniform(0.1, 0.95) * stops
    return (
        log_uniform(rng, 3000, 1_500_000)
        * np.maximum(level * weekend * running * (1 + slow), 0.0)
        * plateau(s)
    )


def shift_industry(s: Scene) -> Floats:
    """One to three shifts; load factor 0.39, night/day 0.12 in a steel works (creators01/steel-industry)."""
    rng = s.rng
    shifts = rng.uniform(7, 23)
    work = daily(s, rng.uniform(4, 9), shifts, 0.2, _week(s))
    machines = steps(s, log_uniform(rng, 600, 7200), 0.2, 1.0) * (
        1 + log_uniform(rng, 0.02, 0.4) * coloured(rng, s.clock.n, rng.uniform(0, 1.5))
    )
    return log_uniform(rng, 2000, 800_000) * (
        rng.uniform(0.02, 0.3) * plateau(s) + work * np.maximum(machines, 0)
    )


def cold_store(s: Scene) -> Floats:
    """One to eight compressors that cycle in 5-20 min, more in the heat; unverified, widened to 3-90 min."""
    rng = s.rng
    watts = log_uniform(rng, 0.02, 5.0) * plateau(s)
    spread = log_uniform(rng, 0.005, 0.3) * coloured(rng, s.clock.n, 1.0)
    warm = np.clip(1 + rng.uniform(0, 0.04) * s.warmth + spread, 0.1, 2)
    for _ in range(rng.integers(1, 9)):
        on = cycles(s, log_uniform(rng, 180, 5400), rng.uniform(0.3, 0.95), rng.uniform(0.03, 0.4))
        watts = watts + on * warm
    defrost = daily(s, rng.uniform(0, 24), rng.uniform(0.2, 1.5)) * rng.uniform(0, 0.6)
    return log_uniform(rng, 400, 80_000) * (watts + defrost)


def telecom(s: Scene) -> Floats:
    """A mast or exchange: flat with a little evening traffic and cooling; unverified, varied widely."""
    rng = s.rng
    traffic = log_uniform(rng, 0.002, 0.25) * np.cos(2 * np.pi * (s.clock.hour - rng.uniform(15, 22)) / 24)
    cooling = rng.uniform(0, 0.03) * np.maximum(s.ambient - rng.uniform(15, 28), 0)
    return log_uniform(rng, 200, 30_000) * plateau(s) * (1 + traffic + cooling)


def server_room(s: Scene) -> Floats:
    """Servers with cooling: flat, working hours, steps of growth; unverified, varied widely."""
    rng = s.rng
    work = rng.uniform(0, 0.15) * daily(s, rng.uniform(6, 10), rng.uniform(8, 13), 0.3, _week(s))
    growth = steps(s, log_uniform(rng, 2 * 86_400, 60 * 86_400), rng.uniform(0.7, 1.0), 1.0)
    slow = log_uniform(rng, 0.001, 0.08) * coloured(rng, s.clock.n, rng.uniform(0.5, 2.0))
    return log_uniform(rng, 200, 300_000) * plateau(s) * np.maximum(growth + work + slow, 0.05)


def pump(s: Scene) -> Floats:
    """Water, sewage, pool or well: by level, by hour or without end; unverified, varied widely."""
    rng = s.rng
    kind = rng.integers(3)
    if kind == 0:
        on, _, _ = telegraph(s, log_uniform(rng, 600, 80_000), log_uniform(rng, 300, 80_000))
    elif kind == 1:
        on = daily(s, rng.uniform(0, 24), rng.uniform(3, 22), rng.uniform(0, 0.3))
    else:
        on = cycles(s, log_uniform(rng, 300, 20_000), rng.uniform(0.2, 0.99), rng.uniform(0.02, 0.5))
    return log_uniform(rng, 300, 90_000) * (rng.uniform(0, 0.3) + on * plateau(s))


def grow_light(s: Scene) -> Floats:
    """12/12, 18/6 or other hours with hard edges, fans through the night; hours unverified, varied widely."""
    rng = s.rng
    lamps = daily(s, rng.uniform(0, 24), float(rng.choice([12, 16, 18, 20, 22, rng.uniform(8, 23)])), 0.0)
    return log_uniform(rng, 300, 120_000) * plateau(s) * (lamps + log_uniform(rng, 0.01, 0.6))


def lighting(s: Scene) -> Floats:
    """Streets, signs and stairwells from dusk to dawn, or always; unverified, varied widely."""
    rng = s.rng
    on = daily(s, rng.uniform(16, 22), rng.uniform(6, 15), 0.05)
    always = rng.uniform(0.3, 1.0) if chance(rng, 0.25) else rng.uniform(0, 0.15)
    return log_uniform(rng, 50, 30_000) * plateau(s) * (on * (1 - always) + always)


def heater(s: Scene) -> Floats:
    """Resistive heat or hot water by thermostat, less when warm; night storage; unverified, varied widely."""
    rng = s.rng
    hours = daily(s, rng.uniform(20, 25), rng.uniform(4, 10), 0.1) if chance(rng, 0.3) else 1.0
    need = np.clip((rng.uniform(12, 28) - s.ambient) / rng.uniform(8, 40), 0.02, 1.0)
    duty = cycles(s, log_uniform(rng, 240, 7200), rng.uniform(0.5, 1.0), 0.3) * need
    return log_uniform(rng, 500, 60_000) * duty * hours + log_uniform(rng, 3, 200)


def heat_pump(s: Scene) -> Floats:
    """Modulating or cycling heating; load factor 0.14-0.17 (SimBench)."""
    rng = s.rng
    need = np.clip((rng.uniform(10, 24) - s.ambient) / rng.uniform(10, 35), 0.0, 1.0)
    wave = cycles(s, log_uniform(rng, 900, 14_400), rng.uniform(0.3, 0.9), 0.25)
    day = 1 + rng.uniform(0, 0.5) * np.cos(2 * np.pi * (s.clock.hour - rng.uniform(4, 9)) / 24)
    return log_uniform(rng, 800, 15_000) * need * (rng.uniform(0, 0.6) + wave) * day + log_uniform(
        rng, 5, 120
    )


def electric_vehicle(s: Scene) -> Floats:
    """One wall box or a depot, at 2.3-50 kW for some hours; load factor 0.04-0.07 (SimBench APLS, HLS)."""
    rng, clock = s.rng, s.clock
    cars = int(log_uniform(rng, 1, 30))
    count = rng.poisson(rng.uniform(0.2, 1.2) * cars * clock.days)
    midnight, _ = clock.midnights()
    at = midnight[rng.integers(0, clock.days, count)] + 3600 * rng.normal(
        rng.choice([8.0, 18.5, 23.0]), 2.0, count
    )
    power = float(rng.choice([2300, 3700, 7400, 11_000, 22_000, 50_000]))
    return pulses(clock, at, 3600 * np.exp(rng.normal(0.8, 0.6, count)), power * 0.97) + log_uniform(
        rng, 3, 60
    )


def standby(s: Scene) -> Floats:
    """An empty flat, a gate, an alarm: small and flat (300 W within 0.2 %: ZongXR/DCIC2022)."""
    rng = s.rng
    use, _, _ = telegraph(s, log_uniform(rng, 60, 3600), log_uniform(rng, 7200, 2e6))
    return log_uniform(rng, 8, 800) * (plateau(s) + use * rng.uniform(0, 5))


def hotel(s: Scene) -> Floats:
    """Hotel, hospital or home for the aged: a high base and two broad peaks; unverified, varied widely."""
    rng = s.rng
    peaks = sum(
        rng.uniform(0.05, 0.6)
        * np.exp(3 * (np.cos(2 * np.pi * (s.clock.hour - rng.normal(hour, 1.5)) / 24) - 1))
        for hour in (8.0, 20.0)
    )
    slow = log_uniform(rng, 0.01, 0.1) * coloured(rng, s.clock.n, rng.uniform(0.3, 1.5))
    cooling = rng.uniform(0, 0.03) * np.maximum(s.ambient - 20, 0)
    return log_uniform(rng, 3000, 400_000) * np.maximum(rng.uniform(0.5, 1.0) + peaks + slow + cooling, 0.05)


def farm(s: Scene) -> Floats:
    """Milking twice a day, ventilation with the heat, water (SimBench L profiles, widened)."""
    rng = s.rng
    milking = daily(s, rng.uniform(3, 7), rng.uniform(1, 4), 0.2) + daily(
        s, rng.uniform(15, 19), rng.uniform(1, 4), 0.2
    )
    fans = np.clip((s.ambient - rng.uniform(5, 22)) / 15, 0, 1) * rng.uniform(0, 1)
    water, _, _ = telegraph(s, 600, log_uniform(rng, 1800, 40_000))
    return log_uniform(rng, 500, 60_000) * (
        rng.uniform(0.05, 0.5) * plateau(s) + milking + fans + 0.2 * water
    )


def ventilation(s: Scene) -> Floats:
    """Fans of a garage, a mine or a sewage works at one or two speeds; unverified, varied widely."""
    rng = s.rng
    fast = daily(s, rng.uniform(0, 24), rng.uniform(2, 20), rng.uniform(0, 0.3), _week(s)) * rng.uniform(
        0, 1.5
    )
    return log_uniform(rng, 200, 150_000) * plateau(s) * (rng.uniform(0.1, 1.0) + fast)


def process_line(s: Scene) -> Floats:
    """Electrolysis, a kiln, an extruder: flat for days, then a stop; unverified, varied widely."""
    rng = s.rng
    on, _, _ = telegraph(s, log_uniform(rng, 20_000, 3e6), log_uniform(rng, 1800, 200_000))
    speed = steps(s, log_uniform(rng, 7200, 1e6), rng.uniform(0.6, 1.0), 1.0)
    return log_uniform(rng, 2000, 900_000) * (rng.uniform(0.01, 0.2) + on * speed * plateau(s))


# name -> (recipe, how often it is drawn).  The steady kinds, named and invented, make up a third:
# far more than in life, because the errors are there, and not so many that they set every threshold.
LOADS: dict[str, tuple[Load, float]] = {
    "household": (household, 8.0),
    "office": (office, 3.0),
    "shop": (shop, 3.0),
    "hotel": (hotel, 1.5),
    "farm": (farm, 1.5),
    "shift industry": (shift_industry, 1.5),
    "continuous industry": (continuous_industry, 1.5),
    "process line": (process_line, 0.5),
    "cold store": (cold_store, 1.0),
    "telecom": (telecom, 0.8),
    "server room": (server_room, 0.8),
    "pump": (pump, 0.8),
    "ventilation": (ventilation, 0.5),
    "grow light": (grow_light, 0.5),
    "lighting": (lighting, 0.7),
    "heater": (heater, 1.0),
    "heat pump": (heat_pump, 1.5),
    "electric vehicle": (electric_vehicle, 1.5),
    "standby": (standby, 0.8),
    **{f"steady {number:02d}": (steady(number), 4.0 / KINDS) for number in range(KINDS)},
}


def photovoltaics(s: Scene, peak_w: float) -> Floats:
    """(n,) watts of a roof of `peak_w`: daylight hours under moving clouds; clear-sky shape unverified."""
    rng = s.rng
    rise, sunset = rng.uniform(5, 8), rng.uniform(16.5, 21)
    sky = np.clip((s.clock.hour - rise) / (sunset - rise), 0, 1)
    cloud = np.clip(
        rng.uniform(0.3, 1) + rng.uniform(0.05, 0.35) * coloured(rng, s.clock.n, rng.uniform(0.8, 1.6)),
        0.05,
        1,
    )
    return peak_w * np.sin(np.pi * sky) ** rng.uniform(1.0, 1.6) * cloud
