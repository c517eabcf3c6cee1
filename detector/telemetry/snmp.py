"""Rack PDUs by SNMP (APC, Raritan and Server Technology, Eaton): `snmp:pdu-3?for=10m&every=30s`.

Asks with net-snmp's `snmpbulkwalk`, so that versions, users and keys are what they are
everywhere else (`~/.snmp/snmp.conf`); a community may stand in `MINEWATCH_SNMP_COMMUNITY`, and
goes to the program in a file, not on its command line.  What the numbers count in is data:
data/power_units.toml.  Only reads.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
import tomllib
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from detector.telemetry import polling
from detector.telemetry.contract import Hints, TelemetryError
from detector.telemetry.samples import Samples
from detector.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detector.records import Readings
    from detector.telemetry.address import Address

SCHEME: Final = "snmp"
ARGUMENTS: Final = (*polling.ARGUMENTS, "maker")
PROGRAM: Final = "snmpbulkwalk"
WALK_S: Final = 20.0  # for one table, however slowly it comes
MAX_ROWS: Final = 10_000
_HOST: Final = re.compile(r"(?!-)[\w.-]{1,253}(?::\d{1,5})?|\[[0-9a-fA-F:.]{2,45}\](?::\d{1,5})?")
_COMMUNITY: Final = re.compile(r"[^\s\"'#\\]{1,255}")
_OPTIONS: Final = ("-Onqe", "-m", "", "-t", "2", "-r", "1")  # numbers only, no MIBs, 2 s, one retry


def fetch(address: Address, hints: Hints) -> Readings:
    """Watts of each inlet and outlet while we look.  Raises TelemetryError."""
    tables = [table for table in _tables() if address.arguments.get("maker") in (None, table["maker"])]
    if not tables:
        makers = ", ".join(sorted({table["maker"] for table in _tables()}))
        raise TelemetryError(f"{address.shown}: no such maker; say one of {makers}")
    if not _HOST.fullmatch(address.target):
        raise TelemetryError(f"{address.shown}: no name of a host")
    samples, host = Samples(address.shown), hints.meter or re.sub(r":\d+$", "", address.target)
    with _environment(address) as environment:
        agent = _Agent(address, environment)
        held = _held(tables, agent)
        if not held:
            raise TelemetryError(f"{address.shown}: it has none of the tables of power that are known")
        digits = {table["oid"]: agent.digits(table) for table in held}

        def look(now: float) -> None:
            for table in held:
                add = samples.total if "kwh" in table else samples.power
                for place, value in _rows(agent.walk(table["oid"]), table, digits[table["oid"]]):
                    add(f"{host}/{table['part']} {place}", now, value)

        polling.poll(address, look)
    return samples.readings()


def _held(tables: list[dict[str, Any]], agent: _Agent) -> list[dict[str, Any]]:
    """The tables that the agent fills; registers only of parts of which it tells no watts."""
    filled = [table for table in tables if any(_rows(agent.walk(table["oid"]), table, {}))]
    told = {(table["maker"], table["part"]) for table in filled if "watts" in table}
    return [table for table in filled if "watts" in table or (table["maker"], table["part"]) not in told]


def _rows(
    walked: dict[str, float], table: dict[str, Any], digits: dict[str, float]
) -> Iterator[tuple[str, float]]:
    """(index of the place, watts or kWh) of the rows of a table that tell power."""
    scale = table["kwh"] if "kwh" in table else table["watts"]
    for row, value in walked.items():
        place, _, kind = row.rpartition(".")
        if value == table.get("absent"):
            continue
        if "type" not in table:
            yield row, value * scale
        elif kind == str(table["type"]):
            yield place, value * scale / 10.0 ** digits.get(row, 0.0)


class _Agent:
    """The agent of one device, asked through net-snmp."""

    def __init__(self, address: Address, environment: dict[str, str]) -> None:
        self._where, self._target, self._environment = address.shown, address.target, environment
        program = shutil.which(PROGRAM)
        if program is None:
            raise TelemetryError(f"{self._where}: needs {PROGRAM} (net-snmp; apt-get install snmp)")
        self._program = program

    def digits(self, table: dict[str, Any]) -> dict[str, float]:
        """Decimal digits of each row, where the maker tells them."""
        rows = self.walk(table["decimals"]) if "decimals" in table else {}
        return {row: value for row, value in rows.items() if 0 <= value <= 9}

    def walk(self, oid: str) -> dict[str, float]:
        """Index -> number of the rows below an object; none where the agent does not have it."""
        rows: dict[str, float] = {}
        other, until = "", time.monotonic() + WALK_S
        child = subprocess.Popen(  # noqa: S603  a list of arguments, the host checked
            [self._program, *_OPTIONS, self._target, "." + oid],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", env=self._environment,
        )  # fmt: skip
        timer = threading.Timer(WALK_S, child.kill)
        timer.start()
        with child:
            for line in iter(partial(_line, child), ""):
                name, _, value = line.strip().partition(" ")
                if name.startswith(f".{oid}.") and re.fullmatch(r"-?\d{1,20}", value):
                    rows[name[len(oid) + 2 :]] = float(value)
                elif line.strip() and not name.startswith("."):
                    other = line.strip()
                if len(rows) >= MAX_ROWS:
                    child.kill()
                    break  # what it wrote before waits in the pipe
        timer.cancel()
        if time.monotonic() >= until:
            raise TelemetryError(f"{self._where}: the walk is not over after {WALK_S:.0f} s")
        if child.returncode and not rows:
            raise TelemetryError(f"{self._where}: {PROGRAM}: {printable(other or 'no answer', 200)}")
        return rows


def _line(child: subprocess.Popen[str]) -> str:
    return child.stdout.readline(1000) if child.stdout else ""


@contextlib.contextmanager
def _environment(address: Address) -> Iterator[dict[str, str]]:
    """The environment of the program: the user's own, and the community in a file that is ours alone."""
    community = os.environ.get("MINEWATCH_SNMP_COMMUNITY")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MINEWATCH_")}
    if community is None:
        yield environment
        return
    if not _COMMUNITY.fullmatch(community):
        raise TelemetryError(f"{address.shown}: MINEWATCH_SNMP_COMMUNITY has blanks, quotes or # in it")
    with tempfile.TemporaryDirectory(prefix="minewatch-") as folder:
        Path(folder, "snmp.conf").write_text(f"defVersion 2c\ndefCommunity {community}\n", encoding="utf-8")
        yield environment | {"SNMPCONFPATH": folder, "SNMP_PERSISTENT_DIR": folder}


@cache
def _tables() -> list[dict[str, Any]]:
    text = files("detector").joinpath("data/power_units.toml").read_text(encoding="utf-8")
    tables: list[dict[str, Any]] = tomllib.loads(text)["snmp"]
    return tables
