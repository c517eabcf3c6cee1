"""Runs mutators in processes of their own and keeps what killed them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fuzz import journal, sanitised
from tests.fuzz.rounds import MUTATORS

FINDINGS = sanitised.FOLDER / "findings"
CONTROL_S = 20
BUSY = 8  # times as long may a process of so many seconds of processor time take on a loaded machine
GRACE_S = 240  # for a loaded machine to start a process and end its last round


@dataclass
class Outcome:
    """What became of one mutator's run."""

    mutator: str
    seed: int
    seconds: float
    counts: dict[str, Any] = field(default_factory=dict)
    report: str = ""  # of the finding that ended it
    saved: Path | None = None  # what to replay

    def count(self, name: str) -> int:
        """A number of the worker's, 0 where it told none."""
        return int(self.counts.get(name, 0))

    @property
    def said(self) -> dict[str, int]:
        """What became of packets and files, in one word each."""
        return self.counts.get("said", {})


def run(mutator: str, seed: int, seconds: float, files: int, build: Path) -> Outcome:
    """One process for so many seconds of processor time; whatever ends it before is a finding."""
    with tempfile.TemporaryDirectory(prefix="minewatch-fuzz-") as folder:
        log, begin = Path(folder, "journal"), time.monotonic()
        arguments = [mutator, str(seed), str(seconds), str(files), str(log)]
        environment = sanitised.environment(build) | {"TMPDIR": folder}
        command = [sys.executable, "-m", "tests.fuzz.worker", *arguments]
        done = _ended(command, environment, BUSY * seconds + GRACE_S)
        outcome = Outcome(mutator, seed, time.monotonic() - begin)
        if done.returncode == 0:
            outcome.counts = json.loads(done.stdout.splitlines()[-1])
        else:
            outcome.report = f"{done.stdout}{done.stderr}\n(exit status {done.returncode})"
            outcome.saved = FINDINGS / f"{build.name}-{mutator}-{seed}"
            FINDINGS.mkdir(parents=True, exist_ok=True)
            if log.exists():
                journal.cut(log, outcome.saved)
        return outcome


def _ended(command: list[str], env: dict[str, str], limit: float) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command, env=env, capture_output=True, text=True, errors="replace", timeout=limit, check=False
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, -1, "", f"hangs: no end within {limit:.0f} s")


def fuzz(seed: int, seconds: float, files: int, jobs: int) -> list[Outcome]:
    """Every mutator on the sound build, for its share of the time; `seconds` are those of all processes."""
    build = sanitised.build()
    with ThreadPoolExecutor(jobs) as pool:
        runs = [
            pool.submit(run, name, seed, seconds * mutator.share, files, build)
            for name, mutator in MUTATORS.items()
        ]
        return [done.result() for done in runs]


def control(name: str, seed: int, files: int) -> Outcome:
    """Lets the mutator of a planted bug look for it.  Raises AssertionError where it does not find it."""
    plant = sanitised.PLANTS[name]
    outcome = run(plant.mutator, seed, CONTROL_S, files, sanitised.build(name))
    assert outcome.report, f"the planted bug {name!r} was not found: {outcome.counts}"
    assert plant.sign in outcome.report, f"found something else than {name!r}:\n{outcome.report[-3_000:]}"
    return outcome


def replay(saved: Path, build: Path) -> subprocess.CompletedProcess[str]:
    """Takes the saved steps again on a build."""
    command = [sys.executable, "-m", "tests.fuzz.worker", "replay", str(saved)]
    return _ended(command, sanitised.environment(build), GRACE_S)


def headline(report: str) -> str:
    """The line of a report that says most."""
    for pattern in (
        r".*ERROR: AddressSanitizer: [\w-]+.*",
        r".*runtime error: .*",
        r"hangs: .*",
        r"^\w*Error\b.*",
    ):
        found = re.findall(pattern, report, re.MULTILINE)
        if found:
            return str(found[-1]).strip()
    return report.strip().splitlines()[-1]
