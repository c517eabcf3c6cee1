"""Management APIs: cgminer's API-README, xmrig doc/api/2/summary.json, ethminer docs/API_DOCUMENTATION.md,
T-Rex and lolMiner.  Shortened; values are made up."""

from __future__ import annotations

import json

import pytest

from detector.records import Facts
from tests.detector.dissectors.dialogue import Piece, cut_at, facts_of, miner, pool, swapped


def ask(target: str) -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: rig:4067\r\nAuthorization: Bearer hunter2secret\r\n\r\n".encode()


def answer(value: object) -> bytes:
    body = json.dumps(value)
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return (head + body).encode()


STATUS = {"STATUS": "S", "When": 1772323200, "Code": 11, "Msg": "Summary", "Description": "cgminer 4.11.1"}
PLAIN = (
    b"STATUS=S,When=1772323200,Code=11,Msg=Summary,Description=cgminer 4.11.1|"
    b"SUMMARY,Elapsed=58219,MHS av=70827.84|\0"
)
COMPACT = (
    json.dumps({"STATUS": [STATUS], "SUMMARY": [{"Elapsed": 5}]}, separators=(",", ":")).encode() + b"\0"
)
XMRIG = {
    "id": "51aca77da137cb62",
    "worker_id": "tpad",
    "results": {"diff_current": 37638, "shares_good": 3, "shares_total": 3},
    "algo": "rx/0",
    "connection": {"pool": "some.pool:20064", "ip": "127.1.2.3", "tls": "TLSv1.3"},
    "version": "6.17.1",
    "kind": "miner",
    "ua": "XMRig/6.17.1 (Linux x86_64)",
    "hashrate": {"total": [1207.19, 1210.82, None], "highest": 1316.85},
}
TREX = {
    "accepted_count": 6,
    "active_pool": {"difficulty": 5, "url": "stratum+tcp://rvn.pool.example:4444", "user": "hunter2secret"},
    "algorithm": "kawpow",
    "hashrate": 2078,
    "name": "t-rex",
    "rejected_count": 0,
    "version": "0.26.8",
}
LOLMINER = {
    "Software": "lolMiner 1.85",
    "Session": {"Uptime": 5},
    "Algorithms": [{"Algorithm": "Autolykos V2", "Pool": "erg.pool.example:1180", "User": "hunter2secret"}],
}
GETSTAT = [
    "ethminer-0.16.0",
    "48",
    "87221;54;0",
    "1;2",
    "0;0;0",
    "off",
    "53;90",
    "eth-eu1.pool.example:9999",
    "0;0;0;0",
]
GETSTATHR = {
    "ethhashrate": 73056881,
    "ethshares": 64,
    "pooladdrs": "etc.pool.example:4444",
    "version": "ethminer-0.16",
}
TALKS = {
    "cgminer": (
        [
            *miner(b'{"command":"summary"}'),
            *pool(COMPACT),
        ],
        ("cgminer 4.11.1", None, "unknown", None),
    ),
    "cgminer, plain": ([*miner(b"summary"), *pool(PLAIN)], ("cgminer 4.11.1", None, "unknown", None)),
    "xmrig": (
        [*miner(ask("/2/summary")), *pool(answer(XMRIG))],
        ("XMRig/6.17.1 (Linux x86_64)", "rx/0", "XMR", "some.pool"),
    ),
    "t-rex": (
        [*miner(ask("/summary")), *pool(answer(TREX))],
        ("t-rex 0.26.8", "kawpow", "RVN", "rvn.pool.example"),
    ),
    "lolminer": (
        [*miner(ask("/summary")), *pool(answer(LOLMINER))],
        ("lolMiner 1.85", "autolykos v2", "ERG", "erg.pool.example"),
    ),
    "claymore": (
        [
            *miner({"id": 0, "jsonrpc": "2.0", "method": "miner_getstat1"}),
            *pool({"id": 0, "result": GETSTAT}),
        ],
        ("ethminer-0.16.0", None, "ETH", "eth-eu1.pool.example"),
    ),
    "ethminer": (
        [
            *miner({"id": 0, "method": "api_authorize", "params": {"psw": "hunter2secret"}}),
            *pool({"id": 0, "result": True}),
            *miner({"id": 1, "jsonrpc": "2.0", "method": "miner_getstathr"}),
            *pool({"id": 1, "result": GETSTATHR}),
        ],
        ("ethminer-0.16", "ethash", "ETC", "etc.pool.example"),
    ),
}


@pytest.mark.parametrize("name", TALKS)
def test_the_answer_tells(name: str) -> None:
    talk, (agent, algorithm, coin, host) = TALKS[name]
    expected = Facts("management", agent=agent, algorithm=algorithm, coin=coin, pool=host, server_mines=True)
    assert facts_of(talk) == expected  # nobody mines by it: every count is 0, and the roles are TCP's
    assert facts_of(swapped(talk)) == expected
    assert facts_of([p for p in talk if not p.from_a]) == expected
    assert facts_of([p for p in talk if p.from_a]) is None
    for offset in range(1, max(len(p.data) for p in talk)):
        assert facts_of(cut_at(talk, offset)) == expected, f"cut at {offset}"
    assert "hunter2" not in repr(facts_of(talk))


@pytest.mark.parametrize(
    "talk",
    [
        pool({"STATUS": [{"STATUS": "S", "Msg": "stored"}], "ITEMS": []}),
        pool({"STATUS": "ok"}, {"STATUS": []}, {"STATUS": [5]}),
        pool({"id": 1, "result": ["a"] * 9}, {"id": 2, "result": {"version": "1", "pooladdrs": "x"}}),
        pool(answer({"worker_id": 5, "hashrate": "high"})),
        pool(answer({"accepted_count": 5, "rejected_count": 1, "name": "survey"})),
        pool(answer({"Software": "nginx 1.25", "Algorithms": []})),
        pool(b"STATUS=SUCCESS\r\n", b"STATUS=S,When=now\n"),
        [Piece(True, answer(XMRIG)[:200])],
    ],
)
def test_answers_of_other_services(talk: list[Piece]) -> None:
    assert facts_of(talk) is None


def test_odd_members_are_survived() -> None:
    for whole in (XMRIG, TREX, LOLMINER):
        for name in whole:
            for odd in (None, 5, [], [[]], {}, "x" * 500, True):
                facts_of(pool(answer({**whole, name: odd})))
    for odd in (None, 5, [], {}, "\x1b[31m"):
        facts_of(pool({"STATUS": [{**STATUS, "Description": odd}]}, {"result": [odd] * 9}))
