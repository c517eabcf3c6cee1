"""Stratum V1, each variant as its specification writes it.

Bitcoin: Slush pool's protocol page and BIP 310.  Zcash: ZIP 301 and Equihash 200,9 sizes.
EthereumStratum/1.0.0, KawPow: NiceHash's specifications.  EthereumStratum/2.0.0: EIP-1571.
Kaspa: its bridge.  IronFish: its pools' `body` members.  All values are made up.
"""

from __future__ import annotations

import dataclasses

import pytest

from detector.dissectors import Dissection
from detector.records import Facts
from tests.detector.dissectors.dialogue import (
    BEFORE_MERGE_NS,
    START_NS,
    Piece,
    assert_indifferent,
    facts_of,
    miner,
    pool,
    swapped,
)

HASH = "ab" * 32
BITCOIN_JOB = [
    "job1",
    HASH,
    "01000000010000",
    "072f736c7573682f",
    [HASH],
    "20000002",
    "1a44b9f2",
    "65e1c000",
    True,
]
BITCOIN = [
    *miner({"id": 1, "method": "mining.subscribe", "params": ["cgminer/4.10.0"]}),
    *pool(
        {
            "id": 1,
            "result": [[["mining.set_difficulty", "b4"], ["mining.notify", "ae"]], "08000002", 4],
            "error": None,
        }
    ),
    *miner({"id": 2, "method": "mining.authorize", "params": ["bob.rig-1", "hunter2secret"]}),
    *pool({"id": 2, "result": True, "error": None}),
    *pool({"id": None, "method": "mining.set_difficulty", "params": [2048]}),
    *pool({"id": None, "method": "mining.notify", "params": BITCOIN_JOB}),
    *miner(
        {
            "id": 4,
            "method": "mining.submit",
            "params": ["bob.rig-1", "job1", "00000001", "504e86ed", "b2957c02"],
        }
    ),
    *pool({"id": 4, "result": True, "error": None}),
    *miner(
        {
            "id": 4,
            "method": "mining.submit",
            "params": ["bob.rig-1", "job1", "00000001", "504e86ed", "b2957c03"],
        }
    ),
    *pool({"id": 4, "result": None, "error": [21, "Job not found", None]}),
]
ZCASH_JOB = ["j", "04000000", HASH, HASH, "00" * 32, "16ee7c58", "83837b1c", True]
ZCASH = [
    *miner(
        {
            "id": 1,
            "method": "mining.subscribe",
            "params": ["EWBF 0.3.4b", None, "eu1-zcash.flypool.org", "3333"],
        }
    ),
    *pool({"id": 1, "result": [None, "04d567b212"], "error": None}),
    *miner({"id": 2, "method": "mining.authorize", "params": ["t1" + "a" * 33 + ".rig4", "x"]}),
    *pool({"id": 2, "result": True, "error": None}),
    *pool({"id": None, "method": "mining.set_target", "params": ["0004" + "18" * 30]}),
    *pool({"id": None, "method": "mining.notify", "params": ZCASH_JOB}),
    *miner(
        {
            "id": 3,
            "method": "mining.submit",
            "params": ["t1x", "j", "16ee7c58", "00" * 16, "fd4005" + "7b" * 1344],
        }
    ),
    *pool({"id": 3, "result": True, "error": None}),
]


def test_bitcoin_conversation() -> None:
    assert facts_of(BITCOIN) == Facts(
        dialect="stratum",
        client_is_a=True,
        agent="cgminer/4.10.0",
        wallet="bob",
        worker="rig-1",
        logins=2,
        jobs=1,
        shares=2,
        accepted=1,
        rejected=1,
        difficulty=2048.0,
    )


def test_zcash_conversation() -> None:
    assert facts_of(ZCASH) == Facts(
        dialect="zcash",
        client_is_a=True,
        coin="ZEC",
        algorithm="equihash_200_9",
        agent="EWBF 0.3.4b",
        pool="eu1-zcash.flypool.org",
        wallet="t1" + "a" * 33,
        worker="rig4",
        logins=2,
        jobs=1,
        shares=1,
        accepted=1,
    )


def test_segments_spacing_and_key_order_do_not_matter() -> None:
    assert_indifferent(BITCOIN)


