"""Habits that look-alike families share: timers, events, openings, bursts."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from training.simulation.draw import Draw
from training.simulation.script import Script, What

Make = Callable[[], What]


def asked_by_timer(
    script: Script, every: float, length: float, request: Make, reply: Make, *, jitter: float
) -> None:
    """The client asks each `every` seconds (0 = never) and is answered."""
    for when in script.draw.ticks(every, length, jitter, None) if every else ():
        script.ask(when, request(), reply())


def pinged_by_server(script: Script, every: float, length: float, ping: int, pong: int) -> None:
    """The server pings and the client answers at once."""
    for when in script.draw.ticks(every, length, 0.02) if every else ():
        script.tell(when, ping, pong)


def pushed_at_random(script: Script, mean: float, length: float, push: Make, answer: int = 0) -> None:
    """Server messages at memoryless times, answered where `answer` bytes are given."""
    for when in script.draw.poisson(mean, length, 0.5) if mean else ():
        if answer:
            script.tell(when, push(), answer)
        else:
            script.down(when, push())


def pushed_by_timer(script: Script, every: float, length: float, push: Make, jitter: float) -> None:
    for when in script.draw.ticks(every, length, jitter) if every else ():
        script.down(when, push())


def asked_at_random(script: Script, mean: float, length: float, request: Make, reply: Make) -> None:
    """Client events at memoryless times, each answered."""
    for when in script.draw.poisson(mean, length, 0.5) if mean else ():
        script.ask(when, request(), reply())


def beats_in_silence(script: Script, way: int, every: float, length: float, beat: Make) -> None:
    """One side sends a beat whenever it has said nothing for `every` seconds, as FIX and STOMP have it."""
    said = sorted(time for time, direction, _ in script.events if direction == way)
    for since, until in pairwise([0.0, *said, length]):
        for when in script.draw.ticks(every, until, 0.005, since + every):
            script.events.append((when, way, beat()))


def greeted(script: Script, rounds: int, up: tuple[float, float], down: tuple[float, float]) -> float:
    """An opening of some exchanges with log-uniform lengths; returns when it is over."""
    draw = script.draw
    return script.opening([(draw.size(*up), draw.size(*down)) for _ in range(rounds)])


def spread(draw: Draw, low: float, high: float) -> Make:
    """Lengths anew each time, log-uniform."""
    return lambda: draw.size(low, high)


def always(size: int) -> Make:
    return lambda: size
