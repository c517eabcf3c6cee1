"""What the models of the two modalities say of one host -> the columns of the fusion model.

A modality that was not observed is NaN.  Every column may only raise the score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detector.records import Vectors


@dataclass(frozen=True, slots=True)
class HostEvidence:
    """One host as the fusion model sees it.  Log-odds are calibrated; NaN = not observed."""

    network_logit: float = float("nan")  # of its most suspect channel
    network_second: float = float("nan")  # of the next one
    network_windows: float = float("nan")  # windows in which a channel stood at or above `suspicious`
    dialogue: float = float("nan")  # 1 when miner and pool were both heard, else 0
    power_logit: float = float("nan")


NAMES: tuple[str, ...] = tuple(f"fusion.{name}" for name in HostEvidence.__dataclass_fields__)
MONOTONE: dict[str, int] = dict.fromkeys(NAMES, 1)


def extract(hosts: list[HostEvidence]) -> Vectors:
    """One vector a host: (n, len(NAMES)).  Windows are counted as log2(1 + n)."""
    rows = [
        (h.network_logit, h.network_second, np.log2(1 + h.network_windows), h.dialogue, h.power_logit)
        for h in hosts
    ]
    return Vectors(NAMES, np.array(rows, np.float64).reshape(len(rows), len(NAMES)))
