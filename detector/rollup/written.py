"""The roll-up as a file: JSON of `data/rollup.schema.json`, or CSV, a row an organisation."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from detector.atomic import replacing
from detector.rollup.counted import CONFIDENCE, Drawn, Rollup, Share, Trend, Unit
from detector.sinks.csv_rows import cell
from detector.text import plain, printable, rfc3339

SCHEMA = "minewatch.rollup/1"
NAMED = 50  # hosts of a list that are named; the rest is counted


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
        **{verdict.value: _told_share(one) for verdict, one in unit.shares.items()},
        "allowed": _told_share(unit.allowed),
        "clear": {"count": unit.clear},
        "energy_of_mining": _told_energy(unit.energy),
        "energy_of_allowed": _told_energy(unit.energy_allowed),
        "not_seen": {"count": len(unit.unseen), "assets": unit.unseen[:NAMED]},
        "trend": None if unit.trend is None else _told_trend(unit.trend),
    }


def _told_share(one: Share) -> dict[str, Any]:
    return {"count": one.count, "low": round(one.low, 6), "high": round(one.high, 6)}


def _told_energy(drawn: Drawn) -> dict[str, Any]:
    return {
        "measured_kwh": drawn.measured_kwh,
        "estimated_kwh": drawn.estimated_kwh,
        "co2e_kg": drawn.co2e_kg,
        "without_readings": drawn.unread,
    }


def _told_trend(trend: Trend) -> dict[str, Any]:
    lists = {
        "newly_mining": trend.newly,
        "now_allowed": trend.now_allowed,
        "no_longer": trend.no_longer,
        "gone": trend.gone,
    }
    before = {verdict.value: count for verdict, count in trend.before.items()}
    return {
        "before": before | {"allowed": trend.allowed_before},
        "seen_again": trend.seen_again,
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
