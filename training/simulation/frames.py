"""Headers around payload: Ethernet, VLAN or raw IP; IPv4 or IPv6; TCP or UDP, with right checksums.

Built as one matrix of header bytes for all packets of a connection (RFC 791, 8200, 9293, 768).
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

import numpy as np

from training.simulation.draw import Draw
from training.simulation.families import TCP, UDP
from training.simulation.script import DOWN, UP
from training.simulation.tcp import SYN, Segments, Stack

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Ints = NDArray[np.int64]

Address = IPv4Address | IPv6Address
LINK_ETHERNET = 1
LINK_RAW = 101


@dataclass(frozen=True, slots=True)
class Ends:
    """The two endpoints of a connection and how they look on the link."""

    client: Address
    server: Address
    client_port: int
    server_port: int
    macs: tuple[bytes, bytes] | None  # client's and gateway's; None = raw IP
    vlan: int | None
    hops: tuple[int, int]  # time to live of the client's and the server's packets

    @property
    def link(self) -> int:
        return LINK_RAW if self.macs is None else LINK_ETHERNET

    def prefix(self, way: int) -> bytes:
        """The link header of packets of one direction (IEEE 802.3, 802.1Q)."""
        if self.macs is None:
            return b""
        source, target = (self.macs[0], self.macs[1]) if way == UP else (self.macs[1], self.macs[0])
        tag = b"" if self.vlan is None else b"\x81\0" + self.vlan.to_bytes(2, "big")
        return target + source + tag + (b"\x08\0" if self.client.version == 4 else b"\x86\xdd")


@dataclass(slots=True)
class Packets:
    """Captured packets in any order.  `frames` are cut at the snap length; `wire` is the true length."""

    time: NDArray[np.float64]  # seconds
    frames: list[bytes]
    wire: Ints
    way: Ints  # UP or DOWN

    @classmethod
    def together(cls, parts: list[Packets]) -> Packets:
        """All packets in time order."""
        time = np.concatenate([part.time for part in parts]) if parts else np.zeros(0)
        order = np.argsort(time, kind="stable")
        frames = [frame for part in parts for frame in part.frames]
        none = np.zeros(0, dtype=np.int64)
        wire = np.concatenate([none, *(part.wire for part in parts)])
        way = np.concatenate([none, *(part.way for part in parts)])
        return cls(time[order], [frames[index] for index in order], wire[order], way[order])

    def only(self, which: NDArray[np.bool_]) -> Packets:
        """The packets where `which` holds."""
        chosen = np.flatnonzero(which)
        frames = [self.frames[index] for index in chosen]
        return Packets(self.time[chosen], frames, self.wire[chosen], self.way[chosen])


def tcp_packets(
    segments: Segments, streams: tuple[bytes, bytes], ends: Ends, stack: Stack, *, draw: Draw, snap: int
) -> Packets:
    """Frames of one connection's segments; `streams` hold all bytes that each side wrote."""
    headers, start = _link_and_ip(segments.way, ends, TCP, 40 if stack.timestamps else 28)
    begins = (segments.flags & SYN) > 0
    options = np.where(begins, *((20, 12) if stack.timestamps else (8, 0)))
    tcp = headers[:, start:]
    first = np.array([draw.getrandbits(32), draw.getrandbits(32)], dtype=np.int64)
    ports = _ports(ends)
    _put(tcp, 0, 2, ports[segments.way, 0])
    _put(tcp, 2, 2, ports[segments.way, 1])
    _put(tcp, 4, 4, (first[segments.way] + 1 + segments.sequence) & 0xFFFFFFFF)
    acknowledges = (segments.flags & 16) > 0
    _put(
        tcp,
        8,
        4,
        np.where(acknowledges, (first[1 - segments.way] + 1 + segments.acknowledged) & 0xFFFFFFFF, 0),
    )
    tcp[:, 12] = (20 + options) // 4 << 4
    tcp[:, 13] = segments.flags
    windows = np.array([draw.whole(500, 65_000), draw.whole(200, 65_000)])
    _put(tcp, 14, 2, windows[segments.way])
    _options(tcp, segments, begins, stack, draw)
    ended = start + 20 + options
    return _finish(headers, ended, segments, streams, ends, start=start, protocol=TCP, snap=snap, draw=draw)


