"""Scenarios behind `minewatch simulate`: seeded traffic and power with labels, marked as simulated."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from training.simulation import campus, corpus, power_samples

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


def _campus(output: Path, seed: int, count: int) -> tuple[list[Path], list[Row]]:
    del count
    path = output / "campus-hour.pcap.gz"
    path.write_bytes(campus.campus_hour(seed))
    return [path], label_rows(path.name, campus.truth_rows(), "simulated/campus")


def _power(wanted: Callable[[Path, int], Path], kind: str) -> Callable[..., tuple[list[Path], list[Row]]]:
    def write(output: Path, seed: int, count: int) -> tuple[list[Path], list[Row]]:
        del count
        path = wanted(output, seed)
        meters = {meter.meter for meter in power_samples.METERS}
        truth = [row for row in power_samples.truth_rows() if (row[0] in meters) == (kind == "meters")]
        return [path, power_samples.assets(output)], label_rows(path.name, truth, f"simulated/{kind}")

    return write


def _corpus(output: Path, seed: int, count: int) -> tuple[list[Path], list[Row]]:
    files, rows = [], []
    for index, example in enumerate(corpus.corpus(count, seed)):
        path = output / f"{index:05d}-{example.family}.pcap"
        path.write_bytes(example.pcap)
        files.append(path)
        variant = f"{example.family}/{example.wrap}"
        rows.append((path.name, example.client, "", "", example.label, example.group, "", variant))
    return files, rows


_WRITERS: dict[str, Callable[[Path, int, int], tuple[list[Path], list[Row]]]] = {
    "campus-hour": _campus,
    "node-day": _power(power_samples.node_day, "nodes"),
    "meter-month": _power(power_samples.meter_month, "meters"),
    "mixed-corpus": _corpus,
}
