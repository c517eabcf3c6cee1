"""Dialects with a login of their own, as real text: CryptoNote, eth-proxy, EthereumStratum 1 and 2.

Sources: xmrig-proxy doc/STRATUM.md and STRATUM_EXT.md, ethminer POOL_EXAMPLES_ETH.md,
EthereumStratum_NiceHash_v1.0.0.txt, EthereumStratum 2.0.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from training.simulation.draw import Draw
from training.simulation.families import MINING, Family
from training.simulation.script import Link, Script, Session, Style
from training.simulation.work import drawn_pace, turns

_XMRIG = (
    "XMRig/6.21.0 (Linux x86_64) libuv/1.44.2 gcc/11.4.0",
    "XMRig/6.18.1 (Windows NT 10.0; Win64; x64)",
    "xmr-stak-cpu/2.10.8",
    "xmrig-proxy/6.21.0",
    "SRBMiner-MULTI/2.4.5",
    "XMRig/5.11.2",
    "cpuminer-multi/1.3",
)
_ALGORITHMS = ("rx/0", "rx/0", "rx/0", "rx/wow", "cn/gpu", "ghostrider", "cn-heavy/xhv", "panthera", "")
_P2POOL = {"blocks": (10, 10, 30), "timers": (0,), "share": (8, 40), "algorithms": ("rx/0",)}
_ETHEREUM = (
    "ethminer/0.19.0",
    "PhoenixMiner/6.2c",
    "lolMiner 1.88",
    "GMiner/3.44",
    "T-Rex/0.26.8",
    "NBMiner/42.3",
)


def cryptonote(
    draw: Draw,
    link: Link,
    *,
    blocks: Sequence[float] = (120,),
    timers: Sequence[float] = (0, 0, 60, 60, 30, 20, 15),
    share: tuple[float, float] = (3, 150),
    algorithms: Sequence[str] = _ALGORITHMS,
) -> Session:
    """login, job, submit, keepalived; with and without the XMRig extensions and a proxy's many workers."""
    style, agent = Style.drawn(draw), draw.pick(_XMRIG)
    pace = drawn_pace(draw, blocks, timers, share)
    algorithm = draw.pick(algorithms)
    blob = draw.pick((76, 76, 77, 83, 43, 80))
    user = draw.pick(("4", "8")) + draw.base58(94) if draw.chance(0.8) else "user" + draw.base36(8)
    user += draw.pick(("", "", ".rig1", "+" + str(draw.whole(1000, 500_000))))
    extended, keep_s = draw.chance(0.6), draw.pick((0, 0, 60, 60, 30))
    seeds, jsonrpc_job, bare = draw.chance(0.8), draw.chance(0.9), draw.chance(0.15)
    rejected, height, session_id = draw.pick((0.0, 0.01, 0.05)), draw.whole(3_000_000, 3_500_000), ""
    job_id = ""

    def job() -> dict[str, Any]:
        nonlocal job_id
        job_id = draw.hex(draw.pick((8, 14, 14)) if extended else 7)
        fields: dict[str, Any] = {"blob": draw.hex(blob), "job_id": job_id, "target": draw.hex(4)}
        if algorithm:
            fields["algo"] = algorithm
        if seeds:
            fields |= {"height": height, "seed_hash": draw.hex(32)}
        return fields | {"id": session_id} if bare else fields

    def answer(number: int, result: Any, error: Any = None) -> bytes:
        return style.line({"id": number, "jsonrpc": "2.0", "error": error, "result": result})

    def login() -> bytes:
        params: dict[str, Any] = {"login": user, "pass": draw.pick(("x", "worker", "")), "agent": agent}
        if extended:
            params["algo"] = [
                "cn/1",
                "cn/2",
                "cn/r",
                "cn/fast",
                "cn/half",
                "rx/0",
                "rx/wow",
                "rx/arq",
                "argon2/chukwa",
            ]
        return style.line({"id": 1, "jsonrpc": "2.0", "method": "login", "params": params})

    def submit(number: int) -> bytes:
        params = {"id": session_id, "job_id": job_id, "nonce": draw.hex(4), "result": draw.hex(32)}
        if extended and algorithm:
            params["algo"] = algorithm
        return style.line({"id": number, "jsonrpc": "2.0", "method": "submit", "params": params})

    def session(length: float) -> Script:
        nonlocal session_id, height
        session_id = draw.hex(8) if draw.chance(0.5) else str(draw.whole(10**9, 10**15))
        script = Script(draw, link)
        welcome: dict[str, Any] = {"id": session_id, "job": job(), "status": "OK"}
        if extended:
            welcome["extensions"] = ["algo", "nicehash", "connect", "tls", "keepalive"][: draw.whole(1, 5)]
        start = script.opening([(login(), answer(1, welcome))])
        spoke, number = [start], 1
        for when, what in turns(pace.jobs(draw, length - start), pace.shares(draw, length - start)):
            if what != "share":
                height += int(what == "block")
                push = {"jsonrpc": "2.0", "method": "job", "params": job()}
                script.down(start + when, style.line(push if jsonrpc_job else {**push, "id": None}))
                continue
            number += 1
            refused = {"code": -1, "message": "Low difficulty share"} if draw.chance(rejected) else None
            result = None if refused else {"status": "OK"}
            script.ask(start + when, submit(number), answer(number, result, refused))
            spoke.append(start + when)
        if keep_s:
            _keepalive(script, spoke, length, keep_s=keep_s, style=style, session_id=session_id)
        return script

    return session


