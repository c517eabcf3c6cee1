"""The sources of power readings, in the order in which they are asked; a new one adds its name here."""

from typing import Final

from detector.telemetry import csv_log, parquet
from detector.telemetry.contract import Source

SOURCES: Final[tuple[Source, ...]] = (parquet, csv_log)
