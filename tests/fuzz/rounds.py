"""The mutators: each makes the steps of one round from random numbers and the seeds."""

from __future__ import annotations

import gzip
import struct
import zipfile
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from detector import bundle
from tests.detector.dissectors import test_cryptonote, test_getwork, test_stratum
from tests.detector.dissectors.dialogue import Piece
from tests.detector.kernel.by_hand import START, S
from tests.fuzz import mutate, others, session, stacks, streams, talks
from tests.fuzz.journal import Step
from tests.fuzz.mutate import Dice
from tests.fuzz.seeds import ROOT, Seeds

CASES = 500  # of a round
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
    made = (mutate.mutated(rng, rng.choice(ours), rng.choice(every)) for _ in range(CASES))
    return _fed(rng, link, made)


def _links(seeds: Seeds) -> Sequence[int]:
    """Link types, each as often as the number of its seeds has digits: most seeds are of Ethernet."""
    often = [link for link, known in seeds.items() for _ in range(len(str(len(known))) ** 2)]
    return (*often, *stacks.LINKS)


def built(rng: Dice, seeds: Seeds) -> Steps:
    """Packets built header by header: tags, extension headers, options, tunnels, fragments."""
    link = rng.choice((1, 1, 1, *stacks.LINKS))
    return _fed(rng, link, (stacks.frame(rng, link) for _ in range(CASES)))


def _fed(rng: Dice, link: int, made: Iterator[bytes]) -> Steps:
    """Each packet in a buffer that ends with it, in one capture of this link type."""
    yield Step(b"S", rng.randbytes(4))
    yield Step(b"F", session.PCAP + struct.pack("<I", link))
    second = START // S
    for packet in made:
        claimed = len(packet) + rng.choice((0, 0, 0, 1, 1_000, -1, 1 << 31))
        second += rng.choice((0, 0, 0, 1, 40))
        yield Step(b"R", session.record(packet, claimed, second))
        yield from _between(rng)


def _between(rng: Dice) -> Steps:
    """What a pipeline does between packets."""
    if rng.random() < 0.02:
        yield Step(b"P", rng.randbytes(4))
    if rng.random() < 0.01:
        yield Step(b"W", bytes([rng.random() < 0.2]))


def talking(rng: Dice, seeds: Seeds) -> Steps:
    """Connections whose packets repeat, overlap, overtake, wrap, reset and begin again."""
    yield Step(b"S", rng.randbytes(4))
    yield Step(b"F", session.PCAP + struct.pack("<I", 1))
    for now, frame, size in islice(talks.frames(rng), CASES):
        if rng.random() < 0.02:
            yield Step(b"O", _observed(rng, now, frame[54:]))
        kept = mutate.mutated(rng, frame, frame) if rng.random() < 0.03 else frame
        yield Step(b"R", talks.record(now, kept, size))
        yield from _between(rng)


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
        yield from _between(rng)


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


def texts(rng: Dice, seeds: Seeds) -> Steps:
    """Dialogues, packed captures, power readings, labels, assets, settings, model bundles."""
    samples = _samples()
    letters = list(samples)
    for _ in range(CASES // 10):
        letter = rng.choice(letters)
        data = rng.choice(samples[letter])
        if letter == b"d":
            yield Step(letter, _dialogue(rng))
        elif letter == b"m":
            yield Step(letter, _bundle(rng, data))
        else:
            yield Step(letter, _retold(rng, data))


def _retold(rng: Dice, data: bytes) -> bytes:
    """Mutated anywhere: bytes, and whole lines or cells where it is text."""
    at = rng.randrange(len(data) + 1)
    data = data[:at] + mutate.mutated(rng, data[at:], data)
    if rng.random() < 0.5:
        separator = rng.choice((b",", b"\n", b'"', b"=", b"."))
        cells = data.split(separator)
        for _ in range(rng.choice((1, 2, 5))):
            cells[rng.randrange(len(cells))] = rng.choice((*_CELLS, rng.choice(cells)))
        data = separator.join(cells)
    return data


_CELLS = (
    b"", b"0", b"-1", b"1e999", b"nan", b"inf", b"-0.0", b"9" * 400, b"\xff\xfe", b"\0", b"\xe2\x80\xae",
    b'"', b"''", b"=1+1", b"2026-02-30T25:61:61Z", b"0001-01-01", b"9999-12-31T23:59:59Z", b"1e18",
    b"[" * 2_000,
    b"\r", b"\n" * 50, b"\x1b[2J", b"::1", b"1.2.3.4/99", b"*", b"true", b"kW", b"0x10", b"1,5", b"1_000",
)  # fmt: skip


def _dialogue(rng: Dice) -> bytes:
    """A conversation of the dissectors' own tests, its bytes mutated and cut anew."""
    out = b""
    for piece in rng.choice(_DIALOGUES):
        data = _retold(rng, piece.data) if rng.random() < 0.3 else piece.data
        while data:
            size = rng.choice((1, 7, 100, 4_000, len(data)))
            bits = piece.from_a | (rng.random() < 0.05) << 1
            out += bytes([bits]) + min(size, len(data), 65_535).to_bytes(2, "big") + data[: min(size, 65_535)]
            data = data[min(size, 65_535) :]
    return out


_DIALOGUES: tuple[list[Piece], ...] = tuple(
    value
    for module in (test_stratum, test_cryptonote, test_getwork)
    for value in vars(module).values()
    if isinstance(value, list) and value and all(isinstance(item, Piece) for item in value)
)


def _bundle(rng: Dice, manifest: bytes) -> bytes:
    """The shipped model with a mutated manifest, or a mutated member."""
    folder = ROOT / "detector" / "data" / "default_model"
    members = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    name = rng.choice((bundle.MANIFEST, bundle.MANIFEST, *members))
    members[name] = _retold(rng, manifest) if name == bundle.MANIFEST else mutate.mutated(
        rng, members[name], manifest
    )  # fmt: skip
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for member, data in members.items():
            archive.writestr(member, data)
    return out.getvalue()


def _samples() -> dict[bytes, list[bytes]]:
    """What the texts are made from, by the letter of their parser."""
    folder = ROOT / "sample_data"

    def head(name: str, size: int = 4_000) -> bytes:
        data = (folder / name).read_bytes()
        return (gzip.decompress(data) if name.endswith(".gz") else data)[:size]

    capture = head("campus-hour.pcap.gz", 20_000)
    table = [head("node-day.csv"), head("meter-month.csv.gz")]
    return {
        b"d": [b""],
        b"g": [capture, gzip.compress(capture), gzip.compress(capture) * 2],
        b"p": [*table, gzip.compress(table[0])],
        b"l": [head("LABELS.csv")],
        b"a": [head("assets.csv")],
        b"c": [b'[meter]\nwindow_s = 300\n[findings]\nhome_networks = ["10.0.0.0/8"]\nmin_messages = 6\n'],
        b"k": [capture[:600], table[0][:600]],
        b"m": [Path(ROOT, "detector/data/default_model", bundle.MANIFEST).read_bytes()],
    }


MUTATORS: dict[str, Mutator] = {
    "packets": Mutator("real packets, bytes changed", 0.3, packets),
    "built": Mutator("packets built header by header", 0.25, built),
    "talking": Mutator("connections out of order", 0.15, talking),
    "blocks": Mutator("pcapng blocks and options", 0.12, blocks),
    "records": Mutator("pcap headers and records", 0.06, records),
    "forests": Mutator("arrays of a model's trees", 0.04, forests),
    "texts": Mutator("dialogues, tables, bundles, packed files", 0.08, texts),
}
