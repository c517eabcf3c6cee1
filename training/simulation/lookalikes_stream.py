"""Benign machines that follow other machines: streams, logs, watches, replicas.

They share the miner's unprompted pushes and its silence; each docstring names what tells it apart.
"""

from __future__ import annotations

from training.simulation.draw import Draw, Lengths
from training.simulation.families import BENIGN, Family
from training.simulation.habits import (
    always,
    asked_by_timer,
    greeted,
    pinged_by_server,
    pushed_at_random,
    pushed_by_timer,
)
from training.simulation.script import Link, Script, Session, session_of


def grpc_stream(draw: Draw, link: Link) -> Session:
    """A gRPC server stream: messages, and each so often PING and WINDOW_UPDATE of 17 and 13 bytes."""
    mean, timed = draw.log_uniform(0.5, 60), draw.chance(0.5)
    message = Lengths(draw, draw.size(40, 1800))
    ping_s, window = draw.pick((10, 20, 30, 60, 300)), draw.uniform(0.05, 0.5)

    def talk(script: Script, length: float) -> None:
        greeted(script, 2, (60, 400), (40, 200))
        for when in draw.ticks(mean, length, mean * 0.02) if timed else draw.poisson(mean, length, 0.5):
            script.down(when, message() + 14)
            if draw.chance(window):
                script.up(when + draw.log_uniform(0.0002, 0.01), 13)
        asked_by_timer(script, ping_s, length, always(17), always(17), jitter=0.005)

    return session_of(draw, link, talk)


def corrections(draw: Draw, link: Link) -> Session:
    """A sensor or correction stream each second: lengths cycle, the client reports its place on a timer."""
    every, base, step = draw.pick((1, 1, 2, 5, 10)), draw.whole(60, 600), draw.pick((4, 12, 40))
    report_s, report = draw.pick((0, 5, 10, 30)), Lengths(draw, draw.whole(70, 90), "jitter")
    cycle = draw.whole(2, 12)

    def talk(script: Script, length: float) -> None:
        greeted(script, 1, (120, 300), (12, 200))
        for index, when in enumerate(draw.ticks(every, length, 0.03)):
            script.down(when, base + step * (index % cycle) + (draw.whole(20, 120) if index % 10 == 0 else 0))
        for when in draw.ticks(report_s, length, 0.01) if report_s else ():
            script.up(when, report())

    return session_of(draw, link, talk)


def log_tail(draw: Draw, link: Link) -> Session:
    """Following a log: lines of a few templates in bursts, no client message at all."""
    templates = [draw.whole(60, 300) for _ in range(draw.whole(2, 9))]
    mean, burst = draw.log_uniform(0.5, 60), draw.uniform(0.1, 0.8)

    def talk(script: Script, length: float) -> None:
        greeted(script, draw.whole(1, 3), (60, 500), (100, 4000))
        for when in draw.poisson(mean, length, 0.5):
            for index in range(draw.run(burst)):
                script.down(when + index * 0.004, draw.pick(templates) + draw.whole(0, 6))

    return session_of(draw, link, talk)


def resource_watch(draw: Draw, link: Link) -> Session:
    """A cluster's watch: bookmarks of constant length each minute, changes in between; client silent."""
    mark_s, mark = draw.pick((30, 60, 60, 300)) * draw.uniform(0.9, 1.1), draw.whole(150, 420)
    mean, change = draw.log_uniform(5, 300), draw.size(900, 9000)

    def talk(script: Script, length: float) -> None:
        greeted(script, 1, (200, 900), (300, 20_000))
        pushed_by_timer(script, mark_s, length, always(mark), 0.5)
        pushed_at_random(script, mean, length, lambda: int(change * draw.log_uniform(0.8, 1.2)))

    return session_of(draw, link, talk)


def replica(draw: Draw, link: Link) -> Session:
    """A database's standby: changes pushed as they happen, answered by a status of 39 bytes on a timer of
    10 s and when the primary's keepalive of 23 wants one (PostgreSQL, Streaming Replication Protocol)."""
    mean, change, burst = draw.log_uniform(0.5, 120), draw.size(80, 900), draw.uniform(0.1, 0.7)
    status_s, alive_s = draw.pick((10, 10, 10, 5, 60)), draw.pick((30, 30, 0))
    narrow = draw.chance(0.4)

    def talk(script: Script, length: float) -> None:
        greeted(script, draw.whole(3, 5), (40, 120), (20, 400))
        for when in draw.poisson(mean, length, 0.5):
            for index in range(draw.run(burst)):
                factor = 1.0 if narrow else draw.log_uniform(0.5, 8.0)
                script.down(when + index * 0.004, int(change * factor) + draw.whole(0, 16))
        for when in draw.ticks(status_s, length, 0.05):
            script.up(when, 39)
        pinged_by_server(script, alive_s, length, 23, 39)

    return session_of(draw, link, talk)


FAMILIES = tuple(
    Family(start.__name__, BENIGN, start)
    for start in (grpc_stream, corrections, log_tail, resource_watch, replica)
)
