"""A family's conversation over its whole life: connections, reconnects, wrapping, and what a capture sees.

Everything here is drawn without a look at the label: duration, joining in mid-stream, reconnects,
failover to a second remote, wrapping and stack follow the same odds for miners and look-alikes.
Only how a client greets in TLS is its own, as in life (`hellos`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from training.simulation.catalogue import family_named
from training.simulation.draw import Draw
from training.simulation.evasion import PLAIN, Evasion
from training.simulation.families import UDP, Family
from training.simulation.frames import Ends, Packets, tcp_packets, udp_packets
from training.simulation.hellos import Hello, kind_of
from training.simulation.script import DOWN, UP, Event, Link
from training.simulation.tcp import CLOSINGS, Stack, datagrams, transmit, unanswered
from training.simulation.tunnels import Write
from training.simulation.wrapping import Wrapping, drawn_wrap

SHORTEST_S = 60.0
LONGEST_S = 7_200.0
MOST_EVENTS = 6_000
MOST_BYTES = 2_500_000
_MOST_CONNECTIONS = 120


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection of a conversation.  Seconds from the start of the conversation."""

    start_s: float
    end_s: float
    remote: int  # index of the remote service
    writes: list[Write]  # times from start_s
    closing: str  # one of tcp.CLOSINGS, or "silent" or "refused" where nobody answers


@dataclass(slots=True)
class Conversation:
    """One host's simulated talk with a service; the capture sees [from_s, until_s]."""

    family: Family
    wrap: str
    hello: Hello  # where `wrap` greets in TLS
    connections: list[Connection]
    from_s: float
    until_s: float
    stack: Stack
    draw: Draw

    @property
    def remotes(self) -> int:
        """How many remote services it needs."""
        return 1 + max(connection.remote for connection in self.connections)

    def packets(self, ends: list[Ends], snap: int) -> Packets:
        """What the capture sees, time 0 at its beginning; `ends[i]` are the endpoints with remote i."""
        parts = [self._captured(one, ends[one.remote], snap) for one in self.connections]
        packets = Packets.together([part for part in parts if part.frames])
        packets.time -= self.from_s
        return packets.only((packets.time >= 0.0) & (packets.time <= self.until_s - self.from_s))

    def _captured(self, one: Connection, ends: Ends, snap: int) -> Packets:
        draw, stack = self.draw, self.stack
        streams = _joined(one.writes, UP), _joined(one.writes, DOWN)
        port = draw.whole(32_768, 60_999) if draw.chance(0.5) else draw.whole(49_152, 65_535)
        ends = replace(ends, client_port=port)
        if self.family.transport == UDP:
            segments = datagrams(one.writes)
        elif one.closing in ("silent", "refused"):
            segments = unanswered(draw, one.closing == "refused", stack.rtt_s)
        else:
            segments = transmit(one.writes, stack, draw, one.end_s - one.start_s, one.closing)
        segments.time += one.start_s
        if self.family.transport == UDP:
            return udp_packets(segments, streams, ends, draw=draw, snap=snap)
        return tcp_packets(segments, streams, ends, stack, draw=draw, snap=snap)


@dataclass(frozen=True, slots=True)
class _Kind:
    """What all connections of a conversation share."""

    family: Family
    draw: Draw
    link: Link
    wrapping: Wrapping
    evasion: Evasion
    fails_over: bool


def simulate(
    family: str,
    seed: int,
    *,
    duration_s: float | None = None,
    wrap: str | None = None,
    tunnel: str | None = None,
    whole: bool = False,
    joined_s: float = 0.0,
    link: Link | None = None,
    jobs: Sequence[tuple[float, bool]] | None = None,
    paced: Mapping[str, float] | None = None,
    breaks: Sequence[float] = (),
    evasion: Evasion = PLAIN,
) -> Conversation:
    """One conversation of a family.

    `duration_s`, `wrap` and `tunnel` are drawn unless given; `whole` = seen from its first packet (or
    `joined_s` later) and in one connection but for `breaks`, at which it is opened again with the second
    remote; `jobs` and `paced`: see
    `Draw`.  Raises KeyError for an unknown family.
    """
    kind = family_named(family)
    draw = Draw(f"{family}/{seed}")
    draw.jobs, draw.paced = jobs, paced or {}
    length = duration_s or draw.log_uniform(SHORTEST_S, LONGEST_S)
    link = link or Link(draw.log_uniform(0.001, 0.3), draw.log_uniform(0.0005, 0.08))
    wrapping = Wrapping.drawn(draw, wrap or drawn_wrap(draw, kind), kind_of(kind))
    if tunnel is not None or kind.transport == UDP or kind.spreads:
        wrapping.tunnel = tunnel or ""
    if evasion.padding is not None:
        wrapping.padding = evasion.padding
    joined = joined_s
    if not whole and draw.chance(0.35):
        joined = draw.log_uniform(5.0, 900.0)
    cuts = list(breaks) if whole else _cuts(draw, joined + length)
    build = _spread if kind.spreads else _connections
    connections, until = build(
        _Kind(kind, draw, link, wrapping, evasion, bool(breaks)), joined + length, cuts
    )
    if until < joined + min(
        SHORTEST_S, length
    ):  # a busy one that ran out before the capture had enough of it
        joined = min(joined, 0.2 * until)
    return Conversation(
        family=kind,
        wrap=wrapping.kind,
        hello=wrapping.hello,
        connections=connections,
        from_s=joined - (0.0 if joined else link.rtt_s + 0.01),
        until_s=min(joined + length, until),
        stack=Stack.drawn(draw, link.rtt_s),
        draw=draw,
    )


