"""Unlabelled traffic and readings as rows of the models, one a channel or meter: what drift is told of."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from detector import hosts as addresses
from detector.features import channel as channel_features
from detector.features import power as power_features
from detector.features import volumes
from detector.findings import Ledger
from detector.inputs import sort_inputs
from detector.metering import channel_windows
from detector.records import SourceReport
from detector.scoring import judged_rows
from detector.settings import Settings
from detector.telemetry import TelemetryError, read_power
from detector.windows.channel import Rollup, in_order, keys
from detector.windows.power import power_windows
from training.dataset import Floats, Texts


@dataclass(slots=True)
class Observed:
    """The last row of each channel, and the row of each meter."""

    channel: Floats = field(default_factory=lambda: np.zeros((0, len(channel_features.NAMES))))
    host: Texts = field(default_factory=lambda: np.zeros(0, object))  # of each channel
    power: Floats = field(default_factory=lambda: np.zeros((0, len(power_features.NAMES))))
    meter: Texts = field(default_factory=lambda: np.zeros(0, object))
    problems: list[str] = field(default_factory=list)  # one line each


def observe(
    paths: tuple[str, ...],
    power: tuple[str, ...] = (),
    settings: Settings | None = None,
    *,
    names: tuple[str, ...] = channel_features.NAMES,
) -> Observed:
    """Rows of all that can be read; what cannot is a problem, and the rest still counts.

    names: the columns of the channel model.
    """
    chosen, found = settings or Settings(), Observed()
    inputs = sort_inputs(paths, power)
    found.problems += inputs.problems
    found.problems += [f"{path}: a flow log: it holds no messages to compare" for path in inputs.flows]
    channels: dict[tuple[str, bytes], tuple[str, Floats]] = {}
    for path in inputs.captures:
        try:
            channels.update(_channels(path, chosen, names))
        except (OSError, ValueError) as error:  # CaptureError is a ValueError
            found.problems.append(f"{path}: {error}")
    if channels:
        found.host = np.array([host for host, _ in channels.values()], object)
        found.channel = np.array([row for _, row in channels.values()])
    for path in inputs.power:
        try:
            _meters(path, chosen, found)
        except (OSError, TelemetryError) as error:
            found.problems.append(f"{path}: {error}")
    return found


def _channels(
    path: str, settings: Settings, names: tuple[str, ...]
) -> dict[tuple[str, bytes], tuple[str, Floats]]:
    """(host, last row) of each channel of one capture that holds enough."""
    home = addresses.HomeNetworks(settings.findings.home_networks)
    ledger = Ledger(home, settings.findings.min_messages, 1.0)
    rollup = Rollup(settings.meter, settings.windows)
    found: dict[tuple[str, bytes], tuple[str, Floats]] = {}
    report, extract = SourceReport(source=path), volumes.extractor(names)
    for batch in in_order([(0, channel_windows(path, settings, "native", report))]):
        ledger.see(batch, path)
        for rolled, vectors, _ in judged_rows([batch], rollup, ledger.scoreable, extract):
            ends = addresses.ends(rolled, home)
            for i, key in enumerate(keys(rolled)):
                found[path, key] = addresses.text(ends.host[i]), vectors.values[i].copy()
    return found


def _meters(path: str, settings: Settings, found: Observed) -> None:
    meters, vectors = power_features.extract(power_windows(read_power(path), settings.windows))
    found.power = np.concatenate([found.power, vectors.values])
    found.meter = np.concatenate([found.meter, np.array(meters, object)])
