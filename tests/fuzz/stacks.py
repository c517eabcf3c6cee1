"""Packets built header by header, each header a little untrue: what structure hides from byte mutations.

Sources: as in `detector.kernel.frames`; and RFC 1661 (PPP), RFC 2784 and 2890 (GRE), RFC 7348
(VXLAN), RFC 8926 (Geneve), 3GPP TS 29.281 (GTP-U), RFC 4380 (Teredo), RFC 2661 (L2TP), RFC 2427
(frame relay), IEEE 802.11, radiotap.org, draft-foschiano-erspan.
"""

from __future__ import annotations

import struct

from tests.detector.dissectors import hellos
from tests.detector.dissectors.test_dns import response
from tests.detector.dissectors.test_hello import chrome
from tests.fuzz.mutate import BYTES, Dice, number

EXTENSIONS = (0, 0, 43, 43, 44, 51, 51, 60, 60, 60, 135, 253)
LINKS = (
    0, 1, 8, 9, 12, 14, 50, 51, 101, 104, 105, 107, 108, 109, 113, 119, 127, 163, 166, 192, 204, 205, 219,
    220, 228, 229, 239, 243, 258, 274, 276,
)  # fmt: skip
_PORTS = (53, 80, 443, 1701, 2152, 3333, 3544, 4444, 4789, 5555, 6081, 14_444, 40_000, 65_535)
_WORDS = (
    b'{"id":1,"method":"mining.subscribe","params":["cgminer/4.9"]}\n',
    b'{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"x","pass":"x","agent":"XMRig/6.21"}}\n',
    b'{"jsonrpc":"2.0","method":"job","params":{"blob":"0e0e","job_id":"1","target":"b88d0600"}}\n',
    b"POST / HTTP/1.1\r\nHost: pool\r\nContent-Length: 20\r\n\r\n",
)


def frame(rng: Dice, link: int) -> bytes:
    """A frame of this link type."""
    rng.honesty()
    packet = network(rng, rng.choice((0, 0, 1, 2, 3)))
    ether = 0x86DD if packet[:1] and packet[0] >> 4 == 6 else 0x0800
    data = _framed(rng, link, ether, packet)
    if rng.random() < 0.3:
        data = data[: rng.randrange(min(len(data), 160) + 1)]
    return data


def _framed(rng: Dice, link: int, ether: int, packet: bytes) -> bytes:
    kind, packet = _tagged(rng, number(rng, ether, 16), packet)
    point = 0x57 if ether == 0x86DD else 0x21
    family = rng.choice((10, 24, 28, 30)) if ether == 0x86DD else 2
    match link:
        case 1:
            return rng.randbytes(12) + struct.pack(">H", kind) + packet
        case 113:
            return struct.pack(">HHH8xH", 4, 1, 6, kind) + packet
        case 276:
            return struct.pack(">HxxIHBB8x", kind, 1, 1, 0, 6) + packet
        case 0 | 108 | 109:
            return struct.pack(rng.choice("<>") + "I", number(rng, family, 32)) + packet
        case 8 | 12 | 14 | 101 | 228 | 229:
            return packet
        case 9 | 50 | 166 | 204:
            head = rng.choice((b"", b"\xff\x03", b"\x00", b"\x01", b"\x0f\x00"))
            return head + struct.pack(">H" if rng.random() < 0.9 else ">B", number(rng, point, 8)) + packet
        case 51:
            return _pppoe(rng, point, packet)
        case 104 | 205:
            return rng.choice((b"\x0f\0", b"\x8f\0", b"\0")) + struct.pack(">H", kind) + packet
        case 107:
            head = bytes([rng.choice(BYTES) & 0xFE, rng.choice(BYTES) | 1, 3, rng.choice((0xCC, 0x8E, 0x80))])
            return head + rng.choice((b"", b"\0\0\0" + struct.pack(">H", kind))) + packet
        case 105:
            return _wireless(rng, kind, packet)
        case 119 | 127 | 163 | 192:
            return _prefixed(rng, link, kind, packet)
        case 219:
            return _labels(rng) + packet
        case 239:
            return _netfilter(rng, family, packet)
        case 258 | 274:
            return struct.pack("<II", number(rng, 108, 32), number(rng, 1, 32)) + rng.randbytes(100) + packet
        case _:
            return rng.randbytes(rng.randrange(64)) + packet


