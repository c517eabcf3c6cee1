# cython: language_level=3, wraparound=False, cdivision=True, initializedcheck=False
"""Slots of the working tables: found by hash, ranked by who is missed least, given back.

Owns the hash tables (open addressing, slot + 1 beside 32 bits of hash) and the order in
which a full table lets go.  `channels` takes slots, `working` asks for them back.

Eviction, in this order: connections that never became a dialogue (one side has sent no
payload) and have few packets; dialogues of few packets; the rest.  Within each, the one
longest silent goes first.  So a scan or flood pushes out its own debris, and a miner,
which talks back and forth for hours, is reached only when as many other dialogues as the
table holds were all active since its last packet; even then its next packets make it a
connection again and only their order across the cut is lost.
"""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import layout, memory, tables
    from cython.cimports.detector.kernel.views import Views
else:
    from detector.kernel import layout, tables
    from detector.kernel.views import Views


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _mix(x: cython.ulonglong) -> cython.ulonglong:
    x ^= x >> 32
    x = (x * tables.MIX) & tables.MASK64
    x ^= x >> 32
    x = (x * tables.MIX) & tables.MASK64
    x ^= x >> 32
    return x


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def hash_ends(
    a0: cython.ulonglong,
    a1: cython.ulonglong,
    b0: cython.ulonglong,
    b1: cython.ulonglong,
    key: cython.ulonglong,
    seed: cython.ulonglong,
) -> cython.ulonglong:
    """32 bits; seeded, so that no sender can choose addresses that collide."""
    h: cython.ulonglong = _mix((((a1 ^ seed) * tables.GOLDEN) & tables.MASK64) ^ b1)
    h ^= _mix(((((a0 + seed) & tables.MASK64) * tables.ODD) & tables.MASK64) ^ b0 ^ key)
    h = _mix((h + key) & tables.MASK64)
    return h & tables.MASK32


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def insert(table: cython.ulonglong[::1], h: cython.ulonglong, slot: cython.Py_ssize_t) -> cython.int:
    mask: cython.Py_ssize_t = table.shape[0] - 1
    i: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, h) & mask
    while table[i] != 0:
        i = (i + 1) & mask
    table[i] = (h << 32) | cython.cast(cython.ulonglong, slot + 1)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _remove(table: cython.ulonglong[::1], h: cython.ulonglong, slot: cython.Py_ssize_t) -> cython.int:
    """Takes an entry out and closes the gap (Knuth, 6.4 algorithm R), so that no tombstones pile up."""
    mask: cython.Py_ssize_t = table.shape[0] - 1
    i: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, h) & mask
    entry: cython.ulonglong = (h << 32) | cython.cast(cython.ulonglong, slot + 1)
    j: cython.Py_ssize_t
    home: cython.Py_ssize_t
    while table[i] != entry:
        if table[i] == 0:
            return 0
        i = (i + 1) & mask
    j = i
    while True:
        j = (j + 1) & mask
        if table[j] == 0:
            break
        home = cython.cast(cython.Py_ssize_t, table[j] >> 32) & mask
        if ((j - home) & mask) >= ((j - i) & mask):
            table[i] = table[j]
            i = j
    table[i] = 0
    return 0


def rehash(old: cython.ulonglong[::1], new: cython.ulonglong[::1]) -> None:
    """Enters what stands in one hash table into a larger, empty one."""
    i: cython.Py_ssize_t
    v: cython.ulonglong
    with cython.nogil:
        for i in range(old.shape[0]):
            v = old[i]
            if v != 0:
                insert(new, v >> 32, cython.cast(cython.Py_ssize_t, v & tables.MASK32) - 1)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _hashes(
    slots: cython.longlong[::1],
    size: cython.Py_ssize_t,
    held: cython.ulonglong[::1],
    seed: cython.ulonglong,
    table: cython.ulonglong[::1],
    hashes: cython.ulonglong[::1],
) -> cython.int:
    """Hashes of entries of `size` words that begin with their ends and key; has the table loaded there."""
    i: cython.Py_ssize_t
    o: cython.Py_ssize_t
    mask: cython.Py_ssize_t = table.shape[0] - 1
    for i in range(slots.shape[0]):
        o = cython.cast(cython.Py_ssize_t, slots[i]) * size
        hashes[i] = hash_ends(held[o], held[o + 1], held[o + 2], held[o + 3], held[o + 4], seed)
        if cython.compiled:
            memory.prefetch(cython.address(table[cython.cast(cython.Py_ssize_t, hashes[i]) & mask]))
    return 0


