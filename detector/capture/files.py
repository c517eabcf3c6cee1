"""Recorded captures: pcap and pcapng files, plain or gzipped, pipes included.

Owns opening, unpacking and the one line that says what is wrong with a file.  Bytes go
into the meter's room without a copy; nothing is mapped, so memory does not depend on the
size of the file (measured: reads of 1 MiB beat mmap, whose page faults follow a chain of
dependent loads).
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from detector.capture.links import link_name
from detector.kernel import Counters, Meter, Peek
from detector.records import SourceReport

if TYPE_CHECKING:
    from io import FileIO

READ_BYTES = 1 << 20
GZIP_MAGIC = b"\x1f\x8b"
_MAGICS = (
    b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d",
    b"\x34\xcd\xb2\xa1", b"\xa1\xb2\xcd\x34", b"\x0a\x0d\x0d\x0a",
)  # fmt: skip
_FREE_BYTES = 64 << 20  # unpacked, before the ratio counts
_MOST_RATIO = 1_000  # zlib's own limit is 1 032; captures reach 50
_LOOKS_LIKE = (
    (b"\x28\xb5\x2f\xfd", "zstd-compressed; decompress it first"),
    (b"BZh", "bzip2-compressed; decompress it first"),
    (b"\xfd7zXZ", "xz-compressed; decompress it first"),
    (b"PK\x03\x04", "a zip archive"),
    (b"PAR1", "Parquet"),
    (b"%PDF", "PDF"),
    (b"\x7fELF", "a program"),
    (b"snoop\0\0\0", "a Solaris snoop capture; convert it with editcap"),
    (b"\x54\x52\x00\x64\x00", "a NetXRay capture; convert it with editcap"),
    (b"RTSS", "a Network Monitor capture; convert it with editcap"),
    (b"GMBU", "a Network Monitor capture; convert it with editcap"),
)


class CaptureError(ValueError):
    """A capture that cannot be read: one line, `path: what (offset N)`."""


class Sink(Protocol):
    """What a reader fills: a meter, or a peek at the first packet."""

    @property
    def problem(self) -> str | None: ...
    def room(self, n: int) -> memoryview: ...
    def advance(self, n: int) -> None: ...


def read(path: str, meter: Meter, report: SourceReport) -> Iterator[tuple[int, int]]:
    """Read a capture into the meter; yields (bytes done, bytes in all; 0 = not known) as it goes.

    What goes wrong on the way stands in `report.problem`, and what came before is metered.
    Raises CaptureError when it is no capture at all.
    """
    done = 0
    with _opened(path) as file:
        head = _head(path, file)
        total = os.fstat(file.fileno()).st_size
        try:
            for done in _filled(path, head, file, meter):
                yield done, total
        except OSError as error:
            report.problem = f"{path}: {_reason(error)} (offset {done})"
        except CaptureError as error:
            report.problem = str(error)
    meter.finish()
    report.lost = meter.counters.lost or None
    report.problem = report.problem or _problem(path, meter.problem, meter.counters)


def first_ns(path: str) -> int:
    """Time of the first packet that decodes, ns since the epoch; 0 where none is found near the start.

    Pipes are left alone, since what is read from one is gone.
    """
    peek = Peek()
    if not Path(path).is_file():
        return 0
    try:
        with _opened(path) as file:
            for pieces, _ in enumerate(_filled(path, _head(path, file), file, peek)):
                if peek.first_ns or pieces > 8:  # a piece is READ_BYTES at most, unpacked
                    break
    except (OSError, CaptureError):
        return 0
    return peek.first_ns


def _problem(path: str, stopped: str | None, counters: Counters) -> str | None:
    """The line for what a stream ended with, None where there is nothing to say."""
    if stopped:
        return f"{path}: {stopped}"
    if counters.cut_at is not None:
        return f"{path}: cut short in a record (offset {counters.cut_at}); {counters.packets} packets read"
    if counters.packets and sum(counters.links.values()) == counters.packets:
        names = ", ".join(link_name(link) for link in counters.links)
        return f"{path}: unknown link type {names} (offset 0)"
    return None


def _reason(error: OSError) -> str:
    return (error.strerror or "cannot be read").lower()


def _opened(path: str) -> FileIO:
    if "\0" in path:
        raise CaptureError(f"{path!r}: no name of a file (offset 0)")
    if Path(path).is_dir():
        raise CaptureError(f"{path}: is a folder (offset 0)")
    try:
        return open(path, "rb", buffering=0)
    except OSError as error:
        raise CaptureError(f"{path}: {_reason(error)} (offset 0)") from error


def _head(path: str, file: FileIO) -> bytes:
    """The first bytes, looked at: raises CaptureError for what is no capture."""
    try:
        head = file.read(4) or b""
        while 0 < len(head) < 4 and (more := file.read(4 - len(head))):
            head += more
    except OSError as error:
        raise CaptureError(f"{path}: {_reason(error)} (offset 0)") from error
    if not head:
        raise CaptureError(f"{path}: empty file (offset 0)")
    if not head.startswith((GZIP_MAGIC, *_MAGICS)):
        head += file.read(508) or b""
        raise CaptureError(f"{path}: not a capture: {looks_like(head)} (offset 0)")
    return head


def looks_like(head: bytes) -> str:
    """What the first bytes of something that is no capture look like."""
    for magic, name in _LOOKS_LIKE:
        if head.startswith(magic):
            return name
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:
            return f"starts with {head[:8].hex(' ')}"
    if all(byte >= 32 or byte in b"\t\r\n\f\x1b" for byte in head):
        return "text"
    return f"starts with {head[:8].hex(' ')}"


def _filled(path: str, head: bytes, file: FileIO, sink: Sink) -> Iterator[int]:
    """Moves a file into the sink; yields bytes of the file done.  Stops where the sink has a problem."""
    fill = _unpacked(path, head, file, sink) if head.startswith(GZIP_MAGIC) else _plain(head, file, sink)
    for done in fill:
        yield done
        if sink.problem:
            return


def _plain(head: bytes, file: FileIO, sink: Sink) -> Iterator[int]:
    """Reads straight into the sink's room."""
    room = sink.room(READ_BYTES)
    room[: len(head)] = head
    done = len(head) + (file.readinto(room[len(head) : READ_BYTES]) or 0)
    sink.advance(done)
    yield done
    while n := file.readinto(sink.room(READ_BYTES)[:READ_BYTES]):
        sink.advance(n)
        done += n
        yield done


