"""A live interface, through dumpcap's pipe.

Only dumpcap needs rights; it writes pcapng to its standard output and says on standard
error, at the end, how much it had to drop.  Packets are decoded by our own kernel: no
dissector stands in the path of live data.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from typing import Final

from detector.capture.files import CaptureError

BUFFER_MIB: Final = 64  # of the kernel, for the time in which windows are judged: 2 s at 30 MB/s
PIPE_BYTES: Final = 1 << 20  # what Linux lets an ordinary user ask for (fs.pipe-max-size)
START_S: Final = 15.0
STOP_S: Final = 5.0
_DROPS: Final = re.compile(rb"received/dropped on interface .*: (\d+)/(\d+) \(")
_MEND: Final = "sudo setcap cap_net_raw,cap_net_admin+eip $(command -v dumpcap)"


class LiveCapture:
    """A running dumpcap.  `received` and `lost` are known once it has ended."""

    def __init__(self, interface: str) -> None:
        """Start to capture.  Raises CaptureError with what to do about it."""
        self.interface = interface
        self.received: int | None = None
        self.lost: int | None = None
        self.problem: str | None = None  # why it ended, when nobody asked it to
        self._stopping = False
        self._ended = False
        self._told = tempfile.TemporaryFile()  # noqa: SIM115  dumpcap's standard error; closed with it
        self._dumpcap = self._start()
        self._pipe = self._output(self._dumpcap)
        try:
            self._wait_for_header()
        except BaseException:
            self.close()
            raise

    def _start(self) -> subprocess.Popen[bytes]:
        program = shutil.which("dumpcap")
        if program is None:
            raise CaptureError(
                f"{self.interface}: dumpcap is not installed: sudo apt install wireshark-common"
            )
        command = [program, "-q", "-i", self.interface, "-B", str(BUFFER_MIB), "-w", "-"]
        if self.interface.startswith("-") or not self.interface.isprintable():
            raise CaptureError(f"{self.interface!r} is no name of an interface")
        return subprocess.Popen(  # noqa: S603  no shell; the name was looked at
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._told,
            start_new_session=True,  # Ctrl-C is ours to pass on, after which its last packets are read
            env={**os.environ, "LC_ALL": "C"},
        )

    @staticmethod
    def _output(process: subprocess.Popen[bytes]) -> int:
        assert process.stdout is not None
        pipe = process.stdout.fileno()
        os.set_blocking(pipe, False)
        with contextlib.suppress(ImportError, AttributeError, OSError):
            import fcntl  # noqa: PLC0415

            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        return pipe

    def _wait_for_header(self) -> None:
        """Until the file header is in the pipe: then the interface is open."""
        import select  # noqa: PLC0415

        if not select.select([self._pipe], [], [], START_S)[0]:
            raise CaptureError(f"{self.interface}: dumpcap said nothing for {START_S:.0f} s")
        if self._readable_bytes() == 0:
            self._dumpcap.wait(STOP_S)
            raise CaptureError(self._refusal())

    def _readable_bytes(self) -> int:
        """Bytes in the pipe; 0 at its end."""
        import fcntl  # noqa: PLC0415
        import termios  # noqa: PLC0415

        return int.from_bytes(fcntl.ioctl(self._pipe, termios.FIONREAD, b"\0" * 4), "little")

    def fileno(self) -> int:
        """For select: readable when there are packets, or the end."""
        return self._pipe

    def read_into(self, room: memoryview) -> int | None:
        """Bytes read into `room`; 0 = nothing now; None = the capture has ended."""
        if self._ended:
            return None
        try:
            n = os.readv(self._pipe, [room])
        except BlockingIOError:
            return 0
        if n == 0:
            self._finish()
            return None
        return n

    def stop(self) -> None:
        """Ask dumpcap to end; what it has captured can still be read."""
        self._stopping = True
        with contextlib.suppress(ProcessLookupError):
            self._dumpcap.send_signal(signal.SIGTERM)

    def _finish(self) -> None:
        self._ended = True
        try:
            self._dumpcap.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._dumpcap.kill()
            self._dumpcap.wait()
        told = self._output_of_errors()
        drops = _DROPS.findall(told)
        if drops:
            self.received = sum(int(received) for received, _ in drops)
            self.lost = sum(int(dropped) for _, dropped in drops)
        if not self._stopping:
            self.problem = f"{self.interface}: the capture ended by itself: {self._last_words(told)}"

    def close(self) -> None:
        """End dumpcap, at once when it does not follow."""
        self.stop()
        deadline = time.monotonic() + STOP_S
        while self._dumpcap.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                os.read(self._pipe, PIPE_BYTES)  # a full pipe would hold it up
            time.sleep(0.01)
        if self._dumpcap.poll() is None:
            self._dumpcap.kill()
            self._dumpcap.wait()
        if self._dumpcap.stdout is not None:
            self._dumpcap.stdout.close()
        self._told.close()

    def _output_of_errors(self) -> bytes:
        end = self._told.seek(0, os.SEEK_END)
        self._told.seek(max(0, end - 65_536))
        return self._told.read(65_536)

    def _last_words(self, told: bytes) -> str:
        lines = told.decode("utf-8", "replace").splitlines()
        about = [line for line in lines if line.startswith("dumpcap: ")]
        text = about[-1].removeprefix("dumpcap: ") if about else (lines or ["it said nothing"])[-1]
        return "".join(c if c.isprintable() else "?" for c in text)[:200]

    def _refusal(self) -> str:
        """Why dumpcap did not start, in one line that says what mends it."""
        told = self._output_of_errors()
        if b"permission" in told.lower():
            return f"{self.interface}: no permission to capture: {_MEND}"
        if b"no device named" in told or b"No such device" in told:
            return f"{self.interface}: there is no such interface{_interfaces()}"
        return f"{self.interface}: dumpcap: {self._last_words(told)}"


def _interfaces() -> str:
    """`; there are: lo, eth0`, where the system says so."""
    try:
        import socket  # noqa: PLC0415

        names = [name for _, name in socket.if_nameindex()]
    except OSError:
        return ""
    return f"; there are: {', '.join(sorted(names)[:16])}" if names else ""
