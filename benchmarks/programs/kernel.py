"""A capture to channel windows, and nothing after: `kernel.py CAPTURE`."""

import sys

from detector.capture import read
from detector.kernel import Meter
from detector.records import SourceReport
from detector.settings import MeterSettings

meter, report = Meter(MeterSettings()), SourceReport(sys.argv[1])
for _ in read(sys.argv[1], meter, report):
    meter.payloads()
    meter.windows()
meter.windows(final=True)
