"""The page as a whole: the answer, organisations, hosts in tables and one by one, methods."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from detector import __version__
from detector.document import Context
from detector.records import Finding, Verdict
from detector.report.host import host
from detector.report.markup import Markup, join, tag
from detector.report.methods import methods, read
from detector.report.organisations import organisations
from detector.report.ranking import ranking
from detector.report.summary import summary
from detector.text import minute

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detector.pipeline import Result
    from detector.rollup import Rollup

STYLE = Path(__file__).parent.parent / "data" / "report.css"
SECTIONS = 300  # hosts with a section of their own
PARTS = {
    "answer": "The answer",
    "hosts": "Hosts and meters",
    "organisations": "By organisation",
    "one-by-one": "One by one",
    "read": "What was read",
    "methods": "How to read this",
}


def page(result: Result, context: Context, rollup: Rollup) -> str:
    """The report of `result`, whose findings are worst first, as one HTML document."""
    told = [f for f in result.findings if f.evidence or (f.verdict is not Verdict.CLEAR and f.score)]
    told = told[:SECTIONS]
    linked = {id(finding) for finding in told}
    body = join(
        tag("a", "Skip to the answer", href="#answer", class_="skip"),
        tag("header", tag("h1", "minewatch report"), _span(result.findings, context)),
        _navigation(bool(told)),
        tag(
            "main",
            _warning(result),
            summary(result.findings, linked),
            ranking(result.findings, linked),
            organisations(rollup),
            _one_by_one(told),
            read(result.sources, result.problems),
            methods(result),
        ),
        tag("footer", tag("p", f"minewatch {__version__}.  This page is one file and loads nothing.")),
    )
    return "<!DOCTYPE html>\n" + tag("html", _head(), tag("body", body), lang="en").html + "\n"


def _head() -> Markup:
    style = STYLE.read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", "minewatch report"),
        tag("style", Markup(style)),
    )


def _span(findings: Sequence[Finding], context: Context) -> Markup:
    told = ["All times are UTC."]
    if findings:
        first, last = min(f.first_ns for f in findings), max(f.last_ns for f in findings)
        told.insert(0, f"Data from {minute(first)} to {minute(last)}.")
    if context.made_ns is not None:
        told.append(f"Written {minute(context.made_ns)}.")
    return tag("p", " ".join(told), class_="quiet")


def _navigation(sections: bool) -> Markup:
    links = [
        tag("li", tag("a", words, href=f"#{name}"))
        for name, words in PARTS.items()
        if sections or name != "one-by-one"
    ]
    return tag("nav", tag("ul", *links), aria_label="Parts of this report")


def _warning(result: Result) -> Markup | None:
    if not result.interrupted:
        return None
    return tag("p", "The run was interrupted: this is what was known by then.", class_="warning")


def _one_by_one(told: Sequence[Finding]) -> Markup | None:
    if not told:
        return None
    return tag(
        "section",
        tag("h2", "One by one", id="one-by-one"),
        *(host(finding) for finding in told),
        aria_labelledby="one-by-one",
    )
