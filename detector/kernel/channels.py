# cython: language_level=3, wraparound=False, cdivision=True, initializedcheck=False
"""From packet descriptors to rows: the tables of connections, channels and open rows.

Owns who talks to whom: finds each packet's connection, its channel and the channel's row
of the packet's window, counts the packet there, follows TCP sequence numbers and TLS
record headers, cuts payload into messages (`layout`) for `summaries` to add, and copies
the payload of connections in which the keyword scan found a miner's word.

`update` never grows anything: where room runs out, a roles question comes up or the idle
should be forgotten, it stops before the packet and says why in `state[STATUS]`; `meter`
acts and calls again.  So results do not depend on how the bytes were cut.

Sources: RFC 9293 (TCP; keepalives 3.8.4), RFC 8446 5.1 and RFC 5246 6.2.1 (TLS records).
"""

import cython

from detector.kernel import layout, tables

_A_HIGH = cython.declare(cython.Py_ssize_t, tables.A_HIGH)
_KEY = cython.declare(cython.Py_ssize_t, tables.KEY)
_BITS = cython.declare(cython.Py_ssize_t, tables.BITS)
_TIME = cython.declare(cython.Py_ssize_t, tables.TIME)
_WIRE = cython.declare(cython.Py_ssize_t, tables.WIRE)
_PAYLOAD = cython.declare(cython.Py_ssize_t, tables.PAYLOAD)
_OFFSET = cython.declare(cython.Py_ssize_t, tables.OFFSET)
_CAPTURED = cython.declare(cython.Py_ssize_t, tables.CAPTURED)
_SEQUENCE = cython.declare(cython.Py_ssize_t, tables.SEQUENCE)
_HASH = cython.declare(cython.Py_ssize_t, tables.HASH)
_DESCRIPTOR = cython.declare(cython.Py_ssize_t, tables.DESCRIPTOR)
_FROM_B = cython.declare(cython.ulonglong, tables.FROM_B)

_STATUS = cython.declare(cython.Py_ssize_t, tables.STATUS)
_NEWEST = cython.declare(cython.Py_ssize_t, tables.NEWEST)
_N_EVENTS = cython.declare(cython.Py_ssize_t, tables.N_EVENTS)
_N_PIECES = cython.declare(cython.Py_ssize_t, tables.N_PIECES)
_PIECE_FILL = cython.declare(cython.Py_ssize_t, tables.PIECE_FILL)
_CONNECTION_HIGH = cython.declare(cython.Py_ssize_t, tables.CONNECTION_HIGH)
_CONNECTION_FREE = cython.declare(cython.Py_ssize_t, tables.CONNECTION_FREE)
_CONNECTION_LIVE = cython.declare(cython.Py_ssize_t, tables.CONNECTION_LIVE)
_CHANNEL_HIGH = cython.declare(cython.Py_ssize_t, tables.CHANNEL_HIGH)
_CHANNEL_FREE = cython.declare(cython.Py_ssize_t, tables.CHANNEL_FREE)
_CHANNEL_LIVE = cython.declare(cython.Py_ssize_t, tables.CHANNEL_LIVE)
_ROW_HIGH = cython.declare(cython.Py_ssize_t, tables.ROW_HIGH)
_ROW_FREE = cython.declare(cython.Py_ssize_t, tables.ROW_FREE)
_ROW_LIVE = cython.declare(cython.Py_ssize_t, tables.ROW_LIVE)
_WINDOW = cython.declare(cython.Py_ssize_t, tables.WINDOW)
_SWEEP_AT = cython.declare(cython.Py_ssize_t, tables.SWEEP_AT)
_SWEEP_COUNT = cython.declare(cython.Py_ssize_t, tables.SWEEP_COUNT)
_PAYLOAD_LIMIT = cython.declare(cython.Py_ssize_t, tables.PAYLOAD_LIMIT)
_MAX_CONNECTIONS = cython.declare(cython.Py_ssize_t, tables.MAX_CONNECTIONS)
_MAX_CHANNELS = cython.declare(cython.Py_ssize_t, tables.MAX_CHANNELS)
_MAX_ROWS = cython.declare(cython.Py_ssize_t, tables.MAX_ROWS)
_TURN_CONNECTION = cython.declare(cython.Py_ssize_t, tables.TURN_CONNECTION)
_TURN_CLIENT_IS_A = cython.declare(cython.Py_ssize_t, tables.TURN_CLIENT_IS_A)
_TOUCHED = cython.declare(cython.Py_ssize_t, tables.TOUCHED)
_DONE = cython.declare(cython.longlong, tables.DONE)
_NEED_ROWS = cython.declare(cython.longlong, tables.NEED_ROWS)
_NEED_CONNECTIONS = cython.declare(cython.longlong, tables.NEED_CONNECTIONS)
_NEED_CHANNELS = cython.declare(cython.longlong, tables.NEED_CHANNELS)
_NEED_EVENTS = cython.declare(cython.longlong, tables.NEED_EVENTS)
_TURN = cython.declare(cython.longlong, tables.TURN)
_SWEEP = cython.declare(cython.longlong, tables.SWEEP)

_C_CHANNEL = cython.declare(cython.Py_ssize_t, tables.C_CHANNEL)
_C_LAST = cython.declare(cython.Py_ssize_t, tables.C_LAST)
_C_START = cython.declare(cython.Py_ssize_t, tables.C_START)
_C_END = cython.declare(cython.Py_ssize_t, tables.C_END)
_C_LENGTH = cython.declare(cython.Py_ssize_t, tables.C_LENGTH)
_C_NEXT = cython.declare(cython.Py_ssize_t, tables.C_NEXT)
_C_LINKS = cython.declare(cython.Py_ssize_t, tables.C_LINKS)
_C_TLS = cython.declare(cython.Py_ssize_t, tables.C_TLS)
_C_COUNTS = cython.declare(cython.Py_ssize_t, tables.C_COUNTS)
_C_QUOTA = cython.declare(cython.Py_ssize_t, tables.C_QUOTA)
_CONNECTION = cython.declare(cython.Py_ssize_t, tables.CONNECTION)
_CLIENT_IS_A = cython.declare(cython.ulonglong, tables.CLIENT_IS_A << 32)
_SEEN = cython.declare(cython.ulonglong, tables.SEEN << 32)
_LOSS = cython.declare(cython.ulonglong, tables.LOSS << 32)
_FLAGGED = cython.declare(cython.ulonglong, tables.FLAGGED << 32)
_IGNORED = cython.declare(cython.ulonglong, tables.IGNORED << 32)
_WAS_RESET = cython.declare(cython.ulonglong, tables.WAS_RESET << 32)
_SPOKE = cython.declare(cython.ulonglong, tables.SPOKE << 32)

