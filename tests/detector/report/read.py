"""The report of findings made by hand, and a parser that refuses what the report never writes."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np

from detector.document import Context
from detector.hosts import Assets
from detector.pipeline import Result
from detector.previous import Previous
from detector.records import Finding, Steps
from detector.report.page import page
from detector.rollup import of_result
from tests.detector.sinks.samples import MODEL, TEN, source

VOID = {"meta", "rect", "line", "path"}
TAGS = VOID | {
    "html", "head", "title", "style", "body", "main", "header", "footer", "nav", "section", "article",
    "h1", "h2", "h3", "h4", "p", "ul", "li", "dl", "dt", "dd", "div", "span", "strong", "a", "table",
    "caption", "thead", "tbody", "tr", "th", "td", "details", "summary", "figure", "figcaption", "svg",
    "desc", "text",
}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "http-equiv", "content", "name", "class", "id", "href", "scope", "viewbox", "open",
    "width", "height", "rx", "role", "aria-label", "aria-labelledby", "aria-hidden", "tabindex", "d", "x",
    "y", "x1", "x2", "y1", "y2", "text-anchor",
}  # fmt: skip


class Strict(HTMLParser):
    """Refuses what is not balanced, and any tag or attribute that the report does not use."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        assert name in TAGS, name
        self.tags.append(name)
        for key, value in attributes:
            assert key in ATTRIBUTES, key
            if key == "id":
                self.ids.append(value or "")
            if key == "href":
                self.links.append(value or "")
        if name not in VOID:
            self.open.append(name)

    def handle_endtag(self, name: str) -> None:
        if name not in VOID:
            assert self.open.pop() == name

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text.append(data)


def result(findings: list[Finding], **changes: object) -> Result:
    """A run that gave `findings`."""
    told = {"sources": [source()], "problems": [], "model": MODEL, "assets": Assets()} | changes
    return Result(findings, **told)  # type: ignore[arg-type]


def html(findings: list[Finding], previous: Previous | None = None, **changes: object) -> str:
    """The report of `findings`."""
    run = result(findings, **changes)
    return page(run, Context(model=MODEL, made_ns=TEN), of_result(run, 0.473, previous))


def read(findings: list[Finding], **changes: object) -> tuple[str, Strict]:
    """The report of `findings`, and what the parser found in it."""
    told = html(findings, **changes)
    parser = Strict()
    parser.feed(told)
    parser.close()
    assert parser.open == []
    return told, parser


def traffic(n: int = 12) -> Steps:
    """Five-minute steps in one of which nothing was seen."""
    messages = np.linspace(20, 40, n)
    messages[n // 2] = np.nan
    score = np.where(np.isnan(messages), np.nan, 0.9)
    return Steps(TEN, 300_000_000_000, {"messages": messages, "pushes": messages // 2, "score": score})


def drawn(n: int = 48) -> Steps:
    """Hours of a load that comes half-way."""
    mean = np.where(np.arange(n) < n // 2, 100.0, 1_600.0)
    return Steps(TEN, 3_600_000_000_000, {"mean": mean, "low": mean - 20, "high": mean + 20})
