"""Prometheus: answers of its HTTP API, saved as files or asked for.

    prometheus:http://host:9090?query=DCGM_FI_DEV_POWER_USAGE&start=-7d&end=now&step=60s

With `start` a range is asked for (`/api/v1/query_range`), in pieces of 10 000 steps, since a
server refuses more than 11 000; without it the query is asked once, which suits a selector with
a range of its own (`kepler_node_cpu_joules_total[1d]`).  What a metric counts in says its name
(`_watts`, `_joules_total`), or data/power_units.toml; a query that takes the name away (rate,
sum) needs --power-unit.  Numbers are strings, NaN and Inf among them.
"""

from __future__ import annotations

import math
import re
import time
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from detector.records import Quantity
from detector.telemetry.columns import said_unit
from detector.telemetry.contract import Hints, TelemetryError, unit_called
from detector.telemetry.polling import span_s
from detector.telemetry.samples import Samples
from detector.telemetry.web import get_json, parse_json, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detector.records import Readings
    from detector.streams import Stream
    from detector.telemetry.address import Address

SCHEME: Final = "prometheus"
ARGUMENTS: Final = ("query", "start", "end", "step")
PIECE_STEPS: Final = 10_000
MAX_PIECES: Final = 1_000
_HOSTS: Final = (
    "node_name",
    "Hostname",
    "hostname",
    "host",
    "node",
    "nodename",
    "instance",
    "exported_instance",
)
_NEVER: Final = frozenset({"cmdline", "job", "path"})  # a command line carries wallets
_ESTIMATED: Final = re.compile(r"kepler_(process|container|vm|pod)_|scaph_(process|.*_container)_")
_SNIFF: Final = re.compile(rb'^\s*\{\s*"status"\s*:\s*"(success|error)"')


@dataclass(frozen=True, slots=True)
class _Scale:
    """What a metric counts in."""

    factor: float  # to watts, or to kWh
    register: bool


def sniff(head: bytes, name: str) -> bool:
    """An object that begins with the API's status."""
    return _SNIFF.match(head) is not None


def read(stream: Stream, hints: Hints) -> list[Readings]:
    """Readings of a saved answer.  Raises TelemetryError, OSError."""
    samples = Samples(stream.path)
    _take(samples, [parse_json(whole(stream), stream.path)], stream.path, hints)
    return [samples.readings()]


def fetch(address: Address, hints: Hints) -> Readings:
    """Readings that a server answers with.  Raises TelemetryError."""
    where, told = address.shown, address.arguments
    if not told.get("query"):
        raise TelemetryError(f"{where}: say what to ask for: ?query=DCGM_FI_DEV_POWER_USAGE&start=-7d")
    samples = Samples(where)
    base = f"{address.target.rstrip('/')}/api/v1/query"
    _take(samples, [get_json(base + asked, where) for asked in _requests(told, where)], where, hints)
    return samples.readings()


def _requests(told: dict[str, str], where: str) -> Iterator[str]:
    """What follows `/api/v1/query` in each request."""
    if "start" not in told:
        yield "?" + urlencode({"query": told["query"]})
        return
    now = time.time()
    start, end = (_time(told.get(name, "now"), now, where) for name in ("start", "end"))
    step = span_s(told.get("step", "60s"), where)
    if step <= 0 or end <= start or (end - start) / step > PIECE_STEPS * MAX_PIECES:
        raise TelemetryError(f"{where}: from start to end in steps gives none, or more than 10 million")
    piece = PIECE_STEPS * step
    for i in range(math.ceil((end - start) / piece)):
        first, last = start + i * piece, min(end, start + (i + 1) * piece - step)
        span = {"start": f"{first:.3f}", "end": f"{max(first, last):.3f}", "step": f"{step:g}"}
        yield "_range?" + urlencode({"query": told["query"], **span})