def _unpacked(path: str, head: bytes, file: FileIO, sink: Sink) -> Iterator[int]:
    """Unpacks gzip members (RFC 1952) one after the other, a bounded piece at a time."""
    packed = head + (file.read(READ_BYTES) or b"")
    done, given = len(packed), 0
    unzip = zlib.decompressobj(wbits=31)
    while packed:
        try:
            piece = unzip.decompress(packed, READ_BYTES)
        except zlib.error as error:
            raise CaptureError(f"{path}: damaged gzip data: {error} (offset {done - len(packed)})") from error
        if not given and len(piece) >= 4 and not piece.startswith(_MAGICS):
            raise CaptureError(f"{path}: gzip of no capture: {looks_like(piece[:512])} (offset 0)")
        given += len(piece)
        if given > _FREE_BYTES and given > _MOST_RATIO * done:
            raise CaptureError(f"{path}: gzip data unpacks more than {_MOST_RATIO}-fold (offset {done})")
        sink.room(len(piece))[: len(piece)] = piece
        sink.advance(len(piece))
        yield done
        packed = unzip.unused_data if unzip.eof else unzip.unconsumed_tail
        if len(packed) < len(GZIP_MAGIC):
            more = file.read(READ_BYTES) or b""
            packed, done = packed + more, done + len(more)
        if unzip.eof:
            if not packed.startswith(GZIP_MAGIC):
                return  # padding behind the last member
            unzip = zlib.decompressobj(wbits=31)
    raise CaptureError(f"{path}: gzip data cut short (offset {done})")
