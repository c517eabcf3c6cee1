"""The monitor: the scores of `score`, in order, nothing lost, stopped cleanly.  Real processes."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.cli import main
from detector.features import channel, fusion, power
from detector.kernel import layout
from detector.metering import channel_windows
from detector.monitor import Stop, load
from detector.monitor.changes import Changes
from detector.monitor.holdback import ENDED, NOT_KNOWN, HoldBack
from detector.monitor.journal import Journal
from detector.monitor.plan import MonitorSettings, Plan, watching
from detector.monitor.sources import FollowedSource, opens
from detector.records import ChannelWindows, Evidence, Finding, Readings, SourceReport, Verdict
from detector.settings import MeterSettings, Settings, SettingsError
from detector.telemetry.follow import KEPT_DAYS, Tail, joined
from detector.text import plural
from detector.windows.channel import concatenate, empty, in_order
from tests.detector.cli.test_bad_inputs import pcap as plain_capture
from tests.detector.kernel.by_hand import SERVER, START, S, canonical, ether, pcap, tcp
from training import export
from training.fit import FitSettings, fit_model

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "sample_data"
WINDOW = 300 * S


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small model of noise: what it says matters less than that two commands say the same."""
    small = FitSettings(trees=12, leaves=6, min_leaf=10, forest_trees=8, forest_samples=32, folds=3)

    def entry(names: tuple[str, ...], seed: int) -> Any:
        rng = np.random.default_rng(seed)
        labels = rng.random(300) < 0.5
        values = rng.normal(size=(300, len(names))) * rng.choice([0.01, 1.0, 100.0], size=len(names))
        values[:, :4] += 2.0 * labels[:, None]
        values[rng.random(values.shape) < 0.1] = np.nan
        groups = [f"{label}{i % 6}" for i, label in enumerate(labels)]
        return fit_model(values, labels, groups, names, seed=5, settings=small).entry()

    kinds = {"channel": channel.NAMES, "power": power.NAMES, "fusion": fusion.NAMES}
    path = tmp_path_factory.mktemp("model") / "bundle"
    entries = {kind: entry(names, seed) for seed, (kind, names) in enumerate(kinds.items())}
    export.save_bundle(
        path, entries, identity="noise", created="2026-11-22", card="# noise\n", training_data=[]
    )
    return str(path)


@pytest.fixture(scope="module")
def campus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample hour, unpacked (simulated traffic)."""
    packed = SAMPLES / "campus-hour.pcap.gz"
    if not packed.exists():
        pytest.skip("sample_data is not made yet")
    path = tmp_path_factory.mktemp("campus") / "campus.pcap"
    path.write_bytes(gzip.decompress(packed.read_bytes()))
    return path


def documents(path: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """The last line on each host."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return {(line["kind"], line["host"]): line for line in lines}


def scored(tmp_path: Path, bundle: str, *words: object) -> dict[tuple[str, str], dict[str, Any]]:
    output = tmp_path / "scored.jsonl"
    command = ["score", *map(str, words), "--model", bundle, "--format", "jsonl", "--output", str(output)]
    assert main([*command, "--quiet"]) == 0
    return documents(output)


SCORES = ("score", "verdict", "network_score", "power_score", "novelty", "contributions")


def assert_same_scores(
    got: dict[tuple[str, str], dict[str, Any]], expected: dict[tuple[str, str], dict[str, Any]]
) -> None:
    assert got.keys() == expected.keys()
    for key, finding in expected.items():
        assert [got[key][name] for name in SCORES] == [finding[name] for name in SCORES], key


# --- order over sources


def table(starts: list[int], port: int) -> ChannelWindows:
    """One row a window; the port tells rows apart."""
    made = empty(len(starts))
    made.wide[:, layout.WINDOW_NS] = np.array(starts) * WINDOW
    made.wide[:, layout.FIRST_NS] = made.wide[:, layout.WINDOW_NS] + 1
    made.port[:] = port
    made.transport[:] = 6
    return made


