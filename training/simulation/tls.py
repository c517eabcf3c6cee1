"""TLS records and handshakes as they look on the wire (RFC 5246, RFC 8446): real framing, random secrets.

Nothing is encrypted; ciphertext is random.  What a passive reader may see in the clear (hello,
certificate, record lengths) is well formed.
"""

from __future__ import annotations

from dataclasses import dataclass

from training.simulation.draw import Draw

HANDSHAKE = 22
CHANGE_CIPHER_SPEC = 20
APPLICATION_DATA = 23
LARGEST_RECORD = 16_384
_SUITES_13 = (0x1301, 0x1302, 0x1303)
_SUITES_12 = (0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC013, 0xC014, 0x009C, 0x009D, 0x002F, 0x0035)
_CBC_SUITE = 0xC013
_GCM_SUITE = 0xC02F


def record(kind: int, body: bytes) -> bytes:
    """One TLS record with the legacy version of all current stacks."""
    return bytes((kind, 3, 3)) + len(body).to_bytes(2, "big") + body


def _handshake(kind: int, body: bytes) -> bytes:
    return bytes((kind,)) + len(body).to_bytes(3, "big") + body


def _vector(body: bytes, size: int = 2) -> bytes:
    return len(body).to_bytes(size, "big") + body


def _extension(kind: int, body: bytes) -> bytes:
    return kind.to_bytes(2, "big") + _vector(body)


@dataclass(frozen=True, slots=True)
class Hello:
    """How a client greets: stays the same over reconnects."""

    tls13: bool
    name: str | None
    alpn: tuple[str, ...]
    suites: tuple[int, ...]
    total: int  # padded up to this many bytes (RFC 7685); 0 = not padded
    hybrid: bool  # carries a post-quantum key share, about 1.2 kB more

    @classmethod
    def drawn(cls, draw: Draw, tls13: bool, websocket: bool) -> Hello:
        """Greetings of browsers, libraries and small devices, independent of what is said afterwards."""
        suites = [suite for suite in _SUITES_12 if draw.chance(0.7)] or [_GCM_SUITE]
        name = f"{draw.base36(draw.whole(2, 14))}.example.{draw.pick(('com', 'net', 'org'))}"
        alpn = draw.pick(((), (), ("http/1.1",), ("h2", "http/1.1"), ("mqtt",)))
        return cls(
            tls13=tls13,
            name=name if draw.chance(0.6) else None,
            alpn=("http/1.1",) if websocket and draw.chance(0.5) else alpn,
            suites=tuple([*_SUITES_13, *suites] if tls13 else suites),
            total=draw.pick((0, 0, 0, 517, 517, 512)),
            hybrid=tls13 and draw.chance(0.2),
        )

    def build(self, draw: Draw) -> bytes:
        """The record of one ClientHello."""
        suites = b"".join(suite.to_bytes(2, "big") for suite in self.suites)
        extensions = [_extension(23, b""), _extension(0xFF01, b"\0"), _extension(11, b"\x01\0")]
        extensions.append(_extension(10, _vector(b"\0\x1d\0\x17\0\x18")))
        extensions.append(_extension(13, _vector(b"\x04\x03\x08\x04\x04\x01\x05\x03\x08\x05\x05\x01")))
        if self.name:
            extensions.insert(0, _extension(0, _vector(b"\0" + _vector(self.name.encode()))))
        if self.alpn:
            names = b"".join(_vector(name.encode(), 1) for name in self.alpn)
            extensions.append(_extension(16, _vector(names)))
        if self.tls13:
            shares = b"\0\x1d" + _vector(draw.randbytes(32))
            if self.hybrid:
                shares = b"\x11\xec" + _vector(draw.randbytes(1216)) + shares
            extensions += [_extension(43, b"\x04\x03\x04\x03\x03"), _extension(45, b"\x01\x01")]
            extensions.append(_extension(51, _vector(shares)))
        body = b"\x03\x03" + draw.randbytes(32) + _vector(draw.randbytes(32), 1) + _vector(suites) + b"\x01\0"
        joined = b"".join(extensions)
        missing = self.total - (4 + len(body) + 2 + len(joined))
        if missing >= 4:
            joined += _extension(21, bytes(missing - 4))
        return record(HANDSHAKE, _handshake(1, body + _vector(joined)))


def server_hello(draw: Draw, tls13: bool, suite: int) -> bytes:
    """A ServerHello message, without its record."""
    body = (
        b"\x03\x03" + draw.randbytes(32) + _vector(draw.randbytes(32), 1) + suite.to_bytes(2, "big") + b"\0"
    )
    if tls13:
        extensions = _extension(43, b"\x03\x04") + _extension(51, b"\0\x1d" + _vector(draw.randbytes(32)))
    else:
        extensions = _extension(0xFF01, b"\0") + _extension(23, b"") + _extension(11, b"\x01\0")
    return _handshake(2, body + _vector(extensions))


def certificates(draw: Draw, name: str, self_signed: bool) -> bytes:
    """A Certificate message of TLS 1.2: one self-signed, or a leaf and its issuer."""
    issuer = name if self_signed else "Example Issuing Authority R" + str(draw.whole(1, 9))
    chain = [_certificate(draw, name, issuer)]
    if not self_signed:
        chain.append(_certificate(draw, issuer, "Example Root Authority"))
    return _handshake(11, _vector(b"".join(_vector(one, 3) for one in chain), 3))


def key_exchange(draw: Draw) -> bytes:
    """ServerKeyExchange (X25519, RSA-signed) and ServerHelloDone."""
    signed = b"\x03\0\x1d" + _vector(draw.randbytes(32), 1) + b"\x08\x04" + _vector(draw.randbytes(256))
    return _handshake(12, signed) + _handshake(14, b"")


def client_key(draw: Draw) -> bytes:
    return _handshake(16, _vector(draw.randbytes(32), 1))


def _der(tag: int, *parts: bytes) -> bytes:
    """One DER element (X.690)."""
    body = b"".join(parts)
    if len(body) < 128:
        return bytes((tag, len(body))) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size + body


_RSA = _der(0x30, bytes.fromhex("06092a864886f70d010101"), b"\x05\0")
_SHA256_RSA = _der(0x30, bytes.fromhex("06092a864886f70d01010b"), b"\x05\0")


def _name(common: str) -> bytes:
    return _der(0x30, _der(0x31, _der(0x30, bytes.fromhex("0603550403"), _der(0x0C, common.encode()))))


def _certificate(draw: Draw, subject: str, issuer: str) -> bytes:
    """An X.509 certificate with a random key and a random signature (RFC 5280)."""
    number = _der(0x02, b"\x01" + draw.randbytes(15))
    dates = _der(0x30, _der(0x17, b"250101000000Z"), _der(0x17, b"280101000000Z"))
    modulus = _der(0x02, b"\0\x80" + draw.randbytes(255))
    key = _der(0x30, _RSA, _der(0x03, b"\0", _der(0x30, modulus, bytes.fromhex("0203010001"))))
    body = _der(
        0x30, _der(0xA0, b"\x02\x01\x02"), number, _SHA256_RSA, _name(issuer), dates, _name(subject), key
    )
    return _der(0x30, body, _SHA256_RSA, _der(0x03, b"\0", draw.randbytes(256)))


def suite_of(tls13: bool, cbc: bool) -> int:
    if tls13:
        return _SUITES_13[0]
    return _CBC_SUITE if cbc else _GCM_SUITE
