"""Duino-Coin: jobs asked for and handed in as text lines.

Source: revoxhere/duino-coin, the miners of PC_Miner.py and ESP_Code.  The server greets with
its version; "JOB,user,difficulty,key" is answered by "last hash,wanted hash,difficulty";
"nonce,hash rate,miner,rig,..." by GOOD, BLOCK or "BAD,reason".  The key is a password.
"""

from __future__ import annotations

import re
from typing import Any, Final

from detector.dissectors.contract import Message, Reply, Roles
from detector.dissectors.identity import agent_name, printable
from detector.dissectors.pending import Pending
from detector.records import Facts

DIALECT: Final = "duino"

_ASK = re.compile(r"JOB,([^,]{1,64})(?:,[^,]*){0,4}")
_JOB = re.compile(r"(?:\d\.\d{1,2})?[0-9a-f]{40},[0-9a-f]{40},(\d{1,9})")
_SHARE = re.compile(r"\d{1,12},[\d.]{1,20}(?:,([^,]*))?(?:,([^,]*))?(?:,.*)?")


class Duino:
    """One connection that may speak Duino-Coin's dialect; a job tells, what is asked waits for one."""

    __slots__ = ("_asked", "_pending", "_roles")

    def __init__(self) -> None:
        self._roles = Roles()
        self._pending = Pending()
        self._asked: Facts | None = None

    def read(self, message: Message) -> Facts | Reply:
        """The facts of one message."""
        line = message.text
        if line is None:
            return Reply.NOT_MINE
        ask, job, share = _ASK.fullmatch(line), _JOB.fullmatch(line), _SHARE.fullmatch(line)
        if ask is not None:
            return self._ask(message, ask[1])
        if job is not None:
            return self._job(message, int(job[1]))
        if share is not None:
            return self._share(message, share[1], share[2])
        return self._verdict(message, line)

    def _facts(self, **known: Any) -> Facts:
        return Facts(DIALECT, self._roles.client_is_a, coin="DUCO", algorithm="duco-s1", **known)

    def _ask(self, message: Message, user: str) -> Facts | Reply:
        if self._roles.is_pool(message):
            return Reply.NEED_MORE
        wallet = printable(user, 64)
        if self._roles.client_is_a is not None:
            return self._facts(requests=1, wallet=wallet)
        self._asked = Facts(DIALECT, message.from_a, wallet=wallet)
        return Reply.NEED_MORE

    def _job(self, message: Message, difficulty: int) -> Facts | Reply:
        if not self._roles.pool(message):
            return Reply.NEED_MORE
        facts = self._facts(jobs=1, difficulty=float(difficulty))
        asked, self._asked = self._asked, None
        if asked is not None and asked.client_is_a == facts.client_is_a:
            facts.requests, facts.wallet = 1, asked.wallet
        return facts

    def _share(self, message: Message, miner: str | None, rig: str | None) -> Facts | Reply:
        """Numbers and names: they count once the miner is known."""
        if self._roles.client_is_a is None or self._roles.is_pool(message):
            return Reply.NEED_MORE
        self._pending.ask(None, "share")
        return self._facts(shares=1, agent=agent_name(miner), worker=printable(rig, 64))

    def _verdict(self, message: Message, line: str) -> Facts | Reply:
        word = line.partition(",")[0]
        if word not in ("GOOD", "BLOCK", "BAD") or not self._roles.is_pool(message):
            return Reply.NEED_MORE
        if self._pending.oldest() is None:
            return Reply.NEED_MORE
        return self._facts(accepted=int(word != "BAD"), rejected=int(word == "BAD"))
