"""No function of the kernel gives as a result what stands for an error.

A C function that may raise has one value that says so (`cython.exceptval`).  Where Cython is told not to
look whether there is an exception (`check=False`), that value as a result is a crash (SystemError).
Compiled, only the outermost function shows it; so the sources run uncompiled here, each such function
watched, on packets of which every field once holds ones, zeros and the ends of what is signed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from detector import kernel
from detector.dissectors import Dissection
from detector.kernel import Meter
from detector.settings import MeterSettings
from tests.detector.kernel.by_hand import MS, START, pcap
from tests.fuzz import stacks
from tests.fuzz.mutate import Dice

ROOT = Path(__file__).resolve().parents[3]
WATCHED = """
import functools
import cython

def exceptval(value=None, check=True):
    def watched(function):
        bits = 32 if function.__annotations__.get("return") is cython.int else 64
        @functools.wraps(function)
        def called(*given):
            told = function(*given)
            if told is not None and told % 2**bits == value % 2**bits:
                raise AssertionError(f"{function.__module__}.{function.__qualname__} gave {told}")
            return told
        return function if value is None or check else called
    return watched

cython.exceptval = exceptval
from tests.detector.kernel import test_error_values
test_error_values.feed_all()
"""
FILLS = (b"\xff", b"\0", b"\x7f" + b"\xff" * 7, b"\x80" + b"\0" * 7)
SIZES = (1, 2, 4, 8)
FRAMES = 30
HEAD = 120  # bytes in which fields are filled


def feed_all() -> None:
    """Where the kernel is watched: prints the packets given and metered, a line a link type."""
    assert not kernel.COMPILED
    for link in stacks.LINKS:
        given, metered = feed(link)
        print(link, given, metered)


def feed(link: int) -> tuple[int, int]:
    """Frames of a link type, each whole and with fields filled, to a meter of few connections."""
    rng = Dice(link)
    made = []
    for _ in range(FRAMES):
        frame = stacks.frame(rng, link)
        made.append(frame)
        for at in range(0, min(len(frame), HEAD), 2):
            field = (rng.choice(FILLS) * 8)[: rng.choice(SIZES)]
            made.append(frame[:at] + field + frame[at + len(field) :])
    meter = Meter(MeterSettings(max_connections=64))
    meter.feed(pcap([(START + i * MS, frame) for i, frame in enumerate(made)], link))
    meter.finish()
    dissection = Dissection(meter.settings.window_s)
    dissection.feed(meter.payloads())  # hellos and answers are read by the kernel, too
    dissection.named()
    meter.windows(True)
    return meter.counters.packets, meter.counters.decoded


def test_results_are_no_errors() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WATCHED], cwd=ROOT, env={**os.environ, "MINEWATCH_UNCOMPILED": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3_000:]
    given, metered = np.array([line.split() for line in done.stdout.splitlines()], int)[:, 1:].T
    assert (given > FRAMES * 10).all()
    assert (metered > 0).sum() >= 20, done.stdout  # the others are link types that are not read
    assert metered.sum() > given.sum() / 10
