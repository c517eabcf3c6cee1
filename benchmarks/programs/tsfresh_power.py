"""The same readings, one series a meter-day, to tsfresh's efficient set: `tsfresh_power.py METERS DAYS`."""

import json
import sys
import time

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits
from tsfresh import extract_features
from tsfresh.feature_extraction import EfficientFCParameters

EVERY_S = 60

n_meters, n_days = int(sys.argv[1]), int(sys.argv[2])
each = 86_400 // EVERY_S
rng = np.random.default_rng(7)
daily = 1 + 0.3 * np.sin(np.arange(each) * (2 * np.pi * EVERY_S / 86_400))
watts = rng.uniform(200, 4_000, (n_meters * n_days, 1)) * daily + rng.normal(0, 20, (n_meters * n_days, each))
table = pd.DataFrame(
    {
        "id": np.repeat(np.arange(n_meters * n_days), each),
        "time": np.tile(np.arange(each), n_meters * n_days),
        "watts": watts.round(1).ravel(),
    }
)


def extract(series: pd.DataFrame) -> None:
    extract_features(
        series,
        column_id="id",
        column_sort="time",
        default_fc_parameters=EfficientFCParameters(),
        n_jobs=0,
        disable_progressbar=True,
    )


extract(table[:each])  # what it imports on first use does not count
began = time.process_time()
with threadpool_limits(1):  # waiting threads of the linear algebra would count as CPU time
    extract(table)
print(json.dumps({"items": len(table), "cpu_s": time.process_time() - began}))
