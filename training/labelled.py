"""A user's labelled captures and power files -> training rows, by the same road as the default corpus."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from detector.features import channel as channel_features
from detector.features import power as power_features
from detector.inputs import kind_of
from detector.model import Model
from detector.records import Vectors
from detector.settings import Settings
from detector.streams import StreamError
from detector.telemetry import read_power
from detector.windows.power import power_windows
from training import build, table
from training.labels import Label, LabelError, label_of

Say = Callable[[str], None]


@dataclass(slots=True)
class Labelled:
    """What the labels gave: rows for the channel model and for the power model."""

    channels: list[table.Rows] = field(default_factory=list)
    power: list[build.PowerRows] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)  # one line a label that met nothing


def read(labels: list[Label], settings: Settings, base: Model) -> Labelled:
    """Rows of every source the labels name, each read once.

    base: the channel model that picks the mining channel of a host whose mining is encrypted.
    Raises LabelError for a source that is neither a capture nor power readings, OSError.
    """
    found = Labelled()
    for source in dict.fromkeys(label.source for label in labels):
        mine = [label for label in labels if label.source == source]
        if _kind(source, mine[0]) == "capture":
            found.channels.append(_capture(source, mine, settings, base, found.unused))
        else:
            found.power.append(_power(source, mine, settings, found.unused))
    return found


def _kind(source: Path, label: Label) -> str:
    try:
        kind = kind_of(source)
    except StreamError as error:
        raise LabelError(f"line {label.line}: {error}") from error
    if kind not in ("capture", "power"):
        raise LabelError(f"line {label.line}: {source}: {kind}")
    return kind


def _capture(
    source: Path, labels: list[Label], settings: Settings, base: Model, unused: list[str]
) -> table.Rows:
    """Rows of one capture.  Hosts and times without a label are left out."""
    tables, parts = list(table.file_tables(str(source), settings)), []
    for label in labels:
        origin = table.Origin(
            label=0,
            group=label.group,
            family=label.variant or label.coin or label.group,
            source=str(source),
            name=f"{source}:{label.line}",
            simulated=False,
            host=lambda host, first, last, label=label: label_of(labels, host, first, last) is label,
        )
        rows = table.rows_of(tables, settings, origin)
        rows = _witnesses(rows, base) if label.mining else rows
        if not len(rows):
            unused.append(
                f"line {label.line}: {source}: no channel of {label.host} holds enough to learn from"
            )
        parts.append(rows)
    return table.concatenate(parts)


def _witnesses(rows: table.Rows, base: Model) -> table.Rows:
    """Of a host that mines, the channels that mine: those that speak a mining dialect, else the one that
    the base model suspects most.  What the others are is not known, so they are left out."""
    if not len(rows):
        return rows
    chosen = rows.dialogue.copy()
    if not chosen.any():
        logit = base.score(Vectors(channel_features.NAMES, rows.values)).logit
        chosen = np.array([example == rows.example[int(np.argmax(logit))] for example in rows.example])
    rows = table.select(rows, chosen)
    rows.label[:] = 1
    return rows


def _power(source: Path, labels: list[Label], settings: Settings, unused: list[str]) -> build.PowerRows:
    windows = power_windows(read_power(str(source)), settings.windows)
    meters, vectors = power_features.extract(windows)
    times = power_features.describe_all(windows)
    rows, chosen = [], []
    for row, meter in enumerate(meters):
        label = label_of(labels, meter, int(times[meter]["first_ns"]), int(times[meter]["last_ns"]))
        if label is not None:
            rows.append(row)
            chosen.append(label)
    for label in labels:
        if label not in chosen:
            unused.append(f"line {label.line}: {source}: no record of {label.host} lies within the label")
    return build.PowerRows(
        values=vectors.values[rows],
        label=np.array([label.mining for label in chosen], np.bool_),
        group=[label.group for label in chosen],
        family=[label.variant or label.group for label in chosen],
        tier=[_tier(windows.window_s[windows.meter == row].min()) for row in rows],
        simulated=np.zeros(len(rows), np.bool_),
    )


def _tier(window_s: float) -> str:
    return "node" if window_s < 3600 else "meter"
