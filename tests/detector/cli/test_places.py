"""Where results may not go: refused in one line, before anything is read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from detector.cli import main
from tests.detector.cli.test_bad_inputs import needs_model, pcap
from training import labelled
from training.commands import train

TABLE = "time,meter,watts\n2026-01-01T00:00:00Z,m,5\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in: a capture under several names, a folder with another, readings, lists."""
    monkeypatch.chdir(tmp_path)
    Path("a.pcap").write_bytes(pcap())
    Path("hard").hardlink_to("a.pcap")
    Path("soft").symlink_to("a.pcap")
    Path("loop").symlink_to("loop")
    Path("ring").mkdir()
    Path("ring/b.pcap").write_bytes(pcap(packets=30))
    Path("power.parquet").write_text(TABLE)
    Path("assets.csv").write_text("asset\nx\n")
    Path("file").write_text("mine")
    return tmp_path


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line that the command ends with; nothing in the folder has changed."""
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    assert main(words) == 2
    out, error = capsys.readouterr()
    assert out == "" and "Traceback" not in error and len(error.splitlines()) == 1, error
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before
    return error.strip()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("score a.pcap --output a.pcap", "a.pcap: it is an input, too"),
        ("score a.pcap --output ./a.pcap", "./a.pcap: it is the input a.pcap"),
        ("score a.pcap --report soft", "soft: it is the input a.pcap"),
        ("score soft --rollup hard", "hard: it is the input soft"),
        ("score *.pcap --output hard", "hard: it is the input a.pcap"),
        ("score ring --output ring/b.pcap", "ring/b.pcap: it is an input, too"),
        ("score a.pcap --power power.parquet --output power.parquet", "power.parquet: it is an input"),
        ("score a.pcap --assets assets.csv --report assets.csv", "assets.csv: it is an input"),
        ("score a.pcap --model ring --rollup ring/b.pcap", "ring/b.pcap: it is an input"),
        ("score a.pcap --output x --report ./x", "./x: named for two results, --output and --report"),
        ("score a.pcap --report -", "--report needs a file; one of this name is ./-"),
        ("score a.pcap --rollup -", "--rollup needs a file; one of this name is ./-"),
        ("score a.pcap --output loop", "loop: is a link that leads to itself"),
        ("score a.pcap --output no/x", "no/x: there is no folder"),
        ("score a.pcap --output ring", "ring: is a folder; name a file in it"),
        ("extract power.parquet --output .", "./power.parquet: it is the input power.parquet"),
        ("extract a.pcap --output file", "file: is a file; name a folder"),
        ("extract a.pcap --output file/x", "is no folder"),
        ("extract a.pcap --output -", "a folder is needed; one of this name is ./-"),
        ("monitor --once --follow a.pcap --output soft", "soft: it is the input a.pcap"),
        ("monitor --once --follow a.pcap --output -", "--output needs a file"),
        ("evaluate default assets.csv --output assets.csv", "assets.csv: it is an input"),
        ("demo --report -", "--report needs a file"),
    ],
)
def test_a_result_that_would_replace_an_input_or_cannot_be_written(
    words: str, told: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told in refused(capsys, *words.split())


@needs_model
@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--output a.zip", "a.zip: it is the input"),
        ("--output no/x.zip", "no/x.zip: there is no folder"),
        ("--output file/x", "is no folder"),
        ("--output new --sign file", "file: no private key"),
        ("--output new --sign none", "none: No such file"),
    ],
)
def test_train_refuses_before_it_reads(
    words: str, told: str, here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labelled, "read", lambda *_: pytest.fail("a source was read"))
    monkeypatch.setattr(train, "_loaded", lambda _: None)  # else a.zip is refused since it is no bundle
    Path("a.zip").symlink_to("a.pcap")
    rows = "a.pcap,10.0.0.1,,,mining,a\nring,*,,,benign,b\n"
    Path("LABELS.csv").write_text("source,host,start,end,label,group\n" + rows)
    assert told in refused(capsys, "train", "LABELS.csv", *words.split())


@needs_model
def test_every_source_is_looked_at_before_the_first_is_read(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labelled, "read", lambda *_: pytest.fail("a source was read"))
    rows = "a.pcap,10.0.0.1,,,mining,a\nfile,*,,,benign,b\nassets.csv,*,,,benign,b\nfile,x,,,benign,b\n"
    Path("LABELS.csv").write_text("source,host,start,end,label,group\n" + rows)
    Path("assets.csv").write_bytes(b"")
    assert main(["train", "LABELS.csv", "--output", "new"]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert "LABELS.csv, line 3: " in first and "LABELS.csv, line 4: " in second and "empty file" in second


@needs_model
def test_results_beside_the_inputs_are_no_inputs(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):  # the second run finds the results of the first
        words = [
            "--output",
            "ring/f.csv",
            "--format",
            "csv",
            "--report",
            "ring/r.html",
            "--rollup",
            "ring/o.csv",
        ]
        assert main(["score", "ring", *words]) == 0
    assert Path("ring/f.csv").read_text().startswith("host,") and "10.0.0.1" in Path("ring/f.csv").read_text()


@needs_model
def test_a_dash_is_standard_output(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", "a.pcap", "--output", "-", "--format", "csv"]) == 0
    assert capsys.readouterr().out.startswith("host,") and not Path("-").exists()


def test_standard_output_that_leads_into_an_input(here: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    before = Path("a.pcap").read_bytes()
    with Path("a.pcap").open("ab") as end:
        ran = subprocess.run(
            [sys.executable, "-m", "detector", "score", "a.pcap"],
            stdout=end, stderr=subprocess.PIPE, env=environment, timeout=60, check=False, text=True,
        )  # fmt: skip
    assert ran.returncode == 2 and "standard output: it is the input a.pcap" in ran.stderr
    assert Path("a.pcap").read_bytes() == before
