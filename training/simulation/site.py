"""The sample site: who is where and when, so that sample traffic and sample power describe one place.

Everything here is invented.  Addresses outside the site are from the documentation ranges
(RFC 5737); `START`/`END` are UTC; nothing depends on the machine's clock or zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

SEED = 20260302  # of every sample; each writer adds its own offset
ORGANISATION = "Example University"

DAY_START = datetime(2026, 3, 2, tzinfo=UTC)  # node-day.csv covers this Monday, 00:00Z to 24:00Z
DAY_END = DAY_START + timedelta(days=1)
HOUR_START = DAY_START + timedelta(hours=10)  # the campus hour is 10:00Z to 11:00Z of the same day
HOUR_END = HOUR_START + timedelta(hours=1)
MONTH_START = datetime(2026, 2, 1, tzinfo=UTC)  # meter-month.csv.gz: 1 February to 2 March, both whole
MONTH_END = datetime(2026, 3, 3, tzinfo=UTC)

HOME_NET = "10.20.0.0/16"
MINER_CLEAR = "10.20.0.23"  # XMRig in the clear
MINER_ENCRYPTED = "10.20.0.57"  # a GPU miner that speaks TLS to its pool
AI_TRAINING = "10.20.0.61"  # benign: trains a network on eight GPUs
BITCOIN_NODE = "10.20.0.40"  # look-alike: a full node, not a miner
JSON_RPC_SERVICE = "10.20.0.41"  # look-alike
CHAT_CLIENT = "10.20.0.42"  # look-alike: long connection, small regular messages
BACKUP_CLIENT = "10.20.0.43"  # look-alike: heavy and steady upload
ORDINARY = tuple(f"10.20.0.{last}" for last in range(100, 130))  # staff and students


@dataclass(frozen=True, slots=True)
class Node:
    """A measured machine of the sample day."""

    name: str
    ip: str
    outlet: str  # of the rack's PDU
    family: str  # what its power looks like, a family of `power_nodes`
    mines: bool = False


NODES = (
    Node("ws-023", MINER_CLEAR, "pdu1/3", "mining cpu", mines=True),
    Node("gpu-057", MINER_ENCRYPTED, "pdu1/7", "mining gpu rig", mines=True),
    Node("gpu-061", AI_TRAINING, "pdu1/8", "AI training"),
    Node("web-01", "10.20.0.70", "pdu1/9", "web"),
    Node("batch-02", "10.20.0.71", "pdu1/10", "batch"),
    Node("hpc-03", "10.20.0.72", "pdu1/11", "flat HPC"),
    Node("idle-04", "10.20.0.73", "pdu1/12", "idle"),
)
