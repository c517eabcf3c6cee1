# cython: language_level=3, wraparound=False, cdivision=True, initializedcheck=False
"""Fragments of IP: later ones are counted to the channel of the first one, which has the ports.

Owns a table of first fragments at the end of the walk's state: `SETS` sets of `WAYS`
entries, found by a hash with a secret seed, so that no sender can aim at a set.  An entry
is forgotten `LIFE_NS` of packet time after its first fragment; where a set is full, the
oldest of it leaves.  A flood so costs the time of a lookup a packet, and no memory.

Nothing is reassembled.  A later fragment of TCP is a segment of its own, with the sequence
number that it would have had.  A UDP datagram counts as one message of its whole length
with its first fragment, and later ones add packets and bytes on the wire; so does whatever
lies in a tunnel.

Sources: RFC 791, RFC 8200 4.5, RFC 1858 and 3128 (tiny and overlapping fragments), RFC 5722.
"""

import cython

from detector.kernel import tables

_DESCRIPTOR = cython.declare(cython.Py_ssize_t, tables.DESCRIPTOR)
_FROM_B = cython.declare(cython.ulonglong, tables.FROM_B)
_TABLE = cython.declare(cython.Py_ssize_t, tables.FRAGMENTS)
_ENTRY = cython.declare(cython.Py_ssize_t, tables.FRAGMENT)
_WAYS = cython.declare(cython.Py_ssize_t, tables.FRAGMENT_WAYS)
_SETS = cython.declare(cython.ulonglong, tables.FRAGMENT_SETS)
_SEED = cython.declare(cython.Py_ssize_t, tables.FRAGMENT_SEED)
_LIFE_NS = cython.declare(cython.longlong, tables.FRAGMENT_LIFE_NS)
_ID = cython.declare(cython.Py_ssize_t, tables.F_ID)
_TIME = cython.declare(cython.Py_ssize_t, tables.F_TIME)
_ENDS = cython.declare(cython.Py_ssize_t, tables.F_ENDS)
_BITS = cython.declare(cython.Py_ssize_t, tables.F_BITS)
_SEQUENCE = cython.declare(cython.Py_ssize_t, tables.F_SEQUENCE)
_PREFIX = cython.declare(cython.Py_ssize_t, tables.F_PREFIX)
_ISLAND = cython.declare(cython.Py_ssize_t, tables.F_ISLAND)
_ALONE = cython.declare(cython.longlong, -(tables.COUNTS + tables.COUNTED.index("fragment")))
_OVERLAP = cython.declare(cython.longlong, -(tables.COUNTS + tables.COUNTED.index("overlapping_fragment")))
_BAD_IP = cython.declare(cython.longlong, -(tables.COUNTS + tables.COUNTED.index("bad_ip_header")))
_MASK32 = cython.declare(cython.ulonglong, (1 << 32) - 1)
_MASK63 = cython.declare(cython.ulonglong, (1 << 63) - 1)
_MASK64 = cython.declare(cython.ulonglong, (1 << 64) - 1)
_BIT63 = cython.declare(cython.ulonglong, 1 << 63)
_LEAST = cython.declare(cython.longlong, -(1 << 63))
_MOST = cython.declare(cython.longlong, 65_535)  # bytes of an IP packet


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _signed(x: cython.ulonglong) -> cython.longlong:
    """The same 64 bits for a table of signed words."""
    low: cython.longlong = cython.cast(cython.longlong, x & _MASK63)
    return low | _LEAST if x & _BIT63 else low


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _unsigned(x: cython.longlong) -> cython.ulonglong:
    if x >= 0:
        return cython.cast(cython.ulonglong, x)
    return cython.cast(cython.ulonglong, x - _LEAST) | _BIT63


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _mixed(h: cython.ulonglong, x: cython.ulonglong, secret: cython.ulonglong) -> cython.ulonglong:
    """Halves one by one: what a change of the low 32 bits does to the product depends on the secret."""
    h = ((h ^ (x & _MASK32)) * secret) & _MASK64
    h ^= h >> 29
    h = ((h ^ (x >> 32)) * secret) & _MASK64
    return h ^ (h >> 29)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _set(
    state: cython.longlong[::1],
    a0: cython.ulonglong,
    a1: cython.ulonglong,
    b0: cython.ulonglong,
    b1: cython.ulonglong,
    ident: cython.longlong,
) -> cython.Py_ssize_t:
    """Word where the set of a datagram starts."""
    secret: cython.ulonglong = cython.cast(cython.ulonglong, state[_SEED]) | 1
    h: cython.ulonglong = _mixed(secret, a0, secret)
    h = _mixed(_mixed(_mixed(h, a1, secret), b0, secret), b1, secret)
    h = _mixed(h, cython.cast(cython.ulonglong, ident), secret) >> 32
    return _TABLE + cython.cast(cython.Py_ssize_t, h % _SETS) * _WAYS * _ENTRY


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _is(
    state: cython.longlong[::1],
    e: cython.Py_ssize_t,
    a0: cython.ulonglong,
    a1: cython.ulonglong,
    b0: cython.ulonglong,
    b1: cython.ulonglong,
    ident: cython.longlong,
) -> cython.int:
    return (
        state[e + _ID] == ident
        and state[e + 3] == _signed(b1)
        and state[e + 1] == _signed(a1)
        and state[e + 2] == _signed(b0)
        and state[e] == _signed(a0)
    )


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def entered(
    state: cython.longlong[::1],
    a0: cython.ulonglong,
    a1: cython.ulonglong,
    b0: cython.ulonglong,
    b1: cython.ulonglong,
    ident: cython.longlong,
    ts: cython.ulonglong,
    length: cython.longlong,
) -> cython.Py_ssize_t:
    """The entry for a first fragment from a to b, of so many bytes; it has no channel before `filled`.

    ident: identification << 8 | protocol, and a bit above so that it is never 0.
    """
    s: cython.Py_ssize_t = _set(state, a0, a1, b0, b1, ident)
    e: cython.Py_ssize_t = s
    oldest: cython.Py_ssize_t = s
    i: cython.Py_ssize_t
    for i in range(_WAYS):
        e = s + i * _ENTRY
        if _is(state, e, a0, a1, b0, b1, ident):
            oldest = e
            break
        if state[e + _TIME] < state[oldest + _TIME]:  # 0 where nothing is
            oldest = e
    e = oldest
    state[e] = _signed(a0)
    state[e + 1] = _signed(a1)
    state[e + 2] = _signed(b0)
    state[e + 3] = _signed(b1)
    state[e + _ID] = ident
    state[e + _TIME] = cython.cast(cython.longlong, ts)
    state[e + _ENDS + 4] = 0
    state[e + _PREFIX] = length
    state[e + _ISLAND] = 0
    return e


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def filled(
    state: cython.longlong[::1],
    e: cython.Py_ssize_t,
    batch: cython.ulonglong[::1],
    k: cython.Py_ssize_t,
    shift: cython.Py_ssize_t,
) -> cython.int:
    """Gives entry e the channel of descriptor k, whose payload stands `shift` bytes into the datagram.

    A negative shift says that later fragments carry no payload of their own.
    """
    i: cython.Py_ssize_t
    sequence: cython.ulonglong
    k *= _DESCRIPTOR
    for i in range(5):
        state[e + _ENDS + i] = _signed(batch[k + i])
    state[e + _BITS] = cython.cast(cython.longlong, batch[k + 5] & _FROM_B)
    state[e + _SEQUENCE] = -1
    if shift >= 0:
        sequence = batch[k + 11] - cython.cast(cython.ulonglong, shift)
        if batch[k + 5] & 2:  # a SYN takes a number
            sequence += 1
        state[e + _SEQUENCE] = cython.cast(cython.longlong, sequence & _MASK32)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _overlaps(
    state: cython.longlong[::1], e: cython.Py_ssize_t, start: cython.longlong, stop: cython.longlong
) -> cython.int:
    """Whether bytes start .. stop of a datagram came before, as far as is remembered; remembers them.

    That is all from the beginning to the first hole, and one stretch behind it: enough for
    fragments in order, in reverse order, and with one late.
    """
    prefix: cython.longlong = state[e + _PREFIX]
    low: cython.longlong = state[e + _ISLAND] >> 32
    high: cython.longlong = state[e + _ISLAND] & 0xFFFFFF
    if start < prefix or (start < high and stop > low):
        return 1
    if start == prefix:
        prefix = stop
    elif high == 0:
        low = start
        high = stop
    elif start == high:
        high = stop
    elif stop == low:
        low = start
    if prefix == low:
        prefix = high
        low = 0
        high = 0
    state[e + _PREFIX] = prefix
    state[e + _ISLAND] = (low << 32) | high
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def later(
    state: cython.longlong[::1],
    a0: cython.ulonglong,
    a1: cython.ulonglong,
    b0: cython.ulonglong,
    b1: cython.ulonglong,
    ident: cython.longlong,
    start: cython.longlong,
    length: cython.longlong,
    p: cython.Py_ssize_t,
    captured: cython.longlong,
    wire: cython.longlong,
    ts: cython.ulonglong,
    batch: cython.ulonglong[::1],
    k: cython.Py_ssize_t,
) -> cython.longlong:
    """A fragment that starts so many bytes into its datagram into descriptor k: 1, or -reason.

    Its data are `length` bytes, of which `captured` stand at p of the byte window.
    """
    s: cython.Py_ssize_t = _set(state, a0, a1, b0, b1, ident)
    e: cython.Py_ssize_t = s
    age: cython.longlong
    i: cython.Py_ssize_t
    if start + length > _MOST:
        return _BAD_IP
    for i in range(_WAYS):
        e = s + i * _ENTRY
        if _is(state, e, a0, a1, b0, b1, ident):
            break
    else:
        return _ALONE
    age = cython.cast(cython.longlong, ts) - state[e + _TIME]
    if state[e + _ENDS + 4] == 0 or age > _LIFE_NS or age < -_LIFE_NS:
        return _ALONE
    if _overlaps(state, e, start, start + length):
        return _OVERLAP
    k *= _DESCRIPTOR
    for i in range(5):
        batch[k + i] = _unsigned(state[e + _ENDS + i])
    batch[k + 5] = cython.cast(cython.ulonglong, state[e + _BITS])
    batch[k + 6] = ts
    batch[k + 7] = cython.cast(cython.ulonglong, wire)
    batch[k + 8] = 0
    batch[k + 9] = cython.cast(cython.ulonglong, p)
    batch[k + 10] = 0
    batch[k + 11] = 0
    if state[e + _SEQUENCE] >= 0:
        batch[k + 5] |= 16  # ACK: not the first segment of anything
        batch[k + 8] = cython.cast(cython.ulonglong, length)
        batch[k + 10] = cython.cast(cython.ulonglong, captured)
        batch[k + 11] = cython.cast(cython.ulonglong, state[e + _SEQUENCE] + start) & _MASK32
    return 1
