# cython: language_level=3, wraparound=False, cdivision=True, initializedcheck=False
"""Link layers: from the first byte of a frame to the first byte of its IP packet.

Owns the table of link types, all but plain Ethernet (which `frames` reads by itself, since
almost all frames are that), and the way through everything that may stand between a link
header and IP.  How each kind of header is read is in `links`.  Knows nothing of IP beyond
its version nibble.  Answers are positions (`wire.positions`).

Sources: tcpdump.org/linktypes; RFC 2625 (Fibre Channel); linux/nfnetlink_log.h.
"""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import ethertypes, tables
else:
    from detector.kernel import ethertypes, tables
    from detector.kernel.links.between import step
    from detector.kernel.links.families import by_version, family, filtered, logged
    from detector.kernel.links.radio import prism, radio, radiotap
    from detector.kernel.links.serial import cisco_or_ppp, directed, frame_relay
    from detector.kernel.wire.integers import read16, read32
    from detector.kernel.wire.positions import behind, ether_of, offset_of, position


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _with_ethertype(
    b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, link: cython.longlong
) -> cython.longlong:
    """Headers of a fixed size that name an ethertype; link types of others are unknown."""
    if link == 113:  # Linux cooked
        return behind(b, p, end, 16, 14)
    if link == 276:  # Linux cooked, version 2
        return behind(b, p, end, 20, 0)
    if link == 1:
        return behind(b, p, end, 14, 12)
    if link == 104:  # Cisco HDLC
        return behind(b, p, end, 4, 2)
    if link == 205:  # likewise, behind a byte for the direction
        return behind(b, p, end, 5, 3)
    if link == 138:  # IP over FireWire
        return behind(b, p, end, 18, 16)
    if link == 242:  # IP over InfiniBand
        return behind(b, p, end, 44, 40)
    if link == 281 or link == 282 or link == 284:  # Ethernet with the tag of a switch before or behind
        return behind(b, p, end, 18, 16)  # its addresses (Broadcom, Broadcom, Marvell)
    if link == 285:
        return behind(b, p, end, 22, 20)
    return -tables.N_UNKNOWN_LINK


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _with_family(
    b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, link: cython.longlong, big: cython.int
) -> cython.longlong:
    """Frames of a host's own devices and logs, and IP itself; link types of others are unknown."""
    if link == 0 or link == 108:  # BSD loopback
        return -tables.N_TRUNCATED if end - p < 4 else position(p + 4, family(read32(b, p, 1)))
    if link == 12 or link == 14 or link == 101:  # raw IP
        return -tables.N_TRUNCATED if end == p else position(p, by_version(b, p))
    if link == 228:
        return position(p, ethertypes.IPV4)
    if link == 229:
        return position(p, ethertypes.IPV6)
    if link == 239:
        return logged(b, p, end, big)
    if link == 109:  # OpenBSD's decrypted IPsec: family, index and flags
        return -tables.N_TRUNCATED if end - p < 12 else position(p + 12, family(read32(b, p, 1)))
    if link == 117:
        return filtered(b, p, end)
    if link == 226:  # Solaris ipnet: version, family, and what is of the host
        return -tables.N_TRUNCATED if end - p < 24 else position(p + 24, family(b[p + 1]))
    return -tables.N_UNKNOWN_LINK


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _of_a_line(
    b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, link: cython.longlong
) -> cython.longlong:
    """Serial lines, and networks with LLC and fixed addresses; link types of others are unknown."""
    if link == 9 or link == 50:
        return cisco_or_ppp(b, p, end)
    if link == 166 or link == 204:
        return directed(b, p, end)
    if link == 51:
        return position(p, ethertypes.PPPOE)
    if link == 107:
        return frame_relay(b, p, end)
    if link == 206:
        return -tables.N_TRUNCATED if end == p else frame_relay(b, p + 1, end)
    if link == 219:
        return position(p, ethertypes.MPLS)
    if link == 100:  # LLC over ATM
        return position(p, ethertypes.LLC)
    if link == 10:  # FDDI: frame control and two addresses
        return position(p + 13, ethertypes.LLC)
    if link == 122:  # IP over Fibre Channel: two addresses
        return position(p + 16, ethertypes.LLC)
    return -tables.N_UNKNOWN_LINK


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _of_radio(
    b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, link: cython.longlong
) -> cython.longlong:
    """Frames of 802.11; link types of others are unknown."""
    if link == 105:
        return radio(b, p, end, 0)
    if link == 127:
        return radiotap(b, p, end)
    if link == 119 or link == 163:
        return prism(b, p, end)
    return -tables.N_UNKNOWN_LINK


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _header(
    b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, link: cython.longlong, big: cython.int
) -> cython.longlong:
    """The position behind the header of a frame of a link type that itself says what follows."""
    at: cython.longlong = _with_ethertype(b, p, end, link)
    if at == -tables.N_UNKNOWN_LINK:
        at = _with_family(b, p, end, link, big)
    if at == -tables.N_UNKNOWN_LINK:
        at = _of_a_line(b, p, end, link)
    if at == -tables.N_UNKNOWN_LINK:
        at = _of_radio(b, p, end, link)
    return at


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
    least: cython.Py_ssize_t
    _i: cython.int
    for _i in range(4):  # headers that name the link type of what they hold, in one another
        if link != 192 and link != 258:
            return _header(b, p, end, link, big)
        if end - p < 12:
            return -tables.N_TRUNCATED
        if link == 192:  # per-packet information, little-endian always
            least = 8
            length = read16(b, p + 2, 0)
            link = read32(b, p + 4, 0)
        else:  # PKTAP of macOS
            least = 12
            length = read16(b, p, 0)
            link = read32(b, p + 8, 0)
        if length < least:
            return -tables.N_NOT_IP
        if end - p < length:
            return -tables.N_TRUNCATED
        p += length
    return -tables.N_NOT_IP


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
        if ether == ethertypes.IPV4 or ether == ethertypes.IPV6:
            return position(p, ether)
        at = step(b, p, end, ether)
        if at < 0:
            return at
        p = offset_of(at)
        ether = ether_of(at)
    return -tables.N_NOT_IP
