"""Volumes of a channel -> named columns: what is left to learn from where a source tells no messages.

A flow log counts packets and bytes of a channel and nothing else, so all but one of the columns of
`channel` are unknown.  These stand beside them in the model of a bundle that learned from flow logs,
and are told of such rows alone.  A capture knows them, too, and they are left out of its rows:
acknowledgements, segment sizes and offloading follow the machines and the tap, and a model that has the
messages would learn from them who recorded.

A rate is over the time from the first packet of a row to its last.  No duration, no number of records
or windows: they are the exporter's.  Packets of a record have no lengths of their own, so sizes are means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detector.features import channel
from detector.features.channel import Feature
from detector.kernel import layout
from detector.records import Vectors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from detector.records import ChannelWindows, Floats

FEATURES = (
    Feature("volume.up_rate", "log2 packets a minute of the client; a miner's are few"),
    Feature("volume.down_rate", "log2 packets a minute of the server"),
    Feature("volume.up_size", "log2 bytes of the mean packet of the client; shares are short"),
    Feature("volume.down_size", "log2 bytes of the mean packet of the server; jobs are longer"),
    Feature("volume.byte_rate", "log2 bytes a minute, both ways; mining is a whisper"),
    Feature("volume.packet_ratio", "log2 packets of the client to those of the server"),
    Feature("volume.byte_ratio", "log2 bytes of the client to those of the server"),
)
NAMES: tuple[str, ...] = tuple(f"channel.{feature.name}" for feature in FEATURES)
WITH_MESSAGES: tuple[str, ...] = (*channel.NAMES, *NAMES)
"""The columns of a channel model that learned from flow logs, too."""


def extract(windows: ChannelWindows) -> Vectors:
    """One vector a row of `windows`: (n, len(WITH_MESSAGES))."""
    messages = channel.extract(windows).values
    with np.errstate(all="ignore"):
        known = windows.wide[:, layout.KNOWN] & (layout.KNOWS_COUNTS | layout.KNOWS_MESSAGES)
        told = np.where((known == layout.KNOWS_COUNTS)[:, None], _volumes(windows), np.nan)
    return Vectors(WITH_MESSAGES, np.hstack([messages, told]))


def extractor(names: Sequence[str]) -> Callable[[ChannelWindows], Vectors]:
    """What makes the vectors of a channel model of these columns."""
    return extract if set(NAMES) <= set(names) else channel.extract


def _volumes(windows: ChannelWindows) -> Floats:
    """(n, len(FEATURES)), of every row, known or not."""
    minutes = channel.span_s(windows) / 60
    sides = (layout.UP, layout.DOWN)
    packets = [windows.wide[:, side + layout.PACKETS].astype(np.float64) for side in sides]
    size = [windows.wide[:, side + layout.BYTES].astype(np.float64) for side in sides]
    columns = [
        *(np.log2(n / minutes + 0.01) for n in packets),
        *(np.log2(total / n) for total, n in zip(size, packets, strict=True)),
        np.log2(sum(size) / minutes + 1),
        np.log2((packets[0] + 0.5) / (packets[1] + 0.5)),
        np.log2((size[0] + 1) / (size[1] + 1)),
    ]
    table = np.stack(columns, axis=1)
    return np.where(np.isfinite(table), table, np.nan)
