"""What must not tell the classes apart: addresses, ports, times of day, lengths of captures, wrappings.

None of it is a feature.  Here it is drawn from the captures all the same, to see what a model
would make of it: where it does well, the corpus gives the answer away beside the traffic, and
numbers on that corpus are worth less.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

import numpy as np

from detector import hosts
from detector.kernel import layout
from detector.records import ChannelWindows
from detector.settings import Settings
from training import table
from training.dataset import Dataset, Texts, dataset_of
from training.evaluation.checks import quarters
from training.simulation import corpus
from training.simulation.catalogue import family_named
from training.simulation.conversation import simulate
from training.simulation.wrapping import WRAPS

SEALED = tuple(wrap for wrap in WRAPS if wrap.startswith("tls") or wrap == "wss")
COLUMNS = {
    "port": "port",
    "host": "address",
    "remote": "address",
    "hour": "time",
    "weekday": "time",
    "packets": "length",
    "seconds": "length",
    "channels": "length",
} | {f"sealed.{wrap}": "wrapping" for wrap in SEALED}
"""Column -> what it is of."""
NAMES = tuple(f"leak.{name}" for name in COLUMNS)
DAY_NS = 86_400_000_000_000


@dataclass(frozen=True, slots=True)
class Leaks:
    """One row a simulated capture, and which disturbances it met."""

    rows: Dataset
    met: dict[str, Texts]  # kind of disturbance -> (n,) which of its kind, "" = none was drawn


def drawn(examples: int, seed: int) -> Leaks:
    """Of a simulated corpus of its own."""
    plan = list(corpus.plan(examples, seed))
    values, labels, groups, met = [], [], [], []
    for family, number in plan:
        made = corpus.example(family, number)
        row = _row(made.pcap)
        if row is not None:
            values.append([*row, *(float(made.wrap == wrap) for wrap in SEALED)])
            labels.append(made.label == "mining")
            groups.append(made.group)
            met.append((_sealed(family, made.wrap), *_path(family, number)))
    simulated = np.ones(len(labels), bool)
    rows = dataset_of(np.array(values), labels, groups, NAMES, simulated=simulated)
    wrap, loss, round_trip, joins = zip(*met, strict=True)
    drawn_met = {
        "wrapping": np.array(wrap, object),
        "packets lost": np.array([f"{value:g}" for value in loss], object),
        "round trip, s": quarters(np.array(round_trip)),
        "segments joined": np.array([str(value) for value in joins], object),
    }
    return Leaks(rows, drawn_met)


def _sealed(family: str, wrap: str) -> str:
    """In which TLS an example travels, if any; "" where that was not drawn but is what the family is.

    Without TLS, a family that has text is in the clear and one that has none is opaque.  To the columns of a
    channel, which know no words, these are one (a test holds it): neither is a disturbance of its own.
    """
    if family_named(family).wraps:
        return ""
    return wrap if wrap in SEALED else "no TLS"


def _path(family: str, number: int) -> tuple[float, float, int]:
    """(share of packets lost, round trip in seconds, segments that a card joins) of an example's path."""
    stack = simulate(family, number).stack
    return stack.loss, stack.rtt_s, stack.offload


def of(kind: str) -> list[int]:
    """Places of the columns of one kind: address, port, time, length, wrapping."""
    return [place for place, name in enumerate(COLUMNS) if COLUMNS[name] == kind]


def _row(pcap: bytes) -> np.ndarray | None:
    """None of a capture without a channel."""
    settings = Settings()
    tables = [one for one in table.simulated_tables(pcap, settings) if len(one)]
    if not tables:
        return None
    home = hosts.HomeNetworks(settings.findings.home_networks)
    first = min(int(one.wide[:, layout.FIRST_NS].min()) for one in tables)
    last = max(int(one.wide[:, layout.LAST_NS].max()) for one in tables)
    ends = hosts.ends(tables[0], home)
    return np.array(
        [
            float(tables[0].port[0]),
            _number(hosts.text(ends.host[0])),
            _number(hosts.text(ends.remote[0])),
            first % DAY_NS / DAY_NS * 24,
            float(first // DAY_NS % 7),
            np.log2(1 + sum(_packets(one) for one in tables)),
            (last - first) / 1e9,
            float(sum(len(one) for one in tables)),
        ]
    )


def _packets(windows: ChannelWindows) -> int:
    columns = [layout.UP + layout.PACKETS, layout.DOWN + layout.PACKETS]
    return int(windows.wide[:, columns].sum())


def _number(address: str) -> float:
    """The first four bytes of an address, so that neighbours are near."""
    return float(int.from_bytes(ipaddress.ip_address(address).packed[:4], "big"))
