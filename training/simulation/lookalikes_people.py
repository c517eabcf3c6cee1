"""Benign conversations with a person at one end: chat, shells, desktops, games."""

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
    spread,
)
from training.simulation.script import DOWN, UP, Link, Script, Session, Style, session_of


def irc(draw: Draw, link: Link) -> Session:
    """IRC: PING and PONG of constant length, lines of talk in bursts."""
    ping_s, by_client = draw.log_uniform(60, 240), draw.chance(0.5)
    heard, spoken = draw.log_uniform(3, 200), draw.log_uniform(30, 900)
    server, nick = draw.base36(6) + ".example.net", draw.base36(7)

    def line() -> bytes:
        return (" ".join(draw.base36(draw.whole(2, 9)) for _ in range(draw.run(0.85))) + "\r\n").encode()

    def talk(script: Script, length: float) -> None:
        script.ask(
            0.001,
            f"NICK {nick}\r\nUSER {nick} 0 * :{nick}\r\n".encode(),
            b":" + server.encode() + b" 001 :Welcome\r\n" + line() * 20,
        )
        for when in draw.ticks(ping_s, length, 0.1):
            ping = f"PING :{server}\r\n".encode()
            pong = f"PONG :{server}\r\n".encode()
            script.ask(when, ping, pong) if by_client else script.tell(when, ping, pong)
        for when in draw.poisson(heard, length, 0.5):
            script.down(when, f":{draw.base36(6)}!u@host PRIVMSG #talk :".encode() + line())
        for when in draw.poisson(spoken, length, 0.5):
            script.up(when, b"PRIVMSG #talk :" + line())

    return session_of(draw, link, talk)


def xmpp(draw: Draw, link: Link) -> Session:
    """XMPP: a space or a ping each minute, presence, stanzas acknowledged (XEP-0198)."""
    beat_s, space, mean = draw.pick((30, 60, 60, 120)), draw.chance(0.5), draw.log_uniform(5, 400)
    me = f"{draw.base36(6)}@example.org/{draw.base36(4)}"

    def message(text: str) -> bytes:
        head = f"<message from='{draw.base36(6)}@example.org' to='{me}' type='chat'>"
        return f"{head}<body>{text}</body></message>".encode()

    def talk(script: Script, length: float) -> None:
        script.opening(
            [(b"<stream:stream to='example.org' version='1.0'>", b"<stream:features><sm/></stream:features>")]
        )
        for number, when in enumerate(draw.ticks(beat_s, length, 0.05)):
            if space:
                script.up(when, b" ")
            else:
                iq = f"<iq id='p{number}' type='get'><ping xmlns='urn:xmpp:ping'/></iq>".encode()
                script.ask(when, iq, f"<iq id='p{number}' type='result'/>".encode())
        for when in draw.poisson(mean, length, 0.5):
            text = message(draw.base36(draw.size(3, 200)))
            script.up(when, text) if draw.chance(0.3) else script.tell(when, text, b"<a h='7'/>")

    return session_of(draw, link, talk)


def team_chat(draw: Draw, link: Link) -> Session:
    """A team chat's WebSocket: typing, reactions, messages pushed with many fields; numbered pings."""
    style, ping_s, mean, own = (
        Style.drawn(draw),
        draw.pick((5, 10, 30)),
        draw.log_uniform(2, 200),
        draw.log_uniform(20, 900),
    )
    kinds = ("message", "user_typing", "reaction_added", "presence_change")

    def talk(script: Script, length: float) -> None:
        script.down(0.01, style.line({"type": "hello", "region": "eu-1"}))
        for number, when in enumerate(draw.ticks(ping_s, length, 0.01)):
            script.ask(
                when,
                style.line({"type": "ping", "id": number}),
                style.line({"type": "pong", "reply_to": number}),
            )
        for start in draw.poisson(mean, length, 0.5):
            for index in range(draw.run(0.4)):
                event = {
                    "type": draw.pick(kinds),
                    "channel": "C" + draw.base36(8),
                    "user": "U" + draw.base36(8),
                }
                if event["type"] == "message":
                    event["text"] = draw.base36(draw.size(4, 300))
                script.down(start + index * draw.uniform(0.3, 3.0), style.line(event))
        for number, when in enumerate(draw.poisson(own, length, 0.5)):
            text = draw.base36(draw.size(4, 300))
            script.ask(
                when,
                style.line({"type": "message", "id": number, "text": text}),
                style.line({"ok": True, "reply_to": number}),
            )

    return session_of(draw, link, talk)


def ssh_interactive(draw: Draw, link: Link) -> Session:
    """A shell in use: keystrokes of 36 bytes echoed, output in bursts, thinking in between."""
    pause, size = draw.uniform(1.0, 3.0), draw.pick((36, 36, 44, 52))

    def talk(script: Script, length: float) -> None:
        now = script.opening(
            [
                (draw.whole(21, 45), draw.whole(21, 45)),
                (draw.whole(900, 1600), draw.whole(700, 1200)),
                (84, 500),
            ]
        )
        while now < length and len(script.events) < 5000:
            for _ in range(draw.run(0.93)):
                script.ask(now, size, size)
                now += draw.lognormvariate(-1.6, 0.7)
            shown = script.ask(now, size, draw.size(40, 2000))
            for _ in range(draw.whole(0, 6)):
                shown += draw.exponential(0.05)
                script.down(shown, draw.size(40, 4000))
            now = shown + draw.lognormvariate(pause, 1.3)

    return session_of(draw, link, talk)


