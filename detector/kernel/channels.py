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
    from cython.cimports.detector.kernel.views import Views
else:
    from detector.kernel import layout, tables
    from detector.kernel.slots import hash_ends, insert
    from detector.kernel.views import Views


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-2, check=False)
def _entry(
    table: cython.ulonglong[::1], slot: cython.Py_ssize_t, size: cython.Py_ssize_t
) -> cython.Py_ssize_t:
    """The first word of an entry; an IndexError unless all of it lies in the table.

    Functions without bounds checks read and write words of entries that they have from here
    or from `_line`, at offsets of `tables`, and words of `state`; a checked function reads
    the bytes of a packet, each with its own check.  The checks of every word took a third of the update.
    """
    o: cython.Py_ssize_t = slot * size
    end: cython.ulonglong = table[o] | table[o + size - 1]  # noqa: F841  # the checks are what is wanted
    return o


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-2, check=False)
def _line(table: cython.longlong[::1], slot: cython.Py_ssize_t, size: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """As `_entry`, of a table of signed words."""
    o: cython.Py_ssize_t = slot * size
    end: cython.longlong = table[o] | table[o + size - 1]  # noqa: F841
    return o


@cython.cfunc
@cython.inline
@cython.nogil
@cython.boundscheck(False)  # see `_entry`
@cython.exceptval(-2, check=False)
def _find_connection(t: Views, k: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """Slot of descriptor word k's connection, or -1."""
    mask: cython.Py_ssize_t = t.connection_table.shape[0] - 1
    h: cython.ulonglong = t.batch[k + tables.HASH]
    i: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, h) & mask
    v: cython.ulonglong = t.connection_table[i]
    c: cython.Py_ssize_t
    o: cython.Py_ssize_t
    while v != 0:
        if v >> 32 == h:
            c = cython.cast(cython.Py_ssize_t, v & tables.MASK32) - 1
            o = _entry(t.connections, c, tables.CONNECTION)
            if (
                t.connections[o + 1] == t.batch[k + 1]
                and t.connections[o + 3] == t.batch[k + 3]
                and t.connections[o + 4] == t.batch[k + 4]
                and t.connections[o] == t.batch[k]
                and t.connections[o + 2] == t.batch[k + 2]
            ):
                return c
        i = (i + 1) & mask
        v = t.connection_table[i]
    return -1


@cython.cfunc
@cython.inline
@cython.nogil
@cython.boundscheck(False)  # see `_entry`
@cython.exceptval(-1, check=False)
def _idle(t: Views, last: cython.ulonglong, now: cython.longlong) -> cython.int:
    """Whether what was last heard of then is forgotten now, swept yet or not: no result hangs on sweeps.

    (But for packets that are late by more than IDLE, which find what no sweep has taken.)
    """
    return cython.cast(cython.longlong, last) < now - t.state[tables.IDLE]


@cython.cfunc
@cython.nogil
@cython.exceptval(-2, check=False)
def _channel(
    t: Views,
    client_high: cython.ulonglong,
    client_low: cython.ulonglong,
    server_high: cython.ulonglong,
    server_low: cython.ulonglong,
    key: cython.ulonglong,
    make: cython.int,
) -> cython.Py_ssize_t:
    """Slot of a channel; where there is none it is made, or -1.  `key`: server's port << 32 | protocol."""
    mask: cython.Py_ssize_t = t.channel_table.shape[0] - 1
    h: cython.ulonglong = hash_ends(client_high, client_low, server_high, server_low, key, t.seed)
    i: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, h) & mask
    v: cython.ulonglong = t.channel_table[i]
    c: cython.Py_ssize_t
    o: cython.Py_ssize_t
    while v != 0:
        if v >> 32 == h:
            c = cython.cast(cython.Py_ssize_t, v & tables.MASK32) - 1
            o = c * tables.CHANNEL
            if (
                t.channels[o + 1] == client_low
                and t.channels[o + 3] == server_low
                and t.channels[o + 4] == key
                and t.channels[o] == client_high
                and t.channels[o + 2] == server_high
            ):
                if t.channels[o + tables.H_CONNECTIONS] == 0 and _idle(
                    t, t.channels[o + tables.H_LAST], t.state[tables.NEWEST]
                ):
                    t.channels[o + tables.H_BASIS] = 0  # as one that the sweep has forgotten
                return c
        i = (i + 1) & mask
        v = t.channel_table[i]
    if not make:
        return -1
    c = cython.cast(cython.Py_ssize_t, t.state[tables.CHANNEL_FREE])
    if c >= 0:
        o = c * tables.CHANNEL
        t.state[tables.CHANNEL_FREE] = cython.cast(cython.longlong, t.channels[o + tables.H_NEXT]) - 1
    else:
        c = cython.cast(cython.Py_ssize_t, t.state[tables.CHANNEL_HIGH])
        o = c * tables.CHANNEL
        t.state[tables.CHANNEL_HIGH] = c + 1
    t.state[tables.CHANNEL_LIVE] += 1
    t.channels[o] = client_high
    t.channels[o + 1] = client_low
    t.channels[o + 2] = server_high
    t.channels[o + 3] = server_low
    t.channels[o + tables.H_KEY] = key
    t.channels[o + tables.H_BASIS] = 0
    t.channels[o + tables.H_ROW] = 0
    t.channels[o + tables.H_OPEN] = 0
    t.channels[o + tables.H_CONNECTIONS] = 0
    t.channels[o + tables.H_LAST] = 0
    t.channels[o + tables.H_UNDECIDED] = 0
    t.channels[o + tables.H_NEXT] = 0
    insert(t.channel_table, h, c)
    return c


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _roles(t: Views, k: cython.Py_ssize_t) -> cython.int:
    """Who is the client, by a connection's first packet: records.Basis << 1 | client is a."""
    key: cython.ulonglong = t.batch[k + tables.KEY]
    bits: cython.ulonglong = t.batch[k + tables.BITS]
    pa: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, key >> 48)
    pb: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, (key >> 32) & 0xFFFF)
    sender_is_a: cython.int = 0 if bits & tables.FROM_B else 1
    if (key & 0xFF) == 6 and bits & 2:
        return 6 | ((1 - sender_is_a) if bits & 16 else sender_is_a)
    if (pa < 1024) != (pb < 1024):
        return 2 | (1 if pb < 1024 else 0)
    if t.services[pb] and not t.services[pa] and pa >= 32768:
        return 3
    if t.services[pa] and not t.services[pb] and pb >= 32768:
        return 2
    return sender_is_a


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _channel_hash(t: Views, k: cython.Py_ssize_t, role: cython.int) -> cython.ulonglong:
    """Where `_channel` begins to look for what `_channel_of` asks for."""
    key: cython.ulonglong = t.batch[k + tables.KEY]
    if role & 1:
        key = (((key >> 32) & 0xFFFF) << 32) | (key & 0xFF)
        return hash_ends(t.batch[k], t.batch[k + 1], t.batch[k + 2], t.batch[k + 3], key, t.seed)
    key = ((key >> 48) << 32) | (key & 0xFF)
    return hash_ends(t.batch[k + 2], t.batch[k + 3], t.batch[k], t.batch[k + 1], key, t.seed)


