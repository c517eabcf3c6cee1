"""`minewatch score` as a process: exit status, streams, files; the pipeline is a fake with known results."""

import json
import os
import pty
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENT = {k: v for k, v in os.environ.items() if k not in {"NO_COLOR", "COLUMNS", "TERM"}}


def command(scenario: str, *words: str) -> list[str]:
    return [sys.executable, "-m", "tests.detector.cli.fake_pipeline", scenario, *words]


def run(scenario: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: PLW1510  the status is what is tested
        command(scenario, *words),
        cwd=ROOT,
        env=ENVIRONMENT | environment,
        capture_output=True,
        text=True,
        timeout=60,
        errors="replace",
    )


@pytest.mark.parametrize(
    ("scenario", "words", "status"),
    [
        ("mixed", ["a.pcap"], 0),
        ("clear", ["a.pcap", "--fail-on", "mining"], 0),
        ("mixed", ["a.pcap", "--fail-on", "mining"], 1),
        ("mixed", ["a.pcap", "--fail-on", "suspicious"], 1),
        ("allowed", ["a.pcap", "--fail-on", "suspicious"], 0),
        ("partly", ["a.pcap"], 2),
        ("partly", ["a.pcap", "--fail-on", "mining"], 1),
        ("all failed", ["b.pcap"], 2),
        ("empty", ["b.pcap"], 0),
        ("interrupted", ["a.pcap"], 130),
        ("interrupted", ["a.pcap", "--fail-on", "mining"], 130),
        ("interrupted early", ["a.pcap"], 130),
        ("raises", ["a.pcap"], 2),
        ("mixed", [], 2),
        ("mixed", ["a.pcap", "--jobs", "0"], 2),
        ("mixed", ["a.pcap", "--home-net", "10.0.0.0/99"], 2),
        ("mixed", ["a.pcap", "--format", "xml"], 2),
        ("mixed", ["a.pcap", "--config", "no such file"], 2),
        ("mixed", ["a.pcap", "--output", "/no/such/folder/file"], 2),
        ("mixed", ["a.pcap", "--report", "/"], 2),
    ],
)
def test_exit_status_without_traceback(scenario: str, words: list[str], status: int) -> None:
    done = run(scenario, "score", *words)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    if status == 2:
        assert done.stderr.startswith("minewatch")


def test_a_mistake_of_ours_is_not_dressed_up() -> None:
    done = run("bug", "score", "a.pcap")
    assert "Traceback" in done.stderr and "a mistake of ours" in done.stderr


def test_findings_on_stdout_the_rest_on_stderr() -> None:
    done = run("partly", "score", "a.pcap", "--format", "jsonl")
    assert [json.loads(line)["host"] for line in done.stdout.splitlines()] == ["10.20.0.23"]
    assert done.stderr.splitlines() == [
        "minewatch: b.pcap: empty file",
        "minewatch: c.pcap: no such file",
        "read 912 packets from 1 source",
        "minewatch: 2 unreadable inputs (nothing else lost)",
    ]


def test_quiet_is_silent_unless_something_is_wrong() -> None:
    assert run("mixed", "score", "a.pcap", "--quiet").stderr == ""
    assert "empty file" in run("partly", "score", "a.pcap", "--quiet").stderr


def test_empty_output_is_explained() -> None:
    told = run("empty", "score", "b.pcap", "--quiet").stderr
    assert "b.pcap: 912 packets, 0 decoded, left out: link type 147 912" in told


def test_interrupted_prints_what_was_known() -> None:
    done = run("interrupted", "score", "a.pcap")
    assert "10.20.0.23" in done.stdout and "interrupted; this is what was known" in done.stderr


def test_error_of_a_room_is_one_clean_line() -> None:
    done = run("raises", "score", "a.pcap")
    assert done.stderr == (
        "minewatch: score: model/: channel.npz: changed since\\x1b[1m the bundle was written\n"
    )


def test_min_verdict_lists_less_and_counts_all() -> None:
    done = run("mixed", "score", "a.pcap", "--min-verdict", "mining")
    assert "10.20.0.100" not in done.stdout
    assert "3 hosts: 1 mining, 0 suspicious, 1 undecided, 1 clear" in done.stdout
    lines = run(
        "mixed", "score", "a.pcap", "--min-verdict", "undecided", "--format", "jsonl"
    ).stdout.splitlines()
    assert [json.loads(line)["verdict"] for line in lines] == ["mining", "undecided"]


def test_files_are_written(tmp_path: Path) -> None:
    out, report = tmp_path / "out.json", tmp_path / "report.html"
    done = run("mixed", "score", "a.pcap", "--format", "json", "--output", str(out), "--report", str(report))
    assert (done.returncode, done.stdout) == (0, "")
    assert len(json.loads(out.read_text())) == 3
    assert report.read_text().startswith("<!DOCTYPE html>")
    assert sorted(tmp_path.iterdir()) == [out, report]


def test_a_roll_up_and_what_changed_since_the_run_before(tmp_path: Path) -> None:
    before, rollup, report = (tmp_path / name for name in ("before.jsonl", "rollup.json", "report.html"))
    run("clear", "score", "a.pcap", "--format", "jsonl", "--output", str(before))
    words = ["score", "a.pcap", "--previous", str(before), "--min-verdict", "mining"]
    done = run("mixed", *words, "--rollup", str(rollup), "--report", str(report))
    assert done.returncode == 0
    told = json.loads(rollup.read_text())
    assert told["previous"] == "before.jsonl"
    assert told["whole"]["checked"]["all"] == 3  # hidden ones, too
    assert told["whole"]["trend"]["newly_mining"] == {"count": 1, "hosts": ["10.20.0.23"]}
    assert "Newly called mining: 10.20.0.23." in report.read_text()
    done = run("mixed", "score", "a.pcap", "--rollup", str(tmp_path / "rollup.csv"))
    assert (tmp_path / "rollup.csv").read_text().startswith("organisation,checked_all,")