def _tagged(rng: Dice, kind: int, packet: bytes) -> tuple[int, bytes]:
    """The ethertype and what follows it, under any number of tags, labels and link-layer tunnels."""
    for _ in range(rng.choice((0, 0, 0, 0, 0, 1, 1, 2, 3, 9))):
        tag = rng.choice((0x8100, 0x88A8, 0x9100, 0x8847, 0x8864, 0x88E7, 0x8848, 0, 0x6558))
        if tag in (0x8847, 0x8848):
            packet = _labels(rng) + packet
        elif tag == 0x8864:
            packet = _pppoe(rng, 0x57 if kind == 0x86DD else 0x21, packet)
        elif tag == 0x88E7:  # IEEE 802.1ah: a whole frame behind a service tag
            packet = rng.randbytes(16) + struct.pack(">H", kind) + packet
        elif tag == 0x6558:
            packet = rng.randbytes(12) + struct.pack(">H", kind) + packet
        elif tag == 0:  # IEEE 802.3 length, LLC and SNAP
            packet = b"\xaa\xaa\x03\0\0\0" + struct.pack(">H", kind) + packet
            tag = number(rng, min(len(packet), 1500), 11)
        else:
            packet = struct.pack(">HH", rng.getrandbits(16), kind) + packet
        kind = tag
    return kind, packet


def _labels(rng: Dice) -> bytes:
    depth = rng.choice((1, 1, 2, 3, 20))
    words = [rng.getrandbits(23) << 9 | (i == depth - 1) << 8 | 64 for i in range(depth)]
    return b"".join(struct.pack(">I", number(rng, word, 32)) for word in words)


def _pppoe(rng: Dice, point: int, packet: bytes) -> bytes:
    head = struct.pack(">BBHH", 0x11, 0, 7, number(rng, 2 + len(packet), 16))
    return head + struct.pack(">H", number(rng, point, 16)) + packet


def _wireless(rng: Dice, kind: int, packet: bytes) -> bytes:
    """A data frame: addresses by the direction bits, quality of service, perhaps in an aggregate."""
    control = rng.choice((0x0008, 0x0088, 0x0048, 0x00C8)) | rng.choice((0, 1, 2, 3, 0x40, 0x80)) << 8
    head = struct.pack("<HH", number(rng, control, 16), 0) + rng.randbytes(20)
    head += rng.randbytes(6) if control >> 8 & 3 == 3 else b""
    head += struct.pack("<H", rng.choice((0, 0, 0x80))) if control & 0x80 else b""
    head += rng.randbytes(4) if control >> 15 else b""
    return head + b"\xaa\xaa\x03\0\0\0" + struct.pack(">H", kind) + packet


def _prefixed(rng: Dice, link: int, kind: int, packet: bytes) -> bytes:
    """A frame behind the receiver's own notes: radiotap, Prism, AVS, PPI."""
    inner = _wireless(rng, kind, packet)
    notes = rng.randbytes(rng.choice((0, 4, 10, 30)))
    if link == 127:
        bits = rng.getrandbits(32) & rng.getrandbits(32) & 0x8000FFFF
        return struct.pack("<BBHI", 0, 0, number(rng, 8 + len(notes), 16), bits) + notes + inner
    if link == 192:
        return (
            struct.pack("<BBHI", 0, 0, number(rng, 8 + len(notes), 16), number(rng, 105, 32)) + notes + inner
        )
    size = 144 if link == 119 else 64
    return struct.pack(">II", 0x80211001, number(rng, size, 32)) + rng.randbytes(size - 8) + inner


def _netfilter(rng: Dice, family: int, packet: bytes) -> bytes:
    head = struct.pack(">BBH", family, 0, 0)
    for kind, value in (
        (1, rng.randbytes(4)),
        (rng.randrange(20), rng.randbytes(rng.randrange(9))),
        (9, packet),
    ):
        head += struct.pack("<HH", number(rng, 4 + len(value), 16), kind) + value + bytes(-len(value) % 4)
    return head


# --- network layer


