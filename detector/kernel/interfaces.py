# cython: language_level=3, wraparound=False, cdivision=True, initializedcheck=False
"""Blocks of pcapng that describe interfaces: clock, snap length, and what they dropped.

An interface is `INTERFACE` words of a table.  Its drops are told twice: in all, by its
statistics (which may come again, each time from the start), and packet by packet.  The
larger of the two counts.

Source: draft-ietf-opsawg-pcapng, sections 3.5 (options), 4.2, 4.3 and 4.6.
"""

import cython

from detector.kernel import tables

_SWAPPED = cython.declare(cython.Py_ssize_t, tables.SWAPPED)
_INTERFACES = cython.declare(cython.Py_ssize_t, tables.INTERFACES)
_LOST = cython.declare(cython.Py_ssize_t, tables.LOST)
_INTERFACE = cython.declare(cython.Py_ssize_t, tables.INTERFACE)
_MAX_INTERFACES = cython.declare(cython.longlong, tables.MAX_INTERFACES)
_BAD_RECORD = cython.declare(cython.Py_ssize_t, tables.COUNTS + tables.COUNTED.index("bad_record"))
_MAX_SECONDS = cython.declare(cython.longlong, 4_611_686_018)  # 2**62 ns: the year 2116
_BIT31 = cython.declare(cython.longlong, 1 << 31)
_BIT32 = cython.declare(cython.longlong, 1 << 32)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _read16(b: cython.uchar[::1], o: cython.Py_ssize_t, swapped: cython.int) -> cython.int:
    if swapped:
        return (b[o] << 8) | b[o + 1]
    return (b[o + 1] << 8) | b[o]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _read32(b: cython.uchar[::1], o: cython.Py_ssize_t, swapped: cython.int) -> cython.longlong:
    x: cython.longlong = _read16(b, o if swapped else o + 2, swapped)
    return (x << 16) | _read16(b, o + 2 if swapped else o, swapped)


@cython.cfunc
@cython.nogil
@cython.exceptval(-2, check=False)
def _count(b: cython.uchar[::1], o: cython.Py_ssize_t, swapped: cython.int) -> cython.longlong:
    """64 bits; 0 where no capture can have lost so many."""
    if _read32(b, o if swapped else o + 4, swapped) != 0:
        return 0
    return _read32(b, o + 4 if swapped else o, swapped)


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
    swapped: cython.int = cython.cast(cython.int, state[_SWAPPED])
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
    if state[_INTERFACES] >= _MAX_INTERFACES:
        state[_BAD_RECORD] += 1
        return 0
    while q + 4 <= stop:
        code = _read16(b, q, swapped)
        size = _read16(b, q + 2, swapped)
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
            high = _read32(b, q + (4 if swapped else 8), swapped)
            offset = _read32(b, q + (8 if swapped else 4), swapped)
            if high >= _BIT31:
                high -= _BIT32
                offset -= _BIT32
            if high > 0 or offset > _MAX_SECONDS:
                offset = _MAX_SECONDS
            elif high < -1 or offset < -_MAX_SECONDS:
                offset = -_MAX_SECONDS
            offset *= 1_000_000_000
        q += 4 + ((size + 3) & ~3)
    at = cython.cast(cython.Py_ssize_t, state[_INTERFACES]) * _INTERFACE
    interfaces[at] = _read16(b, o + 8, swapped)
    interfaces[at + 1] = rate
    interfaces[at + 2] = offset
    interfaces[at + 3] = _read32(b, o + 12, swapped)
    interfaces[at + 4] = 0
    interfaces[at + 5] = 0
    state[_INTERFACES] += 1
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
    at: cython.Py_ssize_t = i * _INTERFACE
    before: cython.longlong = (
        interfaces[at + 4] if interfaces[at + 4] > interfaces[at + 5] else interfaces[at + 5]
    )
    after: cython.longlong
    interfaces[at + 4] = total if total > interfaces[at + 4] else interfaces[at + 4]
    interfaces[at + 5] += more
    after = interfaces[at + 4] if interfaces[at + 4] > interfaces[at + 5] else interfaces[at + 5]
    state[_LOST] += after - before
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
    swapped: cython.int = cython.cast(cython.int, state[_SWAPPED])
    i: cython.longlong = _read32(b, o + 8, swapped)
    q: cython.Py_ssize_t = o + 20
    stop: cython.Py_ssize_t = o + length - 4
    total: cython.longlong = 0
    code: cython.int
    size: cython.Py_ssize_t
    if i >= state[_INTERFACES]:
        state[_BAD_RECORD] += 1
        return 0
    while q + 4 <= stop:
        code = _read16(b, q, swapped)
        size = _read16(b, q + 2, swapped)
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
        code = _read16(b, q, swapped)
        size = _read16(b, q + 2, swapped)
        if code == 0 or q + 4 + size > stop:
            break
        if code == 4 and size >= 8:
            return _count(b, q + 4, swapped)
        q += 4 + ((size + 3) & ~3)
    return 0
