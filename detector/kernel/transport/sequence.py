"""TCP sequence numbers: where a segment lies in its stream, and where a SYN lets one begin.

Source: RFC 9293 3.4.
"""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import tables
    from cython.cimports.detector.kernel.views import Views
else:
    from detector.kernel import tables
    from detector.kernel.views import Views


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def distance(sequence: cython.ulonglong, other: cython.ulonglong) -> cython.longlong:
    """How far `sequence` is ahead of another number, modulo 2**32 (RFC 9293 3.4)."""
    ahead: cython.longlong = cython.cast(cython.longlong, sequence) - cython.cast(cython.longlong, other)
    if ahead >= tables.HALF32:
        ahead -= tables.WHOLE32
    elif ahead < -tables.HALF32:
        ahead += tables.WHOLE32
    return ahead


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-9, check=True)
def bytes_ahead(
    t: Views, o: cython.Py_ssize_t, from_b: cython.int, sequence: cython.ulonglong
) -> cython.longlong:
    """How far a segment lies beyond the next expected byte; 0 where none is expected yet."""
    if not t.connections[o + tables.C_CHANNEL] & (tables.SEEN << from_b):
        return 0
    return distance(sequence, (t.connections[o + tables.C_NEXT] >> (32 if from_b else 0)) & tables.MASK32)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def begin_stream(
    t: Views,
    c: cython.Py_ssize_t,
    row: cython.Py_ssize_t,
    ts: cython.longlong,
    from_b: cython.int,
    sequence: cython.ulonglong,
    acknowledges: cython.int,
) -> cython.int:
    """A SYN: expects what follows it; the first of its kind opens the connection (again)."""
    o: cython.Py_ssize_t = c * tables.CONNECTION
    shift: cython.int = 32 if from_b else 0
    expected: cython.ulonglong = (sequence + 1) & tables.MASK32
    known: cython.ulonglong = (t.connections[o + tables.C_NEXT] >> shift) & tables.MASK32
    bits: cython.ulonglong = t.connections[o + tables.C_CHANNEL]
    if bits & (tables.SEEN << from_b) and known == expected and not bits & (tables.SPOKE << from_b):
        return 0  # the same SYN again
    if not acknowledges:
        if bits & (tables.SPOKE | (tables.SPOKE << 1)):  # the five-tuple is used again
            t.connections[o + tables.C_COUNTS] &= tables.MASK32
            bits &= ~(tables.SEEN | (tables.SEEN << 1))
            bits |= tables.LOSS | (tables.LOSS << 1)
        bits &= ~(tables.SPOKE | (tables.SPOKE << 1) | tables.WAS_RESET)
        t.connections[o + tables.C_TLS] = 0
        t.connections[o + tables.C_TLS + 1] = 0
        t.rows[row * tables.ROW + tables.R_CONNECTIONS] += 1
        if t.rows[row * tables.ROW + tables.R_OPENING_NS] == 0:
            t.rows[row * tables.ROW + tables.R_OPENING_NS] = ts
            t.rows[row * tables.ROW + tables.R_OPENER] = c + 1
        elif t.rows[row * tables.ROW + tables.R_OPENER] == c + 1:
            t.rows[row * tables.ROW + tables.R_OPENER] = 0
    t.connections[o + tables.C_CHANNEL] = bits | (tables.SEEN << from_b)
    t.connections[o + tables.C_NEXT] = (t.connections[o + tables.C_NEXT] & ~(tables.MASK32 << shift)) | (
        expected << shift
    )
    return 0
