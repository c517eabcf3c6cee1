"""IEEE 802.11: data frames in the clear, behind what the receiver noted of them.

Sources: IEEE 802.11; radiotap.org.
"""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import ethertypes, tables
else:
    from detector.kernel import ethertypes, tables
    from detector.kernel.wire.integers import be16, read16, read32
    from detector.kernel.wire.positions import position


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def radio(
    b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, padded: cython.int
) -> cython.longlong:
    """An 802.11 frame: past its MAC header, when it carries data in the clear."""
    if end - p < 24:
        return -tables.N_TRUNCATED if end - p < 2 or b[p] & 0x0C == 0x08 else -tables.N_NOT_IP
    control: cython.int = be16(b, p)
    header: cython.Py_ssize_t = 24
    aggregated: cython.int = 0
    if control & 0x0C00 != 0x0800 or control & 0x4000:  # not of type data, or a subtype without data
        return -tables.N_NOT_IP
    if control & 0x0040:
        return -tables.N_ENCRYPTED
    if b[p + 22] & 15:  # number of this fragment of the MSDU
        return -tables.N_FRAGMENT
    if control & 3 == 3:  # to and from the distribution system: a fourth address
        header += 6
    if control & 0x8000:  # quality of service
        if end - p < header + 2:
            return -tables.N_TRUNCATED
        aggregated = b[p + header] & 0x80
        header += 2
        if control & 0x0080:  # high throughput control
            header += 4
    if padded:
        header = (header + 3) & ~3
    if aggregated:  # the first of several: two addresses and a length each
        header += 14
    return position(p + header, ethertypes.LLC)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def radiotap(b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.longlong:
    """A radiotap header, of which only the flags matter: they say whether the MAC header is padded."""
    if end - p < 8:
        return -tables.N_TRUNCATED
    length: cython.Py_ssize_t = read16(b, p + 2, 0)
    present: cython.longlong = read32(b, p + 4, 0)
    q: cython.Py_ssize_t = p + 4
    flags: cython.int = 0
    if length < 8:
        return -tables.N_NOT_IP
    if end - p < length:
        return -tables.N_TRUNCATED
    while b[q + 3] & 0x80 and q + 8 <= p + length:  # another word of bits follows
        q += 4
    q += 4
    if present & 1:  # microseconds, aligned to 8 bytes from the start
        q = p + ((q - p + 7) & ~7) + 8
    if present & 2 and q < p + length:
        flags = b[q]
    return radio(b, p + length, end, flags & 0x20)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def prism(b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.longlong:
    """A Prism header of 144 bytes, or an AVS header, which says its length."""
    length: cython.longlong = 144
    if end - p < 8:
        return -tables.N_TRUNCATED
    if read32(b, p, 1) >> 12 == 0x80211:
        length = read32(b, p + 4, 1)
        if length < 8:
            return -tables.N_NOT_IP
    if length > end - p:
        return -tables.N_TRUNCATED
    return radio(b, p + cython.cast(cython.Py_ssize_t, length), end, 0)
