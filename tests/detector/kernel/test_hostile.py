"""Hostile packets into small tables, with windows and turns in between: nothing escapes, nothing leaks.

Each record is fed alone, so that it ends where the window ends and one byte too far is an
IndexError: mutating whole files would let an over-read land in the next record unseen.
"""

from __future__ import annotations

import random
import struct

import pytest

from detector.kernel import Meter, layout, tables, working
from detector.settings import MeterSettings
from tests.detector.kernel.by_hand import START, S, pcap
from tests.detector.kernel.test_channels import JOB, record
from tests.detector.kernel.test_frames import SAMPLES, ether, tcp

BYTES = (0, 1, 2, 4, 6, 8, 15, 16, 17, 20, 32, 0x45, 0x7F, 0x80, 0xFF)
FRAMES = [
    *SAMPLES,
    *(ether(tcp("10.0.0.1", 40_000 + i, "10.0.0.2", 3333, JOB, seq=i, flags=i % 32)) for i in range(40)),
    *(ether(tcp("10.0.0.1", 443, "10.0.0.3", 50_000, record(23, i) * i, seq=i)) for i in range(20)),
]


def mutated(rng: random.Random) -> bytes:
    frame = bytearray(rng.choice(FRAMES))
    if rng.random() < 0.3:
        del frame[rng.randrange(len(frame) + 1) :]
    for _ in range(rng.choice((0, 0, 1, 1, 3))):
        if frame:
            frame[rng.randrange(min(len(frame), 80))] = rng.choice(BYTES)
    return bytes(frame)


def seconds(rng: random.Random) -> int:
    """Mostly near the start; sometimes the ends of what 32 bits hold."""
    near = START // S + rng.randrange(2_000)
    return rng.choice((0, 1, 1 << 31, (1 << 32) - 1)) if rng.random() < 0.02 else near


@pytest.mark.parametrize("seed", range(4))
def test_nothing_escapes_and_nothing_leaks(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working, "MAX_ROWS", 50)
    monkeypatch.setattr(working, "_FIRST_ENTRIES", 4)
    rng = random.Random(seed)
    settings = MeterSettings(max_connections=30, window_s=rng.choice((1, 300)), idle_s=rng.choice((1, 600)))
    meter, left = Meter(settings), 0
    meter.feed(pcap([]))
    for _ in range(6_000):
        frame = mutated(rng)
        claimed = len(frame) + rng.choice((0, 0, 1_000))
        meter.feed(struct.pack("<IIII", seconds(rng), rng.randrange(1 << 32), len(frame), claimed) + frame)
        if rng.random() < 0.05:
            for piece in meter.payloads():
                if rng.random() < 0.3:
                    meter.turn(piece.connection, rng.random() < 0.5)
                if rng.random() < 0.1:
                    meter.ignore(piece.connection)
        if rng.random() < 0.02:
            left += packets(meter, final=rng.random() < 0.2)
    left += packets(meter, final=True)
    counters = meter.counters
    assert meter.problem is None
    assert counters.packets == 6_000 == counters.decoded + sum(counters.undecodable.values())
    assert left == counters.decoded
    state = meter._work.state
    assert state[tables.ROW_LIVE] == 0
    assert state[tables.CONNECTION_LIVE] <= 30
    assert state[tables.CHANNEL_LIVE] <= 30


def packets(meter: Meter, final: bool) -> int:
    table, ids = meter.windows(final)
    pairs = list(zip(ids.tolist(), table.wide[:, layout.WINDOW_NS].tolist(), strict=True))
    assert len(set(pairs)) == len(pairs)
    assert pairs == sorted(pairs, key=lambda pair: (pair[1], pair[0]))
    return int(table.wide[:, [layout.UP + layout.PACKETS, layout.DOWN + layout.PACKETS]].sum())
