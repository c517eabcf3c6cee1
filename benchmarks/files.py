"""Packets -> a pcap or pcapng file, many at a time.

The records of a chunk are joined whole, then times and addresses are written over them
with numpy: 1 GB takes seconds, and memory is that of a chunk.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from benchmarks.templates import FRAME_BYTES, Templates
from benchmarks.traffic import Packets

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Bytes = NDArray[np.uint8]

START_S = 1_700_000_100  # a multiple of 300 s, the length of a window
CHUNK = 32_768  # packets written at a time
_ETHERNET = 1


@dataclass(frozen=True, slots=True)
class Counts:
    """What was written."""

    packets: int
    n_bytes: int  # of the file
    flows: int


@dataclass(frozen=True, slots=True)
class Format:
    """How a file begins, and a record around a frame whose time is written later."""

    head: bytes
    record: Callable[[bytes], bytes]
    stamp_at: int  # offset of the two words of time in a record
    stamp: Callable[[Ints], tuple[Ints, Ints]]  # microseconds since the epoch -> those words
    frame_at: int  # offset of the frame in a record


def _block(kind: int, body: bytes) -> bytes:
    """A pcapng block (draft-ietf-opsawg-pcapng)."""
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def _pcap_record(frame: bytes) -> bytes:
    return struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame


def _enhanced_packet(frame: bytes) -> bytes:
    return _block(6, struct.pack("<IIIII", 0, 0, 0, len(frame), len(frame)) + frame)


def _seconds(micros: Ints) -> tuple[Ints, Ints]:
    return micros // 1_000_000, micros % 1_000_000


def _halves(micros: Ints) -> tuple[Ints, Ints]:
    return micros >> 32, micros & 0xFFFF_FFFF


FORMATS = {
    "pcap": Format(
        head=struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, FRAME_BYTES, _ETHERNET),
        record=_pcap_record,
        stamp_at=0,
        stamp=_seconds,
        frame_at=16,
    ),
    "pcapng": Format(
        head=_block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
        + _block(1, struct.pack("<HHI", _ETHERNET, 0, FRAME_BYTES)),
        record=_enhanced_packet,
        stamp_at=12,
        stamp=_halves,
        frame_at=28,
    ),
}


def write(
    file: BinaryIO,
    templates: Templates,
    spans: Iterator[Packets],
    layout: Format,
    *,
    packets: int | None = None,
    n_bytes: int | None = None,
) -> Counts:
    """Writes packets until there are so many, or so many bytes as a pcap would take."""
    records = [layout.record(frame) for frame in templates.frames]
    lengths = np.array([len(record) for record in records], dtype=np.int64)
    as_pcap = templates.lengths + FORMATS["pcap"].frame_at
    file.write(layout.head)
    written, room = 0, (1 << 62 if n_bytes is None else n_bytes) - len(FORMATS["pcap"].head)
    left = 1 << 62 if packets is None else packets
    flows = np.empty(0, dtype=np.int64)
    for span in spans:
        fits = min(left, int(np.searchsorted(np.cumsum(as_pcap[span.frame]), room, side="right")))
        for begin in range(0, fits, CHUNK):
            piece = _cut(span, begin, min(begin + CHUNK, fits))
            file.write(_chunk(piece, records, lengths, templates, layout))
        done = _cut(span, 0, fits)
        flows = np.union1d(flows, _flows(done, templates))
        written += fits
        left -= fits
        room -= int(as_pcap[done.frame].sum())
        if fits < len(span) or not left:
            break
    return Counts(written, file.tell(), len(flows))


def _cut(span: Packets, begin: int, end: int) -> Packets:
    part = slice(begin, end)
    return Packets(
        span.time_s[part], span.frame[part], span.source[part], span.target[part], span.ports[part]
    )


def _flows(packets: Packets, templates: Templates) -> Ints:
    """A number for the flow of each packet that has one; each once."""
    flow = templates.flow[packets.frame]
    some = flow >= 0
    mixed = flow[some].astype(np.uint64)
    ports = packets.ports >> 16 ^ packets.ports & 0xFFFF  # the same for both directions
    for column in (packets.source, packets.target, ports):
        mixed = (mixed ^ column[some].astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return np.unique(mixed.view(np.int64))


def _chunk(
    packets: Packets, records: list[bytes], lengths: Ints, templates: Templates, layout: Format
) -> bytearray:
    """The records of some packets, with their own times and addresses."""
    joined = bytearray().join(map(records.__getitem__, packets.frame.tolist()))
    out = np.frombuffer(joined, dtype=np.uint8)
    size = lengths[packets.frame]
    start = np.cumsum(size) - size
    micros = START_S * 1_000_000 + (packets.time_s * 1e6).astype(np.int64)
    for place, words in zip((0, 4), layout.stamp(micros), strict=True):
        _put(out, start + layout.stamp_at + place, words, "little")
    network = start + layout.frame_at + templates.network[packets.frame]
    version = templates.version[packets.frame]
    _readdress4(out, network, packets, np.flatnonzero(version == 4))
    _readdress6(out, network, packets, np.flatnonzero(version == 6))
    _reconnect(out, start + layout.frame_at + templates.transport[packets.frame], packets)
    return joined


def _put(out: Bytes, at: Ints, words: Ints, order: str, size: int = 4) -> None:
    """Writes one number of `size` bytes at each place."""
    for index in range(size):
        shift = 8 * (index if order == "little" else size - 1 - index)
        out[at + index] = words >> shift & 0xFF


def _flip(out: Bytes, at: Ints, key: Ints) -> Ints:
    """XORs the 16-bit words at some places; gives what their ones' complement sum grows by (RFC 1624)."""
    before = out[at].astype(np.int64) << 8 | out[at + 1]
    after = before ^ key
    _put(out, at, after, "big", 2)
    return (before ^ 0xFFFF) + after


def _readdress4(out: Bytes, network: Ints, packets: Packets, rows: Ints) -> None:
    """New addresses with a header checksum that holds as it did before."""
    at = network[rows]
    source, target = packets.source[rows], packets.target[rows]
    total = (out[at + 10].astype(np.int64) << 8 | out[at + 11]) ^ 0xFFFF
    for place, key in ((12, source), (16, target)):
        total += _flip(out, at + place, key >> 16) + _flip(out, at + place + 2, key & 0xFFFF)
    for _ in range(2):
        total = (total & 0xFFFF) + (total >> 16)
    _put(out, at + 10, total ^ 0xFFFF, "big", 2)


def _readdress6(out: Bytes, network: Ints, packets: Packets, rows: Ints) -> None:
    """New addresses; IPv6 has no header checksum."""
    _flip(out, network[rows] + 22, packets.source[rows] & 0xFFFF)
    _flip(out, network[rows] + 38, packets.target[rows] & 0xFFFF)


def _reconnect(out: Bytes, transport: Ints, packets: Packets) -> None:
    """New ports."""
    rows = np.flatnonzero(packets.ports)
    _flip(out, transport[rows], packets.ports[rows] >> 16)
    _flip(out, transport[rows] + 2, packets.ports[rows] & 0xFFFF)
