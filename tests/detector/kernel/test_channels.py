"""Connections, channels, messages: worked by hand, and kept whatever the cuts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.kernel import Meter, Packet, Payload, layout, tables, working
from detector.kernel.rows import merge_rows
from detector.records import Basis, ChannelWindows
from detector.settings import MeterSettings
from tests.detector.kernel.by_hand import (
    ACK,
    CLIENT,
    FIN,
    MS,
    RST,
    SERVER,
    START,
    SYN,
    S,
    Talk,
    canonical,
    ether,
    histogram,
    meter,
    pairs,
    pcap,
    rows,
    tcp,
    udp,
    wide,
)

JOB = b'{"id":null,"method":"mining.notify","params":["ab"]}\n'


def record(kind: int, length: int) -> bytes:
    return bytes([kind, 3, 3]) + length.to_bytes(2, "big") + bytes(length)


# --- who is the client


@pytest.mark.parametrize(
    ("frame", "client_port", "server_port", "basis"),
    [
        (tcp(CLIENT, 50_000, SERVER, 40_000, flags=SYN), 50_000, 40_000, Basis.SYN),
        (tcp(SERVER, 40_000, CLIENT, 50_000, flags=SYN | ACK), 50_000, 40_000, Basis.SYN),
        (tcp(SERVER, 443, CLIENT, 50_000), 50_000, 443, Basis.PORT),
        (udp(SERVER, 53, CLIENT, 1_025, b"x"), 1_025, 53, Basis.PORT),
        (tcp(SERVER, 3333, CLIENT, 50_000), 50_000, 3333, Basis.PORT),
        (tcp(SERVER, 3333, CLIENT, 20_000), 3333, 20_000, Basis.ORDER),
        (udp(CLIENT, 123, SERVER, 123, b"x"), 123, 123, Basis.ORDER),
    ],
)
def test_roles_by_the_first_packet(frame: bytes, client_port: int, server_port: int, basis: Basis) -> None:
    table = rows(pcap([(START, ether(frame))]))
    assert (table.port[0], table.basis[0]) == (server_port, basis)
    sender_is_client = frame[20:22] == client_port.to_bytes(2, "big")
    assert wide(table, "PACKETS", "up" if sender_is_client else "down") == 1


def test_a_late_syn_turns_the_channel_with_its_open_rows() -> None:
    early = (START - S, ether(tcp(SERVER, 20_001, CLIENT, 20_000, b"abc", seq=8_998)))
    talk = Talk(20_000, 20_001).open().say(10 * MS, True, b"hello")
    table = rows(pcap([early, *talk.frames], nano=True))
    assert len(table) == 2  # two windows of one channel
    assert table.port.tolist() == [20_001, 20_001]
    assert table.basis.tolist() == [Basis.SYN, Basis.SYN]
    assert [wide(table, "PACKETS", "down", row) for row in (0, 1)] == [1, 1]
    assert wide(table, "HEAD", None, 0) == START - S
    assert int(table.wide[0, layout.HEAD + 1]) == 1 << 32 | 3


def test_turn_by_a_dissector_moves_rows_and_says_which_channel_joined() -> None:
    fed = Meter(MeterSettings())
    frames = [
        (START, ether(tcp(SERVER, 20_001, CLIENT, 20_000, JOB, seq=1))),
        (START + S, ether(tcp(SERVER, 20_001, CLIENT, 20_002, JOB, seq=1))),
    ]
    fed.feed(pcap(frames))
    pieces = fed.payloads()
    assert [p.from_a for p in pieces] == [False, False]  # 203.0.113.7 is above 10.0.0.2
    for piece in pieces:
        fed.turn(piece.connection, client_is_a=True)
    fed.turn(99 << 32 | 5, client_is_a=True)  # unknown: nothing
    table, ids = fed.windows(True)
    assert len(table) == 1
    assert (table.port[0], table.basis[0]) == (20_001, Basis.DISSECTOR)
    assert wide(table, "MESSAGES", "down") == 2
    assert wide(table, "MESSAGES", "up") == 0
    assert fed.joined() == [(piece.channel, ids[0]) for piece in pieces]
    assert fed.joined() == []


def test_reconnects_are_one_channel() -> None:
    one, two = Talk(40_000).open().say(10 * MS, True, 5), Talk(40_001).open(S).say(2 * S, True, 7)
    table = rows(pcap(one.frames + two.frames, nano=True))
    assert len(table) == 1
    assert wide(table, "CONNECTIONS") == 2
    assert pairs(table, "LENGTHS", "up") == {5: 1, 7: 1}


# --- the flow that a row is named after


def ports(table: ChannelWindows, row: int = 0) -> tuple[int, int]:
    return wide(table, "PORT", "up", row), wide(table, "PORT", "down", row)


def test_a_row_knows_the_ports_of_its_first_packet() -> None:
    one, two = Talk(40_000).open().say(10 * MS, True, 5), Talk(40_001).open(S).say(2 * S, True, 7)
    frames = one.frames + two.frames
    assert ports(rows(pcap(frames, nano=True))) == (40_000, 3333)
    assert ports(rows(pcap(two.frames + one.frames, nano=True))) == (40_000, 3333)  # by time, not by place


def test_ports_turn_with_the_row() -> None:
    early = (START - S, ether(tcp(SERVER, 20_001, CLIENT, 20_000, b"abc", seq=8_998)))
    talk = Talk(20_000, 20_001).open().say(10 * MS, True, b"hello")
    table = rows(pcap([early, *talk.frames], nano=True))
    assert [ports(table, row) for row in (0, 1)] == [(20_000, 20_001)] * 2


@given(st.permutations([(0, 40_000), (0, 40_001), (1, 39_000), (2, 38_000)]), st.integers(0, 4))
def test_ports_merge_as_if_metered_at_once(order: list[tuple[int, int]], cut: int) -> None:
    """Also where two first packets have one time, and late ones are older than what came before."""
    frames = [(START + at * MS, ether(udp(CLIENT, port, SERVER, 53, b"x"))) for at, port in order]
    parts = [rows(pcap(part, nano=True)) for part in (frames[:cut], frames[cut:]) if part]
    if len(parts) == 2:
        merge_rows(parts[0], np.array([0]), parts[1], np.array([0]))
    assert ports(parts[0]) == ports(rows(pcap(frames, nano=True))) == (40_000, 53)


# --- TCP


def test_retransmissions_overlaps_gaps_and_keepalives() -> None:
    talk = Talk().open()
    talk.say(1 * S, True, 100)
    talk.say(2 * S, True, 100, shift=-100)  # the whole again
    talk.say(3 * S, True, 150, shift=-100)  # 100 old and 50 new bytes
    talk.lose(True, 50)  # the 50 new ones, as far as `next` knows
    talk.say(4 * S, True, 1, shift=-1)  # keepalive with its byte
    talk.say(5 * S, True, 0, shift=-1, flags=ACK)  # and without
    talk.lose(True, 1_000).say(6 * S, True, 30)  # after a gap
    table = talk.rows()
    assert wide(table, "RETRANSMITTED", "up") == 1
    assert wide(table, "KEEPALIVES", "up") == 2
    assert wide(table, "PAYLOAD_BYTES", "up") == 100 + 100 + 150 + 1 + 30
    assert pairs(table, "LENGTHS", "up") == {100: 1, 50: 1, 30: 1}


def test_sequence_numbers_wrap() -> None:
    table = Talk(isn=(2**32 - 50, 0)).open().say(S, True, 100).say(2 * S, True, 100, shift=-100).rows()
    assert (wide(table, "MESSAGES", "up"), wide(table, "RETRANSMITTED", "up")) == (1, 1)


def test_a_five_tuple_used_again_is_a_new_connection() -> None:
    talk = Talk().open().say(S, True, 10)
    again = Talk(isn=(500, 600)).open(20 * S).say(21 * S, True, 20)
    table = rows(pcap(talk.frames + again.frames + again.frames[:1], nano=True))
    assert wide(table, "CONNECTIONS") == 2 + 1  # the last SYN comes after payload: a third try
    assert pairs(table, "LENGTHS", "up") == {10: 1, 20: 1}
    assert wide(table, "RETRANSMITTED", "up") == 0


def test_a_repeated_syn_is_no_second_connection() -> None:
    talk = Talk().open()
    assert wide(rows(pcap(talk.frames + talk.frames[:1])), "CONNECTIONS") == 1


def test_old_sequence_numbers_far_below_start_anew() -> None:
    table = Talk().open().say(S, True, 10).say(2 * S, True, 10, shift=-(1 << 25)).rows()
    assert (wide(table, "MESSAGES", "up"), wide(table, "RETRANSMITTED", "up")) == (2, 0)


def test_resets_count_once_a_connection() -> None:
    talk = (
        Talk()
        .open()
        .say(S, False, 0, flags=RST)
        .say(2 * S, True, 0, flags=RST)
        .say(3 * S, True, 0, flags=FIN)
    )
    assert wide(talk.rows(), "RESETS") == 1


# --- messages


def test_segments_coalesce_until_a_pause_or_the_other_side() -> None:
    talk = Talk().open()
    talk.say(S, True, 100).say(S + MS, True, 100).say(S + 2 * MS, True, 100)  # 1 ms apart
    talk.say(S + 4 * MS, True, 50)  # 2 ms after the last: another message
    talk.say(S + 5 * MS, False, 70)  # the other side
    talk.say(S + 6 * MS, True, 20)  # within 2 ms of our last, but they spoke in between
    table = talk.rows()
    assert pairs(table, "LENGTHS", "up") == {300: 1, 50: 1, 20: 1}
    assert pairs(table, "LENGTHS", "down") == {70: 1}
    assert histogram(table, "LENGTH_HISTOGRAM", "up") == {16: 1, 11: 1, 8: 1}  # 256.., 48.., 16..
    assert histogram(table, "GAP_HISTOGRAM", "up") == {2: 1, 1: 1}  # 4 ms and 2 ms, octaves of 1.05 ms


def test_connections_of_a_channel_coalesce_apart() -> None:
    one, two = Talk(40_000).open(), Talk(40_001).open()
    frames = one.frames + two.frames
    for i in range(4):
        for talk, size in ((one, 100), (two, 10)):
            talk.frames.clear()
            talk.say(S + i * MS, True, size)
            frames += talk.frames
    assert pairs(rows(pcap(frames, nano=True)), "LENGTHS", "up") == {400: 1, 40: 1}


def test_a_message_ends_with_its_window() -> None:
    talk = Talk().open().say(300 * S - MS // 2, True, 100).say(300 * S, True, 100)
    table = talk.rows()
    assert [pairs(table, "LENGTHS", "up", row) for row in (0, 1)] == [{100: 1}, {100: 1}]


def test_each_datagram_is_a_message() -> None:
    frames = [
        (START + i, ether(udp(CLIENT, 50_000, SERVER, 53, b"x" * n))) for i, n in enumerate((9, 9, 0, 4))
    ]
    table = rows(pcap(frames, nano=True))
    assert pairs(table, "LENGTHS", "up") == {9: 2, 4: 1}
    assert (wide(table, "SHORTEST", "up"), wide(table, "LONGEST", "up")) == (4, 9)


def test_pushes_answers_and_replies() -> None:
    talk = Talk().open()
    talk.say(10 * S, True, 200)  # up: a push (nothing before), replied to
    talk.say(10 * S + 100 * MS, False, 60)  # the reply, short
    talk.say(40 * S, False, 300)  # down: a push
    talk.say(40 * S + 100 * MS, False, 300)  # and another
    talk.say(40 * S + 400 * MS, True, 20)  # answers both; replies to the newer one
    talk.say(70 * S, False, 300)  # a push
    talk.say(73 * S, True, 21)  # too late for an answer or a reply: a push itself
    table = talk.rows()
    assert (wide(table, "PUSHES", "up"), wide(table, "PUSHES_ANSWERED", "up")) == (2, 1)
    assert (wide(table, "PUSHES", "down"), wide(table, "PUSHES_ANSWERED", "down")) == (3, 2)
    assert (wide(table, "REPLIED", "up"), wide(table, "REPLIED_BYTES", "up")) == (1, 200)
    assert (wide(table, "REPLY_BYTES", "up"), wide(table, "SHORT_REPLIES", "up")) == (60, 1)
    assert (wide(table, "REPLIED", "down"), wide(table, "REPLY_BYTES", "down")) == (1, 20)
    assert histogram(table, "REPLY_DELAY_HISTOGRAM", "up") == {7: 1}  # 100 ms in [2**26, 2**27) ns
    assert histogram(table, "PUSH_GAP_HISTOGRAM", "down") == {7: 1, 15: 1}
    assert pairs(table, "PUSH_LENGTHS", "down") == {300: 3}
    assert pairs(table, "REPLY_LENGTHS", "up") == {60: 1}
    assert (wide(table, "PENDING_NS", "up"), wide(table, "PENDING_LENGTH", "up")) == (START + 73 * S, 21)
    assert wide(table, "PENDING_NS", "down") == 0
    assert wide(table, "BUSY_BINS", "down") == 1 << 1 | 1 << 4 | 1 << 7
    assert wide(table, "LONGEST_GAP_NS", "up") == 73 * S - (40 * S + 400 * MS)


def test_the_opening_is_kept_where_the_syn_was_seen() -> None:
    talk = Talk().open()
    for i, n in enumerate((11, 12, 13, 14, 15)):
        talk.say((i + 1) * S, True, n).say((i + 1) * S + 50 * MS, False, 100 + n)
    other = Talk(40_001).open(2 * S).say(3 * S, True, 99)
    table = rows(pcap(sorted(talk.frames + other.frames), nano=True))
    up = layout.UP + layout.OPENING
    assert table.wide[0, up : up + 4].tolist() == [11, 12, 13, 14]
    assert wide(table, "OPENING_NS") == START
    middle = Talk()
    middle.say(S, True, 11)
    assert wide(middle.rows(), "OPENING", "up") == 0


# --- TLS


def test_tls_records_are_messages_by_length() -> None:
    talk = Talk(dport=443).open()
    talk.say(S, True, record(22, 200)).say(
        S + 50 * MS, False, record(22, 90) + record(20, 1) + record(23, 40)
    )
    talk.say(2 * S, True, record(23, 70) + record(23, 30))
    talk.say(3 * S, False, record(21, 2))
    table = talk.rows()
    assert pairs(table, "LENGTHS", "up") == {70: 1, 30: 1}
    assert pairs(table, "LENGTHS", "down") == {40: 1}
    assert wide(table, "TLS_RECORDS") == 3
    assert table.wide[0, layout.UP + layout.OPENING :][:4].tolist() == [200, 70, 30, 0]
    assert table.wide[0, layout.DOWN + layout.OPENING :][:4].tolist() == [90, 1, 40, 2]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7, 50])
def test_tls_records_split_over_segments_anywhere(size: int) -> None:
    stream = record(22, 33) + record(23, 20) + record(23, 1) + record(23, 64)
    talk = Talk(dport=443).open()
    for i in range(0, len(stream), size):
        talk.say(S + i * MS, True, stream[i : i + size])
    table = talk.rows()
    assert pairs(table, "LENGTHS", "up") == {20: 1, 1: 1, 64: 1}
    assert wide(table, "TLS_RECORDS") == 3


def test_lost_sync_falls_back_to_segments() -> None:
    talk = Talk(dport=443).open().say(S, True, record(23, 20)).say(2 * S, True, b"no TLS at all")
    talk.say(3 * S, True, record(23, 20))
    assert pairs(talk.rows(), "LENGTHS", "up") == {20: 1, 13: 1, 25: 1}
    gap = Talk(dport=443).open().say(S, True, record(23, 20)).lose(True, 9).say(2 * S, True, record(23, 20))
    assert pairs(gap.rows(), "LENGTHS", "up") == {20: 1, 25: 1}
    inside = Talk(dport=443).open().say(S, True, record(23, 20)[:15]).lose(True, 9)
    inside.say(2 * S, True, b"x" + record(23, 30))
    assert pairs(inside.rows(), "LENGTHS", "up") == {20: 1, 30: 1}


@pytest.mark.parametrize("first", [b"\x16", b"\x16\x03", b"OK", b"{", b"\x17\x04"])
def test_short_first_payload_is_a_message_unless_it_may_be_tls(first: bytes) -> None:
    lengths = pairs(
        Talk().open().say(S, True, first).say(9 * S, True, b"plain text follows").rows(), "LENGTHS", "up"
    )
    if first in (b"\x16", b"\x16\x03"):
        assert lengths == {18 + len(first): 1}
    else:
        assert lengths == {len(first): 1, 18: 1}


def test_a_capture_of_headers_only_still_has_messages() -> None:
    talk = Talk(dport=443).open().say(S, True, record(23, 300)).say(2 * S, True, record(23, 20))
    table = rows(pcap(talk.frames, nano=True, snap=54))
    assert pairs(table, "LENGTHS", "up") == {305: 1, 25: 1}


# --- payload


def handed(frames: list[tuple[int, bytes]], **settings: int) -> list[Payload]:
    return meter(pcap(frames, nano=True), **settings).payloads()


def test_payload_of_flagged_connections_in_order_without_repeats() -> None:
    talk = Talk().open()
    talk.say(1 * S, True, b"nothing yet")
    talk.say(2 * S, False, JOB)  # flags the connection
    talk.say(3 * S, True, b"abcdef").say(4 * S, True, b"abcdef", shift=-6).say(5 * S, True, b"efgh", shift=-2)
    talk.lose(True, 2)  # what the overlap brought
    talk.lose(True, 10).say(6 * S, True, b"after a gap")
    pieces = handed(talk.frames)
    assert [(p.from_a, p.data, p.gap) for p in pieces] == [
        (False, JOB, False), (True, b"abcdef", False), (True, b"gh", False), (True, b"after a gap", True),
    ]  # fmt: skip
    assert len({p.connection for p in pieces}) == len({p.channel for p in pieces}) == 1
    assert [p.ts_ns for p in pieces] == [START + n * S for n in (2, 3, 5, 6)]


def test_unflagged_late_and_encrypted_payload_stays_in_the_kernel() -> None:
    plain = Talk().open()
    for i in range(8):
        plain.say((i + 1) * S, False, b"ordinary text %d" % i)
    plain.say(20 * S, False, JOB)  # the ninth payload packet of its side
    assert handed(plain.frames) == []
    hidden = Talk().open().say(S, False, record(23, len(JOB))[:5] + JOB)
    assert handed(hidden.frames) == []
    far = Talk().open().say(S, False, b" " * 510 + JOB)
    assert handed(far.frames) == []


def test_ignored_connections_are_not_copied() -> None:
    fed = Meter(MeterSettings())
    fed.feed(pcap(Talk().open().say(S, False, JOB).frames, nano=True))
    fed.ignore(fed.payloads()[0].connection)
    fed.feed(pcap(Talk().open().say(2 * S, False, JOB).frames, nano=True)[24:])
    assert fed.payloads() == []


@pytest.mark.parametrize("decided", [False, True])
def test_payload_is_handed_over_one_by_one_until_all_is_decided(decided: bool) -> None:
    """What is decided on a piece must hold from the next packet on; after a turn nothing will be."""
    heard: list[list[bytes]] = []
    fed = Meter(MeterSettings())

    def hear() -> None:
        pieces = fed.payloads()
        heard.append([piece.data for piece in pieces])
        if decided:
            fed.turn(pieces[0].connection, client_is_a=True)

    fed.hear = hear
    talk = Talk().open().say(S, False, JOB)
    for i in range(4):
        talk.say((2 + i) * S, bool(i % 2), b"%d" % i)
    fed.feed(pcap(talk.frames, nano=True))
    heard.append([piece.data for piece in fed.payloads()])
    assert [data for pieces in heard for data in pieces] == [JOB, b"0", b"1", b"2", b"3"]
    assert heard[0] == [JOB]
    assert len(heard[1]) == (4 if decided else 1)


def test_payload_is_bounded_by_direction_and_window() -> None:
    talk = Talk().open()
    for i in range(6):
        talk.say((i + 1) * S, False, JOB)
    talk.say(8 * S, True, JOB).say(301 * S, False, JOB)
    pieces = handed(talk.frames, payload_bytes=2 * len(JOB) + 10)
    assert [(p.from_a, len(p.data), p.gap) for p in pieces] == [
        (False, len(JOB), False), (False, len(JOB), False), (False, 10, False), (True, len(JOB), False),
        (False, len(JOB), True),
    ]  # fmt: skip


def test_payload_cut_by_the_snap_length_leaves_a_gap() -> None:
    talk = Talk().open().say(S, False, JOB).say(2 * S, False, JOB)
    pieces = meter(pcap(talk.frames, nano=True, snap=90)).payloads()
    assert [(p.data, p.gap) for p in pieces] == [(JOB[:36], False), (JOB[:36], True)]


# --- windows, lateness, bounds


def test_windows_leave_when_the_lateness_has_passed() -> None:
    fed = Meter(MeterSettings())
    first = Talk().open().say(S, True, 10)
    fed.feed(pcap(first.frames, nano=True))
    assert len(fed.windows()[0]) == 0
    fed.feed(pcap([(START + 359 * S, first.frames[-1][1])], nano=True)[24:])
    assert len(fed.windows()[0]) == 0
    fed.feed(pcap([(START + 360 * S, first.frames[-1][1])], nano=True)[24:])
    table, ids = fed.windows()
    assert table.wide[:, layout.WINDOW_NS].tolist() == [START]
    rest, later = fed.windows(final=True)
    assert rest.wide[:, layout.WINDOW_NS].tolist() == [START + 300 * S]
    assert ids.tolist() == later.tolist()
    assert len(fed.windows(final=True)[0]) == 0


def test_late_packets_find_their_window() -> None:
    talk = Talk().open(290 * S).say(299 * S, True, 10).say(305 * S, True, 20).say(298 * S, True, 30)
    table = talk.rows()
    assert table.wide[:, layout.WINDOW_NS].tolist() == [START, START + 300 * S]
    assert pairs(table, "LENGTHS", "up", 0) == {10: 1, 30: 1}


def hosts(n: int) -> Iterator[Packet]:
    """n connections of two packets each from one scanner, and one that lives through it all."""
    long = Packet(0, 5, 50_000, 6, 3333, 6, 100, 40, b"x" * 40)
    for i in range(n):
        yield Packet(START + 3 * i * MS, 1, 40_000, 1 << 64 | i, 80, 6, 60, 5, b"probe", 16, 1)
        yield long._replace(ts_ns=START + 3 * i * MS, sequence=40 * i)


def test_tables_stay_within_their_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working, "MAX_ROWS", 100)
    monkeypatch.setattr(working, "_FIRST_ENTRIES", 16)
    fed = Meter(MeterSettings(max_connections=64))
    fed.observe(hosts(1_000))
    assert fed._work.state[tables.CONNECTION_LIVE] <= 64
    assert fed._work.state[tables.CHANNEL_LIVE] <= 64
    assert fed._work.state[tables.ROW_LIVE] <= 100
    table, _ = fed.windows(final=True)
    assert len(table) == 1_001  # each (channel, window) once
    busy = np.flatnonzero(table.port == 3333)
    assert table.wide[busy, layout.UP + layout.PACKETS].tolist() == [1_000]
    assert pairs(table, "LENGTHS", "up", int(busy[0])) == {40: 1_000}  # it was never evicted
    assert int(table.wide[:, layout.UP + layout.PACKETS].sum()) == 2_000


def test_the_idle_are_forgotten_in_data_time() -> None:
    fed = Meter(MeterSettings(idle_s=600))
    first = Packet(START, 1, 40_000, 2, 80, 6, 60, 5, b"12345", 16, 1)
    fed.observe([first])
    fed.observe(first._replace(ts_ns=START + t * 10 * S, source_port=40_001) for t in range(100))
    assert fed._work.state[tables.CONNECTION_LIVE] == 1
    # With its state gone, the same sequence number is no retransmission but a new beginning.
    fed.observe([first._replace(ts_ns=START + 1_000 * S)])
    table, _ = fed.windows(True)
    assert (
        wide(table, "RETRANSMITTED", "up", len(table) - 1) + wide(table, "MESSAGES", "up", len(table) - 1) > 0
    )


def test_hash_table_growth_and_removal_lose_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working, "_FIRST_ENTRIES", 2)
    fed = Meter(MeterSettings(max_connections=500))
    rng = np.random.default_rng(5)
    sent: dict[int, int] = defaultdict(int)
    for source in rng.integers(0, 400, 5_000).tolist():
        sent[source] += 1
        fed.observe([Packet(START, source, 40_000, 1 << 100, 80, 17, 60, 0)])
    table, _ = fed.windows(True)
    found = dict(
        zip(table.client[:, 1].tolist(), table.wide[:, layout.UP + layout.PACKETS].tolist(), strict=True)
    )
    assert found == sent


def test_observed_packets_are_checked() -> None:
    packet = Packet(START, 1, 40_000, 2, 80, 6, 60, 5, b"12345")
    for bad in (
        packet._replace(transport=1), packet._replace(source=-1), packet._replace(destination_port=65_536),
        packet._replace(payload=b"123456"),
        packet._replace(sequence=2**32), packet._replace(wire_bytes=2**31),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="out of range"):
            Meter(MeterSettings()).observe([bad])
    fed = Meter(MeterSettings())
    fed.reject("fragment")
    assert (fed.counters.packets, fed.counters.undecodable) == (1, {"fragment": 1})


def test_observed_and_decoded_packets_give_the_same_rows() -> None:
    frame = tcp(CLIENT, 40_000, SERVER, 3333, JOB, seq=7)
    fed = Meter(MeterSettings())
    mapped = [0xFFFF << 32 | int.from_bytes(frame[at : at + 4], "big") for at in (12, 16)]
    fed.observe(
        [Packet(START, mapped[0], 40_000, mapped[1], 3333, 6, len(ether(frame)), len(JOB), JOB, 24, 7)]
    )
    assert [p.data for p in fed.payloads()] == [JOB]
    assert canonical(fed.windows(True)[0]) == canonical(rows(pcap([(START, ether(frame))])))


# --- whatever the cuts

EVENTS = st.lists(
    st.tuples(
        st.integers(0, 3),  # connection
        st.booleans(),  # up
        st.sampled_from([0, 1, 5, 40, 200, 1_400]),
        st.sampled_from([0, MS // 2, 3 * MS, 300 * MS, 3 * S, 40 * S, 700 * S, -S]),
        st.sampled_from([0, 0, 0, 0, -1, -40, 1_000]),
        st.sampled_from([ACK, ACK, ACK, SYN, SYN | ACK, RST, FIN | ACK]),
    ),
    max_size=40,
)


def traffic(events: list[tuple[int, bool, int, int, int, int]]) -> list[tuple[int, bytes]]:
    frames, at = [], START
    talks = [Talk(40_000), Talk(40_001), Talk(40_000, 443), Talk(20_000, 20_001)]
    for which, up, n, step, shift, flags in events:
        at += step
        talk = talks[which]
        payload = record(23, max(n - 5, 0))[:n] if which == 2 else (JOB * 30)[:n]
        talk.say(at - START, up, payload, shift, flags)
        frames.append(talk.frames[-1])
    return frames


@settings(max_examples=80, deadline=None)
@given(EVENTS, st.lists(st.integers(0, 60_000), max_size=8))
def test_any_cut_of_the_bytes_gives_the_same_windows(
    events: list[tuple[int, bool, int, int, int, int]], cuts: list[int]
) -> None:
    data = pcap(traffic(events), nano=True)
    where = sorted({cut % (len(data) + 1) for cut in cuts})
    whole, cut = meter(data), meter(data, where)
    assert whole.payloads() == cut.payloads()
    assert canonical(whole.windows(True)[0]) == canonical(cut.windows(True)[0])


def test_one_byte_at_a_time_gives_the_same_windows() -> None:
    talk = Talk().open().say(S, True, JOB).say(2 * S, False, JOB).say(400 * S, False, JOB)
    data = pcap(talk.frames)
    assert canonical(rows(data, range(1, len(data)))) == canonical(rows(data))


@settings(max_examples=60, deadline=None)
@given(EVENTS, st.lists(st.integers(0, 40), max_size=4))
def test_any_cut_into_files_gives_the_same_windows(
    events: list[tuple[int, bool, int, int, int, int]], cuts: list[int]
) -> None:
    """Files of either format, one after the other in one meter, are one long stream."""
    frames = traffic(events)
    whole, chained = meter(pcap(frames, nano=True)), Meter(MeterSettings())
    bounds = [0, *sorted(min(cut, len(frames)) for cut in cuts), len(frames)]
    ended = []
    for start, stop in pairwise(bounds):
        data = pcap(frames[start:stop], nano=True, order=">" if start % 2 else "<")
        chained.feed(data + b"\1\2\3")  # a record that the end of the file cut short
        ended.append(chained.next_stream())
        assert ended[-1].cut_at == len(data)
    chained.finish()
    assert sum(counters.packets for counters in ended) == whole.counters.packets
    assert chained.counters.packets == 0
    assert chained.payloads() == whole.payloads()
    assert canonical(chained.windows(True)[0]) == canonical(whole.windows(True)[0])


def test_the_next_stream_begins_without_the_problem_of_the_last() -> None:
    fed = Meter(MeterSettings())
    fed.feed(b"no capture at all")
    assert fed.problem is not None
    fed.next_stream()
    assert fed.problem is None
    fed.feed(pcap(Talk().open().frames))
    assert fed.counters.packets == 2


@settings(max_examples=60, deadline=None)
@given(EVENTS)
def test_sums_are_what_was_sent(events: list[tuple[int, bool, int, int, int, int]]) -> None:
    frames = traffic(events)
    table = rows(pcap(frames, nano=True))
    both = [layout.UP, layout.DOWN]
    assert table.wide[:, [d + layout.PACKETS for d in both]].sum() == len(frames)
    assert table.wide[:, [d + layout.BYTES for d in both]].sum() == sum(len(f) for _, f in frames)
    assert table.wide[:, [d + layout.PAYLOAD_BYTES for d in both]].sum() == sum(n for _, _, n, *_ in events)
    messages = table.wide[:, [d + layout.MESSAGES for d in both]]
    lengths = (
        table.narrow[:, : layout.LENGTH_BINS].sum(1),
        table.narrow[:, layout.NARROW_DOWN :][:, : layout.LENGTH_BINS].sum(1),
    )
    assert np.array_equal(messages, np.stack(lengths, 1))
