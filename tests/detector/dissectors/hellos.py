"""TLS messages written from RFC 8446 and RFC 5246, for the tests of what reads them."""

from __future__ import annotations

import struct
from collections.abc import Sequence


def vector(content: bytes, width: int = 2) -> bytes:
    return len(content).to_bytes(width) + content


def numbers(*values: int) -> bytes:
    return struct.pack(f">{len(values)}H", *values)


def extension(kind: int, content: bytes = b"") -> bytes:
    return numbers(kind) + vector(content)


def server_name(name: str) -> bytes:
    return extension(0, vector(b"\0" + vector(name.encode())))


def alpn(*protocols: bytes) -> bytes:
    return extension(16, vector(b"".join(vector(name, 1) for name in protocols)))


def versions(*values: int) -> bytes:
    return extension(43, vector(numbers(*values), 1))


def algorithms(*values: int) -> bytes:
    return extension(13, vector(numbers(*values)))


def client_hello(ciphers: Sequence[int], *extensions: bytes, version: int = 0x0303) -> bytes:
    """The body."""
    fixed = numbers(version) + b"r" * 32 + vector(b"s" * 32, 1) + vector(numbers(*ciphers)) + vector(b"\0", 1)
    return fixed + (vector(b"".join(extensions)) if extensions else b"")


def server_hello(*extensions: bytes, version: int = 0x0303) -> bytes:
    """The body."""
    fixed = numbers(version) + b"R" * 32 + vector(b"", 1) + numbers(0x1301) + b"\0"
    return fixed + (vector(b"".join(extensions)) if extensions else b"")


def certificates(*ders: bytes) -> bytes:
    """The body of a Certificate message up to TLS 1.2."""
    return vector(b"".join(vector(der, 3) for der in ders), 3)


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + vector(body, 3)


def record(content: bytes, kind: int = 22) -> bytes:
    return bytes([kind, 3, 1]) + vector(content)
