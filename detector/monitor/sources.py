"""Captures that are being written or captured: bytes in, tables of finished windows out.

Data time advances with packets.  Only where a live line is silent does the clock of this
machine stand in for it, since dumpcap stamps packets by that very clock: it decides when
rows are passed on, never in which window a packet is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator
from typing import Final, Protocol, cast

from detector.capture.follow import Event, FollowedFile
from detector.capture.live import LiveCapture
from detector.metering import Metering, channel_windows
from detector.monitor.holdback import ENDED, NOT_KNOWN
from detector.records import ChannelWindows, SourceReport
from detector.settings import MeterSettings, Settings

PIECE: Final = 1 << 20  # bytes a read
PIECES: Final = 8  # reads of a live source before the others have their turn
NS: Final = 1_000_000_000


class Source(Protocol):
    """Where channel windows come from."""

    report: SourceReport
    ended: bool
    idle: bool  # nothing more at the last read

    @property
    def newest_ns(self) -> int:
        """Time of the newest packet; 0 = none yet."""
        ...

    def read(self, now_ns: int) -> Iterator[ChannelWindows]:
        """Read a bounded piece, without waiting; gives tables of windows that are over.  Raises OSError."""
        ...

    def floor(self, newest_ns: int, now_ns: int) -> int:
        """Start of the earliest window it is still expected to give; `newest_ns` of all sources."""
        ...

    def finish(self) -> Iterator[ChannelWindows]:
        """It is over: gives every window that is open."""
        ...

    def close(self) -> None:
        """Let go of what it reads from."""
        ...


class Metered:
    """Metering of one source, over as many streams (files that took each other's place) as it takes."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.report = SourceReport(source=name)
        self.newest_ns = 0
        self._settings = settings
        self._metering = Metering(settings)
        self._before: Counter[str] = Counter()  # counts of earlier streams

    def room(self) -> memoryview:
        """Where to read to."""
        return self._metering.meter.room(PIECE)

    def took(self, n: int) -> Iterator[ChannelWindows]:
        """n bytes were read: gives the rows of windows that are over by now, and those that left early."""
        meter = self._metering.meter
        meter.advance(n)
        self.newest_ns = max(self.newest_ns, meter.newest_ns)
        yield from self._rows(final=False)
        if meter.problem and not self.report.problem:
            self.report.problem = f"{self.report.source}: {meter.problem}"

    def flush(self) -> Iterator[ChannelWindows]:
        """Rows of all open windows; the stream goes on."""
        yield from self._rows(final=True)

    def restart(self) -> Iterator[ChannelWindows]:
        """The stream is over and another one begins: gives what was open."""
        self._metering.finish()
        yield from self.flush()
        self._before.update(self._counts())
        self._metering = Metering(self._settings)

    def close(self) -> Iterator[ChannelWindows]:
        """The source is over: gives what was open."""
        self._metering.finish()
        yield from self.flush()

    def _rows(self, final: bool) -> Iterator[ChannelWindows]:
        yield from self._metering.blocks(final)
        self._tell()

    def _counts(self) -> Counter[str]:
        counters = self._metering.meter.counters
        named = {f"-{reason}": n for reason, n in counters.undecodable.items()}
        return Counter({"packets": counters.packets, "decoded": counters.decoded, **named})

    def _tell(self) -> None:
        counts = self._before + self._counts()
        self.report.packets, self.report.decoded = counts["packets"], counts["decoded"]
        self.report.undecodable = {name[1:]: n for name, n in counts.items() if name[0] == "-" and n}


def opens(newest_ns: int, settings: MeterSettings) -> int:
    """Start of the earliest window that the meter keeps open when its newest packet is that old."""
    window_ns = settings.window_s * NS
    return max(0, (newest_ns - settings.lateness_s * NS) // window_ns * window_ns)


class LiveSource:
    """An interface."""

    def __init__(self, interface: str, settings: Settings) -> None:
        """Raises CaptureError with what to do about it."""
        self._settings = settings.meter
        self._metered = Metered(interface, settings)
        self._capture = LiveCapture(interface)
        self._flushed_ns = 0
        self.report = self._metered.report
        self.ended = False
        self.idle = False

    @property
    def newest_ns(self) -> int:
        return self._metered.newest_ns

    def fileno(self) -> int:
        """Readable when there is something."""
        return self._capture.fileno()

    def read(self, now_ns: int) -> Iterator[ChannelWindows]:
        """What is in the pipe; when the line is silent, windows that are over by the clock."""
        for _ in range(PIECES):
            n = self._capture.read_into(self._metered.room())
            if n is None:
                self.ended = True
                yield from self._metered.close()
                self.report.lost, self.report.problem = self._capture.lost, self._problem()
                return
            self.idle = n == 0
            if self.idle:
                break
            yield from self._metered.took(n)
        if self.idle and self._silent(now_ns):
            self._flushed_ns = self.newest_ns
            yield from self._metered.flush()

    def _problem(self) -> str | None:
        return self.report.problem or self._capture.problem

    def _silent(self, now_ns: int) -> bool:
        """Whether by the clock no window is open that has rows."""
        last = self.newest_ns // (self._settings.window_s * NS) * self._settings.window_s * NS
        return self.newest_ns > self._flushed_ns and last < opens(now_ns, self._settings)

    def floor(self, newest_ns: int, now_ns: int) -> int:
        """By the clock where the pipe is empty."""
        if self.ended:
            return ENDED
        return opens(max(self.newest_ns, now_ns if self.idle else 0), self._settings)

    def stop(self) -> None:
        """Ask dumpcap to end: `read` then gives the rest."""
        self._capture.stop()

    def finish(self) -> Iterator[ChannelWindows]:
        """What is open, unless its end was read."""
        if not self.ended:
            self.ended = True
            yield from self._metered.close()

    def close(self) -> None:
        """Ends dumpcap."""
        self._capture.close()


class FollowedSource:
    """A capture file that is still being written."""

    def __init__(self, path: str, settings: Settings) -> None:
        """Raises OSError when the file is there and cannot be read."""
        self._settings = settings.meter
        self._metered = Metered(path, settings)
        self._file = FollowedFile(path)
        self.report = self._metered.report
        self.ended = False
        self.idle = False

    @property
    def newest_ns(self) -> int:
        return self._metered.newest_ns

    def read(self, now_ns: int) -> Iterator[ChannelWindows]:
        """What was written since; a file in the place of another begins a new stream."""
        got = self._file.read_into(self._metered.room())
        self.idle = got is Event.NOTHING
        if got is Event.REPLACED:
            self.report.notes.append("another file took its place")
            del self.report.notes[:-4]
            yield from self._metered.restart()
        elif got is Event.ENDED:
            yield from self.finish()
        elif not isinstance(got, Event):
            yield from self._metered.took(got)

    def floor(self, newest_ns: int, now_ns: int) -> int:
        """Where it has nothing to give, it holds the others back by no more than the lateness."""
        if self.ended:
            return ENDED
        if not self.idle and not self.newest_ns:
            return NOT_KNOWN
        others = newest_ns - self._settings.lateness_s * NS if self.idle else 0
        known = max(self.newest_ns, others)
        return opens(known, self._settings) if known > 0 else NOT_KNOWN

    def finish(self) -> Iterator[ChannelWindows]:
        """Gives what is open."""
        self.ended = True
        yield from self._metered.close()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


class ReplayedSource:
    """A capture file that is read to its end, exactly as `score` reads it."""

    def __init__(self, path: str, settings: Settings) -> None:
        self.report = SourceReport(source=path)
        self.ended = False
        self.idle = False
        self.newest_ns = 0
        self._tables = cast(
            "Generator[ChannelWindows]", channel_windows(path, settings, "native", self.report)
        )

    def read(self, now_ns: int) -> Iterator[ChannelWindows]:
        """Its next table."""
        try:
            yield next(self._tables)
        except StopIteration:
            self.ended = True
        except (OSError, ValueError) as error:  # CaptureError is a ValueError: one line
            self.report.problem = str(error)
            self.ended = True

    def floor(self, newest_ns: int, now_ns: int) -> int:
        """Never passed over before its end."""
        return ENDED if self.ended else NOT_KNOWN

    def finish(self) -> Iterator[ChannelWindows]:
        """Gives nothing more."""
        self.ended = True
        return iter(())

    def close(self) -> None:
        """Closes the file, where it was not read to its end."""
        self._tables.close()
