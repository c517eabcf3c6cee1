"""Stratum V1 and its relatives as real text: Bitcoin family, Kaspa, KawPow, Zcash (ZIP 301).

Sources: the slush pool's Stratum description, BIP 310 (mining.configure), ZIP 301, and the
NiceHash specifications of KHeavyHash and KawPow.  Wallets and workers are random.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from training.simulation.draw import Draw
from training.simulation.families import MINING, Family
from training.simulation.script import Link, Script, Session, Style
from training.simulation.work import Pace, drawn_pace, turns

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
    "kawpow": ("kawpowminer/1.2.4", "T-Rex/0.26.8", "NBMiner/42.3", "teamredminer/0.10.20", "rigel/1.17.2"),
    "zcash": ("lolMiner 1.88", "miniZ/2.4e", "bminer/16.4", "EWBF 0.6", "GMiner/3.44"),
}
REJECTIONS = ([21, "Job not found", None], [22, "Duplicate share", None], [23, "Low difficulty share", None])


@dataclass(slots=True)
class Miner:
    """What stays the same over a miner's sessions."""

    draw: Draw
    style: Style
    pace: Pace
    agent: str
    user: str
    password: str
    rejected: float
    job_hex: int
    null_error: bool

    def line(self, message: dict[str, Any]) -> bytes:
        return self.style.line(message)

    def result(self, number: int, result: Any, error: Any = None) -> bytes:
        message = {"id": number, "result": result, "error": error}
        if not self.null_error and error is None:
            del message["error"]
        return self.style.line(message)

    def call(self, number: int | None, method: str, params: Any) -> bytes:
        return self.style.line({"id": number, "method": method, "params": params})

    def verdict(self, number: int) -> bytes:
        """The pool's answer to a share."""
        if self.draw.chance(self.rejected):
            return self.result(number, None, self.draw.pick(REJECTIONS))
        return self.result(number, True)


def wallet(draw: Draw, kind: str) -> str:
    """A random string of the shape of an address.  It belongs to nobody but by miracle."""
    if kind == "kaspa":
        return "kaspa:q" + draw.base36(60)
    if kind == "kawpow":
        return "R" + draw.base58(33)
    if kind == "zcash":
        return "t1" + draw.base58(33)
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
    worker = draw.pick(("", f".rig{draw.whole(1, 99)}", ".worker1", "." + draw.base36(draw.whole(2, 12))))
    account = wallet(draw, kind) if draw.chance(0.75) else "user" + draw.base36(draw.whole(2, 9))
    return Miner(
        draw=draw,
        style=Style.drawn(draw),
        pace=pace,
        agent=draw.pick(AGENTS[kind]),
        user=account + worker,
        password=draw.pick(("x", "123", "", f"d={draw.whole(1, 4096)}", "c=BTC,mc=" + draw.base36(4))),
        rejected=draw.pick((0.0, 0.01, 0.05)),
        job_hex=draw.pick((1, 2, 4, 4, 8)),
        null_error=draw.chance(0.85),
    )


JobMaker = Callable[[bool], list[bytes]]
ShareMaker = Callable[[int], bytes]


def run(script: Script, who: Miner, within: tuple[float, float], jobs: JobMaker, share: ShareMaker) -> None:
    """Jobs from the pool and shares with their answers between two times of the session."""
    draw, start, left = script.draw, within[0], within[1] - within[0]
    number = draw.whole(4, 9)
    for when, what in turns(who.pace.jobs(draw, left), who.pace.shares(draw, left)):
        if what == "share":
            script.ask(start + when, share(number), who.verdict(number))
            number += 1
            continue
        for index, message in enumerate(jobs(what == "block")):
            script.down(start + when + index * 0.0003, message)


