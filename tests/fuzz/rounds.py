"""The mutators: each makes the steps of one round from random numbers and the seeds.

In here those of packets, streams and trees; those of files and dialogues are `texts`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np

from detector import bundle
from tests.detector.kernel.by_hand import START, S
from tests.fuzz import fenced, mutate, others, session, stacks, streams, talks, texts
from tests.fuzz.journal import Step
from tests.fuzz.mutate import Dice
from tests.fuzz.seeds import Seeds

CASES = 500  # of a round, but for those of packets
PACKETS = 4 * CASES
BATCHES = (1, 10, 100, 400)  # packets between two looks at the meter
CLAIMS = (0, 0, 0, 1, 1_000, -1, 1 << 31)  # bytes that a frame had more than it has
PAUSES = (*[0] * 40, S, 40 * S)  # between packets; what is idle is forgotten after each, at a cost
Steps = Iterator[Step]


class Mutator(NamedTuple):
    """A way of making rounds."""

    what: str
    share: float  # of the time there is
    round: Callable[[Dice, Seeds], Steps]


def packets(rng: Dice, seeds: Seeds) -> Steps:
    """Real packets after byte mutations, and built ones of link types that no capture has."""
    link = rng.choice(_links(seeds))
    ours = seeds.get(link) or [stacks.frame(rng, link) for _ in range(20)]
    every = ours if rng.random() < 0.8 else [packet for known in seeds.values() for packet in known] or ours
    made = (mutate.mutated(rng, rng.choice(ours), rng.choice(every)) for _ in range(PACKETS))
    return _fed(rng, link, made)


def _links(seeds: Seeds) -> Sequence[int]:
    """Link types, each as often as the number of its seeds has digits: most seeds are of Ethernet."""
    often = [link for link, known in seeds.items() for _ in range(len(str(len(known))) ** 2)]
    return (*often, *stacks.LINKS)


def built(rng: Dice, seeds: Seeds) -> Steps:
    """Packets built header by header: tags, extension headers, options, tunnels, fragments."""
    link = rng.choice((1, 1, 1, *stacks.LINKS))
    return _fed(rng, link, islice(_variants(rng, link), PACKETS))


def _variants(rng: Dice, link: int) -> Iterator[bytes]:
    """Frames as they were built, each with some mutations of it: what is built costs ten times more."""
    while True:
        frame = stacks.frame(rng, link)
        yield frame
        for _ in range(5):
            yield mutate.mutated(rng, frame, frame)


def _fed(rng: Dice, link: int, made: Iterator[bytes]) -> Steps:
    """Packets in one capture of this link type, some at a time."""
    yield Step(b"S", rng.randbytes(4))
    yield Step(b"F", fenced.header(link))
    now = START
    while some := list(islice(made, rng.choice(BATCHES))):
        batch = []
        for packet in some:
            batch.append(fenced.packet(packet, len(packet) + rng.choice(CLAIMS), now))
            now += rng.choice(PAUSES)
        yield Step(b"B", b"".join(batch))
        yield from _between(rng, 0.5)


def _between(rng: Dice, share: float) -> Steps:
    """What a pipeline does between packets."""
    if rng.random() < share:
        yield Step(b"P", rng.randbytes(4))
    if rng.random() < share / 2:
        yield Step(b"W", bytes([rng.random() < 0.2]))


def talking(rng: Dice, seeds: Seeds) -> Steps:
    """Connections whose packets repeat, overlap, overtake, wrap, reset and begin again."""
    yield Step(b"S", rng.randbytes(4))
    yield Step(b"F", fenced.header(1))
    made = islice(talks.frames(rng), PACKETS)
    while some := list(islice(made, rng.choice(BATCHES))):
        yield Step(
            b"B", b"".join(fenced.packet(_perhaps(rng, frame), size, now) for now, frame, size in some)
        )
        if rng.random() < 0.5:
            yield Step(b"O", _observed(rng, some[-1][0], some[-1][1][54:]))
        yield from _between(rng, 0.5)


def _perhaps(rng: Dice, frame: bytes) -> bytes:
    return mutate.mutated(rng, frame, frame) if rng.random() < 0.03 else frame


def _observed(rng: Dice, now: int, payload: bytes) -> bytes:
    ends = [bytes(10) + b"\xff\xff\x0a\0\0" + bytes([rng.randrange(4)]) for _ in range(2)]
    size = min(len(payload) + rng.choice((0, 0, 100)), (1 << 31) - 1)
    fixed = (now, ends[0], 3333, ends[1], 40_000, rng.choice((6, 17)), size + 54, size, rng.randrange(256))
    return session.OBSERVED.pack(*fixed, rng.getrandbits(32)) + payload


def blocks(rng: Dice, seeds: Seeds) -> Steps:
    """pcapng: blocks, options, sections and both byte orders."""
    return _streamed(rng, streams.blocks(rng, rng.choice(seeds.get(1) or [stacks.frame(rng, 1)])))


def records(rng: Dice, seeds: Seeds) -> Steps:
    """pcap: headers and records of any link type, order, resolution and length."""
    return _streamed(rng, streams.records(rng, rng.choice(seeds.get(1) or [stacks.frame(rng, 1)])))


def _streamed(rng: Dice, pieces: Iterator[bytes]) -> Steps:
    yield Step(b"S", rng.randbytes(4))
    for piece in pieces:
        at = rng.randrange(len(piece) + 1) if rng.random() < 0.05 else len(piece)
        yield Step(b"F", piece[:at])
        if at < len(piece):
            yield Step(b"F", piece[at:])
        yield from _between(rng, 0.02)


def forests(rng: Dice, seeds: Seeds) -> Steps:
    """Arrays of a model's trees that point anywhere."""
    for _ in range(CASES):
        yield Step(b"t", bundle.write_arrays(_forest(rng)))