def test_zcash_share_split_over_segments() -> None:
    pieces = []
    for piece in ZCASH:
        pieces += [
            dataclasses.replace(piece, data=piece.data[i : i + 536]) for i in range(0, len(piece.data), 536)
        ]
    assert facts_of(pieces) == facts_of(ZCASH)


def test_password_is_in_no_facts() -> None:
    assert "hunter2secret" not in repr(facts_of(BITCOIN))


@pytest.mark.parametrize("first", range(1, len(BITCOIN) - 2))
def test_joined_in_the_middle(first: int) -> None:
    facts = facts_of(BITCOIN[first:])
    assert facts is not None and facts.dialect == "stratum"
    assert facts.client_is_a is True
    assert facts.shares == (2 if first <= 6 else 1)


def test_one_push_alone_tells() -> None:
    facts = facts_of(pool({"id": None, "method": "mining.notify", "params": ZCASH_JOB}))
    assert facts is not None
    assert (facts.dialect, facts.coin, facts.jobs, facts.client_is_a) == ("zcash", "ZEC", 1, True)


@pytest.mark.parametrize(
    "value",
    [
        {"id": 4, "result": True, "error": None},
        {"id": 2, "result": None, "error": [24, "Unauthorized worker", None]},
        {"id": 9, "method": "mining.ping", "params": []},
        {"id": 9, "method": "client.show_message", "params": ["hello"]},
        {"id": 9, "method": "mining.notify"},
    ],
)
def test_what_does_not_tell_by_itself(value: object) -> None:
    assert facts_of(pool(value, value)) is None


def test_pool_that_speaks_first() -> None:
    dissection = Dissection(300)
    push = pool({"id": None, "method": "mining.set_difficulty", "params": [0.05]}, a=False)
    decisions = dissection.feed([*push, *swapped(BITCOIN)])
    assert [(d.ignore, d.client_is_a) for d in decisions] == [(False, False)]


def test_echo_does_not_turn_the_roles() -> None:
    echoed = [
        p for piece in BITCOIN[:1] + BITCOIN[2:3] for p in (piece, dataclasses.replace(piece, from_a=False))
    ]
    facts = facts_of(echoed)
    assert facts is not None and (facts.client_is_a, facts.logins) == (True, 2)


def test_bitcoins_difficulty_tells_bitcoin() -> None:
    job = [*BITCOIN_JOB[:6], "17034219", *BITCOIN_JOB[7:]]
    facts = facts_of(pool({"id": None, "method": "mining.notify", "params": job}))
    assert facts is not None and (facts.coin, facts.algorithm) == ("BTC", "sha256d")


def test_version_rolling_tells_the_algorithm_only() -> None:
    extensions = [["version-rolling"], {"version-rolling.mask": "ffffffff"}]
    facts = facts_of(miner({"id": 1, "method": "mining.configure", "params": extensions}))
    assert facts is not None and (facts.coin, facts.algorithm, facts.requests) == ("unknown", "sha256d", 1)


