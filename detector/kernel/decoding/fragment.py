"""Fragments of IP, where a header says that this is one: into and out of the table of `fragments`."""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import tables
else:
    from detector.kernel import tables
    from detector.kernel.decoding.counts import left_out
    from detector.kernel.decoding.headers import Headers
    from detector.kernel.decoding.walk import Walk
    from detector.kernel.fragments import entered, later


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def note_fragment(
    w: Walk, h: cython.pointer[Headers], ident: cython.longlong, start: cython.longlong, ts: cython.ulonglong
) -> cython.int:
    """A fragment with its data at h.p: of a later one `start`, of the first an entry of the table.

    ident: as `fragments.entered` has it.
    """
    if start > 0:
        h[0].start = start
        h[0].ident = ident
        return 0
    h[0].first = 1
    if h[0].entry < 0:
        h[0].entry = entered(
            w.state, h[0].source_high, h[0].source_low, h[0].destination_high, h[0].destination_low,
            ident, ts, h[0].stop - h[0].p,
        )  # fmt: skip
        h[0].origin = h[0].p
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def later_fragment(
    w: Walk, h: cython.pointer[Headers], wire: cython.longlong, ts: cython.ulonglong, k: cython.Py_ssize_t
) -> cython.int:
    """A later fragment with its data at h.p: as `decode`."""
    captured: cython.longlong = (h[0].stop if h[0].stop < h[0].end else h[0].end) - h[0].p
    at: cython.longlong
    if captured < 0:
        captured = 0
    at = later(
        w.state, h[0].source_high, h[0].source_low, h[0].destination_high, h[0].destination_low, h[0].ident,
        h[0].start, h[0].stop - h[0].p, h[0].p, captured, wire, ts, w.batch, k,
    )  # fmt: skip
    if at > 0:
        w.state[tables.N_DECODED] += 1
        return 1
    if -at == tables.N_FRAGMENT and h[0].protocol != 6 and h[0].protocol != 17:
        at = -tables.N_OTHER
    return left_out(w, at, 0)
