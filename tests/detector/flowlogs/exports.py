"""Export messages built from the specifications: NetFlow v5 (Cisco), v9 (RFC 3954), IPFIX (RFC 7011)."""

from __future__ import annotations

import struct
from ipaddress import ip_address

from tests.detector.flowlogs.logs import START_US, Record

START_S = START_US // 1_000_000
_FIELDS = (8, 12, 7, 11, 4, 2, 1, 22, 21)  # v9: addresses, ports, protocol, packets, bytes, first, last
_FIELDS_IPFIX = (8, 12, 7, 11, 4, 2, 1, 152, 153)
_SIZES = {8: 4, 12: 4, 7: 2, 11: 2, 4: 1, 2: 8, 1: 8, 22: 4, 21: 4, 152: 8, 153: 8}


def halves(r: Record) -> list[tuple[str, str, int, int, tuple[int, int]]]:
    """Source, target, ports and counts of both directions."""
    return [
        (r.client, r.server, r.client_port, r.port, r.up),
        (r.server, r.client, r.port, r.client_port, r.down),
    ]


def v5(r: Record, sampling: int = 0, sequence: int = 0) -> bytes:
    """One message with both directions; exported an hour after START, the exporter booted at START."""
    told = b"".join(
        ip_address(source).packed + ip_address(target).packed + bytes(8)
        + struct.pack(">LLLLHH", *counts, r.first_us // 1_000, (r.first_us + r.lasted_us) // 1_000, a, b)
        + bytes([0, 0x1B, 6 if r.transport == "tcp" else 17, 0]) + bytes(8)
        for source, target, a, b, counts in halves(r)
    )  # fmt: skip
    mode = 0x4000 | sampling if sampling else 0
    return struct.pack(">HHLLLLBBH", 5, 2, 3_600_000, START_S + 3_600, 0, sequence, 0, 0, mode) + told


def _set(number: int, content: bytes) -> bytes:
    return struct.pack(">HH", number, 4 + len(content)) + content


def _template(fields: tuple[int, ...]) -> bytes:
    told = b"".join(struct.pack(">HH", field, _SIZES[field]) for field in fields)
    return struct.pack(">HH", 256, len(fields)) + told


def _records(r: Record, times: bytes) -> bytes:
    return b"".join(
        ip_address(source).packed + ip_address(target).packed
        + struct.pack(">HHBQQ", a, b, 6 if r.transport == "tcp" else 17, *counts) + times
        for source, target, a, b, counts in halves(r)
    )  # fmt: skip


def v9(r: Record, template: bool = True, sequence: int = 0) -> bytes:
    times = struct.pack(">LL", r.first_us // 1_000, (r.first_us + r.lasted_us) // 1_000)
    sets = (_set(0, _template(_FIELDS)) if template else b"") + _set(256, _records(r, times))
    return struct.pack(">HHLLLL", 9, 2 + template, 3_600_000, START_S + 3_600, sequence, 7) + sets


def ipfix(r: Record, template: bool = True, sequence: int = 0) -> bytes:
    first = START_S * 1_000 + r.first_us // 1_000
    times = struct.pack(">QQ", first, first + r.lasted_us // 1_000)
    sets = (_set(2, _template(_FIELDS_IPFIX)) if template else b"") + _set(256, _records(r, times))
    return struct.pack(">HHLLL", 10, 16 + len(sets), START_S + 3_600, sequence, 7) + sets
