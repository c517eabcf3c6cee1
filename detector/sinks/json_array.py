"""`--format json`: all findings as one array, a finding at a time, readable."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TextIO

from detector.document import Context, document
from detector.records import Finding


class JsonArray:
    """Documents `minewatch.finding/1` in an array; `[]` when there are none."""

    name = "json"

    def write(self, findings: Sequence[Finding], stream: TextIO, context: Context) -> None:
        """Escapes DEL too, the one control character that JSON lets through."""
        stream.write("[")
        for i, finding in enumerate(findings):
            text = json.dumps(document(finding, context.model), allow_nan=False, indent=2)
            stream.write((",\n" if i else "\n") + text.replace("\x7f", "\\u007f"))
        stream.write("\n]\n" if findings else "]\n")
