"""A capture file that is still being written.

Whoever writes it may append, start it anew (truncate it), or put another file in its
place; what is there is read, and a record that is not whole yet waits for its rest.  A named
pipe is read as its writers come and go, each with a capture of its own, and never waited for.  A
file that is overwritten in place with the same or a larger size between two reads cannot
be told from one that grew.
"""

from __future__ import annotations

import fcntl
import os
import stat
import sys
import termios
from enum import Enum, auto
from pathlib import Path

from detector.streams import STDIN


class Event(Enum):
    """What reading a followed file came to, when it was not bytes."""

    NOTHING = auto()  # no more for now
    REPLACED = auto()  # what comes next is the beginning of another file
    ENDED = auto()  # nothing will ever come: whoever wrote to standard input has gone


class FollowedFile:
    """Bytes of a path, in order, as they are written."""

    def __init__(self, path: str) -> None:
        """The file need not be there yet.  Raises OSError when it is and cannot be read."""
        self.path = path
        self._file: int | None = None
        self._position = 0
        self._is_pipe = False
        self._writer_left = False
        self._open()

    def _open(self) -> bool:
        try:
            file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # no writer yet: no wait
        except FileNotFoundError:
            return False
        self.close()
        self._file, self._position = file, 0
        self._is_pipe = not stat.S_ISREG(os.fstat(file).st_mode)
        return True

    def read_into(self, room: memoryview) -> int | Event:
        """Bytes read into `room` (at least 1), or why there are none.  Raises OSError."""
        if self._file is None and not self._open():
            return Event.NOTHING
        assert self._file is not None
        if self._is_pipe:
            return self._read_pipe(self._file, room)
        if os.fstat(self._file).st_size < self._position:  # truncated: begin anew
            os.lseek(self._file, 0, os.SEEK_SET)
            self._position = 0
            return Event.REPLACED
        n = os.readv(self._file, [room])
        self._position += n
        if n:
            return n
        return Event.REPLACED if self._replaced() and self._open() else Event.NOTHING

    def _read_pipe(self, file: int, room: memoryview) -> int | Event:
        if self._writer_left and _waiting(file):
            self._writer_left = False
            return Event.REPLACED
        try:
            n = os.readv(file, [room])
        except BlockingIOError:  # somebody writes, and nothing is there
            return Event.NOTHING
        self._position += n
        if not n and self.path == STDIN:
            return Event.ENDED
        self._writer_left = not n and self._position > 0
        return n or Event.NOTHING

    def _replaced(self) -> bool:
        """Whether the path leads to another file now; a file that was only removed is kept."""
        assert self._file is not None
        try:
            now, before = Path(self.path).stat(), os.fstat(self._file)
        except FileNotFoundError:
            return False
        return (now.st_dev, now.st_ino) != (before.st_dev, before.st_ino)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _waiting(pipe: int) -> bool:
    """Whether a pipe holds bytes."""
    told = fcntl.ioctl(pipe, termios.FIONREAD, bytes(4))
    return int.from_bytes(told, sys.byteorder) > 0
