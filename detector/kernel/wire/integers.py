"""Integers of two and four bytes, in network byte order or in that of whoever wrote the file.

Callers check lengths; a mistake of theirs is an IndexError here.  One check of both ends
serves all bytes between, so that the compiler makes one load of them.
"""

import cython

if not cython.compiled:  # compiled: included, see setup.py
    from detector.kernel.wire.bounds import within


@cython.cfunc
@cython.inline
@cython.nogil
@cython.boundscheck(False)  # `within` checked both ends
@cython.exceptval(-1, check=False)
def be16(b: cython.uchar[::1], o: cython.Py_ssize_t) -> cython.int:
    within(b, o, 2)
    return (b[o] << 8) | b[o + 1]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.boundscheck(False)  # `within` checked both ends
@cython.exceptval(-1, check=False)
def be32(b: cython.uchar[::1], o: cython.Py_ssize_t) -> cython.longlong:
    x: cython.uint
    within(b, o, 4)
    x = b[o]
    x = (x << 8) | b[o + 1]
    x = (x << 8) | b[o + 2]
    return (x << 8) | b[o + 3]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.boundscheck(False)  # `within` checked both ends
@cython.exceptval(-1, check=False)
def read16(b: cython.uchar[::1], o: cython.Py_ssize_t, big: cython.int) -> cython.int:
    within(b, o, 2)
    return ((b[o] << 8) | b[o + 1]) if big else ((b[o + 1] << 8) | b[o])


@cython.cfunc
@cython.inline
@cython.nogil
@cython.boundscheck(False)  # `within` checked both ends
@cython.exceptval(-1, check=False)
def read32(b: cython.uchar[::1], o: cython.Py_ssize_t, big: cython.int) -> cython.longlong:
    x: cython.uint
    if big:
        return be32(b, o)
    within(b, o, 4)
    x = b[o + 3]
    x = (x << 8) | b[o + 2]
    x = (x << 8) | b[o + 1]
    return (x << 8) | b[o]