def bitcoin(draw: Draw, link: Link) -> Session:
    """SHA-256 and scrypt coins: mining.configure/subscribe/authorize, notify with coinbase and branch."""
    who = miner(
        draw, "bitcoin", drawn_pace(draw, (600, 600, 150, 60), (20, 30, 30, 55, 60, 0, 10), (1.5, 60))
    )
    rolling, extranonce, suggests = draw.chance(0.5), draw.chance(0.4), draw.chance(0.3)
    branches, coinbase = draw.whole(0, 13), (draw.whole(40, 64), draw.whole(30, 180))
    sets_often, ping_s = draw.pick((0.0, 0.05, 0.3)), draw.pick((0, 0, 0, 30, 60))
    size2 = draw.pick((4, 8))
    job_id = "0"

    def jobs(new_block: bool) -> list[bytes]:
        nonlocal job_id
        job_id = draw.hex(who.job_hex)
        count = 0 if new_block and draw.chance(0.3) else max(0, branches + draw.whole(-1, 1))
        params = [
            job_id,
            draw.hex(32),
            draw.hex(coinbase[0]),
            draw.hex(coinbase[1]),
            [draw.hex(32) for _ in range(count)],
            "20000000",
            draw.hex(4),
            draw.hex(4),
            new_block,
        ]
        messages = [who.call(None, "mining.notify", params)]
        if draw.chance(sets_often):
            messages.insert(0, who.call(None, "mining.set_difficulty", [draw.size(1, 500_000)]))
        return messages

    def share(number: int) -> bytes:
        params = [who.user, job_id, draw.hex(size2), draw.hex(4), draw.hex(4)]
        if rolling:
            params.append(draw.hex(4))
        return who.line({"params": params, "id": number, "method": "mining.submit"})

    def session(length: float) -> Script:
        script = Script(draw, link)
        exchanges = []
        if rolling:
            mask = {"version-rolling.mask": "1fffe000", "version-rolling.min-bit-count": 2}
            answer = {"version-rolling": True, "version-rolling.mask": "1fffe000"}
            exchanges.append(
                (who.call(1, "mining.configure", [["version-rolling"], mask]), who.result(1, answer))
            )
        ids = [["mining.set_difficulty", draw.hex(4)], ["mining.notify", draw.hex(4)]]
        exchanges += [
            (who.call(2, "mining.subscribe", [who.agent]), who.result(2, [ids, draw.hex(4), size2])),
            (who.call(3, "mining.authorize", [who.user, who.password]), who.result(3, True)),
        ]
        if extranonce:
            exchanges.append(
                (who.call(4, "mining.extranonce.subscribe", []), who.result(4, draw.chance(0.7)))
            )
        if suggests:
            exchanges.append((who.call(5, "mining.suggest_difficulty", [512]), who.result(5, True)))
        start = script.opening(exchanges)
        script.down(start, who.call(None, "mining.set_difficulty", [draw.size(1, 500_000)]))
        script.down(start + draw.uniform(0.0001, 0.05), jobs(True)[-1])
        run(script, who, (start, length), jobs, share)
        for number, when in enumerate(draw.ticks(ping_s, length) if ping_s else ()):
            script.ask(when, who.call(9000 + number, "mining.ping", []), who.result(9000 + number, "pong"))
        return script

    return session


def kaspa(draw: Draw, link: Link) -> Session:
    """kHeavyHash: notify is a job number, four 64-bit words and a time; blocks every second or faster."""
    who = miner(draw, "kaspa", drawn_pace(draw, (1, 1, 0.5, 2, 5), (0,), (1, 15)))
    flat, count = draw.chance(0.4), draw.whole(1, 5000)

    def jobs(new_block: bool) -> list[bytes]:
        nonlocal count
        count += 1
        words: Any = draw.hex(40) if flat else [draw.getrandbits(64) for _ in range(4)]
        params = [str(count), words] if flat else [str(count), words, 1_760_000_000_000 + count]
        return [who.line({"jsonrpc": "2.0", "method": "mining.notify", "params": params, "id": None})]

    def share(number: int) -> bytes:
        return who.call(number, "mining.submit", [who.user, str(count), "0x" + draw.hex(8)])

    def session(length: float) -> Script:
        script = Script(draw, link)
        start = script.opening(
            [
                (
                    who.call(1, "mining.subscribe", [who.agent]),
                    who.result(1, [True, "EthereumStratum/1.0.0"]),
                ),
                (who.call(2, "mining.authorize", [who.user, who.password]), who.result(2, True)),
            ]
        )
        script.down(start, who.call(None, "set_extranonce", [draw.hex(2), 6]))
        script.down(start + 0.001, who.call(None, "mining.set_difficulty", [draw.whole(1, 64)]))
        run(script, who, (start, length), jobs, share)
        return script

    return session


