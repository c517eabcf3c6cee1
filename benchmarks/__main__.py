"""Captures to channel windows and to findings, beside ndpiReader, tshark and dpkt where installed.

Every engine runs in a process of its own, several rounds interleaved, and the best round
counts: CPU time for comparisons, since wall time on a shared machine says little.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.captures import mixed_capture

_SLOW_PACKETS = 50_000  # for engines below 100 k packets/s
_KERNEL = """
import sys
from detector.capture import read
from detector.kernel import Meter
from detector.records import SourceReport
from detector.settings import MeterSettings
meter, report, rows = Meter(MeterSettings()), SourceReport(sys.argv[1]), 0
for _ in read(sys.argv[1], meter, report):
    meter.payloads()
    rows += len(meter.windows()[0])
rows += len(meter.windows(final=True)[0])
"""
_DPKT = """
import collections, sys, dpkt
flows = collections.Counter()
for ts, frame in dpkt.pcap.Reader(open(sys.argv[1], "rb")):
    try:
        ip = dpkt.ethernet.Ethernet(frame).data
        flows[ip.src, ip.dst, ip.data.sport, ip.data.dport, ip.p] += len(frame)
    except (AttributeError, dpkt.UnpackError):
        pass
"""


@dataclass(frozen=True, slots=True)
class Engine:
    """A command over a capture; slow ones get the short one."""

    name: str
    command: Sequence[str]  # "{}" stands for the capture
    slow: bool = False


@dataclass(slots=True)
class Best:
    """The best round of an engine."""

    wall_s: float = float("inf")
    cpu_s: float = float("inf")
    peak_mb: float = float("inf")
    failed: int = 0


def engines() -> list[Engine]:
    """Those that are installed."""
    python = sys.executable
    found = [Engine("kernel (windows only)", [python, "-c", _KERNEL, "{}"])]
    if importlib.util.find_spec("detector.__main__"):
        found.append(Engine("minewatch score", [python, "-m", "detector", "score", "{}"]))
    if shutil.which("ndpiReader"):
        found.append(Engine("ndpiReader", ["ndpiReader", "-q", "-i", "{}"]))
    if importlib.util.find_spec("dpkt"):
        found.append(Engine("dpkt, flows in a dict", [python, "-c", _DPKT, "{}"], slow=True))
    if shutil.which("tshark"):
        fields = [
            "-e",
            "ip.src",
            "-e",
            "ip.dst",
            "-e",
            "tcp.srcport",
            "-e",
            "tcp.len",
            "-e",
            "frame.time_epoch",
        ]
        found.append(
            Engine("tshark fields", ["tshark", "-n", "-r", "{}", "-T", "fields", *fields], slow=True)
        )
    return found


def head(path: Path, packets: int) -> Path:
    """The first packets of a pcap, beside it."""
    short = path.with_name(f"{path.stem}-{packets}.pcap")
    with open(path, "rb") as source, open(short, "wb") as out:
        out.write(source.read(24))
        for _ in range(packets):
            record = source.read(16)
            out.write(record + source.read(int.from_bytes(record[8:12], "little")))
    return short


def count(path: Path) -> int:
    """Packets of a pcap, by its record headers."""
    packets = 0
    with open(path, "rb") as file:
        file.seek(24)
        while len(record := file.read(16)) == 16:
            file.seek(int.from_bytes(record[8:12], "little"), os.SEEK_CUR)
            packets += 1
    return packets


def run(engine: Engine, path: Path, best: Best) -> None:
    """One round, which may improve on the best."""
    command = [part.replace("{}", str(path)) for part in engine.command]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    best.failed = process.returncode
    best.wall_s = min(best.wall_s, time.perf_counter() - start)
    best.cpu_s = min(best.cpu_s, usage.ru_utime + usage.ru_stime)
    best.peak_mb = min(best.peak_mb, usage.ru_maxrss / 1024)


def table(results: dict[str, tuple[Best, int, int]]) -> str:
    """One line an engine; packets and bytes a second by CPU time."""
    lines = [f"{'engine':24}{'packets':>11}{'wall s':>9}{'CPU s':>9}{'kpkt/s':>9}{'MB/s':>8}{'peak MB':>9}"]
    for name, (best, packets, n_bytes) in results.items():
        speed = f"{packets / best.cpu_s / 1e3:9.0f}{n_bytes / best.cpu_s / 1e6:8.0f}"
        note = f"  exit {best.failed}" if best.failed else ""
        lines.append(
            f"{name:24}{packets:11}{best.wall_s:9.2f}{best.cpu_s:9.2f}{speed}{best.peak_mb:9.0f}{note}"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    default = Path(os.environ.get("MINEWATCH_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=default, help="folder with net/labels.tsv")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "minewatch-bench")
    parser.add_argument("--megabytes", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if not (options.data / "net" / "labels.tsv").is_file():
        sys.exit(
            f"no captures at {options.data}: give --data (the benchmark replicates real benign captures)"
        )
    # in a process of its own: the peak memory of a child counts what its parent held when it forked
    with multiprocessing.get_context("spawn").Pool(1) as maker:
        whole = maker.apply(mixed_capture, (options.data, options.cache, options.megabytes * 1_000_000))
    files = {False: whole, True: head(whole, _SLOW_PACKETS)}
    counts = {slow: (count(path), path.stat().st_size) for slow, path in files.items()}
    results = {engine.name: (Best(), *counts[engine.slow]) for engine in engines()}
    for _ in range(options.rounds):
        for engine in engines():
            run(engine, files[engine.slow], results[engine.name][0])
    print(table(results))


if __name__ == "__main__":
    main()
