"""Relatives of Stratum V1 as real text: the same `mining.*`, other jobs and shares.

Sources: NiceHash's specifications (Autolykos, Octopus, XelisHash, FishHash, Alephium), Alephium's wiki,
conflux-doc, chainweb-mining-client, xelis-stratum-protocol, aleo-pool-server, ckb-gominer-demo and
ironfish's stratum messages.  How often blocks come: network facts, section 3.4.
"""

from __future__ import annotations

import zlib
from typing import Any

from training.simulation.draw import Draw
from training.simulation.families import MINING, Family
from training.simulation.script import DOWN, UP, Link, Script, Session
from training.simulation.stratum_miner import Miner, miner, run, sessions, subscribed
from training.simulation.work import drawn_pace

_GZIP = 31  # zlib's window for a gzip header


def ergo(draw: Draw, link: Link) -> Session:
    """Autolykos: height, message and a decimal bound; blocks about every two minutes."""
    who = miner(draw, "ergo", drawn_pace(draw, (120,), (0, 30, 20, 60), (2, 60)))
    height, sets_often = draw.whole(900_000, 1_500_000), draw.pick((0.0, 0.1, 1.0))

    def jobs(new_block: bool) -> list[bytes]:
        nonlocal height
        height += int(new_block)
        bound = str(draw.getrandbits(220) | 1 << 219)
        notify = who.notify(height, draw.hex(32), "", "", "03", bound, "", new_block)
        difficulty = who.call(None, "mining.set_difficulty", [draw.size(1, 100)])
        return [difficulty, notify] if draw.chance(sets_often) else [notify]

    def share(number: int) -> bytes:
        return who.submit(number, draw.hex(6), draw.hex(4), draw.hex(8))

    greeting = [[["mining.set_difficulty", draw.hex(4)], ["mining.notify", draw.hex(4)]], draw.hex(2), 6]
    return sessions(who, link, lambda: subscribed(who, greeting, None), jobs, share)


def conflux(draw: Draw, link: Link) -> Session:
    """Octopus: login by the subscription; height, header and boundary in notify; two blocks a second, or
    fewer where the pool thins them out."""
    who = miner(draw, "conflux", drawn_pace(draw, (0.5, 1, 2, 5), (0,), (2, 40)))
    height, header = draw.whole(90_000_000, 140_000_000), ""

    def jobs(new_block: bool) -> list[bytes]:
        nonlocal height, header
        height, header = height + int(new_block), "0x" + draw.hex(32)
        return [who.notify(str(height), header, "0x" + draw.hex(28))]

    def share(number: int) -> bytes:
        return who.submit(number, "0x" + draw.hex(8), header)

    def opening() -> list[tuple[bytes, bytes]]:
        return [(who.call(1, "mining.subscribe", [who.user, who.password]), who.result(1, True))]

    return sessions(who, link, opening, jobs, share)


def kadena(draw: Draw, link: Link) -> Session:
    """Blake2s: a header of 286 bytes; twenty chains, and NiceHash wants a job at least each second."""
    who = miner(draw, "kadena", drawn_pace(draw, (30, 4, 1.5), (1, 0.5, 5), (2, 60)))
    sets_often = draw.pick((0.0, 0.05, 1.0))

    def jobs(new_block: bool) -> list[bytes]:
        notify = who.notify(draw.hex(286), new_block)
        target = who.call(None, "mining.set_target", [draw.hex(32)])
        return [target, notify] if draw.chance(sets_often) else [notify]

    def share(number: int) -> bytes:
        return who.submit(number, draw.hex(6))

    greeting = [[["mining.set_target", "1"], ["mining.notify", "1"]], draw.hex(2), 6]
    return sessions(who, link, lambda: subscribed(who, greeting, None), jobs, share)


