"""The keyword scan: whether payload holds a word of `keywords`."""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import tables
    from cython.cimports.detector.kernel.views import Views
else:
    from detector.kernel import tables
    from detector.kernel.views import Views
    from detector.kernel.wire.bounds import within


@cython.cfunc
@cython.inline
@cython.nogil
@cython.boundscheck(False)  # half the scan was bounds checks: `has_keyword` checks the ends of both
@cython.exceptval(check=False)
def _pair(t: Views, b: cython.uchar[::1], i: cython.Py_ssize_t) -> cython.int:
    """At which offsets of a word's anchor b[i : i + 2] may stand: a bit each; see `search`."""
    return t.pairs[(b[i] ^ (b[i + 1] << 5)) & tables.PAIR_MASK]


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _is_word(
    t: Views, b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, at: cython.Py_ssize_t
) -> cython.int:
    """Whether a word whose anchor would stand at b[at] is within b[p:end]."""
    word: cython.Py_ssize_t
    j: cython.Py_ssize_t
    k: cython.Py_ssize_t
    s: cython.Py_ssize_t
    length: cython.Py_ssize_t
    for k in range(0, t.starts.shape[0] - 2, 2):
        s = cython.cast(cython.Py_ssize_t, t.starts[k])
        length = cython.cast(cython.Py_ssize_t, t.starts[k + 2]) - s
        word = at - cython.cast(cython.Py_ssize_t, t.starts[k + 1])
        if word >= p and word + length <= end:
            j = 0
            while j < length and b[word + j] == t.words[s + j]:
                j += 1
            if j == length:
                return 1
    return 0


@cython.cfunc
@cython.nogil
@cython.boundscheck(False)  # as `_pair`: a whole anchor lies between p and end
@cython.exceptval(-1, check=False)
def _is_keyword(
    t: Views, b: cython.uchar[::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, i: cython.Py_ssize_t
) -> cython.int:
    """Whether the pair at b[i] belongs to a word within b[p:end]."""
    bits: cython.int = _pair(t, b, i)
    offset: cython.Py_ssize_t
    at: cython.Py_ssize_t  # of the anchor
    x: cython.ulonglong
    for offset in range(3):
        at = i - offset
        if not (bits >> offset) & 1 or at < p or at + 4 > end:
            continue
        x = b[at + 3]
        x = (x << 24) | (b[at + 2] << 16) | (b[at + 1] << 8) | b[at]
        if not t.anchors[cython.cast(cython.Py_ssize_t, ((x * tables.SPREAD) & tables.MASK32) >> 20)]:
            continue
        if _is_word(t, b, p, end, at):
            return 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def has_keyword(t: Views, b: cython.uchar[::1], p: cython.Py_ssize_t, n: cython.Py_ssize_t) -> cython.int:
    """Whether one of the words is in b[p : p + n].

    Wherever the four bytes of a word's anchor stand, one of their three pairs of neighbours stands at
    every third place: only those are looked up, four at a time, none waiting for another.
    """
    end: cython.Py_ssize_t = p + n
    i: cython.Py_ssize_t = p + 2
    j: cython.Py_ssize_t
    if n < 4:  # no anchor fits
        return 0
    within(b, p, n)
    within(t.pairs, 0, tables.PAIR_MASK + 1)
    within(t.anchors, 0, 1 << 12)
    while i + 10 < end:
        if _pair(t, b, i) | _pair(t, b, i + 3) | _pair(t, b, i + 6) | _pair(t, b, i + 9):
            for j in range(i, i + 12, 3):
                if _pair(t, b, j) and _is_keyword(t, b, p, end, j):
                    return 1
        i += 12
    while i + 1 < end:
        if _pair(t, b, i) and _is_keyword(t, b, p, end, i):
            return 1
        i += 3
    return 0