def _take(samples: Samples, answers: list[Any], where: str, hints: Hints) -> None:
    """Adds the series of all answers, named so that they differ."""
    series = [one for answer in answers for one in _series(answer, where)]
    labels = [_labels(one) for one in series]
    names = _meter_names(labels, hints.meter)
    for one, label, meter in zip(series, labels, names, strict=True):
        metric = label.get("__name__", "")
        scale = _scale(metric, hints, where)
        samples.estimated |= _ESTIMATED.match(metric) is not None
        add = samples.total if scale.register else samples.power
        for at, value in _points(one):
            add(meter, at, value * scale.factor)
    if samples.estimated:
        samples.notes.append("power of processes and containers is the exporter's estimate, not measured")


def _series(answer: Any, where: str) -> list[Any]:
    if not isinstance(answer, dict) or answer.get("status") != "success":
        raise TelemetryError(f"{where}: the server answers with an error or not as Prometheus does")
    data = answer.get("data")
    result = data.get("result") if isinstance(data, dict) else None
    if (
        not isinstance(data, dict)
        or data.get("resultType") not in ("matrix", "vector")
        or not isinstance(result, list)
    ):
        raise TelemetryError(f"{where}: no series of values in the answer; ask for a vector or a range")
    return result


def _labels(one: Any) -> dict[str, str]:
    metric = one.get("metric") if isinstance(one, dict) else None
    return {str(k): str(v)[:200] for k, v in metric.items()} if isinstance(metric, dict) else {}


def _points(one: Any) -> Iterator[tuple[float, float]]:
    """(seconds, value) of a series; what is no pair of numbers is NaN, and counted as missing."""
    if not isinstance(one, dict):
        return
    values = one.get("values", [one["value"]] if "value" in one else [])
    for pair in values if isinstance(values, list) else ():
        try:
            at, value = pair
            yield float(at), float(value)
        except (TypeError, ValueError, OverflowError):
            yield math.nan, math.nan


def _meter_names(labels: list[dict[str, str]], said: str | None) -> list[str]:
    """The host, and behind it the labels in which the series of that host differ."""
    hosts = [_host(label) or said or "prometheus" for label in labels]
    values: dict[tuple[str, str], set[str]] = {}
    for host, label in zip(hosts, labels, strict=True):
        for key in label.keys() - _NEVER - set(_HOSTS):
            values.setdefault((host, key), set()).add(label[key])
    result = []
    for host, label in zip(hosts, labels, strict=True):
        parts = [label[key] for key in sorted(label) if len(values.get((host, key), ())) > 1]
        result.append("/".join([host, *parts]))
    return result


def _host(label: dict[str, str]) -> str:
    """The label that names the host; of an exporter's address, what stands before the port."""
    name = next((label[key] for key in _HOSTS if label.get(key)), "")
    return re.sub(r":\d{1,5}$", "", name)


def _scale(metric: str, hints: Hints, where: str) -> _Scale:
    """What the metric counts in: by the table, its name, or the user.  Raises TelemetryError."""
    known = _table().get(metric)
    if known:
        return _Scale(known.get("watts", known.get("kwh", math.nan)), "kwh" in known)
    unit = unit_called(metric.removesuffix("_total").rpartition("_")[2]) or said_unit(hints)
    if unit is None:
        shown = f"metric {metric[:60]!r}" if metric else "a query that takes the metric's name away"
        raise TelemetryError(f"{where}: {shown} has no unit; say it (--power-unit W, kW; energy: a register)")
    return _Scale(unit.scale, unit.quantity is Quantity.ENERGY_KWH)


@cache
def _table() -> dict[str, dict[str, float]]:
    text = files("detector").joinpath("data/power_units.toml").read_text(encoding="utf-8")
    table: dict[str, dict[str, float]] = tomllib.loads(text)["prometheus"]
    return table


def _time(text: str, now: float, where: str) -> float:
    """Seconds since 1970 of `now`, `-7d`, a number or RFC 3339 (UTC without a zone)."""
    if text == "now":
        return now
    if text.startswith("-"):
        return now - span_s(text[1:], where)
    try:
        if re.fullmatch(r"\d{9,10}(\.\d+)?", text):
            return float(text)
        stamp = datetime.fromisoformat(text)
    except ValueError as error:
        raise TelemetryError(
            f"{where}: {text[:30]!r} is no time; say it as -7d or 2026-03-01T00:00Z"
        ) from error
    return (stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).timestamp()
