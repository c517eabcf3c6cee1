"""`minewatch score` and `extract` fed by pipes, as a shell does it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from backports import zstd

from detector.bundle import DEFAULT
from tests.detector.cli.test_bad_inputs import pcap, rows

pytestmark = pytest.mark.skipif(not DEFAULT.exists(), reason="the default model is not built: make model")
RUN = f"{sys.executable} -m detector"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}


def shell(command: str, folder: Path, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, capture_output=True, text=True, timeout=90, check=False,
        env=ENVIRONMENT, stdin=subprocess.DEVNULL, **options,
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    data = pcap(packets=60)
    (tmp_path / "a.pcap").write_bytes(data)
    (tmp_path / "a.zst").write_bytes(zstd.compress(data))
    (tmp_path / "p.csv").write_text(rows("{i}"))
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        "cat a.pcap | {} score -",
        "cat a.zst | {} score /dev/stdin",
        "{} score - < a.zst",
        "{} score <(cat a.zst) --jobs 2",
        "mkfifo named; cat a.pcap > named & {} score named",
    ],
)
def test_a_pipe_scores_as_the_file(words: str, folder: Path) -> None:
    plain = shell(f"{RUN} score a.pcap --format jsonl", folder)
    piped = shell(words.format(RUN) + " --format jsonl", folder)
    assert (piped.returncode, plain.returncode) == (0, 0), piped.stderr
    (one,), (two,) = ([json.loads(line) for line in ran.stdout.splitlines()] for ran in (plain, piped))
    one["quality"].pop("sources")
    two["quality"].pop("sources")
    assert one == two


@pytest.mark.parametrize("words", ["--power <(cat p.csv)", "--power - < p.csv", "<(gzip -c p.csv)"])
def test_readings_come_through_pipes(words: str, folder: Path) -> None:
    ran = shell(f"{RUN} score --format jsonl {words}", folder)
    assert ran.returncode == 0, ran.stderr
    assert [json.loads(line)["host"] for line in ran.stdout.splitlines()] == ["m1"]


def test_extract_reads_pipes(folder: Path) -> None:
    ran = shell(f"cat a.zst | {RUN} extract - --power <(cat p.csv) --output out", folder)
    assert ran.returncode == 0, ran.stderr
    assert {path.name for path in (folder / "out").iterdir()} == {"channels.parquet", "power.parquet"}


@pytest.mark.parametrize("content", ["", "GIF89a", "text"])
def test_nothing_useful_on_standard_input_is_one_line(content: str, folder: Path) -> None:
    ran = shell(f"printf '%s' '{content}' | {RUN} score -", folder)
    assert ran.returncode == 2 and "Traceback" not in ran.stderr
    assert sum("/dev/stdin: " in line for line in ran.stderr.splitlines()) == 1


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_tells_of_windows_that_are_not_over(jobs: str, tmp_path: Path) -> None:
    running = subprocess.Popen(
        [*RUN.split(), "score", "-", "--format", "jsonl", "--jobs", jobs],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT,
    )  # fmt: skip
    assert running.stdin
    data = pcap(packets=4000)
    running.stdin.write(data)  # more than a pipe holds: most of it has been read
    running.stdin.flush()
    running.send_signal(signal.SIGINT)
    out, error = running.communicate(timeout=60)
    assert running.returncode == 130, error
    (line,) = out.splitlines()
    assert json.loads(line)["host"] == "10.0.0.1" and b"Traceback" not in error
