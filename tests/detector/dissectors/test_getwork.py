"""Work over HTTP: Bitcoin's getwork, BIP 22/23 templates, ethminer's eth_getWork, Monero's daemon.

Values are made up; the shapes are those of the specifications and of cgminer and ethminer.
"""

from __future__ import annotations

import base64
import dataclasses
import json

from detector.records import Facts
from tests.detector.dissectors.dialogue import BEFORE_MERGE_NS, Piece, cut_at, facts_of, joined, miner, pool

WORK = ["0x" + "41" * 32, "0x" + "71" * 32, "0x" + f"{(1 << 256) // 4_000_000_000:064x}"]
TEMPLATE = {
    "version": 536870912,
    "previousblockhash": "00" * 8 + "ab" * 24,
    "transactions": [],
    "coinbasevalue": 312500000,
    "bits": "17034219",
    "height": 880000,
}
BASIC = base64.b64encode(b"bob.rig1:hunter2secret").decode()


def post(value: object, target: str = "/", host: str = "pool.example.org:8332", head: str = "") -> bytes:
    body = json.dumps(value)
    return (
        f"POST {target} HTTP/1.1\r\nAuthorization: Basic {BASIC}\r\nHost: {host}\r\n"
        "User-Agent: cgminer 3.7.2\r\n"
        f"{head}Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def reply(value: object, *, chunked: bool = False, status: str = "200 OK") -> bytes:
    body = value.encode() if isinstance(value, str) else json.dumps(value).encode()
    if not chunked:
        return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(c), c) for c in (body[:7], body[7:]))
    return f"HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\n\r\n".encode() + chunks + b"0\r\n\r\n"


ETHEREUM = [
    *miner(
        post(
            {"id": 1, "jsonrpc": "2.0", "method": "eth_getWork"},
            f"/?miner=30@0x{'4b' * 20}@rig",
            "pool.eth.pp.ua",
        )
    ),
    *pool(reply({"id": 1, "jsonrpc": "2.0", "result": WORK}, chunked=True)),
    *miner(
        post(
            {"id": 1, "method": "eth_submitHashrate", "params": ["0x0", "0x" + "59" * 32]},
            host="pool.eth.pp.ua",
        )
    ),
    *pool(reply({"id": 73, "jsonrpc": "2.0", "result": True}, chunked=True)),
    *miner(post({"id": 1, "method": "eth_submitWork", "params": ["0x1", *WORK[:2]]}, host="pool.eth.pp.ua")),
    *pool(reply({"id": 73, "jsonrpc": "2.0", "result": True})),
]
BITCOIN = [
    *miner(
        post(
            {
                "id": 0,
                "method": "getblocktemplate",
                "params": [{"capabilities": ["coinbasetxn"], "rules": ["segwit"]}],
            }
        )
    ),
    *pool(reply({"id": 0, "result": TEMPLATE, "error": None})),
    *miner(post({"id": 1, "method": "submitblock", "params": ["00" * 200]})),
    *pool(reply({"id": 1, "result": None, "error": None}, chunked=True)),
    *miner(post({"id": 2, "method": "submitblock", "params": ["00" * 200]})),
    *pool(reply({"id": 2, "result": "high-hash", "error": None})),
]
GETWORK = [
    *miner(post({"id": 0, "method": "getwork", "params": []}, host="btc.pool.example")),
    *pool(
        reply(
            {
                "id": 0,
                "result": {"data": "00" * 128, "target": "ff" * 32, "midstate": "00" * 32},
                "error": None,
            }
        )
    ),
    *miner(post({"id": 1, "method": "getwork", "params": ["00" * 128]}, host="btc.pool.example")),
    *pool(reply({"id": 1, "result": False, "error": None})),
]


def test_ethereum_over_http() -> None:
    facts = facts_of([dataclasses.replace(p, ts_ns=BEFORE_MERGE_NS) for p in ETHEREUM])
    assert facts == Facts(
        dialect="getwork",
        client_is_a=True,
        coin="ETH",
        algorithm="ethash",
        agent="cgminer 3.7.2",
        pool="pool.eth.pp.ua",
        wallet="0x" + "4b" * 20,
        worker="rig1",
        requests=2,
        jobs=1,
        shares=1,
        accepted=1,
        difficulty=4_000_000_000.0,
    )


def test_block_templates() -> None:
    assert facts_of(BITCOIN) == Facts(
        dialect="getblocktemplate",
        client_is_a=True,
        coin="BTC",
        algorithm="sha256d",
        agent="cgminer 3.7.2",
        pool="pool.example.org",
        wallet="bob",
        worker="rig1",
        requests=1,
        jobs=1,
        shares=2,
        accepted=1,
        rejected=1,
    )


def test_getwork() -> None:
    facts = facts_of(GETWORK)
    assert facts is not None
    assert (facts.dialect, facts.coin, facts.requests, facts.jobs) == ("getwork", "BTC", 1, 1)
    assert (facts.shares, facts.accepted, facts.rejected) == (1, 0, 1)