def udp_packets(
    datagrams: Segments, streams: tuple[bytes, bytes], ends: Ends, *, draw: Draw, snap: int
) -> Packets:
    """Frames of datagrams; `sequence` is where a datagram's payload begins in its direction's stream."""
    headers, start = _link_and_ip(datagrams.way, ends, UDP, 8)
    ports = _ports(ends)
    _put(headers, start, 2, ports[datagrams.way, 0])
    _put(headers, start + 2, 2, ports[datagrams.way, 1])
    _put(headers, start + 4, 2, datagrams.length + 8)
    ended = np.full(len(datagrams.way), start + 8)
    return _finish(headers, ended, datagrams, streams, ends, start=start, protocol=UDP, snap=snap, draw=draw)


def _ports(ends: Ends) -> Ints:
    """(source, destination) of each direction."""
    pair = [ends.client_port, ends.server_port]
    return np.array([pair, pair[::-1]], dtype=np.int64)


def _put(matrix: Bytes, column: int, size: int, values: Ints) -> None:
    """Writes big-endian numbers into `size` columns."""
    for index in range(size):
        matrix[:, column + index] = (values >> (8 * (size - 1 - index))) & 0xFF


def _link_and_ip(way: Ints, ends: Ends, protocol: int, room: int) -> tuple[Bytes, int]:
    """A matrix with link and IP headers filled in but for length and checksum, and where the next begins."""
    templates = [ends.prefix(side) + _ip_template(ends, side, protocol) for side in (UP, DOWN)]
    start = len(templates[0])
    rows = np.frombuffer(b"".join(one + bytes(room) for one in templates), dtype=np.uint8).reshape(2, -1)
    return rows[way].copy(), start


def _ip_template(ends: Ends, way: int, protocol: int) -> bytes:
    source, target = (ends.client, ends.server) if way == UP else (ends.server, ends.client)
    hops = bytes((ends.hops[way],))
    if source.version == 4:
        return b"\x45\0\0\0\0\0\x40\0" + hops + bytes((protocol,)) + b"\0\0" + source.packed + target.packed
    return b"\x60\0\0\0\0\0" + bytes((protocol,)) + hops + source.packed + target.packed


def _options(tcp: Bytes, segments: Segments, begins: NDArray[np.bool_], stack: Stack, draw: Draw) -> None:
    """MSS, SACK permitted, window scale on SYN; timestamps (RFC 7323) everywhere where used."""
    if stack.timestamps:
        clocks = np.array([draw.getrandbits(31), draw.getrandbits(31)], dtype=np.int64)
        ticks = (segments.time * 1000.0).astype(np.int64) + 100_000
        _put(tcp, 24, 4, (clocks[segments.way] + ticks) & 0xFFFFFFFF)
        _put(tcp, 28, 4, (clocks[1 - segments.way] + ticks - 1) & 0xFFFFFFFF)
        tcp[:, 20:24] = np.frombuffer(b"\x01\x01\x08\x0a", dtype=np.uint8)
    size = stack.mss.to_bytes(2, "big")
    for index in np.flatnonzero(begins):
        row, answer = tcp[index], segments.way[index] == DOWN
        if stack.timestamps:
            stamps = bytes(row[24:28]) + (bytes(row[28:32]) if answer else bytes(4))
            text = b"\x02\x04" + size + b"\x04\x02\x08\x0a" + stamps + b"\x01\x03\x03\x07"
        else:
            text = b"\x02\x04" + size + b"\x01\x01\x04\x02"
        row[20 : 20 + len(text)] = np.frombuffer(text, dtype=np.uint8)


