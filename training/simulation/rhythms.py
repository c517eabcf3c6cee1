"""Further mining dialects as times and lengths: they appear in the corpus only encrypted.

Lengths and rhythms from the network facts (section 3) and the behaviour spike's table; Stratum V2
has its exact lengths on the wire under Noise (22-byte header, payload, 16-byte tag: sv2-spec 03-05).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from training.simulation.draw import Draw, Lengths
from training.simulation.families import MINING, Family
from training.simulation.script import DOWN, UP, Link, Script, Session
from training.simulation.work import Pace, drawn_pace

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Shape:
    """A dialect's usual ranges: bytes of its messages, seconds of its processes."""

    job: Range
    submit: Range
    ack: Range
    blocks: Sequence[float]
    timers: Sequence[float]
    share: Range
    difficulty: Range | None = None
    keepalive: Sequence[float] = (0,)
    rate: Sequence[float] = (0,)
    login: Sequence[tuple[Range, Range]] = field(default=(((60, 130), (60, 260)), ((60, 190), (34, 60))))


SHAPES = {
    "grin": Shape((480, 900), (380, 720), (60, 100), (60,), (0, 10, 30), (3, 120), keepalive=(0, 30, 60),
                  login=(((90, 220), (50, 90)), ((50, 80), (450, 900)))),
    "beam": Shape((150, 260), (280, 360), (60, 110), (60,), (0, 0, 15), (3, 100),
                  login=(((90, 220), (60, 120)),)),
    "ironfish": Shape((380, 520), (110, 220), (60, 120), (60,), (0, 5, 10, 15, 30), (2, 60), (60, 110)),
    "alephium": Shape((500, 2400), (200, 700), (40, 70), (64, 16, 4), (0, 10, 1, 0.5), (3, 40), (50, 110)),
    "ergo": Shape((220, 420), (90, 160), (34, 60), (120,), (0, 30, 20, 60), (2, 60), (45, 110)),
    "kadena": Shape((180, 700), (90, 260), (30, 80), (30, 4), (1, 0.5, 5), (2, 60), (40, 90)),
    "ethpush": Shape((200, 300), (180, 320), (32, 50), (13, 13, 8, 2), (0, 0, 10, 4), (3, 150),
                     rate=(0, 10, 20, 60),
                     login=(((100, 220), (35, 60)), ((60, 90), (200, 300)))),
    "plaintext": Shape((70, 130), (20, 60), (5, 30), (0,), (5, 10, 30), (3, 60),
                       login=(((12, 40), (3, 40)),)),
}  # fmt: skip


def _generic_shape(draw: Draw) -> Shape:
    """A dialect that nobody has written yet."""
    return Shape(
        job=(40, 1800),
        submit=(40, 900),
        ack=(12, 200),
        blocks=(0, 1, 5, 15, 60, 120, 600),
        timers=(0, 0, 1, 5, 10, 15, 20, 30, 45, 60, 90),
        share=(1, 300),
        difficulty=(40, 140) if draw.chance(0.5) else None,
        keepalive=(0, 0, 0, 20, 30, 60, 120),
        rate=(0, 0, 0, 10, 30, 60),
    )


def _length(draw: Draw, between: Range, kinds: Sequence[str] | None = None) -> Lengths:
    return Lengths(draw, draw.size(*between), draw.pick(kinds) if kinds else None)


def shaped(draw: Draw, link: Link, shape: Shape) -> Session:
    """A push dialect of the given shape with fixed parameters."""
    pace = drawn_pace(draw, shape.blocks, shape.timers, shape.share)
    job = _length(draw, shape.job, ("const", "const", "set", "jitter", "jitter", "digits", "wide"))
    submit = _length(draw, shape.submit, ("const", "const", "digits", "digits", "jitter"))
    ack = _length(draw, shape.ack, ("const", "const", "digits", "digits", "jitter"))
    difficulty = _length(draw, shape.difficulty, ("jitter",)) if shape.difficulty else None
    sets_often = draw.pick((0.0, 0.05, 0.3, 1.0), (4, 3, 2, 1))
    login = [(draw.size(*up), draw.size(*down)) for up, down in shape.login]
    keep_s, keep, kept = draw.pick(shape.keepalive), draw.whole(60, 110), draw.whole(50, 110)
    rate_s, rate, rejected = draw.pick(shape.rate), draw.whole(110, 180), draw.pick((0.0, 0.01, 0.05))
    repeats = draw.chance(0.1)

    def session(length: float) -> Script:
        script = Script(draw, link)
        start = script.opening(login)
        for when, new_block in [(0.002, True), *pace.jobs(draw, length - start)]:
            if difficulty and draw.chance(sets_often):
                script.down(start + when - 0.0004, difficulty())
            script.down(start + when, job())
            if repeats and new_block and draw.chance(0.5):
                script.down(start + when + draw.uniform(0.01, 1.5), job())
        for when in pace.shares(draw, length - start):
            script.ask(start + when, submit(), ack() + (draw.whole(15, 60) if draw.chance(rejected) else 0))
        _client_timer(script, keep_s, keep, kept, length)
        _client_timer(script, rate_s, rate, ack(), length)
        return script

    return session


def _client_timer(script: Script, every: float, request: int, reply: int, length: float) -> None:
    for when in script.draw.ticks(every, length, 0.01) if every else ():
        script.ask(when, request, reply)


def stratum2(draw: Draw, link: Link) -> Session:
    """Stratum V2 over Noise: 64 up, 234 down, then exact lengths; sums where messages share a segment."""
    pace: Pace = drawn_pace(draw, (600, 600, 150), (0, 30, 60, 30, 15), (1.5, 60))
    extended, extranonce = draw.chance(0.6), draw.whole(4, 16)
    job = 38 + draw.whole(150, 700) if extended else 83
    submit = 63 + extranonce if extended else 62
    strings, identity, prefix = draw.whole(30, 110), draw.whole(8, 70), draw.whole(4, 16)
    batch, target_s = draw.pick((1, 1, 1, 5, 10, 100)), draw.log_uniform(60, 900) if draw.chance(0.5) else 0.0

    def session(length: float) -> Script:
        script = Script(draw, link)
        start = script.opening([(64, 234), (54 + strings, 44), (79 + identity, 83 + prefix)])
        for when, new_block in [(0.001, True), *pace.jobs(draw, length - start)]:
            script.down(start + when, job if new_block or extended else 87)
            if new_block:
                script.down(start + when + 0.0002, 86)
        for number, when in enumerate(pace.shares(draw, length - start), start=1):
            script.events.append((start + when, UP, submit))
            if number % batch == 0:
                script.events.append((start + when + script.delay(), DOWN, 58))
        for when in draw.poisson(target_s, length, start) if target_s else ():
            script.down(when, 74)
        return script

    return session


def _family(name: str) -> Family:
    return Family(name, MINING, lambda draw, link: shaped(draw, link, SHAPES[name]))


FAMILIES = (
    *(_family(name) for name in SHAPES),
    Family("generic", MINING, lambda draw, link: shaped(draw, link, _generic_shape(draw))),
    Family("stratum2", MINING, stratum2, wraps=("noise",)),
)