def told(batch: ChannelWindows) -> tuple[int, tuple[int, ...]]:
    starts = set((batch.wide[:, layout.WINDOW_NS] // WINDOW).tolist())
    assert len(starts) == 1
    return starts.pop(), tuple(sorted(batch.port.tolist()))


runs = st.lists(st.lists(st.integers(5, 12), min_size=1, max_size=4), max_size=5)


@settings(deadline=None)
@given(st.lists(runs, min_size=1, max_size=4))
def test_read_to_their_end_sources_give_the_batches_of_in_order(sources: list[list[list[int]]]) -> None:
    tables = [
        [table(starts, 100 * i + j) for j, starts in enumerate(source)] for i, source in enumerate(sources)
    ]
    expected = [told(batch) for batch in in_order([(WINDOW, iter(source)) for source in tables])]
    hold = HoldBack(len(tables))
    waiting = [iter(source) for source in tables]
    ended = [False] * len(tables)
    got = []
    while True:
        for i, source in enumerate(waiting):
            while not ended[i] and hold.empty(i):
                following = next(source, None)
                ended[i] = following is None
                if following is not None:
                    hold.put(i, following)
        got += [told(batch) for batch in hold.release([ENDED if over else NOT_KNOWN for over in ended])]
        if all(ended) and hold.rows == 0:
            break
    assert got == expected


def test_a_source_is_waited_for_until_its_floor_passes() -> None:
    hold = HoldBack(2)
    hold.put(0, table([5, 6], 1))
    assert [told(b) for b in hold.release([7 * WINDOW, 5 * WINDOW])] == []
    hold.put(1, table([5], 2))
    assert [told(b) for b in hold.release([7 * WINDOW, 6 * WINDOW])] == [(5, (1, 2))]
    assert [told(b) for b in hold.release([7 * WINDOW, 7 * WINDOW])] == [(6, (1,))]
    hold.put(1, table([5], 3))  # late: not lost
    assert [told(b) for b in hold.release([8 * WINDOW, 8 * WINDOW])] == [(5, (3,))]
    assert hold.rows == 0


def test_what_is_held_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.monitor.holdback.MOST_ROWS", 3)
    hold = HoldBack(2)
    hold.put(0, table([5, 6, 7, 8, 9], 1))
    list(hold.release([10 * WINDOW, NOT_KNOWN]))
    assert hold.rows <= 3


def test_opens() -> None:
    meter = MeterSettings(window_s=300, lateness_s=60)
    assert opens(START + 59 * S, meter) == START - WINDOW
    assert opens(START + 60 * S, meter) == START
    assert opens(0, meter) == 0


# --- what is told


def finding(score: float | None, verdict: Verdict = Verdict.CLEAR, *kinds: str, last: int = 1) -> Finding:
    evidence = [Evidence(kind, 1.0, "because") for kind in kinds]
    return Finding("10.0.0.1", "ip", score, verdict, 1, last, evidence=evidence)


@pytest.mark.parametrize(
    ("before", "now", "worth"),
    [
        (finding(0.10), finding(0.10), False),
        (finding(0.10), finding(0.14), False),
        (finding(0.10), finding(0.16), True),
        (finding(0.16), finding(0.10), True),
        (finding(None, Verdict.UNDECIDED), finding(0.01, Verdict.UNDECIDED), True),
        (finding(0.90), finding(0.90, Verdict.MINING), True),
        (finding(0.90, Verdict.MINING, "stratum"), finding(0.90, Verdict.MINING, "stratum", "power"), True),
        (finding(0.90, Verdict.MINING, "stratum", "power"), finding(0.90, Verdict.MINING, "stratum"), False),
        (finding(0.10, last=1), finding(0.10, last=2), False),
    ],
)
def test_what_is_worth_telling(before: Finding, now: Finding, worth: bool) -> None:
    changes = Changes()
    assert [change.before for change in changes.news([before])] == [None]
    assert [change.before for change in changes.news([now])] == [before.verdict] * worth


def test_small_steps_add_up_and_the_last_word_is_exact() -> None:
    changes = Changes()
    changes.news([finding(0.10)])
    steps = [bool(changes.news([finding(score)])) for score in (0.12, 0.14, 0.16)]
    assert steps == [False, False, True]
    assert not changes.news([finding(0.17)])
    assert changes.news([finding(0.17)], final=True)
    assert not changes.news([finding(0.17)], final=True)


def test_journal_appends_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text('{"cut off by a cr')
    for score in (0.1, 0.2):
        journal = Journal(str(path), {"id": "m"})
        journal.append([finding(score)])
        journal.close()
    lines = path.read_text().splitlines()
    assert lines[0] == '{"cut off by a cr'
    assert [json.loads(line)["score"] for line in lines[1:]] == [0.1, 0.2]


# --- settings


def test_plan_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text('[monitor]\nfollow = ["a.pcap"]\nscore_step = 1\n[meter]\nwindow_s = 60\n')
    plan = load(str(path))
    assert plan.monitor.follow == ("a.pcap",)
    assert plan.monitor.score_step == 1.0
    assert plan.settings.meter.window_s == 60


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[monitor]\nfolow = ["x"]\n', r"\[monitor\]: unknown key 'folow'; did you mean 'follow'"),
        ("[moniter]\n", "unknown key 'moniter'; did you mean 'monitor'"),
        ("[meter]\nwindow = 3\n", "unknown key 'window'; did you mean 'window_s'"),
        ('[monitor]\nfollow = "x"\n', "must be a list of texts"),
        ("monitor = 3\n", "must be a table"),
        ("[monitor\n", "site.toml: "),
    ],
)
def test_settings_that_mean_nothing(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=said):
        load(str(path))


