"""Memory loaded ahead of its use: a packet's connection, channel and row, a batch of packets at a time."""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import memory, tables
    from cython.cimports.detector.kernel.slots import hash_ends
    from cython.cimports.detector.kernel.views import Views
else:
    from detector.kernel import tables
    from detector.kernel.entries.bounds import entry, line
    from detector.kernel.entries.channel import channel_hash, roles
    from detector.kernel.slots import hash_ends
    from detector.kernel.views import Views


@cython.cfunc
@cython.inline
@cython.nogil
@cython.boundscheck(False)  # see `entry`
@cython.exceptval(-1, check=False)
def touch(t: Views, start: cython.Py_ssize_t, n: cython.Py_ssize_t) -> cython.int:
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
        k = entry(t.batch, i, tables.DESCRIPTOR)
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
            k = entry(t.batch, i, tables.DESCRIPTOR)
            if t.batch[k + tables.HASH] == tables.OTHER_PART:
                continue
            v = t.connection_table[cython.cast(cython.Py_ssize_t, t.batch[k + tables.HASH]) & mask]
            if v == 0:  # a new connection: its channel will be looked for
                h = cython.cast(cython.Py_ssize_t, channel_hash(t, k, roles(t, k)))
                memory.prefetch(cython.address(t.channel_table[h & (t.channel_table.shape[0] - 1)]))
            else:
                t.batch[k + tables.TOUCHED] = v & tables.MASK32  # slot + 1 of what is likely the connection
                h = entry(
                    t.connections, cython.cast(cython.Py_ssize_t, v & tables.MASK32) - 1, tables.CONNECTION
                )
                memory.prefetch(cython.address(t.connections[h]))
                memory.prefetch(cython.address(t.connections[h + tables.C_START]))
        for i in range(start, n):
            k = entry(t.batch, i, tables.DESCRIPTOR) + tables.TOUCHED
            h = cython.cast(cython.Py_ssize_t, t.batch[k]) - 1
            if h >= 0:
                h = entry(t.connections, h, tables.CONNECTION) + tables.C_CHANNEL
                h = cython.cast(cython.Py_ssize_t, t.connections[h] & tables.MASK32)
                t.batch[k] = cython.cast(cython.ulonglong, h + 1)
                memory.prefetch(
                    cython.address(t.channels[entry(t.channels, h, tables.CHANNEL) + tables.H_ROW])
                )
        for i in range(start, n):
            k = entry(t.batch, i, tables.DESCRIPTOR) + tables.TOUCHED
            h = cython.cast(cython.Py_ssize_t, t.batch[k]) - 1
            if h >= 0:
                h = entry(t.channels, h, tables.CHANNEL) + tables.H_ROW
                h = cython.cast(cython.Py_ssize_t, t.channels[h]) - 1
            if h >= 0:
                h = line(t.rows, h, tables.ROW)
                memory.prefetch(cython.address(t.rows[h]))
                memory.prefetch(cython.address(t.rows[h + tables.R_UP]))
                memory.prefetch(cython.address(t.rows[h + tables.R_DOWN]))
    return 0
