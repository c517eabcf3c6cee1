"""What a walk reads and writes, in one object: views passed one by one are copied at every call."""

import cython


@cython.final
@cython.cclass
class Walk:
    """Of one call of `frames.walk`, whose arguments these are."""

    window: cython.uchar[::1]
    state: cython.longlong[::1]
    interfaces: cython.longlong[::1]
    batch: cython.ulonglong[::1]
