"""Headers of TCP and UDP: the ports, and what may be a tunnel.

Sources: RFC 9293, RFC 768, RFC 1858 (tiny fragments).
"""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import tables
else:
    from detector.kernel import tables
    from detector.kernel.decoding.headers import Headers
    from detector.kernel.decoding.walk import Walk
    from detector.kernel.tunnels import in_datagram, in_packet
    from detector.kernel.wire.integers import be16, be32


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _tcp(w: Walk, h: cython.pointer[Headers]) -> cython.longlong:
    p: cython.Py_ssize_t = h[0].p
    room: cython.Py_ssize_t = h[0].stop - p
    header: cython.Py_ssize_t
    if h[0].first and room < 20:
        return -tables.N_TINY
    if h[0].end - p < 14:
        return -tables.N_TRUNCATED
    header = (w.window[p + 12] >> 4) * 4
    if header < 20 or header > room:
        return -tables.N_TINY if h[0].first and header >= 20 else -tables.N_BAD_TRANSPORT
    h[0].bits = w.window[p + 13]
    h[0].sequence = be32(w.window, p + 4)
    h[0].source_port = be16(w.window, p)
    h[0].destination_port = be16(w.window, p + 2)
    h[0].p = p + header
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _udp(w: Walk, h: cython.pointer[Headers]) -> cython.longlong:
    p: cython.Py_ssize_t = h[0].p
    room: cython.Py_ssize_t = h[0].stop - p
    if h[0].first and room < 8:
        return -tables.N_TINY
    if h[0].end - p < 8:
        return -tables.N_TRUNCATED
    if room < 8:
        return -tables.N_BAD_TRANSPORT
    h[0].source_port = be16(w.window, p)
    h[0].destination_port = be16(w.window, p + 2)
    if h[0].first and p + be16(w.window, p + 4) > h[0].stop:  # the datagram goes on in other fragments
        h[0].stop = p + be16(w.window, p + 4)
    h[0].p = p + 8
    return 0


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
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def ends(w: Walk, h: cython.pointer[Headers]) -> cython.longlong:
    """Reads the header at h.p: 0, or the position of an IP packet in a tunnel, or -reason."""
    at: cython.longlong
    if h[0].protocol == 6:
        return _tcp(w, h)
    if h[0].protocol == 17:
        at = _udp(w, h)
        if at < 0 or h[0].left == 0 or not _may_tunnel(h[0].source_port, h[0].destination_port):
            return at
        at = in_datagram(w.window, h[0].p, h[0].end, h[0].stop, cython.cast(cython.int, h[0].source_port),
            cython.cast(cython.int, h[0].destination_port), w.state[tables.TUNNELS],
        )  # fmt: skip
    else:
        at = in_packet(w.window, h[0].p, h[0].end, h[0].stop, h[0].protocol, w.state[tables.TUNNELS])
        if at > 0 and h[0].left == 0:
            return -tables.N_DEEP
    if at > 0:
        h[0].left -= 1
        h[0].origin = 0
    return at
