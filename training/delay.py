"""How long it takes: windows from the first of a mining host to that in which it is first called so.

The capture is judged after every window, as the monitor judges it; power is judged over a whole
record and has no delay.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection

from detector import hosts
from detector.inputs import sort_inputs
from detector.kernel import layout
from detector.metering import channel_windows
from detector.model import Bundle
from detector.records import SourceReport, Verdict
from detector.scoring import Run
from detector.settings import Settings
from detector.windows.channel import in_order

MOST_WINDOWS = 288  # a day of 5 minutes; whoever was not found by then was not found
LEVELS = {"mining": (Verdict.MINING,), "suspicious": (Verdict.MINING, Verdict.SUSPICIOUS)}


def delays(
    path: str, mining: Collection[str], bundle: Bundle, settings: Settings
) -> dict[str, dict[str, int | None]]:
    """Of each host in `mining` that is seen: windows until called so, by level, from 1; None = never.

    Nothing for what is no capture.  Raises OSError, ValueError (CaptureError).
    """
    if not sort_inputs([path]).captures:
        return {}
    run = Run(bundle, settings, hosts.Assets())
    told: dict[str, dict[str, int | None]] = {}
    first: dict[str, int] = {}  # start of the window in which a host was first seen
    window_ns = settings.meter.window_s * 1_000_000_000
    tables = in_order([(0, channel_windows(path, settings, "native", SourceReport(source=path)))])
    for batch in itertools.islice(tables, MOST_WINDOWS):
        if not len(batch):
            continue
        start = int(batch.wide[:, layout.WINDOW_NS].max())
        run.ledger.see(batch, path)
        run.add([batch])
        for finding in run.findings():
            if finding.host in mining:
                since = (start - first.setdefault(finding.host, start)) // window_ns + 1
                known = told.setdefault(finding.host, dict.fromkeys(LEVELS))
                for level, verdicts in LEVELS.items():
                    if known[level] is None and finding.verdict in verdicts:
                        known[level] = since
        if len(told) == len(set(mining)) and all(one["mining"] for one in told.values()):
            break
    return told
