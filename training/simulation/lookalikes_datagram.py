"""Benign talk over UDP: names, time, monitoring, voice, tunnels, games."""

from __future__ import annotations

from training.simulation.draw import Draw, Lengths
from training.simulation.families import BENIGN, UDP, Family
from training.simulation.habits import asked_by_timer, pushed_at_random
from training.simulation.script import DOWN, UP, Link, Script, Session, session_of


def dns(draw: Draw, link: Link) -> Session:
    """Queries and answers (RFC 1035) in bursts."""
    mean, names = draw.log_uniform(1, 60), [draw.base36(draw.whole(4, 20)) for _ in range(30)]

    def talk(script: Script, length: float) -> None:
        for start in draw.poisson(mean, length):
            for index in range(draw.run(0.5)):
                name = draw.pick(names)
                label = bytes((len(name),)) + name.encode() + b"\x07example\x03com\0"
                number, kind = draw.randbytes(2), draw.pick((b"\0\x01\0\x01", b"\0\x1c\0\x01"))
                answers = draw.whole(1, 4) if kind == b"\0\x01\0\x01" else 0
                answer = b"\xc0\x0c\0\x01\0\x01\0\0\x01\x2c\0\x04" + bytes((192, 0, 2, draw.whole(1, 250)))
                query = number + b"\x01\0\0\x01\0\0\0\0\0\0" + label + kind
                reply = (
                    number
                    + b"\x81\x80\0\x01"
                    + answers.to_bytes(2, "big")
                    + bytes(4)
                    + label
                    + kind
                    + answer * answers
                )
                script.ask(start + index * 0.03, query, reply)

    return session_of(draw, link, talk)


def time_sync(draw: Draw, link: Link) -> Session:
    """NTP: 48 bytes each way every 16 to 1024 s; its word `stratum` means something else."""
    every = float(2 ** draw.whole(4, 10))

    def talk(script: Script, length: float) -> None:
        def packet(mode: int) -> bytes:
            return bytes((0x20 | mode, draw.whole(1, 4), 6, 0xEC)) + draw.randbytes(44)

        for when in draw.ticks(every, length, 0.01, 0.5):
            script.ask(when, packet(3), packet(4))

    return session_of(draw, link, talk)


def snmp(draw: Draw, link: Link) -> Session:
    """SNMP polling: the same requests in the same order each minute."""
    every, requests = (
        draw.pick((5, 10, 30, 60)),
        [(draw.whole(70, 120), draw.whole(75, 400)) for _ in range(draw.whole(1, 12))],
    )

    def talk(script: Script, length: float) -> None:
        for start in draw.ticks(every, length, 0.05, 0.1):
            when = start
            for request, reply in requests:
                when = script.ask(when, request, reply + draw.whole(0, 3)) + 0.001

    return session_of(draw, link, talk)


def voice(draw: Draw, link: Link) -> Session:
    """A call: constant packets many times a second both ways, reports each 5 s, silence suppressed."""
    every, size, quiet = draw.pick((0.04, 0.06, 0.06, 0.1)), draw.whole(60, 220), draw.uniform(0.0, 0.6)

    def talk(script: Script, length: float) -> None:
        for way in (UP, DOWN):
            for when in draw.ticks(every, length, 0.002, draw.uniform(0.0, 0.02)):
                if (when % 7.0) > quiet * 7.0:
                    script.events.append((when, way, size))
            for when in draw.ticks(5.0, length, 0.2):
                script.events.append((when, way, draw.whole(60, 110)))

    return session_of(draw, link, talk)


def tunnel_idle(draw: Draw, link: Link) -> Session:
    """A VPN at rest: 32-byte keepalives, a handshake of 148 and 92 bytes each two minutes, stray packets."""
    every, stray = draw.pick((10, 25, 25, 60)), draw.log_uniform(5, 300)

    def talk(script: Script, length: float) -> None:
        for when in draw.ticks(120.0, length, 1.0, 0.1):
            script.ask(when, 148, 92)
        for way in (UP, DOWN):
            for when in draw.ticks(every, length, 0.05):
                script.events.append((when, way, 32))
        for when in draw.poisson(stray, length, 0.5):
            script.ask(when, 32 + 16 * draw.whole(3, 80), 32 + 16 * draw.whole(3, 80))

    return session_of(draw, link, talk)


def quic_web(draw: Draw, link: Link) -> Session:
    """Browsing over QUIC: initial packets of 1 200 bytes, bursts down, short acknowledgements up."""
    reading = draw.uniform(1.5, 3.5)

    def talk(script: Script, length: float) -> None:
        now = script.ask(0.01, 1200, 1200)
        while now < length and len(script.events) < 4000:
            script.up(now, draw.size(60, 1200))
            now += script.delay()
            for _ in range(draw.run(0.85)):
                script.down(now, 1200 if draw.chance(0.8) else draw.size(40, 1200))
                if draw.chance(0.4):
                    script.up(now + 0.0005, draw.whole(32, 45))
                now += 0.001
            now += draw.lognormvariate(reading, 1.2)

    return session_of(draw, link, talk)


