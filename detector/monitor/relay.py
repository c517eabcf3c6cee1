"""Changed findings to a syslog server that may go away: kept meanwhile and tried again.

The monitor goes on watching whatever becomes of the server.  Findings that could not be handed over wait,
the newest MOST of them; what is dropped is counted.  Syslog has no answers (RFC 5424, section 8.5): what a
server lost after it was handed over, nobody is told.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from detector.records import Finding
from detector.syslog import Syslog, place
from detector.text import plural

MOST: Final = 10_000  # findings that wait; a few KB each
AGAIN_S: Final = 30.0  # between two attempts: one may take `syslog.TIMEOUT_S`, in which nothing is read


class Relay:
    """Hands findings to one server, in order."""

    def __init__(
        self, address: str, note: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Connects at the first finding.  note: takes a line on what went wrong.  Raises SyslogError."""
        place(address)
        self._address, self._note, self._clock = address, note, clock
        self._waiting: deque[Finding] = deque(maxlen=MOST)
        self._server: Syslog | None = None
        self._not_before = -float("inf")
        self._dropped = 0

    def send(self, findings: Iterable[Finding]) -> None:
        """Hand them over, and what waits before them; they wait where the server cannot be had."""
        for finding in findings:
            self._dropped += len(self._waiting) == MOST
            self._waiting.append(finding)
        if self._clock() >= self._not_before:
            self._deliver()

    def close(self) -> str | None:
        """Try once more; one line on what was not handed over, if anything was not."""
        self._deliver()
        self._hang_up()
        lost = len(self._waiting) + self._dropped
        return f"{self._address}: {plural(lost, 'finding')} not handed over" if lost else None

    def _deliver(self) -> None:
        try:
            while self._waiting:
                self._server = self._server or Syslog(self._address)
                self._server.send([self._waiting[0]])
                self._waiting.popleft()
        except OSError as error:
            self._hang_up()
            self._not_before = self._clock() + AGAIN_S
            waits = plural(len(self._waiting), "finding")
            self._note(f"{self._address}: {error.strerror or error}; {waits} waiting, tried again")

    def _hang_up(self) -> None:
        server, self._server = self._server, None
        if server:
            try:
                server.close()
            except OSError as error:
                self._note(f"{self._address}: {error.strerror or error}")
