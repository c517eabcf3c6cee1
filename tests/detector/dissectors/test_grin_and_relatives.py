"""Grin, Arweave, Bytom: login, job, submit, as their documents write them.  Values are made up."""

from __future__ import annotations

import pytest

from detector.records import Facts
from tests.detector.dissectors.dialogue import assert_indifferent, facts_of, miner, pool

HASH = "ab" * 32
GRIN_JOB = {"difficulty": 4, "height": 16375, "job_id": 5, "pre_pow": "0001" + "7f" * 236}
PROOF = [4210040 + 9_000_000 * i for i in range(42)]


def rpc(method: str, identity: int = 0, **members: object) -> dict[str, object]:
    return {"id": str(identity), "jsonrpc": "2.0", "method": method, **members}


SHARE = {"edge_bits": 32, "height": 16375, "job_id": 5, "nonce": 8895699060858340771, "pow": PROOF}
GRIN = [
    *miner(rpc("login", params={"login": "bob.rig", "pass": "hunter2secret", "agent": "grin-miner"})),
    *pool(rpc("login", result="ok", error=None)),
    *miner(rpc("getjobtemplate", 1, params=None)),
    *pool(rpc("getjobtemplate", 1, result=GRIN_JOB)),
    *pool(rpc("job", params={**GRIN_JOB, "cleanjob": True})),
    *miner(rpc("submit", 2, params=SHARE)),
    *pool(rpc("submit", 2, result="ok", error=None)),
    *miner(rpc("submit", 3, params=SHARE)),
    *pool(rpc("submit", 3, error={"code": -32503, "message": "Solution submitted too late"})),
    *miner(rpc("keepalive", 4, params=None)),
    *pool(rpc("keepalive", 4, result="ok", error=None)),
    *miner(rpc("status", 5, params=None)),
    *pool(rpc("status", 5, result={"id": "5", "height": 13726, "difficulty": 1, "accepted": 0})),
]


def test_grin_conversation() -> None:
    assert facts_of(GRIN) == Facts(
        dialect="grin",
        client_is_a=True,
        agent="grin-miner",
        algorithm="cuckoo32",
        wallet="bob",
        worker="rig",
        logins=1,
        requests=3,
        jobs=2,
        shares=2,
        accepted=1,
        rejected=1,
        difficulty=4.0,
    )
    assert "hunter2secret" not in repr(facts_of(GRIN))


def test_grin_segments_spacing_and_key_order_do_not_matter() -> None:
    assert_indifferent(GRIN)


@pytest.mark.parametrize("index", [3, 4, 5])
def test_one_message_of_grin_alone_tells(index: int) -> None:
    facts = facts_of([GRIN[index]])
    assert facts is not None and (facts.dialect, facts.client_is_a) == ("grin", True)


@pytest.mark.parametrize("index", [1, 2, 6, 8, 9, 11, 12])
def test_common_words_of_grin_do_not_tell(index: int) -> None:
    assert facts_of([GRIN[index]]) is None


def test_login_first() -> None:
    """A server that wants a login refuses whatever else is asked."""
    refusal = rpc("getjobtemplate", 1, error={"code": -32500, "message": "login first"})
    assert facts_of([GRIN[2], *pool(refusal)]) is None
    facts = facts_of([GRIN[2], *pool(refusal), *GRIN[:4]])
    assert facts is not None and (facts.logins, facts.jobs, facts.rejected) == (1, 1, 0)


@pytest.mark.parametrize(
    "proof", [PROOF[:20], PROOF[::-1], [7] * 42, [*PROOF[:-1], "x"], [*PROOF[:-1], -1], "42", None]
)
def test_what_is_no_cycle(proof: object) -> None:
    assert facts_of(miner(rpc("submit", params={**SHARE, "pow": proof}))) is None


def test_a_generic_miner_is_told_apart_by_its_job() -> None:
    login = miner(
        {"id": 1, "method": "login", "params": {"login": "bob", "pass": "x", "agent": "lolMiner 1.85"}}
    )
    alone = facts_of(login)
    assert alone is not None and (alone.dialect, alone.agent) == ("stratum", "lolMiner 1.85")
    job = pool({"method": "job", "params": GRIN_JOB})
    both = facts_of([*login, *job])
    assert both is not None and (both.dialect, both.jobs, both.logins) == ("grin", 1, 1)


ARWEAVE_JOB = {
    "job_id": "q7PL",
    "bds": "07" * 33,
    "target": "b88d0600",
    "timestamp": 7656576474,
    "height": 223344,
}
ARWEAVE = [
    *miner(rpc("login", params={"login": "account.miner", "pass": "x", "agent": "node/v2.0.0.1"})),
    *pool({"id": "0", "jsonrpc": "2.0", "error": None, "result": {"height": 234234, "status": "OK"}}),
    *pool({"jsonrpc": "2.0", "method": "job", "params": ARWEAVE_JOB}),
    *miner(rpc("submit", 2, params={"job_id": "4B", "nonce": "d0030040", "hash": HASH})),
    *pool({"id": "2", "jsonrpc": "2.0", "error": None, "result": {"status": "OK"}}),
    *miner(rpc("submit", 3, params={"job_id": "4B", "nonce": "d0030041", "hash": HASH})),
    *pool({"id": "3", "jsonrpc": "2.0", "error": {"code": -1, "message": "Low difficulty share"}}),
]
BYTOM_JOB = {
    "version": "0100000000000000",
    "height": "8c44000000000000",
    "previous_block_hash": HASH,
    "timestamp": "4c3afa5a00000000",
    "transactions_merkle_root": HASH,
    "transaction_status_hash": HASH,
    "nonce": "0000000037780000",
    "bits": "1d7a04000000001d",
    "job_id": "171567",
    "seed": HASH,
    "target": "ffff0000",
}
BYTOM = [
    *miner(rpc("login", 1, params={"login": "bob.rig", "pass": "123", "agent": "bmminer/2.0.0"})),
    *pool(
        {
            "id": "1",
            "jsonrpc": "2.0",
            "result": {"id": "bob", "job": BYTOM_JOB, "status": "OK"},
            "error": None,
        }
    ),
    *pool({"jsonrpc": "2.0", "method": "job", "params": BYTOM_JOB}),
    *miner(rpc("submit", 2, params={"id": "bob", "job_id": "4171", "nonce": "bc000d41", "result": HASH})),
    *pool({"id": "2", "jsonrpc": "2.0", "result": {"status": "OK"}, "error": None}),
]


@pytest.mark.parametrize(
    ("talk", "dialect", "coin", "counts"),
    [(ARWEAVE, "arweave", "AR", (1, 1, 2, 1, 1)), (BYTOM, "bytom", "BTM", (1, 2, 1, 1, 0))],
)
def test_arweave_and_bytom(talk: list, dialect: str, coin: str, counts: tuple[int, ...]) -> None:  # type: ignore[type-arg]
    facts = facts_of(talk)
    assert facts is not None and (facts.dialect, facts.coin) == (dialect, coin)
    assert (facts.logins, facts.jobs, facts.shares, facts.accepted, facts.rejected) == counts
    assert_indifferent(talk)
    middle = facts_of(talk[2:])
    assert middle is not None and (middle.dialect, middle.logins) == (dialect, 0)


def test_odd_jobs_are_survived() -> None:
    for name in GRIN_JOB:
        for odd in (None, -1, True, "", "zz", [], {}, 10**90, 1e308):
            facts_of(pool(rpc("job", params={**GRIN_JOB, name: odd})))
