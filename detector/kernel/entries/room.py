"""Why a packet must wait: the tables have no room for it, or payload of its channel is not decided on."""

import cython

if cython.compiled:  # the same numbers as C constants, see setup.py
    from cython.cimports.detector.kernel import tables
    from cython.cimports.detector.kernel.views import Views
else:
    from detector.kernel import tables
    from detector.kernel.entries.channel import channel_of, roles
    from detector.kernel.views import Views


@cython.cfunc
@cython.inline
@cython.nogil
@cython.boundscheck(False)  # see `entry`
@cython.exceptval(-1, check=False)
def has_room(t: Views) -> cython.int:
    """Whether what one packet, or the end of one wait, may bring has room."""
    return (
        (t.state[tables.N_EVENTS] + tables.ROOM_EVENTS) * tables.EVENT <= t.events.shape[0]
        and t.state[tables.N_PIECES] + tables.ROOM_PIECES <= tables.MAX_PIECES
        and t.state[tables.PIECE_FILL] + tables.ROOM_BYTES <= tables.PIECE_BYTES
    )


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _undecided(t: Views, k: cython.Py_ssize_t, connection: cython.Py_ssize_t) -> cython.int:
    """Whether payload of the channel of descriptor word k was copied and not handed over yet."""
    h: cython.Py_ssize_t
    if connection >= 0:
        h = cython.cast(
            cython.Py_ssize_t,
            t.connections[connection * tables.CONNECTION + tables.C_CHANNEL] & tables.MASK32,
        )
    else:
        h = channel_of(t, k, roles(t, k), 0)
    return h >= 0 and t.channels[h * tables.CHANNEL + tables.H_UNDECIDED] != 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.boundscheck(False)  # see `entry`
@cython.exceptval(-1, check=False)
def obstacle(t: Views, k: cython.Py_ssize_t, connection: cython.Py_ssize_t) -> cython.longlong:
    """Why the packet of descriptor word k cannot be taken now, or DONE.

    Payload is handed over before the next packet of its channel: what is decided on it holds
    from there on, however the bytes were cut.  That of settled connections waits for company.
    """
    if t.state[tables.N_PIECES] > t.state[tables.N_WAITING] and _undecided(t, k, connection):
        return tables.NEED_EVENTS
    if (
        t.state[tables.NEWEST] >= t.state[tables.SWEEP_AT]
        and 4 * t.state[tables.SWEEP_COUNT] >= t.state[tables.CONNECTION_HIGH]
    ):
        return tables.SWEEP
    if not has_room(t):
        return tables.NEED_EVENTS
    if t.state[tables.ROW_LIVE] >= t.state[tables.MAX_ROWS]:
        return tables.NEED_ROWS
    if connection < 0:
        if t.state[tables.CONNECTION_LIVE] >= t.state[tables.MAX_CONNECTIONS]:
            return tables.NEED_CONNECTIONS
        if t.state[tables.CHANNEL_LIVE] >= t.state[tables.MAX_CHANNELS]:
            return tables.NEED_CHANNELS
    return tables.DONE
