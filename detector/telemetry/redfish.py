"""Servers' management controllers by Redfish: `redfish:https://bmc?for=10m&every=30s`.

Per chassis the old resource `Power` (`PowerControl[].PowerConsumedWatts`, else what its `PowerSupplies`
take in or give out) or, where there is none, the new `EnvironmentMetrics` (`PowerWatts.Reading`), else
the metrics of each supply of the new `PowerSubsystem`.  Numbers may be strings; a controller
without a present reading may have an average (`PowerMetrics`, or beside it as Cisco does),
which is said.  Links lead within the controller.  Only GET.  Certificates are checked: give
that of a controller with its own in `SSL_CERT_FILE`.
Source: DMTF DSP0266, Power v1, EnvironmentMetrics v1, PowerSubsystem v1, PowerSupplyMetrics v1.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from detector.telemetry import polling
from detector.telemetry.contract import Hints, TelemetryError
from detector.telemetry.samples import Samples
from detector.telemetry.web import get_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from detector.records import Readings
    from detector.telemetry.address import Address

SCHEME: Final = "redfish"
ARGUMENTS: Final = polling.ARGUMENTS
MAX_CHASSIS: Final = 64
_AVERAGES: Final = ("AverageConsumedWatts", "AverageConsumedWatt")
_SUPPLY: Final = ("PowerInputWatts", "LastPowerOutputWatts", "PowerOutputWatts")
_SUPPLY_METRICS: Final = ("InputPowerWatts", "OutputPowerWatts")
_AVERAGED: Final = "the controller's averages, where it tells no present reading"


def fetch(address: Address, hints: Hints) -> Readings:
    """Watts of each chassis while we look.  Raises TelemetryError."""
    base = address.target.rstrip("/")
    samples, host = Samples(address.shown), hints.meter or urlsplit(base).hostname or "bmc"
    chassis = _members(get_json(f"{base}/redfish/v1/Chassis", address.shown), address.shown)
    sources = [found for path in chassis for found in _resources(base, path, address.shown)]
    several = len({path for path, _, _ in sources}) > 1
    if not sources:
        raise TelemetryError(f"{address.shown}: no chassis tells its power")

    def look(now: float) -> None:
        for path, supply, resource in sources:
            for part, watts, averaged in _power(get_json(base + resource, address.shown)):
                name = [_last(path)] if several else []
                samples.power("/".join([host, *name, *supply, *part]), now, watts)
                if averaged and _AVERAGED not in samples.notes:
                    samples.notes.append(_AVERAGED)

    polling.poll(address, look)
    return samples.readings()


def _members(collection: Any, where: str) -> list[str]:
    """Paths of the chassis; links out of the controller are refused."""
    members = collection.get("Members") if isinstance(collection, dict) else None
    if not isinstance(members, list):
        raise TelemetryError(f"{where}: no collection of chassis")
    paths = [str(member.get("@odata.id")) for member in members[:MAX_CHASSIS] if isinstance(member, dict)]
    for path in paths:
        if not path.startswith("/redfish/") or not path.isprintable() or " " in path or "?" in path:
            raise TelemetryError(f"{where}: a link leads out of the controller")
    return paths


Place = tuple[str, list[str], str]


def _resources(base: str, path: str, where: str) -> list[Place]:
    """(chassis, its supply where it has only those, a resource with a reading); none where it has none."""
    refused: list[TelemetryError] = []
    for name in ("Power", "EnvironmentMetrics"):
        resource = f"{path.rstrip('/')}/{name}"
        if _tells(base, resource, where, refused):
            return [(path, [], resource)]
    found: list[Place] = []
    for supply in _supplies(base, path, where):
        resource = f"{supply.rstrip('/')}/Metrics"
        if _tells(base, resource, where, refused):
            found.append((path, [f"supply {_last(supply)}"], resource))
    if refused and not found:
        raise refused[-1]
    return found


def _tells(base: str, resource: str, where: str, refused: list[TelemetryError]) -> bool:
    """Whether a resource has a reading; other errors than that there is none are added to `refused`."""
    try:
        return any(not math.isnan(watts) for _, watts, _ in _power(get_json(base + resource, where)))
    except TelemetryError as error:
        if "HTTP 404" not in str(error):
            refused.append(error)
        return False


def _supplies(base: str, path: str, where: str) -> list[str]:
    """Paths of the supplies of the chassis' `PowerSubsystem`; none where it has none."""
    try:
        collection = get_json(f"{base}{path.rstrip('/')}/PowerSubsystem/PowerSupplies", where)
    except TelemetryError:
        return []
    return _members(collection, where)


def _last(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _power(resource: Any) -> Iterator[tuple[list[str], float, bool]]:
    """(part, watts, whether it is an average) of each reading of a resource."""
    if not isinstance(resource, dict):
        return
    if "PowerWatts" in resource:
        sensor = resource["PowerWatts"]
        yield [], _reading(sensor), False
        return
    if any(name in resource for name in _SUPPLY_METRICS):
        yield [], _first(_reading(resource.get(name)) for name in _SUPPLY_METRICS), False
        return
    told = list(_controls(_dicts(resource.get("PowerControl"))))
    if all(math.isnan(watts) for _, watts, _ in told):
        told = list(_old_supplies(_dicts(resource.get("PowerSupplies"))))
    yield from told


def _dicts(held: Any) -> list[dict[str, Any]]:
    return [one for one in held[:MAX_CHASSIS] if isinstance(one, dict)] if isinstance(held, list) else []


def _reading(sensor: Any) -> float:
    return polling.number(sensor.get("Reading") if isinstance(sensor, dict) else sensor)


def _first(values: Iterable[float]) -> float:
    """The first that is a number, else NaN."""
    return next((value for value in values if not math.isnan(value)), math.nan)


def _old_supplies(supplies: list[dict[str, Any]]) -> Iterator[tuple[list[str], float, bool]]:
    """What the supplies of a controller take in, or give out, that does not tell it as a whole."""
    for number, supply in enumerate(supplies):
        name = str(supply.get("MemberId", number))[:60]
        yield [f"supply {name}"], _first(polling.number(supply.get(key)) for key in _SUPPLY), False


def _controls(controls: list[dict[str, Any]]) -> Iterator[tuple[list[str], float, bool]]:
    for control in controls:
        part = [str(control.get("MemberId", control.get("Name", "")))[:60]] if len(controls) > 1 else []
        watts = polling.number(control.get("PowerConsumedWatts"))
        metrics = control.get("PowerMetrics")
        held = control | (metrics if isinstance(metrics, dict) else {})
        mean = _first(polling.number(held.get(name)) for name in _AVERAGES)
        yield part, mean if math.isnan(watts) else watts, math.isnan(watts) and not math.isnan(mean)
