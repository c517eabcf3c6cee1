"""`--format json`: all findings as one array, a finding at a time, readable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from detector.document import Context, written
from detector.records import Finding


class JsonArray:
    """Documents `minewatch.finding/1` in an array; `[]` when there are none."""

    name = "json"

    def write(self, findings: Sequence[Finding], stream: TextIO, context: Context) -> None:
        """Every finding, whatever its verdict."""
        stream.write("[")
        for i, finding in enumerate(findings):
            stream.write((",\n" if i else "\n") + written(finding, context.model, indent=2))
        stream.write("\n]\n" if findings else "]\n")
