"""A model card's Markdown as HTML: headings, lists, tables and paragraphs, and nothing else.

The card comes with a bundle, whoever made it: its text is escaped like a capture's.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from detector.report.markup import Markup, table, tag

MOST_LINES = 600
_EMPHASIS = re.compile(r"\*\*|`")


def card(markdown: str) -> Iterator[Markup]:
    """Blocks of the card, in order, without its title."""
    lines = [_EMPHASIS.sub("", line) for line in markdown.splitlines()[:MOST_LINES]]
    heading = "The model"
    for kind, block in itertools.groupby(lines, _kind):
        told = list(block)
        if kind == "#":
            heading = told[-1].lstrip("# ")
            yield from (tag("h4", line.lstrip("# ")) for line in told if line.startswith("##"))
        elif kind == "|":
            yield _table(told, heading)
        elif kind == "-":
            yield tag("ul", *(tag("li", item) for item in _items(told)))
        elif kind == "p":
            yield tag("p", " ".join(told))


def _kind(line: str) -> str:
    if line.startswith(("#", "|")):
        return line[0]
    if line.startswith(("- ", "  ")):
        return "-"
    return "p" if line.strip() else ""


def _items(lines: list[str]) -> list[str]:
    """Items of a list, their continued lines joined."""
    items: list[str] = []
    for line in lines:
        if line.startswith("- ") or not items:
            items.append(line.removeprefix("- ").strip())
        else:
            items[-1] += " " + line.strip()
    return items


def _table(lines: list[str], heading: str) -> Markup:
    first, *rest = ([cell.strip() for cell in line.strip("| ").split("|")] for line in lines)
    rows = [
        tag("tr", *(tag("td", cell) for cell in cells))
        for cells in rest
        if not all(set(cell) <= set("-: ") for cell in cells)
    ]
    return table(first, rows, f"{heading}, in numbers")
