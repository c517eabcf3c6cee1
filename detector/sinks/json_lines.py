"""`--format jsonl`: one finding a line (https://jsonlines.org), ASCII, so that any terminal survives it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from detector.document import Context, written
from detector.records import Finding


class JsonLines:
    """Documents `minewatch.finding/1`, one a line."""

    name = "jsonl"

    def write(self, findings: Sequence[Finding], stream: TextIO, context: Context) -> None:
        """Every finding, whatever its verdict."""
        for finding in findings:
            stream.write(written(finding, context.model) + "\n")
