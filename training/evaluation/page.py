"""docs/evaluation.md as a page of sections: each under a marker that says of what it was measured.

One section can be measured anew and take its old place; the table at the head says of which bundle, or of
which code of the recipe, each one is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from training.evaluation import tables

MARKER = re.compile(r"^<!-- section (?P<name>[a-z-]+), of (?P<of>[^<>\n]+) -->\n", re.M)
HEAD = """# Evaluation

Written by `make evaluation`. Captures are scored one by one by `minewatch score`'s own code. Bounds are
95 %, Clopper-Pearson for counts; where it says groups, whole groups (sources, families, sites) were
drawn anew: hosts of a capture and windows of a channel are alike, **the effective n is the number of
groups**. Tables say what is *recorded* and what is *simulated*; no claim rests on the simulated alone.

Sections are measured one by one. *Bundle*: of that shipped bundle, by its digest. *Recipe*: of models
fitted anew by its code.
"""


@dataclass(frozen=True, slots=True)
class Part:
    """A section as it stands on the page; `of`: what it was measured of."""

    of: str
    text: str


def parts(page: str) -> dict[str, Part]:
    """The sections of a page, by name; nothing of one that has no markers."""
    marks = list(MARKER.finditer(page))
    ends = [*(mark.start() for mark in marks[1:]), len(page)][: len(marks)]
    return {
        mark["name"]: Part(mark["of"], page[mark.end() : end].strip())
        for mark, end in zip(marks, ends, strict=True)
    }


def text(known: Mapping[str, Part], order: Iterable[str]) -> str:
    """The page with the sections that are known, in order; the table says which are not measured."""
    names = list(order)
    rows = [[name, known[name].of if name in known else "**not measured**"] for name in names]
    listed = [f"<!-- section {n}, of {known[n].of} -->\n{known[n].text}" for n in names if n in known]
    return "\n\n".join([HEAD + "\n" + tables.table(["section", "measured of"], rows), *listed]) + "\n"