_H_KEY = cython.declare(cython.Py_ssize_t, tables.H_KEY)
_H_BASIS = cython.declare(cython.Py_ssize_t, tables.H_BASIS)
_H_ROW = cython.declare(cython.Py_ssize_t, tables.H_ROW)
_H_OPEN = cython.declare(cython.Py_ssize_t, tables.H_OPEN)
_H_CONNECTIONS = cython.declare(cython.Py_ssize_t, tables.H_CONNECTIONS)
_H_LAST = cython.declare(cython.Py_ssize_t, tables.H_LAST)
_H_NEXT = cython.declare(cython.Py_ssize_t, tables.H_NEXT)
_CHANNEL = cython.declare(cython.Py_ssize_t, tables.CHANNEL)

_R_CHANNEL = cython.declare(cython.Py_ssize_t, tables.R_CHANNEL)
_R_NEXT = cython.declare(cython.Py_ssize_t, tables.R_NEXT)
_R_OPENER = cython.declare(cython.Py_ssize_t, tables.R_OPENER)
_ROW = cython.declare(cython.Py_ssize_t, tables.ROW)

_EVENT = cython.declare(cython.Py_ssize_t, tables.EVENT)
_PIECE = cython.declare(cython.Py_ssize_t, tables.PIECE)

_WIDE = cython.declare(cython.Py_ssize_t, layout.WIDE)
_UP = cython.declare(cython.Py_ssize_t, layout.UP)
_DIRECTION = cython.declare(cython.Py_ssize_t, layout.DIRECTION)
_WINDOW_NS = cython.declare(cython.Py_ssize_t, layout.WINDOW_NS)
_FIRST_NS = cython.declare(cython.Py_ssize_t, layout.FIRST_NS)
_LAST_NS = cython.declare(cython.Py_ssize_t, layout.LAST_NS)
_CONNECTIONS = cython.declare(cython.Py_ssize_t, layout.CONNECTIONS)
_RESETS = cython.declare(cython.Py_ssize_t, layout.RESETS)
_KNOWN = cython.declare(cython.Py_ssize_t, layout.KNOWN)
_KNOWS_ALL = cython.declare(cython.longlong, layout.KNOWS_ALL)
_OPENING_NS = cython.declare(cython.Py_ssize_t, layout.OPENING_NS)
_TLS_RECORDS = cython.declare(cython.Py_ssize_t, layout.TLS_RECORDS)
_PACKETS = cython.declare(cython.Py_ssize_t, layout.PACKETS)
_BYTES = cython.declare(cython.Py_ssize_t, layout.BYTES)
_PAYLOAD_BYTES = cython.declare(cython.Py_ssize_t, layout.PAYLOAD_BYTES)
_RETRANSMITTED = cython.declare(cython.Py_ssize_t, layout.RETRANSMITTED)
_KEEPALIVES = cython.declare(cython.Py_ssize_t, layout.KEEPALIVES)
_OPENING = cython.declare(cython.Py_ssize_t, layout.OPENING)
_OPENINGS = cython.declare(cython.longlong, layout.OPENINGS)
_COALESCE = cython.declare(cython.longlong, layout.COALESCE_NS)

_MASK32 = cython.declare(cython.ulonglong, (1 << 32) - 1)
_MASK40 = cython.declare(cython.ulonglong, (1 << 40) - 1)
_MASK64 = cython.declare(cython.ulonglong, (1 << 64) - 1)
_HALF32 = cython.declare(cython.longlong, 1 << 31)
_WHOLE32 = cython.declare(cython.longlong, 1 << 32)
_MIX = cython.declare(cython.ulonglong, 0xD6E8FEB86659FD93)  # rrmxmx's multiplier
_GOLDEN = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)
_ODD = cython.declare(cython.ulonglong, 0xC2B2AE3D27D4EB4F)
_STALE = cython.declare(cython.longlong, 1 << 24)
"""A segment this far below the expected sequence number starts a new count: no window is so large."""

_SCAN_PACKETS = cython.declare(cython.ulonglong, 8)
_SCAN_BYTES = cython.declare(cython.Py_ssize_t, 512)
_LONGEST_RECORD = cython.declare(cython.longlong, 16640)  # 2**14 + 256, RFC 8446 5.2
_ROOM_EVENTS = cython.declare(cython.Py_ssize_t, 11_000)  # 65535 bytes of TLS records of 1 byte
_ROOM_BYTES = cython.declare(cython.longlong, 65_536)
_CHAIN = cython.declare(cython.int, 16)
_EXPIRE = cython.declare(cython.int, 8)

