"""Packets as a pcap file (draft-ietf-opsawg-pcap), micro- or nanosecond times."""

from __future__ import annotations

import gzip
import struct

import numpy as np

from training.simulation.frames import Packets

WHOLE = 262_144
"""Snap length that cuts nothing."""


def pcap_bytes(
    packets: Packets, link: int, epoch_ns: int, snap: int = WHOLE, nanoseconds: bool = False
) -> bytes:
    """A little-endian pcap file of packets in time order; their time 0 is `epoch_ns`."""
    magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
    ticks = epoch_ns + np.rint(packets.time * 1e9).astype(np.int64)
    per_second = 1_000_000_000
    if not nanoseconds:
        ticks, per_second = ticks // 1000, 1_000_000
    headers = np.empty((len(ticks), 4), dtype="<u4")
    headers[:, 0] = ticks // per_second
    headers[:, 1] = ticks % per_second
    headers[:, 2] = [len(frame) for frame in packets.frames]
    headers[:, 3] = packets.wire
    raw = headers.tobytes()
    pieces = [struct.pack("<IHHiIII", magic, 2, 4, 0, 0, snap, link)]
    for index, frame in enumerate(packets.frames):
        pieces.append(raw[index * 16 : index * 16 + 16])
        pieces.append(frame)
    return b"".join(pieces)


def gzipped(data: bytes) -> bytes:
    """Deterministic gzip: no name, no time."""
    return gzip.compress(data, 9, mtime=0)
