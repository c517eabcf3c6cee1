"""The seam of two rows: what they told apart there is mended by replaying the ring of events.

A reply to the other row's last message, a push that was none.
"""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import layout, tables
else:
    from detector.kernel import layout, tables
    from detector.kernel.summary.bins import time_bin
    from detector.kernel.summary.common import hit, unhit
    from detector.kernel.summary.message import count_answers


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def mend_pushes(
    x: cython.longlong[::1],
    xw: cython.Py_ssize_t,
    y: cython.longlong[::1],
    z: cython.uint[::1],
    direction: cython.Py_ssize_t,
) -> cython.int:
    """Takes from the later row y (z: its narrow words) the pushes that x's last message prompted.

    They can only be messages of `direction` that y counts before the other side's first.
    Exact while they and the push after them are in y's head of events.
    """
    d: cython.Py_ssize_t = layout.UP + direction * layout.DIRECTION
    n: cython.Py_ssize_t = direction * layout.NARROW_DIRECTION
    prompt: cython.longlong = x[xw + layout.UP + (1 - direction) * layout.DIRECTION + layout.LAST_MESSAGE_NS]
    other: cython.longlong = 0  # newest message of the other side in y
    last: cython.longlong = 0  # the removed push before
    ts: cython.longlong
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    e: cython.Py_ssize_t
    if prompt == 0:
        return 0
    for i in range(layout.HEAD_EVENTS):
        e = layout.HEAD + 2 * i
        ts = y[e]
        if ts == 0:
            break
        if y[e + 1] >> 32 != direction:
            other = ts
            continue
        if other != 0:
            if ts - other <= layout.PROMPT_NS:
                continue
        elif ts - prompt <= layout.PROMPT_NS:
            if last != 0:
                z[n + layout.PUSH_GAP_HISTOGRAM + time_bin(ts - last, layout.GAP_BINS)] -= 1
            last = ts
            y[d + layout.PUSHES] -= 1
            y[d + layout.FIRST_PUSH_NS] = 0
            unhit(z, n + layout.PUSH_LENGTHS, layout.COMMON_PUSHES, y[e + 1] & tables.MASK31)
            for j in range(i + 1, layout.HEAD_EVENTS):
                e = layout.HEAD + 2 * j
                if y[e] == 0:
                    break
                if y[e + 1] >> 32 != direction:
                    if y[e] - ts <= layout.ANSWER_NS:
                        y[d + layout.PUSHES_ANSWERED] -= 1
                    break
            continue
        if last != 0:  # the first push that stays
            z[n + layout.PUSH_GAP_HISTOGRAM + time_bin(ts - last, layout.GAP_BINS)] -= 1
            y[d + layout.FIRST_PUSH_NS] = ts
        return 0
    if last != 0:
        if y[d + layout.PUSHES] > 0:  # the next one lies behind the head: the newest stands in for it
            y[d + layout.FIRST_PUSH_NS] = y[d + layout.LAST_PUSH_NS]
        else:
            y[d + layout.LAST_PUSH_NS] = 0
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def mend_replies(
    x: cython.longlong[::1],
    xw: cython.Py_ssize_t,
    narrow: cython.uint[::1],
    xn: cython.Py_ssize_t,
    y: cython.longlong[::1],
    direction: cython.Py_ssize_t,
) -> cython.int:
    """Lets messages of `direction` in the later row y answer the other side's last ones in x."""
    d: cython.Py_ssize_t = xw + layout.UP + direction * layout.DIRECTION
    o: cython.Py_ssize_t = xw + layout.UP + (1 - direction) * layout.DIRECTION
    n: cython.Py_ssize_t = xn + (1 - direction) * layout.NARROW_DIRECTION
    first: cython.longlong = y[layout.UP + direction * layout.DIRECTION + layout.FIRST_MESSAGE_NS]
    length: cython.longlong = y[layout.HEAD + 1] & tables.MASK31
    delay: cython.longlong
    if first == 0:
        return 0
    count_answers(x, xw, direction, x[d + layout.LAST_MESSAGE_NS], first)
    if y[layout.HEAD] != 0 and y[layout.HEAD + 1] >> 32 == direction and x[o + layout.PENDING_NS] != 0:
        delay = y[layout.HEAD] - x[o + layout.PENDING_NS]
        if delay <= layout.PROMPT_NS:
            x[o + layout.REPLIED] += 1
            x[o + layout.REPLIED_BYTES] += x[o + layout.PENDING_LENGTH]
            x[o + layout.REPLY_BYTES] += length
            if length < layout.SHORT_REPLY:
                x[o + layout.SHORT_REPLIES] += 1
            narrow[n + layout.REPLY_DELAY_HISTOGRAM + time_bin(delay, layout.DELAY_BINS)] += 1
            x[o + layout.REPLY_LENGTHS_DROPPED] += hit(
                narrow, n + layout.REPLY_LENGTHS, layout.COMMON_REPLIES, length
            )
    return 0
