# cython: language_level=3, wraparound=False, cdivision=True, initializedcheck=False
"""Walks the records of a capture and decodes their frames into packet descriptors.

Owns everything between the bytes of a capture and the transport header: pcap and pcapng
framing, link layers, IPv4 and IPv6.  Each packet becomes one descriptor (`tables`), or
one count under the reason why not.  Knows nothing of connections.

Sources: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng, tcpdump.org/linktypes, IEEE
802.1Q/ad, RFC 2516 (PPPoE), RFC 3032 (MPLS), RFC 791, RFC 8200, RFC 9293, RFC 768.

Every read is guarded by an explicit length check; bounds checks stay on besides, so that
a mistake here is an IndexError and never a read of foreign memory.
"""

import cython

from detector.kernel import tables

_FORMAT = cython.declare(cython.Py_ssize_t, tables.FORMAT)
_SWAPPED = cython.declare(cython.Py_ssize_t, tables.SWAPPED)
_NS_PER_TICK = cython.declare(cython.Py_ssize_t, tables.NS_PER_TICK)
_INTERFACES = cython.declare(cython.Py_ssize_t, tables.INTERFACES)
_STOP = cython.declare(cython.Py_ssize_t, tables.STOP)
_STOP_VALUE = cython.declare(cython.Py_ssize_t, tables.STOP_VALUE)
_STOP_LENGTH = cython.declare(cython.longlong, tables.STOP_LENGTH)
_STOP_ORDER = cython.declare(cython.longlong, tables.STOP_ORDER)
_LOST = cython.declare(cython.Py_ssize_t, tables.LOST)
_BATCHED = cython.declare(cython.Py_ssize_t, tables.BATCHED)
_LINKS = cython.declare(cython.Py_ssize_t, tables.LINKS)
_LINK_PAIRS = cython.declare(cython.Py_ssize_t, tables.LINK_PAIRS)
_PCAP = cython.declare(cython.longlong, tables.PCAP)
_RECORD_LIMIT = cython.declare(cython.longlong, tables.RECORD_LIMIT)
_INTERFACE = cython.declare(cython.Py_ssize_t, tables.INTERFACE)
_MAX_INTERFACES = cython.declare(cython.longlong, tables.MAX_INTERFACES)
_DESCRIPTOR = cython.declare(cython.Py_ssize_t, tables.DESCRIPTOR)
_BATCH = cython.declare(cython.Py_ssize_t, tables.BATCH)
_FROM_B = cython.declare(cython.ulonglong, tables.FROM_B)

_PACKETS = cython.declare(cython.Py_ssize_t, tables.COUNTS + tables.COUNTED.index("packets"))
_DECODED = cython.declare(cython.Py_ssize_t, tables.COUNTS + tables.COUNTED.index("decoded"))
_NOT_IP = cython.declare(cython.Py_ssize_t, tables.COUNTS + tables.COUNTED.index("not_ip"))
_TRUNCATED = cython.declare(cython.Py_ssize_t, tables.COUNTS + tables.COUNTED.index("truncated_header"))
_BAD_IP = cython.declare(cython.Py_ssize_t, tables.COUNTS + tables.COUNTED.index("bad_ip_header"))
_BAD_TRANSPORT = cython.declare(
    cython.Py_ssize_t, tables.COUNTS + tables.COUNTED.index("bad_transport_header")
)
_FRAGMENT = cython.declare(cython.Py_ssize_t, tables.COUNTS + tables.COUNTED.index("fragment"))
_OTHER = cython.declare(cython.Py_ssize_t, tables.COUNTS + tables.COUNTED.index("other_transport"))
_BAD_RECORD = cython.declare(cython.Py_ssize_t, tables.COUNTS + tables.COUNTED.index("bad_record"))
_UNKNOWN_LINK = cython.declare(cython.Py_ssize_t, tables.COUNTS + tables.COUNTED.index("unknown_linktype"))

