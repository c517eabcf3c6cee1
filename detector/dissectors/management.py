"""The management APIs of mining software: somebody asks a miner how it is.

Sources: cgminer API-README (JSON and plain, TCP 4028), xmrig doc/api (HTTP), ethminer
docs/API_DOCUMENTATION.md (JSON-RPC, as Claymore's miners), T-Rex's and lolMiner's /summary.
The answer tells: it names the program and what it does.  Nobody mines by that dialogue, so
that all counts stay 0; but its server does (`server_mines`).
"""

from __future__ import annotations

import re
from typing import Any, Final

from detector.dissectors import coins
from detector.dissectors.contract import Message, Reply
from detector.dissectors.identity import agent_name, host_name, printable
from detector.records import Facts

DIALECT: Final = "management"

_PLAIN = re.compile(r"STATUS=[SIWEF],When=\d+,Code=\d+,Msg=[^|]*?,Description=([^|]*)\|?.*")
_RATES = re.compile(r"\d+;\d+;\d+")  # hash rate, shares, rejected


class Management:
    """One connection that may lead to a miner's management API."""

    __slots__ = ()

    def read(self, message: Message) -> Facts | Reply:
        """The facts of one message."""
        if message.text is not None:
            told = _PLAIN.fullmatch(message.text)
            return _facts(told[1]) if told else Reply.NEED_MORE
        if message.http is not None and message.http.request:
            return Reply.NEED_MORE
        for reader in (_xmrig, _trex, _lolminer) if message.http is not None else (_cgminer, _ethminer):
            facts = reader(message.value)
            if facts is not None:
                return facts
        return Reply.NEED_MORE


def _facts(agent: Any, algorithm: Any = None, pool: Any = None) -> Facts:
    name, host = printable(algorithm, 24), host_name(pool)
    coin = coins.of_name(host)
    return Facts(
        DIALECT,
        coin=coin if coin != coins.UNKNOWN else coins.of_algorithm(name and name.lower()),
        algorithm=name and name.lower(),
        agent=agent_name(agent),
        pool=host,
        server_mines=True,
    )


def _cgminer(answer: dict[str, Any]) -> Facts | None:
    """Every answer begins with STATUS: a letter, the time, a code, what was asked, the program."""
    status = _first(answer.get("STATUS"))
    known = {"STATUS", "When", "Code", "Msg", "Description"} <= status.keys()
    return _facts(status["Description"]) if known else None


def _ethminer(answer: dict[str, Any]) -> Facts | None:
    """miner_getstat1: version, minutes, "rate;shares;rejected", ...; miner_getstathr: the same by names."""
    result = answer.get("result")
    if isinstance(result, dict) and {"ethhashrate", "ethshares", "pooladdrs"} <= result.keys():
        return _facts(result.get("version"), "ethash", result["pooladdrs"])
    if not isinstance(result, list) or len(result) < 9 or not all(isinstance(r, str) for r in result[:9]):
        return None
    rates = _RATES.fullmatch(result[2]) and _RATES.fullmatch(result[4])
    return _facts(result[0], None, result[7].partition(";")[0]) if rates else None


def _xmrig(answer: dict[str, Any]) -> Facts | None:
    """/1/summary, /2/summary; xmrig-proxy's is of the kind "proxy"."""
    if not {"ua", "worker_id", "hashrate"} <= answer.keys():
        return None
    return _facts(answer["ua"], answer.get("algo"), _members(answer.get("connection")).get("pool"))


def _trex(answer: dict[str, Any]) -> Facts | None:
    if not {"accepted_count", "rejected_count", "hashrate", "name"} <= answer.keys():
        return None
    agent = f"{answer['name']} {answer.get('version', '')}".strip()
    return _facts(agent, answer.get("algorithm"), _members(answer.get("active_pool")).get("url"))


def _lolminer(answer: dict[str, Any]) -> Facts | None:
    software = answer.get("Software")
    if not isinstance(software, str) or not software.startswith("lolMiner"):
        return None
    mining = _first(answer.get("Algorithms")) or _members(answer.get("Mining"))
    return _facts(software, mining.get("Algorithm"), mining.get("Pool"))


def _members(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _first(value: Any) -> dict[str, Any]:
    return _members(value[0]) if isinstance(value, list) and value else {}
