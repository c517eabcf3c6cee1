"""TLS hellos: what a client offers and asks for, what a server chose (RFC 8446 4.1, RFC 6066 3, RFC 7301).

JA4 is FoxIO's fingerprint of a ClientHello: its shape without what varies from one to the next.
The method is published under the BSD 3-Clause licence
(https://github.com/FoxIO-LLC/ja4, technical_details/JA4.md).  Its kin for servers and certificates
(JA4S, JA4X: "JA4+") are patent pending under a licence that forbids commercial use: left out.
"""

from __future__ import annotations

import hashlib
import struct
from functools import lru_cache
from typing import Final, NamedTuple

from detector.dissectors.identity import host_name, printable
from detector.kernel import hellos

PROTOCOL_LENGTH: Final = 32
KEPT: Final = 4096
"""Names and fingerprints that are remembered: most hellos are like an earlier one."""
_SERVER_NAME, _ALPN = 0, 16
_NAMES: Final = {0x0304: "1.3", 0x0303: "1.2", 0x0302: "1.1", 0x0301: "1.0", 0x0300: "SSL 3"}
_CODES: Final = {0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3", 0x0002: "s2"}  # JA4's
_NOTHING: Final = "0" * 12  # JA4's hash of an empty list


class ClientHello(NamedTuple):
    """What one client said."""

    named: bool  # it has a server name, readable or not
    server_name: str | None
    alpn: str | None  # the protocol it likes best; None = it names none
    ja4: str


def client_hello(body: bytes) -> ClientHello | None:
    """A ClientHello; None where it is malformed or cut."""
    told = hellos.client_hello(body)
    if told is None:
        return None
    name, offer = told
    _, named, protocol, *_ = offer
    return ClientHello(named, _name(name), _protocol(protocol), ja4(offer))


def server_version(body: bytes) -> str | None:
    """The version that a ServerHello chose, "1.3" .. "SSL 3"; None where it is cut or none of these."""
    return _NAMES.get(hellos.chosen_version(body))


@lru_cache(maxsize=KEPT)
def ja4(offer: hellos.Offer) -> str:
    """JA4 of a ClientHello over TCP."""
    version, named, alpn, ciphers, kinds, algorithms = offer
    numbers = _numbers(ciphers)
    cipher_hash = _hashed(",".join(f"{number:04x}" for number in sorted(numbers)))
    others = ",".join(f"{kind:04x}" for kind in kinds if kind not in (_SERVER_NAME, _ALPN))
    ordered = ",".join(f"{number:04x}" for number in _numbers(algorithms))
    shape = _hashed(f"{others}_{ordered}" if ordered else others)
    counts = f"{min(len(numbers), 99):02d}{min(len(kinds), 99):02d}"
    code = _CODES.get(version, "00")
    return f"t{code}{'d' if named else 'i'}{counts}{_ends(alpn)}_{cipher_hash}_{shape}"


@lru_cache(maxsize=KEPT)
def _name(name: bytes) -> str | None:
    return host_name(name.decode("latin-1"))


@lru_cache(maxsize=KEPT)
def _protocol(protocol: bytes) -> str | None:
    return printable(protocol.decode("latin-1"), PROTOCOL_LENGTH)


def _ends(alpn: bytes) -> str:
    """First and last character of the first protocol; of its hexadecimal form where they are no letters."""
    if not alpn:
        return "00"
    ends = bytes((alpn[0], alpn[-1]))
    text = ends.decode("latin-1")
    return text if text.isascii() and text.isalnum() else alpn.hex()[0] + alpn.hex()[-1]


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else _NOTHING


def _numbers(content: bytes) -> list[int]:
    """16-bit numbers without GREASE (RFC 8701 2)."""
    numbers = struct.unpack(f">{len(content) // 2}H", content[: len(content) // 2 * 2])
    return [number for number in numbers if number & 0x0F0F != 0x0A0A or number >> 8 != number & 0xFF]
