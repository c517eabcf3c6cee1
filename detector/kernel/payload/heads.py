"""Heads of directions that may become a mining dialogue, kept since a word may be cut anywhere."""

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
def _may_begin(first: cython.int) -> cython.int:
    """Whether a mining dialogue may begin so: JSON, POST, Stratum V2, JOB of Duino-Coin."""
    return first == 0x7B or first == 0x50 or first == 0 or first == 0x4A


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def join_head(
    t: Views,
    c: cython.Py_ssize_t,
    from_b: cython.int,
    missing: cython.longlong,
    length: cython.longlong,
    b: cython.uchar[::1],
    p: cython.Py_ssize_t,
    n: cython.Py_ssize_t,
) -> cython.Py_ssize_t:
    """Keeps a segment behind the ones before it, as long as the head of a direction is short and whole.

    Returns how many bytes were kept before; they begin at `head_at`, and those of this segment
    stand behind them as far as there is room.  Another connection may have taken the place.
    """
    o: cython.Py_ssize_t = c * tables.CONNECTION + tables.C_COUNTS
    bit: cython.ulonglong = tables.HEADED << from_b
    whose: cython.longlong = 2 * c + from_b
    slot: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, whose & (tables.HEADS - 1))
    k: cython.Py_ssize_t = (tables.MAX_PIECES + slot) * tables.PIECE
    at: cython.Py_ssize_t = head_at(c, from_b)
    kept: cython.Py_ssize_t = 0
    i: cython.Py_ssize_t
    if t.connections[o] & bit and missing == 0 and t.pieces[k] == whose:
        kept = cython.cast(cython.Py_ssize_t, t.pieces[k + 1])
    t.connections[o] &= ~bit
    if kept == 0 and (t.connections[o] >> (40 if from_b else 32)) & 0xFF > 1:
        return 0  # heads begin with the first segment that is scanned
    if n == 0 or (kept == 0 and not _may_begin(b[p])):
        return 0
    for i in range(n if n < tables.HEAD_BYTES - kept else tables.HEAD_BYTES - kept):
        t.copied[at + kept + i] = b[p + i]
    t.pieces[k] = whose
    t.pieces[k + 1] = kept + n
    if n == length and kept + n <= tables.HEAD_BYTES:
        t.connections[o] |= bit
    return kept


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def head_at(c: cython.Py_ssize_t, from_b: cython.int) -> cython.Py_ssize_t:
    """Where the head of a direction begins in the piece buffer."""
    return tables.PIECE_BYTES + ((2 * c + from_b) & (tables.HEADS - 1)) * tables.HEAD_BYTES
