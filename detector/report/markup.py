"""HTML that cannot be injected into: text is escaped unless it is already `Markup`."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import NamedTuple

from detector.text import printable

VOID = frozenset({"meta", "rect", "line", "path"})


class Markup(NamedTuple):
    """A piece of finished HTML."""

    html: str


Piece = Markup | str | int | None


def tag(name: str, /, *children: Piece, **attributes: Markup | str | float | None) -> Markup:
    """`<name attributes>children</name>`; a trailing `_` of an attribute's name is dropped, `_` is `-`.

    `name` and the names of attributes are ours, never a capture's; everything else may be hostile,
    but what is `Markup` already: made here, of numbers and words that were escaped.
    """
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_piece(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID:
        return Markup(f"<{name}{told}/>" if name != "meta" else f"<{name}{told}>")
    return Markup(f"<{name}{told}>{join(*children).html}</{name}>")


def join(*children: Piece) -> Markup:
    """Pieces one after the other; None is nothing."""
    return Markup("".join(_piece(child) for child in children if child is not None))


def table(headings: Iterable[str], rows: Iterable[Markup], caption: str, class_: str | None = None) -> Markup:
    """A table with a row of column headings, wide ones to be scrolled sideways, by keyboard too."""
    head = tag("tr", *(tag("th", heading, scope="col") for heading in headings))
    whole = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", *rows), class_=class_)
    return tag("div", whole, class_="wide", tabindex=0, role="group", aria_label=caption)


def _piece(child: Piece | float) -> str:
    return child.html if isinstance(child, Markup) else _escaped(child)


def _escaped(value: object) -> str:
    return html.escape(printable(value, 2000), quote=True)
