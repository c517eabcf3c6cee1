"""Real power files of many makers; the figures are facts of the files."""

import os
from pathlib import Path

import numpy as np
import pytest

from detector.telemetry import TelemetryError, read_power

DATA = Path(os.environ.get("MINEWATCH_DATA", Path(__file__).parents[4] / "shared" / "data")) / "power"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no data at {DATA} (set MINEWATCH_DATA)")


def one(pattern: str) -> Path:
    found = sorted(DATA.glob(pattern))
    if not found:
        pytest.skip(f"no file {pattern} in {DATA}")
    return found[0]


def test_steel_works() -> None:
    readings = read_power(one("creators01*/*.csv"))
    assert len(readings) == 35_040 and readings.interval_s.tolist() == [900.0]
    assert readings.watts[1] == pytest.approx(
        3.17 * 4000
    )  # the row of 00:15; 00:00 of each day closes the file's day
    assert 100e3 < readings.watts.mean() < 120e3  # power reference, 4b: mean 110 kW
    assert "dates read as day/month" in readings.notes and not readings.dropped


def test_simbench_needs_a_unit() -> None:
    path = one("pypi__simbench/*.gz")
    with pytest.raises(TelemetryError, match="say the unit"):
        read_power(path)


@pytest.mark.parametrize("pattern", ["adrien*/REFIT*2013-10*", "adrien*/UKDALE*2013-09*"])
def test_households(pattern: str) -> None:
    path = one(pattern)
    with pytest.raises(TelemetryError, match="has no unit"):
        read_power(path)
    readings = read_power(path, unit="W", timezone="Europe/London")
    assert readings.interval_s.tolist() == [60.0] and 100 < readings.watts.mean() < 1000


def test_bitaxe_fleet() -> None:
    readings = read_power(one("mtab3000*/*20250529*.csv"))
    assert readings.meters == ["Gamma-1", "Gamma-2", "Gamma-3"]
    assert np.allclose(readings.interval_s, 60.27, atol=0.05) and readings.watts.max() < 30


def test_nvidia_smi_log_of_two_gpus_without_index() -> None:
    readings = read_power(one("grantwilkins*/*/log.csv"))
    assert readings.meters == ["log/0", "log/1"]
    assert np.allclose(readings.interval_s, 0.1, atol=0.02)
    assert readings.dropped == {"row of a poll that lacks a device": 2}


def test_ipmi_nodes() -> None:
    readings = read_power(one("fasrc*/derived_ipmi_2025-06-03*"))
    assert len(readings.meters) >= 1687
    assert np.median(readings.interval_s) == 60.0
    assert (readings.watts % 10 == 0).mean() > 0.9  # the BMC's 10 W steps


def test_tables_that_are_no_power_log() -> None:
    refused = (
        "hakanzip*/*.csv",
        "delano*/*.csv",
        "ml-energy*/*.csv",
        "pypi__demandlib/*.csv",
        "mtab*/*.json",
        "*/README.md",
    )
    for pattern in refused:
        for path in sorted(DATA.glob(pattern)):
            with pytest.raises(TelemetryError) as caught:
                read_power(path)
            assert "\n" not in str(caught.value)


def test_freeipmi_tables_with_and_without_header() -> None:
    paths = sorted(DATA.glob("MayaPurohit*/*/ipmi/*.csv"))
    if not paths:
        pytest.skip(f"no FreeIPMI tables in {DATA}")
    for path in paths:
        readings = read_power(path)
        assert 100 < readings.watts.mean() < 400, path
