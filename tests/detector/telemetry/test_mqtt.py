"""Smart plugs: their messages as the makers document them, and a real broker."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from detector.telemetry import TelemetryError, read_power
from tests.detector.telemetry.servers import free_port, wait_for

MOSQUITTO = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")
TASMOTA = {
    "Time": "2026-01-01T00:00:00",
    "ENERGY": {"Total": 3.185, "Power": 120, "ApparentPower": 130, "Voltage": 230},
}
SHELLY = {
    "id": 0,
    "output": True,
    "apower": 80.5,
    "voltage": 230.1,
    "aenergy": {"total": 9.0, "by_minute": [1, 2, 3]},
}


def read(folder: Path, *messages: tuple[str, Any]) -> Any:
    lines = [
        f"{1_700_000_000 + i}.25 {topic} {json.dumps(told)}\n" for i, (topic, told) in enumerate(messages)
    ]
    path = folder / "plugs.log"
    path.write_text("".join(lines), encoding="utf-8")
    return read_power(path)


@pytest.mark.parametrize(
    ("topic", "told", "found"),
    [
        ("tele/rig/SENSOR", TASMOTA, {"rig": 120.0}),
        ("stat/rig/STATUS8", {"StatusSNS": TASMOTA}, {"rig": 120.0}),
        ("tele/rig/SENSOR", {"ENERGY": {"Power": [120, 7]}}, {"rig/1": 120.0, "rig/2": 7.0}),
        ("shellyplug-a1/status/switch:0", SHELLY, {"shellyplug-a1": 80.5}),
        ("shelly-a1/status/switch:3", SHELLY, {"shelly-a1/3": 80.5}),
        ("em/status/em1:0", {"act_power": 5}, {"em": 5.0}),
        (
            "em/status/em:0",
            {"total_act_power": 9, "a_act_power": 3, "b_act_power": 3, "c_act_power": 3},
            {"em": 9.0},
        ),
        ("em/status/em:0", {"a_act_power": 3, "b_act_power": 3, "c_act_power": 3.5}, {"em": 9.5}),
    ],
)
def test_messages_of_plugs(tmp_path: Path, topic: str, told: Any, found: dict[str, float]) -> None:
    readings = read(tmp_path, (topic, told))
    assert dict(zip(readings.meters, readings.watts.tolist(), strict=True)) == found
    assert readings.time_ns[0] == 1_700_000_000_250_000_000


def test_other_messages_are_counted(tmp_path: Path) -> None:
    odd = [
        ("x/status/y", told)
        for told in ({"ENERGY": 5}, {"apower": "NaN"}, {"apower": {}}, {"temperature": 1})
    ]
    readings = read(tmp_path, ("tele/rig/SENSOR", TASMOTA), *odd)
    assert len(readings) == 1 and readings.dropped == {"message without power": 4}


@contextlib.contextmanager
def broker(folder: Path, secured: bool = False) -> Iterator[int]:
    if MOSQUITTO is None:
        pytest.skip("no mosquitto (apt-get install mosquitto)")
    port = free_port()
    lines = [f"listener {port} 127.0.0.1", f"allow_anonymous {str(not secured).lower()}"]
    (folder / "broker.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
    server = subprocess.Popen([MOSQUITTO, "-c", str(folder / "broker.conf")], stderr=subprocess.DEVNULL)
    try:
        assert wait_for(lambda: socket.create_connection(("127.0.0.1", port), 1).close() is None)
        yield port
    finally:
        server.terminate()
        server.wait(10)


def test_a_real_broker(tmp_path: Path) -> None:
    client = pytest.importorskip("paho.mqtt.client")
    publish = pytest.importorskip("paho.mqtt.publish")
    assert client
    over = threading.Event()
    with broker(tmp_path) as port:
        publish.single("tele/old/SENSOR", json.dumps(TASMOTA), hostname="127.0.0.1", port=port, retain=True)

        def plugs() -> None:
            while not over.wait(0.2):
                for topic, told in (
                    ("tele/rig/SENSOR", TASMOTA),
                    ("shelly/status/switch:0", SHELLY),
                    ("x/status/y", "{"),
                ):
                    payload = told if isinstance(told, str) else json.dumps(told)
                    publish.single(topic, payload, hostname="127.0.0.1", port=port)

        thread = threading.Thread(target=plugs)
        thread.start()
        try:
            readings = read_power(f"mqtt:127.0.0.1:{port}?for=3s")
        finally:
            over.set()
            thread.join()
    assert sorted(readings.meters) == ["rig", "shelly"]
    assert set(readings.watts.tolist()) == {120.0, 80.5}
    assert readings.dropped["retained message of an unknown time"] == 1
    assert abs(readings.time_ns[-1] / 1e9 - time.time()) < 60


def test_brokers_that_refuse_or_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("paho.mqtt.client")
    monkeypatch.setenv("MINEWATCH_POWER_USER", "me")
    monkeypatch.setenv("MINEWATCH_POWER_PASSWORD", "PASSWORD")
    refuses = pytest.raises(TelemetryError, match="the broker refuses")
    with broker(tmp_path, secured=True) as port, refuses as caught:
        read_power(f"mqtt:127.0.0.1:{port}?for=5s")
    assert "PASSWORD" not in str(caught.value)
    with pytest.raises(TelemetryError, match="refused"):
        read_power(f"mqtt:127.0.0.1:{free_port()}?for=1s")
    with pytest.raises(TelemetryError, match="no name of a broker"):
        read_power("mqtt:a/b?for=1s")


def test_a_broker_that_says_nothing_is_left_in_time() -> None:
    pytest.importorskip("paho.mqtt.client")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began = time.monotonic()
        with pytest.raises(TelemetryError, match="no reading"):
            read_power(f"mqtt:127.0.0.1:{silent.getsockname()[1]}?for=1s")
        assert time.monotonic() - began < 15
