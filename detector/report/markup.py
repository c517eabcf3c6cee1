"""HTML that cannot be injected into: text is escaped unless it is already `Markup`."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import NamedTuple

from detector.text import printable

VOID = frozenset({"meta", "rect", "line"})


class Markup(NamedTuple):
    """A piece of finished HTML."""

    html: str


Piece = Markup | str | int | None


def tag(name: str, /, *children: Piece, **attributes: str | float | None) -> Markup:
    """`<name attributes>children</name>`; a trailing `_` of an attribute's name is dropped, `_` is `-`.

    `name` and the names of attributes are ours, never a capture's; everything else may be hostile.
    """
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_escaped(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID:
        return Markup(f"<{name}{told}/>" if name != "meta" else f"<{name}{told}>")
    return Markup(f"<{name}{told}>{join(*children).html}</{name}>")


def join(*children: Piece) -> Markup:
    """Pieces one after the other; None is nothing."""
    return Markup("".join(_piece(child) for child in children if child is not None))


def table(headings: Iterable[str], rows: Iterable[Markup]) -> Markup:
    """A table with a row of column headings."""
    head = tag("tr", *(tag("th", heading, scope="col") for heading in headings))
    return tag("table", tag("thead", head), tag("tbody", *rows))


def _piece(child: Piece) -> str:
    return child.html if isinstance(child, Markup) else _escaped(child)


def _escaped(value: object) -> str:
    return html.escape(printable(value, 2000), quote=True)
