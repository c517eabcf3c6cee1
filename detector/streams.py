"""One input as a stream of plain bytes: a file, a pipe or standard input, opened once.

Owns opening, unpacking, a head that can be looked at before anything is consumed (what is
read from a pipe is gone), and the one line that says what is wrong.  Nothing is mapped, so
memory does not depend on the size of a file (measured: reads of 1 MiB beat mmap, whose page
faults follow a chain of dependent loads).
"""

from __future__ import annotations

import io
import os
import re
import stat
from contextlib import nullcontext
from types import TracebackType
from typing import Any, Final, Self

from detector.compression import CompressionError, Unpacked, codec_of
from detector.interrupts import Interrupts
from detector.settings import InputSettings

HEAD_BYTES: Final = 4096
MAGIC_BYTES: Final = 4
STDIN: Final = "/dev/stdin"
_DESCRIPTOR: Final = re.compile(r"/dev/stdin|/dev/fd/(\d+)|/proc/self/fd/(\d+)")
_DEFAULTS: Final = InputSettings()


class StreamError(ValueError):
    """An input that cannot be read (further): one line, `path: what (offset N)`."""


class Stream(io.RawIOBase):
    """Plain bytes of one input, in order; compressed ones unpacked."""

    def __init__(self, path: str, raw: _Raw, limits: InputSettings) -> None:
        """See `open_stream`."""
        self.path = path
        self.problem: str | None = None  # one line: why it ended before its end, see `end_at_damage`
        self._raw = raw
        self._enduring = False
        self._interrupts: Interrupts | None = None
        self._ahead = bytearray()  # looked at, and not read yet
        self.codec = codec_of(raw.look())
        self._plain: _Raw | Unpacked = Unpacked(raw, self.codec, limits) if self.codec else raw

    @property
    def position(self) -> int:
        """Bytes of the input that were taken, as they lie."""
        return self._plain.position

    @property
    def n_bytes(self) -> int:
        """Size of the input as it lies, when it was opened; 0 = not known."""
        return self._raw.n_bytes

    @property
    def is_file(self) -> bool:
        """Whether it can be opened again, and any place of it reached."""
        return self._raw.is_file

    @property
    def grew(self) -> int:
        """Bytes that were added since it was opened, and are not read."""
        return self._raw.grew

    def readable(self) -> bool:
        return True

    def end_at_damage(self) -> None:
        """From now on damage ends the stream as its end would, and `problem` says what it was."""
        self._enduring = True

    def end_at_interrupt(self, interrupts: Interrupts) -> None:
        """From now on an interrupt ends the stream as its end would, and `problem` says so."""
        self._interrupts = interrupts

    @property
    def interrupted(self) -> bool:
        """Whether an interrupt ends it here; `problem` says so."""
        asked = self._interrupts is not None and self._interrupts.asked
        if asked:
            self.problem = self.problem or f"{self.path}: interrupted (offset {self.position})"
        return asked

    def look(self, n: int = HEAD_BYTES) -> bytes:
        """Some more bytes, at most n, which are read all the same; empty at the end.  Raises StreamError."""
        room = bytearray(n)
        more = room[: self._read(memoryview(room))]
        self._ahead += more
        return bytes(more)

    def head(self, n: int = HEAD_BYTES, least: int | None = None) -> bytes:
        """The first n bytes, or all there are.  For before the first read.

        Of a pipe: what it gives first, if that is at least `least` (a magic number).  Raises
        StreamError where there is not a single byte.
        """
        least = n if self.is_file else least or MAGIC_BYTES
        try:
            while len(self._ahead) < least and self.look(n - len(self._ahead)):
                pass
        except StreamError:
            if not self._ahead:
                raise  # else reading on meets it again
        return bytes(self._ahead[:n])

    def readinto(self, room: Any, /) -> int:
        """Some bytes, without more waiting than for the first of them; 0 at the end.  Raises StreamError."""
        view = memoryview(room).cast("B")
        if not self._ahead:
            return self._read(view)
        n = min(len(view), len(self._ahead))
        view[:n] = self._ahead[:n]
        del self._ahead[:n]
        return n

    def _read(self, view: memoryview) -> int:
        try:
            with self._interrupts.waiting() if self._interrupts else nullcontext():
                return self._plain.readinto(view)
        except KeyboardInterrupt:
            if not self.interrupted:
                raise
            return 0
        except CompressionError as error:
            return self._damaged(StreamError(f"{self.path}: {error}"))
        except OSError as error:
            return self._damaged(StreamError(f"{self.path}: {reason(error)} (offset {self.position})"))

    def _damaged(self, error: StreamError) -> int:
        if not self._enduring:
            raise error
        self.problem = self.problem or str(error)
        return 0

    def close(self) -> None:
        """Closes the file."""
        self._raw.close()
        super().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_stream(path: str, limits: InputSettings = _DEFAULTS) -> Stream:
    """Opens an input; where a pipe has no writer yet, waits for one.  Raises StreamError."""
    return Stream(path, _Raw(path), limits)


