"""Open rows: the one of a channel for the window that a packet falls in."""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import tables
    from cython.cimports.detector.kernel.views import Views
else:
    from detector.kernel import tables
    from detector.kernel.entries.bounds import entry, line
    from detector.kernel.views import Views


@cython.cfunc
@cython.nogil
@cython.exceptval(-2, check=False)
def _older_row(
    t: Views, channel: cython.Py_ssize_t, head: cython.Py_ssize_t, ts: cython.longlong
) -> cython.Py_ssize_t:
    """As `row_at`, where the newest one `head - 1` is of another window, or there is none (0).

    A channel's rows hang in a chain, the newest window first.  Beyond the first few a
    second row of the same window may be opened; they are merged when they leave.
    """
    window: cython.longlong = ts - ts % t.state[tables.WINDOW]
    r: cython.Py_ssize_t = head
    _i: cython.int
    i: cython.Py_ssize_t
    for _i in range(tables.CHAIN):
        if r == 0:
            break
        if t.rows[(r - 1) * tables.ROW + tables.R_WINDOW] == window:
            return r - 1
        r = cython.cast(cython.Py_ssize_t, t.rows[(r - 1) * tables.ROW + tables.R_NEXT])
    r = cython.cast(cython.Py_ssize_t, t.state[tables.ROW_FREE])
    if r >= 0:
        t.state[tables.ROW_FREE] = t.rows[r * tables.ROW + tables.R_NEXT] - 1
    else:
        r = cython.cast(cython.Py_ssize_t, t.state[tables.ROW_HIGH])
        t.state[tables.ROW_HIGH] = r + 1
    t.state[tables.ROW_LIVE] += 1
    for i in range(r * tables.ROW, r * tables.ROW + tables.R_EVENTS):
        t.rows[i] = 0
    t.rows[r * tables.ROW + tables.R_WINDOW] = window
    t.rows[r * tables.ROW + tables.R_CHANNEL] = channel
    if head != 0 and t.rows[(head - 1) * tables.ROW + tables.R_WINDOW] > window:
        t.rows[r * tables.ROW + tables.R_NEXT] = t.rows[(head - 1) * tables.ROW + tables.R_NEXT]
        t.rows[(head - 1) * tables.ROW + tables.R_NEXT] = r + 1
    else:
        t.rows[r * tables.ROW + tables.R_NEXT] = head
        t.channels[channel * tables.CHANNEL + tables.H_ROW] = r + 1
    return r


@cython.cfunc
@cython.inline
@cython.nogil
@cython.boundscheck(False)  # see `entry`
@cython.exceptval(-2, check=False)
def row_at(t: Views, channel: cython.Py_ssize_t, ts: cython.longlong) -> cython.Py_ssize_t:
    """The open row of a channel for the window that holds ts, opened where there is none."""
    head: cython.Py_ssize_t = cython.cast(
        cython.Py_ssize_t, t.channels[entry(t.channels, channel, tables.CHANNEL) + tables.H_ROW]
    )
    window: cython.longlong
    if head != 0:
        window = t.rows[line(t.rows, head - 1, tables.ROW) + tables.R_WINDOW]
        if window <= ts and ts - window < t.state[tables.WINDOW]:
            return head - 1
    return _older_row(t, channel, head, ts)