def _finish(
    headers: Bytes,
    ended: Ints,
    segments: Segments,
    streams: tuple[bytes, bytes],
    ends: Ends,
    *,
    start: int,
    protocol: int,
    snap: int,
    draw: Draw,
) -> Packets:
    """Lengths, checksums, payload."""
    link = len(ends.prefix(UP))
    version4 = ends.client.version == 4
    total = ended - link + segments.length
    if version4:
        _put(headers, link + 2, 2, total)
        _put(headers, link + 4, 2, (np.arange(len(total)) + draw.getrandbits(16)) & 0xFFFF)
        _put(headers, link + 10, 2, _folded(_words(headers[:, link : link + 20])))
    else:
        _put(headers, link + 4, 2, total - 40)
    payload = np.zeros(len(total), dtype=np.int64)
    for side in (UP, DOWN):
        mine = segments.way == side
        payload[mine] = _payload_sums(streams[side], segments.sequence[mine], segments.length[mine])
    addresses = ends.client.packed + ends.server.packed
    pseudo = int(_words(np.frombuffer(addresses, dtype=np.uint8)[None, :])[0]) + protocol
    sums = _words(headers[:, start:]) + payload + pseudo + total - (start - link)
    checksum = _folded(sums)
    where = start + (16 if protocol == TCP else 6)
    _put(headers, where, 2, np.where((checksum == 0) & (protocol == UDP), 0xFFFF, checksum))
    return _cut(headers, ended, segments, streams, smallest=60 if ends.macs else 0, snap=snap)


def _cut(
    headers: Bytes,
    ended: Ints,
    segments: Segments,
    streams: tuple[bytes, bytes],
    *,
    smallest: int,
    snap: int,
) -> Packets:
    """Joins headers and payload up to the snap length; short frames are padded to `smallest` bytes."""
    width, raw = headers.shape[1], headers.tobytes()
    wire = ended + segments.length
    frames = []
    columns = (ended.tolist(), segments.way.tolist(), segments.sequence.tolist(), segments.length.tolist())
    for index, (end, way, sequence, length) in enumerate(zip(*columns, strict=True)):
        room = min(length, max(0, snap - end))
        frame = raw[index * width : index * width + end]
        if room:
            frame += streams[way][sequence : sequence + room]
        if end + length < smallest:
            frame = frame.ljust(smallest, b"\0")
        frames.append(frame[:snap])
    return Packets(segments.time, frames, np.maximum(wire, smallest), segments.way)


def _words(matrix: Bytes) -> Ints:
    """Sum of big-endian 16-bit words of each row; rows of even width."""
    pairs = matrix.reshape(len(matrix), matrix.shape[1] // 2, 2).astype(np.int64).sum(axis=1)
    sums: Ints = pairs[:, 0] * 256 + pairs[:, 1]
    return sums


def _folded(sums: Ints) -> Ints:
    """The Internet checksum of sums of words (RFC 1071)."""
    for _ in range(4):
        sums = (sums & 0xFFFF) + (sums >> 16)
    return ~sums & 0xFFFF


def _payload_sums(stream: bytes, offset: Ints, length: Ints) -> Ints:
    """16-bit word sums of slices of a stream, each taken to begin on a word."""
    padded = stream + b"\0\0\0"
    words = len(stream) // 2 + 1
    sums = [
        np.concatenate(
            ([0], np.cumsum(np.frombuffer(padded, dtype=">u2", count=words, offset=odd), dtype=np.int64))
        )
        for odd in (0, 1)
    ]
    offset = np.clip(offset, 0, len(stream))  # a FIN's number lies behind the last byte
    end = np.minimum(offset + length, len(stream))
    size = end - offset
    first, last = offset // 2, offset // 2 + size // 2
    whole: Ints = np.where(offset % 2 == 0, sums[0][last] - sums[0][first], sums[1][last] - sums[1][first])
    tail = np.frombuffer(padded, dtype=np.uint8)[np.maximum(end - 1, 0)].astype(np.int64)
    whole += np.where(size % 2 == 1, tail * 256, 0)
    return whole
