"""What every flow log promises: records of flows, in columns, turned so that `up` is client to server.

A flow record tells who, when, how many packets and bytes, and now and then a name.  It holds no
message: every column that is made of messages stays unknown, whatever the format.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from detector.records import TCP, UDP, Names
from detector.streams import StreamError
from detector.text import grouped, plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detector.records import Int64s, SourceReport, UInt64s
    from detector.streams import Stream

    Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]

LONGEST_NS: Final = 400 * 86_400 * 1_000_000_000
"""A record that claims to have lasted longer is damaged: no exporter runs for so long without a restart."""
LATEST_NS: Final = (1 << 33) * 1_000_000_000  # year 2242: what is later is of another unit
MOST: Final = 1 << 48  # packets or bytes of one record; a 400 Gbit/s link needs two weeks for so many
BAD_LINE: Final = "bad_line"
SHOWN_LINES: Final = 3  # bad ones told by number, a source


class FlowLogError(StreamError):
    """A flow log that cannot be read: one line, `path: what, and what to do`."""


class Told(IntEnum):
    """How much a source tells of a flow, least first: of two that saw the same one, the better is taken."""

    NAMES = 0  # no volumes at all
    HALVES = 1  # a record a direction: NetFlow, IPFIX, nfdump, tables
    DETAILS = 2  # both directions, and what the protocol said: Suricata
    ANALYSED = 3  # likewise, with retries and directions worked out: Zeek


@dataclass(slots=True)
class Flows:
    """n records.  Addresses are 128-bit as (high, low) words, IPv4 mapped.

    `exact` is false where counts were scaled up from sampled packets, and where only names are told
    (then counts are 0, too).
    """

    client: UInt64s  # (n, 2)
    server: UInt64s  # (n, 2)
    port: Int64s  # (n,) of the server
    client_port: Int64s  # (n,)
    transport: Int64s  # (n,) IP protocol number: TCP or UDP
    basis: Int64s  # (n,) records.Basis: why that end is the client
    first_ns: Int64s  # (n,)
    last_ns: Int64s  # (n,)
    up: Int64s  # (n, 2) packets and bytes
    down: Int64s  # (n, 2)
    exact: Mask  # (n,)
    told: Told
    names: dict[int, Names] = field(default_factory=dict)  # by row

    def __len__(self) -> int:
        return len(self.port)


class FlowSource(Protocol):
    """One kind of flow log.  A module with these is a source."""

    @property
    def NAME(self) -> str:  # noqa: N802  a constant of the module
        """What people call it."""
        ...

    def sniff(self, head: bytes) -> bool:
        """Whether a file that begins with `head` (unpacked) is of this kind."""
        ...

    def read(self, stream: Stream, report: SourceReport) -> Iterator[Flows]:
        """All records, in the order of the file; `report` is filled as it goes.

        Lines and records that make no sense are counted in `report.undecodable`, and what is whole
        is given.  Raises FlowLogError, StreamError.  What memory holds does not depend on the file.
        """
        ...


class Account:
    """What became of the lines or records of one source, for its report."""

    def __init__(self, report: SourceReport, noun: str = "line") -> None:
        """noun: what is counted by `at`."""
        self.report = report
        self._noun = noun
        self._dropped: Counter[str] = Counter()
        self._places: list[str] = []

    def drop(self, reason: str, at: int = 0, n: int = 1) -> None:
        """Leave out n records; at: number of the line of the first, 0 = not known."""
        self._dropped[reason] += n
        self.report.undecodable = dict(self._dropped)
        if at and len(self._places) < SHOWN_LINES:
            self._places.append(f"{self._noun} {grouped(at)}: {reason.replace('_', ' ')}")

    def note(self, line: str) -> None:
        """Tell something that was detected, once."""
        if line not in self.report.notes:
            self.report.notes.append(line)

    def finish(self) -> None:
        """Tell where the first bad lines are."""
        left = self._dropped.total()
        if self._places:
            self.note(f"{plural(left, 'record')} left out; {'; '.join(self._places)}")


_TRANSPORTS: Final = {"6": TCP, "tcp": TCP, "TCP": TCP, "17": UDP, "udp": UDP, "UDP": UDP}


def protocol(text: str | None) -> int:
    """Number of a transport by its name or number; 0 for one that is not followed."""
    return _TRANSPORTS.get(text.strip(), 0) if text else 0


def usable(
    flows: Flows, known: Mask, account: Account, line: Int64s | None = None, reason: str = BAD_LINE
) -> Iterator[Flows]:
    """The records that can be used, nothing or one batch; the others are counted as left out.

    known: which have what every record must have; line: on which each stands, for what is told of bad ones.
    """
    other = known & ~np.isin(flows.transport, (TCP, UDP))
    good = known & ~other & _sound(flows)
    for why, dropped in (("other_transport", other), (reason, ~(good | other))):
        bad = np.flatnonzero(dropped)
        if len(bad):
            at = 0 if line is None or why == "other_transport" else int(line[bad[0]])
            account.drop(why, at, len(bad))
    account.report.records += int(np.count_nonzero(good))
    if good.any():
        yield _picked(flows, np.flatnonzero(good))


def _sound(flows: Flows) -> Mask:
    """Which can be true: ports and times of this world, counts that a link can carry."""
    ok = (flows.port >= 0) & (flows.port < 65_536) & (flows.client_port >= 0) & (flows.client_port < 65_536)
    ok &= (flows.first_ns > 0) & (flows.last_ns >= flows.first_ns) & (flows.last_ns < LATEST_NS)
    ok &= flows.last_ns - flows.first_ns <= LONGEST_NS
    for side in (flows.up, flows.down):
        ok &= ((side >= 0) & (side <= MOST)).all(axis=1)
    return ok


def _picked(flows: Flows, rows: Int64s) -> Flows:
    """Some records, in the given order."""
    names = {i: flows.names[row] for i, row in enumerate(rows.tolist()) if row in flows.names}
    columns = {
        name: getattr(flows, name)[rows]
        for name in (
            "client", "server", "port", "client_port", "transport", "basis", "first_ns", "last_ns",
            "up", "down", "exact",
        )
    }  # fmt: skip
    return Flows(**columns, told=flows.told, names=names)