# Fields of a TLS word: bytes left of the record, held header bytes and their number, state.
_TLS_UNKNOWN = cython.declare(cython.ulonglong, 0)
_TLS_ON = cython.declare(cython.ulonglong, 1 << 62)
_TLS_OFF = cython.declare(cython.ulonglong, 2 << 62)
_TLS_STATE = cython.declare(cython.ulonglong, 3 << 62)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _mix(x: cython.ulonglong) -> cython.ulonglong:
    x ^= x >> 32
    x = (x * _MIX) & _MASK64
    x ^= x >> 32
    x = (x * _MIX) & _MASK64
    x ^= x >> 32
    return x


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _hash(
    a0: cython.ulonglong,
    a1: cython.ulonglong,
    b0: cython.ulonglong,
    b1: cython.ulonglong,
    key: cython.ulonglong,
    seed: cython.ulonglong,
) -> cython.ulonglong:
    """32 bits; seeded, so that no sender can choose addresses that collide."""
    h: cython.ulonglong = _mix((((a1 ^ seed) * _GOLDEN) & _MASK64) ^ b1)
    h ^= _mix(((((a0 + seed) & _MASK64) * _ODD) & _MASK64) ^ b0 ^ key)
    h = _mix((h + key) & _MASK64)
    return h & _MASK32


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _insert(table: cython.ulonglong[::1], h: cython.ulonglong, slot: cython.Py_ssize_t) -> cython.int:
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
    h: cython.ulonglong = batch[k + _HASH]
    i: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, h) & mask
    v: cython.ulonglong = table[i]
    c: cython.Py_ssize_t
    o: cython.Py_ssize_t
    while v != 0:
        if v >> 32 == h:
            c = cython.cast(cython.Py_ssize_t, v & _MASK32) - 1
            o = c * _CONNECTION
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
    h: cython.ulonglong = _hash(client_high, client_low, server_high, server_low, key, seed)
    i: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, h) & mask
    v: cython.ulonglong = table[i]
    c: cython.Py_ssize_t
    o: cython.Py_ssize_t
    while v != 0:
        if v >> 32 == h:
            c = cython.cast(cython.Py_ssize_t, v & _MASK32) - 1
            o = c * _CHANNEL
            if (
                channels[o + 1] == client_low
                and channels[o + 3] == server_low
                and channels[o + 4] == key
                and channels[o] == client_high
                and channels[o + 2] == server_high
            ):
                return c
        i = (i + 1) & mask
        v = table[i]
    c = cython.cast(cython.Py_ssize_t, state[_CHANNEL_FREE])
    if c >= 0:
        o = c * _CHANNEL
        state[_CHANNEL_FREE] = cython.cast(cython.longlong, channels[o + _H_NEXT]) - 1
    else:
        c = cython.cast(cython.Py_ssize_t, state[_CHANNEL_HIGH])
        o = c * _CHANNEL
        state[_CHANNEL_HIGH] = c + 1
    state[_CHANNEL_LIVE] += 1
    channels[o] = client_high
    channels[o + 1] = client_low
    channels[o + 2] = server_high
    channels[o + 3] = server_low
    channels[o + _H_KEY] = key
    channels[o + _H_BASIS] = 0
    channels[o + _H_ROW] = 0
    channels[o + _H_OPEN] = 0
    channels[o + _H_CONNECTIONS] = 0
    channels[o + _H_LAST] = 0
    channels[o + _H_NEXT] = 0
    _insert(table, h, c)
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
    c: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, state[_CONNECTION_FREE])
    o: cython.Py_ssize_t
    i: cython.Py_ssize_t
    h: cython.Py_ssize_t
    key: cython.ulonglong = batch[k + _KEY]
    if c >= 0:
        o = c * _CONNECTION
        state[_CONNECTION_FREE] = cython.cast(cython.longlong, connections[o + _C_CHANNEL]) - 1
    else:
        c = cython.cast(cython.Py_ssize_t, state[_CONNECTION_HIGH])
        o = c * _CONNECTION
        state[_CONNECTION_HIGH] = c + 1
    state[_CONNECTION_LIVE] += 1
    for i in range(5):
        connections[o + i] = batch[k + i]
    for i in range(5, _CONNECTION):
        connections[o + i] = 0
    role: cython.int = _roles(batch[k + _BITS] & 0xFF, batch[k + _BITS] & _FROM_B, key, services)
    if role & 1:
        h = _channel(
            batch[k], batch[k + 1], batch[k + 2], batch[k + 3],
            (((key >> 32) & 0xFFFF) << 32) | (key & 0xFF), seed, state, channel_table, channels,
        )  # fmt: skip
        connections[o + _C_CHANNEL] = cython.cast(cython.ulonglong, h) | _CLIENT_IS_A
    else:
        h = _channel(
            batch[k + 2], batch[k + 3], batch[k], batch[k + 1],
            ((key >> 48) << 32) | (key & 0xFF), seed, state, channel_table, channels,
        )  # fmt: skip
        connections[o + _C_CHANNEL] = cython.cast(cython.ulonglong, h)
    h *= _CHANNEL
    channels[h + _H_CONNECTIONS] += 1
    if channels[h + _H_BASIS] < cython.cast(cython.ulonglong, role >> 1):
        channels[h + _H_BASIS] = role >> 1
    _insert(connection_table, batch[k + _HASH], c)
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
    wide: cython.longlong[::1],
) -> cython.Py_ssize_t:
    """The open row of a channel for the window that holds ts, opened where there is none.

    A channel's rows hang in a chain, the newest window first.  Beyond the first few a
    second row of the same window may be opened; they are merged when they leave.
    """
    window: cython.longlong = ts - ts % state[_WINDOW]
    head: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, channels[channel * _CHANNEL + _H_ROW])
    r: cython.Py_ssize_t = head
    _i: cython.int
    for _i in range(_CHAIN):
        if r == 0:
            break
        if wide[(r - 1) * _WIDE + _WINDOW_NS] == window:
            return r - 1
        r = cython.cast(cython.Py_ssize_t, rows[(r - 1) * _ROW + _R_NEXT])
    r = cython.cast(cython.Py_ssize_t, state[_ROW_FREE])
    if r >= 0:
        state[_ROW_FREE] = rows[r * _ROW + _R_NEXT] - 1
    else:
        r = cython.cast(cython.Py_ssize_t, state[_ROW_HIGH])
        state[_ROW_HIGH] = r + 1
    state[_ROW_LIVE] += 1
    wide[r * _WIDE + _WINDOW_NS] = window
    wide[r * _WIDE + _KNOWN] = _KNOWS_ALL
    rows[r * _ROW + _R_CHANNEL] = channel
    rows[r * _ROW + _R_OPENER] = 0
    if head != 0 and wide[(head - 1) * _WIDE + _WINDOW_NS] > window:
        rows[r * _ROW + _R_NEXT] = rows[(head - 1) * _ROW + _R_NEXT]
        rows[(head - 1) * _ROW + _R_NEXT] = r + 1
    else:
        rows[r * _ROW + _R_NEXT] = head
        channels[channel * _CHANNEL + _H_ROW] = r + 1
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
    e: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, state[_N_EVENTS]) * _EVENT
    if length >= _HALF32:
        length = _HALF32 - 1
    events[e] = row
    events[e + 1] = ts
    events[e + 2] = (down << 32) | length
    state[_N_EVENTS] += 1
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
    wide: cython.longlong[::1],
) -> cython.int:
    """Keeps the length where the row keeps this connection's opening."""
    o: cython.Py_ssize_t = c * _CONNECTION + _C_COUNTS
    shift: cython.int = 52 if from_b else 48
    filled: cython.longlong
    one: cython.ulonglong = 1
    if rows[row * _ROW + _R_OPENER] != c + 1:
        return 0
    filled = cython.cast(cython.longlong, (connections[o] >> shift) & 15)
    if filled < _OPENINGS:
        wide[row * _WIDE + _UP + down * _DIRECTION + _OPENING + filled] = length
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
    wide: cython.longlong[::1],
    events: cython.longlong[::1],
) -> cython.int:
    """Ends a connection's open message: an event, and out of the channel's list."""
    o: cython.Py_ssize_t = c * _CONNECTION
    h: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, connections[o + _C_CHANNEL] & _MASK32)
    ts: cython.longlong = cython.cast(cython.longlong, connections[o + _C_START])
    length: cython.longlong = cython.cast(cython.longlong, (connections[o + _C_LENGTH] & _MASK40) >> 1)
    from_b: cython.int = cython.cast(cython.int, connections[o + _C_LENGTH] & 1)
    client_is_a: cython.int = 1 if connections[o + _C_CHANNEL] & _CLIENT_IS_A else 0
    down: cython.Py_ssize_t = 1 if from_b == client_is_a else 0
    previous: cython.ulonglong = connections[o + _C_LINKS] & _MASK32
    following: cython.ulonglong = connections[o + _C_LINKS] >> 32
    row: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, connections[o + _C_LENGTH] >> 40)
    p: cython.Py_ssize_t
    _emit(row, ts, down, length, state, events)
    _opening(c, row, from_b, down, length, connections, rows, wide)
    connections[o + _C_START] = 0
    connections[o + _C_LINKS] = 0
    h = h * _CHANNEL + _H_OPEN
    if previous != 0:
        p = cython.cast(cython.Py_ssize_t, previous - 1) * _CONNECTION + _C_LINKS
        connections[p] = (connections[p] & _MASK32) | (following << 32)
    else:
        channels[h] = (channels[h] & ~_MASK32) | following
    if following != 0:
        p = cython.cast(cython.Py_ssize_t, following - 1) * _CONNECTION + _C_LINKS
        connections[p] = (connections[p] & ~_MASK32) | previous
    else:
        channels[h] = (channels[h] & _MASK32) | (previous << 32)
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
    o: cython.Py_ssize_t = c * _CONNECTION
    h: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, connections[o + _C_CHANNEL] & _MASK32)
    last: cython.ulonglong
    slot: cython.ulonglong = c + 1
    p: cython.Py_ssize_t
    connections[o + _C_START] = ts
    connections[o + _C_END] = ts
    connections[o + _C_LENGTH] = (
        (cython.cast(cython.ulonglong, row) << 40) | (cython.cast(cython.ulonglong, length) << 1) | from_b
    )
    h = h * _CHANNEL + _H_OPEN
    last = channels[h] >> 32
    connections[o + _C_LINKS] = last
    if last != 0:
        p = cython.cast(cython.Py_ssize_t, last - 1) * _CONNECTION + _C_LINKS
        connections[p] = (connections[p] & _MASK32) | (slot << 32)
        channels[h] = (channels[h] & _MASK32) | (slot << 32)
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
    wide: cython.longlong[::1],
    events: cython.longlong[::1],
) -> cython.int:
    """Closes the channel's oldest messages to which nothing can be added any more."""
    c: cython.ulonglong = channels[h * _CHANNEL + _H_OPEN] & _MASK32
    o: cython.Py_ssize_t
    following: cython.ulonglong
    _i: cython.int
    for _i in range(_EXPIRE):
        if c == 0:
            break
        o = cython.cast(cython.Py_ssize_t, c - 1) * _CONNECTION
        following = connections[o + _C_LINKS] >> 32
        if ts - cython.cast(cython.longlong, connections[o + _C_END]) >= _COALESCE:
            _close(cython.cast(cython.Py_ssize_t, c - 1), state, connections, channels, rows, wide, events)
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
    wide: cython.longlong[::1],
    events: cython.longlong[::1],
) -> cython.int:
    """New payload without readable framing: extends the open message or starts one."""
    o: cython.Py_ssize_t = c * _CONNECTION
    start: cython.longlong = cython.cast(cython.longlong, connections[o + _C_START])
    end: cython.longlong = cython.cast(cython.longlong, connections[o + _C_END])
    window: cython.longlong = state[_WINDOW]
    if start != 0:
        if (
            cython.cast(cython.int, connections[o + _C_LENGTH] & 1) == from_b
            and ts - end < _COALESCE
            and ts // window == start // window
            and (connections[o + _C_LENGTH] & _MASK40) >> 32 == 0  # 2 GiB end a message, too
        ):
            connections[o + _C_LENGTH] += cython.cast(cython.ulonglong, length) << 1
            if ts > end:
                connections[o + _C_END] = ts
            return 0
        _close(c, state, connections, channels, rows, wide, events)
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
    wide: cython.longlong[::1],
    events: cython.longlong[::1],
) -> cython.longlong:
    """Follows TLS records through new payload; returns the bytes that are not TLS.

    `missing` bytes were lost before it; of its `length` bytes n were captured, at b[p].
    """
    w: cython.Py_ssize_t = c * _CONNECTION + _C_TLS + from_b
    tls: cython.ulonglong = connections[w]
    left: cython.longlong = cython.cast(cython.longlong, tls & 0xFFFF)
    held: cython.ulonglong = (tls >> 16) & _MASK32
    count: cython.int = cython.cast(cython.int, (tls >> 48) & 7)
    early: cython.int = count  # header bytes that came in earlier segments
    stop: cython.Py_ssize_t = p + n
    take: cython.longlong
    kind: cython.longlong
    size: cython.longlong
    done: cython.longlong = 0  # bytes of whole records and of the one being read
    if missing > 0:
        if missing > left:
            connections[w] = _TLS_OFF
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
            held = ((held << 8) | b[p]) & _MASK32
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
            or size > _LONGEST_RECORD
        ):
            connections[w] = _TLS_OFF
            return length - done + (early if done == 0 else 0)
        connections[w] = _TLS_ON
        done += 5
        left = size
        if size > 0:
            if kind == 23:
                _emit(row, ts, down, size, state, events)
                wide[row * _WIDE + _TLS_RECORDS] += 1
            _opening(c, row, from_b, down, size, connections, rows, wide)
    if length > n:  # cut by the snap length
        missing = length - n
        if missing > left:
            connections[w] = _TLS_OFF
            return missing - left + (early if done == 0 else 0)
        left -= missing
    if connections[w] & _TLS_STATE == _TLS_UNKNOWN and count > 0:
        kind = cython.cast(cython.longlong, held >> (8 * (count - 1)))
        size = cython.cast(cython.longlong, held >> (8 * (count - 2))) & 0xFF if count > 1 else 3
        if kind < 20 or kind > 23 or size != 3:
            connections[w] = _TLS_OFF
            return length + early
    connections[w] = (
        (connections[w] & _TLS_STATE)
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
    bigrams: cython.uchar[::1],
    words: cython.uchar[::1],
    starts: cython.longlong[::1],
) -> cython.int:
    """Whether one of the words is in b[p : p + n]; `bigrams`: a bitmap of their first two bytes."""
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    k: cython.Py_ssize_t
    s: cython.Py_ssize_t
    length: cython.Py_ssize_t
    end: cython.Py_ssize_t = p + n
    g: cython.Py_ssize_t
    for i in range(p, end - 3):
        g = b[i] | (b[i + 1] << 8)
        if bigrams[g >> 3] & (1 << (g & 7)):
            for k in range(starts.shape[0] - 1):
                s = cython.cast(cython.Py_ssize_t, starts[k])
                length = cython.cast(cython.Py_ssize_t, starts[k + 1]) - s
                if length <= end - i:
                    j = 0
                    while j < length and b[i + j] == words[s + j]:
                        j += 1
                    if j == length:
                        return 1
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
) -> cython.int:
    """Hands new payload out, within the quota of the connection, direction and window."""
    o: cython.Py_ssize_t = c * _CONNECTION
    number: cython.ulonglong = cython.cast(cython.ulonglong, ts // state[_WINDOW]) & 0xFFFF
    quota: cython.ulonglong = connections[o + _C_QUOTA]
    shift: cython.int = 24 if from_b else 0
    loss: cython.ulonglong = _LOSS << from_b
    used: cython.longlong
    at: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, state[_PIECE_FILL])
    k: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, state[_N_PIECES]) * _PIECE
    i: cython.Py_ssize_t
    if quota >> 48 != number:
        quota = number << 48
    used = cython.cast(cython.longlong, (quota >> shift) & 0xFFFFFF)
    if n > state[_PAYLOAD_LIMIT] - used:
        n = cython.cast(cython.Py_ssize_t, state[_PAYLOAD_LIMIT] - used)
    if n > _ROOM_BYTES:
        n = cython.cast(cython.Py_ssize_t, _ROOM_BYTES)
    if n > 0:
        for i in range(n):
            copied[at + i] = b[p + i]
        pieces[k] = c
        pieces[k + 1] = ts
        pieces[k + 2] = (cython.cast(cython.longlong, at) << 32) | n
        pieces[k + 3] = (0 if from_b else 1) | (2 if connections[o + _C_CHANNEL] & loss else 0)
        state[_N_PIECES] += 1
        state[_PIECE_FILL] += n
        connections[o + _C_CHANNEL] &= ~loss
        quota += cython.cast(cython.ulonglong, n) << shift
    if n < length:
        connections[o + _C_CHANNEL] |= loss
    connections[o + _C_QUOTA] = quota
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
    wide: cython.longlong[::1],
) -> cython.int:
    """Hashes, and loads what the update will need: independent loads overlap, dependent ones do not.

    Three passes, since a row is found through a channel and a channel through a connection.
    """
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t
    h: cython.Py_ssize_t
    v: cython.ulonglong
    seen: cython.ulonglong = 0
    mask: cython.Py_ssize_t = connection_table.shape[0] - 1
    for i in range(start, n):
        k = i * _DESCRIPTOR
        batch[k + _HASH] = _hash(batch[k], batch[k + 1], batch[k + 2], batch[k + 3], batch[k + _KEY], seed)
        v = connection_table[cython.cast(cython.Py_ssize_t, batch[k + _HASH]) & mask]
        seen ^= v
    for i in range(start, n):
        k = i * _DESCRIPTOR
        v = connection_table[cython.cast(cython.Py_ssize_t, batch[k + _HASH]) & mask]
        if v != 0:
            h = (cython.cast(cython.Py_ssize_t, v & _MASK32) - 1) * _CONNECTION
            seen ^= connections[h] ^ connections[h + _C_COUNTS]
    for i in range(start, n):
        k = i * _DESCRIPTOR
        v = connection_table[cython.cast(cython.Py_ssize_t, batch[k + _HASH]) & mask]
        if v != 0:
            h = (cython.cast(cython.Py_ssize_t, v & _MASK32) - 1) * _CONNECTION
            h = cython.cast(cython.Py_ssize_t, connections[h + _C_CHANNEL] & _MASK32) * _CHANNEL
            h = cython.cast(cython.Py_ssize_t, channels[h + _H_ROW])
            if h != 0:
                h = (h - 1) * _WIDE
                seen ^= cython.cast(cython.ulonglong, wide[h] ^ wide[h + _UP] ^ wide[h + _UP + _DIRECTION])
    state[_TOUCHED] = cython.cast(cython.longlong, seen & _MASK32)
    return 0


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
    """Why the next packet cannot be taken now, or DONE."""
    if state[_NEWEST] >= state[_SWEEP_AT] and 4 * state[_SWEEP_COUNT] >= state[_CONNECTION_HIGH]:
        return _SWEEP
    if (cython.cast(cython.Py_ssize_t, state[_N_EVENTS]) + _ROOM_EVENTS) * _EVENT > events.shape[0]:
        return _NEED_EVENTS
    if (state[_N_PIECES] + 1) * _PIECE > pieces.shape[0]:
        return _NEED_EVENTS
    if state[_PIECE_FILL] + _ROOM_BYTES > copied.shape[0]:
        return _NEED_EVENTS
    if state[_ROW_LIVE] >= state[_MAX_ROWS]:
        return _NEED_ROWS
    if connection < 0:
        if state[_CONNECTION_LIVE] >= state[_MAX_CONNECTIONS]:
            return _NEED_CONNECTIONS
        if state[_CHANNEL_LIVE] >= state[_MAX_CHANNELS]:
            return _NEED_CHANNELS
    return _DONE


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
    wide: cython.longlong[::1],
) -> cython.int:
    """A SYN: expects what follows it; the first of its kind opens the connection (again)."""
    o: cython.Py_ssize_t = c * _CONNECTION
    shift: cython.int = 32 if from_b else 0
    expected: cython.ulonglong = (sequence + 1) & _MASK32
    known: cython.ulonglong = (connections[o + _C_NEXT] >> shift) & _MASK32
    bits: cython.ulonglong = connections[o + _C_CHANNEL]
    if bits & (_SEEN << from_b) and known == expected and not bits & (_SPOKE << from_b):
        return 0  # the same SYN again
    if not acknowledges:
        if bits & (_SPOKE | (_SPOKE << 1)):  # the five-tuple is used again
            connections[o + _C_COUNTS] &= _MASK32
            bits &= ~(_SEEN | (_SEEN << 1))
            bits |= _LOSS | (_LOSS << 1)
        bits &= ~(_SPOKE | (_SPOKE << 1) | _WAS_RESET)
        connections[o + _C_TLS] = 0
        connections[o + _C_TLS + 1] = 0
        wide[row * _WIDE + _CONNECTIONS] += 1
        if wide[row * _WIDE + _OPENING_NS] == 0:
            wide[row * _WIDE + _OPENING_NS] = ts
            rows[row * _ROW + _R_OPENER] = c + 1
        elif rows[row * _ROW + _R_OPENER] == c + 1:
            rows[row * _ROW + _R_OPENER] = 0
    connections[o + _C_CHANNEL] = bits | (_SEEN << from_b)
    connections[o + _C_NEXT] = (connections[o + _C_NEXT] & ~(_MASK32 << shift)) | (expected << shift)
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
    wide: cython.longlong[::1],
    events: cython.longlong[::1],
    pieces: cython.longlong[::1],
    copied: cython.uchar[::1],
    bigrams: cython.uchar[::1],
    words: cython.uchar[::1],
    starts: cython.longlong[::1],
) -> cython.int:
    """New payload of one packet: messages, keyword scan, copy for the dissectors."""
    o: cython.Py_ssize_t = c * _CONNECTION
    rest: cython.longlong = length
    shift: cython.int = 40 if from_b else 32
    one: cython.ulonglong = 1
    _expire(h, ts, state, connections, channels, rows, wide, events)
    if datagram:
        _emit(row, ts, down, length, state, events)
        _opening(c, row, from_b, down, length, connections, rows, wide)
    else:
        if connections[o + _C_TLS + from_b] & _TLS_STATE != _TLS_OFF:
            if connections[o + _C_START] != 0:  # the other side's, or ours before its framing showed
                _close(c, state, connections, channels, rows, wide, events)
            rest = _records(
                c, row, ts, from_b, down, missing, length, b, p, n, state, connections, rows, wide, events
            )
        if rest > 0:
            _segment(c, row, ts, rest, from_b, state, connections, channels, rows, wide, events)
    connections[o + _C_CHANNEL] |= _SPOKE << from_b
    if missing > 0:
        connections[o + _C_CHANNEL] |= _LOSS << from_b
    if connections[o + _C_CHANNEL] & _IGNORED:
        return 0
    if not connections[o + _C_CHANNEL] & _FLAGGED:
        if (connections[o + _C_COUNTS] >> shift) & 0xFF >= _SCAN_PACKETS:
            return 0
        connections[o + _C_COUNTS] += one << shift
        if connections[o + _C_TLS + from_b] & _TLS_STATE == _TLS_ON and not datagram:
            return 0  # nothing to read in there
        if not _has_keyword(b, p, n if n < _SCAN_BYTES else _SCAN_BYTES, bigrams, words, starts):
            return 0
        connections[o + _C_CHANNEL] |= _FLAGGED
    return _copy(c, ts, from_b, length, b, p, n, state, connections, pieces, copied)


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
    wide: cython.longlong[::1],
    events: cython.longlong[::1],
    pieces: cython.longlong[::1],
    copied: cython.uchar[::1],
    bigrams: cython.uchar[::1],
    words: cython.uchar[::1],
    starts: cython.longlong[::1],
) -> cython.int:
    """Counts one packet of connection c in its row."""
    o: cython.Py_ssize_t = c * _CONNECTION
    bits: cython.ulonglong = batch[k + _BITS]
    ts: cython.longlong = cython.cast(cython.longlong, batch[k + _TIME])
    length: cython.longlong = cython.cast(cython.longlong, batch[k + _PAYLOAD])
    p: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, batch[k + _OFFSET])
    n: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, batch[k + _CAPTURED])
    tcp: cython.int = (batch[k + _KEY] & 0xFF) == 6
    from_b: cython.int = 1 if bits & _FROM_B else 0
    h: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, connections[o + _C_CHANNEL] & _MASK32)
    client_is_a: cython.int = 1 if connections[o + _C_CHANNEL] & _CLIENT_IS_A else 0
    down: cython.Py_ssize_t = 1 if from_b == client_is_a else 0
    row: cython.Py_ssize_t = _row(h, ts, state, channels, rows, wide)
    w: cython.Py_ssize_t = row * _WIDE
    d: cython.Py_ssize_t = w + _UP + down * _DIRECTION
    sequence: cython.ulonglong = batch[k + _SEQUENCE]
    shift: cython.int = 32 if from_b else 0
    ahead: cython.longlong
    missing: cython.longlong = 0
    if cython.cast(cython.longlong, connections[o + _C_LAST]) < ts:
        connections[o + _C_LAST] = ts
    if cython.cast(cython.longlong, channels[h * _CHANNEL + _H_LAST]) < ts:
        channels[h * _CHANNEL + _H_LAST] = ts
    if connections[o + _C_COUNTS] & _MASK32 != _MASK32:
        connections[o + _C_COUNTS] += 1
    if ts < wide[w + _FIRST_NS] or wide[w + _FIRST_NS] == 0:
        wide[w + _FIRST_NS] = ts
    if ts > wide[w + _LAST_NS]:
        wide[w + _LAST_NS] = ts
    wide[d + _PACKETS] += 1
    wide[d + _BYTES] += cython.cast(cython.longlong, batch[k + _WIRE])
    wide[d + _PAYLOAD_BYTES] += length
    if not tcp:
        if length > 0:
            _payload(
                c, h, row, ts, from_b, down, 0, length, b, p, n, 1, state, connections, channels, rows,
                wide, events, pieces, copied, bigrams, words, starts,
            )  # fmt: skip
        return 0
    if bits & 4 and not connections[o + _C_CHANNEL] & _WAS_RESET:
        connections[o + _C_CHANNEL] |= _WAS_RESET
        wide[w + _RESETS] += 1
    if bits & 2:
        if not bits & 16 and connections[o + _C_START] != 0:
            _close(c, state, connections, channels, rows, wide, events)
        _begin(c, row, ts, from_b, sequence, cython.cast(cython.int, bits & 16), connections, rows, wide)
        sequence = (sequence + 1) & _MASK32  # data in a SYN (fast open) follows it
    if connections[o + _C_CHANNEL] & (_SEEN << from_b):
        ahead = cython.cast(cython.longlong, sequence)
        ahead -= cython.cast(cython.longlong, (connections[o + _C_NEXT] >> shift) & _MASK32)
        if ahead >= _HALF32:
            ahead -= _WHOLE32
        elif ahead < -_HALF32:
            ahead += _WHOLE32
        if ahead == -1 and length <= 1 and bits & 23 == 16:
            wide[d + _KEEPALIVES] += 1
            return 0
        if length == 0:
            return 0
        if ahead < 0 and ahead > -_STALE:  # some or all of it is old
            if length + ahead <= 0:
                wide[d + _RETRANSMITTED] += 1
                return 0
            length += ahead
            p -= cython.cast(cython.Py_ssize_t, ahead)
            n += cython.cast(cython.Py_ssize_t, ahead)
            sequence = (sequence - cython.cast(cython.ulonglong, ahead)) & _MASK32
            if n < 0:
                p += n
                n = 0
        elif ahead != 0:
            missing = ahead if ahead > 0 else _WHOLE32
    elif length == 0:
        return 0
    connections[o + _C_CHANNEL] |= _SEEN << from_b
    connections[o + _C_NEXT] = (connections[o + _C_NEXT] & ~(_MASK32 << shift)) | (
        ((sequence + cython.cast(cython.ulonglong, length)) & _MASK32) << shift
    )
    return _payload(
        c, h, row, ts, from_b, down, missing, length, b, p, n, 0, state, connections, channels, rows,
        wide, events, pieces, copied, bigrams, words, starts,
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
    wide: cython.longlong[::1],
    events: cython.longlong[::1],
    pieces: cython.longlong[::1],
    copied: cython.uchar[::1],
    services: cython.uchar[::1],
    bigrams: cython.uchar[::1],
    words: cython.uchar[::1],
    starts: cython.longlong[::1],
) -> cython.Py_ssize_t:
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t
    c: cython.Py_ssize_t
    role: cython.int
    basis: cython.Py_ssize_t
    _touch(batch, start, n, seed, state, connections, connection_table, channels, wide)
    for i in range(start, n):
        k = i * _DESCRIPTOR
        c = _find_connection(batch, k, connection_table, connections)
        if cython.cast(cython.longlong, batch[k + _TIME]) > state[_NEWEST]:
            state[_NEWEST] = cython.cast(cython.longlong, batch[k + _TIME])
        state[_STATUS] = _obstacle(c, state, events, pieces, copied)
        if state[_STATUS] != _DONE:
            return i
        if c < 0:
            c = _join(batch, k, seed, state, connections, connection_table, channels, channel_table, services)
        elif batch[k + _BITS] & 2 and (batch[k + _KEY] & 0xFF) == 6:
            role = _roles(batch[k + _BITS] & 0xFF, batch[k + _BITS] & _FROM_B, batch[k + _KEY], services)
            if (role & 1) != (1 if connections[c * _CONNECTION + _C_CHANNEL] & _CLIENT_IS_A else 0):
                state[_STATUS] = _TURN
                state[_TURN_CONNECTION] = c
                state[_TURN_CLIENT_IS_A] = role & 1
                return i
            basis = cython.cast(cython.Py_ssize_t, connections[c * _CONNECTION + _C_CHANNEL] & _MASK32)
            channels[basis * _CHANNEL + _H_BASIS] = 3
        state[_SWEEP_COUNT] += 1
        _packet(
            batch, k, c, b, state, connections, channels, rows, wide, events, pieces, copied, bigrams,
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
    wide: cython.longlong[::1],
    events: cython.longlong[::1],
    pieces: cython.longlong[::1],
    copied: cython.uchar[::1],
    services: cython.uchar[::1],
    bigrams: cython.uchar[::1],
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
            rows, wide, events, pieces, copied, services, bigrams, words, starts,
        )  # fmt: skip
    return r


