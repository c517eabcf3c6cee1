"""What a feeder's balance allows to be said: a load that no meter sees, flat day and night.

A finding of its own kind, `feeder`: never `mining`, since what hangs behind a bypass is not seen;
`suspicious` where the rest is large, flat and no loss; `undecided` where a meter was not read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from detector.features.feeders import FEWEST, Balance
from detector.findings.evidence import clean, watts
from detector.records import Evidence, Finding, Verdict
from detector.text import plural

LEAST_W: Final = 500.0  # a small rig
LEAST_SHARE: Final = 0.01  # of what is delivered: below are errors of meters of class 1
FLAT: Final = 0.15  # spread over size; what follows people or the load varies more


def judged(balances: Iterable[Balance]) -> list[Finding]:
    """One finding a feeder."""
    return [_finding(balance) for balance in balances]


def unexplained(balance: Balance) -> bool:
    """A rest that is large, and as flat as a miner's load."""
    large = balance.rest_w >= max(LEAST_W, LEAST_SHARE * balance.delivered_w)
    return large and balance.spread_w <= FLAT * balance.rest_w


def _finding(balance: Balance) -> Finding:
    verdict = _verdict(balance)
    told = Evidence(
        kind="feeder_balance",
        weight=0.0,
        summary=_words(balance),
        first_ns=balance.first_ns,
        last_ns=balance.last_ns,
        facts={
            "feeder": clean(balance.feeder),
            "meters": balance.meters,
            "unread": balance.unread,
            "windows": balance.windows,
            **_numbers(balance),
        },
    )
    speaks = verdict is Verdict.SUSPICIOUS
    return Finding(
        host=balance.feeder,
        kind="feeder",
        score=None,
        verdict=verdict,
        first_ns=balance.first_ns,
        last_ns=balance.last_ns,
        evidence=[told] if speaks else [],
        counter_evidence=[] if speaks else [told],
        why=told.summary,
    )


def _verdict(balance: Balance) -> Verdict:
    if balance.unread or balance.windows < FEWEST:
        return Verdict.UNDECIDED
    return Verdict.SUSPICIOUS if unexplained(balance) else Verdict.CLEAR


def _numbers(balance: Balance) -> dict[str, float]:
    if balance.windows < FEWEST:
        return {}
    numbers = {
        "delivered_w": balance.delivered_w,
        "rest_w": balance.rest_w,
        "spread_w": balance.spread_w,
    }
    return {name: round(value, 1) for name, value in numbers.items()} | {"losses": round(balance.losses, 4)}


def _words(balance: Balance) -> str:
    name, meters = clean(balance.feeder), plural(balance.meters, "meter")
    if balance.unread:
        return f"feeder {name}: {balance.unread} of its {meters} not read: no balance"
    if balance.windows < FEWEST:
        side = plural(balance.windows, "window")
        return f"feeder {name}: read beside all of its {meters} in {side} only, {FEWEST} are needed"
    rest = f"feeder {name} delivers {watts(balance.rest_w)} ({balance.rest_w / balance.delivered_w:.1%})"
    losses = f"its {meters} and losses of {balance.losses:.1%} explain"
    if unexplained(balance):
        even = max(balance.spread_w / balance.rest_w, 0.001)
        return f"{rest} more than {losses}, ±{even:.1%} day and night: a load that no meter sees"
    return f"{rest} beside what {losses}"
