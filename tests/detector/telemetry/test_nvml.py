"""NVIDIA's library, played by a module with its functions: it tells milliwatts."""

import sys
import types

import pytest

from detector.telemetry import TelemetryError, read_power


class NVMLError(Exception):
    """As the library's."""


def library(
    powers: list[int | None], driver: bool = True, use: tuple[int | None, ...] = ()
) -> types.ModuleType:
    def power(device: int) -> int:
        if powers[device] is None:
            raise NVMLError("Not Supported")
        return powers[device]

    def utilisation(device: int) -> types.SimpleNamespace:
        if device >= len(use) or use[device] is None:
            raise NVMLError("Not Supported")
        return types.SimpleNamespace(gpu=use[device], memory=3)

    def init() -> None:
        if not driver:
            raise NVMLError("Driver Not Loaded")

    module = types.ModuleType("pynvml")
    module.__dict__.update(
        NVMLError=NVMLError, nvmlInit=init, nvmlShutdown=lambda: None, nvmlDeviceGetCount=lambda: len(powers),
        nvmlDeviceGetHandleByIndex=lambda i: i, nvmlDeviceGetPowerUsage=power,
        nvmlDeviceGetUtilizationRates=utilisation,
    )  # fmt: skip
    return module


def test_milliwatts_of_each_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", library([250_000, None, 90_500]))
    readings = read_power("nvml:rig?for=200ms&every=100ms")
    assert readings.meters == ["rig/0", "rig/2"] and set(readings.watts.tolist()) == {250.0, 90.5}
    assert readings.dropped["value missing"] >= 2


def test_use_of_each_gpu_that_tells_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        sys.modules, "pynvml", library([250_000, 90_000, None, 80_000], use=(99, None, 50, 7))
    )
    readings = read_power("nvml:rig?for=300ms&every=100ms")
    assert readings.gpu_use.keys() == {"rig/0", "rig/3"}
    busy, idle = readings.gpu_use["rig/0"], readings.gpu_use["rig/3"]
    assert busy.mean == 99 and busy.busy_h == busy.read_h > 0
    assert idle.mean == 7 and idle.busy_h == 0


@pytest.mark.parametrize(
    ("module", "expected"),
    [(library([], driver=False), "Driver Not Loaded"), (library([]), "no reading"), (None, "pip install")],
)
def test_machines_without_gpus(
    monkeypatch: pytest.MonkeyPatch, module: types.ModuleType | None, expected: str
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", module)
    with pytest.raises(TelemetryError, match=expected):
        read_power("nvml:rig?for=0s")
