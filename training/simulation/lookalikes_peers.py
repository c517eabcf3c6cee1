"""Nodes of cryptocurrency networks that relay and do not mine: P2P of Bitcoin, Monero, Ethereum, Lightning.

Sources: Bitcoin developer reference (P2P messages), Monero's Levin header, devp2p RLPx, BOLT 8.
"""

from __future__ import annotations

import hashlib

from training.simulation.draw import Draw
from training.simulation.families import BENIGN, Family
from training.simulation.habits import always, asked_by_timer
from training.simulation.script import DOWN, UP, Link, Script, Session, session_of


def _bitcoin_message(command: str, payload: bytes) -> bytes:
    """A P2P message: magic, command, length, checksum, payload."""
    check = hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4]
    return (
        b"\xf9\xbe\xb4\xd9"
        + command.encode().ljust(12, b"\0")
        + len(payload).to_bytes(4, "little")
        + check
        + payload
    )


def _version(draw: Draw) -> bytes:
    """`version`: numbers, two addresses, a nonce, the agent, the height."""
    agent = b"/Satoshi:27.0.0/"
    head = (70016).to_bytes(4, "little") + bytes(8) + draw.randbytes(8)
    place = bytes(26)
    tail = bytes((len(agent),)) + agent + draw.whole(800_000, 900_000).to_bytes(4, "little") + b"\x01"
    return _bitcoin_message("version", head + place + place + draw.randbytes(8) + tail)


def _transaction(draw: Draw, inputs: int) -> bytes:
    """A transaction of so many inputs and two outputs."""
    each = b"".join(draw.randbytes(36) + b"\x6b" + draw.randbytes(107) + b"\xff" * 4 for _ in range(inputs))
    paid = b"".join(draw.randbytes(5) + bytes(3) + b"\x19" + draw.randbytes(25) for _ in range(2))
    return b"\x02\0\0\0" + bytes((inputs,)) + each + b"\x02" + paid + bytes(4)


def _block(draw: Draw, transactions: int) -> bytes:
    """A block: header, count, transactions."""
    count = b"\xfd" + transactions.to_bytes(2, "little")
    return (
        draw.randbytes(80)
        + count
        + b"".join(_transaction(draw, min(9, draw.run(0.5))) for _ in range(transactions))
    )


def bitcoin_node(draw: Draw, link: Link) -> Session:
    """A full node's peer: inv and getdata both ways, ping of 32 bytes each two minutes, blocks."""
    gaps = (draw.log_uniform(1, 60), draw.log_uniform(1, 60))
    fetched, compact = draw.uniform(0.2, 0.8), draw.chance(0.7)

    def inventory(count: int) -> bytes:
        return bytes((count,)) + b"".join(b"\x01\0\0\0" + draw.randbytes(32) for _ in range(count))

    def talk(script: Script, length: float) -> None:
        version = _version(draw)
        verack = _bitcoin_message("verack", b"")
        start = script.opening([(version, version), (verack, verack)])
        for way in (UP, DOWN):
            for when in draw.poisson(gaps[way], length, start):
                script.events.append((when, way, _bitcoin_message("inv", inventory(min(20, draw.run(0.65))))))
                if draw.chance(fetched):
                    script.events.append(
                        (when + link.rtt_s, 1 - way, _bitcoin_message("getdata", inventory(1)))
                    )
                    transaction = _bitcoin_message("tx", _transaction(draw, min(9, draw.run(0.4))))
                    script.events.append((when + 2 * link.rtt_s, way, transaction))
            for when in draw.ticks(120.0, length, 0.1, draw.uniform(1, 120)):
                nonce = draw.randbytes(8)
                script.events.append((when, way, _bitcoin_message("ping", nonce)))
                script.events.append((when + link.rtt_s, 1 - way, _bitcoin_message("pong", nonce)))
        for when in draw.poisson(600.0, length, start):
            relayed = _block(draw, draw.size(10, 40) if compact else draw.size(40, 500))
            script.events.append((when, draw.whole(0, 1), _bitcoin_message("block", relayed)))

    return session_of(draw, link, talk)


