"""A meter and the dissection of its payload, joined."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.chains import Captures
from detector.inputs import sort_inputs
from detector.metering import Metering
from detector.parallel import Parts, metered_with
from detector.settings import Settings

SAMPLE = Path(__file__).parents[2] / "sample_data" / "campus-hour.pcap.gz"


@pytest.fixture
def never_collected() -> Iterator[None]:
    """What only the search for circles would free stays."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("never_collected")
@pytest.mark.parametrize("jobs", [1, 2])
def test_what_is_read_is_let_go_of(jobs: int) -> None:
    """The tables of a meter are hundreds of megabytes: judging must not have them beside it."""
    settings = Settings()
    made: list[weakref.ref[object]] = []
    inputs = sort_inputs((str(SAMPLE),), (), settings.inputs)
    with metered_with(settings, jobs) as metering:

        def watched() -> Metering | Parts:
            one = metering()
            parts = [one] if isinstance(one, Metering) else one._parts
            made.extend(weakref.ref(part) for part in parts)
            return one

        captures = Captures(inputs, settings, engine="native", metering=watched)
        assert sum(len(rows.table) for together in captures for rows in together) > 100
    del captures
    assert len(made) == jobs
    assert [one() for one in made] == [None] * jobs
