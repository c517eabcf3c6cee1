"""What a capture near the client sees of one TCP connection that carries given writes.

Vectorised over segments: handshake, segmentation, acknowledgements (immediate for every second
segment, delayed otherwise, none where data carries them; RFC 1122 section 4.2.3.2), losses seen as
duplicates or as late segments, the stall that follows, keepalive probes, FIN or RST or neither.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from training.simulation.draw import Draw
from training.simulation.script import DOWN, UP
from training.simulation.tunnels import Write

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
CLOSINGS = ("none", "client_fin", "server_fin", "client_rst", "server_rst")
_MOST_PROBES = 600


@dataclass(frozen=True, slots=True)
class Stack:
    """The two ends' TCP and the path between them.  Seconds, bytes."""

    rtt_s: float
    near_s: float  # round trip between the capture and the client
    mss: int
    offload: int  # segments that a network card joins before the capture sees them
    timestamps: bool
    delayed_ack_s: tuple[float, float]  # client, server; 0 = acknowledges at once
    joins_s: float  # writes of one side closer than this share segments
    loss: float
    retransmit_s: float
    keepalive_s: tuple[float, float]  # idle time before the client's, the server's probe; 0 = none
    probe_bytes: int

    @classmethod
    def drawn(cls, draw: Draw, rtt_s: float) -> Stack:
        """Stacks of both classes of conversation, by the same odds."""
        return cls(
            rtt_s=rtt_s,
            near_s=min(rtt_s * 0.5, draw.log_uniform(0.0001, 0.003)),
            mss=draw.pick((1460, 1448, 1440, 1400, 1360, 1220), (40, 25, 10, 10, 10, 5)),
            offload=draw.pick((1, 2, 4, 16), (85, 5, 5, 5)),
            timestamps=draw.chance(0.6),
            delayed_ack_s=(draw.pick((0.0, 0.04, 0.04, 0.2)), draw.pick((0.0, 0.04, 0.04, 0.1))),
            joins_s=draw.pick((0.0, 0.0005, 0.001, 0.0002)),
            loss=draw.pick((0.0, 0.0, 0.002, 0.01)),
            retransmit_s=max(0.2, rtt_s * 1.5) * draw.uniform(1.0, 1.6),
            keepalive_s=(draw.pick((0, 0, 0, 0, 60, 30, 45, 75)), draw.pick((0, 0, 0, 0, 0, 60, 120, 15))),
            probe_bytes=draw.pick((0, 0, 1)),
        )


@dataclass(slots=True)
class Segments:
    """Packets of one connection in the order of the capture.  n packets; sequence numbers from 0."""

    time: Floats  # (n,) seconds since the connection opened at the client
    way: Ints  # (n,) UP or DOWN
    flags: Ints
    sequence: Ints  # of the first payload byte; the SYN has -1
    acknowledged: Ints
    length: Ints  # payload bytes

    def take(self, which: NDArray[np.int64]) -> Segments:
        return Segments(*(getattr(self, field.name)[which] for field in fields(self)))

    @classmethod
    def of(cls, rows: list[tuple[float, int, int, int, int, int]]) -> Segments:
        """Rows of (time, way, flags, sequence, acknowledged, length)."""
        table = np.array(rows, dtype=np.float64).reshape(-1, 6)
        return cls(table[:, 0], *(table[:, column].astype(np.int64) for column in range(1, 6)))

    @classmethod
    def together(cls, parts: list[Segments]) -> Segments:
        """All parts in time order."""
        whole = cls(*(np.concatenate([getattr(p, field.name) for p in parts]) for field in fields(cls)))
        return whole.take(np.argsort(whole.time, kind="stable"))


@dataclass(slots=True)
class _Stream:
    """Data segments of one direction in sequence order."""

    seen: Floats  # when the capture sees them
    reached: Floats  # when the other end's acknowledgement may pass the capture, monotone
    sequence: Ints
    length: Ints
    lost_at: Ints  # indices whose first copy the capture sees although it never arrives
    first_seen: Floats  # of those

    @property
    def total(self) -> int:
        return int(self.sequence[-1] + self.length[-1]) if len(self.length) else 0

    def acknowledged(self, when: Floats) -> Ints:
        """What packets of the other direction at `when` acknowledge."""
        ends = np.concatenate(([0], self.sequence + self.length))
        return ends[np.searchsorted(self.reached, when + 1e-9, side="right")]


