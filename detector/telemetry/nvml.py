"""The GPUs of this machine, by NVIDIA's management library: `nvml:local?for=60s&every=1s`.

`nvmlDeviceGetPowerUsage` tells milliwatts, on recent cards as the mean of the last second.
Needs `pip install 'minewatch[nvml]'` and a driver.  Source: NVML API reference.
"""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Any, Final

from detector.telemetry import polling
from detector.telemetry.contract import Hints, TelemetryError
from detector.telemetry.samples import Samples

if TYPE_CHECKING:
    from detector.records import Readings
    from detector.telemetry.address import Address

SCHEME: Final = "nvml"
ARGUMENTS: Final = polling.ARGUMENTS
_W_PER_MW: Final = 1e-3


def fetch(address: Address, hints: Hints) -> Readings:
    """Watts of each GPU while we look, and how busy it is.  Raises TelemetryError."""
    try:
        import pynvml  # noqa: PLC0415
    except ImportError as error:
        raise TelemetryError(f"{address.shown}: needs pip install 'minewatch[nvml]'") from error
    samples, host = Samples(address.shown), hints.meter or address.target
    try:
        pynvml.nvmlInit()
        try:
            devices = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
            polling.poll(address, lambda now: _look(pynvml, devices, samples, host, now))
        finally:
            pynvml.nvmlShutdown()
    except pynvml.NVMLError as error:
        raise TelemetryError(f"{address.shown}: {error}") from error
    return samples.readings()


def _look(pynvml: Any, devices: list[Any], samples: Samples, host: str, now: float) -> None:
    for i, device in enumerate(devices):
        try:
            watts = pynvml.nvmlDeviceGetPowerUsage(device) * _W_PER_MW
        except pynvml.NVMLError:  # cards that cannot tell
            watts = math.nan
        meter = f"{host}/{i}" if len(devices) > 1 else host
        samples.power(meter, now, watts)
        with contextlib.suppress(pynvml.NVMLError):  # cards that cannot tell
            samples.gpu_use(meter, float(pynvml.nvmlDeviceGetUtilizationRates(device).gpu))