def network(rng: Dice, depth: int) -> bytes:
    """An IP packet; `depth` more of them may be inside."""
    protocol, body = transport(rng, depth)
    if rng.random() < 0.45:
        return ipv6(rng, protocol, body)
    return ipv4(rng, protocol, body)


def ipv4(rng: Dice, protocol: int, body: bytes) -> bytes:
    options = rng.randbytes(4 * rng.choice((0, 0, 0, 0, 1, 3, 10)))
    first = 4 << 4 | number(rng, 5 + len(options) // 4, 4)
    fragment = rng.choice((0, 0, 0, 0, 0, 0x4000, 0x4000, 0x4000, 0x2000, 0x2001, 1, 185, 0x1FFF))
    size = 0 if rng.random() < 0.05 else number(rng, 20 + len(options) + len(body), 16)
    head = struct.pack(">BBHHHBBH", first, 0, size, rng.randrange(8), fragment, 64, protocol, 0)
    return head + bytes([10, 0, 0, rng.randrange(4), 10, 0, 0, rng.randrange(4)]) + options + body


def ipv6(rng: Dice, protocol: int, body: bytes) -> bytes:
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2, 3, 8, 9))):
        kind = rng.choice(EXTENSIONS)
        body = _extension(rng, kind, protocol) + body
        protocol = kind
    size = 0 if rng.random() < 0.05 else number(rng, len(body), 16)
    ends = bytes(15) + bytes([rng.randrange(4)]) + b"\xfe\x80" + bytes(13) + bytes([rng.randrange(4)])
    return struct.pack(">IHBB", 6 << 28 | rng.getrandbits(20), size, protocol, 64) + ends + body


def _extension(rng: Dice, kind: int, following: int) -> bytes:
    if kind == 44:
        offset = rng.choice((0, 0, 0, 1, 1, 8, 9, 0xFFF8, 0xFFF9))
        return struct.pack(">BBHI", following, 0, offset, rng.randrange(8))
    units = rng.choice((0, 0, 1, 2))
    size = (units + 2) * 4 if kind == 51 else (units + 1) * 8
    return bytes([following, number(rng, units, 8)]) + rng.randbytes(max(size - 2, 6))


# --- transport and tunnels


def transport(rng: Dice, depth: int) -> tuple[int, bytes]:
    """(protocol number, what the IP packet carries)."""
    if depth and rng.random() < 0.7:
        return _tunnel(rng, depth - 1)
    kind = rng.random()
    if kind < 0.5:
        return 6, tcp(rng, payload(rng))
    if kind < 0.8:
        return 17, udp(rng, rng.choice(_PORTS), payload(rng))
    return rng.choice((1, 2, 4, 41, 47, 50, 58, 88, 89, 103, 112, 115, 132, 136, 137)), rng.randbytes(24)


