# cython: language_level=3, wraparound=False, cdivision=True, initializedcheck=False
"""A hash table of keys of a few 64-bit words: which number does each key have?

Open addressing, linear probing, at most half full.  A table word is the key's hash above
its number plus one; 0 is free.  Keys are numbered in order of first appearance, so that no
result depends on the seed.  Same source compiled and uncompiled.
"""

import cython

_MIX = cython.declare(cython.ulonglong, 0xD6E8FEB86659FD93)  # rrmxmx's multiplier
_MASK32 = cython.declare(cython.ulonglong, (1 << 32) - 1)
_MASK64 = cython.declare(cython.ulonglong, (1 << 64) - 1)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _hash(
    keys: cython.ulonglong[::1], at: cython.Py_ssize_t, width: cython.Py_ssize_t, seed: cython.ulonglong
) -> cython.ulonglong:
    """32 bits; seeded, so that no sender can choose keys that collide."""
    h: cython.ulonglong = seed
    i: cython.Py_ssize_t
    for i in range(at, at + width):
        h ^= keys[i]
        h ^= h >> 32
        h = (h * _MIX) & _MASK64
        h ^= h >> 32
        h = (h * _MIX) & _MASK64
    return (h ^ (h >> 32)) & _MASK32


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _same(
    a: cython.ulonglong[::1],
    i: cython.Py_ssize_t,
    b: cython.ulonglong[::1],
    j: cython.Py_ssize_t,
    width: cython.Py_ssize_t,
) -> cython.bint:
    k: cython.Py_ssize_t
    for k in range(width):
        if a[i + k] != b[j + k]:
            return False
    return True


def number(
    keys: cython.ulonglong[::1],
    width: cython.Py_ssize_t,
    seed: cython.ulonglong,
    known: cython.ulonglong[::1],
    count: cython.Py_ssize_t,
    table: cython.ulonglong[::1],
    numbers: cython.longlong[::1],
) -> cython.Py_ssize_t:
    """Fill `numbers` (n,) with the number of each of the n keys, adding new ones to `known`; the new count.

    keys: n * width words.  known: room for count + n keys.  table: a power of two of at least
    2 * (count + n) words.  Raises ValueError when they are smaller.
    """
    n: cython.Py_ssize_t = numbers.shape[0]
    mask: cython.Py_ssize_t = table.shape[0] - 1
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t
    at: cython.Py_ssize_t
    found: cython.Py_ssize_t
    h: cython.ulonglong
    v: cython.ulonglong
    if keys.shape[0] != n * width or known.shape[0] < (count + n) * width:
        raise ValueError("no room for that many keys")
    if table.shape[0] < 2 * (count + n) or table.shape[0] & mask:
        raise ValueError("the table is too small, or no power of two")
    with cython.nogil:
        for i in range(n):
            h = _hash(keys, i * width, width, seed)
            at = cython.cast(cython.Py_ssize_t, h) & mask
            v = table[at]
            found = -1
            while v != 0:
                if v >> 32 == h:
                    k = cython.cast(cython.Py_ssize_t, v & _MASK32) - 1
                    if _same(keys, i * width, known, k * width, width):
                        found = k
                        break
                at = (at + 1) & mask
                v = table[at]
            if found < 0:
                found = count
                table[at] = (h << 32) | cython.cast(cython.ulonglong, count + 1)
                for k in range(width):
                    known[count * width + k] = keys[i * width + k]
                count += 1
            numbers[i] = found
    return count


def rehash(old: cython.ulonglong[::1], table: cython.ulonglong[::1]) -> None:
    """Enter what `old` holds into the empty, larger `table`."""
    mask: cython.Py_ssize_t = table.shape[0] - 1
    i: cython.Py_ssize_t
    at: cython.Py_ssize_t
    v: cython.ulonglong
    if table.shape[0] < old.shape[0] or table.shape[0] & mask:
        raise ValueError("the table is too small, or no power of two")
    for i in range(old.shape[0]):
        v = old[i]
        if v != 0:
            at = cython.cast(cython.Py_ssize_t, v >> 32) & mask
            while table[at] != 0:
                at = (at + 1) & mask
            table[at] = v
