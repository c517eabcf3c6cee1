"""Two rows made one: the only place that joins summaries."""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import layout
else:
    from detector.kernel import layout
    from detector.kernel.summary.bins import time_bin
    from detector.kernel.summary.common import merge_common
    from detector.kernel.summary.message import push_tail
    from detector.kernel.summary.seam import mend_pushes, mend_replies


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _ones(x: cython.longlong) -> cython.longlong:
    n: cython.longlong = 0
    while x > 0:
        x &= x - 1
        n += 1
    return n


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _merge_direction(
    x: cython.longlong[::1],
    d: cython.Py_ssize_t,
    narrow: cython.uint[::1],
    n: cython.Py_ssize_t,
    y: cython.longlong[::1],
    e: cython.Py_ssize_t,
    z: cython.uint[::1],
    m: cython.Py_ssize_t,
    same: cython.int,
    spoke: cython.int,
    pairs: cython.longlong[::1],
) -> cython.int:
    """Adds the later row's direction block (y at e, z at m) to the earlier's (x at d, narrow at n)."""
    i: cython.Py_ssize_t
    gap: cython.longlong
    if x[d + layout.LAST_MESSAGE_NS] != 0 and y[e + layout.FIRST_MESSAGE_NS] != 0:
        gap = y[e + layout.FIRST_MESSAGE_NS] - x[d + layout.LAST_MESSAGE_NS]
        if gap < 0:
            gap = 0
        if gap > x[d + layout.LONGEST_GAP_NS]:
            x[d + layout.LONGEST_GAP_NS] = gap
        narrow[n + layout.GAP_HISTOGRAM + time_bin(gap, layout.GAP_BINS)] += 1
    if x[d + layout.LAST_PUSH_NS] != 0 and y[e + layout.FIRST_PUSH_NS] != 0:
        gap = y[e + layout.FIRST_PUSH_NS] - x[d + layout.LAST_PUSH_NS]
        narrow[n + layout.PUSH_GAP_HISTOGRAM + time_bin(gap, layout.GAP_BINS)] += 1
    for i in range(layout.PACKETS, layout.MESSAGE_BYTES + 1):
        x[d + i] += y[e + i]
    for i in range(layout.PUSHES, layout.PUSHES_ANSWERED + 1):
        x[d + i] += y[e + i]
    for i in range(layout.REPLIED, layout.SHORT_REPLIES + 1):
        x[d + i] += y[e + i]
    x[d + layout.FIRST_MESSAGE_NS] = _earlier(x[d + layout.FIRST_MESSAGE_NS], y[e + layout.FIRST_MESSAGE_NS])
    x[d + layout.FIRST_PUSH_NS] = _earlier(x[d + layout.FIRST_PUSH_NS], y[e + layout.FIRST_PUSH_NS])
    x[d + layout.LAST_MESSAGE_NS] = max(x[d + layout.LAST_MESSAGE_NS], y[e + layout.LAST_MESSAGE_NS])
    x[d + layout.LAST_PUSH_NS] = max(x[d + layout.LAST_PUSH_NS], y[e + layout.LAST_PUSH_NS])
    x[d + layout.LONGEST_GAP_NS] = max(x[d + layout.LONGEST_GAP_NS], y[e + layout.LONGEST_GAP_NS])
    x[d + layout.LONGEST] = max(x[d + layout.LONGEST], y[e + layout.LONGEST])
    x[d + layout.SHORTEST] = _earlier(x[d + layout.SHORTEST], y[e + layout.SHORTEST])
    if spoke:  # only the newest message of all can be pending
        x[d + layout.PENDING_NS] = y[e + layout.PENDING_NS]
        x[d + layout.PENDING_LENGTH] = y[e + layout.PENDING_LENGTH]
    if same:
        x[d + layout.BUSY_BINS] |= y[e + layout.BUSY_BINS]
        x[d + layout.BUSY_BEFORE] += y[e + layout.BUSY_BEFORE]
    else:
        x[d + layout.BUSY_BEFORE] += y[e + layout.BUSY_BEFORE] + _ones(x[d + layout.BUSY_BINS])
        x[d + layout.BUSY_BINS] = y[e + layout.BUSY_BINS]
    for i in range(layout.LENGTHS):
        narrow[n + i] += z[m + i]
    x[d + layout.LENGTHS_DROPPED] += y[e + layout.LENGTHS_DROPPED] + merge_common(
        narrow, n + layout.LENGTHS, z, m + layout.LENGTHS, layout.COMMON_LENGTHS, pairs
    )
    x[d + layout.PUSH_LENGTHS_DROPPED] += y[e + layout.PUSH_LENGTHS_DROPPED] + merge_common(
        narrow, n + layout.PUSH_LENGTHS, z, m + layout.PUSH_LENGTHS, layout.COMMON_PUSHES, pairs
    )
    x[d + layout.REPLY_LENGTHS_DROPPED] += y[e + layout.REPLY_LENGTHS_DROPPED] + merge_common(
        narrow, n + layout.REPLY_LENGTHS, z, m + layout.REPLY_LENGTHS, layout.COMMON_REPLIES, pairs
    )
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _earlier(a: cython.longlong, b: cython.longlong) -> cython.longlong:
    """The smaller of two where 0 stands for none."""
    if a == 0 or (b != 0 and b < a):
        return b
    return a


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _merge_events(x: cython.longlong[::1], w: cython.Py_ssize_t, y: cython.longlong[::1]) -> cython.int:
    """The first of both, and the last of both."""
    i: cython.Py_ssize_t
    t: cython.Py_ssize_t
    filled: cython.Py_ssize_t = 0
    while filled < layout.HEAD_EVENTS and x[w + layout.HEAD + 2 * filled] != 0:
        filled += 1
    for i in range(layout.HEAD_EVENTS - filled):
        t = w + layout.HEAD + 2 * (filled + i)
        x[t] = y[layout.HEAD + 2 * i]
        x[t + 1] = y[layout.HEAD + 2 * i + 1]
    for i in range(layout.TAIL_EVENTS):
        t = layout.TAIL + 2 * i
        if y[t] != 0:
            push_tail(x, w, y[t], y[t + 1])
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _is_first(x: cython.longlong[::1], w: cython.Py_ssize_t, y: cython.longlong[::1]) -> cython.int:
    """Whether row y has the first packet of both; of two at once, that of the lower ports (`channels`)."""
    if y[layout.FIRST_NS] != x[w + layout.FIRST_NS]:
        return y[layout.FIRST_NS] != 0 and (
            x[w + layout.FIRST_NS] == 0 or y[layout.FIRST_NS] < x[w + layout.FIRST_NS]
        )
    return y[layout.UP + layout.PORT] + y[layout.DOWN + layout.PORT] < (
        x[w + layout.UP + layout.PORT] + x[w + layout.DOWN + layout.PORT]
    )


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _merge(
    x: cython.longlong[::1],
    w: cython.Py_ssize_t,
    narrow: cython.uint[::1],
    n: cython.Py_ssize_t,
    y: cython.longlong[::1],
    z: cython.uint[::1],
    pairs: cython.longlong[::1],
) -> cython.int:
    """Adds the later row (y, z), which is scratch, to the earlier one (x at w, narrow at n)."""
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t
    same: cython.int = x[w + layout.WINDOW_NS] == y[layout.WINDOW_NS]
    spoke: cython.int = y[layout.HEAD] != 0
    newest: cython.longlong = max(
        x[w + layout.UP + layout.LAST_MESSAGE_NS],
        x[w + layout.UP + layout.DIRECTION + layout.LAST_MESSAGE_NS],
    )
    if spoke and y[layout.HEAD] >= newest:  # one after the other: what happened between them is known
        for k in range(2):
            mend_pushes(x, w, y, z, k)
        for k in range(2):
            mend_replies(x, w, narrow, n, y, k)
    for k in range(2):
        _merge_direction(
            x,
            w + layout.UP + k * layout.DIRECTION,
            narrow,
            n + k * layout.NARROW_DIRECTION,
            y,
            layout.UP + k * layout.DIRECTION,
            z,
            k * layout.NARROW_DIRECTION,
            same,
            spoke,
            pairs,
        )
    _merge_events(x, w, y)
    if y[layout.OPENING_NS] != 0 and (
        x[w + layout.OPENING_NS] == 0 or y[layout.OPENING_NS] < x[w + layout.OPENING_NS]
    ):
        x[w + layout.OPENING_NS] = y[layout.OPENING_NS]
        for k in range(2):
            for i in range(
                layout.UP + k * layout.DIRECTION + layout.OPENING,
                layout.UP + k * layout.DIRECTION + layout.OPENING + layout.OPENINGS,
            ):
                x[w + i] = y[i]
    if _is_first(x, w, y):
        x[w + layout.UP + layout.PORT] = y[layout.UP + layout.PORT]
        x[w + layout.DOWN + layout.PORT] = y[layout.DOWN + layout.PORT]
    x[w + layout.WINDOW_NS] = y[layout.WINDOW_NS]
    x[w + layout.FIRST_NS] = _earlier(x[w + layout.FIRST_NS], y[layout.FIRST_NS])
    x[w + layout.LAST_NS] = max(x[w + layout.LAST_NS], y[layout.LAST_NS])
    x[w + layout.CONNECTIONS] += y[layout.CONNECTIONS]
    x[w + layout.RESETS] += y[layout.RESETS]
    x[w + layout.KNOWN] &= y[layout.KNOWN]
    x[w + layout.TLS_RECORDS] += y[layout.TLS_RECORDS]
    return 0