def tcp(rng: Dice, data: bytes) -> bytes:
    options = b"".join(_tcp_option(rng) for _ in range(rng.choice((0, 0, 1, 2, 4))))[:40]
    options += bytes(-len(options) % 4)
    start = number(rng, 5 + len(options) // 4, 4) << 4
    ends = struct.pack(">HHII", rng.choice(_PORTS), rng.choice(_PORTS), rng.getrandbits(32), 0)
    return (
        ends
        + struct.pack(">BBHHH", start, rng.choice((2, 16, 18, 24, 17, 4, 20)), 512, 0, 0)
        + options
        + data
    )


def _tcp_option(rng: Dice) -> bytes:
    """Maximum segment size, window scale, SACK, timestamps, MD5, and what has no meaning (RFC 9293 3.2)."""
    kind, size = rng.choice(((0, 1), (1, 1), (2, 4), (3, 3), (4, 2), (5, 10), (8, 10), (19, 18), (254, 4)))
    return bytes([kind]) if size == 1 else bytes([kind, number(rng, size, 8)]) + rng.randbytes(size - 2)


def udp(rng: Dice, port: int, data: bytes) -> bytes:
    ends = [port, rng.choice(_PORTS)]
    rng.shuffle(ends)
    return struct.pack(">HHHH", *ends, number(rng, 8 + len(data), 16), 0) + data


def payload(rng: Dice) -> bytes:
    kind = rng.randrange(6)
    if kind == 4:
        return handshake(rng)
    if kind == 5:
        return response("xmr.pool.example", (1, b"\xcb\0\x71\5"), (28, bytes(16)))
    if kind == 0:
        return b""
    if kind == 1:
        return rng.choice(_WORDS)
    if kind == 2:
        return b"".join(tls_record(rng) for _ in range(rng.choice((1, 2, 5))))
    return rng.randbytes(rng.choice((1, 2, 7, 40)))


def handshake(rng: Dice) -> bytes:
    """What one side of a TLS handshake shows in the clear, in records of any length."""
    own = hellos.message(2, hellos.server_hello()) + hellos.message(
        11, hellos.certificates(rng.randbytes(300))
    )
    said = rng.choice((hellos.message(1, chrome()), own))
    size = rng.choice((1, 40, 200, len(said)))
    return b"".join(hellos.record(said[i : i + size]) for i in range(0, len(said), size))


def tls_record(rng: Dice) -> bytes:
    """RFC 8446 5.1, with lengths that may lie."""
    size = rng.choice((0, 1, 5, 60, 400))
    head = struct.pack(
        ">BBBH", rng.choice((20, 21, 22, 23, 23, 24)), 3, rng.randrange(6), number(rng, size, 16)
    )
    return head + bytes(size)


def _tunnel(rng: Dice, depth: int) -> tuple[int, bytes]:
    inner = network(rng, depth)
    six = inner[0] >> 4 == 6
    kind = 0x86DD if six else 0x0800
    ethernet = rng.randbytes(12) + struct.pack(">H", kind) + inner
    match rng.randrange(9):
        case 0 | 1:
            return 41 if six else 4, inner
        case 2 | 3:
            return 47, _gre(rng, kind, inner, ethernet)
        case 4:
            return 17, udp(rng, 4789, struct.pack(">II", number(rng, 0x08000000, 32), 7 << 8) + ethernet)
        case 5:
            options = rng.randbytes(4 * rng.choice((0, 0, 1, 5)))
            head = struct.pack(">BBHI", number(rng, len(options) // 4, 6), 0, number(rng, 0x6558, 16), 7 << 8)
            return 17, udp(rng, 6081, head + options + ethernet)
        case 6:
            return 17, udp(rng, 2152, _gtp(rng, inner))
        case 7:
            head = rng.choice((b"", b"\0\1\0\0" + bytes(9), b"\0\0" + bytes(6)))
            return 17, udp(rng, 3544, head + inner)
        case _:
            flags = rng.choice((0x0002, 0x4002, 0x4802, 0x0202, 0x4A02, 0xC802))
            rest = rng.randbytes(2 * (2 + (flags >> 14 & 1) + 2 * (flags >> 11 & 1) + (flags >> 9 & 1)))
            return 17, udp(rng, 1701, struct.pack(">H", flags) + rest + b"\xff\x03\0\x21" + inner)


def _gre(rng: Dice, kind: int, inner: bytes, ethernet: bytes) -> bytes:
    flags = rng.choice((0, 0x8000, 0x2000, 0x1000, 0xB000, 0x4000, 1, 0x3081))
    words = sum(flags >> bit & 1 for bit in (15, 13, 12)) + (flags >> 7 & 1)
    extra = rng.randbytes(4 * words)
    inside = {
        kind: inner,
        0x6558: ethernet,
        0x88BE: rng.randbytes(8) + ethernet,
        0x22EB: rng.randbytes(12) + ethernet,
        0x880B: b"\xff\x03\0\x21" + inner,
    }
    kind = rng.choice(list(inside))
    return struct.pack(">HH", flags, number(rng, kind, 16)) + extra + inside[kind]


def _gtp(rng: Dice, inner: bytes) -> bytes:
    """GTP-U with optional fields and a chain of extension headers."""
    flags = rng.choice((0x30, 0x30, 0x32, 0x34, 0x36))
    extra = b""
    if flags & 7:
        extra = b"\0\0\0" + bytes([0x85 if flags & 4 else 0])
        for _ in range(rng.choice((0, 1, 3)) if flags & 4 else 0):
            extra += bytes([number(rng, 1, 8), 0, 0, rng.choice((0, 0x85))])
    return struct.pack(">BBHI", flags, 255, number(rng, len(extra) + len(inner), 16), 7) + extra + inner
