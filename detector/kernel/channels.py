# cython: language_level=3, wraparound=False, cdivision=True, initializedcheck=False
"""From packet descriptors to rows: the tables of connections, channels and open rows.

Owns who talks to whom: finds each packet's connection, its channel and the channel's row
of the packet's window, counts the packet there, puts TCP in order (`_reorder` states the
bounds), follows TLS record headers, cuts payload into messages (`layout`) for `summaries`
to add, and copies the payload of connections in which the keyword scan found a miner's word.

One module, though long: a packet passes through all of it, and C inlines within a module
only.  What is not on a packet's way is in `slots`.

`update` never grows anything: where room runs out, a roles question comes up or the idle
should be forgotten, it stops before the packet and says why in `state[STATUS]`; `meter`
acts and calls again.  So results do not depend on how the bytes were cut.

Who is the client is said by a SYN; else by a dissector, later; else by a service's port;
else by who spoke first (`records.Basis`).

Sources: RFC 9293 (TCP; keepalives 3.8.4), RFC 6298 2.1, RFC 8446 5.1 and RFC 5246 6.2.1 (TLS records).
"""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import layout, memory, tables
    from cython.cimports.detector.kernel.slots import hash_ends, insert
else:
    from detector.kernel import layout, tables
    from detector.kernel.slots import hash_ends, insert


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-2, check=False)
def _find_connection(
    batch: cython.ulonglong[::1],
    k: cython.Py_ssize_t,
    table: cython.ulonglong[::1],
    connections: cython.ulonglong[::1],
) -> cython.Py_ssize_t:
    """Slot of descriptor word k's connection, or -1."""
    mask: cython.Py_ssize_t = table.shape[0] - 1
    h: cython.ulonglong = batch[k + tables.HASH]
    i: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, h) & mask
    v: cython.ulonglong = table[i]
    c: cython.Py_ssize_t
    o: cython.Py_ssize_t
    while v != 0:
        if v >> 32 == h:
            c = cython.cast(cython.Py_ssize_t, v & tables.MASK32) - 1
            o = c * tables.CONNECTION
            if (
                connections[o + 1] == batch[k + 1]
                and connections[o + 3] == batch[k + 3]
                and connections[o + 4] == batch[k + 4]
                and connections[o] == batch[k]
                and connections[o + 2] == batch[k + 2]
            ):
                return c
        i = (i + 1) & mask
        v = table[i]
    return -1


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _idle(last: cython.ulonglong, now: cython.longlong, state: cython.longlong[::1]) -> cython.int:
    """Whether what was last heard of then is forgotten now, swept yet or not: no result hangs on sweeps.

    (But for packets that are late by more than IDLE, which find what no sweep has taken.)
    """
    return cython.cast(cython.longlong, last) < now - state[tables.IDLE]


@cython.cfunc
@cython.nogil
@cython.exceptval(-2, check=False)
def _channel(
    client_high: cython.ulonglong,
    client_low: cython.ulonglong,
    server_high: cython.ulonglong,
    server_low: cython.ulonglong,
    key: cython.ulonglong,
    seed: cython.ulonglong,
    state: cython.longlong[::1],
    table: cython.ulonglong[::1],
    channels: cython.ulonglong[::1],
) -> cython.Py_ssize_t:
    """Slot of a channel, made where there is none; `key` is the server's port << 32 | protocol."""
    mask: cython.Py_ssize_t = table.shape[0] - 1
    h: cython.ulonglong = hash_ends(client_high, client_low, server_high, server_low, key, seed)
    i: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, h) & mask
    v: cython.ulonglong = table[i]
    c: cython.Py_ssize_t
    o: cython.Py_ssize_t
    while v != 0:
        if v >> 32 == h:
            c = cython.cast(cython.Py_ssize_t, v & tables.MASK32) - 1
            o = c * tables.CHANNEL
            if (
                channels[o + 1] == client_low
                and channels[o + 3] == server_low
                and channels[o + 4] == key
                and channels[o] == client_high
                and channels[o + 2] == server_high
            ):
                if channels[o + tables.H_CONNECTIONS] == 0 and _idle(
                    channels[o + tables.H_LAST], state[tables.NEWEST], state
                ):
                    channels[o + tables.H_BASIS] = 0  # as one that the sweep has forgotten
                return c
        i = (i + 1) & mask
        v = table[i]
    c = cython.cast(cython.Py_ssize_t, state[tables.CHANNEL_FREE])
    if c >= 0:
        o = c * tables.CHANNEL
        state[tables.CHANNEL_FREE] = cython.cast(cython.longlong, channels[o + tables.H_NEXT]) - 1
    else:
        c = cython.cast(cython.Py_ssize_t, state[tables.CHANNEL_HIGH])
        o = c * tables.CHANNEL
        state[tables.CHANNEL_HIGH] = c + 1
    state[tables.CHANNEL_LIVE] += 1
    channels[o] = client_high
    channels[o + 1] = client_low
    channels[o + 2] = server_high
    channels[o + 3] = server_low
    channels[o + tables.H_KEY] = key
    channels[o + tables.H_BASIS] = 0
    channels[o + tables.H_ROW] = 0
    channels[o + tables.H_OPEN] = 0
    channels[o + tables.H_CONNECTIONS] = 0
    channels[o + tables.H_LAST] = 0
    channels[o + tables.H_NEXT] = 0
    insert(table, h, c)
    return c


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _roles(
    flags: cython.ulonglong,
    from_b: cython.ulonglong,
    key: cython.ulonglong,
    services: cython.uchar[::1],
) -> cython.int:
    """Who is the client, by a connection's first packet: records.Basis << 1 | client is a."""
    pa: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, key >> 48)
    pb: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, (key >> 32) & 0xFFFF)
    sender_is_a: cython.int = 0 if from_b else 1
    if (key & 0xFF) == 6 and flags & 2:
        return 6 | ((1 - sender_is_a) if flags & 16 else sender_is_a)
    if (pa < 1024) != (pb < 1024):
        return 2 | (1 if pb < 1024 else 0)
    if services[pb] and not services[pa] and pa >= 32768:
        return 3
    if services[pa] and not services[pb] and pb >= 32768:
        return 2
    return sender_is_a


