"""From what applications say to the bytes of a connection: clear, TLS 1.2 and 1.3, WebSocket, Noise, opaque.

Both classes go through here with the same odds; only how a client greets is its own (`hellos`).
Lengths survive encryption: a TLS 1.3 record adds 22 bytes, a TLS 1.2 AEAD record 29, CBC rounds up
(RFC 8446 section 5.2, RFC 5246 section 6.2.3); Stratum V2's Noise makes a header of 22 bytes and a
tag of 16 each 65 519 bytes of a frame's six and its payload (sv2-spec 04).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from training.simulation import tls, tunnels
from training.simulation.draw import Draw
from training.simulation.families import Family
from training.simulation.hellos import Hello, is_self_signed
from training.simulation.script import DOWN, UP, Event, Link, What
from training.simulation.tunnels import Write

WRAPS = ("none", "tls13", "tls12", "tls12cbc", "wss", "opaque", "ws", "noise")
_DRAWN = WRAPS[:7]
# TLS of each kind as often for all: who has no text to show is without it as often, but never readable.
_ODDS_TEXT = (0.33, 0.35, 0.12, 0.05, 0.08, 0.04, 0.03)
_ODDS_HTTP = (0.36, 0.35, 0.12, 0.05, 0.08, 0.04, 0.0)
_ODDS_LENGTHS = (0.0, 0.35, 0.12, 0.05, 0.08, 0.40, 0.0)
_TLS_13 = ("tls13", "wss")
_ACT_1, _ACT_2 = 64, 234  # of the Noise NX handshake: ElligatorSwift key; key, static key and signature
_SV2_HEADER, _NOISE_HEADER, _NOISE_BLOCK, _TAG = 6, 22, 65_519, 16


def drawn_wrap(draw: Draw, family: Family) -> str:
    """A wrapping: one of the family's own where it has some, else by the common odds."""
    if family.wraps:
        return draw.pick(family.wraps)
    if not family.text:
        return draw.pick(_DRAWN, _ODDS_LENGTHS)
    return draw.pick(_DRAWN, _ODDS_HTTP if family.hangs_up else _ODDS_TEXT)


