"""Packets and capture files built with `struct`, and small views of what the meter makes of them."""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import Any

import numpy as np

from detector.kernel import Meter, layout
from detector.records import ChannelWindows
from detector.settings import MeterSettings

START = 1_700_000_100_000_000_000  # a multiple of 300 s
MS = 1_000_000
S = 1_000_000_000
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
CLIENT, SERVER = "10.0.0.2", "203.0.113.7"


def tcp(
    source: str, sport: int, destination: str, dport: int, payload: bytes = b"", seq: int = 0,
    flags: int = ACK | PSH, ack: int = 0, options: bytes = b"",
) -> bytes:  # fmt: skip
    """An IP packet with a TCP segment."""
    header = struct.pack(">HHIIBBHHH", sport, dport, seq, ack, (20 + len(options)) << 2, flags, 8192, 0, 0)
    return ip(source, destination, 6, header + options + payload)


def udp(source: str, sport: int, destination: str, dport: int, payload: bytes = b"") -> bytes:
    return ip(source, destination, 17, struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload)


@functools.cache
def _packed(address: str) -> bytes:
    return ip_address(address).packed


def ip(source: str, destination: str, protocol: int, body: bytes, fragment: int = 0) -> bytes:
    a, b = _packed(source), _packed(destination)
    if len(a) == 4:
        return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 7, fragment, 64, protocol, 0) + a + b + body
    return struct.pack(">IHBB", 6 << 28, len(body), protocol, 64) + a + b + body


def ethertype(packet: bytes) -> int:
    return 0x0800 if packet[0] >> 4 == 4 else 0x86DD


def ether(packet: bytes, *tags: int) -> bytes:
    """In an Ethernet frame, under VLAN tags of these ethertypes."""
    head = b"\x02" * 12
    for tag in tags:
        head += struct.pack(">HH", tag, 5)
    return head + struct.pack(">H", ethertype(packet)) + packet


def pcap(
    frames: Iterable[tuple[int, bytes]],
    link: int = 1,
    order: str = "<",
    nano: bool = False,
    snap: int = 1 << 18,
) -> bytes:
    header = struct.pack(order + "IHHiIII", 0xA1B23C4D if nano else 0xA1B2C3D4, 2, 4, 0, 0, snap, link)
    out = bytearray(header)
    for ts, frame in frames:
        kept = frame[:snap]
        parts = ts // S, ts % S // (1 if nano else 1000), len(kept), len(frame)
        out += struct.pack(order + "IIII", *parts) + kept
    return bytes(out)


def block(order: str, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + size + body + size


def option(order: str, code: int, value: bytes) -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def section(order: str = "<") -> bytes:
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface(order: str = "<", link: int = 1, options: bytes = b"", snap: int = 0) -> bytes:
    return block(order, 1, struct.pack(order + "HHI", link, 0, snap) + options)


def enhanced(frame: bytes, ticks: int, order: str = "<", number: int = 0) -> bytes:
    head = struct.pack(order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame))
    return block(order, 6, head + frame)


def pcapng(frames: Iterable[tuple[int, bytes]], link: int = 1, order: str = "<") -> bytes:
    """One section, one interface, microseconds."""
    blocks = [enhanced(frame, ts // 1000, order) for ts, frame in frames]
    return section(order) + interface(order, link) + b"".join(blocks)


def meter(data: bytes, cuts: Sequence[int] = (), **settings: Any) -> Meter:
    """A meter that was fed `data`, cut at these offsets."""
    fed = Meter(MeterSettings(**settings))
    for start, stop in zip([0, *cuts], [*cuts, len(data)], strict=True):
        fed.feed(data[start:stop])
    fed.finish()
    return fed


def rows(data: bytes, cuts: Sequence[int] = (), **settings: int) -> ChannelWindows:
    return meter(data, cuts, **settings).windows(final=True)[0]


def canonical(table: ChannelWindows) -> list[tuple[object, ...]]:
    """Everything in a table, in an order and shape that only depends on what it says."""
    out = []
    for i in range(len(table)):
        who = (
            *table.client[i].tolist(),
            *table.server[i].tolist(),
            int(table.port[i]),
            int(table.transport[i]),
        )
        out.append((*who, int(table.basis[i]), *table.wide[i].tolist(), *table.narrow[i].tolist()))
    return sorted(out)


def wide(table: ChannelWindows, name: str, direction: str | None = None, row: int = 0) -> int:
    base = {"up": layout.UP, "down": layout.DOWN, None: 0}[direction]
    return int(table.wide[row, base + getattr(layout, name)])


def pairs(table: ChannelWindows, name: str, direction: str, row: int = 0) -> dict[int, int]:
    """A heavy-hitter summary as {length: count}."""
    size = {
        "LENGTHS": layout.COMMON_LENGTHS,
        "PUSH_LENGTHS": layout.COMMON_PUSHES,
        "REPLY_LENGTHS": layout.COMMON_REPLIES,
    }
    start = (layout.NARROW_UP if direction == "up" else layout.NARROW_DOWN) + getattr(layout, name)
    words = table.narrow[row, start : start + 2 * size[name]].reshape(-1, 2)
    return {int(length): int(count) for length, count in words if count}


def histogram(table: ChannelWindows, name: str, direction: str, row: int = 0) -> dict[int, int]:
    sizes = {
        "LENGTH_HISTOGRAM": layout.LENGTH_BINS, "GAP_HISTOGRAM": layout.GAP_BINS,
        "PUSH_GAP_HISTOGRAM": layout.GAP_BINS, "REPLY_DELAY_HISTOGRAM": layout.DELAY_BINS,
    }  # fmt: skip
    start = (layout.NARROW_UP if direction == "up" else layout.NARROW_DOWN) + getattr(layout, name)
    counts = table.narrow[row, start : start + sizes[name]]
    return {int(i): int(counts[i]) for i in np.flatnonzero(counts)}


class Talk:
    """One TCP connection, written down segment by segment with its sequence numbers."""

    def __init__(self, sport: int = 40_000, dport: int = 3333, isn: tuple[int, int] = (1_000, 9_000)) -> None:
        self.frames: list[tuple[int, bytes]] = []
        self.ends = (CLIENT, sport, SERVER, dport)
        self.next = list(isn)

    def _add(self, at: int, up: bool, payload: bytes, seq: int, flags: int) -> None:
        source, sport, destination, dport = self.ends if up else (*self.ends[2:], *self.ends[:2])
        self.frames.append(
            (START + at, ether(tcp(source, sport, destination, dport, payload, seq % 2**32, flags)))
        )

    def open(self, at: int = 0) -> Talk:
        self._add(at, True, b"", self.next[0], SYN)
        self._add(at + MS, False, b"", self.next[1], SYN | ACK)
        self.next = [self.next[0] + 1, self.next[1] + 1]
        return self

    def say(self, at: int, up: bool, payload: bytes | int, shift: int = 0, flags: int = ACK | PSH) -> Talk:
        """Payload (or so many bytes) at the next sequence number + shift; a shift leaves the number alone."""
        payload = b"x" * payload if isinstance(payload, int) else payload
        side = 0 if up else 1
        self._add(at, up, payload, self.next[side] + shift, flags)
        if not shift:
            self.next[side] += len(payload)
        return self

    def lose(self, up: bool, n: int) -> Talk:
        """n bytes that the capture does not have."""
        self.next[0 if up else 1] += n
        return self

    def rows(self, **settings: int) -> ChannelWindows:
        return rows(pcap(self.frames, nano=True), **settings)
