"""What a fuzzing process has done since its round began, kept where a crash cannot take it.

A journal is a list of steps, each a letter and its bytes.  It is written to a mapped file
before the step is taken: when the process dies, the parent reads it from there, and the
same steps taken again lead to the same end.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SIZE = 64 << 20  # bytes a round may take
_HEADER = struct.Struct("<QQ")  # steps, bytes of them
_STEP = struct.Struct("<cI")


class Step(NamedTuple):
    """One thing done to the code under test; the letters are those of `session.Session`."""

    letter: bytes
    data: bytes


class Journal:
    """The steps of one round, in a mapped file."""

    def __init__(self, path: Path) -> None:
        with path.open("wb") as file:
            file.truncate(SIZE)
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), SIZE)
        self.begin()

    def begin(self) -> None:
        """A new round: what stood there is forgotten."""
        self._steps, self._end = 0, _HEADER.size
        _HEADER.pack_into(self._map, 0, 0, self._end)

    def add(self, step: Step) -> None:
        """Writes a step down, before it is taken."""
        begin = self._end + _STEP.size
        _STEP.pack_into(self._map, self._end, step.letter, len(step.data))
        self._map[begin : begin + len(step.data)] = step.data
        self._steps, self._end = self._steps + 1, begin + len(step.data)
        _HEADER.pack_into(self._map, 0, self._steps, self._end)


def read(path: Path) -> Iterator[Step]:
    """The steps in a journal or in a file that `cut` made of one."""
    data = path.read_bytes()
    at = _HEADER.size
    for _ in range(_HEADER.unpack_from(data)[0]):
        letter, size = _STEP.unpack_from(data, at)
        at += _STEP.size
        yield Step(letter, data[at : at + size])
        at += size


def cut(path: Path, to: Path) -> None:
    """A copy of a journal without the room behind its last step."""
    with path.open("rb") as file:
        end = _HEADER.unpack(file.read(_HEADER.size))[1]
        file.seek(0)
        to.write_bytes(file.read(end))
