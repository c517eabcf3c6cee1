"""`minewatch model show|verify`."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from detector.bundle import DEFAULT, BundleError
from detector.cli import main
from detector.model import Bundle

MANIFEST = {
    "id": "default-1",
    "digest": "ab" * 32,
    "created": "2026-11-22",
    "format": 1,
    "libraries": {"minewatch": "0.1.0", "numpy": "2.4"},
    "members": {"channel.npz": "00"},
    "models": {
        "channel": {
            "features": ["a", "b"],
            "schema_digest": "cd" * 32,
            "thresholds": {"mining": 0.912345, "suspicious": 0.5, "novelty": 0.99},
            "metrics": {"average precision": 0.5, "by source": {"nesfit\x1b[2J": {"n": 3}}},
        }
    },
    "training": {"sources": ["one", "two"], "rows": list(range(99))},
}


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(place: str | None = None, trust: object = None) -> SimpleNamespace:
        if place == "bad":
            raise BundleError("bad: channel.npz: changed since the bundle was written")
        return SimpleNamespace(
            id="default-1",
            digest="ab" * 32,
            schema_digest="ef" * 32,
            manifest=MANIFEST,
            card="# Card\nwords\x07\n",
        )

    monkeypatch.setattr(Bundle, "load", load)


def test_show(loaded: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "show", "--card"]) == 0
    told = capsys.readouterr().out
    for words in (
        "id              default-1",
        "made            2026-11-22 with minewatch 0.1.0, numpy 2.4",
        "channel: 2 features",
        "thresholds    mining 0.9123, suspicious 0.5, novelty 0.99",
        "nesfit\\x1b[2J",
        "99 entries",
        "one, two",
        "# Card\nwords\\x07",
    ):
        assert words in told, words


def test_verify_tells_each_bundle(loaded: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "verify", "good", "bad", "good"]) == 2
    out, error = capsys.readouterr()
    assert out.count("good: default-1 is whole: 2 members") == 2
    assert error == "minewatch: bad: channel.npz: changed since the bundle was written\n"


def test_a_folder_that_is_no_bundle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "verify", str(tmp_path)]) == 2
    assert "not a model bundle" in capsys.readouterr().err


@pytest.mark.skipif(not DEFAULT.exists(), reason="the default model is not built: make model")
def test_the_shipped_bundle(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "verify"]) == 0
    assert main(["model", "show"]) == 0
    assert "shipped bundle" in capsys.readouterr().out