def test_nothing_to_watch() -> None:
    with pytest.raises(SettingsError, match="name an --interface"):
        watching(load(None))


# --- the same scores as score


def test_replay_gives_the_scores_of_score(campus: Path, bundle: str, tmp_path: Path) -> None:
    """All hosts, the whole document, traffic and power joined."""
    inputs = ["--power", SAMPLES / "node-day.csv", "--assets", SAMPLES / "assets.csv"]
    expected = scored(tmp_path, bundle, campus, *inputs)
    output = tmp_path / "watched.jsonl"
    command = ["monitor", "--once", "--follow", campus, *inputs, "--model", bundle, "--output", output]
    assert main([str(word) for word in [*command, "--quiet"]]) == 0
    assert len(expected) > 5
    assert documents(output) == expected


def test_replay_of_several_captures_that_overlap(bundle: str, tmp_path: Path) -> None:
    paths = []
    for i, shift in enumerate((0, 200, 900)):
        frames = [(START + (shift + 7 * n) * S, ether(packet)) for n, packet in enumerate(pushes(60, i))]
        paths.append(tmp_path / f"{i}.pcap")
        paths[-1].write_bytes(pcap(frames))
    expected = scored(tmp_path, bundle, *paths)
    output = tmp_path / "watched.jsonl"
    follow = [word for path in paths for word in ("--follow", str(path))]
    assert main(["monitor", "--once", *follow, "--model", bundle, "--output", str(output), "--quiet"]) == 0
    assert_same_scores(documents(output), expected)


def pushes(n: int, host: int = 0) -> Iterator[bytes]:
    """A client and a server that take turns."""
    client, up, down = f"10.0.0.{host + 2}", 100, 500
    for i in range(n):
        payload = b'{"id":%d,"method":"eth_getWork","params":[]}\n' % i if i % 2 else b"x" * (40 + i % 3)
        if i % 2:
            yield tcp(client, 4000, SERVER, 3333, payload, up)
            up += len(payload)
        else:
            yield tcp(SERVER, 3333, client, 4000, payload, down)
            down += len(payload)


# --- processes