@cython.cfunc
@cython.nogil
@cython.exceptval(-2, check=False)
def _join(
    batch: cython.ulonglong[::1],
    k: cython.Py_ssize_t,
    seed: cython.ulonglong,
    state: cython.longlong[::1],
    connections: cython.ulonglong[::1],
    connection_table: cython.ulonglong[::1],
    channels: cython.ulonglong[::1],
    channel_table: cython.ulonglong[::1],
    services: cython.uchar[::1],
) -> cython.Py_ssize_t:
    """A new connection for descriptor word k, in its channel; its slot."""
    c: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, state[tables.CONNECTION_FREE])
    o: cython.Py_ssize_t
    i: cython.Py_ssize_t
    h: cython.Py_ssize_t
    key: cython.ulonglong = batch[k + tables.KEY]
    if c >= 0:
        o = c * tables.CONNECTION
        state[tables.CONNECTION_FREE] = cython.cast(cython.longlong, connections[o + tables.C_CHANNEL]) - 1
    else:
        c = cython.cast(cython.Py_ssize_t, state[tables.CONNECTION_HIGH])
        o = c * tables.CONNECTION
        state[tables.CONNECTION_HIGH] = c + 1
    state[tables.CONNECTION_LIVE] += 1
    for i in range(5):
        connections[o + i] = batch[k + i]
    for i in range(5, tables.CONNECTION):
        connections[o + i] = 0
    role: cython.int = _roles(
        batch[k + tables.BITS] & 0xFF, batch[k + tables.BITS] & tables.FROM_B, key, services
    )
    if role & 1:
        h = _channel(
            batch[k], batch[k + 1], batch[k + 2], batch[k + 3],
            (((key >> 32) & 0xFFFF) << 32) | (key & 0xFF), seed, state, channel_table, channels,
        )  # fmt: skip
        connections[o + tables.C_CHANNEL] = cython.cast(cython.ulonglong, h) | tables.CLIENT_IS_A
    else:
        h = _channel(
            batch[k + 2], batch[k + 3], batch[k], batch[k + 1],
            ((key >> 48) << 32) | (key & 0xFF), seed, state, channel_table, channels,
        )  # fmt: skip
        connections[o + tables.C_CHANNEL] = cython.cast(cython.ulonglong, h)
    h *= tables.CHANNEL
    channels[h + tables.H_CONNECTIONS] += 1
    if channels[h + tables.H_BASIS] < cython.cast(cython.ulonglong, role >> 1):
        channels[h + tables.H_BASIS] = role >> 1
    insert(connection_table, batch[k + tables.HASH], c)
    return c


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-2, check=False)
def _row(
    channel: cython.Py_ssize_t,
    ts: cython.longlong,
    state: cython.longlong[::1],
    channels: cython.ulonglong[::1],
    rows: cython.longlong[::1],
) -> cython.Py_ssize_t:
    """The open row of a channel for the window that holds ts, opened where there is none.

    A channel's rows hang in a chain, the newest window first.  Beyond the first few a
    second row of the same window may be opened; they are merged when they leave.
    """
    head: cython.Py_ssize_t = cython.cast(
        cython.Py_ssize_t, channels[channel * tables.CHANNEL + tables.H_ROW]
    )
    window: cython.longlong
    r: cython.Py_ssize_t = head
    _i: cython.int
    i: cython.Py_ssize_t
    if head != 0:
        window = rows[(head - 1) * tables.ROW + tables.R_WINDOW]
        if window <= ts and ts - window < state[tables.WINDOW]:
            return head - 1
    window = ts - ts % state[tables.WINDOW]
    for _i in range(tables.CHAIN):
        if r == 0:
            break
        if rows[(r - 1) * tables.ROW + tables.R_WINDOW] == window:
            return r - 1
        r = cython.cast(cython.Py_ssize_t, rows[(r - 1) * tables.ROW + tables.R_NEXT])
    r = cython.cast(cython.Py_ssize_t, state[tables.ROW_FREE])
    if r >= 0:
        state[tables.ROW_FREE] = rows[r * tables.ROW + tables.R_NEXT] - 1
    else:
        r = cython.cast(cython.Py_ssize_t, state[tables.ROW_HIGH])
        state[tables.ROW_HIGH] = r + 1
    state[tables.ROW_LIVE] += 1
    for i in range(r * tables.ROW, r * tables.ROW + tables.R_EVENTS):
        rows[i] = 0
    rows[r * tables.ROW + tables.R_WINDOW] = window
    rows[r * tables.ROW + tables.R_CHANNEL] = channel
    if head != 0 and rows[(head - 1) * tables.ROW + tables.R_WINDOW] > window:
        rows[r * tables.ROW + tables.R_NEXT] = rows[(head - 1) * tables.ROW + tables.R_NEXT]
        rows[(head - 1) * tables.ROW + tables.R_NEXT] = r + 1
    else:
        rows[r * tables.ROW + tables.R_NEXT] = head
        channels[channel * tables.CHANNEL + tables.H_ROW] = r + 1
    return r


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _emit(
    row: cython.Py_ssize_t,
    ts: cython.longlong,
    down: cython.longlong,
    length: cython.longlong,
    state: cython.longlong[::1],
    events: cython.longlong[::1],
) -> cython.int:
    e: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, state[tables.N_EVENTS]) * tables.EVENT
    if length >= tables.HALF32:
        length = tables.HALF32 - 1
    events[e] = row
    events[e + 1] = ts
    events[e + 2] = (down << 32) | length
    state[tables.N_EVENTS] += 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _opening(
    c: cython.Py_ssize_t,
    row: cython.Py_ssize_t,
    from_b: cython.int,
    down: cython.Py_ssize_t,
    length: cython.longlong,
    connections: cython.ulonglong[::1],
    rows: cython.longlong[::1],
) -> cython.int:
    """Keeps the length where the row keeps this connection's opening."""
    o: cython.Py_ssize_t = c * tables.CONNECTION + tables.C_COUNTS
    shift: cython.int = 52 if from_b else 48
    filled: cython.longlong
    one: cython.ulonglong = 1
    if rows[row * tables.ROW + tables.R_OPENER] != c + 1:
        return 0
    filled = cython.cast(cython.longlong, (connections[o] >> shift) & 15)
    if filled < layout.OPENINGS:
        rows[row * tables.ROW + tables.R_OPENING + down * layout.OPENINGS + filled] = length
        connections[o] += one << shift
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _close(
    c: cython.Py_ssize_t,
    state: cython.longlong[::1],
    connections: cython.ulonglong[::1],
    channels: cython.ulonglong[::1],
    rows: cython.longlong[::1],
    events: cython.longlong[::1],
) -> cython.int:
    """Ends a connection's open message: an event, and out of the channel's list."""
    o: cython.Py_ssize_t = c * tables.CONNECTION
    h: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, connections[o + tables.C_CHANNEL] & tables.MASK32)
    ts: cython.longlong = cython.cast(cython.longlong, connections[o + tables.C_START])
    length: cython.longlong = cython.cast(
        cython.longlong, (connections[o + tables.C_LENGTH] & tables.MASK40) >> 1
    )
    from_b: cython.int = cython.cast(cython.int, connections[o + tables.C_LENGTH] & 1)
    client_is_a: cython.int = 1 if connections[o + tables.C_CHANNEL] & tables.CLIENT_IS_A else 0
    down: cython.Py_ssize_t = 1 if from_b == client_is_a else 0
    previous: cython.ulonglong = connections[o + tables.C_LINKS] & tables.MASK32
    following: cython.ulonglong = connections[o + tables.C_LINKS] >> 32
    row: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, connections[o + tables.C_LENGTH] >> 40)
    p: cython.Py_ssize_t
    _emit(row, ts, down, length, state, events)
    _opening(c, row, from_b, down, length, connections, rows)
    connections[o + tables.C_START] = 0
    connections[o + tables.C_LINKS] = 0
    h = h * tables.CHANNEL + tables.H_OPEN
    if previous != 0:
        p = cython.cast(cython.Py_ssize_t, previous - 1) * tables.CONNECTION + tables.C_LINKS
        connections[p] = (connections[p] & tables.MASK32) | (following << 32)
    else:
        channels[h] = (channels[h] & ~tables.MASK32) | following
    if following != 0:
        p = cython.cast(cython.Py_ssize_t, following - 1) * tables.CONNECTION + tables.C_LINKS
        connections[p] = (connections[p] & ~tables.MASK32) | previous
    else:
        channels[h] = (channels[h] & tables.MASK32) | (previous << 32)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _open(
    c: cython.Py_ssize_t,
    row: cython.Py_ssize_t,
    ts: cython.longlong,
    length: cython.longlong,
    from_b: cython.int,
    connections: cython.ulonglong[::1],
    channels: cython.ulonglong[::1],
) -> cython.int:
    """Starts a message, at the end of the channel's list of open ones."""
    o: cython.Py_ssize_t = c * tables.CONNECTION
    h: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, connections[o + tables.C_CHANNEL] & tables.MASK32)
    last: cython.ulonglong
    slot: cython.ulonglong = c + 1
    p: cython.Py_ssize_t
    connections[o + tables.C_START] = ts
    connections[o + tables.C_END] = ts
    connections[o + tables.C_LENGTH] = (
        (cython.cast(cython.ulonglong, row) << 40) | (cython.cast(cython.ulonglong, length) << 1) | from_b
    )
    h = h * tables.CHANNEL + tables.H_OPEN
    last = channels[h] >> 32
    connections[o + tables.C_LINKS] = last
    if last != 0:
        p = cython.cast(cython.Py_ssize_t, last - 1) * tables.CONNECTION + tables.C_LINKS
        connections[p] = (connections[p] & tables.MASK32) | (slot << 32)
        channels[h] = (channels[h] & tables.MASK32) | (slot << 32)
    else:
        channels[h] = slot | (slot << 32)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _expire(
    h: cython.Py_ssize_t,
    ts: cython.longlong,
    state: cython.longlong[::1],
    connections: cython.ulonglong[::1],
    channels: cython.ulonglong[::1],
    rows: cython.longlong[::1],
    events: cython.longlong[::1],
) -> cython.int:
    """Closes the channel's oldest messages to which nothing can be added any more."""
    c: cython.ulonglong = channels[h * tables.CHANNEL + tables.H_OPEN] & tables.MASK32
    o: cython.Py_ssize_t
    following: cython.ulonglong
    _i: cython.int
    for _i in range(tables.EXPIRE):
        if c == 0:
            break
        o = cython.cast(cython.Py_ssize_t, c - 1) * tables.CONNECTION
        following = connections[o + tables.C_LINKS] >> 32
        if ts - cython.cast(cython.longlong, connections[o + tables.C_END]) >= layout.COALESCE_NS:
            _close(cython.cast(cython.Py_ssize_t, c - 1), state, connections, channels, rows, events)
        c = following
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _segment(
    c: cython.Py_ssize_t,
    row: cython.Py_ssize_t,
    ts: cython.longlong,
    length: cython.longlong,
    from_b: cython.int,
    state: cython.longlong[::1],
    connections: cython.ulonglong[::1],
    channels: cython.ulonglong[::1],
    rows: cython.longlong[::1],
    events: cython.longlong[::1],
) -> cython.int:
    """New payload without readable framing: extends the open message or starts one."""
    o: cython.Py_ssize_t = c * tables.CONNECTION
    start: cython.longlong = cython.cast(cython.longlong, connections[o + tables.C_START])
    end: cython.longlong = cython.cast(cython.longlong, connections[o + tables.C_END])
    opened: cython.Py_ssize_t  # the row of the open message
    if start != 0:
        opened = cython.cast(cython.Py_ssize_t, connections[o + tables.C_LENGTH] >> 40) * tables.ROW
        if (
            cython.cast(cython.int, connections[o + tables.C_LENGTH] & 1) == from_b
            and ts - end < layout.COALESCE_NS
            and rows[opened + tables.R_WINDOW] == rows[row * tables.ROW + tables.R_WINDOW]
            and (connections[o + tables.C_LENGTH] & tables.MASK40) >> 32 == 0  # 2 GiB end a message, too
        ):
            connections[o + tables.C_LENGTH] += cython.cast(cython.ulonglong, length) << 1
            if ts > end:
                connections[o + tables.C_END] = ts
            return 0
        _close(c, state, connections, channels, rows, events)
    return _open(c, row, ts, length, from_b, connections, channels)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _records(
    c: cython.Py_ssize_t,
    row: cython.Py_ssize_t,
    ts: cython.longlong,
    from_b: cython.int,
    down: cython.Py_ssize_t,
    missing: cython.longlong,
    length: cython.longlong,
    b: cython.uchar[::1],
    p: cython.Py_ssize_t,
    n: cython.Py_ssize_t,
    state: cython.longlong[::1],
    connections: cython.ulonglong[::1],
    rows: cython.longlong[::1],
    events: cython.longlong[::1],
) -> cython.longlong:
    """Follows TLS records through new payload; returns the bytes that are not TLS.

    `missing` bytes were lost before it; of its `length` bytes n were captured, at b[p].
    """
    w: cython.Py_ssize_t = c * tables.CONNECTION + tables.C_TLS + from_b
    tls: cython.ulonglong = connections[w]
    left: cython.longlong = cython.cast(cython.longlong, tls & 0xFFFF)
    held: cython.ulonglong = (tls >> 16) & tables.MASK32
    count: cython.int = cython.cast(cython.int, (tls >> 48) & 7)
    early: cython.int = count  # header bytes that came in earlier segments
    stop: cython.Py_ssize_t = p + n
    take: cython.longlong
    kind: cython.longlong
    size: cython.longlong
    done: cython.longlong = 0  # bytes of whole records and of the one being read
    if missing > 0:
        if missing > left:
            connections[w] = tables.TLS_OFF
            return length + early
        left -= missing
    while p < stop:
        if left > 0:
            take = stop - p
            if take > left:
                take = left
            left -= take
            p += cython.cast(cython.Py_ssize_t, take)
            done += take
            continue
        if count < 4:
            held = ((held << 8) | b[p]) & tables.MASK32
            count += 1
            p += 1
            continue
        # `held` has type, version and the upper byte of the length; b[p] is the lower one
        kind = cython.cast(cython.longlong, held >> 24)
        size = cython.cast(cython.longlong, (held & 0xFF) << 8) | b[p]
        p += 1
        count = 0
        if (
            kind < 20
            or kind > 23
            or ((held >> 16) & 0xFF) != 3
            or ((held >> 8) & 0xFF) > 4
            or size > tables.LONGEST_RECORD
        ):
            connections[w] = tables.TLS_OFF
            return length - done + (early if done == 0 else 0)
        connections[w] = tables.TLS_ON
        done += 5
        left = size
        if size > 0:
            if kind == 23:
                _emit(row, ts, down, size, state, events)
                rows[row * tables.ROW + tables.R_TLS_RECORDS] += 1
            _opening(c, row, from_b, down, size, connections, rows)
    if length > n:  # cut by the snap length
        missing = length - n
        if missing > left:
            connections[w] = tables.TLS_OFF
            return missing - left + (early if done == 0 else 0)
        left -= missing
    if connections[w] & tables.TLS_STATE == tables.TLS_UNKNOWN and count > 0:
        kind = cython.cast(cython.longlong, held >> (8 * (count - 1)))
        size = cython.cast(cython.longlong, held >> (8 * (count - 2))) & 0xFF if count > 1 else 3
        if kind < 20 or kind > 23 or size != 3:
            connections[w] = tables.TLS_OFF
            return length + early
    connections[w] = (
        (connections[w] & tables.TLS_STATE)
        | cython.cast(cython.ulonglong, left)
        | (held << 16)
        | (cython.cast(cython.ulonglong, count) << 48)
    )
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _has_keyword(
    b: cython.uchar[::1],
    p: cython.Py_ssize_t,
    n: cython.Py_ssize_t,
    shifts: cython.uchar[::1],
    words: cython.uchar[::1],
    starts: cython.longlong[::1],
) -> cython.int:
    """Whether one of the words, of four bytes at least, is in b[p : p + n].

    `shifts` says by the last two of four bytes how far on a word can begin at the earliest
    (Wu and Manber 1994, with blocks of two), so that most bytes are never looked at.
    """
    i: cython.Py_ssize_t = p
    j: cython.Py_ssize_t
    k: cython.Py_ssize_t
    s: cython.Py_ssize_t
    length: cython.Py_ssize_t
    end: cython.Py_ssize_t = p + n
    while i < end - 3:
        s = shifts[(b[i + 2] | (b[i + 3] << 4)) & tables.SHIFT_MASK] & tables.SHIFT
        if s > 0:
            i += s
            continue
        if not shifts[(b[i] | (b[i + 1] << 4)) & tables.SHIFT_MASK] & tables.BEGINS:
            i += 1
            continue
        for k in range(starts.shape[0] - 1):
            s = cython.cast(cython.Py_ssize_t, starts[k])
            length = cython.cast(cython.Py_ssize_t, starts[k + 1]) - s
            if length <= end - i:
                j = 0
                while j < length and b[i + j] == words[s + j]:
                    j += 1
                if j == length:
                    return 1
        i += 1
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _names(
    c: cython.Py_ssize_t,
    row: cython.Py_ssize_t,
    from_b: cython.int,
    down: cython.Py_ssize_t,
    framing: cython.ulonglong,
    records: cython.longlong,
    b: cython.uchar[::1],
    p: cython.Py_ssize_t,
    n: cython.Py_ssize_t,
    connections: cython.ulonglong[::1],
    rows: cython.longlong[::1],
) -> cython.int:
    """Whether a TCP segment carries names: the clear part of a TLS handshake, an HTTP request, a DNS answer.

    `framing` is the TLS word, `records` the row's count, as both were before the segment.  Read is
    one connection a row: the one whose opening lengths it keeps, or any where no SYN was seen.
    A client has told all with its first message, a server with its last record of a handshake.
    A request is read once a row has gone on for a while: short ones, most, are nobody's miner.
    """
    o: cython.Py_ssize_t = c * tables.CONNECTION
    w: cython.Py_ssize_t = row * tables.ROW
    after: cython.ulonglong = connections[o + tables.C_TLS + from_b]
    told: cython.ulonglong = tables.TOLD << from_b
    if connections[o + tables.C_COUNTS] & told or n == 0:
        return 0
    clear: cython.int = after & tables.TLS_STATE == tables.TLS_OFF
    if clear:
        return _port(connections[o + tables.C_KEY], from_b) == tables.DNS or (
            not down and n > 6 and _begins_request(b[p], b[p + 1])
            and rows[w + tables.R_UP + layout.PACKETS] > tables.REQUESTS
            and rows[w + tables.R_UP + layout.PACKETS] <= 2 * tables.REQUESTS
        )  # fmt: skip
    if rows[w + tables.R_OPENER] != c + 1 and rows[w + tables.R_OPENING_NS] != 0:
        connections[o + tables.C_COUNTS] |= told
        return 0
    if framing & tables.TLS_INSIDE == 0 and b[p] != 22:  # RFC 8446 5.1: handshake
        connections[o + tables.C_COUNTS] |= told
        return 0
    if rows[w + tables.R_TLS_RECORDS] != records or (not down and after & tables.TLS_INSIDE == 0):
        connections[o + tables.C_COUNTS] |= told
    return 1


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _begins_request(first: cython.uchar, second: cython.uchar) -> cython.int:
    """GE(T), HE(AD) or PO(ST)."""
    return (second == 69 and (first == 71 or first == 72)) or (first == 80 and second == 79)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _port(key: cython.ulonglong, from_b: cython.int) -> cython.ulonglong:
    """The sender's port."""
    return (key >> 32) & 0xFFFF if from_b else key >> 48


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _datagram_names(
    key: cython.ulonglong,
    row: cython.Py_ssize_t,
    from_b: cython.int,
    down: cython.Py_ssize_t,
    b: cython.uchar[::1],
    p: cython.Py_ssize_t,
    n: cython.Py_ssize_t,
    rows: cython.longlong[::1],
) -> cython.Py_ssize_t:
    """How much of a datagram is to be read: all of a DNS answer (RFC 1035 4.1.1: port, QR), QUIC's
    version (RFC 8999 5.1: long header) of the row's first one."""
    side: cython.Py_ssize_t = tables.R_DOWN if down else tables.R_UP
    earlier: cython.longlong = rows[row * tables.ROW + side + layout.PACKETS] - 1
    if n > 12 and b[p + 2] & 128 and _port(key, from_b) == tables.DNS:
        return n if earlier < tables.DNS_ANSWERS else 0
    if not down and earlier == 0 and n >= tables.QUIC_BYTES and b[p] & 192 == 192:
        return tables.QUIC_BYTES if b[p + 1] in (0, 107, 255) and b[p + 4] != 0 else 0  # of the versions
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _copy(
    c: cython.Py_ssize_t,
    ts: cython.longlong,
    from_b: cython.int,
    length: cython.longlong,
    b: cython.uchar[::1],
    p: cython.Py_ssize_t,
    n: cython.Py_ssize_t,
    state: cython.longlong[::1],
    connections: cython.ulonglong[::1],
    pieces: cython.longlong[::1],
    copied: cython.uchar[::1],
    opening: cython.longlong,
) -> cython.int:
    """Hands new payload out, within the quota of the connection, direction and window.

    `opening`: it carries names, and no word flagged it; nobody decides anything on it, so that it may wait.
    """
    o: cython.Py_ssize_t = c * tables.CONNECTION
    number: cython.ulonglong = cython.cast(cython.ulonglong, ts // state[tables.WINDOW]) & 0xFFFF
    quota: cython.ulonglong = connections[o + tables.C_QUOTA]
    shift: cython.int = 24 if from_b else 0
    loss: cython.ulonglong = tables.LOSS << from_b
    used: cython.longlong
    at: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, state[tables.PIECE_FILL])
    k: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, state[tables.N_PIECES]) * tables.PIECE
    i: cython.Py_ssize_t
    if quota >> 48 != number:
        quota = number << 48
    used = cython.cast(cython.longlong, (quota >> shift) & 0xFFFFFF)
    if n > state[tables.PAYLOAD_LIMIT] - used:
        n = cython.cast(cython.Py_ssize_t, state[tables.PAYLOAD_LIMIT] - used)
    if n > tables.PIECE_LIMIT:
        n = cython.cast(cython.Py_ssize_t, tables.PIECE_LIMIT)
    if n > 0:
        for i in range(n):
            copied[at + i] = b[p + i]
        pieces[k] = c
        pieces[k + 1] = ts
        pieces[k + 2] = (cython.cast(cython.longlong, at) << 32) | n
        pieces[k + 3] = (
            (0 if from_b else 1) | (2 if connections[o + tables.C_CHANNEL] & loss else 0) | (opening << 2)
        )
        state[tables.N_PIECES] += 1
        state[tables.N_OPENINGS] += opening
        state[tables.PIECE_FILL] += n
        connections[o + tables.C_CHANNEL] &= ~loss
        quota += cython.cast(cython.ulonglong, n) << shift
    if n < length:
        connections[o + tables.C_CHANNEL] |= loss
    connections[o + tables.C_QUOTA] = quota
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _touch(
    batch: cython.ulonglong[::1],
    start: cython.Py_ssize_t,
    n: cython.Py_ssize_t,
    seed: cython.ulonglong,
    state: cython.longlong[::1],
    connections: cython.ulonglong[::1],
    connection_table: cython.ulonglong[::1],
    channels: cython.ulonglong[::1],
    rows: cython.longlong[::1],
) -> cython.int:
    """Hashes, and has loaded what the update will need: a miss costs more than all the rest of a packet.

    A pass for each step, since a row is found through a channel and a channel through a
    connection; while one packet's memory is on its way, the others ask for theirs.
    """
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t
    h: cython.Py_ssize_t
    v: cython.ulonglong
    mask: cython.Py_ssize_t = connection_table.shape[0] - 1
    parts: cython.ulonglong = state[tables.PARTS]
    part: cython.ulonglong = state[tables.PART]
    for i in range(start, n):
        k = i * tables.DESCRIPTOR
        batch[k + tables.TOUCHED] = 0
        if parts > 1 and hash_ends(batch[k], batch[k + 1], batch[k + 2], batch[k + 3], 0, 0) % parts != part:
            batch[k + tables.HASH] = tables.OTHER_PART
            continue
        v = hash_ends(batch[k], batch[k + 1], batch[k + 2], batch[k + 3], batch[k + tables.KEY], seed)
        batch[k + tables.HASH] = v
        if cython.compiled:
            memory.prefetch(cython.address(connection_table[cython.cast(cython.Py_ssize_t, v) & mask]))
    if cython.compiled:
        for i in range(start, n):
            k = i * tables.DESCRIPTOR
            if batch[k + tables.HASH] == tables.OTHER_PART:
                continue
            v = connection_table[cython.cast(cython.Py_ssize_t, batch[k + tables.HASH]) & mask]
            if v != 0:
                batch[k + tables.TOUCHED] = v & tables.MASK32  # slot + 1 of what is likely the connection
                h = (cython.cast(cython.Py_ssize_t, v & tables.MASK32) - 1) * tables.CONNECTION
                memory.prefetch(cython.address(connections[h]))
                memory.prefetch(cython.address(connections[h + tables.C_START]))
        for i in range(start, n):
            h = cython.cast(cython.Py_ssize_t, batch[i * tables.DESCRIPTOR + tables.TOUCHED]) - 1
            if h >= 0:
                h = cython.cast(
                    cython.Py_ssize_t, connections[h * tables.CONNECTION + tables.C_CHANNEL] & tables.MASK32
                )
                batch[i * tables.DESCRIPTOR + tables.TOUCHED] = cython.cast(cython.ulonglong, h + 1)
                memory.prefetch(cython.address(channels[h * tables.CHANNEL + tables.H_ROW]))
        for i in range(start, n):
            h = cython.cast(cython.Py_ssize_t, batch[i * tables.DESCRIPTOR + tables.TOUCHED]) - 1
            if h >= 0:
                h = cython.cast(cython.Py_ssize_t, channels[h * tables.CHANNEL + tables.H_ROW]) - 1
            if h >= 0:
                h *= tables.ROW
                memory.prefetch(cython.address(rows[h]))
                memory.prefetch(cython.address(rows[h + tables.R_UP]))
                memory.prefetch(cython.address(rows[h + tables.R_DOWN]))
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _room(
    state: cython.longlong[::1],
    events: cython.longlong[::1],
    pieces: cython.longlong[::1],
    copied: cython.uchar[::1],
) -> cython.int:
    """Whether what one packet, or the end of one wait, may bring has room."""
    return (
        (state[tables.N_EVENTS] + tables.ROOM_EVENTS) * tables.EVENT <= events.shape[0]
        and (state[tables.N_PIECES] + tables.ROOM_PIECES) * tables.PIECE <= pieces.shape[0]
        and state[tables.PIECE_FILL] + tables.ROOM_BYTES <= copied.shape[0]
    )


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _obstacle(
    connection: cython.Py_ssize_t,
    state: cython.longlong[::1],
    events: cython.longlong[::1],
    pieces: cython.longlong[::1],
    copied: cython.uchar[::1],
) -> cython.longlong:
    """Why the next packet cannot be taken now, or DONE.

    Payload is handed over before the next packet: what is decided on it holds from there on,
    however the bytes were cut.
    """
    if state[tables.N_PIECES] > state[tables.N_OPENINGS]:
        return tables.NEED_EVENTS
    if (
        state[tables.NEWEST] >= state[tables.SWEEP_AT]
        and 4 * state[tables.SWEEP_COUNT] >= state[tables.CONNECTION_HIGH]
    ):
        return tables.SWEEP
    if not _room(state, events, pieces, copied):
        return tables.NEED_EVENTS
    if state[tables.ROW_LIVE] >= state[tables.MAX_ROWS]:
        return tables.NEED_ROWS
    if connection < 0:
        if state[tables.CONNECTION_LIVE] >= state[tables.MAX_CONNECTIONS]:
            return tables.NEED_CONNECTIONS
        if state[tables.CHANNEL_LIVE] >= state[tables.MAX_CHANNELS]:
            return tables.NEED_CHANNELS
    return tables.DONE


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _begin(
    c: cython.Py_ssize_t,
    row: cython.Py_ssize_t,
    ts: cython.longlong,
    from_b: cython.int,
    sequence: cython.ulonglong,
    acknowledges: cython.int,
    connections: cython.ulonglong[::1],
    rows: cython.longlong[::1],
) -> cython.int:
    """A SYN: expects what follows it; the first of its kind opens the connection (again)."""
    o: cython.Py_ssize_t = c * tables.CONNECTION
    shift: cython.int = 32 if from_b else 0
    expected: cython.ulonglong = (sequence + 1) & tables.MASK32
    known: cython.ulonglong = (connections[o + tables.C_NEXT] >> shift) & tables.MASK32
    bits: cython.ulonglong = connections[o + tables.C_CHANNEL]
    if bits & (tables.SEEN << from_b) and known == expected and not bits & (tables.SPOKE << from_b):
        return 0  # the same SYN again
    if not acknowledges:
        if bits & (tables.SPOKE | (tables.SPOKE << 1)):  # the five-tuple is used again
            connections[o + tables.C_COUNTS] &= tables.MASK32
            bits &= ~(tables.SEEN | (tables.SEEN << 1))
            bits |= tables.LOSS | (tables.LOSS << 1)
        bits &= ~(tables.SPOKE | (tables.SPOKE << 1) | tables.WAS_RESET)
        connections[o + tables.C_TLS] = 0
        connections[o + tables.C_TLS + 1] = 0
        rows[row * tables.ROW + tables.R_CONNECTIONS] += 1
        if rows[row * tables.ROW + tables.R_OPENING_NS] == 0:
            rows[row * tables.ROW + tables.R_OPENING_NS] = ts
            rows[row * tables.ROW + tables.R_OPENER] = c + 1
        elif rows[row * tables.ROW + tables.R_OPENER] == c + 1:
            rows[row * tables.ROW + tables.R_OPENER] = 0
    connections[o + tables.C_CHANNEL] = bits | (tables.SEEN << from_b)
    connections[o + tables.C_NEXT] = (connections[o + tables.C_NEXT] & ~(tables.MASK32 << shift)) | (
        expected << shift
    )
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _payload(
    c: cython.Py_ssize_t,
    h: cython.Py_ssize_t,
    row: cython.Py_ssize_t,
    ts: cython.longlong,
    from_b: cython.int,
    down: cython.Py_ssize_t,
    missing: cython.longlong,
    length: cython.longlong,
    b: cython.uchar[::1],
    p: cython.Py_ssize_t,
    n: cython.Py_ssize_t,
    datagram: cython.int,
    state: cython.longlong[::1],
    connections: cython.ulonglong[::1],
    channels: cython.ulonglong[::1],
    rows: cython.longlong[::1],
    events: cython.longlong[::1],
    pieces: cython.longlong[::1],
    copied: cython.uchar[::1],
    shifts: cython.uchar[::1],
    words: cython.uchar[::1],
    starts: cython.longlong[::1],
) -> cython.int:
    """New payload of one packet: messages, keyword scan, copy for the dissectors."""
    o: cython.Py_ssize_t = c * tables.CONNECTION
    rest: cython.longlong = length
    shift: cython.int = 40 if from_b else 32
    one: cython.ulonglong = 1
    framing: cython.ulonglong = connections[o + tables.C_TLS + from_b]
    records: cython.longlong = rows[row * tables.ROW + tables.R_TLS_RECORDS]
    opening: cython.Py_ssize_t
    found: cython.int
    _expire(h, ts, state, connections, channels, rows, events)
    if datagram:
        _emit(row, ts, down, length, state, events)
        _opening(c, row, from_b, down, length, connections, rows)
    else:
        if framing & tables.TLS_STATE != tables.TLS_OFF:
            if connections[o + tables.C_START] != 0:  # the other side's, or ours before its framing showed
                _close(c, state, connections, channels, rows, events)
            rest = _records(
                c, row, ts, from_b, down, missing, length, b, p, n, state, connections, rows, events
            )
        if rest > 0:
            _segment(c, row, ts, rest, from_b, state, connections, channels, rows, events)
    connections[o + tables.C_CHANNEL] |= tables.SPOKE << from_b
    if missing > 0:
        connections[o + tables.C_CHANNEL] |= tables.LOSS << from_b
    if connections[o + tables.C_CHANNEL] & tables.IGNORED:
        return 0
    if not connections[o + tables.C_CHANNEL] & tables.FLAGGED:
        if datagram:
            opening = _datagram_names(connections[o + tables.C_KEY], row, from_b, down, b, p, n, rows)
            if opening > 0:
                return _copy(c, ts, from_b, length, b, p, opening, state, connections, pieces, copied, 1)
        if (connections[o + tables.C_COUNTS] >> shift) & 0xFF >= tables.SCAN_PACKETS:
            return 0
        connections[o + tables.C_COUNTS] += one << shift
        if connections[o + tables.C_TLS + from_b] & tables.TLS_STATE == tables.TLS_ON and not datagram:
            found = 0  # there are no words to read in there
        else:
            found = _has_keyword(
                b, p, n if n < tables.SCAN_BYTES else tables.SCAN_BYTES, shifts, words, starts
            )
        if not found:
            if datagram or not _names(c, row, from_b, down, framing, records, b, p, n, connections, rows):
                return 0
            return _copy(c, ts, from_b, length, b, p, n, state, connections, pieces, copied, 1)
        connections[o + tables.C_CHANNEL] |= tables.FLAGGED
    return _copy(c, ts, from_b, length, b, p, n, state, connections, pieces, copied, 0)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _distance(sequence: cython.ulonglong, other: cython.ulonglong) -> cython.longlong:
    """How far `sequence` is ahead of another number, modulo 2**32 (RFC 9293 3.4)."""
    ahead: cython.longlong = cython.cast(cython.longlong, sequence) - cython.cast(cython.longlong, other)
    if ahead >= tables.HALF32:
        ahead -= tables.WHOLE32
    elif ahead < -tables.HALF32:
        ahead += tables.WHOLE32
    return ahead


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-9, check=True)
def _ahead(
    o: cython.Py_ssize_t, from_b: cython.int, sequence: cython.ulonglong, connections: cython.ulonglong[::1]
) -> cython.longlong:
    """How far a segment lies beyond the next expected byte; 0 where none is expected yet."""
    if not connections[o + tables.C_CHANNEL] & (tables.SEEN << from_b):
        return 0
    return _distance(sequence, (connections[o + tables.C_NEXT] >> (32 if from_b else 0)) & tables.MASK32)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _place(
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
    state: cython.longlong[::1],
    connections: cython.ulonglong[::1],
    channels: cython.ulonglong[::1],
    rows: cython.longlong[::1],
    events: cython.longlong[::1],
    pieces: cython.longlong[::1],
    copied: cython.uchar[::1],
    shifts: cython.uchar[::1],
    words: cython.uchar[::1],
    starts: cython.longlong[::1],
) -> cython.int:
    """TCP payload at its place in the stream: without what is old, and with what is missing before it."""
    o: cython.Py_ssize_t = c * tables.CONNECTION
    shift: cython.int = 32 if from_b else 0
    ahead: cython.longlong = _ahead(o, from_b, sequence, connections)
    missing: cython.longlong = 0
    if ahead < 0 and ahead > -tables.STALE:  # some or all of it is old
        if length + ahead <= 0:
            rows[row * tables.ROW + (tables.R_DOWN if down else tables.R_UP) + layout.RETRANSMITTED] += 1
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
    connections[o + tables.C_CHANNEL] |= tables.SEEN << from_b
    connections[o + tables.C_NEXT] = (connections[o + tables.C_NEXT] & ~(tables.MASK32 << shift)) | (
        ((sequence + cython.cast(cython.ulonglong, length)) & tables.MASK32) << shift
    )
    return _payload(
        c, h, row, ts, from_b, down, missing, length, b, p, n, 0, state, connections, channels, rows,
        events, pieces, copied, shifts, words, starts,
    )  # fmt: skip


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-2, check=False)
def _first_held(
    o: cython.Py_ssize_t, from_b: cython.int, connections: cython.ulonglong[::1]
) -> cython.Py_ssize_t:
    """Slot of the first segment that a direction waits with, -1 = none."""
    shift: cython.int = tables.HELD + (tables.HELD_BITS if from_b else 0)
    return cython.cast(cython.Py_ssize_t, (connections[o + tables.C_CHANNEL] >> shift) & tables.HELD_MASK) - 1


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _set_first_held(
    o: cython.Py_ssize_t, from_b: cython.int, slot: cython.Py_ssize_t, connections: cython.ulonglong[::1]
) -> cython.int:
    shift: cython.int = tables.HELD + (tables.HELD_BITS if from_b else 0)
    mask: cython.ulonglong = tables.HELD_MASK
    connections[o + tables.C_CHANNEL] = (connections[o + tables.C_CHANNEL] & ~(mask << shift)) | (
        cython.cast(cython.ulonglong, slot + 1) << shift
    )
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _hold(
    c: cython.Py_ssize_t,
    row: cython.Py_ssize_t,
    ts: cython.longlong,
    from_b: cython.int,
    sequence: cython.ulonglong,
    length: cython.longlong,
    b: cython.uchar[::1],
    p: cython.Py_ssize_t,
    n: cython.Py_ssize_t,
    state: cython.longlong[::1],
    connections: cython.ulonglong[::1],
    holds: cython.longlong[::1],
    held: cython.uchar[::1],
) -> cython.int:
    """Keeps a segment until what precedes it comes; how many the direction has now, 0 = it had this one."""
    o: cython.Py_ssize_t = c * tables.CONNECTION
    s: cython.Py_ssize_t = _first_held(o, from_b, connections)
    first: cython.Py_ssize_t = s
    before: cython.Py_ssize_t = -1
    slot: cython.Py_ssize_t
    i: cython.Py_ssize_t
    beyond: cython.longlong
    count: cython.int = 1
    while s >= 0:
        beyond = _distance(
            sequence, cython.cast(cython.ulonglong, holds[s * tables.HOLD + tables.S_SEQUENCE])
        )
        if beyond >= 0:
            if beyond + length <= holds[s * tables.HOLD + tables.S_LENGTH]:
                return 0
            before = s
        count += 1
        s = cython.cast(cython.Py_ssize_t, holds[s * tables.HOLD + tables.S_NEXT]) - 1
    slot = cython.cast(cython.Py_ssize_t, state[tables.HOLD_TAIL] & (tables.HOLDS - 1))
    state[tables.HOLD_TAIL] += 1
    i = slot * tables.HOLD
    if before < 0:
        holds[i + tables.S_NEXT] = first + 1
        _set_first_held(o, from_b, slot, connections)
    else:
        holds[i + tables.S_NEXT] = holds[before * tables.HOLD + tables.S_NEXT]
        holds[before * tables.HOLD + tables.S_NEXT] = slot + 1
    holds[i + tables.S_WHOSE] = (c << 1) | from_b
    holds[i + tables.S_SINCE] = state[tables.NEWEST]
    holds[i + tables.S_TIME] = ts
    holds[i + tables.S_ROW] = row
    holds[i + tables.S_SEQUENCE] = cython.cast(cython.longlong, sequence)
    holds[i + tables.S_LENGTH] = length
    holds[i + tables.S_CAPTURED] = n
    for i in range(n):
        held[slot * tables.HOLD_BYTES + i] = b[p + i]
    return count


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _let_go(
    c: cython.Py_ssize_t,
    from_b: cython.int,
    at_least: cython.Py_ssize_t,
    before: cython.longlong,
    state: cython.longlong[::1],
    connections: cython.ulonglong[::1],
    channels: cython.ulonglong[::1],
    rows: cython.longlong[::1],
    events: cython.longlong[::1],
    pieces: cython.longlong[::1],
    copied: cython.uchar[::1],
    holds: cython.longlong[::1],
    held: cython.uchar[::1],
    shifts: cython.uchar[::1],
    words: cython.uchar[::1],
    starts: cython.longlong[::1],
) -> cython.int:
    """Passes held segments of a direction on, in order of sequence, with what is missing before them.

    The first `at_least`, those below the sequence number `before` (-1 = none), and all that
    follow without a hole.  Each counts where and when it came.
    """
    o: cython.Py_ssize_t = c * tables.CONNECTION
    h: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, connections[o + tables.C_CHANNEL] & tables.MASK32)
    client_is_a: cython.int = 1 if connections[o + tables.C_CHANNEL] & tables.CLIENT_IS_A else 0
    down: cython.Py_ssize_t = 1 if from_b == client_is_a else 0
    s: cython.Py_ssize_t = _first_held(o, from_b, connections)
    i: cython.Py_ssize_t
    sequence: cython.ulonglong
    while s >= 0:
        i = s * tables.HOLD
        sequence = cython.cast(cython.ulonglong, holds[i + tables.S_SEQUENCE])
        if (
            at_least <= 0
            and (before < 0 or _distance(sequence, cython.cast(cython.ulonglong, before)) >= 0)
            and _ahead(o, from_b, sequence, connections) > 0
        ):
            break
        at_least -= 1
        _set_first_held(o, from_b, cython.cast(cython.Py_ssize_t, holds[i + tables.S_NEXT]) - 1, connections)
        holds[i + tables.S_WHOSE] = -1
        _place(
            c, h, cython.cast(cython.Py_ssize_t, holds[i + tables.S_ROW]), holds[i + tables.S_TIME], from_b,
            down, sequence, holds[i + tables.S_LENGTH], held, s * tables.HOLD_BYTES,
            cython.cast(cython.Py_ssize_t, holds[i + tables.S_CAPTURED]), state, connections, channels, rows,
            events, pieces, copied, shifts, words, starts,
        )  # fmt: skip
        s = _first_held(o, from_b, connections)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _reorder(
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
    state: cython.longlong[::1],
    connections: cython.ulonglong[::1],
    channels: cython.ulonglong[::1],
    rows: cython.longlong[::1],
    events: cython.longlong[::1],
    pieces: cython.longlong[::1],
    copied: cython.uchar[::1],
    holds: cython.longlong[::1],
    held: cython.uchar[::1],
    shifts: cython.uchar[::1],
    words: cython.uchar[::1],
    starts: cython.longlong[::1],
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
        n <= tables.HOLD_BYTES and state[tables.HOLD_TAIL] - state[tables.HOLD_HEAD] < tables.HOLDS
    )
    if ahead > 0 and ahead <= tables.HOLD_AHEAD and fits:
        count = _hold(c, row, ts, from_b, sequence, length, b, p, n, state, connections, holds, held)
        if count == 0:
            rows[row * tables.ROW + (tables.R_DOWN if down else tables.R_UP) + layout.RETRANSMITTED] += 1
        if count <= tables.HELD_EACH:
            return 0
        return _let_go(
            c, from_b, 1, -1, state, connections, channels, rows, events, pieces, copied, holds, held, shifts,
            words, starts,
        )  # fmt: skip
    if ahead > tables.HOLD_AHEAD or ahead <= -tables.STALE:  # the stream goes on elsewhere
        _let_go(
            c, from_b, tables.HOLDS, -1, state, connections, channels, rows, events, pieces, copied, holds,
            held, shifts, words, starts,
        )  # fmt: skip
    elif ahead > 0:
        _let_go(
            c, from_b, 0, cython.cast(cython.longlong, sequence), state, connections, channels, rows, events,
            pieces, copied, holds, held, shifts, words, starts,
        )  # fmt: skip
    _place(
        c, h, row, ts, from_b, down, sequence, length, b, p, n, state, connections, channels, rows, events,
        pieces, copied, shifts, words, starts,
    )  # fmt: skip
    if _first_held(o, from_b, connections) < 0:
        return 0
    return _let_go(
        c, from_b, 0, -1, state, connections, channels, rows, events, pieces, copied, holds, held, shifts,
        words, starts,
    )  # fmt: skip


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _wait_no_longer(
    state: cython.longlong[::1],
    connections: cython.ulonglong[::1],
    channels: cython.ulonglong[::1],
    rows: cython.longlong[::1],
    events: cython.longlong[::1],
    pieces: cython.longlong[::1],
    copied: cython.uchar[::1],
    holds: cython.longlong[::1],
    held: cython.uchar[::1],
    shifts: cython.uchar[::1],
    words: cython.uchar[::1],
    starts: cython.longlong[::1],
) -> cython.int:
    """Lets the oldest held segments go whose time is over; 0 where the events need room first."""
    s: cython.Py_ssize_t
    whose: cython.longlong
    while state[tables.HOLD_HEAD] != state[tables.HOLD_TAIL]:
        s = cython.cast(cython.Py_ssize_t, state[tables.HOLD_HEAD] & (tables.HOLDS - 1)) * tables.HOLD
        whose = holds[s + tables.S_WHOSE]
        if whose >= 0:
            if state[tables.NEWEST] - holds[s + tables.S_SINCE] < tables.HOLD_NS:
                break
            if not _room(state, events, pieces, copied):
                return 0
            _let_go(
                cython.cast(cython.Py_ssize_t, whose >> 1), cython.cast(cython.int, whose & 1), 0,
                (holds[s + tables.S_SEQUENCE] + 1) & tables.MASK32, state, connections, channels, rows,
                events, pieces, copied, holds, held, shifts, words, starts,
            )  # fmt: skip
        state[tables.HOLD_HEAD] += 1
    return 1


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _packet(
    batch: cython.ulonglong[::1],
    k: cython.Py_ssize_t,
    c: cython.Py_ssize_t,
    b: cython.uchar[::1],
    state: cython.longlong[::1],
    connections: cython.ulonglong[::1],
    channels: cython.ulonglong[::1],
    rows: cython.longlong[::1],
    events: cython.longlong[::1],
    pieces: cython.longlong[::1],
    copied: cython.uchar[::1],
    holds: cython.longlong[::1],
    held: cython.uchar[::1],
    shifts: cython.uchar[::1],
    words: cython.uchar[::1],
    starts: cython.longlong[::1],
) -> cython.int:
    """Counts one packet of connection c in its row."""
    o: cython.Py_ssize_t = c * tables.CONNECTION
    bits: cython.ulonglong = batch[k + tables.BITS]
    ts: cython.longlong = cython.cast(cython.longlong, batch[k + tables.TIME])
    length: cython.longlong = cython.cast(cython.longlong, batch[k + tables.PAYLOAD])
    p: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, batch[k + tables.OFFSET])
    n: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, batch[k + tables.CAPTURED])
    tcp: cython.int = (batch[k + tables.KEY] & 0xFF) == 6
    from_b: cython.int = 1 if bits & tables.FROM_B else 0
    h: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, connections[o + tables.C_CHANNEL] & tables.MASK32)
    client_is_a: cython.int = 1 if connections[o + tables.C_CHANNEL] & tables.CLIENT_IS_A else 0
    down: cython.Py_ssize_t = 1 if from_b == client_is_a else 0
    row: cython.Py_ssize_t = _row(h, ts, state, channels, rows)
    w: cython.Py_ssize_t = row * tables.ROW
    d: cython.Py_ssize_t = w + tables.R_UP + down * (tables.R_DOWN - tables.R_UP)
    sequence: cython.ulonglong = batch[k + tables.SEQUENCE]
    ahead: cython.longlong
    side: cython.int
    if cython.cast(cython.longlong, connections[o + tables.C_LAST]) < ts:
        connections[o + tables.C_LAST] = ts
    if cython.cast(cython.longlong, channels[h * tables.CHANNEL + tables.H_LAST]) < ts:
        channels[h * tables.CHANNEL + tables.H_LAST] = ts
    if connections[o + tables.C_COUNTS] & tables.MASK32 != tables.MASK32:
        connections[o + tables.C_COUNTS] += 1
    if ts < rows[w + tables.R_FIRST] or rows[w + tables.R_FIRST] == 0:
        rows[w + tables.R_FIRST] = ts
    if ts > rows[w + tables.R_LAST]:
        rows[w + tables.R_LAST] = ts
    rows[d + layout.PACKETS] += 1
    rows[d + layout.BYTES] += cython.cast(cython.longlong, batch[k + tables.WIRE])
    rows[d + layout.PAYLOAD_BYTES] += length
    if not tcp:
        if length > 0:
            _payload(
                c, h, row, ts, from_b, down, 0, length, b, p, n, 1, state, connections, channels, rows,
                events, pieces, copied, shifts, words, starts,
            )  # fmt: skip
        return 0
    if bits & 4 and not connections[o + tables.C_CHANNEL] & tables.WAS_RESET:
        connections[o + tables.C_CHANNEL] |= tables.WAS_RESET
        rows[w + tables.R_RESETS] += 1
    if bits & 2:
        if connections[o + tables.C_CHANNEL] >> tables.HELD:
            for side in range(2):
                _let_go(
                    c, side, tables.HOLDS, -1, state, connections, channels, rows, events, pieces, copied,
                    holds, held, shifts, words, starts,
                )  # fmt: skip
        if not bits & 16 and connections[o + tables.C_START] != 0:
            _close(c, state, connections, channels, rows, events)
        _begin(c, row, ts, from_b, sequence, cython.cast(cython.int, bits & 16), connections, rows)
        sequence = (sequence + 1) & tables.MASK32  # data in a SYN (fast open) follows it
    if length == 0 and bits & 23 != 16:
        return 0
    ahead = _ahead(o, from_b, sequence, connections)
    if ahead == -1 and length <= 1 and bits & 23 == 16:
        rows[d + layout.KEEPALIVES] += 1
        return 0
    if length == 0:
        return 0
    if ahead > 0 or connections[o + tables.C_CHANNEL] >> tables.HELD:
        return _reorder(
            c, h, row, ts, from_b, down, ahead, sequence, length, b, p, n, state, connections, channels,
            rows, events, pieces, copied, holds, held, shifts, words, starts,
        )  # fmt: skip
    return _place(
        c, h, row, ts, from_b, down, sequence, length, b, p, n, state, connections, channels, rows, events,
        pieces, copied, shifts, words, starts,
    )  # fmt: skip


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _update(
    batch: cython.ulonglong[::1],
    start: cython.Py_ssize_t,
    n: cython.Py_ssize_t,
    b: cython.uchar[::1],
    seed: cython.ulonglong,
    state: cython.longlong[::1],
    connections: cython.ulonglong[::1],
    connection_table: cython.ulonglong[::1],
    channels: cython.ulonglong[::1],
    channel_table: cython.ulonglong[::1],
    rows: cython.longlong[::1],
    events: cython.longlong[::1],
    pieces: cython.longlong[::1],
    copied: cython.uchar[::1],
    holds: cython.longlong[::1],
    held: cython.uchar[::1],
    services: cython.uchar[::1],
    shifts: cython.uchar[::1],
    words: cython.uchar[::1],
    starts: cython.longlong[::1],
) -> cython.Py_ssize_t:
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t
    c: cython.Py_ssize_t
    role: cython.int
    basis: cython.Py_ssize_t
    touched: cython.Py_ssize_t = start
    for i in range(start, n):
        if i == touched:
            touched = min(i + tables.TOUCH, n)
            _touch(batch, i, touched, seed, state, connections, connection_table, channels, rows)
        k = i * tables.DESCRIPTOR
        if cython.cast(cython.longlong, batch[k + tables.TIME]) > state[tables.NEWEST]:
            state[tables.NEWEST] = cython.cast(cython.longlong, batch[k + tables.TIME])
        if batch[k + tables.HASH] == tables.OTHER_PART:
            state[tables.ELSEWHERE] += 1
            continue
        if state[tables.HOLD_HEAD] != state[tables.HOLD_TAIL] and not _wait_no_longer(
            state, connections, channels, rows, events, pieces, copied, holds, held, shifts, words, starts
        ):
            state[tables.STATUS] = tables.NEED_EVENTS
            return i
        c = _find_connection(batch, k, connection_table, connections)
        state[tables.STATUS] = _obstacle(c, state, events, pieces, copied)
        if state[tables.STATUS] != tables.DONE:
            return i
        if c >= 0 and _idle(
            connections[c * tables.CONNECTION + tables.C_LAST],
            cython.cast(cython.longlong, batch[k + tables.TIME]),
            state,
        ):
            state[tables.STATUS] = tables.FORGET
            state[tables.TURN_CONNECTION] = c
            return i
        if c < 0:
            c = _join(batch, k, seed, state, connections, connection_table, channels, channel_table, services)
        elif batch[k + tables.BITS] & 2 and (batch[k + tables.KEY] & 0xFF) == 6:
            role = _roles(
                batch[k + tables.BITS] & 0xFF,
                batch[k + tables.BITS] & tables.FROM_B,
                batch[k + tables.KEY],
                services,
            )
            if (role & 1) != (
                1 if connections[c * tables.CONNECTION + tables.C_CHANNEL] & tables.CLIENT_IS_A else 0
            ):
                state[tables.STATUS] = tables.TURN
                state[tables.TURN_CONNECTION] = c
                state[tables.TURN_CLIENT_IS_A] = role & 1
                return i
            basis = cython.cast(
                cython.Py_ssize_t, connections[c * tables.CONNECTION + tables.C_CHANNEL] & tables.MASK32
            )
            channels[basis * tables.CHANNEL + tables.H_BASIS] = 3
        state[tables.SWEEP_COUNT] += 1
        _packet(
            batch, k, c, b, state, connections, channels, rows, events, pieces, copied, holds, held, shifts,
            words, starts,
        )  # fmt: skip
    return n


