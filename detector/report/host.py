"""The section of one host: how sure, what speaks for it and against, what cannot be told."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from detector.document import ENERGY, QUALITY
from detector.records import Evidence, Finding, Verdict
from detector.report.markup import Markup, join, tag
from detector.text import minute, number, plain, printable, probability

BAR_WIDTH, BAR_HEIGHT = 80, 10


def mark(finding: Finding) -> str:
    """The anchor of a host's section: letters and digits, whatever the host is called."""
    name = f"{finding.kind} {finding.host}".encode("utf-8", "replace")
    return "h" + hashlib.sha256(name).hexdigest()[:16]


def bar(score: float | None, verdict: Verdict) -> Markup | None:
    """The score as a bar; nothing when there is none."""
    if plain(score) is None or score is None:
        return None
    filled = round(BAR_WIDTH * min(max(score, 0.0), 1.0), 1)
    return tag(
        "svg",
        tag("rect", width=BAR_WIDTH, height=BAR_HEIGHT, rx=2, class_="trough"),
        tag("rect", width=filled, height=BAR_HEIGHT, rx=2, class_=f"fill {verdict.value}"),
        viewBox=f"0 0 {BAR_WIDTH} {BAR_HEIGHT}",
        width=BAR_WIDTH,
        height=BAR_HEIGHT,
        role="img",
        aria_label=f"score {probability(score)}",
    )


def host(finding: Finding) -> Markup:
    """The section of one finding."""
    return tag(
        "section",
        tag(
            "h2",
            tag("span", finding.verdict.value, class_=f"badge {finding.verdict.value}"),
            " ",
            finding.host,
        ),
        tag("p", finding.why),
        _facts(finding),
        _reasons("What speaks for it", finding.evidence),
        _reasons("What speaks against it", finding.counter_evidence),
        _contributions(finding.contributions),
        tag("h3", "What this cannot tell"),
        tag("ul", *(tag("li", line) for line in limits(finding))),
        id=mark(finding),
        class_="host",
    )


def _facts(finding: Finding) -> Markup:
    quality = QUALITY | dict(finding.quality)
    energy = ENERGY | dict(finding.energy or {})
    basis = "" if energy["measured"] is None else " measured" if energy["measured"] else " estimated"
    told = {
        "Score": probability(finding.score),
        "by traffic": probability(finding.network_score),
        "by power": probability(finding.power_score),
        "Organisation": finding.organisation,
        "Seen": f"{minute(finding.first_ns)} to {minute(finding.last_ns)}",
        "Power": None if energy["watts"] is None else f"{number(energy['watts'])} W{basis}",
        "Energy": None if energy["kwh"] is None else f"{number(energy['kwh'])} kWh{basis}",
        "Packets": quality["packets"],
        "Windows": quality["windows"],
        "Sources": ", ".join(printable(name) for name in quality["sources"]),
    }
    pairs = [
        join(tag("dt", key), tag("dd", str(value))) for key, value in told.items() if value not in (None, "")
    ]
    return tag("dl", *pairs, class_="facts")


def _reasons(heading: str, reasons: Sequence[Evidence]) -> Markup:
    if not reasons:
        return join(tag("h3", heading), tag("p", "Nothing that was seen.", class_="quiet"))
    return join(tag("h3", heading), tag("ul", *(_reason(reason) for reason in reasons)))


def _reason(reason: Evidence) -> Markup:
    times = [minute(ns) for ns in (reason.first_ns, reason.last_ns) if ns is not None]
    when = f" {' to '.join(times)}" if times else ""
    details = [f"{key}: {value}" for key, value in (reason.channel or {}).items()] + _spelled(reason.facts)
    return tag(
        "li",
        tag("span", f"{reason.weight:+.1f}", class_="weight", title="log-odds"),
        " ",
        reason.summary,
        tag("span", when, class_="quiet") if when else None,
        tag("div", " · ".join(printable(line) for line in details), class_="quiet") if details else None,
    )


def _spelled(facts: Mapping[str, Any]) -> list[str]:
    told = {key: value for key, value in plain(facts).items() if value not in (None, "", [], {})}
    return [
        f"{key.removesuffix('_ns')}: {minute(value)}"
        if key.endswith("_ns") and isinstance(value, int)
        else f"{key}: {value}"
        for key, value in told.items()
    ]


def _contributions(parts: Sequence[Mapping[str, Any]]) -> Markup | None:
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
    head = tag(
        "tr", *(tag("th", name, scope="col") for name in ("Feature", "Value", "Moves the log-odds by"))
    )
    return join(tag("h3", "What moved the score"), tag("table", tag("thead", head), tag("tbody", *rows)))


def limits(finding: Finding) -> list[str]:
    """What is not known of this host, from what was not seen of it."""
    quality = QUALITY | dict(finding.quality)
    lines = []
    if finding.network_score is None:
        lines.append("No traffic of it could be judged: a coin, pool or wallet can only be seen there.")
    if finding.power_score is None:
        lines.append("No power readings: whether it works as hard as its traffic suggests is not known.")
    if finding.kind == "meter" and finding.network_score is None:
        lines.append("A meter shows a load, not its purpose: some lawful loads are as flat as a miner's.")
    if quality["packets"] and quality["lost"] is None:
        lines.append("Whether packets of this host were lost is not known.")
    if quality["lost"]:
        lines.append(f"The capturing system lost {quality['lost']} packets.")
    if quality["undecodable"]:
        lines.append(f"{quality['undecodable']} packets could not be decoded.")
    if (finding.novelty or 0.0) > 0.99:
        lines.append("It is unlike nearly everything the model learned from; trust the score less.")
    if not any(item.facts.get("dialect") for item in finding.evidence):
        lines.append("No mining dialogue was read in the clear, so coin and pool are not known.")
    return lines
