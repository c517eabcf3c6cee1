"""Suricata's EVE JSON: flow and netflow records for flows; tls, quic, dns and http for names.

Fields: docs.suricata.io, "Eve JSON Format".  A flow record is written when the flow is over, and
tells both directions; its source is who opened it.  A netflow record tells one direction.  Other
events (alert, stats, fileinfo ...) are passed over; mail, files and payload are never looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from detector.flowlogs import eve_events
from detector.flowlogs.columns import ABSENT, Listed, addresses
from detector.flowlogs.contract import BAD_LINE, Account, Flows, Told, usable
from detector.flowlogs.eve_events import Event, Flow, Netflow
from detector.flowlogs.lines import blocks
from detector.flowlogs.pairing import paired
from detector.records import TCP, UDP, Basis

if TYPE_CHECKING:
    from detector.flowlogs.contract import Mask
    from detector.records import Int64s, Names, SourceReport, UInt64s
    from detector.streams import Stream

NAME: Final = "Suricata EVE log"
_TRANSPORTS: Final = {"TCP": TCP, "UDP": UDP}
_DNS_PORT: Final = 53


def sniff(head: bytes) -> bool:
    """Whether it begins as EVE does."""
    line = head.lstrip(b"\xef\xbb\xbf \r\n").partition(b"\n")[0]
    return line.startswith(b"{") and b'"event_type"' in line and b'"timestamp"' in line


def read(stream: Stream, report: SourceReport) -> Iterator[Flows]:
    """See `FlowSource`."""
    account = Account(report)
    for block in blocks(stream, account):
        whole, halves, named = _Kept(), _Kept(), _Kept()
        for number, line in enumerate(block.data.split(b"\n"), block.line):
            try:
                event = eve_events.decode(line) if line else None
                if event is None:
                    continue
                if event.event_type == "flow":
                    whole.add(event, eve_events.flow(event.flow), number)
                elif event.event_type == "netflow":
                    halves.add(event, eve_events.netflow(event.netflow), number)
                elif names := eve_events.names(event):
                    named.add(event, names, number)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                if not line.isspace():
                    account.drop(BAD_LINE, number)
        for kept, read_one in ((whole, _whole), (halves, _halves), (named, _named)):
            if kept.events:
                yield from usable(*read_one(kept), account, np.array(kept.line, np.int64))
    account.finish()


class _Kept:
    """Events of one kind, what they told, and on which lines they stand."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.told: list[Any] = []
        self.line: list[int] = []

    def add(self, event: Event, told: Any, line: int) -> None:
        self.events.append(event)
        self.told.append(told)
        self.line.append(line)

    def ends(self) -> tuple[UInt64s, UInt64s, Int64s, Int64s, Int64s, Mask]:
        """Source, target, their ports, the transport; and which have all of it."""
        source, known = addresses(event.src_ip for event in self.events)
        target, known_too = addresses(event.dest_ip for event in self.events)
        numbers = [(event.src_port, event.dest_port) for event in self.events]
        ports = np.array(numbers, np.int64).reshape(-1, 2)
        transport = np.array([_TRANSPORTS.get(event.proto, 0) for event in self.events], np.int64)
        return source, target, ports[:, 0], ports[:, 1], transport, known & known_too

    def times(self) -> tuple[Int64s, Int64s]:
        """First and last, ns; of what has none, when it was written."""
        written = Listed({"at": [event.timestamp for event in self.events]}, len(self.events)).ns("at")
        told = Listed(
            {"start": [one.start for one in self.told], "end": [one.end for one in self.told]}, len(self.told)
        )
        first, last = told.ns("start"), told.ns("end")
        first = np.where(first == ABSENT, written, first)
        return first, np.maximum(np.where(last == ABSENT, written, last), first)


def _whole(kept: _Kept) -> tuple[Flows, Mask]:
    """Flow records: who opened it is the source."""
    source, target, source_port, target_port, transport, known = kept.ends()
    told: list[Flow] = kept.told
    first, last = kept.times()
    opened = np.array([event.opened for event in kept.events], np.bool_)
    flows = Flows(
        client=source,
        server=target,
        port=target_port,
        client_port=source_port,
        transport=transport,
        basis=np.where(opened, int(Basis.SYN), int(Basis.ORDER)).astype(np.int64),
        first_ns=first,
        last_ns=last,
        up=np.array([(one.pkts_toserver, one.bytes_toserver) for one in told], np.int64),
        down=np.array([(one.pkts_toclient, one.bytes_toclient) for one in told], np.int64),
        exact=np.ones(len(told), np.bool_),
        told=Told.DETAILS,
    )
    return flows, known


def _halves(kept: _Kept) -> tuple[Flows, Mask]:
    """Netflow records: one direction each."""
    source, target, source_port, target_port, transport, known = kept.ends()
    told: list[Netflow] = kept.told
    there = np.array([(one.pkts, one.bytes) for one in told], np.int64)
    every, back = np.ones(len(told), np.bool_), np.zeros((len(told), 2), np.int64)
    ports, times = (source_port, target_port), kept.times()
    return paired(source, target, ports, transport, times, there, back, every), known


def _named(kept: _Kept) -> tuple[Flows, Mask]:
    """What is told of names: no volumes.  An answer of DNS may stand with the server as its source."""
    source, target, source_port, target_port, transport, known = kept.ends()
    turned = (source_port == _DNS_PORT) & (target_port != _DNS_PORT)
    at = Listed({"at": [event.timestamp for event in kept.events]}, len(kept.events)).ns("at")
    nothing = np.zeros((len(kept.events), 2), np.int64)
    names: list[Callable[[int], Names | None]] = kept.told
    told = [name(ts_ns) for name, ts_ns in zip(names, at.tolist(), strict=True)]
    flows = Flows(
        client=np.where(turned[:, None], target, source),
        server=np.where(turned[:, None], source, target),
        port=np.where(turned, source_port, target_port),
        client_port=np.where(turned, target_port, source_port),
        transport=transport,
        basis=np.full(len(at), Basis.ORDER, np.int64),
        first_ns=at,
        last_ns=at,
        up=nothing,
        down=nothing,
        exact=np.zeros(len(at), np.bool_),
        told=Told.NAMES,
        names={row: name for row, name in enumerate(told) if name is not None},
    )
    return flows, known & np.array([name is not None for name in told], np.bool_)
