"""NetFlow v5, v9 and IPFIX: files of export messages, one behind the other, as collectors store them.

netflume (MIT) decodes them: it keeps the templates, the sampling rate that an exporter told and the
numbers by which lost messages are found.  Here is where one message ends and the next begins: the
count in a v5 header (Cisco, NetFlow Export Datagram Format), the sets of v9 (RFC 3954 5.1: none has
the number 9, with which a message begins), the length of IPFIX (RFC 7011 3.1, RFC 5655).

Counts of sampled packets are scaled up and told as estimates.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detector.flowlogs.columns import ABSENT, addresses
from detector.flowlogs.contract import MOST, Account, Flows, usable
from detector.flowlogs.pairing import paired

if TYPE_CHECKING:
    from netflume import Decoder

    from detector.records import SourceReport
    from detector.streams import Stream

NAME: Final = "NetFlow or IPFIX file"
BATCH: Final = 8_192  # records on their way
READ_BYTES: Final = 1 << 20
_V5_HEADER, _V5_RECORD, _V9_HEADER = 24, 48, 20
_MOST_BYTES: Final = 65_535  # of a message: a datagram
_MOST_V5: Final = 30  # records: what fits into an Ethernet frame
_REVERSE_PACKETS, _REVERSE_BYTES = "e29305.2", "e29305.1"  # RFC 5103 6.1
_EARLIEST: Final = 631_152_000  # 1990: NetFlow is younger
_LATEST: Final = 1 << 32
_IPFIX_HEADER: Final = 16
NONE: Final = -1


def sniff(head: bytes) -> bool:
    """Whether it begins with the header of an export message."""
    if len(head) < _V9_HEADER:
        return False
    version, count = int.from_bytes(head[:2], "big"), int.from_bytes(head[2:4], "big")
    if version == 5:
        return 0 < count <= _MOST_V5 and _is_time(head[8:12])
    if version == 9:
        kind = int.from_bytes(head[20:22], "big")
        return count > 0 and _is_time(head[8:12]) and (kind in (0, 1) or kind >= 256)
    return version == 10 and count >= _IPFIX_HEADER and _is_time(head[4:8])


def _is_time(seconds: bytes) -> bool:
    return _EARLIEST < int.from_bytes(seconds, "big") < _LATEST


def read(stream: Stream, report: SourceReport) -> Iterator[Flows]:
    """See `FlowSource`."""
    from netflume import Decoder  # noqa: PLC0415  its collector loads sockets and threads

    account, decoder = Account(report, "message"), Decoder()
    waiting: list[_Half] = []
    for number, message in enumerate(_messages(stream, account), 1):
        waiting += _halves(decoder, message, stream.path, account, number)
        if len(waiting) >= BATCH:
            yield from _flows(waiting, account)
            waiting = []
    if waiting:
        yield from _flows(waiting, account)
    _tell(decoder, account)


_Half = tuple[str | None, str | None, int, int, int, int, int, int, int, int, int, bool]
"""Source, target, their ports, the protocol, first and last ns, packets and bytes there and back, exact."""


def _halves(decoder: Decoder, message: bytes, path: str, account: Account, number: int) -> list[_Half]:
    told = decoder.decode(message, path)
    if told is None:
        account.drop("bad_message", number)
        return []
    if told.gap:
        account.report.lost = (account.report.lost or 0) + told.gap
    rate = max(told.sampling_rate, 1)
    if rate > 1:
        account.note(f"one packet in {rate} was sampled: counts are estimates")
    read = [_half(record, told.header, rate) for record in told.flows]
    found = [half for half in read if half is not None]
    if len(found) < len(read):
        account.drop("record_without_counts", n=len(read) - len(found))
    return found


def _half(record: Mapping[str, Any], header: Mapping[str, Any], rate: int) -> _Half | None:
    """A record; None where it counts nothing."""
    from netflume import flow_endpoints  # noqa: PLC0415

    source, target = flow_endpoints(record)
    first, last = _times(record, header)
    packets, size = _count(record, "packets", "packets_total"), _count(record, "octets", "octets_total")
    if ABSENT in (packets, size):
        return None
    back = max(_count(record, _REVERSE_PACKETS), 0), max(_count(record, _REVERSE_BYTES), 0)
    ports = _count(record, "src_port"), _count(record, "dst_port")
    scaled = (packets * rate, size * rate, back[0] * rate, back[1] * rate)
    return (source, target, *ports, _count(record, "proto"), first, last, *scaled, rate == 1)


def _count(record: Mapping[str, Any], *names: str) -> int:
    """The first of these fields that is a number that can be one; ABSENT."""
    for name in names:
        value = record.get(name)
        if isinstance(value, int) and 0 <= value <= MOST:
            return value
    return ABSENT


def _times(record: Mapping[str, Any], header: Mapping[str, Any]) -> tuple[int, int]:
    """First and last packet, ns; of what says none, when it was exported.

    `flow_timestamp` gives what is absolute, or counts back from the exporter's uptime.
    """
    from netflume import flow_duration, flow_timestamp  # noqa: PLC0415

    exported = header.get("unix_secs") or 0
    start, lasted = flow_timestamp(record, header, now=exported), flow_duration(record) or 0.0
    if not 0 < start < _LATEST or not 0 <= lasted < _LATEST:
        return ABSENT, ABSENT
    first = round(start * 1e6) * 1_000
    return first, first + round(lasted * 1e6) * 1_000


def _flows(halves: list[_Half], account: Account) -> Iterator[Flows]:
    source, known = addresses(half[0] for half in halves)
    target, known_too = addresses(half[1] for half in halves)
    numbers = np.array([half[2:11] for half in halves], dtype=object)
    columns = np.minimum(numbers, 1 << 62).astype(np.int64).T  # scaled, they may pass 64 bits
    source_port, target_port, transport, first, last = columns[:5]
    exact = np.array([half[11] for half in halves], np.bool_)
    flows = paired(
        source=source,
        target=target,
        ports=(source_port, target_port),
        transport=transport,
        times=(first, last),
        there=np.ascontiguousarray(columns[5:7].T),
        back=np.ascontiguousarray(columns[7:9].T),
        exact=exact,
    )
    yield from usable(flows, known & known_too, account, reason="bad_record")


def _tell(decoder: Decoder, account: Account) -> None:
    """What could not be read for want of what never arrived."""
    if unknown := decoder.stats["deferred"]:
        account.drop("set_before_its_template", n=unknown)
    account.finish()


def _messages(stream: Stream, account: Account) -> Iterator[bytes]:
    """Message by message.  What no message begins with ends the file: behind it nothing is certain."""
    buffer, over = bytearray(), False
    room = bytearray(READ_BYTES)
    while (size := _size(buffer, over)) != NONE:
        if 0 < size <= len(buffer):
            yield bytes(buffer[:size])
            del buffer[:size]
        elif over:
            break
        else:
            n = stream.readinto(room)
            over = not n
            buffer += room[:n]
    if buffer:
        at = f"offset {stream.position - len(buffer)}" if not stream.codec else "in what was unpacked"
        account.report.problem = f"{stream.path}: no export message, or one that is cut short ({at})"


def _size(buffer: bytearray, over: bool) -> int:
    """Bytes of the message that the buffer begins with; 0 = not known yet, NONE = it is none.

    over: nothing follows what is in the buffer.
    """
    if len(buffer) < 4:
        return 0
    version, count = int.from_bytes(buffer[:2], "big"), int.from_bytes(buffer[2:4], "big")
    if version == 5:
        return _V5_HEADER + _V5_RECORD * count if 0 < count <= _MOST_V5 else NONE
    if version == 10:
        return count if count >= _IPFIX_HEADER else NONE
    return _size_v9(buffer, over) if version == 9 else NONE


def _size_v9(buffer: bytearray, over: bool) -> int:
    """Sets follow one another until something is no set: the next message, or nothing."""
    end = _V9_HEADER
    while end + 4 <= len(buffer):
        kind, size = struct.unpack_from(">HH", buffer, end)
        if 1 < kind < 256 or size < 4:
            return end
        end += size
        if end > _MOST_BYTES:
            return NONE
    return end if over else 0
