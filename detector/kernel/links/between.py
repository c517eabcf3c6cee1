"""What may stand between a frame's header and IP: tags, labels, LLC, PPP.

Sources: IEEE 802.1Q, 802.1ad, 802.1ah, 802.2; RFC 1042 (SNAP), RFC 2516 (PPPoE), RFC 3032
(MPLS), RFC 4448 (pseudowires).
"""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import ethertypes, tables
else:
    from detector.kernel import ethertypes, tables
    from detector.kernel.links.families import by_version
    from detector.kernel.links.serial import ppp
    from detector.kernel.wire.integers import be16
    from detector.kernel.wire.positions import behind, position


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def llc(b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.longlong:
    """IEEE 802.2: SNAP with an ethertype, or the access point that IP once had."""
    if end - p < 8:
        return -tables.N_TRUNCATED
    if b[p] == 6 and b[p + 1] == 6 and b[p + 2] == 3:
        return position(p + 3, ethertypes.IPV4)
    if b[p] != 0xAA or b[p + 1] != 0xAA or b[p + 2] != 3 or b[p + 3] != 0 or b[p + 4] != 0:
        return -tables.N_NOT_IP
    if b[p + 5] != 0 and b[p + 5] != 0xF8:  # RFC 1042, or the tunnel of 802.1H
        return -tables.N_NOT_IP
    return position(p + 8, be16(b, p + 6))


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def label(b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.longlong:
    """An MPLS label; under the last one IP by its version, or Ethernet behind a control word of 0."""
    ether: cython.int
    if end - p < 5:
        return -tables.N_TRUNCATED
    if not b[p + 2] & 1:
        return position(p + 4, ethertypes.MPLS)
    ether = by_version(b, p + 4)
    if ether == ethertypes.NOT_IP and b[p + 4] == 0:
        return -tables.N_TRUNCATED if end - p < 8 else position(p + 8, ethertypes.BRIDGED)
    return position(p + 4, ether)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def step(
    b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, ether: cython.int
) -> cython.longlong:
    """The position behind one header of this ethertype, which is not of IP."""
    if ether == 0x8100 or ether == 0x88A8 or ether == 0x9100 or ether == 0x9200:  # VLAN
        return behind(b, p, end, 4, 2)
    if ether == ethertypes.MPLS or ether == 0x8848:
        return label(b, p, end)
    if ether == ethertypes.PPPOE:
        return -tables.N_TRUNCATED if end - p < 8 else position(p + 6, ethertypes.PPP)
    if ether == ethertypes.PPP:
        return ppp(b, p, end)
    if ether == 0x88E7:  # a service tag, then the customer's frame
        return behind(b, p, end, 18, 16)
    if ether == ethertypes.BRIDGED:
        return behind(b, p, end, 14, 12)
    if ether == 0x8926:  # VN-tag
        return behind(b, p, end, 6, 4)
    if ether == 0x893F:  # E-tag of 802.1BR
        return behind(b, p, end, 8, 6)
    if ether == 0x88E5:  # MACsec
        return -tables.N_ENCRYPTED
    if ether < 1536 and ether > 2:  # a length of 802.3, or LLC
        return llc(b, p, end)
    return -tables.N_NOT_IP
