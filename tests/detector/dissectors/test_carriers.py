"""What dialogues are wrapped in: WebSocket (RFC 6455, 7692), SOCKS (RFC 1928, 1929), CONNECT (RFC 9110,
9.3.6), gzip (RFC 1952; Alephium's connection.set_gzip).  Inside is a dialogue that its own test reads."""

from __future__ import annotations

import dataclasses
import gzip
import json
import random
import zlib
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.dissectors import inflate
from detector.dissectors.conversation import Conversation
from detector.dissectors.registry import DISSECTORS
from detector.records import Facts
from tests.detector.dissectors.dialogue import (
    START_NS,
    Piece,
    cut_at,
    facts_of,
    joined,
    line,
    miner,
    pool,
    swapped,
)
from tests.detector.dissectors.test_cryptonote import TALK as CRYPTONOTE
from tests.detector.dissectors.test_getwork import TEMPLATE, post
from tests.detector.dissectors.test_stratum import BITCOIN
from tests.detector.dissectors.test_stratumv2 import MINING as STRATUM_V2

INSIDE = facts_of(BITCOIN)
assert INSIDE is not None
ASK = (
    b"GET /proxy HTTP/1.1\r\nHost: ws.btc.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: HSmrc0sMlYUkAGmm5OPpG2HaGWk=\r\n\r\n"
)


def frame(payload: bytes, *, first: int = 0x81, mask: bytes = b"") -> bytes:
    n = len(payload)
    size = (
        bytes([n])
        if n < 126
        else b"\x7e" + n.to_bytes(2, "big")
        if n < 1 << 16
        else b"\x7f" + n.to_bytes(8, "big")
    )
    head = bytes([first, size[0] | (0x80 if mask else 0)]) + size[1:] + mask
    return head + bytes(b ^ mask[i % 4] for i, b in enumerate(payload)) if mask else head + payload


def masked(from_a: bool) -> bytes:
    return b"\x37\xfa\x21\x3d" if from_a else b""


def framed(talk: Iterable[Piece], wrap: Callable[[bytes, bytes], bytes]) -> list[Piece]:
    return [dataclasses.replace(p, data=wrap(p.data, masked(p.from_a))) for p in talk]


def websocket(talk: Iterable[Piece], wrap: Callable[[bytes, bytes], bytes]) -> list[Piece]:
    return [*miner(ASK), *pool(SWITCH), *framed(talk, wrap)]


def plain(data: bytes, mask: bytes) -> bytes:
    return frame(data, mask=mask)


def fragmented(data: bytes, mask: bytes) -> bytes:
    """Three fragments, with control frames between them (5.4)."""
    ping, pong = frame(b"are you there", first=0x89, mask=mask), frame(b"", first=0x8A, mask=mask)
    first = frame(data[:9], first=0x01, mask=mask) + ping
    return first + frame(data[9:20], first=0x00, mask=mask) + pong + frame(data[20:], first=0x80, mask=mask)


def compressed() -> Callable[[bytes, bytes], bytes]:
    """With context takeover, a compressor a side; RFC 7692, 7.2.1."""
    sides: dict[bytes, zlib._Compress] = {}

    def wrap(data: bytes, mask: bytes) -> bytes:
        side = sides.setdefault(mask, zlib.compressobj(9, zlib.DEFLATED, -15))
        packed = side.compress(data) + side.flush(zlib.Z_SYNC_FLUSH)
        return frame(packed.removesuffix(b"\0\0\xff\xff"), first=0xC1, mask=mask)

    return wrap


def told(carrier: str, host: str | None = None, coin: str = "unknown") -> Facts:
    assert INSIDE is not None
    return dataclasses.replace(INSIDE, carrier=carrier, pool=host, coin=coin)