@dataclass(slots=True)
class Wrapping:
    """One wrapping with its parameters, which stay the same over reconnects."""

    kind: str
    draw: Draw
    hello: Hello
    padding: int  # TLS 1.3 records padded to a multiple of this; 0 = none
    tickets: int
    resumes: bool
    record_size: int
    certificate_name: str
    self_signed: bool
    tunnel: str  # "", or one of tunnels.TUNNELS that the connection goes through

    @classmethod
    def drawn(cls, draw: Draw, kind: str, client: str = "library") -> Wrapping:
        """`client`: which of `hellos`' habits greets."""
        hello = Hello.drawn(draw, client, kind)
        return cls(
            kind=kind,
            draw=draw,
            hello=hello,
            padding=draw.pick((0, 0, 0, 0, 0, 0, 16, 32, 64, 128)) if kind in _TLS_13 else 0,
            tickets=draw.pick((0, 1, 2, 2)),
            resumes=draw.chance(0.3),
            record_size=draw.pick((16_384, 16_384, 16_384, 4096, 1370)),
            certificate_name=hello.name or f"{draw.base36(draw.whole(3, 12))}.example.net",
            self_signed=is_self_signed(draw, client),
            tunnel=draw.pick(tunnels.TUNNELS) if draw.chance(0.03) else "",
        )

    @property
    def encrypted(self) -> bool:
        """Whether TLS is around it."""
        return self.kind.startswith("tls") or self.kind == "wss"

    def writes(self, events: list[Event], link: Link, again: bool) -> list[Write]:
        """The bytes each side writes, in time order.  `again`: this is a reconnect."""
        opening = tunnels.opened(self.draw, self.tunnel, link) if self.tunnel else []
        start = opening[-1][0] + 0.0005 if opening else 0.0
        for step in self._openings(link, again):
            opening += [(start + time, way, data) for time, way, data in step]
            start = opening[-1][0] + 0.0005
        return opening + [(start + time, way, self._wrapped(what, way)) for time, way, what in events]

    def _openings(self, link: Link, again: bool) -> Iterator[list[Write]]:
        """What stands before the first message, one handshake after the other."""
        if self.encrypted:
            yield list(self._handshake(link, again and self.resumes))
        if self.kind == "wss":
            yield self._upgrade(link)
        elif self.kind == "ws":
            yield tunnels.upgraded(self.draw, link)
        elif self.kind == "noise":
            yield [
                (0.001, UP, self.draw.randbytes(_ACT_1)),
                (0.001 + link.rtt_s + self.draw.log_uniform(0.0003, 0.01), DOWN, self.draw.randbytes(_ACT_2)),
            ]

    def _wrapped(self, what: What, way: int) -> bytes:
        """One message on the wire."""
        if self.encrypted:
            return self._sealed(_size(what), way)
        if self.kind == "noise":
            blocks = -(-(_size(what) - _SV2_HEADER) // _NOISE_BLOCK)
            return self.draw.randbytes(_NOISE_HEADER + _size(what) - _SV2_HEADER + _TAG * blocks)
        if not isinstance(what, bytes) or self.kind == "opaque":
            what = self.draw.randbytes(_size(what))
        return tunnels.framed(self.draw, what, way) if self.kind == "ws" else what

    def _sealed(self, size: int, way: int) -> bytes:
        """One message as TLS records."""
        if self.kind == "wss":
            size += tunnels.frame_size(size, way)
        pieces = []
        while size > 0:
            part = min(size, self.record_size)
            size -= part
            pieces.append(tls.record(tls.APPLICATION_DATA, self.draw.randbytes(self._cipher_size(part))))
        return b"".join(pieces)

    def _cipher_size(self, size: int) -> int:
        if self.kind == "tls12":
            return size + 24  # explicit nonce and tag
        if self.kind == "tls12cbc":
            return 16 + ((size + 20) // 16 + 1) * 16  # vector, HMAC-SHA1, padding
        if self.padding:
            return -(-(size + 1) // self.padding) * self.padding + 16
        return size + 17  # content type and tag

    def _handshake(self, link: Link, resumed: bool) -> Iterator[Write]:
        draw, thinking, tls13 = self.draw, self.draw.log_uniform(0.0005, 0.02), self.kind in _TLS_13
        session = draw.randbytes(32) if self.hello.tls13 or resumed else b""
        alpn = draw.pick(self.hello.alpn) if self.hello.alpn and not tls13 else None
        echoed = session if tls13 or resumed else draw.randbytes(32)
        answered = tls.Answered(tls13, echoed, self.hello.hybrid, alpn)
        hello = tls.server_hello(draw, self.hello.chosen(draw, self.kind), answered)
        yield 0.001, UP, self.hello.build(draw, session)
        now = 0.001 + link.rtt_s + thinking
        ccs = tls.record(tls.CHANGE_CIPHER_SPEC, b"\x01")
        if tls13:
            yield now, DOWN, self._flight13(hello, resumed)
            now += draw.log_uniform(0.0005, 0.01)
            yield now, UP, ccs + self._secret(tls.APPLICATION_DATA, 53)
            if self.tickets:
                ticket = self._secret(tls.APPLICATION_DATA, 226)
                yield now + link.rtt_s, DOWN, ticket * self.tickets
            return
        finished = ccs + self._secret(tls.HANDSHAKE, 64 if self.kind == "tls12cbc" else 40)
        if resumed:
            yield now, DOWN, tls.record(tls.HANDSHAKE, hello) + finished
            yield now + 0.001, UP, finished
            return
        yield now, DOWN, self._flight12(hello)
        now += draw.log_uniform(0.001, 0.01)
        yield now, UP, tls.record(tls.HANDSHAKE, tls.client_key(draw)) + finished
        yield now + link.rtt_s, DOWN, finished

    def _flight12(self, hello: bytes) -> bytes:
        """ServerHello, certificates, key exchange."""
        certificates = tls.certificates(self.draw, self.certificate_name, self.self_signed)
        flight = (hello, certificates, tls.key_exchange(self.draw))
        return b"".join(tls.record(tls.HANDSHAKE, message) for message in flight)

    def _flight13(self, hello: bytes, resumed: bool) -> bytes:
        """ServerHello, then encrypted extensions, certificate and finished as application data."""
        ccs = tls.record(tls.CHANGE_CIPHER_SPEC, b"\x01")
        full = [23 + 17, 900 if self.self_signed else 2600, 281, 53]
        sizes = [self.draw.whole(23, 60), 53] if resumed else full
        return (
            tls.record(tls.HANDSHAKE, hello)
            + ccs
            + b"".join(self._secret(tls.APPLICATION_DATA, size) for size in sizes)
        )

    def _secret(self, kind: int, size: int) -> bytes:
        return tls.record(kind, self.draw.randbytes(size))

    def _upgrade(self, link: Link) -> list[Write]:
        """The WebSocket upgrade inside TLS (RFC 6455 section 4)."""
        request, reply = self.draw.whole(180, 600), self.draw.whole(129, 400)
        record = tls.APPLICATION_DATA
        return [
            (0.0, UP, self._secret(record, request + 17)),
            (link.rtt_s + 0.002, DOWN, self._secret(record, reply + 17)),
        ]


def _size(what: What) -> int:
    return what if isinstance(what, int) else len(what)
