"""Benign clients that report events: telemetry, uploads, task workers.

They share the miner's client events of constant length with short answers; each docstring names
what tells it apart.
"""

from __future__ import annotations

from training.simulation.draw import Draw, Lengths
from training.simulation.families import BENIGN, Family
from training.simulation.habits import (
    always,
    asked_at_random,
    asked_by_timer,
    greeted,
    pinged_by_server,
    pushed_at_random,
)
from training.simulation.script import Link, Script, Session, Style, http_reply, http_request, session_of


def mqtt_telemetry(draw: Draw, link: Link) -> Session:
    """MQTT publishes on a timer with 4-byte PUBACK or none, PINGREQ of 2 bytes."""
    every, quality, random = draw.log_uniform(1, 120), draw.whole(0, 2), draw.chance(0.25)
    reading, keep_s, jitter = (
        Lengths(draw, draw.whole(30, 600)),
        draw.pick((15, 30, 60, 60, 120)),
        every * 0.02,
    )

    def talk(script: Script, length: float) -> None:
        script.opening([(draw.whole(40, 200), 4), (draw.whole(20, 80), 5)])
        for when in draw.poisson(every, length, 0.2) if random else draw.ticks(every, length, jitter):
            script.up(when, reading())
            if quality:
                script.down(when + script.delay(), 4)
            if quality == 2:
                script.ask(when + link.rtt_s * 1.5, 4, 4)
        asked_by_timer(script, keep_s, length, always(2), always(2), jitter=0.005)

    return session_of(draw, link, talk)


def event_telemetry(draw: Draw, link: Link) -> Session:
    """Random events of constant length, constant answers: a miner's shares without a pool's jobs."""
    event, ack = Lengths(draw, draw.whole(60, 900)), draw.whole(4, 200)
    mean, beat_s = draw.log_uniform(2, 120), draw.pick((0, 30, 60, 300))

    def talk(script: Script, length: float) -> None:
        greeted(script, draw.whole(1, 2), (100, 800), (30, 400))
        asked_at_random(script, mean, length, event, always(ack))
        asked_by_timer(script, beat_s, length, always(35), always(35), jitter=0.01)

    return session_of(draw, link, talk)


def event_commands(draw: Draw, link: Link) -> Session:
    """Event telemetry with server commands: both processes of a miner, but each command is confirmed."""
    event, ack = Lengths(draw, draw.whole(60, 900)), draw.whole(4, 200)
    command, confirm = Lengths(draw, draw.whole(40, 900)), draw.whole(8, 200)
    mean, command_s = draw.log_uniform(2, 120), draw.log_uniform(10, 600)

    def talk(script: Script, length: float) -> None:
        greeted(script, draw.whole(1, 2), (100, 800), (30, 400))
        asked_at_random(script, mean, length, event, always(ack))
        pushed_at_random(script, command_s, length, command, confirm)

    return session_of(draw, link, talk)


def analytics_batches(draw: Draw, link: Link) -> Session:
    """An application's analytics: HTTP posts of uneven batches after activity, 204 as answer."""
    style, host, mean = Style.drawn(draw), draw.base36(7) + ".example.com", draw.log_uniform(5, 200)
    names, answer = [draw.base36(8) for _ in range(6)], b"HTTP/1.1 204 No Content\r\nServer: edge\r\n\r\n"

    def talk(script: Script, length: float) -> None:
        for when in draw.poisson(mean, length):
            batch = [
                {"event": draw.pick(names), "t": int(when * 1000), "v": draw.whole(0, 999)}
                for _ in range(draw.run(0.7))
            ]
            script.ask(when, http_request("/v1/batch", style.text({"batch": batch}), host), answer)

    return session_of(draw, link, talk)


