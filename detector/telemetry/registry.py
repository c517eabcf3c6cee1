"""The sources of power readings, in the order in which they are asked; a new one adds its name here.

`SERVICES` are servers, asked where an address names their scheme."""

from typing import Final

from detector.telemetry import (
    csv_log,
    dsmr,
    freeipmi_log,
    green_button,
    ipmitool_log,
    mqtt,
    nvml,
    parquet,
    prometheus,
    rapl_log,
    redfish,
    snmp,
    turbostat_log,
)
from detector.telemetry.contract import Service, Source

SOURCES: Final[tuple[Source, ...]] = (
    parquet,
    green_button,
    prometheus,
    dsmr,
    rapl_log,
    ipmitool_log,
    freeipmi_log,
    turbostat_log,
    mqtt,
    csv_log,  # takes any text: last
)
SERVICES: Final[tuple[Service, ...]] = (prometheus, snmp, redfish, mqtt, nvml)
