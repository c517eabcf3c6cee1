"""Mining dialects that nobody has written yet, as times and lengths: they appear only encrypted.

Ranges are wide around what known dialects do (network facts, section 3, and the behaviour spike's
table), so that a model learns what a pool's talk has in common and not the dialects it has met.
"""

from __future__ import annotations

from collections.abc import Sequence

from training.simulation.draw import Draw, Lengths
from training.simulation.families import MINING, Family
from training.simulation.habits import always, asked_by_timer
from training.simulation.script import Link, Script, Session
from training.simulation.work import drawn_pace

_JOBS = ("const", "const", "set", "jitter", "jitter", "digits", "wide")
_ANSWERED = ("const", "const", "digits", "digits", "jitter")


def _lengths(draw: Draw, low: float, high: float, kinds: Sequence[str]) -> Lengths:
    return Lengths(draw, draw.size(low, high), draw.pick(kinds))


def generic(draw: Draw, link: Link) -> Session:
    """Anew in each conversation: a login, unasked jobs, shares with answers, maybe a timer or two."""
    pace = drawn_pace(draw, (0, 1, 5, 15, 60, 120, 600), (0, 0, 1, 5, 10, 15, 20, 30, 45, 60, 90), (1, 300))
    job, submit = _lengths(draw, 40, 1800, _JOBS), _lengths(draw, 40, 900, _ANSWERED)
    ack, rejected = _lengths(draw, 12, 200, _ANSWERED), draw.pick((0.0, 0.01, 0.05))
    difficulty = _lengths(draw, 40, 140, ("jitter",)) if draw.chance(0.5) else None
    sets_often, repeats = draw.pick((0.0, 0.05, 0.3, 1.0), (4, 3, 2, 1)), draw.chance(0.1)
    login = [(draw.size(60, 190), draw.size(34, 260)) for _ in range(draw.whole(1, 3))]
    keep_s, keep, kept = draw.pick((0, 0, 0, 20, 30, 60, 120)), draw.whole(60, 110), draw.whole(50, 110)
    rate_s, rate = draw.pick((0, 0, 0, 10, 30, 60)), draw.whole(110, 180)

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
        asked_by_timer(script, keep_s, length, always(keep), always(kept), jitter=0.01)
        asked_by_timer(script, rate_s, length, always(rate), ack, jitter=0.01)
        return script

    return session


FAMILIES = (Family("generic", MINING, generic),)
