"""Simulated benign nodes: servers, GPUs and outlets sampled every 1-60 s, each a recipe drawn afresh.

Every function takes a `Scene` and returns watts at the wall, shape (n,).  What a job does is a recipe;
noise, dips and drift are the blocks of `power_scene`, the same as those of a miner on such a machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from training.simulation.power_scene import (
    Floats,
    Generator,
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

Load = Callable[[Scene], Floats]


@dataclass(frozen=True, slots=True)
class Machine:
    """A computer by its wall power; between idle and full the curve bends by `curve`."""

    idle_w: float
    full_w: float
    curve: float  # 1 = straight

    def watts(self, utilisation: Floats) -> Floats:
        return self.idle_w + (self.full_w - self.idle_w) * np.clip(utilisation, 0, 1) ** self.curve


def machine(rng: Generator) -> Machine:
    """Idle over full 0.12-0.64 (p5-p95 of SPECpower: delanoflipse/spec-power-model); full 25-1600 W."""
    full = log_uniform(rng, 25, 1600)
    return Machine(full * rng.uniform(0.1, 0.65), full, rng.uniform(0.6, 1.2))


def gpu_watts(rng: Generator) -> float:
    """Board power under full load: 70-300 W of older cards, 550-700 W of an H100 (training_profile)."""
    return log_uniform(rng, 70, 720)


def idle(s: Scene) -> Floats:
    """112-256 W, CV 0.4-1.2 % at 1 Hz, rare one-sample glitches to half (MayaPurohit/Energy_Python)."""
    cron, _, _ = telegraph(s, log_uniform(s.rng, 2, 60), log_uniform(s.rng, 60, 7200))
    m = machine(s.rng)
    glitch = 1 - 0.5 * (s.rng.random(s.clock.n) < s.rng.choice([0.0, 0.0, 0.0005, 0.005]))
    return m.watts(cron * s.rng.uniform(0, 0.3)) * plateau(s) * glitch


def web(s: Scene) -> Floats:
    """Demand of the day with bursts; 24 h sine over a base of 60-70 %: unverified, varied widely."""
    rng = s.rng
    day = rng.uniform(0, 0.5) * np.cos(2 * np.pi * (s.clock.hour - rng.uniform(11, 21)) / 24)
    demand = log_uniform(rng, 0.005, 0.15) * coloured(rng, s.clock.n, rng.uniform(0, 1.2))
    burst, _, _ = telegraph(s, log_uniform(rng, 1, 60), log_uniform(rng, 30, 3600))
    use = rng.uniform(0.05, 0.7) * (1 + day) + demand + burst * rng.uniform(0, 0.4)
    return machine(rng).watts(use) * plateau(s)


def desktop(s: Scene) -> Floats:
    """A workstation in office hours, asleep or idle else; unverified, varied widely."""
    rng = s.rng
    present = daily(s, rng.uniform(6, 11), rng.uniform(5, 12), 0.5)
    work, _, _ = telegraph(s, log_uniform(rng, 2, 300), log_uniform(rng, 5, 900))
    asleep = rng.uniform(0.02, 1.0)
    return (
        machine(rng).watts(present * work * rng.uniform(0.1, 1))
        * plateau(s)
        * np.where(present > 0, 1, asleep)
    )


def batch(s: Scene) -> Floats:
    """Jobs of random length at random shares of the machine; 240-1240 W, up to 3360 W (fasrc snapshot)."""
    rng = s.rng
    on, starts, lengths = telegraph(s, log_uniform(rng, 20, 10_000), log_uniform(rng, 2, 3000))
    level = pulses(s.clock, starts, lengths, rng.uniform(rng.uniform(0.2, 0.9), 1.0, len(starts)))
    ripple = 1 + log_uniform(rng, 0.002, 0.1) * coloured(rng, s.clock.n, rng.uniform(0, 2)) * on
    return machine(rng).watts(level * ripple) * plateau(s)


def flat_hpc(s: Scene) -> Floats:
    """A solver that keeps every core busy for the whole record: the same signal as mining on a CPU."""
    rng = s.rng
    use = steps(s, log_uniform(rng, 3600, 400_000), rng.uniform(0.6, 0.98), 1.0)
    return machine(rng).watts(use) * plateau(s)


def stress_test(s: Scene) -> Floats:
    """Burn-in or a benchmark that holds full load (GPU-burn filler: CV 0.22-0.31, training_profile)."""
    rng = s.rng
    on, _, _ = telegraph(s, log_uniform(rng, 300, 20_000), log_uniform(rng, 5, 600))
    cards = int(rng.choice([0, 1, 2, 4, 8]))
    m = machine(rng)
    return (m.watts(on) + cards * gpu_watts(rng) * (0.12 + 0.88 * on)) * plateau(s)


def ai_training(s: Scene) -> Floats:
    """8 x H100: idle 72 W a card, plateau 550 W, CV 2-4 %, drops to 145 W for 17-30 s at checkpoints every
    10 s to 40 min, 100-120 s to start (grantwilkins/training_profile); iterations at 0.2-3 Hz
    (arXiv 2508.14318).
    """
    rng, clock = s.rng, s.clock
    cards, board = int(rng.choice([1, 2, 4, 8])), gpu_watts(rng)
    period = log_uniform(rng, 10, 6000)
    stall = np.clip(rng.uniform(2, 35) / period, 0.0, 0.7)
    drop = cycles(s, period, stall, rng.uniform(0.0, 0.15)) if chance(rng, 0.85) else np.zeros(clock.n)
    low = rng.uniform(0.2, 0.7)
    wave = rng.uniform(0, 0.08) * np.sin(
        2 * np.pi * clock.seconds * rng.uniform(0.05, 3.0) + rng.uniform(0, 6)
    )
    epoch = 1 - rng.uniform(0, 0.5) * cycles(s, log_uniform(rng, 300, 20_000), rng.uniform(0.02, 0.15), 0.05)
    run, starts, _ = telegraph(s, log_uniform(rng, 1800, 300_000), log_uniform(rng, 60, 4000))
    start_up = np.clip(pulses(clock, starts, np.full(len(starts), rng.uniform(30, 180))), 0, 1)
    use = run * (1 - drop * (1 - low)) * epoch * np.where(start_up > 0, 0.2, 1.0) * (1 + wave)
    noise = 1 + rng.uniform(0.008, 0.044) * coloured(rng, clock.n, rng.uniform(0, 1)) * run
    return cards * board * (0.13 + 0.87 * use) * noise + machine(rng).watts(0.1 + 0.4 * run) * plateau(s)


def inference(s: Scene) -> Floats:
    """Requests of the day on one to eight cards; unverified, varied widely."""
    rng = s.rng
    busy, _, _ = telegraph(s, log_uniform(rng, 0.5, 120), log_uniform(rng, 0.5, 300))
    day = 1 + rng.uniform(0, 0.9) * np.cos(2 * np.pi * (s.clock.hour - rng.uniform(10, 22)) / 24)
    noise = 1 + log_uniform(rng, 0.01, 0.15) * coloured(rng, s.clock.n, rng.uniform(0, 1))
    cards = int(rng.choice([1, 2, 4, 8])) * gpu_watts(rng)
    return cards * np.clip(0.15 + 0.6 * busy * day * noise, 0.1, 1.05) + machine(rng).watts(0.2 + 0.2 * busy)


def rendering(s: Scene) -> Floats:
    """Frames of some seconds to minutes with a gap for loading; unverified, varied widely."""
    rng = s.rng
    frame = cycles(s, log_uniform(rng, 4, 900), rng.uniform(0.6, 0.98), rng.uniform(0.01, 0.4))
    work, _, _ = telegraph(s, log_uniform(rng, 900, 100_000), log_uniform(rng, 60, 20_000))
    use = work * (rng.uniform(0.1, 0.6) + rng.uniform(0.3, 0.9) * frame)
    cards = int(rng.integers(0, 5)) * gpu_watts(rng)
    return machine(rng).watts(use) * plateau(s) + cards * (0.1 + 0.85 * np.clip(use, 0, 1))


def gaming(s: Scene) -> Floats:
    """Sessions of scenes on one card, menus between; 0.5-5 h at a time: unverified, varied widely."""
    rng = s.rng
    session, _, _ = telegraph(s, log_uniform(rng, 1800, 18_000), log_uniform(rng, 600, 60_000))
    scenes = steps(s, log_uniform(rng, 20, 900), 0.2, 1.0)
    noise = 1 + log_uniform(rng, 0.02, 0.15) * coloured(rng, s.clock.n, rng.uniform(0, 1.2))
    return machine(rng).watts(0.05 + 0.4 * session) * plateau(s) + gpu_watts(rng) * np.clip(
        0.08 + 0.9 * session * scenes * noise, 0.05, 1.05
    )


def transcoding(s: Scene) -> Floats:
    """A queue of videos, each flat for minutes; unverified, varied widely."""
    rng = s.rng
    _, starts, lengths = telegraph(s, log_uniform(rng, 30, 4000), log_uniform(rng, 1, 2000))
    level = pulses(s.clock, starts, lengths, rng.uniform(0.5, 1.0, len(starts)))
    return machine(rng).watts(level * (1 + 0.5 * steady_noise(s))) * plateau(s)


def backup(s: Scene) -> Floats:
    """Disks and network at work for some hours; 220-310 W, CV 2-24 % (MayaPurohit/Energy_Python), widened."""
    rng = s.rng
    window = daily(s, rng.uniform(0, 24), rng.uniform(0.3, 10), 0.1) if chance(rng, 0.6) else 1.0
    bursts, _, _ = telegraph(s, log_uniform(rng, 1, 600), log_uniform(rng, 1, 300))
    use = window * (rng.uniform(0.1, 0.6) + rng.uniform(0, 0.4) * bursts)
    noise = log_uniform(rng, 0.005, 0.15) * coloured(rng, s.clock.n, rng.uniform(0, 1.2))
    return machine(rng).watts(use * (1 + noise) + 0.02) * plateau(s)


def virtual_host(s: Scene) -> Floats:
    """Many guests or a database: slow demand that never rests; unverified, varied widely."""
    rng = s.rng
    use = rng.uniform(0.1, 0.8) + log_uniform(rng, 0.005, 0.2) * coloured(
        rng, s.clock.n, rng.uniform(0.3, 1.8)
    )
    return machine(rng).watts(use) * plateau(s)


def network_gear(s: Scene) -> Floats:
    """A switch, a storage shelf, a phone exchange on an outlet: flat for ever; unverified, varied widely."""
    return log_uniform(s.rng, 15, 2500) * plateau(s)


def powered_off(s: Scene) -> Floats:
    """10-20 W of the management controller alone (fasrc/hpc_sustainability_dataset, outage of June 2025)."""
    return np.full(s.clock.n, log_uniform(s.rng, 3, 40)) * plateau(s)


def stuck_sensor(s: Scene) -> Floats:
    """One value for ever, such as 250 W (fasrc/hpc_sustainability_dataset), with a rare outlier."""
    outlier = s.rng.random(s.clock.n) < s.rng.choice([0.0, 0.0, 0.0005])
    return np.where(outlier, 25_550.0, float(round(log_uniform(s.rng, 20, 3000))))


def rack(s: Scene) -> Floats:
    """An outlet or a rack: two to ten machines added, some busy and some not; unverified, varied widely."""
    loads = (idle, web, batch, virtual_host, network_gear)
    picked = s.rng.integers(0, len(loads), s.rng.integers(2, 11))
    return np.sum([loads[i](s) for i in picked], axis=0)


NODES: dict[str, tuple[Load, float]] = {
    "idle": (idle, 3.0),
    "web": (web, 3.0),
    "desktop": (desktop, 2.0),
    "batch": (batch, 2.5),
    "flat HPC": (flat_hpc, 0.8),
    "stress test": (stress_test, 0.4),
    "AI training": (ai_training, 3.0),
    "inference": (inference, 1.5),
    "rendering": (rendering, 1.5),
    "gaming": (gaming, 1.5),
    "transcoding": (transcoding, 1.0),
    "backup": (backup, 1.0),
    "virtual host": (virtual_host, 1.5),
    "network gear": (network_gear, 0.8),
    "powered off": (powered_off, 0.6),
    "stuck sensor": (stuck_sensor, 0.3),
    "rack": (rack, 0.8),
}