def kawpow(draw: Draw, link: Link) -> Session:
    """Ravencoin family: header hash, seed hash, target and height in notify; no coinbase."""
    who = miner(draw, "kawpow", drawn_pace(draw, (60,), (0, 0, 30, 10), (2, 60)))
    job_id, height, sets_often = "0", draw.whole(2_000_000, 4_000_000), draw.pick((0.0, 0.1, 1.0))

    def jobs(new_block: bool) -> list[bytes]:
        nonlocal job_id, height
        job_id, height = draw.hex(who.job_hex), height + int(new_block)
        target = "00000000" + draw.hex(28)
        params = [job_id, draw.hex(32), draw.hex(32), target, new_block, height, draw.hex(4)]
        notify = who.call(None, "mining.notify", params)
        return (
            [who.call(None, "mining.set_target", [target]), notify] if draw.chance(sets_often) else [notify]
        )

    def share(number: int) -> bytes:
        nonce, header, mix = "0x" + draw.hex(8), "0x" + draw.hex(32), "0x" + draw.hex(32)
        return who.call(number, "mining.submit", [who.user, job_id, nonce, header, mix])

    def session(length: float) -> Script:
        script = Script(draw, link)
        start = script.opening(
            [
                (who.call(1, "mining.subscribe", [who.agent]), who.result(1, [None, draw.hex(2)])),
                (who.call(2, "mining.authorize", [who.user, who.password]), who.result(2, True)),
            ]
        )
        script.down(start, who.call(None, "mining.set_target", ["00000000" + draw.hex(28)]))
        run(script, who, (start, length), jobs, share)
        return script

    return session


def zcash(draw: Draw, link: Link) -> Session:
    """ZIP 301: mining.set_target, notify, and submits that carry the Equihash solution."""
    who = miner(draw, "zcash", drawn_pace(draw, (75, 150, 600), (0, 0, 55, 30, 60), (2, 90)))
    solution = draw.pick((1347, 1347, 101, 403))  # (200,9), (144,5), (192,7) with its length prefix
    job_id, nonce1 = "0", draw.pick((4, 8))
    personal = ["144_5", "BgoldPoW"] if solution == 101 else []

    def jobs(new_block: bool) -> list[bytes]:
        nonlocal job_id
        job_id = draw.hex(who.job_hex)
        params = [job_id, "04000000", *(draw.hex(32) for _ in range(3)), draw.hex(4), draw.hex(4), new_block]
        return [who.call(None, "mining.notify", params + personal)]

    def share(number: int) -> bytes:
        params = [who.user, job_id, draw.hex(4), draw.hex(32 - nonce1), draw.hex(solution)]
        return who.call(number, "mining.submit", params)

    def session(length: float) -> Script:
        script = Script(draw, link)
        subscribe = [who.agent, None, "pool.example.net", str(draw.whole(1024, 9999))]
        start = script.opening(
            [
                (who.call(1, "mining.subscribe", subscribe), who.result(1, [draw.hex(8), draw.hex(nonce1)])),
                (who.call(2, "mining.authorize", [who.user, who.password]), who.result(2, True)),
            ]
        )
        script.down(start, who.call(None, "mining.set_target", ["0000" + draw.hex(30)]))
        script.down(start + 0.002, jobs(True)[0])
        run(script, who, (start, length), jobs, share)
        return script

    return session


FAMILIES = (
    Family("stratum", MINING, bitcoin, text=True),
    Family("kaspa", MINING, kaspa, text=True),
    Family("kawpow", MINING, kawpow, text=True),
    Family("zcash", MINING, zcash, text=True),
)
