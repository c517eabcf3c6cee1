"""Stratum V2 in the clear, as stratum-mining/sv2-spec writes it.  Values are made up."""

from __future__ import annotations

import dataclasses
import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.dissectors.conversation import Conversation
from detector.dissectors.lines import LIMIT
from detector.dissectors.registry import DISSECTORS
from detector.dissectors.sv2 import KINDS, Sv2Frames, begins
from detector.records import Facts
from tests.detector.dissectors.dialogue import START_NS, Piece, cut_at, facts_of, joined, miner, pool, swapped

CHANNEL = 0x8000
HASH = b"\xab" * 32
TARGET = ((0xFFFF << 208) // 1024).to_bytes(32, "little")
BITS = 0x17034219


def frame(kind: int, payload: bytes, extension: int = 0) -> bytes:
    return struct.pack("<HB", extension, kind) + len(payload).to_bytes(3, "little") + payload


def text(value: bytes) -> bytes:
    return bytes([len(value)]) + value


def setup(protocol: int = 0, low: int = 2, high: int = 2, vendor: bytes = b"Bitaxe") -> bytes:
    names = b"".join(map(text, (vendor, b"BM1370", b"esp-miner 2.5", b"device-0042")))
    host = text(b"btc.pool.example") + struct.pack("<H", 34254)
    return frame(0x00, struct.pack("<BHHI", protocol, low, high, 1) + host + names)


def share(sequence: int) -> bytes:
    return frame(0x1A, struct.pack("<6I", 1, sequence, 7, 0xDEADBEEF, 1_772_323_200, 0x20000000), CHANNEL)


OPEN = frame(0x10, struct.pack("<I", 1) + text(b"bob.rig-1") + struct.pack("<f", 1.2e12) + b"\xff" * 32)
OPENED = frame(0x11, struct.pack("<II", 1, 1) + TARGET + text(b"\1\2\3") + struct.pack("<I", 5))
JOB = frame(0x15, struct.pack("<IIBI", 1, 7, 0, 0x20000000) + HASH, CHANNEL)
PREVIOUS = frame(0x20, struct.pack("<II", 1, 7) + HASH + struct.pack("<II", 1_772_323_200, BITS), CHANNEL)
EXTENDED_JOB = frame(
    0x1F,
    struct.pack("<IIBIIB", 1, 8, 1, 1_772_323_200, 0x20000000, 1)
    + bytes([2]) + HASH + HASH + struct.pack("<H", 60) + bytes(60) + struct.pack("<H", 90) + bytes(90),
    CHANNEL,
)  # fmt: skip
MINING = [
    *miner(setup()),
    *pool(frame(0x01, struct.pack("<HI", 2, 0))),
    *miner(OPEN),
    *pool(OPENED),
    *pool(JOB),
    *pool(PREVIOUS),
    *miner(share(0)),
    *miner(share(1)),
    *pool(frame(0x1C, struct.pack("<IIIQ", 1, 1, 2, 2048), CHANNEL)),
    *miner(frame(0x1B, share(2)[6:] + text(b"\0" * 8), CHANNEL)),
    *pool(frame(0x1D, struct.pack("<II", 1, 2) + text(b"stale-share"), CHANNEL)),
    *pool(frame(0x21, struct.pack("<I", 1) + TARGET, CHANNEL)),
    *pool(EXTENDED_JOB),
    *miner(frame(0x16, struct.pack("<If", 1, 1e12) + b"\xff" * 32, CHANNEL)),
]


def test_mining_conversation() -> None:
    facts = facts_of(MINING)
    assert facts is not None and facts.difficulty == pytest.approx(1024, rel=1e-6)
    assert dataclasses.replace(facts, difficulty=None) == Facts(
        dialect="stratumv2",
        client_is_a=True,
        coin="BTC",
        algorithm="sha256d",
        agent="Bitaxe BM1370 esp-miner 2.5",
        pool="btc.pool.example",
        wallet="bob",
        worker="rig-1",
        logins=2,
        requests=1,
        jobs=2,
        shares=3,
        accepted=2,
        rejected=1,
    )
    assert "device-0042" not in repr(facts)


TEMPLATE = frame(
    0x71,
    struct.pack("<QBII", 29, 1, 0x20000000, 2) + text(b"\3\x4c\xa3\x26\0")
    + struct.pack("<IQIH", 0xFFFFFFFF, 312_500_000, 0, 0) + struct.pack("<IB", 0, 0),
)  # fmt: skip
TEMPLATES = [
    *miner(setup(protocol=2)),
    *pool(frame(0x01, struct.pack("<HI", 2, 0))),
    *miner(frame(0x70, struct.pack("<IH", 100, 4))),
    *pool(TEMPLATE),
    *pool(frame(0x72, struct.pack("<Q", 29) + HASH + struct.pack("<II", 1_772_323_200, BITS) + TARGET)),
    *miner(frame(0x73, struct.pack("<Q", 29))),
    *pool(
        frame(
            0x74,
            struct.pack("<QH", 29, 0) + struct.pack("<H", 1) + (70_000).to_bytes(3, "little") + bytes(70_000),
        )
    ),
    *miner(frame(0x76, struct.pack("<QIII", 29, 2, 3, 4) + struct.pack("<H", 10) + bytes(10))),
]
DECLARATION = [
    *miner(setup(protocol=1)),
    *pool(frame(0x01, struct.pack("<HI", 2, 1))),
    *miner(frame(0x50, text(b"bob") + struct.pack("<I", 1))),
    *pool(frame(0x51, struct.pack("<I", 1) + text(b"token") + struct.pack("<H", 3) + bytes(3))),
    *miner(frame(0x57, struct.pack("<I", 2) + text(b"token") + struct.pack("<I", 2) + bytes(4) + bytes(4))),
    *pool(frame(0x55, struct.pack("<IHHH", 2, 2, 0, 5))),
    *miner(frame(0x56, struct.pack("<IH", 2, 0))),
    *pool(frame(0x58, struct.pack("<I", 2) + text(b"new token"))),
    *miner(frame(0x60, text(bytes(8)) + HASH + struct.pack("<4I", 1, 2, BITS, 4))),
]


@pytest.mark.parametrize(
    ("talk", "counts"), [(TEMPLATES, (1, 2, 1, 1, "BTC")), (DECLARATION, (1, 2, 0, 1, "BTC"))]
)
def test_templates_and_declarations(talk: list[Piece], counts: tuple[object, ...]) -> None:
    facts = facts_of(talk)
    assert facts is not None and facts.dialect == "stratumv2" and facts.errors == 0
    assert (facts.logins, facts.requests, facts.jobs, facts.shares, facts.coin) == counts


@pytest.mark.parametrize("talk", [MINING, DECLARATION])
def test_segments_and_sides_do_not_matter(talk: list[Piece]) -> None:
    expected = facts_of(talk)
    assert expected is not None
    for offset in range(1, max(len(piece.data) for piece in talk)):
        assert facts_of(cut_at(talk, offset)) == expected, f"cut at {offset}"
    assert facts_of(joined(talk)) == expected
    assert facts_of(swapped(talk)) == dataclasses.replace(expected, client_is_a=False)


def test_joined_in_the_middle() -> None:
    facts = facts_of(MINING[5:])
    assert facts is not None
    assert (facts.dialect, facts.client_is_a, facts.coin, facts.shares) == ("stratumv2", True, "BTC", 3)
    assert (facts.accepted, facts.rejected, facts.logins) == (2, 1, 0)


def test_one_side_of_the_middle_tells_nothing() -> None:
    assert facts_of([p for p in MINING[2:] if p.from_a]) is None
    assert facts_of([p for p in MINING[2:] if not p.from_a]) is None


@pytest.mark.parametrize(
    "data",
    [
        setup(protocol=9),
        setup(low=0, high=0),
        setup(low=3, high=2),
        setup(vendor=b"\0\1\2\3"),
        setup(vendor=b"\xff\xfe"),
        setup()[:-1] + b"\xff",
        frame(0x00, bytes(16)),
    ],
)
def test_implausible_setups(data: bytes) -> None:
    assert facts_of([*miner(data), *pool(frame(0x01, struct.pack("<HI", 2, 0)))]) is None


def test_setup_alone_and_refused() -> None:
    error = pool(frame(0x02, struct.pack("<I", 1) + text(b"unsupported-feature-flags")))
    facts = facts_of([*miner(setup()), *error])
    assert facts is not None and (facts.logins, facts.jobs, facts.shares) == (1, 0, 0)


def test_reconnect_names_the_new_pool() -> None:
    moved = pool(frame(0x04, text(b"eu.other.example") + struct.pack("<H", 34254)))
    facts = facts_of([*miner(share(0)), *pool(PREVIOUS), *moved])
    assert facts is not None and facts.pool == "eu.other.example"


def test_no_more_shares_are_accepted_than_were_handed_in() -> None:
    boast = pool(frame(0x1C, struct.pack("<IIIQ", 1, 1, 0xFFFFFFFF, 1), CHANNEL))
    facts = facts_of([*MINING[:8], *boast, *boast])
    assert facts is not None and facts.accepted == 2


def test_lost_bytes_leave_what_comes_after_them() -> None:
    half = dataclasses.replace(MINING[5], data=MINING[5].data[9:], gap=True)
    facts = facts_of([*MINING[:5], half, *MINING[6:]])
    assert facts is not None and (facts.jobs, facts.shares, facts.accepted, facts.errors) == (2, 3, 2, 0)


def test_a_frame_that_its_fields_do_not_fill_is_an_error() -> None:
    wrong = miner(frame(0x10, struct.pack("<I", 1) + text(b"bob") + bytes(37), CHANNEL))
    facts = facts_of([*MINING[:2], *wrong, *MINING[6:8]])
    assert facts is not None and (facts.errors, facts.shares) == (1, 2)


def test_unasked_sides_are_refused() -> None:
    """A server that sends shares, or a client that sends jobs, is neither."""
    facts = facts_of([*MINING[:2], *pool(share(0)), *miner(JOB)])
    assert facts is not None and (facts.shares, facts.jobs) == (0, 0)


def test_sizes_hold_for_every_message() -> None:
    for kind, known in KINDS.items():
        low, high = known.sizes
        assert begins(frame(kind, bytes(low))) is True
        assert begins(struct.pack("<HB", 0, kind) + min(high + 1, (1 << 24) - 1).to_bytes(3, "little")) is (
            high + 1 >= 1 << 24
        )
        assert low == 0 or begins(frame(kind, bytes(low - 1))) is False


def test_memory_is_bounded() -> None:
    side = Sv2Frames()
    head = struct.pack("<HB", 0, 0x74) + (0xFFFFFF).to_bytes(3, "little")
    side.feed(head)
    for _ in range(300):
        side.feed(bytes(65_536))
        assert side.held <= LIMIT


SEEDS = st.sampled_from([p.data for p in (*MINING, *DECLARATION)])
BYTES = st.binary(max_size=40) | SEEDS | st.just(b"\0\0") | st.just(b"\0\x80\x1a\x18\0\0")


@given(st.lists(st.tuples(st.booleans(), BYTES), max_size=15), st.integers(1, 50))
def test_facts_do_not_depend_on_the_pieces(talk: list[tuple[bool, bytes]], step: int) -> None:
    cut = [Piece(a, data[i : i + step]) for a, data in talk for i in range(0, len(data), step)]
    assert facts_of(cut) == facts_of([Piece(a, data) for a, data in talk])


@given(st.lists(st.tuples(st.booleans(), BYTES, st.booleans()), max_size=25))
def test_any_bytes_are_survived(talk: list[tuple[bool, bytes, bool]]) -> None:
    conversation = Conversation(DISSECTORS)
    total = 0
    for from_a, data, gap in talk:
        total += len(data)
        conversation.read(data, from_a=from_a, ts_ns=START_NS, gap=gap)
        assert conversation.held <= min(total, 2 * (LIMIT + 64))


def test_random_binary_is_not_claimed() -> None:
    rng = random.Random(5)
    for _ in range(3000):
        head = rng.choice([b"\0\0", b"\0\x80"]) + bytes([rng.choice(list(KINDS))])
        talk = [
            Piece(
                rng.random() < 0.5, head + rng.randbytes(rng.choice([3, 9, 30, 60])), gap=rng.random() < 0.2
            )
            for _ in range(6)
        ]
        assert facts_of(talk) is None
