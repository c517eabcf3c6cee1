"""Simulated scenes scored as a user would score a file, and how often the verdict was right.

Seeds lie where no training corpus draws its own: a bundle may know a family, never a conversation.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from detector.model import Bundle
from detector.pipeline import Request, score
from detector.records import Verdict
from training.metrics import clopper_pearson
from training.simulation.catalogue import family_named
from training.simulation.corpus import example
from training.simulation.disguises import Disguise, Scene, farm, scene

FIRST_SEED = 9_000_000_000
_CHUNK = 24


@dataclass(frozen=True, slots=True)
class Trial:
    """One scene to make and to score; `disguise` None: a draw of the training corpus' own kind."""

    family: str
    number: int
    disguise: Disguise | None = None
    duration_s: float = 0.0
    farmed: bool = False  # the family behind a proxy of its own

    def made(self) -> Scene:
        """The scene itself."""
        seed = FIRST_SEED + self.number
        if self.farmed:
            return farm(self.family, seed, self.duration_s)
        if self.disguise is not None:
            return scene(self.disguise, self.family, seed, self.duration_s)
        drawn = example(self.family, seed)
        return Scene(drawn.pcap, frozenset({drawn.client}), drawn.duration_s)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was said of the scene's named hosts and of the others."""

    trial: Trial
    named: tuple[Verdict | None, ...]  # None: not seen
    others: tuple[Verdict, ...]
    seconds: float

    def called(self, *verdicts: Verdict) -> bool:
        """Whether any of the named hosts was called one of `verdicts`."""
        return any(verdict in verdicts for verdict in self.named)


def tried(trials: Sequence[Trial], bundle: Path | None, jobs: int) -> list[Outcome]:
    """Each trial scored by itself, in order; `bundle` None = the shipped one."""
    from joblib import Parallel, delayed  # noqa: PLC0415

    parts = [trials[start : start + _CHUNK] for start in range(0, len(trials), _CHUNK)]
    done = Parallel(n_jobs=jobs)(delayed(_tried)(part, bundle) for part in parts)
    return [outcome for part in done for outcome in part]


def _tried(trials: Sequence[Trial], path: Path | None) -> list[Outcome]:
    bundle = Bundle.load(path)
    with tempfile.TemporaryDirectory() as folder:
        capture = Path(folder) / "scene.pcap"
        return [_scored(trial, bundle, capture) for trial in trials]


def _scored(trial: Trial, bundle: Bundle, capture: Path) -> Outcome:
    made = trial.made()
    capture.write_bytes(made.pcap)
    found = {one.host: one.verdict for one in score(Request(paths=(str(capture),)), bundle=bundle).findings}
    others = tuple(verdict for host, verdict in found.items() if host not in made.miners)
    return Outcome(trial, tuple(found.get(host) for host in sorted(made.miners)), others, made.seconds)


def encrypted(family: str) -> str | None:
    """The family's usual wrapping that hides what is said, or None where it has none."""
    allowed = family_named(family).wraps or ("tls13",)
    return next((wrap for wrap in ("tls13", "noise", "opaque") if wrap in allowed), None)


def speaks_clear(family: str) -> bool:
    """Whether the family may travel in the clear with words to hear."""
    kind = family_named(family)
    return kind.text and (not kind.wraps or "none" in kind.wraps)


def recall(outcomes: Iterable[Outcome]) -> str:
    """`38 of 40, ≥ 83 %; 40 with suspicious`: called mining with its lower bound, and called either."""
    listed = list(outcomes)
    if not listed:
        return "-"
    mining = sum(one.called(Verdict.MINING) for one in listed)
    noticed = sum(one.called(Verdict.MINING, Verdict.SUSPICIOUS) for one in listed)
    bound = clopper_pearson(mining, len(listed)).low or 0.0
    more = f"; {noticed} with suspicious" if noticed > mining else ""
    return f"{mining} of {len(listed)}, ≥ {bound:.0%}{more}"