@cython.cfunc
@cython.nogil
@cython.exceptval(-2, check=False)
def _channel_of(t: Views, k: cython.Py_ssize_t, role: cython.int, make: cython.int) -> cython.Py_ssize_t:
    """Slot of the channel of descriptor word k by the roles of `_roles`: as `_channel`."""
    key: cython.ulonglong = t.batch[k + tables.KEY]
    if role & 1:
        key = (((key >> 32) & 0xFFFF) << 32) | (key & 0xFF)
        return _channel(t, t.batch[k], t.batch[k + 1], t.batch[k + 2], t.batch[k + 3], key, make)
    key = ((key >> 48) << 32) | (key & 0xFF)
    return _channel(t, t.batch[k + 2], t.batch[k + 3], t.batch[k], t.batch[k + 1], key, make)


@cython.cfunc
@cython.nogil
@cython.exceptval(-2, check=False)
def _join(t: Views, k: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """A new connection for descriptor word k, in its channel; its slot."""
    c: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, t.state[tables.CONNECTION_FREE])
    o: cython.Py_ssize_t
    i: cython.Py_ssize_t
    h: cython.Py_ssize_t
    role: cython.int = _roles(t, k)
    if c >= 0:
        o = c * tables.CONNECTION
        t.state[tables.CONNECTION_FREE] = (
            cython.cast(cython.longlong, t.connections[o + tables.C_CHANNEL]) - 1
        )
    else:
        c = cython.cast(cython.Py_ssize_t, t.state[tables.CONNECTION_HIGH])
        o = c * tables.CONNECTION
        t.state[tables.CONNECTION_HIGH] = c + 1
    t.state[tables.CONNECTION_LIVE] += 1
    for i in range(5):
        t.connections[o + i] = t.batch[k + i]
    for i in range(5, tables.CONNECTION):
        t.connections[o + i] = 0
    h = _channel_of(t, k, role, 1)
    t.connections[o + tables.C_CHANNEL] = cython.cast(cython.ulonglong, h) | (
        tables.CLIENT_IS_A if role & 1 else 0
    )
    h *= tables.CHANNEL
    t.channels[h + tables.H_CONNECTIONS] += 1
    if t.channels[h + tables.H_BASIS] < cython.cast(cython.ulonglong, role >> 1):
        t.channels[h + tables.H_BASIS] = role >> 1
    insert(t.connection_table, t.batch[k + tables.HASH], c)
    return c


@cython.cfunc
@cython.nogil
@cython.exceptval(-2, check=False)
def _older_row(
    t: Views, channel: cython.Py_ssize_t, head: cython.Py_ssize_t, ts: cython.longlong
) -> cython.Py_ssize_t:
    """As `_row`, where the newest one `head - 1` is of another window, or there is none (0).

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
@cython.boundscheck(False)  # see `_entry`
@cython.exceptval(-2, check=False)
def _row(t: Views, channel: cython.Py_ssize_t, ts: cython.longlong) -> cython.Py_ssize_t:
    """The open row of a channel for the window that holds ts, opened where there is none."""
    head: cython.Py_ssize_t = cython.cast(
        cython.Py_ssize_t, t.channels[_entry(t.channels, channel, tables.CHANNEL) + tables.H_ROW]
    )
    window: cython.longlong
    if head != 0:
        window = t.rows[_line(t.rows, head - 1, tables.ROW) + tables.R_WINDOW]
        if window <= ts and ts - window < t.state[tables.WINDOW]:
            return head - 1
    return _older_row(t, channel, head, ts)


@cython.cfunc
@cython.nogil
@cython.boundscheck(False)  # see `_entry`
@cython.exceptval(-1, check=False)
def _emit(
    t: Views, row: cython.Py_ssize_t, ts: cython.longlong, down: cython.longlong, length: cython.longlong
) -> cython.int:
    e: cython.Py_ssize_t = _line(
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
@cython.boundscheck(False)  # see `_entry`
@cython.exceptval(-1, check=False)
def _opening(
    t: Views,
    c: cython.Py_ssize_t,
    row: cython.Py_ssize_t,
    from_b: cython.int,
    down: cython.Py_ssize_t,
    length: cython.longlong,
) -> cython.int:
    """Keeps the length where the row keeps this connection's opening."""
    o: cython.Py_ssize_t = _entry(t.connections, c, tables.CONNECTION) + tables.C_COUNTS
    w: cython.Py_ssize_t = _line(t.rows, row, tables.ROW)
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
@cython.boundscheck(False)  # see `_entry`
@cython.exceptval(-1, check=False)
def _close(t: Views, c: cython.Py_ssize_t) -> cython.int:
    """Ends a connection's open message: an event, and out of the channel's list."""
    o: cython.Py_ssize_t = _entry(t.connections, c, tables.CONNECTION)
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
    _emit(t, row, ts, down, length)
    _opening(t, c, row, from_b, down, length)
    t.connections[o + tables.C_START] = 0
    t.connections[o + tables.C_LINKS] = 0
    h = _entry(t.channels, h, tables.CHANNEL) + tables.H_OPEN
    if previous != 0:
        p = (
            _entry(t.connections, cython.cast(cython.Py_ssize_t, previous - 1), tables.CONNECTION)
            + tables.C_LINKS
        )
        t.connections[p] = (t.connections[p] & tables.MASK32) | (following << 32)
    else:
        t.channels[h] = (t.channels[h] & ~tables.MASK32) | following
    if following != 0:
        p = (
            _entry(t.connections, cython.cast(cython.Py_ssize_t, following - 1), tables.CONNECTION)
            + tables.C_LINKS
        )
        t.connections[p] = (t.connections[p] & ~tables.MASK32) | previous
    else:
        t.channels[h] = (t.channels[h] & tables.MASK32) | (previous << 32)
    return 0


@cython.cfunc
@cython.nogil
@cython.boundscheck(False)  # see `_entry`
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
    o: cython.Py_ssize_t = _entry(t.connections, c, tables.CONNECTION)
    h: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, t.connections[o + tables.C_CHANNEL] & tables.MASK32)
    last: cython.ulonglong
    slot: cython.ulonglong = c + 1
    p: cython.Py_ssize_t
    t.connections[o + tables.C_START] = ts
    t.connections[o + tables.C_END] = ts
    t.connections[o + tables.C_LENGTH] = (
        (cython.cast(cython.ulonglong, row) << 40) | (cython.cast(cython.ulonglong, length) << 1) | from_b
    )
    h = _entry(t.channels, h, tables.CHANNEL) + tables.H_OPEN
    last = t.channels[h] >> 32
    t.connections[o + tables.C_LINKS] = last
    if last != 0:
        p = (
            _entry(t.connections, cython.cast(cython.Py_ssize_t, last - 1), tables.CONNECTION)
            + tables.C_LINKS
        )
        t.connections[p] = (t.connections[p] & tables.MASK32) | (slot << 32)
        t.channels[h] = (t.channels[h] & tables.MASK32) | (slot << 32)
    else:
        t.channels[h] = slot | (slot << 32)
    return 0


