"""Stratum V1 as real text: the Bitcoin family, Kaspa, KawPow, Zcash (ZIP 301) and Zhash.

Sources: the slush pool's Stratum description, BIP 310 (mining.configure), ZIP 301, and the
NiceHash specifications of KHeavyHash, KawPow and Zhash.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from training.simulation.draw import Draw
from training.simulation.families import MINING, Family
from training.simulation.script import Link, Script, Session
from training.simulation.stratum_miner import miner, run, sessions, subscribed
from training.simulation.work import drawn_pace


def bitcoin(draw: Draw, link: Link) -> Session:
    """SHA-256 and scrypt coins: mining.configure/subscribe/authorize, notify with coinbase and branch."""
    who = miner(
        draw, "bitcoin", drawn_pace(draw, (600, 600, 150, 60), (20, 30, 30, 55, 60, 0, 10), (1.5, 60))
    )
    rolling, extranonce, suggests = draw.chance(0.5), draw.chance(0.4), draw.chance(0.3)
    branches, coinbase = draw.whole(0, 13), (draw.whole(40, 64), draw.whole(30, 180))
    sets_often, ping_s = draw.pick((0.0, 0.05, 0.3)), draw.pick((0, 0, 0, 30, 60))
    size2 = draw.pick((4, 8))

    def jobs(new_block: bool) -> list[bytes]:
        count = 0 if new_block and draw.chance(0.3) else max(0, branches + draw.whole(-1, 1))
        halves = draw.hex(coinbase[0]), draw.hex(coinbase[1])
        branch = [draw.hex(32) for _ in range(count)]
        notify = who.notify(draw.hex(32), *halves, branch, "20000000", draw.hex(4), draw.hex(4), new_block)
        messages = [notify]
        if draw.chance(sets_often):
            messages.insert(0, who.call(None, "mining.set_difficulty", [draw.size(1, 500_000)]))
        return messages

    def share(number: int) -> bytes:
        params = [who.user, who.job_id, draw.hex(size2), draw.hex(4), draw.hex(4)]
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
        start = script.opening(subscribed(who, [True, "EthereumStratum/1.0.0"]))
        script.down(start, who.call(None, "set_extranonce", [draw.hex(2), 6]))
        script.down(start + 0.001, who.call(None, "mining.set_difficulty", [draw.whole(1, 64)]))
        run(script, who, (start, length), jobs, share)
        return script

    return session


def kawpow(draw: Draw, link: Link) -> Session:
    """Ravencoin family: header hash, seed hash, target and height in notify; no coinbase."""
    who = miner(draw, "kawpow", drawn_pace(draw, (60,), (0, 0, 30, 10), (2, 60)))
    height, sets_often = draw.whole(2_000_000, 4_000_000), draw.pick((0.0, 0.1, 1.0))

    def jobs(new_block: bool) -> list[bytes]:
        nonlocal height
        height += int(new_block)
        target = "00000000" + draw.hex(28)
        notify = who.notify(draw.hex(32), draw.hex(32), target, new_block, height, draw.hex(4))
        sets = draw.chance(sets_often)
        return [who.call(None, "mining.set_target", [target]), notify] if sets else [notify]

    def share(number: int) -> bytes:
        return who.submit(number, *("0x" + draw.hex(size) for size in (8, 32, 32)))

    return sessions(who, link, lambda: subscribed(who, [None, draw.hex(2)]), jobs, share)


def equihash(draw: Draw, link: Link, kind: str, solution: int, personal: tuple[str, ...] = ()) -> Session:
    """ZIP 301: mining.set_target, notify, and submits that carry the Equihash solution.

    `solution`: its bytes with the length before them; `personal`: algorithm and personalisation, which
    Zhash's jobs name."""
    who = miner(draw, kind, drawn_pace(draw, (75, 150, 600), (0, 0, 55, 30, 60), (2, 90)))
    nonce1, first = draw.pick((4, 8)), "0000" + draw.hex(30)

    def jobs(new_block: bool) -> list[bytes]:
        hashes = (draw.hex(32) for _ in range(3))
        return [who.notify("04000000", *hashes, draw.hex(4), draw.hex(4), new_block, *personal)]

    def share(number: int) -> bytes:
        return who.submit(number, draw.hex(4), draw.hex(32 - nonce1), draw.hex(solution))

    def opening() -> list[tuple[bytes, bytes]]:
        more = None, "pool.example.net", str(draw.whole(1024, 9999))
        made = subscribed(who, [draw.hex(8), draw.hex(nonce1)], *more)
        request, answer = made[-1]
        return [*made[:-1], (request, answer + who.call(None, "mining.set_target", [first]))]

    return sessions(who, link, opening, jobs, share)


FAMILIES = (
    Family("stratum", MINING, bitcoin, text=True),
    Family("kaspa", MINING, kaspa, text=True),
    Family("kawpow", MINING, kawpow, text=True),
    # Solutions of (200,9), (144,5) and (192,7): 1344, 100 and 400 bytes
    Family("zcash", MINING, partial(equihash, kind="zcash", solution=1347), text=True),
    Family(
        "zhash",
        MINING,
        partial(equihash, kind="gold", solution=101, personal=("144_5", "BgoldPoW")),
        text=True,
    ),
    Family(
        "equihash192",
        MINING,
        partial(equihash, kind="zero", solution=403, personal=("192_7", "ZERO_PoW")),
        text=True,
    ),
)