def update(
    batch: cython.ulonglong[::1],
    start: cython.Py_ssize_t,
    n: cython.Py_ssize_t,
    window: cython.uchar[::1],
    seed: cython.ulonglong,
    state: cython.longlong[::1],
    connections: cython.ulonglong[::1],
    connection_table: cython.ulonglong[::1],
    channels: cython.ulonglong[::1],
    channel_table: cython.ulonglong[::1],
    rows: cython.longlong[::1],
    events: cython.longlong[::1],
    pieces: cython.longlong[::1],
    copied: cython.uchar[::1],
    holds: cython.longlong[::1],
    held: cython.uchar[::1],
    services: cython.uchar[::1],
    shifts: cython.uchar[::1],
    words: cython.uchar[::1],
    starts: cython.longlong[::1],
) -> cython.Py_ssize_t:
    """Takes descriptors start .. n of a batch; returns the first one not taken (n = all).

    Message events pile up in `events` (at most `state[N_EVENTS]`) and must be added to the
    rows before any row leaves; copied payload is described in `pieces`.
    """
    r: cython.Py_ssize_t
    with cython.nogil:
        r = _update(
            batch, start, n, window, seed, state, connections, connection_table, channels, channel_table,
            rows, events, pieces, copied, holds, held, services, shifts, words, starts,
        )  # fmt: skip
    return r


