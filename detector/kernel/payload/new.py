"""What becomes of new payload: messages, the keyword scan, a copy of what the dissectors read."""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import tables
    from cython.cimports.detector.kernel.views import Views
else:
    from detector.kernel import tables
    from detector.kernel.entries.bounds import entry, line
    from detector.kernel.payload.heads import head_at, join_head
    from detector.kernel.payload.messages import add_segment, emit, end_message, expire, keep_opening
    from detector.kernel.payload.names import carries_names, datagram_names
    from detector.kernel.payload.pieces import copy_piece
    from detector.kernel.payload.tls import follow_records
    from detector.kernel.payload.words import has_keyword
    from detector.kernel.views import Views


@cython.cfunc
@cython.nogil
@cython.boundscheck(False)  # see `entry`
@cython.exceptval(-1, check=False)
def take_payload(
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
    o: cython.Py_ssize_t = entry(t.connections, c, tables.CONNECTION)
    rest: cython.longlong = length
    shift: cython.int = 40 if from_b else 32
    one: cython.ulonglong = 1
    framing: cython.ulonglong = t.connections[o + tables.C_TLS + from_b]
    records: cython.longlong = t.rows[line(t.rows, row, tables.ROW) + tables.R_TLS_RECORDS]
    opening: cython.Py_ssize_t
    found: cython.int
    kept: cython.Py_ssize_t = 0  # bytes that came before, without a word in them
    at: cython.Py_ssize_t
    back: cython.Py_ssize_t
    scanned: cython.Py_ssize_t
    expire(t, h, ts)
    if datagram:
        emit(t, row, ts, down, length)
        keep_opening(t, c, row, from_b, down, length)
    else:
        if framing & tables.TLS_STATE != tables.TLS_OFF:
            if t.connections[o + tables.C_START] != 0:  # the other side's, or ours before its framing showed
                end_message(t, c)
            rest = follow_records(t, c, row, ts, from_b, down, missing, length, b, p, n)
        if rest > 0:
            add_segment(t, c, row, ts, rest, from_b)
    t.connections[o + tables.C_CHANNEL] |= tables.SPOKE << from_b
    if missing > 0:
        t.connections[o + tables.C_CHANNEL] |= tables.LOSS << from_b
    if t.connections[o + tables.C_CHANNEL] & tables.IGNORED:
        return 0
    if not t.connections[o + tables.C_CHANNEL] & tables.FLAGGED:
        if datagram:
            opening = datagram_names(t, t.connections[o + tables.C_KEY], row, from_b, down, b, p, n)
            if opening > 0:
                return copy_piece(t, c, ts, from_b, length, b, p, opening, 1)
        if (t.connections[o + tables.C_COUNTS] >> shift) & 0xFF < tables.SCAN_PACKETS:
            t.connections[o + tables.C_COUNTS] += one << shift
        elif not t.connections[o + tables.C_COUNTS] & (tables.HEADED << from_b):
            return 0
        if t.connections[o + tables.C_TLS + from_b] & tables.TLS_STATE == tables.TLS_ON and not datagram:
            if carries_names(t, c, row, from_b, down, framing, records, b, p, n):  # no words in there
                copy_piece(t, c, ts, from_b, length, b, p, n, 1)
            return 0
        scanned = n if n < tables.SCAN_BYTES else tables.SCAN_BYTES
        found = has_keyword(t, b, p, scanned)
        if not datagram:
            kept = join_head(t, c, from_b, missing, length, b, p, n)
            if kept > 0 and not found:  # a word may begin in what was kept
                at = head_at(c, from_b)
                back = kept if kept < tables.LONGEST_WORD else tables.LONGEST_WORD
                scanned = n if n < tables.HEAD_BYTES - kept else tables.HEAD_BYTES - kept
                scanned = scanned if scanned < tables.LONGEST_WORD else tables.LONGEST_WORD
                found = has_keyword(t, t.copied, at + kept - back, back + scanned)
        if not found:
            if not datagram and carries_names(t, c, row, from_b, down, framing, records, b, p, n):
                copy_piece(t, c, ts, from_b, length, b, p, n, 1)
            return 0
        t.connections[o + tables.C_CHANNEL] |= tables.FLAGGED
        if kept > 0:
            copy_piece(t, c, ts, from_b, kept, t.copied, head_at(c, from_b), kept, 0)
    return copy_piece(t, c, ts, from_b, length, b, p, n, 0)
