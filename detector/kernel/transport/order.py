"""TCP in order: segments that came too early wait for what precedes them (`reorder` states the bounds).

Sources: RFC 9293, RFC 6298 2.1 (how long).
"""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import layout, tables
    from cython.cimports.detector.kernel.views import Views
else:
    from detector.kernel import layout, tables
    from detector.kernel.entries.bounds import entry, line
    from detector.kernel.entries.room import has_room
    from detector.kernel.payload.new import take_payload
    from detector.kernel.payload.pieces import copy_bytes
    from detector.kernel.transport.sequence import bytes_ahead, distance
    from detector.kernel.views import Views


@cython.cfunc
@cython.nogil
@cython.boundscheck(False)  # see `entry`
@cython.exceptval(-1, check=False)
def place(
    t: Views,
    c: cython.Py_ssize_t,
    h: cython.Py_ssize_t,
    row: cython.Py_ssize_t,
    ts: cython.longlong,
    from_b: cython.int,
    down: cython.Py_ssize_t,
    sequence: cython.ulonglong,
    length: cython.longlong,
    b: cython.uchar[::1],
    p: cython.Py_ssize_t,
    n: cython.Py_ssize_t,
) -> cython.int:
    """TCP payload at its place in the stream: without what is old, and with what is missing before it."""
    o: cython.Py_ssize_t = entry(t.connections, c, tables.CONNECTION)
    shift: cython.int = 32 if from_b else 0
    ahead: cython.longlong = bytes_ahead(t, o, from_b, sequence)
    missing: cython.longlong = 0
    if ahead < 0 and ahead > -tables.STALE:  # some or all of it is old
        if length + ahead <= 0:
            row = line(t.rows, row, tables.ROW) + (tables.R_DOWN if down else tables.R_UP)
            t.rows[row + layout.RETRANSMITTED] += 1
            return 0
        length += ahead
        p -= cython.cast(cython.Py_ssize_t, ahead)
        n += cython.cast(cython.Py_ssize_t, ahead)
        sequence = (sequence - cython.cast(cython.ulonglong, ahead)) & tables.MASK32
        if n < 0:
            p += n
            n = 0
    elif ahead != 0:
        missing = ahead if ahead > 0 else tables.WHOLE32
    t.connections[o + tables.C_CHANNEL] |= tables.SEEN << from_b
    t.connections[o + tables.C_NEXT] = (t.connections[o + tables.C_NEXT] & ~(tables.MASK32 << shift)) | (
        ((sequence + cython.cast(cython.ulonglong, length)) & tables.MASK32) << shift
    )
    return take_payload(t, c, h, row, ts, from_b, down, missing, length, b, p, n, 0)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-2, check=False)