def forget_connections(t: Views, leaving: cython.longlong[::1], hashes: cython.ulonglong[::1]) -> None:
    """Frees connection slots whose messages are closed; `hashes`: scratch, a word a slot."""
    i: cython.Py_ssize_t
    c: cython.Py_ssize_t
    o: cython.Py_ssize_t
    h: cython.Py_ssize_t
    with cython.nogil:
        _hashes(leaving, tables.CONNECTION, t.connections, t.seed, t.connection_table, hashes)
        for i in range(leaving.shape[0]):
            c = cython.cast(cython.Py_ssize_t, leaving[i])
            o = c * tables.CONNECTION
            _remove(t.connection_table, hashes[i], c)
            h = cython.cast(cython.Py_ssize_t, t.connections[o + tables.C_CHANNEL] & tables.MASK32)
            t.channels[h * tables.CHANNEL + tables.H_CONNECTIONS] -= 1
            t.connections[o + tables.C_CHANNEL] = cython.cast(
                cython.ulonglong, t.state[tables.CONNECTION_FREE] + 1
            )
            t.connections[o + tables.C_LAST] = tables.MASK64
            t.state[tables.CONNECTION_FREE] = c
            t.state[tables.CONNECTION_LIVE] -= 1


def forget_channels(t: Views, leaving: cython.longlong[::1], hashes: cython.ulonglong[::1]) -> None:
    """Frees channel slots without connections and rows; `hashes`: scratch, a word a slot."""
    i: cython.Py_ssize_t
    c: cython.Py_ssize_t
    o: cython.Py_ssize_t
    with cython.nogil:
        _hashes(leaving, tables.CHANNEL, t.channels, t.seed, t.channel_table, hashes)
        for i in range(leaving.shape[0]):
            c = cython.cast(cython.Py_ssize_t, leaving[i])
            o = c * tables.CHANNEL
            _remove(t.channel_table, hashes[i], c)
            t.channels[o + tables.H_NEXT] = cython.cast(cython.ulonglong, t.state[tables.CHANNEL_FREE] + 1)
            t.channels[o + tables.H_LAST] = tables.MASK64
            t.state[tables.CHANNEL_FREE] = c
            t.state[tables.CHANNEL_LIVE] -= 1


def rank_connections(t: Views, ranks: cython.longlong[::1]) -> None:
    """Writes for every slot ever used how dear it is, the least first: kind, then time of the last packet.

    Free slots rank above all.
    """
    c: cython.Py_ssize_t
    o: cython.Py_ssize_t
    kind: cython.longlong
    both: cython.ulonglong = tables.SPOKE | (tables.SPOKE << 1)
    with cython.nogil:
        for c in range(t.state[tables.CONNECTION_HIGH]):
            o = c * tables.CONNECTION
            if t.connections[o + tables.C_LAST] == tables.MASK64:
                ranks[c] = tables.TIME_LIMIT
                continue
            kind = 0
            if t.connections[o + tables.C_COUNTS] & tables.MASK32 >= tables.FEW:
                kind = 2
            elif t.connections[o + tables.C_CHANNEL] & both == both:
                kind = 1
            ranks[c] = (kind << 61) | cython.cast(cython.longlong, t.connections[o + tables.C_LAST] >> 2)


