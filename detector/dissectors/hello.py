"""TLS hellos: what a client offers and asks for, what a server chose (RFC 8446 4.1, RFC 6066 3, RFC 7301).

JA4 is FoxIO's fingerprint of a ClientHello: its shape without what varies from one to the next.
The method is published under the BSD 3-Clause licence
(https://github.com/FoxIO-LLC/ja4, technical_details/JA4.md).  Its kin for servers and certificates
(JA4S, JA4X: "JA4+") are patent pending under a licence that forbids commercial use: left out.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from detector.dissectors.identity import host_name, printable

PROTOCOL_LENGTH: Final = 32
_SERVER_NAME, _ALGORITHMS, _ALPN, _VERSIONS = 0, 13, 16, 43
_PAIR = struct.Struct(">HH")
_NAMES: Final = {0x0304: "1.3", 0x0303: "1.2", 0x0302: "1.1", 0x0301: "1.0", 0x0300: "SSL 3"}
_CODES: Final = {0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3", 0x0002: "s2"}  # JA4's
_NOTHING: Final = "0" * 12  # JA4's hash of an empty list


@dataclass(frozen=True, slots=True)
class ClientHello:
    """What one client said."""

    named: bool  # it has a server name, readable or not
    server_name: str | None
    alpn: str | None  # the protocol it likes best; None = it names none
    ja4: str


@dataclass(frozen=True, slots=True)
class ServerHello:
    """What one server chose."""

    version: str | None  # "1.3" .. "SSL 3"; None = none of these


def client_hello(body: bytes) -> ClientHello | None:
    """A ClientHello; None where it is malformed or cut."""
    try:
        at = 35 + body[34]  # behind version, random and session id
        ciphers, at = _vector(body, at, 2)
        _, at = _vector(body, at, 1)
        listed = _extensions(body, at)
        server_name = _server_name(listed.get(_SERVER_NAME, b""))
        protocol = _protocol(listed.get(_ALPN, b""))
        versions = _vector(listed[_VERSIONS], 0, 1)[0] if _VERSIONS in listed else body[:2]
        algorithms = _vector(listed[_ALGORITHMS], 0, 2)[0] if _ALGORITHMS in listed else b""
    except (IndexError, struct.error, ValueError):
        return None
    fingerprint = ja4(
        version=max(_numbers(versions), default=0),
        named=_SERVER_NAME in listed,
        ciphers=ciphers,
        extensions=tuple(sorted(listed)),
        alpn=protocol,
        algorithms=algorithms,
    )
    alpn = printable(protocol.decode("latin-1"), PROTOCOL_LENGTH)
    return ClientHello(_SERVER_NAME in listed, server_name, alpn, fingerprint)


def server_hello(body: bytes) -> ServerHello | None:
    """A ServerHello; None where it is malformed or cut."""
    try:
        at = 35 + body[34] + 3  # behind version, random, session id, cipher and compression
        listed = _extensions(body, at)
        number = int.from_bytes(listed.get(_VERSIONS, body[:2]))
    except (IndexError, struct.error, ValueError):
        return None
    return ServerHello(_NAMES.get(number))


def ja4(
    *,
    version: int,
    named: bool,
    ciphers: bytes,
    extensions: tuple[int, ...],
    alpn: bytes,
    algorithms: bytes,
) -> str:
    """JA4 of a ClientHello over TCP; lists of ciphers and algorithms as they stand in it, types sorted."""
    n_ciphers, cipher_hash = _cipher_hash(ciphers)
    n_extensions, shape = _shape(extensions, algorithms)
    head = (
        f"t{_CODES.get(version, '00')}{'d' if named else 'i'}{n_ciphers:02d}{n_extensions:02d}{_ends(alpn)}"
    )
    return f"{head}_{cipher_hash}_{shape}"


def _ends(alpn: bytes) -> str:
    """First and last character of the first protocol; of its hexadecimal form where they are no letters."""
    if not alpn:
        return "00"
    ends = bytes((alpn[0], alpn[-1]))
    text = ends.decode("latin-1")
    return text if text.isascii() and text.isalnum() else alpn.hex()[0] + alpn.hex()[-1]


@lru_cache(maxsize=1024)
def _cipher_hash(ciphers: bytes) -> tuple[int, str]:
    """(number of ciphers, at most 99; hash of the sorted list).  Most clients are alike: worth keeping."""
    numbers = _numbers(ciphers)
    return min(len(numbers), 99), _hashed(",".join(f"{number:04x}" for number in sorted(numbers)))


@lru_cache(maxsize=1024)
def _shape(extensions: tuple[int, ...], algorithms: bytes) -> tuple[int, str]:
    """(number of extensions, at most 99; hash of their types but two, and of the algorithms in order)."""
    kinds = [kind for kind in extensions if not _is_grease(kind)]
    others = ",".join(f"{kind:04x}" for kind in kinds if kind not in (_SERVER_NAME, _ALPN))
    ordered = ",".join(f"{number:04x}" for number in _numbers(algorithms))
    return min(len(kinds), 99), _hashed(f"{others}_{ordered}" if ordered else others)


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else _NOTHING


def _vector(data: bytes, at: int, width: int) -> tuple[bytes, int]:
    """(content, offset behind it) of a vector whose length has `width` bytes.  Raises ValueError."""
    end = at + width + int.from_bytes(data[at : at + width])
    if end > len(data) or at + width > len(data):
        raise ValueError("cut")
    return data[at + width : end], end


def _extensions(body: bytes, at: int) -> dict[int, bytes]:
    """Extensions by type in the order of the hello; none where the list is left out.  Raises ValueError."""
    if at >= len(body):
        return {}
    found: dict[int, bytes] = {}
    content, _ = _vector(body, at, 2)
    at = 0
    while at < len(content):
        kind, size = _PAIR.unpack_from(content, at)
        at += 4 + size
        if at > len(content):
            raise ValueError("cut")
        found[kind] = content[at - size : at]
    return found


def _server_name(content: bytes) -> str | None:
    """The first name of the list, where it is one of a host (RFC 6066 3)."""
    if len(content) < 5 or content[2] != 0:
        return None
    name, _ = _vector(content, 3, 2)
    return host_name(name.decode("latin-1"))


def _protocol(content: bytes) -> bytes:
    """The first name of an ALPN list (RFC 7301 3.1); empty where there is none.  Raises ValueError."""
    return _vector(content, 2, 1)[0] if len(content) > 2 else b""


def _numbers(content: bytes) -> list[int]:
    """16-bit numbers without GREASE (RFC 8701 2)."""
    numbers = struct.unpack(f">{len(content) // 2}H", content[: len(content) // 2 * 2])
    return [number for number in numbers if not _is_grease(number)]


def _is_grease(number: int) -> bool:
    return number & 0x0F0F == 0x0A0A and number >> 8 == number & 0xFF
