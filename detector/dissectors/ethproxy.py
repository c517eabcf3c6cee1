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
    """One connection that may speak eth-proxy's dialect."""

    __slots__ = ("_pending", "_roles")

    def __init__(self) -> None:
        self._roles = Roles()
        self._pending = Pending()

    def read(self, message: Message) -> Facts | Reply:
        """The facts of one message."""
        if message.http is not None:
            return Reply.NOT_MINE
        if message.method is None:
            return self._answer(message)
        kind = METHODS.get(message.method)
        if kind is None:
            return Reply.NOT_MINE
        if not self._roles.miner(message):
            return Reply.NEED_MORE
        self._pending.ask(message.value.get("id"), kind)
        facts = self._facts(message)
        facts.logins, facts.requests, facts.shares = (
            int(kind == "login"),
            int(kind == "request"),
            int(kind == "share"),
        )
        facts.worker = printable(message.value.get("worker"), 64)
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
