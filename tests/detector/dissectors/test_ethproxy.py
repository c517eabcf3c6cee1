"""eth-proxy's dialect, as ethminer's POOL_EXAMPLES_ETH.md and public captures show it; values made up."""

from __future__ import annotations

import dataclasses

import pytest

from detector.records import Facts
from tests.detector.dissectors.dialogue import (
    BEFORE_MERGE_NS,
    assert_indifferent,
    facts_of,
    miner,
    pool,
)

WALLET = "0x" + "9c" * 20
BOUNDARY = "0x" + f"{(1 << 256) // 4_000_000_000:064x}"
WORK = ["0x" + "41" * 32, "0x" + "71" * 32, BOUNDARY]
LOGIN = {
    "worker": "eth1.0",
    "jsonrpc": "2.0",
    "params": [WALLET + ".rig/bob@example.com", "hunter2secret"],
    "id": 2,
    "method": "eth_submitLogin",
}
NEW_TALK = [
    *miner(LOGIN),
    *pool({"id": 2, "jsonrpc": "2.0", "result": True}),
    *miner({"worker": "", "jsonrpc": "2.0", "params": [], "id": 3, "method": "eth_getWork"}),
    *pool({"id": 3, "jsonrpc": "2.0", "result": [*WORK, "0x492609"]}),
    *pool({"id": 0, "jsonrpc": "2.0", "result": WORK}),
    *miner({"id": 4, "method": "eth_submitWork", "params": ["0x93dc6cdc00d0d468", *WORK[:2]]}),
    *pool({"id": 4, "jsonrpc": "2.0", "result": True}),
    *miner({"id": 6, "method": "eth_submitHashrate", "params": ["0x375198a", "0x" + "00" * 32]}),
    *pool({"id": 6, "jsonrpc": "2.0", "result": True}),
    *miner({"id": 4, "method": "eth_submitWork", "params": ["0x93dc6cdc00d0d469", *WORK[:2]]}),
    *pool({"id": 4, "jsonrpc": "2.0", "result": False, "error": "Provided PoW solution is invalid!"}),
]
TALK = [dataclasses.replace(piece, ts_ns=BEFORE_MERGE_NS) for piece in NEW_TALK]


def test_conversation() -> None:
    assert facts_of(TALK) == Facts(
        dialect="ethproxy",
        client_is_a=True,
        coin="ETH",
        algorithm="ethash",
        wallet=WALLET,
        worker="eth1.0",
        logins=1,
        requests=2,
        jobs=2,
        shares=2,
        accepted=1,
        rejected=1,
        difficulty=4_000_000_000.0,
    )


def test_segments_spacing_and_key_order_do_not_matter() -> None:
    assert_indifferent(TALK)


def test_neither_password_nor_mail_is_in_the_facts() -> None:
    assert "hunter2secret" not in repr(facts_of(TALK))
    assert "example" not in repr(facts_of(TALK))


def test_since_the_merge_the_dialect_tells_no_coin() -> None:
    facts = facts_of(NEW_TALK)
    assert facts is not None and (facts.coin, facts.algorithm) == ("unknown", "ethash")


def test_work_alone_tells() -> None:
    facts = facts_of(TALK[4:5])
    assert facts is not None and (facts.dialect, facts.jobs, facts.client_is_a) == ("ethproxy", 1, True)


def test_one_request_waits_for_a_second_message() -> None:
    assert facts_of(TALK[5:6]) is None
    facts = facts_of(TALK[5:7])
    assert facts is not None and (facts.shares, facts.accepted) == (1, 1)


@pytest.mark.parametrize(
    "result",
    [
        ["0x" + "ab" * 32] * 3,  # eth_getFilterChanges: hashes of transactions
        ["0x" + "ab" * 20] * 3,  # eth_accounts
        ["0x1", "0x2", "0x3"],
        [1, 2, 3],
        "0x" + "00" * 32,
    ],
)
def test_results_of_a_node(result: object) -> None:
    assert facts_of([*pool({"id": 1, "jsonrpc": "2.0", "result": result})] * 3) is None
