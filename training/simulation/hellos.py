"""How a client greets in TLS: the ClientHellos of real stacks, and who uses which (RFC 8446 section 4.1.2).

Order and numbers are those of each stack's default client as packet captures show them (OpenSSL 1.1.1
to 3, Go's crypto/tls, rustls, Schannel, JSSE, mbedTLS, Chromium, Firefox); versions differ, so that
some suites are left out at random.  What miners send is known of XMRig (src/base/net/stratum/Tls.cpp
and Pool.h: OpenSSL, no ALPN, a server name only where `sni` is set); the shares of `_HABITS` are a
guess, kept away from none and all so that no single one of these facts is a label.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from training.simulation.draw import Draw
from training.simulation.families import MINING, Family
from training.simulation.tls import HANDSHAKE, extension, handshake, record, vector

_PADDING, _SIGNATURES, _VERSIONS, _KEY_SHARE, _NAME, _ALPN = 21, 13, 43, 51, 0, 16
_GROUPS, _POINTS = 10, 11
_X25519, _HYBRID = 0x001D, 0x11EC  # draft-kwiatkowski-tls-ecdhe-mlkem: 1 216 bytes in the hello
_GREASE = (0x0A0A, 0x1A1A, 0x2A2A, 0x4A4A, 0x6A6A, 0x8A8A, 0xAAAA, 0xCACA, 0xEAEA)  # RFC 8701
_FIXED = {  # extensions whose content does not change
    5: b"\x01\0\0\0\0",  # status_request
    17: b"\0\x07\x02\0\x04\0\0\0\0",  # status_request_v2
    27: b"\x02\0\x02",  # compress_certificate: brotli
    28: b"\x40\x01",  # record_size_limit
    34: b"\0\x08\x04\x03\x05\x03\x06\x03\x02\x03",  # delegated_credentials
    45: b"\x01\x01",  # psk_key_exchange_modes
    17_613: b"\0\x03\x02h2",  # application_settings
    0xFF01: b"\0",  # renegotiation_info
}


def _codes(text: str) -> tuple[int, ...]:
    return tuple(int(code, 16) for code in text.split())


@dataclass(frozen=True, slots=True)
class Stack:
    """A TLS library's default client: code points in the order in which it sends them."""

    suites: tuple[int, ...]
    extensions: tuple[int, ...]
    groups: tuple[int, ...]
    signatures: tuple[int, ...]
    browser: bool = False  # GREASE and a shuffled order
    points: bytes = b"\x01\0"  # ec_point_formats

    @classmethod
    def of(cls, suites: str, extensions: tuple[int, ...], groups: str, signatures: str, **more: Any) -> Stack:
        """Code points in hexadecimal."""
        return cls(_codes(suites), extensions, _codes(groups), _codes(signatures), **more)


OPENSSL = Stack.of(
    "1302 1303 1301 c02c c030 009f cca9 cca8 ccaa c02b c02f 009e c024 c028 006b c023 c027 0067"
    " c00a c014 0039 c009 c013 0033 009d 009c 003d 003c 0035 002f 00ff",
    (0, 11, 10, 35, 16, 22, 23, 13, 43, 45, 51),
    "001d 0017 001e 0019 0018 0100 0101 0102 0103 0104",
    "0403 0503 0603 0807 0808 0809 080a 080b 0804 0805 0806 0401 0501 0601 0303 0301 0302 0402 0502 0602",
    points=b"\x03\0\x01\x02",
)
GO = Stack.of(
    "c02b c02f c02c c030 cca9 cca8 c009 c013 c00a c014 009c 009d 002f 0035 1301 1302 1303",
    (0, 5, 10, 11, 13, 0xFF01, 23, 16, 18, 43, 51),
    "001d 0017 0018 0019",
    "0804 0403 0807 0805 0806 0401 0501 0601 0503 0603 0201 0203",
)
RUSTLS = Stack.of(
    "1302 1301 1303 c02c c02b cca9 c030 c02f cca8 00ff",
    (43, 11, 10, 13, 23, 5, 0, 16, 51, 45, 35),
    "001d 0017 0018",
    "0503 0403 0807 0806 0805 0804 0601 0501 0401",
)
SCHANNEL = Stack.of(
    "1302 1301 c02c c02b c030 c02f c024 c023 c028 c027 c00a c009 c014 c013 009d 009c 003d 003c 0035 002f",
    (0, 5, 10, 11, 13, 35, 16, 23, 43, 45, 51, 0xFF01),
    "001d 0017 0018",
    "0804 0805 0806 0401 0501 0201 0403 0503 0203 0202 0601 0603",
)
JAVA = Stack.of(
    "1302 1301 1303 c02c c02b cca9 c030 cca8 c02f 009f ccaa 00a3 009e 00a2 c024 c028 c023 c027"
    " c00a c014 c009 c013 009d 009c 003d 003c 0035 002f 00ff",
    (0, 5, 10, 11, 16, 17, 23, 35, 13, 43, 45, 51),
    "001d 0017 0018 0019 001e",
    "0403 0503 0603 0807 0808 0804 0805 0806 0809 080a 080b 0401 0501 0601 0203 0201",
)
MBEDTLS = Stack.of(
    "c02c c030 009f c0ad c024 c028 006b c00a c014 0039 c02b c02f 009e c0ac c023 c027 0067 c009 c013 0033"
    " 00ff",
    (0, 13, 10, 11, 16, 22, 23, 35),
    "0019 0018 0017 001d",
    "0603 0601 0503 0501 0403 0401",
)
CHROMIUM = Stack.of(
    "1301 1302 1303 c02b c02f c02c c030 cca9 cca8 c013 c014 009c 009d 002f 0035",
    (0, 23, 0xFF01, 10, 11, 35, 16, 5, 13, 18, 51, 45, 43, 27, 17_613),
    "001d 0017 0018",
    "0403 0804 0401 0503 0805 0501 0806 0601",
    browser=True,
)
FIREFOX = Stack.of(
    "1301 1303 1302 c02b c02f cca9 cca8 c02c c030 c00a c009 c013 c014 009c 009d 002f 0035",
    (0, 23, 0xFF01, 10, 11, 35, 16, 5, 34, 51, 43, 13, 45, 28),
    "001d 0017 0018 0019",
    "0403 0503 0603 0804 0805 0806 0401 0501 0601 0203 0201",
)