def metrics_push(draw: Draw, link: Link) -> Session:
    """Plain-text metrics on a timer, never answered: one direction only but for the opening."""
    every, names = draw.pick((1, 10, 10, 30, 60)), [draw.base36(12) for _ in range(draw.whole(1, 20))]

    def talk(script: Script, length: float) -> None:
        script.ask(0.001, b"hello " + names[0].encode() + b"\n", b"ok\n")
        for when in draw.ticks(every, length, 0.02):
            lines = [f"{name} {draw.whole(0, 99_999)} {1_760_000_000 + int(when)}\n" for name in names]
            script.up(when, "".join(lines).encode())

    return session_of(draw, link, talk)


def syslog_stream(draw: Draw, link: Link) -> Session:
    """Syslog over TCP (RFC 6587): client lines in bursts; a silent server or, in RELP, a short ok."""
    mean, relp, lines = draw.log_uniform(0.5, 60), draw.chance(0.5), draw.whole(2, 8)
    templates = [draw.whole(80, 260) for _ in range(lines)]

    def talk(script: Script, length: float) -> None:
        greeted(script, 1, (60, 120), (60, 120))
        for when in draw.poisson(mean, length):
            for index in range(draw.run(0.5)):
                script.up(when + index * 0.003, draw.pick(templates) + draw.whole(0, 8))
            if relp:
                script.down(when + script.delay(), draw.whole(13, 16))

    return session_of(draw, link, talk)


def iot_cloud(draw: Draw, link: Link) -> Session:
    """A smart device and its cloud: heartbeats, state on events, commands answered with the new state."""
    beat_s, up, down, by_server = (
        draw.log_uniform(5, 60),
        draw.whole(20, 140),
        draw.whole(20, 140),
        draw.chance(0.4),
    )
    state, mean = Lengths(draw, draw.whole(90, 500)), draw.log_uniform(20, 1200)

    def talk(script: Script, length: float) -> None:
        greeted(script, draw.whole(1, 3), (80, 300), (60, 300))
        for when in draw.ticks(beat_s, length, 0.05):
            script.tell(when, down, up) if by_server else script.ask(when, up, down)
        for when in draw.poisson(mean, length, 0.5):
            if draw.chance(0.5):
                script.ask(when, state(), draw.whole(40, 140))
            else:
                script.tell(when, state(), draw.whole(60, 200))

    return session_of(draw, link, talk)


def iot_setup(draw: Draw, link: Link) -> Session:
    """A device's first minutes over HTTP: many small requests in a row, then polls of a bridge's state."""
    host, poll_s = f"192.168.0.{draw.whole(2, 250)}", draw.log_uniform(0.5, 20)
    key, lights = draw.base58(40), draw.whole(1, 9)

    def state() -> bytes:
        body = ",".join(
            f'"{n}":{{"state":{{"on":true,"bri":{draw.whole(0, 254)}}}}}' for n in range(1, lights + 1)
        )
        return http_reply("{" + body + "}")

    def talk(script: Script, length: float) -> None:
        start = 0.01
        for _ in range(draw.whole(10, 80)):
            path = f"/api/{key}/{draw.pick(('config', 'lights', 'groups', 'scenes'))}/{draw.whole(1, 9)}"
            method = draw.pick(("GET", "PUT", "POST"))
            body = "" if method == "GET" else f'{{"method":"{draw.base36(5)}","on":true}}'
            start = script.ask(start, http_request(path, body, host, method=method), state()) + draw.uniform(
                0.01, 1.0
            )
        for when in draw.ticks(poll_s, length, 0.05, start):
            script.ask(when, http_request(f"/api/{key}", "", host, method="GET"), state())

    return session_of(draw, link, talk)


def tracker(draw: Draw, link: Link) -> Session:
    """A vehicle tracker: binary fixes more often when it moves, an answer of a few bytes to each."""
    fix, ack = draw.whole(36, 120), draw.whole(4, 18)
    moving, parked, trip = draw.log_uniform(2, 20), draw.log_uniform(60, 600), draw.log_uniform(200, 2000)

    def talk(script: Script, length: float) -> None:
        greeted(script, 1, (15, 40), (4, 20))
        now = draw.uniform(0.1, 5.0)
        while now < length and len(script.events) < 5000:
            script.ask(now, fix + (2 if draw.chance(0.1) else 0), ack)
            now += draw.exponential(0.1) + (moving if now % trip < trip / 2 else parked)

    return session_of(draw, link, talk)


