"""Suricata's EVE JSON: flow and netflow records for flows; tls, quic, dns and http for names.

Fields: docs.suricata.io, "Eve JSON Format".  A flow record is written when the flow is over, and
tells both directions; its source is who opened it.  A netflow record tells one direction.  Other
events (alert, stats, fileinfo ...) are passed over; mail, files and payload are never looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detector.flowlogs import eve_events
from detector.flowlogs.columns import ABSENT, Listed, addresses
from detector.flowlogs.contract import BAD_LINE, Account, Flows, Told, protocol, usable
from detector.flowlogs.eve_events import Event, Flow, Naming, Netflow
from detector.flowlogs.lines import Block, blocks
from detector.flowlogs.pairing import paired
from detector.records import Basis

if TYPE_CHECKING:
    from detector.flowlogs.contract import Mask
    from detector.records import Int64s, SourceReport
    from detector.streams import Stream

NAME: Final = "Suricata EVE log"
_DNS_PORT: Final = 53


def sniff(head: bytes) -> bool:
    """Whether it begins as EVE does."""
    line = head.lstrip(b"\xef\xbb\xbf \r\n").partition(b"\n")[0]
    return line.startswith(b"{") and b'"event_type"' in line and b'"timestamp"' in line


def read(stream: Stream, report: SourceReport) -> Iterator[Flows]:
    """See `FlowSource`."""
    account = Account(report)
    for block in blocks(stream, account):
        flows, halves, named = _events(block, account)
        for (events, line), read_some in ((flows, _whole), (halves, _halves), (named, _named)):
            if events:
                yield from usable(*read_some(events), account, np.array(line, np.int64))
    account.finish()


_Kept = tuple[list[Any], list[int]]
"""Events, and on which line each stands."""


def _events(block: Block, account: Account) -> tuple[_Kept, _Kept, _Kept]:
    """Flow records, netflow records, and what tells names."""
    flows: _Kept = ([], [])
    halves: _Kept = ([], [])
    named: _Kept = ([], [])
    decode = eve_events.decode
    for number, line in enumerate(block.data.split(b"\n"), block.line):
        try:
            event = decode(line)
        except eve_events.DAMAGED:
            if line.strip() and not eve_events.is_other(line):
                account.drop(BAD_LINE, number)
            continue
        kind = type(event)
        events, lines = flows if kind is Flow else halves if kind is Netflow else named
        events.append(event)
        lines.append(number)
    return flows, halves, named


def _column(events: Sequence[Any], name: str) -> Int64s:
    return np.array([getattr(event, name) for event in events], np.int64)


def _moments(texts: list[str | None]) -> Int64s:
    return Listed({"at": texts}, len(texts)).ns("at")


def _ends(events: Sequence[Event]) -> tuple[dict[str, Any], Mask]:
    """Source, target, ports and transport by the names that `paired` has for them; which have addresses."""
    source, known = addresses([event.src_ip for event in events])
    target, known_too = addresses([event.dest_ip for event in events])
    ends = {
        "source": source,
        "target": target,
        "ports": (_column(events, "src_port"), _column(events, "dest_port")),
        "transport": np.array([protocol(event.proto) for event in events], np.int64),
    }
    return ends, known & known_too


def _times(events: Sequence[Event], told: Sequence[Any]) -> tuple[Int64s, Int64s]:
    """First and last packet, ns; of a record that does not tell, when it was written."""
    first, last = _moments([one.start for one in told]), _moments([one.end for one in told])
    if (first == ABSENT).any() or (last == ABSENT).any():
        written = _moments([event.timestamp for event in events])
        first, last = (np.where(time == ABSENT, written, time) for time in (first, last))
    return first, np.maximum(first, last)


def _whole(events: Sequence[Flow]) -> tuple[Flows, Mask]:
    """Flow records."""
    ends, known = _ends(events)
    told = [event.flow for event in events]
    first, last = _times(events, told)
    opened = np.array([event.tcp is not None and event.tcp.syn for event in events], np.bool_)
    names = ("pkts_toserver", "bytes_toserver", "pkts_toclient", "bytes_toclient")
    counts = np.stack([_column(told, name) for name in names], axis=1)
    flows = Flows(
        client=ends["source"],
        server=ends["target"],
        port=ends["ports"][1],
        client_port=ends["ports"][0],
        transport=ends["transport"],
        basis=np.where(opened, int(Basis.SYN), int(Basis.ORDER)).astype(np.int64),
        first_ns=first,
        last_ns=last,
        up=counts[:, :2],
        down=counts[:, 2:],
        exact=np.ones(len(told), np.bool_),
        told=Told.DETAILS,
    )
    return flows, known


def _halves(events: Sequence[Netflow]) -> tuple[Flows, Mask]:
    """Netflow records."""
    ends, known = _ends(events)
    told = [event.netflow for event in events]
    there = np.stack([_column(told, "pkts"), _column(told, "bytes")], axis=1)
    every, back = np.ones(len(told), np.bool_), np.zeros_like(there)
    return paired(**ends, times=_times(events, told), there=there, back=back, exact=every), known


def _named(events: Sequence[Naming]) -> tuple[Flows, Mask]:
    """What tells of names: no volumes.  An answer of DNS may stand with the server as its source."""
    ends, known = _ends(events)
    source, target, (source_port, target_port) = ends["source"], ends["target"], ends["ports"]
    turned = (source_port == _DNS_PORT) & (target_port != _DNS_PORT)
    at = _moments([event.timestamp for event in events])
    told = [event.names(ts_ns) for event, ts_ns in zip(events, at.tolist(), strict=True)]
    nothing = np.zeros((len(events), 2), np.int64)
    flows = Flows(
        client=np.where(turned[:, None], target, source),
        server=np.where(turned[:, None], source, target),
        port=np.where(turned, source_port, target_port),
        client_port=np.where(turned, target_port, source_port),
        transport=ends["transport"],
        basis=np.full(len(at), Basis.ORDER, np.int64),
        first_ns=at,
        last_ns=at,
        up=nothing,
        down=nothing,
        exact=np.zeros(len(at), np.bool_),
        told=Told.NAMES,
        names={row: name for row, name in enumerate(told) if name is not None},
    )
    return flows, known