def _forest(rng: Dice) -> dict[str, np.ndarray]:
    """A small forest that is sound but for one number in ten."""
    n = rng.choice((1, 3, 7, 15))
    inner = n // 2
    children = [c for i in range(n) for c in ((2 * i + 2, 2 * i + 1) if i < inner else (i, i))]
    wild = (-1, -(2**31), n, n + 1, 2 * n, 2**31 - 1, 0, 1, others.FEATURES)

    def lied(values: list[int]) -> list[int]:
        return [rng.choice(wild) if rng.random() < 0.02 else value for value in values]

    return {
        "feature": np.array(lied([rng.randrange(others.FEATURES) for _ in range(n)]), np.int32),
        "threshold": np.array([rng.choice((0.0, 1.0, -1e300, np.nan, np.inf)) for _ in range(n)]),
        "children": np.array(lied(children)[: rng.choice((2 * n, 2 * n, 2 * n, 2 * n - 1))], np.int32),
        "missing_left": np.array([rng.choice((0, 1, 1, 255)) for _ in range(n)], np.uint8),
        "value": np.array([rng.uniform(-1, 1) for _ in range(n)]),
        "root": np.array(lied([0] * rng.choice((1, 1, 2))), np.int32),
    }


MUTATORS: dict[str, Mutator] = {
    "packets": Mutator("real packets, bytes changed", 0.3, packets),
    "built": Mutator("packets built header by header", 0.25, built),
    "talking": Mutator("connections out of order", 0.12, talking),
    "blocks": Mutator("pcapng blocks and options", 0.1, blocks),
    "records": Mutator("pcap headers and records", 0.05, records),
    "forests": Mutator("arrays of a model's trees", 0.03, forests),
    "dialogues": Mutator("conversations of every dialect and carrier", 0.05, texts.dialogues),
    "packed": Mutator("captures in five compressed formats, bombs", 0.03, texts.packed),
    "power": Mutator("power readings in every format", 0.03, texts.power),
    "tables": Mutator("window tables in Parquet", 0.02, texts.tables),
    "texts": Mutator("labels, assets, settings, model bundles", 0.02, texts.texts),
}
