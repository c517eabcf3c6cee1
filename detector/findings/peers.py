"""The level test: how much a meter draws when others rest, against its contract and its peers.

A load that was flat from the first reading says nothing by its shape; that it draws at night what
none of its kind draws, or most of its contract day and night, does.  Peers are the meters whose
assets have the same `role`; the night base is the 5 % quantile of a meter's window means.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from detector.findings.roster import HostRecord
from detector.hosts import Assets

FEWEST_PEERS: Final = 8
TIMES_PEERS: Final = (
    5.0  # their median night base; households lie within a factor of 3 (DeviceScope, SimBench)
)
LEAST_W: Final = 1_000.0  # less is no miner that a utility would look for
OF_CONTRACT: Final = 0.6  # of the contract, at rest; Fujian's miners drew theirs nearly whole (DCIC-2022)


@dataclass(frozen=True, slots=True)
class Level:
    """What is known beside the readings of one meter; None = not known."""

    contract_kw: float | None = None
    peers: int = 0
    peers_w: float | None = None  # median night base of its peers

    def speaks(self, floor_w: float | None) -> bool:
        """Whether a load that rests at `floor_w` stands out."""
        if floor_w is None or floor_w < LEAST_W:
            return False
        beside = self.peers_w is not None and floor_w >= TIMES_PEERS * max(self.peers_w, 1.0)
        full = bool(self.contract_kw) and floor_w >= OF_CONTRACT * 1000 * (self.contract_kw or 0.0)
        return beside or full


class Peers:
    """Night bases by role, of all meters that were read."""

    def __init__(self, meters: Mapping[str, HostRecord], assets: Assets) -> None:
        self._assets = assets
        bases: dict[str, list[float]] = {}
        for name, record in meters.items():
            asset = assets.by_meter.get(name)
            floor = record.power.description.get("floor_w") if record.power else None
            if asset and asset.role and floor is not None:
                bases.setdefault(asset.role, []).append(floor)
        self._bases = {
            role: (len(found), statistics.median(found))
            for role, found in bases.items()
            if len(found) > FEWEST_PEERS
        }

    def level(self, meter: str) -> Level:
        """Of the meter of that name, itself not counted among its peers."""
        asset = self._assets.by_meter.get(meter)
        if asset is None:
            return Level()
        count, base = self._bases.get(asset.role or "", (1, None))
        return Level(asset.contract_kw, count - 1, base)
