"""Times of packets in nanoseconds since the epoch, 1 .. 2**62, as pcap and pcapng have them."""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import tables
else:
    from detector.kernel import tables


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def of_record(
    seconds: cython.ulonglong, ticks: cython.ulonglong, scale: cython.ulonglong
) -> cython.ulonglong:
    """Of a record of pcap: 32 bits each, scale 1 or 1000."""
    at: cython.ulonglong = seconds * 1_000_000_000 + ticks * scale  # < 2**62 + 2**43
    if at < 1:
        return 1
    return tables.LATEST if at > tables.LATEST else at


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def of_block(ticks: cython.ulonglong, rate: cython.ulonglong, offset: cython.longlong) -> cython.ulonglong:
    """Of a block of pcapng: `ticks` at `rate` a second (a power of 10 or of 2), `offset` ns later."""
    whole: cython.ulonglong = ticks // rate
    rest: cython.ulonglong = ticks % rate
    if whole >= tables.LATEST_S:
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
