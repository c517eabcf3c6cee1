"""`minewatch train`: what it says of the labels, what it saves, and what it refuses to replace.

Only the sizes of the recipe are made small; everything else is the command as it runs.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from detector.cli import main
from detector.features.channel import NAMES
from detector.model import Bundle, Thresholds
from detector.reference import Reference, row_keys
from training import build, compare
from training.build import PowerRows, Recipe
from training.compose import Pair
from training.fit import Fitted
from training.table import Rows

SAMPLES = Path(__file__).parents[2] / "sample_data"
HEADER = "source,host,start,end,label,group,coin,variant\n"
CAMPUS, NODES = "campus-hour.pcap.gz", "node-day.csv"
MINERS = ("10.20.0.23", "10.20.0.57")
ORDINARY = tuple(f"10.20.0.{n}" for n in (40, 41, 42, 43, 61, 100, 102, 103, 104, 105, 106))
VIDEO = "10.20.0.101"  # wrongly called a miner: no model can know that of a stranger


def labels_in(folder: Path) -> Path:
    """Labels of the samples, and two that meet nothing."""
    for name in (CAMPUS, NODES):
        shutil.copy(SAMPLES / name, folder / name)
    rows = [f"{CAMPUS},{host},,,mining,site-a,,\n" for host in MINERS]
    rows += [f"{CAMPUS},{host},,,benign,site-{i % 3},,\n" for i, host in enumerate(ORDINARY)]
    rows += [f"{CAMPUS},{VIDEO},,,mining,site-v,,\n"]
    rows += [f"{NODES},gpu-057,,,mining,nodes-a,,\n", f"{NODES},web-01,,,benign,nodes-b,,\n"]
    rows += [f"{CAMPUS},10.99.0.1,,,benign,site-0,,\n", f"{NODES},no-such-node,,,benign,nodes-b,,\n"]
    path = folder / "LABELS.csv"
    path.write_text(HEADER + "".join(rows), encoding="utf-8")
    return path


@dataclass
class Ran:
    """One run of the command."""

    status: int
    out: str
    err: str


def digest(folder: Path) -> str:
    files = sorted(folder.iterdir())
    return hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in files)).hexdigest()


@dataclass
class Story:
    """The command three times on the same labels: anew, again, and with --force."""

    labels: Path
    bundle: Path
    runs: list[Ran]
    digests: list[str]  # of what lay at the output after each run


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """The recipe is a quarter of the least that the command asks for; equal rows are fitted once."""
    folder = tmp_path_factory.mktemp("train")
    told = Story(labels_in(folder), folder / "bundle", [], [])
    real, fit_all, known = build.Recipe, build.fit_all, {}

    def once(
        recipe: Recipe,
        rows: Rows,
        power: PowerRows,
        say: Callable[[str], None],
        pairs: Sequence[Pair],
    ) -> dict[str, Fitted]:
        key = (recipe, rows.values.tobytes(), power.values.tobytes())
        if key not in known:
            known[key] = fit_all(recipe, rows, power, say, pairs=pairs)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            build,
            "Recipe",
            lambda examples, power, fused, seed, jobs, cache: real(100, 160, 320, seed, 1, cache),
        )
        patch.setattr(build, "fit_all", once)
        for words in ((), (), ("--force",)):
            told.runs.append(train(told.labels, told.bundle, "--allow-unmet", *words))
            told.digests.append(digest(told.bundle))
        assert len(known) == 1
        yield told


def train(labels: Path, output: Path, *words: str) -> Ran:
    wanted = [str(labels), "--output", str(output), "--corpus", "400", "--created", "2026-03-01", *words]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(["train", *wanted])
    return Ran(status, out.getvalue(), err.getvalue())


def test_a_bundle_is_saved_that_loads_and_says_where_it_comes_from(story: Story) -> None:
    assert story.runs[0].status == 0
    loaded = Bundle.load(story.bundle)
    assert loaded.id == "trained-" + hashlib.sha256(story.labels.read_bytes()).hexdigest()[:12]
    assert loaded.manifest["created"] == "2026-03-01"
    data = {part["name"]: part for part in loaded.manifest["training_data"]}
    assert data["network/simulated"]["simulated"]
    (own,) = [part for name, part in data.items() if name.endswith(CAMPUS)]
    assert not own["simulated"] and own["mining_rows"] > 0
    assert f"saved {story.bundle}: {loaded.id}, digest {loaded.digest[:16]}" in story.runs[0].out


def test_both_models_are_told_on_the_labelled_rows_with_n_and_bound(story: Story) -> None:
    told = story.runs[0].out
    assert "out of fold" in told and "this model:" in told and "default-2026.11, as it is:" in told
    rates = re.findall(r"found (\d+) of (\d+) \(95 %: [\d.]+% to [\d.]+%\)", told)
    assert len(rates) == 4 and {n for _, n in rates} == {"3"}
    # the shipped model knows both miners, and not the video that was called one
    assert rates[2] == ("2", "3")


def test_labels_that_met_nothing_are_named_with_their_line(story: Story) -> None:
    lines = story.runs[0].err.splitlines()
    unmet = [line for line in lines if " is not in " in line]
    last = len(story.labels.read_text(encoding="utf-8").splitlines())
    assert len(unmet) == 2
    assert unmet[0].startswith(f"{story.labels}, line {last - 1}: ") and "10.99.0.1" in unmet[0]
    assert unmet[1].startswith(f"{story.labels}, line {last}: ") and "no-such-node" in unmet[1]


def test_the_same_labels_again_are_no_step_back(story: Story) -> None:
    """The one that lies there is taken at what it said of these rows as a stranger, like the new one."""
    again = story.runs[1]
    assert again.status == 0 and "saved" in again.out
    assert story.digests[1] == story.digests[0]  # the same labels and seed: the same bytes


def test_force_replaces_it(story: Story) -> None:
    assert story.runs[2].status == 0 and "saved" in story.runs[2].out
    assert story.digests[2] == story.digests[0]


def standing(rows: Rows, logit: np.ndarray, held: np.ndarray) -> Any:
    """A bundle of which only what is compared is there: scores as they are, and out of fold."""
    keys = row_keys(rows.values)
    order = np.argsort(keys)
    n = rows.values.shape[1]
    kept = Reference(
        rows.values[:1], np.zeros((n, 9)), np.eye(11)[np.zeros(n, int)], 1, keys[order], held[order]
    )
    model = SimpleNamespace(
        score=lambda vectors: SimpleNamespace(logit=logit), thresholds=Thresholds(0.5, 0.5, 1.0), names=NAMES
    )
    return SimpleNamespace(id="old", channel=model, reference={"channel": kept})


def test_a_better_bundle_is_not_replaced_and_flattery_does_not_count() -> None:
    """In sample the old model is perfect; as a stranger it called a benign channel mining."""
    values = np.random.default_rng(0).normal(size=(6, len(NAMES)))
    none = np.zeros(6, bool)
    texts = [str(i) for i in range(6)]
    label = np.array([1, 1, 1, 0, 0, 0])
    columns = (values, label, texts, texts, texts, texts, np.zeros(6, int), none, none, np.ones(6))
    own = Rows(*columns, np.full((6, 3), np.nan), none)
    perfect, wrong = np.where(label == 1, 2.0, -2.0), np.array([2, 2, 2, 2.0, -2, -2])
    flattered = compare.of_bundle(own, standing(own, perfect, wrong))
    assert flattered["mining"]["false_alarms"]["count"] == 1
    new = compare.measured(own, perfect, Thresholds(0.5, 0.5, 1.0))
    assert compare.metrics.better(flattered, new) is None
    honest = compare.of_bundle(own, standing(own, perfect, perfect))
    worse = compare.measured(own, wrong, Thresholds(0.5, 0.5, 1.0))
    told = compare.metrics.better(honest, worse)
    assert told is not None and "fewer benign" in told


# --- what it refuses before any work


def test_bad_labels_are_told_one_line_each(tmp_path: Path) -> None:
    shutil.copy(SAMPLES / CAMPUS, tmp_path / CAMPUS)
    path = tmp_path / "LABELS.csv"
    rows = [f"{CAMPUS},10.0.0.1,,,minning,a,,", "none.pcap,*,,,benign,a,,", f"{CAMPUS},*,noon,,benign,a,,"]
    path.write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")
    ran = train(path, tmp_path / "bundle")
    assert ran.status == 2 and not (tmp_path / "bundle").exists()
    lines = ran.err.splitlines()
    assert len(lines) == 3
    for number, (line, word) in enumerate(zip(lines, ("minning", "none.pcap", "noon"), strict=True), 2):
        assert line.startswith(f"minewatch train: {path}, line {number}: ") and word in line


def test_a_source_of_neither_kind_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7")
    path = tmp_path / "LABELS.csv"
    path.write_text(HEADER + "a.pdf,*,,,benign,a,,\na.pdf,10.0.0.1,,,mining,b,,\n", encoding="utf-8")
    ran = train(path, tmp_path / "bundle")
    assert ran.status == 2 and "line 2: " in ran.err and "a PDF" in ran.err


@pytest.mark.parametrize("extra", [("--corpus", "399"), ("--base", "nowhere"), ("--seed", "x")])
def test_wrong_usage_is_status_2_and_one_line(tmp_path: Path, extra: tuple[str, str]) -> None:
    ran = train(labels_in(tmp_path), tmp_path / "bundle", *extra)
    assert ran.status == 2 and "Traceback" not in ran.err
    assert not (tmp_path / "bundle").exists()


def test_something_else_at_the_output_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "diary.txt").write_text("mine")
    ran = train(labels_in(tmp_path), tmp_path / "bundle")
    assert ran.status == 2 and "simulating" not in ran.err
    assert (tmp_path / "bundle" / "diary.txt").read_text() == "mine"


def test_labels_that_meet_nothing_are_refused_before_the_work(tmp_path: Path) -> None:
    path = labels_in(tmp_path)
    ran = train(path, tmp_path / "bundle")
    assert ran.status == 2 and "simulating" not in ran.err
    lines = ran.err.splitlines()
    assert len(lines) == 2 and all(line.startswith(f"minewatch train: {path}, line ") for line in lines)


def test_labels_that_all_meet_nothing_are_refused(tmp_path: Path) -> None:
    shutil.copy(SAMPLES / CAMPUS, tmp_path / CAMPUS)
    path = tmp_path / "LABELS.csv"
    rows = f"{CAMPUS},10.99.0.1,,,benign,a,,\n{CAMPUS},10.99.0.2,,,mining,b,,\n"
    path.write_text(HEADER + rows, encoding="utf-8")
    ran = train(path, tmp_path / "bundle", "--allow-unmet")
    assert ran.status == 2 and "none of the labels met" in ran.err