def _cuts(draw: Draw, until: float) -> list[float]:
    """When the connection breaks and is opened again: for one conversation in five."""
    fate = draw.random()
    if fate < 0.15:
        return sorted(draw.uniform(0.0, until) for _ in range(draw.whole(1, 4)))
    if fate < 0.2:
        return draw.ticks(max(draw.log_uniform(40.0, 600.0), until / 60.0), until)
    return []


def _connections(kind: _Kind, until: float, cuts: list[float]) -> tuple[list[Connection], float]:
    """All connections with one service, and when the talk ends (earlier than `until` at a cap)."""
    draw = kind.draw
    session = kind.family.start(draw, kind.link)
    hangs_up = draw.log_uniform(0.3, 30.0) if kind.family.hangs_up and draw.chance(0.4) else math.inf
    second = draw.chance(0.15) or kind.fails_over
    edges, made, events_left, bytes_left = [0.0, *cuts, until], [], MOST_EVENTS, MOST_BYTES
    for number, (start, end) in enumerate(pairwise(edges)):
        begins = start + (draw.uniform(0.3, 8.0) if number else 0.0)
        if end - begins < 2.0:
            continue
        draw.horizon, draw.since = math.inf, begins
        script = session(end - begins)
        limit = min(end - begins, draw.horizon)
        events = kind.evasion.delayed(draw, script.sorted_events(), kind.link.rtt_s)
        events, stopped = _within(events, limit, events_left, bytes_left)
        remote = int(second and number > 0)
        made += _opened(kind, events, (begins, begins + stopped), hangs_up, remote)
        events_left -= len(events)
        bytes_left -= sum(what if isinstance(what, int) else len(what) for _, _, what in events)
        if stopped < end - begins:
            return made, begins + stopped
    return made, until


def _within(events: list[Event], limit: float, most: int, most_bytes: int) -> tuple[list[Event], float]:
    """The events that fit, and when they stop."""
    kept = [event for event in events[:most] if 0.0 <= event[0] <= limit]
    if len(events) > most:
        limit = min(limit, events[most][0])
    size = 0
    for index, (time, _, what) in enumerate(kept):
        size += what if isinstance(what, int) else len(what)
        if size > most_bytes:
            return kept[:index], time
    return kept, limit


def _opened(
    kind: _Kind, events: list[Event], span: tuple[float, float], hangs_up: float, remote: int
) -> list[Connection]:
    """One connection, or one for each burst of requests where the client hangs up after idle time."""
    draw, (start, end) = kind.draw, span
    bursts: list[list[Event]] = [[]]
    for event in events:
        idle = bool(bursts[-1]) and event[1] == UP and event[0] - bursts[-1][-1][0] > hangs_up
        if idle and len(bursts) < _MOST_CONNECTIONS:
            bursts.append([])
        bursts[-1].append(event)
    made: list[Connection] = []
    for index, burst in enumerate(bursts):
        begins = burst[0][0] if index else 0.0
        final = index == len(bursts) - 1
        closing = draw.pick(CLOSINGS, (55, 15, 15, 8, 7)) if final else draw.pick(CLOSINGS[1:3])
        shifted = [(time - begins, way, what) for time, way, what in burst]
        writes = kind.wrapping.writes(shifted, kind.link, bool(made) or start > 0.0)
        stops = end if final else start + burst[-1][0] + min(hangs_up, 0.5) * 0.5
        made.append(Connection(start + begins, stops, remote, writes, closing))
    return made


def _spread(kind: _Kind, until: float, cuts: list[float]) -> tuple[list[Connection], float]:
    """Many short connections to many remotes, in rounds; `cuts` have no meaning here."""
    del cuts
    draw = kind.draw
    session = kind.family.start(draw, kind.link)
    remotes, answered = draw.whole(20, 150), draw.uniform(0.1, 0.5)
    alive = [draw.chance(answered) for _ in range(remotes)]
    pace, pause = draw.log_uniform(0.02, 2.0), draw.log_uniform(10.0, 600.0)
    made: list[Connection] = []
    now = draw.uniform(0.1, 2.0)
    while now < until and len(made) < 2 * _MOST_CONNECTIONS:
        for remote in range(remotes):
            if now > until or len(made) >= 2 * _MOST_CONNECTIONS:
                break
            events = session(30.0).sorted_events()
            closing = draw.pick(CLOSINGS[1:]) if alive[remote] else draw.pick(("silent", "refused"))
            writes = kind.wrapping.writes(events, kind.link, False) if alive[remote] else []
            made.append(Connection(now, now + draw.log_uniform(0.5, 20.0), remote, writes, closing))
            now += draw.exponential(pace)
        now += pause
    return made, min(until, max(now, SHORTEST_S))


def _joined(writes: list[Write], way: int) -> bytes:
    return b"".join(data for _, direction, data in writes if direction == way)
