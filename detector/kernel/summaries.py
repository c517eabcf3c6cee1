# cython: language_level=3, wraparound=False, cdivision=True, initializedcheck=False
"""The arithmetic of rows: adding messages, merging two rows, turning one round.

A row summarises its own window alone (`layout`).  `add_messages` is the only place that
classifies messages, `merge` the only place that joins summaries; what two rows told apart
at their seam (a reply to the other row's last message, a push that was none) is mended
there by replaying the ring of events.

Heavy hitters are Misra-Gries summaries (Misra and Gries 1982), merged as in Agarwal et
al., "Mergeable summaries" (TODS 2013): while nothing was dropped they are exact.
"""

import cython

from detector.kernel import layout, tables

_WINDOW_NS = cython.declare(cython.Py_ssize_t, layout.WINDOW_NS)
_FIRST_NS = cython.declare(cython.Py_ssize_t, layout.FIRST_NS)
_LAST_NS = cython.declare(cython.Py_ssize_t, layout.LAST_NS)
_CONNECTIONS = cython.declare(cython.Py_ssize_t, layout.CONNECTIONS)
_RESETS = cython.declare(cython.Py_ssize_t, layout.RESETS)
_KNOWN = cython.declare(cython.Py_ssize_t, layout.KNOWN)
_OPENING_NS = cython.declare(cython.Py_ssize_t, layout.OPENING_NS)
_TLS_RECORDS = cython.declare(cython.Py_ssize_t, layout.TLS_RECORDS)

_PACKETS = cython.declare(cython.Py_ssize_t, layout.PACKETS)
_MESSAGES = cython.declare(cython.Py_ssize_t, layout.MESSAGES)
_MESSAGE_BYTES = cython.declare(cython.Py_ssize_t, layout.MESSAGE_BYTES)
_FIRST_MESSAGE = cython.declare(cython.Py_ssize_t, layout.FIRST_MESSAGE_NS)
_LAST_MESSAGE = cython.declare(cython.Py_ssize_t, layout.LAST_MESSAGE_NS)
_LONGEST_GAP = cython.declare(cython.Py_ssize_t, layout.LONGEST_GAP_NS)
_PUSHES = cython.declare(cython.Py_ssize_t, layout.PUSHES)
_PUSHES_ANSWERED = cython.declare(cython.Py_ssize_t, layout.PUSHES_ANSWERED)
_FIRST_PUSH = cython.declare(cython.Py_ssize_t, layout.FIRST_PUSH_NS)
_LAST_PUSH = cython.declare(cython.Py_ssize_t, layout.LAST_PUSH_NS)
_REPLIED = cython.declare(cython.Py_ssize_t, layout.REPLIED)
_REPLIED_BYTES = cython.declare(cython.Py_ssize_t, layout.REPLIED_BYTES)
_REPLY_BYTES = cython.declare(cython.Py_ssize_t, layout.REPLY_BYTES)
_SHORT_REPLIES = cython.declare(cython.Py_ssize_t, layout.SHORT_REPLIES)
_PENDING = cython.declare(cython.Py_ssize_t, layout.PENDING_NS)
_PENDING_LENGTH = cython.declare(cython.Py_ssize_t, layout.PENDING_LENGTH)
_BUSY_BINS = cython.declare(cython.Py_ssize_t, layout.BUSY_BINS)
_BUSY_BEFORE = cython.declare(cython.Py_ssize_t, layout.BUSY_BEFORE)
_LENGTHS_DROPPED = cython.declare(cython.Py_ssize_t, layout.LENGTHS_DROPPED)
_PUSH_LENGTHS_DROPPED = cython.declare(cython.Py_ssize_t, layout.PUSH_LENGTHS_DROPPED)
_REPLY_LENGTHS_DROPPED = cython.declare(cython.Py_ssize_t, layout.REPLY_LENGTHS_DROPPED)
_SHORTEST = cython.declare(cython.Py_ssize_t, layout.SHORTEST)
_LONGEST = cython.declare(cython.Py_ssize_t, layout.LONGEST)
_OPENING = cython.declare(cython.Py_ssize_t, layout.OPENING)
_OPENINGS = cython.declare(cython.Py_ssize_t, layout.OPENINGS)
_UP = cython.declare(cython.Py_ssize_t, layout.UP)
_DIRECTION = cython.declare(cython.Py_ssize_t, layout.DIRECTION)
_HEAD = cython.declare(cython.Py_ssize_t, layout.HEAD)
_HEAD_EVENTS = cython.declare(cython.Py_ssize_t, layout.HEAD_EVENTS)
_TAIL = cython.declare(cython.Py_ssize_t, layout.TAIL)
_TAIL_EVENTS = cython.declare(cython.Py_ssize_t, layout.TAIL_EVENTS)
_WIDE = cython.declare(cython.Py_ssize_t, layout.WIDE)

