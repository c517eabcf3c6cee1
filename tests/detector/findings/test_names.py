"""Names in findings: shown, for and against, and without weight."""

from __future__ import annotations

from dataclasses import replace

import pytest

from detector.findings import judge
from detector.findings.ledger import ChannelRecord
from detector.hosts import Assets
from detector.pools import PoolNames
from detector.records import Finding, Names, Verdict
from detector.settings import Settings
from tests.detector.findings.records import Models, channel_record, heard, host, ledger

HOST = "10.0.0.7"
POOLS = PoolNames(frozenset({"pool.example"}))
BARE = Names(hellos=2, without_name=2, without_alpn=2, ja4="t13i0201_", self_signed=True, unasked=True)
MAIL = Names(hellos=1, server_name="mail.google.com", alpn="h2", ja4="t13d0201h2_")


def told(*channels: ChannelRecord, asked: dict[str, int] | None = None) -> Finding:
    made = ledger({HOST: host(*channels)})
    made.asked = {HOST: asked} if asked else {}
    (found,) = judge(made, Models(), Settings(), Assets(), pools=POOLS)  # type: ignore[arg-type]
    return found


LISTED = [
    Names(hellos=1, server_name="xmr.pool.example"),
    Names(http_host="pool.example"),
    Names(looked_up="eu.pool.example"),
    Names(certificate=("www.example", "*.pool.example")),
]


@pytest.mark.parametrize("names", LISTED)
@pytest.mark.parametrize("probability", [0.01, 0.5, 0.7, 0.95])
def test_a_listed_name_moves_neither_verdict_nor_score(names: Names, probability: float) -> None:
    """Alone it is never mining; it is told all the same."""
    bare = told(channel_record(probability))
    found = told(channel_record(probability, names=names))
    assert (found.verdict, found.score) == (bare.verdict, bare.score)
    assert found.verdict is not Verdict.MINING
    (evidence,) = [one for one in found.evidence if one.kind == "listed_name"]
    assert evidence.weight == 0.0 and "pool.example (listed)" in evidence.summary
    assert "(listed)" in found.why or bare.evidence


def test_a_name_that_only_contains_a_listed_one_is_none() -> None:
    for name in ("pool.example.evil.net", "notpool.example"):
        assert told(channel_record(0.1, names=Names(hellos=1, server_name=name))).evidence == []


def test_a_look_up_of_an_address_that_serves_many_names_is_none() -> None:
    assert told(channel_record(0.1, names=Names(looked_up="pool.example", shared=True))).evidence == []


def test_a_name_that_was_asked_for_and_nothing_else() -> None:
    found = told(channel_record(0.01), asked={"xmr.pool.example": 5})
    assert found.verdict is Verdict.CLEAR
    assert [one.summary for one in found.evidence] == ["asked for the name xmr.pool.example (listed)"]
    assert found.why.endswith("; asked for the name xmr.pool.example (listed)")


def test_what_the_handshake_of_a_suspect_lacks() -> None:
    found = told(channel_record(0.95, suspect_windows=2, names=BARE))
    (evidence,) = [one for one in found.evidence if one.kind == "handshake"]
    assert evidence.summary == (
        "203.0.113.5:3333: no server name in the handshake, no application protocol (ALPN),"
        " the server's certificate is self-signed, its address was not looked up"
    )
    assert evidence.weight == 0.0 and evidence.facts == {"ja4": "t13i0201_"}
    assert told(channel_record(0.1, names=BARE)).evidence == []


def test_an_ordinary_service_speaks_against_a_rhythm() -> None:
    found = told(channel_record(0.95, suspect_windows=2, names=MAIL))
    (against,) = [one for one in found.counter_evidence if one.kind == "named_service"]
    assert against.summary == "203.0.113.5:3333: server name mail.google.com, ALPN h2"
    assert against.facts == {"server_name": "mail.google.com", "alpn": "h2", "ja4": "t13d0201h2_"}


def test_nothing_speaks_against_words_or_listed_names() -> None:
    assert told(channel_record(facts=heard(), names=MAIL)).counter_evidence == []
    listed = replace(MAIL, certificate=("pool.example",))
    assert told(channel_record(0.95, suspect_windows=2, names=listed)).counter_evidence == []


def test_names_are_made_fit_to_print() -> None:
    names = Names(hellos=1, server_name="xmr.pool.example", alpn="\x1b[31m", http_agent="\n" * 500)
    (evidence, *_) = told(channel_record(0.1, names=names)).evidence
    assert evidence.facts["alpn"] == "?[31m" and len(evidence.facts["http_agent"]) == 64
