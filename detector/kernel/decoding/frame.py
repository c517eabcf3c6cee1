"""One frame: its headers from the outside in, then its descriptor (`tables`), or a count of why not."""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import tables
else:
    from detector.kernel import tables
    from detector.kernel.decoding.counts import left_out
    from detector.kernel.decoding.ends import ends
    from detector.kernel.decoding.fragment import later_fragment
    from detector.kernel.decoding.headers import Headers
    from detector.kernel.decoding.link import behind_link
    from detector.kernel.decoding.network import network
    from detector.kernel.decoding.walk import Walk
    from detector.kernel.fragments import filled


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _describe(
    w: Walk, h: cython.pointer[Headers], wire: cython.longlong, ts: cython.ulonglong, k: cython.Py_ssize_t
) -> cython.int:
    """Writes descriptor k, its endpoints in canonical order."""
    o: cython.Py_ssize_t = k * tables.DESCRIPTOR
    a0: cython.ulonglong = h[0].source_high
    a1: cython.ulonglong = h[0].source_low
    pa: cython.ulonglong = h[0].source_port
    b0: cython.ulonglong = h[0].destination_high
    b1: cython.ulonglong = h[0].destination_low
    pb: cython.ulonglong = h[0].destination_port
    bits: cython.ulonglong = h[0].bits
    captured: cython.Py_ssize_t = (h[0].stop if h[0].stop < h[0].end else h[0].end) - h[0].p
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
        bits |= tables.FROM_B
    w.batch[o + tables.A_HIGH] = a0
    w.batch[o + tables.A_LOW] = a1
    w.batch[o + tables.B_HIGH] = b0
    w.batch[o + tables.B_LOW] = b1
    w.batch[o + tables.KEY] = (pa << 48) | (pb << 32) | cython.cast(cython.ulonglong, h[0].protocol)
    w.batch[o + tables.BITS] = bits
    w.batch[o + tables.TIME] = ts
    w.batch[o + tables.WIRE] = wire
    w.batch[o + tables.PAYLOAD] = h[0].stop - h[0].p
    w.batch[o + tables.OFFSET] = h[0].p
    w.batch[o + tables.CAPTURED] = captured if captured > 0 else 0
    w.batch[o + tables.SEQUENCE] = h[0].sequence
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def decode(
    w: Walk,
    p: cython.Py_ssize_t,
    captured: cython.Py_ssize_t,
    wire: cython.longlong,
    ts: cython.ulonglong,
    link: cython.longlong,
    k: cython.Py_ssize_t,
) -> cython.int:
    """One frame at w.window[p : p + captured] into descriptor k: 1, or 0 and a count of the reason."""
    at: cython.longlong
    shift: cython.Py_ssize_t  # from the data of the outermost fragment to the payload
    h = cython.declare(Headers)
    h.end = p + captured
    h.source_port = 0
    h.destination_port = 0
    h.bits = 0
    h.sequence = 0
    h.left = w.state[tables.TUNNEL_DEPTH]
    h.start = 0
    h.entry = -1
    h.origin = 0
    w.state[tables.N_PACKETS] += 1
    if wire < captured:
        wire = captured
    at = behind_link(w, p, h.end, link)
    while at >= 0:  # one turn an IP header: the next one stands in a tunnel
        at = network(w, cython.address(h), at, wire - captured, ts)
        if at < 0:
            break
        if h.start > 0:
            return later_fragment(w, cython.address(h), wire, ts, k)
        at = ends(w, cython.address(h))
        if at == 0:
            _describe(w, cython.address(h), wire, ts, k)
            if h.entry >= 0:
                shift = h.p - h.origin if h.origin > 0 and h.protocol == 6 else -1
                filled(w.state, h.entry, w.batch, k, shift)
            w.state[tables.N_DECODED] += 1
            return 1
    return left_out(w, at, link)