def rank_rows(t: Views, ranks: cython.longlong[::1]) -> None:
    """Writes for every row slot ever used how soon it should leave: without messages, then longest silent.

    Free slots rank above all.
    """
    r: cython.Py_ssize_t
    o: cython.Py_ssize_t
    said: cython.longlong
    with cython.nogil:
        for r in range(t.state[tables.ROW_HIGH]):
            o = r * tables.ROW
            if t.rows[o + tables.R_CHANNEL] < 0:
                ranks[r] = tables.TIME_LIMIT
                continue
            said = 1 if t.rows[o + tables.R_MESSAGES] != 0 else 0
            ranks[r] = (said << 61) | (t.rows[o + tables.R_LAST] >> 2)


def silent_channels(t: Views, before: cython.longlong, found: cython.longlong[::1]) -> cython.Py_ssize_t:
    """Writes the slots of channels without a connection, last heard of before then; returns their number."""
    c: cython.Py_ssize_t
    o: cython.Py_ssize_t
    n: cython.Py_ssize_t = 0
    last: cython.longlong
    with cython.nogil:
        for c in range(t.state[tables.CHANNEL_HIGH]):
            o = c * tables.CHANNEL
            last = cython.cast(cython.longlong, t.channels[o + tables.H_LAST])
            if t.channels[o + tables.H_CONNECTIONS] == 0 and last >= 0 and last < before:
                found[n] = c
                n += 1
    return n


def release_rows(t: Views, leaving: cython.longlong[::1]) -> None:
    """Takes rows out of their channels' chains and onto the free lists."""
    full: cython.Py_ssize_t
    i: cython.Py_ssize_t
    r: cython.Py_ssize_t
    h: cython.Py_ssize_t
    p: cython.Py_ssize_t
    for i in range(leaving.shape[0]):
        r = cython.cast(cython.Py_ssize_t, leaving[i])
        h = (
            cython.cast(cython.Py_ssize_t, t.rows[r * tables.ROW + tables.R_CHANNEL]) * tables.CHANNEL
            + tables.H_ROW
        )
        p = cython.cast(cython.Py_ssize_t, t.channels[h])
        if p == r + 1:
            t.channels[h] = cython.cast(cython.ulonglong, t.rows[r * tables.ROW + tables.R_NEXT])
        else:
            while t.rows[(p - 1) * tables.ROW + tables.R_NEXT] != r + 1:
                p = cython.cast(cython.Py_ssize_t, t.rows[(p - 1) * tables.ROW + tables.R_NEXT])
            t.rows[(p - 1) * tables.ROW + tables.R_NEXT] = t.rows[r * tables.ROW + tables.R_NEXT]
        full = cython.cast(cython.Py_ssize_t, t.rows[r * tables.ROW + tables.R_FULL]) - 1
        if full >= 0:
            t.wide[full * layout.WIDE] = t.state[tables.FULL_FREE]
            t.state[tables.FULL_FREE] = full
        t.rows[r * tables.ROW + tables.R_CHANNEL] = -1
        t.rows[r * tables.ROW + tables.R_NEXT] = t.state[tables.ROW_FREE] + 1
        t.state[tables.ROW_FREE] = r
        t.state[tables.ROW_LIVE] -= 1


def move_rows(t: Views, source: cython.Py_ssize_t, target: cython.Py_ssize_t) -> list[int]:
    """Hangs all rows of one channel into another's chain; returns them.

    Both may have a row of the same window: they are merged when they leave.
    """
    moved: list = []
    r: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, t.channels[source * tables.CHANNEL + tables.H_ROW])
    last: cython.Py_ssize_t = 0
    while r != 0:
        moved.append(r - 1)
        t.rows[(r - 1) * tables.ROW + tables.R_CHANNEL] = target
        last = r
        r = cython.cast(cython.Py_ssize_t, t.rows[(r - 1) * tables.ROW + tables.R_NEXT])
    if last != 0:
        t.rows[(last - 1) * tables.ROW + tables.R_NEXT] = cython.cast(
            cython.longlong, t.channels[target * tables.CHANNEL + tables.H_ROW]
        )
        t.channels[target * tables.CHANNEL + tables.H_ROW] = t.channels[
            source * tables.CHANNEL + tables.H_ROW
        ]
        t.channels[source * tables.CHANNEL + tables.H_ROW] = 0
    return moved
