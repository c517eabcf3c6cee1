"""TCP in order: however segments arrive, within the stated bounds, the same payload is handed out."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.kernel import Payload, layout, tables
from tests.detector.kernel.by_hand import ACK, MS, S, Talk, meter, pairs, pcap, wide
from tests.detector.kernel.test_channels import JOB, record

Segment = tuple[int, bytes]  # offset in the stream, bytes


def captured(
    arrivals: list[Segment], isn: int, step: int = MS, order: bytes = JOB
) -> list[tuple[int, bytes]]:
    """A handshake, a line that flags the connection, then these segments of the client, a step apart."""
    talk = Talk(isn=(isn, 9_000)).open().say(10 * MS, False, order)
    first = talk.next[0]
    for i, (offset, data) in enumerate(arrivals):
        talk.next[0] = first + offset
        talk.say(20 * MS + i * step, True, data)
    return talk.frames


def heard(pieces: list[Payload]) -> tuple[bytes, list[bool]]:
    """The client's stream as the dissectors get it, and before which pieces something is missing."""
    up = [piece for piece in pieces if piece.from_a]
    return b"".join(piece.data for piece in up), [piece.gap for piece in up]


def cut(stream: bytes, sizes: list[int]) -> list[Segment]:
    out, at = [], 0
    for size in sizes:
        if at < len(stream):
            out.append((at, stream[at : at + size]))
        at += size
    return out


STREAM = bytes(random.Random(1).randrange(32, 127) for _ in range(4_000))
SIZES = st.lists(st.sampled_from([1, 2, 7, 40, 300, 1_000]), min_size=1, max_size=12)
ISNS = st.sampled_from([1_000, 2**32 - 1, 2**32 - 500])  # two of them wrap


@settings(max_examples=200, deadline=None)
@given(SIZES, ISNS, st.randoms(use_true_random=False))
def test_any_permutation_within_the_bounds_gives_the_same_stream(
    sizes: list[int], isn: int, rng: random.Random
) -> None:
    segments = cut(STREAM, sizes)[: tables.HELD_EACH]
    arrivals = list(segments)
    rng.shuffle(arrivals)
    straight, mixed = (meter(pcap(captured(which, isn), nano=True)) for which in (segments, arrivals))
    pieces, again = straight.payloads(), mixed.payloads()
    assert [(p.from_a, p.data, p.gap) for p in again] == [(p.from_a, p.data, p.gap) for p in pieces]
    assert heard(again)[0] == b"".join(data for _, data in segments)
    one, two = straight.windows(True)[0], mixed.windows(True)[0]
    for name in ("PACKETS", "BYTES", "PAYLOAD_BYTES", "RETRANSMITTED", "KEEPALIVES", "MESSAGE_BYTES"):
        assert wide(one, name, "up") == wide(two, name, "up")
    assert wide(two, "RETRANSMITTED", "up") == 0


@settings(max_examples=200, deadline=None)
@given(SIZES, ISNS, st.randoms(use_true_random=False))
def test_repeats_and_overlaps_in_any_order_bring_nothing_twice(
    sizes: list[int], isn: int, rng: random.Random
) -> None:
    segments = cut(STREAM, sizes)[:6]
    end = segments[-1][0] + len(segments[-1][1])
    more = []
    for _ in range(4):  # stretches that overlap, contain or repeat others
        start = rng.randrange(end)
        more.append((start, STREAM[start : min(end, start + rng.choice((1, 30, 500)))]))
    arrivals = segments + more[: rng.randrange(len(more) + 1)]
    rng.shuffle(arrivals)
    arrivals = [*arrivals[:8], (0, STREAM[:end])]  # and all of it, should a bound have been met
    data, gaps = heard(meter(pcap(captured(arrivals, isn), nano=True)).payloads())
    assert data == STREAM[:end]
    assert not any(gaps)


@settings(max_examples=100, deadline=None)
@given(SIZES, ISNS, st.randoms(use_true_random=False))
def test_what_never_comes_is_a_gap_and_the_rest_is_in_order(
    sizes: list[int], isn: int, rng: random.Random
) -> None:
    segments = cut(STREAM, sizes)[: tables.HELD_EACH]
    kept = [segment for segment in segments if rng.random() < 0.7]
    arrivals = list(kept)
    rng.shuffle(arrivals)
    data, gaps = heard(meter(pcap(captured(arrivals, isn), nano=True)).payloads())
    assert data == b"".join(part for _, part in kept)
    holes, expected = [], 0
    for offset, part in kept:
        holes.append(offset != expected)
        expected = offset + len(part)
    assert gaps == holes


def test_a_hole_that_is_filled_is_no_retransmission() -> None:
    table = meter(pcap(captured([(0, b"a" * 10), (20, b"c" * 10), (10, b"b" * 10)], 7), nano=True)).windows(
        True
    )[0]
    assert wide(table, "RETRANSMITTED", "up") == 0
    assert wide(table, "MESSAGE_BYTES", "up") == 30


