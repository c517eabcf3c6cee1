"""The recipe end to end on a tiny corpus: rows, three models, a bundle that scores; the same twice."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detector.features import channel as channel_features
from detector.features import fusion
from detector.model import KINDS, Bundle, sigmoid
from detector.pipeline import Request, score
from detector.records import Vectors, Verdict
from training import build, card, compose, corpora, export, fit, table
from training.build import PowerRows, Recipe
from training.commands.train import FEWEST_HOSTS
from training.dataset import DatasetError
from training.simulation.power_corpus import TIERS

TINY = Recipe(examples=320, power_examples=200, fused_hosts=FEWEST_HOSTS, seed=7, jobs=1)
ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "sample_data" / "campus-hour.pcap.gz"
ANEW = """
import sys
from dataclasses import replace
from pathlib import Path
from tests.training import test_build as told
from training import build

if __name__ == "__main__":
    recipe = replace(told.TINY, jobs=2)
    rows, power = build.simulated_rows(recipe), build.power_rows(recipe, None)
    models = build.fit_all(recipe, rows, power, lambda text: None)
    print(told.save(models, rows, power, Path(sys.argv[1])).digest)
"""
MIRROR = corpora.mirror()
needs_data = pytest.mark.skipif(MIRROR is None, reason="no captures in $MINEWATCH_DATA or ../shared/data")


@pytest.fixture(scope="module")
def rows() -> table.Rows:
    return build.simulated_rows(TINY)


@pytest.fixture(scope="module")
def power() -> PowerRows:
    return build.power_rows(TINY, None)


@pytest.fixture(scope="module")
def models(rows: table.Rows, power: PowerRows) -> dict[str, fit.Fitted]:
    said: list[str] = []
    models = build.fit_all(TINY, rows, power, said.append)
    assert len(said) == 4 and "out of fold" in said[1]
    return models


def save(models: dict[str, fit.Fitted], rows: table.Rows, power: PowerRows, path: Path) -> Bundle:
    data = build.training_data(rows, power)
    return export.save_bundle(
        path,
        {kind: fitted.entry() for kind, fitted in models.items()},
        identity="tiny",
        created="2026-03-01",
        card=card.text("tiny", "2026-03-01", models, data),
        training_data=data,
    )


# --- rows


def test_rows_are_of_both_classes_simulated_and_grouped(rows: table.Rows) -> None:
    assert len(rows) >= TINY.examples // 2
    assert rows.values.shape == (len(rows), len(channel_features.NAMES))
    assert set(rows.label.tolist()) == {0, 1}
    assert rows.simulated.all() and set(rows.source) == {"simulated"}
    assert 100 < len(set(rows.example)) <= TINY.examples
    labels = {}
    for group, label in zip(rows.group, rows.label.tolist(), strict=True):
        assert labels.setdefault(group, label) == label  # a family mines or does not
    assert np.isfinite(rows.values).sum() > rows.values.size / 2


def test_words_are_heard_in_part_of_the_mining_rows_only(rows: table.Rows) -> None:
    mining, benign = rows.dialogue[rows.label == 1].mean(), rows.dialogue[rows.label == 0].mean()
    assert 0.1 < mining < 0.95 and benign < 0.2


def test_selecting_and_joining_rows(rows: table.Rows) -> None:
    keep = np.arange(len(rows)) % 2 == 0
    both = table.concatenate([table.select(rows, keep), table.select(rows, ~keep)])
    order = np.concatenate([np.flatnonzero(keep), np.flatnonzero(~keep)])
    np.testing.assert_array_equal(both.values, rows.values[order])
    assert both.example == [rows.example[i] for i in order]
    assert len(table.concatenate([])) == 0


def test_power_rows_are_of_both_classes_and_tiers(power: PowerRows) -> None:
    assert len(power.label) == TINY.power_examples == len(power.group) == len(power.tier)
    assert 0.2 < power.label.mean() < 0.8 and power.simulated.all()
    assert set(power.tier) == set(TIERS)


# --- models


def test_the_bundle_is_saved_loaded_and_scores(
    models: dict[str, fit.Fitted], rows: table.Rows, power: PowerRows, tmp_path: Path
) -> None:
    saved = save(models, rows, power, tmp_path / "bundle")
    loaded = Bundle.load(tmp_path / "bundle")
    assert loaded.digest == saved.digest and loaded.id == "tiny"
    assert {part["name"] for part in loaded.manifest["training_data"]} == {
        "network/simulated",
        "power/records",
    }
    assert all(part["simulated"] for part in loaded.manifest["training_data"])
    scores = loaded.channel.score(Vectors(channel_features.NAMES, rows.values))
    mining = rows.label == 1
    assert np.median(scores.probability[mining]) > 0.8 > 0.2 > np.median(scores.probability[~mining])
    result = score(Request(paths=(str(SAMPLE),), model=str(tmp_path / "bundle")))
    assert result.model["id"] == "tiny"
    verdicts = {finding.host: finding.verdict for finding in result.findings}
    assert verdicts["10.20.0.23"] in (Verdict.MINING, Verdict.SUSPICIOUS)


QUIET = dict.fromkeys(("logins", "requests", "jobs", "shares"), 0.0) | {"network_logit": -5.0}
HEARD = {"logins": 1.0, "jobs": 9.0, "shares": 9.0}


def fused(models: dict[str, fit.Fitted], **known: float) -> float:
    """Log-odds of a host that is quiet but for what is given."""
    vectors = fusion.extract([fusion.HostEvidence(**(QUIET | known))])
    return float(models["fusion"].model.score(vectors).logit[0])


def test_words_raise_the_score_of_what_behaves_as_anything(models: dict[str, fit.Fitted]) -> None:
    for logit in (-5.0, -2.0, 0.0, 3.0):
        said = fused(models, **HEARD | {"network_logit": logit})
        assert said > fused(models, network_logit=logit)
    assert fused(models, **HEARD) > 0


@pytest.mark.parametrize("seed", [8, 9, 10])
def test_who_was_heard_mining_is_suspicious_in_every_drawing_of_hosts(
    models: dict[str, fit.Fitted], rows: table.Rows, power: PowerRows, seed: int
) -> None:
    """A login, nine jobs, nine shares, and no rhythm: of the fewest hosts that `train` composes."""
    recipe = replace(TINY, seed=seed)
    drawn = compose.fit_fusion(recipe, rows, models["channel"], power, models["power"])
    assert sigmoid(fused({"fusion": drawn}, **HEARD)) > drawn.model.thresholds.suspicious


def test_half_of_the_miners_that_were_heard_behave_like_an_ordinary_channel() -> None:
    said = compose._Example(4.0, 3.5, 3.0, (1.0, 1.0, 0.0), 1, 0, 9, 5, "miner", True, 0.1)
    quiet = {"logit": -4.0, "again": -4.5, "mean": -5.0}
    ordinary = replace(said, **quiet, logins=0, jobs=0, shares=0, group="other")
    rng = np.random.default_rng(1)
    made = [compose._in_any_rhythm(rng, said, [[ordinary]]) for _ in range(400)]
    changed = replace(said, **quiet)
    assert 150 < made.count(changed) < 250 and made.count(changed) + made.count(said) == 400
    assert compose._in_any_rhythm(rng, ordinary, [[said]]) is ordinary


def test_the_fusion_model_rises_with_either_modality(models: dict[str, fit.Fitted]) -> None:
    def told(**known: float) -> float:
        vectors = fusion.extract([fusion.HostEvidence(**known)])
        return float(models["fusion"].model.score(vectors).probability[0])

    assert told(power_logit=6.0) > told(power_logit=-6.0)
    quiet = {
        "network_logit": -5.0,
        "logins": 0.0,
        "jobs": 0.0,
        "shares": 0.0,
        "requests": 0.0,
    }
    assert told(**quiet | {"network_logit": 8.0, "network_again": 7.0, "network_mean": 7.0}) > told(**quiet)


def test_another_process_gives_the_same_bytes_whatever_its_hashes_and_threads(
    models: dict[str, fit.Fitted], rows: table.Rows, power: PowerRows, tmp_path: Path
) -> None:
    """Another seed of hashes, three threads for one, two workers for one; every member byte for byte."""
    first = save(models, rows, power, tmp_path / "a")
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "3")
    others = {"PYTHONHASHSEED": "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"} | threads
    words = [sys.executable, "-c", ANEW, str(tmp_path / "b")]
    done = subprocess.run(
        words, capture_output=True, text=True, check=True, cwd=ROOT, env=os.environ | others
    )
    assert done.stdout.strip() == first.digest
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == sorted(
        [f"{kind}.npz" for kind in KINDS] + ["manifest.json", "model_card.md", "reference.npz"]
    )
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_card_says_what_is_simulated(
    models: dict[str, fit.Fitted], rows: table.Rows, power: PowerRows
) -> None:
    text = card.text("tiny", "2026-03-01", models, build.training_data(rows, power))
    assert "simulated" in text.lower() and "tiny" in text


def test_a_public_source_is_told_with_its_licence(rows: table.Rows, power: PowerRows) -> None:
    recorded = replace(
        rows, source=["ntop__nDPI", "/labels/a.pcap"] * (len(rows) // 2) + ["simulated"] * (len(rows) % 2)
    )
    told = {one["name"]: one.get("licence") for one in build.training_data(recorded, power)}
    assert told["network/ntop__nDPI"] == "LGPL-3.0" and told["network//labels/a.pcap"] is None


def test_the_same_seed_gives_the_same_rows_and_another_others() -> None:
    one, again, other = (build.simulated_rows(Recipe(examples=8, seed=s, jobs=1)) for s in (1, 1, 2))
    np.testing.assert_array_equal(one.values, again.values)
    assert one.example == again.example
    assert not set(one.example) & set(other.example)
    assert not {row.tobytes() for row in one.values} & {row.tobytes() for row in other.values}


def test_rows_of_one_class_are_refused(rows: table.Rows) -> None:
    with pytest.raises((DatasetError, ValueError)):
        build.fit_channel(table.select(rows, rows.label == 0), 7)


# --- the public sources


@needs_data
def test_of_a_recorded_miner_only_the_channel_that_speaks_is_mining() -> None:
    assert MIRROR is not None
    (capture,) = [c for c in corpora.to_learn_from(MIRROR) if c.path.name == "stratum.pcap"]
    found = build._recorded([capture], None)
    assert found.label.any() and found.dialogue[found.label == 1].all()
    assert not found.simulated.any()
