"""eth-proxy ("stratum1"): Ethereum's getWork over raw TCP instead of HTTP.

Sources: ethminer docs/POOL_EXAMPLES_ETH.md and EthStratumClient.cpp; eth-proxy's own
README.  Work is an array of header hash, seed hash, boundary and perhaps the height, sent
as an answer or unasked with id 0.  Plain web3 calls have other method names.
"""

from __future__ import annotations

from typing import Any, Final

from detector.dissectors import coins
from detector.dissectors.contract import Message, Reply, Roles
from detector.dissectors.ethwork import difficulty_of, is_work
from detector.dissectors.facts import merge_facts
from detector.dissectors.identity import account, printable
from detector.dissectors.pending import Pending, is_accepted
from detector.records import Facts

DIALECT: Final = "ethproxy"
ALGORITHM: Final = "ethash"
METHODS: Final = {
    "eth_submitLogin": "login",
    "eth_getWork": "request",
    "eth_submitHashrate": "request",
    "eth_submitWork": "share",
}


class EthProxy:
    """One connection that may speak eth-proxy's dialect.

    A request without a login waits for a second message of this dialect: it may be the
    body of an HTTP request whose header went by unseen.
    """

    __slots__ = ("_pending", "_roles", "_sure", "_waiting")

    def __init__(self) -> None:
        self._roles = Roles()
        self._pending = Pending()
        self._sure = False
        self._waiting: Facts | None = None

    def read(self, message: Message) -> Facts | Reply:
        """The facts of one message."""
        if message.http is not None:
            return Reply.NOT_MINE
        if message.method is None:
            found = self._answer(message)
        elif message.method in METHODS:
            found = self._request(METHODS[message.method], message)
        else:
            return Reply.NOT_MINE
        return found if self._sure or isinstance(found, Reply) else self._confirm(found)

    def _confirm(self, found: Facts) -> Facts | Reply:
        """Makes sure by a login, by work, or by a second message."""
        self._sure = bool(found.logins or found.jobs) or self._waiting is not None
        if not self._sure:
            self._waiting = found
            return Reply.NEED_MORE
        return merge_facts(self._waiting, found) or found

    def _request(self, kind: str, message: Message) -> Facts | Reply:
        if not self._roles.miner(message):
            return Reply.NEED_MORE
        self._pending.ask(message.value.get("id"), kind)
        facts = self._facts(message, worker=printable(message.value.get("worker"), 64))
        facts.logins, facts.requests = int(kind == "login"), int(kind == "request")
        facts.shares = int(kind == "share")
        if kind == "login" and message.params:
            facts.wallet, worker = account(message.params[0])
            facts.worker = facts.worker or worker
        return facts

    def _facts(self, message: Message, **known: Any) -> Facts:
        coin = coins.of_ethash(message.ts_ns)
        return Facts(DIALECT, self._roles.client_is_a, coin=coin, algorithm=ALGORITHM, **known)

    def _answer(self, message: Message) -> Facts | Reply:
        result = message.value.get("result")
        if is_work(result) and self._roles.pool(message):
            self._pending.answer(message.value.get("id"))
            return self._facts(message, jobs=1, difficulty=difficulty_of(result))
        if not self._roles.is_pool(message) or not {"result", "error"} & message.value.keys():
            return Reply.NEED_MORE
        if self._pending.answer(message.value.get("id")) != "share":
            return Reply.NEED_MORE
        accepted = is_accepted(message.value)
        return self._facts(message, accepted=int(accepted), rejected=int(not accepted))