def let_go(
    c: cython.Py_ssize_t,
    from_b: cython.int,
    state: cython.longlong[::1],
    connections: cython.ulonglong[::1],
    channels: cython.ulonglong[::1],
    rows: cython.longlong[::1],
    events: cython.longlong[::1],
    pieces: cython.longlong[::1],
    copied: cython.uchar[::1],
    holds: cython.longlong[::1],
    held: cython.uchar[::1],
    services: cython.uchar[::1],
    shifts: cython.uchar[::1],
    words: cython.uchar[::1],
    starts: cython.longlong[::1],
) -> None:
    """Passes on all segments that a direction of connection slot c waits with; the events must be settled."""
    _let_go(
        c, from_b, tables.HOLDS, -1, state, connections, channels, rows, events, pieces, copied, holds, held,
        shifts, words, starts,
    )  # fmt: skip


def close_message(
    c: cython.Py_ssize_t,
    state: cython.longlong[::1],
    connections: cython.ulonglong[::1],
    channels: cython.ulonglong[::1],
    rows: cython.longlong[::1],
    events: cython.longlong[::1],
) -> None:
    """Ends the open message of connection slot c, if there is one."""
    if connections[c * tables.CONNECTION + tables.C_START] != 0:
        _close(c, state, connections, channels, rows, events)


