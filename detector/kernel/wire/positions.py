"""Positions: where the next header starts, and what it is, in one number: offset << 16 | ethertype.

A negative one is -(the word of the walk's state that counts the reason, `tables.N_*`).
"""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import tables
else:
    from detector.kernel import tables
    from detector.kernel.wire.integers import be16


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def position(p: cython.Py_ssize_t, ether: cython.int) -> cython.longlong:
    x: cython.longlong = p
    return (x << 16) | ether


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def offset_of(at: cython.longlong) -> cython.Py_ssize_t:
    return cython.cast(cython.Py_ssize_t, at >> 16)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def ether_of(at: cython.longlong) -> cython.int:
    return cython.cast(cython.int, at & 0xFFFF)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def behind(
    b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, header: cython.Py_ssize_t,
    ether: cython.Py_ssize_t,
) -> cython.longlong:  # fmt: skip
    """The position behind a header of so many bytes with an ethertype at p + ether."""
    if end - p < header:
        return -tables.N_TRUNCATED
    return position(p + header, be16(b, p + ether))
