"""Program that reads a capture through pyshark and writes packet descriptors to standard output.

It runs in a process of its own (`pyshark_engine` starts it), because pyshark needs an event
loop that nobody else runs, and because a dissector of everything is no neighbour to have
when captures are hostile.  tshark says where the layers are, and what is told of is the IP
packet inside the tunnels that the settings open; nothing is reassembled, since a payload
belongs to the packet that carried it (later fragments of IP are counted as such).

Output is a series of messages: `HEADER` (packets, bytes of counts, bytes of capture done),
the packets (`PACKET`: time, two addresses with ports, transport, TCP flags and sequence
number, bytes on the wire, bytes of payload by the headers and as captured; then that
payload), and counts as JSON.  The last message holds {"problem": text or null}.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import socket
import struct
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, Final

HEADER: Final = struct.Struct("=IIQ")
PACKET: Final = struct.Struct("=Q16sH16sHBBIIII")
BATCH: Final = 256  # packets a message
_LATEST: Final = 1 << 62  # ns; as in the native decoder
_MAPPED: Final = bytes(10) + b"\xff\xff"  # ::ffff:0:0/96
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ISO: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)")
_DECIMAL: Final = re.compile(r"(-?)(\d{1,20})(?:\.(\d{1,9}))?")
_PREFERENCES: Final = {
    "tcp.desegment_tcp_streams": "FALSE",
    "tcp.analyze_sequence_numbers": "FALSE",
    "tcp.relative_sequence_numbers": "FALSE",
    "ip.defragment": "FALSE",
    "ipv6.defragment": "FALSE",
}
_TUNNELS: Final = {  # by what tshark calls a layer between two IP headers
    "erspan": "erspan", "gre": "gre", "vxlan": "vxlan", "geneve": "geneve", "gtp": "gtp", "teredo": "teredo",
    "l2tp": "l2tp",
}  # fmt: skip
_TRANSPORTS: Final = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP}
_GRACE_S: Final = 20.0  # for tshark to end once its output has


def nanoseconds(text: str) -> int:
    """Time of a frame in ns, 1 .. 2**62, from `1490000000.123456789` or, as tshark 4.6 writes, ISO 8601.

    Raises ValueError.
    """
    iso = _ISO.fullmatch(text)
    if iso:
        moment = datetime.fromisoformat(iso[1] + iso[3].replace("Z", "+00:00"))
        at = (moment - _EPOCH) // timedelta(seconds=1) * 1_000_000_000 + _fraction(iso[2])
    else:
        number = _DECIMAL.fullmatch(text)
        if number is None:
            raise ValueError(f"no time: {text[:40]!r}")
        at = int(number[2]) * 1_000_000_000 + _fraction(number[3])
        at = -at if number[1] else at
    return min(max(at, 1), _LATEST)


def _fraction(digits: str | None) -> int:
    return int((digits or "0").ljust(9, "0"))


def describe(packet: Any, tunnels: frozenset[str] = frozenset(), depth: int = 0) -> bytes | str:
    """A pyshark packet as a `PACKET` with its payload, or the reason (of `kernel.tables`) why it is none.

    tunnels: those that are opened, `depth` of them in one another.
    """
    path = (_field(packet.frame_info, "protocols") or "").split(":")
    at = _network(path, tunnels, depth)
    if at is None:
        return "not_ip"
    network, rest = path[at], path[at + 1 :]
    while network == "ipv6" and rest and (rest[0].startswith("ipv6.") or rest[0] == "ah"):
        rest = rest[1:]  # extension headers, RFC 8200 section 4
    try:
        ip = _layer(packet, network, path[:at].count(network))
        if not rest or rest[0] not in _TRANSPORTS:
            return _without_transport(ip, rest)
        segment = _layer(packet, rest[0], path[:at].count(rest[0]))
        return _packed(packet, ip, segment, rest[0], "ipv6.fraghdr" in path[at:])
    except (LookupError, ValueError, OSError, struct.error):  # a layer or field that the capture cut off
        return "truncated_header"


def _network(path: list[str], tunnels: frozenset[str], depth: int) -> int | None:
    """Where in the path of layers the IP header stands that is told of."""
    networks = [i for i, name in enumerate(path) if name in {"ip", "ipv6"}]
    told = networks[0] if networks else None
    for outer, inner in itertools.pairwise(networks[: depth + 1]):
        between = [name for name in path[outer + 1 : inner] if not name.startswith("ipv6.") and name != "ah"]
        named = next((tunnel for name, tunnel in _TUNNELS.items() if name in between), "")
        if not between:
            named = "6in4" if path[inner] == "ipv6" else "ipip"
        elif between == ["udp"]:
            named = "vxlan"  # its generic protocol extension, to which tshark gives no name
        if named not in tunnels:
            break
        told = inner
    return told


def _layer(packet: Any, name: str, number: int) -> Any:
    """The layer of this name behind so many others of it.  Raises KeyError where tshark has none."""
    first = packet[name]
    return [first, *first.duplicate_layers][number] if number else first


def _without_transport(network: Any, rest: list[str]) -> str:
    offset = _field(network, "frag_offset") or _field(network, "fraghdr.offset")
    if offset and int(offset):
        return "fragment"
    return "other_transport" if rest else "bad_ip_header"


def _packed(packet: Any, ip: Any, segment: Any, transport: str, fragmented: bool) -> bytes | str:
    flags, sequence, header = 0, 0, 8
    if transport == "tcp":
        header = int(_need(segment, "hdr_len"))
        flags, sequence = int(_need(segment, "flags"), 0) & 0xFF, int(_need(segment, "seq_raw"))
        if header < 20:
            return "bad_transport_header"
    payload = bytes.fromhex((_field(segment, "payload") or "").replace(":", ""))
    length = _length(ip, segment, header, len(payload) if fragmented else None)
    if length < 0:
        return "bad_transport_header"
    payload = payload[:length]
    wire = max(int(packet.length), int(_need(packet.frame_info, "cap_len")))
    fixed = PACKET.pack(
        nanoseconds(packet.sniff_timestamp),
        _address(_need(ip, "src")),
        int(_need(segment, "srcport")),
        _address(_need(ip, "dst")),
        int(_need(segment, "dstport")),
        _TRANSPORTS[transport],
        flags,
        sequence,
        wire,
        length,
        len(payload),
    )
    return fixed + payload


def _length(ip: Any, segment: Any, header: int, fragment: int | None) -> int:
    """Bytes of transport payload by the IP header; of a first fragment of IPv6, those that are there."""
    total, network = _field(ip, "len"), _field(ip, "hdr_len")
    if total and network and int(total):
        return int(total) - int(network) - header
    if fragment is not None:
        return fragment
    told = _field(segment, "len")  # of TCP: without the header
    return int(told) if told else int(_need(segment, "length")) - header


def _address(text: str) -> bytes:
    """128 bits; IPv4 mapped."""
    if ":" in text:
        return socket.inet_pton(socket.AF_INET6, text)
    return _MAPPED + socket.inet_pton(socket.AF_INET, text)


def _field(layer: Any, name: str) -> str | None:
    """The first value of a field; None where the layer has none."""
    try:
        value = layer.get_field(name)
    except AttributeError:
        return None
    if isinstance(value, list):
        value = value[0] if value else None
    return value if isinstance(value, str) else None


def _need(layer: Any, name: str) -> str:
    value = _field(layer, name)
    if value is None:
        raise KeyError(name)
    return value


def packets(path: str) -> Iterator[Any]:
    """Packets of a capture as pyshark has them.  Raises TSharkCrashException and OSError."""
    import pyshark  # noqa: PLC0415

    class Patient(pyshark.FileCapture):  # type: ignore[misc]
        """Lets tshark end by itself: pyshark kills it at the end of its output and loses its status."""

        async def _cleanup_subprocess(self, process: Any) -> None:
            if self._eof_reached:
                await asyncio.wait_for(process.wait(), _GRACE_S)
            await super()._cleanup_subprocess(process)

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)  # given to pyshark too: it then asks for no child watcher, gone in 3.14
    capture = Patient(
        str(Path(path).resolve()),
        keep_packets=False,
        use_json=True,
        eventloop=loop,
        custom_parameters=["-j", "frame ip ipv6 tcp udp"],
        override_prefs=_PREFERENCES,
        decode_as={"udp.port==8472": "vxlan"},  # as Linux has it; tshark takes the registered OTV
    )
    try:
        yield from capture
    finally:
        capture.close()
        loop.close()


class Batches:
    """Collects packets and writes them as messages."""

    def __init__(self, out: BinaryIO, tunnels: frozenset[str], depth: int) -> None:
        self._out, self._tunnels, self._depth = out, tunnels, depth
        self._packets: list[bytes] = []
        self._left_out: Counter[str] = Counter()
        self._done = 24  # header of a pcap file

    def add(self, packet: Any) -> None:
        """Take in a packet; a full batch is written."""
        told = describe(packet, self._tunnels, self._depth)
        self._done += 16 + int(_field(packet.frame_info, "cap_len") or 0)  # a record of a pcap file
        if isinstance(told, str):
            self._left_out[told] += 1
        else:
            self._packets.append(told)
        if len(self._packets) + self._left_out.total() >= BATCH:
            self.write(dict(self._left_out))

    def write(self, counts: dict[str, Any]) -> None:
        """Write what was collected, with `counts`, and begin anew."""
        told = json.dumps(counts).encode()
        self._out.write(HEADER.pack(len(self._packets), len(told), self._done))
        self._out.write(b"".join(self._packets) + told)
        self._out.flush()
        self._packets.clear()
        self._left_out.clear()

    def close(self, problem: str | None) -> None:
        """Write what is left and how it ended."""
        self.write(dict(self._left_out))
        self.write({"problem": problem})


def problem_of(error: Exception) -> str:
    """One line of what pyshark or tshark says: the last line of tshark, where there is one."""
    lines = [line.strip() for line in str(error).splitlines()]
    told = [line.partition(":")[2].strip() for line in lines if line.startswith("Last error line:")]
    return next((line for line in [*told, *lines] if line and line != "None"), type(error).__name__)


def main() -> int:
    """`python -m detector.capture.pyshark_child CAPTURE TUNNEL,TUNNEL... DEPTH`"""
    batches = Batches(sys.stdout.buffer, frozenset(sys.argv[2].split(",")), int(sys.argv[3]))
    problem = None
    try:
        for packet in packets(sys.argv[1]):
            batches.add(packet)
    except BrokenPipeError:
        return 1
    except Exception as error:  # noqa: BLE001  pyshark raises what it likes; the parent tells it in a line
        problem = problem_of(error)
    batches.close(problem)
    return 0


if __name__ == "__main__":
    sys.exit(main())
