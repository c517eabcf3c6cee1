"""Whose an address was, and when: DHCP leases, IPv6 privacy addresses, two stacks of one machine.

All addresses of an asset are counted as one host, under the first of them that it always held; an
asset that has leases only is counted under a number of its own in 100::/64, which is never routed
(RFC 6666), and told by its name.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from detector.records import Int64s, UInt64s

Address = tuple[int, int]  # (high, low), IPv4 mapped
ALWAYS: Final = (-(1 << 63), (1 << 63) - 1)
_OF_ITS_OWN: Final = 0x0100_0000_0000_0000  # the high word of 100::/64


@dataclass(frozen=True, slots=True)
class Lease:
    """An address that was an asset's from `start_ns` until before `end_ns`."""

    asset: str
    address: Address
    start_ns: int = ALWAYS[0]
    end_ns: int = ALWAYS[1]
    line: int = 0  # of the asset map, for messages

    @property
    def always(self) -> bool:
        """Whether it has neither start nor end."""
        return (self.start_ns, self.end_ns) == ALWAYS


class LeaseError(ValueError):
    """Two assets hold one address at one time: the earlier lease, and the later one."""


@dataclass(frozen=True, slots=True)
class Owners:
    """Who held what; `held` has the disjoint leases of an address in order of time."""

    held: Mapping[Address, list[Lease]] = field(default_factory=dict)
    counted: Mapping[str, Address] = field(default_factory=dict)  # by asset: under which address

    def of(self, addresses: UInt64s, moments_ns: Int64s) -> UInt64s:
        """Under which address each is counted at its moment: (n, 2), (n,) -> (n, 2)."""
        if not self.held:
            return addresses
        out = addresses.copy()
        pairs = zip(map(tuple, addresses.tolist()), moments_ns.tolist(), strict=True)
        for row, (address, moment) in enumerate(pairs):
            leases = self.held.get(address)
            at = bisect_right(leases, moment, key=lambda lease: lease.start_ns) - 1 if leases else -1
            if leases and at >= 0 and moment < leases[at].end_ns:
                out[row] = self.counted[leases[at].asset]
        return out

    @classmethod
    def among(cls, leases: Iterable[Lease]) -> Owners:
        """Raises LeaseError."""
        by_asset: dict[str, list[Lease]] = {}
        held: dict[Address, list[Lease]] = {}
        for lease in sorted(leases, key=lambda lease: lease.start_ns):
            by_asset.setdefault(lease.asset, []).append(lease)
            before = held.setdefault(lease.address, [])
            if not before or before[-1].end_ns <= lease.start_ns:
                before.append(lease)
            elif before[-1].asset != lease.asset:
                raise LeaseError(*sorted((before[-1], lease), key=lambda one: one.line))
            else:
                before[-1] = replace(before[-1], end_ns=max(before[-1].end_ns, lease.end_ns))
        counted = {}
        for number, (asset, theirs) in enumerate(by_asset.items(), 1):
            always = sorted((lease for lease in theirs if lease.always), key=lambda lease: lease.line)
            counted[asset] = always[0].address if always else (_OF_ITS_OWN, number)
        moved = {place: theirs for place, theirs in held.items() if counted[theirs[0].asset] != place}
        return cls(moved, counted)


def told_by_name(address: Address) -> bool:
    """Whether what is counted under this address is an asset with leases only."""
    return address[0] == _OF_ITS_OWN
