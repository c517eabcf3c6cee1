"""Addresses of servers that are asked for readings: `scheme:target?name=value&name=value`.

    prometheus:http://host:9090?query=up&start=-1d     snmp:pdu-3?for=60s&every=5s

`+` stands for itself, since PromQL adds; `%26` is an ampersand.  Credentials are refused: an
address stands in the list of processes, in shells' histories and in reports.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from detector.telemetry.contract import TelemetryError

if TYPE_CHECKING:
    from collections.abc import Collection

_ADDRESS: Final = re.compile(r"([a-z]{3,12}):(.*)", re.DOTALL)
_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Address:
    """What to ask, and how."""

    scheme: str
    target: str  # host, or URL without its query
    arguments: dict[str, str]

    @property
    def shown(self) -> str:
        """What errors and reports call it."""
        return f"{self.scheme}:{self.target[:_SHOWN]}"


def scheme_of(text: str) -> str:
    """What stands before the first colon, if it may be a scheme; else empty."""
    match = _ADDRESS.fullmatch(text)
    return match[1] if match else ""


def problem_of(text: str) -> str | None:
    """Why an address is refused before anything is printed of it; None if it is not."""
    target = text.partition(":")[2].partition("?")[0]
    if "@" in target:
        return (
            f"{scheme_of(text)}:...@{target.rpartition('@')[2][:_SHOWN]}: credentials do not belong into an "
            "address; see docs/power-sources.md for the variables that take them"
        )
    if not target.isprintable() or not target:
        return f"{scheme_of(text)}: no address of a server"
    return None


def parse_address(text: str, known: Collection[str]) -> Address:
    """The address that `text` spells; `known` = names of arguments.  Raises TelemetryError."""
    if problem := problem_of(text):
        raise TelemetryError(problem)
    scheme, _, rest = text.partition(":")
    target, _, query = rest.partition("?")
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    arguments = {unquote(name): unquote(value) for name, _, value in pairs}
    address = Address(scheme, target, arguments)
    for name in arguments:
        if name not in known:
            raise TelemetryError(f"{address.shown}: {name[:30]!r} is not known; say {', '.join(known)}")
    return address
