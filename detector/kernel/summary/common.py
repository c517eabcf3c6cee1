"""The commonest lengths: heavy hitters, counted, taken back and merged.

They are Misra-Gries summaries (Misra and Gries 1982), merged as in Agarwal et al., "Mergeable
summaries" (TODS 2013): while nothing was dropped they are exact.
"""

import cython


@cython.cfunc
@cython.nogil
@cython.boundscheck(False)  # see `whole`
@cython.exceptval(-1, check=False)
def hit(
    narrow: cython.uint[::1], o: cython.Py_ssize_t, size: cython.Py_ssize_t, length: cython.longlong
) -> cython.int:
    """Counts `length` in the `size` (length, count) pairs at o.  Returns the decrements: 0 or 1."""
    i: cython.Py_ssize_t
    free: cython.Py_ssize_t = -1
    for i in range(o, o + 2 * size, 2):
        if narrow[i + 1] == 0:
            if free < 0:
                free = i
        elif narrow[i] == length:
            narrow[i + 1] += 1
            return 0
    if free >= 0:
        narrow[free] = cython.cast(cython.uint, length)
        narrow[free + 1] = 1
        return 0
    for i in range(o, o + 2 * size, 2):
        narrow[i + 1] -= 1
        if narrow[i + 1] == 0:
            narrow[i] = 0
    return 1


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def unhit(
    narrow: cython.uint[::1], o: cython.Py_ssize_t, size: cython.Py_ssize_t, length: cython.longlong
) -> cython.int:
    """Takes one count of `length` back, where the summary still holds it."""
    i: cython.Py_ssize_t
    for i in range(o, o + 2 * size, 2):
        if narrow[i] == length and narrow[i + 1] > 0:
            narrow[i + 1] -= 1
            if narrow[i + 1] == 0:
                narrow[i] = 0
            break
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def merge_common(
    x: cython.uint[::1],
    xo: cython.Py_ssize_t,
    y: cython.uint[::1],
    yo: cython.Py_ssize_t,
    size: cython.Py_ssize_t,
    pairs: cython.longlong[::1],
) -> cython.longlong:
    """Joins two Misra-Gries summaries into x; returns what was taken off every counter.

    Counters of the same length are added; of more than `size`, the (size + 1)th largest
    count is subtracted from all and what is left positive is kept (Agarwal et al. 2013).
    `pairs` is scratch of 4 * size words.
    """
    n: cython.Py_ssize_t = 0
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    c: cython.longlong
    v: cython.longlong
    cut: cython.longlong = 0
    for i in range(size):
        if x[xo + 2 * i + 1] > 0:
            pairs[2 * n] = x[xo + 2 * i]
            pairs[2 * n + 1] = x[xo + 2 * i + 1]
            n += 1
    for i in range(size):
        if y[yo + 2 * i + 1] > 0:
            v = y[yo + 2 * i]
            for j in range(n):
                if pairs[2 * j] == v:
                    pairs[2 * j + 1] += y[yo + 2 * i + 1]
                    break
            else:
                pairs[2 * n] = v
                pairs[2 * n + 1] = y[yo + 2 * i + 1]
                n += 1
    if n > size:
        for i in range(1, n):  # insertion sort, the largest count first
            v = pairs[2 * i]
            c = pairs[2 * i + 1]
            j = i
            while j > 0 and pairs[2 * j - 1] < c:
                pairs[2 * j] = pairs[2 * j - 2]
                pairs[2 * j + 1] = pairs[2 * j - 1]
                j -= 1
            pairs[2 * j] = v
            pairs[2 * j + 1] = c
        cut = pairs[2 * size + 1]
    j = 0
    for i in range(n if n < size else size):
        if pairs[2 * i + 1] > cut:
            x[xo + 2 * j] = cython.cast(cython.uint, pairs[2 * i])
            x[xo + 2 * j + 1] = cython.cast(cython.uint, pairs[2 * i + 1] - cut)
            j += 1
    for i in range(j, size):
        x[xo + 2 * i] = 0
        x[xo + 2 * i + 1] = 0
    return cut
