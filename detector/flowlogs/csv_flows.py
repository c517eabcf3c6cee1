"""Tables of flows as CSV: nfdump -o csv, Argus (ra -c ,), SiLK (rwcut), by the names in the header.

Known are the column names of nfdump 1.6 and 1.7 (nfdump(1)), of Argus (ra(1), -s) and of SiLK
(rwcut(1)).  Times without a zone are UTC, and that is noted.  A table that tells packets of both
directions together cannot be used: which of them came back is what tells a dialogue from a stream.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from detector.flowlogs.columns import ABSENT, Columns
from detector.flowlogs.contract import Account, FlowLogError, Flows, protocol, usable
from detector.flowlogs.delimited import rows
from detector.flowlogs.lines import Block, blocks
from detector.flowlogs.pairing import paired

if TYPE_CHECKING:
    from detector.records import Int64s, SourceReport
    from detector.streams import Stream

NAME: Final = "table of flows"
_SPELT: Final = {
    "source": ("sa", "srcaddr", "sip", "src_ip", "srcip", "src_addr", "source_ip"),
    "target": ("da", "dstaddr", "dip", "dst_ip", "dstip", "dst_addr", "destination_ip"),
    "source_port": ("sp", "sport", "srcport", "src_port", "source_port"),
    "target_port": ("dp", "dport", "dstport", "dst_port", "destination_port"),
    "transport": ("pr", "proto", "pro", "protocol"),
    "first": ("ts", "firstseen", "starttime", "stime", "start", "first", "start_time"),
    "last": ("te", "lastseen", "lasttime", "etime", "end", "last", "ltime", "end_time"),
    "lasted": ("td", "duration", "dur"),
    "packets": ("ipkt", "packets", "pkt", "spkts", "srcpkts", "in_packets", "pkts"),
    "bytes": ("ibyt", "bytes", "byt", "sbytes", "srcbytes", "in_bytes"),
    "packets_back": ("opkt", "dpkts", "dstpkts", "out_packets"),
    "bytes_back": ("obyt", "dbytes", "dstbytes", "out_bytes"),
}
_NEEDED: Final = ("source", "target", "source_port", "target_port", "transport", "first")
_COUNTED: Final = ("packets", "bytes")
_DELIMITERS: Final = (",", ";", "|", "\t")


@dataclass(frozen=True, slots=True)
class _Layout:
    """How the lines are to be read."""

    delimiter: str
    names: list[str]  # of all columns, in order, each once
    means: dict[str, str]  # what is read -> its column


def sniff(head: bytes) -> bool:
    """Whether the first line names the columns of flows."""
    return _layout(head) is not None


def read(stream: Stream, report: SourceReport) -> Iterator[Flows]:
    """See `FlowSource`."""
    account = Account(report)
    layout = _layout(stream.head())
    if layout is None:
        raise FlowLogError(f"{stream.path}: line 1: no names of columns of flows")
    if missing := [name for name in _COUNTED if name not in layout.means]:
        raise FlowLogError(
            f"{stream.path}: line 1: no column of {' or '.join(missing)} of a direction;"
            " with Argus, ask for them: ra -s +spkts +dpkts +sbytes +dbytes"
        )
    for block in blocks(stream, account):
        lines = block if block.line > 1 else Block(block.data.partition(b"\n")[2], 2)  # behind the header
        yield from _flows(lines, layout, account)
    account.finish()


def _layout(head: bytes) -> _Layout | None:
    line = head.lstrip(b"\xef\xbb\xbf").partition(b"\n")[0].decode("utf-8", "replace").strip()
    for delimiter in _DELIMITERS:
        names = [name.strip().strip('"') for name in line.split(delimiter)]
        means = _meanings([name.lower() for name in names])
        if all(name in means for name in _NEEDED) and len(names) > len(_NEEDED):
            unique = [f"{i}" for i in range(len(names))]  # a header may name two columns alike
            return _Layout(delimiter, unique, {what: unique[place] for what, place in means.items()})
    return None


def _meanings(names: Sequence[str]) -> dict[str, int]:
    """What is read -> the place of its column; of two spellings the first in the table above."""
    found = {}
    for what, spelt in _SPELT.items():
        place = next((names.index(name) for name in spelt if name in names), None)
        if place is not None:
            found[what] = place
    return found


def _flows(block: Block, layout: _Layout, account: Account) -> Iterator[Flows]:
    wanted = list(layout.means.values())
    found = rows(block, layout.names, wanted, account, delimiter=layout.delimiter, quoted=True)
    columns, at = found.columns, layout.means
    if not len(columns):
        return
    source, known = columns.addresses(at["source"])
    target, known_too = columns.addresses(at["target"])
    there = _counts(columns, at, "packets", "bytes")
    flows = paired(
        source=source,
        target=target,
        ports=(columns.whole(at["source_port"]), columns.whole(at["target_port"])),
        transport=columns.coded(at["transport"], protocol),
        times=_times(columns, at),
        there=there,
        back=np.maximum(_counts(columns, at, "packets_back", "bytes_back"), 0),
        exact=np.ones(len(columns), np.bool_),
    )
    yield from usable(flows, known & known_too, account, found.line)


def _counts(columns: Columns, at: dict[str, str], packets: str, size: str) -> Int64s:
    """(n, 2); ABSENT where the table has none."""
    return np.stack([columns.whole(at.get(packets, "")), columns.whole(at.get(size, ""))], axis=1)


def _times(columns: Columns, at: dict[str, str]) -> tuple[Int64s, Int64s]:
    """First and last, ns.  Where the table tells how long it was to the millisecond, that is taken."""
    first = columns.ns(at["first"])
    lasted = columns.ns(at.get("lasted", ""))
    last = columns.ns(at.get("last", ""))
    last = np.where(lasted != ABSENT, first + lasted, np.where(last != ABSENT, last, first))
    return first, last
