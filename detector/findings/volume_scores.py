"""What the channel model says of channels that flow logs told of: the most suspect moment of each.

Asked only of channels that were kept up as mining is (`upkeep`); about any other there is nothing to ask.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from detector.findings.upkeep import could_mine
from detector.kernel import layout
from detector.windows.channel import keys

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detector.records import ChannelWindows, Floats, Scores, Vectors

MOST: Final = 1 << 17
"""Channels; about 1 KB each.  Where there would be more, the half that is least suspect is forgotten."""


@dataclass(slots=True)
class Scored:
    """A channel at its most suspect."""

    logit: float
    probability: float
    novelty: float
    values: Floats
    windows: int = 1  # in which it was asked about
    suspect_windows: int = 0


class VolumeScores:
    """Scores by key of the channel."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._channels: dict[bytes, Scored] = {}

    def __len__(self) -> int:
        return len(self._channels)

    def add(self, rolled: ChannelWindows, vectors: Vectors, scores: Scores, suspicious: float) -> None:
        """Take in rolled-up rows; `suspicious`: probability from which a window counts as suspect."""
        if len(self) > self._most:
            self._forget()
        told = scores.logit.tolist(), scores.probability.tolist(), scores.novelty.tolist()
        for row, (key, logit, probability, novelty) in enumerate(zip(keys(rolled), *told, strict=True)):
            known = self._channels.get(key)
            windows, suspect = (known.windows, known.suspect_windows) if known else (0, 0)
            if known is None or logit > known.logit:
                known = Scored(logit, probability, novelty, vectors.values[row].copy())
                self._channels[key] = known
            known.windows, known.suspect_windows = windows + 1, suspect + (probability >= suspicious)

    def of(self, key: bytes) -> Scored | None:
        """Of one channel; None where it was never asked about."""
        return self._channels.get(key)

    def _forget(self) -> None:
        kept = sorted(self._channels.items(), key=lambda item: (item[1].logit, item[0]))[-self._most // 2 :]
        self._channels = dict(kept)


def countable(table: ChannelWindows) -> NDArray[np.int64]:
    """Places of the rows whose counts are known: neither names alone, nor scaled up from samples."""
    return np.flatnonzero(table.wide[:, layout.KNOWN] & layout.KNOWS_COUNTS)


def askable(rolled: ChannelWindows) -> NDArray[np.bool_]:
    """Which rolled-up rows of flow logs were kept up as mining is, silences between records apart; (n,)."""
    wide = rolled.wide
    lasted = wide[:, layout.LAST_NS] - wide[:, layout.FIRST_NS]
    up, down = (wide[:, [side + layout.PACKETS, side + layout.BYTES]] for side in (layout.UP, layout.DOWN))
    return could_mine(rolled.transport, lasted, lasted, up, down)
