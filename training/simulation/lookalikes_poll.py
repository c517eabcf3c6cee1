"""Benign clients that ask again and again: JSON-RPC services, long polls, queues, databases.

They share the polling miner's clockwork and JSON; each docstring names what tells it apart.
"""

from __future__ import annotations

from training.simulation.draw import Draw, Lengths
from training.simulation.families import BENIGN, Family
from training.simulation.habits import always, asked_by_timer, greeted, pushed_by_timer, spread
from training.simulation.script import Link, Script, Session, Style, http_reply, http_request, session_of


def http_poll(draw: Draw, link: Link) -> Session:
    """A page or app that polls a REST resource: constant requests, replies that vary; no submits."""
    style, every, host = Style.drawn(draw), draw.log_uniform(0.5, 60), draw.base36(8) + ".example.com"
    path, fields = f"/api/v2/{draw.base36(9)}", draw.whole(1, 25)
    headers = (
        f"User-Agent: {draw.pick(('okhttp/4.12.0', 'Mozilla/5.0 (X11; Linux)', 'python-requests/2.32'))}\r\n"
    )

    def talk(script: Script, length: float) -> None:
        for when in draw.ticks(every, length, every * 0.01, 0.01):
            body = style.text({draw.base36(5): draw.whole(0, 10**6) for _ in range(fields)})
            script.ask(when, http_request(path, "", host, headers, "GET"), http_reply(body))

    return session_of(draw, link, talk)


def long_poll(draw: Draw, link: Link) -> Session:
    """HTTP long polls: a constant empty answer at a constant time-out, at once asked again."""
    patience, mean = draw.pick((20, 25, 30, 55, 60, 90)), draw.log_uniform(5, 400)
    request, empty = Lengths(draw, draw.whole(300, 1500)), draw.whole(150, 500)

    def talk(script: Script, length: float) -> None:
        now = 0.01
        while now < length and len(script.events) < 5000:
            script.up(now, request())
            wait = draw.exponential(mean)
            now += min(wait, patience) + link.rtt_s
            script.down(now, empty + (draw.size(30, 4000) if wait < patience else 0))
            now += draw.uniform(0.005, 0.3)

    return session_of(draw, link, talk)


def stream_consumer(draw: Draw, link: Link) -> Session:
    """Fetches with a maximal wait from a log broker: constant both ways when nothing came; a beat."""
    wait, request, empty = draw.pick((0.5, 0.5, 1, 5)), draw.whole(70, 180), draw.whole(30, 120)
    filled, size = draw.uniform(0.0, 0.3), draw.size(50, 4000)

    def talk(script: Script, length: float) -> None:
        greeted(script, 4, (40, 200), (60, 900))
        for when in draw.ticks(wait + link.rtt_s + 0.005, length, 0.003):
            script.up(when, request)
            script.down(
                when + wait + link.rtt_s,
                empty + (int(size * draw.log_uniform(0.5, 3)) if draw.chance(filled) else 0),
            )
        asked_by_timer(script, 3.0, length, always(61), always(16), jitter=0.002)

    return session_of(draw, link, talk)


def database_pool(draw: Draw, link: Link) -> Session:
    """A pooled database session: validation queries on a timer, transactions in short bursts."""
    statements = [(draw.size(20, 500), draw.size(8, 2000)) for _ in range(draw.whole(1, 8))]
    check_s, check, checked = draw.log_uniform(1, 60), draw.whole(14, 80), draw.whole(8, 60)
    mean = draw.log_uniform(2, 200) if draw.chance(0.7) else 0

    def talk(script: Script, length: float) -> None:
        greeted(script, draw.whole(2, 4), (20, 300), (10, 500))
        asked_by_timer(script, check_s, length, always(check), always(checked), jitter=0.002)
        for start in draw.poisson(mean, length, 0.5) if mean else ():
            when = start
            for _ in range(draw.run(0.75)):
                request, reply = draw.pick(statements)
                when = (
                    script.ask(when, request + draw.whole(0, 20), int(reply * draw.log_uniform(0.5, 2)))
                    + 0.002
                )

    return session_of(draw, link, talk)


def cache_client(draw: Draw, link: Link) -> Session:
    """A key-value cache: PING of 14 bytes and +PONG of 7, GETs and SETs, subscriptions pushed."""
    ping_s, mean, pushes = draw.pick((1, 5, 10, 30)), draw.log_uniform(0.5, 60), draw.log_uniform(2, 300)
    key, subscribed = draw.base36(12), draw.chance(0.5)

    def talk(script: Script, length: float) -> None:
        ping = b"*1\r\n$4\r\nPING\r\n"
        asked_by_timer(script, ping_s, length, lambda: ping, lambda: b"+PONG\r\n", jitter=0.002)
        for when in draw.poisson(mean, length):
            name = f"{key}:{draw.whole(1, 999)}"
            value = draw.base36(draw.size(3, 400))
            get = f"*2\r\n$3\r\nGET\r\n${len(name)}\r\n{name}\r\n".encode()
            script.ask(when, get, f"${len(value)}\r\n{value}\r\n".encode())
        for when in draw.poisson(pushes, length) if subscribed else ():
            text = draw.base36(draw.whole(10, 200))
            script.down(when, f"*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n${len(text)}\r\n{text}\r\n".encode())

    return session_of(draw, link, talk)