@cython.cfunc
@cython.nogil
@cython.boundscheck(False)  # see `_entry`
@cython.exceptval(-1, check=False)
def _expire(t: Views, h: cython.Py_ssize_t, ts: cython.longlong) -> cython.int:
    """Closes the channel's oldest messages to which nothing can be added any more."""
    c: cython.ulonglong = t.channels[_entry(t.channels, h, tables.CHANNEL) + tables.H_OPEN] & tables.MASK32
    o: cython.Py_ssize_t
    following: cython.ulonglong
    _i: cython.int
    for _i in range(tables.EXPIRE):
        if c == 0:
            break
        o = _entry(t.connections, cython.cast(cython.Py_ssize_t, c - 1), tables.CONNECTION)
        following = t.connections[o + tables.C_LINKS] >> 32
        if ts - cython.cast(cython.longlong, t.connections[o + tables.C_END]) >= layout.COALESCE_NS:
            _close(t, cython.cast(cython.Py_ssize_t, c - 1))
        c = following
    return 0


@cython.cfunc
@cython.nogil
@cython.boundscheck(False)  # see `_entry`
@cython.exceptval(-1, check=False)
def _segment(
    t: Views,
    c: cython.Py_ssize_t,
    row: cython.Py_ssize_t,
    ts: cython.longlong,
    length: cython.longlong,
    from_b: cython.int,
) -> cython.int:
    """New payload without readable framing: extends the open message or starts one."""
    o: cython.Py_ssize_t = _entry(t.connections, c, tables.CONNECTION)
    start: cython.longlong = cython.cast(cython.longlong, t.connections[o + tables.C_START])
    end: cython.longlong = cython.cast(cython.longlong, t.connections[o + tables.C_END])
    opened: cython.Py_ssize_t  # the row of the open message
    if start != 0:
        opened = cython.cast(cython.Py_ssize_t, t.connections[o + tables.C_LENGTH] >> 40)
        opened = _line(t.rows, opened, tables.ROW)
        if (
            cython.cast(cython.int, t.connections[o + tables.C_LENGTH] & 1) == from_b
            and ts - end < layout.COALESCE_NS
            and t.rows[opened + tables.R_WINDOW] == t.rows[_line(t.rows, row, tables.ROW) + tables.R_WINDOW]
            and (t.connections[o + tables.C_LENGTH] & tables.MASK40) >> 32 == 0  # 2 GiB end a message, too
        ):
            t.connections[o + tables.C_LENGTH] += cython.cast(cython.ulonglong, length) << 1
            if ts > end:
                t.connections[o + tables.C_END] = ts
            return 0
        _close(t, c)
    return _open(t, c, row, ts, length, from_b)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _records(
    t: Views,
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
) -> cython.longlong:
    """Follows TLS records through new payload; returns the bytes that are not TLS.

    `missing` bytes were lost before it; of its `length` bytes n were captured, at b[p].
    """
    w: cython.Py_ssize_t = c * tables.CONNECTION + tables.C_TLS + from_b
    tls: cython.ulonglong = t.connections[w]
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
            t.connections[w] = tables.TLS_OFF
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
            t.connections[w] = tables.TLS_OFF
            return length - done + (early if done == 0 else 0)
        t.connections[w] = tables.TLS_ON
        done += 5
        left = size
        if size > 0:
            if kind == 23:
                _emit(t, row, ts, down, size)
                t.rows[row * tables.ROW + tables.R_TLS_RECORDS] += 1
            _opening(t, c, row, from_b, down, size)
    if length > n:  # cut by the snap length
        missing = length - n
        if missing > left:
            t.connections[w] = tables.TLS_OFF
            return missing - left + (early if done == 0 else 0)
        left -= missing
    if t.connections[w] & tables.TLS_STATE == tables.TLS_UNKNOWN and count > 0:
        kind = cython.cast(cython.longlong, held >> (8 * (count - 1)))
        size = cython.cast(cython.longlong, held >> (8 * (count - 2))) & 0xFF if count > 1 else 3
        if kind < 20 or kind > 23 or size != 3:
            t.connections[w] = tables.TLS_OFF
            return length + early
    t.connections[w] = (
        (t.connections[w] & tables.TLS_STATE)
        | cython.cast(cython.ulonglong, left)
        | (held << 16)
        | (cython.cast(cython.ulonglong, count) << 48)
    )
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _within(b: cython.uchar[::1], p: cython.Py_ssize_t, n: cython.Py_ssize_t) -> cython.int:
    """Both ends of b[p : p + n] are in bounds, or this is an IndexError; n is at least 1."""
    return b[p] | b[p + n - 1]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.boundscheck(False)  # half the scan was bounds checks: `_has_keyword` checks the ends of both
@cython.exceptval(check=False)
def _pair(t: Views, b: cython.uchar[::1], i: cython.Py_ssize_t) -> cython.int:
    """At which offsets of a word's anchor b[i : i + 2] may stand: a bit each; see `search`."""
    return t.pairs[(b[i] ^ (b[i + 1] << 5)) & tables.PAIR_MASK]


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _is_word(
    t: Views, b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, at: cython.Py_ssize_t
) -> cython.int:
    """Whether a word whose anchor would stand at b[at] is within b[p:end]."""
    word: cython.Py_ssize_t
    j: cython.Py_ssize_t
    k: cython.Py_ssize_t
    s: cython.Py_ssize_t
    length: cython.Py_ssize_t
    for k in range(0, t.starts.shape[0] - 2, 2):
        s = cython.cast(cython.Py_ssize_t, t.starts[k])
        length = cython.cast(cython.Py_ssize_t, t.starts[k + 2]) - s
        word = at - cython.cast(cython.Py_ssize_t, t.starts[k + 1])
        if word >= p and word + length <= end:
            j = 0
            while j < length and b[word + j] == t.words[s + j]:
                j += 1
            if j == length:
                return 1
    return 0


