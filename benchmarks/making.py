"""Makes the captures of the table: its recipes of traffic, and the files, each made once and kept.

A capture's bytes follow from its row, the seed and the source captures alone; a shorter
one of the same traffic is the head of a longer one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from benchmarks import files, templates, traffic
from benchmarks.captures import MB, Capture, Made, file_name
from benchmarks.files import FORMATS, Counts, write
from benchmarks.templates import Sources
from benchmarks.traffic import SWEEPS, Traffic, evenly, swept, tilt

SEED = 7
FRAME_BYTES = 654  # mean of the gigabyte that the peers were first measured on
FLOW_PACKETS = 9
SCAN_ORDINARY_BYTES = 150 * MB


def _mixed(sources: Sources) -> Traffic:
    return _bulky(templates.load(sources.ordinary))


def _ipv6(sources: Sources) -> Traffic:
    return _bulky(templates.over_ipv6(templates.load(sources.ordinary)))


def _bulky(frames: templates.Templates) -> Traffic:
    """1 GB a span; captures of large frames more often, until the mean frame is that of a real link."""
    sizes = frames.per_capture(frames.lengths)
    return evenly(frames, sizes, 1_000 * MB, tilt(sizes, frames.sizes, FRAME_BYTES))


def _small(sources: Sources) -> Traffic:
    """6 million packets a span; captures of short flows more often."""
    quiet = templates.small(templates.load(sources.ordinary))
    frames = templates.together(quiet, templates.load(sources.miners))
    flows = frames.flows_per_capture()
    return evenly(frames, frames.sizes, 6 * 1_000_000, tilt(frames.sizes, flows, FLOW_PACKETS))


def _scan(sources: Sources) -> Traffic:
    frames = templates.load([*sources.ordinary, *sources.miners])
    return swept(evenly(frames, frames.per_capture(frames.lengths), SCAN_ORDINARY_BYTES), SWEEPS)


TRAFFIC: dict[str, Callable[[Sources], Traffic]] = {
    "mixed": _mixed,
    "small": _small,
    "ipv6": _ipv6,
    "scan": _scan,
}


def make(captures: Iterable[Capture], data: Path, folder: Path) -> tuple[str, dict[str, Made]]:
    """What they are made from, and the captures by name.

    Those are kept that are there and would come out the same.
    """
    sources = templates.sources(data)
    folder.mkdir(parents=True, exist_ok=True)
    made: dict[str, Made] = {}
    ready: dict[str, Traffic] = {}
    for capture in captures:
        path, origin = folder / file_name(capture), _origin(sources)
        about = path.with_suffix(".json")
        known = json.loads(about.read_text(encoding="utf-8")) if about.exists() and path.exists() else {}
        if known.get("origin") != origin:
            if capture.traffic not in ready:
                ready = {capture.traffic: TRAFFIC[capture.traffic](sources)}
            known = {"origin": origin, **asdict(make_one(capture, ready[capture.traffic], path))}
            about.write_text(json.dumps(known), encoding="utf-8")
        made[capture.name] = Made(path, known["packets"], known["n_bytes"], known["flows"])
    return sources.said, made


def make_one(capture: Capture, link: Traffic, path: Path) -> Counts:
    """Writes one capture; the file appears when it is whole."""
    part = path.with_suffix(".part")
    with open(part, "wb") as file:
        counts = write(
            file,
            link.templates,
            link.spans(SEED),
            FORMATS[capture.format],
            packets=capture.packets,
            n_bytes=capture.n_bytes,
        )
    part.rename(path)
    return counts


def _origin(sources: Sources) -> str:
    """Another one where other bytes would come out: of other sources or of other code."""
    code = [Path(module.__file__ or "").read_bytes() for module in (templates, traffic, files)]
    about = [f"{SEED} {np.__version__} {sources.digest_text}".encode(), Path(__file__).read_bytes(), *code]
    return hashlib.sha256(b"\n".join(about)).hexdigest()
