# cython: language_level=3, wraparound=False, cdivision=True, initializedcheck=False
"""Link layers: from the first byte of a frame to the first byte of its IP packet.

Owns every link type but plain Ethernet (which `frames` reads by itself, since almost all
frames are that), and everything that may stand between a link header and IP: tags, labels,
PPP, LLC.  Knows nothing of IP beyond its version nibble.

An answer is a position: offset << 16 | ethertype.  A negative one is -(the word of the
walk's state that counts the reason).  Besides the numbers of IEEE, `LLC` and `NOT_IP`
(below 1536, where 802.3 has lengths) stand for what has none.

Sources: tcpdump.org/linktypes; IEEE 802.1Q, 802.1ad, 802.1ah, 802.2, 802.11; RFC 1042
(SNAP), RFC 1661 and 1662 (PPP), RFC 2427 (frame relay), RFC 2516 (PPPoE), RFC 2625 (Fibre
Channel), RFC 3032 (MPLS), RFC 4448 (pseudowires); radiotap.org; linux/nfnetlink_log.h.
"""

import cython

from detector.kernel import tables

_TRUNCATED = cython.declare(cython.longlong, -(tables.COUNTS + tables.COUNTED.index("truncated_header")))
_UNKNOWN = cython.declare(cython.longlong, -(tables.COUNTS + tables.COUNTED.index("unknown_linktype")))
_NOT_IP_REASON = cython.declare(cython.longlong, -(tables.COUNTS + tables.COUNTED.index("not_ip")))
_ENCRYPTED = cython.declare(cython.longlong, -(tables.COUNTS + tables.COUNTED.index("encrypted_link")))
_FRAGMENT = cython.declare(cython.longlong, -(tables.COUNTS + tables.COUNTED.index("fragment")))
_IPV4 = cython.declare(cython.int, 0x0800)
_IPV6 = cython.declare(cython.int, 0x86DD)
_PPPOE = cython.declare(cython.int, 0x8864)
_PPP = cython.declare(cython.int, 0x880B)
_BRIDGED = cython.declare(cython.int, 0x6558)  # transparent Ethernet bridging, RFC 1701
_LLC = cython.declare(cython.int, 4)
_NOT_IP = cython.declare(cython.int, 1)


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
def _read16(b: cython.uchar[::1], o: cython.Py_ssize_t, big: cython.int) -> cython.int:
    if big:
        return (b[o] << 8) | b[o + 1]
    return (b[o + 1] << 8) | b[o]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _read32(b: cython.uchar[::1], o: cython.Py_ssize_t, big: cython.int) -> cython.longlong:
    x: cython.longlong = _read16(b, o if big else o + 2, big)
    return (x << 16) | _read16(b, o + 2 if big else o, big)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _at(p: cython.Py_ssize_t, ether: cython.int) -> cython.longlong:
    """A position."""
    x: cython.longlong = p
    return (x << 16) | ether


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
    return _NOT_IP


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _family(x: cython.longlong) -> cython.int:
    """Ethertype of an address family in either byte order; the numbers for IPv6 differ by system."""
    if x > 0xFFFF:
        x = ((x & 0xFF) << 24) | ((x & 0xFF00) << 8) | ((x >> 8) & 0xFF00) | (x >> 24)
    if x == 2:
        return _IPV4
    if x == 10 or x == 24 or x == 26 or x == 28 or x == 30:  # Linux; other BSDs; Solaris; FreeBSD; macOS
        return _IPV6
    return _NOT_IP