@cython.cfunc
@cython.nogil
@cython.boundscheck(False)  # as `_pair`: a whole anchor lies between p and end
@cython.exceptval(-1, check=False)
def _is_keyword(
    t: Views, b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, i: cython.Py_ssize_t
) -> cython.int:
    """Whether the pair at b[i] belongs to a word within b[p:end]."""
    bits: cython.int = _pair(t, b, i)
    offset: cython.Py_ssize_t
    at: cython.Py_ssize_t  # of the anchor
    x: cython.ulonglong
    for offset in range(3):
        at = i - offset
        if not (bits >> offset) & 1 or at < p or at + 4 > end:
            continue
        x = b[at + 3]
        x = (x << 24) | (b[at + 2] << 16) | (b[at + 1] << 8) | b[at]
        if not t.anchors[cython.cast(cython.Py_ssize_t, ((x * tables.SPREAD) & tables.MASK32) >> 20)]:
            continue
        if _is_word(t, b, p, end, at):
            return 1
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _may_begin(first: cython.int) -> cython.int:
    """Whether a mining dialogue may begin so: JSON, POST, Stratum V2, JOB of Duino-Coin."""
    return first == 0x7B or first == 0x50 or first == 0 or first == 0x4A


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _join_head(
    t: Views,
    c: cython.Py_ssize_t,
    from_b: cython.int,
    missing: cython.longlong,
    length: cython.longlong,
    b: cython.uchar[::1],
    p: cython.Py_ssize_t,
    n: cython.Py_ssize_t,
) -> cython.Py_ssize_t:
    """Keeps a segment behind the ones before it, as long as the head of a direction is short and whole.

    Returns how many bytes were kept before; they begin at `_head_at`, and those of this segment
    stand behind them as far as there is room.  Another connection may have taken the place.
    """
    o: cython.Py_ssize_t = c * tables.CONNECTION + tables.C_COUNTS
    bit: cython.ulonglong = tables.HEADED << from_b
    whose: cython.longlong = 2 * c + from_b
    slot: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, whose & (tables.HEADS - 1))
    k: cython.Py_ssize_t = (tables.MAX_PIECES + slot) * tables.PIECE
    at: cython.Py_ssize_t = _head_at(c, from_b)
    kept: cython.Py_ssize_t = 0
    i: cython.Py_ssize_t
    if t.connections[o] & bit and missing == 0 and t.pieces[k] == whose:
        kept = cython.cast(cython.Py_ssize_t, t.pieces[k + 1])
    t.connections[o] &= ~bit
    if kept == 0 and (t.connections[o] >> (40 if from_b else 32)) & 0xFF > 1:
        return 0  # heads begin with the first segment that is scanned
    if n == 0 or (kept == 0 and not _may_begin(b[p])):
        return 0
    for i in range(n if n < tables.HEAD_BYTES - kept else tables.HEAD_BYTES - kept):
        t.copied[at + kept + i] = b[p + i]
    t.pieces[k] = whose
    t.pieces[k + 1] = kept + n
    if n == length and kept + n <= tables.HEAD_BYTES:
        t.connections[o] |= bit
    return kept


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _head_at(c: cython.Py_ssize_t, from_b: cython.int) -> cython.Py_ssize_t:
    """Where the head of a direction begins in the piece buffer."""
    return tables.PIECE_BYTES + ((2 * c + from_b) & (tables.HEADS - 1)) * tables.HEAD_BYTES


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _has_keyword(t: Views, b: cython.uchar[::1], p: cython.Py_ssize_t, n: cython.Py_ssize_t) -> cython.int:
    """Whether one of the words is in b[p : p + n].

    Wherever the four bytes of a word's anchor stand, one of their three pairs of neighbours stands at
    every third place: only those are looked up, four at a time, none waiting for another.
    """
    end: cython.Py_ssize_t = p + n
    i: cython.Py_ssize_t = p + 2
    j: cython.Py_ssize_t
    if n < 4:  # no anchor fits
        return 0
    _within(b, p, n)
    _within(t.pairs, 0, tables.PAIR_MASK + 1)
    _within(t.anchors, 0, 1 << 12)
    while i + 10 < end:
        if _pair(t, b, i) | _pair(t, b, i + 3) | _pair(t, b, i + 6) | _pair(t, b, i + 9):
            for j in range(i, i + 12, 3):
                if _pair(t, b, j) and _is_keyword(t, b, p, end, j):
                    return 1
        i += 12
    while i + 1 < end:
        if _pair(t, b, i) and _is_keyword(t, b, p, end, i):
            return 1
        i += 3
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _names(
    t: Views,
    c: cython.Py_ssize_t,
    row: cython.Py_ssize_t,
    from_b: cython.int,
    down: cython.Py_ssize_t,
    framing: cython.ulonglong,
    records: cython.longlong,
    b: cython.uchar[::1],
    p: cython.Py_ssize_t,
    n: cython.Py_ssize_t,
) -> cython.int:
    """Whether a TCP segment carries names: the clear part of a TLS handshake, an HTTP request, a DNS answer.

    `framing` is the TLS word, `records` the row's count, as both were before the segment.  Read is
    one connection a row: the one whose opening lengths it keeps, or any where no SYN was seen.
    A client has told all with its first message, a server with its last record of a handshake.
    One request of a connection is read once a row has gone on for a while, and while that is new: short
    rows, most, are nobody's miner.
    """
    o: cython.Py_ssize_t = c * tables.CONNECTION
    w: cython.Py_ssize_t = row * tables.ROW
    after: cython.ulonglong = t.connections[o + tables.C_TLS + from_b]
    told: cython.ulonglong = tables.TOLD << from_b
    if t.connections[o + tables.C_COUNTS] & told or n == 0:
        return 0
    if after & tables.TLS_STATE == tables.TLS_OFF:
        if _port(t.connections[o + tables.C_KEY], from_b) == tables.DNS:
            return 1
        if down or n <= 6 or not _begins_request(b[p], b[p + 1]):
            return 0
        if (
            t.rows[w + tables.R_UP + layout.PACKETS] <= tables.REQUESTS
            or t.rows[w + tables.R_UP + layout.PACKETS] > 2 * tables.REQUESTS
        ):
            return 0
        t.connections[o + tables.C_COUNTS] |= told
        return 1
    if t.rows[w + tables.R_OPENER] != c + 1 and t.rows[w + tables.R_OPENING_NS] != 0:
        t.connections[o + tables.C_COUNTS] |= told
        return 0
    if framing & tables.TLS_INSIDE == 0 and b[p] != 22:  # RFC 8446 5.1: handshake
        t.connections[o + tables.C_COUNTS] |= told
        return 0
    if t.rows[w + tables.R_TLS_RECORDS] != records or (not down and after & tables.TLS_INSIDE == 0):
        t.connections[o + tables.C_COUNTS] |= told
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
    t: Views,
    key: cython.ulonglong,
    row: cython.Py_ssize_t,
    from_b: cython.int,
    down: cython.Py_ssize_t,
    b: cython.uchar[::1],
    p: cython.Py_ssize_t,
    n: cython.Py_ssize_t,
) -> cython.Py_ssize_t:
    """How much of a datagram is to be read: all of a DNS answer (RFC 1035 4.1.1: port, QR), QUIC's
    version (RFC 8999 5.1: long header) of the row's first one."""
    side: cython.Py_ssize_t = tables.R_DOWN if down else tables.R_UP
    earlier: cython.longlong = t.rows[row * tables.ROW + side + layout.PACKETS] - 1
    if n > 12 and b[p + 2] & 128 and _port(key, from_b) == tables.DNS:
        return n if earlier < tables.DNS_ANSWERS else 0
    if not down and earlier == 0 and n >= tables.QUIC_BYTES and b[p] & 192 == 192:
        return tables.QUIC_BYTES if b[p + 1] in (0, 107, 255) and b[p + 4] != 0 else 0  # of the versions
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _copy_bytes(
    to: cython.uchar[::1],
    at: cython.Py_ssize_t,
    b: cython.uchar[::1],
    p: cython.Py_ssize_t,
    n: cython.Py_ssize_t,
) -> cython.int:
    """Copies b[p : p + n] to to[at : at + n]."""
    if n <= 0:
        return 0
    _within(to, at, n)
    _within(b, p, n)
    if cython.compiled:
        memory.copy(cython.address(to[at]), cython.address(b[p]), n)
    else:
        to[at : at + n] = b[p : p + n]
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _copy(
    t: Views,
    c: cython.Py_ssize_t,
    ts: cython.longlong,
    from_b: cython.int,
    length: cython.longlong,
    b: cython.uchar[::1],
    p: cython.Py_ssize_t,
    n: cython.Py_ssize_t,
    opening: cython.longlong,
) -> cython.int:
    """Hands new payload out, within the quota of the connection, direction and window.

    `opening`: it carries names, and no word flagged it; nobody decides anything on it, so that it may wait.
    """
    o: cython.Py_ssize_t = c * tables.CONNECTION
    number: cython.ulonglong = cython.cast(cython.ulonglong, ts // t.state[tables.WINDOW]) & 0xFFFF
    quota: cython.ulonglong = t.connections[o + tables.C_QUOTA]
    shift: cython.int = 24 if from_b else 0
    loss: cython.ulonglong = tables.LOSS << from_b
    used: cython.longlong
    at: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, t.state[tables.PIECE_FILL])
    k: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, t.state[tables.N_PIECES]) * tables.PIECE
    h: cython.Py_ssize_t
    if quota >> 48 != number:
        quota = number << 48
    used = cython.cast(cython.longlong, (quota >> shift) & 0xFFFFFF)
    if n > t.state[tables.PAYLOAD_LIMIT] - used:
        n = cython.cast(cython.Py_ssize_t, t.state[tables.PAYLOAD_LIMIT] - used)
    if n > tables.PIECE_LIMIT:
        n = cython.cast(cython.Py_ssize_t, tables.PIECE_LIMIT)
    if n > 0:
        _copy_bytes(t.copied, at, b, p, n)
        t.pieces[k] = c
        t.pieces[k + 1] = ts
        t.pieces[k + 2] = (cython.cast(cython.longlong, at) << 32) | n
        t.pieces[k + 3] = (
            (0 if from_b else 1) | (2 if t.connections[o + tables.C_CHANNEL] & loss else 0) | (opening << 2)
        )
        t.state[tables.N_PIECES] += 1
        if opening or t.connections[o + tables.C_COUNTS] & tables.SETTLED:
            t.state[tables.N_WAITING] += 1
        else:
            h = cython.cast(cython.Py_ssize_t, t.connections[o + tables.C_CHANNEL] & tables.MASK32)
            t.channels[h * tables.CHANNEL + tables.H_UNDECIDED] = 1
        t.state[tables.PIECE_FILL] += n
        t.connections[o + tables.C_CHANNEL] &= ~loss
        quota += cython.cast(cython.ulonglong, n) << shift
    if n < length:
        t.connections[o + tables.C_CHANNEL] |= loss
    t.connections[o + tables.C_QUOTA] = quota
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.boundscheck(False)  # see `_entry`
@cython.exceptval(-1, check=False)
def _touch(t: Views, start: cython.Py_ssize_t, n: cython.Py_ssize_t) -> cython.int:
    """Hashes, and has loaded what the update will need: a miss costs more than all the rest of a packet.

    A pass for each step, since a row is found through a channel and a channel through a
    connection; while one packet's memory is on its way, the others ask for theirs.
    """
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t
    h: cython.Py_ssize_t
    v: cython.ulonglong
    mask: cython.Py_ssize_t = t.connection_table.shape[0] - 1
    parts: cython.ulonglong = t.state[tables.PARTS]
    part: cython.ulonglong = t.state[tables.PART]
    for i in range(start, n):
        k = _entry(t.batch, i, tables.DESCRIPTOR)
        t.batch[k + tables.TOUCHED] = 0
        if (
            parts > 1
            and hash_ends(t.batch[k], t.batch[k + 1], t.batch[k + 2], t.batch[k + 3], 0, 0) % parts != part
        ):
            t.batch[k + tables.HASH] = tables.OTHER_PART
            continue
        v = hash_ends(
            t.batch[k], t.batch[k + 1], t.batch[k + 2], t.batch[k + 3], t.batch[k + tables.KEY], t.seed
        )
        t.batch[k + tables.HASH] = v
        if cython.compiled:
            memory.prefetch(cython.address(t.connection_table[cython.cast(cython.Py_ssize_t, v) & mask]))
    if cython.compiled:
        for i in range(start, n):
            k = _entry(t.batch, i, tables.DESCRIPTOR)
            if t.batch[k + tables.HASH] == tables.OTHER_PART:
                continue
            v = t.connection_table[cython.cast(cython.Py_ssize_t, t.batch[k + tables.HASH]) & mask]
            if v == 0:  # a new connection: its channel will be looked for
                h = cython.cast(cython.Py_ssize_t, _channel_hash(t, k, _roles(t, k)))
                memory.prefetch(cython.address(t.channel_table[h & (t.channel_table.shape[0] - 1)]))
            else:
                t.batch[k + tables.TOUCHED] = v & tables.MASK32  # slot + 1 of what is likely the connection
                h = _entry(
                    t.connections, cython.cast(cython.Py_ssize_t, v & tables.MASK32) - 1, tables.CONNECTION
                )
                memory.prefetch(cython.address(t.connections[h]))
                memory.prefetch(cython.address(t.connections[h + tables.C_START]))
        for i in range(start, n):
            k = _entry(t.batch, i, tables.DESCRIPTOR) + tables.TOUCHED
            h = cython.cast(cython.Py_ssize_t, t.batch[k]) - 1
            if h >= 0:
                h = _entry(t.connections, h, tables.CONNECTION) + tables.C_CHANNEL
                h = cython.cast(cython.Py_ssize_t, t.connections[h] & tables.MASK32)
                t.batch[k] = cython.cast(cython.ulonglong, h + 1)
                memory.prefetch(
                    cython.address(t.channels[_entry(t.channels, h, tables.CHANNEL) + tables.H_ROW])
                )
        for i in range(start, n):
            k = _entry(t.batch, i, tables.DESCRIPTOR) + tables.TOUCHED
            h = cython.cast(cython.Py_ssize_t, t.batch[k]) - 1
            if h >= 0:
                h = _entry(t.channels, h, tables.CHANNEL) + tables.H_ROW
                h = cython.cast(cython.Py_ssize_t, t.channels[h]) - 1
            if h >= 0:
                h = _line(t.rows, h, tables.ROW)
                memory.prefetch(cython.address(t.rows[h]))
                memory.prefetch(cython.address(t.rows[h + tables.R_UP]))
                memory.prefetch(cython.address(t.rows[h + tables.R_DOWN]))
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.boundscheck(False)  # see `_entry`
@cython.exceptval(-1, check=False)
def _room(t: Views) -> cython.int:
    """Whether what one packet, or the end of one wait, may bring has room."""
    return (
        (t.state[tables.N_EVENTS] + tables.ROOM_EVENTS) * tables.EVENT <= t.events.shape[0]
        and t.state[tables.N_PIECES] + tables.ROOM_PIECES <= tables.MAX_PIECES
        and t.state[tables.PIECE_FILL] + tables.ROOM_BYTES <= tables.PIECE_BYTES
    )


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _undecided(t: Views, k: cython.Py_ssize_t, connection: cython.Py_ssize_t) -> cython.int:
    """Whether payload of the channel of descriptor word k was copied and not handed over yet."""
    h: cython.Py_ssize_t
    if connection >= 0:
        h = cython.cast(
            cython.Py_ssize_t,
            t.connections[connection * tables.CONNECTION + tables.C_CHANNEL] & tables.MASK32,
        )
    else:
        h = _channel_of(t, k, _roles(t, k), 0)
    return h >= 0 and t.channels[h * tables.CHANNEL + tables.H_UNDECIDED] != 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.boundscheck(False)  # see `_entry`