_IPV4 = cython.declare(cython.int, 0x0800)
_IPV6 = cython.declare(cython.int, 0x86DD)
_GIGA = cython.declare(cython.ulonglong, 1_000_000_000)
_LATEST = cython.declare(cython.ulonglong, 1 << 62)  # room to add to without overflow
_MAX_SECONDS = cython.declare(cython.longlong, 4_611_686_018)  # _LATEST in whole seconds: the year 2116
_BIT31 = cython.declare(cython.longlong, 1 << 31)
_BIT32 = cython.declare(cython.longlong, 1 << 32)
_MAPPED = cython.declare(cython.ulonglong, 0xFFFF << 32)  # ::ffff:0:0/96


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _be16(b: cython.uchar[::1], o: cython.Py_ssize_t) -> cython.int:
    return (b[o] << 8) | b[o + 1]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _be32(b: cython.uchar[::1], o: cython.Py_ssize_t) -> cython.longlong:
    x: cython.longlong = b[o]
    return (x << 24) | (b[o + 1] << 16) | (b[o + 2] << 8) | b[o + 3]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _read16(b: cython.uchar[::1], o: cython.Py_ssize_t, swapped: cython.int) -> cython.int:
    if swapped:
        return (b[o] << 8) | b[o + 1]
    return (b[o + 1] << 8) | b[o]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _read32(b: cython.uchar[::1], o: cython.Py_ssize_t, swapped: cython.int) -> cython.longlong:
    x: cython.longlong
    if swapped:
        x = b[o]
        return (x << 24) | (b[o + 1] << 16) | (b[o + 2] << 8) | b[o + 3]
    x = b[o + 3]
    return (x << 24) | (b[o + 2] << 16) | (b[o + 1] << 8) | b[o]


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _unknown_link(state: cython.longlong[::1], link: cython.longlong) -> cython.int:
    """Counts a packet of a link type that nobody here decodes; types beyond the table share its last pair."""
    i: cython.Py_ssize_t
    at: cython.Py_ssize_t = _LINKS
    state[_UNKNOWN_LINK] += 1
    for i in range(_LINK_PAIRS):
        at = _LINKS + 2 * i
        if state[at + 1] == 0 or state[at] == link:
            break
    if state[at + 1] == 0:
        state[at] = link
    state[at + 1] += 1
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _family(x: cython.longlong) -> cython.int:
    """Ethertype of a BSD address family in either byte order; the numbers for IPv6 differ by system."""
    if x > 0xFFFF:
        x = ((x & 0xFF) << 24) | ((x & 0xFF00) << 8) | ((x >> 8) & 0xFF00) | (x >> 24)
    if x == 2:
        return _IPV4
    if x == 10 or x == 24 or x == 28 or x == 30:
        return _IPV6
    return 1


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _by_version(b: cython.uchar[::1], p: cython.Py_ssize_t) -> cython.int:
    """Ethertype by the version nibble, where the link layer does not say."""
    if b[p] >> 4 == 4:
        return _IPV4
    if b[p] >> 4 == 6:
        return _IPV6
    return 1


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _decode(
    b: cython.uchar[::1],
    p: cython.Py_ssize_t,
    captured: cython.Py_ssize_t,
    wire: cython.longlong,
    ts: cython.ulonglong,
    link: cython.longlong,
    state: cython.longlong[::1],
    batch: cython.ulonglong[::1],
    k: cython.Py_ssize_t,
) -> cython.int:
    """One frame at b[p : p + captured] into descriptor k: 1, or 0 and a count of the reason."""
    end: cython.Py_ssize_t = p + captured
    ether: cython.int = 0
    x: cython.int
    i: cython.int
    _i: cython.int
    state[_PACKETS] += 1
    if wire < captured:
        wire = captured
    # --- link layer: `ether` is the ethertype of what starts at p; 1 = not IP
    if link == 1:
        if captured < 14:
            state[_TRUNCATED] += 1
            return 0
        ether = _be16(b, p + 12)
        p += 14
    elif link == 113:  # Linux cooked
        if captured < 16:
            state[_TRUNCATED] += 1
            return 0
        ether = _be16(b, p + 14)
        p += 16
    elif link == 276:  # Linux cooked, version 2
        if captured < 20:
            state[_TRUNCATED] += 1
            return 0
        ether = _be16(b, p)
        p += 20
    elif link == 0 or link == 108:  # BSD loopback
        if captured < 4:
            state[_TRUNCATED] += 1
            return 0
        ether = _family(_be32(b, p))
        p += 4
    elif link == 12 or link == 14 or link == 101:  # raw IP
        if captured < 1:
            state[_TRUNCATED] += 1
            return 0
        ether = _by_version(b, p)
    elif link == 228:
        ether = _IPV4
    elif link == 229:
        ether = _IPV6
    else:
        _unknown_link(state, link)
        return 0
    # --- tags and tunnels of the link layer; the bound ends hostile chains
    for _i in range(8):
        if ether == _IPV4 or ether == _IPV6:
            break
        if ether == 0x8100 or ether == 0x88A8 or ether == 0x9100:
            if end - p < 4:
                state[_TRUNCATED] += 1
                return 0
            ether = _be16(b, p + 2)
            p += 4
        elif ether == 0x8864:  # PPPoE session
            if end - p < 8:
                state[_TRUNCATED] += 1
                return 0
            x = _be16(b, p + 6)
            ether = _IPV4 if x == 0x21 else (_IPV6 if x == 0x57 else 1)
            p += 8
        elif ether == 0x8847 or ether == 0x8848:  # MPLS label; under the last one, by version
            if end - p < 5:
                state[_TRUNCATED] += 1
                return 0
            if b[p + 2] & 1:
                ether = _by_version(b, p + 4)
            p += 4
        elif ether < 1536 and ether > 2 and end - p >= 8:  # IEEE 802.3 length: LLC, perhaps SNAP
            if b[p] != 0xAA or b[p + 1] != 0xAA or b[p + 2] != 3 or _be16(b, p + 3) != 0 or b[p + 5] != 0:
                ether = 1
            else:
                ether = _be16(b, p + 6)
                p += 8
        else:
            ether = 1
        if ether == 1:
            break
    # --- network layer
    a0: cython.ulonglong = 0
    a1: cython.ulonglong
    b0: cython.ulonglong = 0
    b1: cython.ulonglong
    protocol: cython.int
    header: cython.Py_ssize_t
    stop: cython.Py_ssize_t  # of the IP packet by its own header; may lie behind `end`
    if ether == _IPV4:
        if end - p < 20:
            state[_TRUNCATED] += 1
            return 0
        header = (b[p] & 15) * 4
        if b[p] >> 4 != 4 or header < 20:
            state[_BAD_IP] += 1
            return 0
        stop = _be16(b, p + 2)
        if stop == 0:  # segmentation offload: the length was not yet known when captured
            stop = end - p
        if stop < header:
            state[_BAD_IP] += 1
            return 0
        stop += p
        protocol = b[p + 9]
        a1 = _MAPPED | cython.cast(cython.ulonglong, _be32(b, p + 12))
        b1 = _MAPPED | cython.cast(cython.ulonglong, _be32(b, p + 16))
        if _be16(b, p + 6) & 0x1FFF:
            state[_FRAGMENT] += 1
            return 0
        p += header
    elif ether == _IPV6:
        if end - p < 40:
            state[_TRUNCATED] += 1
            return 0
        if b[p] >> 4 != 6:
            state[_BAD_IP] += 1
            return 0
        stop = _be16(b, p + 4)
        if stop == 0:  # jumbogram or segmentation offload
            stop = end
        else:
            stop += p + 40
        protocol = b[p + 6]
        a0 = _be32(b, p + 8)
        a0 = (a0 << 32) | cython.cast(cython.ulonglong, _be32(b, p + 12))
        a1 = _be32(b, p + 16)
        a1 = (a1 << 32) | cython.cast(cython.ulonglong, _be32(b, p + 20))
        b0 = _be32(b, p + 24)
        b0 = (b0 << 32) | cython.cast(cython.ulonglong, _be32(b, p + 28))
        b1 = _be32(b, p + 32)
        b1 = (b1 << 32) | cython.cast(cython.ulonglong, _be32(b, p + 36))
        p += 40
        # Extension headers (RFC 8200 section 4): hop-by-hop, routing, destination options, fragment, AH.
        for i in range(9):
            if protocol != 0 and protocol != 43 and protocol != 60 and protocol != 44 and protocol != 51:
                break
            if i == 8:
                state[_BAD_IP] += 1
                return 0
            if end - p < 8:
                state[_TRUNCATED] += 1
                return 0
            if protocol == 44:
                if _be16(b, p + 2) & 0xFFF8:
                    state[_FRAGMENT] += 1
                    return 0
                protocol = b[p]
                p += 8
            elif protocol == 51:
                protocol = b[p]
                p += (b[p + 1] + 2) * 4
            else:
                protocol = b[p]
                p += (b[p + 1] + 1) * 8
        if p > stop:
            state[_BAD_IP] += 1
            return 0
    else:
        state[_NOT_IP] += 1
        return 0
    # --- transport
    bits: cython.ulonglong = 0
    sequence: cython.ulonglong = 0
    if protocol == 6:
        if end - p < 14:
            state[_TRUNCATED] += 1
            return 0
        header = (b[p + 12] >> 4) * 4
        if header < 20 or header > stop - p:
            state[_BAD_TRANSPORT] += 1
            return 0
        bits = b[p + 13]
        sequence = _be32(b, p + 4)
    elif protocol == 17:
        if end - p < 8:
            state[_TRUNCATED] += 1
            return 0
        header = 8
        if stop - p < 8:
            state[_BAD_TRANSPORT] += 1
            return 0
    else:
        state[_OTHER] += 1
        return 0
    pa: cython.ulonglong = _be16(b, p)
    pb: cython.ulonglong = _be16(b, p + 2)
    p += header
    header = (stop if stop < end else end) - p
    if header < 0:
        header = 0
    # --- canonical order of the endpoints
    t: cython.ulonglong
    if a0 > b0 or (a0 == b0 and (a1 > b1 or (a1 == b1 and pa > pb))):
        t = a0
        a0 = b0
        b0 = t
        t = a1
        a1 = b1
        b1 = t
        t = pa
        pa = pb
        pb = t
        bits |= _FROM_B
    k *= _DESCRIPTOR
    batch[k] = a0
    batch[k + 1] = a1
    batch[k + 2] = b0
    batch[k + 3] = b1
    batch[k + 4] = (pa << 48) | (pb << 32) | cython.cast(cython.ulonglong, protocol)
    batch[k + 5] = bits
    batch[k + 6] = ts
    batch[k + 7] = wire
    batch[k + 8] = stop - p
    batch[k + 9] = p
    batch[k + 10] = header
    batch[k + 11] = sequence
    state[_DECODED] += 1
    return 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _nanoseconds(
    ticks: cython.ulonglong, rate: cython.ulonglong, offset: cython.longlong
) -> cython.ulonglong:
    """Time in ns, 1 .. 2**62, of `ticks` at `rate` a second (a power of 10 or of 2), `offset` ns later."""
    whole: cython.ulonglong = ticks // rate
    rest: cython.ulonglong = ticks % rate
    if whole >= cython.cast(cython.ulonglong, _MAX_SECONDS):
        return _LATEST
    if rate <= _GIGA:
        rest = rest * _GIGA // rate
    elif rate % _GIGA == 0:
        rest = rest // (rate // _GIGA)
    else:  # finer than 2**-30 s: drop bits until the product fits
        while rate > _GIGA:
            rate >>= 1
            rest >>= 1
        rest = rest * _GIGA // rate
    at: cython.longlong = cython.cast(cython.longlong, whole * _GIGA + rest)
    if offset > 0 and at > cython.cast(cython.longlong, _LATEST) - offset:
        return _LATEST
    at += offset
    return 1 if at < 1 else cython.cast(cython.ulonglong, at)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _interface(
    b: cython.uchar[::1],
    o: cython.Py_ssize_t,
    length: cython.Py_ssize_t,
    state: cython.longlong[::1],
    interfaces: cython.longlong[::1],
) -> cython.int:
    """An interface description block at b[o : o + length] into the next entry of the table."""
    swapped: cython.int = cython.cast(cython.int, state[_SWAPPED])
    at: cython.Py_ssize_t
    q: cython.Py_ssize_t = o + 16
    stop: cython.Py_ssize_t = o + length - 4
    code: cython.int
    size: cython.Py_ssize_t
    rate: cython.longlong = 1_000_000
    offset: cython.longlong = 0
    high: cython.longlong
    v: cython.int
    _i: cython.int
    if state[_INTERFACES] >= _MAX_INTERFACES:
        state[_BAD_RECORD] += 1
        return 0
    while q + 4 <= stop:
        code = _read16(b, q, swapped)
        size = _read16(b, q + 2, swapped)
        if code == 0 or q + 4 + size > stop:
            break
        if code == 9 and size >= 1:  # if_tsresol
            v = b[q + 4]
            rate = 1
            if v & 128:
                v &= 127
                rate <<= v if v < 60 else 60
            else:
                for _i in range(v if v < 18 else 18):
                    rate *= 10
        elif code == 14 and size >= 8:  # if_tsoffset, seconds, signed
            high = _read32(b, q + (4 if swapped else 8), swapped)
            offset = _read32(b, q + (8 if swapped else 4), swapped)
            if high >= _BIT31:
                high -= _BIT32
                offset -= _BIT32
            if high > 0 or offset > _MAX_SECONDS:
                offset = _MAX_SECONDS
            elif high < -1 or offset < -_MAX_SECONDS:
                offset = -_MAX_SECONDS
            offset *= 1_000_000_000
        q += 4 + ((size + 3) & ~3)
    at = cython.cast(cython.Py_ssize_t, state[_INTERFACES]) * _INTERFACE
    interfaces[at] = _read16(b, o + 8, swapped)
    interfaces[at + 1] = rate
    interfaces[at + 2] = offset
    interfaces[at + 3] = _read32(b, o + 12, swapped)
    state[_INTERFACES] += 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _statistics(
    b: cython.uchar[::1], o: cython.Py_ssize_t, length: cython.Py_ssize_t, state: cython.longlong[::1]
) -> cython.int:
    """Adds the drops of an interface statistics block (isb_ifdrop, isb_osdrop)."""
    swapped: cython.int = cython.cast(cython.int, state[_SWAPPED])
    q: cython.Py_ssize_t = o + 20
    stop: cython.Py_ssize_t = o + length - 4
    code: cython.int
    size: cython.Py_ssize_t
    while q + 4 <= stop:
        code = _read16(b, q, swapped)
        size = _read16(b, q + 2, swapped)
        if code == 0 or q + 4 + size > stop:
            break
        if (code == 5 or code == 7) and size >= 8 and _read32(b, q + (4 if swapped else 8), swapped) == 0:
            state[_LOST] += _read32(b, q + (8 if swapped else 4), swapped)
        q += 4 + ((size + 3) & ~3)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _packet_block(
    b: cython.uchar[::1],
    o: cython.Py_ssize_t,
    length: cython.Py_ssize_t,
    kind: cython.longlong,
    state: cython.longlong[::1],
    interfaces: cython.longlong[::1],
    batch: cython.ulonglong[::1],
    k: cython.Py_ssize_t,
) -> cython.int:
    """An enhanced, simple or (obsolete) packet block: as `_decode`."""
    swapped: cython.int = cython.cast(cython.int, state[_SWAPPED])
    i: cython.longlong = 0
    ticks: cython.ulonglong = 0
    captured: cython.longlong
    wire: cython.longlong
    at: cython.Py_ssize_t
    if kind == 3:
        wire = _read32(b, o + 8, swapped)
        captured = length - 16
        if captured > wire:
            captured = wire
        if state[_INTERFACES] > 0 and interfaces[3] != 0 and captured > interfaces[3]:
            captured = interfaces[3]
        at = o + 12
    else:
        i = _read32(b, o + 8, swapped) if kind == 6 else _read16(b, o + 8, swapped)
        ticks = _read32(b, o + 12, swapped)
        ticks = (ticks << 32) | cython.cast(cython.ulonglong, _read32(b, o + 16, swapped))
        captured = _read32(b, o + 20, swapped)
        wire = _read32(b, o + 24, swapped)
        at = o + 28
        if captured > length - 32:
            state[_PACKETS] += 1
            state[_BAD_RECORD] += 1
            return 0
    if i >= state[_INTERFACES]:
        state[_PACKETS] += 1
        state[_BAD_RECORD] += 1
        return 0
    j: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, i) * _INTERFACE
    ticks = _nanoseconds(ticks, cython.cast(cython.ulonglong, interfaces[j + 1]), interfaces[j + 2])
    return _decode(
        b, at, cython.cast(cython.Py_ssize_t, captured), wire, ticks, interfaces[j], state, batch, k
    )


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _walk_blocks(
    b: cython.uchar[::1],
    o: cython.Py_ssize_t,
    state: cython.longlong[::1],
    interfaces: cython.longlong[::1],
    batch: cython.ulonglong[::1],
) -> cython.Py_ssize_t:
    n: cython.Py_ssize_t = b.shape[0]
    k: cython.Py_ssize_t = 0
    kind: cython.longlong
    length: cython.longlong
    size: cython.Py_ssize_t
    magic: cython.longlong
    while n - o >= 12 and k < _BATCH:
        kind = _read32(b, o, cython.cast(cython.int, state[_SWAPPED]))
        if kind == 0x0A0D0D0A:  # section header: the same in both byte orders, and may change the order
            magic = _be32(b, o + 8)
            if magic != 0x1A2B3C4D and magic != 0x4D3C2B1A:
                state[_STOP] = _STOP_ORDER
                state[_STOP_VALUE] = magic
                break
            state[_SWAPPED] = magic == 0x1A2B3C4D
            state[_INTERFACES] = 0
        length = _read32(b, o + 4, cython.cast(cython.int, state[_SWAPPED]))
        if length < 12 or length & 3 or length > _RECORD_LIMIT:
            state[_BAD_RECORD] += 1
            state[_STOP] = _STOP_LENGTH
            state[_STOP_VALUE] = length
            break
        if length > n - o:
            break
        size = cython.cast(cython.Py_ssize_t, length)
        if ((kind == 6 or kind == 2) and size >= 32) or (kind == 3 and size >= 16):
            k += _packet_block(b, o, size, kind, state, interfaces, batch, k)
        elif kind == 1 and size >= 20:
            _interface(b, o, size, state, interfaces)
        elif kind == 5 and size >= 24:
            _statistics(b, o, size, state)
        elif kind == 6 or kind == 2 or kind == 3 or kind == 1:
            state[_BAD_RECORD] += 1
        o += size
    state[_BATCHED] = k
    return o


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _walk_records(
    b: cython.uchar[::1],
    o: cython.Py_ssize_t,
    state: cython.longlong[::1],
    interfaces: cython.longlong[::1],
    batch: cython.ulonglong[::1],
) -> cython.Py_ssize_t:
    n: cython.Py_ssize_t = b.shape[0]
    k: cython.Py_ssize_t = 0
    swapped: cython.int = cython.cast(cython.int, state[_SWAPPED])
    header: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, interfaces[3])  # 16, or 24 if "modified"
    captured: cython.longlong
    seconds: cython.ulonglong
    ticks: cython.ulonglong
    scale: cython.ulonglong = state[_NS_PER_TICK]
    while n - o >= header and k < _BATCH:
        captured = _read32(b, o + 8, swapped)
        if captured > _RECORD_LIMIT:
            state[_BAD_RECORD] += 1
            state[_STOP] = _STOP_LENGTH
            state[_STOP_VALUE] = captured
            break
        if captured > n - o - header:
            break
        seconds = _read32(b, o, swapped)
        ticks = _read32(b, o + 4, swapped)
        ticks = seconds * _GIGA + ticks * scale  # < 2**62 + 2**43
        if ticks < 1:
            ticks = 1
        if ticks > _LATEST:
            ticks = _LATEST
        k += _decode(
            b,
            o + header,
            cython.cast(cython.Py_ssize_t, captured),
            _read32(b, o + 12, swapped),
            ticks,
            interfaces[0],
            state,
            batch,
            k,
        )
        o += header + cython.cast(cython.Py_ssize_t, captured)
    state[_BATCHED] = k
    return o


def walk(
    window: cython.uchar[::1],
    start: cython.Py_ssize_t,
    state: cython.longlong[::1],
    interfaces: cython.longlong[::1],
    batch: cython.ulonglong[::1],
) -> cython.Py_ssize_t:
    """Walks whole records from `start` until a batch is full or the window has no whole record left.

    `window` ends where the valid bytes end.  Returns the offset of the first record not
    walked; `state[BATCHED]` descriptors are in `batch`.  `state[STOP]` is set where the
    stream cannot go on.
    """
    o: cython.Py_ssize_t
    if batch.shape[0] < _BATCH * _DESCRIPTOR or interfaces.shape[0] < _MAX_INTERFACES * _INTERFACE:
        raise ValueError("tables too small")
    with cython.nogil:
        if state[_FORMAT] == _PCAP:
            o = _walk_records(window, start, state, interfaces, batch)
        else:
            o = _walk_blocks(window, start, state, interfaces, batch)
    return o
