"""The monitor's syslog server may come late, go away and come back: nothing is told twice or out of order."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from detector.cli import main
from detector.monitor import relay
from detector.monitor.relay import AGAIN_S, Relay
from detector.sinks.cef import event
from detector.syslog import SyslogError
from tests.detector.sinks.samples import clear, everything, mining
from tests.detector.test_syslog import Server, parsed

SAMPLES = Path(__file__).parents[2] / "sample_data"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


def test_what_is_told_arrives_in_order() -> None:
    server, notes = Server(), []
    told = Relay(f"tcp://127.0.0.1:{server.port}", notes.append)
    told.send([mining()])
    told.send(everything())
    assert told.close() is None and notes == []
    texts = [parsed(raw)[1] for raw in server.messages()]
    assert texts == [event(f).encode("utf-8", "replace").decode() for f in [mining(), *everything()]]


def test_findings_wait_for_a_server_that_is_not_there_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, notes = Clock(), []
    down = Relay(f"tcp://127.0.0.1:{free_port()}", notes.append, clock)
    down.send([mining()])
    down.send([clear()])
    assert len(notes) == 1 and "1 finding waiting" in notes[0], "the second is not tried at once"
    server = Server()
    monkeypatch.setattr(down, "_address", f"tcp://127.0.0.1:{server.port}")  # it came up
    clock.now += AGAIN_S
    down.send([])
    assert down.close() is None
    assert [parsed(raw)[1] for raw in server.messages()] == [event(mining()), event(clear())]


def test_what_is_never_handed_over_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "MOST", 2)
    notes: list[str] = []
    down = Relay(f"tcp://127.0.0.1:{free_port()}", notes.append, Clock())
    down.send([clear(str(n)) for n in range(5)])
    told = down.close()
    assert told is not None and told.endswith("5 findings not handed over")


def test_an_address_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(SyslogError):
        Relay("siem", print)


def test_the_monitor_sends_what_it_prints(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    server = Server()
    power = str(SAMPLES / "node-day.csv")
    words = ["monitor", "--once", "--power", power, "--syslog", f"tcp://127.0.0.1:{server.port}", "--quiet"]
    assert main(words) == 0
    printed = capfd.readouterr().out.splitlines()
    texts = [parsed(raw)[1] for raw in server.messages()]
    assert len(texts) == len(printed) > 0
    assert all("gpu-057" in text for text in texts)


def test_a_server_that_is_down_stops_no_watching(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "site.toml"
    address = f"tcp://127.0.0.1:{free_port()}"
    power = str(SAMPLES / "node-day.csv")
    config.write_text(f'[monitor]\nsyslog = "{address}"\npower = ["{power}"]\n')
    assert main(["monitor", str(config), "--once", "--quiet"]) == 2
    captured = capfd.readouterr()
    assert "gpu-057" in captured.out and f"{address}: 1 finding not handed over" in captured.err
