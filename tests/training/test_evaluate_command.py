"""`minewatch evaluate`: labels held against findings, by hand and on what this project simulates."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from detector.bundle import DEFAULT
from detector.cli import main
from detector.records import Finding, Verdict
from training import hostwise, hostwise_text, metrics
from training.commands.train import identity_of
from training.labels import Label
from training.simulation import scenario

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "sample_data"
DAY = hostwise.DAY_NS
HERE = Path("/labels")
bundled = pytest.mark.skipif(not DEFAULT.exists(), reason="the default model is not built: make model")
Capsys = pytest.CaptureFixture[str]


def label(host: str, mining: bool, line: int = 2, **more: Any) -> Label:
    values = {"start_ns": None, "end_ns": None, "group": "g", "coin": None, "variant": None, "weight": 1.0}
    source = HERE / "a.pcap"
    return Label(
        **values | {"source": source, "power_source": None} | more, host=host, mining=mining, line=line
    )


def finding(host: str, verdict: str, score: float | None = 0.5, days: float = 2.0) -> Finding:
    return Finding(host, "ip", score, Verdict(verdict), first_ns=0, last_ns=int(days * DAY))


def held(labels: list[Label], findings: list[Finding], **more: Any) -> hostwise.Hosts:
    hosts = hostwise.Hosts()
    hosts.hold(labels, findings, HERE, **more)
    return hosts


def test_found_missed_and_false_by_hand() -> None:
    """3 miners: mining, suspicious, undecided; 4 benign: mining, suspicious, clear, undecided."""
    verdicts = ["mining", "suspicious", "undecided", "mining", "suspicious", "clear", "undecided"]
    findings = [finding(f"h{i}", verdict) for i, verdict in enumerate(verdicts)]
    told = hostwise.document(held([label(f"h{i}", i < 3) for i in range(7)], findings))
    assert told["overall"]["mining"]["recall"] == metrics.clopper_pearson(1, 3).document()
    assert told["overall"]["suspicious"]["recall"] == metrics.clopper_pearson(2, 3).document()
    assert told["overall"]["mining"]["false_alarms"] == metrics.clopper_pearson(1, 3).document()
    assert told["overall"]["suspicious"]["false_alarms"] == metrics.clopper_pearson(2, 3).document()
    assert told["overall"]["undecided"] == {"mining": 1, "benign": 1}
    assert told["benign_host_days"] == 6.0  # of the three that could be judged
    alarms = told["false_alarms_per_1000_host_days"]["mining"]
    assert alarms == metrics.per_thousand_host_days(1, 6.0).document()
    assert [one["host"] for one in told["wrong"]] == ["h1", "h2", "h3", "h4"]


def test_brier_and_reliability_by_hand() -> None:
    findings = [
        finding("a", "mining", 1.0),
        finding("b", "clear", 0.1),
        finding("c", "clear", 0.14),
        finding("d", "undecided", None),
    ]
    labels = [label("a", True), label("b", False), label("c", True), label("d", True)]
    told = hostwise.document(held(labels, findings))["calibration"]
    assert told["n"] == 3
    assert told["brier"] == pytest.approx((0.0 + 0.01 + 0.86**2) / 3)
    full = {i: one for i, one in enumerate(told["bins"]) if one["mean"] is not None}
    assert set(full) == {1, 9}  # a score of 1 belongs to the last bin
    assert (full[1]["mean"], full[1]["mining"]["count"], full[1]["mining"]["n"]) == (
        pytest.approx(0.12),
        1,
        2,
    )


def test_what_labels_say_only_of_a_part_is_listed_and_not_counted() -> None:
    labels = [
        label("cut", False, end_ns=DAY),
        label("both", False, end_ns=DAY),
        label("both", True, start_ns=DAY),
        label("wide", True, start_ns=0, end_ns=3 * DAY),
        label("later", True, start_ns=9 * DAY),
        label("absent", True, 7),
    ]
    seen = ("cut", "both", "wide", "later", "stranger")
    hosts = held(labels, [finding(host, "mining") for host in seen])
    assert [one.host for one in hosts.counted] == ["wide"]
    assert [one["host"] for one in hosts.partly] == ["cut", "both", "later"]
    assert hosts.unseen == [{"line": 7, "source": "a.pcap", "host": "absent"}]
    assert hosts.unlabelled == 1


def test_every_host_of_a_source_and_one_by_name() -> None:
    hosts = held([label("*", False), label("b", True)], [finding("a", "clear"), finding("b", "mining")])
    assert [(one.host, one.label.mining) for one in hosts.counted] == [("a", False), ("b", True)]
    assert held([label("*", False, 3)], []).unseen[0]["host"] == "*"


def test_a_meter_is_told_with_its_host() -> None:
    hosts = held([label("node-7", True)], [finding("10.0.0.7", "mining")], joined={"node-7": "10.0.0.7"})
    assert [one.host for one in hosts.counted] == ["10.0.0.7"]
    assert not hosts.unseen


def test_by_what_the_labels_say() -> None:
    labels = [label("a", True, coin="XMR"), label("b", True, group="h"), label("c", False)]
    findings = [finding("a", "mining"), finding("b", "clear"), finding("c", "clear")]
    told = hostwise.document(held(labels, findings))["by"]
    assert set(told["group"]) == {"g", "h"} and set(told["coin"]) == {"XMR", "-"}
    assert set(told["source"]) == {"a.pcap"} and told["variant"] == {}
    assert told["group"]["h"]["mining"]["recall"]["count"] == 0


def test_hostile_names_are_shown_escaped() -> None:
    document = hostwise.document(
        held([label("a\x1b[2J", True, group="\u202eg")], [finding("a\x1b[2J", "clear")])
    )
    model = {"id": "m\x07", "digest": "ab" * 32}
    beside = {"model": model, "labels": "L.csv", "seen_in_training": True}
    text = "\n".join(hostwise_text.lines(beside | document))
    assert text.replace("\n", "").isprintable()
    assert "TRAINED ON THESE LABELS" in text


@bundled
def test_the_samples(capsys: Capsys) -> None:
    assert main(["evaluate", "default", str(SAMPLES / "LABELS.csv"), "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["schema"], told["seen_in_training"]) == ("minewatch.evaluation/1", False)
    assert told["hosts"] == {"counted": 42, "mining": 5, "benign": 37, "simulated": 42, "unlabelled": 3}
    campus = told["by"]["source"]["campus-hour.pcap.gz"]["mining"]
    assert (campus["recall"]["count"], campus["recall"]["n"]) == (2, 2)
    assert told["overall"]["mining"]["false_alarms"]["count"] == 0
    assert 334 < told["benign_host_days"] < 336  # 11 months of 30 days, 5 days, 21 hosts of an hour
    assert (told["not_counted"], told["not_seen"]) == ([], [])


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    list(scenario.run("mixed-corpus", folder, 7, count=12))
    return folder


@bundled
def test_a_simulated_corpus_as_a_person_reads_it(corpus: Path, capsys: Capsys) -> None:
    assert main(["evaluate", "default", str(corpus / "LABELS.csv")]) == 0
    told = capsys.readouterr().out
    for words in (
        "12 labelled hosts counted: 6 mining, 6 benign",
        "12 of them SIMULATED",
        "Brier",
    ):
        assert words in told, words
    assert "TRAINED ON" not in told
    assert max(map(len, told.splitlines())) < 200


@bundled
def test_an_unreadable_source_keeps_nothing_else_back(corpus: Path, tmp_path: Path, capsys: Capsys) -> None:
    bad = tmp_path / "bad.pcap"
    bad.write_bytes(b"\xd4\xc3\xb2\xa1short")
    good = next(corpus.glob("*.pcap"))
    rows = f"source,host,start,end,label,group\n{bad},*,,,benign,g\n{good},*,,,benign,g\n"
    (tmp_path / "LABELS.csv").write_text(rows)
    target = tmp_path / "out.json"
    words = ["evaluate", "default", str(tmp_path / "LABELS.csv"), "--format", "json", "--output", str(target)]
    assert main(words) == 2
    assert capsys.readouterr().err.count("bad.pcap") == 1
    told = json.loads(target.read_text())
    assert told["hosts"]["benign"] > 0 and told["hosts"]["mining"] == 0  # labels of one class will do
    assert told["not_seen"] == [{"line": 2, "source": "bad.pcap", "host": "*"}]


MISTAKEN: list[tuple[Callable[[Path], list[str]], str]] = [
    (lambda folder: ["default", str(folder / "none.csv")], "no such file"),
    (lambda folder: [str(folder), str(SAMPLES / "LABELS.csv")], "not a model bundle"),
    (lambda folder: ["default", str(SAMPLES / "LABELS.csv"), "--assets", str(folder / "no.csv")], "no.csv"),
]


@bundled
@pytest.mark.parametrize(("words", "told"), MISTAKEN)
def test_mistakes_of_use(
    words: Callable[[Path], list[str]], told: str, tmp_path: Path, capsys: Capsys
) -> None:
    assert main(["evaluate", *words(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert told in error and len(error.splitlines()) == 1


def test_mistakes_in_labels_are_a_line_each(tmp_path: Path, capsys: Capsys) -> None:
    path = tmp_path / "LABELS.csv"
    path.write_text("source,host,start,end,label,group\n.,*,,,minning,g\nnone,*,,,benign,g\n")
    assert main(["evaluate", "default", str(path)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [("line 2" in lines[0]), ("line 3" in lines[1]), len(lines)] == [True, True, 2]


@bundled
def test_nothing_seen_is_said(corpus: Path, tmp_path: Path, capsys: Capsys) -> None:
    path = tmp_path / "LABELS.csv"
    capture = next(corpus.glob("*.pcap"))
    path.write_text(f"source,host,start,end,label,group\n{capture},198.51.100.250,,,mining,g\n")
    assert main(["evaluate", "default", str(path)]) == 2
    out, error = capsys.readouterr()
    assert "line 2: 198.51.100.250" in out and "nothing is measured" in error


def test_a_bundle_is_known_by_its_labels(tmp_path: Path) -> None:
    path = tmp_path / "LABELS.csv"
    path.write_text("one")
    first = identity_of(path)
    path.write_text("two")
    assert first.startswith("trained-") and first != identity_of(path)
