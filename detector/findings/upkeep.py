"""What a channel must be like by its volumes, so that it may be of mining.

A pool and its miner keep one dialogue up: jobs come every few seconds to minutes, shares go back.  The
limits are wide around what miners do; what passes them may be much else (docs/flowlogs.md: how much).
UDP carries no mining protocol, and what a VPN carries is not told from the VPN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from detector.records import TCP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detector.records import Int64s

    Mask = NDArray[np.bool_]

LEAST_NS: Final = 600_000_000_000  # pools speak several times in it, and few other services are held so long
GAP_NS: Final = 1_800_000_000_000  # of silence, after which it is another stretch: pools wait for less
COVERED: Final = 0.2  # of its time in records: an idle pool's channel has gaps, one visited now and then more
SLOWEST, FASTEST = 0.15, 500.0  # packets a minute: a job in six minutes; getwork by the second
MOST_BYTES: Final = 300_000.0  # a minute, both ways: above are transfers, calls and video
LARGEST: Final = 1_400.0  # mean bytes of a client's packet: above it only uploads
MINUTE_NS: Final = 60_000_000_000


def could_mine(transport: Int64s, lasted_ns: Int64s, covered_ns: Int64s, up: Int64s, down: Int64s) -> Mask:
    """Which stretches of channels pass the limits; up, down: (n, 2) packets and bytes; the rest (n,).

    covered_ns: of the time that it lasted, what lies inside of records.
    """
    minutes = np.maximum(lasted_ns, 1) / MINUTE_NS
    sent, answered = up[:, 0] / minutes, down[:, 0] / minutes
    size = up[:, 1] / np.maximum(up[:, 0], 1)
    ok: Mask = (transport == TCP) & (lasted_ns >= LEAST_NS) & (covered_ns >= COVERED * lasted_ns)
    ok &= (sent >= SLOWEST) & (answered >= SLOWEST) & (sent <= FASTEST) & (size <= LARGEST)
    return ok & ((up[:, 1] + down[:, 1]) / minutes <= MOST_BYTES)