_LENGTH_HISTOGRAM = cython.declare(cython.Py_ssize_t, layout.LENGTH_HISTOGRAM)
_LENGTH_BINS = cython.declare(cython.Py_ssize_t, layout.LENGTH_BINS)
_GAP_HISTOGRAM = cython.declare(cython.Py_ssize_t, layout.GAP_HISTOGRAM)
_GAP_BINS = cython.declare(cython.Py_ssize_t, layout.GAP_BINS)
_PUSH_GAPS = cython.declare(cython.Py_ssize_t, layout.PUSH_GAP_HISTOGRAM)
_DELAYS = cython.declare(cython.Py_ssize_t, layout.REPLY_DELAY_HISTOGRAM)
_DELAY_BINS = cython.declare(cython.Py_ssize_t, layout.DELAY_BINS)
_LENGTHS = cython.declare(cython.Py_ssize_t, layout.LENGTHS)
_COMMON_LENGTHS = cython.declare(cython.Py_ssize_t, layout.COMMON_LENGTHS)
_PUSH_LENGTHS = cython.declare(cython.Py_ssize_t, layout.PUSH_LENGTHS)
_COMMON_PUSHES = cython.declare(cython.Py_ssize_t, layout.COMMON_PUSHES)
_REPLY_LENGTHS = cython.declare(cython.Py_ssize_t, layout.REPLY_LENGTHS)
_COMMON_REPLIES = cython.declare(cython.Py_ssize_t, layout.COMMON_REPLIES)
_NARROW_DIRECTION = cython.declare(cython.Py_ssize_t, layout.NARROW_DIRECTION)
_NARROW = cython.declare(cython.Py_ssize_t, layout.NARROW)

