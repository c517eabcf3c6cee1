"""The simulator's noise exchanged: the same nodes, another noise, and what is told of sixteen cells."""

from __future__ import annotations

import numpy as np
import pytest

from training.dataset import Mask
from training.evaluation import power_noise
from training.evaluation.power_noise import RECIPES, Nodes
from training.simulation import power_disturbances, power_nodes, power_scene
from training.simulation.power_corpus import examples

SEGMENTS = (np.array([0.5, -0.5, 0.25, -0.25, 0.0]), np.array([1.0, -2.0, 1.0]))
OWN, *OTHERS = RECIPES


@pytest.mark.parametrize("name", RECIPES)
def test_every_noise_has_mean_0_and_deviation_1_and_is_drawn_anew(name: str) -> None:
    shape, _ = RECIPES[name]
    one, two = (shape(np.random.default_rng(seed), 3_000, 1.0, SEGMENTS) for seed in (1, 2))
    for noise in (one, two):
        assert noise.shape == (3_000,) and abs(noise.mean()) < 0.1
        assert noise.std() == pytest.approx(1, abs=0.05)
    assert not np.array_equal(one, two)


def test_noises_are_not_alike() -> None:
    """By the largest deviation and by what one sample tells of the next."""
    drawn = {name: RECIPES[name][0](np.random.default_rng(3), 5_000, 0.0, SEGMENTS) for name in RECIPES}
    largest = {name: float(np.abs(noise).max()) for name, noise in drawn.items()}
    next_one = {name: float(np.corrcoef(noise[1:], noise[:-1])[0, 1]) for name, noise in drawn.items()}
    simulated, measured, tailed, jumping = RECIPES
    assert largest[tailed] > 1.5 * largest[simulated] > 1.5 * largest[jumping]
    assert next_one[jumping] > 0.5 > abs(next_one[simulated]) < abs(next_one[measured])


def test_the_same_nodes_are_drawn_whatever_the_noise() -> None:
    drawn = {name: power_noise.made(name, 7, 24, SEGMENTS) for name in RECIPES}
    first = drawn[OWN]
    assert first.label.any() and not first.label.all()
    for name in OTHERS:
        other = drawn[name]
        assert (other.group, other.family) == (first.group, first.family)
        assert np.array_equal(other.label, first.label)
        assert not np.array_equal(other.values, first.values, equal_nan=True)
    again = power_noise.made(OWN, 7, 24, SEGMENTS)
    assert np.array_equal(again.values, first.values, equal_nan=True)


def test_the_simulator_has_its_own_noise_back_even_after_an_error() -> None:
    blocks = [(power_scene, "steady_noise"), (power_nodes, "steady_noise"), (power_disturbances, "coloured")]
    before = [getattr(*block) for block in blocks]
    (known,) = (one.readings.watts for one in examples(3, 1, tiers=("node",)))
    with pytest.raises(ZeroDivisionError), power_noise.noise(OTHERS[0], SEGMENTS):
        assert all(getattr(*block) is not own for block, own in zip(blocks, before, strict=True))
        raise ZeroDivisionError
    assert [getattr(*block) for block in blocks] == before
    (after,) = (one.readings.watts for one in examples(3, 1, tiers=("node",)))
    assert np.array_equal(after, known)


def nodes(shift: float) -> Nodes:
    """Eight kinds, one of a column's values known: miners lie higher, and all by `shift` more."""
    rng = np.random.default_rng(5)
    group = [f"kind {i % 8}" for i in range(800)]
    label = np.arange(800) // 8 % 4 == 0
    values = np.zeros((800, len(power_noise.features.NAMES)))
    free = [
        i for i, name in enumerate(power_noise.features.NAMES) if not power_noise.features.MONOTONE.get(name)
    ]
    values[:, free[0]] = rng.normal(3.0 * label + shift, 1.0)
    return Nodes(values, label, group, ["miner" if mines else "load" for mines in label])


def test_a_model_that_leans_on_its_noise_is_found_out() -> None:
    """Where the other noise moves the column down, whoever was trained without it finds fewer miners."""
    group, called = power_noise.crossed({"a": nodes(0.0), "b": nodes(-2.0)}, 1)
    label = nodes(0.0).label
    recall = {cell: float(hit[label].mean()) for cell, hit in called.items()}
    alarms = {cell: float(hit[~label].mean()) for cell, hit in called.items()}
    assert recall["a", "b"] < recall["b", "b"] / 2 and alarms["b", "a"] > 3 * alarms["a", "a"]
    assert alarms["a", "a"] <= 0.03 and alarms["b", "b"] <= 0.03
    miners = [name for name, mines in zip(group, label.tolist(), strict=True) if mines]
    verdict = power_noise._verdict(called, label, miners)
    assert "trained on a, tested on b" in verdict and "in 1 of 2 such cells" in verdict


def test_cells_are_told_with_their_n_and_bounds() -> None:
    drawn = {"a": nodes(0.0), "b": nodes(0.0)}
    label = drawn["a"].label
    half = np.arange(len(label)) % 2 == 0
    called: dict[tuple[str, str], Mask] = {
        ("a", "a"): label, ("a", "b"): label & half, ("b", "a"): label, ("b", "b"): ~label,
    }  # fmt: skip
    said = power_noise.told(drawn, drawn["a"].group, called)
    assert "800 simulated nodes, 200 of them mining, 8 groups" in said
    assert "| a | 100.0 % (" in said and "50.0 % (" in said and "0 of 600 (at most 0.61 %)" in said
    assert "Recall lies between 0.0% and 100.0%" in said
