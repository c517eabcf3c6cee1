"""The rooms joined: the bundled samples against their truth, any mixture of inputs, nothing leaked.

The golden file is what the shipped model says of the samples.  After a change that is meant
to change it:

    python -m tests.detector.test_pipeline
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest

from detector.cluster import SchedulerError
from detector.dissectors.conversation import Conversation
from detector.document import Context, document, spoken
from detector.hosts import NetworkError, read_assets
from detector.model import Bundle
from detector.pipeline import Request, Result, score
from detector.records import Finding, Verdict
from detector.report import write_report
from detector.rollup import of_result, write_rollup
from detector.settings import FindingSettings, Settings
from detector.sinks import SINKS
from detector.text import plain
from tests.detector.kernel.by_hand import MS, S, Talk, pcap

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "sample_data"
CAMPUS, ASSETS = SAMPLES / "campus-hour.pcap.gz", SAMPLES / "assets.csv"
NODES, METERS = SAMPLES / "node-day.csv", SAMPLES / "meter-month.csv.gz"
GOLDEN = ROOT / "tests" / "golden" / "campus-hour.jsonl"
ROUNDED = 0.0011  # of a score that is written with three decimals


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return Bundle.load()


@pytest.fixture(scope="module")
def samples(bundle: Bundle) -> Result:
    """Everything in the folder, as `minewatch score sample_data --assets sample_data/assets.csv`."""
    return score(Request(paths=(str(SAMPLES),), assets=str(ASSETS)), bundle=bundle)


@pytest.fixture(scope="module")
def halves(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The campus hour cut in two; the later half has the earlier name."""
    folder = tmp_path_factory.mktemp("halves")
    data = gzip.decompress(CAMPUS.read_bytes())
    cuts, at = [], 24
    while at < len(data):
        cuts.append(at)
        at += 16 + struct.unpack_from("<I", data, at + 8)[0]
    middle = cuts[len(cuts) // 2]
    names = folder / "a-later.pcap", folder / "b-earlier.pcap"
    names[0].write_bytes(data[:24] + data[middle:])
    names[1].write_bytes(data[:middle])
    return str(names[0]), str(names[1])


def documents(result: Result) -> list[object]:
    return [document(finding, result.model) for finding in result.findings]


def by_host(findings: list[Finding]) -> dict[str, Finding]:
    assert len({finding.host for finding in findings}) == len(findings)
    return {finding.host: finding for finding in findings}


# --- the samples


def test_miners_are_found_and_nobody_else_is_called_mining(samples: Result) -> None:
    found = by_host(samples.findings)
    joined = read_assets(str(ASSETS)).meter_to_ip()
    names = {joined.get(host, host): finding for host, finding in found.items()}
    with (SAMPLES / "truth.csv").open(encoding="utf-8", newline="") as file:
        truth = list(csv.DictReader(file))
    assert sum(row["label"] == "mining" for row in truth) == 3
    for row in truth:
        verdict = names[row["host"]].verdict
        if row["label"] == "mining":
            assert verdict in (Verdict.MINING, Verdict.SUSPICIOUS), row
        else:
            assert verdict is not Verdict.MINING, row
    assert samples.problems == [] and not samples.interrupted


def test_samples_are_counted_in_full(samples: Result) -> None:
    reports = {Path(report.source).name: report for report in samples.sources}
    assert set(reports) == {CAMPUS.name, NODES.name, METERS.name}
    assert reports[CAMPUS.name].packets == reports[CAMPUS.name].decoded > 20_000
    assert all(reports[path.name].readings > 1_000 for path in (NODES, METERS))
    assert samples.notes and "LABELS.csv" in samples.notes[0]
    miner = by_host(samples.findings)["10.20.0.23"]
    assert miner.quality["windows"] == 12  # an hour


def test_a_meter_is_told_with_its_host_and_the_month_by_itself(samples: Result) -> None:
    found = by_host(samples.findings)
    assert found["10.20.0.57"].power_score is not None and found["10.20.0.57"].energy is not None
    assert "gpu-057" not in found
    assert found["M-0412"].kind == "meter" and found["M-0412"].organisation == "Print Shop"


def test_who_is_accused_in_the_samples_is_so_on_a_line_of_evidence(samples: Result) -> None:
    accused = [f for f in samples.findings if f.verdict in (Verdict.MINING, Verdict.SUSPICIOUS)]
    assert accused and all(f.evidence and f.evidence[0].summary for f in accused)


def golden_rows(findings: list[Finding]) -> list[dict[str, object]]:
    rows = []
    for finding in sorted(findings, key=lambda f: f.host):
        coin, dialect = spoken(finding)
        told = None if finding.score is None else round(finding.score, 3)
        verdict = finding.verdict.value
        rows.append(
            {"host": finding.host, "score": told, "verdict": verdict, "dialect": dialect, "coin": coin}
        )
    return rows


def test_the_campus_hour_scores_what_it_did(bundle: Bundle) -> None:
    result = score(Request(paths=(str(CAMPUS),)), bundle=bundle)
    wanted = [json.loads(line) for line in GOLDEN.read_text(encoding="utf-8").splitlines()]
    found = golden_rows(result.findings)
    assert [row["host"] for row in found] == [row["host"] for row in wanted]
    for row, before in zip(found, wanted, strict=True):
        assert row.pop("score") == pytest.approx(before.pop("score"), abs=ROUNDED), row
        assert row == before


# --- inputs in any mixture


def test_two_jobs_find_what_one_finds_to_the_bit(bundle: Bundle, halves: tuple[str, str]) -> None:
    one = score(Request(paths=halves, power=(str(NODES),), assets=str(ASSETS)), bundle=bundle)
    two = score(Request(paths=halves, power=(str(NODES),), assets=str(ASSETS), jobs=2), bundle=bundle)
    assert documents(two) == documents(one)
    assert two.sources == one.sources and two.problems == one.problems


def test_a_capture_in_two_files_is_that_capture(bundle: Bundle, halves: tuple[str, str]) -> None:
    """Files that follow one another in time are one stream, whatever their names: the meter goes on at the
    seam, and windows of the same hour are joined, whichever file they come from."""
    whole = by_host(score(Request(paths=(str(CAMPUS),)), bundle=bundle).findings)
    cut = by_host(score(Request(paths=halves), bundle=bundle).findings)
    assert set(cut) == set(whole)
    for host, finding in whole.items():
        assert cut[host].quality["packets"] == finding.quality["packets"]
        assert (cut[host].first_ns, cut[host].last_ns) == (finding.first_ns, finding.last_ns)
        assert (cut[host].verdict is Verdict.MINING) == (finding.verdict is Verdict.MINING)
    assert cut["10.20.0.23"].quality["sources"] == sorted(halves)
    assert facts_of(cut["10.20.0.23"])["shares"] == facts_of(whole["10.20.0.23"])["shares"]


def facts_of(finding: Finding) -> dict[str, object]:
    return dict(next(e.facts for e in finding.evidence if "dialect" in e.facts))


def test_the_same_twice_is_the_same(bundle: Bundle, samples: Result) -> None:
    again = score(Request(paths=(str(SAMPLES),), assets=str(ASSETS)), bundle=bundle)
    assert documents(again) == documents(samples)


def test_naming_the_files_is_naming_the_folder(bundle: Bundle, samples: Result) -> None:
    files = score(
        Request(paths=(str(METERS), str(CAMPUS)), power=(str(NODES),), assets=str(ASSETS)), bundle=bundle
    )
    assert documents(files) == documents(samples) and files.notes == []


@pytest.mark.parametrize("jobs", [1, 2])
def test_one_bad_input_costs_only_itself(bundle: Bundle, tmp_path: Path, jobs: int) -> None:
    data = gzip.decompress(CAMPUS.read_bytes())
    (tmp_path / "cut.pcap").write_bytes(data[: len(data) // 20])
    (tmp_path / "no.pcap").write_bytes(data[:4] + b"\xff" * 400)
    (tmp_path / "bad.csv").write_text("time,watts\nyesterday,many\n")
    names = ("cut.pcap", "no.pcap", "bad.csv", "missing.pcap")
    paths = (*(str(tmp_path / name) for name in names), str(CAMPUS))
    result = score(Request(paths=paths, jobs=jobs), bundle=bundle)
    for name in names:
        (line,) = [problem for problem in result.problems if name in problem]
        assert "\n" not in line
    assert by_host(result.findings)["10.20.0.23"].verdict is Verdict.MINING
    reports = {Path(report.source).name: report for report in result.sources}
    assert reports["cut.pcap"].packets > 100  # what came before the cut counts


def test_nothing_to_read_is_no_finding(bundle: Bundle, tmp_path: Path) -> None:
    result = score(Request(paths=(str(tmp_path / "none"),)), bundle=bundle)
    assert result.findings == [] and len(result.problems) == 1


def test_ctrl_c_gives_what_is_known_so_far(bundle: Bundle) -> None:
    def interrupt(source: str, done: int, total: int) -> None:
        if done > 600_000:
            raise KeyboardInterrupt

    result = score(Request(paths=(str(CAMPUS),), power=(str(NODES),)), interrupt, bundle)
    assert result.interrupted
    assert all(finding.kind == "ip" for finding in result.findings)


def test_wrong_requests_are_told_before_anything_is_judged(bundle: Bundle) -> None:
    networks = Settings(findings=FindingSettings(home_networks=("10.0.0.0/99",)))
    with pytest.raises(NetworkError, match=r"10\.0\.0\.0/99"):
        score(Request(paths=(str(CAMPUS),), settings=networks), bundle=bundle)
    with pytest.raises(SchedulerError, match="--scheduler"):
        score(Request(paths=(str(CAMPUS),), scheduler="tcp://127.0.0.1:1"), bundle=bundle)


def test_home_networks_decide_who_is_judged(bundle: Bundle) -> None:
    home = Settings(findings=FindingSettings(home_networks=("203.0.113.45/32",)))
    found = by_host(score(Request(paths=(str(CAMPUS),), settings=home), bundle=bundle).findings)
    assert found["10.20.0.23"].verdict is not Verdict.MINING  # its pool is the home end now
    assert "serving 10.20.0.23:3333" in found["203.0.113.45"].evidence[0].summary


# --- power alone


@pytest.mark.parametrize("watts", ["0", "5", "-3", "1e9"])
def test_a_single_reading_and_a_flat_record_are_judged_without_a_crash(
    bundle: Bundle, tmp_path: Path, watts: str
) -> None:
    (tmp_path / "one.csv").write_text(f"time,meter,watts\n2026-03-01T00:00:00Z,a,{watts}\n")
    flat = "".join(f"2026-03-01T{h:02}:{m:02}:00Z,b,{watts}\n" for h in range(3) for m in range(60))
    (tmp_path / "flat.csv").write_text("time,meter,watts\n" + flat)
    result = score(Request(paths=(str(tmp_path),)), bundle=bundle)
    assert result.problems == []
    found = by_host(result.findings)
    assert found["a"].energy is not None and found["a"].energy["kwh"] is None
    assert found["b"].energy is not None
    assert found["b"].energy["kwh"] == pytest.approx(3 * float(watts) / 1000)
    assert all(finding.verdict is not Verdict.MINING for finding in result.findings)
    for finding in result.findings:
        json.dumps(document(finding, result.model), allow_nan=False)


def test_a_feeder_is_balanced_against_its_meters_and_judged_by_that_alone(
    bundle: Bundle, tmp_path: Path
) -> None:
    """Two meters of 1 and 2 kW, and a feeder that delivers 3.2 kW more, over four days of hours."""
    hours = [f"2026-03-0{day}T{h:02}:00:00Z" for day in range(1, 5) for h in range(24)]
    rows = [
        f"{t},{name},{watts + (i % 7) * (name != 'F-7')}\n"
        for i, t in enumerate(hours)
        for name, watts in (("a", 1000), ("b", 2000), ("F-7", 6200 + 2 * (i % 7)))
    ]
    (tmp_path / "m.csv").write_text("time,meter,watts\n" + "".join(rows))
    (tmp_path / "assets.csv").write_text("asset,meter,feeder\nx,a,F-7\ny,b,F-7\n")
    request = Request(paths=(), power=(str(tmp_path / "m.csv"),), assets=str(tmp_path / "assets.csv"))
    found = by_host(score(request, bundle=bundle).findings)
    assert set(found) == {"a", "b", "F-7"} and found["F-7"].kind == "feeder"
    assert found["F-7"].verdict is Verdict.SUSPICIOUS and "3.20 kW" in found["F-7"].why


# --- nothing leaks

WALLET = "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD"
WORKER, PASSWORD, MAIL = "cellar-rig-77", "hunter2-hunter2", "someone@example.org"
DIALOGUES = {
    "cryptonote": [
        {"id": 1, "method": "login", "params": {
            "login": f"{WALLET}.{WORKER}+25000:{MAIL}", "pass": PASSWORD, "agent": "XMRig/6.21.0",
            "rigid": WORKER}},
        {"id": 1, "result": {"id": "s", "job": {
            "blob": "07" * 76, "job_id": "a1", "target": "b88d0600", "algo": "rx/0"}, "status": "OK"}},
    ],
    "stratum": [
        {"id": 1, "method": "mining.subscribe", "params": ["cgminer/4.12", None]},
        {"id": 1, "result": [[["mining.notify", "a"]], "08000002", 4], "error": None},
        {"id": 2, "method": "mining.authorize", "params": [f"{WALLET}.{WORKER}", PASSWORD]},
        {"id": 2, "result": True, "error": None},
        {"id": None, "method": "mining.notify", "params": ["b", "00" * 32, "01", "02", [], "20000000",
                                                            "1c2ac4af", "504e86b9", True]},
        {"id": 4, "method": "mining.submit", "params": [f"{WALLET}.{WORKER}", "b", "00000001", "504e86ed",
                                                        "b2957c02"]},
        {"id": 4, "result": True, "error": None},
    ],
    "ethproxy": [
        {"id": 1, "method": "eth_submitLogin", "worker": WORKER,
         "params": [f"0x{'ab' * 20}.{WORKER}", PASSWORD]},
        {"id": 1, "result": True},
        {"id": 2, "method": "eth_getWork", "params": []},
        {"id": 2, "result": ["0x" + "11" * 32, "0x" + "22" * 32, "0x" + "33" * 32]},
        {"id": 3, "method": "eth_submitWork",
         "params": ["0x" + "1" * 16, "0x" + "11" * 32, "0x" + "44" * 32]},
        {"id": 3, "result": True},
    ],
}  # fmt: skip


def dialogue(name: str) -> bytes:
    """A capture of the dialogue: who has a method is the client, except for work that is pushed."""
    talk = Talk().open()
    for i, message in enumerate(DIALOGUES[name]):
        up = "method" in message and message["method"] != "mining.notify"
        talk.say((i + 1) * 20 * S + i * MS, up, json.dumps(message).encode() + b"\n")
    return pcap(talk.frames, nano=True)


@pytest.mark.skipif(shutil.which("tshark") is None, reason="no tshark on this machine")
def test_deep_adds_facts_and_moves_no_score(bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(dialogue("cryptonote"))
    plainly, deeply = (score(Request(paths=(str(path),), deep=deep), bundle=bundle) for deep in (False, True))
    assert deeply.problems == []
    assert [f.score for f in deeply.findings] == [f.score for f in plainly.findings]
    assert "deep" in facts_of(deeply.findings[0]) and "deep" not in facts_of(plainly.findings[0])


def everything_told(result: Result, folder: Path) -> str:
    """What every sink, the report and the roll-up say."""
    out = io.StringIO()
    context = Context(model=result.model, width=200)
    for sink in SINKS:
        sink.write(result.findings, out, context)
    rollup = of_result(result, 0.473)
    write_report(folder / "report.html", result, context, rollup)
    write_rollup(folder / "rollup.json", rollup)
    write_rollup(folder / "rollup.csv", rollup)
    files = [(folder / name).read_text("utf-8") for name in ("report.html", "rollup.json", "rollup.csv")]
    text = out.getvalue() + "".join(files)
    return text + repr([plain(vars_of(finding)) for finding in result.findings]) + repr(result.sources)


def vars_of(finding: Finding) -> dict[str, object]:
    return {name: getattr(finding, name) for name in finding.__slots__}


@pytest.mark.parametrize("name", DIALOGUES)
@pytest.mark.parametrize("show", [False, True])
def test_no_wallet_worker_or_password_in_any_output(
    bundle: Bundle, tmp_path: Path, name: str, show: bool
) -> None:
    (tmp_path / "a.pcap").write_bytes(dialogue(name))
    settings = Settings(findings=FindingSettings(show_identifiers=show))
    result = score(Request(paths=(str(tmp_path / "a.pcap"),), settings=settings), bundle=bundle)
    facts = facts_of(result.findings[0])
    assert facts["dialect"] == name and facts["wallet"]
    text = everything_told(result, tmp_path)
    assert PASSWORD not in text and MAIL not in text and "25000" not in text
    for secret in (WALLET[:20], "ab" * 20, WORKER):
        assert (secret in text) <= show, secret
    assert str(facts["wallet"]).startswith("sha256:") != show


def test_the_wallet_of_the_sample_is_in_no_output(samples: Result, tmp_path: Path) -> None:
    logins = re.findall(rb'"login": ?"([^"]+)"', gzip.decompress(CAMPUS.read_bytes()))
    wallets = {login.decode().split(".")[0] for login in logins}
    assert wallets and all(len(wallet) > 30 for wallet in wallets)
    text = everything_told(samples, tmp_path)
    assert "sha256:" in text
    for wallet in wallets:
        assert wallet[:16] not in text


def test_a_mistake_of_ours_costs_one_capture(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dissector that fails on one conversation: the line names the file, and the others are scored."""
    read = Conversation.read

    def failing(self: Conversation, data: bytes, **about: Any) -> Any:
        if b"planted" in bytes(data):
            raise RuntimeError(data)
        return read(self, data, **about)

    monkeypatch.setattr(Conversation, "read", failing)
    talk = Talk().open().say(S, True, b'{"id":1,"method":"mining.subscribe","params":["planted"]}\n')
    (tmp_path / "bad.pcap").write_bytes(pcap(talk.frames))
    shutil.copy(CAMPUS, tmp_path)
    found = score(Request(paths=(str(tmp_path),)), bundle=bundle)
    bad = tmp_path / "bad.pcap"
    assert [problem for problem in found.problems if str(bad) in problem] == found.problems
    assert "a mistake in minewatch, please report it: RuntimeError at test_pipeline.py:" in found.problems[0]
    assert "planted" not in "".join(found.problems)
    assert (found.findings[0].host, found.findings[0].verdict) == ("10.20.0.23", Verdict.MINING)


if __name__ == "__main__":
    told = golden_rows(score(Request(paths=(str(CAMPUS),))).findings)
    GOLDEN.write_text("".join(json.dumps(row) + "\n" for row in told), encoding="utf-8")