# --- what frames start with


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _radio(
    b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, padded: cython.int
) -> cython.longlong:
    """An 802.11 frame: past its MAC header, when it carries data in the clear."""
    if end - p < 24:
        return _TRUNCATED if end - p < 2 or b[p] & 0x0C == 0x08 else _NOT_IP_REASON
    control: cython.int = _be16(b, p)
    header: cython.Py_ssize_t = 24
    aggregated: cython.int = 0
    if control & 0x0C00 != 0x0800 or control & 0x4000:  # not of type data, or a subtype without data
        return _NOT_IP_REASON
    if control & 0x0040:
        return _ENCRYPTED
    if b[p + 22] & 15:  # number of this fragment of the MSDU
        return _FRAGMENT
    if control & 3 == 3:  # to and from the distribution system: a fourth address
        header += 6
    if control & 0x8000:  # quality of service
        if end - p < header + 2:
            return _TRUNCATED
        aggregated = b[p + header] & 0x80
        header += 2
        if control & 0x0080:  # high throughput control
            header += 4
    if padded:
        header = (header + 3) & ~3
    if aggregated:  # the first of several: two addresses and a length each
        header += 14
    return _at(p + header, _LLC)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _radiotap(b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.longlong:
    """A radiotap header, of which only the flags matter: they say whether the MAC header is padded."""
    if end - p < 8:
        return _TRUNCATED
    length: cython.Py_ssize_t = _read16(b, p + 2, 0)
    present: cython.longlong = _read32(b, p + 4, 0)
    q: cython.Py_ssize_t = p + 4
    flags: cython.int = 0
    if length < 8:
        return _NOT_IP_REASON
    if end - p < length:
        return _TRUNCATED
    while b[q + 3] & 0x80 and q + 8 <= p + length:  # another word of bits follows
        q += 4
    q += 4
    if present & 1:  # microseconds, aligned to 8 bytes from the start
        q = p + ((q - p + 7) & ~7) + 8
    if present & 2 and q < p + length:
        flags = b[q]
    return _radio(b, p + length, end, flags & 0x20)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _prism(b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.longlong:
    """A Prism header of 144 bytes, or an AVS header, which says its length."""
    length: cython.longlong = 144
    if end - p < 8:
        return _TRUNCATED
    if _read32(b, p, 1) >> 12 == 0x80211:
        length = _read32(b, p + 4, 1)
        if length < 8:
            return _NOT_IP_REASON
    if length > end - p:
        return _TRUNCATED
    return _radio(b, p + cython.cast(cython.Py_ssize_t, length), end, 0)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _frame_relay(b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.longlong:
    """A Q.922 address of 2 to 4 bytes, then RFC 2427, or an ethertype as Cisco has it."""
    q: cython.Py_ssize_t = p + 1
    x: cython.int
    while q - p < 4 and q < end and not b[q] & 1:
        q += 1
    q += 1
    if end - q < 2:
        return _TRUNCATED
    if b[q] != 3:
        return _at(q + 2, _be16(b, q))
    q += 1
    if b[q] == 0:  # pads to an even offset
        q += 1
    if q >= end:
        return _TRUNCATED
    x = b[q]
    if x == 0xCC:
        return _at(q + 1, _IPV4)
    if x == 0x8E:
        return _at(q + 1, _IPV6)
    if x == 0xCF:
        return _at(q + 1, _PPP)
    if x != 0x80:  # SNAP
        return _NOT_IP_REASON
    if end - q < 6:
        return _TRUNCATED
    if b[q + 1] == 0 and b[q + 2] == 0x80 and b[q + 3] == 0xC2 and (b[q + 5] == 1 or b[q + 5] == 7):
        return _at(q + 6, _BRIDGED)
    if b[q + 1] != 0 or b[q + 2] != 0 or b[q + 3] != 0:
        return _NOT_IP_REASON
    return _at(q + 6, _be16(b, q + 4))


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _logged(
    b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, big: cython.int
) -> cython.longlong:
    """A message of Linux nflog: attributes in the byte order of the capturing host, one is the packet."""
    family: cython.int
    size: cython.Py_ssize_t
    if end - p < 4:
        return _TRUNCATED
    family = _family(b[p])
    p += 4
    while end - p >= 4:
        size = _read16(b, p, big)
        if size < 4:
            return _NOT_IP_REASON
        if _read16(b, p + 2, big) & 0x7FFF == 9:  # NFULA_PAYLOAD
            return _at(p + 4, family)
        p += (size + 3) & ~3
    return _NOT_IP_REASON if end == p else _TRUNCATED


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _directed(b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.longlong:
    """PPP behind a byte for the direction, which pppd puts in place of the HDLC address."""
    if end - p < 2:
        return _TRUNCATED
    return _at(p + 2 if b[p + 1] == 3 else p + 1, _PPP)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _fixed(
    b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, header: cython.Py_ssize_t,
    ether: cython.Py_ssize_t,
) -> cython.longlong:  # fmt: skip
    """A header of so many bytes with an ethertype at p + ether."""
    if end - p < header:
        return _TRUNCATED
    return _at(p + header, _be16(b, p + ether))


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def opened(
    b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, link: cython.longlong, big: cython.int
) -> cython.longlong:
    """The position behind the header of a frame b[p:end] of this link type.

    big: the byte order of the capturing host.
    """
    length: cython.Py_ssize_t
    _i: cython.int
    for _i in range(4):  # headers that name the link type of what they hold, in one another
        if link == 113:  # Linux cooked
            return _fixed(b, p, end, 16, 14)
        if link == 276:  # Linux cooked, version 2
            return _fixed(b, p, end, 20, 0)
        if link == 1:
            return _fixed(b, p, end, 14, 12)
        if link == 0 or link == 108:  # BSD loopback
            return _TRUNCATED if end - p < 4 else _at(p + 4, _family(_read32(b, p, 1)))
        if link == 12 or link == 14 or link == 101:  # raw IP
            return _TRUNCATED if end == p else _at(p, _by_version(b, p))
        if link == 228:
            return _at(p, _IPV4)
        if link == 229:
            return _at(p, _IPV6)
        if link == 9 or link == 50:
            if end - p < 4:
                return _TRUNCATED
            if b[p] & 0x7F == 0x0F and b[p + 1] == 0:  # HDLC as Cisco frames it, RFC 1547 4.3.1
                return _at(p + 4, _be16(b, p + 2))
            return _at(p, _PPP)
        if link == 166 or link == 204:
            return _directed(b, p, end)
        if link == 51:
            return _at(p, _PPPOE)
        if link == 104:  # Cisco HDLC
            return _fixed(b, p, end, 4, 2)
        if link == 205:
            return _fixed(b, p, end, 5, 3)
        if link == 107:
            return _frame_relay(b, p, end)
        if link == 206:
            return _TRUNCATED if end == p else _frame_relay(b, p + 1, end)
        if link == 105:
            return _radio(b, p, end, 0)
        if link == 127:
            return _radiotap(b, p, end)
        if link == 119 or link == 163:
            return _prism(b, p, end)
        if link == 239:
            return _logged(b, p, end, big)
        if link == 109:  # OpenBSD's decrypted IPsec: family, index and flags
            return _TRUNCATED if end - p < 12 else _at(p + 12, _family(_read32(b, p, 1)))
        if link == 117:  # pf log: length without padding, family
            if end - p < 2:
                return _TRUNCATED
            length = (b[p] + 3) & ~3
            return _TRUNCATED if end - p < length else _at(p + length, _family(b[p + 1]))
        if link == 100:  # LLC over ATM
            return _at(p, _LLC)
        if link == 10:  # FDDI: frame control and two addresses
            return _at(p + 13, _LLC)
        if link == 122:  # IP over Fibre Channel: two addresses
            return _at(p + 16, _LLC)
        if link == 138:  # IP over FireWire
            return _fixed(b, p, end, 18, 16)
        if link == 242:  # IP over InfiniBand
            return _fixed(b, p, end, 44, 40)
        if link == 219:
            return _at(p, 0x8847)
        if link == 226:  # Solaris ipnet: version, family, and what is of the host
            return _TRUNCATED if end - p < 24 else _at(p + 24, _family(b[p + 1]))
        if link == 281 or link == 282 or link == 284:  # Ethernet with the tag of a switch before or behind
            return _fixed(b, p, end, 18, 16)  # its addresses (Broadcom, Broadcom, Marvell)
        if link == 285:
            return _fixed(b, p, end, 22, 20)
        if end - p < 12 and (link == 192 or link == 258):
            return _TRUNCATED
        if link == 192:  # per-packet information, little-endian always
            length = _read16(b, p + 2, 0)
            link = _read32(b, p + 4, 0)
            if length < 8:
                return _NOT_IP_REASON
        elif link == 258:  # PKTAP of macOS
            length = _read16(b, p, 0)
            link = _read32(b, p + 8, 0)
            if length < 12:
                return _NOT_IP_REASON
        else:
            return _UNKNOWN
        if end - p < length:
            return _TRUNCATED
        p += length
    return _NOT_IP_REASON


# --- what may stand between a frame's header and IP


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _ppp(b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.longlong:
    """PPP, with or without address and control, the protocol in one byte or two."""
    x: cython.int
    if end - p >= 2 and b[p] == 0xFF and b[p + 1] == 3:
        p += 2
    if end - p < 2:
        return _TRUNCATED
    if b[p] & 1:
        x = b[p]
        p += 1
    else:
        x = _be16(b, p)
        p += 2
    if x == 0x21:
        return _at(p, _IPV4)
    if x == 0x57:
        return _at(p, _IPV6)
    if x == 0x0281:
        return _at(p, 0x8847)
    return _NOT_IP_REASON


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _llc(b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.longlong:
    """IEEE 802.2: SNAP with an ethertype, or the access point that IP once had."""
    if end - p < 8:
        return _TRUNCATED
    if b[p] == 6 and b[p + 1] == 6 and b[p + 2] == 3:
        return _at(p + 3, _IPV4)
    if b[p] != 0xAA or b[p + 1] != 0xAA or b[p + 2] != 3 or b[p + 3] != 0 or b[p + 4] != 0:
        return _NOT_IP_REASON
    if b[p + 5] != 0 and b[p + 5] != 0xF8:  # RFC 1042, or the tunnel of 802.1H
        return _NOT_IP_REASON
    return _at(p + 8, _be16(b, p + 6))


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _label(b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.longlong:
    """An MPLS label; under the last one IP by its version, or Ethernet behind a control word of 0."""
    ether: cython.int
    if end - p < 5:
        return _TRUNCATED
    if not b[p + 2] & 1:
        return _at(p + 4, 0x8847)
    ether = _by_version(b, p + 4)
    if ether == _NOT_IP and b[p + 4] == 0:
        return _TRUNCATED if end - p < 8 else _at(p + 8, _BRIDGED)
    return _at(p + 4, ether)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def unwrapped(
    b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, ether: cython.int
) -> cython.longlong:
    """The position of the IP packet behind an ethertype that starts at p: always of IPv4 or IPv6."""
    at: cython.longlong
    _i: cython.int
    for _i in range(16):  # the bound ends hostile chains
        if ether == _IPV4 or ether == _IPV6:
            return _at(p, ether)
        if ether == 0x8100 or ether == 0x88A8 or ether == 0x9100 or ether == 0x9200:  # VLAN
            at = _fixed(b, p, end, 4, 2)
        elif ether == 0x8847 or ether == 0x8848:
            at = _label(b, p, end)
        elif ether == _PPPOE:
            at = _TRUNCATED if end - p < 8 else _at(p + 6, _PPP)
        elif ether == _PPP:
            at = _ppp(b, p, end)
        elif ether == 0x88E7:  # a service tag, then the customer's frame
            at = _fixed(b, p, end, 18, 16)
        elif ether == _BRIDGED:
            at = _fixed(b, p, end, 14, 12)
        elif ether == 0x8926:  # VN-tag
            at = _fixed(b, p, end, 6, 4)
        elif ether == 0x893F:  # E-tag of 802.1BR
            at = _fixed(b, p, end, 8, 6)
        elif ether == 0x88E5:  # MACsec
            return _ENCRYPTED
        elif ether < 1536 and ether > 2:  # a length of 802.3, or LLC
            at = _llc(b, p, end)
        else:
            return _NOT_IP_REASON
        if at < 0:
            return at
        p = cython.cast(cython.Py_ssize_t, at >> 16)
        ether = cython.cast(cython.int, at & 0xFFFF)
    return _NOT_IP_REASON
