"""The sources run as they are, with the results of the extensions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from detector import kernel
from tests.detector.kernel.by_hand import MS, S, Talk, ether, pcap, pcapng, tcp, udp

ROOT = Path(__file__).resolve().parents[3]
DIGEST = """
import hashlib, sys
from detector import kernel
from tests.detector.kernel.by_hand import canonical
from detector.settings import MeterSettings
for path in sys.argv[1:]:
    meter = kernel.Meter(MeterSettings())
    meter.feed(open(path, "rb").read())
    meter.finish()
    said = (meter.counters, meter.problem, meter.payloads(), canonical(meter.windows(True)[0]))
    print(kernel.COMPILED, hashlib.sha256(repr(said).encode()).hexdigest())
"""


def run(paths: list[Path], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", DIGEST, *map(str, paths)],
        env={**os.environ, **environment}, cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip


def made(folder: Path) -> list[Path]:
    """Small captures that touch every corner: TLS, gaps, repeats, IPv6, datagrams, a broken record."""
    talk = Talk().open()
    for i in range(30):
        talk.say(
            i * 7 * S, i % 3 == 0, b'{"method":"mining.notify"}' * (1 + i % 4), shift=(0, 0, -26, 26)[i % 4]
        )
    tls = Talk(40_001, 443).open(MS)
    for i in range(30):
        length = 1 + 37 * i % 300
        tls.say(i * 5 * S + 3, i % 2 == 0, bytes([23, 3, 3]) + length.to_bytes(2, "big") + bytes(length))
    six = [(t, ether(udp("fe80::1", 5353, "ff02::fb", 5353, b"x" * (t % 90)), 0x8100)) for t in range(1, 60)]
    first, second, third = folder / "talk.pcap", folder / "tls.pcapng", folder / "six.pcap"
    first.write_bytes(pcap(talk.frames, order=">", nano=True))
    second.write_bytes(pcapng(tls.frames) + b"\0" * 40)
    third.write_bytes(pcap([*six, (2**60, ether(tcp("::1", 1, "::2", 2)))], snap=80))
    return [first, second, third]


def real() -> list[Path]:
    data = Path(os.environ.get("MINEWATCH_DATA", ROOT.parent / "shared" / "data")) / "net"
    names = (
        "DanieleDeSensi__peafowl/test/pcaps/stratum.pcap",
        "nesfit__DI-cryptominingdetection/PCAPs/eth-eu1.nanopool.org.pcapng",
        "ntop__nDPI/tests/cfgs/default/pcap/mining.pcapng",
    )
    return [data / name for name in names if (data / name).is_file()]


def test_uncompiled_sources_agree_with_the_extensions(tmp_path: Path) -> None:
    if not kernel.COMPILED:
        pytest.skip("no extensions here: nothing to compare")
    paths = made(tmp_path) + real()
    compiled, plain = run(paths), run(paths, MINEWATCH_UNCOMPILED="1")
    assert compiled.stdout.count("True ") == plain.stdout.count("False ") == len(paths)
    assert compiled.stdout.replace("True ", "") == plain.stdout.replace("False ", "")
    assert plain.stderr == ""  # asked for: no warning


def test_missing_extensions_give_one_warning(tmp_path: Path) -> None:
    """A copy of the package without its .so files, as after an install without a compiler."""
    for path in (ROOT / "detector").rglob("*.py"):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    done = subprocess.run(
        [sys.executable, "-c", "from detector import kernel; print(kernel.COMPILED, kernel.__file__)"],
        cwd=tmp_path, env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.startswith(f"False {tmp_path}")
    assert done.stderr.count("\n") == 1
    assert "not compiled" in done.stderr
