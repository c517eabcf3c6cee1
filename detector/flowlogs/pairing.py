"""Which end of a record of one direction is the client.

A record of NetFlow tells one direction of a connection and not who opened it, and its other half may
stand in another file.  So both halves are turned by what both hold: the end with the lower port has
the service (RFC 6335: services below 49152, what clients take above), and where the ports are equal
the lower address stands for the server.  Whatever the order of the records, halves of one connection
meet in one channel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detector.flowlogs.contract import Flows, Told
from detector.records import Basis

if TYPE_CHECKING:
    from detector.flowlogs.contract import Mask
    from detector.records import Int64s, UInt64s


def paired(
    *,
    source: UInt64s,
    target: UInt64s,
    ports: tuple[Int64s, Int64s],
    transport: Int64s,
    times: tuple[Int64s, Int64s],
    there: Int64s,
    back: Int64s,
    exact: Mask,
) -> Flows:
    """Records of one direction each (or of both, where `back` counts) as flows.

    ports: of source and target; times: first and last, ns; there, back: (n, 2) packets and bytes.
    """
    source_serves = _serves(source, target, *ports)
    pick = source_serves[:, None]
    return Flows(
        client=np.where(pick, target, source),
        server=np.where(pick, source, target),
        port=np.where(source_serves, *ports),
        client_port=np.where(source_serves, *ports[::-1]),
        transport=transport,
        basis=np.full(len(transport), Basis.PORT, np.int64),
        first_ns=times[0],
        last_ns=times[1],
        up=np.where(pick, back, there),
        down=np.where(pick, there, back),
        exact=exact,
        told=Told.HALVES,
    )


def _serves(source: UInt64s, target: UInt64s, source_port: Int64s, target_port: Int64s) -> Mask:
    """Whether the source is the server; (n,)."""
    lower = (source[:, 0] < target[:, 0]) | ((source[:, 0] == target[:, 0]) & (source[:, 1] < target[:, 1]))
    found: Mask = (source_port < target_port) | ((source_port == target_port) & lower)
    return found
