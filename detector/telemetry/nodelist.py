"""Slurm's lists of nodes -> names: `n[001-004,7],login1` is n001, n002, n003, n004, n7 and login1.

Source: Slurm's hostlist expressions (`man scontrol`, "show hostnames").  Several brackets in one name
(`rack[1-2]n[01-32]`) are all combinations; a number is as wide as the first of its range.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST: Final = 65_536  # names of one list; the largest clusters have fewer nodes
_ITEM: Final = re.compile(r"(?:[^\[\],\s]|\[[0-9,-]+\])+")
_PIECE: Final = re.compile(r"\[([0-9,-]+)\]|([^\[\],\s]+)")
_RANGE: Final = re.compile(r"([0-9]{1,12})(?:-([0-9]{1,12}))?")


class NodeListError(ValueError):
    """No list of nodes, or of more than are taken; says which."""


def expand(text: str, most: int = MOST) -> list[str]:
    """The names, in the order of the list; at least one.  Raises NodeListError.

    Nothing larger than `most` names is made on the way, whatever the ranges say.
    """
    names: list[str] = []
    for item in _items(text):
        made = [""]
        for piece in _PIECE.finditer(item):
            parts = list(_numbers(piece[1], most)) if piece[1] else [piece[2]]
            if len(made) * len(parts) + len(names) > most:
                raise NodeListError(f"more than {most} nodes")
            made = [begin + part for begin in made for part in parts]
        names += made
    return names


def _items(text: str) -> Iterator[str]:
    """What stands between the commas outside of brackets."""
    at = 0
    while True:
        item = _ITEM.match(text, at)
        if item is None:
            raise NodeListError("no list of nodes")
        yield item[0]
        at = item.end()
        if at == len(text):
            return
        if text[at] != ",":
            raise NodeListError("no list of nodes")
        at += 1


def _numbers(ranges: str, most: int) -> Iterator[str]:
    left = most
    for one in ranges.split(","):
        found = _RANGE.fullmatch(one)
        if found is None:
            raise NodeListError("a bracket without its ranges")
        low, high = int(found[1]), int(found[2] or found[1])
        if high < low:
            raise NodeListError("a range that ends before it begins")
        left -= high - low + 1
        if left < 0:
            raise NodeListError(f"more than {most} nodes")
        yield from (f"{number:0{len(found[1])}}" for number in range(low, high + 1))
