"""TLS record headers, followed through the payload of a direction, wherever segments cut them.

Sources: RFC 8446 5.1 and RFC 5246 6.2.1.
"""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import tables
    from cython.cimports.detector.kernel.views import Views
else:
    from detector.kernel import tables
    from detector.kernel.payload.messages import emit, keep_opening
    from detector.kernel.views import Views


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def follow_records(
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
                emit(t, row, ts, down, size)
                t.rows[row * tables.ROW + tables.R_TLS_RECORDS] += 1
            keep_opening(t, c, row, from_b, down, size)
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