def ssh_idle(draw: Draw, link: Link) -> Session:
    """A forgotten shell: keepalive requests of one length, a clock or `top` that redraws; typing rarely."""
    keep_s, by_server, size = draw.pick((15, 30, 60, 120)), draw.chance(0.4), draw.pick((52, 68, 100, 116))
    redraw_s = draw.pick((0, 0, 1, 2, 3, 60))
    screen = draw.size(80, 3000)

    def talk(script: Script, length: float) -> None:
        script.opening(
            [
                (draw.whole(21, 45), draw.whole(21, 45)),
                (draw.whole(900, 1600), draw.whole(700, 1200)),
                (84, 500),
            ]
        )
        for when in draw.ticks(keep_s, length, 0.01):
            script.tell(when, size, 36) if by_server else script.ask(when, size, 36)
        pushed_by_timer(
            script, redraw_s, length, lambda: int(screen * draw.uniform(0.9, 1.1)) // 8 * 8 + 4, 0.01
        )
        for start in draw.poisson(600.0, length, 1.0):
            for index in range(draw.whole(2, 30)):
                script.ask(start + index * 0.2, 36, 36)

    return session_of(draw, link, talk)


def desktop_rest(draw: Draw, link: Link) -> Session:
    """A remote desktop nobody touches: the clock redraws each minute, the cursor blinks, heartbeats."""
    blink_s, blink, clock = draw.pick((0, 0.53, 1, 5)), draw.whole(60, 300), draw.size(300, 4000)
    beat_s, beat = draw.pick((5, 10, 30)), draw.whole(20, 60)

    def talk(script: Script, length: float) -> None:
        greeted(script, draw.whole(4, 9), (40, 900), (40, 1500))
        pushed_by_timer(script, blink_s, length, always(blink), 0.005)
        pushed_by_timer(script, 60.0, length, lambda: int(clock * draw.uniform(0.9, 1.1)), 0.02)
        asked_by_timer(script, beat_s, length, always(beat), always(beat), jitter=0.01)

    return session_of(draw, link, talk)


def desktop_active(draw: Draw, link: Link) -> Session:
    """A remote desktop in use: many small inputs, screen updates of all sizes, pauses."""
    pause = draw.log_uniform(3, 60)

    def talk(script: Script, length: float) -> None:
        now = greeted(script, draw.whole(4, 9), (40, 900), (40, 1500))
        while now < length and len(script.events) < 5000:
            for _ in range(draw.run(0.96)):
                script.up(now, draw.whole(30, 90))
                if draw.chance(0.5):
                    script.down(now + script.delay(), draw.size(60, 9000))
                now += draw.log_uniform(0.02, 0.5)
            now += draw.exponential(pause)

    return session_of(draw, link, talk)


def game_realtime(draw: Draw, link: Link) -> Session:
    """A game over TCP: inputs and world states many times a second."""
    rate, up, down = draw.log_uniform(2, 15), draw.whole(20, 120), draw.whole(60, 600)

    def talk(script: Script, length: float) -> None:
        greeted(script, 3, (60, 600), (60, 3000))
        for when in draw.ticks(1.0 / rate, length, 0.004):
            if draw.chance(0.8):
                script.events.append((when, UP, up + draw.whole(0, 12)))
            script.events.append((when + 0.01, DOWN, int(down * draw.log_uniform(0.5, 2.0))))

    return session_of(draw, link, talk)


def game_turns(draw: Draw, link: Link) -> Session:
    """Moves at a player's pace, opponents' moves pushed, short heartbeats."""
    mean, beat_s, move = draw.log_uniform(2, 60), draw.pick((5, 10, 30)), Lengths(draw, draw.whole(15, 200))

    def talk(script: Script, length: float) -> None:
        greeted(script, 2, (60, 500), (100, 3000))
        for when in draw.poisson(mean, length, 0.5):
            shown = script.ask(when, move(), draw.size(20, 300))
            for _ in range(draw.run(0.5)):
                shown += draw.exponential(2.0)
                script.down(shown, draw.size(20, 900))
        asked_by_timer(script, beat_s, length, always(5), always(5), jitter=0.01)

    return session_of(draw, link, talk)


def game_lobby(draw: Draw, link: Link) -> Session:
    """A launcher waiting: friends' states pushed, a heartbeat, nothing else for hours."""
    beat_s, beat, pushes = draw.pick((20, 30, 45, 60)), draw.whole(20, 140), draw.log_uniform(10, 600)
    state = Lengths(draw, draw.whole(60, 500))

    def talk(script: Script, length: float) -> None:
        greeted(script, 4, (80, 900), (80, 5000))
        asked_by_timer(script, beat_s, length, always(beat), always(beat), jitter=0.05)
        pushed_at_random(script, pushes, length, state)

    return session_of(draw, link, talk)


def shared_document(draw: Draw, link: Link) -> Session:
    """Several people write one document: cursors pushed, own edits answered with a revision number."""
    others, own, answer = draw.log_uniform(0.5, 60), draw.log_uniform(2, 300), draw.whole(30, 120)

    def talk(script: Script, length: float) -> None:
        greeted(script, 3, (200, 900), (300, 20_000))
        pushed_at_random(script, others, length, spread(draw, 60, 600))
        for start in draw.poisson(own, length, 0.5):
            for index in range(draw.run(0.8)):
                script.ask(start + index * draw.uniform(0.2, 1.5), draw.size(60, 400), answer)
        pinged_by_server(script, 25.0, length, 3, 3)

    return session_of(draw, link, talk)


FAMILIES = (
    *(
        Family(start.__name__, BENIGN, start)
        for start in (
            ssh_interactive, ssh_idle, desktop_rest, desktop_active, game_realtime, game_turns, game_lobby,
            shared_document,
        )
    ),
    *(Family(start.__name__, BENIGN, start, text=True) for start in (irc, xmpp, team_chat)),
)  # fmt: skip
