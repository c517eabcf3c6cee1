"""Messages: runs of segments of one direction, put together and handed out as events for `summaries`.

A channel's open messages hang in a list, the oldest first; `layout` says what a message is.
"""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import layout, tables
    from cython.cimports.detector.kernel.views import Views
else:
    from detector.kernel import layout, tables
    from detector.kernel.entries.bounds import entry, line
    from detector.kernel.views import Views


@cython.cfunc
@cython.nogil
@cython.boundscheck(False)  # see `entry`
@cython.exceptval(-1, check=False)
def emit(
    t: Views, row: cython.Py_ssize_t, ts: cython.longlong, down: cython.longlong, length: cython.longlong
) -> cython.int:
    e: cython.Py_ssize_t = line(
        t.events, cython.cast(cython.Py_ssize_t, t.state[tables.N_EVENTS]), tables.EVENT
    )
    if length >= tables.HALF32:
        length = tables.HALF32 - 1
    t.events[e] = row
    t.events[e + 1] = ts
    t.events[e + 2] = (down << 32) | length
    t.state[tables.N_EVENTS] += 1
    return 0


@cython.cfunc
@cython.nogil
@cython.boundscheck(False)  # see `entry`
@cython.exceptval(-1, check=False)
def keep_opening(
    t: Views,
    c: cython.Py_ssize_t,
    row: cython.Py_ssize_t,
    from_b: cython.int,
    down: cython.Py_ssize_t,
    length: cython.longlong,
) -> cython.int:
    """Keeps the length where the row keeps this connection's opening."""
    o: cython.Py_ssize_t = entry(t.connections, c, tables.CONNECTION) + tables.C_COUNTS
    w: cython.Py_ssize_t = line(t.rows, row, tables.ROW)
    shift: cython.int = 52 if from_b else 48
    filled: cython.longlong
    one: cython.ulonglong = 1
    if t.rows[w + tables.R_OPENER] != c + 1:
        return 0
    filled = cython.cast(cython.longlong, (t.connections[o] >> shift) & 15)
    if filled < layout.OPENINGS:
        t.rows[w + tables.R_OPENING + down * layout.OPENINGS + filled] = length
        t.connections[o] += one << shift
    return 0


@cython.cfunc
@cython.nogil
@cython.boundscheck(False)  # see `entry`
@cython.exceptval(-1, check=False)
def end_message(t: Views, c: cython.Py_ssize_t) -> cython.int:
    """Ends a connection's open message: an event, and out of the channel's list."""
    o: cython.Py_ssize_t = entry(t.connections, c, tables.CONNECTION)
    h: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, t.connections[o + tables.C_CHANNEL] & tables.MASK32)
    ts: cython.longlong = cython.cast(cython.longlong, t.connections[o + tables.C_START])
    length: cython.longlong = cython.cast(
        cython.longlong, (t.connections[o + tables.C_LENGTH] & tables.MASK40) >> 1
    )
    from_b: cython.int = cython.cast(cython.int, t.connections[o + tables.C_LENGTH] & 1)
    client_is_a: cython.int = 1 if t.connections[o + tables.C_CHANNEL] & tables.CLIENT_IS_A else 0
    down: cython.Py_ssize_t = 1 if from_b == client_is_a else 0
    previous: cython.ulonglong = t.connections[o + tables.C_LINKS] & tables.MASK32
    following: cython.ulonglong = t.connections[o + tables.C_LINKS] >> 32
    row: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, t.connections[o + tables.C_LENGTH] >> 40)
    p: cython.Py_ssize_t
    emit(t, row, ts, down, length)
    keep_opening(t, c, row, from_b, down, length)
    t.connections[o + tables.C_START] = 0
    t.connections[o + tables.C_LINKS] = 0
    h = entry(t.channels, h, tables.CHANNEL) + tables.H_OPEN
    if previous != 0:
        p = (
            entry(t.connections, cython.cast(cython.Py_ssize_t, previous - 1), tables.CONNECTION)
            + tables.C_LINKS
        )
        t.connections[p] = (t.connections[p] & tables.MASK32) | (following << 32)
    else:
        t.channels[h] = (t.channels[h] & ~tables.MASK32) | following
    if following != 0:
        p = (
            entry(t.connections, cython.cast(cython.Py_ssize_t, following - 1), tables.CONNECTION)
            + tables.C_LINKS
        )
        t.connections[p] = (t.connections[p] & ~tables.MASK32) | previous
    else:
        t.channels[h] = (t.channels[h] & tables.MASK32) | (previous << 32)
    return 0


