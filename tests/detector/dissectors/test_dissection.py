"""All connections: windows, carried names, decisions, bounds."""

from __future__ import annotations

import dataclasses
import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.dissectors import Bounds, Decision, Dissection, inflate, merge_facts
from detector.records import UDP, Facts
from tests.detector.dissectors.dialogue import START_NS, Piece, cut_at, facts_of, line, miner, pool
from tests.detector.dissectors.test_cryptonote import TALK as CRYPTONOTE
from tests.detector.dissectors.test_ethproxy import TALK as ETHPROXY
from tests.detector.dissectors.test_stratum import BITCOIN, ZCASH

SUBSCRIBE = line(
    {"id": 1, "method": "mining.subscribe", "params": ["cgminer/4", None, "zec.pool.example", "1"]}
)
SHARE = line({"id": 4, "method": "mining.submit", "params": ["bob.rig", "1", "2", "3", "4"]})
WINDOW_NS = 300 * 10**9
HOSTILE = st.sampled_from(
    [
        SUBSCRIBE,
        SHARE,
        b'{"id":1,"result":true}\n',
        b'{"method":"login","params":{"login":"x","pass":"hunter2"}}\n',
        b'{"method":"job","params":{}}\n',
        b"POST / HTTP/1.1\r\n",
        b"\r\n",
        b"Content-Length: 99\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b'{"method":"eth_getWork"',
        b',"id":',
        b"[[[[[",
        b"}}}}",
        b'"',
        b"\0\0",
        b"\xff\xfe",
    ]
)


def test_facts_stand_in_the_window_of_their_message_and_names_are_carried_on() -> None:
    dissection = Dissection(300)
    later = START_NS + WINDOW_NS + 5
    dissection.feed([Piece(True, SUBSCRIBE), Piece(True, SHARE, later), Piece(True, SHARE, later + 1)])
    first, second = dissection.facts(7, START_NS), dissection.facts(7, START_NS + WINDOW_NS)
    assert first is not None and (first.logins, first.shares, first.worker) == (1, 0, None)
    assert second is not None and (second.logins, second.shares, second.worker) == (0, 2, "rig")
    assert (second.coin, second.agent, second.pool) == ("ZEC", "cgminer/4", "zec.pool.example")
    assert dissection.facts(7, START_NS) is None and dissection.facts(8, START_NS) is None


def test_connections_of_one_channel_add_up() -> None:
    dissection = Dissection(300)
    dissection.feed([Piece(True, SHARE, connection=c) for c in range(5)])
    facts = dissection.facts(7, START_NS)
    assert facts is not None and facts.shares == 5


def test_facts_follow_a_channel_that_becomes_part_of_another() -> None:
    dissection = Dissection(300)
    later = START_NS + WINDOW_NS
    dissection.feed([Piece(True, SUBSCRIBE, channel=7), Piece(True, SHARE, later, channel=7)])
    dissection.feed([Piece(True, SHARE, later, channel=8, connection=2)])
    dissection.join(7, 8)
    dissection.join(7, 8)
    assert dissection.facts(7, START_NS) is None
    first, second = dissection.facts(8, START_NS), dissection.facts(8, later)
    assert first is not None and first.logins == 1
    assert second is not None and (second.shares, second.agent) == (2, "cgminer/4")
    assert not dissection.heard()


def test_roles_are_decided_once() -> None:
    dissection = Dissection(300)
    assert dissection.feed([Piece(False, SUBSCRIBE, connection=3)]) == [
        Decision(3, ignore=False, client_is_a=False)
    ]
    assert dissection.feed([Piece(False, SHARE, connection=3)]) == []


def test_given_up_after_messages_or_bytes_or_text_or_udp() -> None:
    dissection = Dissection(300)
    plain = line({"id": 1, "result": 5})
    assert dissection.feed([Piece(True, plain * 7, connection=1)]) == []
    assert dissection.feed([Piece(True, plain, connection=1)]) == [Decision(1, ignore=True)]
    assert dissection.feed([Piece(True, SHARE, connection=1)]) == []
    assert dissection.feed([Piece(True, b'{"a":"' + b"x" * 20_000, connection=2)]) == [
        Decision(2, ignore=True)
    ]
    assert dissection.feed([Piece(True, b"\x16\x03\x01", connection=4)]) == [Decision(4, ignore=True)]
    assert dissection.feed([Piece(True, SHARE, connection=5, transport=UDP)]) == [Decision(5, ignore=True)]
    assert dissection.facts(7, START_NS) is None


def test_bytes_limit_does_not_depend_on_the_pieces() -> None:
    data = b'{"text":"' + b"x" * 16_100 + b'"}\n' + SHARE * 20
    assert facts_of([Piece(True, data)]) == facts_of([Piece(True, data[i : i + 1]) for i in range(len(data))])


def test_a_miners_connection_is_never_given_up() -> None:
    facts = facts_of([Piece(True, SHARE + line({"id": 1, "result": 5}) * 100 + SHARE)])
    assert facts is not None and facts.shares == 2


