"""What was read, how to take what is told, and the card of the model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from detector.records import SourceReport, Verdict
from detector.report.card import card
from detector.report.markup import Markup, join, table, tag
from detector.text import grouped

if TYPE_CHECKING:
    from detector.pipeline import Result

SOURCES = 500
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
GRADES = (
    ("very sure", "Called mining, and words of a mining dialogue were read."),
    ("likely", "Called mining by behaviour or power: a look-alike is possible, and the card below says how"
     " often one was called so."),
    ("possible", "Suspicious."),
    ("cannot tell", "Undecided."),
)  # fmt: skip


def read(sources: Sequence[SourceReport], problems: Sequence[str]) -> Markup:
    """The section of what became of each input."""
    headings = ("Source", "Packets", "Decoded", "Left out", "Lost", "Readings", "Notes")
    rows = [
        tag(
            "tr",
            tag("th", source.source, scope="row"),
            tag("td", grouped(source.packets)),
            tag("td", grouped(source.decoded)),
            tag("td", _left_out(source)),
            tag("td", "not told" if source.lost is None else grouped(source.lost)),
            tag("td", grouped(source.readings)),
            tag("td", "; ".join([*source.notes, *([source.problem] if source.problem else [])])),
        )
        for source in sources[:SOURCES]
    ]
    others = [line for line in problems if line not in {source.problem for source in sources}]
    more = len(sources) - SOURCES
    return tag(
        "section",
        tag("h2", "What was read", id="read"),
        table(headings, rows, "Inputs, and what became of them") if rows else tag("p", "Nothing."),
        tag("p", f"and {grouped(more)} more", class_="quiet") if more > 0 else None,
        tag("ul", *(tag("li", line) for line in others[:SOURCES]), class_="warning") if others else None,
        aria_labelledby="read",
    )


def _left_out(source: SourceReport) -> str:
    return ", ".join(f"{why} {grouped(n)}" for why, n in source.undecodable.items()).replace("_", " ") or "0"


def methods(result: Result) -> Markup:
    """The section of how to read all this."""
    digest = result.model.get("schema_digest", "")[:16]
    return tag(
        "section",
        tag("h2", "How to read this", id="methods"),
        tag("h3", "Verdicts"),
        tag("dl", *_pairs((verdict.value, told) for verdict, told in VERDICTS)),
        tag("h3", "How sure"),
        tag("dl", *_pairs(GRADES)),
        tag("h3", "Methods"),
        tag(
            "p",
            "Packets are joined to channels, each between a host and a remote service, and summed up in"
            " windows of some minutes; power readings likewise.  Trained models score the behaviour of each;"
            " a third joins what is known of a host.  Scores run from 0 to 1; higher is more like mining."
            "  Addresses, ports and names are told as facts but not scored.  A score is no share of hosts"
            " that mine: in most networks mining is rarer than in what the models learned from.",
        ),
        tag(
            "p",
            "minewatch is passive: it probed nothing, resolved no name and called nobody.  Wallets and worker"
            " names are hashed unless they were asked for; no payload is kept.  This file loads nothing from"
            " anywhere and runs no script.",
        ),
        tag("h3", "Model"),
        tag("p", f"{result.model.get('id', 'unknown')}, features {digest}."),
        tag("details", tag("summary", "Model card"), *card(result.card)) if result.card else None,
        aria_labelledby="methods",
    )


def _pairs(told: Iterable[tuple[str, str]]) -> list[Markup]:
    return [join(tag("dt", term), tag("dd", words)) for term, words in told]