def start(*words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "detector", "monitor", *map(str, words)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip


def until(condition: Any, process: subprocess.Popen[str], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    return process.stderr.readline()


def test_file_that_grows_then_sigterm(campus: Path, bundle: str, tmp_path: Path) -> None:
    """Pieces cut anywhere; findings come while it runs; the last word is that of score."""
    data = campus.read_bytes()
    path, output = tmp_path / "grows.pcap", tmp_path / "watched.jsonl"
    process = start("--follow", path, "--model", bundle, "--output", output, "--min-verdict", "clear")
    try:
        assert first_line(process) == f"minewatch: waiting for {path}\n"
        with path.open("wb", buffering=0) as out:
            for i in range(0, len(data), 1 + len(data) // 7):
                out.write(data[i : i + 1 + len(data) // 7])
                time.sleep(0.05)
        until(lambda: output.exists() and output.stat().st_size > 0, process)
        time.sleep(1.2)
        process.send_signal(signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0, stderr
    assert_same_scores(documents(output), scored(tmp_path, bundle, campus))
    assert len(stdout.splitlines()) == len(output.read_text().splitlines())
    assert "Traceback" not in stderr
    assert f"read {plural(rows_packets(data), 'packet')} from 1 source" in stderr


def rows_packets(data: bytes) -> int:
    """Packets of a pcap file, counted by walking its records."""
    n, at = 0, 24
    while at < len(data):
        at += 16 + int.from_bytes(data[at + 8 : at + 12], "little")
        n += 1
    return n


def test_ctrl_c_tells_what_is_known(bundle: str, tmp_path: Path) -> None:
    path, output = tmp_path / "f.pcap", tmp_path / "out.jsonl"
    path.write_bytes(pcap((START + n * S, ether(packet)) for n, packet in enumerate(pushes(40))))
    process = start("--follow", path, "--model", bundle, "--output", output)
    try:
        assert "watching" in first_line(process)
        time.sleep(0.7)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130, stderr
    assert "interrupted; this is what was known" in stderr
    assert documents(output).keys() == {("ip", "10.0.0.2")}  # a window that was still open
    assert "Traceback" not in stderr


def test_power_log_that_grows(bundle: str, tmp_path: Path) -> None:
    lines = (SAMPLES / "node-day.csv").read_bytes().splitlines(keepends=True)
    path, output = tmp_path / "node-day.csv", tmp_path / "out.jsonl"
    path.write_bytes(b"".join(lines[: len(lines) // 2]) + lines[len(lines) // 2][:-3])
    process = start("--power", path, "--model", bundle, "--output", output)
    try:
        until(lambda: output.exists() and output.stat().st_size > 0, process)
        half = documents(output)
        with path.open("ab") as out:
            out.write(lines[len(lines) // 2][-3:] + b"".join(lines[len(lines) // 2 + 1 :]))
        time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0, stderr
    expected = scored(tmp_path, bundle, "--power", path)
    assert half.keys() == expected.keys()
    assert_same_scores(documents(output), expected)


def test_loopback_live(bundle: str, tmp_path: Path) -> None:
    """Through dumpcap's pipe into findings; every packet counted, none lost; SIGTERM."""
    if shutil.which("dumpcap") is None or not can_capture():
        pytest.skip("dumpcap may not capture here")
    output = tmp_path / "out.jsonl"
    process = start("--interface", "lo", "--model", bundle, "--output", output, "--min-verdict", "clear")
    try:
        assert first_line(process) == "minewatch: watching lo\n"
        sent = 3000
        with socket.socket(type=socket.SOCK_DGRAM) as sink, socket.socket(type=socket.SOCK_DGRAM) as out:
            sink.bind(("127.0.0.1", 0))
            for _ in range(sent):
                out.sendto(b"x" * 50, sink.getsockname())
            time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0, stderr
    packets = documents(output)["ip", "127.0.0.1"]["quality"]["packets"]
    assert packets >= sent
    assert "lost" not in stderr


def can_capture() -> bool:
    ran = subprocess.run(
        ["dumpcap", "-q", "-i", "lo", "-a", "duration:1", "-w", os.devnull], capture_output=True, check=False
    )
    return ran.returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--interface", "nosuch0"], "nosuch0: "),
        (["--once", "--interface", "lo"], "--once reads files to their end"),
        ([], "nothing to watch"),
        (["--once", "--follow", "{tmp}/none.pcap"], "none.pcap: no such file"),
        (["--once", "--follow", "{tmp}"], "no captures, flow logs or power readings in this folder (empty)"),
        (["{tmp}/none.toml"], "none.toml: no such file"),
        (["--duration", "soon"], "no number of seconds"),
        (["--follow", "x", "--output", "{tmp}/a/b.jsonl"], "there is no folder"),
        (["--follow", "x", "--folow", "x"], "did you mean '--follow'"),
    ],
)
def test_mistakes_are_one_line_and_status_2(
    words: list[str], said: str, bundle: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    command = ["monitor", *(word.format(tmp=tmp_path) for word in words), "--model", bundle]
    status = main(command)
    captured = capfd.readouterr()
    assert status == 2
    assert said in captured.err
    assert "Traceback" not in captured.err


def test_duration_ends_it(bundle: str, tmp_path: Path) -> None:
    path = tmp_path / "f.pcap"
    path.write_bytes(pcap([]))
    assert main(["monitor", "--follow", str(path), "--duration", "0.2", "--model", bundle, "--quiet"]) == 0


def test_what_waits_for_a_slower_source_is_judged_at_the_end(bundle: str, tmp_path: Path) -> None:
    """One file is an hour ahead of the other, and both are told whole."""
    paths = []
    for i, n in enumerate((30, 900)):
        frames = [(START + 5 * k * S, ether(packet)) for k, packet in enumerate(pushes(n, i))]
        paths.append(tmp_path / f"{i}.pcap")
        paths[-1].write_bytes(pcap(frames))
    output = tmp_path / "watched.jsonl"
    follow = [word for path in paths for word in ("--follow", str(path))]
    words = ["monitor", *follow, "--duration", "0.6", "--model", bundle, "--output", str(output), "--quiet"]
    assert main(words) == 0
    assert_same_scores(documents(output), scored(tmp_path, bundle, *paths))


def test_second_signal_is_not_swallowed() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Stop() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.asked
        assert stop.signal == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


# --- rotation


def everything(source: FollowedSource) -> Iterator[ChannelWindows]:
    source.idle = False
    while not source.idle:
        yield from source.read(0)


def test_a_file_in_the_place_of_another_loses_nothing(tmp_path: Path) -> None:
    frames = [(START + n * 5 * S, ether(packet)) for n, packet in enumerate(pushes(200))]
    path = tmp_path / "ring.pcap"
    source = FollowedSource(str(path), Settings())
    got = list(everything(source))
    for part in (frames[:70], frames[70:130], frames[130:]):
        other = tmp_path / "next"
        other.write_bytes(pcap(part))
        other.replace(path)
        got += everything(source)
    got += source.finish()
    source.close()
    joined_rows = concatenate(got)
    assert source.report.packets == 200
    counted = joined_rows.wide[:, [layout.UP + layout.PACKETS, layout.DOWN + layout.PACKETS]].sum()
    assert int(counted) == 200
    assert sorted(set(joined_rows.wide[:, layout.WINDOW_NS].tolist())) == [
        START + i * WINDOW for i in range(4)
    ]


def test_a_record_that_is_not_whole_waits(tmp_path: Path) -> None:
    frames = [(START + n * 5 * S, ether(packet)) for n, packet in enumerate(pushes(90))]
    data = pcap(frames)
    path = tmp_path / "slow.pcap"
    path.touch()
    source = FollowedSource(str(path), Settings())
    got: list[ChannelWindows] = []
    with path.open("ab", buffering=0) as out:
        for i in range(0, len(data), 97):
            out.write(data[i : i + 97])
            got += everything(source)
    assert len(got) == 1  # the first window left as soon as it was over
    got += source.finish()
    source.close()
    whole = list(channel_windows(str(path), Settings(), "native", SourceReport(str(path))))
    assert sorted(canonical(concatenate(got)), key=repr) == sorted(canonical(concatenate(whole)), key=repr)


def test_what_is_no_capture_is_told_and_its_successor_read(tmp_path: Path) -> None:
    path = tmp_path / "f.pcap"
    path.write_bytes(b"this is text, which is longer than a header\n")
    source = FollowedSource(str(path), Settings())
    assert list(everything(source)) == []
    assert source.report.problem is not None
    assert source.report.problem.startswith(f"{path}: not a capture")
    other = tmp_path / "g"
    other.write_bytes(pcap([(START, ether(packet)) for packet in pushes(3)]))
    other.replace(path)
    list(everything(source))
    assert sum(len(t) for t in source.finish()) == 1
    source.close()


# --- power


def readings(name: str, times: list[int], watts: float) -> Readings:
    n = len(times)
    return Readings([name], np.zeros(n, np.int64), np.array(times) * S, np.full(n, watts), np.array([60.0]))


def test_readings_of_several_files_as_one() -> None:
    day = 86_400
    old = readings("a", [0, 10 * day, 50 * day], 1.0)
    new = readings("a", [50 * day, 51 * day], 2.0)
    other = readings("b", [0, 60], 3.0)
    both = joined([old, other, new])
    assert both.meters == ["a", "b"]
    assert both.time_ns.tolist() == [t * S for t in (10 * day, 50 * day, 51 * day, 0, 60)]
    assert both.watts.tolist() == [1.0, 2.0, 2.0, 3.0, 3.0]  # the later file's word counts
    assert both.interval_s[1] == 60.0
    assert KEPT_DAYS == 45


def test_tail_waits_for_whole_lines_and_remembers_the_file_before(tmp_path: Path) -> None:
    path = tmp_path / "pdu.csv"
    tail = Tail(str(path))
    assert tail.poll() is None
    path.write_text("time,meter,watts\n2026-03-02T00:00:00Z,a,1")
    assert tail.poll() is None
    with path.open("a") as out:
        out.write("00\n2026-03-02T00:01:00Z,a,110\n2026-03-02T00:02:00Z,a,12")
    first = tail.poll()
    assert first is not None
    assert first.watts.tolist() == [100.0, 110.0]
    assert tail.poll() is None
    path.unlink()
    path.write_text("time,meter,watts\n2026-03-02T00:02:00Z,a,120\n2026-03-02T00:03:00Z,a,130\n")
    after = tail.poll()
    assert after is not None
    assert after.watts.tolist() == [100.0, 110.0, 120.0, 130.0]


def test_what_is_named_twice_is_watched_once(tmp_path: Path) -> None:
    capture, log, pipe = tmp_path / "a.pcap", tmp_path / "p.csv", tmp_path / "pipe"
    capture.write_bytes(b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00" + bytes(16))
    log.write_text("time,node,watts\n2026-03-01T00:00:00Z,a,5\n")
    os.mkfifo(pipe)
    (tmp_path / "soft").symlink_to(capture)
    later = tmp_path / "later"
    follow = [capture, tmp_path / "soft", tmp_path / "." / "a.pcap", later, later, pipe]
    monitor = MonitorSettings(follow=tuple(map(str, [*follow, log])), power=(str(log), str(pipe)))
    told = Plan(monitor).sources()
    assert told.captures == [str(capture), str(tmp_path / "later")] and told.power == [str(log)]
    assert told.problems == [f"{pipe}: a pipe; a power log is read again as it grows: a file"]
    assert sorted(told.notes) == sorted(
        [
            f"{tmp_path / 'soft'}: the same file as {capture}; read once",
            f"{capture}: named twice; read once",
            f"{tmp_path / 'later'}: named twice; read once",
            f"{pipe}: named twice; read once",
            f"{log}: named twice; read once",
        ]
    )


def test_standard_input_is_followed_to_its_end(bundle: str) -> None:
    wanted = ["monitor", "--model", bundle, "--min-verdict", "clear", "--follow", "-"]
    ran = subprocess.run(
        [sys.executable, "-m", "detector", *wanted],
        input=plain_capture(), capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 0 and b"read 20 packets from 1 source" in ran.stderr, ran.stderr


def test_tips_are_told_of_the_host_and_move_no_score(tmp_path: Path, bundle: str) -> None:
    tips = tmp_path / "tips.csv"
    tips.write_text("time,host,place,text,source\n2026-03-01,10.20.0.40,,its fans roar,a neighbour\n")
    found = []
    for name, more in (("with", ["--tips", str(tips)]), ("without", [])):
        output = tmp_path / f"{name}.jsonl"
        follow = ["--follow", str(SAMPLES / "campus-hour.pcap.gz"), "--output", str(output)]
        assert main(["monitor", "--once", *follow, *more, "--model", bundle, "--quiet"]) == 0
        found.append({told["host"]: told for told in map(json.loads, output.read_text().splitlines())})
    with_tips, without = found
    assert [tip["source"] for tip in with_tips["10.20.0.40"].pop("tips")] == ["a neighbour"]
    assert with_tips == without


def test_bad_tips_are_one_line(tmp_path: Path, bundle: str, capsys: pytest.CaptureFixture[str]) -> None:
    tips = tmp_path / "tips.csv"
    tips.write_text("time,hostt\n")
    assert main(["monitor", "--once", "--follow", "x", "--tips", str(tips), "--model", bundle]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "tips.csv: line 1: unknown column 'hostt'" in line
