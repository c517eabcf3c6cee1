"""What is known of one host -> the columns of the fusion model: behaviour, words, power.

Behaviour and power are log-odds of their own models; words are counted.  Behaviour is looked at
twice: at its most suspect, and whether it stays so, since what is like mining by chance in one
window is not in the next.  In how many it did is no column: that is how long it was watched, and
long-lived look-alikes would hold the threshold.  What the opening of the most suspect channel lacks
is weak, and counts for what training found it worth; a listed name is no column, since none is
simulated.

A modality that was not observed is NaN.  Every column may only raise the score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detector.records import Names, Vectors


@dataclass(frozen=True, slots=True)
class HostEvidence:
    """One host as the fusion model sees it.  Log-odds are calibrated; NaN = not observed."""

    network_logit: float = float("nan")  # of its most suspect channel
    network_second: float = float("nan")  # of the next one
    network_again: float = float("nan")  # of a channel in its second most suspect window
    network_mean: float = float("nan")  # of a channel over its windows
    unnamed: float = float("nan")  # share of the hellos of its most suspect channel: no server name (SNI)
    no_protocol: float = float("nan")  # no application protocol (ALPN)
    self_signed: float = float("nan")  # 1 = the server's certificate
    logins: float = float("nan")  # words of a mining dialogue, of the channel that has most of each
    requests: float = float("nan")
    jobs: float = float("nan")
    shares: float = float("nan")
    power_logit: float = float("nan")


NAMES: tuple[str, ...] = tuple(f"fusion.{name}" for name in HostEvidence.__dataclass_fields__)
MONOTONE: dict[str, int] = dict.fromkeys(NAMES, 1)
WORDS = frozenset(f"fusion.{name}" for name in ("logins", "requests", "jobs", "shares"))
OF_POWER = np.array([name == "fusion.power_logit" for name in NAMES])
_COUNTS = ("logins", "requests", "jobs", "shares")


def lacks(names: Names | None) -> tuple[float, float, float]:
    """What an opening lacks that ordinary services have: `unnamed`, `no_protocol` and `self_signed`.

    NaN where no hello was read, or no certificate (TLS 1.3 hides it).
    """
    if names is None:
        return (float("nan"),) * 3
    hellos = names.hellos or float("nan")
    signed = float("nan") if names.self_signed is None else float(names.self_signed)
    return names.without_name / hellos, names.without_alpn / hellos, signed


def extract(hosts: list[HostEvidence]) -> Vectors:
    """One vector a host: (n, len(NAMES)).  What is counted is taken as log2(1 + n)."""
    fields = tuple(HostEvidence.__dataclass_fields__)
    values = np.array([[getattr(host, name) for name in fields] for host in hosts], np.float64)
    values = values.reshape(len(hosts), len(fields))
    for name in _COUNTS:
        column = fields.index(name)
        values[:, column] = np.log2(1 + values[:, column])
    return Vectors(NAMES, values)