def test_what_waits_and_comes_again_is_a_retransmission() -> None:
    arrivals = [
        (0, b"a" * 10),
        (20, b"c" * 10),
        (20, b"c" * 10),
        (22, b"c" * 5),
        (10, b"b" * 10),
        (20, b"c" * 10),
    ]
    fed = meter(pcap(captured(arrivals, 7), nano=True))
    assert heard(fed.payloads()) == (b"a" * 10 + b"b" * 10 + b"c" * 10, [False] * 3)
    assert wide(fed.windows(True)[0], "RETRANSMITTED", "up") == 3


@pytest.mark.parametrize(
    ("arrivals", "step"),
    [
        ([(0, b"a"), (2, b"c"), (1, b"b")], 1_200 * MS),  # waited for longer than HOLD_NS
        ([(0, b"a"), *((2 * i, b"c") for i in range(1, 10)), (1, b"b")], MS),  # with too many others
        ([(0, b"a"), (70_000, b"c"), (1, b"b")], MS),  # too far ahead
        ([(0, b"a"), (2, b"c" * 3_000), (1, b"b")], MS),  # too long
    ],
)
def test_beyond_the_bounds_a_hole_is_a_loss(arrivals: list[Segment], step: int) -> None:
    """And what fills it later counts as retransmitted: the stream has gone on."""
    fed = meter(pcap(captured(arrivals, 7, step), nano=True))
    data, gaps = heard(fed.payloads())
    assert data == b"".join(part for _, part in arrivals if part != b"b")
    assert gaps[:2] == [False, True]
    table = fed.windows(True)[0]
    assert int(table.wide[:, layout.UP + layout.RETRANSMITTED].sum()) == 1


def test_tls_records_survive_reordering() -> None:
    stream = b"".join(record(23, n) for n in (50, 60, 70, 80))
    parts = cut(stream, [30, 40, 50, 60, 200])
    straight = meter(pcap(captured(parts, 7, order=record(23, 9)), nano=True)).windows(True)[0]
    mixed = [parts[i] for i in (1, 0, 4, 3, 2)]
    table = meter(pcap(captured(mixed, 7, order=record(23, 9)), nano=True)).windows(True)[0]
    assert pairs(table, "LENGTHS", "up") == pairs(straight, "LENGTHS", "up") == {50: 1, 60: 1, 70: 1, 80: 1}
    assert wide(table, "TLS_RECORDS") == 5


def test_keepalives_their_answers_and_window_probes_are_no_messages() -> None:
    talk = Talk().open().say(S, True, 40).say(S + MS, False, 60)
    for i in range(1, 4):
        talk.say(i * 60 * S, True, 1, shift=-1, flags=ACK)  # the old byte again
        talk.say(i * 60 * S + MS, False, 0, flags=ACK)  # its answer
        talk.say(i * 60 * S + S, False, 0, shift=-1, flags=ACK)  # a probe without a byte, as Linux sends
        talk.say(i * 60 * S + S + MS, True, 0, flags=ACK)
    table = talk.rows()
    assert (wide(table, "MESSAGES", "up"), wide(table, "MESSAGES", "down")) == (1, 1)
    assert (wide(table, "KEEPALIVES", "up"), wide(table, "KEEPALIVES", "down")) == (3, 3)
    assert (wide(table, "RETRANSMITTED", "up"), wide(table, "RETRANSMITTED", "down")) == (0, 0)


def test_what_waits_is_counted_where_it_came() -> None:
    """The hole is filled in the next window; what waited still belongs to its own."""
    arrivals = [(0, b"a"), (2, b"c"), (1, b"b")]
    talk = Talk().open().say(10 * MS, False, JOB)
    first = talk.next[0]
    for (offset, data), at in zip(arrivals, (299 * S, 299_900 * MS, 300_100 * MS), strict=True):
        talk.next[0] = first + offset
        talk.say(at, True, data)
    fed = meter(pcap(talk.frames, nano=True))
    assert heard(fed.payloads()) == (b"abc", [False] * 3)
    table = fed.windows(True)[0]
    assert table.wide[:, layout.UP + layout.MESSAGE_BYTES].tolist() == [2, 1]
    assert np.array_equal(table.wide[:, layout.UP + layout.PACKETS], [3, 1])


def test_a_new_connection_of_the_same_ports_ends_the_waiting() -> None:
    frames = captured([(0, b"a"), (5, b"c")], 7)
    again = Talk(isn=(70_000, 80_000)).open(S).say(2 * S, True, b"new")
    pieces = meter(pcap(frames + again.frames, nano=True)).payloads()
    assert heard(pieces)[0] == b"acnew"
    assert [p.ts_ns for p in pieces] == sorted(p.ts_ns for p in pieces)
