"""CryptoNote's dialect, as xmrig-proxy's doc/STRATUM.md and STRATUM_EXT.md write it.  Values are made up."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from detector.records import Facts
from tests.detector.dissectors.dialogue import assert_indifferent, facts_of, miner, pool

ADDRESS = "4" + "B" * 94
NOW = "1010" + "80de8fcd06"  # version 16; 2026-03-01 as a varint
BLOB = NOW + "ab" * 69
JOB = {
    "blob": BLOB,
    "job_id": "q7PLUPL25UV0z5Ij",
    "target": "b88d0600",
    "height": 3_100_000,
    "seed_hash": "cd" * 32,
}
LOGIN: dict[str, Any] = {
    "id": 1,
    "jsonrpc": "2.0",
    "method": "login",
    "params": {
        "login": ADDRESS + ".rig",
        "pass": "hunter2secret",
        "agent": "XMRig/6.21.0 (Linux x86_64) libuv/1.44.2 gcc/12.2.0",
        "algo": ["cn/1", "rx/0"],
    },
}
SHARE = {"id": "1be0", "job_id": "q7PLUPL25UV0z5Ij", "nonce": "d0030040", "result": "e1" * 32}
TALK = [
    *miner(LOGIN),
    *pool({"id": 1, "jsonrpc": "2.0", "error": None, "result": {"id": "1be0", "job": JOB, "status": "OK"}}),
    *pool({"jsonrpc": "2.0", "method": "job", "params": JOB}),
    *miner({"id": 2, "jsonrpc": "2.0", "method": "submit", "params": SHARE}),
    *pool({"id": 2, "jsonrpc": "2.0", "error": None, "result": {"status": "OK"}}),
    *miner({"id": 3, "jsonrpc": "2.0", "method": "keepalived", "params": {"id": "1be0"}}),
    *pool({"id": 3, "jsonrpc": "2.0", "error": None, "result": {"status": "KEEPALIVED"}}),
    *miner({"id": 4, "jsonrpc": "2.0", "method": "submit", "params": SHARE}),
    *pool({"id": 4, "jsonrpc": "2.0", "error": {"code": -1, "message": "Low difficulty share"}}),
]


def test_conversation() -> None:
    assert facts_of(TALK) == Facts(
        dialect="cryptonote",
        client_is_a=True,
        coin="XMR",
        algorithm="rx/0",
        agent="XMRig/6.21.0 (Linux x86_64) libuv/1.44.2 gcc/12.2.0",
        wallet=ADDRESS,
        worker="rig",
        logins=1,
        requests=1,
        jobs=2,
        shares=2,
        accepted=1,
        rejected=1,
        difficulty=10_000.0,
    )


def test_segments_spacing_and_key_order_do_not_matter() -> None:
    assert_indifferent(TALK)


def test_password_is_in_no_facts() -> None:
    assert "hunter2secret" not in repr(facts_of(TALK))


def test_one_id_for_everything() -> None:
    """xmr-stak sends the id 1 with every message."""
    same = [
        dataclasses.replace(p, data=p.data.replace(b'"id": 2', b'"id": 1').replace(b'"id": 4', b'"id": 1'))
        for p in TALK
    ]
    facts = facts_of(same)
    assert facts is not None and (facts.accepted, facts.rejected) == (1, 1)


@pytest.mark.parametrize("index", [1, 2, 3])
def test_one_message_alone_tells(index: int) -> None:
    facts = facts_of([TALK[index]])
    assert facts is not None and (facts.dialect, facts.client_is_a) == ("cryptonote", True)
    assert facts.coin == ("unknown" if index == 3 else "XMR")


@pytest.mark.parametrize("index", [4, 5, 6, 8])
def test_common_words_do_not_tell(index: int) -> None:
    assert facts_of([TALK[index]]) is None


def test_plain_account_waits_for_its_job() -> None:
    login = {"id": 1, "method": "login", "params": {"login": "bob.worker1", "pass": "hunter2secret"}}
    assert facts_of(miner(login)) is None
    assert (
        facts_of([*miner(login), *pool({"id": 1, "result": {"status": "OK", "token": "t"}, "error": None})])
        is None
    )
    facts = facts_of([*miner(login), TALK[1]])
    assert facts is not None and "hunter2secret" not in repr(facts)
    assert (facts.wallet, facts.worker, facts.logins, facts.jobs) == ("bob", "worker1", 1, 1)


@pytest.mark.parametrize(
    "params",
    [
        {"login": "bob", "pass": "x", "agent": "Mozilla/5.0"},
        {"user": "bob", "pass": "x"},
        {"login": "bob"},
        {"login": 5, "pass": "x"},
        ["bob", "x"],
        None,
    ],
)
def test_logins_of_other_services(params: object) -> None:
    assert facts_of(miner({"id": 1, "method": "login", "params": params})) is None


@pytest.mark.parametrize(
    "value",
    [
        {"method": "job", "params": {"id": 5, "target": "printer", "blob": "text"}},
        {"method": "submit", "params": {"job_id": "5", "nonce": "x", "result": "done"}},
        {"id": 1, "result": {"job": {"id": 5, "state": "queued"}}},
    ],
)
def test_jobs_of_other_services(value: object) -> None:
    assert facts_of([*miner(value), *pool(value)]) is None


def test_rigid_names_the_worker() -> None:
    params = {**LOGIN["params"], "rigid": "basement-3"}
    facts = facts_of(miner({**LOGIN, "params": params}))
    assert facts is not None and facts.worker == "basement-3"


@pytest.mark.parametrize(
    ("algorithm", "coin"), [("rx/0", "XMR"), ("rx/wow", "WOW"), ("ghostrider", "RTM"), ("cn/new", "unknown")]
)
def test_algorithm_tells_the_coin(algorithm: str, coin: str) -> None:
    facts = facts_of(pool({"method": "job", "params": {**JOB, "blob": "ff" * 76, "algo": algorithm}}))
    assert facts is not None and (facts.algorithm, facts.coin) == (algorithm, coin)


def test_blob_of_another_chain_tells_no_coin() -> None:
    job = {**JOB, "blob": "0303" + NOW[4:] + "ab" * 69}  # version 3 in 2026 is not Monero's
    facts = facts_of(pool({"method": "job", "params": job}))
    assert facts is not None and (facts.algorithm, facts.coin) == (None, "unknown")


def test_target_of_eight_bytes() -> None:
    target = ((1 << 64) // 480_045).to_bytes(8, "little").hex()
    facts = facts_of(pool({"method": "job", "params": {**JOB, "target": target}}))
    assert facts is not None and facts.difficulty == 480_045.0
