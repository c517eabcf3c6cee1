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
    from detector.kernel.decoding.times import of_block, of_record
    from detector.kernel.decoding.walk import Walk
    from detector.kernel.interfaces import described, dropped, drops_before, statistics
    from detector.kernel.wire.integers import be32, read16, read32


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _bad_packet(w: Walk) -> cython.int:
    w.state[tables.N_PACKETS] += 1
    w.state[tables.N_BAD_RECORD] += 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _simple_packet(
    w: Walk, o: cython.Py_ssize_t, length: cython.Py_ssize_t, k: cython.Py_ssize_t
) -> cython.int:
    """A simple packet block, of the first interface and without a time: as `decode`."""
    wire: cython.longlong = read32(w.window, o + 8, cython.cast(cython.int, w.state[tables.SWAPPED]))
    captured: cython.longlong = length - 16
    if w.state[tables.INTERFACES] == 0:
        return _bad_packet(w)
    if captured > wire:
        captured = wire
    if w.interfaces[3] != 0 and captured > w.interfaces[3]:
        captured = w.interfaces[3]
    return decode(
        w, o + 12, cython.cast(cython.Py_ssize_t, captured), wire,
        of_block(0, cython.cast(cython.ulonglong, w.interfaces[1]), w.interfaces[2]), w.interfaces[0], k,
    )  # fmt: skip


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _told_drops(
    w: Walk, o: cython.Py_ssize_t, length: cython.Py_ssize_t, kind: cython.longlong, end: cython.Py_ssize_t,
    swapped: cython.int,
) -> cython.longlong:  # fmt: skip
    """What a packet block with its data before `end` says was dropped before it."""
    told: cython.longlong
    if kind == 6:  # options stand behind the data, padded to 4 bytes
        return drops_before(w.window, end, o + length - 4, swapped) if o + length - 4 - end >= 12 else 0
    told = read16(w.window, o + 10, swapped)
    return 0 if told == 0xFFFF else told  # not known


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _packet_block(
    w: Walk, o: cython.Py_ssize_t, length: cython.Py_ssize_t, kind: cython.longlong, k: cython.Py_ssize_t
) -> cython.int:
    """An enhanced or (obsolete) packet block: as `decode`."""
    swapped: cython.int = cython.cast(cython.int, w.state[tables.SWAPPED])
    i: cython.longlong = read32(w.window, o + 8, swapped) if kind == 6 else read16(w.window, o + 8, swapped)
    ticks: cython.ulonglong = read32(w.window, o + 12, swapped)
    captured: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, read32(w.window, o + 20, swapped))
    told: cython.longlong
    j: cython.Py_ssize_t
    if captured > length - 32 or i >= w.state[tables.INTERFACES]:
        return _bad_packet(w)
    told = _told_drops(w, o, length, kind, o + 28 + ((captured + 3) & ~3), swapped)
    if told > 0:
        dropped(w.state, w.interfaces, cython.cast(cython.Py_ssize_t, i), 0, told)
    j = cython.cast(cython.Py_ssize_t, i) * tables.INTERFACE
    ticks = (ticks << 32) | cython.cast(cython.ulonglong, read32(w.window, o + 16, swapped))
    ticks = of_block(ticks, cython.cast(cython.ulonglong, w.interfaces[j + 1]), w.interfaces[j + 2])
    return decode(w, o + 28, captured, read32(w.window, o + 24, swapped), ticks, w.interfaces[j], k)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _begin_section(w: Walk, o: cython.Py_ssize_t) -> cython.int:
    """A section header, which is the same in both byte orders, and may change the order; 0 = it is none."""
    magic: cython.longlong = be32(w.window, o + 8)
    if magic != 0x1A2B3C4D and magic != 0x4D3C2B1A:
        return _stop(w, tables.STOP_ORDER, magic)
    w.state[tables.SWAPPED] = magic == 0x1A2B3C4D
    w.state[tables.INTERFACES] = 0
    return 1


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _stop(w: Walk, why: cython.longlong, value: cython.longlong) -> cython.int:
    """The stream cannot go on."""
    w.state[tables.STOP] = why
    w.state[tables.STOP_VALUE] = value
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def _block(
    w: Walk, o: cython.Py_ssize_t, size: cython.Py_ssize_t, kind: cython.longlong, k: cython.Py_ssize_t
) -> cython.int:
    """A whole block: 1 where it became descriptor k."""
    if (kind == 6 or kind == 2) and size >= 32:
        return _packet_block(w, o, size, kind, k)
    if kind == 3 and size >= 16:
        return _simple_packet(w, o, size, k)
    if kind == 1 and size >= 20:
        described(w.window, o, size, w.state, w.interfaces)
    elif kind == 5 and size >= 24:
        statistics(w.window, o, size, w.state, w.interfaces)
    elif kind == 6 or kind == 2 or kind == 3 or kind == 1:
        w.state[tables.N_BAD_RECORD] += 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _walk_blocks(w: Walk, o: cython.Py_ssize_t) -> cython.Py_ssize_t:
    n: cython.Py_ssize_t = w.window.shape[0]
    k: cython.Py_ssize_t = 0
    kind: cython.longlong
    length: cython.longlong
    while n - o >= 12 and k < tables.BATCH:
        kind = read32(w.window, o, cython.cast(cython.int, w.state[tables.SWAPPED]))
        if kind == 0x0A0D0D0A and not _begin_section(w, o):
            break
        length = read32(w.window, o + 4, cython.cast(cython.int, w.state[tables.SWAPPED]))
        if length < 12 or length & 3 or length > tables.RECORD_LIMIT:
            w.state[tables.N_BAD_RECORD] += 1
            _stop(w, tables.STOP_LENGTH, length)
            break
        if length > n - o:
            break
        k += _block(w, o, cython.cast(cython.Py_ssize_t, length), kind, k)
        o += cython.cast(cython.Py_ssize_t, length)
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
    captured: cython.Py_ssize_t
    ts: cython.ulonglong
    scale: cython.ulonglong = w.state[tables.NS_PER_TICK]
    while n - o >= header and k < tables.BATCH:
        captured = cython.cast(cython.Py_ssize_t, read32(w.window, o + 8, swapped))
        if captured > tables.RECORD_LIMIT:
            w.state[tables.N_BAD_RECORD] += 1
            _stop(w, tables.STOP_LENGTH, captured)
            break
        if captured > n - o - header:
            break
        ts = of_record(read32(w.window, o, swapped), read32(w.window, o + 4, swapped), scale)
        k += decode(w, o + header, captured, read32(w.window, o + 12, swapped), ts, w.interfaces[0], k)
        o += header + captured
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
