"""Power readings of many meters to one feature vector each; tells what it cost: `power.py METERS DAYS`."""

import json
import sys
import time

import numpy as np

from detector.features import power
from detector.records import Readings
from detector.settings import WindowSettings
from detector.windows.power import power_windows

EVERY_S = 60
START_NS = 1_700_006_400_000_000_000  # a midnight

n_meters, n_days = int(sys.argv[1]), int(sys.argv[2])
each = n_days * 86_400 // EVERY_S
rng = np.random.default_rng(7)
daily = 1 + 0.3 * np.sin(np.arange(each) * (2 * np.pi * EVERY_S / 86_400))
watts = rng.uniform(200, 4_000, (n_meters, 1)) * daily + rng.normal(0, 20, (n_meters, each))
readings = Readings(
    meters=[f"meter-{i}" for i in range(n_meters)],
    meter=np.repeat(np.arange(n_meters), each),
    time_ns=np.tile(START_NS + np.arange(each) * EVERY_S * 1_000_000_000, n_meters),
    watts=watts.round(1).ravel(),
    interval_s=np.full(n_meters, float(EVERY_S)),
)
began = time.process_time()
power.extract(power_windows(readings, WindowSettings()))
print(json.dumps({"items": len(readings), "cpu_s": time.process_time() - began}))
