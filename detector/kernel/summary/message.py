"""One message into a row: the only place that classifies messages."""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import layout, tables
else:
    from detector.kernel import layout, tables
    from detector.kernel.summary.bins import length_bin, time_bin
    from detector.kernel.summary.common import hit


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def whole(wide: cython.longlong[::1], narrow: cython.uint[::1], row: cython.Py_ssize_t) -> cython.int:
    """An IndexError unless the row lies in both tables.

    Functions without bounds checks are given such a row, and read and write it at offsets of `layout`:
    the check of every word took a third of the time.
    """
    w: cython.longlong = wide[row * layout.WIDE] | wide[row * layout.WIDE + layout.WIDE - 1]  # noqa: F841
    n: cython.uint = narrow[row * layout.NARROW] | narrow[row * layout.NARROW + layout.NARROW - 1]  # noqa: F841
    return 0


@cython.cfunc
@cython.nogil
@cython.boundscheck(False)  # see `whole`
@cython.exceptval(-1, check=False)
def add_message(
    wide: cython.longlong[::1],
    narrow: cython.uint[::1],
    row: cython.Py_ssize_t,
    ts: cython.longlong,
    what: cython.longlong,
) -> cython.int:
    """Adds one message to a row; `what` is direction << 32 | length."""
    w: cython.Py_ssize_t = row * layout.WIDE
    n: cython.Py_ssize_t = row * layout.NARROW
    direction: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, (what >> 32) & 1)
    length: cython.longlong = what & tables.MASK31
    d: cython.Py_ssize_t = w + layout.UP + direction * layout.DIRECTION  # of the sender
    o: cython.Py_ssize_t = w + layout.UP + (1 - direction) * layout.DIRECTION  # of the other side
    nd: cython.Py_ssize_t = n + direction * layout.NARROW_DIRECTION
    no: cython.Py_ssize_t = n + (1 - direction) * layout.NARROW_DIRECTION
    gap: cython.longlong
    whole(wide, narrow, row)
    last: cython.longlong = wide[d + layout.LAST_MESSAGE_NS]
    other: cython.longlong = wide[o + layout.LAST_MESSAGE_NS]
    # --- what the other side is owed
    if other != 0:
        count_answers(wide, w, direction, last, ts)
        if wide[o + layout.PENDING_NS] != 0:
            gap = ts - wide[o + layout.PENDING_NS]
            if gap < 0:
                gap = 0
            if gap <= layout.PROMPT_NS:
                wide[o + layout.REPLIED] += 1
                wide[o + layout.REPLIED_BYTES] += wide[o + layout.PENDING_LENGTH]
                wide[o + layout.REPLY_BYTES] += length
                if length < layout.SHORT_REPLY:
                    wide[o + layout.SHORT_REPLIES] += 1
                narrow[no + layout.REPLY_DELAY_HISTOGRAM + time_bin(gap, layout.DELAY_BINS)] += 1
                wide[o + layout.REPLY_LENGTHS_DROPPED] += hit(
                    narrow, no + layout.REPLY_LENGTHS, layout.COMMON_REPLIES, length
                )
            wide[o + layout.PENDING_NS] = 0
            wide[o + layout.PENDING_LENGTH] = 0
    wide[d + layout.PENDING_NS] = ts
    wide[d + layout.PENDING_LENGTH] = length
    # --- the message itself
    wide[d + layout.MESSAGES] += 1
    wide[d + layout.MESSAGE_BYTES] += length
    if last != 0:
        gap = ts - last
        if gap < 0:
            gap = 0
        if gap > wide[d + layout.LONGEST_GAP_NS]:
            wide[d + layout.LONGEST_GAP_NS] = gap
        narrow[nd + layout.GAP_HISTOGRAM + time_bin(gap, layout.GAP_BINS)] += 1
    else:
        wide[d + layout.FIRST_MESSAGE_NS] = ts
    if ts > last:
        wide[d + layout.LAST_MESSAGE_NS] = ts
    if ts < wide[d + layout.FIRST_MESSAGE_NS]:
        wide[d + layout.FIRST_MESSAGE_NS] = ts
    if length < wide[d + layout.SHORTEST] or wide[d + layout.SHORTEST] == 0:
        wide[d + layout.SHORTEST] = length
    if length > wide[d + layout.LONGEST]:
        wide[d + layout.LONGEST] = length
    narrow[nd + layout.LENGTH_HISTOGRAM + length_bin(length)] += 1
    wide[d + layout.LENGTHS_DROPPED] += hit(narrow, nd + layout.LENGTHS, layout.COMMON_LENGTHS, length)
    busy(wide, w, d, ts)
    if other == 0 or ts - other > layout.PROMPT_NS:
        wide[d + layout.PUSHES] += 1
        last = wide[d + layout.LAST_PUSH_NS]
        if last != 0:
            gap = ts - last
            narrow[nd + layout.PUSH_GAP_HISTOGRAM + time_bin(gap, layout.GAP_BINS)] += 1
        if last == 0 or ts < wide[d + layout.FIRST_PUSH_NS]:
            wide[d + layout.FIRST_PUSH_NS] = ts
        if ts > last:
            wide[d + layout.LAST_PUSH_NS] = ts
        wide[d + layout.PUSH_LENGTHS_DROPPED] += hit(
            narrow, nd + layout.PUSH_LENGTHS, layout.COMMON_PUSHES, length
        )
    remember(wide, w, ts, what)
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.boundscheck(False)  # see `whole`
@cython.exceptval(-1, check=False)
def busy(
    wide: cython.longlong[::1], w: cython.Py_ssize_t, d: cython.Py_ssize_t, ts: cython.longlong
) -> cython.int:
    one: cython.longlong = 1
    at: cython.longlong = (ts - wide[w + layout.WINDOW_NS]) // layout.BIN_NS
    if at > 62:  # windows above 630 s share the last bin
        at = 62
    if at >= 0:
        wide[d + layout.BUSY_BINS] |= one << at
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.boundscheck(False)  # see `whole`
@cython.exceptval(-1, check=False)
def remember(
    wide: cython.longlong[::1], w: cython.Py_ssize_t, ts: cython.longlong, what: cython.longlong
) -> cython.int:
    """Into the head while it has room, and onto the end of the tail."""
    i: cython.Py_ssize_t
    h: cython.Py_ssize_t = w + layout.HEAD
    if wide[h + 2 * (layout.HEAD_EVENTS - 1)] == 0:
        for i in range(layout.HEAD_EVENTS):
            if wide[h + 2 * i] == 0:
                wide[h + 2 * i] = ts
                wide[h + 2 * i + 1] = what
                break
    return push_tail(wide, w, ts, what)


