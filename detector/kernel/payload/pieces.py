"""Copies of payload for the dissectors, within the quota of a connection, direction and window."""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import memory, tables
    from cython.cimports.detector.kernel.views import Views
else:
    from detector.kernel import tables
    from detector.kernel.views import Views
    from detector.kernel.wire.bounds import within


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def copy_bytes(
    to: cython.uchar[::1],
    at: cython.Py_ssize_t,
    b: cython.uchar[::1],
    p: cython.Py_ssize_t,
    n: cython.Py_ssize_t,
) -> cython.int:
    """Copies b[p : p + n] to to[at : at + n]."""
    if n <= 0:
        return 0
    within(to, at, n)
    within(b, p, n)
    if cython.compiled:
        memory.copy(cython.address(to[at]), cython.address(b[p]), n)
    else:
        to[at : at + n] = b[p : p + n]
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def copy_piece(
    t: Views,
    c: cython.Py_ssize_t,
    ts: cython.longlong,
    from_b: cython.int,
    length: cython.longlong,
    b: cython.uchar[::1],
    p: cython.Py_ssize_t,
    n: cython.Py_ssize_t,
    opening: cython.longlong,
) -> cython.int:
    """Hands new payload out, within the quota of the connection, direction and window.

    `opening`: it carries names, and no word flagged it; nobody decides anything on it, so that it may wait.
    """
    o: cython.Py_ssize_t = c * tables.CONNECTION
    number: cython.ulonglong = cython.cast(cython.ulonglong, ts // t.state[tables.WINDOW]) & 0xFFFF
    quota: cython.ulonglong = t.connections[o + tables.C_QUOTA]
    shift: cython.int = 24 if from_b else 0
    loss: cython.ulonglong = tables.LOSS << from_b
    used: cython.longlong
    at: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, t.state[tables.PIECE_FILL])
    k: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, t.state[tables.N_PIECES]) * tables.PIECE
    h: cython.Py_ssize_t
    if quota >> 48 != number:
        quota = number << 48
    used = cython.cast(cython.longlong, (quota >> shift) & 0xFFFFFF)
    if n > t.state[tables.PAYLOAD_LIMIT] - used:
        n = cython.cast(cython.Py_ssize_t, t.state[tables.PAYLOAD_LIMIT] - used)
    if n > tables.PIECE_LIMIT:
        n = cython.cast(cython.Py_ssize_t, tables.PIECE_LIMIT)
    if n > 0:
        copy_bytes(t.copied, at, b, p, n)
        t.pieces[k] = c
        t.pieces[k + 1] = ts
        t.pieces[k + 2] = (cython.cast(cython.longlong, at) << 32) | n
        t.pieces[k + 3] = (
            (0 if from_b else 1) | (2 if t.connections[o + tables.C_CHANNEL] & loss else 0) | (opening << 2)
        )
        t.state[tables.N_PIECES] += 1
        if opening or t.connections[o + tables.C_COUNTS] & tables.SETTLED:
            t.state[tables.N_WAITING] += 1
        else:
            h = cython.cast(cython.Py_ssize_t, t.connections[o + tables.C_CHANNEL] & tables.MASK32)
            t.channels[h * tables.CHANNEL + tables.H_UNDECIDED] = 1
        t.state[tables.PIECE_FILL] += n
        t.connections[o + tables.C_CHANNEL] &= ~loss
        quota += cython.cast(cython.ulonglong, n) << shift
    if n < length:
        t.connections[o + tables.C_CHANNEL] |= loss
    t.connections[o + tables.C_QUOTA] = quota
    return 0