def close_message(
    c: cython.Py_ssize_t,
    state: cython.longlong[::1],
    connections: cython.ulonglong[::1],
    channels: cython.ulonglong[::1],
    rows: cython.longlong[::1],
    wide: cython.longlong[::1],
    events: cython.longlong[::1],
) -> None:
    """Ends the open message of connection slot c, if there is one."""
    if connections[c * _CONNECTION + _C_START] != 0:
        _close(c, state, connections, channels, rows, wide, events)


def close_messages(
    leaving: cython.longlong[::1],
    begin: cython.Py_ssize_t,
    state: cython.longlong[::1],
    connections: cython.ulonglong[::1],
    channels: cython.ulonglong[::1],
    rows: cython.longlong[::1],
    wide: cython.longlong[::1],
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
        h = cython.cast(cython.Py_ssize_t, rows[r * _ROW + _R_CHANNEL])
        c = channels[h * _CHANNEL + _H_OPEN] & _MASK32
        while c != 0:
            if (cython.cast(cython.Py_ssize_t, state[_N_EVENTS]) + 1) * _EVENT > events.shape[0]:
                return i
            o = cython.cast(cython.Py_ssize_t, c - 1) * _CONNECTION
            following = connections[o + _C_LINKS] >> 32
            if cython.cast(cython.Py_ssize_t, connections[o + _C_LENGTH] >> 40) == r:
                _close(
                    cython.cast(cython.Py_ssize_t, c - 1), state, connections, channels, rows, wide, events
                )
            c = following
    return leaving.shape[0]


def release_rows(
    leaving: cython.longlong[::1],
    state: cython.longlong[::1],
    channels: cython.ulonglong[::1],
    rows: cython.longlong[::1],
) -> None:
    """Takes rows out of their channels' chains and onto the free list; the caller zeroes them."""
    i: cython.Py_ssize_t
    r: cython.Py_ssize_t
    h: cython.Py_ssize_t
    p: cython.Py_ssize_t
    for i in range(leaving.shape[0]):
        r = cython.cast(cython.Py_ssize_t, leaving[i])
        h = cython.cast(cython.Py_ssize_t, rows[r * _ROW + _R_CHANNEL]) * _CHANNEL + _H_ROW
        p = cython.cast(cython.Py_ssize_t, channels[h])
        if p == r + 1:
            channels[h] = cython.cast(cython.ulonglong, rows[r * _ROW + _R_NEXT])
        else:
            while rows[(p - 1) * _ROW + _R_NEXT] != r + 1:
                p = cython.cast(cython.Py_ssize_t, rows[(p - 1) * _ROW + _R_NEXT])
            rows[(p - 1) * _ROW + _R_NEXT] = rows[r * _ROW + _R_NEXT]
        rows[r * _ROW + _R_CHANNEL] = -1
        rows[r * _ROW + _R_NEXT] = state[_ROW_FREE] + 1
        state[_ROW_FREE] = r
        state[_ROW_LIVE] -= 1


def move_rows(
    source: cython.Py_ssize_t,
    target: cython.Py_ssize_t,
    channels: cython.ulonglong[::1],
    rows: cython.longlong[::1],
) -> list[int]:
    """Hangs all rows of one channel into another's chain; returns them.

    Both may have a row of the same window: they are merged when they leave.
    """
    moved: list = []
    r: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, channels[source * _CHANNEL + _H_ROW])
    last: cython.Py_ssize_t = 0
    while r != 0:
        moved.append(r - 1)
        rows[(r - 1) * _ROW + _R_CHANNEL] = target
        last = r
        r = cython.cast(cython.Py_ssize_t, rows[(r - 1) * _ROW + _R_NEXT])
    if last != 0:
        rows[(last - 1) * _ROW + _R_NEXT] = cython.cast(cython.longlong, channels[target * _CHANNEL + _H_ROW])
        channels[target * _CHANNEL + _H_ROW] = channels[source * _CHANNEL + _H_ROW]
        channels[source * _CHANNEL + _H_ROW] = 0
    return moved


