"""Serial lines: PPP, HDLC, frame relay.

Sources: RFC 1547, RFC 1661 and 1662 (PPP), RFC 2427 (frame relay).
"""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import ethertypes, tables
else:
    from detector.kernel import ethertypes, tables
    from detector.kernel.wire.integers import be16
    from detector.kernel.wire.positions import behind, position


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def ppp(b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.longlong:
    """PPP, with or without address and control, the protocol in one byte or two."""
    x: cython.int
    if end - p >= 2 and b[p] == 0xFF and b[p + 1] == 3:
        p += 2
    if end - p < 2:
        return -tables.N_TRUNCATED
    if b[p] & 1:
        x = b[p]
        p += 1
    else:
        x = be16(b, p)
        p += 2
    if x == 0x21:
        return position(p, ethertypes.IPV4)
    if x == 0x57:
        return position(p, ethertypes.IPV6)
    if x == 0x0281:
        return position(p, ethertypes.MPLS)
    return -tables.N_NOT_IP


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def cisco_or_ppp(b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.longlong:
    """PPP, or HDLC as Cisco frames it, RFC 1547 4.3.1."""
    if end - p < 4:
        return -tables.N_TRUNCATED
    if b[p] & 0x7F == 0x0F and b[p + 1] == 0:
        return behind(b, p, end, 4, 2)
    return position(p, ethertypes.PPP)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def directed(b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.longlong:
    """PPP behind a byte for the direction, which pppd puts in place of the HDLC address."""
    if end - p < 2:
        return -tables.N_TRUNCATED
    return position(p + 2 if b[p + 1] == 3 else p + 1, ethertypes.PPP)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def frame_relay(b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.longlong:
    """A Q.922 address of 2 to 4 bytes, then RFC 2427, or an ethertype as Cisco has it."""
    q: cython.Py_ssize_t = p + 1
    x: cython.int
    while q - p < 4 and q < end and not b[q] & 1:
        q += 1
    q += 1
    if end - q < 2:
        return -tables.N_TRUNCATED
    if b[q] != 3:
        return position(q + 2, be16(b, q))
    q += 1
    if b[q] == 0:  # pads to an even offset
        q += 1
    if q >= end:
        return -tables.N_TRUNCATED
    x = b[q]
    if x == 0xCC:
        return position(q + 1, ethertypes.IPV4)
    if x == 0x8E:
        return position(q + 1, ethertypes.IPV6)
    if x == 0xCF:
        return position(q + 1, ethertypes.PPP)
    if x != 0x80:  # SNAP
        return -tables.N_NOT_IP
    if end - q < 6:
        return -tables.N_TRUNCATED
    if b[q + 1] == 0 and b[q + 2] == 0x80 and b[q + 3] == 0xC2 and (b[q + 5] == 1 or b[q + 5] == 7):
        return position(q + 6, ethertypes.BRIDGED)
    if b[q + 1] != 0 or b[q + 2] != 0 or b[q + 3] != 0:
        return -tables.N_NOT_IP
    return position(q + 6, be16(b, q + 4))