def monero_node(draw: Draw, link: Link) -> Session:
    """A Monero peer: Levin packets, timed sync each minute both ways, transactions and blocks relayed."""
    mean, block_s = draw.log_uniform(2, 60), 120.0
    request, reply = draw.whole(180, 320), draw.whole(600, 12_000)

    def levin(size: int, command: int, asks: bool) -> bytes:
        head = bytes.fromhex("0121010101010101") + size.to_bytes(8, "little") + bytes((int(asks),))
        return (
            head
            + command.to_bytes(4, "little")
            + bytes(4)
            + (1).to_bytes(4, "little")
            + bytes(4)
            + draw.randbytes(size)
        )

    def talk(script: Script, length: float) -> None:
        start = script.ask(0.001, levin(draw.whole(200, 300), 1001, True), levin(reply, 1001, False))
        for way in (UP, DOWN):
            for when in draw.ticks(60.0, length, 0.5, draw.uniform(1, 60)):
                script.events.append((when, way, levin(request, 1002, True)))
                script.events.append((when + link.rtt_s, 1 - way, levin(reply // 2, 1002, False)))
            for when in draw.poisson(mean, length, start):
                script.events.append((when, way, levin(draw.size(1500, 6000), 2002, False)))
        for when in draw.poisson(block_s, length, start):
            script.events.append((when, draw.whole(0, 1), levin(draw.size(600, 9000), 2008, False)))

    return session_of(draw, link, talk)


def ethereum_node(draw: Draw, link: Link) -> Session:
    """A devp2p peer: encrypted frames in steps of 16 bytes, transaction hashes both ways all the time."""
    gaps, block_s = (draw.log_uniform(0.3, 20), draw.log_uniform(0.3, 20)), draw.pick((12, 13, 2))

    def talk(script: Script, length: float) -> None:
        start = script.opening(
            [(draw.whole(307, 550), draw.whole(307, 550)), (draw.whole(150, 260), draw.whole(150, 260))]
        )
        for way in (UP, DOWN):
            for when in draw.poisson(gaps[way], length, start):
                script.events.append((when, way, 32 + 16 * (1 + draw.size(40, 2500) // 16)))
        for when in draw.ticks(block_s, length, 0.4):
            script.events.append((when, draw.whole(0, 1), 32 + 16 * (draw.size(500, 20_000) // 16)))
        asked_by_timer(script, 15.0, length, always(64), always(64), jitter=0.01)

    return session_of(draw, link, talk)


def lightning_node(draw: Draw, link: Link) -> Session:
    """A Lightning peer (BOLT 8): gossip in bursts each minute, ping and pong, 18 + n + 16 bytes a message."""
    gossip_s, ping_s, ping, pong = (
        draw.pick((60, 60, 30)),
        draw.pick((30, 60)),
        draw.whole(38, 90),
        draw.whole(38, 110),
    )

    def talk(script: Script, length: float) -> None:
        start = script.opening([(50, 50), (66 + draw.whole(60, 120), draw.whole(90, 180))])
        for when in draw.ticks(gossip_s, length, 2.0, start + draw.uniform(1, gossip_s)):
            for index in range(draw.run(0.85)):
                size = draw.pick((466, 172, 172, 172, 34 + draw.whole(140, 420)))
                script.events.append((when + index * 0.001, draw.whole(0, 1), size))
        asked_by_timer(script, ping_s, length, always(ping), always(pong), jitter=0.05)

    return session_of(draw, link, talk)


def _addresses(draw: Draw) -> bytes:
    count = draw.whole(1, 40)
    return bytes((count,)) + b"".join(draw.randbytes(30) for _ in range(count))


def peer_search(draw: Draw, link: Link) -> Session:
    """A node that looks for peers: version to many addresses, most of them gone."""

    def talk(script: Script, length: float) -> None:
        version = _version(draw)
        script.opening(
            [(version, version), (_bitcoin_message("verack", b""), _bitcoin_message("verack", b""))]
        )
        script.ask(0.5, _bitcoin_message("getaddr", b""), _bitcoin_message("addr", _addresses(draw)))

    return session_of(draw, link, talk)


FAMILIES = (
    *(Family(start.__name__, BENIGN, start) for start in (ethereum_node, lightning_node)),
    *(Family(start.__name__, BENIGN, start, text=True) for start in (bitcoin_node, monero_node)),
    Family("peer_search", BENIGN, peer_search, text=True, wraps=("none",), spreads=True),
)
