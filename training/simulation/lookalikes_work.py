"""Benign clients that are given work: task queues, build runners, volunteers, agents, plants and meters.

They share the miner's jobs that come and results that go; each docstring names what tells it apart.
"""

from __future__ import annotations

from training.simulation.draw import Draw, Lengths
from training.simulation.families import BENIGN, Family
from training.simulation.habits import asked_by_timer, greeted, pushed_at_random, spread
from training.simulation.script import DOWN, UP, Link, Script, Session, session_of


def task_worker(draw: Draw, link: Link) -> Session:
    """A worker at an AMQP queue: tasks pushed, each acknowledged by the client in 21 bytes at once or when
    it is done, results published without an answer (or confirmed in 21), and heartbeats both ways.

    AMQP 0-9-1: basic.ack is a frame of 7 + 13 + 1 bytes, a heartbeat one of 8; RabbitMQ sends one each half
    of the negotiated time-out (60 s; rabbitmq.com/docs/heartbeats)."""
    task, result = Lengths(draw, draw.whole(120, 1500)), Lengths(draw, draw.whole(80, 900))
    mean, takes, late = draw.log_uniform(2, 120), draw.log_uniform(0.3, 60), draw.chance(0.6)
    beat_s, confirms, ack = draw.pick((30, 30, 30, 15, 10, 290)), draw.chance(0.2), 21

    def talk(script: Script, length: float) -> None:
        greeted(script, draw.whole(3, 6), (20, 400), (12, 500))
        for when in draw.poisson(mean, length, 0.5):
            script.down(when, task())
            if not late:
                script.up(when + draw.log_uniform(0.0003, 0.01), ack)
            done = when + draw.exponential(takes)
            if done < length:
                script.up(done, result() + late * ack)
                if confirms:
                    script.down(done + script.delay(), ack)
        for way in (UP, DOWN):
            for when in draw.ticks(beat_s, length, 0.01, draw.uniform(0.0, beat_s)):
                script.events.append((when, way, 8))

    return session_of(draw, link, talk)


def volunteer_computing(draw: Draw, link: Link) -> Session:
    """Fetches work units and hands results in: few, many kilobytes, request and reply."""
    mean, unit, result = draw.log_uniform(60, 1200), draw.size(4000, 60_000), draw.size(1000, 40_000)
    status_s = draw.pick((0, 60, 300))

    def talk(script: Script, length: float) -> None:
        for when in draw.poisson(mean, length):
            script.ask(when, draw.whole(300, 900), int(unit * draw.uniform(0.7, 1.3)))
            script.ask(when + draw.uniform(2, 30), int(result * draw.uniform(0.7, 1.3)), draw.whole(150, 400))
        asked_by_timer(script, status_s, length, spread(draw, 300, 700), spread(draw, 200, 900), jitter=1.0)

    return session_of(draw, link, talk)


def agent_commands(draw: Draw, link: Link) -> Session:
    """A monitoring agent: reports on a timer with constant acknowledgements, orders answered at length."""
    every = draw.pick((1, 5, 10, 15, 20, 30, 60, 60)) * (draw.uniform(0.7, 1.3) if draw.chance(0.3) else 1.0)
    report, ack = (
        Lengths(draw, draw.whole(80, 3000)),
        Lengths(draw, draw.whole(4, 300), draw.pick(("const", "digits"))),
    )
    orders, jitter = (
        draw.log_uniform(60, 1500) if draw.chance(0.4) else 0,
        every * draw.log_uniform(0.001, 0.1),
    )

    def talk(script: Script, length: float) -> None:
        greeted(script, 1, (100, 800), (30, 400))
        asked_by_timer(script, every, length, report, ack, jitter=jitter)
        pushed_at_random(script, orders, length, spread(draw, 40, 2000), draw.whole(20, 300))

    return session_of(draw, link, talk)


def smart_meter(draw: Draw, link: Link) -> Session:
    """A concentrator reads a meter: server asks, client answers with constant frames."""
    every, request, reply = draw.pick((5, 10, 30, 60)), draw.whole(15, 60), Lengths(draw, draw.whole(60, 400))

    def talk(script: Script, length: float) -> None:
        greeted(script, 1, (30, 90), (20, 60))
        for when in draw.ticks(every, length, 0.05):
            script.down(when, request)
            script.up(when + draw.log_uniform(0.02, 1.0), reply())

    return session_of(draw, link, talk)


def runner_poll(draw: Draw, link: Link) -> Session:
    """A build runner asks for jobs: 204 for hours, then a big job and a log sent in pieces."""
    every, request, nothing = draw.pick((3, 3, 5, 10, 30)), draw.whole(500, 1400), draw.whole(150, 400)
    often = draw.pick((0.0, 0.005, 0.03))

    def talk(script: Script, length: float) -> None:
        for when in draw.ticks(every, length, 0.05, 0.1):
            if draw.chance(often):
                script.ask(when, request, draw.size(3000, 30_000))
                for index in range(draw.whole(3, 30)):
                    script.ask(when + (index + 1) * every * 0.8, draw.size(400, 8000), draw.whole(180, 300))
            else:
                script.ask(when, request, nothing)

    return session_of(draw, link, talk)


def plant_control(draw: Draw, link: Link) -> Session:
    """Modbus/TCP: 12 bytes up, a constant number down, several times a second to a minute; never a push."""
    every, registers, units = draw.log_uniform(0.2, 30), draw.whole(1, 60), draw.whole(1, 4)

    def talk(script: Script, length: float) -> None:
        for number, when in enumerate(draw.ticks(every, length, 0.003, 0.01)):
            unit, header = number % units + 1, (number & 0xFFFF).to_bytes(2, "big") + b"\0\0"
            ask = header + b"\0\x06" + bytes((unit, 3, 0, 16, 0, registers))
            reply = bytes((unit, 3, 2 * registers)) + draw.randbytes(2 * registers)
            script.ask(when, ask, header + len(reply).to_bytes(2, "big") + reply)

    return session_of(draw, link, talk)


def plant_subscription(draw: Draw, link: Link) -> Session:
    """An industrial subscription: each push is prompted by a publish request that waits for it."""
    every, request, empty, changed = (
        draw.pick((0.5, 1, 1, 5, 10)),
        draw.whole(70, 140),
        draw.whole(90, 130),
        draw.uniform(0, 1),
    )
    value = Lengths(draw, draw.whole(140, 500))

    def talk(script: Script, length: float) -> None:
        greeted(script, 5, (60, 400), (60, 700))
        for when in draw.ticks(every, length, 0.005):
            script.down(when, value() if draw.chance(changed) else empty)
            script.up(when + 0.001, request)

    return session_of(draw, link, talk)


FAMILIES = (
    *(
        Family(start.__name__, BENIGN, start)
        for start in (task_worker, agent_commands, smart_meter, plant_subscription)
    ),
    *(Family(start.__name__, BENIGN, start, hangs_up=True) for start in (volunteer_computing, runner_poll)),
    Family("plant_control", BENIGN, plant_control, text=True),
)
