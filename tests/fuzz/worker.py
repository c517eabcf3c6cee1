"""Runs one mutator, round after round, in a process that may die of it.

`python -m tests.fuzz.worker MUTATOR SEED SECONDS FILES JOURNAL` prints what it did as one line
of JSON, after so many seconds of processor time; `python -m tests.fuzz.worker replay FILE` takes
the steps that a finding left.  The parent (`campaign`) sets the environment, and reads the
journal when this process dies.
"""

from __future__ import annotations

import faulthandler
import json
import os
import random
import resource
import sys
import time
from collections import Counter
from pathlib import Path

import detector
from detector import kernel
from tests.fuzz import sanitised, seeds
from tests.fuzz.journal import Journal, read
from tests.fuzz.mutate import Dice
from tests.fuzz.rounds import MUTATORS
from tests.fuzz.session import Session

if sanitised.FOLDER not in Path(detector.__file__).parents or not kernel.COMPILED:
    sys.exit(f"{detector.__file__} is no build for fuzzing")

HANG_S = 60  # a round takes about 0.1 s
GROWTH_MB = 300  # after the first rounds; a sanitiser's quarantine is 16
WARM_ROUNDS = 5


def main(mutator: str, seed: int, seconds: float, files: int, journal: Path) -> None:
    made = seeds.gather(random.Random(seed), files) if files else {}
    log, said, warm_mb = Journal(journal), Counter[str](), 0.0
    sys.unraisablehook = _die
    begin = time.process_time()
    rounds = steps = 0
    while rounds < 1 or time.process_time() - begin < seconds:
        faulthandler.dump_traceback_later(HANG_S, exit=True)
        log.begin()
        session = Session()
        for step in MUTATORS[mutator].round(Dice(f"{mutator}:{seed}:{rounds}"), made):
            log.add(step)
            steps += session.take(step)
            if session.over:
                break
        session.end()
        said.update(session.said)
        rounds += 1
        if rounds == WARM_ROUNDS:
            warm_mb = peak_mb()
    faulthandler.cancel_dump_traceback_later()
    grown = peak_mb() - warm_mb if rounds > WARM_ROUNDS else 0.0
    assert grown < GROWTH_MB, f"memory grew by {grown:.0f} MB in {rounds} rounds"
    took = time.process_time() - begin
    counts = {"rounds": rounds, "cases": steps, "seconds": round(took, 1), "grown_mb": round(grown)}
    chains = sum(map(len, made.values()))
    print(json.dumps({**counts, "chains": chains, "links": len(made), "said": dict(said)}))


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _die(unraisable: object) -> None:
    """An exception that nobody could see (in a C function without an error value) is a finding, too."""
    sys.stderr.write(f"unraisable: {unraisable}\n")
    sys.stderr.flush()
    faulthandler.dump_traceback()
    os._exit(70)


def again(saved: Path) -> None:
    """Takes the steps that a finding left."""
    faulthandler.dump_traceback_later(HANG_S, exit=True)
    sys.unraisablehook = _die
    session = Session()
    for count, step in enumerate(read(saved), 1):
        sys.stderr.write(f"step {count}: {step.letter.decode()} {len(step.data)} bytes\n")
        session.take(step)
    session.end()


if __name__ == "__main__" and sys.argv[1] == "replay":
    again(Path(sys.argv[2]))
elif __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5]))
