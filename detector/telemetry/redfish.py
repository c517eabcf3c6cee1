"""Servers' management controllers by Redfish: `redfish:https://bmc?for=10m&every=30s`.

Per chassis the old resource `Power` (`PowerControl[].PowerConsumedWatts`) or, where there is
none, the new `EnvironmentMetrics` (`PowerWatts.Reading`).  Numbers may be strings; a controller
without a present reading may have an average (`PowerMetrics`, or beside it as Cisco does),
which is said.  Links lead within the controller.  Only GET.  Certificates are checked: give
that of a controller with its own in `SSL_CERT_FILE`.
Source: DMTF DSP0266, Power v1, EnvironmentMetrics v1.
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
    from collections.abc import Iterator

    from detector.records import Readings
    from detector.telemetry.address import Address

SCHEME: Final = "redfish"
ARGUMENTS: Final = polling.ARGUMENTS
MAX_CHASSIS: Final = 64
_AVERAGES: Final = ("AverageConsumedWatts", "AverageConsumedWatt")
_AVERAGED: Final = "the controller's averages, where it tells no present reading"


def fetch(address: Address, hints: Hints) -> Readings:
    """Watts of each chassis while we look.  Raises TelemetryError."""
    base = address.target.rstrip("/")
    samples, host = Samples(address.shown), hints.meter or urlsplit(base).hostname or "bmc"
    chassis = _members(get_json(f"{base}/redfish/v1/Chassis", address.shown), address.shown)
    sources = [found for path in chassis if (found := _resource(base, path, address.shown))]
    if not sources:
        raise TelemetryError(f"{address.shown}: no chassis tells its power")

    def look(now: float) -> None:
        for path, resource in sources:
            for part, watts, averaged in _power(get_json(base + resource, address.shown)):
                name = path.rstrip("/").rpartition("/")[2]
                samples.power("/".join([host, *([name] if len(sources) > 1 else []), *part]), now, watts)
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


def _resource(base: str, path: str, where: str) -> tuple[str, str] | None:
    """(chassis, its resource with a reading); None where it has none."""
    refused: TelemetryError | None = None
    for name in ("Power", "EnvironmentMetrics"):
        resource = f"{path.rstrip('/')}/{name}"
        try:
            if any(not math.isnan(watts) for _, watts, _ in _power(get_json(base + resource, where))):
                return path, resource
        except TelemetryError as error:
            if "HTTP 404" not in str(error):
                refused = error
    if refused:
        raise refused
    return None


def _power(resource: Any) -> Iterator[tuple[list[str], float, bool]]:
    """(part, watts, whether it is an average) of each reading of a resource."""
    if not isinstance(resource, dict):
        return
    if "PowerWatts" in resource:
        sensor = resource["PowerWatts"]
        yield [], polling.number(sensor.get("Reading") if isinstance(sensor, dict) else sensor), False
        return
    controls = resource.get("PowerControl")
    controls = (
        [c for c in controls[:MAX_CHASSIS] if isinstance(c, dict)] if isinstance(controls, list) else []
    )
    for control in controls:
        part = [str(control.get("MemberId", control.get("Name", "")))[:60]] if len(controls) > 1 else []
        watts = polling.number(control.get("PowerConsumedWatts"))
        metrics = control.get("PowerMetrics")
        held = control | (metrics if isinstance(metrics, dict) else {})
        mean = next(
            (v for name in _AVERAGES if not math.isnan(v := polling.number(held.get(name)))), math.nan
        )
        yield part, mean if math.isnan(watts) else watts, math.isnan(watts) and not math.isnan(mean)