def test_memory_is_bounded() -> None:
    bounds = Bounds(connections=10, n_bytes=50_000, windows=4)
    dissection = Dissection(300, bounds=bounds)
    for c in range(100):
        dissection.feed([Piece(True, SHARE + b'{"a":"' + b"x" * 9_000, connection=c, channel=c)])
        assert len(dissection._conversations) <= 10 and dissection._held <= 50_000 + 10_000
        assert dissection._held == sum(each.held for each in dissection._conversations.values())
    assert [c for c in range(100) if dissection.facts(c, START_NS) is not None] == [96, 97, 98, 99]


def test_closed_and_forgotten_connections_are_read_as_joined_in_the_middle() -> None:
    dissection = Dissection(300)
    dissection.feed([Piece(True, SUBSCRIBE + b'{"id":')])
    dissection.close(1)
    dissection.close(1)
    dissection.feed([Piece(True, SHARE)])
    facts = dissection.facts(7, START_NS)
    assert facts is not None and (facts.logins, facts.shares) == (1, 1)
    assert dissection._held == 0


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=40) | HOSTILE, st.booleans()), max_size=40))
def test_any_bytes_of_any_side(pieces: list[tuple[bool, bytes, bool]]) -> None:
    dissection = Dissection(300)
    dissection.feed(Piece(a, data, gap=gap) for a, data, gap in pieces)
    # Besides, a side that goes on in gzip holds zlib's state, which is no part of what it was fed.
    assert dissection._held <= sum(len(data) for _, data, _ in pieces) + 2 * inflate.STATE
    assert "hunter2" not in repr(dissection.facts(7, START_NS))


@given(st.lists(st.tuples(st.booleans(), HOSTILE), max_size=25), st.integers(1, 40))
def test_facts_do_not_depend_on_the_pieces(talk: list[tuple[bool, bytes]], step: int) -> None:
    cut = [Piece(a, data[i : i + step]) for a, data in talk for i in range(0, len(data), step)]
    assert facts_of(cut) == facts_of([Piece(a, data) for a, data in talk])


def changed(value: Any, rng: random.Random) -> Any:
    """A JSON value with some of its parts replaced by odd ones."""
    if rng.random() < 0.06:
        return rng.choice([None, True, -1, 1e300, "", [], {}, [[]], "0x", "\ud800", "0xffffff", 10**80])
    if isinstance(value, dict):
        return {key: changed(item, rng) for key, item in value.items() if rng.random() < 0.97}
    return [changed(item, rng) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("seed", range(150))
def test_spoilt_dialogues_never_raise_nor_depend_on_the_pieces(seed: int) -> None:
    rng = random.Random(seed)
    talk = []
    for piece in rng.choice([BITCOIN, ZCASH, CRYPTONOTE, ETHPROXY]):
        value = changed(json.loads(piece.data), rng)
        talk.append(dataclasses.replace(piece, data=line(value), gap=rng.random() < 0.03))
    expected = facts_of(talk)
    for offset in rng.sample(range(1, 120), 5):
        assert facts_of(cut_at(talk, offset)) == expected


NAMES = st.none() | st.sampled_from(["x", "y"])
COUNTS = st.integers(0, 3)
FACTS = st.none() | st.builds(
    Facts,
    dialect=st.sampled_from(["stratum", "zcash", "cryptonote"]),
    client_is_a=st.none() | st.booleans(),
    coin=st.sampled_from(["unknown", "ZEC", "BTC"]),
    algorithm=NAMES,
    agent=NAMES,
    pool=NAMES,
    wallet=NAMES,
    worker=NAMES,
    logins=COUNTS,
    requests=COUNTS,
    jobs=COUNTS,
    shares=COUNTS,
    accepted=COUNTS,
    rejected=COUNTS,
    difficulty=st.none() | st.floats(1, 9),
    errors=COUNTS,
    server_mines=st.none() | st.just(True),
    carrier=NAMES,
)


@given(FACTS, FACTS, FACTS)
def test_merge_is_associative(a: Facts | None, b: Facts | None, c: Facts | None) -> None:
    assert merge_facts(merge_facts(a, b), c) == merge_facts(a, merge_facts(b, c))


def test_merge_by_hand() -> None:
    a = Facts("stratum", None, logins=1, shares=2, agent="x", difficulty=1.0)
    b = Facts("zcash", True, coin="ZEC", shares=3, agent="y", wallet="w", difficulty=2.0)
    expected = Facts("zcash", True, coin="ZEC", logins=1, shares=5, agent="x", wallet="w", difficulty=2.0)
    assert merge_facts(a, b) == expected
    assert merge_facts(a, None) == a and merge_facts(None, b) == b and merge_facts(None, None) is None


def test_merge_leaves_its_arguments_alone() -> None:
    a, b = Facts("stratum", shares=2), Facts("zcash", shares=3)
    kept = dataclasses.replace(a), dataclasses.replace(b)
    merge_facts(a, b)
    assert (a, b) == kept


def test_two_sides_of_one_dialogue_are_told_apart() -> None:
    facts = facts_of(
        [*miner({"id": 1, "method": "mining.submit", "params": ["w"]}), *pool({"id": 1, "result": True})]
    )
    assert facts is not None and (facts.shares, facts.accepted) == (1, 1)
