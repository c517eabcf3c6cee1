"""The page as a whole: summary, ranked hosts, what was read, how to take it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from detector import __version__
from detector.document import Context, counts, energy_of_mining, spoken
from detector.records import Finding, SourceReport, Verdict
from detector.report.host import bar, host, mark
from detector.report.markup import Markup, Piece, join, table, tag
from detector.text import minute, number, probability

if TYPE_CHECKING:
    from detector.pipeline import Result

STYLE = Path(__file__).parent.parent / "data" / "report.css"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
RANKED = 2_000  # hosts in the table; a browser bears no more
SECTIONS = 300  # hosts with a section of their own
SOURCES = 500
SHORT = 40  # letters of a name that is not broken: any address fits
VERDICTS = (
    (Verdict.MINING, "The score is above the bar that was set for a stated number of false alarms, and it"
     " rests on a mining dialogue that was heard, on behaviour in two windows, or on traffic and power that"
     " agree.  Look at the host."),
    (Verdict.SUSPICIOUS, "Some of it looks like mining, not enough to be called so.  Worth a look after the"
     " hosts above."),
    (Verdict.UNDECIDED, "Too little was seen, or it is too unlike what the model learned from.  Not an"
     " all-clear."),
    (Verdict.CLEAR, "Nothing that was seen of this host looks like mining.  What was not seen is not"
     " covered."),
)  # fmt: skip


def page(result: Result, context: Context) -> str:
    """The report of `result`, whose findings are worst first, as one HTML document."""
    body = join(
        tag("header", tag("h1", "minewatch report"), _span(result.findings, context)),
        _warning(result),
        _summary(result.findings),
        _ranking(result.findings),
        *(host(f) for f in result.findings[:SECTIONS] if f.verdict is not Verdict.CLEAR or f.evidence),
        _sources(result.sources, result.problems),
        _methods(result),
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", "minewatch report"),
        tag("style", Markup(STYLE.read_text(encoding="utf-8"))),
    )
    return "<!DOCTYPE html>\n" + tag("html", head, tag("body", tag("main", body)), lang="en").html + "\n"


def _span(findings: Sequence[Finding], context: Context) -> Markup:
    told = ["All times are UTC."]
    if findings:
        first, last = min(f.first_ns for f in findings), max(f.last_ns for f in findings)
        told.insert(0, f"Data from {minute(first)} to {minute(last)}.")
    if context.made_ns is not None:
        told.append(f"Written {minute(context.made_ns)} by minewatch {__version__}.")
    return tag("p", " ".join(told), class_="quiet")


def _warning(result: Result) -> Markup | None:
    if not result.interrupted:
        return None
    return tag("p", "The run was interrupted: this is what was known by then.", class_="warning")


def _summary(findings: Sequence[Finding]) -> Markup:
    tiles = [
        tag("li", tag("strong", str(count)), " ", tag("span", verdict.value), class_=f"tile {verdict.value}")
        for verdict, count in counts(findings).items()
    ]
    energy = energy_of_mining(findings)
    told = None
    if energy.kwh is not None:
        carbon = "" if energy.co2e_kg is None else f", about {number(energy.co2e_kg)} kg CO2e"
        basis = "measured" if energy.measured else "estimated"
        told = tag("p", f"Hosts called mining drew {number(energy.kwh)} kWh in the data ({basis}){carbon}.")
    return tag("section", tag("h2", "Summary"), tag("ul", *tiles, class_="tiles"), told)


def _ranking(findings: Sequence[Finding]) -> Markup:
    if not findings:
        return tag("section", tag("h2", "Hosts"), tag("p", "No host or meter was seen in the data."))
    sectioned = {id(f) for f in findings[:SECTIONS] if f.verdict is not Verdict.CLEAR or f.evidence}
    rows = [_row(f, id(f) in sectioned) for f in findings[:RANKED]]
    left = len(findings) - RANKED
    headings = ("Verdict", "Score", "Host", "Organisation", "Coin", "Why")
    return tag(
        "section",
        tag("h2", "Hosts, worst first"),
        tag("div", table(headings, rows), class_="wide ranking"),
        tag("p", f"{left} more are in the JSON output.", class_="quiet") if left > 0 else None,
    )


def _row(finding: Finding, sectioned: bool) -> Markup:
    name: Piece = finding.host
    if sectioned:
        name = tag("a", finding.host, href=f"#{mark(finding)}")
    return tag(
        "tr",
        tag("td", tag("span", finding.verdict.value, class_=f"badge {finding.verdict.value}")),
        tag("td", bar(finding.score, finding.verdict), " ", probability(finding.score), class_="score"),
        tag("th", name, scope="row", class_="short" if len(finding.host) <= SHORT else None),
        tag("td", finding.organisation or ""),
        tag("td", " ".join(filter(None, spoken(finding)))),
        tag("td", finding.why),
    )


def _sources(sources: Sequence[SourceReport], problems: Sequence[str]) -> Markup:
    headings = ("Source", "Packets", "Decoded", "Left out", "Lost", "Readings", "Notes")
    rows = [
        tag(
            "tr",
            tag("th", source.source, scope="row"),
            tag("td", source.packets),
            tag("td", source.decoded),
            tag(
                "td",
                ", ".join(f"{why} {n}" for why, n in source.undecodable.items()).replace("_", " ") or "0",
            ),
            tag("td", "not told" if source.lost is None else str(source.lost)),
            tag("td", source.readings),
            tag("td", "; ".join([*source.notes, *([source.problem] if source.problem else [])])),
        )
        for source in sources[:SOURCES]
    ]
    others = [line for line in problems if line not in {source.problem for source in sources}]
    return tag(
        "section",
        tag("h2", "What was read"),
        tag("div", table(headings, rows), class_="wide"),
        tag("p", f"and {len(sources) - SOURCES} more", class_="quiet") if len(sources) > SOURCES else None,
        tag("ul", *(tag("li", line) for line in others[:SOURCES]), class_="warning") if others else None,
    )


def _methods(result: Result) -> Markup:
    words = [join(tag("dt", verdict.value), tag("dd", told)) for verdict, told in VERDICTS]
    model = (
        f"Model {result.model.get('id', 'unknown')}, features {result.model.get('schema_digest', '')[:16]}."
    )
    return tag(
        "section",
        tag("h2", "How to read this"),
        tag("dl", *words),
        tag(
            "p",
            "Scores run from 0 to 1; higher is more like mining.  Scores come from the behaviour of traffic"
            " and of power; addresses, ports and names are told as facts but not scored.  minewatch is"
            " passive: it probed nothing, resolved no name and called nobody.  Wallets and worker names are"
            " hashed unless they were asked for.",
        ),
        tag("p", model, class_="quiet"),
    )