def quic_push(draw: Draw, link: Link) -> Session:
    """A notification channel over QUIC: pings of constant length, pushes acknowledged."""
    ping_s, mean = draw.pick((15, 30, 60)), draw.log_uniform(5, 300)

    def talk(script: Script, length: float) -> None:
        script.opening([(1200, 1200), (draw.whole(80, 400), draw.whole(60, 900))])
        asked_by_timer(script, ping_s, length, lambda: 37, lambda: 36, jitter=0.02)
        pushed_at_random(script, mean, length, lambda: draw.size(60, 1200), 35)

    return session_of(draw, link, talk)


def sensor_reports(draw: Draw, link: Link) -> Session:
    """CoAP confirmable reports on a timer, 4 bytes of acknowledgement; observations pushed and confirmed."""
    every, reading, observed = draw.log_uniform(2, 120), Lengths(draw, draw.whole(20, 160)), draw.chance(0.5)

    def talk(script: Script, length: float) -> None:
        asked_by_timer(script, every, length, reading, lambda: 4, jitter=every * 0.01)
        if observed:
            pushed_at_random(script, every * 3, length, lambda: reading() + 3, 4)

    return session_of(draw, link, talk)


def game_world(draw: Draw, link: Link) -> Session:
    """A shooter: inputs and states many times a second."""
    rate, up, down = draw.log_uniform(3, 20), draw.whole(40, 120), draw.whole(80, 700)

    def talk(script: Script, length: float) -> None:
        for when in draw.ticks(1.0 / rate, length, 0.003, 0.01):
            script.events.append((when, UP, up + draw.whole(0, 16)))
            script.events.append((when + link.rtt_s, DOWN, int(min(1200, down * draw.log_uniform(0.5, 2.0)))))

    return session_of(draw, link, talk)


def call_registration(draw: Draw, link: Link) -> Session:
    """A telephone's registration: REGISTER and 200 each few minutes, empty keepalives, OPTIONS pushed."""
    register_s, keep_s, options_s = draw.pick((60, 120, 300)), draw.pick((0, 15, 30)), draw.pick((0, 30, 60))
    user = draw.base36(6)

    def line(first: str) -> bytes:
        call = (
            f"Via: SIP/2.0/UDP 192.0.2.4\r\nFrom: <sip:{user}@example.org>\r\nCall-ID: {draw.base36(16)}\r\n"
        )
        return f"{first}\r\n{call}CSeq: {draw.whole(100, 999)} REGISTER\r\nContent-Length: 0\r\n\r\n".encode()

    def talk(script: Script, length: float) -> None:
        for when in draw.ticks(register_s, length, 0.1, 0.1):
            script.ask(when, line("REGISTER sip:example.org SIP/2.0"), line("SIP/2.0 200 OK"))
        for when in draw.ticks(keep_s, length, 0.01) if keep_s else ():
            script.up(when, b"\r\n\r\n")
        for when in draw.ticks(options_s, length, 0.1) if options_s else ():
            script.tell(when, line(f"OPTIONS sip:{user} SIP/2.0"), line("SIP/2.0 200 OK"))

    return session_of(draw, link, talk)


def path_keepalive(draw: Draw, link: Link) -> Session:
    """STUN binding requests: 20 to 28 bytes, 32 back, on a timer."""
    every, request = draw.pick((5, 10, 15, 30)), draw.pick((20, 28, 108))

    def talk(script: Script, length: float) -> None:
        asked_by_timer(
            script, every, length, lambda: request, lambda: 32 if request < 100 else 64, jitter=0.1
        )

    return session_of(draw, link, talk)


def syslog_datagrams(draw: Draw, link: Link) -> Session:
    """Syslog: one direction only."""
    mean, lines = draw.log_uniform(0.5, 60), [draw.whole(80, 300) for _ in range(6)]

    def talk(script: Script, length: float) -> None:
        for when in draw.poisson(mean, length):
            script.up(when, draw.pick(lines) + draw.whole(0, 9))

    return session_of(draw, link, talk)


FAMILIES = (
    *(
        Family(start.__name__, BENIGN, start, transport=UDP, wraps=("opaque",))
        for start in (
            snmp, voice, tunnel_idle, quic_web, quic_push, sensor_reports, game_world, path_keepalive,
            syslog_datagrams,
        )
    ),
    *(
        Family(start.__name__, BENIGN, start, text=True, transport=UDP, wraps=("none",))
        for start in (dns, time_sync, call_registration)
    ),
)  # fmt: skip
