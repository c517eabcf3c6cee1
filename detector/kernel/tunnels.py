# cython: language_level=3, wraparound=False, cdivision=True, initializedcheck=False
"""Tunnels: from an IP packet that carries another one to the first byte of that one.

Owns the headers between the two.  `in_packet` knows the IP protocols that say by themselves
that they are tunnels; `in_datagram` the ports of UDP that only suggest it: there every
header has to fit, down to the lengths of the inner IP packet, or the datagram stays what
it is.  Which tunnels are opened is a set of bits, in the order of `settings.TUNNELS`.

Sources: RFC 2003 (IPIP), 4213 (6in4), 2784 and 2890 (GRE), 2637 (PPTP), 7348 (VXLAN),
draft-ietf-nvo3-vxlan-gpe, 8926 (Geneve), 4380 (Teredo), 2661 and 3931 (L2TP), 3GPP TS
29.281 (GTP-U), draft-foschiano-erspan.
"""

import cython

from detector.settings import TUNNELS

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import ethertypes, tables
else:
    from detector.kernel import ethertypes, tables
    from detector.kernel.linklayers import unwrapped
    from detector.kernel.wire.integers import be16, be32
    from detector.kernel.wire.positions import ether_of, offset_of, position

_IPIP = cython.declare(cython.longlong, 1 << TUNNELS.index("ipip"))
_SIX_IN_FOUR = cython.declare(cython.longlong, 1 << TUNNELS.index("6in4"))
_GRE = cython.declare(cython.longlong, 1 << TUNNELS.index("gre"))
_ERSPAN = cython.declare(cython.longlong, 1 << TUNNELS.index("erspan"))
_VXLAN = cython.declare(cython.longlong, 1 << TUNNELS.index("vxlan"))
_GENEVE = cython.declare(cython.longlong, 1 << TUNNELS.index("geneve"))
_GTP = cython.declare(cython.longlong, 1 << TUNNELS.index("gtp"))
_TEREDO = cython.declare(cython.longlong, 1 << TUNNELS.index("teredo"))
_L2TP = cython.declare(cython.longlong, 1 << TUNNELS.index("l2tp"))
_L2TPV3 = cython.declare(cython.longlong, 1 << TUNNELS.index("l2tpv3"))


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _plausible(
    b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, stop: cython.Py_ssize_t,
    ether: cython.int, whole: cython.int,
) -> cython.longlong:  # fmt: skip
    """The position of an IP packet behind `ether` at p whose header fits before `stop`; 0 = none.

    whole: it has to end at `stop`.
    """
    at: cython.longlong = unwrapped(b, p, end, ether)
    length: cython.Py_ssize_t
    if at < 0:
        return 0
    p = offset_of(at)
    if ether_of(at) == ethertypes.IPV4:
        if end - p < 20 or b[p] >> 4 != 4 or b[p] & 15 < 5:
            return 0
        length = be16(b, p + 2)
        if length < (b[p] & 15) * 4:
            return 0
    else:
        if end - p < 40 or b[p] >> 4 != 6:
            return 0
        length = be16(b, p + 4) + 40
    if length > stop - p or (whole and length != stop - p):
        return 0
    return at


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _by_nibble(
    b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, stop: cython.Py_ssize_t,
    whole: cython.int,
) -> cython.longlong:  # fmt: skip
    if p >= end:
        return 0
    return _plausible(b, p, end, stop, ethertypes.IPV4 if b[p] >> 4 == 4 else ethertypes.IPV6, whole)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _pseudowire(
    b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, stop: cython.Py_ssize_t
) -> cython.longlong:
    """L2TPv3 data: Ethernet behind a cookie and a sublayer of lengths that only the two ends know."""
    at: cython.longlong
    skipped: cython.Py_ssize_t
    for skipped in range(0, 16, 4):  # a cookie of 0, 4 or 8 bytes, a sublayer of 0 or 4
        at = _plausible(b, p + skipped, end, stop, ethertypes.BRIDGED, 0)
        if at != 0:
            return at
    return 0


# --- IP protocols


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _gre(
    b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, opened: cython.longlong
) -> cython.longlong:
    flags: cython.int
    ether: cython.int
    if end - p < 4:
        return -tables.N_TRUNCATED
    flags = be16(b, p)
    ether = be16(b, p + 2)
    p += 4
    if flags & 0x4000 or flags & 7 > 1 or (flags & 7 == 1 and ether != ethertypes.PPP):
        return -tables.N_OTHER  # source routes are long gone; nobody knows later versions
    if flags & 0x8000:  # checksum
        p += 4
    if flags & 0x2000:  # key
        p += 4
    if flags & 0x1000:  # sequence number
        p += 4
    if flags & 7 == 1:
        if not flags & 0x1000:  # acknowledges, and carries nothing
            return -tables.N_OTHER
        if flags & 0x0080:  # acknowledgement
            p += 4
    if ether != 0x88BE and ether != 0x22EB:
        return unwrapped(b, p, end, ether) if opened & _GRE else -tables.N_OTHER
    if not opened & _ERSPAN:
        return -tables.N_OTHER
    if ether == 0x22EB:  # type III
        if end - p < 12:
            return -tables.N_TRUNCATED
        p += 20 if b[p + 11] & 1 else 12
    elif flags & 0x1000:  # type II; type I has no header of its own, and no sequence number
        p += 8
    return unwrapped(b, p, end, ethertypes.BRIDGED)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def in_packet(
    b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, stop: cython.Py_ssize_t,
    protocol: cython.int, opened: cython.longlong,
) -> cython.longlong:  # fmt: skip
    """The position of what an IP packet with this protocol carries at b[p:stop], or -reason."""
    at: cython.longlong = 0
    if protocol == 4 and opened & _IPIP:
        return position(p, ethertypes.IPV4)
    if protocol == 41 and opened & _SIX_IN_FOUR:
        return position(p, ethertypes.IPV6)
    if protocol == 47 and opened & (_GRE | _ERSPAN):
        return _gre(b, p, end, opened)
    if protocol == 115 and opened & _L2TPV3 and end - p >= 4 and be32(b, p) != 0:
        at = _pseudowire(b, p + 4, end, stop)
    return at if at != 0 else -tables.N_OTHER


