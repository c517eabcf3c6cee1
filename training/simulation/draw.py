"""Seeded randomness of the simulation: one `Draw` a conversation, never a global generator.

Scalars come from Python's Mersenne twister (its `random()` is stable across versions and
ten times faster than numpy for single numbers); arrays come from a numpy generator that is
seeded from it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from random import Random
from types import MappingProxyType
from typing import TypeVar

import numpy as np

T = TypeVar("T")
_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


MOST_TIMES = 3000
"""A process yields at most so many times: keeps an example small and the corpus quick to make."""


class Draw(Random):
    """Random parameters.  Equal seeds give equal draws on every machine.

    `horizon` is the time beyond which some process has been cut off at its cap: what else was
    drawn must end there as well, or a conversation would lose one of its voices half-way.

    `jobs`, where given, are the only times of work, and whether each is for a new block: miners of one
    pool, or of one coin, share them.  They count from the conversation's start, and the connection at
    hand began `since` seconds after it.  `paced` are fields of `work.Pace` that are given and not drawn.
    """

    horizon = math.inf
    jobs: Sequence[tuple[float, bool]] | None = None
    since = 0.0
    paced: Mapping[str, float] = MappingProxyType({})

    def exhausted(self, time: float) -> None:
        """A process was cut off at `time`."""
        self.horizon = min(self.horizon, time)

    def arrays(self) -> np.random.Generator:
        """A numpy generator of its own for bulk numbers."""
        return np.random.default_rng(self.getrandbits(64))

    def log_uniform(self, low: float, high: float) -> float:
        """Uniform in the logarithm between `low` and `high`, both above 0."""
        return math.exp(self.uniform(math.log(low), math.log(high)))

    def whole(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return low + int(self.random() * (high - low + 1))

    def size(self, low: float, high: float) -> int:
        """A whole number, log-uniform."""
        return int(self.log_uniform(low, high))

    def chance(self, probability: float) -> bool:
        return self.random() < probability

    def pick(self, choices: Sequence[T], weights: Sequence[float] | None = None) -> T:
        """One of `choices`, equally likely unless weighted."""
        if weights is None:
            return choices[int(self.random() * len(choices))]
        return self.choices(choices, weights)[0]

    def exponential(self, mean: float) -> float:
        return self.expovariate(1.0) * mean

    def run(self, more: float) -> int:
        """Geometric run length, at least 1; each further one with probability `more`, at most 400."""
        if more <= 0.0:
            return 1
        return min(400, 1 + int(math.log(1.0 - self.random()) / math.log(more)))

    def hex(self, n_bytes: int) -> str:
        return self.randbytes(n_bytes).hex()

    def base36(self, n: int) -> str:
        """n lower-case letters and digits."""
        return "".join(_BASE36[byte % 36] for byte in self.randbytes(n))

    def base58(self, n: int) -> str:
        """n characters of the Bitcoin alphabet."""
        return "".join(_BASE58[byte % 58] for byte in self.randbytes(n))

    def poisson(self, mean_gap: float, until: float, start: float = 0.0) -> list[float]:
        """Times of a memoryless process in (start, until)."""
        times: list[float] = []
        now = start + self.exponential(mean_gap)
        while now < until:
            if len(times) == MOST_TIMES:
                self.exhausted(now)
                break
            times.append(now)
            now += self.exponential(mean_gap)
        return times

    def ticks(
        self, every: float, until: float, jitter: float = 0.0, start: float | None = None
    ) -> list[float]:
        """Times of a timer: each `every` seconds from `start` (default: one period in), late by |normal|."""
        first = every if start is None else start
        count = max(0, math.ceil((until - first) / every))
        if count > MOST_TIMES:
            self.exhausted(first + every * MOST_TIMES)
            count = MOST_TIMES
        if not jitter:
            return [first + every * index for index in range(count)]
        return [first + every * index + abs(self.gauss(0.0, jitter)) for index in range(count)]


class Lengths:
    """A model of message lengths: the ways in which real protocols vary them.

    Kinds: `const`; `digits` grows with the number of a message; `jitter` a few bytes more, as
    where numbers are printed; `set` a few values, the first the commonest; `wide` spread.
    """

    KINDS = ("const", "const2", "digits", "jitter", "set", "wide")

    def __init__(self, draw: Draw, base: int, kind: str | None = None) -> None:
        self._draw = draw
        self._base = base
        self._kind = kind or draw.pick(self.KINDS, (30, 15, 20, 20, 10, 5))
        self._set = [base] + [base + draw.whole(1, 70) for _ in range(draw.whole(1, 4))]
        self._width = draw.whole(1, 4)
        self._count = 0

    def __call__(self) -> int:
        """The next length in bytes."""
        self._count += 1
        draw = self._draw
        if self._kind == "digits":
            return self._base + len(str(self._count)) - 1
        if self._kind == "jitter":
            return self._base + sum(draw.random() < 0.35 for _ in range(self._width))
        if self._kind == "set":
            return self._set[min(draw.run(0.4) - 1, len(self._set) - 1)]
        if self._kind == "wide":
            return max(4, int(self._base * (1.0 + 0.15 * draw.gauss(0.0, 1.0))))
        return self._base