def transmit(writes: list[Write], stack: Stack, draw: Draw, ends_at: float, closing: str) -> Segments:
    """The packets of one connection: opened one round trip before time 0, idle or closed at `ends_at`."""
    generator = draw.arrays()
    time = np.array([write[0] for write in writes], dtype=np.float64)
    way = np.array([write[1] for write in writes], dtype=np.int64)
    size = np.array([len(write[2]) for write in writes], dtype=np.int64)
    lost = generator.random(len(time)) < stack.loss
    time = _stalled(time, lost, stack.retransmit_s)
    streams = [
        _stream((time[way == side], size[way == side], lost[way == side]), stack, side, generator)
        for side in (UP, DOWN)
    ]
    parts = [_handshake(stack)]
    for side in (UP, DOWN):
        parts += [_data(streams[side], streams[1 - side], side), _pure_acks(streams, side, stack)]
    whole = Segments.together(parts)
    last = float(whole.time[-1])
    if closing != "none":
        whole = Segments.together([whole, _closing(streams, max(last, ends_at) + 0.001, stack, closing)])
    for side in (UP, DOWN):
        if stack.keepalive_s[side]:
            until = float(whole.time[-1]) if closing != "none" else max(last, ends_at)
            whole = Segments.together([whole, _probes(whole, streams, side, until, stack)])
    return whole


def datagrams(writes: list[Write]) -> Segments:
    """One packet a write: UDP."""
    sent = [0, 0]
    rows = []
    for time, way, data in writes:
        rows.append((time, way, 0, sent[way], 0, len(data)))
        sent[way] += len(data)
    return Segments.of(rows)


def unanswered(draw: Draw, refused: bool, rtt_s: float) -> Segments:
    """A SYN that nobody answers (repeated after 1 and 3 s) or that is refused."""
    if refused:
        return Segments.of([(-rtt_s, UP, SYN, -1, 0, 0), (0.0, DOWN, RST | ACK, -1, 0, 0)])
    return Segments.of([(pause - rtt_s, UP, SYN, -1, 0, 0) for pause in (0.0, 1.0, 3.0)[: draw.whole(1, 3)]])


def _stalled(time: Floats, lost: NDArray[np.bool_], delay: float) -> Floats:
    """Writes that follow a lost one within the delay happen when it has been repaired."""
    time = time.copy()
    for index in np.flatnonzero(lost).tolist():
        until = float(time[index]) + delay
        end = int(np.searchsorted(time, until))
        time[index + 1 : end] = until + 0.0001 * np.arange(1, max(1, end - index))
        time[end:] = np.maximum(time[end:], time[end - 1] if end else 0.0)
    return time


