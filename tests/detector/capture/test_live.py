"""dumpcap's pipe: the real one on the loopback where it may capture, impostors for what goes wrong."""

from __future__ import annotations

import select
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from detector.capture import CaptureError
from detector.capture.live import LiveCapture
from detector.kernel import Meter, layout
from detector.settings import MeterSettings
from tests.detector.kernel.by_hand import CLIENT, SERVER, START, ether, pcapng, udp


@pytest.fixture
def loopback() -> Iterator[LiveCapture]:
    try:
        capture = LiveCapture("lo")
    except CaptureError as error:
        pytest.skip(f"dumpcap cannot capture here: {error}")
    yield capture
    capture.close()


def read_to_end(capture: LiveCapture, meter: Meter) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        select.select([capture], [], [], 1)
        got = capture.read_into(meter.room(1 << 16))
        if got is None:
            return
        meter.advance(got)
    raise AssertionError("the capture did not end")


def test_every_packet_of_the_loopback_is_there(loopback: LiveCapture) -> None:
    meter = Meter(MeterSettings())
    with socket.socket(type=socket.SOCK_DGRAM) as receiver, socket.socket(type=socket.SOCK_DGRAM) as sender:
        receiver.bind(("127.0.0.1", 0))
        port = receiver.getsockname()[1]
        sender.bind(("127.0.0.1", 0))
        sent_from = sender.getsockname()[1]
        for i in range(2000):
            sender.sendto(i.to_bytes(4, "big"), ("127.0.0.1", port))
    time.sleep(0.5)
    loopback.stop()
    read_to_end(loopback, meter)
    meter.finish()
    windows, _ = meter.windows(final=True)
    ours = windows.wide[np.isin(windows.port, (port, sent_from))]
    assert int((ours[:, layout.UP + layout.PACKETS] + ours[:, layout.DOWN + layout.PACKETS]).sum()) == 2000
    assert loopback.received == meter.counters.packets
    assert loopback.lost == 0
    assert loopback.problem is None


def test_reading_does_not_wait(loopback: LiveCapture) -> None:
    room = memoryview(bytearray(1 << 20))
    began = time.monotonic()
    while loopback.read_into(room):
        pass
    assert loopback.read_into(room) == 0
    assert time.monotonic() - began < 10


@pytest.mark.skipif(shutil.which("dumpcap") is None, reason="dumpcap is not installed")
def test_no_such_interface() -> None:
    with pytest.raises(
        CaptureError, match=r"^nosuch0: (there is no such interface; there are: |no permission)"
    ):
        LiveCapture("nosuch0")


@pytest.fixture
def impostor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder first in PATH; write a dumpcap into it."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tmp_path


def pose(folder: Path, script: str) -> None:
    program = folder / "dumpcap"
    program.write_text("#!/bin/sh\n" + script)
    program.chmod(0o755)


def test_no_dumpcap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CaptureError, match="dumpcap is not installed: sudo apt install"):
        LiveCapture("lo")


def test_no_permission_says_what_mends_it(impostor: Path) -> None:
    pose(
        impostor,
        'echo "Capturing on lo" >&2\n'
        'echo "dumpcap: You do not have permission to capture on device \\"lo\\"." >&2\nexit 2\n',
    )
    with pytest.raises(CaptureError) as refused:
        LiveCapture("lo")
    assert str(refused.value) == (
        "lo: no permission to capture: sudo setcap cap_net_raw,cap_net_admin+eip $(command -v dumpcap)"
    )


@pytest.mark.parametrize("name", ["-x", "--help", "a\nb", "\x1b[2J"])
def test_names_that_are_options(name: str) -> None:
    with pytest.raises(CaptureError):
        LiveCapture(name)


def test_drops_are_counted(impostor: Path, tmp_path: Path) -> None:
    data = pcapng([(START, ether(udp(CLIENT, 1, SERVER, 53, b"x")))])
    (tmp_path / "bytes").write_bytes(data)
    pose(
        impostor,
        f"trap '' TERM\ncat {tmp_path}/bytes\n"
        "echo \"Packets received/dropped on interface 'a b: 1/2 ': 100/23"
        ' (pcap:20/dumpcap:3/flushed:0/ps_ifdrop:7) (81.3%)" >&2\nsleep 0.2\n',
    )
    capture = LiveCapture("any")
    capture.stop()
    meter = Meter(MeterSettings())
    read_to_end(capture, meter)
    assert meter.counters.decoded == 1
    assert (capture.received, capture.lost) == (100, 23)
    capture.close()


def test_capture_that_ends_by_itself_is_a_problem(impostor: Path) -> None:
    pose(impostor, "printf '\\012\\015\\015\\012'\necho 'dumpcap: The interface went down.' >&2\nexit 1\n")
    capture = LiveCapture("eth9")
    read_to_end(capture, Meter(MeterSettings()))
    assert capture.problem == "eth9: the capture ended by itself: The interface went down."
    capture.close()


def test_dumpcap_that_ignores_its_end_is_killed(impostor: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.capture.live.STOP_S", 0.3)
    pose(impostor, "trap '' TERM\nprintf x\nwhile :; do sleep 0.1; done\n")
    capture = LiveCapture("lo")
    capture.close()
    assert capture._dumpcap.poll() is not None
