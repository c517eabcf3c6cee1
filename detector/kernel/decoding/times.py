"""Times of pcapng: ticks of an interface's own clock to nanoseconds since the epoch."""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import tables
else:
    from detector.kernel import tables


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def nanoseconds(ticks: cython.ulonglong, rate: cython.ulonglong, offset: cython.longlong) -> cython.ulonglong:
    """Time in ns, 1 .. 2**62, of `ticks` at `rate` a second (a power of 10 or of 2), `offset` ns later."""
    whole: cython.ulonglong = ticks // rate
    rest: cython.ulonglong = ticks % rate
    if whole >= tables.LATEST // 1_000_000_000:
        return tables.LATEST
    if rate <= 1_000_000_000:
        rest = rest * 1_000_000_000 // rate
    elif rate % 1_000_000_000 == 0:
        rest = rest // (rate // 1_000_000_000)
    else:  # finer than 2**-30 s: drop bits until the product fits
        while rate > 1_000_000_000:
            rate >>= 1
            rest >>= 1
        rest = rest * 1_000_000_000 // rate
    at: cython.longlong = cython.cast(cython.longlong, whole * 1_000_000_000 + rest)
    if offset > 0 and at > tables.LATEST - offset:
        return tables.LATEST
    at += offset
    return 1 if at < 1 else cython.cast(cython.ulonglong, at)
