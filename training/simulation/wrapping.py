"""From what applications say to the bytes of a connection: clear, TLS 1.2 and 1.3, WebSocket, opaque.

Both classes go through here with the same odds.  Lengths survive encryption: a TLS 1.3 record adds
22 bytes, a TLS 1.2 AEAD record 29, CBC rounds up (RFC 8446 section 5.2, RFC 5246 section 6.2.3).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from training.simulation import tls
from training.simulation.draw import Draw
from training.simulation.script import DOWN, UP, Event, Link, What

WRAPS = ("none", "tls13", "tls12", "tls12cbc", "wss", "opaque", "noise")
_ODDS_TEXT = (0.34, 0.36, 0.12, 0.05, 0.08, 0.05)
_ODDS_LENGTHS = (0.0, 0.55, 0.16, 0.07, 0.12, 0.10)

Write = tuple[float, int, bytes]


def drawn_wrap(draw: Draw, text: bool, allowed: tuple[str, ...]) -> str:
    """A wrapping: one of `allowed` where the family has its own, else by the common odds."""
    if allowed:
        return draw.pick(allowed)
    return draw.pick(WRAPS[:6], _ODDS_TEXT if text else _ODDS_LENGTHS)


@dataclass(slots=True)
class Wrapping:
    """One wrapping with its parameters, which stay the same over reconnects."""

    kind: str
    draw: Draw
    hello: tls.Hello
    padding: int  # TLS 1.3 records padded to a multiple of this; 0 = none
    tickets: int
    resumes: bool
    record_size: int
    certificate_name: str
    self_signed: bool

    @classmethod
    def drawn(cls, draw: Draw, kind: str) -> Wrapping:
        tls13 = kind in ("tls13", "wss")
        return cls(
            kind=kind,
            draw=draw,
            hello=tls.Hello.drawn(draw, tls13, kind == "wss"),
            padding=draw.pick((0, 0, 0, 0, 0, 0, 16, 32, 64, 128)) if tls13 else 0,
            tickets=draw.pick((0, 1, 2, 2)),
            resumes=draw.chance(0.3),
            record_size=draw.pick((16_384, 16_384, 16_384, 4096, 1370)),
            certificate_name=f"{draw.base36(draw.whole(3, 12))}.example.net",
            self_signed=draw.chance(0.3),
        )

    @property
    def encrypted(self) -> bool:
        return self.kind.startswith("tls") or self.kind == "wss"

    def writes(self, events: list[Event], link: Link, again: bool) -> list[Write]:
        """The bytes each side writes, in time order.  `again`: this is a reconnect."""
        if not self.encrypted:
            return [(time, way, self._plain(what)) for time, way, what in events]
        opening = list(self._handshake(link, again and self.resumes))
        start = opening[-1][0] + 0.0005
        if self.kind == "wss":
            opening += self._upgrade(start, link)
            start = opening[-1][0] + 0.0005
        body = [(start + time, way, self._sealed(_size(what), way)) for time, way, what in events]
        return opening + body

    def _plain(self, what: What) -> bytes:
        if isinstance(what, bytes) and self.kind == "none":
            return what
        return self.draw.randbytes(_size(what))

    def _sealed(self, size: int, way: int) -> bytes:
        """One message as TLS records."""
        if self.kind == "wss":  # RFC 6455: two bytes, a longer length field, a mask from the client
            size += 2 + (2 if size > 125 else 0) + (4 if way == UP else 0)
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
        draw, thinking = self.draw, self.draw.log_uniform(0.0005, 0.02)
        yield 0.001, UP, self.hello.build(draw)
        now = 0.001 + link.rtt_s + thinking
        ccs = tls.record(tls.CHANGE_CIPHER_SPEC, b"\x01")
        if self.kind in ("tls13", "wss"):
            yield now, DOWN, self._flight13(resumed)
            now += draw.log_uniform(0.0005, 0.01)
            yield now, UP, ccs + self._secret(tls.APPLICATION_DATA, 53)
            if self.tickets:
                ticket = self._secret(tls.APPLICATION_DATA, 226)
                yield now + link.rtt_s, DOWN, ticket * self.tickets
            return
        suite = tls.suite_of(False, self.kind == "tls12cbc")
        finished = ccs + self._secret(tls.HANDSHAKE, 64 if self.kind == "tls12cbc" else 40)
        hello = tls.server_hello(draw, False, suite)
        if resumed:
            yield now, DOWN, tls.record(tls.HANDSHAKE, hello) + finished
            yield now + 0.001, UP, finished
            return
        flight = (
            hello,
            tls.certificates(draw, self.certificate_name, self.self_signed),
            tls.key_exchange(draw),
        )
        yield now, DOWN, b"".join(tls.record(tls.HANDSHAKE, message) for message in flight)
        now += draw.log_uniform(0.001, 0.01)
        yield now, UP, tls.record(tls.HANDSHAKE, tls.client_key(draw)) + finished
        yield now + link.rtt_s, DOWN, finished

    def _flight13(self, resumed: bool) -> bytes:
        """ServerHello, then encrypted extensions, certificate and finished as application data."""
        hello = tls.record(tls.HANDSHAKE, tls.server_hello(self.draw, True, tls.suite_of(True, False)))
        ccs = tls.record(tls.CHANGE_CIPHER_SPEC, b"\x01")
        sizes = (
            [self.draw.whole(23, 60), 53]
            if resumed
            else [23 + 17, 900 if self.self_signed else 2600, 281, 53]
        )
        return hello + ccs + b"".join(self._secret(tls.APPLICATION_DATA, size) for size in sizes)

    def _secret(self, kind: int, size: int) -> bytes:
        return tls.record(kind, self.draw.randbytes(size))

    def _upgrade(self, start: float, link: Link) -> list[Write]:
        """The WebSocket upgrade inside TLS (RFC 6455 section 4)."""
        request, reply = self.draw.whole(180, 600), self.draw.whole(129, 400)
        record = tls.APPLICATION_DATA
        return [
            (start, UP, self._secret(record, request + 17)),
            (start + link.rtt_s + 0.002, DOWN, self._secret(record, reply + 17)),
        ]


def _size(what: What) -> int:
    return what if isinstance(what, int) else len(what)
