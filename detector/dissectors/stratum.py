"""Stratum V1: `mining.*` over raw TCP, and the variants that share its vocabulary.

Sources: Slush pool's protocol page and BIP 310 (Bitcoin family), ZIP 301 (Zcash),
NiceHash's specifications (EthereumStratum/1.0.0, KawPow, Equihash, kHeavyHash, Octopus,
XelisHash), EIP-1571 (EthereumStratum/2.0.0), Alephium's wiki, IronFish's `body` members
(its stratum messages; NiceHash's FishHash), and what `notify` names.  Method names are
matched whole; those that only one side sends tell which side mines.
"""

from __future__ import annotations

import math
from typing import Any, Final

from detector.dissectors import coins
from detector.dissectors.contract import Message, Reply, Roles
from detector.dissectors.facts import GENERAL
from detector.dissectors.identity import account, agent_name, host_name, is_address, printable
from detector.dissectors.notify import work
from detector.dissectors.pending import Pending, is_accepted
from detector.records import Facts

LOGINS: Final = frozenset({"mining.subscribe", "mining.authorize", "mining.hello"})
REQUESTS: Final = frozenset(
    {
        "mining.configure",
        "mining.extranonce.subscribe",
        "mining.suggest_difficulty",
        "mining.suggest_target",
        "mining.get_transactions",
        "mining.hashrate",
        "mining.noop",
        "mining.wait_for_work",  # IronFish
        "mining.get_status",
    }
)
SETTINGS: Final = frozenset(
    {
        "mining.set_difficulty",
        "mining.set_target",
        "mining.set_extranonce",
        "mining.set_version_mask",
        "mining.set",
        "mining.set_cleanjobs",  # Alephium
        "mining.subscribed",  # IronFish, as the next three
        "mining.submitted",
        "mining.disconnect",
        "mining.status",
        "mining.reconnect",  # EthereumStratum/2.0.0
        "mining.print",  # Xelis
        "client.reconnect",
        "client.show_message",
        "client.get_version",
    }
)
EITHER: Final = frozenset({"mining.ping", "mining.pong", "mining.bye", "connection.set_gzip"})
BARE: Final = frozenset({"set_extranonce"})  # Kaspa's has no prefix
IRONFISH: Final = {"coin": "IRON", "algorithm": "fishhash"}


