"""The checks that let hot functions go without: an entry, a line lies in its table."""

import cython


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-2, check=False)
def entry(
    table: cython.ulonglong[::1], slot: cython.Py_ssize_t, size: cython.Py_ssize_t
) -> cython.Py_ssize_t:
    """The first word of an entry; an IndexError unless all of it lies in the table.

    Functions without bounds checks read and write words of entries that they have from here
    or from `line`, at offsets of `tables`, and words of `state`; a checked function reads
    the bytes of a packet, each with its own check.  The checks of every word took a third of the update.
    """
    o: cython.Py_ssize_t = slot * size
    end: cython.ulonglong = table[o] | table[o + size - 1]  # noqa: F841  # the checks are what is wanted
    return o


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-2, check=False)
def line(table: cython.longlong[::1], slot: cython.Py_ssize_t, size: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """As `entry`, of a table of signed words."""
    o: cython.Py_ssize_t = slot * size
    end: cython.longlong = table[o] | table[o + size - 1]  # noqa: F841
    return o
