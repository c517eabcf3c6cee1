"""The kinds of flow logs, in the order in which they are asked; a new one adds its name here."""

from typing import Final

from detector.flowlogs import csv_flows, eve, netflow, nfdump, zeek
from detector.flowlogs.contract import FlowSource

SOURCES: Final[tuple[FlowSource, ...]] = (zeek, eve, nfdump, netflow, csv_flows)
