"""The answer first: how many, which, since when, which coin, how sure."""

from __future__ import annotations

from collections.abc import Sequence

from detector.document import counts, energy_of_mining
from detector.records import Finding, Verdict
from detector.report.markup import Markup, join, table, tag
from detector.report.rows import badge, name, sure, when
from detector.report.words import coin, several
from detector.text import grouped, number, plural

FIRST = 5  # hosts in the answer; the others stand in the list
WORDS = {
    Verdict.MINING: "called mining",
    Verdict.SUSPICIOUS: "suspicious",
    Verdict.UNDECIDED: "undecided",
    Verdict.CLEAR: "clear",
}


def summary(findings: Sequence[Finding], linked: set[int]) -> Markup:
    """The first section.  linked: ids of the findings that have a section of their own."""
    worst = [f for f in findings if f.verdict is Verdict.MINING] or [
        f for f in findings if f.verdict is Verdict.SUSPICIOUS
    ]
    return tag(
        "section",
        tag("h2", "The answer", id="answer"),
        tag("p", answer(findings), class_="answer"),
        _worst(worst, linked) if worst else None,
        tag("ul", *_tiles(findings), class_="tiles", aria_label="Verdicts, counted") if findings else None,
        _energy(findings),
        aria_labelledby="answer",
    )


def answer(findings: Sequence[Finding]) -> str:
    """One sentence that answers the question."""
    if not findings:
        return "No host or meter was seen in the data, so nothing can be said."
    counted = counts(findings)
    of = several(len(findings))
    mining, suspicious = counted[Verdict.MINING], counted[Verdict.SUSPICIOUS]
    allowed = sum(f.allowed is not None for f in findings)
    if mining:
        told = f"{grouped(mining)} of {of} {_are(mining)} mining cryptocurrency"
        told += ", as far as passive evidence can tell"
        told += f"; {grouped(suspicious)} more {_are(suspicious)} suspicious." if suspicious else "."
        return told + (f"  {grouped(allowed)} of them {_are(allowed)} allowed to." if allowed else "")
    if suspicious:
        return f"None of {of} is called mining; {grouped(suspicious)} {_are(suspicious)} suspicious."
    left = counted[Verdict.UNDECIDED]
    told = f"None of {of} looks like mining in what was seen."
    return told + (f"  {grouped(left)} could not be judged: that is no all-clear." if left else "")


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _worst(worst: Sequence[Finding], linked: set[int]) -> Markup:
    rows = [
        tag(
            "tr",
            tag("td", badge(finding.verdict)),
            name(finding, linked),
            tag("td", when(finding), class_="since"),
            tag("td", coin(finding)),
            tag("td", sure(finding)),
        )
        for finding in worst[:FIRST]
    ]
    more = len(worst) - FIRST
    caption = "What to look at first" + (f" ({grouped(more)} more below)" if more > 0 else "")
    return table(("Verdict", "Host or meter", "Since (UTC)", "Coin", "How sure"), rows, caption, "cards")


def _tiles(findings: Sequence[Finding]) -> list[Markup]:
    return [
        tag("li", tag("strong", grouped(count)), " ", WORDS[verdict], class_=f"tile {verdict.value}")
        for verdict, count in counts(findings).items()
    ]


def _energy(findings: Sequence[Finding]) -> Markup | None:
    energy = energy_of_mining(findings)
    unread = sum(f.verdict is Verdict.MINING and f.energy is None for f in findings)
    if energy.kwh is None:
        return None
    carbon = "" if energy.co2e_kg is None else f", about {number(energy.co2e_kg)} kg CO2e"
    basis = "measured" if energy.measured else "estimated"
    less = f"  Of {plural(unread, 'more host')} called mining no power was read." if unread else ""
    return join(
        tag("p", f"Hosts called mining drew {number(energy.kwh)} kWh in the data ({basis}){carbon}.{less}")
    )
