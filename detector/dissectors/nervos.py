"""Nervos: `ckb_*` over raw TCP, a relative of eth-proxy.

Source: nervosnetwork/ckb docs/stratum_v1.md.  Work is a header's hash with a target, as an
answer or unasked with id 0.  Its other dialect, `mining.*`, is Stratum's.
"""

from __future__ import annotations

from typing import Any, Final

from detector.dissectors.contract import Message, Reply, Roles
from detector.dissectors.identity import account, agent_name, is_hex, printable
from detector.dissectors.pending import Pending, is_accepted
from detector.records import Facts

DIALECT: Final = "nervos"
METHODS: Final = {
    "ckb_submitLogin": "login",
    "ckb_getWork": "request",
    "ckb_submitHashrate": "request",
    "ckb_submitWork": "share",
}


class Nervos:
    """One connection that may speak Nervos' dialect."""

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
        return self._request(kind, message) if self._roles.miner(message) else Reply.NEED_MORE

    def _facts(self, **known: Any) -> Facts:
        return Facts(DIALECT, self._roles.client_is_a, coin="CKB", algorithm="eaglesong", **known)

    def _request(self, kind: str, message: Message) -> Facts:
        self._pending.ask(message.value.get("id"), kind)
        facts = self._facts(**{f"{kind}s": 1})
        if kind == "login":
            facts.wallet, worker = account(message.named.get("login"))
            facts.worker = printable(message.named.get("worker"), 64) or worker
            facts.agent = agent_name(message.named.get("agent"))
        return facts

    def _answer(self, message: Message) -> Facts | Reply:
        result = message.value.get("result")
        if _is_work(result) and self._roles.pool(message):
            self._pending.answer(message.value.get("id"))
            return self._facts(jobs=1)
        if not self._roles.is_pool(message) or not {"result", "error"} & message.value.keys():
            return Reply.NEED_MORE
        if self._pending.answer(message.value.get("id")) != "share":
            return Reply.NEED_MORE
        accepted = is_accepted(message.value)
        return self._facts(accepted=int(accepted), rejected=int(not accepted))


def _is_work(result: Any) -> bool:
    """A hash and a target of 32 bytes, with 0x before them."""
    if not isinstance(result, dict):
        return False
    values = result.get("pow_hash"), result.get("target")
    return all(isinstance(v, str) and v[:2] == "0x" and is_hex(v[2:], 64, 64) for v in values)
