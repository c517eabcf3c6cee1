"""`--format csv`: one row a host, safe to open in a spreadsheet.

A cell that starts like a formula is run by spreadsheets (OWASP, CSV injection): such
text gets an apostrophe in front.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import Any, TextIO

from detector.document import Context, document, spoken
from detector.records import Finding
from detector.text import printable

FORMULA = tuple("=+-@＝＋－＠\t\r|%")  # noqa: RUF001  full-width ones are formulas too
FIELDS = (
    "host",
    "kind",
    "organisation",
    "verdict",
    "score",
    "network_score",
    "power_score",
    "novelty",
    "first_seen",
    "last_seen",
    "coin",
    "dialect",
    "why",
    "watts",
    "kwh",
    "co2e_kg",
    "energy_measured",
    "packets",
    "model",
    "role",
    "allowed",
)


class CsvRows:
    """RFC 4180 with a header row; empty cells are what is not known."""

    name = "csv"

    def write(self, findings: Sequence[Finding], stream: TextIO, context: Context) -> None:
        """Numbers stay numbers; text is made harmless."""
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(FIELDS)
        for finding in findings:
            row = _row(finding, context)
            writer.writerow([cell(row.get(name)) for name in FIELDS])


def _row(finding: Finding, context: Context) -> dict[str, Any]:
    told = document(finding, context.model)
    energy = told["energy"] or {}
    coin, dialect = spoken(finding)
    return told | {
        "coin": coin,
        "dialect": dialect,
        "why": finding.why,
        "watts": energy.get("watts"),
        "kwh": energy.get("kwh"),
        "co2e_kg": energy.get("co2e_kg"),
        "energy_measured": energy.get("measured"),
        "packets": told["quality"]["packets"],
        "model": told["model"]["id"],
    }


def cell(value: Any) -> Any:
    """A value as a cell that no spreadsheet runs."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return value
    text = printable(value)
    return "'" + text if text.lstrip().startswith(FORMULA) else text