def xelis(draw: Draw, link: Link) -> Session:
    """XelisHash: the worker stands apart in the login; time, header, algorithm; pings from the server."""
    who = miner(draw, "xelis", drawn_pace(draw, (15, 5), (0, 0, 5, 10), (2, 40)))
    stamp, ping_s = 0x00000191E9BB8E4D, draw.pick((0, 0, 30, 60))

    def jobs(new_block: bool) -> list[bytes]:
        nonlocal stamp
        stamp += draw.whole(500, 15_000)
        return [who.notify(f"{stamp:016x}", draw.hex(32), "xel/v2", new_block)]

    def share(number: int) -> bytes:
        params = [who.worker or "x", who.job_id, draw.hex(8)]
        return who.call(number, "mining.submit", params)

    def session(length: float) -> Script:
        script = Script(draw, link)
        login = who.call(2, "mining.authorize", [who.account, who.worker or "x", who.password])
        greeting = [draw.base36(8), draw.hex(32), 32, draw.hex(32)]
        start = script.opening([subscribed(who, greeting)[0], (login, who.result(2, True))])
        script.down(start, who.call(None, "mining.set_difficulty", [draw.size(1_000, 90_000)]))
        script.down(start + 0.0003, jobs(True)[0])
        run(script, who, (start, length), jobs, share)
        for number, when in enumerate(draw.ticks(ping_s, length) if ping_s else ()):
            ping, pong = ({"id": number, "method": f"mining.{name}"} for name in ("ping", "pong"))
            script.tell(when, who.line(ping), who.line(pong))
        return script

    return session


def aleo(draw: Draw, link: Link) -> Session:
    """Version 1: a root and four leaves; version 2: an epoch's challenge and an address, and a proof."""
    who = miner(draw, "aleo", drawn_pace(draw, (20, 15), (0, 0, 10, 30), (2, 60)))
    first = draw.chance(0.5)

    def jobs(new_block: bool) -> list[bytes]:
        content = [draw.hex(32) for _ in range(5)] if first else [draw.hex(200), who.account]
        return [who.notify(*content, new_block)]

    def share(number: int) -> bytes:
        return who.submit(number, *(draw.hex(size) for size in ((8, 160) if first else (8, 48, 48))))

    def opening() -> list[tuple[bytes, bytes]]:
        made = subscribed(who, [draw.hex(8), draw.hex(4), None], "AleoStratum/1.0.0", None)
        request, answer = made[-1]
        target = who.call(None, "mining.set_target", [draw.getrandbits(40)])
        return [*made[:-1], (request, answer + target)]

    return sessions(who, link, opening, jobs, share)


def nervos(draw: Draw, link: Link) -> Session:
    """Eaglesong: header hash, height, parent; a nonce of 16 bytes between pool and miner."""
    who = miner(draw, "nervos", drawn_pace(draw, (10, 8), (0, 0, 10, 30), (2, 40)))
    height, parent, sets_often = draw.whole(9_000_000, 18_000_000), draw.hex(32), draw.pick((0.0, 0.1))

    def jobs(new_block: bool) -> list[bytes]:
        nonlocal height, parent
        if new_block:
            height, parent = height + 1, draw.hex(32)
        notify = who.notify(draw.hex(32), height, parent, new_block)
        target = who.call(None, "mining.set_target", [draw.hex(32)])
        return [target, notify] if draw.chance(sets_often) else [notify]

    def share(number: int) -> bytes:
        return who.submit(number, draw.hex(12))

    return sessions(who, link, lambda: subscribed(who, [None, draw.hex(4), 12], None), jobs, share)


def ironfish(draw: Draw, link: Link) -> Session:
    """FishHash: a `body` in place of `params`; every answer is a push that names the share."""
    who = miner(draw, "ironfish", drawn_pace(draw, (60,), (0, 5, 10, 15, 30), (2, 60)))
    wallet, count, sets_often = draw.hex(32), draw.whole(1, 9_999), draw.pick((0.0, 0.05, 1.0))

    def said(method: str, body: dict[str, Any], number: int = 0) -> bytes:
        return who.line({"id": number, "method": f"mining.{method}", "body": body})

    def jobs(new_block: bool) -> list[bytes]:
        nonlocal count
        count += 1
        notify = said("notify", {"miningRequestId": count, "header": draw.hex(180)}, count)
        target = said("set_target", {"target": "00000000" + draw.hex(28)})
        return [target, notify] if draw.chance(sets_often) else [notify]

    def share(number: int) -> bytes:
        return said("submit", {"miningRequestId": count, "randomness": draw.hex(8)}, number)

    def verdict(number: int) -> bytes:
        taken = not draw.chance(who.rejected)
        body = {"id": number, "result": taken} | ({} if taken else {"message": "stale share"})
        return said("submitted", body, number)

    def session(length: float) -> Script:
        script = Script(draw, link)
        login = {"version": 3, "agent": who.agent, "publicAddress": f"{wallet}.{who.worker or 'rig'}"}
        greeting = said("subscribed", {"clientId": draw.whole(1, 10**6), "xn": draw.hex(2)})
        hello = said("subscribe", login | {"extend": ["mining.submitted"]})
        start = script.opening([(hello, greeting + said("set_target", {"target": draw.hex(32)}))])
        script.down(start, jobs(True)[-1])
        run(script, who, (start, length), jobs, share, verdict=verdict)
        return script

    return session


