"""What the mutators of files and dialogues start from: one sound sample of each format at least."""

from __future__ import annotations

import bz2
import functools
import gzip
import json
import lzma
from collections.abc import Callable
from io import BytesIO
from typing import Any

import lz4.frame
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from backports import zstd

from detector.records import UDP, PowerWindows
from detector.windows import parquet, power
from tests.detector.dissectors import (
    test_beam,
    test_carriers,
    test_cryptonote,
    test_dissector_http,
    test_dns,
    test_ethproxy,
    test_getwork,
    test_grin_and_relatives,
    test_management,
    test_nervos_and_duino,
    test_openings,
    test_stratum,
    test_stratumv2,
)
from tests.detector.dissectors.dialogue import Piece
from tests.detector.telemetry import (
    test_dsmr,
    test_green_button,
    test_jobs_list,
    test_logs,
    test_mqtt,
    test_prometheus,
)
from tests.detector.windows.test_parquet import made, same
from tests.fuzz.seeds import ROOT

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstd.compress,
    "lz4": lz4.frame.compress,
    "bzip2": bz2.compress,
    "xz": lambda data: lzma.compress(data, preset=0),
}
JOBS = test_jobs_list.REAL.encode()
_TIMES = ("1767225600", "2026-01-01T00:00:00Z")
_TURBOSTAT = (
    "usec\tTime_Of_Day_Seconds\tPkgWatt\tRAMWatt\n0\t1767225600.1\t51.2\t3.1\n0\t1767225605.1\t52\t3\n"
)


def dialogues() -> list[list[Piece]]:
    """Every conversation that the dissectors' own tests name, carriers and management included."""
    modules = (
        test_beam, test_carriers, test_cryptonote, test_ethproxy, test_getwork, test_grin_and_relatives,
        test_nervos_and_duino, test_stratum, test_stratumv2,
    )  # fmt: skip
    found = [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, list) and value and all(isinstance(item, Piece) for item in value)
    ]
    ask, told = test_dissector_http.POST, (test_management.PLAIN, test_management.COMPACT)
    return [
        *found,
        *_openings(),
        [Piece(True, ask)],
        *([Piece(True, b"summary"), Piece(False, text)] for text in told),
    ]


def _openings() -> list[list[Piece]]:
    """What names a connection: both sides of a handshake, look-ups over UDP and TCP."""
    answer = test_dns.response(
        "xmr.pool.example", (5, test_dns.spelled("pool.example")), (1, b"\xcb\0\x71\5")
    )
    return [
        [
            Piece(True, test_openings.CLIENT, opening=True),
            Piece(False, test_openings.SERVER, opening=True),
        ],
        [Piece(False, answer, transport=UDP, opening=True)],
        [Piece(False, len(answer).to_bytes(2) + answer, opening=True)],
    ]


def head(name: str, size: int = 4_000) -> bytes:
    """The beginning of a file of sample_data, unpacked."""
    return _unpacked(name)[:size]


@functools.cache
def _unpacked(name: str) -> bytes:
    data = (ROOT / "sample_data" / name).read_bytes()
    return gzip.decompress(data) if name.endswith(".gz") else data


def power_logs() -> list[bytes]:
    """Power readings in every format that is read from a file."""
    feed = test_green_button
    entries = feed.reading_type(1, **feed.WH, uom=72) + feed.meter(1, 1) + feed.block(1, [100, 250, 90])
    telegram = test_dsmr.telegram("260101120000W") + test_dsmr.telegram("260101120010W")
    told = (("tele/rig/SENSOR", test_mqtt.TASMOTA), ("shelly-a1/status/switch:0", test_mqtt.SHELLY))
    plugs = [f"{1_700_000_000 + i}.25 {topic} {json.dumps(what)}\n" for i, (topic, what) in enumerate(told)]
    rapl = [test_logs.RAPL.format(time=_TIMES[i], package=5 + i, memory=9 * i) for i in range(2)]
    answer = test_prometheus.matrix(
        ({"__name__": "DCGM_FI_DEV_POWER_USAGE", "gpu": "0"}, ["250", "260", "1"])
    )
    logs = [
        *(test_logs.DCMI.format(second, "activated") for second in (1, 11)),
        *(f"{time}\n{test_logs.DCMI.format(0, 'activated')}" for time in _TIMES),
        test_logs.SDR.format(0) + test_logs.SDR.format(1),
        test_logs.FREEIPMI.format(1, "active") + test_logs.FREEIPMI.format(11, "active"),
        "".join(rapl),
        _TURBOSTAT,
        "".join(plugs),
        answer,
        feed.FEED.format(entries),
    ]  # fmt: skip
    times = np.datetime64("2026-01-01", "s") + 60 * np.arange(40)
    readings = pa.table({"time": times, "meter": ["a", "b"] * 20, "watts": np.arange(40) * 1.5})
    return [
        head("node-day.csv"),
        head("meter-month.csv.gz"),
        gzip.compress(head("node-day.csv")),
        telegram,
        telegram.replace(b"!", b"!\r\n"),
        *(log.encode() for log in logs),
        *_parquet(readings),
    ]


def window_tables() -> list[bytes]:
    """Window tables as `minewatch extract` writes them."""
    n = 4
    windows = PowerWindows(
        meters=["m", "n"],
        meter=np.arange(n) % 2,
        window_ns=np.arange(n) * 300 * 10**9,
        window_s=np.full(n, 300.0),
        columns=np.random.default_rng(1).random((n, len(power.COLUMNS))),
    )
    channels = parquet.channels_to_arrow(made(n, 1), "a.pcap", same)
    return [*_parquet(channels), *_parquet(parquet.power_to_arrow(windows, "p.csv"))]


def _parquet(table: Any) -> list[bytes]:
    found = []
    for compression in ("none", "zstd"):
        out = BytesIO()
        pq.write_table(table, out, compression=compression, row_group_size=20)
        found.append(out.getvalue())
    return found
