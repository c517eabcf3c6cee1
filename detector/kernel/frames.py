# cython: language_level=3, wraparound=False, cdivision=True, initializedcheck=False
"""Walks the records of a capture and decodes their frames into packet descriptors.

Owns the framing of pcap and pcapng and the way that almost every packet takes: Ethernet,
IPv4 or IPv6, TCP or UDP.  What is rarer it asks of others: `linklayers`, `tunnels`,
`fragments` and, for the blocks of pcapng that hold no packet, `interfaces`.  Each packet
becomes one descriptor (`tables`), or one count under the reason why not.  Knows nothing of
connections.

Sources: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng, IEEE 802.1Q/ad, RFC 791, RFC
8200, RFC 9293, RFC 768.

Every read is guarded by an explicit length check; bounds checks stay on besides, so that
a mistake here is an IndexError and never a read of foreign memory.
"""

import cython

from detector.kernel import tables

if not cython.compiled:  # compiled: frames.pxd
    from detector.kernel.fragments import entered, filled, later
    from detector.kernel.interfaces import described, dropped, drops_before, statistics
    from detector.kernel.linklayers import opened, unwrapped
    from detector.kernel.tunnels import in_datagram, in_packet

_FORMAT = cython.declare(cython.Py_ssize_t, tables.FORMAT)
_SWAPPED = cython.declare(cython.Py_ssize_t, tables.SWAPPED)
_NS_PER_TICK = cython.declare(cython.Py_ssize_t, tables.NS_PER_TICK)
_INTERFACES = cython.declare(cython.Py_ssize_t, tables.INTERFACES)
_STOP = cython.declare(cython.Py_ssize_t, tables.STOP)
_STOP_VALUE = cython.declare(cython.Py_ssize_t, tables.STOP_VALUE)
_STOP_LENGTH = cython.declare(cython.longlong, tables.STOP_LENGTH)
_STOP_ORDER = cython.declare(cython.longlong, tables.STOP_ORDER)
_BATCHED = cython.declare(cython.Py_ssize_t, tables.BATCHED)
_LINKS = cython.declare(cython.Py_ssize_t, tables.LINKS)
_LINK_PAIRS = cython.declare(cython.Py_ssize_t, tables.LINK_PAIRS)
_PCAP = cython.declare(cython.longlong, tables.PCAP)
_RECORD_LIMIT = cython.declare(cython.longlong, tables.RECORD_LIMIT)
_INTERFACE = cython.declare(cython.Py_ssize_t, tables.INTERFACE)
_TUNNELS = cython.declare(cython.Py_ssize_t, tables.TUNNELS)
_TUNNEL_DEPTH = cython.declare(cython.Py_ssize_t, tables.TUNNEL_DEPTH)
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
_TINY = cython.declare(cython.Py_ssize_t, tables.COUNTS + tables.COUNTED.index("tiny_fragment"))
_DEEP = cython.declare(cython.Py_ssize_t, tables.COUNTS + tables.COUNTED.index("too_many_tunnels"))
_OTHER = cython.declare(cython.Py_ssize_t, tables.COUNTS + tables.COUNTED.index("other_transport"))
_BAD_RECORD = cython.declare(cython.Py_ssize_t, tables.COUNTS + tables.COUNTED.index("bad_record"))
_UNKNOWN_LINK = cython.declare(cython.Py_ssize_t, tables.COUNTS + tables.COUNTED.index("unknown_linktype"))

