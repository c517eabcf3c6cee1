"""The check that lets a stretch of bytes be read without."""

import cython


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def within(b: cython.uchar[::1], p: cython.Py_ssize_t, n: cython.Py_ssize_t) -> cython.int:
    """Both ends of b[p : p + n] are in bounds, or this is an IndexError; n is at least 1."""
    return b[p] | b[p + n - 1]