def rehash(old: cython.ulonglong[::1], new: cython.ulonglong[::1]) -> None:
    """Enters what stands in one hash table into a larger, empty one."""
    i: cython.Py_ssize_t
    v: cython.ulonglong
    with cython.nogil:
        for i in range(old.shape[0]):
            v = old[i]
            if v != 0:
                _insert(new, v >> 32, cython.cast(cython.Py_ssize_t, v & _MASK32) - 1)


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


def forget_connections(
    idle: cython.longlong[::1],
    seed: cython.ulonglong,
    state: cython.longlong[::1],
    connections: cython.ulonglong[::1],
    table: cython.ulonglong[::1],
    channels: cython.ulonglong[::1],
) -> None:
    """Frees connection slots whose messages are closed."""
    i: cython.Py_ssize_t
    c: cython.Py_ssize_t
    o: cython.Py_ssize_t
    h: cython.Py_ssize_t
    for i in range(idle.shape[0]):
        c = cython.cast(cython.Py_ssize_t, idle[i])
        o = c * _CONNECTION
        _remove(
            table,
            _hash(
                connections[o],
                connections[o + 1],
                connections[o + 2],
                connections[o + 3],
                connections[o + 4],
                seed,
            ),
            c,
        )
        h = cython.cast(cython.Py_ssize_t, connections[o + _C_CHANNEL] & _MASK32) * _CHANNEL
        channels[h + _H_CONNECTIONS] -= 1
        connections[o + _C_CHANNEL] = cython.cast(cython.ulonglong, state[_CONNECTION_FREE] + 1)
        connections[o + _C_LAST] = _MASK64
        state[_CONNECTION_FREE] = c
        state[_CONNECTION_LIVE] -= 1


def forget_channels(
    idle: cython.longlong[::1],
    seed: cython.ulonglong,
    state: cython.longlong[::1],
    channels: cython.ulonglong[::1],
    table: cython.ulonglong[::1],
) -> None:
    """Frees channel slots without connections and rows."""
    i: cython.Py_ssize_t
    c: cython.Py_ssize_t
    o: cython.Py_ssize_t
    for i in range(idle.shape[0]):
        c = cython.cast(cython.Py_ssize_t, idle[i])
        o = c * _CHANNEL
        _remove(
            table,
            _hash(channels[o], channels[o + 1], channels[o + 2], channels[o + 3], channels[o + 4], seed),
            c,
        )
        channels[o + _H_NEXT] = cython.cast(cython.ulonglong, state[_CHANNEL_FREE] + 1)
        channels[o + _H_LAST] = _MASK64
        state[_CHANNEL_FREE] = c
        state[_CHANNEL_LIVE] -= 1
