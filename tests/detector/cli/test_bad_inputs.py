"""What users and attackers hand over: each bad input is one line, status 2, and costs the others nothing."""

import gzip
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from detector.bundle import DEFAULT
from detector.cli import main

needs_model = pytest.mark.skipif(not DEFAULT.exists(), reason="the default model is not built: make model")
pytestmark = needs_model
HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
COMMAND = [sys.executable, "-m", "detector"]
CSV = "time,meter,watts\n"


def record(second: int, frame: bytes, claimed: int | None = None) -> bytes:
    """A record of a pcap file, which may claim to be longer than it is."""
    n = len(frame) if claimed is None else claimed
    return struct.pack("<IIII", second, 0, n, n) + frame


def frame(up: bool, number: int) -> bytes:
    """An Ethernet frame with a TCP segment between a host and a server."""
    home, away = bytes([10, 0, 0, 1]), bytes([203, 0, 113, 9])
    ends, ports = ((home, away), (40000, 443)) if up else ((away, home), (443, 40000))
    tcp = struct.pack(">HHIIBBHHH", *ports, number, 1, 5 << 4, 24, 65535, 0, 0) + b"x"
    return (
        bytes(12)
        + b"\x08\x00"
        + struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, *ends)
        + tcp
    )


def pcap(start: int = 1_772_445_600, packets: int = 20) -> bytes:
    """A capture with a packet each second."""
    return HEADER + b"".join(record(start + i, frame(i % 2 == 0, i)) for i in range(packets))


def block(kind: int, body: bytes) -> bytes:
    """A block of a pcapng file (pcapng, section 3.1)."""
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def pcapng() -> bytes:
    """A section, an interface, and one packet."""
    head = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)) + block(
        1, struct.pack("<HHI", 1, 0, 0)
    )
    one = frame(True, 1)
    return head + block(6, struct.pack("<IIIII", 0, 0x60000, 0, len(one), len(one)) + one)


def rows(cell: str, n: int = 300) -> str:
    """A table of readings, one a minute; `{i}` in the cell is the row's number."""
    times = (f"2026-01-01T{i // 60:02}:{i % 60:02}:00Z" for i in range(n))
    return CSV + "".join(f"{time},m1,{cell.format(i=i)}\n" for i, time in enumerate(times))


BAD: dict[str, tuple[bytes, str]] = {  # name -> (content, what the line says)
    "empty": (b"", "empty file"),
    "byte": (b"\xd4", "neither a capture"),
    "header.pcap": (pcap()[:15], "cut short in its header (offset 15)"),
    "record.pcap": (pcap()[:-5], "cut short in a record"),
    "block.pcapng": (pcapng()[:-9], "cut short in a record"),
    "huge.pcap": (
        HEADER + record(1, b"x" * 60, 0xFFFF_FFF0),
        "impossible record of 4294967280 bytes (offset 24)",
    ),
    "magic.pcap": (b"\xd4\xc3\xb2\xa2" + pcap()[4:], "neither a capture"),
    "half.pcap.gz": (gzip.compress(pcap(packets=500))[:-300], "gzip data cut short"),
    "two.gz": (b"\x1f\x8b", "gzip data cut short"),
    "nothing.gz": (gzip.compress(b""), "empty file, packed as gzip"),
    "damaged.gz": (b"\x1f\x8b\x08\x00" + b"\xff" * 60, "damaged gzip data"),
    "matryoshka.gz": (gzip.compress(gzip.compress(pcap())), "gzip again; unpack it once first"),
    "words.txt": (b"hello\nthere\n", "neither a capture"),
    "page.html": (b"<!DOCTYPE html>\n<p>a, b</p>\n", "HTML or XML"),
    "list.json": (b'{"a": 1, "b": 2}\n', "JSON"),
    "paper.pdf": (b"%PDF-1.7\n1 0 obj", "a PDF"),
    "zeros.parquet": (b"PAR1" + bytes(99), "the Parquet file is damaged"),
    "nan.csv": (rows("NaN").encode(), "600 x value missing".replace("600", "300")),
    "formula.csv": (rows("=1+{i}").encode(), "300 x value not a number"),
    "huge.csv": (rows("1e308").encode(), "300 x above 1e9 W"),
    "unit.csv": (rows("{i}").replace("watts", "value").encode(), "has no unit"),
    "years.csv": (
        (CSV + "1970-01-01T00:00:00Z,m,5\n2106-01-01T00:00:00Z,m,5\n").encode(),
        "before 1980 or after",
    ),
    "quote.csv": ((CSV + '2026-01-01T00:00:00Z,"m,5\n').encode(), "1 x quoted cell without an end"),
    "nul.csv": ((CSV + "2026-01-01T00:00:00Z,m\0,5\n").encode(), "neither a capture"),
    "new\nline\x1b[31m.pcap": (b"garbage", "neither a capture"),
}


