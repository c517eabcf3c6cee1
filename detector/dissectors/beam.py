"""Beam: login, job, solution, result over raw TCP, with all members at the top of the object.

Source: "Beam mining protocol API (Stratum)" in the wiki of BeamMW/beam, and NiceHash's
modification.  A login with an `api_key` may be any service's: it waits for a job or a
solution.  Forks of Beam speak the same, so that only the algorithm is told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from detector.dissectors.contract import Message, Reply, Roles
from detector.dissectors.identity import account, is_hex
from detector.dissectors.pending import Pending
from detector.records import Facts

DIALECT: Final = "beam"
ALGORITHM: Final = "beamhash"
WALLET: Final = (60, 68)  # hex digits


class Beam:
    """One connection that may speak Beam's dialect."""

    __slots__ = ("_login", "_pending", "_roles")

    def __init__(self) -> None:
        self._roles = Roles()
        self._pending = Pending()
        self._login: Facts | None = None

    def read(self, message: Message) -> Facts | Reply:
        """The facts of one message."""
        if message.http is not None:
            return Reply.NOT_MINE
        read = METHODS.get(message.method or "")
        if read is None:
            return Reply.NEED_MORE if message.method is None else Reply.NOT_MINE
        return read(self, message)

    def _facts(self, **known: Any) -> Facts:
        """With the login that waited."""
        facts = Facts(DIALECT, self._roles.client_is_a, algorithm=ALGORITHM, **known)
        login, self._login = self._login, None
        if login is not None and login.client_is_a == facts.client_is_a:
            facts.logins, facts.wallet, facts.worker = 1, login.wallet, login.worker
        return facts

    def log_in(self, message: Message) -> Facts | Reply:
        """Pools take the wallet and the worker for a key; the key of a node is a secret and left out."""
        key = message.value.get("api_key")
        if not isinstance(key, str) or self._roles.is_pool(message):
            return Reply.NEED_MORE
        wallet, worker = account(key)
        self._login = Facts(DIALECT, message.from_a)
        if is_hex(wallet, *WALLET):
            self._login.wallet, self._login.worker = wallet, worker
        return self._facts() if self._roles.client_is_a is not None else Reply.NEED_MORE

    def job(self, message: Message) -> Facts | Reply:
        """A header's hash with its packed difficulty."""
        difficulty = message.value.get("difficulty")
        known = isinstance(difficulty, int) and is_hex(message.value.get("input"), 64, 64)
        return self._facts(jobs=1) if known and self._roles.pool(message) else Reply.NEED_MORE

    def share(self, message: Message) -> Facts | Reply:
        """A nonce of 8 bytes and the Equihash 150,5 solution of about 100."""
        value = message.value
        known = is_hex(value.get("nonce"), 16, 16) and is_hex(value.get("output"), 160, 240)
        if not known or not self._roles.miner(message):
            return Reply.NEED_MORE
        self._pending.ask(value.get("id"), "share")
        return self._facts(shares=1)

    def result(self, message: Message) -> Facts | Reply:
        """Code 0 answers a login, 1 takes a solution, anything else refuses it."""
        code = message.value.get("code")
        if not self._roles.is_pool(message) or not isinstance(code, int):
            return Reply.NEED_MORE
        if self._pending.answer(message.value.get("id")) != "share":
            return Reply.NEED_MORE
        return self._facts(accepted=int(code == 1), rejected=int(code != 1))

    def cancel(self, message: Message) -> Facts | Reply:
        """A job was taken back."""
        return self._facts() if self._roles.is_pool(message) else Reply.NEED_MORE


METHODS: Final[dict[str, Callable[[Beam, Message], Facts | Reply]]] = {
    "login": Beam.log_in,
    "job": Beam.job,
    "solution": Beam.share,
    "result": Beam.result,
    "cancel": Beam.cancel,
}
