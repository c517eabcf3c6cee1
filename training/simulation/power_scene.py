"""Simulated power, the ground: a clock, the weather, and the building blocks of loads.

Miners and benign loads are built from the *same* blocks (`coloured`, `plateau`, `pulses`), so
that neither the level nor the colour of noise, nor dips, nor drift with temperature, tells the
classes apart by construction: a booster learns whatever the simulator does to one side only.
Watts everywhere are means over the interval that starts at a sample's time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Generator = np.random.Generator
DAY_S = 86_400.0


@dataclass(frozen=True)
class Clock:
    """Regular samples: n intervals of `step_s` seconds from `start_ns` (UTC).

    `offset_h` is local time minus UTC: people and the sun keep local time, records keep UTC.
    """

    start_ns: int
    step_s: float
    n: int
    offset_h: float = 0.0

    @cached_property
    def seconds(self) -> Floats:
        """(n,) seconds from the start of the record to each sample."""
        return np.arange(self.n) * self.step_s

    @cached_property
    def local_s(self) -> Floats:
        """(n,) local seconds since 1970-01-01."""
        return self.seconds + self.start_ns / 1e9 + self.offset_h * 3600

    @cached_property
    def hour(self) -> Floats:
        """(n,) local hour of the day, 0 <= hour < 24."""
        return self.local_s % DAY_S / 3600

    @property
    def length_s(self) -> float:
        return self.n * self.step_s

    @property
    def days(self) -> int:
        """Local days that the record touches, with one more at each end."""
        return int(self.length_s / DAY_S) + 3

    def midnights(self) -> tuple[Floats, NDArray[np.int64]]:
        """Seconds from the start to each local midnight, a day before on, and its weekday (Monday 0)."""
        first = int(self.local_s[0] // DAY_S) - 1
        numbers = first + np.arange(self.days)
        return numbers * DAY_S - self.local_s[0], (numbers + 3) % 7  # 1970-01-01 was a Thursday


@dataclass(frozen=True)
class Scene:
    """What every load of one record shares: randomness, time, weather, and measured noise if there is any."""

    rng: Generator
    clock: Clock
    ambient: Floats  # (n,) degrees Celsius outside
    segments: tuple[Floats, ...] = ()  # measured relative residuals of real steady loads

    @cached_property
    def warmth(self) -> Floats:
        """(n,) degrees above the record's mean."""
        return self.ambient - self.ambient.mean()


