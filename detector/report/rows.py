"""Cells that several tables of the report share: verdict, score, name, time."""

from __future__ import annotations

import hashlib

from detector.document import since, sureness
from detector.records import Finding, Verdict
from detector.report.markup import Markup, Piece, join, tag
from detector.text import minute, plain, probability

BAR_WIDTH, BAR_HEIGHT = 64, 8
SHORT = 40  # letters of a name that is not broken: any address fits


def mark(finding: Finding) -> str:
    """The anchor of a host's section: letters and digits, whatever the host is called."""
    told = f"{finding.kind} {finding.host}".encode("utf-8", "replace")
    return "h" + hashlib.sha256(told).hexdigest()[:16]


def badge(verdict: Verdict) -> Markup:
    """The verdict, in words and in its colour."""
    return tag("span", verdict.value, class_=f"badge {verdict.value}")


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
        aria_hidden="true",  # the number stands beside it
    )


def score(finding: Finding) -> Markup:
    """The score as a bar and as a number."""
    return tag("td", bar(finding.score, finding.verdict), " ", probability(finding.score), class_="score")


def name(finding: Finding, linked: set[int]) -> Markup:
    """The host as the heading of its row, linked to its section where it has one."""
    told: Piece = finding.host
    if id(finding) in linked:
        told = tag("a", finding.host, href=f"#{mark(finding)}")
    return tag("th", told, scope="row", class_="short" if len(finding.host) <= SHORT else None)


def when(finding: Finding) -> Markup:
    """Since when."""
    first_ns, earlier = since(finding)
    return join(
        tag("span", minute(first_ns), class_="time"),
        tag("span", " or earlier", class_="quiet") if earlier else None,
    )


def sure(finding: Finding) -> Markup:
    """A grade, its ground, the score."""
    grade, ground = sureness(finding)
    return join(
        tag("strong", grade),
        f": {ground}" if ground else None,
        tag("span", f" (score {probability(finding.score)})", class_="quiet")
        if finding.score is not None
        else None,
    )
