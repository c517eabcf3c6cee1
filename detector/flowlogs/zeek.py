"""Zeek's logs, as TSV and as JSON: conn.log for flows; ssl.log, dns.log and http.log for names.

Fields and their meaning: docs.zeek.org, "Zeek Log Files" and base/protocols/conn/main.zeek.  Each log
carries the ends of its connection, so names find their channel without a table of uids: any of the
logs may be missing, cut or in another file.  A record of conn.log is written when the connection is
over, however long it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from detector.flowlogs import zeek_json, zeek_names
from detector.flowlogs.columns import ABSENT, Columns
from detector.flowlogs.contract import Account, Flows, Told, protocol, usable
from detector.flowlogs.delimited import rows
from detector.flowlogs.lines import Block, blocks
from detector.records import TCP, UDP, Basis

if TYPE_CHECKING:
    from detector.flowlogs.contract import Mask
    from detector.records import Int64s, Names, SourceReport
    from detector.streams import Stream

NAME: Final = "Zeek log"
ENDS: Final = ("ts", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p")
_COUNTS: Final = ("orig_pkts", "orig_ip_bytes", "resp_pkts", "resp_ip_bytes")
FIELDS: Final = {
    "conn": (*ENDS, "proto", "duration", "history", *_COUNTS),
    "ssl": (*ENDS, *zeek_names.SSL),
    "dns": (*ENDS, "proto", *zeek_names.DNS),
    "http": (*ENDS, *zeek_names.HTTP),
}
_NAMED: Final[dict[str, Callable[[Columns, Int64s], list[Names | None]]]] = {
    "ssl": zeek_names.of_ssl,
    "dns": zeek_names.of_dns,
    "http": zeek_names.of_http,
}


def sniff(head: bytes) -> bool:
    """Whether it begins as a log of Zeek does."""
    first = head.lstrip(b"\xef\xbb\xbf \r\n")
    return first.startswith((b"#separator", b"#fields\t")) or zeek_json.sniff(first)


def read(stream: Stream, report: SourceReport) -> Iterator[Flows]:
    """See `FlowSource`."""
    account = Account(report)
    as_json = zeek_json.sniff(stream.head().lstrip())
    header = _Header()
    for block in blocks(stream, account):
        if as_json:
            for kind, columns, line in zeek_json.decoded(block, account):
                yield from _flows(kind, columns, line, account)
        else:
            yield from _of_text(block, header, account)
    account.finish()
    if header.passed_over:
        account.note(f"no {', '.join(FIELDS)} log: {', '.join(sorted(header.passed_over))} passed over")


class _Header:
    """What the lines with # said last: a file may hold several logs, one after the other."""

    def __init__(self) -> None:
        self.kind = ""
        self.fields: list[str] = []
        self.passed_over: set[str] = set()

    def hear(self, line: bytes) -> None:
        name, _, value = line.decode("utf-8", "replace").rstrip("\r").partition("\t")
        if name == "#path":
            self.kind = value
        elif name == "#fields":
            self.fields = value.split("\t")
        if self.kind and self.kind not in FIELDS:
            self.passed_over.add(self.kind[:40])


def _of_text(block: Block, header: _Header, account: Account) -> Iterator[Flows]:
    for part in _parts(block):
        if part.data.startswith(b"#"):
            for line in part.data.split(b"\n"):
                header.hear(line)
            continue
        if header.kind in FIELDS and len(set(header.fields)) == len(header.fields) > 1:
            wanted = FIELDS[header.kind]
            found = rows(part, header.fields, wanted, account, unset=("-", "(empty)"))
            yield from _flows(header.kind, found.columns, found.line, account)
        elif header.kind in FIELDS or not header.kind:
            account.drop("line_without_header", part.line, part.data.count(b"\n") + 1)


def _parts(block: Block) -> Iterator[Block]:
    """Runs of lines with # and without."""
    data, line, begin = block.data, block.line, 0
    while begin < len(data):
        told = data.startswith(b"#", begin)
        end = _run(data, begin, told)
        part = data[begin:end].removesuffix(b"\n")
        yield Block(part, line)
        line += part.count(b"\n") + 1
        begin = end


def _run(data: bytes, begin: int, told: bool) -> int:
    """Where the run of lines that begins there ends."""
    if not told:
        end = data.find(b"\n#", begin)
        return len(data) if end < 0 else end + 1
    end = begin
    while data.startswith(b"#", end):
        end = data.find(b"\n", end) + 1 or len(data)
    return end


def _flows(kind: str, columns: Columns, line: Int64s, account: Account) -> Iterator[Flows]:
    """The records of one log; line: on which each stands."""
    flows, ok = _ends(kind, columns)
    names = _NAMED[kind](columns, flows.first_ns) if kind in _NAMED else []
    flows.names = {row: name for row, name in enumerate(names) if name is not None}
    yield from usable(flows, ok, account, line)


def _ends(kind: str, columns: Columns) -> tuple[Flows, Mask]:
    """Flows without names, and which have what every record has."""
    client, known = columns.addresses("id.orig_h")
    server, known_too = columns.addresses("id.resp_h")
    first = columns.ns("ts")
    up = np.stack([columns.whole("orig_pkts"), columns.whole("orig_ip_bytes")], axis=1)
    down = np.stack([columns.whole("resp_pkts"), columns.whole("resp_ip_bytes")], axis=1)
    counted: Mask = np.concatenate([up, down], axis=1).min(axis=1) >= 0
    flows = Flows(
        client=client,
        server=server,
        port=columns.whole("id.resp_p"),
        client_port=columns.whole("id.orig_p"),
        transport=_transports(kind, columns),
        basis=_bases(columns),
        first_ns=first,
        last_ns=first + np.maximum(columns.ns("duration"), 0),
        up=np.maximum(up, 0),
        down=np.maximum(down, 0),
        exact=counted,
        told=Told.ANALYSED if kind == "conn" else Told.NAMES,
    )
    return flows, known & known_too & (first != ABSENT) & (counted | (kind != "conn"))


def _transports(kind: str, columns: Columns) -> Int64s:
    """Protocol numbers; 0 = none that has ports."""
    if kind in ("conn", "dns"):
        return columns.coded("proto", protocol)
    return columns.coded("version", lambda text: UDP if (text or "").startswith("DTLS") else TCP)


def _bases(columns: Columns) -> Int64s:
    """A client whose SYN was seen (S in the history) is one; else who spoke first."""
    return columns.coded("history", lambda text: int(Basis.SYN if "S" in (text or "") else Basis.ORDER))
