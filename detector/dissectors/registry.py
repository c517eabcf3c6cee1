"""The dissectors, in the order in which they are asked.  To add a dialect: one file, one name here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from detector.dissectors.beam import Beam
from detector.dissectors.contract import Dissector
from detector.dissectors.cryptonote import CryptoNote
from detector.dissectors.duino import Duino
from detector.dissectors.ethproxy import EthProxy
from detector.dissectors.getwork import Getwork
from detector.dissectors.management import Management
from detector.dissectors.nervos import Nervos
from detector.dissectors.stratum import Stratum
from detector.dissectors.stratumv2 import StratumV2

DISSECTORS: Final[tuple[Callable[[], Dissector], ...]] = (
    Stratum,
    CryptoNote,
    EthProxy,
    Getwork,
    Beam,
    Nervos,
    StratumV2,
    Duino,
    Management,
)
"""Cheapest and commonest first; no message is claimed by two of them."""
