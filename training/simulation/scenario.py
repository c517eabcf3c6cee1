"""Scenarios behind `minewatch simulate`: seeded traffic and power with labels, marked as simulated."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

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
Made = tuple[list[Path], list[Row]]  # files, and rows for LABELS.csv


def run(name: str, output: Path, seed: int, count: int = 200) -> list[Path]:
    """Writes a scenario into `output` (made if absent) and returns its files.

    `count` is the number of captures of mixed-corpus.  Raises KeyError for an unknown scenario.
    """
    write = _WRITERS[name]
    output.mkdir(parents=True, exist_ok=True)
    files, labels = write(output, seed, count)
    files.append(labels_file(output, labels))
    note = output / "SIMULATED.txt"
    note.write_text(NOTE.format(name=name, seed=seed), encoding="utf-8")
    return [*files, note]


def labels_file(directory: Path, rows: Iterable[Row], name: str = "LABELS.csv") -> Path:
    """LABELS.csv as the design has it; rows of `COLUMNS`."""
    return write_table(directory / name, COLUMNS, rows)


def write_table(path: Path, columns: Row, rows: Iterable[Row]) -> Path:
    """A CSV with Unix line ends."""
    with path.open("w", newline="", encoding="utf-8") as file:
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
    path.write_bytes(campus.campus_hour(seed))
    return [path], label_rows(path.name, campus.truth_rows(), "simulated/campus")


def _nodes(output: Path, seed: int, count: int) -> Made:
    from training.simulation import power_samples  # noqa: PLC0415

    del count
    return _power(output, power_samples.node_day(output, seed), "nodes")


def _meters(output: Path, seed: int, count: int) -> Made:
    from training.simulation import power_samples  # noqa: PLC0415

    del count
    return _power(output, power_samples.meter_month(output, seed), "meters")


def _power(output: Path, readings: Path, kind: str) -> Made:
    from training.simulation import power_samples  # noqa: PLC0415

    meters = {meter.meter for meter in power_samples.METERS}
    truth = [row for row in power_samples.truth_rows() if (row[0] in meters) == (kind == "meters")]
    return [readings, power_samples.assets(output)], label_rows(readings.name, truth, f"simulated/{kind}")


def _corpus(output: Path, seed: int, count: int) -> Made:
    from training.simulation import corpus  # noqa: PLC0415

    files: list[Path] = []
    rows: list[Row] = []
    for index, example in enumerate(corpus.corpus(count, seed)):
        path = output / f"{index:05d}-{example.family}.pcap"
        path.write_bytes(example.pcap)
        files.append(path)
        variant = f"{example.family}/{example.wrap}"
        rows.append((path.name, example.client, "", "", example.label, example.group, "", variant))
    return files, rows


_WRITERS: dict[str, Callable[[Path, int, int], Made]] = {
    "campus-hour": _campus,
    "node-day": _nodes,
    "meter-month": _meters,
    "mixed-corpus": _corpus,
}
