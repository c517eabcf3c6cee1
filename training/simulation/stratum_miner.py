"""What all dialects of `mining.*` share: who mines, how it prints, and the course of a session.

Sources: the slush pool's Stratum description and BIP 310.  Wallets and workers are random.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from training.simulation.draw import Draw
from training.simulation.script import Link, Script, Session, Style
from training.simulation.work import Pace, turns

_EQUIHASH = ("lolMiner 1.88", "miniZ/2.4e", "bminer/16.4", "EWBF 0.6", "GMiner/3.44")
AGENTS = {
    "bitcoin": (
        "cgminer/4.12.1",
        "bmminer/2.0.0",
        "BFGMiner/5.5.0",
        "cpuminer/2.5.1",
        "NiceHash/1.0.0",
        "bosminer/0.9",
        "ESP-Miner/2.4",
    ),
    "kaspa": ("GodMiner/2.0.0", "lolMiner 1.88", "BzMiner-v21", "IceRiverMiner-v1.1"),
    "zcash": _EQUIHASH,
    "gold": _EQUIHASH,
    "zero": _EQUIHASH,
    "xelis": ("xelis_miner/1.16.0", "SRBMiner-MULTI/2.6.4", "Rigel/1.19.1", "BzMiner/v22"),
    "kadena": ("GodMiner/2.0.0", "NiceHash/1.0.0", "KDboxMiner/1.0", "bzminer/v14.1"),
}
_GRAPHICS = (
    "kawpowminer/1.2.4", "T-Rex/0.26.8", "NBMiner/42.3", "teamredminer/0.10.20", "rigel/1.17.2",
    "SRBMiner-MULTI/2.4.5",
)  # fmt: skip
_ADDRESSES = {  # how an address begins, and how many letters follow
    "kaspa": ("kaspa:q", 60),
    "conflux": ("cfx:a", 41),
    "xelis": ("xel:", 60),
    "nervos": ("ckb1q", 41),
    "aleo": ("aleo1q", 57),
    "kadena": ("k:", 64),
}
_BASE58_ADDRESSES = {
    "kawpow": ("R", 33),
    "zcash": ("t1", 33),
    "gold": ("G", 33),
    "ergo": ("9", 50),
    "alephium": ("1", 44),
}
REJECTIONS = ([21, "Job not found", None], [22, "Duplicate share", None], [23, "Low difficulty share", None])


@dataclass(slots=True)
class Miner:
    """What stays the same over a miner's sessions, and the job at hand."""

    draw: Draw
    style: Style
    pace: Pace
    agent: str
    account: str
    worker: str
    password: str
    rejected: float
    job_hex: int
    null_error: bool
    job_id: str = "0"

    @property
    def user(self) -> str:
        """Account and worker, as most pools want them."""
        return f"{self.account}.{self.worker}" if self.worker else self.account

    def line(self, message: dict[str, Any]) -> bytes:
        return self.style.line(message)

    def result(self, number: int, result: Any, error: Any = None) -> bytes:
        message = {"id": number, "result": result, "error": error}
        if not self.null_error and error is None:
            del message["error"]
        return self.style.line(message)

    def call(self, number: int | None, method: str, params: Any) -> bytes:
        return self.style.line({"id": number, "method": method, "params": params})

    def notify(self, *params: Any) -> bytes:
        """A job with a new name, which comes first."""
        self.job_id = self.draw.hex(self.job_hex)
        return self.call(None, "mining.notify", [self.job_id, *params])

    def submit(self, number: int, *params: Any) -> bytes:
        """A share of the job at hand: user and job come first."""
        return self.call(number, "mining.submit", [self.user, self.job_id, *params])

    def verdict(self, number: int) -> bytes:
        """The pool's answer to a share."""
        if self.draw.chance(self.rejected):
            return self.result(number, None, self.draw.pick(REJECTIONS))
        return self.result(number, True)


def wallet(draw: Draw, kind: str) -> str:
    """A random string of the shape of an address.  It belongs to nobody but by miracle."""
    if kind in _ADDRESSES:
        start, letters = _ADDRESSES[kind]
        return start + draw.base36(letters)
    if kind in _BASE58_ADDRESSES:
        start, letters = _BASE58_ADDRESSES[kind]
        return start + draw.base58(letters)
    return draw.pick(
        (
            "bc1q" + draw.base36(38),
            "1" + draw.base58(33),
            "3" + draw.base58(33),
            "ltc1q" + draw.base36(38),
            "D" + draw.base58(33),
            "bitcoincash:q" + draw.base36(41),
        )
    )


def miner(draw: Draw, kind: str, pace: Pace) -> Miner:
    """A miner of one kind of coin with a worker, a password and an agent of its own."""
    worker = draw.pick(("", f"rig{draw.whole(1, 99)}", "worker1", draw.base36(draw.whole(2, 12))))
    named = draw.chance(0.75) or kind in _ADDRESSES
    return Miner(
        draw=draw,
        style=Style.drawn(draw),
        pace=pace,
        agent=draw.pick(AGENTS.get(kind, _GRAPHICS)),
        account=wallet(draw, kind) if named else "user" + draw.base36(draw.whole(2, 9)),
        worker=worker,
        password=draw.pick(("x", "123", "", f"d={draw.whole(1, 4096)}", "c=BTC,mc=" + draw.base36(4))),
        rejected=draw.pick((0.0, 0.01, 0.05)),
        job_hex=draw.pick((1, 2, 4, 4, 8)),
        null_error=draw.chance(0.85),
    )


JobMaker = Callable[[bool], list[bytes]]
"""Messages of one job, given whether it is for a new block."""
ShareMaker = Callable[[int], bytes]
"""A share, or what the pool answers to it, given its number."""
Opening = Callable[[], Sequence[tuple[bytes, bytes]]]


def run(
    script: Script,
    who: Miner,
    within: tuple[float, float],
    jobs: JobMaker,
    share: ShareMaker,
    *,
    verdict: ShareMaker | None = None,
) -> None:
    """Jobs from the pool and shares with their answers between two times of the session."""
    draw, start, left = script.draw, within[0], within[1] - within[0]
    number, verdict = draw.whole(4, 9), verdict or who.verdict
    for when, what in turns(who.pace.jobs(draw, left), who.pace.shares(draw, left)):
        if what == "share":
            script.ask(start + when, share(number), verdict(number))
            number += 1
            continue
        for index, message in enumerate(jobs(what == "block")):
            script.down(start + when + index * 0.0003, message)


def sessions(who: Miner, link: Link, opening: Opening, jobs: JobMaker, share: ShareMaker) -> Session:
    """The usual course: exchanges of the opening, a first job, then jobs and shares."""

    def session(length: float) -> Script:
        script = Script(who.draw, link)
        start = script.opening(opening())
        for index, message in enumerate(jobs(True)):
            script.down(start + index * 0.0003, message)
        run(script, who, (start, length), jobs, share)
        return script

    return session


def subscribed(who: Miner, greeting: Any, *more: Any) -> list[tuple[bytes, bytes]]:
    """mining.subscribe answered by `greeting`, mining.authorize by true."""
    return [
        (who.call(1, "mining.subscribe", [who.agent, *more]), who.result(1, greeting)),
        (who.call(2, "mining.authorize", [who.user, who.password]), who.result(2, True)),
    ]
