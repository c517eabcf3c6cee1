"""Zeek's logs as JSON lines, of whichever kind each line is.

A line tells its kind by a field that every record of that log has and no other log's: `conn_state`,
`rejected`, `established`, `trans_depth`.  Times are seconds since the epoch, RFC 3339
(JSON::TS_ISO8601) or milliseconds (JSON::TS_MILLIS).
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


class _Ends(msgspec.Struct, gc=False, kw_only=True):
    """What every line has: when, and who with whom."""

    ts: float | str
    orig_h: str = msgspec.field(name="id.orig_h")
    orig_p: Port = msgspec.field(name="id.orig_p")
    resp_h: str = msgspec.field(name="id.resp_h")
    resp_p: Port = msgspec.field(name="id.resp_p")


class _Conn(_Ends, gc=False, kw_only=True):
    conn_state: str
    proto: str | None = None
    duration: float | None = None
    history: str | None = None
    orig_pkts: Count | None = None
    orig_ip_bytes: Count | None = None
    resp_pkts: Count | None = None
    resp_ip_bytes: Count | None = None


class _Ssl(_Ends, gc=False, kw_only=True):
    established: bool
    version: str | None = None
    server_name: str | None = None
    next_protocol: str | None = None
    subject: str | None = None
    validation_status: str | None = None
    ja4: str | None = None


class _Dns(_Ends, gc=False, kw_only=True):
    rejected: bool
    proto: str | None = None
    query: str | None = None
    qtype_name: str | None = None
    rcode_name: str | None = None
    answers: list[str] | None = None


class _Http(_Ends, gc=False, kw_only=True):
    trans_depth: int
    host: str | None = None
    user_agent: str | None = None


_KINDS: Final[dict[type[_Ends], str]] = {_Conn: "conn", _Ssl: "ssl", _Dns: "dns", _Http: "http"}
_DECODERS: Final = tuple(msgspec.json.Decoder(kind).decode for kind in _KINDS)
_other: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_SPELT: Final = {"orig_h": "id.orig_h", "orig_p": "id.orig_p", "resp_h": "id.resp_h", "resp_p": "id.resp_p"}
_DAMAGED: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def sniff(first: bytes) -> bool:
    """Whether a file that begins so is one."""
    line = first.partition(b"\n")[0]
    return line.startswith(b"{") and b'"id.orig_h"' in line


def decoded(block: Block, account: Account) -> Iterator[tuple[str, Listed, Int64s]]:
    """(kind, columns, number of each line) of each kind that is in the block."""
    found: dict[type[_Ends], tuple[list[_Ends], list[int]]] = {kind: ([], []) for kind in _KINDS}
    decode = _DECODERS[0]
    for number, line in enumerate(block.data.split(b"\n"), block.line):
        try:
            record = decode(line)
        except _DAMAGED:
            decode, other = _of_another_kind(line, number, account)
            if other is None:
                continue
            record = other
        records, numbers = found[type(record)]
        records.append(record)
        numbers.append(number)
    for kind, (records, numbers) in found.items():
        if records:
            yield _KINDS[kind], Listed(_columns(records), len(records)), np.array(numbers, np.int64)


def _of_another_kind(line: bytes, number: int, account: Account) -> tuple[Any, _Ends | None]:
    """(decoder that fits the line, its record); a line of no kind is counted, and told from a bad one."""
    for decode in _DECODERS:
        try:
            return decode, decode(line)
        except _DAMAGED:
            continue
    if line.strip():
        try:
            other = "id.orig_h" in _other(line) and not any(b'"%s"' % name in line for name in _TOLD_BY)
        except _DAMAGED:
            other = False
        account.drop("line_of_another_log" if other else BAD_LINE, 0 if other else number)
    return _DECODERS[0], None


_TOLD_BY: Final = (b"conn_state", b"rejected", b"established", b"trans_depth")


def _columns(records: list[_Ends]) -> dict[str, list[Any]]:
    """Each field of records of one kind."""
    columns = {
        _SPELT.get(name, name): [getattr(one, name) for one in records]
        for name in type(records[0]).__struct_fields__
    }
    if isinstance(columns["ts"][0], float) and columns["ts"][0] > _MILLIS:
        columns["ts"] = [ts / 1_000 if isinstance(ts, float) else ts for ts in columns["ts"]]
    if "answers" in columns:
        columns["answers"] = [",".join(answers) if answers else None for answers in columns["answers"]]
    return columns
