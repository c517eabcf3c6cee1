"""Zeek's conn.log of simulated conversations, with what is true of them: for tests, no measure of life."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from detector import hosts
from detector.flowlogs.contract import Flows
from detector.settings import Settings
from detector.windows.channel import concatenate
from tests.detector.flowlogs.logs import CONN_HEADER, START_US, Record, conn
from training import table
from training.simulation import corpus, flow_export

HEADER = "source,host,start,end,label,group\n"


@dataclass(frozen=True)
class Told:
    """A conversation: what is true of it, its capture, and what an exporter told."""

    label: str
    group: str
    host: str
    pcap: bytes
    lines: list[str]


def conversations(n: int, seed: int) -> Iterator[Told]:
    """The first n of a plan that are long and talkative enough for a flow log to tell of."""
    settings = Settings()
    left = {"mining": n // 2, "benign": n - n // 2}
    for family, number in corpus.plan(20 * n, seed):
        made = corpus.example(family, number)
        if not left[made.label]:
            continue
        windows = concatenate(list(table.simulated_tables(made.pcap, settings)))
        records = flow_export.records(windows, 6, flow_export.ETHERNET)
        told = table.judged_volumes(_rows(records, settings), settings, table.new_ledger(settings))
        hosts_told = {hosts.text(host) for _, _, ends in told for host in ends.host}
        if made.client not in hosts_told:
            continue
        left[made.label] -= 1
        yield Told(made.label, f"{made.group}", made.client, made.pcap, list(lines(records)))
        if not any(left.values()):
            return


def _rows(records: Flows, settings: Settings) -> Iterator[object]:
    from detector.flowlogs.cells import Cells  # noqa: PLC0415

    cells = Cells(settings.meter.window_s)
    if len(records):
        cells.add(records)
    return cells.take()


def lines(records: Flows) -> Iterator[str]:
    """A line of conn.log each."""
    for i in range(len(records)):
        first, last = int(records.first_ns[i]) // 1_000, int(records.last_ns[i]) // 1_000
        yield conn(
            Record(
                client=hosts.text(records.client[i]),
                client_port=int(records.client_port[i]),
                server=hosts.text(records.server[i]),
                port=int(records.port[i]),
                transport="tcp" if records.transport[i] == 6 else "udp",
                first_us=first - START_US,
                lasted_us=last - first,
                up=tuple(records.up[i].tolist()),
                down=tuple(records.down[i].tolist()),
            )
        )


def write(path: Path, told: list[str]) -> None:
    path.write_text(CONN_HEADER + "".join(f"{line}\n" for line in told))


def labelled(folder: Path, made: list[Told]) -> Path:
    """A log for each conversation, and LABELS.csv."""
    rows = []
    for number, one in enumerate(made):
        write(folder / f"{number}.log", one.lines)
        rows.append(f"{number}.log,{one.host},,,{one.label},{one.group}\n")
    path = folder / "LABELS.csv"
    path.write_text(HEADER + "".join(rows))
    return path