def _keepalive(
    script: Script, spoke: list[float], length: float, *, keep_s: float, style: Style, session_id: str
) -> None:
    """keepalived after `keep_s` without a client message (XMRig restarts its timer at each)."""
    number = 10_000
    for since, until in zip(spoke, [*spoke[1:], length], strict=True):
        for when in script.draw.ticks(keep_s, until, 0.002, since + keep_s):
            number += 1
            params = {"id": session_id}
            request = {"id": number, "jsonrpc": "2.0", "method": "keepalived", "params": params}
            reply = {"id": number, "jsonrpc": "2.0", "error": None, "result": {"status": "KEEPALIVED"}}
            script.ask(when, style.line(request), style.line(reply))


def ethproxy(draw: Draw, link: Link, polls: bool = False) -> Session:
    """eth_submitLogin, eth_getWork polled or pushed, eth_submitWork, eth_submitHashrate."""
    style = Style.drawn(draw)
    pace = drawn_pace(draw, (13, 13, 8, 2), (0, 0, 10, 4), (3, 150))
    poll_s, rate_s = draw.pick((0.5, 1, 2, 3, 5, 10)), draw.pick((0, 10, 20, 60, 60))
    user = "0x" + draw.hex(20) + draw.pick(("", "." + draw.base36(6)))
    worker = draw.pick(("eth1.0", "rig" + str(draw.whole(1, 50)), draw.base36(6)))
    named, versioned, height = draw.chance(0.7), draw.chance(0.8), draw.chance(0.3)

    def call(number: int, method: str, params: list[Any]) -> bytes:
        message: dict[str, Any] = {"worker": worker} if named else {}
        if versioned:
            message["jsonrpc"] = "2.0"
        return style.line(message | {"method": method, "params": params, "id": number})

    def answer(number: int, result: Any) -> bytes:
        return style.line({"id": number, "jsonrpc": "2.0", "result": result})

    def work() -> list[str]:
        parts = ["0x" + draw.hex(32), "0x" + draw.hex(32), "0x00000000" + draw.hex(28)]
        return [*parts, hex(draw.whole(15_000_000, 20_000_000))] if height else parts

    def session(length: float) -> Script:
        script = Script(draw, link)
        login = call(1, "eth_submitLogin", [user, draw.pick(("x", ""))])
        start = script.opening([(login, answer(1, True)), (call(2, "eth_getWork", []), answer(2, work()))])
        for when in draw.ticks(poll_s, length, poll_s * 0.01, start + poll_s) if polls else ():
            script.ask(when, call(5, "eth_getWork", []), answer(5, work()))
        if not polls or draw.chance(0.4):
            for when, _ in pace.jobs(draw, length - start):
                script.down(start + when, answer(0, work()))
        for when in pace.shares(draw, length - start):
            nonce, mix = "0x" + draw.hex(8), "0x" + draw.hex(32)
            script.ask(
                start + when, call(4, "eth_submitWork", [nonce, "0x" + draw.hex(32), mix]), answer(4, True)
            )
        for when in draw.ticks(rate_s, length, 0.01, start + rate_s) if rate_s else ():
            rate = ["0x" + f"{draw.whole(10**6, 10**9):064x}", "0x" + draw.hex(32)]
            script.ask(when, call(6, "eth_submitHashrate", rate), answer(6, True))
        return script

    return session