@cython.exceptval(-1, check=False)
def _obstacle(t: Views, k: cython.Py_ssize_t, connection: cython.Py_ssize_t) -> cython.longlong:
    """Why the packet of descriptor word k cannot be taken now, or DONE.

    Payload is handed over before the next packet of its channel: what is decided on it holds
    from there on, however the bytes were cut.  That of settled connections waits for company.
    """
    if t.state[tables.N_PIECES] > t.state[tables.N_WAITING] and _undecided(t, k, connection):
        return tables.NEED_EVENTS
    if (
        t.state[tables.NEWEST] >= t.state[tables.SWEEP_AT]
        and 4 * t.state[tables.SWEEP_COUNT] >= t.state[tables.CONNECTION_HIGH]
    ):
        return tables.SWEEP
    if not _room(t):
        return tables.NEED_EVENTS
    if t.state[tables.ROW_LIVE] >= t.state[tables.MAX_ROWS]:
        return tables.NEED_ROWS
    if connection < 0:
        if t.state[tables.CONNECTION_LIVE] >= t.state[tables.MAX_CONNECTIONS]:
            return tables.NEED_CONNECTIONS
        if t.state[tables.CHANNEL_LIVE] >= t.state[tables.MAX_CHANNELS]:
            return tables.NEED_CHANNELS
    return tables.DONE


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _begin(
    t: Views,
    c: cython.Py_ssize_t,
    row: cython.Py_ssize_t,
    ts: cython.longlong,
    from_b: cython.int,
    sequence: cython.ulonglong,
    acknowledges: cython.int,
) -> cython.int:
    """A SYN: expects what follows it; the first of its kind opens the connection (again)."""
    o: cython.Py_ssize_t = c * tables.CONNECTION
    shift: cython.int = 32 if from_b else 0
    expected: cython.ulonglong = (sequence + 1) & tables.MASK32
    known: cython.ulonglong = (t.connections[o + tables.C_NEXT] >> shift) & tables.MASK32
    bits: cython.ulonglong = t.connections[o + tables.C_CHANNEL]
    if bits & (tables.SEEN << from_b) and known == expected and not bits & (tables.SPOKE << from_b):
        return 0  # the same SYN again
    if not acknowledges:
        if bits & (tables.SPOKE | (tables.SPOKE << 1)):  # the five-tuple is used again
            t.connections[o + tables.C_COUNTS] &= tables.MASK32
            bits &= ~(tables.SEEN | (tables.SEEN << 1))
            bits |= tables.LOSS | (tables.LOSS << 1)
        bits &= ~(tables.SPOKE | (tables.SPOKE << 1) | tables.WAS_RESET)
        t.connections[o + tables.C_TLS] = 0
        t.connections[o + tables.C_TLS + 1] = 0
        t.rows[row * tables.ROW + tables.R_CONNECTIONS] += 1
        if t.rows[row * tables.ROW + tables.R_OPENING_NS] == 0:
            t.rows[row * tables.ROW + tables.R_OPENING_NS] = ts
            t.rows[row * tables.ROW + tables.R_OPENER] = c + 1
        elif t.rows[row * tables.ROW + tables.R_OPENER] == c + 1:
            t.rows[row * tables.ROW + tables.R_OPENER] = 0
    t.connections[o + tables.C_CHANNEL] = bits | (tables.SEEN << from_b)
    t.connections[o + tables.C_NEXT] = (t.connections[o + tables.C_NEXT] & ~(tables.MASK32 << shift)) | (
        expected << shift
    )
    return 0


