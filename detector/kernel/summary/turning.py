"""Rows turned round: what was up is down."""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import layout, tables
    from cython.cimports.detector.kernel.views import Views
else:
    from detector.kernel import layout, tables
    from detector.kernel.views import Views


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _exchange(x: cython.longlong[::1], i: cython.Py_ssize_t, j: cython.Py_ssize_t) -> cython.int:
    v: cython.longlong = x[i]
    x[i] = x[j]
    x[j] = v
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def swap_sides(
    wide: cython.longlong[::1], narrow: cython.uint[::1], w: cython.Py_ssize_t, n: cython.Py_ssize_t
) -> cython.int:
    i: cython.Py_ssize_t
    x: cython.longlong
    y: cython.uint
    for i in range(w + layout.UP, w + layout.UP + layout.DIRECTION):
        x = wide[i]
        wide[i] = wide[i + layout.DIRECTION]
        wide[i + layout.DIRECTION] = x
    for i in range(n, n + layout.NARROW_DIRECTION):
        y = narrow[i]
        narrow[i] = narrow[i + layout.NARROW_DIRECTION]
        narrow[i + layout.NARROW_DIRECTION] = y
    for i in range(w + layout.HEAD, w + layout.WIDE, 2):
        if wide[i] != 0:
            wide[i + 1] ^= tables.TURNED
    return 0


def turn(wide: cython.longlong[::1], narrow: cython.uint[::1], which: cython.longlong[::1]) -> None:
    """Turns rows round: what was up is down."""
    k: cython.Py_ssize_t
    for k in range(which.shape[0]):
        swap_sides(
            wide,
            narrow,
            cython.cast(cython.Py_ssize_t, which[k]) * layout.WIDE,
            cython.cast(cython.Py_ssize_t, which[k]) * layout.NARROW,
        )


def turn_open(t: Views, which: cython.longlong[::1]) -> None:
    """Turns open rows round: what was up is down."""
    k: cython.Py_ssize_t
    i: cython.Py_ssize_t
    r: cython.Py_ssize_t
    full: cython.Py_ssize_t
    for k in range(which.shape[0]):
        r = cython.cast(cython.Py_ssize_t, which[k]) * tables.ROW
        for i in range(layout.KEEPALIVES + 1):
            _exchange(t.rows, r + tables.R_UP + i, r + tables.R_DOWN + i)
        for i in range(layout.OPENINGS):
            _exchange(t.rows, r + tables.R_OPENING + i, r + tables.R_OPENING + layout.OPENINGS + i)
        _exchange(t.rows, r + tables.R_PORTS, r + tables.R_PORTS + 1)
        for i in range(cython.cast(cython.Py_ssize_t, t.rows[r + tables.R_MESSAGES])):
            t.rows[r + tables.R_EVENTS + 2 * i + 1] ^= tables.TURNED
        full = cython.cast(cython.Py_ssize_t, t.rows[r + tables.R_FULL]) - 1
        if full >= 0:
            swap_sides(t.wide, t.narrow, full * layout.WIDE, full * layout.NARROW)
