"""The section of one host: how sure, over time, what speaks for it and against, what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from detector.document import ENERGY, QUALITY
from detector.records import Evidence, Finding, Steps
from detector.report import chart
from detector.report.markup import Markup, join, table, tag
from detector.report.rows import badge, mark, sure, when
from detector.report.words import advice, coin, limits, seen
from detector.text import minute, number, plain, printable, probability


def host(finding: Finding) -> Markup:
    """The section of one finding."""
    name = mark(finding)
    return tag(
        "article",
        tag("h3", badge(finding.verdict), " ", finding.host, id=name),
        tag("p", finding.why, class_="why"),
        _facts(finding),
        *_pictures(finding, name),
        _reasons("What speaks for mining", finding.evidence),
        _reasons("What speaks against it", finding.counter_evidence),
        _contributions(finding.contributions, finding.host),
        _list("What this cannot tell", limits(finding)),
        _list("What to do next", advice(finding)),
        tag("p", tag("a", "Back to the list", href="#hosts"), class_="back"),
        aria_labelledby=name,
        class_="host",
    )


def _facts(finding: Finding) -> Markup:
    quality = QUALITY | dict(finding.quality)
    energy = ENERGY | dict(finding.energy or {})
    basis = "" if energy["measured"] is None else " measured" if energy["measured"] else " estimated"
    parts = {"traffic": finding.network_score, "power": finding.power_score}
    alone = [f"{probability(score)} by {part} alone" for part, score in parts.items() if score is not None]
    told: dict[str, Markup | str | None] = {
        "How sure": sure(finding),
        "Since": join(when(finding), " UTC"),
        "Coin": coin(finding),
        "Score": f"{probability(finding.score)} ({', '.join(alone)})" if len(alone) > 1 else None,
        "Organisation": finding.organisation,
        "Role": finding.role,
        "Allowed": f"by {finding.allowed}" if finding.allowed else None,
        "Seen": f"{minute(finding.first_ns)} to {minute(finding.last_ns)} UTC: {seen(finding)}",
        "Power": None if energy["watts"] is None else f"{number(energy['watts'])} W{basis}, on average",
        "Energy": None if energy["kwh"] is None else f"{number(energy['kwh'])} kWh{basis} in the data",
        "Read from": ", ".join(printable(name) for name in quality["sources"]),
    }
    pairs = [join(tag("dt", key), tag("dd", value)) for key, value in told.items() if value not in (None, "")]
    return tag("dl", *pairs, class_="facts")


def _pictures(finding: Finding, name: str) -> list[Markup]:
    traffic, drawn = _drawable(finding.traffic, "score"), _drawable(finding.drawn, "mean")
    of_traffic, of_power = traffic and chart.span(traffic), drawn and chart.span(drawn)
    both = of_traffic and of_power and chart.shared(of_traffic, of_power)
    pictures = []
    if traffic and of_traffic:
        pictures.append(chart.traffic(traffic, both or of_traffic, f"{name}m", finding.course))
    if drawn and of_power:
        pictures.append(chart.power(drawn, both or of_power, f"{name}w", _onset(finding)))
    return pictures


def _drawable(steps: Steps | None, column: str) -> Steps | None:
    return steps if steps is not None and np.isfinite(steps.columns[column]).any() else None


def _onset(finding: Finding) -> int | None:
    """When a load came, by the evidence or counter-evidence of the meter."""
    moments = [item.facts.get("onset_ns") for item in [*finding.evidence, *finding.counter_evidence]]
    return next((moment for moment in moments if isinstance(moment, int)), None)


def _reasons(heading: str, reasons: Sequence[Evidence]) -> Markup:
    if not reasons:
        return join(tag("h4", heading), tag("p", "Nothing that was seen.", class_="quiet"))
    return join(tag("h4", heading), tag("ul", *(_reason(reason) for reason in reasons), class_="reasons"))


def _reason(reason: Evidence) -> Markup:
    times = dict.fromkeys(minute(ns) for ns in (reason.first_ns, reason.last_ns) if ns is not None)
    when = f" {' to '.join(times)}" if times else ""
    facts = [f"{key}: {value}" for key, value in (reason.channel or {}).items()] + _spelled(reason.facts)
    moved = f"moves the log-odds by {reason.weight:+.1f}" if reason.weight else "does not move the score"
    return tag(
        "li",
        reason.summary,
        tag("span", when, class_="quiet") if when else None,
        tag("span", f" ({moved})", class_="quiet"),
        tag("details", tag("summary", "Facts"), tag("p", " · ".join(map(printable, facts)), class_="quiet"))
        if facts
        else None,
    )


def _spelled(facts: Mapping[str, Any]) -> list[str]:
    told = {key: value for key, value in plain(facts).items() if value not in (None, "", [], {})}
    return [
        f"{key.removesuffix('_ns')}: {minute(value)}"
        if key.endswith("_ns") and isinstance(value, int)
        else f"{key}: {value}"
        for key, value in told.items()
    ]


def _contributions(parts: Sequence[Mapping[str, Any]], host: str) -> Markup | None:
    if not parts:
        return None
    rows = [
        tag(
            "tr",
            tag("th", str(part.get("feature")), scope="row"),
            tag("td", number(plain(part.get("value")))),
            tag("td", f"{plain(part.get('contribution')) or 0.0:+.2f}"),
        )
        for part in parts
    ]
    headings = ("Feature", "Value", "Moves the log-odds by")
    return tag(
        "details",
        tag("summary", "What moved the score"),
        table(headings, rows, f"What moved the score of {host}"),
    )


def _list(heading: str, lines: Iterable[str]) -> Markup | None:
    told = [tag("li", line) for line in lines]
    return join(tag("h4", heading), tag("ul", *told)) if told else None
