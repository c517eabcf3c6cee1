"""A large mixed capture, made by replicating small real ones.

The real captures are not part of this project (see --data); each replica gets its own
addresses (low 16 bits XORed) and its own place in time, and all are interleaved as one
busy link would carry them.  Checksums are left as they were: nobody here checks them.
"""

from __future__ import annotations

import csv
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

SPAN_S = 1_800  # of data time
START_S = 1_700_000_100
_RECORD = struct.Struct("<IIII")
_FRAME_LIMIT = 65_535


def mixed_capture(data: Path, folder: Path, n_bytes: int, seed: int = 7) -> Path:
    """A pcap of at least `n_bytes` made from the benign traffic captures of `data`; made once.

    Raises FileNotFoundError where `data` has no labelled captures.
    """
    path = folder / f"mixed-{n_bytes >> 20}-{seed}.pcap"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        _write(part, list(_benign(data)), n_bytes, np.random.default_rng(seed))
        part.rename(path)
    return path


def _benign(data: Path) -> Iterator[list[tuple[float, bytes]]]:
    """(time from the start, frame) of each benign Ethernet pcap, in order of name."""
    with open(data / "net" / "labels.tsv", encoding="utf-8", newline="") as table:
        rows = [row for row in csv.DictReader(table, delimiter="\t") if row["label"] == "benign"]
    for row in rows:
        path = data / "net" / row[next(iter(row))]
        if row["role"] == "traffic" and path.is_file() and (frames := _frames(path.read_bytes())):
            yield frames


def _frames(raw: bytes) -> list[tuple[float, bytes]]:
    """Frames of a little-endian microsecond Ethernet pcap; nothing of any other file."""
    if raw[:4] != b"\xd4\xc3\xb2\xa1" or len(raw) < 24 or raw[20:24] != b"\1\0\0\0":
        return []
    frames, at = [], 24
    while at + 16 <= len(raw):
        seconds, micros, captured, _ = _RECORD.unpack_from(raw, at)
        frame = raw[at + 16 : at + 16 + captured]
        if captured > _FRAME_LIMIT or len(frame) < captured:
            break
        frames.append((seconds + micros / 1e6, frame))
        at += 16 + captured
    first = min((ts for ts, _ in frames), default=0.0)
    return [((ts - first) % SPAN_S, frame) for ts, frame in frames]


def _write(
    path: Path, captures: list[list[tuple[float, bytes]]], n_bytes: int, rng: np.random.Generator
) -> None:
    frames = [frame for capture in captures for _, frame in capture]
    if not frames:
        raise FileNotFoundError("no benign Ethernet captures to replicate")
    sizes = [len(capture) for capture in captures]
    offsets = np.concatenate([[ts for ts, _ in capture] for capture in captures])
    replicas = -(-n_bytes // sum(len(frame) + 16 for frame in frames))
    shifts = rng.random((replicas, len(captures))) * SPAN_S
    times = np.concatenate([(offsets + np.repeat(shift, sizes)) % SPAN_S for shift in shifts])
    keys = rng.integers(1, 1 << 16, replicas).tolist()
    with open(path, "wb", buffering=1 << 20) as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, _FRAME_LIMIT, 1))
        for i in np.argsort(times, kind="stable").tolist():
            replica, which = divmod(i, len(frames))
            frame = _readdressed(frames[which], keys[replica])
            seconds = int(times[i])
            micros = int((times[i] - seconds) * 1e6)
            out.write(_RECORD.pack(START_S + seconds, micros, len(frame), len(frame)))
            out.write(frame)


def _readdressed(frame: bytes, key: int) -> bytes:
    """The frame with the low 16 bits of both addresses XORed."""
    if frame[12:14] == b"\x08\x00" and len(frame) >= 34:
        places = (28, 32)
    elif frame[12:14] == b"\x86\xdd" and len(frame) >= 54:
        places = (36, 52)
    else:
        return frame
    changed = bytearray(frame)
    for at in places:
        changed[at] ^= key >> 8
        changed[at + 1] ^= key & 0xFF
    return bytes(changed)
