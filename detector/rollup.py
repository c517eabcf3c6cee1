"""Findings rolled up by organisation: what who was ordered to check its systems hands in.

How many hosts and meters were checked, by which telemetry, how many were called what, what those
that mine drew, what changed since the previous run, and what was not covered.
"""

from __future__ import annotations

import csv
import itertools
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from detector.atomic import replacing
from detector.document import WORST_FIRST, counts
from detector.records import Finding, Verdict
from detector.settings import CO2E_SOURCE, FindingSettings
from detector.sinks.csv_rows import cell
from detector.text import plain, printable, rfc3339

if TYPE_CHECKING:
    from detector.hosts import Assets
    from detector.pipeline import Result
    from detector.previous import Previous

SCHEMA = "minewatch.rollup/1"
CONFIDENCE = 0.95
NAMED = 50  # hosts of a list that are named; the rest is counted
SHARES = (Verdict.MINING, Verdict.SUSPICIOUS, Verdict.UNDECIDED)


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `of`, and between which shares the truth lies if what was checked is a fair sample."""

    count: int
    of: int
    low: float  # 0..1, Clopper-Pearson at CONFIDENCE
    high: float


@dataclass(frozen=True, slots=True)
class Trend:
    """Hosts and meters since the previous run, by name."""

    before: Mapping[Verdict, int]
    newly: tuple[str, ...]  # called mining now and not before, or not seen before
    no_longer: tuple[str, ...]  # called mining before, seen now and not called so
    gone: tuple[str, ...]  # called mining before, and not seen now


@dataclass(frozen=True, slots=True)
class Unit:
    """What is known of one organisation (None: whose hosts no asset map names), or of all."""

    organisation: str | None
    checked: int
    hosts: int
    meters: int  # and feeders
    by_traffic: int  # of which packets were seen
    by_power: int  # of which power was read
    by_both: int
    shares: Mapping[Verdict, Share]
    clear: int
    measured_kwh: float | None  # of what is called mining; None where no reading gives it
    estimated_kwh: float | None
    co2e_kg: float | None
    unread: int  # called mining, and no power was read
    unseen: tuple[str, ...]  # assets of the map of which nothing was seen
    trend: Trend | None


@dataclass(frozen=True, slots=True)
class Rollup:
    """The whole, and its organisations in order of what was found."""

    whole: Unit
    organisations: tuple[Unit, ...]
    first_ns: int | None
    last_ns: int | None
    co2e_kg_per_kwh: float
    previous: str | None  # name of the file of the run before
    model: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()  # inputs that were not wholly read

    @property
    def co2e_source(self) -> str:
        """Where the factor is from."""
        default = self.co2e_kg_per_kwh == FindingSettings().co2e_kg_per_kwh
        return CO2E_SOURCE if default else "set by the settings file of this run"


def of_result(result: Result, co2e_kg_per_kwh: float, previous: Previous | None = None) -> Rollup:
    """The roll-up of a run."""
    return rolled_up(
        result.findings,
        result.assets,
        co2e_kg_per_kwh=co2e_kg_per_kwh,
        previous=previous,
        model=result.model,
        problems=result.problems,
    )


def rolled_up(
    findings: Sequence[Finding],
    assets: Assets,
    *,
    co2e_kg_per_kwh: float,
    previous: Previous | None = None,
    model: Mapping[str, str] | None = None,
    problems: Iterable[str] = (),
) -> Rollup:
    """The roll-up of all findings, those left out of other outputs included."""
    unseen = _unseen(findings, assets)
    before = _before(findings, previous)
    mine: dict[str | None, list[Finding]] = {name: [] for name in [*unseen, *before]}
    for finding in findings:
        mine.setdefault(finding.organisation, []).append(finding)
    compared = previous is not None
    units = [
        replace(
            _unit(found, unseen.get(name, ())),
            organisation=name,
            trend=_trend(found, before.get(name, {})) if compared else None,
        )
        for name, found in mine.items()
    ]
    units.sort(key=lambda unit: (*(-unit.shares[v].count for v in SHARES), unit.organisation or "\uffff"))
    everyone = list(itertools.chain.from_iterable(unseen.values()))
    of_all = dict(itertools.chain.from_iterable(hosts.items() for hosts in before.values()))
    return Rollup(
        whole=replace(_unit(findings, everyone), trend=_trend(findings, of_all) if compared else None),
        organisations=tuple(units),
        first_ns=min((f.first_ns for f in findings), default=None),
        last_ns=max((f.last_ns for f in findings), default=None),
        co2e_kg_per_kwh=co2e_kg_per_kwh,
        previous=previous.name if previous else None,
        model=dict(model or {}),
        problems=tuple(problems),
    )


def _unit(findings: Sequence[Finding], unseen: Sequence[str]) -> Unit:
    counted = counts(findings)
    mining = [f for f in findings if f.verdict is Verdict.MINING]
    traffic = [bool(f.quality.get("packets")) for f in findings]
    power = [f.power_score is not None or f.energy is not None for f in findings]
    meters = sum(f.kind != "ip" for f in findings)
    return Unit(
        organisation=None,
        checked=len(findings),
        hosts=len(findings) - meters,
        meters=meters,
        by_traffic=sum(traffic),
        by_power=sum(power),
        by_both=sum(a and b for a, b in zip(traffic, power, strict=True)),
        shares={verdict: share(counted[verdict], len(findings)) for verdict in SHARES},
        clear=counted[Verdict.CLEAR],
        measured_kwh=_summed(mining, "kwh", measured=True),
        estimated_kwh=_summed(mining, "kwh", measured=False),
        co2e_kg=_summed(mining, "co2e_kg"),
        unread=sum(f.energy is None for f in mining),
        unseen=tuple(unseen),
        trend=None,
    )


def share(count: int, of: int) -> Share:
    """With the exact binomial interval (Clopper and Pearson 1934); of nothing, nothing is known."""
    if not of:
        return Share(0, 0, 0.0, 1.0)
    from scipy.special import betaincinv  # type: ignore[import-untyped]  # noqa: PLC0415  (heavy; scikit-learn brings it)

    tail = (1 - CONFIDENCE) / 2
    low = float(betaincinv(count, of - count + 1, tail)) if count else 0.0
    high = float(betaincinv(count + 1, of - count, 1 - tail)) if count < of else 1.0
    return Share(count, of, low, high)


def _summed(findings: Iterable[Finding], key: str, *, measured: bool | None = None) -> float | None:
    known = [f.energy for f in findings if f.energy is not None]
    of_kind = [e for e in known if measured is None or bool(e.get("measured")) is measured]
    values = [e[key] for e in of_kind if plain(e.get(key)) is not None]
    return float(sum(values)) if values else None


def _unseen(findings: Iterable[Finding], assets: Assets) -> dict[str | None, list[str]]:
    """Assets of the map of which neither an address nor a meter was seen, by organisation."""
    seen = {finding.host for finding in findings}
    listed: dict[tuple[str | None, str], bool] = {}
    for names in (assets.by_ip, assets.by_meter):
        for name, asset in names.items():
            key = asset.organisation, asset.asset
            listed[key] = listed.get(key, False) or name in seen
    told: dict[str | None, list[str]] = {}
    for (organisation, missing), found in listed.items():
        if not found:
            told.setdefault(organisation, []).append(missing)
    return told


Before = dict[tuple[str, str], Verdict]


def _before(findings: Iterable[Finding], previous: Previous | None) -> dict[str | None, Before]:
    """Verdicts of the previous run by (kind, host), by the organisation that the host has now."""
    now = {(f.kind, f.host): f.organisation for f in findings}
    told: dict[str | None, Before] = {}
    for key, host in previous.hosts.items() if previous else ():
        told.setdefault(now.get(key, host.organisation), {})[key] = host.verdict
    return told


def _trend(findings: Iterable[Finding], before: Before) -> Trend:
    now = {(f.kind, f.host): f.verdict for f in findings}
    mined = {key for key, verdict in before.items() if verdict is Verdict.MINING}
    mines = {key for key, verdict in now.items() if verdict is Verdict.MINING}
    verdicts = Counter(before.values())
    return Trend(
        before={verdict: verdicts[verdict] for verdict in WORST_FIRST},
        newly=tuple(sorted(host for _, host in mines - mined)),
        no_longer=tuple(sorted(host for _, host in (mined & now.keys()) - mines)),
        gone=tuple(sorted(host for _, host in mined - now.keys())),
    )


def write_rollup(path: str | Path, rollup: Rollup) -> None:
    """Write it as CSV where the name ends in .csv, else as JSON; whole or not there.  Raises OSError."""
    with replacing(path) as stream:
        if str(path).lower().endswith(".csv"):
            _write_csv(stream, rollup)
        else:
            json.dump(document(rollup), stream, indent=1, ensure_ascii=False, allow_nan=False)
            stream.write("\n")


def document(rollup: Rollup) -> dict[str, Any]:
    """The roll-up as JSON values."""
    told = {
        "schema": SCHEMA,
        "from": None if rollup.first_ns is None else rfc3339(rollup.first_ns),
        "to": None if rollup.last_ns is None else rfc3339(rollup.last_ns),
        "confidence": CONFIDENCE,
        "co2e": {"kg_per_kwh": rollup.co2e_kg_per_kwh, "source": rollup.co2e_source},
        "model": {key: rollup.model.get(key) for key in ("id", "schema_digest")},
        "previous": rollup.previous,
        "whole": _told(rollup.whole),
        "organisations": [_told(unit) for unit in rollup.organisations],
        "not_read": list(rollup.problems),
    }
    shown: dict[str, Any] = plain(told)
    return shown


def _told(unit: Unit) -> dict[str, Any]:
    return {
        "organisation": unit.organisation,
        "checked": {"all": unit.checked, "hosts": unit.hosts, "meters": unit.meters},
        "covered": {"traffic": unit.by_traffic, "power": unit.by_power, "both": unit.by_both},
        **{
            verdict.value: {"count": one.count, "low": round(one.low, 6), "high": round(one.high, 6)}
            for verdict, one in unit.shares.items()
        },
        "clear": {"count": unit.clear},
        "energy_of_mining": {
            "measured_kwh": unit.measured_kwh,
            "estimated_kwh": unit.estimated_kwh,
            "co2e_kg": unit.co2e_kg,
            "without_readings": unit.unread,
        },
        "not_seen": {"count": len(unit.unseen), "assets": unit.unseen[:NAMED]},
        "trend": None if unit.trend is None else _told_trend(unit.trend),
    }


def _told_trend(trend: Trend) -> dict[str, Any]:
    lists = {"newly_mining": trend.newly, "no_longer": trend.no_longer, "gone": trend.gone}
    return {
        "before": {verdict.value: count for verdict, count in trend.before.items()},
        **{name: {"count": len(hosts), "hosts": hosts[:NAMED]} for name, hosts in lists.items()},
    }


def _write_csv(stream: TextIO, rollup: Rollup) -> None:
    """One row an organisation, the whole last; text is made harmless for spreadsheets."""
    writer = csv.writer(stream, lineterminator="\n")
    rows = [dict(_flat(_told(unit))) for unit in (*rollup.organisations, rollup.whole)]
    rows[-1]["organisation"] = "(all)"
    common = {"co2e_kg_per_kwh": rollup.co2e_kg_per_kwh, "co2e_source": rollup.co2e_source}
    writer.writerow([*rows[-1], *common])
    for row in rows:
        writer.writerow([cell(row.get(name)) for name in rows[-1]] + [cell(v) for v in common.values()])


def _flat(told: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """(name of a column, value); lists of names joined by spaces."""
    for name, value in told.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}_")
        elif isinstance(value, Sequence) and not isinstance(value, str):
            yield before + name, " ".join(printable(item) for item in value)
        else:
            yield before + name, value