@dataclass(frozen=True, slots=True)
class Habits:
    """What a kind of client greets with: stacks and protocols by their weights."""

    stacks: tuple[tuple[Stack, float], ...]
    named: float  # how often it sends a server name
    self_signed: float  # how often its server's certificate is
    protocols: tuple[tuple[tuple[str, ...], float], ...]


_HABITS = {
    "miner": Habits(
        ((OPENSSL, 0.72), (SCHANNEL, 0.07), (GO, 0.07), (RUSTLS, 0.06), (MBEDTLS, 0.06), (JAVA, 0.02)),
        0.3,
        0.3,
        (((), 0.95), (("http/1.1",), 0.03), (("h2", "http/1.1"), 0.02)),
    ),
    "browser": Habits(
        ((CHROMIUM, 0.66), (FIREFOX, 0.24), (SCHANNEL, 0.05), (OPENSSL, 0.05)),
        0.98,
        0.04,
        ((("h2", "http/1.1"), 0.95), (("http/1.1",), 0.03), ((), 0.02)),
    ),
    "library": Habits(
        (
            (OPENSSL, 0.42), (GO, 0.18), (JAVA, 0.12), (RUSTLS, 0.07), (SCHANNEL, 0.09), (CHROMIUM, 0.06),
            (MBEDTLS, 0.06),
        ),
        0.92,
        0.12,
        (((), 0.45), (("h2", "http/1.1"), 0.28), (("http/1.1",), 0.17), (("h2",), 0.1)),
    ),
    "device": Habits(
        ((MBEDTLS, 0.55), (OPENSSL, 0.35), (GO, 0.1)),
        0.8,
        0.25,
        (((), 0.8), (("mqtt",), 0.08), (("x-amzn-mqtt-ca",), 0.04), (("http/1.1",), 0.08)),
    ),
}  # fmt: skip
_BROWSERS = (
    "browsing", "dashboard", "video", "server_sent_events", "status_page", "shared_document", "score_ticker",
    "block_explorer", "http_poll", "long_poll", "team_chat", "radio",
)  # fmt: skip
_DEVICES = (
    "mqtt_telemetry", "mqtt_commands", "iot_cloud", "iot_setup", "smart_meter", "tracker", "plant_control",
    "plant_subscription", "point_of_sale", "corrections", "sensor_reports", "beacon",
)  # fmt: skip


def kind_of(family: Family) -> str:
    """Which habits a family's client has."""
    if family.label == MINING:
        return "miner"
    return "browser" if family.name in _BROWSERS else "device" if family.name in _DEVICES else "library"


def is_self_signed(draw: Draw, kind: str) -> bool:
    """Whether the server of a client of `kind` signed its certificate itself."""
    return draw.chance(_HABITS[kind].self_signed)