def test_a_previous_run_that_is_none_is_told_before_the_work(tmp_path: Path) -> None:
    seen, before = tmp_path / "seen", tmp_path / "before.jsonl"
    before.write_text("no finding\n")
    done = run("mixed", "score", "a.pcap", "--previous", str(before), REQUEST_SEEN=str(seen))
    assert done.returncode == 2 and "before.jsonl: line 1: no JSON" in done.stderr
    assert not seen.exists()


def test_unwritable_files_are_told_before_the_work(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    done = run("mixed", "score", "a.pcap", "--output", str(tmp_path / "no" / "f"), REQUEST_SEEN=str(seen))
    assert done.returncode == 2 and "there is no folder" in done.stderr
    assert not seen.exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_line() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(  # noqa: PLW1510  the status is what is tested
            command("many", "score", "a"),
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert done.returncode == 2
    assert "No space left on device" in done.stderr and "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_a_reader_that_leaves_early_is_no_error() -> None:
    with subprocess.Popen(
        command("many", "score", "a"), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout and process.stderr
        process.stdout.readline()
        process.stdout.close()
        told = process.stderr.read()
        assert process.wait(timeout=60) == 0
    assert "Broken" not in told and "Traceback" not in told


def test_options_reach_the_pipeline(tmp_path: Path) -> None:
    seen, config = tmp_path / "seen", tmp_path / "c.toml"
    config.write_text("[meter]\nwindow_s = 60\n")
    words = (
        "score a.pcap b.pcap --power p.csv --power q.csv --assets as.csv --home-net 10.1.2.3/8"
        " --home-net fd00::/8 --model m --engine pyshark --deep --jobs 3 --scheduler tcp://h:1"
        f" --show-identifiers --config {config} --power-unit kWh --power-timezone Europe/Oslo"
    ).split()
    assert run("clear", *words, REQUEST_SEEN=str(seen)).returncode == 0
    told = seen.read_text()
    for part in (
        "paths=('a.pcap', 'b.pcap'), power=('p.csv', 'q.csv'), assets='as.csv', model='m', engine='pyshark'",
        "deep=True, jobs=3, scheduler='tcp://h:1'",
        "window_s=60",
        "home_networks=('10.0.0.0/8', 'fd00::/8')",
        "show_identifiers=True",
        "power_unit='kWh', power_timezone='Europe/Oslo'",
    ):
        assert part in told, part


def test_hostile_text_reaches_no_terminal() -> None:
    for form in ("table", "jsonl", "json", "csv"):
        done = run("hostile", "score", "a.pcap", "--format", form, PYTHONIOENCODING="ascii")
        assert done.returncode == 0
        assert all(line.isascii() and line.isprintable() for line in done.stdout.splitlines()), form


@pytest.mark.parametrize(
    ("more", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_colour_on_a_terminal_only(more: dict[str, str], coloured: bool) -> None:
    ours, theirs = pty.openpty()
    environment = ENVIRONMENT | {"TERM": "xterm", "COLUMNS": "100"} | more
    subprocess.run(  # noqa: PLW1510  the status is what is tested
        command("mixed", "score", "a"),
        cwd=ROOT,
        env=environment,
        stdout=theirs,
        stderr=subprocess.PIPE,
        timeout=60,
    )
    os.close(theirs)
    told = os.read(ours, 65536).decode()
    os.close(ours)
    assert ("\x1b[1;31mmining" in told) is coloured


def test_syslog_gets_what_is_listed_beside_standard_output() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(30)
        address = f"udp://127.0.0.1:{receiver.getsockname()[1]}"
        done = run("mixed", "score", "a.pcap", "--min-verdict", "suspicious", "--syslog", address)
        message = receiver.recv(65_536).decode()
        receiver.setblocking(False)
        with pytest.raises(BlockingIOError):
            receiver.recv(1)
    assert done.returncode == 0 and "1 mining" in done.stdout
    assert "CEF:0|minewatch|" in message and "src=10.20.0.23" in message


@pytest.mark.parametrize("address", ["siem.example.org", "tcp://127.0.0.1:1"])
def test_a_syslog_server_that_cannot_be_had_is_one_line(address: str) -> None:
    done = run("mixed", "score", "a.pcap", "--syslog", address)
    assert done.returncode == 2
    assert address in done.stderr and done.stderr.count("minewatch:") == 1 and "Traceback" not in done.stderr


def test_how_identifiers_are_told_reaches_the_settings(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    run("clear", "score", "a.pcap", "--site-key", "site.key", "--pseudonymise", REQUEST_SEEN=str(seen))
    assert "PrivacySettings(site_key='site.key', pseudonymise=True)" in seen.read_text()
    (tmp_path / "s.toml").write_text('[privacy]\nsite_key = "other.key"\npseudonymise = true\n')
    run("clear", "score", "a.pcap", "--config", str(tmp_path / "s.toml"), REQUEST_SEEN=str(seen))
    assert "PrivacySettings(site_key='other.key', pseudonymise=True)" in seen.read_text()
