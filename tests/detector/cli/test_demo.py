"""`minewatch demo`: says what is right and wrong, and is not ashamed of it."""

import io
from pathlib import Path

import pytest

from detector import pipeline
from detector.cli import demo, main
from detector.cli.demo import Truth, compare
from detector.records import Verdict
from tests.detector.sinks.samples import MODEL, clear, mining, source

TRUTH = [
    Truth("10.20.0.23", "mining", "XMRig in the clear"),
    Truth("10.20.0.57", "mining", "speaks TLS"),
    Truth("ws-023", "mining", "the same host, by its power"),
    Truth("10.20.0.40", "look-alike", "a full node"),
    Truth("10.20.0.41", "look-alike", "JSON-RPC"),
    Truth("10.20.0.100", "benign", "staff"),
    Truth("10.20.0.101", "benign", "staff"),
    Truth("10.20.0.9", "benign", "never seen"),
]


def test_right_and_wrong() -> None:
    findings = [
        mining(host="10.20.0.23"),
        clear("10.20.0.57"),
        mining(host="10.20.0.40"),
        clear("10.20.0.41", verdict=Verdict.SUSPICIOUS),
        clear("10.20.0.100"),
        clear("10.20.0.101"),
    ]
    stream = io.StringIO()
    compare(TRUTH, findings, {"ws-023": "10.20.0.23"}, stream)
    assert stream.getvalue() == (
        "\nheld against the truth:\n"
        "  right  10.20.0.23   mining     called mining     XMRig in the clear\n"
        "  WRONG  10.20.0.57   mining     called clear      speaks TLS\n"
        "  right  ws-023       mining     called mining     the same host, by its power\n"
        "  WRONG  10.20.0.40   look-alike called mining     a full node\n"
        "  right  10.20.0.41   look-alike called suspicious JSON-RPC\n"
        "  WRONG  10.20.0.9    benign     was not seen      never seen\n"
        "  right  2 ordinary ones, none called mining\n"
        "5 of 8 right\n"
    )


@pytest.fixture
def samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "samples"
    folder.mkdir()
    (folder / "truth.csv").write_text("host,label,note\n10.20.0.23,mining,XMRig\n10.20.0.57,mining,TLS\n")
    (folder / "assets.csv").write_text("asset,ip,node\nws-023,10.20.0.23,ws-023\n")
    for name in ("campus-hour.pcapng", "node-day.csv", "meter-month.csv.gz", "README.md"):
        (folder / name).touch()
    monkeypatch.setattr(demo, "FOLDERS", (tmp_path / "not here", folder))
    monkeypatch.chdir(tmp_path)
    return folder


def test_it_scores_all_samples_and_ends_well_even_when_wrong(
    samples: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[pipeline.Request] = []

    def score(request: pipeline.Request, progress: object = None) -> pipeline.Result:
        asked.append(request)
        return pipeline.Result([mining(), clear("10.20.0.57")], [source()], [], MODEL)

    monkeypatch.setattr(pipeline, "score", score)
    assert main(["demo"]) == 0
    told = capsys.readouterr().out
    assert asked[0].paths == (str(samples / "campus-hour.pcapng"),)
    assert asked[0].power == (str(samples / "node-day.csv"), str(samples / "meter-month.csv.gz"))
    assert asked[0].assets == str(samples / "assets.csv")
    assert "WRONG  10.20.0.57" in told and "1 of 2 right" in told
    assert "report: minewatch-demo.html" in told
    assert Path("minewatch-demo.html").read_text().startswith("<!DOCTYPE html>")


def test_without_samples_it_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "FOLDERS", (tmp_path,))
    assert main(["demo"]) == 2
    assert "no samples in" in capsys.readouterr().err
