"""Benign JSON-RPC: services, players, editors, and clients of blockchain nodes that do not mine.

The words are the miner's own (id, method, params, result); each docstring names what tells it apart.
Source: JSON-RPC 2.0, Language Server Protocol, Ethereum and Bitcoin node RPC.
"""

from __future__ import annotations

from typing import Any

from training.simulation.draw import Draw
from training.simulation.families import BENIGN, Family
from training.simulation.script import Link, Script, Session, Style, http_reply, http_request, session_of


def json_rpc_service(draw: Draw, link: Link) -> Session:
    """JSON-RPC of a home-grown service: has methods `login` and `submit` too, in other shapes."""
    style, newline = Style.drawn(draw), draw.chance(0.6)
    methods = draw.sample(
        (
            "session.login",
            "login",
            "job.status",
            "submit",
            "getjob",
            "worker.list",
            "order.submit",
            "subscribe",
            "keepalive",
            "config.get",
            "track.add",
            "device.notify",
        ),
        5,
    )
    every, random, notifies = draw.log_uniform(0.5, 60), draw.chance(0.5), draw.log_uniform(5, 300)
    events = [draw.base36(draw.whole(3, 14)) for _ in range(draw.whole(1, 8))]
    host = draw.base36(6) + ".example.org"

    def call(number: int) -> bytes:
        params: Any = draw.pick(
            ({"user": draw.base36(6)}, [draw.whole(1, 99)], {"order": draw.whole(1, 9**6), "qty": 2})
        )
        message = {"jsonrpc": "2.0", "id": number, "method": draw.pick(methods), "params": params}
        return style.line(message) if newline else http_request("/rpc", style.text(message), host)

    def result(number: int) -> bytes:
        value: Any = draw.pick(
            (True, "OK", {"status": "OK", "items": [draw.whole(0, 9) for _ in range(draw.run(0.8))]})
        )
        message = {"jsonrpc": "2.0", "id": number, "result": value}
        return style.line(message) if newline else http_reply(style.text(message))

    def talk(script: Script, length: float) -> None:
        times = draw.poisson(every, length) if random else draw.ticks(every, length, 0.01, 0.01)
        for number, when in enumerate(times):
            script.ask(when, call(number), result(number))
        for when in draw.poisson(notifies, length) if newline else ():
            params = {"event": draw.pick(events), "value": draw.size(1, 10**6)}
            event = {"jsonrpc": "2.0", "method": "device.notify", "params": params}
            script.down(when, style.line(event))

    return session_of(draw, link, talk)


