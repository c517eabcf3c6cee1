"""Writes `sample_data/`: the campus hour, the day of nodes, the month of meters, labels, truth, README.

`python -m training.samples [DIR]`; the same code gives the same bytes.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from training.simulation import campus, power_samples, scenario, site

DEFAULT = Path(__file__).parent.parent / "sample_data"
CAMPUS = "campus-hour.pcap.gz"
SHOWS = {
    CAMPUS: (
        "An hour of a campus, {hosts} home hosts: a CPU miner in the clear, a GPU miner inside TLS 1.3, "
        "a Bitcoin full node, a JSON-RPC service and its clients, a chat client, a backup, ordinary people.",
        "{clear} and {encrypted} `mining`, nobody else",
    ),
    "node-day.csv": (
        "A day of node power, a reading a minute: a GPU and a CPU miner beside AI training and servers.",
        "with the capture and `assets.csv`: the two miners `mining`, AI training not",
    ),
    "meter-month.csv.gz": (
        "A month of quarter-hour meters: one shop hides a farm.",
        "meter {farm} at least `suspicious`, nobody `mining` wrongly",
    ),
    "assets.csv": ("Who owns which address, node and meter.", ""),
    "LABELS.csv": ("The truth in the format of `minewatch train`.", ""),
    "truth.csv": ("The truth of each asset for `minewatch demo`: mining, benign or look-alike.", ""),
}
README = """# Samples

**All of it is simulated by this project** (`python -m training.samples`, seed {seed}; `make samples`).
No packet, address, wallet or reading comes from a real network, pool or customer.  Remote addresses are
from the documentation ranges (RFC 5737).  Packets are cut at {cut} bytes where nothing is in the clear.

| file | bytes | sha256 | what it shows | expected |
|---|---|---|---|---|
{rows}

The hour of the capture is {hour} (UTC) of the day of `node-day.csv`; `assets.csv` joins the two.
"""


def write(directory: Path, seed: int = site.SEED) -> list[Path]:
    """All samples, labels and the README; the same seed gives the same bytes."""
    directory.mkdir(parents=True, exist_ok=True)
    capture = directory / CAMPUS
    capture.write_bytes(campus.campus_hour(seed))
    files = [capture, *power_samples.write(directory, seed)]
    network, power = campus.truth_rows(), power_samples.truth_rows()
    meters = {meter.meter for meter in power_samples.METERS}
    labels = [
        *scenario.label_rows(CAMPUS, network, "simulated/campus"),
        *scenario.label_rows(
            "node-day.csv", [row for row in power if row[0] not in meters], "simulated/nodes"
        ),
        *scenario.label_rows(
            "meter-month.csv.gz", [row for row in power if row[0] in meters], "simulated/meters"
        ),
    ]
    files.append(scenario.labels_file(directory, labels))
    files.append(scenario.write_table(directory / "truth.csv", ("host", "label", "note"), _truth()))
    readme = directory / "README.md"
    readme.write_text(_readme(files, seed, len(network)), encoding="utf-8")
    return [*files, readme]


def _truth() -> list[tuple[str, str, str]]:
    """One row an asset: a node is known by its address, as `assets.csv` joins them."""
    addresses = {node.name: node.ip for node in site.NODES}
    rows: dict[str, tuple[str, str, str]] = {}
    for name, label, note in [*campus.truth_rows(), *power_samples.truth_rows()]:
        host = addresses.get(name, name)
        if host in rows:
            _, before, said = rows[host]
            label, note = "mining" if "mining" in (label, before) else before, f"{said}; {note}"  # noqa: PLW2901
        rows[host] = (host, label, note)
    return list(rows.values())


def _readme(files: list[Path], seed: int, hosts: int) -> str:
    words = {
        "hosts": hosts,
        "clear": site.MINER_CLEAR,
        "encrypted": site.MINER_ENCRYPTED,
        "farm": power_samples.FARM_METER,
    }
    rows = []
    for path in files:
        shows, expected = (text.format(**words) for text in SHOWS[path.name])
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        rows.append(f"| `{path.name}` | {len(data):,} | `{digest}` | {shows} | {expected} |")
    hour = f"{site.HOUR_START:%Y-%m-%d %H:%M} to {site.HOUR_END:%H:%M}"
    return README.format(seed=seed, rows="\n".join(rows), cut=campus.CUT, hour=hour)


if __name__ == "__main__":
    for written in write(Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT):
        print(written)  # noqa: T201