def _stream(
    writes: tuple[Floats, Ints, NDArray[np.bool_]], stack: Stack, side: int, generator: np.random.Generator
) -> _Stream:
    """Cuts the writes of one direction (times, sizes, whether lost) into segments."""
    time, size, lost = writes
    if stack.joins_s and len(time):
        start = np.flatnonzero(np.diff(time, prepend=-1e9) >= stack.joins_s)
        time, lost, size = time[start], lost[start], np.add.reduceat(size, start)
    largest = min(stack.mss * (stack.offload if side == DOWN else 1), 60_000)
    count = -(-size // largest)
    owner = np.repeat(np.arange(len(size)), count)
    index = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    length = np.minimum(largest, size[owner] - index * largest)
    rounds = np.floor(np.log2(index * (largest / stack.mss) / 10.0 + 1.0))  # slow start from 10 segments
    seen = time[owner] + index * 0.00003 + rounds * stack.rtt_s
    order = np.arange(len(seen)) * 1e-6
    seen = np.maximum.accumulate(seen - order) + order if len(seen) else seen
    return _repaired(
        seen, length, np.flatnonzero(lost[owner] & (index == 0)), stack=stack, side=side, generator=generator
    )


def _repaired(
    seen: Floats, length: Ints, hit: Ints, *, stack: Stack, side: int, generator: np.random.Generator
) -> _Stream:
    """Applies losses: before the capture (only the late copy is seen) or behind it (both are)."""
    behind = hit[generator.random(len(hit)) < 0.5]
    first = seen[behind]
    seen = seen.copy()
    seen[hit] += stack.retransmit_s
    back = stack.rtt_s - stack.near_s if side == UP else stack.near_s
    reached = np.maximum.accumulate(seen + back) if len(seen) else seen
    return _Stream(seen, reached, np.cumsum(length) - length, length, behind, first)


def _handshake(stack: Stack) -> Segments:
    opened = -stack.near_s
    return Segments.of(
        [
            (-stack.rtt_s, UP, SYN, -1, 0, 0),
            (opened, DOWN, SYN | ACK, -1, 0, 0),
            (0.0, UP, ACK, 0, 0, 0),
        ]
    )


def _data(mine: _Stream, other: _Stream, side: int) -> Segments:
    """Data segments and the lost first copies that the capture saw."""
    time = np.concatenate((mine.seen, mine.first_seen))
    which = np.concatenate((np.arange(len(mine.seen)), mine.lost_at)).astype(np.int64)
    n = len(time)
    return Segments(
        time, np.full(n, side), np.full(n, PSH | ACK), mine.sequence[which],
        other.acknowledged(time), mine.length[which],
    )  # fmt: skip


def _pure_acks(streams: list[_Stream], side: int, stack: Stack) -> Segments:
    """Acknowledgements without data for what `side` sent."""
    mine, other = streams[side], streams[1 - side]
    back = stack.rtt_s - stack.near_s if side == UP else stack.near_s
    wait = stack.delayed_ack_s[1 - side]
    arrived = np.sort(mine.seen) + back
    n = len(arrived)
    if not n:
        return Segments.of([])
    fresh = np.diff(arrived, prepend=-1e9) > max(wait, 0.0005)
    index = np.arange(n)
    position = index - np.maximum.accumulate(np.where(fresh, index, 0))
    second = position % 2 == 1
    final = np.append(fresh[1:], True)
    when = np.where(second, arrived, arrived + wait)
    spoken = np.append(np.sort(other.seen), np.inf)
    carried = spoken[np.searchsorted(spoken[:-1], arrived)] <= when
    when = when[(second | final) & ~carried]
    n, way = len(when), 1 - side
    zero = np.zeros(n, dtype=np.int64)
    sent = np.append(other.sequence, other.total)[np.searchsorted(np.sort(other.seen), when)]
    return Segments(when, zero + way, zero + ACK, zero + sent, mine.acknowledged(when), zero)


def _closing(streams: list[_Stream], when: float, stack: Stack, closing: str) -> Segments:
    first = UP if closing.startswith("client") else DOWN
    mine, theirs = streams[first].total, streams[1 - first].total
    if closing.endswith("rst"):
        return Segments.of([(when, first, RST | ACK, mine, theirs, 0)])
    back = stack.rtt_s - stack.near_s if first == UP else stack.near_s
    return Segments.of(
        [
            (when, first, FIN | ACK, mine, theirs, 0),
            (when + back, 1 - first, FIN | ACK, theirs, mine + 1, 0),
            (when + back + stack.rtt_s - back, first, ACK, mine + 1, theirs + 1, 0),
        ]
    )


def _probes(whole: Segments, streams: list[_Stream], side: int, until: float, stack: Stack) -> Segments:
    """Keepalive probes of one side in idle gaps, each answered (RFC 9293 section 3.8.4)."""
    every, back = stack.keepalive_s[side], stack.rtt_s - stack.near_s if side == UP else stack.near_s
    edges = np.append(whole.time, until)
    rows: list[tuple[float, int, int, int, int, int]] = []
    for index in np.flatnonzero(np.diff(edges) > every + 0.5):
        at = edges[index] + every
        while at < edges[index + 1] - 0.3 and len(rows) < _MOST_PROBES:
            mine = _sent(streams[side], at)
            theirs = _sent(streams[1 - side], at)
            if mine:
                rows.append((at, side, ACK, mine - 1, theirs, stack.probe_bytes))
                rows.append((at + back, 1 - side, ACK, theirs, mine, 0))
            at += every
    return Segments.of(rows)


def _sent(stream: _Stream, at: float) -> int:
    """Bytes of the stream that the capture has seen by `at`."""
    index = int(np.searchsorted(stream.seen, at))
    return int(stream.sequence[index]) if index < len(stream.sequence) else stream.total
