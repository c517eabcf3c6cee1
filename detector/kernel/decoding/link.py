"""The link layer of a frame: Ethernet here, everything else by `linklayers`."""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import ethertypes, tables
else:
    from detector.kernel import ethertypes, tables
    from detector.kernel.decoding.walk import Walk
    from detector.kernel.linklayers import opened, unwrapped
    from detector.kernel.wire.integers import be16
    from detector.kernel.wire.positions import ether_of, offset_of, position


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def behind_link(
    w: Walk, p: cython.Py_ssize_t, end: cython.Py_ssize_t, link: cython.longlong
) -> cython.longlong:
    """The position of the IP packet in a frame w.window[p:end], or -reason."""
    at: cython.longlong
    if link == 1:
        if end - p < 14:
            return -tables.N_TRUNCATED
        at = position(p + 14, be16(w.window, p + 12))
    else:
        at = opened(w.window, p, end, link, cython.cast(cython.int, w.state[tables.SWAPPED]))
        if at < 0:
            return at
    if ether_of(at) != ethertypes.IPV4 and ether_of(at) != ethertypes.IPV6:
        at = unwrapped(w.window, offset_of(at), end, ether_of(at))
    return at