_PROMPT = cython.declare(cython.longlong, layout.PROMPT_NS)
_ANSWER = cython.declare(cython.longlong, layout.ANSWER_NS)
_BIN = cython.declare(cython.longlong, layout.BIN_NS)
_SHORT = cython.declare(cython.longlong, layout.SHORT_REPLY)
_EVENT = cython.declare(cython.Py_ssize_t, tables.EVENT)
_LOW31 = cython.declare(cython.longlong, (1 << 31) - 1)
_TURNED = cython.declare(cython.longlong, 1 << 32)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _octave(x: cython.longlong) -> cython.Py_ssize_t:
    """floor(log2(x)), 0 for x < 1."""
    r: cython.Py_ssize_t = 0
    if x >= 65536:
        x >>= 16
        r = 16
        if x >= 65536:
            x >>= 16
            r = 32
            if x >= 65536:
                x >>= 16
                r = 48
    if x >= 256:
        x >>= 8
        r += 8
    if x >= 16:
        x >>= 4
        r += 4
    if x >= 4:
        x >>= 2
        r += 2
    if x >= 2:
        r += 1
    return r


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _length_bin(length: cython.longlong) -> cython.Py_ssize_t:
    r: cython.Py_ssize_t = _octave(length)
    r = 2 * r + (1 if r > 0 and (length >> (r - 1)) & 1 else 0)
    return r if r < _LENGTH_BINS else _LENGTH_BINS - 1


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _time_bin(gap: cython.longlong, bins: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """Octaves of 2**20 ns: below one in bin 0, [1, 2) in bin 1, and so on."""
    gap >>= 20
    if gap < 1:
        return 0
    r: cython.Py_ssize_t = _octave(gap) + 1
    return r if r < bins else bins - 1


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _hit(
    narrow: cython.uint[::1], o: cython.Py_ssize_t, size: cython.Py_ssize_t, length: cython.longlong
) -> cython.int:
    """Counts `length` in the `size` (length, count) pairs at o.  Returns the decrements: 0 or 1."""
    i: cython.Py_ssize_t
    free: cython.Py_ssize_t = -1
    for i in range(o, o + 2 * size, 2):
        if narrow[i + 1] == 0:
            if free < 0:
                free = i
        elif narrow[i] == length:
            narrow[i + 1] += 1
            return 0
    if free >= 0:
        narrow[free] = cython.cast(cython.uint, length)
        narrow[free + 1] = 1
        return 0
    for i in range(o, o + 2 * size, 2):
        narrow[i + 1] -= 1
        if narrow[i + 1] == 0:
            narrow[i] = 0
    return 1


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _message(
    wide: cython.longlong[::1],
    narrow: cython.uint[::1],
    row: cython.Py_ssize_t,
    ts: cython.longlong,
    what: cython.longlong,
) -> cython.int:
    """Adds one message to a row; `what` is direction << 32 | length."""
    w: cython.Py_ssize_t = row * _WIDE
    n: cython.Py_ssize_t = row * _NARROW
    direction: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, what >> 32)
    length: cython.longlong = what & _LOW31
    d: cython.Py_ssize_t = w + _UP + direction * _DIRECTION  # of the sender
    o: cython.Py_ssize_t = w + _UP + (1 - direction) * _DIRECTION  # of the other side
    nd: cython.Py_ssize_t = n + direction * _NARROW_DIRECTION
    no: cython.Py_ssize_t = n + (1 - direction) * _NARROW_DIRECTION
    last: cython.longlong = wide[d + _LAST_MESSAGE]
    other: cython.longlong = wide[o + _LAST_MESSAGE]
    gap: cython.longlong
    # --- what the other side is owed
    if other != 0:
        _answer(wide, w, direction, last, ts)
        if wide[o + _PENDING] != 0:
            gap = ts - wide[o + _PENDING]
            if gap < 0:
                gap = 0
            if gap <= _PROMPT:
                wide[o + _REPLIED] += 1
                wide[o + _REPLIED_BYTES] += wide[o + _PENDING_LENGTH]
                wide[o + _REPLY_BYTES] += length
                if length < _SHORT:
                    wide[o + _SHORT_REPLIES] += 1
                narrow[no + _DELAYS + _time_bin(gap, _DELAY_BINS)] += 1
                wide[o + _REPLY_LENGTHS_DROPPED] += _hit(narrow, no + _REPLY_LENGTHS, _COMMON_REPLIES, length)
            wide[o + _PENDING] = 0
            wide[o + _PENDING_LENGTH] = 0
    wide[d + _PENDING] = ts
    wide[d + _PENDING_LENGTH] = length
    # --- the message itself
    wide[d + _MESSAGES] += 1
    wide[d + _MESSAGE_BYTES] += length
    if last != 0:
        gap = ts - last
        if gap < 0:
            gap = 0
        if gap > wide[d + _LONGEST_GAP]:
            wide[d + _LONGEST_GAP] = gap
        narrow[nd + _GAP_HISTOGRAM + _time_bin(gap, _GAP_BINS)] += 1
    else:
        wide[d + _FIRST_MESSAGE] = ts
    if ts > last:
        wide[d + _LAST_MESSAGE] = ts
    if ts < wide[d + _FIRST_MESSAGE]:
        wide[d + _FIRST_MESSAGE] = ts
    if length < wide[d + _SHORTEST] or wide[d + _SHORTEST] == 0:
        wide[d + _SHORTEST] = length
    if length > wide[d + _LONGEST]:
        wide[d + _LONGEST] = length
    narrow[nd + _LENGTH_HISTOGRAM + _length_bin(length)] += 1
    wide[d + _LENGTHS_DROPPED] += _hit(narrow, nd + _LENGTHS, _COMMON_LENGTHS, length)
    _busy(wide, w, d, ts)
    if other == 0 or ts - other > _PROMPT:
        wide[d + _PUSHES] += 1
        last = wide[d + _LAST_PUSH]
        if last != 0:
            gap = ts - last
            narrow[nd + _PUSH_GAPS + _time_bin(gap, _GAP_BINS)] += 1
        if last == 0 or ts < wide[d + _FIRST_PUSH]:
            wide[d + _FIRST_PUSH] = ts
        if ts > last:
            wide[d + _LAST_PUSH] = ts
        wide[d + _PUSH_LENGTHS_DROPPED] += _hit(narrow, nd + _PUSH_LENGTHS, _COMMON_PUSHES, length)
    _remember(wide, w, ts, what)
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _busy(
    wide: cython.longlong[::1], w: cython.Py_ssize_t, d: cython.Py_ssize_t, ts: cython.longlong
) -> cython.int:
    one: cython.longlong = 1
    at: cython.longlong = (ts - wide[w + _WINDOW_NS]) // _BIN
    if at > 62:  # windows above 630 s share the last bin
        at = 62
    if at >= 0:
        wide[d + _BUSY_BINS] |= one << at
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _remember(
    wide: cython.longlong[::1], w: cython.Py_ssize_t, ts: cython.longlong, what: cython.longlong
) -> cython.int:
    """Into the head while it has room, and onto the end of the tail."""
    i: cython.Py_ssize_t
    h: cython.Py_ssize_t = w + _HEAD
    if wide[h + 2 * (_HEAD_EVENTS - 1)] == 0:
        for i in range(_HEAD_EVENTS):
            if wide[h + 2 * i] == 0:
                wide[h + 2 * i] = ts
                wide[h + 2 * i + 1] = what
                break
    return _push_tail(wide, w, ts, what)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _answer(
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
    t: cython.Py_ssize_t = w + _TAIL + 2 * (_TAIL_EVENTS - 1)
    o: cython.Py_ssize_t = w + _UP + (1 - direction) * _DIRECTION
    while t >= w + _TAIL:
        if wide[t] != 0:
            if wide[t + 1] >> 32 == direction or ts - wide[t] > _ANSWER:
                break
            if last == 0 or wide[t] - last > _PROMPT:
                wide[o + _PUSHES_ANSWERED] += 1
        t -= 2
    return 0


def add_messages(
    events: cython.longlong[::1],
    n: cython.Py_ssize_t,
    wide: cython.longlong[::1],
    narrow: cython.uint[::1],
) -> None:
    """Adds the first n events (row, time, direction << 32 | length) to the rows, in order."""
    i: cython.Py_ssize_t
    with cython.nogil:
        for i in range(n):
            _message(
                wide,
                narrow,
                cython.cast(cython.Py_ssize_t, events[i * _EVENT]),
                events[i * _EVENT + 1],
                events[i * _EVENT + 2],
            )


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _swap(
    wide: cython.longlong[::1], narrow: cython.uint[::1], w: cython.Py_ssize_t, n: cython.Py_ssize_t
) -> cython.int:
    i: cython.Py_ssize_t
    x: cython.longlong
    y: cython.uint
    for i in range(w + _UP, w + _UP + _DIRECTION):
        x = wide[i]
        wide[i] = wide[i + _DIRECTION]
        wide[i + _DIRECTION] = x
    for i in range(n, n + _NARROW_DIRECTION):
        y = narrow[i]
        narrow[i] = narrow[i + _NARROW_DIRECTION]
        narrow[i + _NARROW_DIRECTION] = y
    for i in range(w + _HEAD, w + _WIDE, 2):
        if wide[i] != 0:
            wide[i + 1] ^= _TURNED
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _unhit(
    narrow: cython.uint[::1], o: cython.Py_ssize_t, size: cython.Py_ssize_t, length: cython.longlong
) -> cython.int:
    """Takes one count of `length` back, where the summary still holds it."""
    i: cython.Py_ssize_t
    for i in range(o, o + 2 * size, 2):
        if narrow[i] == length and narrow[i + 1] > 0:
            narrow[i + 1] -= 1
            if narrow[i + 1] == 0:
                narrow[i] = 0
            break
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _merge_common(
    x: cython.uint[::1],
    xo: cython.Py_ssize_t,
    y: cython.uint[::1],
    yo: cython.Py_ssize_t,
    size: cython.Py_ssize_t,
    pairs: cython.longlong[::1],
) -> cython.longlong:
    """Joins two Misra-Gries summaries into x; returns what was taken off every counter.

    Counters of the same length are added; of more than `size`, the (size + 1)th largest
    count is subtracted from all and what is left positive is kept (Agarwal et al. 2013).
    `pairs` is scratch of 4 * size words.
    """
    n: cython.Py_ssize_t = 0
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    c: cython.longlong
    v: cython.longlong
    cut: cython.longlong = 0
    for i in range(size):
        if x[xo + 2 * i + 1] > 0:
            pairs[2 * n] = x[xo + 2 * i]
            pairs[2 * n + 1] = x[xo + 2 * i + 1]
            n += 1
    for i in range(size):
        if y[yo + 2 * i + 1] > 0:
            v = y[yo + 2 * i]
            for j in range(n):
                if pairs[2 * j] == v:
                    pairs[2 * j + 1] += y[yo + 2 * i + 1]
                    break
            else:
                pairs[2 * n] = v
                pairs[2 * n + 1] = y[yo + 2 * i + 1]
                n += 1
    if n > size:
        for i in range(1, n):  # insertion sort, the largest count first
            v = pairs[2 * i]
            c = pairs[2 * i + 1]
            j = i
            while j > 0 and pairs[2 * j - 1] < c:
                pairs[2 * j] = pairs[2 * j - 2]
                pairs[2 * j + 1] = pairs[2 * j - 1]
                j -= 1
            pairs[2 * j] = v
            pairs[2 * j + 1] = c
        cut = pairs[2 * size + 1]
    j = 0
    for i in range(n if n < size else size):
        if pairs[2 * i + 1] > cut:
            x[xo + 2 * j] = cython.cast(cython.uint, pairs[2 * i])
            x[xo + 2 * j + 1] = cython.cast(cython.uint, pairs[2 * i + 1] - cut)
            j += 1
    for i in range(j, size):
        x[xo + 2 * i] = 0
        x[xo + 2 * i + 1] = 0
    return cut


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _mend_pushes(
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
    d: cython.Py_ssize_t = _UP + direction * _DIRECTION
    n: cython.Py_ssize_t = direction * _NARROW_DIRECTION
    prompt: cython.longlong = x[xw + _UP + (1 - direction) * _DIRECTION + _LAST_MESSAGE]
    other: cython.longlong = 0  # newest message of the other side in y
    last: cython.longlong = 0  # the removed push before
    ts: cython.longlong
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    e: cython.Py_ssize_t
    if prompt == 0:
        return 0
    for i in range(_HEAD_EVENTS):
        e = _HEAD + 2 * i
        ts = y[e]
        if ts == 0:
            break
        if y[e + 1] >> 32 != direction:
            other = ts
            continue
        if other != 0:
            if ts - other <= _PROMPT:
                continue
        elif ts - prompt <= _PROMPT:
            if last != 0:
                z[n + _PUSH_GAPS + _time_bin(ts - last, _GAP_BINS)] -= 1
            last = ts
            y[d + _PUSHES] -= 1
            y[d + _FIRST_PUSH] = 0
            _unhit(z, n + _PUSH_LENGTHS, _COMMON_PUSHES, y[e + 1] & _LOW31)
            for j in range(i + 1, _HEAD_EVENTS):
                e = _HEAD + 2 * j
                if y[e] == 0:
                    break
                if y[e + 1] >> 32 != direction:
                    if y[e] - ts <= _ANSWER:
                        y[d + _PUSHES_ANSWERED] -= 1
                    break
            continue
        if last != 0:  # the first push that stays
            z[n + _PUSH_GAPS + _time_bin(ts - last, _GAP_BINS)] -= 1
            y[d + _FIRST_PUSH] = ts
        return 0
    if last != 0:
        if y[d + _PUSHES] > 0:  # the next one lies behind the head: the newest stands in for it
            y[d + _FIRST_PUSH] = y[d + _LAST_PUSH]
        else:
            y[d + _LAST_PUSH] = 0
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _mend_replies(
    x: cython.longlong[::1],
    xw: cython.Py_ssize_t,
    narrow: cython.uint[::1],
    xn: cython.Py_ssize_t,
    y: cython.longlong[::1],
    direction: cython.Py_ssize_t,
) -> cython.int:
    """Lets messages of `direction` in the later row y answer the other side's last ones in x."""
    d: cython.Py_ssize_t = xw + _UP + direction * _DIRECTION
    o: cython.Py_ssize_t = xw + _UP + (1 - direction) * _DIRECTION
    n: cython.Py_ssize_t = xn + (1 - direction) * _NARROW_DIRECTION
    first: cython.longlong = y[_UP + direction * _DIRECTION + _FIRST_MESSAGE]
    length: cython.longlong = y[_HEAD + 1] & _LOW31
    delay: cython.longlong
    if first == 0:
        return 0
    _answer(x, xw, direction, x[d + _LAST_MESSAGE], first)
    if y[_HEAD] != 0 and y[_HEAD + 1] >> 32 == direction and x[o + _PENDING] != 0:
        delay = y[_HEAD] - x[o + _PENDING]
        if delay <= _PROMPT:
            x[o + _REPLIED] += 1
            x[o + _REPLIED_BYTES] += x[o + _PENDING_LENGTH]
            x[o + _REPLY_BYTES] += length
            if length < _SHORT:
                x[o + _SHORT_REPLIES] += 1
            narrow[n + _DELAYS + _time_bin(delay, _DELAY_BINS)] += 1
            x[o + _REPLY_LENGTHS_DROPPED] += _hit(narrow, n + _REPLY_LENGTHS, _COMMON_REPLIES, length)
    return 0


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
    if x[d + _LAST_MESSAGE] != 0 and y[e + _FIRST_MESSAGE] != 0:
        gap = y[e + _FIRST_MESSAGE] - x[d + _LAST_MESSAGE]
        if gap < 0:
            gap = 0
        if gap > x[d + _LONGEST_GAP]:
            x[d + _LONGEST_GAP] = gap
        narrow[n + _GAP_HISTOGRAM + _time_bin(gap, _GAP_BINS)] += 1
    if x[d + _LAST_PUSH] != 0 and y[e + _FIRST_PUSH] != 0:
        gap = y[e + _FIRST_PUSH] - x[d + _LAST_PUSH]
        narrow[n + _PUSH_GAPS + _time_bin(gap, _GAP_BINS)] += 1
    for i in range(_PACKETS, _MESSAGE_BYTES + 1):
        x[d + i] += y[e + i]
    for i in range(_PUSHES, _PUSHES_ANSWERED + 1):
        x[d + i] += y[e + i]
    for i in range(_REPLIED, _SHORT_REPLIES + 1):
        x[d + i] += y[e + i]
    x[d + _FIRST_MESSAGE] = _earlier(x[d + _FIRST_MESSAGE], y[e + _FIRST_MESSAGE])
    x[d + _FIRST_PUSH] = _earlier(x[d + _FIRST_PUSH], y[e + _FIRST_PUSH])
    x[d + _LAST_MESSAGE] = max(x[d + _LAST_MESSAGE], y[e + _LAST_MESSAGE])
    x[d + _LAST_PUSH] = max(x[d + _LAST_PUSH], y[e + _LAST_PUSH])
    x[d + _LONGEST_GAP] = max(x[d + _LONGEST_GAP], y[e + _LONGEST_GAP])
    x[d + _LONGEST] = max(x[d + _LONGEST], y[e + _LONGEST])
    x[d + _SHORTEST] = _earlier(x[d + _SHORTEST], y[e + _SHORTEST])
    if spoke:  # only the newest message of all can be pending
        x[d + _PENDING] = y[e + _PENDING]
        x[d + _PENDING_LENGTH] = y[e + _PENDING_LENGTH]
    if same:
        x[d + _BUSY_BINS] |= y[e + _BUSY_BINS]
        x[d + _BUSY_BEFORE] += y[e + _BUSY_BEFORE]
    else:
        x[d + _BUSY_BEFORE] += y[e + _BUSY_BEFORE] + _ones(x[d + _BUSY_BINS])
        x[d + _BUSY_BINS] = y[e + _BUSY_BINS]
    for i in range(_LENGTHS):
        narrow[n + i] += z[m + i]
    x[d + _LENGTHS_DROPPED] += y[e + _LENGTHS_DROPPED] + _merge_common(
        narrow, n + _LENGTHS, z, m + _LENGTHS, _COMMON_LENGTHS, pairs
    )
    x[d + _PUSH_LENGTHS_DROPPED] += y[e + _PUSH_LENGTHS_DROPPED] + _merge_common(
        narrow, n + _PUSH_LENGTHS, z, m + _PUSH_LENGTHS, _COMMON_PUSHES, pairs
    )
    x[d + _REPLY_LENGTHS_DROPPED] += y[e + _REPLY_LENGTHS_DROPPED] + _merge_common(
        narrow, n + _REPLY_LENGTHS, z, m + _REPLY_LENGTHS, _COMMON_REPLIES, pairs
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
    while filled < _HEAD_EVENTS and x[w + _HEAD + 2 * filled] != 0:
        filled += 1
    for i in range(_HEAD_EVENTS - filled):
        t = w + _HEAD + 2 * (filled + i)
        x[t] = y[_HEAD + 2 * i]
        x[t + 1] = y[_HEAD + 2 * i + 1]
    for i in range(_TAIL_EVENTS):
        t = _TAIL + 2 * i
        if y[t] != 0:
            _push_tail(x, w, y[t], y[t + 1])
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _push_tail(
    x: cython.longlong[::1], w: cython.Py_ssize_t, ts: cython.longlong, what: cython.longlong
) -> cython.int:
    i: cython.Py_ssize_t
    t: cython.Py_ssize_t = w + _TAIL
    last: cython.Py_ssize_t = t + 2 * (_TAIL_EVENTS - 1)
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
    same: cython.int = x[w + _WINDOW_NS] == y[_WINDOW_NS]
    spoke: cython.int = y[_HEAD] != 0
    newest: cython.longlong = max(x[w + _UP + _LAST_MESSAGE], x[w + _UP + _DIRECTION + _LAST_MESSAGE])
    if spoke and y[_HEAD] >= newest:  # one after the other: what happened between them is known
        for k in range(2):
            _mend_pushes(x, w, y, z, k)
        for k in range(2):
            _mend_replies(x, w, narrow, n, y, k)
    for k in range(2):
        _merge_direction(
            x,
            w + _UP + k * _DIRECTION,
            narrow,
            n + k * _NARROW_DIRECTION,
            y,
            _UP + k * _DIRECTION,
            z,
            k * _NARROW_DIRECTION,
            same,
            spoke,
            pairs,
        )
    _merge_events(x, w, y)
    if y[_OPENING_NS] != 0 and (x[w + _OPENING_NS] == 0 or y[_OPENING_NS] < x[w + _OPENING_NS]):
        x[w + _OPENING_NS] = y[_OPENING_NS]
        for k in range(2):
            for i in range(_UP + k * _DIRECTION + _OPENING, _UP + k * _DIRECTION + _OPENING + _OPENINGS):
                x[w + i] = y[i]
    x[w + _WINDOW_NS] = y[_WINDOW_NS]
    x[w + _FIRST_NS] = _earlier(x[w + _FIRST_NS], y[_FIRST_NS])
    x[w + _LAST_NS] = max(x[w + _LAST_NS], y[_LAST_NS])
    x[w + _CONNECTIONS] += y[_CONNECTIONS]
    x[w + _RESETS] += y[_RESETS]
    x[w + _KNOWN] &= y[_KNOWN]
    x[w + _TLS_RECORDS] += y[_TLS_RECORDS]
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
            w = cython.cast(cython.Py_ssize_t, into[k]) * _WIDE
            n = cython.cast(cython.Py_ssize_t, into[k]) * _NARROW
            v = cython.cast(cython.Py_ssize_t, other[k]) * _WIDE
            m = cython.cast(cython.Py_ssize_t, other[k]) * _NARROW
            swap = other_wide[v + _WINDOW_NS] < wide[w + _WINDOW_NS] or (
                other_wide[v + _WINDOW_NS] == wide[w + _WINDOW_NS]
                and other_wide[v + _FIRST_NS] < wide[w + _FIRST_NS]
            )
            for i in range(_WIDE):
                x = other_wide[v + i]
                if swap:
                    scratch_wide[i] = wide[w + i]
                    wide[w + i] = x
                else:
                    scratch_wide[i] = x
            for i in range(_NARROW):
                y = other_narrow[m + i]
                if swap:
                    scratch_narrow[i] = narrow[n + i]
                    narrow[n + i] = y
                else:
                    scratch_narrow[i] = y
            _merge(wide, w, narrow, n, scratch_wide, scratch_narrow, pairs)


def turn(wide: cython.longlong[::1], narrow: cython.uint[::1], which: cython.longlong[::1]) -> None:
    """Turns rows round: what was up is down."""
    k: cython.Py_ssize_t
    for k in range(which.shape[0]):
        _swap(
            wide,
            narrow,
            cython.cast(cython.Py_ssize_t, which[k]) * _WIDE,
            cython.cast(cython.Py_ssize_t, which[k]) * _NARROW,
        )
