"""The fuzz harness finds what was planted, and in a minute nothing else (`make fuzz` does more)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz import campaign, sanitised
from tests.fuzz.rounds import MUTATORS

SECONDS = 60  # of all mutators together
SEED = 1
FILES = 60

pytestmark = pytest.mark.skipif(sanitised.missing() is not None, reason=str(sanitised.missing()))


@pytest.mark.parametrize("name", MUTATORS)
def test_nothing_is_found(name: str) -> None:
    seconds = SECONDS * MUTATORS[name].share
    outcome = campaign.run(name, SEED, seconds, FILES, sanitised.build())
    assert not outcome.report, (
        f"{outcome.report[-6_000:]}\nagain: python -m tests.fuzz replay {outcome.saved}"
    )
    assert outcome.counts["cases"] >= 50


@pytest.mark.parametrize("name", sanitised.PLANTS)
def test_planted_bug_is_found(name: str) -> None:
    """And its saved steps lead there again."""
    outcome = campaign.control(name, SEED, FILES)
    assert outcome.saved is not None
    again = campaign.replay(outcome.saved, sanitised.build(name))
    assert again.returncode != 0
    assert sanitised.PLANTS[name].sign in again.stderr


def test_a_bug_without_a_place_is_an_error() -> None:
    with pytest.raises(ValueError, match="give the planted bug a new place"):
        sanitised.planted("nothing", sanitised.PLANTS["ipv6-length"])


@pytest.mark.parametrize("stamp", [None, "of another kernel"], ids=["killed", "outdated"])
def test_a_build_that_is_not_of_this_kernel_goes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stamp: str | None
) -> None:
    monkeypatch.setattr(sanitised, "FOLDER", tmp_path)
    monkeypatch.setattr(sanitised, "_compile", lambda folder: None)
    stale = tmp_path / "sound" / "detector" / "kernel" / "frames.so"
    stale.parent.mkdir(parents=True)
    stale.touch()
    if stamp:
        (tmp_path / "sound" / sanitised.WHOLE).write_text(stamp)
    folder = sanitised.build()
    assert not stale.exists()
    stale.touch()
    assert sanitised.build() == folder
    assert stale.exists(), "one of this kernel stays"