def merge(
    wide: cython.longlong[::1],
    narrow: cython.uint[::1],
    into: cython.longlong[::1],
    other_wide: cython.longlong[::1],
    other_narrow: cython.uint[::1],
    other: cython.longlong[::1],
    scratch_wide: cython.longlong[::1],
    scratch_narrow: cython.uint[::1],
    pairs: cython.longlong[::1],
) -> None:
    """Adds row other[k] of the second table to row into[k] of the first, for every k in turn.

    Rows of the same window or of two; the result carries the later window's start.  The
    order of the two does not matter.  scratch_*: one row; pairs: 4 * COMMON_LENGTHS words.
    """
    k: cython.Py_ssize_t
    i: cython.Py_ssize_t
    w: cython.Py_ssize_t
    n: cython.Py_ssize_t
    v: cython.Py_ssize_t
    m: cython.Py_ssize_t
    swap: cython.int
    x: cython.longlong
    y: cython.uint
    with cython.nogil:
        for k in range(into.shape[0]):
            w = cython.cast(cython.Py_ssize_t, into[k]) * layout.WIDE
            n = cython.cast(cython.Py_ssize_t, into[k]) * layout.NARROW
            v = cython.cast(cython.Py_ssize_t, other[k]) * layout.WIDE
            m = cython.cast(cython.Py_ssize_t, other[k]) * layout.NARROW
            swap = other_wide[v + layout.WINDOW_NS] < wide[w + layout.WINDOW_NS] or (
                other_wide[v + layout.WINDOW_NS] == wide[w + layout.WINDOW_NS]
                and other_wide[v + layout.FIRST_NS] < wide[w + layout.FIRST_NS]
            )
            for i in range(layout.WIDE):
                x = other_wide[v + i]
                if swap:
                    scratch_wide[i] = wide[w + i]
                    wide[w + i] = x
                else:
                    scratch_wide[i] = x
            for i in range(layout.NARROW):
                y = other_narrow[m + i]
                if swap:
                    scratch_narrow[i] = narrow[n + i]
                    narrow[n + i] = y
                else:
                    scratch_narrow[i] = y
            _merge(wide, w, narrow, n, scratch_wide, scratch_narrow, pairs)