def alephium(draw: Draw, link: Link) -> Session:
    """Sixteen chains: jobs as headers (Alephium's wiki) or as objects of all chains at once (pools of
    NiceHash's kind); with `connection.set_gzip` the rest goes on compressed."""
    who = miner(draw, "alephium", drawn_pace(draw, (64, 16, 4), (0, 10, 1, 0.5), (3, 40)))
    headers, packs, sets_often = draw.chance(0.6), draw.chance(0.35), draw.pick((0.0, 0.05))
    noop_s = draw.pick((0, 15, 20))

    def jobs(new_block: bool) -> list[bytes]:
        if headers:
            made = [who.notify(str(draw.whole(0, 15)), draw.hex(302))]
        else:
            made = [who.call(None, "mining.notify", [_chains(who, draw.whole(1, 4))])]
        target = who.line({"method": "mining.set_target", "params": draw.hex(16)})
        return [target, *made] if new_block and draw.chance(sets_often) else made

    def share(number: int) -> bytes:
        params: Any = [who.job_id, draw.hex(20), who.worker or "w1"]
        if not headers:
            params = {"jobId": who.job_id, "fromGroup": draw.whole(0, 3), "toGroup": draw.whole(0, 3),
                      "nonce": draw.hex(24), "worker": who.user}  # fmt: skip
        return who.call(number, "mining.submit", params)

    def session(length: float) -> Script:
        script = Script(draw, link)
        hello = who.call(0, "mining.hello", [who.agent, "AlephiumStratum/1.0.0"])
        exchanges = [(hello, who.result(0, ["AlephiumStratum/1.0.0", False, "1e", "3", "node"]))]
        if packs:
            exchanges.append((who.line({"id": 1, "method": "connection.set_gzip"}), who.result(1, True)))
        packed_from = len(exchanges)
        exchanges += subscribed(who, draw.hex(2))
        start = script.opening(exchanges)
        script.down(start, who.line({"method": "mining.set_target", "params": draw.hex(16)}))
        run(script, who, (start, length), jobs, share)
        for number, when in enumerate(draw.ticks(noop_s, length, 0.1, start + noop_s) if noop_s else ()):
            script.ask(
                when,
                who.line({"id": 9000 + number, "method": "mining.noop"}),
                who.result(9000 + number, True),
            )
        return _compressed(script, 2 * packed_from) if packs else script

    return session


def _chains(who: Miner, count: int) -> list[dict[str, Any]]:
    """Jobs of some chains as objects."""
    made = []
    for _ in range(count):
        who.job_id = who.draw.hex(4)
        sizes = {"headerBlob": 151, "txsBlob": who.draw.whole(0, 90), "targetBlob": 16}
        groups = {"fromGroup": who.draw.whole(0, 3), "toGroup": who.draw.whole(0, 3)}
        made.append({"jobId": who.job_id, **groups, **{name: who.draw.hex(n) for name, n in sizes.items()}})
    return made


def _compressed(script: Script, plain: int) -> Script:
    """The same script with all but its first `plain` messages as one gzip stream a side (RFC 1952)."""
    packers = {side: zlib.compressobj(6, zlib.DEFLATED, _GZIP) for side in (UP, DOWN)}
    events = script.sorted_events()
    packed = events[:plain]
    for time, way, what in events[plain:]:
        packer = packers[way]
        packed.append((time, way, packer.compress(bytes(what)) + packer.flush(zlib.Z_SYNC_FLUSH)))
    script.events = packed
    return script


FAMILIES = tuple(
    Family(start.__name__, MINING, start, text=True)
    for start in (ergo, conflux, kadena, xelis, aleo, nervos, ironfish, alephium)
)
