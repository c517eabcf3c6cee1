"""Parts and limits: parts together are the whole, and a scan pushes out its own debris first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from detector.kernel import Meter, Packet, layout, tables
from detector.settings import MeterSettings
from tests.detector.kernel.by_hand import ACK, MS, RST, START, SYN, S, canonical, pcap
from tests.detector.kernel.test_channels import EVENTS, traffic
from tests.detector.kernel.test_uncompiled import real


def whole_and_parts(data: bytes, n: int, every: int) -> tuple[Meter, list[Meter]]:
    """One meter and the meters of n parts, fed alike."""
    meters = [Meter(MeterSettings()), *(Meter(MeterSettings(), (i, n)) for i in range(n))]
    for meter in meters:
        for at in range(0, len(data), every):
            meter.feed(data[at : at + every])
        meter.finish()
    return meters[0], meters[1:]


def assert_same(data: bytes, n: int, every: int = 1 << 20) -> None:
    whole, parts = whole_and_parts(data, n, every)
    counters = [part.counters for part in parts]
    assert sum(c.packets for c in counters) == whole.counters.packets
    assert sum(c.decoded for c in counters) == whole.counters.decoded
    assert counters[0].undecodable == whole.counters.undecodable
    pieces = [piece.data for part in parts for piece in part.payloads()]
    assert sorted(pieces) == sorted(piece.data for piece in whole.payloads())
    rows = [row for part in parts for row in canonical(part.windows(True)[0])]
    assert sorted(rows) == canonical(whole.windows(True)[0])


def seldom(gaps: str) -> list[tuple[int, bool, int, int, int, int]]:
    """Empty segments of connection 0, one a letter: `S` a SYN, `-` 700 s later, `<` from the server."""
    return [(0, c == "<", 0, 700 * S if c in "-<" else 0, 0, 18 if c == "S" else 16) for c in gaps]


UNSWEPT = [  # a connection is silent for longer than its channel is remembered, yet not swept away
    *seldom("..S.............-----.<..-"),
    (2, False, 0, 0, 0, 16),
    *seldom("..-"),
    (2, False, 0, 0, 0, 16),
    *seldom("..-"),
    (0, True, 0, 0, 0, 16),
    *seldom("..."),
    (1, False, 0, 0, 0, 16),
]


@settings(max_examples=40, deadline=None)
@given(EVENTS, st.integers(1, 4), st.integers(50, 60_000))
@example(UNSWEPT, 2, 50)
def test_all_parts_together_are_the_whole(
    events: list[tuple[int, bool, int, int, int, int]], n: int, every: int
) -> None:
    frames = traffic(events)
    for i, (ts, frame) in enumerate(frames):  # four channels of four hosts, not of one
        frames[i] = ts, frame[:29] + bytes([i % 4]) + frame[30:]
    assert_same(pcap(frames, nano=True), n, every)


def test_all_parts_of_real_captures_are_the_whole() -> None:
    paths = real()
    if not paths:
        pytest.skip("the public captures are not here: set MINEWATCH_DATA")
    for path in paths:
        assert_same(path.read_bytes(), 3)


@pytest.mark.parametrize("part", [(1, 1), (-1, 2), (0, 0)])
def test_a_part_that_is_none_is_refused(part: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="part"):
        Meter(MeterSettings(), part)


MINER = Packet(0, 5, 50_000, 6, 3333, 6, 100, 40, b"x" * 40, ACK)


def flood(n: int) -> Iterator[Packet]:
    """A miner that says a word a minute each way, under n SYNs of n senders, some of them refused."""
    said = 0
    for i in range(n):
        ts = START + i * MS
        if i % 60_000 == 0:
            for _ in range(4 if i == 0 else 1):  # it logs in before the flood
                yield MINER._replace(ts_ns=ts, sequence=40 * said)
                yield Packet(ts + 1, 6, 3333, 5, 50_000, 6, 100, 40, b"y" * 40, ACK, 40 * said)
                said += 1
        yield Packet(ts, 1 << 40 | i, 1_024 + i % 60_000, 7, 443, 6, 60, 0, b"", SYN, i)
        if i % 10 == 0:
            yield Packet(ts, 7, 443, 1 << 40 | i, 1_024 + i % 60_000, 6, 60, 0, b"", RST | ACK, i)


def test_a_quiet_miner_outlives_a_flood_and_the_tables_keep_their_limits() -> None:
    fed = Meter(MeterSettings(max_connections=5_000))
    fed.observe(flood(20))
    slots = [c for c in range(100) if fed._work.connections[c, tables.C_KEY] & 0xFFFF_0000_0000 == 3333 << 32]
    assert len(slots) == 1
    before = fed._work.connections[slots[0]].copy()
    live = 0
    for batch in range(30):  # 300 000 SYNs
        fed.observe(
            packet._replace(ts_ns=packet.ts_ns + batch * 10 * S, source=packet.source | batch << 50)
            for packet in flood(10_000)
            if packet.flags & SYN
        )
        fed.windows()
        live = max(live, int(fed._work.state[tables.CONNECTION_LIVE]))
        assert fed._work.state[tables.CHANNEL_LIVE] <= 5_000
    assert live <= 5_000
    after = fed._work.connections[slots[0]]
    assert (after[: tables.C_LAST + 1] == before[: tables.C_LAST + 1]).all()  # never evicted
    fed.observe([MINER._replace(ts_ns=START + 301 * S, sequence=0)])  # its state is there: old bytes are old
    table, _ = fed.windows(True)
    retransmitted = table.wide[:, [layout.UP + layout.RETRANSMITTED, layout.DOWN + layout.RETRANSMITTED]]
    assert int(retransmitted.sum()) == 1
