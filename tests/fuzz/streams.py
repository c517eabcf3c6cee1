"""Capture files built block by block: pcapng in both orders with lengths and options that lie, and pcap."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from tests.fuzz import mutate, stacks
from tests.fuzz.mutate import Dice, number

PACKETS = (6, 6, 6, 2, 3)
OTHERS = (1, 1, 4, 5, 7, 10, 0x0A0D0D0A, 0xBAD, 0x40000BAD, 0, 0xFFFFFFFF)
PCAP_MAGICS = (0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34)


def blocks(rng: Dice, packet: bytes) -> Iterator[bytes]:
    """A pcapng stream, block by block: a section, an interface or two, then anything."""
    rng.honesty()
    order = rng.choice("<>")
    yield _section(rng, order)
    for _ in range(rng.choice((1, 1, 2, 1_030 if rng.random() < 0.01 else 3))):
        yield _interface(rng, order)
    for _ in range(rng.choice((20, 100, 300))):
        if rng.random() < 0.05:
            order = rng.choice("<>")
            yield _section(rng, order)
            yield _interface(rng, order)
        kind = rng.choice(PACKETS) if rng.random() < 0.7 else rng.choice(OTHERS)
        if rng.random() < 0.5:
            packet = stacks.frame(rng, 1)
        made = _block(rng, order, kind, _body(rng, order, kind, packet))
        yield mutate.mutated(rng, made, packet) if rng.random() < 0.005 else made


def records(rng: Dice, packet: bytes) -> Iterator[bytes]:
    """A pcap stream, record by record; the length of a record is mostly true."""
    rng.honesty()
    order, magic = rng.choice("<>"), rng.choice(PCAP_MAGICS)
    link = number(rng, rng.choice(stacks.LINKS), 32)
    yield struct.pack(order + "IHHiIII", number(rng, magic, 32), 2, 4, 0, 0, number(rng, 65_535, 32), link)
    for _ in range(rng.choice((20, 100, 300))):
        if rng.random() < 0.5:
            packet = stacks.frame(rng, link & 0xFFFF)
        captured = number(rng, len(packet), 32) if rng.random() < 0.02 else len(packet)
        head = struct.pack(order + "IIII", *_time(rng), captured, number(rng, len(packet), 32))
        yield head + (bytes(8) if magic == 0xA1B2CD34 else b"") + packet


def _time(rng: Dice) -> tuple[int, int]:
    return number(rng, 1_700_000_100 + rng.randrange(900), 32), number(rng, rng.randrange(1_000_000), 32)


def _section(rng: Dice, order: str) -> bytes:
    body = struct.pack(order + "IHHq", number(rng, 0x1A2B3C4D, 32), 1, 0, -1) + _options(
        rng, order, (2, 3, 4)
    )
    return _block(rng, order, 0x0A0D0D0A, body, lie=0.02)


def _interface(rng: Dice, order: str) -> bytes:
    link = rng.choice((1, 1, 1, *stacks.LINKS))
    body = struct.pack(order + "HHI", link, 0, number(rng, 0, 32)) + _options(
        rng, order, (2, 9, 9, 14, 14, 11)
    )
    return _block(rng, order, 1, body, lie=0.02)


def _options(rng: Dice, order: str, codes: tuple[int, ...]) -> bytes:
    """Options that may lie about their lengths and lack their end."""
    out = b""
    for _ in range(rng.choice((0, 1, 2, 5))):
        value = rng.randbytes(rng.choice((0, 1, 1, 4, 8, 8, 9)))
        out += struct.pack(order + "HH", rng.choice(codes), number(rng, len(value), 16)) + value
        out += bytes(-len(value) % 4)
    return out + rng.choice((b"", bytes(4), b"\0\0", rng.randbytes(3)))


def _body(rng: Dice, order: str, kind: int, packet: bytes) -> bytes:
    size, ticks = len(packet), rng.choice((1_700_000_100_000_000, 0, rng.getrandbits(64), (1 << 64) - 1))
    high, low = ticks >> 32, ticks & 0xFFFFFFFF
    padding = bytes(-size % 4)
    if kind == 6:
        head = (number(rng, 0, 32), high, low, number(rng, size, 32), number(rng, size, 32))
        return struct.pack(order + "IIIII", *head) + packet + padding + _options(rng, order, (1, 2, 4))
    if kind == 2:
        head = (number(rng, 0, 16), 0, high, low, number(rng, size, 32), number(rng, size, 32))
        return struct.pack(order + "HHIIII", *head) + packet + padding
    if kind == 3:
        return struct.pack(order + "I", number(rng, size, 32)) + packet + padding
    if kind == 1:
        return struct.pack(order + "HHI", 1, 0, 0) + _options(rng, order, (9, 14))
    if kind == 5:
        return struct.pack(order + "III", 0, high, low) + _options(rng, order, (4, 5, 7))
    return rng.randbytes(rng.choice((0, 4, 8, 16, 60)))


def _block(rng: Dice, order: str, kind: int, body: bytes, lie: float = 0.1) -> bytes:
    """A block whose two lengths are mostly those of its body; a cut body stays a whole block."""
    if rng.random() < lie:
        body = body[: rng.randrange(len(body) + 1) & ~3]
    body += bytes(-len(body) % 4)
    size = number(rng, 12 + len(body), 32) if rng.random() < 0.005 else 12 + len(body)
    return struct.pack(order + "II", kind, size) + body + struct.pack(order + "I", number(rng, size, 32))
