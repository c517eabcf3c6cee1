"""Flow logs: Zeek, Suricata EVE, NetFlow v5 and v9, IPFIX, nfdump, tables -> channel windows.

What a flow log knows are ends, times, packets and bytes, and now and then names: rows know counts
(`layout.KNOWS_COUNTS`), and every column of messages is unknown.  `contract` says what a source
promises, `registry` lists them, `cells` makes rows of their records.
"""

from detector.flowlogs.contract import FlowLogError, Flows, FlowSource, Told
from detector.flowlogs.reading import FlowLogs, kind_of
from detector.flowlogs.registry import SOURCES

__all__ = ["SOURCES", "FlowLogError", "FlowLogs", "FlowSource", "Flows", "Told", "kind_of"]