@pytest.mark.parametrize(
    ("digits", "algorithm", "coin"),
    [(2694, "equihash_200_9", "ZEC"), (202, "equihash_144_5", "unknown"), (806, "equihash_192_7", "unknown")],
)
def test_solution_length_tells_equihash_parameters(digits: int, algorithm: str, coin: str) -> None:
    share = {
        "id": 4,
        "method": "mining.submit",
        "params": ["bob.w", "1", "16ee7c58", "00" * 16, "7b" * (digits // 2)],
    }
    facts = facts_of(miner(share))
    assert facts is not None and (facts.dialect, facts.algorithm, facts.coin) == ("zcash", algorithm, coin)


def test_nicehash_equihash_names_its_personalisation() -> None:
    job = ["j", "00000020", HASH, HASH, "00" * 32, "16ee7c58", "83837b1d", True, "144_5", "BgoldPoW"]
    facts = facts_of(pool({"id": None, "method": "mining.notify", "params": job}))
    assert facts is not None and (facts.coin, facts.algorithm) == ("BTG", "equihash_144_5")


@pytest.mark.parametrize(("ts_ns", "coin"), [(BEFORE_MERGE_NS, "ETH"), (START_NS, "unknown")])
def test_ethereumstratum_1(ts_ns: int, coin: str) -> None:
    subscribe = {
        "id": 1,
        "method": "mining.subscribe",
        "params": ["MinerName/1.0.0", "EthereumStratum/1.0.0"],
    }
    pieces = [
        *miner(subscribe, ts_ns=ts_ns),
        *pool(
            {"id": 1, "result": [["mining.notify", "ae", "EthereumStratum/1.0.0"], "080c"], "error": None},
            ts_ns=ts_ns,
        ),
        *pool({"id": None, "method": "mining.set_difficulty", "params": [0.5]}, ts_ns=ts_ns),
        *pool({"id": None, "method": "mining.notify", "params": ["bf00", HASH, HASH, True]}, ts_ns=ts_ns),
        *miner(
            {"id": 244, "method": "mining.submit", "params": ["bob", "bf00", "6a909d9bbc0f"]}, ts_ns=ts_ns
        ),
        *pool({"id": 244, "result": True, "error": None}, ts_ns=ts_ns),
    ]
    facts = facts_of(pieces)
    assert facts is not None
    assert (facts.dialect, facts.coin, facts.algorithm) == ("ethereumstratum", coin, "ethash")
    assert (facts.logins, facts.jobs, facts.shares, facts.accepted, facts.difficulty) == (1, 1, 1, 1, 0.5)


def test_ethereumstratum_2() -> None:
    hello = {
        "agent": "ethminer-0.17",
        "host": "etc.somepool.com",
        "port": "4d2",
        "proto": "EthereumStratum/2.0.0",
    }
    facts = facts_of(
        [
            *miner({"id": 0, "method": "mining.hello", "params": hello}),
            *pool(
                {"id": 0, "result": {"proto": "EthereumStratum/2.0.0", "encoding": "plain", "resume": "0"}}
            ),
            *miner({"id": 1, "method": "mining.subscribe"}),
            *pool({"id": 1, "result": "s-12345"}),
            *miner({"id": 2, "method": "mining.authorize", "params": ["bob.rig", "secretword"]}),
            *pool(
                {
                    "method": "mining.set",
                    "params": {"epoch": "dc", "target": "0112e0be826d694b2e62d01511f1", "algo": "ethash"},
                }
            ),
            *pool({"method": "mining.notify", "params": ["bf0488aa", "6526d5", HASH, "0"]}),
            *miner({"id": 31, "method": "mining.submit", "params": ["bf0488aa", "68765fccd712", "w-123"]}),
            *pool({"id": 31, "error": None}),
            *miner({"id": 16, "method": "mining.hashrate", "params": ["500000", "w-123"]}),
            *pool({"method": "mining.bye"}),
        ]
    )
    assert facts is not None and "secretword" not in repr(facts)
    assert (facts.dialect, facts.pool, facts.coin) == ("ethereumstratum", "etc.somepool.com", "ETC")
    assert (facts.agent, facts.logins, facts.jobs, facts.shares, facts.accepted, facts.requests) == (
        "ethminer-0.17", 3, 1, 1, 1, 1,
    )  # fmt: skip


def test_kawpow_tells_ravencoin_by_the_address() -> None:
    job = ["j", HASH, HASH, HASH, True, 2_000_000, "1b00f3a1"]
    push = pool({"id": None, "method": "mining.notify", "params": job})
    login = miner({"id": 2, "method": "mining.authorize", "params": ["R" + "b" * 33 + ".w", "x"]})
    named, unnamed = facts_of([*login, *push]), facts_of(push)
    assert named is not None and (named.dialect, named.algorithm, named.coin) == ("stratum", "kawpow", "RVN")
    assert unnamed is not None and (unnamed.algorithm, unnamed.coin) == ("kawpow", "unknown")


def test_kaspa_ergo_alephium_and_ironfish() -> None:
    def push(params: object) -> Facts | None:
        return facts_of(pool({"id": None, "method": "mining.notify", "params": params}))

    kaspa = push(["1", [1 << 63, 2, 3, 4], 1_700_000_000_000])
    ergo = push(["1", 1_000_000, HASH, "", "", "03", "1" * 60, "", True])
    alephium = push([[{"jobId": "1", "fromGroup": 0, "toGroup": 1, "headerBlob": "00", "targetBlob": "00"}]])
    body = {"version": 2, "agent": "rigel/1.9", "publicAddress": HASH, "extend": []}
    iron = facts_of(miner({"id": 1, "method": "mining.subscribe", "body": body}))
    told = [(f.dialect, f.coin, f.algorithm) for f in (kaspa, ergo, alephium, iron) if f is not None]
    assert told == [
        ("stratum", "KAS", "kheavyhash"),
        ("stratum", "ERG", "autolykos2"),
        ("stratum", "ALPH", "blake3"),
        ("stratum", "IRON", "fishhash"),
    ]


def test_lost_bytes_leave_what_came_before_them() -> None:
    half = dataclasses.replace(BITCOIN[6], data=BITCOIN[6].data[50:], gap=True)
    facts = facts_of([*BITCOIN[:6], half, *BITCOIN[8:]])
    assert facts is not None and (facts.shares, facts.rejected, facts.errors) == (1, 1, 0)


def test_capture_with_a_snap_length() -> None:
    cut = [dataclasses.replace(p, data=p.data[:50], gap=i > 1) for i, p in enumerate(BITCOIN)]
    facts = facts_of(cut)
    assert facts is not None and (facts.dialect, facts.client_is_a, facts.errors) == ("stratum", True, 0)
    assert (facts.logins, facts.jobs, facts.shares, facts.wallet) == (
        2,
        1,
        1,
        None,
    )  # a gap shows one piece later


def test_malformed_lines_are_counted() -> None:
    facts = facts_of([*BITCOIN, Piece(True, b'{"id": 5, "method": }\n'), *BITCOIN[6:8]])
    assert facts is not None and (facts.errors, facts.shares) == (1, 3)


def test_odd_parameters_are_survived() -> None:
    odd = [5, "x", {}, [], [[]], [None], [{}], [True], ["0x123456"] * 9, None, [1e308], [10**90]]
    for method in (
        "mining.subscribe",
        "mining.authorize",
        "mining.submit",
        "mining.configure",
        "mining.notify",
    ):
        for params in odd:
            facts_of(
                [
                    *miner({"id": [1], "method": method, "params": params}),
                    *pool({"method": method, "params": params}),
                ]
            )


def test_odd_members_are_survived() -> None:
    for proto in ("AlephiumStratum/1.0.0", "EthereumStratum/2.0.0", 5, None, [], {}):
        for params in ({"proto": proto}, {"proto": proto, "agent": 5, "host": []}, [None, proto], [proto]):
            facts = facts_of(miner({"id": 0, "method": "mining.hello", "params": params}))
            assert facts is not None and (facts.agent is None or isinstance(params, list))
    for body in ({}, {"agent": 5}, {"publicAddress": []}, {"miningRequestId": {}}, {"id": [], "result": {}}):
        for method in (
            "mining.subscribe",
            "mining.submit",
            "mining.notify",
            "mining.submitted",
            "mining.set_target",
        ):
            facts_of(
                [*miner({"id": 0, "method": method, "body": body}), *pool({"method": method, "body": body})]
            )


def test_agent_is_made_printable_and_short() -> None:
    facts = facts_of(
        miner({"id": 1, "method": "mining.subscribe", "params": ["\u001b[31mminer\u202e\n" + "x" * 200]})
    )
    assert facts is not None and facts.agent == "[31mminer" + "x" * 55


def answered(methods: dict[str, object]) -> list[Piece]:
    """Requests with these parameters, each answered by true."""
    talk = []
    for i, (method, params) in enumerate(methods.items()):
        talk += miner({"id": i, "method": method, "params": params})
        talk += pool({"id": i, "result": True, "error": None})
    return talk


def test_every_request_of_a_miner_counts() -> None:
    talk = answered(
        {
            "mining.subscribe": ["miner/1"],
            "mining.configure": [["minimum-difficulty", "subscribe-extranonce", "info"], {}],
            "mining.extranonce.subscribe": [],
            "mining.suggest_difficulty": [1024],
            "mining.suggest_target": ["00" * 32],
            "mining.get_transactions": ["job1"],
            "mining.hashrate": ["500000", "w"],
            "mining.noop": None,
            "mining.ping": [],
        }
    )
    facts = facts_of(talk)
    assert facts is not None and (facts.logins, facts.requests, facts.accepted) == (1, 7, 0)
    assert_indifferent(talk)


def test_every_setting_of_a_pool_is_its() -> None:
    """Alone, each tells who mines; `client.*` and Kaspa's bare name only where that is known."""
    told = {
        "mining.set_difficulty": [5],
        "mining.set_target": ["00" * 32],
        "mining.set_extranonce": ["08", 4],
        "mining.set_version_mask": ["1fffe000"],
        "mining.set_cleanjobs": False,
        "mining.reconnect": ["other.example", 3333],
    }
    for method, params in told.items():
        facts = facts_of(pool({"id": None, "method": method, "params": params}))
        assert facts is not None and facts.client_is_a is True, method
        assert facts_of(pool({"id": None, "method": method})) is None
    for method in ("client.show_message", "client.reconnect", "client.get_version", "set_extranonce"):
        push = pool({"id": None, "method": method, "params": ["x"]})
        assert facts_of(push) is None
        known = facts_of([*BITCOIN[:1], *push])
        assert known is not None and known.logins == 1


def test_the_version_a_pool_asks_for_is_the_agent() -> None:
    share = miner({"id": 4, "method": "mining.submit", "params": ["bob", "1", "2", "3", "4"]})
    ask = pool({"id": 7, "method": "client.get_version", "params": []})
    facts = facts_of([*share, *ask, *miner({"id": 7, "result": "cgminer/4.10.0", "error": None})])
    assert facts is not None and (facts.agent, facts.accepted) == ("cgminer/4.10.0", 0)


@pytest.mark.parametrize(
    ("params", "host"),
    [
        ([], None),
        (["eu.btc.example", 3334, 5], "eu.btc.example"),
        (["eu.btc.example", "3334"], "eu.btc.example"),
    ],
)
def test_reconnect_forms(params: list[object], host: str | None) -> None:
    facts = facts_of([*BITCOIN[2:3], *pool({"id": None, "method": "client.reconnect", "params": params})])
    assert facts is not None and facts.pool == host


def test_what_was_configured_tells_mid_stream() -> None:
    answer = {"version-rolling": True, "version-rolling.mask": "18000000", "minimum-difficulty": True}
    facts = facts_of(pool({"id": 1, "result": answer, "error": None}))
    assert facts is not None and (facts.client_is_a, facts.algorithm) == (True, "sha256d")


def test_nicehash_signs_its_subscription() -> None:
    signed = ["NiceHash/1.0.0", "1662637786319", "3e" * 32]
    facts = facts_of(miner({"id": 1, "method": "mining.subscribe", "params": signed}))
    assert facts is not None and (facts.agent, facts.pool) == ("NiceHash/1.0.0", None)


ADDRESSES = {
    "CFX": "cfx:" + "a" * 42,
    "XEL": "xel:" + "q" * 60,
    "CKB": "ckb1" + "q" * 42,
    "ALEO": "aleo1" + "q" * 58,
}


@pytest.mark.parametrize(
    ("params", "coin", "algorithm"),
    [
        (["2a1730c8", "1641369", "0x" + HASH, "0x044b82fa"], "CFX", "octopus"),
        (["1611", HASH, 5, HASH, True], "CKB", "eaglesong"),
        (["1234", "ab" * 286, True], "KDA", "blake2s"),
        (["j1", "5", "ab" * 302], "ALPH", "blake3"),
        (["j1", HASH, HASH, HASH, HASH, HASH, True], "ALEO", None),
        (["1", [1 << 63, 2, 3, 4], 1_700_000_000_000], "KAS", "kheavyhash"),
        (["1", 1_000_000, HASH, "", "", "03", "1" * 60, "", True], "ERG", "autolykos2"),
    ],
)
def test_a_whole_session_of_each_family(params: list[object], coin: str, algorithm: str | None) -> None:
    wallet = ADDRESSES.get(coin, "bob")
    talk = [
        *miner({"id": 1, "method": "mining.subscribe", "params": ["miner/1.0"]}),
        *pool({"id": 1, "result": [None, "00c904bd", 12], "error": None}),
        *miner({"id": 2, "method": "mining.authorize", "params": [wallet + ".rig", "hunter2secret"]}),
        *pool({"id": 2, "result": True, "error": None}),
        *pool({"id": None, "method": "mining.notify", "params": params}),
        *miner(
            {"id": 3, "method": "mining.submit", "params": [wallet + ".rig", "1", "000000000000000000114026"]}
        ),
        *pool({"id": 3, "result": True, "error": None}),
        *miner(
            {"id": 4, "method": "mining.submit", "params": [wallet + ".rig", "1", "000000000000000000114027"]}
        ),
        *pool({"id": 4, "result": False, "error": [21, "low difficulty", None]}),
    ]
    facts = facts_of(talk)
    assert facts is not None and "hunter2" not in repr(facts)
    assert (facts.dialect, facts.coin, facts.algorithm) == ("stratum", coin, algorithm)
    assert (facts.wallet, facts.worker) == (wallet, "rig")
    assert (facts.logins, facts.jobs, facts.shares, facts.accepted, facts.rejected) == (2, 1, 2, 1, 1)
    assert_indifferent(talk)
    middle = facts_of(talk[4:])
    assert middle is not None and (middle.coin, middle.jobs, middle.shares) == (coin, 1, 2)


def test_conflux_logs_in_by_its_subscription() -> None:
    """The first parameter is an address there: it must not stand in the clear as the agent."""
    for wallet in ("cfx:" + "a" * 42, "0x1" + "b" * 39):
        facts = facts_of(miner({"id": 1, "method": "mining.subscribe", "params": [wallet + ".rig", "x"]}))
        assert facts is not None and (facts.agent, facts.wallet, facts.worker) == (None, wallet, "rig")


def test_xelis_names_its_worker_apart() -> None:
    params = [ADDRESSES["XEL"], "rig", "hunter2secret"]
    facts = facts_of(miner({"id": 2, "method": "mining.authorize", "params": params}))
    assert facts is not None and (facts.coin, facts.wallet, facts.worker) == ("XEL", ADDRESSES["XEL"], None)


IRONFISH_LOGIN = {
    "version": 3,
    "agent": "lolMiner/1.85",
    "publicAddress": "ab" * 32 + ".rig",
    "extend": ["mining.submitted"],
}
IRONFISH_SHARE = {"miningRequestId": 5, "randomness": "64da" + "00" * 6}
IRONFISH = [
    *miner({"id": 0, "method": "mining.subscribe", "body": IRONFISH_LOGIN}),
    *pool({"id": 0, "method": "mining.subscribed", "body": {"clientId": 0, "xn": "64da"}}),
    *pool({"id": 1, "method": "mining.set_target", "body": {"target": "00" * 4 + "ff" * 28}}),
    *pool({"id": 2, "method": "mining.notify", "body": {"miningRequestId": 5, "header": "ab" * 180}}),
    *miner({"id": 3, "method": "mining.submit", "body": IRONFISH_SHARE}),
    *pool({"id": 3, "method": "mining.submitted", "body": {"id": 3, "result": True}}),
    *miner({"id": 4, "method": "mining.submit", "body": IRONFISH_SHARE}),
    *pool({"id": 4, "method": "mining.submitted", "body": {"id": 4, "result": False, "message": "stale"}}),
    *miner({"id": 5, "method": "mining.wait_for_work"}),
]


def test_ironfish_conversation() -> None:
    assert facts_of(IRONFISH) == Facts(
        dialect="stratum",
        client_is_a=True,
        coin="IRON",
        algorithm="fishhash",
        agent="lolMiner/1.85",
        wallet="ab" * 32,
        worker="rig",
        logins=1,
        requests=1,
        jobs=1,
        shares=2,
        accepted=1,
        rejected=1,
    )
    assert_indifferent(IRONFISH)
    middle = facts_of(IRONFISH[3:])
    assert middle is not None and (middle.coin, middle.jobs, middle.accepted) == ("IRON", 1, 1)