@cython.cfunc
@cython.nogil
@cython.boundscheck(False)  # see `whole`
@cython.exceptval(-1, check=False)
def count_answers(
    wide: cython.longlong[::1],
    w: cython.Py_ssize_t,
    direction: cython.Py_ssize_t,
    last: cython.longlong,
    ts: cython.longlong,
) -> cython.int:
    """Counts the pushes at the end of the tail that a message of `direction` at `ts` answers.

    `last` is the newest message of `direction` before it.  Exact for up to TAIL_EVENTS
    pushes within ANSWER_NS.
    """
    t: cython.Py_ssize_t = w + layout.TAIL + 2 * (layout.TAIL_EVENTS - 1)
    o: cython.Py_ssize_t = w + layout.UP + (1 - direction) * layout.DIRECTION
    while t >= w + layout.TAIL:
        if wide[t] != 0:
            if wide[t + 1] >> 32 == direction or ts - wide[t] > layout.ANSWER_NS:
                break
            if last == 0 or wide[t] - last > layout.PROMPT_NS:
                wide[o + layout.PUSHES_ANSWERED] += 1
        t -= 2
    return 0


@cython.cfunc
@cython.nogil
@cython.boundscheck(False)  # see `whole`
@cython.exceptval(-1, check=False)
def push_tail(
    x: cython.longlong[::1], w: cython.Py_ssize_t, ts: cython.longlong, what: cython.longlong
) -> cython.int:
    i: cython.Py_ssize_t
    t: cython.Py_ssize_t = w + layout.TAIL
    last: cython.Py_ssize_t = t + 2 * (layout.TAIL_EVENTS - 1)
    if x[last] != 0:
        for i in range(t, last):
            x[i] = x[i + 2]
        t = last
    else:
        while x[t] != 0:
            t += 2
    x[t] = ts
    x[t + 1] = what
    return 0