def log_uniform(rng: Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def chance(rng: Generator, probability: float) -> bool:
    return bool(rng.random() < probability)


def coloured(rng: Generator, n: int, exponent: float) -> Floats:
    """(n,) Gaussian noise of mean 0 and deviation 1 whose power falls as frequency**-exponent.

    0 is white, 1 pink, 2 red.  Shaped in the frequency domain (Timmer and König 1995); twice the
    length is drawn and half kept, so that the two ends are not alike.
    """
    length = 1 << (2 * n - 1).bit_length()
    spectrum = np.fft.rfft(rng.standard_normal(length))
    spectrum[1:] *= np.arange(1, len(spectrum)) ** (-exponent / 2)
    spectrum[0] = 0
    noise = np.fft.irfft(spectrum, length)[:n]
    return (noise - noise.mean()) / max(float(noise.std()), 1e-12)


def weather(rng: Generator, clock: Clock) -> Floats:
    """(n,) degrees Celsius: a season of either hemisphere, day-to-day changes, a warm afternoon."""
    year = (clock.local_s % (365.25 * DAY_S)) / (365.25 * DAY_S)
    warmest = 0.55 if chance(rng, 0.85) else 0.05
    season = rng.uniform(0, 25) + rng.uniform(1, 13) * np.cos(2 * np.pi * (year - warmest))
    daily = np.interp(clock.seconds, np.arange(clock.days) * DAY_S, coloured(rng, clock.days, 1.0))
    afternoon = rng.uniform(1, 7) * np.cos(2 * np.pi * (clock.hour - 15) / 24)
    return season + rng.uniform(1, 4) * daily + afternoon


def scene(rng: Generator, clock: Clock, segments: tuple[Floats, ...] = ()) -> Scene:
    return Scene(rng, clock, weather(rng, clock), segments)


def pulses(clock: Clock, starts: Floats, lengths: Floats, heights: Floats | float = 1.0) -> Floats:
    """(n,) mean height within each interval of rectangular pulses (seconds from the start); overlaps add.

    Exact for pulses shorter than an interval: the integral is piecewise linear in time.
    """
    if not len(starts):
        return np.zeros(clock.n)
    height = np.broadcast_to(np.asarray(heights, dtype=np.float64), starts.shape)
    times = np.concatenate([starts, starts + lengths])
    order = np.argsort(times, kind="stable")
    slope = np.cumsum(np.concatenate([height, -height])[order])
    times = times[order]
    energy = np.concatenate([[0.0], np.cumsum(slope[:-1] * np.diff(times))])
    edges = np.arange(clock.n + 1) * clock.step_s
    return np.diff(np.interp(edges, times, energy)) / clock.step_s


def covered(clock: Clock, starts: Floats, lengths: Floats) -> Floats:
    """(n,) share of each interval, 0..1, that the pulses cover."""
    return np.clip(pulses(clock, starts, lengths), 0.0, 1.0)


def daily(
    s: Scene, hour: float, length_h: float, jitter_h: float = 0.0, week: NDArray[np.bool_] | None = None
) -> Floats:
    """(n,) 0..1: on from `hour` for `length_h` each local day of `week` (7 flags, Monday first)."""
    midnight, weekday = s.clock.midnights()
    if week is not None:
        midnight = midnight[week[weekday]]
    starts = midnight + 3600 * (hour + jitter_h * s.rng.standard_normal(len(midnight)))
    lengths = 3600 * np.maximum(length_h + jitter_h * s.rng.standard_normal(len(midnight)), 0.0)
    return covered(s.clock, starts, lengths)


def cycles(s: Scene, period_s: float, duty: float, jitter: float) -> Floats:
    """(n,) 0..1: a thermostat or batch cycle: on for duty * period, lengths jittered by a share."""
    count = int(s.clock.length_s / period_s * 1.3) + 5
    gaps = period_s * np.maximum(1 + jitter * s.rng.standard_normal(count), 0.1)
    starts = np.cumsum(gaps) - s.rng.uniform(1, 2) * period_s
    on = gaps * np.clip(duty * (1 + jitter * s.rng.standard_normal(count)), 0.0, 1.0)
    return covered(s.clock, starts, on)


def telegraph(s: Scene, on_s: float, off_s: float) -> tuple[Floats, Floats, Floats]:
    """(n,) 0..1 of a load with exponential on and off times; also the starts and lengths of its on times."""
    count = min(int(s.clock.length_s / (on_s + off_s) * 1.5) + 8, 200_000)
    on = s.rng.exponential(on_s, count)
    off = s.rng.exponential(off_s, count)
    starts = np.cumsum(on + off) - on - s.rng.uniform(0, on_s + off_s)
    return covered(s.clock, starts, on), starts, on


def steps(s: Scene, dwell_s: float, low: float, high: float) -> Floats:
    """(n,) piecewise constant level in low..high, changing after exponential times of mean `dwell_s`."""
    count = min(int(s.clock.length_s / dwell_s * 1.5) + 8, s.clock.n)
    change = np.cumsum(s.rng.exponential(dwell_s, count))
    level = s.rng.uniform(low, high, count + 1)
    return level[np.searchsorted(change, s.clock.seconds)]


def dips(s: Scene) -> Floats:
    """(n,) 0..1 that is lost to trips, restarts and outages; none in four records of ten."""
    rng = s.rng
    if chance(rng, 0.4):
        return np.zeros(s.clock.n)
    rate = log_uniform(rng, 0.02, 3.0) if s.clock.step_s >= 300 else log_uniform(rng, 0.5, 60.0)  # a day
    count = rng.poisson(rate * s.clock.length_s / DAY_S)
    lengths = rng.exponential(log_uniform(rng, 10, 3600), count)
    depth = rng.uniform(0.1, 1.0, count)
    return np.clip(pulses(s.clock, rng.uniform(0, s.clock.length_s, count), lengths, depth), 0.0, 1.0)


def steady_noise(s: Scene) -> Floats:
    """(n,) relative noise of a steady load: level 0.05-3 %, colour from white to red, or measured segments.

    The range spans measured steady loads (0.14-1.2 % for a Bitaxe at one clock: mtab3000/bitaxe-monitor;
    0.4-1.2 % for idle servers: MayaPurohit/Energy_Python) and is the same whatever the load.
    """
    rng, n = s.rng, s.clock.n
    level = log_uniform(rng, 0.0005, 0.03)
    if s.segments and chance(rng, 0.25):
        return level * _measured(s)
    return level * coloured(rng, n, rng.uniform(0.0, 2.0))


def _measured(s: Scene) -> Floats:
    """(n,) of deviation 1, stitched from real residuals."""
    pieces: list[Floats] = []
    length = 0
    while length < s.clock.n:
        piece = s.segments[s.rng.integers(len(s.segments))] * s.rng.choice([-1.0, 1.0])
        pieces.append(piece)
        length += len(piece)
    noise = np.concatenate(pieces)[: s.clock.n]
    return noise / max(float(noise.std()), 1e-9)


def plateau(s: Scene) -> Floats:
    """(n,) a steady load around 1: noise, drift with temperature and dips, alike for miners and for others.

    Slope 0-1.1 % a degree (Bitaxe at a fixed fan: ccalvop/bitaxe-lab; T21: +7.3 % from night to afternoon,
    guzmanpintos.com); the same range for other machines is unverified, varied widely.
    """
    slope = 0.0 if chance(s.rng, 0.4) else s.rng.uniform(0.0005, 0.011)
    return np.maximum((1 + steady_noise(s) + slope * s.warmth) * (1 - dips(s)), 0.0)
