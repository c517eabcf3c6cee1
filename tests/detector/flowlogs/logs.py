"""Flow logs written from the documented lists of fields (not recorded): one record, every spelling.

Zeek: docs.zeek.org, base/protocols/conn/main.zeek.  Suricata: docs.suricata.io, "Eve JSON Format".
nfdump: nfdump(1), csv.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from detector.flowlogs import FlowLogs
from detector.records import ChannelWindows, SourceReport
from detector.settings import Settings
from detector.windows.channel import concatenate

START_US = 1_772_323_200_000_000  # 2026-03-01


@dataclass(frozen=True)
class Record:
    """A connection, times in microseconds since START_US."""

    client: str = "10.0.0.7"
    client_port: int = 40_000
    server: str = "203.0.113.5"
    port: int = 3333
    transport: str = "tcp"
    first_us: int = 0
    lasted_us: int = 1_000_000
    up: tuple[int, int] = (10, 1_000)
    down: tuple[int, int] = (8, 2_000)


def seconds(us: int) -> str:
    return f"{us // 1_000_000}.{us % 1_000_000:06d}"


def moment(us: int) -> str:
    when = datetime.fromtimestamp((START_US + us) // 1_000_000, UTC)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{us % 1_000_000:06d}"


CONN_FIELDS = [
    "ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "service", "duration",
    "orig_bytes", "resp_bytes", "conn_state", "local_orig", "local_resp", "missed_bytes", "history",
    "orig_pkts", "orig_ip_bytes", "resp_pkts", "resp_ip_bytes", "tunnel_parents",
]  # fmt: skip
ENDS = CONN_FIELDS[:6]


def header(path: str, fields: Iterable[str]) -> str:
    return (
        "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n"
        f"#path\t{path}\n#fields\t" + "\t".join(fields) + "\n"
    )


CONN_HEADER = header("conn", CONN_FIELDS)


def conn(r: Record) -> str:
    """A line of conn.log."""
    cells = [
        seconds(START_US + r.first_us), "CYfHyC1", r.client, r.client_port, r.server, r.port, r.transport,
        "-", seconds(r.lasted_us), "-", "-", "SF", "T", "F", 0, "ShADadFf", *r.up, *r.down, "(empty)",
    ]  # fmt: skip
    return "\t".join(map(str, cells))


def conn_json(r: Record) -> str:
    return json.dumps(
        {
            "ts": float(seconds(START_US + r.first_us)), "uid": "CYfHyC1", "id.orig_h": r.client,
            "id.orig_p": r.client_port, "id.resp_h": r.server, "id.resp_p": r.port, "proto": r.transport,
            "duration": float(seconds(r.lasted_us)), "conn_state": "SF", "history": "ShADadFf",
            "orig_pkts": r.up[0], "orig_ip_bytes": r.up[1],
            "resp_pkts": r.down[0], "resp_ip_bytes": r.down[1],
        }
    )  # fmt: skip


def event(r: Record, kind: str, told: dict[str, object], name: str | None = None) -> str:
    """A line of eve.json."""
    return json.dumps(
        {
            "timestamp": moment(r.first_us + r.lasted_us) + "+0000", "flow_id": 1, "event_type": kind,
            "src_ip": r.client, "src_port": r.client_port, "dest_ip": r.server, "dest_port": r.port,
            "proto": r.transport.upper(), name or kind: told,
        }
    )  # fmt: skip


def eve(r: Record) -> str:
    told = {
        "pkts_toserver": r.up[0], "bytes_toserver": r.up[1], "pkts_toclient": r.down[0],
        "bytes_toclient": r.down[1], "start": moment(r.first_us) + "+0000",
        "end": moment(r.first_us + r.lasted_us) + "+0000", "age": 1, "state": "closed", "alerted": False,
    }  # fmt: skip
    line = json.loads(event(r, "flow", told))
    return json.dumps(line | {"tcp": {"tcp_flags": "1b", "syn": True}})


TABLE_HEADER = "ts,te,td,sa,da,sp,dp,pr,flg,ipkt,ibyt,opkt,obyt\n"


def table(r: Record) -> str:
    """A line of CSV, both directions in one."""
    times = moment(r.first_us), moment(r.first_us + r.lasted_us), seconds(r.lasted_us)
    ends = r.client, r.server, r.client_port, r.port, r.transport.upper()
    return ",".join(map(str, [*times, *ends, "...AP.SF", *r.up, *r.down]))


KINDS: dict[str, tuple[str, Callable[[Record], str]]] = {
    "conn.log": (CONN_HEADER, conn),
    "conn.json": ("", conn_json),
    "eve.json": ("", eve),
    "flows.csv": (TABLE_HEADER, table),
}
"""Name -> what the file begins with, and a line of it."""


def read(*paths: Path) -> tuple[ChannelWindows, list[SourceReport]]:
    """All rows of flow logs, and what became of each."""
    logs = FlowLogs([str(path) for path in paths], Settings())
    tables = [rows for rows, _ in logs]
    return concatenate(tables), logs.reports


def same(a: ChannelWindows, b: ChannelWindows) -> bool:
    """Whether two tables hold the same rows in the same order."""
    columns = ("client", "server", "port", "transport", "basis", "wide", "narrow")
    return a.names == b.names and all(np.array_equal(getattr(a, name), getattr(b, name)) for name in columns)
