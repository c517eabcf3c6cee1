"""Where findings go.  One file a sink; its name in `SINKS`, in the order that `--format` offers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TextIO

from detector.document import Context
from detector.records import Finding
from detector.sinks.cef import Cef
from detector.sinks.csv_rows import CsvRows
from detector.sinks.ecs import Ecs
from detector.sinks.eve import Eve
from detector.sinks.json_array import JsonArray
from detector.sinks.json_lines import JsonLines
from detector.sinks.misp import Misp
from detector.sinks.ocsf import Ocsf
from detector.sinks.stix import Stix
from detector.sinks.table import Table

__all__ = ["SINKS", "Context", "Sink", "by_name"]


class Sink(Protocol):
    """Writes findings, in the order given, as text."""

    @property
    def name(self) -> str:
        """What `--format` calls it."""
        ...

    def write(self, findings: Sequence[Finding], stream: TextIO, context: Context) -> None:
        """Raises OSError when the stream does; nothing else for anything a finding can hold."""
        ...


SINKS: tuple[Sink, ...] = (
    Table(), JsonLines(), JsonArray(), CsvRows(), Ocsf(), Ecs(), Eve(), Cef(), Stix(), Misp(),
)  # fmt: skip


def by_name(name: str) -> Sink:
    """The sink called `name`.  Raises KeyError."""
    return {sink.name: sink for sink in SINKS}[name]
