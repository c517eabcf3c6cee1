"""Dialects that owe Stratum little, as real text: Grin, Beam, Arweave, Bytom, Nervos' ckb, Duino-Coin.

Sources: mimblewimble/grin doc/stratum.md and NiceHash's Grin, the wiki of BeamMW/beam, matpool's
Arweave protocol, B3-Mimic's STRATUM-BTM.md, nervosnetwork/ckb docs/stratum_v1.md, and the miners of
revoxhere/duino-coin.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from training.simulation.draw import Draw
from training.simulation.families import MINING, Family
from training.simulation.script import Link, Script, Session, Style
from training.simulation.work import Pace, drawn_pace, turns

_BYTOM_JOB = {  # bytes of each member
    "version": 8, "height": 8, "previous_block_hash": 32, "timestamp": 8, "transactions_merkle_root": 32,
    "transaction_status_hash": 32, "nonce": 8, "bits": 8, "seed": 32, "target": 4,
}  # fmt: skip
_GPU_MINERS = ("lolMiner 1.88", "GMiner/3.44", "bminer/16.4", "NBMiner/42.3", "SRBMiner-MULTI/2.4.5")


@dataclass(slots=True)
class Talker:
    """One miner of a dialect: how it prints JSON-RPC, who it is, how often it errs."""

    draw: Draw
    style: Style
    pace: Pace
    agent: str
    user: str
    rejected: float

    @classmethod
    def drawn(cls, draw: Draw, pace: Pace) -> Talker:
        user = "user" + draw.base36(draw.whole(2, 9)) + draw.pick(("", ".rig", "." + draw.base36(5)))
        return cls(draw, Style.drawn(draw), pace, draw.pick(_GPU_MINERS), user, draw.pick((0.0, 0.01, 0.05)))

    def call(self, number: Any, method: str, **members: Any) -> bytes:
        return self.style.line({"id": number, "jsonrpc": "2.0", "method": method, **members})

    def answer(self, number: Any, result: Any, **members: Any) -> bytes:
        return self.style.line({"id": number, "jsonrpc": "2.0", **members, "result": result, "error": None})

    def refusal(self, number: Any, **members: Any) -> bytes:
        error = {"code": -32503, "message": "Solution submitted too late"}
        return self.style.line({"id": number, "jsonrpc": "2.0", **members, "error": error})

    def lives(
        self,
        script: Script,
        within: tuple[float, float],
        job: Callable[[], bytes],
        share: Callable[[int], tuple[bytes, bytes]],
    ) -> None:
        """Jobs, and shares with their answers, between two times of the session."""
        start, until = within
        number = 1
        for when, what in turns(
            self.pace.jobs(self.draw, until - start), self.pace.shares(self.draw, until - start)
        ):
            if what == "share":
                number += 1
                script.ask(start + when, *share(number))
            else:
                script.down(start + when, job())

    def taken(self) -> bool:
        """Whether the next share is."""
        return not self.draw.chance(self.rejected)


def grin(draw: Draw, link: Link) -> Session:
    """Cuckoo cycles: login, getjobtemplate, job pushes of about 700 bytes, submits of 42 edges, keepalive;
    the server repeats the method in its answers."""
    who = Talker.drawn(draw, drawn_pace(draw, (60,), (0, 10, 30), (3, 120)))
    height, bits, keep_s = (
        draw.whole(1_000_000, 3_000_000),
        draw.pick((32, 32, 31, 29)),
        draw.pick((0, 30, 60)),
    )
    nice, job_id = draw.chance(0.3), 0

    def work() -> dict[str, Any]:
        nonlocal job_id, height
        job_id, height = job_id + 1, height + int(draw.chance(0.3))
        job: dict[str, Any] = {"difficulty": draw.pick((4, 16)), "height": height, "job_id": job_id,
                               "pre_pow": "0001" + draw.hex(236)}  # fmt: skip
        return job | ({"cleanjob": True, "xn": draw.hex(2)} if nice else {})

    def share(number: int) -> tuple[bytes, bytes]:
        proof = sorted(draw.sample(range(1 << bits), 42))
        params = {
            "edge_bits": bits,
            "height": height,
            "job_id": job_id,
            "nonce": draw.getrandbits(63),
            "pow": proof,
        }
        answer = (
            who.answer(str(number), "ok", method="submit")
            if who.taken()
            else who.refusal(str(number), method="submit")
        )
        return who.call(str(number), "submit", params=params), answer

    def session(length: float) -> Script:
        script = Script(draw, link)
        login = who.call("0", "login", params={"login": who.user, "pass": "x", "agent": who.agent})
        template = who.call("1", "getjobtemplate", params=None)
        start = script.opening(
            [
                (login, who.answer("0", "ok", method="login")),
                (template, who.answer("1", work(), method="getjobtemplate")),
            ]
        )
        who.lives(script, (start, length), lambda: who.call("Stratum", "job", params=work()), share)
        for when in draw.ticks(keep_s, length, 0.01) if keep_s else ():
            alive = who.call("9", "keepalive", params=None)
            script.ask(when, alive, who.answer("9", "ok", method="keepalive"))
        return script

    return session


def beam(draw: Draw, link: Link) -> Session:
    """BeamHash: login with a key, jobs with all members at the top, solutions of 104 bytes, results."""
    who = Talker.drawn(draw, drawn_pace(draw, (60,), (0, 0, 15), (3, 100)))
    key = draw.hex(33) + draw.pick(("", ".rig1", "." + draw.base36(6)))
    height, count, prefix = draw.whole(1_000_000, 3_000_000), draw.whole(1, 9_999), draw.hex(3)

    def said(method: str, number: Any, **members: Any) -> bytes:
        return who.style.line({"method": method, "id": str(number), "jsonrpc": "2.0", **members})

    def job() -> bytes:
        nonlocal count, height
        count, height = count + 1, height + 1
        packed = draw.whole(3_000_000_000, 3_600_000_000)
        return said("job", count, input=draw.hex(32), difficulty=packed, height=height, nonceprefix=prefix)

    def share(_: int) -> tuple[bytes, bytes]:
        code, told = (1, "accepted") if who.taken() else (-32003, "rejected")
        answer = said("result", count, code=code, description=told)
        return said("solution", count, nonce=prefix + draw.hex(5), output=draw.hex(104)), answer

    def session(length: float) -> Script:
        script = Script(draw, link)
        welcome = said("result", "login", code=0, description="Login successful", nonceprefix=prefix)
        start = script.opening([(said("login", "login", api_key=key), welcome + job())])
        who.lives(script, (start, length), job, share)
        return script

    return session


def arweave(draw: Draw, link: Link) -> Session:
    """RandomX of Arweave: login, jobs with a block data segment, shares of a nonce and a hash."""
    who = Talker.drawn(draw, drawn_pace(draw, (120,), (0, 30, 60), (3, 100)))
    segment, height, job_id = draw.whole(33, 300), draw.whole(500_000, 1_600_000), ""

    def job() -> bytes:
        nonlocal height, job_id
        height, job_id = height + 1, draw.base36(4)
        params = {"job_id": job_id, "bds": draw.hex(segment), "target": draw.hex(4)}
        params |= {"timestamp": 1_760_000_000 + height, "height": height}
        return who.style.line({"jsonrpc": "2.0", "method": "job", "params": params})

    return _logs_in(who, link, job, lambda: {"job_id": job_id, "nonce": draw.hex(4), "hash": draw.hex(32)})


def bytom(draw: Draw, link: Link) -> Session:
    """Tensority: login, jobs of a dozen members, shares shaped like CryptoNote's."""
    who = Talker.drawn(draw, drawn_pace(draw, (150,), (0, 30, 60), (3, 100)))
    job_id = ""

    def job() -> bytes:
        nonlocal job_id
        job_id = str(draw.whole(100_000, 999_999))
        params = {name: draw.hex(size) for name, size in _BYTOM_JOB.items()} | {"job_id": job_id}
        return who.style.line({"jsonrpc": "2.0", "method": "job", "params": params})

    def share() -> dict[str, str]:
        return {"id": who.user, "job_id": job_id, "nonce": draw.hex(4), "result": draw.hex(32)}

    return _logs_in(who, link, job, share)