@cython.cfunc
@cython.nogil
@cython.boundscheck(False)  # see `_entry`
@cython.exceptval(-1, check=False)
def _payload(
    t: Views,
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
) -> cython.int:
    """New payload of one packet: messages, keyword scan, copy for the dissectors."""
    o: cython.Py_ssize_t = _entry(t.connections, c, tables.CONNECTION)
    rest: cython.longlong = length
    shift: cython.int = 40 if from_b else 32
    one: cython.ulonglong = 1
    framing: cython.ulonglong = t.connections[o + tables.C_TLS + from_b]
    records: cython.longlong = t.rows[_line(t.rows, row, tables.ROW) + tables.R_TLS_RECORDS]
    opening: cython.Py_ssize_t
    found: cython.int
    kept: cython.Py_ssize_t = 0  # bytes that came before, without a word in them
    at: cython.Py_ssize_t
    back: cython.Py_ssize_t
    scanned: cython.Py_ssize_t
    _expire(t, h, ts)
    if datagram:
        _emit(t, row, ts, down, length)
        _opening(t, c, row, from_b, down, length)
    else:
        if framing & tables.TLS_STATE != tables.TLS_OFF:
            if t.connections[o + tables.C_START] != 0:  # the other side's, or ours before its framing showed
                _close(t, c)
            rest = _records(t, c, row, ts, from_b, down, missing, length, b, p, n)
        if rest > 0:
            _segment(t, c, row, ts, rest, from_b)
    t.connections[o + tables.C_CHANNEL] |= tables.SPOKE << from_b
    if missing > 0:
        t.connections[o + tables.C_CHANNEL] |= tables.LOSS << from_b
    if t.connections[o + tables.C_CHANNEL] & tables.IGNORED:
        return 0
    if not t.connections[o + tables.C_CHANNEL] & tables.FLAGGED:
        if datagram:
            opening = _datagram_names(t, t.connections[o + tables.C_KEY], row, from_b, down, b, p, n)
            if opening > 0:
                return _copy(t, c, ts, from_b, length, b, p, opening, 1)
        if (t.connections[o + tables.C_COUNTS] >> shift) & 0xFF < tables.SCAN_PACKETS:
            t.connections[o + tables.C_COUNTS] += one << shift
        elif not t.connections[o + tables.C_COUNTS] & (tables.HEADED << from_b):
            return 0
        if t.connections[o + tables.C_TLS + from_b] & tables.TLS_STATE == tables.TLS_ON and not datagram:
            if _names(t, c, row, from_b, down, framing, records, b, p, n):  # there are no words in there
                _copy(t, c, ts, from_b, length, b, p, n, 1)
            return 0
        scanned = n if n < tables.SCAN_BYTES else tables.SCAN_BYTES
        found = _has_keyword(t, b, p, scanned)
        if not datagram:
            kept = _join_head(t, c, from_b, missing, length, b, p, n)
            if kept > 0 and not found:  # a word may begin in what was kept
                at = _head_at(c, from_b)
                back = kept if kept < tables.LONGEST_WORD else tables.LONGEST_WORD
                scanned = n if n < tables.HEAD_BYTES - kept else tables.HEAD_BYTES - kept
                scanned = scanned if scanned < tables.LONGEST_WORD else tables.LONGEST_WORD
                found = _has_keyword(t, t.copied, at + kept - back, back + scanned)
        if not found:
            if not datagram and _names(t, c, row, from_b, down, framing, records, b, p, n):
                _copy(t, c, ts, from_b, length, b, p, n, 1)
            return 0
        t.connections[o + tables.C_CHANNEL] |= tables.FLAGGED
        if kept > 0:
            _copy(t, c, ts, from_b, kept, t.copied, _head_at(c, from_b), kept, 0)
    return _copy(t, c, ts, from_b, length, b, p, n, 0)


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
def _ahead(t: Views, o: cython.Py_ssize_t, from_b: cython.int, sequence: cython.ulonglong) -> cython.longlong:
    """How far a segment lies beyond the next expected byte; 0 where none is expected yet."""
    if not t.connections[o + tables.C_CHANNEL] & (tables.SEEN << from_b):
        return 0
    return _distance(sequence, (t.connections[o + tables.C_NEXT] >> (32 if from_b else 0)) & tables.MASK32)


