"""Whether a host's watts follow its suspect channel: agreement in time is evidence of its own.

The score knows nothing of it, so it weighs nothing; it supports a verdict as a second kind of
telemetry does that agrees.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import numpy as np

from detector.features.agreement import Agreement, agreement
from detector.findings.evidence import channel, duration, endpoint, watts
from detector.records import Evidence

if TYPE_CHECKING:
    from detector.features.agreement import Mask
    from detector.findings.forgetting import Watched
    from detector.findings.ledger import ChannelRecord
    from detector.records import Floats, Steps

LEVEL: Final = 0.1  # spread from which on a load is not called level
InStep = tuple["ChannelRecord", Agreement, int]
"""A channel, how the watts follow it, and the step of the common grid, ns."""


def followed(channels: Iterable[ChannelRecord], drawn: Steps, watched: Watched) -> InStep | None:
    """The suspect channel that the watts follow best; None where they follow none."""
    found: list[InStep] = []
    for one in channels:
        traffic = one.strip.steps() if one.strip else None
        if traffic is None:
            continue
        step_ns = max(traffic.step_ns, drawn.step_ns)
        told = agreement(*_on_one_grid(traffic, drawn, watched, step_ns))
        if told is not None and told.speaks:
            found.append((one, told, step_ns))
    return max(found, key=lambda pair: pair[1].agreed, default=None)


def _on_one_grid(traffic: Steps, drawn: Steps, watched: Watched, step_ns: int) -> tuple[Mask, Floats]:
    """Whether the channel was open, and the watts; NaN where nobody read or nobody watched."""
    first = drawn.start_ns // step_ns
    place = (drawn.start_ns + np.arange(len(drawn.columns["mean"])) * drawn.step_ns) // step_ns - first
    read = np.isfinite(drawn.columns["mean"])
    n = int(place[-1]) + 1 if len(place) else 0
    sums = np.bincount(place[read], drawn.columns["mean"][read], n)
    counts = np.bincount(place[read], minlength=n)
    starts = [(first + i) * step_ns for i in range(n)]
    seen = np.array([watched.during(start, start + step_ns) for start in starts], bool)
    mean = np.divide(sums, counts, out=np.full(n, np.nan), where=(counts > 0) & seen)
    is_open = np.zeros(n, bool)
    active = np.flatnonzero(np.isfinite(traffic.columns["messages"]))
    open_at = (traffic.start_ns + active * traffic.step_ns) // step_ns - first
    is_open[open_at[(open_at >= 0) & (open_at < n)]] = True
    return is_open, mean


def told(in_step: InStep) -> Evidence:
    """In words: 1.90 kW within ±1.2% while the channel was open, 310 W while it was not."""
    record, found, step_ns = in_step
    where = channel(record)
    hours = [duration(steps * step_ns) for steps in (found.steps_open, found.steps_else)]
    return Evidence(
        kind="agreement",
        weight=0.0,
        summary=f"its watts follow the channel with {endpoint(where)}: {watts(found.open_w)}{_level(found)}"
        f" while it was open ({hours[0]}), {watts(found.else_w)} while it was not ({hours[1]});"
        f" {found.agreed} of {found.switches} openings and closings in step with the load",
        first_ns=record.first_ns,
        last_ns=record.last_ns,
        channel=where,
        facts={
            "open_w": round(found.open_w, 1),
            "open_spread": round(found.open_spread, 4) if np.isfinite(found.open_spread) else None,
            "else_w": round(found.else_w, 1),
            "switches": found.switches,
            "agreed": found.agreed,
            "by_chance": round(found.by_chance, 4),
        },
    )


def _level(found: Agreement) -> str:
    """How level the load was while the channel was open: work that pushes steer knows no other rhythm."""
    return f" within ±{max(found.open_spread, 0.001):.1%}" if found.open_spread < LEVEL else ""
