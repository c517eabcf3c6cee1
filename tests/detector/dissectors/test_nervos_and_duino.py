"""Nervos' own dialect (nervosnetwork/ckb docs/stratum_v1.md) and Duino-Coin's lines (revoxhere/duino-coin).

Values are made up."""

from __future__ import annotations

import dataclasses

import pytest

from detector.records import Facts
from tests.detector.dissectors.dialogue import (
    Piece,
    assert_indifferent,
    cut_at,
    facts_of,
    joined,
    miner,
    pool,
    swapped,
)

HASH = "0x" + "63" * 32
WORK = {"pow_hash": HASH, "target": "0x00068d" + "ab" * 29}
WALLET = "ckb1" + "q" * 42
LOGIN = {"login": WALLET, "agent": "NBMiner/42", "worker": "rig"}
SHARE = {"pow_hash": HASH, "nonce": "0x9a93e9597317c7a"}
NERVOS = [
    *miner({"id": 1, "method": "ckb_submitLogin", "params": LOGIN}),
    *pool({"id": 1, "result": True}),
    *miner({"id": 2, "method": "ckb_getWork", "params": None}),
    *pool({"id": 2, "result": WORK}),
    *pool({"id": 0, "result": WORK}),
    *miner({"id": 3, "method": "ckb_submitWork", "params": SHARE}),
    *pool({"id": 3, "result": True}),
    *miner({"id": 4, "method": "ckb_submitWork", "params": SHARE}),
    *pool({"id": 4, "error": {"code": "101", "message": "low difficulty"}}),
    *miner({"id": 5, "method": "ckb_submitHashrate", "params": "0x123"}),
]


def test_nervos_conversation() -> None:
    assert facts_of(NERVOS) == Facts(
        dialect="nervos",
        client_is_a=True,
        coin="CKB",
        algorithm="eaglesong",
        agent="NBMiner/42",
        wallet=WALLET,
        worker="rig",
        logins=1,
        requests=2,
        jobs=2,
        shares=2,
        accepted=1,
        rejected=1,
    )
    assert_indifferent(NERVOS)


@pytest.mark.parametrize("first", [2, 3, 4, 5])
def test_nervos_joined_in_the_middle(first: int) -> None:
    facts = facts_of(NERVOS[first:])
    assert facts is not None and (facts.dialect, facts.client_is_a, facts.shares) == ("nervos", True, 2)


def test_answers_that_are_no_work() -> None:
    for result in (
        {"pow_hash": HASH},
        {"pow_hash": "ab", "target": "cd"},
        {"pow_hash": 5, "target": None},
        WORK["target"],
    ):
        assert facts_of(pool({"id": 0, "result": result})) is None


JOB = b"%b,%b,500000\n" % (b"2b" * 20, b"7c" * 20)
DUINO = [
    *pool(b"3.0\n"),
    *miner(b"JOB,bob,MEDIUM,hunter2secret\n"),
    *pool(JOB),
    *miner(b"211820,1044.62,Official PC Miner 4.3,rig,,42\n"),
    *pool(b"GOOD\n"),
    *miner(b"JOB,bob,MEDIUM,hunter2secret\n"),
    *pool(JOB),
    *miner(b"9,1044.62,Official PC Miner 4.3,rig,,42\n"),
    *pool(b"BAD,Incorrect result\n"),
]


def test_duino_conversation() -> None:
    expected = Facts(
        dialect="duino",
        client_is_a=True,
        coin="DUCO",
        algorithm="duco-s1",
        agent="Official PC Miner 4.3",
        wallet="bob",
        worker="rig",
        requests=2,
        jobs=2,
        shares=2,
        accepted=1,
        rejected=1,
        difficulty=500000.0,
    )
    assert facts_of(DUINO) == expected
    assert facts_of(joined(DUINO)) == expected
    assert facts_of(swapped(DUINO)) == dataclasses.replace(expected, client_is_a=False)
    for offset in range(1, 90):
        assert facts_of(cut_at(DUINO, offset)) == expected, f"cut at {offset}"


def test_duino_joined_in_the_middle() -> None:
    facts = facts_of(DUINO[6:])
    assert facts is not None and (facts.jobs, facts.shares, facts.rejected, facts.requests) == (1, 1, 1, 0)


@pytest.mark.parametrize(
    "talk",
    [
        DUINO[:2],
        DUINO[1:2],
        [*DUINO[:2], *pool(b"NO,Not enough accounts\n")],
        [*miner(b"JOB,print,5\n"), *pool(b"GOOD\n"), *miner(b"1,2,3\n"), *pool(b"GOOD\n")],
        [*pool(b"GOOD\n"), *miner(b"211820,1044.62,Official PC Miner 4.3,rig\n")],
        [*pool(b"220 mail.example ESMTP\r\n"), *miner(b"EHLO a\r\n")],
        pool(b"deadbeef\n", b"3.0 is the version\n"),
    ],
)
def test_lines_of_others(talk: list[Piece]) -> None:
    assert facts_of(talk) is None


def test_long_lines_and_lost_ones_are_passed_over() -> None:
    facts = facts_of([*DUINO[:5], *miner(b"x" * 9000 + b"\n"), *DUINO[5:]])
    assert facts == facts_of(DUINO)
    lost = [*DUINO[:5], Piece(True, b"al PC Miner,rig\n" + DUINO[5].data, gap=True), *DUINO[6:]]
    assert facts_of(lost) == facts_of(DUINO)
