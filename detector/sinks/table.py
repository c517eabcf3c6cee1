"""`--format table`: findings for people, worst first, with a closing line that adds up.

Colour and width come from the context, which knows whether a terminal is looking.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TextIO

from detector.document import Context, counts, energy_of_mining, since, spoken, sureness
from detector.records import Finding, Verdict
from detector.text import cells, grouped, minute, number, plural, printable, probability

COLOUR = {
    Verdict.MINING: "\x1b[1;31m",
    Verdict.SUSPICIOUS: "\x1b[33m",
    Verdict.UNDECIDED: "\x1b[36m",
    Verdict.CLEAR: "\x1b[32m",
}
PLAIN = "\x1b[0m"
GAP = "  "
WIDEST = {"HOST": 40, "ORGANISATION": 24, "COIN": 24}
NARROWED = {
    "COIN": 9,
    "HOST": 15,
}  # in this order they are cut where a terminal is too narrow: an IPv4 address fits
DISPENSABLE = ("SURE", "SCORE", "COIN")  # then these go; verdict, host and since when stay
ACCUSED = (Verdict.MINING, Verdict.SUSPICIOUS)
NARROWEST_WHY = 28  # columns; with less, the reason goes on a line of its own
INDENT = 4
WIDE = 160  # columns of a terminal from which the scores of traffic and power alone have room


class Table:
    """One row a finding; columns that would be empty are left out."""

    name = "table"

    def write(self, findings: Sequence[Finding], stream: TextIO, context: Context) -> None:
        """Wraps reasons at `context.width`; without a width they stay on one line."""
        if findings:
            for line in _rows(findings, context):
                stream.write(line.rstrip() + "\n")
            stream.write("\n")
            stream.writelines(line + "\n" for line in _first(findings, context.width))
        stream.write(summary([*findings, *context.hidden], len(context.hidden)) + "\n")


def _rows(findings: Sequence[Finding], context: Context) -> Iterator[str]:
    """The lines of the table, the headings first."""
    columns = _fitting(
        {heading: _padded(column) for heading, column in _columns(findings, context).items()}, context.width
    )
    taken = _taken(columns)
    if context.colour:
        heading, *words = columns["VERDICT"]
        coloured = (COLOUR[f.verdict] + word + PLAIN for f, word in zip(findings, words, strict=True))
        columns["VERDICT"] = [heading, *coloured]
    hosts = [host.rstrip() for host in columns["HOST"][1:]]
    reasons = itertools.chain(["WHY"], map(_why, findings, hosts))
    for *row, why in zip(*columns.values(), reasons, strict=True):
        yield from _lines(GAP.join(row) + GAP, taken, why, context.width)


def _fitting(columns: dict[str, list[str]], width: int | None) -> dict[str, list[str]]:
    """The padded columns, without what there is no room for."""
    columns = dict(columns)

    def too_wide() -> bool:
        return width is not None and width < _taken(columns) - len(GAP)

    if too_wide():
        columns.pop("ORGANISATION", None)
    for heading, narrow in NARROWED.items():
        if heading in columns and too_wide():
            columns[heading] = _padded([_cut(cell.rstrip(), narrow) for cell in columns[heading]])
    for heading in DISPENSABLE:
        if too_wide():
            columns.pop(heading, None)
    return columns


def _why(finding: Finding, host: str) -> str:
    """The reason, and who reported the host, too; before it the whole name, where `host` is cut."""
    told = finding.why
    if finding.tips:
        newest = finding.tips[0]
        more = f" (+{len(finding.tips) - 1} more)" if len(finding.tips) > 1 else ""
        told = f"{told}; reported by {newest.source}: {newest.text}{more}"
    whole = printable(finding.host)
    return printable(told) if host == whole.rstrip() else f"{whole}: {printable(told)}"


def _first(findings: Sequence[Finding], width: int | None) -> list[str]:
    """Which host to inspect first, and why; nothing where none is accused that may not."""
    accused = next((f for f in findings if f.verdict in ACCUSED and f.allowed is None), None)
    if accused is None:
        return []
    grade, ground = sureness(accused)
    reports = len({tip.source for tip in accused.tips})
    reported = f", reported by {plural(reports, 'source')}" if reports else ""
    began_ns, earlier = since(accused)
    told = (
        f"look first at {accused.host}: {accused.verdict.value} since {minute(began_ns)} UTC"
        f"{' or earlier' * earlier}, {grade}{reported}: {ground or accused.why}"
    )
    return [printable(told)] if width is None else wrap(printable(told), width)


def _columns(findings: Sequence[Finding], context: Context) -> dict[str, list[str]]:
    """Heading -> cells, the heading itself first; without columns that say nothing."""
    columns = {
        "VERDICT": [f.verdict.value + ", allowed" * (f.allowed is not None) for f in findings],
        "SCORE": [probability(f.score) for f in findings],
        "SURE": [sureness(f)[0] if f.verdict in ACCUSED else "" for f in findings],
        **(_scores(findings) if (context.width or 0) >= WIDE else {}),
        "HOST": [_cut(f.host, WIDEST["HOST"]) for f in findings],
        "ORGANISATION": [_cut(f.organisation or "", WIDEST["ORGANISATION"]) for f in findings],
        "COIN": [_cut(_coin(f), WIDEST["COIN"]) for f in findings],
        "SINCE (UTC)": [minute(since(f)[0]) for f in findings],
    }
    return {heading: [heading, *column] for heading, column in columns.items() if any(column)}


def _coin(finding: Finding) -> str:
    """`XMR cryptonote`; of who is accused and spoke of none that it is not known."""
    told = " ".join(filter(None, spoken(finding)))
    return told or ("not known" if finding.verdict in ACCUSED else "")


def _scores(findings: Sequence[Finding]) -> dict[str, list[str]]:
    """What traffic alone and power alone say, where any host has both beside the fused score."""
    if all(f.power_score is None or f.network_score is None for f in findings):
        return {}
    return {
        "NETWORK": [probability(f.network_score) for f in findings],
        "POWER": [probability(f.power_score) for f in findings],
    }


def _padded(column: list[str]) -> list[str]:
    """The cells of a column, all as wide as the widest; most columns hold few different ones."""
    widths = {text: cells(text) for text in set(column)}
    widest = max(widths.values())
    padded = {text: text + " " * (widest - width) for text, width in widths.items()}
    return [padded[text] for text in column]


def _taken(columns: dict[str, list[str]]) -> int:
    """Width of padded columns with the gaps behind them."""
    return sum(cells(column[0]) + len(GAP) for column in columns.values())


def _cut(text: str, width: int) -> str:
    """At most `width` columns of `text`."""
    text = printable(text)
    if cells(text) <= width:
        return text
    while cells(text) > width - 1:
        text = text[:-1]
    return text + "…"


def _lines(start: str, taken: int, why: str, width: int | None) -> list[str]:
    """A row of the table: `start`, which takes `taken` columns, and the reason beside or below it."""
    if width is None:
        return [start + why]
    if width - taken < NARROWEST_WHY:
        return [start, *(" " * INDENT + line for line in wrap(why, width - INDENT))]
    first, *others = wrap(why, width - taken)
    return [start + first, *(" " * taken + line for line in others)]


def wrap(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` columns, broken at spaces, or anywhere in longer words."""
    step = max(1, width if text.isascii() else width // 2)  # letters of any width that surely fit
    lines = [""]
    for word in text.split():
        pieces = [word] if cells(word) <= width else [word[i : i + step] for i in range(0, len(word), step)]
        for piece in pieces:
            longer = f"{lines[-1]} {piece}".lstrip()
            if cells(longer) <= width:
                lines[-1] = longer
            else:
                lines.append(piece)
    return lines if lines[0] or len(lines) == 1 else lines[1:]


def summary(findings: Sequence[Finding], hidden: int = 0) -> str:
    """`53 hosts: 2 mining, 0 suspicious, 1 undecided, 50 clear; ...` in one line."""
    kinds = Counter(finding.kind for finding in findings)
    kinds["ip"] += kinds["asset"]
    named = (("ip", "host"), ("meter", "meter"), ("feeder", "feeder"))
    nouns = [plural(kinds[kind], noun) for kind, noun in named if kinds[kind]]
    told = ", ".join(f"{grouped(count)} {verdict.value}" for verdict, count in counts(findings).items())
    allowed = sum(finding.allowed is not None for finding in findings)
    told += f"; {grouped(allowed)} allowed" if allowed else ""
    line = f"{' and '.join(nouns) or '0 hosts'}: {told}"
    energy = energy_of_mining(findings)
    if energy.kwh is not None:
        carbon = "" if energy.co2e_kg is None else f" ({number(energy.co2e_kg)} kg CO2e)"
        basis = "measured" if energy.measured else "estimated"
        line += f"; mining drew {number(energy.kwh)} kWh{carbon}, {basis}"
    if hidden:
        line += f"; {grouped(hidden)} not listed"
    return line