def ethereumstratum(draw: Draw, link: Link) -> Session:
    """EthereumStratum/1.0.0: notify of job, seed hash, header hash and clean flag; float difficulty."""
    style, agent = Style.drawn(draw), draw.pick(_ETHEREUM)
    pace = drawn_pace(draw, (13, 13, 64, 2), (0, 0, 5, 30), (2, 120))
    user, job_id, sets_often = "0x" + draw.hex(20) + ".w" + draw.base36(3), "0", draw.pick((0.0, 0.1, 0.5))
    error_member = draw.chance(0.8)

    def answer(number: int, result: Any) -> bytes:
        return style.line(
            {"id": number, "result": result, "error": None}
            if error_member
            else {"id": number, "jsonrpc": "2.0", "result": result}
        )

    def call(number: int | None, method: str, params: list[Any]) -> bytes:
        return style.line({"id": number, "method": method, "params": params})

    def session(length: float) -> Script:
        nonlocal job_id
        script = Script(draw, link)
        prefix = [["mining.notify", draw.hex(16), "EthereumStratum/1.0.0"], draw.hex(draw.whole(1, 3))]
        start = script.opening(
            [
                (call(1, "mining.subscribe", [agent, "EthereumStratum/1.0.0"]), answer(1, prefix)),
                (call(2, "mining.extranonce.subscribe", []), answer(2, True)),
                (call(3, "mining.authorize", [user, "x"]), answer(3, True)),
            ]
        )
        difficulty = round(draw.uniform(0.5, 8.0), 3)
        script.down(start, call(None, "mining.set_difficulty", [difficulty]))
        number = 3
        jobs = [(0.001, True), *pace.jobs(draw, length - start)]
        for when, what in turns(jobs, pace.shares(draw, length - start)):
            at = start + when
            if what == "share":
                number += 1
                share = call(number, "mining.submit", [user, job_id, draw.hex(5)])
                script.ask(at, share, answer(number, True))
                continue
            job_id = draw.hex(4)
            if draw.chance(sets_often):
                script.down(at - 0.0003, call(None, "mining.set_difficulty", [difficulty]))
            job = [job_id, draw.hex(32), draw.hex(32), what == "block"]
            script.down(at, call(None, "mining.notify", job))
        return script

    return session


def ethereumstratum2(draw: Draw, link: Link) -> Session:
    """EthereumStratum/2.0.0: short messages without a jsonrpc member; mining.hello, set, hashrate, noop."""
    style, agent = Style.drawn(draw), draw.pick(_ETHEREUM)
    pace = drawn_pace(draw, (13, 13, 6), (0, 0, 30), (3, 200))
    rate_s, noop_s = draw.pick((0, 60, 60)), draw.pick((0, 30, 120))
    user, worker = "0x" + draw.hex(20), "w-" + draw.hex(2)

    def call(number: int | None, method: str, params: Any) -> bytes:
        message = {"method": method, "params": params}
        return style.line(message if number is None else {"id": number, **message})

    def answer(number: int, result: Any) -> bytes:
        return style.line({"id": number, "result": result})

    def session(length: float) -> Script:
        script = Script(draw, link)
        hello = {"agent": agent, "host": "pool.example.net", "port": "0d05", "proto": "EthereumStratum/2.0.0"}
        hail = {
            "proto": "EthereumStratum/2.0.0",
            "encoding": "plain",
            "resume": "0",
            "timeout": "b4",
            "maxerrors": "a",
            "node": "node/1.0",
        }
        start = script.opening(
            [
                (call(0, "mining.hello", hello), answer(0, hail)),
                (call(1, "mining.subscribe", []), answer(1, "s-" + draw.hex(5))),
                (call(2, "mining.authorize", [user + "." + worker, "x"]), answer(2, worker)),
            ]
        )
        settings = {
            "epoch": draw.hex(1),
            "target": "0112e0be826d" + draw.hex(26),
            "algo": "ethash",
            "extranonce": draw.hex(2),
        }
        script.down(start, call(None, "mining.set", settings))
        for when, new_block in [(0.001, True), *pace.jobs(draw, length - start)]:
            params = [draw.hex(2), draw.hex(3), draw.hex(32), str(int(new_block))]
            script.down(start + when, call(None, "mining.notify", params))
            if draw.chance(0.02):
                script.down(start + when, call(None, "mining.set", {"target": draw.hex(30)}))
        for number, when in enumerate(pace.shares(draw, length - start), start=4):
            script.ask(
                start + when,
                call(number, "mining.submit", [draw.hex(2), draw.hex(6), worker]),
                answer(number, True),
            )
        for when in draw.ticks(rate_s, length, 0.01, start + rate_s) if rate_s else ():
            script.ask(when, call(16, "mining.hashrate", [draw.hex(4), worker]), answer(16, True))
        for when in draw.ticks(noop_s, length, 0.01, start + noop_s) if noop_s else ():
            script.ask(when, call(50, "mining.noop", []), answer(50, True))
        return script

    return session


FAMILIES = (
    Family("cryptonote", MINING, cryptonote, text=True),
    # P2Pool's node is a pool in the house: its sidechains have a block each 10 s (nano: 30 s), and it
    # sets the difficulty for some shares a minute (SChernykh/p2pool README and docs/COMMAND_LINE.MD)
    Family("p2pool", MINING, partial(cryptonote, **_P2POOL), text=True),
    Family("ethproxy", MINING, ethproxy, text=True),
    Family("ethproxy_poll", MINING, partial(ethproxy, polls=True), text=True),
    Family("ethereumstratum", MINING, ethereumstratum, text=True),
    Family("ethereumstratum2", MINING, ethereumstratum2, text=True),
)
