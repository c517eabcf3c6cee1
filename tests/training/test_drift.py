"""Drift: chance is not drift, and what moved is named in its family."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from detector.bundle import DEFAULT
from detector.cli import main
from detector.features.channel import NAMES
from detector.reference import Reference, row_keys
from training import drift
from training.carried import ordinary
from training.columns import families
from training.dataset import dataset_of

SAMPLES = Path(__file__).resolve().parents[2] / "sample_data"


def reference(seed: int) -> Reference:
    """Of 100 benign groups of two examples."""
    values = np.random.default_rng(seed).normal(size=(220, len(NAMES)))
    groups = [f"g{i // 2}" for i in range(200)] + ["m1"] * 20
    rows = dataset_of(values, np.arange(220) >= 200, groups, NAMES)
    edges, shares, n = ordinary(rows)
    none = np.zeros(0)
    return Reference(values[:3], edges, shares, n, none.astype(np.int64), none)


def site(seed: int, hosts: int = 60) -> tuple[np.ndarray, np.ndarray]:
    values = np.random.default_rng(seed).normal(size=(hosts, len(NAMES)))
    return values, np.array([f"h{i}" for i in range(hosts)], object)


def test_ordinary_traffic_does_not_drift() -> None:
    told = [one for seed in range(8) for one in drift.drifts(*site(50 + seed), NAMES, reference(1))]
    assert {one.state for one in told} == {"alike"}


@pytest.mark.parametrize("family", ["lengths", "rhythm", "replies", "pushes", "volume"])
def test_what_moved_is_named_in_its_family(family: str) -> None:
    values, hosts = site(3)
    columns = families(NAMES)[family]
    values[:, columns] += 4.0
    told = {one.family: one for one in drift.drifts(values, hosts, NAMES, reference(1))}
    assert told[family].state == "left"
    assert {name for name, one in told.items() if one.state != "alike"} == {family}
    assert all(name in {NAMES[i] for i in columns} for name, _ in told[family].columns)


def test_columns_that_a_source_does_not_know_are_told_apart() -> None:
    values, hosts = site(4)
    values[:, families(NAMES)["rhythm"]] = np.nan
    told = {one.family: one for one in drift.drifts(values, hosts, NAMES, reference(1))}
    assert told["rhythm"].state == "unknown"


def test_many_rows_of_few_hosts_prove_little() -> None:
    """The same moved rows of three hosts: a PSI as large, and not beyond what three hosts show by chance."""
    values, _ = site(5)
    values[:, families(NAMES)["volume"]] += 1.0
    few = np.array([f"h{i % 3}" for i in range(60)], object)
    told = {one.family: one for one in drift.drifts(values, few, NAMES, reference(1))}
    assert told["volume"].state == "alike" and told["volume"].noise > 3


def test_the_psi_of_two_bins_by_hand() -> None:
    """Halves against nine to one: (0.4 ln 1.8) + (-0.4 ln 0.2) = 0.879 but for the half case a bin."""
    base = reference(1)
    shares = np.zeros_like(base.shares)
    shares[:, 0], shares[:, 1] = 0.5, 0.5
    base = Reference(base.rows, base.edges, shares, 10**6, base.held_key, base.held_logit)
    found = np.zeros_like(shares)
    found[:, 0], found[:, 1] = 0.9, 0.1
    psi, freedom = drift._psi(found, 10**6, base)
    assert psi == pytest.approx(0.4 * np.log(1.8) - 0.4 * np.log(0.2), abs=1e-3)
    assert (freedom == 1).all()


def test_rows_are_known_by_their_values() -> None:
    values = np.random.default_rng(0).normal(size=(50, 4))
    order = np.argsort(row_keys(values))
    keys = row_keys(values)[order]
    base = Reference(values, np.zeros((4, 9)), np.eye(11)[:4], 1, keys[:20], np.arange(20.0))
    said = base.held_out(values[order], np.full(50, -1.0))
    assert said.tolist() == [*range(20), *[-1.0] * 30]
    assert base.knows(values[order]).sum() == 20
    empty = Reference(values, np.zeros((4, 9)), np.eye(11)[:4], 1, keys[:0], np.zeros(0))
    assert (empty.held_out(values, np.ones(50)) == 1).all()


@pytest.mark.skipif(not DEFAULT.exists(), reason="the default model is not built: make model")
def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", "--drift", "default", str(SAMPLES / "campus-hour.pcap.gz")]
    assert main(words) == 0
    assert "chance: what two samples" in capsys.readouterr().out
    assert main([*words, "--format", "json", str(tmp_path / "none.pcap")]) == 2
    out, error = capsys.readouterr()
    told = json.loads(out)
    assert told["models"]["channel"]["hosts"] > 5 and "none.pcap" in error
    assert main(["evaluate", "--drift", "default", str(tmp_path / "none.pcap")]) == 2
    assert "nothing is compared" in capsys.readouterr().err


def test_digests_are_compared_without_overflow() -> None:
    """The difference of two 64-bit digests does not fit into 64 bits."""
    keys = np.array([np.iinfo(np.int64).min, np.iinfo(np.int64).max])
    Reference(np.zeros((1, 4)), np.zeros((4, 9)), np.eye(11)[:4], 1, keys, np.zeros(2))
    with pytest.raises(ValueError, match="one a row"):
        Reference(np.zeros((1, 4)), np.zeros((4, 9)), np.eye(11)[:4], 1, keys[::-1], np.zeros(2))
