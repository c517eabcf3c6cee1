"""Frames of a host's own devices and logs, which name IP by an address family, or not at all."""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import ethertypes, tables
else:
    from detector.kernel import ethertypes, tables
    from detector.kernel.wire.integers import read16
    from detector.kernel.wire.positions import position


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def by_version(b: cython.uchar[::1], p: cython.Py_ssize_t) -> cython.int:
    """Ethertype by the version nibble, where the link layer does not say."""
    if b[p] >> 4 == 4:
        return ethertypes.IPV4
    if b[p] >> 4 == 6:
        return ethertypes.IPV6
    return ethertypes.NOT_IP


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def family(x: cython.longlong) -> cython.int:
    """Ethertype of an address family in either byte order; the numbers for IPv6 differ by system."""
    if x > 0xFFFF:
        x = ((x & 0xFF) << 24) | ((x & 0xFF00) << 8) | ((x >> 8) & 0xFF00) | (x >> 24)
    if x == 2:
        return ethertypes.IPV4
    if x == 10 or x == 24 or x == 26 or x == 28 or x == 30:  # Linux; other BSDs; Solaris; FreeBSD; macOS
        return ethertypes.IPV6
    return ethertypes.NOT_IP


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def logged(
    b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, big: cython.int
) -> cython.longlong:
    """A message of Linux nflog: attributes in the byte order of the capturing host, one is the packet."""
    ether: cython.int
    size: cython.Py_ssize_t
    if end - p < 4:
        return -tables.N_TRUNCATED
    ether = family(b[p])
    p += 4
    while end - p >= 4:
        size = read16(b, p, big)
        if size < 4:
            return -tables.N_NOT_IP
        if read16(b, p + 2, big) & 0x7FFF == 9:  # NFULA_PAYLOAD
            return position(p + 4, ether)
        p += (size + 3) & ~3
    return -tables.N_NOT_IP if end == p else -tables.N_TRUNCATED


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def filtered(b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.longlong:
    """OpenBSD's packet filter log: its length without padding, a family, what the filter did."""
    length: cython.Py_ssize_t
    if end - p < 2:
        return -tables.N_TRUNCATED
    length = (b[p] + 3) & ~3
    return -tables.N_TRUNCATED if end - p < length else position(p + length, family(b[p + 1]))
