"""The engines of the benchmark: a table of programs, each with the captures it is given.

What an engine does and does not do stands in its row, since they do not all do the same.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.peers import PEERS, python_of

CAPTURE = "{capture}"  # stands for the path in a command
ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = ROOT / "benchmarks" / "programs"
_FIELDS = ("ip.src", "ip.dst", "tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport", "frame.time_epoch")


@dataclass(frozen=True, slots=True)
class Engine:
    """A row of the table: a command, on which captures, and how much of each."""

    name: str
    command: Sequence[str]
    does: str
    captures: Mapping[str, int | None] = field(default_factory=dict)  # to so many first packets; None = all
    curve: bool = False  # whether it is given every point of the curve, too
    tells: bool = False  # prints JSON: "items" and, of the work alone, "cpu_s"

    @property
    def there(self) -> bool:
        """Whether its program is installed."""
        return shutil.which(self.command[0]) is not None


def table(cache: Path, scale: float = 1.0) -> list[Engine]:
    """The engines, ours first; `scale` shortens what slow ones are given."""
    mine, nfstream, tsfresh = _pythons(cache)
    minewatch = str(Path(sys.executable).with_name("minewatch"))
    all_of = dict.fromkeys(("mixed", "mixed, pcapng", "small packets", "IPv6", "scan"))

    def shorter(packets: int) -> int:
        return round(packets * scale)

    return [
        Engine(
            "minewatch kernel",
            [mine, str(PROGRAMS / "kernel.py"), CAPTURE],
            "channel windows with all summaries, keywords sought, payload kept for the dissectors; "
            "no dissection, no score",
            captures=all_of,
            curve=True,
        ),
        Engine(
            "minewatch score",
            [minewatch, "score", CAPTURE],
            "everything: windows, dissectors, features, models, findings of every host, table",
            captures=all_of,
            curve=True,
        ),
        Engine(
            "minewatch score --jobs 2",
            [minewatch, "score", "--jobs", "2", CAPTURE],
            "the same with two processes",
            captures={"mixed": None},
        ),
        Engine(
            "ndpiReader",
            ["ndpiReader", "-q", "-i", CAPTURE],
            "flows and nDPI's detection of the application of each; no score",
            captures={**all_of, "scan": shorter(500_000)},  # each flow costs it 3.5 kB
            curve=True,
        ),
        Engine(
            "nfstream",
            [nfstream, str(PROGRAMS / "nfstream_flows.py"), CAPTURE],
            "flows with statistics (`statistical_analysis=True`), nDPI off (`n_dissections=0`), one meter",
            captures=dict.fromkeys(("mixed", "small packets"), shorter(200_000)),
        ),
        Engine(
            "dpkt",
            [mine, str(PROGRAMS / "dpkt_flows.py"), CAPTURE],
            "packets and bytes of each 5-tuple in a dict; no times, no payload",
            captures=dict.fromkeys(("mixed", "small packets"), shorter(200_000)),
        ),
        Engine(
            "tshark -T fields",
            ["tshark", "-n", "-r", CAPTURE, "-T", "fields", *(word for f in _FIELDS for word in ("-e", f))],
            f"full dissection, {len(_FIELDS)} fields of each packet printed; no flows",
            captures=dict.fromkeys(("mixed", "small packets"), shorter(100_000)),
        ),
        Engine(
            "pyshark",
            [mine, str(PROGRAMS / "pyshark_packets.py"), CAPTURE],
            "full dissection by tshark, each packet as a Python object; no flows",
            captures={"mixed": shorter(3_000)},
        ),
        Engine("minewatch --help", [minewatch, "--help"], "prints the help"),
        Engine(
            "minewatch power",
            [mine, str(PROGRAMS / "power.py"), "100", "30"],
            "power windows and one vector a meter, of 100 meters over 30 days, a reading a minute",
            tells=True,
        ),
        Engine(
            "tsfresh, efficient set",
            [tsfresh, str(PROGRAMS / "tsfresh_power.py"), "2", "2"],
            "one vector a meter-day, of 4 meter-days, a reading a minute, `n_jobs=0`",
            tells=True,
        ),
        Engine(
            "minewatch live",
            [mine, str(PROGRAMS / "loopback.py"), "3"],
            "UDP of 200 B on the loopback, sent by one process as fast as it can, to channel windows",
            tells=True,
        ),
    ]


def _pythons(cache: Path) -> tuple[str, ...]:
    """Interpreters: the project's, and those of the peers."""
    return (sys.executable, *(str(python_of(peer, cache / "peers")) for peer in PEERS))