class Stratum:
    """One connection that may speak Stratum V1."""

    __slots__ = ("_asked", "_dialect", "_pending", "_roles", "_wallet")

    def __init__(self) -> None:
        self._roles = Roles()
        self._pending = Pending()
        self._asked = Pending()  # by the pool
        self._dialect = GENERAL
        self._wallet: str | None = None

    def read(self, message: Message) -> Facts | Reply:
        """The facts of one message."""
        method = message.method
        if message.http is not None:
            return Reply.NOT_MINE
        if method is None:
            return self._answer(message)
        if method in LOGINS or method in REQUESTS or method == "mining.submit":
            return self._request(method, message) if self._roles.miner(message) else Reply.NEED_MORE
        if method == "mining.notify" or method in SETTINGS or method in BARE:
            return self._push(method, message) if self._is_push(method, message) else Reply.NEED_MORE
        return Reply.NEED_MORE if method in EITHER else Reply.NOT_MINE

    def _facts(self, **known: Any) -> Facts:
        return Facts(dialect=self._dialect, client_is_a=self._roles.client_is_a, **known)

    def _refine(self, dialect: str) -> None:
        if self._dialect == GENERAL:
            self._dialect = dialect

    # --- from the miner

    def _request(self, method: str, message: Message) -> Facts:
        if method == "mining.submit":
            return self._share(message)
        self._pending.ask(message.value.get("id"), method)
        match method:
            case "mining.subscribe":
                return self._subscribe(message)
            case "mining.hello":
                return self._hello(message)
            case "mining.authorize":
                wallet, worker = self._account(message)
                return self._facts(logins=1, wallet=wallet, worker=worker, coin=coins.of_address(wallet))
            case "mining.configure":
                extensions = _at(message.params, 0)  # BIP 310; only SHA-256d gains by rolling the version
                rolls = isinstance(extensions, list) and "version-rolling" in extensions
                return self._facts(requests=1, algorithm="sha256d" if rolls else None)
        return self._facts(requests=1)

    def _account(self, message: Message) -> tuple[str | None, str | None]:
        self._wallet, worker = account(_at(message.params, 0))
        return self._wallet, worker

    def _subscribe(self, message: Message) -> Facts:
        """[agent, session, host, port] (ZIP 301, KawPow), [agent, protocol], or IronFish's body."""
        body = message.value.get("body")
        if isinstance(body, dict):
            wallet, worker = account(body.get("publicAddress"))
            worker = printable(body.get("name"), 64) or worker
            return self._facts(
                logins=1, agent=agent_name(body.get("agent")), wallet=wallet, worker=worker, **IRONFISH
            )
        if is_address(_at(message.params, 0)):  # Conflux logs in by its subscription
            wallet, worker = account(message.params[0])
            self._wallet = wallet
            return self._facts(logins=1, wallet=wallet, worker=worker, coin=coins.of_address(wallet))
        protocol = _at(message.params, 1)
        if isinstance(protocol, str) and protocol.startswith("EthereumStratum/"):
            self._refine("ethereumstratum")
        pool = host_name(_at(message.params, 2))
        agent = agent_name(_at(message.params, 0))
        return self._facts(logins=1, agent=agent, pool=pool, coin=coins.of_name(pool))

    def _hello(self, message: Message) -> Facts:
        """EIP-1571: agent, host, port, proto as named members; Alephium: agent and proto in their order."""
        hello = message.named or {"agent": _at(message.params, 0), "proto": _at(message.params, 1)}
        if str(hello.get("proto", ""))[:15] == "AlephiumStratum":
            return self._facts(
                logins=1, agent=agent_name(hello.get("agent")), coin="ALPH", algorithm="blake3"
            )
        if str(hello.get("proto", ""))[:16].startswith("EthereumStratum"):
            self._refine("ethereumstratum")
        pool = host_name(hello.get("host"))
        return self._facts(
            logins=1, agent=agent_name(hello.get("agent")), pool=pool, coin=coins.of_name(pool)
        )

    def _share(self, message: Message) -> Facts:
        """[worker, job, ...]; ZIP 301 ends with the Equihash solution; IronFish's body has no worker."""
        self._pending.ask(message.value.get("id"), "share")
        if isinstance(message.value.get("body"), dict):
            return self._facts(shares=1, **IRONFISH)
        wallet, worker = self._account(message)
        coin, algorithm = coins.of_equihash(_at(message.params, 4))
        if algorithm is not None:
            self._refine("zcash")
        address_coin = coins.of_address(wallet)
        coin = coin if address_coin == coins.UNKNOWN else address_coin
        return self._facts(shares=1, wallet=wallet, worker=worker, coin=coin, algorithm=algorithm)

    # --- from the pool

    def _is_push(self, method: str, message: Message) -> bool:
        """Names that others use too (`client.*`) count once the miner is known.

        Alephium's settings are not in a list; a flag may be false.
        """
        if method.startswith("client.") or method in BARE:
            return self._roles.is_pool(message)
        content = message.value.get("params") or message.value.get("body")
        alone = method in SETTINGS and isinstance(message.value.get("params"), str | bool)
        return (message.cut or alone or isinstance(content, list | dict)) and self._roles.pool(message)

    def _push(self, method: str, message: Message) -> Facts:
        body = message.value.get("body")
        if isinstance(body, dict):
            return self._ironfish(method, body)
        match method:
            case "mining.notify":
                told = work(message.params, message.ts_ns)
                self._refine(told.dialect)
                coin = coins.of_kawpow(self._wallet) if told.algorithm == "kawpow" else told.coin
                return self._facts(jobs=1, coin=coin, algorithm=told.algorithm)
            case "mining.set_difficulty":
                return self._facts(difficulty=_difficulty(_at(message.params, 0)))
            case "mining.set" if isinstance(message.named.get("epoch"), str):
                self._refine("ethereumstratum")
            case "client.get_version":
                self._asked.ask(message.value.get("id"), "version")
            case "client.reconnect" | "mining.reconnect":
                pool = host_name(_at(message.params, 0) or message.named.get("host"))
                return self._facts(pool=pool, coin=coins.of_name(pool))
        return self._facts()

    def _ironfish(self, method: str, body: dict[str, Any]) -> Facts:
        """Its pushes, and the answer to a share, which names the share's id in its body."""
        if method == "mining.submitted":
            if self._pending.answer(body.get("id")) != "share":
                return self._facts()
            taken = body.get("result") is True
            return self._facts(accepted=int(taken), rejected=int(not taken))
        job = method == "mining.notify"
        return self._facts(jobs=int(job), **(IRONFISH if "miningRequestId" in body else {}))

    def _answer(self, message: Message) -> Facts | Reply:
        """Counts verdicts on shares; an answer to a subscription that is seen alone tells the dialect."""
        if not {"result", "error"} & message.value.keys():
            return Reply.NEED_MORE
        if self._roles.client_is_a is None:
            return self._greeting(message)
        if not self._roles.is_pool(message) and self._asked.answer(message.value.get("id")) == "version":
            return self._facts(agent=agent_name(message.value.get("result")))
        if not self._roles.is_pool(message) or self._pending.answer(message.value.get("id")) != "share":
            return Reply.NEED_MORE
        accepted = is_accepted(message.value)
        return self._facts(accepted=int(accepted), rejected=int(not accepted))

    def _greeting(self, message: Message) -> Facts | Reply:
        """[[["mining.notify", subscription], ...], extranonce1, size]; BIP 310: what was configured."""
        result = message.value.get("result")
        if isinstance(result, dict) and isinstance(result.get("version-rolling"), bool):
            self._roles.pool(message)
            return self._facts(algorithm="sha256d")
        subscription = _at(result, 0)
        while isinstance(subscription, list) and subscription:
            subscription = subscription[0]
        if isinstance(subscription, str) and subscription in ("mining.notify", "mining.set_difficulty"):
            self._roles.pool(message)
            return self._facts()
        return Reply.NEED_MORE


def _at(values: Any, index: int) -> Any:
    """The item of a list, or None."""
    return values[index] if isinstance(values, list) and len(values) > index else None


def _difficulty(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and 0 < value < 1e30 else None
