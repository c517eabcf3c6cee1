"""Management controllers: an emulator with the resources as makers fill them."""

import json
from typing import Any

import pytest

from detector.telemetry import TelemetryError, read_power
from tests.detector.telemetry.servers import http_server, text

ROOT = "/redfish/v1/Chassis"


def controller(resources: dict[str, Any], chassis: tuple[str, ...] = ("1",)) -> Any:
    members = {"Members": [{"@odata.id": f"{ROOT}/{name}"} for name in chassis]}
    held = {ROOT: members, **{f"{ROOT}/{path}": body for path, body in resources.items()}}

    def answer(handler: Any) -> None:
        body = held.get(handler.path)
        text(json.dumps(body) if body is not None else "", 200 if body is not None else 404)(handler)

    return answer


@pytest.mark.parametrize(
    ("resources", "watts"),
    [
        ({"1/Power": {"PowerControl": [{"MemberId": "0", "PowerConsumedWatts": 344}]}}, 344.0),
        ({"1/Power": {"PowerControl": [{"PowerConsumedWatts": "344.5"}]}}, 344.5),  # text, as some BMCs write
        ({"1/EnvironmentMetrics": {"PowerWatts": {"Reading": 344.0}}}, 344.0),
        ({"1/EnvironmentMetrics": {"PowerWatts": {"Reading": "344"}}}, 344.0),
        ({"1/Power": {"PowerControl": [{}]}, "1/EnvironmentMetrics": {"PowerWatts": 9}}, 9.0),
    ],
)
def test_old_and_new_resource_numbers_and_text(resources: dict[str, Any], watts: float) -> None:
    with http_server(controller(resources)) as (url, asked):
        readings = read_power(f"redfish:{url}?for=200ms&every=100ms")
    assert readings.meters == ["127.0.0.1"] and set(readings.watts) == {watts} and len(readings) >= 2
    assert {method for method, _, _ in asked} == {"GET"} and not readings.notes


def test_averages_are_said() -> None:
    control = {
        "PowerMetrics": {"AverageConsumedWatts": "300", "MinConsumedWatts": 1, "MaxConsumedWatts": 900}
    }
    with http_server(controller({"1/Power": {"PowerControl": [control]}})) as (url, _):
        readings = read_power(f"redfish:{url}?for=0s")
    assert readings.watts.tolist() == [300.0] and "averages" in readings.notes[0]


def test_chassis_and_controls_are_meters_of_their_own() -> None:
    two = {
        "PowerControl": [
            {"MemberId": "0", "PowerConsumedWatts": 1},
            {"MemberId": "1", "PowerConsumedWatts": 2},
        ]
    }
    resources = {"a/Power": two, "b/EnvironmentMetrics": {"PowerWatts": {"Reading": 3}}}
    with http_server(controller(resources, ("a", "b", "c"))) as (url, _):
        readings = read_power(f"redfish:{url}?for=0s")
    assert readings.meters == ["127.0.0.1/a/0", "127.0.0.1/a/1", "127.0.0.1/b"]


OLD_SUPPLIES = {
    "PowerControl": [{"MemberId": "0", "PowerConsumedWatts": None}],
    "PowerSupplies": [
        {"MemberId": "0", "LastPowerOutputWatts": 180, "PowerInputWatts": "201", "PowerCapacityWatts": 800},
        {"MemberId": "1", "LastPowerOutputWatts": 175, "PowerCapacityWatts": 800},
        {"MemberId": "2", "LastPowerOutputWatts": None, "Status": {"State": "Absent"}},
    ],
}


def test_supplies_of_the_old_resource_speak_where_the_whole_does_not() -> None:
    with http_server(controller({"1/Power": OLD_SUPPLIES})) as (url, _):
        readings = read_power(f"redfish:{url}?for=0s")
    assert readings.meters == ["127.0.0.1/supply 0", "127.0.0.1/supply 1"]
    assert readings.watts.tolist() == [201.0, 175.0]
    whole = OLD_SUPPLIES | {"PowerControl": [{"PowerConsumedWatts": 376}]}
    with http_server(controller({"1/Power": whole})) as (url, _):
        assert read_power(f"redfish:{url}?for=0s").watts.tolist() == [376.0]


def test_supplies_of_the_new_power_subsystem() -> None:
    supplies = "1/PowerSubsystem/PowerSupplies"
    resources = {
        supplies: {"Members": [{"@odata.id": f"{ROOT}/{supplies}/Bay{i}"} for i in (1, 2, 3)]},
        f"{supplies}/Bay1/Metrics": {
            "InputPowerWatts": {"Reading": 201.5},
            "OutputPowerWatts": {"Reading": 180},
        },
        f"{supplies}/Bay2/Metrics": {"OutputPowerWatts": {"Reading": "175"}},
    }
    with http_server(controller(resources)) as (url, asked):
        readings = read_power(f"redfish:{url}?for=0s")
    assert readings.meters == ["127.0.0.1/supply Bay1", "127.0.0.1/supply Bay2"]
    assert readings.watts.tolist() == [201.5, 175.0] and {method for method, _, _ in asked} == {"GET"}
    resources[supplies] = {"Members": [{"@odata.id": "http://evil/"}]}
    with (
        http_server(controller(resources)) as (url, _),
        pytest.raises(TelemetryError, match="leads out"),
    ):
        read_power(f"redfish:{url}?for=0s")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (controller({}), "no chassis tells its power"),
        (text('{"Members": [{"@odata.id": "http://evil/"}]}'), "leads out"),
        (text('{"Members": [{"@odata.id": "//evil/redfish/"}]}'), "leads out"),
        (text("[1]"), "no collection"),
        (text("<html>"), "not JSON"),
        (text("", 401), "MINEWATCH_POWER_TOKEN"),
        (controller({"1/Power": {"PowerControl": [[], "x", {"PowerConsumedWatts": "NaN"}]}}), "no chassis"),
    ],
)
def test_odd_controllers_cost_one_line(answer: Any, expected: str) -> None:
    with http_server(answer) as (url, _), pytest.raises(TelemetryError, match=expected) as caught:
        read_power(f"redfish:{url}?for=0s")
    assert "\n" not in str(caught.value)
