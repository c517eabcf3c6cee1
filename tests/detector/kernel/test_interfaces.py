"""Blocks of pcapng beside packets: interfaces and their drops, and everything that is passed over."""

from __future__ import annotations

import struct

import pytest

from tests.detector.kernel.by_hand import (
    START,
    block,
    enhanced,
    ether,
    interface,
    meter,
    option,
    rows,
    section,
    tcp,
    wide,
)

FRAME = ether(tcp("10.0.0.2", 40_000, "203.0.113.7", 3333, b"hello"))
TICKS = START // 1000


def statistics(order: str, number: int, dropped: int, by_system: int = 0) -> bytes:
    told = option(order, 4, struct.pack(order + "Q", 999))  # received: no drops
    told += option(order, 5, struct.pack(order + "Q", dropped))
    told += option(order, 7, struct.pack(order + "Q", by_system))
    return block(order, 5, struct.pack(order + "III", number, 0, 0) + told + option(order, 0, b""))


def packet(order: str, dropped: int, number: int = 0) -> bytes:
    """An enhanced packet block with a comment, flags and a count of drops."""
    head = struct.pack(order + "IIIII", number, TICKS >> 32, TICKS & 0xFFFFFFFF, len(FRAME), len(FRAME))
    told = option(order, 1, b"seen") + option(order, 2, bytes(4))
    told += option(order, 4, struct.pack(order + "Q", dropped)) + option(order, 0, b"")
    return block(order, 6, head + FRAME + bytes(-len(FRAME) % 4) + told)


@pytest.mark.parametrize("order", ["<", ">"])
def test_statistics_come_again_from_the_start(order: str) -> None:
    two = section(order) + interface(order) + interface(order)
    assert meter(two + statistics(order, 0, 12, 3)).counters.lost == 15
    assert meter(two + statistics(order, 0, 12) + statistics(order, 0, 20)).counters.lost == 20
    assert meter(two + statistics(order, 0, 12) + statistics(order, 1, 20)).counters.lost == 32
    assert meter((two + statistics(order, 0, 12)) * 2).counters.lost == 24  # sections


@pytest.mark.parametrize("order", ["<", ">"])
def test_drops_told_by_packets_and_by_statistics_are_the_same_drops(order: str) -> None:
    packets = section(order) + interface(order) + packet(order, 5) + packet(order, 0) + packet(order, 6)
    fed = meter(packets)
    assert (fed.counters.lost, fed.counters.decoded) == (11, 3)
    assert meter(packets + statistics(order, 0, 11)).counters.lost == 11
    assert meter(packets + statistics(order, 0, 30)).counters.lost == 30
    assert meter(packets + statistics(order, 0, 2)).counters.lost == 11


def test_drops_of_the_obsolete_packet_block() -> None:
    def old(drops: int) -> bytes:
        head = struct.pack("<HHIIII", 0, drops, TICKS >> 32, TICKS & 0xFFFFFFFF, len(FRAME), len(FRAME))
        return block("<", 2, head + FRAME)

    fed = meter(section() + interface() + old(4) + old(0xFFFF) + old(1))
    assert (fed.counters.lost, fed.counters.decoded) == (5, 3)


def test_absurd_drops_are_no_drops() -> None:
    data = section() + interface() + packet("<", 2**63) + statistics("<", 0, 2**64 - 1)
    assert meter(data).counters.lost == 0
    assert meter(section() + interface() + statistics("<", 7, 3)).counters.undecodable == {"bad_record": 1}


@pytest.mark.parametrize("order", ["<", ">"])
def test_other_blocks_are_passed_over(order: str) -> None:
    """Names, secrets, a journal, custom blocks of both kinds, and what nobody knows."""
    names = block(order, 4, struct.pack(order + "HH", 1, 9) + b"\x0a\0\0\2pool\0" + bytes(3) + bytes(4))
    secrets = block(order, 10, struct.pack(order + "II", 0x544C534B, 6) + b"CLIENT" + bytes(2))
    custom = block(order, 0xBAD, struct.pack(order + "I", 32_473) + b"mine")
    private = block(order, 0x4000_0BAD, struct.pack(order + "I", 32_473))
    others = names + secrets + custom + private + block(order, 9, bytes(20)) + block(order, 0x7777, b"")
    packets = [enhanced(FRAME, TICKS, order), packet(order, 0), enhanced(FRAME, TICKS, order)]
    data = section(order) + others + interface(order) + others + others.join(packets) + others
    fed = meter(data)
    assert (fed.counters.packets, fed.counters.decoded, fed.counters.undecodable) == (3, 3, {})
    assert fed.problem is None
    assert wide(rows(data), "PACKETS", "up") == 3


def test_options_that_lie_about_their_length() -> None:
    lying = block("<", 1, struct.pack("<HHI", 1, 0, 0) + struct.pack("<HH", 9, 0xFFFF))
    head = struct.pack("<IIIII", 0, TICKS >> 32, TICKS & 0xFFFFFFFF, len(FRAME), len(FRAME))
    body = head + FRAME + bytes(-len(FRAME) % 4) + struct.pack("<HH", 4, 0xFFF0) + bytes(8)
    fed = meter(section() + lying + block("<", 6, body))
    assert (fed.counters.decoded, fed.counters.lost) == (1, 0)
