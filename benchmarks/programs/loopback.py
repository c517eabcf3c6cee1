"""UDP sent to the loopback as fast as one process can, metered live: `loopback.py SECONDS`.

Tells what was sent, what dumpcap dropped and what reached channel windows.  Needs the
right to capture; where it has none, tells why.
"""

import json
import multiprocessing
import select
import socket
import sys
import time
from multiprocessing.connection import Connection

from detector.capture import CaptureError
from detector.capture.live import LiveCapture
from detector.kernel import Meter, layout
from detector.records import ChannelWindows
from detector.settings import MeterSettings

PAYLOAD = bytes(158)  # 200 bytes on the wire
PIECE = 1 << 20
SETTLE_S = 1.0


def send(seconds: float, port: int, pipe: Connection) -> None:
    """Sends until the time is up; tells how many."""
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        sender.connect(("127.0.0.1", port))
        give, sent, until = sender.send, 0, time.monotonic() + seconds
        while time.monotonic() < until:
            for _ in range(256):
                give(PAYLOAD)
            sent += 256
    pipe.send(sent)


def meter_until_sent(capture: LiveCapture, meter: Meter, sent: Connection, port: int) -> tuple[int, int]:
    """Meters what comes while it is sent and a little longer; packets (sent, metered to that port)."""
    total, metered, stop_at = 0, 0, float("inf")
    while True:
        select.select([capture], [], [], 0.05)
        got = capture.read_into(meter.room(PIECE)[:PIECE])
        if got is None:
            meter.finish()
            return total, metered + packets_to(port, meter.windows(final=True)[0])
        if got:
            meter.advance(got)
            meter.payloads()
            metered += packets_to(port, meter.windows()[0])
        if not total and sent.poll():
            total, stop_at = sent.recv(), time.monotonic() + SETTLE_S
        if time.monotonic() > stop_at:
            capture.stop()
            stop_at = float("inf")


def packets_to(port: int, windows: ChannelWindows) -> int:
    """Packets in the rows of one service."""
    rows = windows.wide[windows.port == port]
    return int((rows[:, layout.UP + layout.PACKETS] + rows[:, layout.DOWN + layout.PACKETS]).sum())


def main(seconds: float) -> dict[str, object]:
    try:
        capture = LiveCapture("lo")
    except CaptureError as error:
        return {"refused": str(error)}
    meter = Meter(MeterSettings())
    receiving, sending = multiprocessing.Pipe(duplex=False)
    with socket.socket(type=socket.SOCK_DGRAM) as receiver:  # never read: what counts is on the wire
        receiver.bind(("127.0.0.1", 0))
        port = receiver.getsockname()[1]
        sender = multiprocessing.Process(target=send, args=(seconds, port, sending))
        sender.start()
        sent, metered = meter_until_sent(capture, meter, receiving, port)
        sender.join()
    capture.close()
    return {"items": metered, "sent": sent, "lost": capture.lost, "seconds": seconds}


if __name__ == "__main__":
    print(json.dumps(main(float(sys.argv[1]))))
