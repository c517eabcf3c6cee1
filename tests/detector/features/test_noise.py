"""Stratum V2 under Noise by its lengths: sessions written from the specification, and what is none."""

from __future__ import annotations

import pytest

from detector.features import noise
from detector.kernel import layout
from detector.records import UDP, Facts
from detector.windows.channel import concatenate
from tests.detector.kernel.by_hand import MS, S, Talk

# sv2-spec 03 and 05: 22 bytes of header, payload, 16 of tag
STANDARD = {"open": 79 + 20, "opened": 83 + 4, "job": 83, "now": 87, "share": 62}
EXTENDED = {"open": 81 + 20, "opened": 85 + 8, "job": 38 + 300, "now": 38 + 300, "share": 63 + 8}


def session(kind: dict[str, int], *, opened: bool = True, turned: bool = False, shares: int = 6) -> Talk:
    """A block a minute with a job and the hash of the one before, a job in between, shares with answers."""
    talk, at = Talk(), 0
    if opened:
        talk.open()
        for up, down in ((64, 234), (54 + 40, 44), (kind["open"], kind["opened"])):
            at += 100 * MS
            talk.say(at, True, up).say(at + 20 * MS, False, down)
    for block in range(4):
        at = (1 + 60 * block) * S
        talk.say(at, turned, kind["job"] + 86).say(at + 30 * S, turned, kind["now"])
        for share in range(shares):
            when = at + (3 + 4 * share) * S
            talk.say(when, not turned, kind["share"]).say(when + 40 * MS, turned, 58)
    return talk


def told(talk: Talk) -> Facts | None:
    """What the row of a talk says."""
    return noise.sessions(talk.rows())[0]


@pytest.mark.parametrize("kind", [STANDARD, EXTENDED])
@pytest.mark.parametrize("opened", [True, False])
def test_a_session_is_told_from_its_opening_and_when_joined_later(kind: dict[str, int], opened: bool) -> None:
    found = told(session(kind, opened=opened))
    assert found is not None
    assert (found.dialect, found.carrier, found.logins) == ("stratumv2", "noise", int(opened))
    assert (found.shares, found.accepted) == (24, 24) and found.jobs >= 8


def test_a_session_joined_later_may_have_its_ends_mistaken() -> None:
    found = told(session(STANDARD, opened=False, turned=True))
    assert found is not None and found.shares == 24


def test_a_miner_that_has_not_found_a_share_is_told_from_its_opening() -> None:
    assert told(session(EXTENDED, shares=0)) is not None
    assert told(session(EXTENDED, shares=0, opened=False)) is None


def test_the_length_of_the_prose_of_the_specification_is_known() -> None:
    talk = Talk().open().say(S, True, 64).say(S + MS * 20, False, 170)
    talk.say(2 * S, True, 94).say(2 * S + 20 * MS, False, 44)
    found = told(talk)
    assert found is not None and found.logins == 1


@pytest.mark.parametrize(
    ("up", "down"), [((64, 94), (234, 45)), ((64, 94), (233, 44)), ((65, 94), (234, 44)), ((64,), (44, 234))]
)
def test_an_opening_of_other_lengths_is_none(up: tuple[int, ...], down: tuple[int, ...]) -> None:
    talk = Talk().open()
    for second, (asked, answered) in enumerate(zip(up, down, strict=False)):
        talk.say(second * S, True, asked).say(second * S + 20 * MS, False, answered)
    assert told(talk) is None


def test_one_kind_of_message_is_not_enough() -> None:
    """A poll of constant lengths, which happen to be those of a share and of its answer."""
    talk = Talk()
    for second in range(20):
        talk.say(second * 5 * S, True, 71).say(second * 5 * S + 30 * MS, False, 58)
    assert told(talk) is None


def test_other_messages_beside_the_known_ones_are_no_session() -> None:
    talk = session(STANDARD, opened=False)
    for second in range(20):
        talk.say((250 + second) * S, False, 1000 + 37 * second)
    assert told(talk) is None


def test_what_is_framed_as_tls_or_sent_as_datagrams_is_no_session() -> None:
    table = session(STANDARD).rows()
    assert noise.sessions(table)[0] is not None
    table.wide[0, layout.TLS_RECORDS] = 3
    assert noise.sessions(table) == [None]
    table.wide[0, layout.TLS_RECORDS] = 0
    table.transport[0] = UDP
    assert noise.sessions(table) == [None]


def test_each_row_is_told_by_itself() -> None:
    both = concatenate([session(STANDARD).rows(), Talk().open().say(S, True, 9).rows()])
    assert [facts is not None for facts in noise.sessions(both)] == [True, False]
    assert noise.sessions(concatenate([])) == []
