"""A site moves offset and thresholds and nothing else; thresholds fall only where hosts support it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detector.bundle import DEFAULT
from detector.cli import main
from detector.model import Bundle, Thresholds, sigmoid
from training import recalibration
from training.budget import Budget
from training.drift import WHAT_TO_DO
from training.recalibration import Site

pytestmark = pytest.mark.skipif(not DEFAULT.exists(), reason="the default model is not built: make model")
SAMPLES = Path(__file__).resolve().parents[2] / "sample_data"


@pytest.fixture(scope="module")
def parent() -> Bundle:
    return Bundle.load()


def site(logit: np.ndarray, mining: int = 0) -> Site:
    """Hosts of which the last `mining` are labelled so."""
    labels = np.arange(len(logit)) >= len(logit) - mining
    return Site(logit, np.zeros(len(logit)), labels, np.zeros(len(logit), bool))


def test_prevalence_is_found_from_unlabelled_hosts() -> None:
    """Scores that are calibrated at one half, of a site where 5 % mine."""
    rng = np.random.default_rng(1)
    truth = rng.random(20_000) < 0.05
    logit = np.where(truth, 2.0, -2.0) + rng.normal(0, 2, 20_000)  # log-likelihood ratio of two normals: x
    assert recalibration.prevalence(site(logit), 0.5) == pytest.approx(0.05, abs=0.01)


def test_labelled_hosts_are_fixed_and_none_seen_is_not_never() -> None:
    assert recalibration.prevalence(site(np.full(99, -30.0)), 0.5) == pytest.approx(0.5 / 100)
    mine = site(np.full(10, -30.0), mining=5)
    assert recalibration.prevalence(mine, 0.5) == pytest.approx(5.5 / 11)


def test_trees_are_kept_and_scores_move_by_the_offset(parent: Bundle) -> None:
    model, told = recalibration.recalibrated(parent, site(np.linspace(-6, 0, 200)), Budget())
    moved = told["offset_moved"]
    assert moved < 0 and model.offset == pytest.approx(parent.fusion.offset + moved)
    assert replace(model, offset=parent.fusion.offset, thresholds=parent.fusion.thresholds) == parent.fusion
    assert not told["supported"] and told["smallest_budget"] == pytest.approx(3 / 200, rel=0.02)
    shifted = sigmoid(np.log(parent.fusion.thresholds.mining / (1 - parent.fusion.thresholds.mining)) + moved)
    assert model.thresholds.mining == pytest.approx(float(shifted))  # too few hosts to lower it


def test_thresholds_rise_at_once_and_fall_with_support() -> None:
    old = Thresholds(0.9, 0.6, 0.99)
    ordinary = np.linspace(-8, -4, 5000)
    low = recalibration._thresholds(old, site(ordinary), Budget(), 0.0)
    assert low.mining < 0.05  # 5 000 hosts support 1 in 1 000
    few = recalibration._thresholds(old, site(ordinary[::100]), Budget(), 0.0)
    assert (few.mining, few.suspicious) == pytest.approx((0.9, 0.6))
    loud = recalibration._thresholds(old, site(np.append(ordinary[::100], 4.0)), Budget(), 0.0)
    assert loud.mining > sigmoid(np.float64(4.0)) > 0.9


def test_labelled_miners_that_stay_below_are_told(parent: Bundle) -> None:
    logit = np.append(np.full(50, -5.0), -4.0)
    _, told = recalibration.recalibrated(parent, site(logit, mining=1), Budget())
    assert told["labelled_mining_below_mining"] == 1
    with pytest.raises(recalibration.RecalibrationError):
        recalibration.recalibrated(parent, site(np.zeros(0)), Budget())


def test_the_command_names_the_parent(
    parent: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capture = SAMPLES / "campus-hour.pcap.gz"
    labels = tmp_path / "LABELS.csv"
    labels.write_text(f"source,host,start,end,label,group\n{capture},10.20.0.23,,,mining,site\n")
    words = ["train", str(labels), "--output", str(tmp_path / "site"), "--recalibrate", "default"]
    words += ["--traffic", str(capture), "--created", "2026-11-25"]
    assert main(words) == 0
    out, error = capsys.readouterr()
    assert "log-odds moved by" in out and "cannot promise" in out
    assert "10.20.0.57" in error  # the other miner: not labelled, and no example of a benign host
    made = Bundle.load(tmp_path / "site")
    assert made.manifest["notes"]["parent"] == {"id": parent.id, "digest": parent.digest}
    assert made.channel.arrays().keys() == parent.channel.arrays().keys()
    for name, array in parent.channel.arrays().items():
        np.testing.assert_array_equal(array, made.channel.arrays()[name])
    assert "## Recalibrated" in made.card
    assert main(words) == 2  # never silently over another
    assert main([*words, "--force"]) == 0
    assert Bundle.load(tmp_path / "site").digest == made.digest


def test_traffic_alone_is_enough_as_drift_advises(
    parent: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command that `evaluate --drift` prints, its placeholders filled; without either, one line."""
    advice = WHAT_TO_DO["moved"].partition(": minewatch ")[2]
    capture, output = str(SAMPLES / "campus-hour.pcap.gz"), str(tmp_path / "site")
    filled = {"SITE": output, "BUNDLE": "default", "PATH...": capture}
    assert main([filled.get(word, word) for word in advice.split()]) == 0
    assert "0 labelled mining, 0 benign" in capsys.readouterr().out
    assert Bundle.load(output).manifest["notes"]["parent"]["digest"] == parent.digest
    for rest, told in (
        (["--recalibrate", "default"], "or --traffic of the site"),
        ([], "LABELS.csv is missing"),
    ):
        assert main(["train", "--output", str(tmp_path / "other"), *rest]) == 2
        assert told in capsys.readouterr().err
