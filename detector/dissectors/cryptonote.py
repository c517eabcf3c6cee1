"""Login, job, submit: CryptoNote's dialect over raw TCP (Monero and its relatives), and those made after it.

Sources: xmrig-proxy doc/STRATUM.md and doc/STRATUM_EXT.md; for Grin, Arweave and Bytom
see `jobs`.  The method names are common words, so that a name never tells: a login counts
with a miner's agent, an address or an algorithm list, or once a job answers it; a job is
what `jobs` knows by its members, and tells which dialect it is; a share is a nonce with
its hash or its cycle.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from detector.dissectors import coins, jobs
from detector.dissectors.contract import Message, Reply, Roles
from detector.dissectors.facts import GENERAL
from detector.dissectors.identity import account, agent_name, printable
from detector.dissectors.pending import Pending, is_accepted
from detector.records import Facts

_CRYPTONOTE = re.compile(r"xmr|monero|randomx|stak|xlarig|cnrig", re.I)
_MINER = re.compile(r"miner|nicehash|srb", re.I)  # of several dialects: the job will tell which


class CryptoNote:
    """One connection that may log in, take jobs and submit.  Passwords are never looked at."""

    __slots__ = ("_dialect", "_login", "_pending", "_roles")

    def __init__(self) -> None:
        self._roles = Roles()
        self._pending = Pending()
        self._dialect = GENERAL
        self._login: Facts | None = None  # one that does not tell by itself; waits for its job

    def read(self, message: Message) -> Facts | Reply:
        """The facts of one message."""
        if message.http is not None:
            return Reply.NOT_MINE
        if message.method is None or (message.method in METHODS and _is_answer(message)):
            return self._answer(message)  # Grin's server repeats the method
        read = METHODS.get(message.method)
        return read(self, message) if read is not None else Reply.NOT_MINE

    def _facts(self, **known: Any) -> Facts:
        return Facts(dialect=self._dialect, client_is_a=self._roles.client_is_a, **known)

    def _refine(self, dialect: str) -> None:
        if self._dialect == GENERAL:
            self._dialect = dialect

    def log_in(self, message: Message) -> Facts | Reply:
        """Login, password and what the miner says of itself."""
        params = message.named
        wallet, worker = account(params.get("login"))
        told = {"pass", "agent", "algo", "rigid"} & params.keys()
        if wallet is None or not told or self._roles.is_pool(message):
            return Reply.NEED_MORE
        self._pending.ask(message.value.get("id"), "login")
        coin, agent = coins.of_address(wallet), agent_name(params.get("agent"))
        known = (
            coin != coins.UNKNOWN or isinstance(params.get("algo"), list) or _CRYPTONOTE.search(agent or "")
        )
        if known:
            self._refine(jobs.CRYPTONOTE)
        login = Facts(self._dialect, message.from_a, coin=coin, agent=agent, wallet=wallet, logins=1)
        login.worker = printable(params.get("rigid"), 64) or worker
        if (known or _MINER.search(agent or "")) and self._roles.miner(message):
            return login
        self._login = login
        return Reply.NEED_MORE

    def hand_in(self, message: Message) -> Facts | Reply:
        """A share."""
        share = jobs.share(message.named)
        if share is None or not self._roles.miner(message):
            return Reply.NEED_MORE
        self._refine(share.dialect)
        self._pending.ask(message.value.get("id"), "share")
        return self._facts(shares=1, algorithm=share.algorithm, coin=share.coin)

    def ask(self, message: Message) -> Facts | Reply:
        """A common word: counts once the miner is known."""
        known = self._roles.client_is_a is not None and not self._roles.is_pool(message)
        if not known:
            return Reply.NEED_MORE
        self._pending.ask(message.value.get("id"), "request")
        return self._facts(requests=1)

    def take(self, message: Message) -> Facts | Reply:
        """A job that was pushed."""
        work = jobs.work(message.named)
        return self._job(work) if work is not None and self._roles.pool(message) else Reply.NEED_MORE

    def _job(self, work: jobs.Work) -> Facts:
        """With the login that waited for its job."""
        self._refine(work.dialect)
        facts = self._facts(jobs=1, coin=work.coin, algorithm=work.algorithm, difficulty=work.difficulty)
        login, self._login = self._login, None
        if login is not None and login.client_is_a == facts.client_is_a:
            facts.agent, facts.wallet, facts.worker, facts.logins = login.agent, login.wallet, login.worker, 1
        return facts

    def _answer(self, message: Message) -> Facts | Reply:
        work = _given(message.value.get("result"))
        if work is not None and self._roles.pool(message):
            self._pending.answer(message.value.get("id"))
            return self._job(work)
        if not self._roles.is_pool(message) or not {"result", "error"} & message.value.keys():
            return Reply.NEED_MORE
        if self._pending.answer(message.value.get("id")) != "share":
            return Reply.NEED_MORE
        accepted = is_accepted(message.value)
        return self._facts(accepted=int(accepted), rejected=int(not accepted))


METHODS: Final[dict[str, Callable[[CryptoNote, Message], Facts | Reply]]] = {
    "login": CryptoNote.log_in,
    "submit": CryptoNote.hand_in,
    "job": CryptoNote.take,
    "getjob": CryptoNote.ask,
    "keepalived": CryptoNote.ask,
    "getjobtemplate": CryptoNote.ask,  # Grin's, as the next two
    "keepalive": CryptoNote.ask,
    "status": CryptoNote.ask,
}


def _is_answer(message: Message) -> bool:
    return bool({"result", "error"} & message.value.keys()) and "params" not in message.value


def _given(result: Any) -> jobs.Work | None:
    """The job in an answer to a login (`result.job`) or to a request for one (`result`)."""
    job = result.get("job", result) if isinstance(result, dict) else None
    return jobs.work(job) if isinstance(job, dict) else None