def update_checker(draw: Draw, link: Link) -> Session:
    """Looks for updates: one request and answer of the same lengths every few minutes, rarely a download."""
    every, request, reply = draw.log_uniform(20, 600), draw.whole(250, 1200), draw.size(150, 5000)
    often = draw.pick((0.0, 0.02, 0.1))

    def talk(script: Script, length: float) -> None:
        for when in draw.ticks(every, length, every * 0.05, 0.1):
            got = script.ask(when, request, reply)
            if draw.chance(often):
                script.ask(got + 0.05, request - 20, draw.size(20_000, 400_000))

    return session_of(draw, link, talk)


def beacon(draw: Draw, link: Link) -> Session:
    """Fleet management: check-in with jitter, an empty constant answer, now and then an order."""
    every, jitter = draw.log_uniform(5, 120), draw.uniform(0.0, 0.5)
    request, nothing, often = draw.whole(150, 900), draw.whole(60, 400), draw.pick((0.0, 0.02, 0.1))

    def talk(script: Script, length: float) -> None:
        for when in draw.ticks(every, length, 0.0, 0.1):
            at = when + draw.uniform(0, jitter) * every
            script.ask(at, request, nothing if not draw.chance(often) else nothing + draw.size(40, 4000))

    return session_of(draw, link, talk)


def chat_bot(draw: Draw, link: Link) -> Session:
    """A bot that long-polls for updates and posts answers: HTTP JSON, uneven texts."""
    style, patience, mean = Style.drawn(draw), draw.pick((30, 50, 60)), draw.log_uniform(10, 600)
    host, token = "api.example.org", draw.base58(35)

    def talk(script: Script, length: float) -> None:
        now = 0.01
        while now < length and len(script.events) < 4000:
            wait = draw.exponential(mean)
            body = {
                "ok": True,
                "result": []
                if wait > patience
                else [{"update_id": draw.whole(1, 10**8), "text": draw.base36(draw.size(5, 200))}],
            }
            script.up(now, http_request(f"/bot{token}/getUpdates?timeout={patience}", "", host, method="GET"))
            now += min(wait, patience) + link.rtt_s
            script.down(now, http_reply(style.text(body)))
            if wait < patience:
                text = style.text({"chat_id": 77, "text": draw.base36(draw.size(5, 300))})
                now = script.ask(
                    now + 0.05,
                    http_request(f"/bot{token}/sendMessage", text, host),
                    http_reply('{"ok":true}'),
                )
            now += draw.uniform(0.005, 0.1)

    return session_of(draw, link, talk)


def uptime_checks(draw: Draw, link: Link) -> Session:
    """A monitor that visits many services in rounds, one HEAD each: a prober but for its words."""

    def talk(script: Script, length: float) -> None:
        request = b"HEAD / HTTP/1.1\r\nHost: check.example.net\r\nUser-Agent: uptime/1.4\r\n\r\n"
        script.ask(0.002, request, b"HTTP/1.1 200 OK\r\nServer: www\r\nContent-Length: 0\r\n\r\n")

    return session_of(draw, link, talk)


def poll_generic(draw: Draw, link: Link) -> Session:
    """Polls of any lengths and any pace; every server message answers a request."""
    kinds = [
        (Lengths(draw, draw.size(20, 1500)), Lengths(draw, draw.size(8, 8000)))
        for _ in range(draw.whole(1, 4))
    ]
    every, random, burst = draw.log_uniform(0.5, 90), draw.chance(0.4), draw.uniform(0.0, 0.6)

    def talk(script: Script, length: float) -> None:
        for start in draw.poisson(every, length) if random else draw.ticks(every, length, every * 0.01, 0.01):
            when = start
            for _ in range(draw.run(burst)):
                request, reply = draw.pick(kinds)
                when = script.ask(when, request(), reply()) + draw.log_uniform(0.001, 0.3)

    return session_of(draw, link, talk)


def status_page(draw: Draw, link: Link) -> Session:
    """A screen that refreshes whole pages: a dozen requests together each minute, and pushes of a clock."""
    every, parts = draw.pick((10, 30, 60, 300)), [draw.size(200, 15_000) for _ in range(draw.whole(2, 14))]
    clock_s = draw.pick((0, 0, 1, 10))

    def talk(script: Script, length: float) -> None:
        for start in draw.ticks(every, length, 0.1, 0.1):
            for index, size in enumerate(parts):
                script.ask(start + index * 0.02, draw.whole(350, 700), int(size * draw.uniform(0.95, 1.05)))
        pushed_by_timer(script, clock_s, length, spread(draw, 30, 34), 0.01)

    return session_of(draw, link, talk)


FAMILIES = (
    *(
        Family(start.__name__, BENIGN, start)
        for start in (stream_consumer, database_pool, poll_generic)
    ),
    *(
        Family(start.__name__, BENIGN, start, hangs_up=True)
        for start in (long_poll, update_checker, beacon, status_page)
    ),
    Family("cache_client", BENIGN, cache_client, text=True),
    *(
        Family(start.__name__, BENIGN, start, text=True, hangs_up=True)
        for start in (http_poll, chat_bot)
    ),
    Family("uptime_checks", BENIGN, uptime_checks, text=True, wraps=("none",), spreads=True),
)  # fmt: skip
