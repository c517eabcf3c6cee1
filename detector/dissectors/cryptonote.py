"""CryptoNote: login, job, submit, keepalived over raw TCP (Monero and its relatives).

Sources: xmrig-proxy doc/STRATUM.md and doc/STRATUM_EXT.md.  The method names are common
words, so that a name never tells: a login counts with a miner's agent, an address or an
algorithm list, or once a job answers it; a job is a hashing blob with its target; a share
is a nonce with its hash.
"""

from __future__ import annotations

import re
from typing import Any, Final

from detector.dissectors import coins
from detector.dissectors.contract import Message, Reply, Roles
from detector.dissectors.identity import account, agent_name, is_hex, printable
from detector.dissectors.pending import Pending, is_accepted
from detector.records import Facts

DIALECT: Final = "cryptonote"

_MINER = re.compile(r"xmr|monero|miner|randomx|stak|nicehash|srb|xlarig|cnrig", re.I)


class CryptoNote:
    """One connection that may speak CryptoNote's dialect.  Passwords are never looked at."""

    __slots__ = ("_login", "_pending", "_roles")

    def __init__(self) -> None:
        self._roles = Roles()
        self._pending = Pending()
        self._login: Facts | None = None  # one that does not tell by itself; waits for its job

    def read(self, message: Message) -> Facts | Reply:
        """The facts of one message."""
        return Reply.NOT_MINE if message.http is not None else self._read(message)

    def _read(self, message: Message) -> Facts | Reply:
        match message.method:
            case None:
                return self._answer(message)
            case "login":
                return self._log_in(message)
            case "submit":
                return self._share(message)
            case "job":
                known = _is_job(message.named) and self._roles.pool(message)
                return self._job(message.named) if known else Reply.NEED_MORE
            case "keepalived" | "getjob":
                return self._request(message)
        return Reply.NOT_MINE

    def _facts(self, **known: Any) -> Facts:
        return Facts(dialect=DIALECT, client_is_a=self._roles.client_is_a, **known)

    def _log_in(self, message: Message) -> Facts | Reply:
        params = message.named
        wallet, worker = account(params.get("login"))
        told = {"pass", "agent", "algo", "rigid"} & params.keys()
        if wallet is None or not told or self._roles.is_pool(message):
            return Reply.NEED_MORE
        self._pending.ask(message.value.get("id"), "login")
        coin, agent = coins.of_address(wallet), agent_name(params.get("agent"))
        worker = printable(params.get("rigid"), 64) or worker
        login = Facts(DIALECT, message.from_a, coin=coin, agent=agent, wallet=wallet, worker=worker, logins=1)
        sure = coin != coins.UNKNOWN or isinstance(params.get("algo"), list) or _MINER.search(agent or "")
        if sure and self._roles.miner(message):
            return login
        self._login = login
        return Reply.NEED_MORE

    def _share(self, message: Message) -> Facts | Reply:
        if not _is_share(message.named) or not self._roles.miner(message):
            return Reply.NEED_MORE
        self._pending.ask(message.value.get("id"), "share")
        algorithm = _algorithm(message.named)
        return self._facts(shares=1, algorithm=algorithm, coin=coins.of_algorithm(algorithm))

    def _request(self, message: Message) -> Facts | Reply:
        """A common word: counts once the miner is known."""
        known = self._roles.client_is_a is not None and not self._roles.is_pool(message)
        if not known:
            return Reply.NEED_MORE
        self._pending.ask(message.value.get("id"), "request")
        return self._facts(requests=1)

    def _job(self, job: dict[str, Any]) -> Facts:
        algorithm = _algorithm(job)
        coin = coins.of_algorithm(algorithm)
        if algorithm is None:
            coin, algorithm = coins.of_cryptonote_blob(job.get("blob"))
        return self._facts(jobs=1, coin=coin, algorithm=algorithm, difficulty=_difficulty(job.get("target")))

    def _answer(self, message: Message) -> Facts | Reply:
        result = message.value.get("result")
        given = _job_of(result)
        if given is not None and self._roles.pool(message):
            self._pending.answer(message.value.get("id"))
            return self._with_login(self._job(given))
        if not self._roles.is_pool(message) or not {"result", "error"} & message.value.keys():
            return Reply.NEED_MORE
        if self._pending.answer(message.value.get("id")) != "share":
            return Reply.NEED_MORE
        accepted = is_accepted(message.value)
        return self._facts(accepted=int(accepted), rejected=int(not accepted))

    def _with_login(self, facts: Facts) -> Facts:
        """Adds the login that waited for its job."""
        login, self._login = self._login, None
        if login is None or login.client_is_a != facts.client_is_a:
            return facts
        facts.agent, facts.wallet, facts.worker, facts.logins = login.agent, login.wallet, login.worker, 1
        return facts


def _job_of(result: Any) -> dict[str, Any] | None:
    """The job in an answer to a login (`result.job`) or to getjob (`result`)."""
    if not isinstance(result, dict):
        return None
    job = result.get("job", result)
    return job if isinstance(job, dict) and _is_job(job) else None


def _is_job(job: dict[str, Any]) -> bool:
    """A hashing blob has 76 bytes and more; a target 4 or 8 bytes, with XMRig's extensions up to 32."""
    named = isinstance(job.get("job_id"), str | int)
    return named and is_hex(job.get("blob"), 80, 8192) and is_hex(job.get("target"), 2, 64)


def _is_share(params: dict[str, Any]) -> bool:
    """job_id, nonce of 4 bytes (8 in some relatives) and the hash of 32."""
    named = isinstance(params.get("job_id"), str | int)
    return named and is_hex(params.get("nonce"), 8, 16) and is_hex(params.get("result"), 64, 64)


def _algorithm(params: dict[str, Any]) -> str | None:
    algorithm = printable(params.get("algo"), 24)
    return algorithm.lower() if algorithm else None


def _difficulty(target: Any) -> float | None:
    """Hashes a share takes: the target's bytes, little endian, are the top of 2**32 or 2**64."""
    if not is_hex(target, 8, 16) or len(target) not in (8, 16):
        return None
    value = int.from_bytes(bytes.fromhex(target), "little")
    return float(((1 << 4 * len(target)) - 1) // value) if value else None
