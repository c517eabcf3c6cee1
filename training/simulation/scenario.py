"""Scenarios behind `minewatch simulate`: seeded traffic and power with labels, marked as simulated."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from detector.atomic import drafted, replacing

SCENARIOS: dict[str, str] = {
    "campus-hour": "an hour of a campus: two miners among ordinary hosts and look-alikes",
    "node-day": "a day of node power: a GPU and a CPU miner beside AI training and servers",
    "meter-month": "a month of meters with one hidden farm",
    "mixed-corpus": "many small labelled captures, half of them mining, of every family",
}
COLUMNS = ("source", "host", "start", "end", "label", "group", "coin", "variant")
NOTE = """Simulated data.

Made by `minewatch simulate {name} --seed {seed}`.  No packet, address, wallet or reading in this folder
comes from a real network, pool or customer.  LABELS.csv says what is mining; no claim should rest on
simulated data alone.
"""
Row = Sequence[str]
Made = Iterator[tuple[Path, list[Row]]]  # a file, and its rows for LABELS.csv
COUNTED = "mixed-corpus"
NOTE_NAME = "SIMULATED.txt"


def run(name: str, output: Path, seed: int, count: int = 200) -> Iterator[Path]:
    """Writes a scenario into `output` (made if absent) and gives its files as they are whole.

    `count` is the number of captures of mixed-corpus.  An interrupt ends it with labels of what is
    there, and is raised behind them.  Raises KeyError for an unknown scenario.
    """
    write = _WRITERS[name]
    output.mkdir(parents=True, exist_ok=True)
    note = output / NOTE_NAME
    note.write_text(NOTE.format(name=name, seed=seed), encoding="utf-8")
    labels: list[Row] = []
    interrupted: KeyboardInterrupt | None = None
    made = write(output, seed, count)
    while interrupted is None:
        try:
            path, rows = next(made)
        except StopIteration:
            break
        except KeyboardInterrupt as error:
            interrupted = error
        else:
            labels += rows
            yield path
    if labels:
        yield labels_file(output, labels)
    yield note
    if interrupted is not None:
        raise interrupted


def labels_file(directory: Path, rows: Iterable[Row], name: str = "LABELS.csv") -> Path:
    """LABELS.csv as the design has it; rows of `COLUMNS`."""
    return write_table(directory / name, COLUMNS, rows)


def write_table(path: Path, columns: Row, rows: Iterable[Row]) -> Path:
    """A CSV with Unix line ends."""
    with replacing(path) as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(columns)
        table.writerows(rows)
    return path


def label_rows(source: str, truth: Iterable[tuple[str, str, str]], group: str) -> list[Row]:
    """Rows for LABELS.csv from (host, label, note); a look-alike is benign and says what it is."""
    return [
        (source, host, "", "", "mining" if label == "mining" else "benign", group, "", label)
        for host, label, _ in truth
    ]


def _campus(output: Path, seed: int, count: int) -> Made:
    from training.simulation import campus  # noqa: PLC0415  numpy and every family: not for --help

    del count
    path = output / "campus-hour.pcap.gz"
    _write(path, campus.campus_hour(seed))
    yield path, label_rows(path.name, campus.truth_rows(), "simulated/campus")


def _nodes(output: Path, seed: int, count: int) -> Made:
    from training.simulation import power_samples  # noqa: PLC0415

    del count
    yield from _power(output, power_samples.node_day(output, seed), "nodes")


def _meters(output: Path, seed: int, count: int) -> Made:
    from training.simulation import power_samples  # noqa: PLC0415

    del count
    yield from _power(output, power_samples.meter_month(output, seed), "meters")


def _power(output: Path, readings: Path, kind: str) -> Made:
    from training.simulation import power_samples  # noqa: PLC0415

    meters = {meter.meter for meter in power_samples.METERS}
    truth = [row for row in power_samples.truth_rows() if (row[0] in meters) == (kind == "meters")]
    yield readings, label_rows(readings.name, truth, f"simulated/{kind}")
    yield power_samples.assets(output), []


def _corpus(output: Path, seed: int, count: int) -> Made:
    from training.simulation import corpus  # noqa: PLC0415

    for index, example in enumerate(corpus.corpus(count, seed)):
        path = output / f"{index:05d}-{example.family}.pcap"
        _write(path, example.pcap)
        variant = f"{example.family}/{example.wrap}"
        yield path, [(path.name, example.client, "", "", example.label, example.group, "", variant)]


def _write(path: Path, content: bytes) -> None:
    """A file that is whole or not there."""
    with drafted(path) as draft:
        draft.write_bytes(content)


_WRITERS: dict[str, Callable[[Path, int, int], Made]] = {
    "campus-hour": _campus,
    "node-day": _nodes,
    "meter-month": _meters,
    "mixed-corpus": _corpus,
}
