"""Benign services that mostly push: feeds, dashboards, notifications, heartbeats.

They share the miner's unprompted pushes of steady length; each docstring names what tells it apart.
"""

from __future__ import annotations

from training.simulation.draw import Draw, Lengths
from training.simulation.families import BENIGN, Family
from training.simulation.habits import (
    always,
    asked_at_random,
    asked_by_timer,
    beats_in_silence,
    greeted,
    pinged_by_server,
    pushed_at_random,
    pushed_by_timer,
    spread,
)
from training.simulation.script import DOWN, UP, Link, Script, Session, Style, session_of


def market_narrow(draw: Draw, link: Link) -> Session:
    """Price ticks of nearly one length: many a minute, no client events but pings on a timer."""
    mean, base, width = draw.log_uniform(0.3, 20), draw.whole(90, 700), draw.whole(2, 16)
    ping_s, ping, pong = draw.pick((10, 20, 30, 60)), draw.whole(4, 40), draw.whole(4, 40)
    beat_s = draw.log_uniform(2, 20) if draw.chance(0.3) else 0

    def talk(script: Script, length: float) -> None:
        greeted(script, 1, (60, 400), (60, 400))
        pushed_at_random(script, mean, length, lambda: base + sum(draw.random() < 0.5 for _ in range(width)))
        pushed_by_timer(script, beat_s, length, always(base // 4 + 10), 0.01)
        asked_by_timer(script, ping_s, length, always(ping), always(pong), jitter=0.01)

    return session_of(draw, link, talk)


def market_wide(draw: Draw, link: Link) -> Session:
    """Order-book updates: bursts and lengths over an octave or two."""
    mean, base, burst = draw.log_uniform(0.3, 20), draw.whole(90, 700), draw.uniform(0.0, 0.7)
    ping_s = draw.pick((0, 20, 30, 60))

    def talk(script: Script, length: float) -> None:
        greeted(script, 1, (60, 400), (60, 400))
        for when in draw.poisson(mean, length, 0.5):
            for index in range(draw.run(burst)):
                script.down(when + index * 0.01, int(base * draw.log_uniform(0.5, 3.0)))
        asked_by_timer(script, ping_s, length, always(6), always(6), jitter=0.01)

    return session_of(draw, link, talk)


def dashboard(draw: Draw, link: Link) -> Session:
    """A dashboard on a fixed timer: constant pushes for hours, but a timer's gaps and rare clicks."""
    every, base, width = draw.log_uniform(1, 90), draw.whole(80, 2500), draw.pick((0, 0, 1, 3, 10, 60))
    ping_s, clicks = draw.pick((0, 0, 15, 25, 30, 60)), draw.log_uniform(20, 900) if draw.chance(0.4) else 0
    jitter = every * draw.log_uniform(0.0005, 0.05)

    def talk(script: Script, length: float) -> None:
        greeted(script, draw.whole(1, 3), (100, 900), (200, 5000))
        pushed_by_timer(script, every, length, lambda: base + draw.whole(-width, width), jitter)
        asked_by_timer(
            script, ping_s, length, always(draw.whole(2, 8)), always(draw.whole(2, 8)), jitter=0.01
        )
        asked_at_random(script, clicks, length, spread(draw, 50, 600), spread(draw, 50, 3000))

    return session_of(draw, link, talk)


def server_sent_events(draw: Draw, link: Link) -> Session:
    """An event stream: comments as keepalive, events now and then, a client that never speaks again."""
    keep_s, keep = draw.pick((10, 15, 20, 30, 45)), draw.whole(3, 40)
    mean = draw.log_uniform(3, 600)
    event = Lengths(draw, draw.size(80, 1500), draw.pick(("jitter", "wide", "set", "digits")))

    def talk(script: Script, length: float) -> None:
        greeted(script, 1, (200, 1500), (150, 700))
        pushed_by_timer(script, keep_s, length, always(keep), 0.02)
        pushed_at_random(script, mean, length, event)

    return session_of(draw, link, talk)


def imap_idle(draw: Draw, link: Link) -> Session:
    """IMAP IDLE (RFC 2177): short constant untagged lines, DONE and a fetch when mail arrives."""
    tag, beat_s, renew_s = draw.base36(2).upper(), draw.pick((30, 60, 120, 120)), draw.pick((0, 540, 1740))
    mail = draw.log_uniform(60, 3000)

    def talk(script: Script, length: float) -> None:
        script.down(0.001, b"* OK [CAPABILITY IMAP4rev1 IDLE] ready\r\n")
        login = f"{tag}1 LOGIN {draw.base36(8)} {draw.base36(10)}\r\n".encode()
        start = script.opening(
            [(login, f"{tag}1 OK done\r\n".encode()),
             (f"{tag}2 SELECT INBOX\r\n".encode(), f"* 172 EXISTS\r\n{tag}2 OK\r\n".encode()),
             (f"{tag}3 IDLE\r\n".encode(), b"+ idling\r\n")], 0.05)  # fmt: skip
        for when in draw.ticks(beat_s, length, 0.02, start + beat_s):
            script.down(when, b"* OK Still here\r\n")
        for when in draw.ticks(renew_s, length, 0.1) if renew_s else ():
            script.ask(when, b"DONE\r\n", f"{tag}3 OK IDLE\r\n".encode())
            script.ask(when + 0.4, f"{tag}3 IDLE\r\n".encode(), b"+ idling\r\n")
        for number, when in enumerate(draw.poisson(mail, length, start), start=173):
            script.down(when, f"* {number} EXISTS\r\n".encode())
            script.ask(when + 0.1, b"DONE\r\n", f"{tag}3 OK IDLE\r\n".encode())
            body = draw.base58(draw.size(200, 4000)).encode()
            fetched = f"* {number} FETCH (BODY {{{len(body)}}}\r\n".encode() + body + b")\r\n"
            script.ask(when + 0.5, f"{tag}4 FETCH {number} BODY[]\r\n".encode(), fetched)

    return session_of(draw, link, talk)


def notifications(draw: Draw, link: Link) -> Session:
    """A push-notification channel: bursts of unlike lengths, acknowledged by the client."""
    every, ping, pong = draw.log_uniform(20, 600), draw.whole(2, 80), draw.whole(2, 80)
    mean, acked, by_server = draw.log_uniform(5, 900), draw.pick((0.0, 0.6, 1.0)), draw.chance(0.3)

    def talk(script: Script, length: float) -> None:
        greeted(script, 2, (200, 900), (100, 1500))
        if by_server:
            pinged_by_server(script, every, length, ping, pong)
        else:
            asked_by_timer(script, every, length, always(ping), always(pong), jitter=0.05)
        for when in draw.poisson(mean, length, 0.5):
            for index in range(draw.run(0.6)):
                script.down(when + index * 0.3, draw.size(60, 2500))
                if draw.chance(acked):
                    script.up(when + index * 0.3 + 0.02, pong + draw.whole(0, 10))

    return session_of(draw, link, talk)


def mqtt_commands(draw: Draw, link: Link) -> Session:
    """An MQTT subscriber that is given commands: PUBLISH down, PUBACK of 4 bytes up, PINGREQ of 2."""
    command, quality = Lengths(draw, draw.whole(20, 500)), draw.whole(0, 1)
    mean, keep_s = draw.log_uniform(4, 300), draw.pick((15, 30, 60, 120))
    state_s, state = draw.log_uniform(20, 600), Lengths(draw, draw.whole(40, 400))

    def talk(script: Script, length: float) -> None:
        script.opening([(draw.whole(40, 200), 4), (draw.whole(20, 80), 5)])
        pushed_at_random(script, mean, length, command, 4 * quality)
        asked_by_timer(script, keep_s, length, always(2), always(2), jitter=0.01)
        for when in draw.poisson(state_s, length, 0.5):
            script.up(when, state())

    return session_of(draw, link, talk)


def score_ticker(draw: Draw, link: Link) -> Session:
    """Live scores: JSON pushes of a few lengths at human moments, silence between matches."""
    style, kinds = Style.drawn(draw), ("goal", "clock", "card", "corner")
    mean, clock_s, quiet = draw.log_uniform(5, 200), draw.pick((0, 10, 30, 60)), draw.uniform(0.2, 0.9)
    ping_s = draw.pick((0, 25, 30, 60))
    period = draw.log_uniform(300, 3000)

    def talk(script: Script, length: float) -> None:
        match = draw.whole(10**6, 10**7)
        script.ask(0.001, style.line({"type": "subscribe", "match": match}), style.line({"type": "ok"}))
        times = draw.poisson(mean, length, 0.5) + (draw.ticks(clock_s, length, 0.05) if clock_s else [])
        for when in times:
            if when % period < quiet * period:
                minute = int(when % period // 60)
                event = {
                    "type": draw.pick(kinds),
                    "match": match,
                    "minute": minute,
                    "home": minute // 30,
                    "away": 1,
                }
                script.down(when, style.line(event))
        ping, pong = style.line({"type": "ping"}), style.line({"type": "pong"})
        asked_by_timer(script, ping_s, length, lambda: ping, lambda: pong, jitter=0.02)

    return session_of(draw, link, talk)


def alert_feed(draw: Draw, link: Link) -> Session:
    """Rare alerts, each confirmed by the client, over a line that both sides keep alive: the server's beat
    is answered (WebSocket pings, RFC 6455 section 5.5.2) or each side has its own (STOMP 1.2, `heart-beat`
    names both; AMQP likewise)."""
    beat_s, beat, answer = draw.pick((5, 10, 10, 20, 30, 60)), draw.whole(6, 120), draw.whole(6, 80)
    mean, alert = draw.log_uniform(60, 2000), Lengths(draw, draw.whole(200, 1500), "wide")
    confirm, answered = draw.whole(20, 150), draw.chance(0.6)

    def talk(script: Script, length: float) -> None:
        greeted(script, draw.whole(1, 2), (60, 500), (40, 500))
        pushed_at_random(script, mean, length, alert, confirm)
        if answered:
            pinged_by_server(script, beat_s, length, beat, answer)
            return
        for way in (UP, DOWN):
            beats_in_silence(script, way, beat_s, length, always(beat))

    return session_of(draw, link, talk)


def presence(draw: Draw, link: Link) -> Session:
    """Presence of contacts as in XMPP (RFC 6121): a stanza for each change, as long as that contact's names;
    the client pings (XEP-0199) and confirms stanzas when asked (XEP-0198: `r` down, `a` up); typing in
    bursts."""
    lengths = [draw.whole(90, 480) for _ in range(draw.whole(3, 30))]
    mean, ping_s, typing = (
        draw.log_uniform(3, 200),
        draw.pick((30, 60, 60, 90, 300)),
        draw.log_uniform(60, 900),
    )
    ping, asked, confirm = draw.whole(70, 130), draw.pick((0.0, 0.2, 1.0)), draw.whole(34, 42)

    def talk(script: Script, length: float) -> None:
        greeted(script, draw.whole(3, 6), (80, 900), (80, 6000))
        for when in draw.poisson(mean, length, 0.5):
            script.down(when, draw.pick(lengths))
            if draw.chance(asked):
                script.tell(when + 0.001, 29, confirm)
        asked_by_timer(script, ping_s, length, always(ping), always(ping + 12), jitter=0.02)
        for when in draw.poisson(typing, length, 0.5):
            for index in range(draw.run(0.6)):
                script.ask(when + index * draw.uniform(0.5, 4.0), draw.size(60, 400), draw.whole(40, 90))

    return session_of(draw, link, talk)


def push_generic(draw: Draw, link: Link) -> Session:
    """A feed nobody has written yet; never a client event of its own: it confirms pushes or only pings."""
    push, timed = Lengths(draw, draw.size(30, 2000)), draw.chance(0.5)
    mean, confirm = draw.log_uniform(1, 120), draw.pick((0, 0, draw.whole(2, 200)))
    ping_s, ping, pong = draw.pick((0, 10, 30, 60, 120)), draw.whole(2, 60), draw.whole(2, 60)
    other, other_s = Lengths(draw, draw.size(30, 2000)), draw.pick((0, 0, 60, 300))

    def talk(script: Script, length: float) -> None:
        greeted(script, draw.whole(1, 3), (40, 600), (20, 1500))
        for when in draw.ticks(mean, length, mean * 0.01) if timed else draw.poisson(mean, length, 0.5):
            script.tell(when, push(), confirm) if confirm else script.down(when, push())
        asked_by_timer(script, ping_s, length, always(ping), always(pong), jitter=0.01)
        pushed_at_random(script, other_s, length, other)

    return session_of(draw, link, talk)


FAMILIES = (
    *(
        Family(start.__name__, BENIGN, start)
        for start in (
            market_narrow, market_wide, dashboard, server_sent_events, notifications, mqtt_commands,
            alert_feed, presence, push_generic,
        )
    ),
    Family("imap_idle", BENIGN, imap_idle, text=True),
    Family("score_ticker", BENIGN, score_ticker, text=True),
)  # fmt: skip
