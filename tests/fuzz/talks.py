"""Packets of a few connections in an order that no network would choose.

Retransmission, overlap, reordering, loss, keepalives, sequence numbers that wrap, a SYN on a
live connection and from the other end, resets, clocks that jump, snap lengths, TLS records
and JSON lines cut anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.detector.kernel.by_hand import ACK, FIN, PSH, RST, SYN, ether, tcp, udp
from tests.fuzz import stacks
from tests.fuzz.mutate import Dice

_ADDRESSES = ("10.0.0.2", "10.0.0.3", "203.0.113.7", "2001:db8::1", "fe80::2")
_PORTS = (53, 80, 443, 3333, 14_444, 40_000, 40_001, 50_000)


class Talk:
    """One connection: where each side's numbers stand, and what it has sent lately."""

    def __init__(self, rng: Dice) -> None:
        self._rng = rng
        family = rng.choice((_ADDRESSES[:3], _ADDRESSES[3:]))
        (source, destination), ports = rng.sample(family, 2), [rng.choice(_PORTS) for _ in range(2)]
        self._ends = ((source, ports[0], destination, ports[1]), (destination, ports[1], source, ports[0]))
        near_wrap = (1 << 32) - rng.choice((1, 10, 1_000, 100_000))
        self._next = [rng.choice((near_wrap, rng.getrandbits(32))) for _ in range(2)]
        self._sent: list[tuple[int, int, bytes]] = []  # (side, sequence number, payload)
        self._rest = [b"", b""]  # of a message that is being sent
        self._tls = rng.random() < 0.5

    def packet(self) -> bytes:
        """The next packet, as an Ethernet frame."""
        rng = self._rng
        side, act = rng.randrange(2), rng.random()
        if act < 0.08:
            return self._syn(side)
        if act < 0.11:
            return self._bare(side, rng.choice((RST, RST | ACK, FIN | ACK, FIN, 0, 0xFF)))
        if act < 0.16:
            return self._segment(side, self._next[side] - 1, rng.choice((b"", b"\0")), ACK)  # keepalive
        if act < 0.30 and self._sent:
            return self._again(*rng.choice(self._sent[-8:]))
        if act < 0.36:
            self._next[side] += rng.choice((1, 5, 1_460, 70_000, 1 << 24, 1 << 31))  # lost, or never captured
        if act < 0.42:
            self._next[side] -= rng.choice((1, 5, 1_460, (1 << 24) - 1, 1 << 24, 1 << 31))
        if act < 0.5:
            return self._bare(side, ACK)
        data = self._more(side)
        at = self._next[side] % 2**32
        self._sent.append((side, at, data))
        self._next[side] += len(data)
        return self._segment(side, at, data, ACK | PSH)

    def _more(self, side: int) -> bytes:
        """Bytes of this side's messages, cut without regard to where they end."""
        rng = self._rng
        if not self._rest[side]:
            made = self._tls_made() if self._tls else stacks.payload(rng)
            self._rest[side] = made * rng.choice((1, 1, 3))
        size = rng.choice((1, 2, 4, 5, 6, 100, 1_460))
        piece, self._rest[side] = self._rest[side][:size], self._rest[side][size:]
        return piece

    def _tls_made(self) -> bytes:
        made = stacks.handshake if self._rng.random() < 0.3 else stacks.tls_record
        return made(self._rng)

    def _syn(self, side: int) -> bytes:
        rng = self._rng
        if rng.random() < 0.5:
            self._next[side] = rng.getrandbits(32)
        frame = self._segment(
            side, self._next[side], rng.choice((b"", b"", b"GET /")), rng.choice((SYN, SYN | ACK, SYN | FIN))
        )
        self._next[side] += 1
        return frame

    def _bare(self, side: int, flags: int) -> bytes:
        return self._segment(side, self._next[side], b"", flags)

    def _again(self, side: int, at: int, data: bytes) -> bytes:
        """Sent before: the same, less, more, or shifted."""
        rng = self._rng
        data = rng.choice((data, data[: len(data) // 2], data + data, data[1:]))
        return self._segment(side, at + rng.choice((0, 0, 0, -1, 1, -100)), data, ACK | PSH)

    def _segment(self, side: int, at: int, data: bytes, flags: int) -> bytes:
        return ether(tcp(*self._ends[side], data, at % 2**32, flags))

    def datagram(self) -> bytes:
        rng = self._rng
        data = stacks.payload(rng) if rng.random() < 0.5 else rng.randbytes(rng.randrange(60))
        return ether(udp(*self._ends[rng.randrange(2)], data))


def frames(rng: Dice) -> Iterator[tuple[int, bytes, int]]:
    """(time in ns, what was captured of a frame, its length) of some connections at once, without end."""
    talks = [Talk(rng) for _ in range(rng.choice((1, 1, 2, 40)))]
    now = 1_700_000_100 * 10**9
    held: list[bytes] = []
    while True:
        now += rng.choice((0, 1, 1_000, 40_000_000, 10**9))
        if rng.random() < 0.01:
            now += rng.choice((-(10**12), 10**12, -(10**9), 301 * 10**9, 10**16))
            now = min(max(now, 0), (1 << 32) * 10**9)
        talk = rng.choice(talks)
        frame = talk.datagram() if rng.random() < 0.05 else talk.packet()
        if rng.random() < 0.1:  # overtaken by the next one
            held.append(frame)
            continue
        for sent in (frame, *held):
            snap = rng.choice((len(sent), len(sent), len(sent), rng.randrange(len(sent) + 1)))
            yield now, sent[:snap], len(sent)
        held.clear()