@cython.cfunc
@cython.nogil
@cython.boundscheck(False)  # see `_entry`
@cython.exceptval(-1, check=False)
def _place(
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
    o: cython.Py_ssize_t = _entry(t.connections, c, tables.CONNECTION)
    shift: cython.int = 32 if from_b else 0
    ahead: cython.longlong = _ahead(t, o, from_b, sequence)
    missing: cython.longlong = 0
    if ahead < 0 and ahead > -tables.STALE:  # some or all of it is old
        if length + ahead <= 0:
            row = _line(t.rows, row, tables.ROW) + (tables.R_DOWN if down else tables.R_UP)
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
    return _payload(t, c, h, row, ts, from_b, down, missing, length, b, p, n, 0)


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
        beyond = _distance(
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
    _copy_bytes(t.held, slot * tables.HOLD_BYTES, b, p, n)
    return count


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _let_go(
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
            and (before < 0 or _distance(sequence, cython.cast(cython.ulonglong, before)) >= 0)
            and _ahead(t, o, from_b, sequence) > 0
        ):
            break
        at_least -= 1
        _set_first_held(t, o, from_b, cython.cast(cython.Py_ssize_t, t.holds[i + tables.S_NEXT]) - 1)
        t.holds[i + tables.S_WHOSE] = -1
        _place(
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
def _reorder(
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
        return _let_go(t, c, from_b, 1, -1)
    if ahead > tables.HOLD_AHEAD or ahead <= -tables.STALE:  # the stream goes on elsewhere
        _let_go(t, c, from_b, tables.HOLDS, -1)
    elif ahead > 0:
        _let_go(t, c, from_b, 0, cython.cast(cython.longlong, sequence))
    _place(t, c, h, row, ts, from_b, down, sequence, length, b, p, n)
    if _first_held(t, o, from_b) < 0:
        return 0
    return _let_go(t, c, from_b, 0, -1)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _wait_no_longer(t: Views) -> cython.int:
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
            if undecided > 0 or not _room(t):
                return 0
            _let_go(
                t,
                cython.cast(cython.Py_ssize_t, whose >> 1),
                cython.cast(cython.int, whose & 1),
                0,
                (t.holds[s + tables.S_SEQUENCE] + 1) & tables.MASK32,
            )
        t.state[tables.HOLD_HEAD] += 1
    return 1


@cython.cfunc
@cython.nogil
@cython.boundscheck(False)  # see `_entry`
@cython.exceptval(-1, check=False)
def _first(
    t: Views, w: cython.Py_ssize_t, ts: cython.longlong, key: cython.ulonglong, client_is_a: cython.int
) -> cython.int:
    """The row's first packet so far: its time and ports; of two at once, that of the lower ports."""
    a: cython.longlong = cython.cast(cython.longlong, key >> 48)
    b: cython.longlong = cython.cast(cython.longlong, (key >> 32) & 0xFFFF)
    if t.rows[w + tables.R_FIRST] != ts or a + b < (
        t.rows[w + tables.R_PORTS] + t.rows[w + tables.R_PORTS + 1]
    ):
        t.rows[w + tables.R_PORTS + 1 - client_is_a] = a
        t.rows[w + tables.R_PORTS + client_is_a] = b
    t.rows[w + tables.R_FIRST] = ts
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.boundscheck(False)  # see `_entry`
@cython.exceptval(-1, check=False)
def _packet(t: Views, k: cython.Py_ssize_t, c: cython.Py_ssize_t, b: cython.uchar[::1]) -> cython.int:
    """Counts one packet of connection c in its row."""
    o: cython.Py_ssize_t = _entry(t.connections, c, tables.CONNECTION)
    bits: cython.ulonglong = t.batch[k + tables.BITS]
    ts: cython.longlong = cython.cast(cython.longlong, t.batch[k + tables.TIME])
    length: cython.longlong = cython.cast(cython.longlong, t.batch[k + tables.PAYLOAD])
    p: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, t.batch[k + tables.OFFSET])
    n: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, t.batch[k + tables.CAPTURED])
    tcp: cython.int = (t.batch[k + tables.KEY] & 0xFF) == 6
    from_b: cython.int = 1 if bits & tables.FROM_B else 0
    h: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, t.connections[o + tables.C_CHANNEL] & tables.MASK32)
    client_is_a: cython.int = 1 if t.connections[o + tables.C_CHANNEL] & tables.CLIENT_IS_A else 0
    down: cython.Py_ssize_t = 1 if from_b == client_is_a else 0
    row: cython.Py_ssize_t = _row(t, h, ts)
    w: cython.Py_ssize_t = _line(t.rows, row, tables.ROW)
    last: cython.Py_ssize_t = _entry(t.channels, h, tables.CHANNEL) + tables.H_LAST
    d: cython.Py_ssize_t = w + tables.R_UP + down * (tables.R_DOWN - tables.R_UP)
    sequence: cython.ulonglong = t.batch[k + tables.SEQUENCE]
    ahead: cython.longlong
    side: cython.int
    if cython.cast(cython.longlong, t.connections[o + tables.C_LAST]) < ts:
        t.connections[o + tables.C_LAST] = ts
    if cython.cast(cython.longlong, t.channels[last]) < ts:
        t.channels[last] = ts
    if t.connections[o + tables.C_COUNTS] & tables.MASK32 != tables.MASK32:
        t.connections[o + tables.C_COUNTS] += 1
    if ts <= t.rows[w + tables.R_FIRST] or t.rows[w + tables.R_FIRST] == 0:
        _first(t, w, ts, t.batch[k + tables.KEY], client_is_a)
    if ts > t.rows[w + tables.R_LAST]:
        t.rows[w + tables.R_LAST] = ts
    t.rows[d + layout.PACKETS] += 1
    t.rows[d + layout.BYTES] += cython.cast(cython.longlong, t.batch[k + tables.WIRE])
    t.rows[d + layout.PAYLOAD_BYTES] += length
    if not tcp:
        if length > 0:
            _payload(t, c, h, row, ts, from_b, down, 0, length, b, p, n, 1)
        return 0
    if bits & 4 and not t.connections[o + tables.C_CHANNEL] & tables.WAS_RESET:
        t.connections[o + tables.C_CHANNEL] |= tables.WAS_RESET
        t.rows[w + tables.R_RESETS] += 1
    if bits & 2:
        if t.connections[o + tables.C_CHANNEL] >> tables.HELD:
            for side in range(2):
                _let_go(t, c, side, tables.HOLDS, -1)
        if not bits & 16 and t.connections[o + tables.C_START] != 0:
            _close(t, c)
        _begin(t, c, row, ts, from_b, sequence, cython.cast(cython.int, bits & 16))
        sequence = (sequence + 1) & tables.MASK32  # data in a SYN (fast open) follows it
    if length == 0 and bits & 23 != 16:
        return 0
    ahead = _ahead(t, o, from_b, sequence)
    if ahead == -1 and length <= 1 and bits & 23 == 16:
        t.rows[d + layout.KEEPALIVES] += 1
        return 0
    if length == 0:
        return 0
    if ahead > 0 or t.connections[o + tables.C_CHANNEL] >> tables.HELD:
        return _reorder(t, c, h, row, ts, from_b, down, ahead, sequence, length, b, p, n)
    return _place(t, c, h, row, ts, from_b, down, sequence, length, b, p, n)


@cython.cfunc
@cython.nogil
@cython.boundscheck(False)  # see `_entry`
@cython.exceptval(-1, check=False)
def _update(
    t: Views, start: cython.Py_ssize_t, n: cython.Py_ssize_t, b: cython.uchar[::1]
) -> cython.Py_ssize_t:
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t
    c: cython.Py_ssize_t
    role: cython.int
    basis: cython.Py_ssize_t
    touched: cython.Py_ssize_t = start
    _line(t.state, 0, tables.UPDATE)
    for i in range(start, n):
        if i == touched:
            touched = min(i + tables.TOUCH, n)
            _touch(t, i, touched)
        k = _entry(t.batch, i, tables.DESCRIPTOR)
        if cython.cast(cython.longlong, t.batch[k + tables.TIME]) > t.state[tables.NEWEST]:
            t.state[tables.NEWEST] = cython.cast(cython.longlong, t.batch[k + tables.TIME])
        if t.batch[k + tables.HASH] == tables.OTHER_PART:
            t.state[tables.ELSEWHERE] += 1
            continue
        if t.state[tables.HOLD_HEAD] != t.state[tables.HOLD_TAIL] and not _wait_no_longer(t):
            t.state[tables.STATUS] = tables.NEED_EVENTS
            return i
        c = _find_connection(t, k)
        t.state[tables.STATUS] = _obstacle(t, k, c)
        if t.state[tables.STATUS] != tables.DONE:
            return i
        if c >= 0 and _idle(
            t,
            t.connections[_entry(t.connections, c, tables.CONNECTION) + tables.C_LAST],
            cython.cast(cython.longlong, t.batch[k + tables.TIME]),
        ):
            t.state[tables.STATUS] = tables.FORGET
            t.state[tables.TURN_CONNECTION] = c
            return i
        if c < 0:
            c = _join(t, k)
        elif t.batch[k + tables.BITS] & 2 and (t.batch[k + tables.KEY] & 0xFF) == 6:
            role = _roles(t, k)
            if (role & 1) != (
                1
                if t.connections[_entry(t.connections, c, tables.CONNECTION) + tables.C_CHANNEL]
                & tables.CLIENT_IS_A
                else 0
            ):
                t.state[tables.STATUS] = tables.TURN
                t.state[tables.TURN_CONNECTION] = c
                t.state[tables.TURN_CLIENT_IS_A] = role & 1
                return i
            basis = cython.cast(
                cython.Py_ssize_t,
                t.connections[_entry(t.connections, c, tables.CONNECTION) + tables.C_CHANNEL] & tables.MASK32,
            )
            t.channels[_entry(t.channels, basis, tables.CHANNEL) + tables.H_BASIS] = 3
        t.state[tables.SWEEP_COUNT] += 1
        _packet(t, k, c, b)
    return n


def update(
    t: Views, start: cython.Py_ssize_t, n: cython.Py_ssize_t, window: cython.uchar[::1]
) -> cython.Py_ssize_t:
    """Takes descriptors start .. n of a batch; returns the first one not taken (n = all).

    Message events pile up in `events` (at most `state[N_EVENTS]`) and must be added to the
    rows before any row leaves; copied payload is described in `pieces`.
    """
    r: cython.Py_ssize_t
    with cython.nogil:
        r = _update(t, start, n, window)
    return r


def take_pieces(t: Views, copied: bytes) -> list[tuple[int, int, bool, int, bool, bytes, int, bool]]:
    """What `update` copied, in order, each piece the fields of a `working.Payload`; empties the buffer.

    `copied` is what of the buffer is filled: `state[PIECE_FILL]` bytes.
    """
    taken: list = []
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t
    c: cython.Py_ssize_t
    o: cython.Py_ssize_t
    h: cython.Py_ssize_t
    start: cython.Py_ssize_t
    length: cython.Py_ssize_t
    for i in range(t.state[tables.N_PIECES]):
        k = i * tables.PIECE
        c = cython.cast(cython.Py_ssize_t, t.pieces[k])
        o = c * tables.CONNECTION
        h = cython.cast(cython.Py_ssize_t, t.connections[o + tables.C_CHANNEL] & tables.MASK32)
        t.channels[h * tables.CHANNEL + tables.H_UNDECIDED] = 0
        start = cython.cast(cython.Py_ssize_t, t.pieces[k + 2] >> 32)
        length = cython.cast(cython.Py_ssize_t, t.pieces[k + 2] & tables.MASK32)
        taken.append(
            (
                (t.connection_generations[c] << 32) | c,
                (t.channel_generations[h] << 32) | h,
                bool(t.pieces[k + 3] & 1),
                t.pieces[k + 1],
                bool(t.pieces[k + 3] & 2),
                copied[start : start + length],
                t.connections[o + tables.C_KEY] & 0xFF,
                bool(t.pieces[k + 3] & 4),
            )
        )
    t.state[tables.N_PIECES] = 0
    t.state[tables.N_WAITING] = 0
    t.state[tables.PIECE_FILL] = 0
    return taken


def let_go(t: Views, c: cython.Py_ssize_t, from_b: cython.int) -> None:
    """Passes on all segments that a direction of connection slot c waits with; the events must be settled."""
    _let_go(t, c, from_b, tables.HOLDS, -1)


def close_message(t: Views, c: cython.Py_ssize_t) -> None:
    """Ends the open message of connection slot c, if there is one."""
    if t.connections[c * tables.CONNECTION + tables.C_START] != 0:
        _close(t, c)


def close_messages(t: Views, leaving: cython.longlong[::1], begin: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """Ends the open messages that belong to rows leaving[begin:]; returns how far the events had room."""
    i: cython.Py_ssize_t
    r: cython.Py_ssize_t
    h: cython.Py_ssize_t
    o: cython.Py_ssize_t
    c: cython.ulonglong
    following: cython.ulonglong
    for i in range(begin, leaving.shape[0]):
        r = cython.cast(cython.Py_ssize_t, leaving[i])
        h = cython.cast(cython.Py_ssize_t, t.rows[r * tables.ROW + tables.R_CHANNEL])
        c = t.channels[h * tables.CHANNEL + tables.H_OPEN] & tables.MASK32
        while c != 0:
            if (cython.cast(cython.Py_ssize_t, t.state[tables.N_EVENTS]) + 1) * tables.EVENT > t.events.shape[
                0
            ]:
                return i
            o = cython.cast(cython.Py_ssize_t, c - 1) * tables.CONNECTION
            following = t.connections[o + tables.C_LINKS] >> 32
            if cython.cast(cython.Py_ssize_t, t.connections[o + tables.C_LENGTH] >> 40) == r:
                _close(t, cython.cast(cython.Py_ssize_t, c - 1))
            c = following
    return leaving.shape[0]


def open_channel(
    t: Views,
    client_high: cython.ulonglong,
    client_low: cython.ulonglong,
    server_high: cython.ulonglong,
    server_low: cython.ulonglong,
    key: cython.ulonglong,
) -> cython.Py_ssize_t:
    """The slot of a channel, made where there is none; `key` is the server's port << 32 | protocol."""
    return _channel(t, client_high, client_low, server_high, server_low, key, 1)
