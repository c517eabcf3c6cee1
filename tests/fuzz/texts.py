"""The mutators of what is no packet: dialogues, packed captures, power logs, tables, settings, bundles."""

from __future__ import annotations

import functools
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from detector import bundle
from detector.records import UDP
from tests.fuzz import mutate, samples
from tests.fuzz.journal import Step
from tests.fuzz.mutate import Dice
from tests.fuzz.seeds import ROOT, Seeds

CASES = 50  # of a round: each is a file
BOMB_BYTES = 2 << 20
Steps = Iterator[Step]
_MODEL = ROOT / "detector" / "data" / "default_model"
_CELLS = (
    b"", b"0", b"-1", b"1e999", b"nan", b"inf", b"-0.0", b"9" * 400, b"\xff\xfe", b"\0", b"\xe2\x80\xae",
    b'"', b"''", b"=1+1", b"2026-02-30T25:61:61Z", b"0001-01-01", b"9999-12-31T23:59:59Z", b"1e18",
    b"[" * 2_000, b"\r", b"\n" * 50, b"\x1b[2J", b"::1", b"1.2.3.4/99", b"*", b"true", b"kW", b"0x10", b"1,5",
    b"1_000", b'"utf-7"', b"<!DOCTYPE a>", b"&#0;", b"{", b"null", b"\xd9\xa1",
)  # fmt: skip


def dialogues(rng: Dice, seeds: Seeds) -> Steps:
    """Conversations of all dialects and carriers, their bytes mutated and cut anew."""
    for _ in range(10 * CASES):
        yield Step(b"d", _dialogue(rng))


def _dialogue(rng: Dice) -> bytes:
    out = b""
    for piece in rng.choice(_dialogues()):
        data = _retold(rng, piece.data) if rng.random() < 0.3 else piece.data
        while data:
            size = rng.choice((1, 7, 100, 4_000, len(data)))
            bits = (
                piece.from_a | (rng.random() < 0.05) << 1 | piece.opening << 2 | (piece.transport == UDP) << 3
            )
            out += bytes([bits]) + min(size, len(data), 65_535).to_bytes(2, "big") + data[: min(size, 65_535)]
            data = data[min(size, 65_535) :]
    return out


_dialogues = functools.cache(samples.dialogues)
_power_logs = functools.cache(samples.power_logs)
_window_tables = functools.cache(samples.window_tables)


def packed(rng: Dice, seeds: Seeds) -> Steps:
    """Captures in every compressed format: mutated before and behind, in members, and as bombs."""
    ways = (_damaged, _damaged, _damaged, _of_damaged, _members, _bomb)
    for _ in range(CASES):
        name = rng.choice(tuple(samples.PACK))
        capture = samples.head("campus-hour.pcap.gz", rng.choice((24, 2_000, 20_000)))
        yield Step(b"g", rng.choice(ways)(rng, name, capture))


def _damaged(rng: Dice, name: str, capture: bytes) -> bytes:
    data = samples.PACK[name](capture)
    at = rng.randrange(len(data) + 1) if rng.random() < 0.7 else 0
    return data[:at] + mutate.mutated(rng, data[at:], data)


def _of_damaged(rng: Dice, name: str, capture: bytes) -> bytes:
    return samples.PACK[name](capture[:24] + mutate.mutated(rng, capture[24:], capture))


def _members(rng: Dice, name: str, capture: bytes) -> bytes:
    """One behind the other, one in the other, of two formats, beside skippable frames, before padding."""
    pack, other = samples.PACK[name], samples.PACK[rng.choice(tuple(samples.PACK))]
    whole, half = pack(capture), pack(capture[:1_000])
    aside = b"\x5f\x2a\x4d\x18" + mutate.number(rng, 5, 32).to_bytes(4, "little") + b"aside"
    behind = (whole, other(capture[1_000:]), aside, bytes(600))
    return rng.choice((pack(whole), half + rng.choice(behind), aside + whole + rng.choice(behind)))


def _bomb(rng: Dice, name: str, capture: bytes) -> bytes:
    data = _blown_up(name)
    return data if rng.random() < 0.5 else mutate.mutated(rng, data, data)


@functools.cache
def _blown_up(name: str) -> bytes:
    """A capture whose first record never ends."""
    return samples.PACK[name](samples.head("campus-hour.pcap.gz", 24) + bytes(BOMB_BYTES))


def power(rng: Dice, seeds: Seeds) -> Steps:
    """Power readings: tables, Green Button, DSMR, logs of tools, MQTT, Prometheus, Parquet."""
    for _ in range(CASES):
        yield Step(b"p", _retold(rng, rng.choice(_power_logs())))


def tables(rng: Dice, seeds: Seeds) -> Steps:
    """Window tables as Parquet: pages, footers."""
    for _ in range(CASES):
        data = rng.choice(_window_tables())
        foot = int.from_bytes(data[-8:-4], "little") + 8
        at = len(data) - rng.randrange(foot) if rng.random() < 0.7 else rng.randrange(len(data))
        yield Step(b"w", data[:at] + _keeping_size(rng, data[at:]))


def _keeping_size(rng: Dice, data: bytes) -> bytes:
    """Mutated, mostly with what follows in its old place: the length of a footer stands behind it."""
    some = rng.choice((1, 4, 30))
    changed = mutate.mutated(rng, data[:some], data)
    return (changed + bytes(some))[: len(data[:some])] + data[some:] if rng.random() < 0.8 else changed


def texts(rng: Dice, seeds: Seeds) -> Steps:
    """Labels, assets, lists of jobs, settings, model bundles."""
    heads = {
        b"l": samples.head("LABELS.csv"),
        b"a": samples.head("assets.csv"),
        b"c": b'[meter]\nwindow_s = 300\n[findings]\nhome_networks = ["10.0.0.0/8"]\nmin_messages = 6\n',
        b"k": samples.head("node-day.csv", 600),
        b"j": samples.JOBS,
        b"m": Path(_MODEL, bundle.MANIFEST).read_bytes(),
    }
    for _ in range(CASES):
        letter = rng.choice(tuple(heads))
        retold = _bundle(rng, heads[letter]) if letter == b"m" else _retold(rng, heads[letter])
        yield Step(letter, retold)


def _bundle(rng: Dice, manifest: bytes) -> bytes:
    """The shipped model with a mutated manifest, or a mutated member."""
    members = {path.name: path.read_bytes() for path in sorted(_MODEL.iterdir())}
    name = rng.choice((bundle.MANIFEST, bundle.MANIFEST, *members))
    members[name] = _retold(rng, manifest) if name == bundle.MANIFEST else mutate.mutated(
        rng, members[name], manifest
    )  # fmt: skip
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for member, data in members.items():
            archive.writestr(member, data)
    return out.getvalue()


def _retold(rng: Dice, data: bytes) -> bytes:
    """Mutated anywhere: bytes, and whole lines or cells where it is text."""
    at = rng.randrange(len(data) + 1)
    data = data[:at] + mutate.mutated(rng, data[at:], data)
    if rng.random() < 0.5:
        separator = rng.choice((b",", b"\n", b'"', b"=", b".", b">", b" "))
        cells = data.split(separator)
        for _ in range(rng.choice((1, 2, 5))):
            cells[rng.randrange(len(cells))] = rng.choice((*_CELLS, rng.choice(cells)))
        data = separator.join(cells)
    return data