def test_segments_do_not_matter() -> None:
    for talk in (ETHEREUM, BITCOIN, GETWORK):
        expected = facts_of(talk)
        for offset in range(1, max(len(p.data) for p in talk), 3):
            assert facts_of(cut_at(talk, offset)) == expected, f"cut at {offset}"
        assert facts_of(joined([*talk[0::2], *talk[1::2]])) == facts_of([*talk[0::2], *talk[1::2]])


def test_password_is_in_no_facts() -> None:
    for talk in (ETHEREUM, BITCOIN, GETWORK):
        assert "hunter2secret" not in repr(facts_of(talk)) and BASIC not in repr(facts_of(talk))


def test_header_that_went_by_unseen() -> None:
    """cgminer sends header and body in two segments; only the second holds a miner's word."""
    bodies = [
        dataclasses.replace(p, data=p.data.partition(b"\r\n\r\n")[2]) for p in (ETHEREUM[0], BITCOIN[0])
    ]
    ethereum = facts_of([bodies[0], *ETHEREUM[1:]])
    bitcoin = facts_of([bodies[1], *BITCOIN[1:]])
    assert ethereum is not None and (ethereum.dialect, ethereum.jobs, ethereum.shares) == ("getwork", 1, 1)
    assert bitcoin is not None and (bitcoin.jobs, bitcoin.shares, bitcoin.pool) == (1, 2, "pool.example.org")


def test_template_too_long_to_read_counts_as_work() -> None:
    huge = {"id": 0, "result": {**TEMPLATE, "transactions": ["00" * 100] * 2000}, "error": None}
    facts = facts_of([*BITCOIN[:1], *pool(reply(huge)), *BITCOIN[2:4]])
    assert facts is not None and (facts.jobs, facts.shares, facts.accepted) == (1, 1, 1)


def test_template_of_which_the_tail_was_lost() -> None:
    huge = reply({"id": 0, "result": {**TEMPLATE, "transactions": ["00" * 100] * 2000}, "error": None})
    after = Piece(False, huge[-5000:] + BITCOIN[3].data, gap=True)
    facts = facts_of([*BITCOIN[:1], *pool(huge[:70_000]), *BITCOIN[2:3], after])
    assert facts is not None and (facts.jobs, facts.shares, facts.accepted) == (1, 1, 1)


def test_litecoins_rule_tells_litecoin() -> None:
    facts = facts_of(miner(post({"method": "getblocktemplate", "params": [{"rules": ["segwit", "mweb"]}]})))
    assert facts is not None and facts.coin == "LTC"


def test_monero_daemon() -> None:
    blob = "1010" + "80de8fcd06" + "ab" * 69
    ask = {
        "id": 1,
        "method": "getblocktemplate",
        "params": {"wallet_address": "4" + "B" * 94, "reserve_size": 60},
    }
    give = {"blocktemplate_blob": blob, "blockhashing_blob": blob, "prev_hash": "ab" * 32, "difficulty": 5}
    facts = facts_of([*miner(post(ask, "/json_rpc", "node")), *pool(reply({"id": 1, "result": give}))])
    assert facts is not None and (facts.coin, facts.jobs, facts.wallet) == ("XMR", 1, "4" + "B" * 94)


def test_heights_are_polled_between_templates() -> None:
    """xmrig asks each second; a wallet that asks the same is no miner."""
    height = b"GET /getheight HTTP/1.1\r\nHost: node:18081\r\n\r\n"
    polls = [*miner(height), *pool(reply({"height": 3_100_000, "hash": "ab" * 32, "status": "OK"}))] * 3
    blob = "1010" + "80de8fcd06" + "ab" * 69
    give = {"blocktemplate_blob": blob, "blockhashing_blob": blob, "prev_hash": "ab" * 32, "difficulty": 5}
    ask = {"id": 1, "method": "getblocktemplate", "params": {"wallet_address": "4" + "B" * 94}}
    template = [*miner(post(ask, "/json_rpc", "node")), *pool(reply({"id": 1, "result": give}))]
    assert facts_of(polls) is None
    facts = facts_of([*polls[:2], *template, *polls, *template])
    assert facts is not None and (facts.coin, facts.requests, facts.jobs) == ("XMR", 5, 2)


def test_pool_that_refuses_in_the_raw() -> None:
    """A Stratum server answers an HTTP request with one bare line (seen in the nesfit captures)."""
    facts = facts_of(
        [*BITCOIN[:1], *pool({"id": None, "result": None, "error": {"code": 0, "message": "no"}})]
    )
    assert facts is not None and (facts.requests, facts.jobs) == (1, 0)


def test_error_pages_are_no_work() -> None:
    facts = facts_of([*BITCOIN[:1], *pool(reply("<html>" + "x" * 70_000))])
    assert facts is not None and facts.jobs == 0