def _first_held(t: Views, o: cython.Py_ssize_t, from_b: cython.int) -> cython.Py_ssize_t:
    """Slot of the first segment that a direction waits with, -1 = none."""
    shift: cython.int = tables.HELD + (tables.HELD_BITS if from_b else 0)
    return (
        cython.cast(cython.Py_ssize_t, (t.connections[o + tables.C_CHANNEL] >> shift) & tables.HELD_MASK) - 1
    )


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _set_first_held(
    t: Views, o: cython.Py_ssize_t, from_b: cython.int, slot: cython.Py_ssize_t
) -> cython.int:
    shift: cython.int = tables.HELD + (tables.HELD_BITS if from_b else 0)
    mask: cython.ulonglong = tables.HELD_MASK
    t.connections[o + tables.C_CHANNEL] = (t.connections[o + tables.C_CHANNEL] & ~(mask << shift)) | (
        cython.cast(cython.ulonglong, slot + 1) << shift
    )
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _hold(
    t: Views,
    c: cython.Py_ssize_t,
    row: cython.Py_ssize_t,
    ts: cython.longlong,
    from_b: cython.int,
    sequence: cython.ulonglong,
    length: cython.longlong,
    b: cython.uchar[::1],
    p: cython.Py_ssize_t,
    n: cython.Py_ssize_t,
) -> cython.int:
    """Keeps a segment until what precedes it comes; how many the direction has now, 0 = it had this one."""
    o: cython.Py_ssize_t = c * tables.CONNECTION
    s: cython.Py_ssize_t = _first_held(t, o, from_b)
    first: cython.Py_ssize_t = s
    before: cython.Py_ssize_t = -1
    slot: cython.Py_ssize_t
    i: cython.Py_ssize_t
    beyond: cython.longlong
    count: cython.int = 1
    while s >= 0:
        beyond = distance(
            sequence, cython.cast(cython.ulonglong, t.holds[s * tables.HOLD + tables.S_SEQUENCE])
        )
        if beyond >= 0:
            if beyond + length <= t.holds[s * tables.HOLD + tables.S_LENGTH]:
                return 0
            before = s
        count += 1
        s = cython.cast(cython.Py_ssize_t, t.holds[s * tables.HOLD + tables.S_NEXT]) - 1
    slot = cython.cast(cython.Py_ssize_t, t.state[tables.HOLD_TAIL] & (tables.HOLDS - 1))
    t.state[tables.HOLD_TAIL] += 1
    i = slot * tables.HOLD
    if before < 0:
        t.holds[i + tables.S_NEXT] = first + 1
        _set_first_held(t, o, from_b, slot)
    else:
        t.holds[i + tables.S_NEXT] = t.holds[before * tables.HOLD + tables.S_NEXT]
        t.holds[before * tables.HOLD + tables.S_NEXT] = slot + 1
    t.holds[i + tables.S_WHOSE] = (c << 1) | from_b
    t.holds[i + tables.S_SINCE] = t.state[tables.NEWEST]
    t.holds[i + tables.S_TIME] = ts
    t.holds[i + tables.S_ROW] = row
    t.holds[i + tables.S_SEQUENCE] = cython.cast(cython.longlong, sequence)
    t.holds[i + tables.S_LENGTH] = length
    t.holds[i + tables.S_CAPTURED] = n
    copy_bytes(t.held, slot * tables.HOLD_BYTES, b, p, n)
    return count


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def pass_on(
    t: Views, c: cython.Py_ssize_t, from_b: cython.int, at_least: cython.Py_ssize_t, before: cython.longlong
) -> cython.int:
    """Passes held segments of a direction on, in order of sequence, with what is missing before them.

    The first `at_least`, those below the sequence number `before` (-1 = none), and all that
    follow without a hole.  Each counts where and when it came.
    """
    o: cython.Py_ssize_t = c * tables.CONNECTION
    h: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, t.connections[o + tables.C_CHANNEL] & tables.MASK32)
    client_is_a: cython.int = 1 if t.connections[o + tables.C_CHANNEL] & tables.CLIENT_IS_A else 0
    down: cython.Py_ssize_t = 1 if from_b == client_is_a else 0
    s: cython.Py_ssize_t = _first_held(t, o, from_b)
    i: cython.Py_ssize_t
    sequence: cython.ulonglong
    while s >= 0:
        i = s * tables.HOLD
        sequence = cython.cast(cython.ulonglong, t.holds[i + tables.S_SEQUENCE])
        if (
            at_least <= 0
            and (before < 0 or distance(sequence, cython.cast(cython.ulonglong, before)) >= 0)
            and bytes_ahead(t, o, from_b, sequence) > 0
        ):
            break
        at_least -= 1
        _set_first_held(t, o, from_b, cython.cast(cython.Py_ssize_t, t.holds[i + tables.S_NEXT]) - 1)
        t.holds[i + tables.S_WHOSE] = -1
        place(
            t,
            c,
            h,
            cython.cast(cython.Py_ssize_t, t.holds[i + tables.S_ROW]),
            t.holds[i + tables.S_TIME],
            from_b,
            down,
            sequence,
            t.holds[i + tables.S_LENGTH],
            t.held,
            s * tables.HOLD_BYTES,
            cython.cast(cython.Py_ssize_t, t.holds[i + tables.S_CAPTURED]),
        )
        s = _first_held(t, o, from_b)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def reorder(
    t: Views,
    c: cython.Py_ssize_t,
    h: cython.Py_ssize_t,
    row: cython.Py_ssize_t,
    ts: cython.longlong,
    from_b: cython.int,
    down: cython.Py_ssize_t,
    ahead: cython.longlong,
    sequence: cython.ulonglong,
    length: cython.longlong,
    b: cython.uchar[::1],
    p: cython.Py_ssize_t,
    n: cython.Py_ssize_t,
) -> cython.int:
    """A segment that came too early, or where others wait: it is held, or fills their hole.

    Bounds: a segment waits while it begins at most HOLD_AHEAD beyond the next expected byte,
    has at most HOLD_BYTES captured, with at most HELD_EACH others of its direction and HOLDS
    of all, for HOLD_NS of data time.  Then what it waited for is lost: what comes of it later
    counts as retransmitted.
    """
    o: cython.Py_ssize_t = c * tables.CONNECTION
    count: cython.int
    fits: cython.int = (
        n <= tables.HOLD_BYTES and t.state[tables.HOLD_TAIL] - t.state[tables.HOLD_HEAD] < tables.HOLDS
    )
    if ahead > 0 and ahead <= tables.HOLD_AHEAD and fits:
        count = _hold(t, c, row, ts, from_b, sequence, length, b, p, n)
        if count == 0:
            t.rows[row * tables.ROW + (tables.R_DOWN if down else tables.R_UP) + layout.RETRANSMITTED] += 1
        if count <= tables.HELD_EACH:
            return 0
        return pass_on(t, c, from_b, 1, -1)
    if ahead > tables.HOLD_AHEAD or ahead <= -tables.STALE:  # the stream goes on elsewhere
        pass_on(t, c, from_b, tables.HOLDS, -1)
    elif ahead > 0:
        pass_on(t, c, from_b, 0, cython.cast(cython.longlong, sequence))
    place(t, c, h, row, ts, from_b, down, sequence, length, b, p, n)
    if _first_held(t, o, from_b) < 0:
        return 0
    return pass_on(t, c, from_b, 0, -1)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def wait_no_longer(t: Views) -> cython.int:
    """Lets the oldest held segments go whose time is over; 0 where events or payload must be taken first."""
    s: cython.Py_ssize_t
    whose: cython.longlong
    undecided: cython.longlong = t.state[tables.N_PIECES] - t.state[tables.N_WAITING]
    while t.state[tables.HOLD_HEAD] != t.state[tables.HOLD_TAIL]:
        s = cython.cast(cython.Py_ssize_t, t.state[tables.HOLD_HEAD] & (tables.HOLDS - 1)) * tables.HOLD
        whose = t.holds[s + tables.S_WHOSE]
        if whose >= 0:
            if t.state[tables.NEWEST] - t.holds[s + tables.S_SINCE] < tables.HOLD_NS:
                break
            if undecided > 0 or not has_room(t):
                return 0
            pass_on(
                t,
                cython.cast(cython.Py_ssize_t, whose >> 1),
                cython.cast(cython.int, whose & 1),
                0,
                (t.holds[s + tables.S_SEQUENCE] + 1) & tables.MASK32,
            )
        t.state[tables.HOLD_HEAD] += 1
    return 1
