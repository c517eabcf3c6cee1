"""How fast flow logs become rows: `python -m benchmarks.flow_logs [RECORDS]`, each format in a fresh process.

Half of the records are of a channel and window of their own, as in a conn.log of a campus.  The peer
reads the same file and makes nothing of it: pandas a table of the TSV, Python's json the lines.
CPU time, best of three, in turn.
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

RECORDS = 300_000
ROUNDS = 3
_START_S = 1_772_323_200
_FIELDS = (
    "ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "service", "duration",
    "orig_bytes", "resp_bytes", "conn_state", "local_orig", "local_resp", "missed_bytes", "history",
    "orig_pkts", "orig_ip_bytes", "resp_pkts", "resp_ip_bytes", "tunnel_parents",
)  # fmt: skip
_PEERS = {
    "conn.log": "import pandas; print(len(pandas.read_csv({path!r}, sep='\\t', comment='#', header=None)))",
    "conn.json": "import json; print(sum(1 for line in open({path!r}) if json.loads(line)))",
    "eve.json": "import json; print(sum(1 for line in open({path!r}) if json.loads(line)))",
}
_OURS = (
    "from detector.flowlogs import FlowLogs; from detector.settings import Settings;"
    "logs = FlowLogs([{path!r}], Settings()); print(sum(len(table) for table, _ in logs))"
)
_Ends = tuple[str, int, str, int, float, int]
"""Client, its port, server, its port, start, packets."""


def ends(n: int) -> Iterator[_Ends]:
    """n records of 50 000 clients; every other one comes again in the same window."""
    for i in range(n):
        k = i // 2
        client = f"10.{k % 4}.{k % 200}.{k % 250}"
        server = f"203.0.{k % 113}.{k % 99}"
        yield client, 40_000 + i % 20_000, server, (443, 80, 53, 3333)[k % 4], _START_S + k * 0.02, 1 + k % 50


def conn(one: _Ends) -> str:
    client, client_port, server, port, start, n = one
    cells = (f"{start:.6f}", "CYfHyC1", client, client_port, server, port, "tcp", "-", "12.345678", 512, 2048)
    counts = ("SF", "T", "F", 0, "ShADadFf", n, 60 * n, n, 100 * n, "(empty)")
    return "\t".join(map(str, cells + counts))


def conn_json(one: _Ends) -> str:
    values = [
        float(v) if name in ("ts", "duration") else v
        for name, v in zip(_FIELDS, conn(one).split("\t"), strict=True)
    ]
    told = dict(zip(_FIELDS, values, strict=True))
    return json.dumps(
        {k: int(v) if isinstance(v, str) and v.isdecimal() else v for k, v in told.items() if v != "-"}
    )


def eve(one: _Ends) -> str:
    client, client_port, server, port, start, n = one
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(start)) + f".{int(start % 1 * 1e6):06d}+0000"
    told = {
        "pkts_toserver": n, "pkts_toclient": n, "bytes_toserver": 60 * n, "bytes_toclient": 100 * n,
        "start": at, "end": at, "age": 0, "state": "closed", "reason": "timeout", "alerted": False,
    }  # fmt: skip
    return json.dumps(
        {
            "timestamp": at, "flow_id": client_port, "in_iface": "eth0", "event_type": "flow",
            "src_ip": client, "src_port": client_port, "dest_ip": server, "dest_port": port, "proto": "TCP",
            "app_proto": "tls", "flow": told, "community_id": "1:sgAwmOPkSWNbIwZAlKOOV8JTJGc=",
            "tcp": {"tcp_flags": "1b", "tcp_flags_ts": "1b", "syn": True, "fin": True, "state": "closed"},
        },
        separators=(",", ":"),
    )  # fmt: skip


def write(folder: Path, n: int) -> list[Path]:
    """One file a format."""
    header = (
        "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n#fields\t"
    )
    makers: dict[str, tuple[str, Callable[[_Ends], str]]] = {
        "conn.log": (header + "\t".join(_FIELDS) + "\n", conn),
        "conn.json": ("", conn_json),
        "eve.json": ("", eve),
    }
    paths = []
    for name, (begin, line) in makers.items():
        path = folder / name
        path.write_text(begin + "".join(line(one) + "\n" for one in ends(n)))
        paths.append(path)
    return [*paths, _netflow(folder / "netflow.v5", n)]


def _netflow(path: Path, n: int) -> Path:
    """30 records a message."""
    record = struct.Struct(">4s4s4sHHLLLLHHBBBBHHBBH")
    with path.open("wb") as file:
        batch: list[bytes] = []
        for client, client_port, server, port, start, packets in ends(n):
            at = int((start - _START_S) * 1_000)
            source, target = (bytes(map(int, text.split("."))) for text in (client, server))
            told = (source, target, bytes(4), 0, 0, packets, 60 * packets, at, at + 5, client_port, port)
            batch.append(record.pack(*told, 0, 27, 6, 0, 0, 0, 0, 0, 0))
            if len(batch) == 30:
                file.write(struct.pack(">HHLLLLBBH", 5, 30, 86_400_000, _START_S + 86_400, 0, 0, 0, 0, 0))
                file.write(b"".join(batch))
                batch = []
    return path


def cpu_s(program: str) -> float:
    """CPU seconds of a fresh Python that runs it."""
    told = "import os; t = os.times(); import sys; sys.stderr.write(f'{t.user + t.system}')"
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\n{told}"], check=True, capture_output=True, text=True
    )
    return float(done.stderr)


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS
    with tempfile.TemporaryDirectory() as folder:
        print(f"{'file':<12}{'records/s':>12}{'peer reads':>12}   CPU time, start and imports included")
        for path in write(Path(folder), n):
            programs = [_OURS.format(path=str(path))]
            programs += [_PEERS[path.name].format(path=str(path))] if path.name in _PEERS else []
            best = [
                min(times)
                for times in zip(*([cpu_s(p) for p in programs] for _ in range(ROUNDS)), strict=True)
            ]
            print(f"{path.name:<12}" + "".join(f"{n / seconds:>12,.0f}" for seconds in best))


if __name__ == "__main__":
    main()
