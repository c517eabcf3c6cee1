"""What tshark says of each frame of a capture: its layers, addresses, ports and lengths.

One call a file.  Nothing is reassembled and no name is resolved; every occurrence of a field
is told, in the order of the layers, since tunnels have several.
"""

from __future__ import annotations

import ipaddress
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_PREFERENCES = (
    "ip.defragment:FALSE",
    "ipv6.defragment:FALSE",
    "tcp.desegment_tcp_streams:FALSE",
    "tcp.relative_sequence_numbers:FALSE",
    "tcp.analyze_sequence_numbers:FALSE",
)
_IP = ("ip.src", "ip.dst", "ip.len", "ip.hdr_len", "ip.frag_offset", "ip.flags.mf", "ip.id", "ip.proto")
_IPV6 = ("ipv6.src", "ipv6.dst", "ipv6.plen")
_FRAGMENT = ("ipv6.fraghdr.offset", "ipv6.fraghdr.ident")
_TCP = ("tcp.srcport", "tcp.dstport", "tcp.len", "tcp.hdr_len")
_UDP = ("udp.srcport", "udp.dstport", "udp.length")
_ODD = ("gre.proto", "vxlan.flags", "null.type")  # what tells a tunnel or link header of an unusual kind
FIELDS = ("frame.len", "frame.cap_len", "frame.protocols", *_ODD, *_IP, *_IPV6, *_FRAGMENT, *_TCP, *_UDP)
_QUOTES = {"icmp", "icmpv6"}  # errors quote the headers of others (RFC 792, RFC 4443)


@dataclass(frozen=True)
class Network:
    """An IP header."""

    source: int  # 128 bits, IPv4 mapped
    destination: int
    length: int  # of the whole packet by the header; 0 = not said
    header: int  # of IPv4
    offset: int = 0  # of a fragment, in bytes
    more: bool = False
    ident: int = 0
    protocol: int = 0


@dataclass(frozen=True)
class Transport:
    """A TCP or UDP header."""

    protocol: int
    source_port: int
    destination_port: int
    header: int
    payload: int  # by TCP (from IP), or by UDP's own length


@dataclass(frozen=True)
class Layer:
    """A header with its name; `network` stands at the one that it is carried by."""

    name: str
    network: Network | None
    transport: Transport | None = None


@dataclass(frozen=True)
class Frame:
    """A frame, its layers from the outside, as far as they carry the sender's own traffic."""

    wire: int
    captured: int
    path: tuple[str, ...]  # every protocol that tshark names
    layers: tuple[Layer, ...]
    odd: dict[str, str]  # by field, where there is one

    @property
    def transport(self) -> Layer | None:
        """The innermost TCP or UDP header."""
        found = [layer for layer in self.layers if layer.transport and layer.network]
        return found[-1] if found else None


def frames(path: Path) -> list[Frame]:
    """Raises ValueError where tshark cannot open the file at all."""
    options = [part for name in _PREFERENCES for part in ("-o", name)]
    fields = [part for name in FIELDS for part in ("-e", name)]
    shape = ["-T", "fields", "-E", "occurrence=a", "-E", "aggregator=,"]
    command = ["tshark", "-n", "-r", str(path), *options, *shape, *fields]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode and not done.stdout:
        raise ValueError(done.stderr.strip().splitlines()[-1])
    return [frame(dict(zip(FIELDS, line.split("\t"), strict=True))) for line in done.stdout.splitlines()]


def frame(row: dict[str, str]) -> Frame:
    """A line of tshark's."""
    path = tuple(row["frame.protocols"].split(":"))
    odd = {name: row[name] for name in _ODD if row.get(name)}
    return Frame(int(row["frame.len"]), int(row["frame.cap_len"]), path, tuple(_layers(path, row)), odd)


def _layers(path: tuple[str, ...], row: dict[str, str]) -> Iterator[Layer]:
    waiting = {
        name: iter(list(zip(*(_padded(row[f], row[fields[0]]) for f in fields), strict=True)))
        for name, fields in (("ip", _IP), ("ipv6", _IPV6), ("tcp", _TCP), ("udp", _UDP))
    }
    fragment = [row[name].split(",")[0] for name in _FRAGMENT]
    network: Network | None = None
    for name in path:
        if name in _QUOTES:
            return
        values = next(waiting[name], None) if name in waiting else None
        transport = None
        if name == "ip" and values and values[0] and values[1]:
            network = _ipv4(values)
        elif name == "ipv6" and values and values[0] and values[1]:
            plen = _number(values[2])
            network = Network(address(values[0]), address(values[1]), plen + 40 if plen else 0, 40)
        elif name in {"ip", "ipv6"}:
            network = None
        elif name == "ipv6.fraghdr" and network and fragment[0]:
            offset, ident = (_number(value) for value in fragment)
            network = Network(
                network.source, network.destination, network.length, 40, offset, True, ident, 44
            )
        elif name == "tcp" and values and values[1]:
            transport = Transport(
                6, _number(values[0]), _number(values[1]), _number(values[3]), _number(values[2])
            )
        elif name == "udp" and values and values[1]:
            transport = Transport(17, _number(values[0]), _number(values[1]), 8, _number(values[2]) - 8)
        yield Layer(name, network, transport)


def _ipv4(values: Iterable[str]) -> Network:
    source, destination, length, header, offset, more, ident, protocol = values
    sizes = _number(length), _number(header), _number(offset)
    flags = more in {"1", "True"}, _number(ident), _number(protocol)
    return Network(address(source), address(destination), *sizes, *flags)


def _padded(values: str, like: str) -> list[str]:
    """As many values as there are of the first field; a header that is cut short lacks some."""
    size = like.count(",") + 1 if like else 0
    return (values.split(",") + [""] * size)[:size]


def _number(text: str) -> int:
    return int(text, 0) if text else 0


def address(text: str) -> int:
    """128 bits; IPv4 mapped (RFC 4291 2.5.5.2)."""
    value = ipaddress.ip_address(text)
    return int(value) if value.version == 6 else 0xFFFF << 32 | int(value)
