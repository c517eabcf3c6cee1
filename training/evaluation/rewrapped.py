"""Recorded mining in the clear, wrapped as if it had been encrypted, and scored as a user would.

Nobody publishes encrypted mining with a label.  So the messages of the recorded sessions, their times,
directions and lengths, are written anew through TLS 1.3, 1.2, 1.2 with CBC, WebSocket over TLS and an
opaque stream, over simulated links, and the captures are scored by `detector.pipeline`.  Real mining is
never trained on in this form: what is found here was learned from simulation.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from detector.dissectors import Dissection
from detector.kernel import Meter
from detector.kernel.layout import COALESCE_NS
from detector.model import Bundle
from detector.pipeline import Request, score
from detector.records import Verdict
from detector.settings import MeterSettings
from training import metrics
from training.corpora import Capture
from training.simulation.capture import Captured, capture
from training.simulation.conversation import Connection, Conversation
from training.simulation.draw import Draw
from training.simulation.families import MINING, Family
from training.simulation.hellos import kind_of
from training.simulation.script import DOWN, UP, Event, Link, Script
from training.simulation.tcp import Stack
from training.simulation.wrapping import Wrapping

WRAPS = ("tls13", "tls12", "tls12cbc", "wss", "opaque")
SEEDS = 3  # links, stacks and paddings of each
COPIES = ("copy", "cgminer")  # of a session that is there already; probes of pools that never answered
SOURCES = ("nesfit__DI-cryptominingdetection", "DanieleDeSensi__peafowl")  # nDPI's are copies of peafowl's
LEAST_MESSAGES = 6  # what the detector asks of a channel
_WHOLE_PAYLOAD = (1 << 24) - 1
_SERVICE_S = 0.005


@dataclass(frozen=True, slots=True)
class Session:
    """What one recorded miner and its pool said to each other."""

    name: str  # capture, and what the source says of it
    events: tuple[Event, ...]  # lengths only

    @property
    def minutes(self) -> float:
        """From the first message to the last."""
        return self.events[-1][0] / 60


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict on one session in one wrapping over one link."""

    session: Session
    wrap: str
    verdict: Verdict
    score: float | None


def sessions(captures: Iterable[Capture]) -> list[Session]:
    """The recorded sessions that can be re-wrapped, each once."""
    found = []
    for one in captures:
        copied = any(word in one.path.name for word in COPIES)
        if one.label == "mining" and one.source in SOURCES and not copied:
            found += [Session(f"{one.path.name}: {one.protocol}", events) for events in _spoken(one.path)]
    return [session for session in found if len(session.events) >= LEAST_MESSAGES]


def _spoken(path: Path) -> list[tuple[Event, ...]]:
    """Messages of every channel of a capture on which a mining dialect was spoken."""
    meter = Meter(replace(MeterSettings(), payload_bytes=_WHOLE_PAYLOAD))
    dissection = Dissection(MeterSettings().window_s)
    meter.feed(path.read_bytes())
    meter.finish()
    payloads = meter.payloads()
    client_is_a = {
        one.connection: one.client_is_a for one in dissection.feed(payloads) if one.client_is_a is not None
    }
    pieces: dict[int, list[tuple[int, int, int]]] = {}
    for piece in payloads:
        if piece.connection in client_is_a:
            way = UP if piece.from_a == client_is_a[piece.connection] else DOWN
            pieces.setdefault(piece.channel, []).append((piece.ts_ns, way, len(piece.data)))
    return [_messages(sorted(of_channel)) for of_channel in pieces.values()]


def _messages(pieces: list[tuple[int, int, int]]) -> tuple[Event, ...]:
    """(seconds from the first, direction, length): pieces as close as segments of one message are one."""
    messages: list[Event] = []
    newest_ns, start_ns = 0, pieces[0][0]
    for ts_ns, way, length in pieces:
        if messages and messages[-1][1] == way and ts_ns - newest_ns < COALESCE_NS:
            when, _, before = messages[-1]
            messages[-1] = (when, way, int(before) + length)  # type: ignore[arg-type]
        else:
            messages.append(((ts_ns - start_ns) / 1e9, way, length))
        newest_ns = ts_ns
    return tuple(messages)


def rewrapped(session: Session, wrap: str, seed: int) -> Captured:
    """The session as a capture in which nothing can be read; equal arguments give equal bytes."""
    draw = Draw(f"rewrapped/{session.name}/{len(session.events)}/{wrap}/{seed}")
    link = Link(draw.log_uniform(0.005, 0.2), _SERVICE_S)
    ends_s = session.events[-1][0] + 1.0
    events = [(0.001 + when, way, length) for when, way, length in session.events]
    recorded = Family("recorded", MINING, lambda draw, link: lambda length: Script(draw, link))
    wrapping = Wrapping.drawn(draw, wrap, kind_of(recorded))
    writes = wrapping.writes(events, link, again=False)
    conversation = Conversation(
        family=recorded,
        wrap=wrap,
        hello=wrapping.hello,
        connections=[Connection(0.0, ends_s, 0, writes, "none")],
        from_s=-(link.rtt_s + 0.01),
        until_s=ends_s + 4.0,
        stack=Stack.drawn(draw, link.rtt_s),
        draw=draw,
    )
    return capture(conversation, draw)


def judged(found: Iterable[Session], bundle: Bundle, seeds: int = SEEDS) -> list[Outcome]:
    """Every session in every wrapping over `seeds` links, scored one by one."""
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rewrapped.pcap"
        for session in found:
            for wrap in WRAPS:
                for seed in range(seeds):
                    made = rewrapped(session, wrap, seed)
                    path.write_bytes(made.pcap)
                    (told,) = [
                        finding
                        for finding in score(Request(paths=(str(path),)), bundle=bundle).findings
                        if finding.host == made.client
                    ]
                    outcomes.append(Outcome(session, wrap, told.verdict, told.score))
    return outcomes


def section(outcomes: list[Outcome]) -> str:
    """The table of docs/evaluation.md: verdicts by session, and by wrapping."""
    lines = ["| recorded session | messages | minutes | versions | mining | mining or suspicious |"]
    lines.append("|---|---|---|---|---|---|")
    for session in dict.fromkeys(outcome.session for outcome in outcomes):
        mine = [outcome for outcome in outcomes if outcome.session is session]
        lines.append(f"| {session.name} | {len(session.events)} | {session.minutes:.1f} | {_counts(mine)} |")
    lines += ["", "| wrapping | versions | mining | mining or suspicious |", "|---|---|---|---|"]
    for wrap in WRAPS:
        lines.append(f"| {wrap} | {_counts([outcome for outcome in outcomes if outcome.wrap == wrap])} |")
    lines.append(f"| all | {_counts(outcomes)} |")
    return (
        "## Recorded mining, re-wrapped\nMessages of recorded sessions (times, directions, lengths) written"
        f" anew through encryption over {SEEDS} simulated links each; nothing can be read. The sessions are"
        " recorded, the wrapping is simulated, and no model saw either.\n\n" + "\n".join(lines)
    )


def _counts(outcomes: list[Outcome]) -> str:
    verdicts = [outcome.verdict for outcome in outcomes]
    counts = [verdicts.count(Verdict.MINING)]
    counts.append(counts[0] + verdicts.count(Verdict.SUSPICIOUS))
    rates = [metrics.clopper_pearson(count, len(verdicts)) for count in counts]
    told = [f"{rate.count} (at least {rate.low or 0:.0%})" for rate in rates]
    return f"{len(verdicts)} | {' | '.join(told)}"