def told(error: str) -> list[str]:
    """The lines that name a problem."""
    assert "Traceback" not in error
    lines = [line for line in error.splitlines() if line.startswith("minewatch")]
    return [line for line in lines if "nothing else lost" not in line]


@pytest.mark.parametrize("command", ["score", "extract", "monitor"])
def test_each_bad_file_is_one_line_and_the_good_one_is_still_read(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "good.pcap").write_bytes(pcap())
    for name, (content, _) in BAD.items():
        (tmp_path / name).write_bytes(content)
    paths = [str(tmp_path / name) for name in (*BAD, "good.pcap")]
    words = {
        "score": ["score", *paths, "--format", "jsonl"],
        "extract": ["extract", *paths, "--output", str(tmp_path / "out")],
        "monitor": ["monitor", "--once", *(word for path in paths for word in ("--follow", path))],
    }[command]
    assert main(words) == 2
    out, error = capsys.readouterr()
    lines = told(error)
    for name, (_, what) in BAD.items():
        shown = name.replace("\n", "\\n").replace("\x1b", "\\x1b")
        about = [line for line in lines if f"{shown}:" in line]
        assert len(about) == 1 and what in about[0], (name, about)
    assert len(lines) == len(BAD)
    if command == "score":
        assert "10.0.0.1" in {json.loads(line)["host"] for line in out.splitlines()}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("header.pcap", HEADER),
        ("random.pcap", HEADER + b"".join(record(i, bytes([i * 7 % 256] * 60)) for i in range(500))),
        ("1970.pcap", pcap(start=0)),
        ("2106.pcap", pcap(start=2**32 - 30)),
        ("negative.csv", rows("-{i}.5").encode()),
        ("formula.csv", rows("{i}").replace(",m1,", ",=cmd|' /c calc'!A1,").encode()),
        ("one.csv", rows("100", 1).encode()),
        ("utf16.csv", rows("{i}").encode("utf-16")),
        (os.fsdecode(b"latin-\xff.pcap"), pcap()),
    ],
)
def test_what_is_odd_but_whole_is_no_error(
    name: str, content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes(content)
    for form in ("table", "json", "csv"):
        assert main(["score", str(tmp_path / name), "--format", form]) == 0
        out, error = capsys.readouterr()
        assert told(error) == []
        assert "\n=cmd" not in out


def test_places_that_are_no_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "note.txt").write_text("hello")
    names = [str(tmp_path / name) for name in ("a", "nowhere", "folder", "absent")]
    assert main(["score", *names, "/dev/null", "--power", "/dev/zero"]) == 2
    lines = told(capsys.readouterr().err)
    said = ("symbolic links", "nowhere: no such file", "folder: no captures", "absent: no such file")
    said += ("/dev/null: a device", "/dev/zero: a device")
    assert len(lines) == len(said)
    for what in said:
        assert any(what in line for line in lines), (what, lines)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, start, piece in (
        ("a.gz", HEADER, bytes(1 << 20)),
        ("b.gz", CSV.encode(), rows("1", 1)[17:].encode() * 40_000),
    ):
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        packed = [packer.compress(start), *(packer.compress(piece) for _ in range(120)), packer.flush()]
        (tmp_path / name).write_bytes(b"".join(packed))
    assert main(["score", str(tmp_path / "a.gz"), str(tmp_path / "b.gz")]) == 2
    lines = told(capsys.readouterr().err)
    assert len(lines) == 2 and all("gzip data unpacks more than" in line for line in lines)


