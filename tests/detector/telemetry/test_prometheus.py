"""Prometheus: saved answers, a real server, and servers that lie, hang, drip or send us away."""

import contextlib
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.inputs import sort_inputs
from detector.telemetry import TelemetryError, read_power
from detector.telemetry.samples import FELL
from tests.detector.telemetry.servers import drip, free_port, hang, http_server, text, wait_for

T0 = 1_700_000_000


def matrix(*series: tuple[dict[str, str], list[str]], step: int = 60) -> str:
    result = [
        {"metric": metric, "values": [[T0 + i * step, value] for i, value in enumerate(values)]}
        for metric, values in series
    ]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}})


def read(folder: Path, content: str, **hints: Any) -> Any:
    path = folder / "answer.json"
    path.write_text(content, encoding="utf-8")
    return read_power(path, **hints)


@pytest.mark.parametrize(
    ("metric", "first", "second", "watts"),
    [
        ("DCGM_FI_DEV_POWER_USAGE", "250", "250", 250.0),
        ("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "9000000", "24000000", 250.0),  # mJ, not J and not Wh
        ("kepler_node_cpu_watts", "250", "250", 250.0),
        ("kepler_node_cpu_joules_total", "1000", "16000", 250.0),
        ("node_rapl_package_joules_total", "1000", "16000", 250.0),
        ("scaph_host_power_microwatts", "250000000", "250000000", 250.0),
        ("scaph_host_energy_microjoules", "0", "15000000000", 250.0),
        ("ipmi_dcmi_power_consumption_watts", "250", "250", 250.0),
        ("rPDU2DeviceStatusPower", "25", "25", 250.0),  # hundredths of kW
        ("meter_import_kwh_total", "10", "10.0041666666666667", 250.0),
    ],
)
def test_what_metrics_count_in(tmp_path: Path, metric: str, first: str, second: str, watts: float) -> None:
    readings = read(tmp_path, matrix(({"__name__": metric, "instance": "n1:9100"}, [first, second])))
    assert readings.meters == ["n1"] and readings.watts[0] == pytest.approx(watts)
    assert readings.time_ns[0] == T0 * 10**9 and not readings.estimated


KEPLER_BMC = {"source": "redfish", "node_name": "n1", "bmc_id": "b1", "chassis_id": "1"}
CONTAINER = {"container_id": "9f", "container_namespace": "lab", "instance": "n1:9102", "mode": "dynamic"}
HWMON = {"chip": "platform_power_meter_1", "instance": "n1:9100"}


@pytest.mark.parametrize(
    ("series", "meters", "estimated"),
    [
        ([KEPLER_BMC | {"__name__": "kepler_platform_watts", "power_control_id": f"P{i}"} for i in (1, 2)],
         ["n1/P1", "n1/P2"], False),
        ([CONTAINER | {"__name__": "kepler_container_watts", "pod_name": pod} for pod in ("a", "b")],
         ["n1/a", "n1/b"], True),
        ([{"__name__": "scaph_socket_power_microwatts", "socket_id": i, "instance": "n1:8080"} for i in "01"],
         ["n1/0", "n1/1"], False),
        ([{"__name__": "ipmi_power_watts", "id": i, "name": f"PSU{i} Input", "instance": "n1"} for i in "12"],
         ["n1/1/PSU1 Input", "n1/2/PSU2 Input"], False),
        ([HWMON | {"__name__": "node_hwmon_power_average_watt", "sensor": s} for s in ("power1", "power2")],
         ["n1/power1", "n1/power2"], False),
        ([{"__name__": "bitaxe_power_watts", "instance": f"axe{i}:80"} for i in "12"],
         ["axe1", "axe2"], False),
    ],
    ids=["kepler platform", "kepler container", "scaphandre", "ipmi_exporter", "hwmon", "bitaxe"],
)  # fmt: skip
def test_series_as_exporters_label_them(
    tmp_path: Path, series: list[dict[str, str]], meters: list[str], *, estimated: bool
) -> None:
    readings = read(tmp_path, matrix(*((labels, ["9000000", "9000000"]) for labels in series)))
    assert readings.meters == meters and readings.estimated is estimated
    micro = "microwatts" in series[0]["__name__"]
    assert set(readings.watts) == {9.0 if micro else 9e6}


def test_a_containers_registers_are_estimates_too(tmp_path: Path) -> None:
    labels = CONTAINER | {"__name__": "kepler_container_package_joules_total"}
    readings = read(tmp_path, matrix((labels, ["1000", "1600", "2200"])))
    assert readings.estimated and readings.watts.tolist() == pytest.approx([10.0, 10.0])


def test_series_of_a_host_are_told_apart_by_what_differs(tmp_path: Path) -> None:
    labels = [
        {"__name__": "DCGM_FI_DEV_POWER_USAGE", "Hostname": h, "gpu": g, "job": "x"}
        for h in "ab"
        for g in "01"
    ]
    readings = read(tmp_path, matrix(*((label, ["1", "2"]) for label in labels)))
    assert readings.meters == ["a/0", "a/1", "b/0", "b/1"]


def test_processes_are_estimates_and_their_command_lines_stay_out(tmp_path: Path) -> None:
    name = "scaph_process_power_consumption_microwatts"
    labels = [
        {"__name__": name, "instance": "n", "exe": e, "cmdline": f"{e} -u WALLET -p PASS"}
        for e in ("rig", "sh")
    ]
    readings = read(tmp_path, matrix(*((label, ["9000000"]) for label in labels)))
    assert readings.estimated and any("not measured" in note for note in readings.notes)
    assert readings.meters == ["n/rig", "n/sh"] and readings.watts.tolist() == [9.0, 9.0]


def test_nan_inf_resets_and_nonsense_are_counted(tmp_path: Path) -> None:
    content = matrix(
        ({"__name__": "a_watts"}, ["1", "NaN", "+Inf", "x", "1e300"]),
        ({"__name__": "b_joules_total"}, ["600", "1200", "60", "660"]),
    )
    readings = read(tmp_path, content)
    assert readings.watts.tolist() == pytest.approx([1.0, 10.0, 10.0])
    assert readings.dropped == {"value missing": 2, "value not a number": 1, FELL: 1, "above 1e9 W": 1}


def test_a_name_that_was_taken_away_needs_a_unit(tmp_path: Path) -> None:
    content = matrix(({"instance": "n"}, ["0.25"]))
    with pytest.raises(TelemetryError, match="--power-unit"):
        read(tmp_path, content)
    assert read(tmp_path, content, unit="kW").watts.tolist() == [250.0]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"status":"error","errorType":"bad_data","error":"x"}', "error"),
        ('{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}', "no series"),
        ('{"status":"success","data":[' + "[" * 100_000, "nested too deep|not JSON"),
        ('{"status":"success","data":', "not JSON"),
        ('{"status":"success","data":{"resultType":"matrix","result":[]}}', "no reading"),
        ('{"status":"success","data":{"resultType":"matrix","result":[3,{"values":[7,[1]]}]}}', "no unit"),
    ],
)  # fmt: skip
def test_odd_answers_cost_one_line(tmp_path: Path, content: str, expected: str) -> None:
    with pytest.raises(TelemetryError, match=expected) as caught:
        read(tmp_path, content)
    assert "\n" not in str(caught.value)


