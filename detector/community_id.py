"""Community ID, version 1: the name that Zeek, Suricata and Wireshark give a flow, so that logs join.

https://github.com/corelight/community-id-spec: `1:` and the base64 of the SHA-1 of a seed, both
addresses, the IP protocol, a byte of padding and both ports, the smaller (address, port) first.  Here
for TCP and UDP, whose ends need no mapping.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import struct

SEED = 0  # the default of all tools


def community_id(one: tuple[str, int], other: tuple[str, int], protocol: int, seed: int = SEED) -> str:
    """Of the flow between two (address, port), in any order; protocol: 6 or 17.

    Raises ValueError for what is no address, or addresses of two versions.
    """
    ends = [(ipaddress.ip_address(address).packed, port) for address, port in (one, other)]
    (first, port), (second, other_port) = sorted(ends)
    if len(first) != len(second):
        raise ValueError(f"{one[0]} and {other[0]} are of two versions")
    content = struct.pack("!H", seed) + first + second + struct.pack("!BBHH", protocol, 0, port, other_port)
    return "1:" + base64.b64encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode("ascii")
