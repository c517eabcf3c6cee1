# cython: language_level=3, wraparound=False, cdivision=True, initializedcheck=False
"""Rows without their zeros: most of a row of a quiet channel is zero words.

A packed row is HEAD words of a bitmap and then the 32-bit halves of the row's 64-bit words
that are not zero, low half first: half i is there when bit i of the bitmap is set.  The
narrow words follow the wide ones, two to a 64-bit word.
Same source compiled and uncompiled.
"""

from typing import Final

import cython

from detector.kernel import layout

HEAD: Final = (2 * layout.WIDE + layout.NARROW + 31) // 32  # words of the bitmap
LONGEST: Final = HEAD + 2 * layout.WIDE + layout.NARROW  # words of a row without a zero
_MASK32 = cython.declare(cython.ulonglong, (1 << 32) - 1)
_WIDE = cython.declare(cython.Py_ssize_t, layout.WIDE)
_NARROW = cython.declare(cython.Py_ssize_t, layout.NARROW // 2)
_HEAD = cython.declare(cython.Py_ssize_t, HEAD)
_LONGEST = cython.declare(cython.Py_ssize_t, LONGEST)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _put(
    x: cython.ulonglong,
    half: cython.Py_ssize_t,
    packed: cython.uint[::1],
    head: cython.Py_ssize_t,
    end: cython.Py_ssize_t,
) -> cython.Py_ssize_t:
    """Append the halves of a word that is not zero; half: number of its low half.  The new end."""
    one: cython.uint = 1
    if x & _MASK32:
        packed[head + (half >> 5)] |= one << (half & 31)
        packed[end] = cython.cast(cython.uint, x & _MASK32)
        end += 1
    if x >> 32:
        half += 1
        packed[head + (half >> 5)] |= one << (half & 31)
        packed[end] = cython.cast(cython.uint, x >> 32)
        end += 1
    return end


def pack(
    wide: cython.ulonglong[::1],
    narrow: cython.ulonglong[::1],
    rows: cython.longlong[::1],
    begin: cython.Py_ssize_t,
    packed: cython.uint[::1],
    starts: cython.longlong[::1],
) -> cython.Py_ssize_t:
    """Pack rows[begin], rows[begin + 1], ... while there is room for a longest one; the first that is not.

    Row k of `rows` lies at starts[k] in `packed`, the next one behind it: starts[begin] is
    given, and there is one start more than rows.  Raises IndexError for a row that is not there.
    """
    k: cython.Py_ssize_t
    i: cython.Py_ssize_t
    r: cython.Py_ssize_t
    head: cython.Py_ssize_t
    end: cython.Py_ssize_t
    if starts.shape[0] != rows.shape[0] + 1:
        raise ValueError("one start more than rows")
    for k in range(begin, rows.shape[0]):
        r = cython.cast(cython.Py_ssize_t, rows[k])
        head = cython.cast(cython.Py_ssize_t, starts[k])
        if r < 0 or (r + 1) * _WIDE > wide.shape[0] or (r + 1) * _NARROW > narrow.shape[0] or head < 0:
            raise IndexError(f"row {r}")
        if head + _LONGEST > packed.shape[0]:
            return k
        end = head + _HEAD
        for i in range(head, end):
            packed[i] = 0
        for i in range(_WIDE):
            if wide[r * _WIDE + i] != 0:
                end = _put(wide[r * _WIDE + i], 2 * i, packed, head, end)
        for i in range(_NARROW):
            if narrow[r * _NARROW + i] != 0:
                end = _put(narrow[r * _NARROW + i], 2 * (_WIDE + i), packed, head, end)
        starts[k + 1] = end
    return rows.shape[0]


def unpack(
    packed: cython.uint[::1],
    starts: cython.longlong[::1],
    rows: cython.longlong[::1],
    wide: cython.ulonglong[::1],
    narrow: cython.ulonglong[::1],
) -> None:
    """Unpack the row at starts[k] into row rows[k], whose words are all zero, for every k.

    Raises IndexError for a start or a row that is not there.
    """
    k: cython.Py_ssize_t
    i: cython.Py_ssize_t
    bit: cython.Py_ssize_t
    half: cython.Py_ssize_t
    r: cython.Py_ssize_t
    at: cython.Py_ssize_t
    head: cython.Py_ssize_t
    bits: cython.uint
    x: cython.ulonglong
    for k in range(rows.shape[0]):
        r = cython.cast(cython.Py_ssize_t, rows[k])
        head = cython.cast(cython.Py_ssize_t, starts[k])
        if r < 0 or (r + 1) * _WIDE > wide.shape[0] or (r + 1) * _NARROW > narrow.shape[0] or head < 0:
            raise IndexError(f"row {r}")
        at = head + _HEAD
        for i in range(_HEAD):
            bits = packed[head + i]
            bit = 0
            while bits != 0:
                if bits & 1:
                    half = 32 * i + bit
                    x = packed[at]
                    x <<= 32 * (half & 1)
                    half >>= 1
                    if half < _WIDE:
                        wide[r * _WIDE + half] |= x
                    else:
                        narrow[r * _NARROW + half - _WIDE] |= x
                    at += 1
                bits >>= 1
                bit += 1
