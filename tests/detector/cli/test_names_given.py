"""Names as clumsy hands give them: behind `--`, with a mistyped scheme, with a unit in a header."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.cli import main
from detector.inputs import sort_inputs
from detector.telemetry import mistyped, read_power
from tests.detector.cli.test_bad_inputs import needs_model, pcap


@needs_model
@pytest.mark.parametrize(
    "words", ["score -- -x.pcap", "score --format csv -- -x.pcap", "extract --output out -- -x.pcap"]
)
def test_behind_two_dashes_all_are_names(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("-x.pcap").write_bytes(pcap())
    assert main(words.split()) == 0
    assert "read 20 packets from 1 source" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("mqt://me:secret@broker/x", "mqt: no kind of server is called so; did you mean 'mqtt:'?"),
        (
            "promtheus+http://h:9090",
            "promtheus+http: no kind of server is called so; did you mean 'prometheus:'?",
        ),
        (
            "Prometheus:http://h:9090",
            "Prometheus: no kind of server is called so; did you mean 'prometheus:'?",
        ),
        (
            "ftp://h/x",
            "ftp: no kind of server is called so; known: prometheus:, snmp:, redfish:, mqtt:, nvml:",
        ),
    ],
)
def test_a_mistyped_scheme_gets_the_nearest(name: str, told: str) -> None:
    for found in (sort_inputs([], [name]), sort_inputs([name])):
        (problem,) = found.problems
        assert problem.startswith(told) and "secret" not in problem and not found.power


def test_a_server_is_named_with_power_and_its_password_is_not_told() -> None:
    (problem,) = sort_inputs(["mqtt:me:secret@broker/x"]).problems
    assert problem == "mqtt: a server with readings is named with --power"


def test_names_with_colons_are_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mqt:x").write_bytes(pcap())
    assert sort_inputs(["mqt:x"]).captures == ["mqt:x"]
    assert mistyped("capture:12.pcap") is None
    assert sort_inputs(["capture:12.pcap"]).problems == ["capture:12.pcap: no such file"]


def test_a_meter_is_called_by_its_column_without_the_unit(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    rows = "".join(f"2026-03-01T00:0{i}:00Z,1,2,3,4\n" for i in range(6))
    path.write_text("time,A [W],Hall (east) (W),C [W],C (kW)\n" + rows)
    assert read_power(path).meters == ["A", "Hall (east)", "C [W]", "C (kW)"]
