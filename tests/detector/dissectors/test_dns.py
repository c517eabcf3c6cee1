"""DNS answers, written from RFC 1035 and by another library."""

from __future__ import annotations

import ipaddress
import struct

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.dissectors.dns import ADDRESSES, LENGTH_LIMIT, Answer, Stream, answer

LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
NAMES = (
    st.lists(LABELS, min_size=2, max_size=4)
    .map(".".join)
    .filter(lambda name: name[0] not in "0123456789abcdef")
)
ADDRESS = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))


def spelled(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def response(name: str, *records: tuple[int, bytes], flags: int = 0x8180, questions: int = 1) -> bytes:
    head = struct.pack(">HHHHHH", 7, flags, questions, len(records), 0, 0)
    told = b"".join(
        b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(data)) + data for kind, data in records
    )
    return head + spelled(name) + b"\0\x01\0\x01" + told


def test_an_alias_and_its_addresses() -> None:
    alias = (5, spelled("eu.pool.example"))
    told = answer(response("XMR.pool.example", alias, (1, b"\xcb\0\x71\5"), (28, bytes(15) + b"\1")))
    assert told == Answer("xmr.pool.example", ("203.0.113.5", "::1"))


def test_no_such_name() -> None:
    assert answer(response("no.example", flags=0x8183)) == Answer("no.example", ())


@pytest.mark.parametrize(
    "message",
    [
        response("a.example", flags=0x0100),  # a question
        response("a.example", flags=0xA180),  # another opcode
        response("a.example", questions=2),
        response("user@pool.example"),
        response("192.0.2.7"),
        struct.pack(">HHHHHH", 7, 0x8180, 1, 0, 0, 0) + b"\xc0\x0c\0\1\0\1",  # the question points at itself
    ],
    ids=["question", "opcode", "two questions", "no host", "an address", "loop"],
)
def test_what_is_no_answer_of_a_host(message: bytes) -> None:
    assert answer(message) is None


def test_addresses_are_bounded() -> None:
    told = answer(response("a.example", *((1, bytes([10, 0, 0, i])) for i in range(60))))
    assert told is not None and len(told.addresses) == ADDRESSES


@given(name=NAMES, addresses=st.lists(ADDRESS, max_size=ADDRESSES, unique=True))
def test_as_another_library_writes_it(name: str, addresses: list[ipaddress.IPv4Address]) -> None:
    message = dpkt.dns.DNS(qr=dpkt.dns.DNS_R, qd=[dpkt.dns.DNS.Q(name=name, type=1)])
    for address in addresses:
        kind, member = (1, "ip") if address.version == 4 else (28, "ip6")
        message.an.append(
            dpkt.dns.DNS.RR(name=name, type=kind, cls=1, ttl=60, rdata=b"", **{member: address.packed})
        )
    assert answer(bytes(message)) == Answer(name, tuple(map(str, addresses)))


@given(st.binary(max_size=200))
def test_anything_is_read_or_none(message: bytes) -> None:
    answer(message)
    answer(message[:2] + b"\x81\x80\0\1\0\5" + message)


@given(cuts=st.lists(st.integers(0, 200), max_size=6))
def test_over_tcp_however_it_is_cut(cuts: list[int]) -> None:
    messages = [response("a.example", (1, b"\x0a\0\0\1")), response("b.example")]
    data = b"".join(len(one).to_bytes(2) + one for one in messages)
    stream, told, at = Stream(), [], 0
    for cut in [*sorted(cuts), len(data)]:
        told += stream.feed(data[at:cut])
        at = max(at, min(cut, len(data)))
    assert told == [Answer("a.example", ("10.0.0.1",)), Answer("b.example", ())] and not stream.waits


def test_over_tcp_what_is_too_long_ends_it() -> None:
    stream = Stream()
    assert stream.feed((LENGTH_LIMIT + 1).to_bytes(2) + bytes(100)) == [] and not stream.waits
    assert stream.feed(bytes(100)) == [] and not stream.waits
