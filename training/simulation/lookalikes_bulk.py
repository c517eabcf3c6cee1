"""Benign traffic that moves data: browsing, video, downloads, backups.  Volumes are kept small."""

from __future__ import annotations

from training.simulation.draw import Draw
from training.simulation.families import BENIGN, Family
from training.simulation.habits import always, asked_by_timer, greeted
from training.simulation.script import DOWN, Link, Script, Session, http_request, session_of


def browsing(draw: Draw, link: Link) -> Session:
    """Pages: bursts of requests, replies of all sizes, reading time."""
    reading, host = draw.uniform(2.0, 4.0), draw.base36(8) + ".example.com"
    headers = "User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: */*\r\n"

    def talk(script: Script, length: float) -> None:
        now = 0.01
        while now < length and len(script.events) < 4000:
            for _ in range(draw.run(0.8)):
                request = http_request("/" + draw.base36(draw.size(3, 60)), "", host, headers, "GET")
                body = draw.randbytes(draw.size(100, 12_000))
                head = f"HTTP/1.1 200 OK\r\nContent-Type: image/webp\r\nContent-Length: {len(body)}\r\n\r\n"
                now = script.ask(now, request, head.encode() + body) + draw.exponential(0.2)
            now += draw.lognormvariate(reading, 1.2)

    return session_of(draw, link, talk)


def video(draw: Draw, link: Link) -> Session:
    """Streaming: a request each few seconds, segments of similar size."""
    every, size, request = draw.pick((2, 4, 6, 10)), draw.size(3000, 40_000), draw.whole(300, 900)

    def talk(script: Script, length: float) -> None:
        for when in draw.ticks(every, length, 0.3, 0.1):
            script.ask(when, request + draw.whole(0, 4), int(size * draw.log_uniform(0.6, 1.6)))

    return session_of(draw, link, talk)


def download(draw: Draw, link: Link) -> Session:
    """One request, a stream of data at a steady pace."""
    pace, chunk = draw.log_uniform(0.2, 5), draw.size(1000, 16_000)

    def talk(script: Script, length: float) -> None:
        start = script.ask(0.01, draw.whole(200, 700), chunk)
        for when in draw.ticks(pace, length, pace * 0.1, start):
            script.down(when, chunk)

    return session_of(draw, link, talk)


def backup(draw: Draw, link: Link) -> Session:
    """Blocks go up, each with a short constant answer; files of all sizes with pauses."""
    chunk, ack, pause = draw.size(2000, 30_000), draw.whole(20, 200), draw.log_uniform(1, 60)

    def talk(script: Script, length: float) -> None:
        now = greeted(script, 2, (100, 500), (60, 300))
        while now < length and len(script.events) < 4000:
            for _ in range(draw.run(0.7)):
                now = script.ask(now, chunk, ack) + draw.log_uniform(0.01, 0.3)
            now = script.ask(now, draw.size(60, chunk), ack) + draw.exponential(pause)

    return session_of(draw, link, talk)


def cloud_sync(draw: Draw, link: Link) -> Session:
    """A folder in the cloud: a notification, then a delta is fetched; own changes go up; long polls."""
    wait, changes = draw.pick((30, 60, 90)), draw.log_uniform(30, 900)

    def talk(script: Script, length: float) -> None:
        asked_by_timer(script, wait, length, always(420), always(260), jitter=0.5)
        for when in draw.poisson(changes, length, 0.5):
            got = script.ask(when, draw.size(300, 900), draw.size(300, 3000))
            if draw.chance(0.5):
                script.ask(got + 0.1, draw.size(500, 60_000), draw.whole(200, 500))
            else:
                script.ask(got + 0.1, draw.whole(300, 700), draw.size(500, 60_000))

    return session_of(draw, link, talk)


def file_sharing(draw: Draw, link: Link) -> Session:
    """A swarm peer: `have` of 9 bytes, requests of 17, blocks of 16 kB and 13 bytes, keepalive of 4."""
    mean, blocks = draw.log_uniform(1, 60), draw.log_uniform(10, 200)

    def talk(script: Script, length: float) -> None:
        greeted(script, 1, (68, 300), (68, 900))
        for when in draw.poisson(mean, length, 0.5):
            script.events.append((when, draw.whole(0, 1), 9))
        for when in draw.poisson(blocks, length, 0.5):
            for index in range(draw.run(0.6)):
                script.ask(when + index * 0.1, 17, 16_397)
        for when in draw.ticks(120.0, length, 0.5):
            script.events.append((when, draw.whole(0, 1), 4))

    return session_of(draw, link, talk)


def radio(draw: Draw, link: Link) -> Session:
    """Internet radio: constant blocks down all the time, nothing up."""
    every, block = draw.log_uniform(0.5, 5), draw.size(1000, 16_000)

    def talk(script: Script, length: float) -> None:
        greeted(script, 1, (150, 500), (200, 700))
        for when in draw.ticks(every, length, every * 0.02):
            script.events.append((when, DOWN, block + (draw.whole(10, 90) if draw.chance(0.02) else 0)))

    return session_of(draw, link, talk)


def mail_send(draw: Draw, link: Link) -> Session:
    """Submission of letters: a dialogue of short lines, a body, pauses."""
    mean = draw.log_uniform(30, 900)

    def talk(script: Script, length: float) -> None:
        greeted(script, 3, (12, 60), (20, 250))
        for when in draw.poisson(mean, length, 0.5):
            now = when
            for _ in range(3):
                now = script.ask(now, draw.whole(20, 60), draw.whole(14, 40)) + 0.001
            script.ask(now, draw.size(500, 60_000), draw.whole(30, 60))

    return session_of(draw, link, talk)


FAMILIES = (
    *(Family(start.__name__, BENIGN, start) for start in (download, backup, file_sharing, radio, mail_send)),
    *(Family(start.__name__, BENIGN, start, hangs_up=True) for start in (video, cloud_sync)),
    Family("browsing", BENIGN, browsing, text=True, hangs_up=True),
)