SOCKS5 = [
    *miner(b"\5\2\0\2"),
    *pool(b"\5\2"),
    *miner(b"\1\3bob\15hunter2secret"),
    *pool(b"\1\0"),
    *miner(b"\5\1\0\3\x10xmr.pool.example\x0d\x05"),
    *pool(b"\5\0\0\1\0\0\0\0\0\0"),
]
SOCKS5_PLAIN = [*miner(b"\5\1\0", b"\5\1\0\1\xcb\0\x71\5\x0d\x05"), *pool(b"\5\0", b"\5\0\0\1\0\0\0\0\0\0")]
SOCKS4A = [*miner(b"\4\1\x0d\x05\0\0\0\1bob\0xmr.pool.example\0"), *pool(b"\0\x5a\0\0\0\0\0\0")]
SOCKS4 = [*miner(b"\4\1\x0d\x05\xcb\0\x71\5\0"), *pool(b"\0\x5a\0\0\0\0\0\0")]
CONNECT = [
    *miner(b"CONNECT xmr.pool.example:3333 HTTP/1.1\r\nHost: xmr.pool.example:3333\r\nUser-Agent: x\r\n\r\n"),
    *pool(b"HTTP/1.1 200 OK\r\nVia: proxy\r\n\r\n"),
]
REFUSED = [*CONNECT[:1], *pool(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 2\r\n\r\nno")]
CASES = {
    "websocket": (websocket(BITCOIN, plain), told("websocket", "ws.btc.example", "BTC")),
    "fragments": (websocket(BITCOIN, fragmented), told("websocket", "ws.btc.example", "BTC")),
    "deflate": (websocket(BITCOIN, compressed()), told("websocket", "ws.btc.example", "BTC")),
    "middle": (framed(BITCOIN, plain), told("websocket")),
    "socks5 with a user": ([*SOCKS5, *BITCOIN], told("socks5", "xmr.pool.example", "XMR")),
    "socks5": ([*SOCKS5_PLAIN, *BITCOIN], told("socks5")),
    "socks4a": ([*SOCKS4A, *BITCOIN], told("socks4", "xmr.pool.example", "XMR")),
    "socks4": ([*SOCKS4, *BITCOIN], told("socks4")),
    "connect": ([*CONNECT, *BITCOIN], told("connect", "xmr.pool.example", "XMR")),
    "connect, refused first": ([*REFUSED, *CONNECT, *BITCOIN], told("connect", "xmr.pool.example", "XMR")),
    "socks5 and websocket": (
        [*SOCKS5_PLAIN, *websocket(BITCOIN, plain)],
        told("socks5+websocket", "ws.btc.example", "BTC"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_inside_and_what_is_around_it(name: str) -> None:
    talk, expected = CASES[name]
    assert facts_of(talk) == expected
    assert facts_of(swapped(talk)) == dataclasses.replace(expected, client_is_a=False)
    assert facts_of(joined(talk)) == expected
    for offset in range(1, max(len(p.data) for p in talk)):
        assert facts_of(cut_at(talk, offset)) == expected, f"cut at {offset}"
    assert "hunter2" not in repr(facts_of(talk))


def test_other_dialects_inside() -> None:
    cryptonote, v2 = facts_of(CRYPTONOTE), facts_of(STRATUM_V2)
    assert cryptonote is not None and v2 is not None
    assert facts_of(websocket(CRYPTONOTE, plain)) == dataclasses.replace(
        cryptonote, carrier="websocket", pool="ws.btc.example"
    )
    assert facts_of([*SOCKS4, *STRATUM_V2]) == dataclasses.replace(v2, carrier="socks4")


def test_the_middle_of_a_connect_is_told_by_its_reason() -> None:
    answer = pool(b"HTTP/1.0 200 Connection established\r\n\r\n")
    assert facts_of([*answer, *BITCOIN]) == told("connect")


def test_lost_bytes_of_a_websocket() -> None:
    talk = websocket(BITCOIN, plain)
    half = dataclasses.replace(talk[8], data=talk[8].data[:80])  # the method is in it
    facts = facts_of([*talk[:8], half, talk[9], dataclasses.replace(talk[10], gap=True), *talk[11:]])
    assert facts is not None and facts.carrier == "websocket"
    assert (facts.logins, facts.shares, facts.rejected, facts.errors) == (2, 2, 1, 0)


def test_lost_bytes_of_a_compressed_websocket_end_the_side() -> None:
    talk = websocket(BITCOIN, compressed())
    facts = facts_of([*talk[:8], *(dataclasses.replace(p, gap=not p.from_a) for p in talk[8:])])
    assert facts is not None and (facts.shares, facts.accepted, facts.errors) == (2, 0, 0)


@pytest.mark.parametrize(
    "talk",
    [
        websocket(miner({"type": "subscribe", "channel": "btcusd"}) + pool({"price": 5}), plain),
        websocket(
            miner(b"2probe") + pool(b"3probe") + pool(b'42["message",{"method":"mining.submit"}]'), plain
        ),
        [*miner(ASK), *pool(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno")],
        [*SOCKS5, *miner(b"\x16\3\1\0\x05hello"), *pool(b"\x16\3\3\0\x05hello")],
        [*CONNECT, *miner(b"\x16\3\1\0\x05hello")],
        [*CONNECT, *miner(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), *pool(b"HTTP/1.1 204 No Content\r\n\r\n")],
    ],
)
def test_other_traffic_inside_tells_nothing(talk: list[Piece]) -> None:
    assert facts_of(talk) is None


ALEPHIUM = [
    *miner({"id": "0", "method": "mining.hello", "params": ["miner/1", "AlephiumStratum/1.0.0"]}),
    *pool({"id": "0", "result": ["AlephiumStratum/1.0.0", False, "1e", "3", "node"]}),
    *miner({"id": "1", "method": "connection.set_gzip"}),
    *pool({"id": "1", "result": True}),
]
PACKED = [
    *miner({"id": "3", "method": "mining.authorize", "params": ["wallet.rig", "hunter2secret"]}),
    *pool({"id": "3", "result": "w1"}),
    *pool({"method": "mining.notify", "params": ["j1", "5", "ab" * 302]}),
    *miner({"id": "4", "method": "mining.submit", "params": ["j1", "cd" * 20, "w1"]}),
    *pool({"id": "4", "result": True}),
]


def one_stream() -> Callable[[Piece], bytes]:
    sides = {side: zlib.compressobj(9, zlib.DEFLATED, 31) for side in (True, False)}

    def pack(piece: Piece) -> bytes:
        return sides[piece.from_a].compress(piece.data) + sides[piece.from_a].flush(zlib.Z_SYNC_FLUSH)

    return pack


@pytest.mark.parametrize("pack", [one_stream(), lambda piece: gzip.compress(piece.data)])
def test_alephium_goes_on_compressed(pack: Callable[[Piece], bytes]) -> None:
    """The specification does not say whether it is one stream or one a message: both are read."""
    talk = [*ALEPHIUM, *(dataclasses.replace(p, data=pack(p)) for p in PACKED)]
    facts = facts_of(talk)
    assert facts is not None and "hunter2" not in repr(facts)
    assert (facts.carrier, facts.logins, facts.jobs, facts.shares, facts.accepted) == ("gzip", 2, 1, 1, 1)
    for offset in range(1, max(len(p.data) for p in talk)):
        assert facts_of(cut_at(talk, offset)) == facts, f"cut at {offset}"


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
def test_http_bodies(coding: str) -> None:
    body = json.dumps({"id": 0, "result": TEMPLATE, "error": None}).encode()
    packed = {"gzip": gzip.compress(body), "deflate": zlib.compress(body)}.get(coding, b"\x1b\x0e\0\xf8")
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\nContent-Length: %d\r\n\r\n" % (
        coding.encode(),
        len(packed),
    )
    talk = [*miner(post({"id": 0, "method": "getblocktemplate", "params": []})), *pool(answer + packed)]
    facts = facts_of(talk)
    assert facts is not None and facts.jobs == (0 if coding == "br" else 1)
    for offset in range(1, len(answer + packed)):
        assert facts_of(cut_at(talk, offset)) == facts


@pytest.mark.parametrize("opening", [b"\0\x5a\0\0\0\0\0\0", b"\5\0\5\0\0\1\0\0\0\0\0\0", CONNECT[0].data])
def test_openings_without_end(opening: bytes) -> None:
    for from_a in (True, False):
        conversation = Conversation(DISSECTORS)
        assert conversation.read(opening * 9000, from_a=from_a, ts_ns=START_NS) == []
        assert conversation.held <= 1 << 14


def test_what_unpacks_counts_as_held() -> None:
    """zlib's state is what a flood of such connections would cost: the bound of all of them must see it."""
    conversation = Conversation(DISSECTORS)
    for piece in [*ALEPHIUM, *(dataclasses.replace(p, data=gzip.compress(p.data)) for p in PACKED)]:
        conversation.read(piece.data, from_a=piece.from_a, ts_ns=START_NS)
    assert conversation.held >= 2 * inflate.STATE


BOMB = b'{"a":"' + b"x" * (8 << 20) + b'"}\n'


def test_bombs_are_bounded() -> None:
    raw = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = raw.compress(BOMB) + raw.flush(zlib.Z_SYNC_FLUSH)
    for pieces in (
        [*miner(ASK), *miner(frame(packed, first=0xC1, mask=b"abcd"))],
        [*ALEPHIUM, *miner(gzip.compress(BOMB) * 50)],
        pool(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", gzip.compress(BOMB)),
    ):
        conversation = Conversation(DISSECTORS)
        for piece in pieces:
            conversation.read(piece.data, from_a=piece.from_a, ts_ns=START_NS)
            assert conversation.held <= 1 << 18
    unpacker = inflate.Inflater(inflate.RAW)
    assert len(unpacker.feed(packed)) == inflate.LIMIT and unpacker.failed


def test_a_stream_that_breaks_gives_what_came_before_however_cut() -> None:
    rng = random.Random(3)
    good = gzip.compress(b"".join(line({"n": i, "x": rng.random()}) for i in range(200)))
    for at in range(30, len(good), 97):
        broken = good[:at] + bytes([good[at] ^ 0xFF]) + good[at + 1 :] + b"tail"
        whole, bytewise = inflate.Inflater(inflate.ANY), inflate.Inflater(inflate.ANY)
        out = whole.feed(broken)
        assert out == b"".join(bytewise.feed(broken[i : i + 1]) for i in range(len(broken)))
        assert whole.failed == bytewise.failed


SEEDS = st.sampled_from(
    [p.data for talk, _ in CASES.values() for p in talk] + [b"\x1f\x8b", b"\5\1\0", b"\x81\xfe"]
)
BYTES = st.binary(max_size=30) | SEEDS


@given(st.lists(st.tuples(st.booleans(), BYTES), max_size=14), st.integers(1, 40))
def test_facts_do_not_depend_on_the_pieces(talk: list[tuple[bool, bytes]], step: int) -> None:
    cut = [Piece(a, data[i : i + step]) for a, data in talk for i in range(0, len(data), step)]
    assert facts_of(cut) == facts_of([Piece(a, data) for a, data in talk])


@given(st.lists(st.tuples(st.booleans(), BYTES, st.booleans()), max_size=25))
def test_any_bytes_are_survived(talk: list[tuple[bool, bytes, bool]]) -> None:
    conversation = Conversation(DISSECTORS)
    for from_a, data, gap in talk:
        conversation.read(data, from_a=from_a, ts_ns=START_NS, gap=gap)
        assert conversation.held <= 1 << 18