def _logs_in(
    who: Talker, link: Link, job: Callable[[], bytes], share: Callable[[], dict[str, str]]
) -> Session:
    """login, a first job, then jobs and shares that are answered by a status."""

    def handed_in(number: int) -> tuple[bytes, bytes]:
        answer = who.answer(number, {"status": "OK"}) if who.taken() else who.refusal(number)
        return who.call(number, "submit", params=share()), answer

    def session(length: float) -> Script:
        script = Script(who.draw, link)
        login = who.call(1, "login", params={"login": who.user, "pass": "x", "agent": who.agent})
        start = script.opening([(login, who.answer(1, {"status": "OK"}) + job())])
        who.lives(script, (start, length), job, handed_in)
        return script

    return session


def ckb(draw: Draw, link: Link) -> Session:
    """Nervos' own words: ckb_submitLogin, ckb_getWork, pushes with id 0, ckb_submitWork, hash rates."""
    who = Talker.drawn(draw, drawn_pace(draw, (10, 8), (0, 0, 10, 30), (2, 60)))
    wallet, rate_s, work = "ckb1q" + draw.base36(41), draw.pick((0, 10, 30, 60)), {}

    def call(number: int, method: str, params: Any) -> bytes:
        return who.style.line({"id": number, "method": f"ckb_{method}", "params": params})

    def answer(number: int, result: Any) -> bytes:
        return who.style.line({"id": number, "result": result})

    def job() -> bytes:
        nonlocal work
        work = {"pow_hash": "0x" + draw.hex(32), "target": "0x00068d" + draw.hex(29)}
        return answer(0, work)

    def share(number: int) -> tuple[bytes, bytes]:
        params = {"pow_hash": work["pow_hash"], "nonce": "0x" + draw.hex(16)}
        refused = {"code": "101", "message": "low difficulty"}
        told = answer(number, True) if who.taken() else who.style.line({"id": number, "error": refused})
        return call(number, "submitWork", params), told

    def session(length: float) -> Script:
        script = Script(draw, link)
        login = call(1, "submitLogin", {"login": wallet, "agent": who.agent, "worker": "rig"})
        job()
        start = script.opening([(login, answer(1, True)), (call(2, "getWork", None), answer(2, work))])
        who.lives(script, (start, length), job, share)
        for when in draw.ticks(rate_s, length, 0.02, start + rate_s) if rate_s else ():
            script.ask(when, call(7, "submitHashrate", hex(draw.size(10**6, 10**10))), answer(7, True))
        return script

    return session


