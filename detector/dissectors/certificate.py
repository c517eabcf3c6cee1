"""Names of an X.509 certificate (RFC 5280 4.1), by a walk over its DER (X.690) that reads nothing else.

"Self-signed" is told by issuer and subject being the same: the signature is not checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from detector.dissectors.identity import host_name

NAMES: Final = 4
"""Names kept of a certificate: large ones list a hundred."""
_SEQUENCE, _EXTENSIONS, _DNS_NAME = 0x30, 0xA3, 0x82
_VERSION, _OCTETS = 0xA0, 0x04
_COMMON_NAME: Final = bytes.fromhex("0603550403")  # 2.5.4.3, with tag and length
_ALTERNATIVE_NAME: Final = bytes.fromhex("0603551d11")  # 2.5.29.17


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a server's certificate calls it."""

    names: tuple[str, ...]  # alternative names, else the common one; wildcards as `*.example.org`
    self_signed: bool


def first_certificate(body: bytes) -> Certificate | None:
    """The server's own of a Certificate message up to TLS 1.2 (RFC 5246 7.4.2); None = malformed."""
    size = int.from_bytes(body[3:6])
    alone = 6 + size >= len(body)
    return _read(body[6 : 6 + size], alone) if size and 6 + size <= len(body) else None


@lru_cache(maxsize=256)
def _read(der: bytes, alone: bool) -> Certificate | None:
    """`alone`: it came without a chain.  The same servers show the same certificates."""
    try:
        fields = list(_items(_inside(_inside(der, _SEQUENCE), _SEQUENCE)))
        if fields[0][0] == _VERSION:
            del fields[0]
        issuer, subject = fields[2][1], fields[4][1]  # behind serial number and algorithm
        listed = [content for tag, content in fields[6:] if tag == _EXTENSIONS]
        names = (_alternative(listed[0]) if listed else []) or _common(subject)
    except (IndexError, ValueError):
        return None
    return Certificate(tuple(names[:NAMES]), alone and issuer == subject)


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(tag, content) of each element in a row.  Raises ValueError, IndexError."""
    at = 0
    while at < len(data):
        tag, size, at = data[at], data[at + 1], at + 2
        if size & 0x80:
            width = size & 0x7F
            if not 1 <= width <= 4:
                raise ValueError("length")
            size, at = int.from_bytes(data[at : at + width]), at + width
        if at + size > len(data):
            raise ValueError("cut")
        yield tag, data[at : at + size]
        at += size


def _inside(data: bytes, tag: int) -> bytes:
    """The content of the first element, which must have this tag.  Raises ValueError, IndexError."""
    found, content = next(_items(data), (0, b""))
    if found != tag:
        raise ValueError("tag")
    return content


def _alternative(extensions: bytes) -> list[str]:
    for _, extension in _items(_inside(extensions, _SEQUENCE)):
        if extension.startswith(_ALTERNATIVE_NAME):
            content = dict(_items(extension)).get(_OCTETS, b"")
            listed = [value for tag, value in _items(_inside(content, _SEQUENCE)) if tag == _DNS_NAME]
            return [name for name in map(_name, listed[: 4 * NAMES]) if name]
    return []


def _common(subject: bytes) -> list[str]:
    for _, relative in _items(subject):
        for _, attribute in _items(relative):
            if attribute.startswith(_COMMON_NAME):
                (_, value), *_ = list(_items(attribute))[1:]
                name = _name(value)
                return [name] if name else []
    return []


def _name(value: bytes) -> str | None:
    text = value.decode("latin-1")
    rest = host_name(text.removeprefix("*."))
    return rest and ("*." if text.startswith("*.") else "") + rest
