"""The rows that the checks run on: a stated sample, simulated with another seed than the shipped bundle's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detector.capture import first_ns
from training import table
from training.corpora import Capture
from training.dataset import Dataset, Floats, Texts


@dataclass(frozen=True, slots=True)
class Sample:
    """Checked rows, and what else is known of each; all (n,)."""

    rows: Dataset
    words: Floats  # (n, len(table.WORDS)) heard of a mining dialogue
    sources: Texts
    buckets: np.ndarray  # of observed time
    time: Floats  # when it was recorded, seconds since the epoch; NaN = simulated


def sample_of(rows: table.Rows, recorded_s: dict[tuple[str, str], float]) -> Sample:
    """recorded_s: by (source, name of the capture)."""
    keys = zip(rows.source, (name.split("#")[0] for name in rows.example), strict=True)
    time = np.array([recorded_s.get(key, np.nan) for key in keys])
    unknown = np.where(rows.simulated, np.nan, time)
    words, sources = rows.words.astype(float), np.array(rows.source, object)
    return Sample(table.dataset(rows), words, sources, rows.bucket, unknown)


def times(captures: list[Capture]) -> dict[tuple[str, str], float]:
    """When each capture that may train begins; the earliest, where a source has two of one name."""
    found: dict[tuple[str, str], float] = {}
    for capture in captures:
        if capture.trains:
            key = capture.source, capture.path.name
            found[key] = min(first_ns(str(capture.path)) / 1e9, found.get(key, np.inf))
    return found
