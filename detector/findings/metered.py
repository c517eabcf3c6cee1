"""What readings alone allow to be said of a meter, and their evidence in words.

Power alone is `mining` only where a steady load came, the same in every hour, and stayed, in days of
readings, at a meter that drew something before: a fresh outlet that is switched on shows the same
whatever is plugged in, and is `suspicious`.  What was flat from the first reading on may be a solver,
a mast or a cold store: it is `suspicious` where contract or peers speak, or where something came that
is less than flat, else `undecided`.  A probability of a half or more is never `clear`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detector.findings.evidence import clean, duration, finite, watts
from detector.findings.ledger import PowerRecord
from detector.findings.peers import Level
from detector.findings.scheduled import Worked
from detector.model import Thresholds
from detector.records import Evidence, Verdict
from detector.text import plural

if TYPE_CHECKING:
    from detector.findings.roster import HostRecord

LIKELIER: Final = 0.5
ALIKE: Final = 0.05  # weekends within this of working days are no weekends
FLAT: Final = 0.2  # width of the densest 60 % from which on a load is not called steady
FEW_PACKETS: Final = 100  # a window: 5 minutes of a miner's channel and of what a resting system says
SEEN_WINDOWS: Final = 12  # an hour
NOTHING: Final = 0.01  # of the load that came: what a meter with nothing behind it, or a stand-by, draws
MOSTLY: Final = 0.9  # of the time before: the start is not dated to the minute
SEEN_H: Final = 1.0  # of readings of its use, from which on a GPU is told of
MOST: Final = 0.5  # of that time busy
GAPS: Final = 0.02  # of the readings, from which on they are told


def verdict(record: PowerRecord, limits: Thresholds, level: Level, worked: Worked | None = None) -> Verdict:
    """By the power model, the level test and jobs (`scheduled`), where nothing else is known of the host."""
    strange = record.novelty >= limits.novelty
    facts = record.description
    explained = worked is not None and worked.always
    if record.probability >= limits.mining and facts.get("arrived"):
        doubted = strange or explained or nothing_before(record) is not None
        return Verdict.SUSPICIOUS if doubted else Verdict.MINING
    if record.probability >= limits.suspicious:
        speaks = worked is not None and worked.speaks
        known = came(record) or speaks or level.speaks(facts.get("floor_w"))
        doubted = strange or explained
        return Verdict.SUSPICIOUS if known and not doubted else Verdict.UNDECIDED
    return Verdict.UNDECIDED if record.probability >= LIKELIER else Verdict.CLEAR


def came(record: PowerRecord) -> bool:
    """Whether a load came and stayed, flat or not."""
    return finite(record.description.get("step_w")) and record.description["step_w"] > 0


def nothing_before(record: PowerRecord) -> float | None:
    """Watts drawn before a load came, where that is next to nothing; else None."""
    onset_ns, drawn = record.description.get("onset_ns"), record.drawn
    if not came(record) or not onset_ns or drawn is None:
        return None
    mean = drawn.columns["mean"]
    before = mean[: max(int(onset_ns - drawn.start_ns) // drawn.step_ns, 0)]
    before = before[np.isfinite(before)]
    if not len(before):
        return None
    level = float(np.quantile(before, MOSTLY))
    return level if level <= NOTHING * record.description["step_w"] else None


def fresh(record: PowerRecord) -> Evidence | None:
    """A meter behind which there was nothing before; None where there was something."""
    before_w = nothing_before(record)
    if before_w is None:
        return None
    return Evidence(
        kind="fresh_meter",
        weight=0.0,
        summary=f"{clean(record.meter)} drew {watts(before_w)} before the load came:"
        " an outlet that is switched on looks like this whatever is plugged in",
        facts={"meter": clean(record.meter), "before_w": round(before_w, 2)},
    )


def undecided(record: PowerRecord, worked: Worked | None = None) -> str:
    """Why a meter that scores high is not accused."""
    facts = record.description
    if facts.get("state") in _STATES:
        return f"{clean(record.meter)}: {_STATES[facts['state']]}"
    since = "" if came(record) else ", steady from the first reading on"
    return (
        f"{clean(record.meter)} draws {_level(facts)}{since}: a miner, a server or a cold store;"
        f" {wanted(facts, worked)} would tell"
    )


def drawn(record: PowerRecord, level: Level) -> Evidence:
    """What a meter shows of a load like a miner's."""
    facts = record.description
    drew = _addition(facts) or _level(facts)
    return Evidence(
        kind="power",
        weight=round(record.logit, 2),
        summary=f"{clean(record.meter)} draws {drew}{_beside(level)}{_trust(record)}",
        facts={"meter": clean(record.meter), **_rounded(facts), **_told(level)},
    )


