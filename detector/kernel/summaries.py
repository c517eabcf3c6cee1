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
def _whole(wide: cython.longlong[::1], narrow: cython.uint[::1], row: cython.Py_ssize_t) -> cython.int:
    """An IndexError unless the row lies in both tables.

    Functions without bounds checks are given such a row, and read and write it at offsets of `layout`:
    the check of every word took a third of the time.
    """
    w: cython.longlong = wide[row * layout.WIDE] | wide[row * layout.WIDE + layout.WIDE - 1]  # noqa: F841
    n: cython.uint = narrow[row * layout.NARROW] | narrow[row * layout.NARROW + layout.NARROW - 1]  # noqa: F841
    return 0


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
    return r if r < layout.LENGTH_BINS else layout.LENGTH_BINS - 1


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
@cython.boundscheck(False)  # see `_whole`
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
@cython.boundscheck(False)  # see `_whole`
@cython.exceptval(-1, check=False)
def _message(
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
    _whole(wide, narrow, row)
    last: cython.longlong = wide[d + layout.LAST_MESSAGE_NS]
    other: cython.longlong = wide[o + layout.LAST_MESSAGE_NS]
    # --- what the other side is owed
    if other != 0:
        _answer(wide, w, direction, last, ts)
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
                narrow[no + layout.REPLY_DELAY_HISTOGRAM + _time_bin(gap, layout.DELAY_BINS)] += 1
                wide[o + layout.REPLY_LENGTHS_DROPPED] += _hit(
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
        narrow[nd + layout.GAP_HISTOGRAM + _time_bin(gap, layout.GAP_BINS)] += 1
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
    narrow[nd + layout.LENGTH_HISTOGRAM + _length_bin(length)] += 1
    wide[d + layout.LENGTHS_DROPPED] += _hit(narrow, nd + layout.LENGTHS, layout.COMMON_LENGTHS, length)
    _busy(wide, w, d, ts)
    if other == 0 or ts - other > layout.PROMPT_NS:
        wide[d + layout.PUSHES] += 1
        last = wide[d + layout.LAST_PUSH_NS]
        if last != 0:
            gap = ts - last
            narrow[nd + layout.PUSH_GAP_HISTOGRAM + _time_bin(gap, layout.GAP_BINS)] += 1
        if last == 0 or ts < wide[d + layout.FIRST_PUSH_NS]:
            wide[d + layout.FIRST_PUSH_NS] = ts
        if ts > last:
            wide[d + layout.LAST_PUSH_NS] = ts
        wide[d + layout.PUSH_LENGTHS_DROPPED] += _hit(
            narrow, nd + layout.PUSH_LENGTHS, layout.COMMON_PUSHES, length
        )
    _remember(wide, w, ts, what)
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.boundscheck(False)  # see `_whole`
@cython.exceptval(-1, check=False)
def _busy(
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
@cython.boundscheck(False)  # see `_whole`
@cython.exceptval(-1, check=False)
def _remember(
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
    return _push_tail(wide, w, ts, what)


@cython.cfunc
@cython.nogil
@cython.boundscheck(False)  # see `_whole`
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
        _message(wide, narrow, full, t.rows[e], t.rows[e + 1])
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
            _message(t.wide, t.narrow, full, t.events[e + 1], t.events[e + 2])


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
            _swap(t.wide, t.narrow, full * layout.WIDE, full * layout.NARROW)


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
def _swap(
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
                z[n + layout.PUSH_GAP_HISTOGRAM + _time_bin(ts - last, layout.GAP_BINS)] -= 1
            last = ts
            y[d + layout.PUSHES] -= 1
            y[d + layout.FIRST_PUSH_NS] = 0
            _unhit(z, n + layout.PUSH_LENGTHS, layout.COMMON_PUSHES, y[e + 1] & tables.MASK31)
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
            z[n + layout.PUSH_GAP_HISTOGRAM + _time_bin(ts - last, layout.GAP_BINS)] -= 1
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
def _mend_replies(
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
    _answer(x, xw, direction, x[d + layout.LAST_MESSAGE_NS], first)
    if y[layout.HEAD] != 0 and y[layout.HEAD + 1] >> 32 == direction and x[o + layout.PENDING_NS] != 0:
        delay = y[layout.HEAD] - x[o + layout.PENDING_NS]
        if delay <= layout.PROMPT_NS:
            x[o + layout.REPLIED] += 1
            x[o + layout.REPLIED_BYTES] += x[o + layout.PENDING_LENGTH]
            x[o + layout.REPLY_BYTES] += length
            if length < layout.SHORT_REPLY:
                x[o + layout.SHORT_REPLIES] += 1
            narrow[n + layout.REPLY_DELAY_HISTOGRAM + _time_bin(delay, layout.DELAY_BINS)] += 1
            x[o + layout.REPLY_LENGTHS_DROPPED] += _hit(
                narrow, n + layout.REPLY_LENGTHS, layout.COMMON_REPLIES, length
            )
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
    if x[d + layout.LAST_MESSAGE_NS] != 0 and y[e + layout.FIRST_MESSAGE_NS] != 0:
        gap = y[e + layout.FIRST_MESSAGE_NS] - x[d + layout.LAST_MESSAGE_NS]
        if gap < 0:
            gap = 0
        if gap > x[d + layout.LONGEST_GAP_NS]:
            x[d + layout.LONGEST_GAP_NS] = gap
        narrow[n + layout.GAP_HISTOGRAM + _time_bin(gap, layout.GAP_BINS)] += 1
    if x[d + layout.LAST_PUSH_NS] != 0 and y[e + layout.FIRST_PUSH_NS] != 0:
        gap = y[e + layout.FIRST_PUSH_NS] - x[d + layout.LAST_PUSH_NS]
        narrow[n + layout.PUSH_GAP_HISTOGRAM + _time_bin(gap, layout.GAP_BINS)] += 1
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
    x[d + layout.LENGTHS_DROPPED] += y[e + layout.LENGTHS_DROPPED] + _merge_common(
        narrow, n + layout.LENGTHS, z, m + layout.LENGTHS, layout.COMMON_LENGTHS, pairs
    )
    x[d + layout.PUSH_LENGTHS_DROPPED] += y[e + layout.PUSH_LENGTHS_DROPPED] + _merge_common(
        narrow, n + layout.PUSH_LENGTHS, z, m + layout.PUSH_LENGTHS, layout.COMMON_PUSHES, pairs
    )
    x[d + layout.REPLY_LENGTHS_DROPPED] += y[e + layout.REPLY_LENGTHS_DROPPED] + _merge_common(
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
            _push_tail(x, w, y[t], y[t + 1])
    return 0


@cython.cfunc
@cython.nogil
@cython.boundscheck(False)  # see `_whole`
@cython.exceptval(-1, check=False)
def _push_tail(
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
            _mend_pushes(x, w, y, z, k)
        for k in range(2):
            _mend_replies(x, w, narrow, n, y, k)
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


def turn(wide: cython.longlong[::1], narrow: cython.uint[::1], which: cython.longlong[::1]) -> None:
    """Turns rows round: what was up is down."""
    k: cython.Py_ssize_t
    for k in range(which.shape[0]):
        _swap(
            wide,
            narrow,
            cython.cast(cython.Py_ssize_t, which[k]) * layout.WIDE,
            cython.cast(cython.Py_ssize_t, which[k]) * layout.NARROW,
        )
