"""The section on paired sites: thresholds of the other half, whole sites drawn anew, planted gains found."""

from __future__ import annotations

import numpy as np
import pytest

from detector.model import Bundle
from training import build
from training.evaluation import fusion
from training.evaluation.fusion import NEVER, OF_SITE, SINGLE, Hosts, found_and_alarmed, margin, section

SITES = 40


def hosts(**scores: np.ndarray) -> Hosts:
    """SITES sites; the miners of each come first."""
    mines = np.tile(np.repeat([True, False], [OF_SITE[True], OF_SITE[False]]), SITES)
    site = np.repeat(np.arange(SITES), sum(OF_SITE.values()))
    return Hosts(site, mines, np.arange(len(mines)) % 2 == 0, scores)


def drawn(gain: float) -> np.ndarray:
    """Scores of which miners have so much more."""
    rng = np.random.default_rng(7)
    made = hosts()
    return rng.normal(0, 1, len(made.mines)) + gain * made.mines


@pytest.mark.parametrize("budget", [0.01, 0.05])
def test_false_alarms_keep_to_the_budget_and_a_score_that_knows_nothing_finds_no_more(budget: float) -> None:
    made = hosts(blind=drawn(0.0))
    found, alarmed = found_and_alarmed(made, made.scores["blind"], budget)
    others = ~made.mines
    assert alarmed[others].mean() == pytest.approx(budget, abs=0.02)
    assert found[made.mines].mean() == pytest.approx(budget, abs=0.06)
    assert not (found & others).any() and not (alarmed & made.mines).any()


def test_who_is_not_seen_is_not_found() -> None:
    score = drawn(9.0)
    unseen = np.arange(len(score)) % 5 == 0
    score[unseen] = NEVER
    found, _ = found_and_alarmed(hosts(), score, 0.05)
    assert not found[unseen].any() and found[~unseen & hosts().mines].all()


def test_a_margin_has_the_sign_of_the_gain_and_bounds_around_it() -> None:
    made = hosts()
    better = found_and_alarmed(made, drawn(3.0), 0.05)[0]
    worse = found_and_alarmed(made, drawn(1.0), 0.05)[0]
    value, low, high = margin(made, better, worse, made.mines, 1)
    assert 0 < low < value < high
    assert margin(made, worse, worse, made.mines, 1) == (0.0, 0.0, 0.0)
    assert margin(made, worse, better, made.mines, 1)[0] == -value


def test_the_section_names_n_and_seed_and_compares_with_the_better_single_one() -> None:
    told = section(hosts(**{SINGLE[0]: drawn(1.0), SINGLE[1]: drawn(2.0), "fused": drawn(5.0)}), 2_031)
    assert "40 sites" in told and "seed 2031" in told and "160 miners" in told
    assert told.count("points") == 6  # two budgets; all, mute, with both


def test_hosts_of_a_small_recipe_are_scored_by_the_bundle() -> None:
    made = fusion.drawn(Bundle.load(), build.Recipe(64, power_examples=96, seed=9, jobs=1), None)
    sites = int(made.site.max()) + 1
    assert sites >= 1 and made.mines.sum() == sites * OF_SITE[True]
    both = np.isfinite(made.scores[SINGLE[0]]) & np.isfinite(made.scores[SINGLE[1]])
    told, acquit = (made.scores[name] for name in list(made.scores)[2:])
    assert (told[both] >= made.scores[SINGLE[0]][both]).all() and (told >= acquit).all()
