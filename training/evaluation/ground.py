"""What the sections of the evaluation stand on: made when the first of them asks, and once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from detector.model import Bundle
from training import build, corpora, fit, table
from training.evaluation import captures, held_out, sample
from training.evaluation.scorers import boosted
from training.rebuild import fit_bundle


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured on.  The seed is another one than the shipped bundle's."""

    conversations: int = 1_500  # simulated, for splits, baselines and checks
    left_out_conversations: int = 2_000  # for the leave-one-source-out bundles
    leak_conversations: int = 600
    power_records: int = 8_000
    permutations: int = 3
    trials: int = 20  # conversations of each dialect in each condition, for the sections on simulated scenes
    seed: int = 2_027

    @classmethod
    def quick(cls) -> Sizes:
        """For a look."""
        return cls(400, 400, 200, 2_000, 1, 1)


@dataclass(frozen=True)
class Ground:
    """The data and the sizes of one evaluation; `previous`: an older bundle, on the same rows."""

    mirror: Path
    sizes: Sizes
    jobs: int
    cache: Path | None
    previous: Path | None
    say: Callable[[str], None]

    @functools.cached_property
    def bundle(self) -> Bundle:
        """The one that ships."""
        return Bundle.load()

    @functools.cached_property
    def bundles(self) -> dict[str, Bundle]:
        """Those that are compared, by what they are called.  Raises BundleError."""
        older = {"previous": Bundle.load(self.previous)} if self.previous else {}
        return {"shipped": self.bundle} | older

    @functools.cached_property
    def listed(self) -> list[corpora.Capture]:
        """Every capture of the public data."""
        return corpora.captures(self.mirror)

    @functools.cached_property
    def shipped(self) -> list[captures.Outcome]:
        """Every capture, scored by the shipped bundle."""
        return captures.judge_captures(self.listed, None, self.jobs)

    @property
    def recipe(self) -> build.Recipe:
        """Of the sample that is split, and of the scenes."""
        return build.Recipe(self.sizes.conversations, seed=self.sizes.seed, jobs=self.jobs, cache=self.cache)

    @property
    def smaller(self) -> build.Recipe:
        """Of the bundles that are fitted anew without something."""
        n = self.sizes.left_out_conversations
        return replace(self.recipe, examples=n, power_examples=2 * n, fused_hosts=3 * n)

    @functools.cached_property
    def power(self) -> build.PowerRows:
        """For the smaller bundles."""
        return build.power_rows(self.smaller, self.mirror)

    @functools.cached_property
    def drawn(self) -> fit.Fitted:
        """The power model of the smaller bundles: they differ in what they learn of channels."""
        return build.fit_power(self.power, self.smaller.seed, replace(self.smaller.budget, lookalikes=None))

    def fitted(self, rows: table.Rows, path: Path, what: str) -> None:
        """Write the bundle of these channel rows; it is `what`."""
        self.say(what)
        fit_bundle(self.smaller, rows, self.power, path, self.say, drawn=self.drawn)

    @functools.cached_property
    def sample(self) -> sample.Sample:
        """Simulated and recorded rows."""
        rows = [build.simulated_rows(self.recipe), build.recorded_rows(self.recipe, self.mirror)]
        return sample.sample_of(table.concatenate(rows), sample.times(self.listed))

    @functools.cached_property
    def strangers(self) -> held_out.Judged:
        """The sample, each group scored by this project's model fitted on the others."""
        rows, seed = self.sample.rows, self.sizes.seed
        return held_out.judged(rows, held_out.folds(rows, seed), boosted, seed)
