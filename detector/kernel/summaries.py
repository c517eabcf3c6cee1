# cython: language_level=3, wraparound=False, cdivision=True, initializedcheck=False
"""Rows of messages: those added to open rows, and the rows written out when they leave.

A row summarises its own window alone (`layout`).  What is done to whole rows is in
`summary`: one message added, two rows merged, one turned round.
"""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import layout, tables
    from cython.cimports.detector.kernel.views import Views
else:
    from detector.kernel import layout, tables
    from detector.kernel.summary.merging import merge
    from detector.kernel.summary.message import add_message
    from detector.kernel.summary.turning import turn, turn_open
    from detector.kernel.views import Views

__all__ = ["add_messages", "finish", "merge", "turn", "turn_open"]


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _outgrow(t: Views, row: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """Gives an open row its full row, with the messages so far; there is one for every open row."""
    i: cython.Py_ssize_t
    r: cython.Py_ssize_t = row * tables.ROW
    full: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, t.state[tables.FULL_FREE])
    if full >= 0:
        t.state[tables.FULL_FREE] = t.wide[full * layout.WIDE]
    else:
        full = cython.cast(cython.Py_ssize_t, t.state[tables.FULL_HIGH])
        t.state[tables.FULL_HIGH] = full + 1
    for i in range(full * layout.WIDE, (full + 1) * layout.WIDE):
        t.wide[i] = 0
    for i in range(full * layout.NARROW, (full + 1) * layout.NARROW):
        t.narrow[i] = 0
    t.wide[full * layout.WIDE + layout.WINDOW_NS] = t.rows[r + tables.R_WINDOW]
    t.rows[r + tables.R_FULL] = full + 1
    _replay(t, r, full, t.wide, t.narrow)
    return full


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _replay(
    t: Views,
    r: cython.Py_ssize_t,
    full: cython.Py_ssize_t,
    wide: cython.longlong[::1],
    narrow: cython.uint[::1],
) -> cython.int:
    """Adds the messages that the open row at word r keeps to a full one."""
    i: cython.Py_ssize_t
    e: cython.Py_ssize_t
    for i in range(cython.cast(cython.Py_ssize_t, t.rows[r + tables.R_MESSAGES])):
        e = r + tables.R_EVENTS + 2 * i
        add_message(wide, narrow, full, t.rows[e], t.rows[e + 1])
    return 0


def add_messages(t: Views, n: cython.Py_ssize_t) -> None:
    """Adds the first n events (row, time, direction << 32 | length) to the open rows, in order."""
    i: cython.Py_ssize_t
    e: cython.Py_ssize_t
    r: cython.Py_ssize_t
    k: cython.Py_ssize_t
    full: cython.Py_ssize_t
    with cython.nogil:
        for i in range(n):
            e = i * tables.EVENT
            r = cython.cast(cython.Py_ssize_t, t.events[e]) * tables.ROW
            full = cython.cast(cython.Py_ssize_t, t.rows[r + tables.R_FULL]) - 1
            if full < 0:
                k = cython.cast(cython.Py_ssize_t, t.rows[r + tables.R_MESSAGES])
                if k < layout.HEAD_EVENTS:
                    t.rows[r + tables.R_EVENTS + 2 * k] = t.events[e + 1]
                    t.rows[r + tables.R_EVENTS + 2 * k + 1] = t.events[e + 2]
                    t.rows[r + tables.R_MESSAGES] = k + 1
                    continue
                full = _outgrow(t, cython.cast(cython.Py_ssize_t, t.events[e]))
            add_message(t.wide, t.narrow, full, t.events[e + 1], t.events[e + 2])


def finish(
    t: Views, leaving: cython.longlong[::1], out_wide: cython.longlong[::1], out_narrow: cython.uint[::1]
) -> None:
    """Writes open row leaving[k] as row k of a table of zeros, for every k."""
    k: cython.Py_ssize_t
    i: cython.Py_ssize_t
    r: cython.Py_ssize_t
    o: cython.Py_ssize_t
    full: cython.Py_ssize_t
    with cython.nogil:
        for k in range(leaving.shape[0]):
            r = cython.cast(cython.Py_ssize_t, leaving[k]) * tables.ROW
            o = k * layout.WIDE
            full = cython.cast(cython.Py_ssize_t, t.rows[r + tables.R_FULL]) - 1
            if full >= 0:
                for i in range(layout.WIDE):
                    out_wide[o + i] = t.wide[full * layout.WIDE + i]
                for i in range(layout.NARROW):
                    out_narrow[k * layout.NARROW + i] = t.narrow[full * layout.NARROW + i]
            else:
                out_wide[o + layout.WINDOW_NS] = t.rows[r + tables.R_WINDOW]
                _replay(t, r, k, out_wide, out_narrow)
            out_wide[o + layout.FIRST_NS] = t.rows[r + tables.R_FIRST]
            out_wide[o + layout.LAST_NS] = t.rows[r + tables.R_LAST]
            out_wide[o + layout.CONNECTIONS] = t.rows[r + tables.R_CONNECTIONS]
            out_wide[o + layout.RESETS] = t.rows[r + tables.R_RESETS]
            out_wide[o + layout.KNOWN] = layout.KNOWS_ALL
            out_wide[o + layout.OPENING_NS] = t.rows[r + tables.R_OPENING_NS]
            out_wide[o + layout.TLS_RECORDS] = t.rows[r + tables.R_TLS_RECORDS]
            out_wide[o + layout.UP + layout.PORT] = t.rows[r + tables.R_PORTS]
            out_wide[o + layout.DOWN + layout.PORT] = t.rows[r + tables.R_PORTS + 1]
            for i in range(layout.PACKETS, layout.KEEPALIVES + 1):
                out_wide[o + layout.UP + i] = t.rows[r + tables.R_UP + i]
                out_wide[o + layout.DOWN + i] = t.rows[r + tables.R_DOWN + i]
            for i in range(layout.OPENINGS):
                out_wide[o + layout.UP + layout.OPENING + i] = t.rows[r + tables.R_OPENING + i]
                out_wide[o + layout.DOWN + layout.OPENING + i] = t.rows[
                    r + tables.R_OPENING + layout.OPENINGS + i
                ]