def test_times_with_and_without_a_zone_are_not_mixed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = rows("{i}").splitlines(keepends=True)
    mixed = [line.replace("Z", "") if i % 2 else line for i, line in enumerate(table)]
    (tmp_path / "mixed.csv").write_text("".join(mixed))
    assert main(["score", str(tmp_path / "mixed.csv")]) == 0
    assert "150 left out (zone unlike the first row's (with, without) 150)" in capsys.readouterr().err


WRONG_ASSETS = {
    "asset,ipp\na,1.2.3.4\n": "line 1: unknown column 'ipp'; did you mean 'ip'?",
    "ip\n1.2.3.4\n": "line 1: no column 'asset'",
    "asset,ip\na,nonsense\n": "line 2: 'nonsense' does not appear to be",
    "asset,contract_kw\na,nan\n": "line 2: contract_kw 'nan' is no number of kW",
    "asset,allowed_mining\na,maybe\n": "line 2: allowed_mining 'maybe'",
    'asset,ip\n"a,1.2.3.4\n': "line 2: unexpected end of data",
    "asset,ip\na,1.2.3.4,b\n": "line 2: more cells than the header",
    "asset,ip\na,1.2.3.4\nb,1.2.3.4\n": "line 3: 1.2.3.4 belongs to 'a' already",
    "asset\n\udcff\n": "line 2: not UTF-8 text",
}
WRONG_SETTINGS = {
    "[metre]\n": "unknown key 'metre'; did you mean 'meter'?",
    "[meter]\nwindow_s = 'x'\n": "[meter] window_s must be a whole number from 1 to 3 600, not 'x'",
    "[meter]\nwindow_s = 0\n": "[meter] window_s must be a whole number from 1 to 3 600, not 0",
    "[meter]\nwindow_s = -5\n": "[meter] window_s must be a whole number from 1 to 3 600, not -5",
    "[meter]\nwindow_s = 1e30\n": "[meter] window_s must be a whole number from 1 to 3 600, not 1e+30",
    "[meter]\nwindow_s = nan\n": "[meter] window_s must be a whole number from 1 to 3 600, not nan",
    f"[meter]\nwindow_s = {10**30}\n": "[meter] window_s must be a whole number from 1 to 3 600, not 1000",
    f"[meter]\nwindow_s = {'9' * 5000}\n": "a number is longer than any setting",
    f"[meter]\nmax_connections = {10**12}\n": "max_connections must be a whole number from 64 to 50 000 000",
    f"[findings]\nco2e_kg_per_kwh = {10**400}\n": "co2e_kg_per_kwh must be a number from 0 to 100, not 10000",
    "[findings]\nco2e_kg_per_kwh = nan\n": "co2e_kg_per_kwh must be a number from 0 to 100, not nan",
    "[windows]\npower_fast_s = 3601\n": "power_fast_s (3601) must not be above power_slow_s (3600)",
    "[findings]\nhome_networks = ['zz']\n": "'zz' is no network",
    "[meter\n": "Expected ']'",
}


@pytest.mark.parametrize(
    ("option", "content", "what"),
    [("--assets", *item) for item in WRONG_ASSETS.items()]
    + [("--config", *item) for item in WRONG_SETTINGS.items()],
)
def test_mistakes_in_maps_and_settings(
    option: str, content: str, what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "good.pcap").write_bytes(pcap())
    (tmp_path / "wrong").write_bytes(content.encode(errors="surrogateescape"))
    assert main(["score", str(tmp_path / "good.pcap"), option, str(tmp_path / "wrong")]) == 2
    out, error = capsys.readouterr()
    assert out == "" and len(told(error)) == 1 and what in error


