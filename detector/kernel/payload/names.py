"""Which payload carries names that the dissectors read: handshakes, HTTP requests, DNS answers, QUIC.

Sources: RFC 8446 5.1, RFC 1035 4.1.1, RFC 8999 5.1.
"""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import layout, tables
    from cython.cimports.detector.kernel.views import Views
else:
    from detector.kernel import layout, tables
    from detector.kernel.views import Views


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def carries_names(
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
def datagram_names(
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
