"""`extract` and `score` on real bytes: what is broken is told in one line each, the rest is done."""

import gzip
import json
import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from jsonschema import Draft202012Validator

from detector.bundle import DEFAULT
from detector.cli import main
from detector.findings.evidence import hashed
from detector.privacy import Pseudonyms
from detector.windows.parquet import channels_from_arrow, power_from_arrow

WALLET = "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD"
MINER, POOL = bytes([10, 20, 0, 23]), bytes([203, 0, 113, 5])
needs_model = pytest.mark.skipif(not DEFAULT.exists(), reason="the default model is not built: make model")


def segment(up: bool, number: int, answered: int, flags: int, data: bytes) -> bytes:
    """One Ethernet frame of the miner's connection."""
    source, target = (MINER, POOL) if up else (POOL, MINER)
    ports = (40000, 3333) if up else (3333, 40000)
    tcp = struct.pack(">HHIIBBHHH", *ports, number, answered, 5 << 4, flags, 65535, 0, 0) + data
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, source, target) + tcp
    return bytes(12) + b"\x08\x00" + ip


def frames() -> Iterator[bytes]:
    """A handshake, a login with a wallet, a job, and shares with their answers."""
    login = {
        "id": 1,
        "method": "login",
        "params": {"login": WALLET, "pass": "secret-x", "agent": "XMRig/6.21.0"},
    }
    job = {"blob": "07" * 76, "job_id": "a1", "target": "b88d0600", "algo": "rx/0"}
    said = [
        (True, login),
        (False, {"id": 1, "result": {"id": "s", "job": job, "status": "OK"}, "error": None}),
    ]
    for i in range(2, 8):
        share = {"id": "s", "job_id": "a1", "nonce": "00000000", "result": "00" * 32}
        said.append((True, {"id": i, "method": "submit", "params": share}))
        said.append((False, {"id": i, "error": None, "result": {"status": "OK"}}))
    yield segment(True, 0, 0, 2, b"")
    yield segment(False, 0, 1, 18, b"")
    sent = {True: 1, False: 1}
    for up, message in said:
        data = json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n"
        yield segment(up, sent[up], sent[not up], 24, data)
        sent[up] += len(data)