def media_center(draw: Draw, link: Link) -> Session:
    """A media player's JSON-RPC: notifications at a person's moments, a poll of the position each second."""
    style, poll_s, mean = Style.drawn(draw), draw.pick((0, 1, 2, 10)), draw.log_uniform(10, 400)
    kinds = ("Player.OnPlay", "Player.OnPause", "Application.OnVolumeChanged", "Player.OnSeek")

    def talk(script: Script, length: float) -> None:
        for number, when in enumerate(draw.ticks(poll_s, length, 0.01, 0.01) if poll_s else [0.01]):
            request = {
                "jsonrpc": "2.0",
                "id": number,
                "method": "Player.GetProperties",
                "params": [1, ["time"]],
            }
            result = {"time": {"hours": 0, "minutes": int(when // 60) % 60, "seconds": int(when) % 60}}
            script.ask(
                when, style.line(request), style.line({"id": number, "jsonrpc": "2.0", "result": result})
            )
        for when in draw.poisson(mean, length, 0.5):
            params = {"data": {"item": {"id": draw.whole(1, 999), "type": "song"}}, "sender": "player"}
            script.down(when, style.line({"jsonrpc": "2.0", "method": draw.pick(kinds), "params": params}))

    return session_of(draw, link, talk)


def language_server(draw: Draw, link: Link) -> Session:
    """An editor and its language server: Content-Length framing, bursts at a typist's pace, diagnostics."""
    style, pause, uri = Style.drawn(draw), draw.log_uniform(2, 90), f"file:///src/{draw.base36(8)}.py"

    def framed(message: dict[str, Any]) -> bytes:
        body = style.text({"jsonrpc": "2.0", **message})
        return f"Content-Length: {len(body)}\r\n\r\n{body}".encode()

    def talk(script: Script, length: float) -> None:
        for start in draw.poisson(pause, length):
            when = start
            for number in range(draw.run(0.8)):
                text = {
                    "textDocument": {"uri": uri},
                    "contentChanges": [{"text": draw.base36(draw.whole(1, 20))}],
                }
                script.up(when, framed({"method": "textDocument/didChange", "params": text}))
                if draw.chance(0.5):
                    items = [{"label": draw.base36(8), "kind": 3} for _ in range(draw.run(0.9))]
                    request = {"id": number, "method": "textDocument/completion", "params": text}
                    script.ask(when + 0.01, framed(request), framed({"id": number, "result": items}))
                when += draw.log_uniform(0.08, 1.0)
            found = [{"message": draw.base36(20), "severity": 1} for _ in range(draw.whole(0, 4))]
            note = {"method": "textDocument/publishDiagnostics", "params": {"uri": uri, "diagnostics": found}}
            script.down(when + draw.log_uniform(0.1, 3.0), framed(note))

    return session_of(draw, link, talk)


def web3_rpc(draw: Draw, link: Link) -> Session:
    """A wallet or contract service asks an Ethereum node: eth_blockNumber, eth_call ... never eth_getWork."""
    style, host, every = Style.drawn(draw), draw.base36(6) + ".example.io", draw.log_uniform(0.5, 30)
    methods = draw.sample(
        (
            "eth_blockNumber",
            "eth_call",
            "eth_getLogs",
            "eth_gasPrice",
            "eth_chainId",
            "eth_getBalance",
            "net_version",
            "eth_getTransactionReceipt",
            "eth_syncing",
        ),
        draw.whole(1, 5),
    )
    streams, block = draw.chance(0.4), draw.whole(15_000_000, 20_000_000)

    def result(method: str) -> Any:
        if method == "eth_getLogs":
            return [
                {"address": "0x" + draw.hex(20), "data": "0x" + draw.hex(32)} for _ in range(draw.run(0.6))
            ]
        return (
            hex(block + draw.whole(0, 500))
            if method == "eth_blockNumber"
            else "0x" + draw.hex(draw.pick((8, 32)))
        )

    def talk(script: Script, length: float) -> None:
        for number, when in enumerate(draw.ticks(every, length, every * 0.02, 0.01)):
            for method in methods[: draw.whole(1, len(methods))]:
                params = (
                    [{"to": "0x" + draw.hex(20), "data": "0x" + draw.hex(4)}, "latest"]
                    if method == "eth_call"
                    else []
                )
                body = style.text({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
                reply = style.text({"jsonrpc": "2.0", "id": number, "result": result(method)})
                if streams:
                    script.ask(when, body.encode() + b"\n", reply.encode() + b"\n")
                else:
                    script.ask(when, http_request("/", body, host), http_reply(reply))
        for when in draw.poisson(13.0, length) if streams else ():
            head = {
                "number": hex(block + int(when / 13)),
                "hash": "0x" + draw.hex(32),
                "parentHash": "0x" + draw.hex(32),
            }
            note = {
                "jsonrpc": "2.0",
                "method": "eth_subscription",
                "params": {"subscription": "0x1", "result": head},
            }
            script.down(when, style.line(note))

    return session_of(draw, link, talk)


def node_rpc(draw: Draw, link: Link) -> Session:
    """A monitor polls a full node: getblockchaininfo, getmempoolinfo, getinfo; no template and no submit."""
    style, monero, every = Style.drawn(draw), draw.chance(0.4), draw.pick((1, 5, 10, 15, 30, 60))
    methods = (
        ("get_info", "get_last_block_header")
        if monero
        else ("getblockchaininfo", "getmempoolinfo", "getpeerinfo", "estimatesmartfee")
    )
    headers, host = f"Authorization: Basic {draw.base58(28)}\r\n", f"10.0.0.{draw.whole(2, 250)}:8332"
    chosen, peers, height = (
        methods[: draw.whole(1, len(methods))],
        draw.whole(8, 30),
        draw.whole(800_000, 3_400_000),
    )

    def result(method: str) -> Any:
        if method == "getpeerinfo":
            return [
                {"id": n, "addr": f"198.51.100.{n}:8333", "bytessent": draw.whole(0, 10**9)}
                for n in range(peers)
            ]
        return {
            "blocks": height,
            "headers": height,
            "bestblockhash": draw.hex(32),
            "size": draw.whole(10, 10**5),
            "difficulty": draw.whole(10**10, 10**14),
            "status": "OK",
        }

    def talk(script: Script, length: float) -> None:
        for number, when in enumerate(draw.ticks(every, length, 0.02, 0.01)):
            for index, method in enumerate(chosen):
                body = style.text({"jsonrpc": "1.0", "id": number, "method": method, "params": []})
                reply = style.text({"result": result(method), "error": None, "id": number})
                path = "/json_rpc" if monero else "/"
                script.ask(
                    when + index * (link.rtt_s + 0.02),
                    http_request(path, body, host, headers),
                    http_reply(reply),
                )

    return session_of(draw, link, talk)


FAMILIES = (
    *(Family(start.__name__, BENIGN, start, text=True) for start in (media_center, language_server)),
    *(
        Family(start.__name__, BENIGN, start, text=True, hangs_up=True)
        for start in (json_rpc_service, web3_rpc, node_rpc)
    ),
)
