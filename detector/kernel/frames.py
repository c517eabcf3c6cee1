# cython: language_level=3, wraparound=False, cdivision=True, initializedcheck=False
"""Walks the records of a capture and has their frames decoded into packet descriptors.

Owns the framing of pcap and pcapng.  Each packet becomes one descriptor (`tables`), or one
count under the reason why not, in `decoding`: Ethernet, IPv4 or IPv6, TCP or UDP, the way
that almost every packet takes.  What is rarer is asked of other extensions: `linklayers`,
`tunnels`, `fragments` and, for the blocks of pcapng that hold no packet, `interfaces`.
Knows nothing of connections.

Sources: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng.

Every read is guarded by an explicit length check; bounds checks stay on besides, so that
a mistake here is an IndexError and never a read of foreign memory.
"""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import tables
else:
    from detector.kernel import tables
    from detector.kernel.decoding.frame import decode
    from detector.kernel.decoding.times import nanoseconds
    from detector.kernel.decoding.walk import Walk
    from detector.kernel.interfaces import described, dropped, drops_before, statistics
    from detector.kernel.wire.integers import be32, read16, read32


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _packet_block(
    w: Walk, o: cython.Py_ssize_t, length: cython.Py_ssize_t, kind: cython.longlong, k: cython.Py_ssize_t
) -> cython.int:
    """An enhanced, simple or (obsolete) packet block: as `decode`."""
    swapped: cython.int = cython.cast(cython.int, w.state[tables.SWAPPED])
    i: cython.longlong = 0
    ticks: cython.ulonglong = 0
    captured: cython.longlong
    wire: cython.longlong
    told: cython.longlong = 0  # drops
    at: cython.Py_ssize_t
    j: cython.Py_ssize_t
    if kind == 3:
        wire = read32(w.window, o + 8, swapped)
        captured = length - 16
        if captured > wire:
            captured = wire
        if w.state[tables.INTERFACES] > 0 and w.interfaces[3] != 0 and captured > w.interfaces[3]:
            captured = w.interfaces[3]
        at = o + 12
    else:
        i = read32(w.window, o + 8, swapped) if kind == 6 else read16(w.window, o + 8, swapped)
        ticks = read32(w.window, o + 12, swapped)
        ticks = (ticks << 32) | cython.cast(cython.ulonglong, read32(w.window, o + 16, swapped))
        captured = read32(w.window, o + 20, swapped)
        wire = read32(w.window, o + 24, swapped)
        at = o + 28
        if captured > length - 32:
            w.state[tables.N_PACKETS] += 1
            w.state[tables.N_BAD_RECORD] += 1
            return 0
    if i >= w.state[tables.INTERFACES]:
        w.state[tables.N_PACKETS] += 1
        w.state[tables.N_BAD_RECORD] += 1
        return 0
    if kind == 6:
        j = at + ((cython.cast(cython.Py_ssize_t, captured) + 3) & ~3)
        if o + length - 4 - j >= 12:
            told = drops_before(w.window, j, o + length - 4, swapped)
    elif kind == 2:
        told = read16(w.window, o + 10, swapped)
        if told == 0xFFFF:  # not known
            told = 0
    if told > 0:
        dropped(w.state, w.interfaces, cython.cast(cython.Py_ssize_t, i), 0, told)
    j = cython.cast(cython.Py_ssize_t, i) * tables.INTERFACE
    ticks = nanoseconds(ticks, cython.cast(cython.ulonglong, w.interfaces[j + 1]), w.interfaces[j + 2])
    return decode(w, at, cython.cast(cython.Py_ssize_t, captured), wire, ticks, w.interfaces[j], k)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _walk_blocks(w: Walk, o: cython.Py_ssize_t) -> cython.Py_ssize_t:
    n: cython.Py_ssize_t = w.window.shape[0]
    k: cython.Py_ssize_t = 0
    kind: cython.longlong
    length: cython.longlong
    size: cython.Py_ssize_t
    magic: cython.longlong
    while n - o >= 12 and k < tables.BATCH:
        kind = read32(w.window, o, cython.cast(cython.int, w.state[tables.SWAPPED]))
        if kind == 0x0A0D0D0A:  # section header: the same in both byte orders, and may change the order
            magic = be32(w.window, o + 8)
            if magic != 0x1A2B3C4D and magic != 0x4D3C2B1A:
                w.state[tables.STOP] = tables.STOP_ORDER
                w.state[tables.STOP_VALUE] = magic
                break
            w.state[tables.SWAPPED] = magic == 0x1A2B3C4D
            w.state[tables.INTERFACES] = 0
        length = read32(w.window, o + 4, cython.cast(cython.int, w.state[tables.SWAPPED]))
        if length < 12 or length & 3 or length > tables.RECORD_LIMIT:
            w.state[tables.N_BAD_RECORD] += 1
            w.state[tables.STOP] = tables.STOP_LENGTH
            w.state[tables.STOP_VALUE] = length
            break
        if length > n - o:
            break
        size = cython.cast(cython.Py_ssize_t, length)
        if ((kind == 6 or kind == 2) and size >= 32) or (kind == 3 and size >= 16):
            k += _packet_block(w, o, size, kind, k)
        elif kind == 1 and size >= 20:
            described(w.window, o, size, w.state, w.interfaces)
        elif kind == 5 and size >= 24:
            statistics(w.window, o, size, w.state, w.interfaces)
        elif kind == 6 or kind == 2 or kind == 3 or kind == 1:
            w.state[tables.N_BAD_RECORD] += 1
        o += size
    w.state[tables.BATCHED] = k
    return o


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _walk_records(w: Walk, o: cython.Py_ssize_t) -> cython.Py_ssize_t:
    n: cython.Py_ssize_t = w.window.shape[0]
    k: cython.Py_ssize_t = 0
    swapped: cython.int = cython.cast(cython.int, w.state[tables.SWAPPED])
    header: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, w.interfaces[3])  # 16, or 24 if "modified"
    captured: cython.longlong
    seconds: cython.ulonglong
    ticks: cython.ulonglong
    scale: cython.ulonglong = w.state[tables.NS_PER_TICK]
    while n - o >= header and k < tables.BATCH:
        captured = read32(w.window, o + 8, swapped)
        if captured > tables.RECORD_LIMIT:
            w.state[tables.N_BAD_RECORD] += 1
            w.state[tables.STOP] = tables.STOP_LENGTH
            w.state[tables.STOP_VALUE] = captured
            break
        if captured > n - o - header:
            break
        seconds = read32(w.window, o, swapped)
        ticks = read32(w.window, o + 4, swapped)
        ticks = seconds * 1_000_000_000 + ticks * scale  # < 2**62 + 2**43
        if ticks < 1:
            ticks = 1
        if ticks > tables.LATEST:
            ticks = tables.LATEST
        k += decode(
            w,
            o + header,
            cython.cast(cython.Py_ssize_t, captured),
            read32(w.window, o + 12, swapped),
            ticks,
            w.interfaces[0],
            k,
        )
        o += header + cython.cast(cython.Py_ssize_t, captured)
    w.state[tables.BATCHED] = k
    return o


def walk(
    window: cython.uchar[::1],
    start: cython.Py_ssize_t,
    state: cython.longlong[::1],
    interfaces: cython.longlong[::1],
    batch: cython.ulonglong[::1],
) -> cython.Py_ssize_t:
    """Walks whole records from `start` until a batch is full or the window has no whole record left.

    `window` ends where the valid bytes end.  Returns the offset of the first record not
    walked; `state[BATCHED]` descriptors are in `batch`.  `state[STOP]` is set where the
    stream cannot go on.
    """
    o: cython.Py_ssize_t
    w: Walk
    if (
        batch.shape[0] < tables.BATCH * tables.DESCRIPTOR
        or interfaces.shape[0] < tables.MAX_INTERFACES * tables.INTERFACE
    ):
        raise ValueError("tables too small")
    w = Walk()
    w.window, w.state, w.interfaces, w.batch = window, state, interfaces, batch
    with cython.nogil:
        o = _walk_records(w, start) if state[tables.FORMAT] == tables.PCAP else _walk_blocks(w, start)
    return o
