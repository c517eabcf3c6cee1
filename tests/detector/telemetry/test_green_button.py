"""Green Button feeds: units, directions, estimates, links in any order, and bombs."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.telemetry import TelemetryError, read_power

POINT = "https://services.example/espi/1_1/resource/RetailCustomer/9/UsagePoint/{}"
FEED = '<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom" xmlns:espi="http://naesb.org/espi">{}</feed>'


def reading_type(n: int, **fields: int) -> str:
    inner = "".join(f"<espi:{name}>{value}</espi:{name}>" for name, value in fields.items())
    link = f'<link rel="self" href="ReadingType/{n}"/>'
    return f"<entry>{link}<content><espi:ReadingType>{inner}</espi:ReadingType></content></entry>"


def meter(n: int, kind: int) -> str:
    at = POINT.format(n) + "/MeterReading/1"
    return (
        f'<entry><link rel="self" href="{at}"/><link rel="up" href="{POINT.format(n)}/MeterReading"/>'
        f'<link rel="related" href="ReadingType/{kind}"/><content><espi:MeterReading/></content></entry>'
    )


def block(n: int, values: list[int], start: int = 1_700_000_000, step: int = 900, quality: int = 0) -> str:
    told = (
        f"<espi:ReadingQuality><espi:quality>{quality}</espi:quality></espi:ReadingQuality>"
        if quality
        else ""
    )
    rows = "".join(
        f"<espi:IntervalReading>{told}<espi:timePeriod><espi:duration>{step}</espi:duration>"
        f"<espi:start>{start + i * step}</espi:start></espi:timePeriod><espi:value>{value}</espi:value>"
        f"</espi:IntervalReading>"
        for i, value in enumerate(values)
    )
    span = (
        f"<espi:interval><espi:duration>86400</espi:duration><espi:start>{start}</espi:start></espi:interval>"
    )
    at = POINT.format(n) + "/MeterReading/1/IntervalBlock"
    return (
        f'<entry><link rel="self" href="{at}/0173"/><link rel="up" href="{at}"/><content>'
        f"<espi:IntervalBlock>{span}{rows}</espi:IntervalBlock></content></entry>"
    )


def write(folder: Path, text: str) -> Path:
    path = folder / "house.xml"
    path.write_text(text, encoding="utf-8")
    return path


WH = {
    "accumulationBehaviour": 4,
    "commodity": 1,
    "flowDirection": 1,
    "intervalLength": 900,
    "powerOfTenMultiplier": 0,
}


@pytest.mark.parametrize("power", [-3, 0, 3])
def test_watt_hours_and_their_power_of_ten(tmp_path: Path, power: int) -> None:
    kind = reading_type(1, **(WH | {"powerOfTenMultiplier": power, "uom": 72}))
    value = {-3: 250_000, 0: 250, 3: 1}[power]
    readings = read_power(write(tmp_path, FEED.format(meter(1, 1) + kind + block(1, [value] * 3))))
    assert readings.watts.tolist() == [1000.0 if power < 3 else 4000.0] * 3
    assert readings.meters == ["house"] and readings.time_ns[0] == 1_700_000_000 * 10**9
    assert readings.interval_s.tolist() == [900.0] and not readings.estimated


def test_types_may_stand_behind_the_readings_and_points_are_told_apart(tmp_path: Path) -> None:
    kinds = reading_type(1, **WH, uom=72) + reading_type(2, **WH, uom=38)
    text = FEED.format(block(1, [100]) + block(2, [100]) + meter(1, 1) + meter(2, 2) + kinds)
    readings = read_power(write(tmp_path, text))
    assert readings.meters == ["house/1", "house/2"] and readings.watts.tolist() == [400.0, 100.0]


def test_gas_and_what_is_fed_in_are_left_and_counted(tmp_path: Path) -> None:
    kinds = reading_type(1, **WH, uom=72) + reading_type(2, **(WH | {"flowDirection": 19}), uom=72)
    kinds += reading_type(3, **(WH | {"commodity": 7}), uom=169)
    parts = [meter(n, n) + block(n, [100, 101]) for n in (1, 2, 3)]
    readings = read_power(write(tmp_path, FEED.format(kinds + "".join(parts))))
    assert len(readings) == 2
    assert readings.dropped == {
        "energy that was fed in": 2,
        "not electric energy or power (gas, water, volts ...)": 2,
    }


def test_registers(tmp_path: Path) -> None:
    kind = reading_type(1, **(WH | {"accumulationBehaviour": 3}), uom=72)
    readings = read_power(write(tmp_path, FEED.format(kind + meter(1, 1) + block(1, [1000, 1250, 1750]))))
    assert readings.watts.tolist() == [1000.0, 2000.0]


def test_estimates_are_said(tmp_path: Path) -> None:
    kind = reading_type(1, **WH, uom=72)
    most = FEED.format(
        kind + meter(1, 1) + block(1, [100] * 4, quality=8) + block(1, [100], start=1_700_100_000)
    )
    readings = read_power(write(tmp_path, most))
    assert readings.estimated and "4 of 5 readings are estimated by the utility" in readings.notes
    few = FEED.format(
        kind + meter(1, 1) + block(1, [100] * 4) + block(1, [100], start=1_700_100_000, quality=9)
    )
    assert not read_power(write(tmp_path, few)).estimated


def test_without_a_reading_type_the_unit_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(TelemetryError, match="their unit is unknown"):
        read_power(write(tmp_path, FEED.format(block(1, [100]))))


BOMB = '<!DOCTYPE feed [<!ENTITY a "xxxxxxxxxx"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BOMB + FEED.format("&b;").partition("\n")[2], "document type"),
        ('<!DOCTYPE feed SYSTEM "file:///etc/passwd">' + FEED.format("").partition("\n")[2], "document type"),
        (FEED.format("<a>" * 200), "nested more than"),
        (FEED.format("<entry>"), "damaged XML"),
        (FEED.replace("UTF-8", "ATF-8"), "damaged XML: unknown encoding: ATF-8"),
        (FEED.replace("UTF-8", "utf-7"), "damaged XML: multi-byte encodings are not supported"),
        (FEED.format(""), "no reading could be used"),
        (
            FEED.format(reading_type(1, **WH, uom=72) + meter(1, 1) + block(1, [10**17])),
            "no reading could be used",
        ),
    ],
)
def test_hostile_feeds_cost_one_line(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(TelemetryError, match=expected) as caught:
        read_power(write(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_what_a_feed_makes_us_hold_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.telemetry.green_button.MAX_LINKS", 100)
    with pytest.raises(TelemetryError, match="more than 100 links"):
        read_power(write(tmp_path, FEED.format('<link rel="x" href="y"/>' * 101)))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2500), st.binary(max_size=12))
def test_any_damage_is_read_or_refused(tmp_path: Path, at: int, piece: bytes) -> None:
    whole = FEED.format(reading_type(1, **WH, uom=72) + meter(1, 1) + block(1, [100] * 4)).encode()
    path = tmp_path / "house.xml"
    path.write_bytes(whole[:at] + piece + whole[at + len(piece) :])
    try:
        assert np.isfinite(read_power(path).watts).all()
    except TelemetryError as error:
        assert "\n" not in str(error)
