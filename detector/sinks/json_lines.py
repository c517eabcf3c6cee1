"""`--format jsonl`: one finding a line (https://jsonlines.org), ASCII, so that any terminal survives it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TextIO

from detector.document import Context, document
from detector.records import Finding


class JsonLines:
    """Documents `minewatch.finding/1`, one a line."""

    name = "jsonl"

    def write(self, findings: Sequence[Finding], stream: TextIO, context: Context) -> None:
        """Escapes DEL too, the one control character that JSON lets through."""
        for finding in findings:
            line = json.dumps(document(finding, context.model), allow_nan=False)
            stream.write(line.replace("\x7f", "\\u007f") + "\n")
