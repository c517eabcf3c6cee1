"""Bins of the histograms: two an octave of lengths, one an octave of times."""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import layout
else:
    from detector.kernel import layout


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def octave(x: cython.longlong) -> cython.Py_ssize_t:
    """floor(log2(x)), 0 for x < 1."""
    r: cython.Py_ssize_t = 0
    if x >= 65536:
        x >>= 16
        r = 16
        if x >= 65536:
            x >>= 16
            r = 32
            if x >= 65536:
                x >>= 16
                r = 48
    if x >= 256:
        x >>= 8
        r += 8
    if x >= 16:
        x >>= 4
        r += 4
    if x >= 4:
        x >>= 2
        r += 2
    if x >= 2:
        r += 1
    return r


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def length_bin(length: cython.longlong) -> cython.Py_ssize_t:
    r: cython.Py_ssize_t = octave(length)
    r = 2 * r + (1 if r > 0 and (length >> (r - 1)) & 1 else 0)
    return r if r < layout.LENGTH_BINS else layout.LENGTH_BINS - 1


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def time_bin(gap: cython.longlong, bins: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """Octaves of 2**20 ns: below one in bin 0, [1, 2) in bin 1, and so on."""
    gap >>= 20
    if gap < 1:
        return 0
    r: cython.Py_ssize_t = octave(gap) + 1
    return r if r < bins else bins - 1
