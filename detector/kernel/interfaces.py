# cython: language_level=3, wraparound=False, cdivision=True, initializedcheck=False
"""Blocks of pcapng that describe interfaces: clock, snap length, and what they dropped.

An interface is `INTERFACE` words of a table.  Its drops are told twice: in all, by its
statistics (which may come again, each time from the start), and packet by packet.  The
larger of the two counts.

Source: draft-ietf-opsawg-pcapng, sections 3.5 (options), 4.2, 4.3 and 4.6.
"""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import tables
else:
    from detector.kernel import tables
    from detector.kernel.wire.integers import read16, read32

_BIT31 = cython.declare(cython.longlong, 1 << 31)
_BIT32 = cython.declare(cython.longlong, 1 << 32)


@cython.cfunc
@cython.nogil
@cython.exceptval(-2, check=False)
def _count(b: cython.uchar[::1], o: cython.Py_ssize_t, swapped: cython.int) -> cython.longlong:
    """64 bits; 0 where no capture can have lost so many."""
    if read32(b, o if swapped else o + 4, swapped) != 0:
        return 0
    return read32(b, o + 4 if swapped else o, swapped)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def described(
    b: cython.uchar[::1],
    o: cython.Py_ssize_t,
    length: cython.Py_ssize_t,
    state: cython.longlong[::1],
    interfaces: cython.longlong[::1],
) -> cython.int:
    """An interface description block at b[o : o + length] into the next entry of the table."""
    swapped: cython.int = cython.cast(cython.int, state[tables.SWAPPED])
    at: cython.Py_ssize_t
    q: cython.Py_ssize_t = o + 16
    stop: cython.Py_ssize_t = o + length - 4
    code: cython.int
    size: cython.Py_ssize_t
    rate: cython.longlong = 1_000_000
    offset: cython.longlong = 0
    high: cython.longlong
    v: cython.int
    _i: cython.int
    if state[tables.INTERFACES] >= tables.MAX_INTERFACES:
        state[tables.N_BAD_RECORD] += 1
        return 0
    while q + 4 <= stop:
        code = read16(b, q, swapped)
        size = read16(b, q + 2, swapped)
        if code == 0 or q + 4 + size > stop:
            break
        if code == 9 and size >= 1:  # if_tsresol
            v = b[q + 4]
            rate = 1
            if v & 128:
                v &= 127
                rate <<= v if v < 60 else 60
            else:
                for _i in range(v if v < 18 else 18):
                    rate *= 10
        elif code == 14 and size >= 8:  # if_tsoffset, seconds, signed
            high = read32(b, q + (4 if swapped else 8), swapped)
            offset = read32(b, q + (8 if swapped else 4), swapped)
            if high >= _BIT31:
                high -= _BIT32
                offset -= _BIT32
            if high > 0 or offset > tables.LATEST_S:
                offset = tables.LATEST_S
            elif high < -1 or offset < -tables.LATEST_S:
                offset = -tables.LATEST_S
            offset *= 1_000_000_000
        q += 4 + ((size + 3) & ~3)
    at = cython.cast(cython.Py_ssize_t, state[tables.INTERFACES]) * tables.INTERFACE
    interfaces[at] = read16(b, o + 8, swapped)
    interfaces[at + 1] = rate
    interfaces[at + 2] = offset
    interfaces[at + 3] = read32(b, o + 12, swapped)
    interfaces[at + 4] = 0
    interfaces[at + 5] = 0
    state[tables.INTERFACES] += 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def dropped(
    state: cython.longlong[::1],
    interfaces: cython.longlong[::1],
    i: cython.Py_ssize_t,
    total: cython.longlong,
    more: cython.longlong,
) -> cython.int:
    """Interface i dropped `total` in all, by its statistics, and `more` before this packet."""
    at: cython.Py_ssize_t = i * tables.INTERFACE
    before: cython.longlong = (
        interfaces[at + 4] if interfaces[at + 4] > interfaces[at + 5] else interfaces[at + 5]
    )
    after: cython.longlong
    interfaces[at + 4] = total if total > interfaces[at + 4] else interfaces[at + 4]
    interfaces[at + 5] += more
    after = interfaces[at + 4] if interfaces[at + 4] > interfaces[at + 5] else interfaces[at + 5]
    state[tables.LOST] += after - before
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def statistics(
    b: cython.uchar[::1],
    o: cython.Py_ssize_t,
    length: cython.Py_ssize_t,
    state: cython.longlong[::1],
    interfaces: cython.longlong[::1],
) -> cython.int:
    """An interface statistics block: isb_ifdrop and isb_osdrop, each since the capture began."""
    swapped: cython.int = cython.cast(cython.int, state[tables.SWAPPED])
    i: cython.longlong = read32(b, o + 8, swapped)
    q: cython.Py_ssize_t = o + 20
    stop: cython.Py_ssize_t = o + length - 4
    total: cython.longlong = 0
    code: cython.int
    size: cython.Py_ssize_t
    if i >= state[tables.INTERFACES]:
        state[tables.N_BAD_RECORD] += 1
        return 0
    while q + 4 <= stop:
        code = read16(b, q, swapped)
        size = read16(b, q + 2, swapped)
        if code == 0 or q + 4 + size > stop:
            break
        if (code == 5 or code == 7) and size >= 8:
            total += _count(b, q + 4, swapped)
        q += 4 + ((size + 3) & ~3)
    return dropped(state, interfaces, cython.cast(cython.Py_ssize_t, i), total, 0)


@cython.cfunc
@cython.nogil
@cython.exceptval(-2, check=False)
def drops_before(
    b: cython.uchar[::1], q: cython.Py_ssize_t, stop: cython.Py_ssize_t, swapped: cython.int
) -> cython.longlong:
    """What the options b[q:stop] of a packet say was dropped before it (epb_dropcount)."""
    code: cython.int
    size: cython.Py_ssize_t
    while q + 4 <= stop:
        code = read16(b, q, swapped)
        size = read16(b, q + 2, swapped)
        if code == 0 or q + 4 + size > stop:
            break
        if code == 4 and size >= 8:
            return _count(b, q + 4, swapped)
        q += 4 + ((size + 3) & ~3)
    return 0
