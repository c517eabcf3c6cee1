"""Polling miners over HTTP as real text: getwork and getblocktemplate (BIP 22), and a prober of pools.

Sources: ethminer getwork client, XMRig DaemonClient.cpp, BIP 22 and 23, and what cgminer does with
a long list of pools (most never answer).
"""

from __future__ import annotations

from functools import partial
from typing import Any

from training.simulation.draw import Draw
from training.simulation.families import MINING, Family
from training.simulation.script import Link, Script, Session, Style, http_reply, http_request
from training.simulation.work import drawn_pace

_MOST_BYTES = 1_500_000


def getwork(draw: Draw, link: Link, ethereum: bool) -> Session:
    """eth_getWork or getwork by HTTP POST every second or so; shares by eth_submitWork."""
    style = Style.drawn(draw)
    pace = drawn_pace(draw, (0,), (0,), (5, 200))
    poll_s, rate_s = draw.pick((0.5, 1, 1, 2, 5)), draw.pick((0, 1, 5, 20))
    host = f"{draw.base36(6)}.example.net:{draw.whole(80, 9999)}"
    headers = (
        "User-Agent: " + draw.pick(("cpuminer/2.5.1", "cgminer/3.7.2", "geth/1.9", "curl/7.88.1")) + "\r\n"
    )
    if draw.chance(0.5):
        headers += f"Authorization: Basic {draw.base58(24)}\r\n"
    if not ethereum:
        headers += "X-Mining-Extensions: longpoll midstate rollntime\r\n"
    path = draw.pick(("/", "/", f"/0x{draw.hex(20)}/rig1"))

    def post(number: int, method: str, params: list[Any]) -> bytes:
        body = style.text({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        return http_request(path, body, host, headers)

    def reply(number: int, result: Any) -> bytes:
        return http_reply(style.text({"id": number, "jsonrpc": "2.0", "result": result}))

    def work() -> Any:
        if ethereum:
            return ["0x" + draw.hex(32), "0x" + draw.hex(32), "0x00000000" + draw.hex(28)]
        return {
            "data": draw.hex(128),
            "midstate": draw.hex(32),
            "hash1": draw.hex(64),
            "target": "00" * 28 + "ffff0000",
        }

    def session(length: float) -> Script:
        script = Script(draw, link)
        for number, when in enumerate(draw.ticks(poll_s, length, poll_s * 0.02, 0.01)):
            script.ask(
                when, post(number, "eth_getWork" if ethereum else "getwork", []), reply(number, work())
            )
        for when in pace.shares(draw, length):
            share = (
                ["0x" + draw.hex(8), "0x" + draw.hex(32), "0x" + draw.hex(32)]
                if ethereum
                else [draw.hex(128)]
            )
            script.ask(when, post(1, "eth_submitWork" if ethereum else "getwork", share), reply(1, True))
        for when in draw.ticks(rate_s, length, 0.02, rate_s) if rate_s and ethereum else ():
            rate = [f"0x{draw.whole(10**6, 10**9):064x}", "0x" + draw.hex(32)]
            script.ask(when, post(6, "eth_submitHashrate", rate), reply(6, True))
        return script

    return session


def getblocktemplate(draw: Draw, link: Link) -> Session:
    """A solo miner of Bitcoin's kind: templates with transactions from its node (BIP 22, 23)."""
    style, host = Style.drawn(draw), f"192.0.2.{draw.whole(1, 250)}:8332"
    poll_s = draw.pick((1, 5, 10, 20, 30)) * draw.uniform(0.9, 1.1)
    headers = f"Authorization: Basic {draw.base58(32)}\r\nUser-Agent: cpuminer-opt/23.5\r\n"
    height, entries, block_s = draw.whole(800_000, 900_000), draw.whole(0, 12), draw.log_uniform(600, 1e5)

    def template() -> dict[str, Any]:
        transactions = [
            {
                "data": draw.hex(draw.size(100, 400)),
                "txid": draw.hex(32),
                "fee": draw.whole(200, 90_000),
                "sigops": 4,
                "weight": 900,
            }
            for _ in range(entries)
        ]
        return {
            "version": 536870912,
            "previousblockhash": draw.hex(32),
            "transactions": transactions,
            "coinbasevalue": 312500000 + draw.whole(0, 10**7),
            "target": draw.hex(32),
            "mintime": 1760000000,
            "mutable": ["time", "transactions", "prevblock"],
            "curtime": 1760000000,
            "bits": draw.hex(4),
            "height": height,
        }

    def ask(script: Script, when: float, method: str, params: Any, result: Any) -> None:
        request = style.text({"jsonrpc": "2.0", "id": 0, "method": method, "params": params})
        reply = style.text({"id": 0, "jsonrpc": "2.0", "result": result, "error": None})
        script.ask(when, http_request("/", request, host, headers), http_reply(reply))

    def session(length: float) -> Script:
        nonlocal height
        script, size = Script(draw, link), 0
        for when in draw.ticks(poll_s, length, poll_s * 0.01, 0.01):
            ask(script, when, "getblocktemplate", [{"rules": ["segwit"]}], template())
            height += int(draw.chance(poll_s / 600.0))
            size += 3000 + 900 * entries
            if size > _MOST_BYTES:
                draw.exhausted(when)
                break
        for when in draw.poisson(block_s, length):
            ask(script, when, "submitblock", [draw.hex(400)], None)
        return script

    return session


def daemon_poll(draw: Draw, link: Link) -> Session:
    """XMRig at a Monero node (DaemonClient.cpp): a template first; its height each second; a template when
    that has changed, and at the latest after 15 s (Pool.h)."""
    style, host = Style.drawn(draw), f"192.0.2.{draw.whole(1, 250)}:18081"
    poll_s, patience_s = draw.pick((1, 1, 1, 2, 5)), draw.pick((15, 15, 30))
    height, wallet, blob = draw.whole(3_000_000, 3_500_000), "4" + draw.base58(94), draw.whole(300, 900)
    path, agent = draw.pick(("/getheight", "/getinfo")), "User-Agent: XMRig/6.21.0\r\n"

    def ask(script: Script, when: float, method: str, params: Any, result: Any) -> None:
        request = style.text({"id": 1, "jsonrpc": "2.0", "method": method, "params": params})
        reply = style.text({"id": 1, "jsonrpc": "2.0", "result": result | {"status": "OK"}})
        script.ask(when, http_request("/json_rpc", request, host, agent), http_reply(reply))

    def template(script: Script, when: float) -> None:
        work = {
            "blocktemplate_blob": draw.hex(blob),
            "blockhashing_blob": "1010" + draw.hex(74),
            "difficulty": draw.whole(10**11, 4 * 10**11),
            "height": height,
            "prev_hash": draw.hex(32),
            "reserved_offset": 130,
            "seed_hash": draw.hex(32),
        }
        ask(script, when, "getblocktemplate", {"wallet_address": wallet, "extra_nonce": draw.hex(8)}, work)

    def session(length: float) -> Script:
        nonlocal height
        script = Script(draw, link)
        template(script, 0.01)
        fresh = 0.01
        for when in draw.ticks(poll_s, length, poll_s * 0.01, poll_s):
            changed = draw.chance(poll_s / 120.0)
            height += int(changed)
            told = http_reply(style.text({"hash": draw.hex(32), "height": height, "status": "OK"}))
            script.ask(when, http_request(path, "", host, agent, "GET"), told)
            if changed or when - fresh > patience_s:
                template(script, when + link.rtt_s + 0.05)
                fresh = when
        for when in draw.poisson(draw.log_uniform(3_000, 1e5), length):
            ask(script, when, "submitblock", [draw.hex(blob)], {})
        return script

    return session


def probe(draw: Draw, link: Link) -> Session:
    """One try at one pool of a list: subscribe, sometimes an answer, then away."""
    style, agent = Style.drawn(draw), draw.pick(("cgminer/4.10.0", "cgminer/3.7.2"))
    name = "user" + draw.base36(6)

    def session(length: float) -> Script:
        script = Script(draw, link)
        subscribe = style.line({"id": 0, "method": "mining.subscribe", "params": [agent]})
        fate = draw.random()
        if fate < 0.55:
            script.up(0.001, subscribe)
        elif fate < 0.75:
            script.ask(0.001, subscribe, b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        else:
            ids = [["mining.set_difficulty", "1"], ["mining.notify", draw.hex(4)]]
            greeting = style.line({"id": 0, "result": [ids, draw.hex(4), 4], "error": None})
            authorize = style.line({"id": 1, "method": "mining.authorize", "params": [name, "x"]})
            refusal = style.line({"id": 1, "result": draw.chance(0.5), "error": None})
            script.opening([(subscribe, greeting), (authorize, refusal)])
        return script

    return session


FAMILIES = (
    Family("getwork", MINING, partial(getwork, ethereum=False), text=True, hangs_up=True),
    Family("eth_getwork", MINING, partial(getwork, ethereum=True), text=True, hangs_up=True),
    Family("getblocktemplate", MINING, getblocktemplate, text=True, hangs_up=True),
    Family("daemon_poll", MINING, daemon_poll, text=True, hangs_up=True),
    Family("prober", MINING, probe, text=True, wraps=("none",), spreads=True),
)
