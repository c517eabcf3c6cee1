"""Cryptocurrency without mining: light wallets, explorers, exchanges.

Sources: ElectrumX protocol 1.4, FIX 4.4.
"""

from __future__ import annotations

from typing import Any

from training.simulation.draw import Draw, Lengths
from training.simulation.families import BENIGN, Family
from training.simulation.habits import (
    always,
    asked_by_timer,
    beats_in_silence,
    greeted,
    pushed_at_random,
    spread,
)
from training.simulation.script import (
    DOWN,
    UP,
    Link,
    Script,
    Session,
    Style,
    session_of,
)

_ORDER_LENGTHS = ((150, 260), (200, 330), (230, 400))  # NewOrderSingle; ExecutionReports: new, trade


def electrum(draw: Draw, link: Link) -> Session:
    """A light wallet: blockchain.* calls, headers pushed at blocks like a pool's jobs; no submits."""
    style, block_s, ping_s = Style.drawn(draw), draw.pick((600, 600, 150, 60)), draw.pick((30, 60, 60, 300))
    payments, height = draw.log_uniform(60, 3000), draw.whole(800_000, 900_000)
    addresses = [draw.hex(32) for _ in range(draw.whole(3, 40))]
    versions = draw.chance(0.7)

    def call(number: int, method: str, params: Any) -> bytes:
        message = {"jsonrpc": "2.0", "method": method, "params": params, "id": number}
        return style.line(message if versions else {k: v for k, v in message.items() if k != "jsonrpc"})

    def result(number: int, value: Any) -> bytes:
        return style.line({"jsonrpc": "2.0", "result": value, "id": number})

    def talk(script: Script, length: float) -> None:
        exchanges = [
            (call(0, "server.version", ["4.5.5", "1.4"]), result(0, ["ElectrumX 1.16.0", "1.4"])),
            (call(1, "blockchain.headers.subscribe", []), result(1, {"height": height, "hex": draw.hex(80)})),
        ]
        for number, address in enumerate(addresses, start=2):
            exchanges.append(
                (
                    call(number, "blockchain.scripthash.subscribe", [address]),
                    result(number, draw.pick((None, draw.hex(32)))),
                )
            )
        start = script.opening(exchanges)
        for index, when in enumerate(draw.poisson(block_s, length, start), start=1):
            head = [{"height": height + index, "hex": draw.hex(80)}]
            script.down(
                when, style.line({"jsonrpc": "2.0", "method": "blockchain.headers.subscribe", "params": head})
            )
            if draw.chance(0.7):
                script.ask(
                    when + 0.05, call(900 + index, "blockchain.estimatefee", [2]), result(900 + index, 0.0001)
                )
        asked_by_timer(
            script, ping_s, length, lambda: call(7, "server.ping", []), lambda: result(7, None), jitter=0.02
        )
        for when in draw.poisson(payments, length, start):
            changed = [draw.pick(addresses), draw.hex(32)]
            script.down(
                when,
                style.line(
                    {"jsonrpc": "2.0", "method": "blockchain.scripthash.subscribe", "params": changed}
                ),
            )
            history = [{"tx_hash": draw.hex(32), "height": height} for _ in range(draw.run(0.8))]
            script.ask(
                when + 0.02, call(8, "blockchain.scripthash.get_history", changed[:1]), result(8, history)
            )

    return session_of(draw, link, talk)


def block_explorer(draw: Draw, link: Link) -> Session:
    """A page that follows blocks: pushes by the very clock of a pool; no client events, wide lengths."""
    style, block_s, transactions = (
        Style.drawn(draw),
        draw.pick((600, 150, 120, 60, 13, 2)),
        draw.log_uniform(0.5, 60),
    )
    shows, height = draw.chance(0.6), draw.whole(10**5, 10**7)

    def talk(script: Script, length: float) -> None:
        for name in ("blocks", "mempool")[: draw.whole(1, 2)]:
            script.ask(0.002, style.line({"action": "want", "data": [name]}), style.line({"ok": True}))
        for index, when in enumerate(draw.poisson(block_s, length, 0.2)):
            block = {
                "height": height + index,
                "id": draw.hex(32),
                "tx_count": draw.size(1, 4000),
                "size": draw.size(200, 2e6),
            }
            script.down(
                when,
                style.line({"block": block, "fees": [draw.whole(1, 90) for _ in range(draw.whole(1, 8))]}),
            )
        for when in draw.poisson(transactions, length, 0.2) if shows else ():
            script.down(
                when,
                style.line(
                    {"tx": {"txid": draw.hex(32), "fee": draw.size(100, 90_000), "value": draw.size(1, 1e9)}}
                ),
            )
        asked_by_timer(
            script,
            draw.pick((0, 30, 60)),
            length,
            lambda: b'{"action":"ping"}\n',
            lambda: b'{"pong":true}\n',
            jitter=0.01,
        )

    return session_of(draw, link, talk)


def exchange_orders(draw: Draw, link: Link) -> Session:
    """A FIX session: orders at random, each reported as taken and later as filled; either side beats when
    it has been silent (FIX 4.4, HeartBtInt, 30 s as a rule); prices mostly come by a session of their own."""
    order, taken, filled = (Lengths(draw, draw.whole(*between), "digits") for between in _ORDER_LENGTHS)
    mean, beat_s, beat = draw.log_uniform(2, 200), draw.pick((30, 30, 30, 60, 10)), draw.whole(62, 95)
    price_s = draw.log_uniform(0.3, 30) if draw.chance(0.3) else 0

    def talk(script: Script, length: float) -> None:
        greeted(script, 1, (90, 180), (90, 180))
        for when in draw.poisson(mean, length, 0.5):
            got = script.ask(when, order(), taken())
            for _ in range(draw.run(0.3)):
                got += draw.exponential(draw.pick((0.02, 1.0, 20.0)))
                script.down(got, filled())
        pushed_at_random(script, price_s, length, spread(draw, 80, 300))
        for way in (UP, DOWN):
            beats_in_silence(script, way, beat_s, length, always(beat))

    return session_of(draw, link, talk)


FAMILIES = (
    *(Family(start.__name__, BENIGN, start, text=True) for start in (electrum, block_explorer)),
    Family("exchange_orders", BENIGN, exchange_orders),
)
