"""Headers to stack on one another: link types, what stands before IP, tunnels.

`LINKS` by name: (number of the link type, IP packet -> frame).  `TAGS`: IP packet -> (ethertype,
bytes behind it).  `TUNNELS`: (name in the settings, IP packet -> IP packet).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from ipaddress import ip_address

from tests.detector.kernel.by_hand import ethertype, ip, udp

Wrap = Callable[[bytes], bytes]
MAC = b"\x00\x1b\x21\x00\x00\x01\x00\x1b\x21\x00\x00\x02"  # of a maker: tshark asks for that behind MPLS
ENDS = "198.51.100.1", "198.51.100.2"  # of tunnels
ENDS6 = "2001:db8:f::1", "2001:db8:f::2"


def kind(packet: bytes) -> bytes:
    return struct.pack(">H", ethertype(packet))


def framed(packet: bytes) -> bytes:
    return MAC + kind(packet) + packet


def snap(packet: bytes) -> bytes:
    return b"\xaa\xaa\x03\0\0\0" + kind(packet) + packet


def ppp(packet: bytes) -> bytes:
    return (b"\x00\x21" if packet[0] >> 4 == 4 else b"\x00\x57") + packet


def nlpid(packet: bytes) -> bytes:
    return b"\xcc" if packet[0] >> 4 == 4 else b"\x8e"


def family(packet: bytes, six: int) -> int:
    return 2 if packet[0] >> 4 == 4 else six


def radio(packet: bytes, control: int = 0x0801, extra: bytes = b"", pad: int = 0) -> bytes:
    """An 802.11 data frame."""
    addresses = MAC + MAC[:6] + b"\0\0" + (MAC[:6] if control & 3 == 3 else b"")
    return struct.pack(">HH", control, 0) + addresses + extra + bytes(pad) + snap(packet)


def radio_aggregated(packet: bytes) -> bytes:
    body = snap(packet)
    head = struct.pack(">HH", 0x8801, 0) + MAC + MAC[:6] + b"\0\0" + b"\x80\0"
    return head + MAC + struct.pack(">H", len(body)) + body


def radiotap(packet: bytes) -> bytes:
    """With a clock, flags that say that the MAC header is padded, and a rate."""
    head = struct.pack("<BBHIQBB", 0, 0, 18, 0b111, 1, 0x20, 2)
    return head + radio(packet, 0x8801, b"\0\0", pad=2)


def nflog(packet: bytes, order: str = "<") -> bytes:
    prefix = struct.pack(order + "HH", 8, 10) + b"log\0"
    return (
        bytes([family(packet, 10), 0, 0, 1]) + prefix + struct.pack(order + "HH", 4 + len(packet), 9) + packet
    )


LINKS: dict[str, tuple[int, Wrap]] = {
    "ethernet": (1, framed),
    "802.3 with SNAP": (1, lambda p: MAC + struct.pack(">H", len(snap(p))) + snap(p)),
    "loopback, little-endian": (0, lambda p: struct.pack("<I", family(p, 30)) + p),
    "loopback, big-endian": (0, lambda p: struct.pack(">I", family(p, 24)) + p),
    "loopback, OpenBSD": (108, lambda p: struct.pack(">I", family(p, 24)) + p),
    "PPP": (9, ppp),
    "PPP in HDLC": (9, lambda p: b"\xff\x03" + ppp(p)),
    "PPP in HDLC, serial": (50, lambda p: b"\xff\x03" + ppp(p)),
    "PPP as Cisco frames it": (50, lambda p: b"\x0f\0" + kind(p) + p),
    "PPP with direction": (204, lambda p: b"\x01\xff\x03" + ppp(p)),
    "PPPoE": (51, lambda p: struct.pack(">BBHH", 0x11, 0, 7, len(ppp(p))) + ppp(p)),
    "raw": (101, lambda p: p),
    "raw, 12": (12, lambda p: p),
    "raw, 14": (14, lambda p: p),
    "Cisco HDLC": (104, lambda p: b"\x0f\0" + kind(p) + p),
    "Cisco HDLC with direction": (205, lambda p: b"\1\x0f\0" + kind(p) + p),
    "frame relay": (107, lambda p: b"\x18\x41\x03" + nlpid(p) + p),
    "frame relay with SNAP": (107, lambda p: b"\x18\x41\x03\0\x80\0\0\0" + kind(p) + p),
    "frame relay with Ethernet": (107, lambda p: b"\x18\x41\x03\0\x80\0\x80\xc2\0\7" + framed(p)),
    "frame relay of Cisco": (107, lambda p: b"\x18\x41" + kind(p) + p),
    "frame relay with direction": (206, lambda p: b"\1\x18\x41\x03" + nlpid(p) + p),
    "802.11": (105, radio),
    "802.11 with QoS": (105, lambda p: radio(p, 0x8801, b"\0\0")),
    "802.11 between stations of a bridge": (105, lambda p: radio(p, 0x0803)),
    "802.11 aggregated": (105, radio_aggregated),
    "radiotap": (127, radiotap),
    "Prism": (119, lambda p: struct.pack("<II", 0x44, 144) + b"wlan0" + bytes(131) + radio(p)),
    "AVS": (163, lambda p: struct.pack(">II", 0x80211001, 64) + bytes(56) + radio(p)),
    "per-packet information": (192, lambda p: struct.pack("<BBHI", 0, 0, 8, 1) + framed(p)),
    "per-packet information, 802.11": (192, lambda p: struct.pack("<BBHI", 0, 0, 8, 105) + radio(p)),
    "Linux cooked": (113, lambda p: b"\0\0\0\1\0\6" + MAC[:6] + b"\0\0" + kind(p) + p),
    "Linux cooked 2": (276, lambda p: kind(p) + b"\0\0\0\0\0\1\0\1\0\6" + MAC[:6] + b"\0\0" + p),
    "nflog": (239, nflog),
    "pf log": (117, lambda p: bytes([61, family(p, 24), 0, 0]) + b"em0" + bytes(57) + p),
    "IPsec, decrypted": (109, lambda p: struct.pack(">III", family(p, 24), 1, 0) + p),
    "LLC over ATM": (100, snap),
    "FDDI": (10, lambda p: b"\x50" + MAC + snap(p)),
    "IP over Fibre Channel": (122, lambda p: bytes(16) + snap(p)),
    "IP over FireWire": (138, lambda p: bytes(16) + kind(p) + p),
    "IP over InfiniBand": (242, lambda p: bytes(40) + kind(p) + b"\0\0" + p),
    "PKTAP": (258, lambda p: struct.pack("<III", 108, 1, 1) + bytes(96) + framed(p)),
    "MPLS": (219, lambda p: struct.pack(">I", 16 << 12 | 1 << 8 | 64) + p),
    "Solaris ipnet": (226, lambda p: struct.pack(">BBHI16x", 2, family(p, 26), 0, len(p)) + p),
    "switch tag of Broadcom": (281, lambda p: MAC + b"\0\0\0\1" + kind(p) + p),
    "switch tag of Broadcom, before": (282, lambda p: b"\0\0\0\1" + framed(p)),
    "switch tag of Marvell": (284, lambda p: MAC + b"\xc0\0\0\0" + kind(p) + p),
    "switch tag of Marvell, with type": (285, lambda p: MAC + b"\xda\xda\0\0\xc0\0\0\0" + kind(p) + p),
}  # fmt: skip


TAGS: dict[str, Callable[[bytes], tuple[int, bytes]]] = {
    "VLAN": lambda p: (0x8100, b"\0\5" + kind(p) + p),
    "QinQ": lambda p: (0x88A8, b"\0\5\x81\0\0\6" + kind(p) + p),
    "three VLANs": lambda p: (0x9100, b"\0\5\x81\0\0\6\x81\0\0\7" + kind(p) + p),
    "PPPoE": lambda p: (0x8864, struct.pack(">BBHH", 0x11, 0, 7, len(ppp(p))) + ppp(p)),
    "MPLS": lambda p: (0x8847, struct.pack(">I", 16 << 12 | 1 << 8 | 64) + p),
    "two MPLS labels": lambda p: (0x8847, struct.pack(">II", 17 << 12 | 64, 16 << 12 | 1 << 8 | 64) + p),
    "Ethernet in MPLS": lambda p: (0x8847, struct.pack(">II", 16 << 12 | 1 << 8 | 64, 0) + framed(p)),
    "provider backbone": lambda p: (0x88A8, b"\0\5\x88\xe7\0\0\0\7" + framed(p)),
    "VN-tag": lambda p: (0x8926, b"\0\1\0\2" + kind(p) + p),
    "E-tag": lambda p: (0x893F, b"\0\1\0\2\0\0" + kind(p) + p),
}


def tagged(tag: str, packet: bytes) -> bytes:
    """In an Ethernet frame."""
    ether, body = TAGS[tag](packet)
    return MAC + struct.pack(">H", ether) + body


def gre(packet: bytes, flags: int = 0, options: bytes = b"", proto: int = 0) -> bytes:
    return ip(*ENDS, 47, struct.pack(">HH", flags, proto or ethertype(packet)) + options + packet)


def carried(port: int, head: bytes, packet: bytes, sport: int = 50_000) -> bytes:
    """In UDP to this port, behind a header."""
    return udp(ENDS[0], sport, ENDS[1], port, head + packet)


def gtp(packet: bytes, flags: int = 0x30, extra: bytes = b"") -> bytes:
    head = struct.pack(">BBHI", flags, 255, len(extra) + len(packet), 77)
    return carried(2152, head + extra, packet)


def teredo(packet: bytes, head: bytes = b"") -> bytes:
    """IPv6 only: an IPv4 packet is put into one first."""
    inner = packet if packet[0] >> 4 == 6 else ip(*ENDS6, 4, packet)
    return carried(3544, head, inner)


def l2tp(packet: bytes) -> bytes:
    body = b"\xff\x03" + ppp(packet)
    return udp(ENDS[0], 1701, ENDS[1], 1701, struct.pack(">HHHH", 0x4002, 8 + len(body), 5, 6) + body)


TUNNELS: dict[str, tuple[str, Wrap]] = {
    "IPIP": ("ipip", lambda p: ip(*ENDS, 4 if p[0] >> 4 == 4 else 41, p)),
    "IP in IPv6": ("ipip", lambda p: ip(*ENDS6, 4 if p[0] >> 4 == 4 else 41, p)),
    "GRE": ("gre", gre),
    "GRE with everything": ("gre", lambda p: gre(p, 0xB000, bytes(12))),
    "GRE with Ethernet": ("gre", lambda p: gre(framed(p), 0x2000, bytes(4), 0x6558)),
    "PPTP": ("gre", lambda p: gre(ppp(p), 0x3081, struct.pack(">HHII", len(ppp(p)), 1, 9, 8), 0x880B)),
    "ERSPAN I": ("erspan", lambda p: gre(framed(p), 0, b"", 0x88BE)),
    "ERSPAN II": ("erspan", lambda p: gre(b"\x10\0\0\0\0\0\0\0" + framed(p), 0x1000, bytes(4), 0x88BE)),
    "ERSPAN III": ("erspan", lambda p: gre(b"\x20" + bytes(11) + framed(p), 0x1000, bytes(4), 0x22EB)),
    "ERSPAN III with platform": (
        "erspan", lambda p: gre(b"\x20" + bytes(10) + b"\1" + bytes(8) + framed(p), 0x1000, bytes(4), 0x22EB)
    ),
    "VXLAN": ("vxlan", lambda p: carried(4789, b"\x08\0\0\0\0\0\7\0", framed(p))),
    "VXLAN of old Linux": ("vxlan", lambda p: carried(8472, b"\x08\0\0\0\0\0\7\0", framed(p))),
    "VXLAN-GPE": ("vxlan", lambda p: carried(
        4790, b"\x0c\0\0" + (b"\1" if p[0] >> 4 == 4 else b"\2") + b"\0\0\7\0", p)),
    "Geneve": ("geneve", lambda p: carried(6081, b"\2\0\x65\x58\0\0\7\0" + b"\1\2\3\1\0\0\0\0", framed(p))),
    "Geneve with IP": ("geneve", lambda p: carried(6081, b"\0\0" + kind(p) + b"\0\0\7\0", p)),
    "GTP-U": ("gtp", gtp),
    "GTP-U with extensions": ("gtp", lambda p: gtp(p, 0x34, b"\0\0\0\x85\1\0\0\0")),
    "Teredo": ("teredo", teredo),
    "Teredo with origin": ("teredo", lambda p: teredo(
        p, b"\0\1\0\0" + bytes(9) + b"\0\0\x11\x11\x22\x22\x33\x33")),
    "L2TP": ("l2tp", l2tp),
    "L2TPv3": ("l2tpv3", lambda p: ip(*ENDS, 115, b"\0\0\0\7" + framed(p))),
    "L2TPv3 with cookie": ("l2tpv3", lambda p: ip(*ENDS, 115, b"\0\0\0\7" + b"cook" + bytes(4) + framed(p))),
    "L2TPv3 in UDP": ("l2tpv3", lambda p: udp(
        ENDS[0], 1701, ENDS[1], 1701, b"\0\3\0\0\0\0\0\7" + framed(p))),
}  # fmt: skip


def fragments(packet: bytes, size: int, ident: int = 7) -> list[bytes]:
    """An IP packet in pieces of `size` bytes of its data (a multiple of 8)."""
    pieces = []
    header = 20 if packet[0] >> 4 == 4 else 40
    body = packet[header:]
    for start in range(0, len(body), size):
        part = body[start : start + size]
        more = start + size < len(body)
        if header == 20:
            head = bytearray(packet[:20])
            struct.pack_into(">HHH", head, 2, 20 + len(part), ident, more << 13 | start >> 3)
            pieces.append(bytes(head) + part)
        else:
            extension = struct.pack(">BBHI", packet[6], 0, start | more, ident)
            head = bytearray(packet[:40])
            struct.pack_into(">HB", head, 4, 8 + len(part), 44)
            pieces.append(bytes(head) + extension + part)
    return pieces


def mapped(address: str) -> tuple[int, int]:
    """High and low word, as descriptors have them."""
    value = ip_address(address)
    number = int(value) if value.version == 6 else 0xFFFF << 32 | int(value)
    return number >> 64, number & (1 << 64) - 1
