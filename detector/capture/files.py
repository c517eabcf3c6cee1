"""Recorded captures: pcap and pcapng streams, however packed, from files, pipes and standard input.

Owns moving them into the meter's room, without a copy where they are plain, and the one
line that says what a stream ended with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from detector.capture.links import link_name
from detector.formats import CAPTURE_MAGICS, looks_like
from detector.kernel import Counters, Peek
from detector.records import SourceReport
from detector.streams import MAGIC_BYTES, Stream, StreamError, open_stream

READ_BYTES = 1 << 20
PEEK_BYTES = 1 << 14
MOST_PEEKED = 8 << 20  # plain bytes in which the first packet is looked for


class Sink(Protocol):
    """What a capture is read into: a meter, or several that share the work."""

    @property
    def problem(self) -> str | None: ...
    @property
    def counters(self) -> Counters: ...
    def room(self, n: int) -> memoryview: ...
    def advance(self, n: int) -> None: ...
    def next_stream(self) -> Counters: ...


class CaptureError(StreamError):
    """A capture that cannot be read: one line, `path: what (offset N)`."""


def read(
    source: str | Stream,
    meter: Sink,
    report: SourceReport,
    waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Iterator[tuple[int, int]]:
    """Read a capture into the meter; yields (bytes done, bytes in all; 0 = not known) as it goes.

    What goes wrong on the way stands in `report.problem`, and what came before is metered.
    `waiting` is entered around every wait for bytes.  Raises CaptureError when it is no
    capture at all.  Closes the stream and ends it in the meter, which may go on with another.
    """
    with _opened(source) as stream:
        _check_head(stream)
        try:
            while not meter.problem:
                with waiting():
                    n = stream.readinto(meter.room(READ_BYTES)[:READ_BYTES])
                if not n:
                    break
                meter.advance(n)
                yield stream.position, stream.n_bytes
        except StreamError as error:
            report.problem = str(error)
        grew = stream.grew
    counters = meter.next_stream()
    count(counters, report)
    if grew:
        report.notes.append(f"grew by {grew} bytes while it was read; minewatch monitor --follow reads on")
    report.problem = report.problem or _problem(stream.path, counters, cut=not grew)


def count(counters: Counters, report: SourceReport) -> None:
    """What became of the packets of a stream, into its report."""
    report.packets, report.decoded = counters.packets, counters.decoded
    report.undecodable = dict(counters.undecodable)
    report.lost = counters.lost or None


def first_ns(source: str | Stream) -> int:
    """Time of the first packet that decodes, ns since the epoch; 0 where none is found near the start.

    A path is opened and closed; what is looked at of a Stream is still read later.
    """
    try:
        if isinstance(source, Stream):
            return _first_ns(source)
        with open_stream(source) as stream:
            return _first_ns(stream)
    except StreamError:
        return 0


def _first_ns(stream: Stream) -> int:
    peek, seen = Peek(), 0
    piece = stream.head(PEEK_BYTES)
    while piece and not peek.first_ns and not peek.problem and seen < MOST_PEEKED:
        peek.room(len(piece))[: len(piece)] = piece
        peek.advance(len(piece))
        seen += len(piece)
        piece = b"" if peek.first_ns else stream.look(PEEK_BYTES)
    return peek.first_ns


def _problem(path: str, counters: Counters, cut: bool) -> str | None:
    """The line for what a stream ended with, None where there is nothing to say."""
    if counters.problem:
        return f"{path}: {counters.problem}"
    if cut and counters.cut_at is not None:
        return f"{path}: cut short in a record (offset {counters.cut_at}); {counters.packets} packets read"
    if counters.packets and sum(counters.links.values()) == counters.packets:
        names = ", ".join(link_name(link) for link in counters.links)
        return f"{path}: unknown link type {names} (offset 0)"
    return None


def _opened(source: str | Stream) -> Stream:
    if isinstance(source, Stream):
        return source
    try:
        return open_stream(source)
    except StreamError as error:
        raise CaptureError(str(error)) from error


def _check_head(stream: Stream) -> None:
    """Raises CaptureError for what is no capture."""
    try:
        head = stream.head()
    except StreamError as error:
        raise CaptureError(str(error)) from error
    packed = f", packed as {stream.codec.name}" if stream.codec else ""
    if not head:
        raise CaptureError(f"{stream.path}: empty file{packed} (offset 0)")
    if head[:MAGIC_BYTES] not in CAPTURE_MAGICS:
        what = f"{stream.codec.name} of no capture" if stream.codec else "not a capture"
        raise CaptureError(f"{stream.path}: {what}: {looks_like(head)} (offset 0)")
