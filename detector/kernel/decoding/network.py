"""Headers of IPv4 and IPv6: addresses, what is carried, where it ends.

Sources: RFC 791, RFC 4291 2.5.5.2 (mapped addresses), RFC 8200.
"""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import ethertypes, tables
else:
    from detector.kernel import ethertypes, tables
    from detector.kernel.decoding.fragment import note_fragment
    from detector.kernel.decoding.headers import Headers
    from detector.kernel.decoding.walk import Walk
    from detector.kernel.wire.integers import be16, be32
    from detector.kernel.wire.positions import ether_of, offset_of


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _beyond(cut: cython.longlong) -> cython.Py_ssize_t:
    """Bytes of a frame that were not captured, at most what a record may have."""
    return cython.cast(cython.Py_ssize_t, cut if cut < tables.RECORD_LIMIT else tables.RECORD_LIMIT)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1)  # which is a value, too: of an address of ones
def _be64(w: Walk, o: cython.Py_ssize_t) -> cython.ulonglong:
    high: cython.ulonglong = be32(w.window, o)
    return (high << 32) | cython.cast(cython.ulonglong, be32(w.window, o + 4))


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _ipv4(w: Walk, h: cython.pointer[Headers], cut: cython.longlong, ts: cython.ulonglong) -> cython.longlong:
    p: cython.Py_ssize_t = h[0].p
    header: cython.Py_ssize_t
    length: cython.Py_ssize_t
    x: cython.int
    if h[0].end - p < 20:
        return -tables.N_TRUNCATED
    header = (w.window[p] & 15) * 4
    if w.window[p] >> 4 != 4 or header < 20:
        return -tables.N_BAD_IP
    length = be16(w.window, p + 2)
    if length == 0:  # segmentation offload: the length was not yet known when captured
        length = h[0].end - p + _beyond(cut)
    if length < header:
        return -tables.N_BAD_IP
    h[0].stop = p + length
    h[0].protocol = w.window[p + 9]
    h[0].source_high = 0
    h[0].source_low = tables.MAPPED | be32(w.window, p + 12)
    h[0].destination_high = 0
    h[0].destination_low = tables.MAPPED | be32(w.window, p + 16)
    h[0].p = p + header
    x = be16(w.window, p + 6) & 0x3FFF
    if x != 0:  # more fragments follow, or this one is behind others
        note_fragment(
            w, h, tables.DATAGRAM | (be16(w.window, p + 4) << 8) | h[0].protocol, (x & 0x1FFF) * 8, ts
        )
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _is_extension(kind: cython.int) -> cython.int:
    """Hop-by-hop, routing, fragment, authentication, destination options."""
    return kind == 0 or kind == 43 or kind == 44 or kind == 51 or kind == 60


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _extensions(w: Walk, h: cython.pointer[Headers], ts: cython.ulonglong) -> cython.longlong:
    """Past what stands between an IPv6 header and its payload, RFC 8200 section 4."""
    p: cython.Py_ssize_t
    kind: cython.int
    x: cython.int
    _i: cython.int
    for _i in range(8):
        kind = h[0].protocol
        if not _is_extension(kind):
            break
        p = h[0].p
        if h[0].end - p < 8:
            return -tables.N_TRUNCATED
        h[0].protocol = w.window[p]
        if kind == 44:  # fragment
            if h[0].stop - p < 8:
                return -tables.N_BAD_IP
            h[0].p = p + 8
            x = be16(w.window, p + 2)
            if x & 0xFFF9:
                note_fragment(w, h, tables.DATAGRAM | (be32(w.window, p + 4) << 8) | 44, x & 0xFFF8, ts)
            if h[0].start > 0:
                return 0
        elif kind == 51:  # authentication
            h[0].p = p + (w.window[p + 1] + 2) * 4
        else:
            h[0].p = p + (w.window[p + 1] + 1) * 8
    if _is_extension(h[0].protocol):  # nobody sends so many
        return -tables.N_BAD_IP
    if h[0].p > h[0].stop:
        return -tables.N_TINY if h[0].first else -tables.N_BAD_IP
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _ipv6(w: Walk, h: cython.pointer[Headers], cut: cython.longlong, ts: cython.ulonglong) -> cython.longlong:
    p: cython.Py_ssize_t = h[0].p
    length: cython.Py_ssize_t
    if h[0].end - p < 40:
        return -tables.N_TRUNCATED
    if w.window[p] >> 4 != 6:
        return -tables.N_BAD_IP
    length = be16(w.window, p + 4)
    if length == 0:  # jumbogram or segmentation offload
        h[0].stop = h[0].end + _beyond(cut)
    else:
        h[0].stop = p + 40 + length
    h[0].protocol = w.window[p + 6]
    h[0].source_high = _be64(w, p + 8)
    h[0].source_low = _be64(w, p + 16)
    h[0].destination_high = _be64(w, p + 24)
    h[0].destination_low = _be64(w, p + 32)
    h[0].p = p + 40
    return _extensions(w, h, ts)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def network(
    w: Walk, h: cython.pointer[Headers], at: cython.longlong, cut: cython.longlong, ts: cython.ulonglong
) -> cython.longlong:
    """Reads the IP header at a position, and those behind it up to the payload: 0, or -reason.

    cut: bytes of the frame that were not captured.  Where `start` is above 0 then, this is a
    later fragment, and the payload has no header.
    """
    h[0].p = offset_of(at)
    h[0].first = 0
    if ether_of(at) == ethertypes.IPV4:
        return _ipv4(w, h, cut, ts)
    return _ipv6(w, h, cut, ts)