class _Raw:
    """The bytes as they lie.  A file that grows is read as far as it went when it was opened."""

    def __init__(self, path: str) -> None:
        try:
            self._file = os.fdopen(_opened(path), "rb", buffering=0)
        except OSError as error:
            raise StreamError(f"{path}: {reason(error)} (offset 0)") from error
        self._path = path
        about = os.fstat(self._file.fileno())
        self.is_file = stat.S_ISREG(about.st_mode)
        self.n_bytes = about.st_size if self.is_file else 0
        self.position = 0
        self._looked = b""

    @property
    def grew(self) -> int:
        return max(0, os.fstat(self._file.fileno()).st_size - self.n_bytes) if self.n_bytes else 0

    def look(self) -> bytes:
        """The first bytes, from where the kind of packing can be told; they are read all the same."""
        try:
            while len(self._looked) < MAGIC_BYTES and (more := self._file.read(HEAD_BYTES)):
                self._looked += more
        except OSError as error:
            self._file.close()
            raise StreamError(f"{self._path}: {reason(error)} (offset 0)") from error
        return self._looked

    def read(self, n: int) -> bytes:
        room = bytearray(n)
        return bytes(room[: self.readinto(memoryview(room))])

    def readinto(self, room: memoryview) -> int:
        if self.n_bytes:
            room = room[: max(0, self.n_bytes - self.position)]
        if self._looked:
            n = min(len(self._looked), len(room))
            room[:n] = self._looked[:n]
            self._looked = self._looked[n:]
        else:
            n = self._file.readinto(room) or 0
        self.position += n
        return n

    def close(self) -> None:
        self._file.close()


def _opened(path: str) -> int:
    """A descriptor of a file, pipe or socket.  Raises OSError, StreamError."""
    if "\0" in path:
        raise StreamError(f"{path!r}: no name of a file (offset 0)")
    mode = os.stat(path).st_mode  # noqa: PTH116  the text of the path is what the user gave
    if what := not_read(mode):
        raise StreamError(f"{path}: {what} (offset 0)")
    number = _DESCRIPTOR.fullmatch(path)
    if number and not stat.S_ISREG(mode):  # one's own pipe or socket: Linux opens no socket anew
        return os.dup(int(number[1] or number[2] or 0))
    if stat.S_ISSOCK(mode):
        raise StreamError(f"{path}: a socket, not a file (offset 0)")
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def not_read(mode: int) -> str:
    """Why what has this mode is not opened; empty for a file, a pipe or a socket."""
    if stat.S_ISDIR(mode):
        return "is a folder"
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        return "a device, not a file"
    return ""


def reason(error: OSError) -> str:
    """What the system says, in lower case."""
    if isinstance(error, FileNotFoundError):
        return "no such file"
    return (error.strerror or "cannot be read").lower()