@cython.cfunc
@cython.nogil
@cython.boundscheck(False)  # see `entry`
@cython.exceptval(-1, check=False)
def _open(
    t: Views,
    c: cython.Py_ssize_t,
    row: cython.Py_ssize_t,
    ts: cython.longlong,
    length: cython.longlong,
    from_b: cython.int,
) -> cython.int:
    """Starts a message, at the end of the channel's list of open ones."""
    o: cython.Py_ssize_t = entry(t.connections, c, tables.CONNECTION)
    h: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, t.connections[o + tables.C_CHANNEL] & tables.MASK32)
    last: cython.ulonglong
    slot: cython.ulonglong = c + 1
    p: cython.Py_ssize_t
    t.connections[o + tables.C_START] = ts
    t.connections[o + tables.C_END] = ts
    t.connections[o + tables.C_LENGTH] = (
        (cython.cast(cython.ulonglong, row) << 40) | (cython.cast(cython.ulonglong, length) << 1) | from_b
    )
    h = entry(t.channels, h, tables.CHANNEL) + tables.H_OPEN
    last = t.channels[h] >> 32
    t.connections[o + tables.C_LINKS] = last
    if last != 0:
        p = entry(t.connections, cython.cast(cython.Py_ssize_t, last - 1), tables.CONNECTION) + tables.C_LINKS
        t.connections[p] = (t.connections[p] & tables.MASK32) | (slot << 32)
        t.channels[h] = (t.channels[h] & tables.MASK32) | (slot << 32)
    else:
        t.channels[h] = slot | (slot << 32)
    return 0


@cython.cfunc
@cython.nogil
@cython.boundscheck(False)  # see `entry`
@cython.exceptval(-1, check=False)
def expire(t: Views, h: cython.Py_ssize_t, ts: cython.longlong) -> cython.int:
    """Closes the channel's oldest messages to which nothing can be added any more."""
    c: cython.ulonglong = t.channels[entry(t.channels, h, tables.CHANNEL) + tables.H_OPEN] & tables.MASK32
    o: cython.Py_ssize_t
    following: cython.ulonglong
    _i: cython.int
    for _i in range(tables.EXPIRE):
        if c == 0:
            break
        o = entry(t.connections, cython.cast(cython.Py_ssize_t, c - 1), tables.CONNECTION)
        following = t.connections[o + tables.C_LINKS] >> 32
        if ts - cython.cast(cython.longlong, t.connections[o + tables.C_END]) >= layout.COALESCE_NS:
            end_message(t, cython.cast(cython.Py_ssize_t, c - 1))
        c = following
    return 0


@cython.cfunc
@cython.nogil
@cython.boundscheck(False)  # see `entry`
@cython.exceptval(-1, check=False)
def add_segment(
    t: Views,
    c: cython.Py_ssize_t,
    row: cython.Py_ssize_t,
    ts: cython.longlong,
    length: cython.longlong,
    from_b: cython.int,
) -> cython.int:
    """New payload without readable framing: extends the open message or starts one."""
    o: cython.Py_ssize_t = entry(t.connections, c, tables.CONNECTION)
    start: cython.longlong = cython.cast(cython.longlong, t.connections[o + tables.C_START])
    end: cython.longlong = cython.cast(cython.longlong, t.connections[o + tables.C_END])
    opened: cython.Py_ssize_t  # the row of the open message
    if start != 0:
        opened = cython.cast(cython.Py_ssize_t, t.connections[o + tables.C_LENGTH] >> 40)
        opened = line(t.rows, opened, tables.ROW)
        if (
            cython.cast(cython.int, t.connections[o + tables.C_LENGTH] & 1) == from_b
            and ts - end < layout.COALESCE_NS
            and t.rows[opened + tables.R_WINDOW] == t.rows[line(t.rows, row, tables.ROW) + tables.R_WINDOW]
            and (t.connections[o + tables.C_LENGTH] & tables.MASK40) >> 32 == 0  # 2 GiB end a message, too
        ):
            t.connections[o + tables.C_LENGTH] += cython.cast(cython.ulonglong, length) << 1
            if ts > end:
                t.connections[o + tables.C_END] = ts
            return 0
        end_message(t, c)
    return _open(t, c, row, ts, length, from_b)
