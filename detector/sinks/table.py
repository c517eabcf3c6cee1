"""`--format table`: findings for people, worst first, with a closing line that adds up.

Colour and width come from the context, which knows whether a terminal is looking.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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


Cell = Callable[[Finding], str]


@dataclass(frozen=True, slots=True)
class Column:
    """What stands in a column.  Cells are made for its width and again for its rows: the texts of a
    hundred thousand hosts are not held."""

    cell: Cell
    width: int

    def padded(self, text: str) -> str:
        """A text of the column, as wide as all of them."""
        return text + " " * (self.width - cells(text))

    def cut(self, width: int) -> Column:
        """The column, no wider than `width`."""
        return Column(lambda finding: _cut(self.cell(finding), width), min(self.width, width))


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
    columns = _fitting(_columns(findings, context), findings, context.width)
    taken = _taken(columns)
    heading = GAP.join(column.padded(heading) for heading, column in columns.items())
    yield from _lines(heading + GAP, taken, "WHY", context.width)
    for finding in findings:
        row = {heading: column.padded(column.cell(finding)) for heading, column in columns.items()}
        host = row["HOST"].rstrip()
        if context.colour:
            row["VERDICT"] = COLOUR[finding.verdict] + row["VERDICT"] + PLAIN
        yield from _lines(GAP.join(row.values()) + GAP, taken, _why(finding, host), context.width)


def _fitting(columns: dict[str, Column], findings: Sequence[Finding], width: int | None) -> dict[str, Column]:
    """The columns, without what there is no room for."""
    columns = dict(columns)

    def too_wide() -> bool:
        return width is not None and width < _taken(columns) - len(GAP)

    if too_wide():
        columns.pop("ORGANISATION", None)
    for heading, narrow in NARROWED.items():
        if heading in columns and too_wide():
            columns[heading] = columns[heading].cut(narrow)
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


def _columns(findings: Sequence[Finding], context: Context) -> dict[str, Column]:
    """By heading; without columns that say nothing."""
    told: dict[str, Cell] = {
        "VERDICT": lambda f: f.verdict.value + ", allowed" * (f.allowed is not None),
        "SCORE": lambda f: probability(f.score),
        "SURE": lambda f: sureness(f)[0] if f.verdict in ACCUSED else "",
        **(_scores(findings) if (context.width or 0) >= WIDE else {}),
        "HOST": lambda f: _cut(f.host, WIDEST["HOST"]),
        "ORGANISATION": lambda f: _cut(f.organisation or "", WIDEST["ORGANISATION"]),
        "COIN": lambda f: _cut(_coin(f), WIDEST["COIN"]),
        "SINCE (UTC)": lambda f: minute(since(f)[0]),
    }
    columns = {heading: Column(cell, max(map(cells, map(cell, findings)))) for heading, cell in told.items()}
    return {
        heading: replace(column, width=max(column.width, len(heading)))
        for heading, column in columns.items()
        if column.width
    }


def _coin(finding: Finding) -> str:
    """`XMR cryptonote`; of who is accused and spoke of none that it is not known."""
    told = " ".join(filter(None, spoken(finding)))
    return told or ("not known" if finding.verdict in ACCUSED else "")


def _scores(findings: Sequence[Finding]) -> dict[str, Cell]:
    """What traffic alone and power alone say, where any host has both beside the fused score."""
    if all(f.power_score is None or f.network_score is None for f in findings):
        return {}
    return {
        "NETWORK": lambda f: probability(f.network_score),
        "POWER": lambda f: probability(f.power_score),
    }


def _taken(columns: Mapping[str, Column]) -> int:
    """Width of the columns with the gaps behind them."""
    return sum(column.width + len(GAP) for column in columns.values())


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