KEYS = ["metric", "values", "value", "__name__"]
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(JSON, max_size=4))
def test_any_series_are_read_or_refused(tmp_path: Path, series: list[Any]) -> None:
    content = json.dumps({"status": "success", "data": {"resultType": "matrix", "result": series}})
    try:
        assert np.isfinite(read(tmp_path, content, unit="W").watts).all()
    except TelemetryError as error:
        assert "\n" not in str(error)


# ---- servers


def test_a_range_is_asked_in_pieces_that_a_server_answers() -> None:
    with http_server(text(matrix(({"__name__": "a_watts", "instance": "n:1"}, ["5", "6"])))) as (url, asked):
        readings = read_power(
            f"prometheus:{url}?query=a_watts+b&start=2026-01-01&end=2026-01-03T00:00Z&step=15s"
        )
    assert readings.meters == ["n"] and len(readings) == 2
    assert [method for method, _, _ in asked] == ["GET", "GET"]  # 11 520 steps; a server refuses 11 000
    assert "/api/v1/query_range?query=a_watts%2Bb&start=1767225600.000" in asked[0][1]


@pytest.mark.parametrize("status", [302, 307])
def test_nobody_sends_us_to_another_server(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINEWATCH_POWER_TOKEN", "secret-token")
    with (
        http_server(text(matrix(({"__name__": "a_watts"}, ["5"])))) as (other, asked_other),
        http_server(text("", status, Location=other + "/x")) as (url, asked),
        pytest.raises(TelemetryError, match="another server") as caught,
    ):
        read_power(f"prometheus:{url}?query=a_watts")
    assert not asked_other and asked[0][2]["Authorization"] == "Bearer secret-token"
    assert "secret" not in str(caught.value)


def test_servers_that_hang_drip_or_flood_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.telemetry.web.TIMEOUT_S", 0.3)
    monkeypatch.setattr("detector.telemetry.web.DEADLINE_S", 0.5)
    monkeypatch.setattr("detector.telemetry.web.MAX_BYTES", 10_000)
    for answer, expected in (
        (hang, "no answer within"),
        (drip, "not over after"),
        (text(b" " * 20_000), "more than"),
    ):
        began = time.monotonic()
        with http_server(answer) as (url, _), pytest.raises(TelemetryError, match=expected):
            read_power(f"prometheus:{url}?query=up")
        assert time.monotonic() - began < 4.5


def test_refusals_say_what_helps() -> None:
    with (
        http_server(text('{"status":"error","error":"parse\\u001b error"}', 400)) as (url, _),
        pytest.raises(TelemetryError, match=r"HTTP 400: parse\\x1b error"),
    ):
        read_power(f"prometheus:{url}?query=up{{")
    with http_server(text("", 401)) as (url, _), pytest.raises(TelemetryError, match="MINEWATCH_POWER_TOKEN"):
        read_power(f"prometheus:{url}?query=up")
    with pytest.raises(TelemetryError, match="refused"):
        read_power(f"prometheus:http://127.0.0.1:{free_port()}?query=up")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("prometheus:file:///etc/passwd?query=x", "not an http"),
        ("prometheus:http://h", "say what to ask for"),
        ("prometheus:http://h?quarry=x", "'quarry' is not known"),
        ("prometheus:http://h?query=x&start=-7y", "no length of time"),
        ("prometheus:http://h?query=x&start=yesterday", "no time"),
        ("prometheus:http://h?query=x&start=-9w&step=1ms", "more than 10 million"),
        ("prometheus:", "no address"),
        ("prometheus:http://me:PASSWORD@h?query=x", "credentials do not belong"),
    ],
)
def test_addresses_that_are_refused(address: str, expected: str) -> None:
    with pytest.raises(TelemetryError, match=expected) as caught:
        read_power(address)
    assert "PASSWORD" not in str(caught.value)


