# cython: language_level=3, wraparound=False, cdivision=True, initializedcheck=False
"""From packet descriptors to rows: each packet's way through the tables.

Owns the order of the steps: finds a packet's connection, its channel and the channel's row
of the packet's window (`entries`), counts the packet there, puts TCP in order (`transport`),
and cuts payload into messages for `summaries` to add, or copies what the dissectors read
(`payload`).  One extension with all of those, since C inlines within one only.  What is not
on a packet's way is in `slots`.

`update` never grows anything: where room runs out, a roles question comes up or the idle
should be forgotten, it stops before the packet and says why in `state[STATUS]`; `meter`
acts and calls again.  So results do not depend on how the bytes were cut.

Source: RFC 9293 (keepalives 3.8.4).
"""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import layout, tables
    from cython.cimports.detector.kernel.views import Views
else:
    from detector.kernel import layout, tables
    from detector.kernel.entries.ahead import touch
    from detector.kernel.entries.bounds import entry, line
    from detector.kernel.entries.channel import channel_slot, is_idle, roles
    from detector.kernel.entries.connection import find_connection, join
    from detector.kernel.entries.room import obstacle
    from detector.kernel.entries.row import row_at
    from detector.kernel.payload.messages import end_message
    from detector.kernel.payload.new import take_payload
    from detector.kernel.transport.order import pass_on, place, reorder, wait_no_longer
    from detector.kernel.transport.sequence import begin_stream, bytes_ahead
    from detector.kernel.views import Views


@cython.cfunc
@cython.nogil
@cython.boundscheck(False)  # see `entry`
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
@cython.boundscheck(False)  # see `entry`
@cython.exceptval(-1, check=False)
def _packet(t: Views, k: cython.Py_ssize_t, c: cython.Py_ssize_t, b: cython.uchar[::1]) -> cython.int:
    """Counts one packet of connection c in its row."""
    o: cython.Py_ssize_t = entry(t.connections, c, tables.CONNECTION)
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
    row: cython.Py_ssize_t = row_at(t, h, ts)
    w: cython.Py_ssize_t = line(t.rows, row, tables.ROW)
    last: cython.Py_ssize_t = entry(t.channels, h, tables.CHANNEL) + tables.H_LAST
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
            take_payload(t, c, h, row, ts, from_b, down, 0, length, b, p, n, 1)
        return 0
    if bits & 4 and not t.connections[o + tables.C_CHANNEL] & tables.WAS_RESET:
        t.connections[o + tables.C_CHANNEL] |= tables.WAS_RESET
        t.rows[w + tables.R_RESETS] += 1
    if bits & 2:
        if t.connections[o + tables.C_CHANNEL] >> tables.HELD:
            for side in range(2):
                pass_on(t, c, side, tables.HOLDS, -1)
        if not bits & 16 and t.connections[o + tables.C_START] != 0:
            end_message(t, c)
        begin_stream(t, c, row, ts, from_b, sequence, cython.cast(cython.int, bits & 16))
        sequence = (sequence + 1) & tables.MASK32  # data in a SYN (fast open) follows it
    if length == 0 and bits & 23 != 16:
        return 0
    ahead = bytes_ahead(t, o, from_b, sequence)
    if ahead == -1 and length <= 1 and bits & 23 == 16:
        t.rows[d + layout.KEEPALIVES] += 1
        return 0
    if length == 0:
        return 0
    if ahead > 0 or t.connections[o + tables.C_CHANNEL] >> tables.HELD:
        return reorder(t, c, h, row, ts, from_b, down, ahead, sequence, length, b, p, n)
    return place(t, c, h, row, ts, from_b, down, sequence, length, b, p, n)


@cython.cfunc
@cython.nogil
@cython.boundscheck(False)  # see `entry`
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
    line(t.state, 0, tables.UPDATE)
    for i in range(start, n):
        if i == touched:
            touched = min(i + tables.TOUCH, n)
            touch(t, i, touched)
        k = entry(t.batch, i, tables.DESCRIPTOR)
        if cython.cast(cython.longlong, t.batch[k + tables.TIME]) > t.state[tables.NEWEST]:
            t.state[tables.NEWEST] = cython.cast(cython.longlong, t.batch[k + tables.TIME])
        if t.batch[k + tables.HASH] == tables.OTHER_PART:
            t.state[tables.ELSEWHERE] += 1
            continue
        if t.state[tables.HOLD_HEAD] != t.state[tables.HOLD_TAIL] and not wait_no_longer(t):
            t.state[tables.STATUS] = tables.NEED_EVENTS
            return i
        c = find_connection(t, k)
        t.state[tables.STATUS] = obstacle(t, k, c)
        if t.state[tables.STATUS] != tables.DONE:
            return i
        if c >= 0 and is_idle(
            t,
            t.connections[entry(t.connections, c, tables.CONNECTION) + tables.C_LAST],
            cython.cast(cython.longlong, t.batch[k + tables.TIME]),
        ):
            t.state[tables.STATUS] = tables.FORGET
            t.state[tables.TURN_CONNECTION] = c
            return i
        if c < 0:
            c = join(t, k)
        elif t.batch[k + tables.BITS] & 2 and (t.batch[k + tables.KEY] & 0xFF) == 6:
            role = roles(t, k)
            if (role & 1) != (
                1
                if t.connections[entry(t.connections, c, tables.CONNECTION) + tables.C_CHANNEL]
                & tables.CLIENT_IS_A
                else 0
            ):
                t.state[tables.STATUS] = tables.TURN
                t.state[tables.TURN_CONNECTION] = c
                t.state[tables.TURN_CLIENT_IS_A] = role & 1
                return i
            basis = cython.cast(
                cython.Py_ssize_t,
                t.connections[entry(t.connections, c, tables.CONNECTION) + tables.C_CHANNEL] & tables.MASK32,
            )
            t.channels[entry(t.channels, basis, tables.CHANNEL) + tables.H_BASIS] = 3
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
    pass_on(t, c, from_b, tables.HOLDS, -1)


def close_message(t: Views, c: cython.Py_ssize_t) -> None:
    """Ends the open message of connection slot c, if there is one."""
    if t.connections[c * tables.CONNECTION + tables.C_START] != 0:
        end_message(t, c)


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
                end_message(t, cython.cast(cython.Py_ssize_t, c - 1))
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
    return channel_slot(t, client_high, client_low, server_high, server_low, key, 1)