def duino(draw: Draw, link: Link) -> Session:
    """Duino-Coin: the server's version, then a job asked for, worked on and handed in, without end."""
    user, rig = "user" + draw.base36(draw.whole(2, 9)), draw.pick(("None", "esp" + str(draw.whole(1, 99))))
    works_s, miner = (
        draw.log_uniform(1.0, 40.0),
        draw.pick(("Official PC Miner 4.3", "Official ESP32 Miner 4.3")),
    )
    level, bad = draw.pick(("LOW", "MEDIUM", "NET", "ESP32")), draw.pick((0.0, 0.01, 0.03))

    def session(length: float) -> Script:
        script = Script(draw, link)
        script.down(0.001 + link.rtt_s, b"4.3\n")
        now = 0.01 + link.rtt_s
        while now < length and len(script.events) < 5_000:
            job = f"{draw.hex(20)},{draw.hex(20)},{draw.size(2_000, 900_000)}\n".encode()
            now = script.ask(now, f"JOB,{user},{level},{draw.base36(6)}\n".encode(), job)
            now += works_s * draw.log_uniform(0.1, 2.0)  # the nonce lies anywhere below the difficulty
            rate = draw.uniform(100.0, 900_000.0)
            share = f"{draw.size(1, 900_000)},{rate:.2f},{miner},{rig},,{draw.whole(1, 2811)}\n"
            told = (
                b"BAD,Incorrect result\n"
                if draw.chance(bad)
                else draw.pick((b"GOOD\n", b"BLOCK\n"), (0.98, 0.02))
            )
            now = script.ask(now, share.encode(), told) + 0.002
        if now < length:
            draw.exhausted(now)
        return script

    return session


FAMILIES = (
    *(Family(start.__name__, MINING, start, text=True) for start in (grin, beam, arweave, bytom, ckb)),
    Family("duino", MINING, duino, text=True, wraps=("none", "tls13", "tls12")),
)