def test_addresses_stand_among_power_and_passwords_are_not_repeated() -> None:
    found = sort_inputs([], ["prometheus:http://h:9090?query=up", "prometheus:http://me:PASSWORD@h"])
    assert found.power == ["prometheus:http://h:9090?query=up"]
    assert len(found.problems) == 1 and "PASSWORD" not in found.problems[0]


@contextlib.contextmanager
def prometheus(folder: Path, target: str) -> Iterator[str]:
    """A real Prometheus that scrapes `target` every half second."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("no prometheus (apt-get install prometheus)")
    job = f"{{job_name: rig, scrape_interval: 500ms, static_configs: [{{targets: ['{target}']}}]}}"
    (folder / "prometheus.yml").write_text(f"scrape_configs: [{job}]", encoding="utf-8")
    port = free_port()
    server = subprocess.Popen(
        [
            program,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


def test_a_real_prometheus(tmp_path: Path) -> None:
    joules = [0]

    def exposition(handler: Any) -> None:
        joules[0] += 125_000  # mJ in half a second: 250 W
        gpu = '{gpu="0",Hostname="rig"}'
        energy = f"DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{gpu} {joules[0]}"
        text(f"DCGM_FI_DEV_POWER_USAGE{gpu} 250\n{energy}\n")(handler)

    with (
        http_server(exposition) as (target, asked),
        prometheus(tmp_path, target.removeprefix("http://")) as url,
    ):
        if not wait_for(lambda: len(asked) >= 8):
            pytest.fail(f"Prometheus scraped {len(asked)} times in 30 s")
        query = urllib.request.quote('{__name__=~"DCGM.*"}')
        ranged = read_power(f"prometheus:{url}?query={query}&start=-1m&step=1s")
        instant = read_power(f"prometheus:{url}?query=DCGM_FI_DEV_POWER_USAGE")
        raw = read_power(f"prometheus:{url}?query=DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION[1m]")
        with pytest.raises(TelemetryError, match=r"HTTP 400: .*parse error"):
            read_power(f"prometheus:{url}?query=up{{")
    assert ranged.meters == ["rig/DCGM_FI_DEV_POWER_USAGE", "rig/DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"]
    assert set(ranged.watts[ranged.meter == 0]) == {250.0}
    assert instant.watts.tolist() == [250.0]
    assert len(raw) >= 5 and raw.watts.mean() == pytest.approx(250, rel=0.2)  # by the scraper's own clock
