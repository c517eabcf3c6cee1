"""The same thing under two groups: it would stand on both sides of a split, and every number would flatter.

Two checks: files of the same content, and traffic that two sources hold (a capture and its extract,
two taps of one line).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.kernel import layout
from detector.records import ChannelWindows, Vectors
from detector.windows.channel import keys
from training import sources, store
from training.labels import Label

Mistake = tuple[Label, str]


def mistakes(labels: Sequence[Label], prints: Mapping[int, list[NDArray[np.uint64]]]) -> list[Mistake]:
    """(label, what is wrong with it), each label once.  prints: of the rows of each label, by its line."""
    found: dict[int, Mistake] = {}
    for label, text in [*_same_content(labels), *_same_traffic(labels, prints)]:
        found.setdefault(label.line, (label, text))
    return list(found.values())


def prints_of(rolled: ChannelWindows, vectors: Vectors, picked: NDArray[np.int64]) -> NDArray[np.uint64]:
    """A number of the channel, the time and the values of each picked row."""
    ids, times = keys(rolled), rolled.wide[:, [layout.FIRST_NS, layout.LAST_NS]]
    told = (ids[i] + times[i].tobytes() + vectors.values[i].tobytes() for i in picked)
    return np.frombuffer(b"".join(hashlib.blake2b(text, digest_size=8).digest() for text in told), np.uint64)


def _same_content(labels: Sequence[Label]) -> Iterator[Mistake]:
    digests = {source: list(_digests(source)) for source in dict.fromkeys(label.source for label in labels)}
    first: dict[str, Label] = {}
    for label in labels:
        for digest in digests[label.source]:
            other = first.setdefault(digest, label)
            if other.group != label.group and other.source != label.source:
                yield label, _two_groups(f"{label.source.name} has the content of", label, other)


def _same_traffic(
    labels: Sequence[Label], prints: Mapping[int, list[NDArray[np.uint64]]]
) -> Iterator[Mistake]:
    by_line = {label.line: label for label in labels}
    lines = [line for line in sorted(prints) if prints[line]]
    if not lines:
        return
    joined = [np.concatenate(prints[line]) for line in lines]
    every, of = np.concatenate(joined), np.repeat(lines, [len(one) for one in joined])
    order = np.lexsort((of, every))
    again = np.flatnonzero(every[order][1:] == every[order][:-1])
    for one, two in sorted({(int(of[order[i]]), int(of[order[i + 1]])) for i in again}):
        other, label = by_line[one], by_line[two]
        if other.group != label.group and other.source != label.source:
            yield label, _two_groups(f"{label.source.name} holds traffic of", label, other)


def _two_groups(what: str, label: Label, other: Label) -> str:
    groups = f"its group is {label.group!r}, not {other.group!r}"
    return f"{what} {other.source.name} (line {other.line}), but {groups}"


def _digests(source: Path) -> Iterator[str]:
    try:
        for path in sources.find(source).files:
            yield store.digest_of(Path(path))
    except (OSError, ValueError):  # told when it was read
        return
