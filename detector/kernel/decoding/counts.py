"""Packets that become no descriptor, counted by the reason."""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import tables
else:
    from detector.kernel import tables
    from detector.kernel.decoding.walk import Walk


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _unknown_link(w: Walk, link: cython.longlong) -> cython.int:
    """Counts a packet of a link type that nobody here decodes; types beyond the table share its last pair."""
    i: cython.Py_ssize_t
    at: cython.Py_ssize_t = tables.LINKS
    w.state[tables.N_UNKNOWN_LINK] += 1
    for i in range(tables.LINK_PAIRS):
        at = tables.LINKS + 2 * i
        if w.state[at + 1] == 0 or w.state[at] == link:
            break
    if w.state[at + 1] == 0:
        w.state[at] = link
    w.state[at + 1] += 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def left_out(w: Walk, reason: cython.longlong, link: cython.longlong) -> cython.int:
    """Counts a packet under -reason."""
    if -reason == tables.N_UNKNOWN_LINK:
        return _unknown_link(w, link)
    w.state[cython.cast(cython.Py_ssize_t, -reason)] += 1
    return 0
