"""Zeek's logs as JSON lines, of whichever kind each line is.

A line tells its kind by `_path` where the policy json-logs or a shipper adds it, else by fields that
no other log has.  Times are seconds since the epoch, or RFC 3339 (JSON::TS_ISO8601), or milliseconds
(JSON::TS_MILLIS).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import numpy as np

from detector.flowlogs.columns import Listed
from detector.flowlogs.contract import BAD_LINE, MOST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detector.flowlogs.contract import Account
    from detector.flowlogs.lines import Block
    from detector.records import Int64s

Count = Annotated[int, msgspec.Meta(ge=0, le=MOST)]
Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
_MILLIS: Final = 1e11  # seconds since the epoch are below, milliseconds above, until the year 5138


class _Record(msgspec.Struct, gc=False):
    """The fields of all four kinds; each log has some of them."""

    ts: float | str
    orig_h: str = msgspec.field(name="id.orig_h")
    orig_p: Port = msgspec.field(name="id.orig_p")
    resp_h: str = msgspec.field(name="id.resp_h")
    resp_p: Port = msgspec.field(name="id.resp_p")
    path: str | None = msgspec.field(name="_path", default=None)
    proto: str | None = None
    duration: float | None = None
    history: str | None = None
    conn_state: str | None = None
    orig_pkts: Count | None = None
    orig_ip_bytes: Count | None = None
    resp_pkts: Count | None = None
    resp_ip_bytes: Count | None = None
    version: str | None = None
    server_name: str | None = None
    next_protocol: str | None = None
    subject: str | None = None
    validation_status: str | None = None
    ja4: str | None = None
    established: bool | None = None
    query: str | None = None
    qtype_name: str | None = None
    rcode_name: str | None = None
    answers: list[str] | None = None
    host: str | None = None
    user_agent: str | None = None
    method: str | None = None


_SPELT: Final = {"orig_h": "id.orig_h", "orig_p": "id.orig_p", "resp_h": "id.resp_h", "resp_p": "id.resp_p"}
_KEPT: Final = {
    "conn": ("proto", "duration", "history", "orig_pkts", "orig_ip_bytes", "resp_pkts", "resp_ip_bytes"),
    "ssl": ("version", "server_name", "next_protocol", "subject", "validation_status", "ja4"),
    "dns": ("proto", "query", "qtype_name", "rcode_name", "answers"),
    "http": ("host", "user_agent"),
}
_OTHER: Final = "other"
_decode: Final = msgspec.json.Decoder(_Record).decode


def sniff(first: bytes) -> bool:
    """Whether a file that begins so is one."""
    line = first.partition(b"\n")[0]
    return line.startswith(b"{") and b'"id.orig_h"' in line


def decoded(block: Block, account: Account) -> Iterator[tuple[str, Listed, Int64s]]:
    """(kind, columns, number of each line) of each kind that is in the block."""
    found: dict[str, tuple[list[_Record], list[int]]] = {}
    for number, line in enumerate(block.data.split(b"\n"), block.line):
        if line.isspace() or not line:
            continue
        try:
            record = _decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            account.drop(BAD_LINE, number)
            continue
        records, numbers = found.setdefault(_kind(record), ([], []))
        records.append(record)
        numbers.append(number)
    others = found.pop(_OTHER, None)
    if others:
        account.drop("other_log", others[1][0], len(others[1]))
    for kind, (records, numbers) in found.items():
        yield kind, Listed(_columns(kind, records), len(records)), np.array(numbers, np.int64)


def _kind(record: _Record) -> str:
    """Which log it is of."""
    if record.path is not None:
        return record.path if record.path in _KEPT else _OTHER
    if record.conn_state is not None or record.orig_pkts is not None:
        return "conn"
    if record.query is not None or record.rcode_name is not None:
        return "dns"
    if record.established is not None or record.server_name is not None:
        return "ssl"
    return "http" if record.method is not None or record.host is not None else _OTHER


def _columns(kind: str, records: list[_Record]) -> dict[str, list[Any]]:
    names = ("orig_h", "orig_p", "resp_h", "resp_p", *_KEPT[kind])
    columns = {_SPELT.get(name, name): [getattr(one, name) for one in records] for name in names}
    columns["ts"] = [_seconds(one.ts) for one in records]
    if kind == "dns":
        columns["answers"] = [",".join(answers) if answers else None for answers in columns["answers"]]
    return columns


def _seconds(ts: float | str) -> float | str:
    return ts / 1_000 if isinstance(ts, float) and ts > _MILLIS else ts