_IPV4 = cython.declare(cython.int, 0x0800)
_IPV6 = cython.declare(cython.int, 0x86DD)
_GIGA = cython.declare(cython.ulonglong, 1_000_000_000)
_LATEST = cython.declare(cython.ulonglong, 1 << 62)  # room to add to without overflow
_MAX_SECONDS = cython.declare(cython.longlong, 4_611_686_018)  # _LATEST in whole seconds: the year 2116
_DATAGRAM = cython.declare(cython.longlong, 1 << 41)  # no identification of a fragment has this bit
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
@cython.exceptval(check=False)
def _beyond(cut: cython.longlong) -> cython.Py_ssize_t:
    """Bytes of a frame that were not captured, at most what a record may have."""
    return cython.cast(cython.Py_ssize_t, cut if cut < _RECORD_LIMIT else _RECORD_LIMIT)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _left_out(state: cython.longlong[::1], reason: cython.longlong, link: cython.longlong) -> cython.int:
    """Counts a packet under -reason."""
    if -reason == _UNKNOWN_LINK:
        return _unknown_link(state, link)
    state[cython.cast(cython.Py_ssize_t, -reason)] += 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _fragment(
    a0: cython.ulonglong,
    a1: cython.ulonglong,
    b0: cython.ulonglong,
    b1: cython.ulonglong,
    ident: cython.longlong,
    protocol: cython.int,
    start: cython.longlong,
    p: cython.Py_ssize_t,
    end: cython.Py_ssize_t,
    stop: cython.Py_ssize_t,
    wire: cython.longlong,
    ts: cython.ulonglong,
    state: cython.longlong[::1],
    batch: cython.ulonglong[::1],
    k: cython.Py_ssize_t,
) -> cython.int:
    """A later fragment with its data at b[p:stop]: as `_decode`."""
    captured: cython.longlong = (stop if stop < end else end) - p
    at: cython.longlong
    if captured < 0:
        captured = 0
    at = later(state, a0, a1, b0, b1, ident, start, stop - p, p, captured, wire, ts, batch, k)
    if at > 0:
        state[_DECODED] += 1
        return 1
    if -at == _FRAGMENT and protocol != 6 and protocol != 17:
        at = -_OTHER
    return _left_out(state, at, 0)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _may_tunnel(source: cython.ulonglong, destination: cython.ulonglong) -> cython.int:
    """Whether UDP between these ports is worth a look by `tunnels`."""
    if destination == 4789 or destination == 8472 or destination == 4790 or destination == 6081:
        return 1
    if destination == 2152 or destination == 3544 or destination == 1701:
        return 1
    return source == 3544 or source == 1701


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
    at: cython.longlong
    ether: cython.int = 0
    x: cython.int
    i: cython.int
    state[_PACKETS] += 1
    if wire < captured:
        wire = captured
    # --- link layer: `ether` is the ethertype of what starts at p
    if link == 1:
        if captured < 14:
            state[_TRUNCATED] += 1
            return 0
        ether = _be16(b, p + 12)
        p += 14
    else:
        at = opened(b, p, end, link, cython.cast(cython.int, state[_SWAPPED]))
        if at < 0:
            return _left_out(state, at, link)
        p = cython.cast(cython.Py_ssize_t, at >> 16)
        ether = cython.cast(cython.int, at & 0xFFFF)
    if ether != _IPV4 and ether != _IPV6:
        at = unwrapped(b, p, end, ether)
        if at < 0:
            return _left_out(state, at, link)
        p = cython.cast(cython.Py_ssize_t, at >> 16)
        ether = cython.cast(cython.int, at & 0xFFFF)
    a0: cython.ulonglong
    a1: cython.ulonglong
    b0: cython.ulonglong
    b1: cython.ulonglong
    pa: cython.ulonglong
    pb: cython.ulonglong
    bits: cython.ulonglong = 0
    sequence: cython.ulonglong = 0
    protocol: cython.int
    header: cython.Py_ssize_t
    stop: cython.Py_ssize_t  # of the IP packet by its own header; may lie behind `end`
    first: cython.int  # whether this IP packet is a first fragment
    entry: cython.Py_ssize_t = -1  # of the outermost first fragment in the table of fragments
    origin: cython.Py_ssize_t = 0  # where its data start; 0 = an IP packet in a tunnel in it is being read
    left: cython.longlong = state[_TUNNEL_DEPTH]
    while True:  # one turn an IP header: the next one stands in a tunnel
        first = 0
        # --- network layer
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
                stop = end - p + _beyond(wire - captured)
            if stop < header:
                state[_BAD_IP] += 1
                return 0
            stop += p
            protocol = b[p + 9]
            a0 = 0
            b0 = 0
            a1 = _MAPPED | cython.cast(cython.ulonglong, _be32(b, p + 12))
            b1 = _MAPPED | cython.cast(cython.ulonglong, _be32(b, p + 16))
            x = _be16(b, p + 6) & 0x3FFF
            if x != 0:
                at = _DATAGRAM | (_be16(b, p + 4) << 8) | protocol
                p += header
                if x & 0x1FFF:
                    return _fragment(
                        a0,
                        a1,
                        b0,
                        b1,
                        at,
                        protocol,
                        (x & 0x1FFF) * 8,
                        p,
                        end,
                        stop,
                        wire,
                        ts,
                        state,
                        batch,
                        k,
                    )
                first = 1
                if entry < 0:
                    entry = entered(state, a0, a1, b0, b1, at, ts, stop - p)
                    origin = p
            else:
                p += header
        else:
            if end - p < 40:
                state[_TRUNCATED] += 1
                return 0
            if b[p] >> 4 != 6:
                state[_BAD_IP] += 1
                return 0
            stop = _be16(b, p + 4)
            if stop == 0:  # jumbogram or segmentation offload
                stop = end + _beyond(wire - captured)
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
                    if stop - p < 8:
                        state[_BAD_IP] += 1
                        return 0
                    x = _be16(b, p + 2)
                    at = _DATAGRAM | (_be32(b, p + 4) << 8) | 44
                    protocol = b[p]
                    p += 8
                    if x & 0xFFF8:
                        return _fragment(
                            a0, a1, b0, b1, at, protocol, x & 0xFFF8, p, end, stop, wire, ts, state, batch, k
                        )
                    if x & 1:
                        first = 1
                        if entry < 0:
                            entry = entered(state, a0, a1, b0, b1, at, ts, stop - p)
                            origin = p
                elif protocol == 51:
                    protocol = b[p]
                    p += (b[p + 1] + 2) * 4
                else:
                    protocol = b[p]
                    p += (b[p + 1] + 1) * 8
            if p > stop:
                state[_TINY if first else _BAD_IP] += 1
                return 0
        # --- transport
        if protocol == 6:
            if first and stop - p < 20:
                state[_TINY] += 1
                return 0
            if end - p < 14:
                state[_TRUNCATED] += 1
                return 0
            header = (b[p + 12] >> 4) * 4
            if header < 20 or header > stop - p:
                state[_TINY if first and header >= 20 else _BAD_TRANSPORT] += 1
                return 0
            bits = b[p + 13]
            sequence = _be32(b, p + 4)
            pa = _be16(b, p)
            pb = _be16(b, p + 2)
            break
        if protocol == 17:
            if first and stop - p < 8:
                state[_TINY] += 1
                return 0
            if end - p < 8:
                state[_TRUNCATED] += 1
                return 0
            header = 8
            if stop - p < 8:
                state[_BAD_TRANSPORT] += 1
                return 0
            pa = _be16(b, p)
            pb = _be16(b, p + 2)
            if first and p + _be16(b, p + 4) > stop:  # the datagram goes on in other fragments
                stop = p + _be16(b, p + 4)
            if left == 0 or not _may_tunnel(pa, pb):
                break
            at = in_datagram(
                b, p + 8, end, stop, cython.cast(cython.int, pa), cython.cast(cython.int, pb), state[_TUNNELS]
            )
            if at == 0:
                break
        else:
            at = in_packet(b, p, end, stop, protocol, state[_TUNNELS])
            if at > 0 and left == 0:
                at = -_DEEP
            if at < 0:
                return _left_out(state, at, link)
        left -= 1
        origin = 0
        p = cython.cast(cython.Py_ssize_t, at >> 16)
        ether = cython.cast(cython.int, at & 0xFFFF)
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
    o: cython.Py_ssize_t = k * _DESCRIPTOR
    batch[o] = a0
    batch[o + 1] = a1
    batch[o + 2] = b0
    batch[o + 3] = b1
    batch[o + 4] = (pa << 48) | (pb << 32) | cython.cast(cython.ulonglong, protocol)
    batch[o + 5] = bits
    batch[o + 6] = ts
    batch[o + 7] = wire
    batch[o + 8] = stop - p
    batch[o + 9] = p
    batch[o + 10] = header
    batch[o + 11] = sequence
    if entry >= 0:
        filled(state, entry, batch, k, p - origin if origin > 0 and protocol == 6 else -1)
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
    told: cython.longlong = 0  # drops
    at: cython.Py_ssize_t
    j: cython.Py_ssize_t
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
    if kind == 6:
        j = at + ((cython.cast(cython.Py_ssize_t, captured) + 3) & ~3)
        if o + length - 4 - j >= 12:
            told = drops_before(b, j, o + length - 4, swapped)
    elif kind == 2:
        told = _read16(b, o + 10, swapped)
        if told == 0xFFFF:  # not known
            told = 0
    if told > 0:
        dropped(state, interfaces, cython.cast(cython.Py_ssize_t, i), 0, told)
    j = cython.cast(cython.Py_ssize_t, i) * _INTERFACE
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
            described(b, o, size, state, interfaces)
        elif kind == 5 and size >= 24:
            statistics(b, o, size, state, interfaces)
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
