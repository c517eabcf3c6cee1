"""Both views of one capture, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.agreement import ours, tshark
from tests.agreement.ours import Channel, Totals, Way
from tests.agreement.reasons import REASONS, reasons

QUANTITIES = ("packets", "wire", "payload")


@dataclass
class Agreement:
    """What came of one file."""

    name: str
    packets: int = 0  # frames that tshark sees
    flows: int = 0  # two directions are one
    equal: dict[str, bool] = field(default_factory=dict)  # by quantity, and "flows"
    explained: Counter[str] = field(default_factory=Counter)  # directions of flows, by reason
    unexplained: list[str] = field(default_factory=list)
    refused: str = ""  # why one of the two cannot open it

    @property
    def exact(self) -> bool:
        return all(self.equal.values()) and not self.refused


def compare(path: Path, name: str) -> Agreement:
    """One call of tshark, one walk and one meter."""
    try:
        frames = tshark.frames(path)
    except ValueError as error:
        return Agreement(name, refused=str(error))
    data = ours.bytes_of(path)
    agreement = agreed(name, frames, ours.flows(data))
    agreement.unexplained += in_channels(ours.flows(data), ours.channels(data))
    return agreement


def agreed(name: str, frames: list[tshark.Frame], mine: Mapping[Way, Totals]) -> Agreement:
    """Direction by direction; each difference is explained or not."""
    theirs = _by_way(frames)
    result = Agreement(name, packets=len(frames), flows=len({_flow(way) for way in theirs}))
    every = theirs.keys() | mine.keys()
    for quantity in QUANTITIES:
        result.equal[quantity] = all(_of(theirs, way)[quantity] == _of(mine, way)[quantity] for way in every)
    result.equal["flows"] = {_flow(way) for way in theirs} == {_flow(way) for way in mine}
    marked = [(frame, why) for frame in frames if (why := reasons(frame))] if not result.exact else []
    for way in sorted(every):
        off = {q: _of(mine, way)[q] - _of(theirs, way)[q] for q in QUANTITIES}
        if any(off.values()):
            _explain(result, way, off, marked)
    return result


def _explain(
    result: Agreement, way: Way, off: Mapping[str, int], marked: Iterable[tuple[tshark.Frame, set[str]]]
) -> None:
    related = [(frame, why) for frame, why in marked if _sent_by(frame, way.source)]
    if not related:  # tshark stops at a length of 0, and does not see who is inside
        related = [(frame, why) for frame, why in marked if "no length" in why]
    packets, wire = len(related), sum(max(frame.wire, frame.captured) for frame, _ in related)
    if related and abs(off["packets"]) <= packets and abs(off["wire"]) <= wire:
        every = {name for _, why in related for name in why}
        result.explained[next(name for name in REASONS if name in every)] += 1
    else:
        result.unexplained.append(f"{way}: ours - tshark's = {dict(off)}")


def _sent_by(frame: tshark.Frame, source: int) -> bool:
    return any(layer.network and layer.network.source == source for layer in frame.layers)


def _by_way(frames: Iterable[tshark.Frame]) -> dict[Way, Totals]:
    found: dict[Way, Totals] = {}
    for frame in frames:
        layer = frame.transport
        if layer is not None and layer.network and layer.transport:
            network, transport = layer.network, layer.transport
            ends = network.source, transport.source_port, network.destination, transport.destination_port
            found.setdefault(Way(*ends, transport.protocol), Counter()).update(
                packets=1, wire=max(frame.wire, frame.captured), payload=transport.payload
            )
    return found


def _of(found: Mapping[Way, Totals], way: Way) -> Totals:
    return found.get(way) or Counter()


def _flow(way: Way) -> tuple[object, ...]:
    ends = (way.source, way.source_port), (way.destination, way.destination_port)
    return (*sorted(ends), way.transport)


def in_channels(flows: Mapping[Way, Totals], channels: Mapping[Channel, Mapping[str, Totals]]) -> list[str]:
    """Where the channels of the meter are not the sums of the flows that they hold.

    Where both ends of a flow may be the service, the pair of addresses is compared as a whole.
    """
    sums: dict[object, Totals] = {}
    pairs = {_pair(way) for way in flows if len(_candidates(way, channels)) != 1}
    for way, totals in flows.items():
        for channel, side in _candidates(way, channels) or [(None, "")]:
            key = (_pair(way), way.source) if _pair(way) in pairs else (channel, side)
            sums.setdefault(key, Counter()).update(totals)
            break
    found: dict[object, Totals] = {}
    for channel, sides in channels.items():
        pair = (*sorted((channel.client, channel.server)), channel.transport)
        for side, totals in sides.items():
            source = channel.client if side == "up" else channel.server
            key = (pair, source) if pair in pairs else (channel, side)
            found.setdefault(key, Counter()).update(totals)
    wrong = {
        key for key in sums.keys() | found.keys() if +sums.get(key, Counter()) != +found.get(key, Counter())
    }
    return [f"channel {key}: {found.get(key)}, its flows {sums.get(key)}" for key in sorted(wrong, key=str)]


def _pair(way: Way) -> tuple[int, ...]:
    return (*sorted((way.source, way.destination)), way.transport)


def _candidates(way: Way, channels: Mapping[Channel, object]) -> list[tuple[Channel, str]]:
    up = Channel(way.source, way.destination, way.destination_port, way.transport)
    down = Channel(way.destination, way.source, way.source_port, way.transport)
    return [(channel, side) for channel, side in ((up, "up"), (down, "down")) if channel in channels]
