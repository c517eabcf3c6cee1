"""Evidence in words: right numbers, hashed identifiers, nothing hostile left in it."""

from __future__ import annotations

import json

import pytest

from detector.features.volumes import WITH_MESSAGES
from detector.findings import evidence, metered
from detector.findings.peers import Level
from detector.kernel import layout
from detector.records import Evidence, Facts
from tests.detector.findings.records import HOUR_NS, TEN, channel_record, heard, power_record
from tests.detector.sinks.samples import HOSTILE

WALLET = "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD"


def said(facts: Facts, show: bool = False, **changes: object) -> Evidence:
    found = evidence.dialogue(channel_record(0.95, facts=facts, **changes), 2.944, show)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (
            heard(accepted=1),
            "XMRig/6.21.0 logged in and was given 3 jobs and submitted 2 shares, 1 accepted,"
            " at 203.0.113.5:3333 (Monero)",
        ),
        (
            Facts("stratum", coin="BTC", jobs=1, shares=1),
            "a Stratum miner was given 1 job and submitted 1 share at 203.0.113.5:3333 (Bitcoin)",
        ),
        (
            Facts("ethproxy", requests=7),
            "an eth-proxy miner asked 7 times for work at 203.0.113.5:3333 (coin unknown)",
        ),
        (
            Facts("ethereumstratum", coin="NEW"),
            "an EthereumStratum miner spoke at 203.0.113.5:3333 (NEW)",
        ),
    ],
)
def test_dialogue_in_words(facts: Facts, words: str) -> None:
    found = said(facts)
    assert found.summary == words
    assert (found.facts["dialect"], found.weight) == (facts.dialect, 2.94)
    assert (found.first_ns, found.last_ns) == (TEN, TEN + HOUR_NS)
    assert found.channel == {
        "remote": "203.0.113.5", "port": 3333, "transport": "tcp", "role": "client",
        "client_port": None, "community_id": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("dialect", "kind"),
    [
        ("cryptonote", "stratum"),
        ("zcash", "stratum"),
        ("getwork", "getwork"),
        ("getblocktemplate", "getwork"),
    ],
)
def test_the_kind_is_one_of_the_schema(dialect: str, kind: str) -> None:
    assert said(Facts(dialect, shares=1)).kind == kind


def test_a_pool_at_home_serves_and_ipv6_is_in_brackets() -> None:
    assert "serving [2001:db8::1]:3333" in said(heard(), is_client=False, remote="2001:db8::1").summary
    assert said(heard(), transport=17).channel["transport"] == "udp"


def test_nothing_heard_is_nothing_told() -> None:
    assert evidence.dialogue(channel_record(), 1.0, False) is None


def test_wallets_and_workers_are_hashed_unless_asked_for() -> None:
    facts = heard(wallet=WALLET, worker="rig-in-the-cellar", pool="pool.example")
    hidden = said(facts)
    assert hidden.facts["wallet"] == evidence.hashed(WALLET) == "sha256:" + hidden.facts["wallet"][7:]
    assert len(hidden.facts["wallet"]) == len("sha256:") + 16
    assert hidden.facts["pool"] == "pool.example"
    text = json.dumps([hidden.summary, hidden.facts])
    assert WALLET not in text and WALLET[:20] not in text and "cellar" not in text
    shown = said(facts, show=True)
    assert shown.facts["worker"] == "rig-in-the-cellar"
    assert shown.facts["wallet"] == WALLET  # whole: part of one is of no use


def test_equal_wallets_have_equal_hashes_and_others_have_not() -> None:
    assert evidence.hashed("a") == evidence.hashed("a") != evidence.hashed("b")
    # the first digits of what `printf a | sha256sum` prints
    assert evidence.hashed("a") == "sha256:ca978112ca1bbdca"


@pytest.mark.parametrize("text", [*HOSTILE, "x" * 10_000, "é", ""])
@pytest.mark.parametrize("show", [False, True])
def test_hostile_text_is_cleaned_and_bounded(text: str, show: bool) -> None:
    text = text.encode("utf-8", "replace").decode("utf-8")  # what a dissector can hand on
    facts = heard(agent=text, pool=text, coin=text, algorithm=text, wallet=text, worker=text)
    found = said(facts, show)
    for value in (found.summary, *(v for v in found.facts.values() if isinstance(v, str))):
        assert value.isascii() and value.isprintable() and len(value) < 250


@pytest.mark.parametrize("meter", HOSTILE)
def test_names_of_meters_are_cleaned(meter: str) -> None:
    for told in (
        metered.drawn(power_record(meter=meter), Level()),
        metered.ordinary_power(power_record(meter=meter)),
    ):
        name = told.summary.replace("±", "")
        assert name.isascii() and name.isprintable()
        assert str(told.facts["meter"]).isprintable()


def test_behaviour_in_words() -> None:
    record = channel_record(0.95, suspect_windows=4)
    wide, narrow = record.wide, record.narrow
    wide[layout.TLS_RECORDS] = 3
    wide[layout.DOWN + layout.PUSHES] = 101
    wide[layout.DOWN + layout.FIRST_PUSH_NS] = TEN
    wide[layout.DOWN + layout.LAST_PUSH_NS] = TEN + 3_000_000_000_000
    wide[layout.UP + layout.MESSAGES] = 50
    pushes, lengths = layout.NARROW_DOWN + layout.PUSH_LENGTHS, layout.NARROW_UP + layout.LENGTHS
    narrow[pushes : pushes + 4] = (309, 60, 280, 30)
    narrow[lengths : lengths + 4] = (120, 20, 100, 20)
    wide[layout.UP + layout.REPLIED] = 40
    replies = layout.NARROW_UP + layout.REPLY_LENGTHS
    narrow[replies : replies + 4] = (63, 30, 66, 10)
    wide[layout.LAST_NS] = 3_600_000_000_000
    found = evidence.rhythm(record, 2.944)
    assert found.summary == (
        "mining-like rhythm with 203.0.113.5:3333 (encrypted):"
        " 101 unprompted server messages (60 of 309 bytes) every 30 s,"
        " 50 client messages (20 of 100 bytes), 40 answers of 63-66 bytes, in 60 min"
    )
    assert found.facts == {"probability": 0.95, "windows": 4}


def test_behaviour_without_pushes_says_no_rate() -> None:
    assert "every" not in evidence.rhythm(channel_record(), 1.0).summary


def test_what_speaks_against_is_told_by_what_the_column_means() -> None:
    parts = [("channel.up.tiny_share", 0.31, -1.25), ("channel.down.push_answered", 0.5, -0.5)]
    found = evidence.unlike(channel_record(), parts)
    assert (found.kind, found.weight) == ("unlike_mining", -1.75)
    assert found.summary == (
        "of the channel with 203.0.113.5:3333 speaks against mining: client's share below 16 bytes: pings and"
        " acknowledgements of other protocols (0.31); server's share of pushes answered within half a second;"
        " a miner does not answer (0.5)"
    )
    assert found.facts == {"channel.up.tiny_share": 0.31, "channel.down.push_answered": 0.5}


def test_every_column_has_a_meaning_that_names_its_side() -> None:
    assert set(evidence.MEANINGS) == set(WITH_MESSAGES)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.25, "0.25 s"), (24, "24 s"), (89, "89 s"), (720, "12 min"), (12_600, "3.5 h"), (345_600, "4 days")],
)
def test_durations(seconds: float, words: str) -> None:
    assert evidence.duration(int(seconds * 1e9)) == words