def close_messages(
    leaving: cython.longlong[::1],
    begin: cython.Py_ssize_t,
    state: cython.longlong[::1],
    connections: cython.ulonglong[::1],
    channels: cython.ulonglong[::1],
    rows: cython.longlong[::1],
    events: cython.longlong[::1],
) -> cython.Py_ssize_t:
    """Ends the open messages that belong to rows leaving[begin:]; returns how far the events had room."""
    i: cython.Py_ssize_t
    r: cython.Py_ssize_t
    h: cython.Py_ssize_t
    o: cython.Py_ssize_t
    c: cython.ulonglong
    following: cython.ulonglong
    for i in range(begin, leaving.shape[0]):
        r = cython.cast(cython.Py_ssize_t, leaving[i])
        h = cython.cast(cython.Py_ssize_t, rows[r * tables.ROW + tables.R_CHANNEL])
        c = channels[h * tables.CHANNEL + tables.H_OPEN] & tables.MASK32
        while c != 0:
            if (cython.cast(cython.Py_ssize_t, state[tables.N_EVENTS]) + 1) * tables.EVENT > events.shape[0]:
                return i
            o = cython.cast(cython.Py_ssize_t, c - 1) * tables.CONNECTION
            following = connections[o + tables.C_LINKS] >> 32
            if cython.cast(cython.Py_ssize_t, connections[o + tables.C_LENGTH] >> 40) == r:
                _close(cython.cast(cython.Py_ssize_t, c - 1), state, connections, channels, rows, events)
            c = following
    return leaving.shape[0]


def open_channel(
    client_high: cython.ulonglong,
    client_low: cython.ulonglong,
    server_high: cython.ulonglong,
    server_low: cython.ulonglong,
    key: cython.ulonglong,
    seed: cython.ulonglong,
    state: cython.longlong[::1],
    table: cython.ulonglong[::1],
    channels: cython.ulonglong[::1],
) -> cython.Py_ssize_t:
    """The slot of a channel, made where there is none; `key` is the server's port << 32 | protocol."""
    return _channel(client_high, client_low, server_high, server_low, key, seed, state, table, channels)
