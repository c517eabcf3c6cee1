"""Packets that another decoder read (tshark), as descriptors for the same update."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from detector.kernel import tables

if TYPE_CHECKING:
    from detector.records import UInt64s

_LOW = (1 << 64) - 1


class Packet(NamedTuple):
    """One TCP or UDP packet."""

    ts_ns: int  # since the epoch
    source: int  # 128-bit address, IPv4 mapped (::ffff:a.b.c.d)
    source_port: int
    destination: int
    destination_port: int
    transport: int  # 6 or 17
    wire_bytes: int  # of the frame
    payload_bytes: int  # of the transport payload by the headers
    payload: bytes = b""  # what was captured of it
    flags: int = 0  # TCP: FIN 1, SYN 2, RST 4, ACK 16
    sequence: int = 0  # TCP


def describe(packets: Iterable[Packet]) -> Iterator[tuple[UInt64s, bytearray, int]]:
    """Batches of at most BATCH descriptors: (their words, the payload they point into, their number).

    Raises ValueError for a packet out of range.
    """
    waiting = iter(packets)
    while batch := list(islice(waiting, tables.BATCH)):
        described: list[int] = []
        payload = bytearray()
        for packet in batch:
            described += _descriptor(packet, len(payload))
            payload += packet.payload
        yield np.array(described, np.uint64), payload, len(batch)


def _descriptor(packet: Packet, offset: int) -> list[int]:
    p = packet
    ends = (p.source, p.source_port), (p.destination, p.destination_port)
    in_range = (
        all(0 <= address < 1 << 128 and 0 <= port < 1 << 16 for address, port in ends)
        and p.transport in (6, 17)
        and 0 <= p.wire_bytes < 1 << 31
        and len(p.payload) <= p.payload_bytes < 1 << 31
        and 0 <= p.sequence < 1 << 32
    )
    if not in_range:
        raise ValueError(f"packet out of range: {p._replace(payload=b'')}")
    (a, port_a), (b, port_b) = sorted(ends)
    from_b = tables.FROM_B if ends[0] > ends[1] else 0
    key = port_a << 48 | port_b << 32 | p.transport
    ts = min(max(p.ts_ns, 1), 1 << 62)
    return [
        a >> 64, a & _LOW, b >> 64, b & _LOW, key, p.flags & 0xFF | from_b, ts, p.wire_bytes,
        p.payload_bytes, offset, len(p.payload), p.sequence, 0, 0,
    ]  # fmt: skip
