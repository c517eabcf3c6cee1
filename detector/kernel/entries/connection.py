"""Connections: found by both ends and the protocol, or entered with a channel of their own or another's."""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import tables
    from cython.cimports.detector.kernel.slots import insert
    from cython.cimports.detector.kernel.views import Views
else:
    from detector.kernel import tables
    from detector.kernel.entries.bounds import entry
    from detector.kernel.entries.channel import channel_of, roles
    from detector.kernel.slots import insert
    from detector.kernel.views import Views


@cython.cfunc
@cython.inline
@cython.nogil
@cython.boundscheck(False)  # see `entry`
@cython.exceptval(-2, check=False)
def find_connection(t: Views, k: cython.Py_ssize_t) -> cython.Py_ssize_t:
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
            o = entry(t.connections, c, tables.CONNECTION)
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
@cython.nogil
@cython.exceptval(-2, check=False)
def join(t: Views, k: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """A new connection for descriptor word k, in its channel; its slot."""
    c: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, t.state[tables.CONNECTION_FREE])
    o: cython.Py_ssize_t
    i: cython.Py_ssize_t
    h: cython.Py_ssize_t
    role: cython.int = roles(t, k)
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
    h = channel_of(t, k, role, 1)
    t.connections[o + tables.C_CHANNEL] = cython.cast(cython.ulonglong, h) | (
        tables.CLIENT_IS_A if role & 1 else 0
    )
    h *= tables.CHANNEL
    t.channels[h + tables.H_CONNECTIONS] += 1
    if t.channels[h + tables.H_BASIS] < cython.cast(cython.ulonglong, role >> 1):
        t.channels[h + tables.H_BASIS] = role >> 1
    insert(t.connection_table, t.batch[k + tables.HASH], c)
    return c
