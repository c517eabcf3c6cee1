"""Where the CPU time of `minewatch score` goes, step by step, and its peak memory.

`python -m benchmarks.steps CAPTURE`, in a fresh process.  It tells, it does not judge: to
see whether a change cost anything, run it before and after, several times in turn.
"""

from __future__ import annotations

import argparse
import io
import resource
import time
from collections import Counter
from typing import Any

from detector import pipeline, scoring
from detector.dissectors import Dissection
from detector.document import Context
from detector.findings import Ledger
from detector.metering import Metering
from detector.model import Bundle, Model
from detector.sinks import by_name
from detector.windows.channel import Rollup

STEPS: tuple[tuple[Any, str], ...] = (
    (Metering, "windows"),
    (Dissection, "feed"),
    (Ledger, "see"),
    (Rollup, "add"),
    (Ledger, "scoreable"),
    (scoring.channel_features, "extract"),
    (Model, "score"),
    (Ledger, "add"),
    (scoring.Run, "findings"),
)


def timed(owner: Any, name: str, spent: Counter[str]) -> None:
    """Count the CPU seconds of a function of a class or module under its name."""
    step = getattr(owner, name)

    def counted(*args: Any, **options: Any) -> Any:
        began = time.process_time()
        try:
            return step(*args, **options)
        finally:
            spent[f"{owner.__name__.rpartition('.')[2]}.{name}"] += time.process_time() - began  # type: ignore[assignment]

    setattr(owner, name, counted)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.steps", description=__doc__)
    parser.add_argument("capture")
    path = parser.parse_args().capture
    spent: Counter[str] = Counter()
    start = time.process_time()  # what Python and the imports took
    for owner, name in STEPS:
        timed(owner, name, spent)
    result = pipeline.score(pipeline.Request(paths=(path,)), bundle=Bundle.load())
    scored = time.process_time() - start
    by_name("table").write(result.findings, io.StringIO(), Context())
    spent["table"] = time.process_time() - start - scored  # type: ignore[assignment]
    for step, seconds in spent.most_common():
        print(f"{step:24}{seconds:8.3f} s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{'start of Python, imports':24}{start:8.3f} s")
    print(f"{'all':24}{time.process_time():8.3f} s, peak {peak:.0f} MB, {len(result.findings)} findings")


if __name__ == "__main__":
    main()
