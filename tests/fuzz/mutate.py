"""Mutations of bytes that know nothing of what the bytes mean."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")
BYTES = (0, 1, 2, 3, 4, 5, 6, 8, 15, 16, 17, 20, 32, 39, 40, 41, 43, 44, 47, 51, 60, 69, 127, 128, 254, 255)
WORDS = (0, 1, 2, 7, 8, 13, 14, 19, 20, 21, 39, 40, 41, 0x7F, 0xFF, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF)
LONG_WORDS = (*WORDS, 0x10000, 64 << 20, (64 << 20) + 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFC, 0xFFFFFFFF)
HEAD = 120
"""Headers are in the first bytes of a packet: half of the mutations stay there."""


class Dice(random.Random):
    """Random numbers, and how often a header built with them lies about a number."""

    lies = 0.05

    def choice(self, seq: Sequence[T]) -> T:
        """As Random's, in a third of the time."""
        return seq[int(self.random() * len(seq))]

    def honesty(self) -> None:
        """Draws it anew: half of what is built is true, so that its innermost header is reached."""
        self.lies = self.choice((0, 0, 0.03, 0.15))


def number(rng: Dice, true: int, bits: int) -> int:
    """A number that mostly is the true one, else near it, at an end of the range or anything."""
    if rng.random() >= rng.lies:
        return true & ((1 << bits) - 1)
    near = true + rng.choice((-9, -8, -4, -2, -1, 1, 2, 4, 8, 9))
    return rng.choice((near, rng.choice(LONG_WORDS), rng.getrandbits(bits))) & ((1 << bits) - 1)


def mutated(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """`data` after up to four mutations; `other` is what may be spliced in."""
    out = bytearray(data)
    for _ in range(rng.choice((0, 1, 1, 1, 2, 2, 3, 4))):
        _mutate(rng, out, other)
    if rng.random() < 0.4:  # a capture may stop in the middle of any header
        del out[_place(rng, out) :]
    return bytes(out)


def _place(rng: random.Random, out: bytearray) -> int:
    end = min(len(out), HEAD) if rng.random() < 0.8 else len(out)
    return int(rng.random() * (end + 1))


def _mutate(rng: random.Random, out: bytearray, other: bytes) -> None:
    at = _place(rng, out)
    kind = int(rng.random() * 9)
    if kind == 0 and at < len(out):
        out[at] ^= 1 << rng.randrange(8)
    elif kind <= 2 and at < len(out):
        out[at] = rng.choice(BYTES)
    elif kind <= 4:
        size, order = rng.choice((2, 2, 4)), rng.choice(("big", "big", "little"))
        word = rng.choice(WORDS if size == 2 else LONG_WORDS)
        out[at : at + size] = word.to_bytes(size, order)
    elif kind == 5:
        out[at:at] = rng.randbytes(rng.choice((1, 2, 4, 8, 40)))
    elif kind == 6:
        del out[at : at + rng.choice((1, 2, 4, 8, 20, 40))]
    elif kind == 7:  # whole fields of ones, as an address may be, or of zeros
        size = rng.choice((4, 8, 16))
        out[at : at + size] = rng.choice((b"\xff", b"\xff", b"\0")) * size
    else:
        start = int(rng.random() * (len(other) + 1))
        out[at : at + rng.choice((0, 0, 20, 40))] = other[start : start + rng.choice((4, 8, 20, 40, 200))]