def test_a_map_without_an_end_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", "x", "--assets", "/dev/zero"]) == 2
    assert "/dev/zero: larger than 64 MiB" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["nonsense", "", "10.0.0.1/99"])
def test_a_network_that_is_none(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", "x.pcap", "--home-net", word]) == 2
    assert f"{word!r} is no network" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("words", [["--output", "/dev/full"], ["--report", "/dev/full"]])
def test_a_full_disk_is_named(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "good.pcap").write_bytes(pcap())
    assert main(["score", str(tmp_path / "good.pcap"), *words]) == 2
    assert told(capsys.readouterr().err) == ["minewatch: score: /dev/full: No space left on device"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_the_monitor_names_a_full_disk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "good.pcap").write_bytes(pcap())
    words = ["monitor", "--once", "--follow", str(tmp_path / "good.pcap"), "--output", "/dev/full"]
    assert main(words) == 2
    assert told(capsys.readouterr().err) == ["minewatch: monitor: /dev/full: No space left on device"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("words", [["--help"], ["model", "show"], ["score", "good.pcap"]])
def test_standard_output_that_is_full_or_closed(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "good.pcap").write_bytes(pcap())
    quoted = " ".join([*COMMAND, *words])
    ran = subprocess.run(
        f"{quoted} >/dev/full; echo $?; {quoted} >&-; echo $?; {quoted} 2>&- | head -c 1 >/dev/null; echo $?",
        shell=True, check=False, cwd=tmp_path, capture_output=True, text=True, timeout=60, env=_environment(),
    )  # fmt: skip
    assert ran.stdout.split() == ["2", "0", "0"]
    assert "standard output: No space left on device" in told(ran.stderr)[0]


@pytest.mark.skipif(not shutil.which("setpriv") and os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read(tmp_path: Path) -> None:
    names = ("a.pcap", "b.csv", "c.pcap", "good.pcap")
    (tmp_path / "folder").mkdir()
    for place, content in zip(names, (pcap(), rows("{i}").encode(), pcap(), pcap()), strict=True):
        (tmp_path / place).write_bytes(content)
    for place in ("a.pcap", "b.csv", "folder"):
        (tmp_path / place).chmod(0)
    drop = "-dac_override,-dac_read_search"
    root = ["setpriv", "--inh-caps", drop, "--bounding-set", drop] if os.geteuid() == 0 else []
    ran = subprocess.run(
        [*root, *COMMAND, "score", ".", "--power", "b.csv", "--format", "jsonl"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, env=_environment(), check=False,
    )  # fmt: skip
    (tmp_path / "folder").chmod(0o700)
    said = told(ran.stderr)
    assert ran.returncode == 2 and json.loads(ran.stdout)["host"] == "10.0.0.1"
    assert sorted(said) == [
        f"minewatch: {name}: permission denied" for name in ("./folder", "a.pcap", "b.csv")
    ]


def test_interrupted_it_tells_what_it_knows(tmp_path: Path) -> None:
    (tmp_path / "good.pcap").write_bytes(pcap(packets=40))
    os.mkfifo(tmp_path / "endless")
    running = subprocess.Popen(
        [*COMMAND, "score", "good.pcap", "endless", "--format", "jsonl"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=_environment(),
    )  # fmt: skip
    with (tmp_path / "endless").open("wb") as pipe:  # opens when it is being read
        pipe.write(pcap(packets=4000))  # more than a pipe holds: some of it has been judged
        pipe.flush()
        running.send_signal(signal.SIGINT)
        out, error = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "interrupted" in error and "Traceback" not in error
    assert {json.loads(line)["host"] for line in out.splitlines()} == {"10.0.0.1"}


def _environment() -> dict[str, str]:
    """Where the package is, for a process that starts elsewhere."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