def capture() -> bytes:
    """A pcap with a packet every 20 s."""
    records = [
        struct.pack("<IIII", 1_772_445_600 + 20 * i, 0, len(frame), len(frame)) + frame
        for i, frame in enumerate(frames())
    ]
    return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + b"".join(records)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Good inputs beside every kind of bad one."""
    (tmp_path / "good.pcap").write_bytes(capture())
    (tmp_path / "good.pcap.gz").write_bytes(gzip.compress(capture()))
    (tmp_path / "empty.pcap").write_bytes(b"")
    (tmp_path / "cut.pcap").write_bytes(capture()[:-7])
    (tmp_path / "huge.pcap").write_bytes(
        capture()[:24] + struct.pack("<IIII", 0, 0, 2**31, 2**31) + bytes(99)
    )
    (tmp_path / "text.pcap").write_text("this is not a capture\n")
    (tmp_path / "torn.pcap.gz").write_bytes(gzip.compress(capture())[:-20])
    rows = "".join(
        f"2026-03-02T{h:02}:{m:02}:00Z,{640 + m % 3}\n" for h in range(24) for m in range(0, 60, 5)
    )
    (tmp_path / "power.csv").write_text("time,watts\n" + rows)
    return tmp_path


BAD = ("empty.pcap", "cut.pcap", "huge.pcap", "text.pcap", "torn.pcap.gz", "absent.pcap")


def test_extract_writes_both_tables_and_no_wallet(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder / "windows"
    paths = [str(folder / name) for name in ("good.pcap", "power.csv")]
    assert main(["extract", *paths, "--output", str(out)]) == 0
    assert "channels.parquet: 2 rows" in capsys.readouterr().err
    channels = channels_from_arrow(pq.read_table(out / "channels.parquet"))
    heard = [facts for facts in channels.facts if facts]
    assert heard[0].dialect == "cryptonote" and heard[0].wallet and heard[0].wallet.startswith("sha256:")
    assert WALLET.encode() not in (out / "channels.parquet").read_bytes()
    assert power_from_arrow(pq.read_table(out / "power.parquet")).meters
    assert sorted(path.name for path in out.iterdir()) == ["channels.parquet", "power.parquet"]


def test_extract_hashes_under_the_sites_key_and_knows_the_sites_pools(folder: Path) -> None:
    (folder / "site.key").write_bytes(b"a key for the tests, 32 bytes...")
    (folder / "pools.txt").write_text("pool.example.net\n")
    told = {}
    for name, words in {"plain": [], "keyed": ["--site-key", str(folder / "site.key")]}.items():
        command = ["extract", str(folder / "good.pcap"), "--output", str(folder / name), "--quiet", *words]
        assert main([*command, "--pools", str(folder / "pools.txt")]) == 0
        channels = channels_from_arrow(pq.read_table(folder / name / "channels.parquet"))
        told[name] = next(facts.wallet for facts in channels.facts if facts)
    assert told["plain"] == hashed(WALLET)
    assert told["keyed"] == Pseudonyms((folder / "site.key").read_bytes()).rehash(hashed(WALLET))
    missing = ["extract", str(folder / "good.pcap"), "--output", str(folder / "no"), "--pools", "absent.txt"]
    assert main(missing) == 2


def test_extract_tells_what_is_broken_and_does_the_rest(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder / "windows"
    paths = [str(folder / name) for name in (*BAD, "good.pcap")]
    assert main(["extract", *paths, "--output", str(out), "--quiet"]) == 2
    told = capsys.readouterr().err.splitlines()
    for name in BAD:
        assert sum(name in line for line in told if line.startswith("minewatch: ")) == 1, (name, told)
    assert told[-1] == "minewatch: 6 unreadable inputs (nothing else lost)"
    sources = pq.read_table(out / "channels.parquet").column("source").to_pylist()
    assert str(folder / "good.pcap") in sources


def test_extract_of_nothing_writes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder / "windows"
    assert main(["extract", str(folder / "empty.pcap"), "--output", str(out)]) == 2
    assert list(out.iterdir()) == []
    assert "empty file" in capsys.readouterr().err


def test_extract_into_a_file_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["extract", str(folder / "good.pcap"), "--output", str(folder / "power.csv")]) == 2
    assert "is a file; name a folder" in capsys.readouterr().err


@needs_model
def test_score_tells_what_is_broken_and_does_the_rest(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [str(folder / name) for name in (*BAD, "good.pcap.gz")]
    assert main(["score", *paths, "--format", "jsonl"]) == 2
    out, error = capsys.readouterr()
    told = {json.loads(line)["host"]: json.loads(line) for line in out.splitlines()}
    assert told["10.20.0.23"]["verdict"] == "mining"
    validator = Draft202012Validator(json.loads((DEFAULT.parent / "finding.schema.json").read_text()))
    for document in told.values():
        validator.validate(document)
    assert WALLET not in out and "secret-x" not in out
    for name in BAD:
        assert sum(name in line for line in error.splitlines() if line.startswith("minewatch: ")) == 1, name


@needs_model
def test_score_of_a_folder_with_report_and_identifiers(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in BAD[:-1]:
        (folder / name).unlink()
    report = folder / "r.html"
    words = ["--report", str(report), "--show-identifiers", "--format", "jsonl", "--fail-on", "mining"]
    assert main(["score", str(folder), *words]) == 1
    out = capsys.readouterr().out
    assert WALLET in out and "secret-x" not in out
    assert "10.20.0.23" in report.read_text()


@needs_model
@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_score_of_a_forbidden_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "good.pcap").chmod(0)
    assert main(["score", str(folder / "good.pcap")]) == 2
    assert "ermission denied" in capsys.readouterr().err
