"""Where a simulated conversation is seen: addresses, ports, link, what the capture loses and cuts.

Drawn without a look at the label, from one list of ports and one plan of addresses: private
ranges at home, documentation ranges (RFC 5737, RFC 3849) for most remotes.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from training.simulation.conversation import Conversation
from training.simulation.draw import Draw
from training.simulation.frames import LINK_ETHERNET, Address, Ends
from training.simulation.pcap import WHOLE, pcap_bytes

PORTS = (
    443,
    443,
    443,
    443,
    80,
    8080,
    3333,
    3333,
    4444,
    5555,
    7777,
    8333,
    9999,
    14444,
    1883,
    5222,
    22,
    25,
    18081,
)
_DOCUMENTATION = (IPv4Address("192.0.2.0"), IPv4Address("198.51.100.0"), IPv4Address("203.0.113.0"))
_FIRST_EPOCH_S = 1_704_067_200  # 2024-01-01
_EPOCHS_S = 80_000_000
_SAMPLED = 0.03  # share of captures that hold one packet in some, as sFlow would (RFC 3176)
_LEFT = 40  # packets that sampling leaves, about, at the least


def home_address(draw: Draw, version: int) -> Address:
    """An address of a private range (RFC 1918, RFC 4193)."""
    if version == 6:
        return IPv6Address((0xFD << 120) | draw.getrandbits(104))
    start, bits = draw.pick(((0x0A000000, 24), (0xAC100000, 20), (0xC0A80000, 16)))
    return IPv4Address((start | draw.getrandbits(bits)) & 0xFFFFFFFE | 2)


def remote_address(draw: Draw, version: int) -> Address:
    """An address of a documentation range, or for one in ten of a private one (a service in the house)."""
    if draw.chance(0.1):
        return home_address(draw, version)
    if version == 6:
        return IPv6Address((0x20010DB8 << 96) | draw.getrandbits(96))
    return IPv4Address(int(draw.pick(_DOCUMENTATION)) + draw.whole(1, 254))


def service_port(draw: Draw) -> int:
    """A port of a service, the same odds for every family."""
    return draw.pick(PORTS) if draw.chance(0.7) else draw.whole(1_024, 49_151)


def drawn_ends(
    draw: Draw, remotes: int, version: int | None = None, client: Address | None = None
) -> list[Ends]:
    """Endpoints with each of a conversation's remotes, all from one client, which is drawn unless given, as
    is the IP version.  Client ports are set later."""
    drawn = 6 if draw.chance(0.25) else 4
    version = client.version if client else version or drawn
    client, port = client or home_address(draw, version), service_port(draw)
    raw = draw.chance(0.05)
    macs = (b"\x02" + draw.randbytes(5), b"\x02" + draw.randbytes(5))
    vlan = draw.whole(1, 4094) if draw.chance(0.06) else None
    hops = (draw.pick((64, 128)), draw.whole(40, 120))
    ends: list[Ends] = []
    taken = {client}
    while len(ends) < remotes:
        server = remote_address(draw, version)
        if server in taken and remotes < 300:
            continue
        taken.add(server)
        ends.append(Ends(client, server, 0, port, None if raw else macs, None if raw else vlan, hops))
        port = port if draw.chance(0.5) else service_port(draw)
    return ends


@dataclass(frozen=True, slots=True)
class Captured:
    """A capture file of one conversation."""

    pcap: bytes
    client: str
    servers: tuple[str, ...]
    packets: int


def capture(conversation: Conversation, draw: Draw) -> Captured:
    """The conversation as a pcap file, with random ends, losses of the capture and snap length."""
    ends = drawn_ends(draw, conversation.remotes)
    snap = WHOLE if draw.chance(0.85) else draw.pick((96, 128, 160, 200, 256))
    packets = conversation.packets(ends, snap)
    missed = draw.pick((0.0, 0.0, 0.0, 0.001, 0.01))
    if draw.chance(_SAMPLED) and len(packets.frames) > 2 * _LEFT:
        missed = 1.0 - 1.0 / draw.log_uniform(2.0, min(100.0, len(packets.frames) / _LEFT))
    if missed:
        packets = packets.only(draw.arrays().random(len(packets.frames)) >= missed)
    epoch_ns = (_FIRST_EPOCH_S + draw.whole(0, _EPOCHS_S)) * 10**9 + draw.whole(0, 10**9 - 1)
    link = ends[0].link if ends else LINK_ETHERNET
    pcap = pcap_bytes(packets, link, epoch_ns, snap, draw.chance(0.2))
    return Captured(pcap, str(ends[0].client), tuple(str(end.server) for end in ends), len(packets.frames))
