"""Rack PDUs, played by a real snmpd that is told their objects; scales as their makers' MIBs say."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.telemetry import TelemetryError, read_power
from tests.detector.telemetry.servers import free_port, wait_for

SNMPD = shutil.which("snmpd", path=os.environ.get("PATH", "") + ":/usr/sbin")
needs_snmp = pytest.mark.skipif(
    not (SNMPD and shutil.which("snmpbulkwalk")),
    reason="no snmpd or snmpbulkwalk (apt-get install snmpd snmp)",
)
APC = {"1.3.6.1.4.1.318.1.1.26.4.3.1.5.1": 325, "1.3.6.1.4.1.318.1.1.26.4.3.1.5.2": 1}
RARITAN = {
    "1.3.6.1.4.1.13742.6.5.2.3.1.4.1.1.1": 14,  # rmsCurrent
    "1.3.6.1.4.1.13742.6.5.2.3.1.4.1.1.5": 32500,
    "1.3.6.1.4.1.13742.6.3.3.4.1.7.1.1.1": 1,
    "1.3.6.1.4.1.13742.6.3.3.4.1.7.1.1.5": 1,
}
EATON = {"1.3.6.1.4.1.534.6.6.7.3.5.1.4.0.1": 3250, "1.3.6.1.4.1.534.6.6.7.6.5.1.3.0.7": 250}


@contextlib.contextmanager
def agent(folder: Path, objects: dict[str, int]) -> Iterator[str]:
    port = free_port(socket.SOCK_DGRAM)
    lines = [
        "rocommunity s3cret 127.0.0.1",
        *(f"override .{oid} integer {value}" for oid, value in objects.items()),
    ]
    (folder / "snmpd.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
    environment = os.environ | {"SNMP_PERSISTENT_DIR": str(folder), "SNMPCONFPATH": str(folder)}
    command = [
        str(SNMPD),
        "-f",
        "-Lf",
        str(folder / "log"),
        "-C",
        "-c",
        str(folder / "snmpd.conf"),
        f"udp:127.0.0.1:{port}",
    ]
    server = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        assert wait_for(lambda: "NET-SNMP version" in (folder / "log").read_text(encoding="utf-8"))
        yield f"127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)


@needs_snmp
@pytest.mark.parametrize(
    ("objects", "meters", "watts"),
    [
        (APC, ["127.0.0.1/unit 1", "127.0.0.1/unit 2"], {3250.0, 10.0}),  # hundredths of kW
        (RARITAN, ["127.0.0.1/inlet 1.1"], {3250.0}),  # one decimal digit; current is another row
        (EATON, ["127.0.0.1/input 0.1", "127.0.0.1/outlet 0.7"], {3250.0, 250.0}),
    ],
)
def test_makers_and_their_scales(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    objects: dict[str, int],
    meters: list[str],
    watts: set[float],
) -> None:
    monkeypatch.setenv("MINEWATCH_SNMP_COMMUNITY", "s3cret")
    with agent(tmp_path, objects) as target:
        readings = read_power(f"snmp:{target}?for=1s&every=500ms")
    assert readings.meters == meters and set(readings.watts.tolist()) == watts
    assert len(readings) >= 2 * len(meters)


@needs_snmp
def test_an_agent_without_power_and_a_wrong_community(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with agent(tmp_path, {"1.3.6.1.4.1.99999.1.0": 5}) as target:
        monkeypatch.setenv("MINEWATCH_SNMP_COMMUNITY", "s3cret")
        with pytest.raises(TelemetryError, match="none of the tables"):
            read_power(f"snmp:{target}?for=1s")
        monkeypatch.setenv("MINEWATCH_SNMP_COMMUNITY", "wr0ng")
        with pytest.raises(TelemetryError, match=r"(?i)timeout") as caught:
            read_power(f"snmp:{target}?for=1s&maker=apc")
    assert "wr0ng" not in str(caught.value)


def fake(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = folder / "snmpbulkwalk"
    program.write_text("#!/bin/sh\n" + script, encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_a_walk_without_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.telemetry.snmp.WALK_S", 0.5)
    fake(tmp_path, monkeypatch, "exec sleep 30")
    began = time.monotonic()
    with pytest.raises(TelemetryError, match="not over after"):
        read_power("snmp:pdu?for=1s")
    assert time.monotonic() - began < 10


def test_rows_are_bounded_and_nonsense_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.telemetry.snmp.MAX_ROWS", 5)
    fake(
        tmp_path,
        monkeypatch,
        "for at; do :; done; case $at in *26.4.3.1.5) ;; *) exit 0;; esac\n"
        'i=0; while :; do i=$((i+1)); echo "$9x"; echo ".1.3.6.1.4.1.318.1.1.26.4.3.1.5.$i 7"; done',
    )
    readings = read_power("snmp:pdu?for=0s&maker=apc")
    assert len(readings.meters) == 5 and set(readings.watts) == {70.0}


def test_apc_outlets_are_read_and_energy_where_there_are_no_watts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A count of walks stands for the register: a tenth of a kWh more each time it is asked."""
    script = f"""cd {tmp_path}; for at; do :; done
case $at in
  *26.4.3.1.5) echo "$at.1 -1";;
  *26.4.3.1.9) echo x >> walks; echo "$at.1 $(( 170982 + $(wc -l < walks) ))";;
  *26.9.4.3.1.7) echo "$at.1 250"; echo "$at.2 -1";;
esac
"""
    fake(tmp_path, monkeypatch, script)
    readings = read_power("snmp:pdu?for=400ms&every=200ms&maker=apc")
    watts = {name: set(readings.watts[readings.meter == i]) for i, name in enumerate(readings.meters)}
    assert watts.keys() == {"pdu/unit 1", "pdu/outlet 1"} and watts["pdu/outlet 1"] == {250.0}
    assert min(watts["pdu/unit 1"]) > 0 and any("differences" in note for note in readings.notes)
    fake(tmp_path, monkeypatch, script.replace(' -1"', ' 33"'))
    readings = read_power("snmp:pdu?for=400ms&every=200ms&maker=apc")
    assert set(readings.watts[readings.meter == readings.meters.index("pdu/unit 1")]) == {330.0}


def test_the_community_is_in_no_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINEWATCH_SNMP_COMMUNITY", "s3cret")
    fake(
        tmp_path,
        monkeypatch,
        f'cd {tmp_path}; (echo "$@"; env) > told; cat "$SNMPCONFPATH/snmp.conf" > conf',
    )
    with pytest.raises(TelemetryError, match="none of the tables"):
        read_power("snmp:pdu?for=0s&maker=apc")
    assert "s3cret" not in (tmp_path / "told").read_text(encoding="utf-8")
    assert "defCommunity s3cret" in (tmp_path / "conf").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("snmp:-Ox", "no name of a host"),
        ("snmp:unix:/tmp/x", "no name of a host"),
        ("snmp:pdu?maker=acme", "apc, eaton, raritan"),
        ("snmp:pdu?for=2d", "at most a day"),
    ],
)
def test_addresses_that_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, expected: str
) -> None:
    fake(tmp_path, monkeypatch, 'echo ".1.3.6.1.4.1.318.1.1.26.4.3.1.5.1 7"')
    with pytest.raises(TelemetryError, match=expected):
        read_power(address)
