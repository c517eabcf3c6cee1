"""Smart plugs over MQTT (Tasmota, Shelly): a broker that is listened to, or what `mosquitto_sub` wrote.

    mqtt:broker:1883?topic=tele/+/SENSOR&for=10m
    mosquitto_sub -t 'tele/+/SENSOR' -F '%U %t %p' > plugs.log

The time is that of arrival: a plug's own clock has no zone, and often no battery.  Retained
messages are of long ago and are left.  Only subscribes.  Credentials: `MINEWATCH_POWER_USER`
and `MINEWATCH_POWER_PASSWORD`.  Needs `pip install 'minewatch[mqtt]'` for the broker.
Sources: Tasmota "MQTT"; Shelly Gen2+ API, components Switch, PM1, EM, EM1.
"""

from __future__ import annotations

import json
import math
import os
import queue
import re
import time
from typing import TYPE_CHECKING, Any, Final

from detector.telemetry import polling
from detector.telemetry.contract import Hints, TelemetryError
from detector.telemetry.loglines import text_lines
from detector.telemetry.samples import Samples

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detector.records import Readings
    from detector.streams import Stream
    from detector.telemetry.address import Address

SCHEME: Final = "mqtt"
ARGUMENTS: Final = ("for", "topic", "tls")
TOPICS: Final = ("tele/+/SENSOR", "+/status/+")
MAX_WAITING: Final = 10_000  # messages
MAX_PAYLOAD: Final = 1 << 16
CONNECT_S: Final = 10.0
_BROKER: Final = re.compile(r"([\w.-]{1,253}|\[[0-9a-fA-F:.]{2,45}\])(?::(\d{1,5}))?")
_LINE: Final = re.compile(r"^(\d{9,10}(?:\.\d+)?) (\S{1,1024}) (\{.*)$")
_SNIFF: Final = re.compile(rb'(?m)^\d{9,10}(\.\d+)? \S{1,1024} \{[^\n]*"(ENERGY|apower|\w*act_power)"')
_SHELLY: Final = ("apower", "act_power", "total_act_power")
_PHASES: Final = ("a_act_power", "b_act_power", "c_act_power")


def sniff(head: bytes, name: str) -> bool:
    """Lines of a time, a topic and an object with power."""
    return _SNIFF.search(head) is not None


def read(stream: Stream, hints: Hints) -> list[Readings]:
    """Watts of each plug.  Raises TelemetryError, OSError."""
    samples = Samples(stream.path)
    for line in text_lines(stream):
        if match := _LINE.match(line):
            _take(samples, float(match[1]), match[2], match[3])
        elif line.strip():
            samples.dropped["line without time, topic and object"] += 1
    return [samples.readings()]


def fetch(address: Address, hints: Hints) -> Readings:
    """Watts of each plug that reports while we listen.  Raises TelemetryError."""
    try:
        import paho.mqtt.client as paho  # noqa: PLC0415
        from paho.mqtt.enums import CallbackAPIVersion  # noqa: PLC0415
    except ImportError as error:
        raise TelemetryError(f"{address.shown}: needs pip install 'minewatch[mqtt]'") from error
    broker = _BROKER.fullmatch(address.target)
    if broker is None:
        raise TelemetryError(f"{address.shown}: no name of a broker")
    seconds, samples = polling.duration_s(address), Samples(address.shown)
    topics = [address.arguments["topic"]] if address.arguments.get("topic") else list(TOPICS)
    client = paho.Client(CallbackAPIVersion.VERSION2, reconnect_on_failure=False)
    came: queue.Queue[Any] = queue.Queue(MAX_WAITING)
    _prepare(client, address, topics, came, samples)
    try:
        client.connect_timeout = CONNECT_S
        client.connect(broker[1].strip("[]"), int(broker[2] or 1883), keepalive=60)
        client.loop_start()
        _listen(samples, came, seconds, address.shown)
    except (OSError, ValueError) as error:
        if isinstance(error, TelemetryError):
            raise
        raise TelemetryError(f"{address.shown}: {_reason(error)}") from error
    finally:
        client.disconnect()
        client.loop_stop()
    return samples.readings()


def _prepare(
    client: Any, address: Address, topics: list[str], came: queue.Queue[Any], samples: Samples
) -> None:
    """What the client does when it is connected, told something, or turned away."""

    def connected(_client: Any, _user: Any, _flags: Any, why: Any, _properties: Any) -> None:
        if why.is_failure:
            came.put(TelemetryError(f"{address.shown}: the broker refuses: {str(why).lower()}"))
        else:
            client.subscribe([(topic, 0) for topic in topics])

    def told(_client: Any, _user: Any, message: Any) -> None:
        if message.retain:
            samples.dropped["retained message of an unknown time"] += 1
            return
        if len(message.payload) > MAX_PAYLOAD:
            samples.dropped["message of more than 64 KiB"] += 1
            return
        try:
            came.put_nowait((time.time(), message.topic, message.payload))
        except queue.Full:
            samples.dropped["message that came too fast"] += 1

    client.on_connect, client.on_message = connected, told
    user = os.environ.get("MINEWATCH_POWER_USER")
    if user is not None:
        client.username_pw_set(user, os.environ.get("MINEWATCH_POWER_PASSWORD"))
    if address.arguments.get("tls", "0") not in ("0", "no"):
        client.tls_set()


def _listen(samples: Samples, came: queue.Queue[Any], seconds: float, where: str) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        try:
            message = came.get(timeout=min(left, 0.5))
        except queue.Empty:
            continue
        if isinstance(message, TelemetryError):
            raise message
        at, topic, payload = message
        _take(samples, at, topic, payload)


def _take(samples: Samples, at: float, topic: str, payload: str | bytes) -> None:
    """Adds what a message says of power; others are counted."""
    try:
        told = json.loads(payload)
    except (ValueError, RecursionError):
        samples.dropped["message that is not JSON"] += 1
        return
    found = list(_powers(topic, told)) if isinstance(told, dict) else []
    if not found:
        samples.dropped["message without power"] += 1
    for meter, watts in found:
        samples.power(meter, at, watts)


def _powers(topic: str, told: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """(meter, watts) of a Tasmota or Shelly message."""
    wrapped = told.get("StatusSNS")
    energy = (wrapped if isinstance(wrapped, dict) else told).get("ENERGY")
    parts = topic.split("/")
    if isinstance(energy, dict) and "Power" in energy:
        device = parts[1] if len(parts) > 2 else topic  # tele/<device>/SENSOR, stat/<device>/STATUS8
        power = energy["Power"]
        for i, value in enumerate(power[:64] if isinstance(power, list) else [power]):
            yield f"{device}/{i + 1}" if isinstance(power, list) else device, polling.number(value)
        return
    device = topic.partition("/status/")[0]
    component = parts[-1].partition(":")
    meter = f"{device}/{component[2]}" if component[2] not in ("", "0") else device
    total = next((polling.number(told[name]) for name in _SHELLY if name in told), math.nan)
    if not math.isnan(total):
        yield meter, total
    elif any(name in told for name in _PHASES):
        yield meter, sum(polling.number(told.get(name)) for name in _PHASES)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {CONNECT_S:.0f} s"
    return (getattr(error, "strerror", None) or "cannot be reached").lower()