def point_of_sale(draw: Draw, link: Link) -> Session:
    """Payments: rare exchanges of three or four messages of fixed lengths, echo tests in between."""
    sizes = [(draw.whole(120, 500), draw.whole(80, 400)) for _ in range(draw.whole(1, 3))]
    mean, echo_s, echo = draw.log_uniform(20, 900), draw.pick((0, 60, 180)), draw.whole(30, 90)

    def talk(script: Script, length: float) -> None:
        greeted(script, 1, (60, 300), (60, 300))
        for when in draw.poisson(mean, length, 0.5):
            for request, reply in sizes:
                when = script.ask(when, request, reply) + draw.uniform(0.05, 2.0)  # noqa: PLW2901
        asked_by_timer(script, echo_s, length, always(echo), always(echo), jitter=0.05)

    return session_of(draw, link, talk)


def keepalive_only(draw: Draw, link: Link) -> Session:
    """An idle session of a tunnel or database: constant heartbeat and answer, rarely a burst."""
    every, request, reply = draw.log_uniform(5, 120), draw.whole(20, 150), draw.whole(20, 150)
    by_server, bursts = draw.chance(0.5), draw.log_uniform(60, 900) if draw.chance(0.3) else 0

    def talk(script: Script, length: float) -> None:
        greeted(script, draw.whole(1, 4), (40, 1000), (40, 1500))
        for when in draw.ticks(every, length, draw.log_uniform(0.0001, 0.2)):
            script.tell(when, reply, request) if by_server else script.ask(when, request, reply)
        for when in draw.poisson(bursts, length, 0.5) if bursts else ():
            for index in range(draw.whole(2, 40)):
                script.events.append((when + index * 0.05, draw.whole(0, 1), draw.size(40, 1400)))

    return session_of(draw, link, talk)


def event_generic(draw: Draw, link: Link) -> Session:
    """Client events and server messages of any lengths; the server speaks only when spoken to, in pairs, and
    for most one side pings (as WebSocket, HTTP/2 and MQTT do; RFC 6455, 9113; TCP's own probes do for the
    others)."""
    first, second = Lengths(draw, draw.size(30, 1200)), Lengths(draw, draw.size(30, 1200))
    reply, extra = Lengths(draw, draw.size(8, 1500)), Lengths(draw, draw.size(20, 1500))
    mean, extra_often = draw.log_uniform(1, 120), draw.uniform(0.0, 0.8)
    ping_s, ping, by_server = draw.pick((0, 10, 20, 30, 60)), draw.whole(2, 60), draw.chance(0.5)

    def talk(script: Script, length: float) -> None:
        greeted(script, draw.whole(1, 3), (40, 600), (20, 1500))
        for when in draw.poisson(mean, length, 0.5):
            got = script.ask(when, first() if draw.chance(0.7) else second(), reply())
            if draw.chance(extra_often):
                script.down(got + draw.log_uniform(0.01, 1.5), extra())
        if by_server:
            pinged_by_server(script, ping_s, length, ping, ping)
        else:
            asked_by_timer(script, ping_s, length, always(ping), always(ping), jitter=0.01)

    return session_of(draw, link, talk)


FAMILIES = (
    *(
        Family(start.__name__, BENIGN, start)
        for start in (
            mqtt_telemetry, event_telemetry, event_commands, syslog_stream, iot_cloud, tracker, point_of_sale,
            keepalive_only, event_generic,
        )
    ),
    Family("metrics_push", BENIGN, metrics_push, text=True),
    Family("analytics_batches", BENIGN, analytics_batches, text=True, hangs_up=True),
    Family("iot_setup", BENIGN, iot_setup, text=True, hangs_up=True),
)  # fmt: skip
