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
_HYBRID_SHARE = 1120  # ML-KEM-768's ciphertext and X25519


def record(kind: int, body: bytes, version: int = 0x0303) -> bytes:
    """One TLS record; a first ClientHello says 0x0301 (RFC 8446 section 5.1)."""
    return bytes((kind,)) + version.to_bytes(2, "big") + vector(body)


@dataclass(frozen=True, slots=True)
class Answered:
    """What a ServerHello answers to."""

    tls13: bool
    session: bytes  # the client's identifier, echoed, where it is TLS 1.3 or resumed; else a new one
    hybrid: bool
    alpn: str | None  # the protocol taken; in TLS 1.3 it is encrypted


def handshake(kind: int, body: bytes) -> bytes:
    """One handshake message."""
    return bytes((kind,)) + vector(body, 3)


def vector(body: bytes, size: int = 2) -> bytes:
    """A variable-length vector (RFC 8446 section 3.4)."""
    return len(body).to_bytes(size, "big") + body


def extension(kind: int, body: bytes) -> bytes:
    """One extension."""
    return kind.to_bytes(2, "big") + vector(body)


def server_hello(draw: Draw, suite: int, answered: Answered) -> bytes:
    """A ServerHello message, without its record."""
    body = b"\x03\x03" + draw.randbytes(32) + vector(answered.session, 1) + suite.to_bytes(2, "big") + b"\0"
    if answered.tls13:
        shared = b"\x11\xec" if answered.hybrid else b"\0\x1d"
        key = draw.randbytes(_HYBRID_SHARE if answered.hybrid else 32)
        extensions = extension(43, b"\x03\x04") + extension(51, shared + vector(key))
    else:
        extensions = extension(0xFF01, b"\0") + extension(23, b"") + extension(11, b"\x01\0")
        if answered.alpn:
            extensions += extension(16, vector(vector(answered.alpn.encode(), 1)))
    return handshake(2, body + vector(extensions))


def certificates(draw: Draw, name: str, self_signed: bool) -> bytes:
    """A Certificate message of TLS 1.2: one self-signed, or a leaf and its issuer."""
    issuer = name if self_signed else "Example Issuing Authority R" + str(draw.whole(1, 9))
    chain = [_certificate(draw, name, issuer)]
    if not self_signed:
        chain.append(_certificate(draw, issuer, "Example Root Authority"))
    return handshake(11, vector(b"".join(vector(one, 3) for one in chain), 3))


def key_exchange(draw: Draw) -> bytes:
    """ServerKeyExchange (X25519, RSA-signed) and ServerHelloDone."""
    signed = b"\x03\0\x1d" + vector(draw.randbytes(32), 1) + b"\x08\x04" + vector(draw.randbytes(256))
    return handshake(12, signed) + handshake(14, b"")


def client_key(draw: Draw) -> bytes:
    return handshake(16, vector(draw.randbytes(32), 1))


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
