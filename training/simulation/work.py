"""When pools hand out work and when miners find shares: the processes behind every dialect.

Blocks and shares are memoryless (proof of work is a lottery); pools add timers; difficulty
control pins the mean share time whatever the hash rate (network facts, sections 3.4 and 6).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from training.simulation.draw import MOST_TIMES, Draw


@dataclass(frozen=True, slots=True)
class Pace:
    """The rhythm of one miner at one pool.  Seconds; 0 = never."""

    block_s: float  # mean time between blocks of the coin
    timer_s: float  # the pool's own rebroadcast
    timer_restarts: bool  # at each block
    timer_jitter_s: float
    extra_s: float  # mean time between further jobs (new transactions)
    share_s: float  # mean time between shares once difficulty has settled
    share_start: float  # first mean, as a multiple
    retarget_s: float
    pause_s: float  # on-off mining (idle-only, throttled): period
    active: float  # share of the period in which it mines

    def jobs(self, draw: Draw, until: float) -> list[tuple[float, bool]]:
        """Times of pushed work and whether each is for a new block: those that others share, or its own."""
        if draw.jobs is not None:
            shared = [(time - draw.since, new_block) for time, new_block in draw.jobs]
            return [(time, new_block) for time, new_block in shared if 0.0 < time < until]
        blocks = draw.poisson(self.block_s, until) if self.block_s else []
        found = [(time, True) for time in blocks]
        if self.timer_s:
            found += [(time, False) for time in self._timer(draw, blocks, until)]
        if self.extra_s:
            found += [(time, False) for time in draw.poisson(self.extra_s, until)]
        return sorted(found)

    def _timer(self, draw: Draw, blocks: Sequence[float], until: float) -> list[float]:
        if not self.timer_restarts:
            start = draw.uniform(0.0, self.timer_s)
            return draw.ticks(self.timer_s, until, self.timer_jitter_s, start)
        edges = [0.0, *blocks, until]
        ticks: list[float] = []
        for start, end in pairwise(edges):
            ticks += draw.ticks(self.timer_s, end, self.timer_jitter_s, start + self.timer_s)
            if len(ticks) > MOST_TIMES:
                draw.exhausted(end)
                break
        return ticks

    def shares(self, draw: Draw, until: float) -> list[float]:
        """Times of shares: exponential, the mean drawn to its target at each retarget."""
        if not self.share_s:
            return []
        mean, now, retarget = self.share_s * self.share_start, 0.0, self.retarget_s
        times: list[float] = []
        while now < until and len(times) < MOST_TIMES:
            now += draw.exponential(mean)
            if now > retarget:
                retarget = now + self.retarget_s
                mean *= (self.share_s / mean) ** draw.uniform(0.4, 1.0)
            if self.pause_s and now % self.pause_s > self.active * self.pause_s:
                now = (now // self.pause_s + 1.0) * self.pause_s
                continue
            times.append(now)
        if now < until:
            draw.exhausted(now)
        return [time for time in times if time < until]


def turns(jobs: Sequence[tuple[float, bool]], shares: Sequence[float]) -> list[tuple[float, str]]:
    """Jobs and shares in time order, as "block", "job" or "share": a share names the job of its time."""
    merged = [(time, "block" if new_block else "job") for time, new_block in jobs]
    return sorted(merged + [(time, "share") for time in shares])


def drawn_pace(
    draw: Draw, blocks: Sequence[float], timers: Sequence[float], share: tuple[float, float]
) -> Pace:
    """A rhythm: `blocks` and `timers` are what pools of the coin use, `share` the usual range of means."""
    share_s = draw.log_uniform(*share)
    unusual = draw.random()
    if unusual < 0.12:  # a weak host against a high difficulty: pushes only
        share_s = 0.0
    elif unusual < 0.25:
        share_s = draw.log_uniform(200.0, 3000.0)
    timer_s = draw.pick(timers)
    if timer_s and draw.chance(0.3):
        timer_s *= draw.uniform(0.5, 2.0)
    if draw.chance(0.08):
        timer_s = draw.log_uniform(1.0, 120.0)
    block_s = draw.pick(blocks)
    if not block_s and not timer_s:
        timer_s = 30.0
    controlled = draw.chance(0.6)
    pace = Pace(
        block_s=block_s,
        timer_s=timer_s,
        timer_restarts=draw.chance(0.5),
        timer_jitter_s=timer_s * draw.log_uniform(0.0003, 0.05),
        extra_s=draw.log_uniform(20.0, 400.0) if draw.chance(0.2) else 0.0,
        share_s=share_s,
        share_start=draw.log_uniform(0.05, 1.0) if controlled else 1.0,
        retarget_s=draw.log_uniform(30.0, 200.0),
        pause_s=draw.log_uniform(20.0, 1200.0) if draw.chance(0.12) else 0.0,
        active=draw.uniform(0.2, 0.9),
    )
    return replace(pace, **draw.paced)
