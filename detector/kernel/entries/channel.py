"""Channels: found or made by who is the client, and who that is by a connection's first packet.

Who is the client is said by a SYN; else by a dissector, later; else by a service's port;
else by who spoke first (`records.Basis`).
"""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import tables
    from cython.cimports.detector.kernel.slots import hash_ends, insert
    from cython.cimports.detector.kernel.views import Views
else:
    from detector.kernel import tables
    from detector.kernel.slots import hash_ends, insert
    from detector.kernel.views import Views


@cython.cfunc
@cython.inline
@cython.nogil
@cython.boundscheck(False)  # see `entry`
@cython.exceptval(-1, check=False)
def is_idle(t: Views, last: cython.ulonglong, now: cython.longlong) -> cython.int:
    """Whether what was last heard of then is forgotten now, swept yet or not: no result hangs on sweeps.

    (But for packets that are late by more than IDLE, which find what no sweep has taken.)
    """
    return cython.cast(cython.longlong, last) < now - t.state[tables.IDLE]


@cython.cfunc
@cython.nogil
@cython.exceptval(-2, check=False)
def channel_slot(
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
                if is_idle(t, t.channels[o + tables.H_LAST], t.state[tables.NEWEST]):
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
def roles(t: Views, k: cython.Py_ssize_t) -> cython.int:
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
def channel_hash(t: Views, k: cython.Py_ssize_t, role: cython.int) -> cython.ulonglong:
    """Where `channel_slot` begins to look for what `channel_of` asks for."""
    key: cython.ulonglong = t.batch[k + tables.KEY]
    if role & 1:
        key = (((key >> 32) & 0xFFFF) << 32) | (key & 0xFF)
        return hash_ends(t.batch[k], t.batch[k + 1], t.batch[k + 2], t.batch[k + 3], key, t.seed)
    key = ((key >> 48) << 32) | (key & 0xFF)
    return hash_ends(t.batch[k + 2], t.batch[k + 3], t.batch[k], t.batch[k + 1], key, t.seed)


@cython.cfunc
@cython.nogil
@cython.exceptval(-2, check=False)
def channel_of(t: Views, k: cython.Py_ssize_t, role: cython.int, make: cython.int) -> cython.Py_ssize_t:
    """Slot of the channel of descriptor word k by the roles of `roles`: as `channel_slot`."""
    key: cython.ulonglong = t.batch[k + tables.KEY]
    if role & 1:
        key = (((key >> 32) & 0xFFFF) << 32) | (key & 0xFF)
        return channel_slot(t, t.batch[k], t.batch[k + 1], t.batch[k + 2], t.batch[k + 3], key, make)
    key = ((key >> 48) << 32) | (key & 0xFF)
    return channel_slot(t, t.batch[k + 2], t.batch[k + 3], t.batch[k], t.batch[k + 1], key, make)