@dataclass(frozen=True, slots=True)
class Hello:
    """How one client greets: stays the same over reconnects."""

    stack: Stack
    tls13: bool  # offered; many a server takes 1.2 all the same
    name: str | None
    alpn: tuple[str, ...]
    suites: tuple[int, ...]
    hybrid: bool
    padded: bool  # where its length is between 256 and 511 (RFC 7685), as an old server wanted it

    @classmethod
    def drawn(cls, draw: Draw, kind: str, wrap: str) -> Hello:
        """A greeting of a client of `kind` that may end in `wrap`.  For WebSocket browsers offer HTTP/1.1
        only (RFC 6455)."""
        habits, taken = _HABITS[kind], wrap in ("tls13", "wss")
        unfit = MBEDTLS if taken else RUSTLS  # has no TLS 1.3; has no CBC
        stacks = [(stack, weight) for stack, weight in habits.stacks if stack is not unfit]
        stack = draw.pick(*zip(*stacks, strict=True))
        tls13 = taken or (stack is not MBEDTLS and draw.chance(0.7))
        alpn = draw.pick(*zip(*habits.protocols, strict=True))
        name = f"{draw.base36(draw.whole(2, 14))}.example.{draw.pick(('com', 'net', 'org'))}"
        kept = [suite for suite in stack.suites if _is_13(suite) or suite in _COMMON or draw.chance(0.93)]
        return cls(
            stack=stack,
            tls13=tls13,
            name=name if draw.chance(habits.named) else None,
            alpn=("http/1.1",) if wrap == "wss" and draw.chance(0.7) else alpn,
            suites=tuple(suite for suite in kept if tls13 or not _is_13(suite)),
            hybrid=tls13 and draw.chance(0.6 if stack.browser else 0.15),
            padded=stack.browser or (stack is OPENSSL and draw.chance(0.5)),
        )

    def build(self, draw: Draw, session: bytes) -> bytes:
        """The record of one ClientHello; `session`: the legacy session identifier."""
        grease = draw.pick(_GREASE) if self.stack.browser else None
        suites = self.suites if grease is None else (grease, *self.suites)
        body = b"\x03\x03" + draw.randbytes(32) + vector(session, 1) + vector(_numbers(suites)) + b"\x01\0"
        made = [extension(kind, content) for kind, content in self._contents(draw, grease)]
        if grease is not None:
            draw.shuffle(made)
            made = [extension(grease, b""), *made, extension(grease ^ 0x1010, b"\0")]
        joined = b"".join(made)
        missing = 512 - (4 + len(body) + 2 + len(joined))
        if self.padded and 0 < missing <= 256:
            joined += extension(_PADDING, bytes(max(missing - 4, 1)))
        return record(HANDSHAKE, handshake(1, body + vector(joined)), 0x0301)

    def _contents(self, draw: Draw, grease: int | None) -> list[tuple[int, bytes]]:
        """The extensions that this client sends, in its order."""
        greased = () if grease is None else (grease,)
        groups = (*greased, *((_HYBRID,) if self.hybrid else ()), *self.stack.groups)
        names = b"".join(vector(name.encode(), 1) for name in self.alpn)
        versions = (*greased, 0x0304, 0x0303)
        makers = {
            _NAME: lambda: vector(b"\0" + vector((self.name or "").encode())) if self.name else None,
            _ALPN: lambda: vector(names) if names else None,
            _POINTS: lambda: self.stack.points,
            _GROUPS: lambda: vector(_numbers(groups)),
            _SIGNATURES: lambda: vector(_numbers(self.stack.signatures)),
            _VERSIONS: lambda: vector(_numbers(versions), 1) if self.tls13 else None,
            _KEY_SHARE: lambda: vector(self._shares(draw, greased)) if self.tls13 else None,
            45: lambda: _FIXED[45] if self.tls13 else None,
        }
        found = [(kind, makers.get(kind, partial(_FIXED.get, kind, b""))()) for kind in self.stack.extensions]
        return [(kind, content) for kind, content in found if content is not None]

    def _shares(self, draw: Draw, greased: tuple[int, ...]) -> bytes:
        shares = b"".join(code.to_bytes(2, "big") + vector(b"\0") for code in greased)
        if self.hybrid:
            shares += _HYBRID.to_bytes(2, "big") + vector(draw.randbytes(1216))
        return shares + _X25519.to_bytes(2, "big") + vector(draw.randbytes(32))

    def chosen(self, draw: Draw, wrap: str) -> int:
        """The suite that a server takes: one of TLS 1.3, or one of 1.2 with or without CBC."""
        if wrap in ("tls13", "wss"):
            return draw.pick([suite for suite in self.suites if _is_13(suite)])
        wanted = _CBC if wrap == "tls12cbc" else _AEAD
        return next(suite for suite in self.suites if suite in wanted)


_CBC, _AEAD = _codes("c014 c013 0035 002f"), _codes("c02f c02b c030 c02c cca8 cca9 009c")
_COMMON = _CBC[:2] + _AEAD[:2]  # never left out


def _is_13(suite: int) -> bool:
    return 0x1301 <= suite <= 0x1303


def _numbers(codes: tuple[int, ...]) -> bytes:
    return b"".join(code.to_bytes(2, "big") for code in codes)
