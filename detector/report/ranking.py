"""All hosts in tables: those to look at, those that could not be judged, those that are clear."""

from __future__ import annotations

from collections.abc import Sequence

from detector.records import Finding, Verdict
from detector.report.markup import Markup, table, tag
from detector.report.rows import badge, name, score, when
from detector.report.words import coin, several
from detector.text import grouped, probability

RANKED = 2_000  # hosts to look at that are listed
LISTED = 10_000  # of those undecided, and of those clear
OPEN = 25  # rows up to which a folded table lies open
PRINTED = 300  # rows up to which it is printed, folded or not: more would fill a folder


def ranking(findings: Sequence[Finding], linked: set[int]) -> Markup:
    """The section of tables.  linked: ids of the findings that have a section of their own."""
    by_verdict = {v: [f for f in findings if f.verdict is v] for v in Verdict}
    suspects = by_verdict[Verdict.MINING] + by_verdict[Verdict.SUSPICIOUS]
    return tag(
        "section",
        tag("h2", "Hosts and meters, worst first", id="hosts"),
        _suspects(suspects, linked) if suspects else tag("p", "None is called mining or suspicious."),
        _left(len(suspects) - RANKED),
        _folded(by_verdict[Verdict.UNDECIDED], linked, "undecided", "what is missing"),
        _folded(by_verdict[Verdict.CLEAR], linked, "clear", "what comes nearest to mining"),
        aria_labelledby="hosts",
    )


def _suspects(findings: Sequence[Finding], linked: set[int]) -> Markup:
    rows = [
        tag(
            "tr",
            tag("td", badge(finding.verdict)),
            score(finding),
            name(finding, linked),
            tag("td", finding.organisation or ""),
            tag("td", when(finding), class_="since"),
            tag("td", coin(finding)),
            tag("td", finding.why),
        )
        for finding in findings[:RANKED]
    ]
    headings = ("Verdict", "Score", "Host or meter", "Organisation", "Since (UTC)", "Coin", "Why")
    return table(headings, rows, "Called mining or suspicious", "cards")


def _folded(findings: Sequence[Finding], linked: set[int], verdict: str, last: str) -> Markup | None:
    if not findings:
        return None
    rows = [
        tag(
            "tr",
            name(finding, linked),
            tag("td", finding.organisation or ""),
            tag("td", probability(finding.score), class_="score"),
            tag("td", finding.why),
        )
        for finding in findings[:LISTED]
    ]
    headings = ("Host or meter", "Organisation", "Score", last.capitalize())
    return tag(
        "details",
        tag("summary", f"{several(len(findings))} {verdict}", _on_paper(len(findings))),
        table(headings, rows, f"Hosts and meters {verdict}, and {last}", "cards"),
        _left(len(findings) - LISTED),
        open="" if len(findings) <= OPEN else None,
        class_="long" if len(findings) > PRINTED else None,
    )


def _on_paper(count: int) -> Markup | None:
    """What paper says of a list that is not printed."""
    return (
        tag("span", " (open the list before printing to have it here)", class_="paper")
        if count > PRINTED
        else None
    )


def _left(left: int) -> Markup | None:
    return tag("p", f"{grouped(left)} more are in the JSON output.", class_="quiet") if left > 0 else None