def unfed(record: PowerRecord, host: HostRecord) -> Evidence | None:
    """A load like a miner's beside almost no traffic: none of the data that other heavy work needs.

    A miner needs some tens of packets a window.  None where too few windows were seen, or more traffic.
    """
    if record.logit <= 0 or host.windows < SEEN_WINDOWS or host.packets > FEW_PACKETS * host.windows:
        return None
    return Evidence(
        kind="unfed_load",
        weight=0.0,
        summary=f"{clean(record.meter)} draws {watts(record.description['mean_w'])} beside almost no traffic:"
        f" {plural(host.packets, 'packet')} in {plural(host.windows, 'window')}; other heavy work needs data",
        facts={"meter": clean(record.meter), "packets": host.packets, "windows": host.windows},
    )


def busy_gpu(record: PowerRecord) -> Evidence | None:
    """A GPU that works most of the time by its driver's word; None where it does not, or is not read.

    Training and rendering do, too: it tells what the watts are for, and weighs nothing.
    """
    use = record.gpu_use
    if use is None or use.read_h < SEEN_H or use.busy_h < MOST * use.read_h:
        return None
    meter, hours = clean(record.meter), [int(h * 3.6e12) for h in (use.busy_h, use.read_h)]
    return Evidence(
        kind="gpu_use",
        weight=0.0,
        summary=f"the GPU of {meter} is {use.mean:.0f} % busy on average, at 95 % or more"
        f" for {duration(hours[0])} of {duration(hours[1])} read",
        facts={
            "meter": meter,
            "mean_percent": round(use.mean, 1),
            "busy_h": round(use.busy_h, 2),
            "read_h": round(use.read_h, 2),
        },
    )


def ordinary_power(record: PowerRecord) -> Evidence:
    """A meter that does not look like a miner's."""
    facts = record.description
    return Evidence(
        kind="ordinary_power",
        weight=round(record.logit, 2),
        summary=f"power of {clean(record.meter)} scores {record.probability:.3f}:"
        f" {_addition(facts) or _level(facts)}{_trust(record)}",
        facts={"meter": clean(record.meter), **_rounded(facts)},
    )


def _addition(facts: Mapping[str, Any]) -> str:
    """The load that came and stayed, where one did."""
    if not finite(facts.get("step_w")) or not facts.get("onset_ns"):
        return ""
    since = datetime.fromtimestamp(facts["onset_ns"] / 1e9, UTC).strftime("%Y-%m-%d %H:%M")
    words = f"{watts(facts['step_w'])} more{_spread(facts)}"
    if facts.get("arrived"):
        words += " day and night"
    words += f" since {since} UTC, for {duration(int(facts['persists_h'] * 3.6e12))} so far"
    if finite(facts.get("weekend")) and abs(facts["weekend"] - 1) <= ALIKE:
        words += ", indifferent to weekends"
    return f"{words}; {watts(facts['mean_w'])} on average"


def _spread(facts: Mapping[str, Any]) -> str:
    spread = facts.get("added_spread")
    return f" ±{max(spread, 0.001):.1%}" if spread is not None and spread < FLAT else ""


def _level(facts: Mapping[str, Any]) -> str:
    words = f"{watts(facts['mean_w'])} on average"
    if finite(facts.get("flatness")) and facts["flatness"] < FLAT:
        words += f", most of the time within ±{max(facts['flatness'], 0.001) / 2:.1%}"
    if finite(facts.get("night_day")):
        words += f", {facts['night_day']:.0%} of the day's level at night"
    return words


def _beside(level: Level) -> str:
    """Contract and peers, where they are known."""
    words = f"; contract {level.contract_kw:g} kW" if level.contract_kw else ""
    if level.peers_w is not None:
        words += f"; {level.peers} peers' night base {watts(level.peers_w)}"
    return words


_STATES: Final = {
    "off": "no power was drawn",
    "stuck": "the reading never changed: a stuck sensor looks as flat as a miner",
    "coarse": "the readings vary less than their rounding hides: flatness cannot be seen",
}
_NEEDS: Final = {
    "second": "days of readings, jobs, GPU use or its traffic",
    "minute": "days of readings, jobs, GPU use or its traffic",
    "hour": "its start in the record, contract or peers",
    "day": "hourly readings, contract or peers",
    "month": "daily or hourly readings, contract or peers",
}


def wanted(facts: Mapping[str, Any], worked: Worked | None = None) -> str:
    """What would tell of a meter that is undecided."""
    if worked is not None and worked.always:
        return "what the job runs, GPU use or its traffic"
    return _NEEDS.get(facts.get("tier") or "", "more readings")


def _trust(record: PowerRecord) -> str:
    """What of the telemetry a reader should know."""
    facts = record.description
    told = []
    if record.estimated:
        told.append("estimated, not measured")
    if finite(facts.get("missing")) and facts["missing"] >= GAPS:
        told.append(f"{facts['missing']:.0%} of the readings missing")
    if facts.get("state") in _STATES:
        told.append(_STATES[facts["state"]])
    return f" ({'; '.join(told)})" if told else ""


def _told(level: Level) -> dict[str, Any]:
    known = {"contract_kw": level.contract_kw, "peers": level.peers or None, "peers_w": level.peers_w}
    return {name: value for name, value in known.items() if value is not None}


def _rounded(facts: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in facts.items() if finite(value) or name in ("tier", "state")}
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in kept.items()}
