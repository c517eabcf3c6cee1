"""A power log that is still being written.

It is read again as a whole when it has grown, without the line that is not finished yet:
what a reader finds out about a file (units, order of the date, zone) needs more than its
last lines.  So the work is bounded by the size of the file, which is refused above
`MOST_BYTES`; rotate it before.  What earlier files at its place held is kept, and of every
meter no more than `KEPT_DAYS` before its newest reading.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Final

import numpy as np

from detector.records import Readings
from detector.telemetry import gpu_use, read_power
from detector.telemetry.contract import TelemetryError
from detector.telemetry.samples import median_steps

KEPT_DAYS: Final = 45
MOST_BYTES: Final = 256 << 20
_KEPT_NS: Final = KEPT_DAYS * 86_400 * 1_000_000_000
_TAIL: Final = 1 << 20  # longest line that `csv_log` takes


class Tail:
    """Readings of a path, as they are written."""

    def __init__(self, path: str, unit: str | None = None, timezone: str | None = None) -> None:
        self.path = path
        self._unit, self._timezone = unit, timezone
        self._seen: tuple[int, int, int, int] | None = None  # device, inode, size, time of change
        self._here: Readings | None = None  # of the file that is there now
        self._before: Readings | None = None  # of files that it took the place of

    def poll(self) -> Readings | None:
        """All readings that are kept, when there may be new ones; else None.

        Raises TelemetryError and OSError; a file that is not there, or holds no line below
        its header yet, is none.
        """
        try:
            status = Path(self.path).stat()
        except FileNotFoundError:
            return None
        now = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        if now == self._seen:
            return None
        if self._seen and (now[:2] != self._seen[:2] or now[2] < self._seen[2]):
            self._before, self._here = self._kept(), None
        self._seen = now
        if status.st_size > MOST_BYTES:
            raise TelemetryError(f"{self.path}: more than {MOST_BYTES >> 20} MiB: rotate what is followed")
        self._here = self._read()
        return self._kept() if self._here is not None else None

    def _read(self) -> Readings | None:
        """What the whole lines of the file hold; None while there is no row."""
        with tempfile.TemporaryDirectory(prefix="minewatch-") as folder:
            copy = Path(folder) / Path(self.path).name  # its name may be that of the meter
            shutil.copyfile(self.path, copy)
            lines = _cut(copy)
            if lines < 2:
                return None
            try:
                return read_power(copy, unit=self._unit, timezone=self._timezone)
            except TelemetryError as error:
                raise TelemetryError(str(error).replace(str(copy), self.path)) from error

    def _kept(self) -> Readings | None:
        parts = [part for part in (self._before, self._here) if part is not None]
        return joined(parts) if parts else None


def _cut(copy: Path) -> int:
    """Cuts a text file behind its last whole line; 2 where it has two lines or is no text, else 0 or 1."""
    with copy.open("r+b") as file:
        head = file.read(_TAIL)
        if head[:2] == b"\x1f\x8b" or b"\0" in head[:4096]:  # gzip, Parquet: not written line by line
            return 2
        size = file.seek(0, 2)
        start = file.seek(max(0, size - _TAIL))
        end = start + file.read().rfind(b"\n") + 1
        file.truncate(end)
    return min(2, head[:end].count(b"\n"))


def joined(parts: list[Readings]) -> Readings:
    """Readings of several files, oldest first, as one: each (meter, time) once, the later file's;
    of each meter those of the last `KEPT_DAYS`."""
    names = list(dict.fromkeys(name for part in parts for name in part.meters))
    number = {name: i for i, name in enumerate(names)}
    meter = np.concatenate([np.array([number[n] for n in p.meters], np.int64)[p.meter] for p in parts])
    time_ns = np.concatenate([part.time_ns for part in parts])
    watts = np.concatenate([part.watts for part in parts])
    age = np.concatenate([np.full(len(part), -i) for i, part in enumerate(parts)])
    order = np.lexsort((age, time_ns, meter))
    meter, time_ns, watts = meter[order], time_ns[order], watts[order]
    newest = np.full(len(names), np.iinfo(np.int64).min)
    np.maximum.at(newest, meter, time_ns)
    keep = time_ns > newest[meter] - _KEPT_NS
    keep[1:] &= (meter[1:] != meter[:-1]) | (time_ns[1:] != time_ns[:-1])
    meter, time_ns, watts = meter[keep], time_ns[keep], watts[keep]
    return Readings(
        meters=names,
        meter=meter,
        time_ns=time_ns,
        watts=watts,
        interval_s=median_steps(meter, time_ns, len(names)),
        estimated=any(part.estimated for part in parts),
        notes=parts[-1].notes,
        dropped=parts[-1].dropped,
        problem=parts[-1].problem,
        gpu_use=gpu_use.joined(part.gpu_use for part in parts),
    )