# --- UDP ports


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _vxlan(
    b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, stop: cython.Py_ssize_t,
    generic: cython.int,
) -> cython.longlong:  # fmt: skip
    """VXLAN, with a group policy perhaps, or its generic protocol extension, which says what it holds."""
    if end - p < 8 or b[p + 7] != 0:
        return 0
    if not generic:
        if b[p] & 0x77 or not b[p] & 8 or b[p + 1] & 0xB7:
            return 0
        return _plausible(b, p + 8, end, stop, ethertypes.BRIDGED, 0)
    if (
        b[p] & 0xF1 != 0 or b[p] & 0x0C != 0x0C
    ):  # version 0, no test packet; with an identifier and a protocol
        return 0
    if b[p + 3] == 1:
        return _plausible(b, p + 8, end, stop, ethertypes.IPV4, 0)
    if b[p + 3] == 2:
        return _plausible(b, p + 8, end, stop, ethertypes.IPV6, 0)
    return _plausible(b, p + 8, end, stop, ethertypes.BRIDGED, 0) if b[p + 3] == 3 else 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _geneve(
    b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, stop: cython.Py_ssize_t
) -> cython.longlong:
    if end - p < 8 or b[p] >> 6 != 0 or b[p + 1] & 0x3F or b[p + 7] != 0:
        return 0
    return _plausible(b, p + 8 + (b[p] & 63) * 4, end, stop, be16(b, p + 2), 0)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _gtp(
    b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, stop: cython.Py_ssize_t
) -> cython.longlong:
    """A G-PDU of GTP-U version 1 with its extension headers."""
    kind: cython.int
    _i: cython.int
    if end - p < 12 or b[p] >> 4 != 3 or b[p + 1] != 255 or be16(b, p + 2) != stop - p - 8:
        return 0
    if not b[p] & 7:
        return _by_nibble(b, p + 8, end, stop, 1)
    kind = b[p + 11] if b[p] & 4 else 0
    p += 12
    for _i in range(8):
        if kind == 0:
            return _by_nibble(b, p, end, stop, 1)
        if p >= end or b[p] == 0 or p + b[p] * 4 > end:
            return 0
        p += b[p] * 4
        kind = b[p - 1]
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _teredo(
    b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, stop: cython.Py_ssize_t
) -> cython.longlong:
    """IPv6, behind an authentication and an origin perhaps (RFC 4380 5.1.1)."""
    if end - p >= 4 and b[p] == 0 and b[p + 1] == 1:
        p += 13 + b[p + 2] + b[p + 3]
    if end - p >= 8 and b[p] == 0 and b[p + 1] == 0:
        p += 8
    return _plausible(b, p, end, stop, ethertypes.IPV6, 1)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _l2tp(
    b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, stop: cython.Py_ssize_t,
    opened: cython.longlong,
) -> cython.longlong:  # fmt: skip
    """A data message; those of control are of the channel between the two ends."""
    flags: cython.int
    if end - p < 8:
        return 0
    flags = be16(b, p)
    if flags & 0x8000:
        return 0
    if flags & 15 == 3 and opened & _L2TPV3 and be32(b, p + 4) != 0:
        return _pseudowire(b, p + 8, end, stop)
    if flags & 15 != 2 or not opened & _L2TP or flags & 0x34F0:
        return 0
    p += 2
    if flags & 0x4000:  # length of it all
        if be16(b, p) != stop - p + 2:
            return 0
        p += 2
    p += 4  # tunnel, session
    if flags & 0x0800:  # sequence numbers
        p += 4
    if flags & 0x0200:  # offset
        if end - p < 2:
            return 0
        p += 2 + be16(b, p)
    return _plausible(b, p, end, stop, ethertypes.PPP, 0)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def in_datagram(
    b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, stop: cython.Py_ssize_t,
    source: cython.int, destination: cython.int, opened: cython.longlong,
) -> cython.longlong:  # fmt: skip
    """The position of the IP packet in the UDP payload b[p:stop] between these ports; 0 = it is none."""
    if (destination == 4789 or destination == 8472) and opened & _VXLAN:  # 8472: Linux before the RFC
        return _vxlan(b, p, end, stop, 0)
    if destination == 4790 and opened & _VXLAN:
        return _vxlan(b, p, end, stop, 1)
    if destination == 6081 and opened & _GENEVE:
        return _geneve(b, p, end, stop)
    if destination == 2152 and opened & _GTP:
        return _gtp(b, p, end, stop)
    if (source == 3544 or destination == 3544) and opened & _TEREDO:
        return _teredo(b, p, end, stop)
    if (source == 1701 or destination == 1701) and opened & (_L2TP | _L2TPV3):
        return _l2tp(b, p, end, stop, opened)
    return 0
