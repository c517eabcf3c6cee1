"""Cells of a column of readings -> numbers, and why a cell is none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np

from detector.telemetry.contract import Unit, unit_called

if TYPE_CHECKING:
    import pandas as pd

    from detector.records import Floats

    Mask = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

_MISSING: Final = frozenset({
    "", "nan", "null", "none", "n/a", "[n/a]", "na", "-", "--", "nil", "[not supported]", "unknown",
    "missing", "?", "nat", "unavailable",
})  # fmt: skip
_WITH_UNIT: Final = r"^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-z]+)$"
_DECIMAL_COMMA: Final = r"[+-]?\d+(?:\.\d{3})*,\d+"


def unit_in(cells: pd.Series) -> Unit | None:
    """The unit that the first cell with one carries ("187.80 W" -> W)."""
    for cell in cells.iloc[:1000]:
        match = re.match(_WITH_UNIT, str(cell).strip())
        if match:
            return unit_called(match[2])
    return None


def has_decimal_comma(cells: pd.Series) -> bool:
    """Whether the first cells write 1,5 for one and a half."""
    held = [text for cell in cells.iloc[:1000] if (text := str(cell).strip())]
    commas = [re.fullmatch(_DECIMAL_COMMA, text) is not None for text in held]
    return any(commas) and not any("." in text for text, comma in zip(held, commas, strict=True) if not comma)


def numbers(cells: pd.Series, unit: Unit, decimal_comma: bool) -> tuple[Floats, Mask]:
    """Cells in `unit`, NaN where they hold no number; and which of those are marked as missing.

    A unit beside the number counts: "1.2 kW" in a column of W is 1200.
    """
    import pandas as pd  # noqa: PLC0415

    if pd.api.types.is_numeric_dtype(cells):
        plain = cells.to_numpy(dtype=np.float64, na_value=np.nan)
        return plain, np.isnan(plain)
    if decimal_comma:
        cells = cells.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
    found = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan).copy()
    at = np.flatnonzero(~np.isfinite(found))
    missing = np.zeros(len(found), dtype=bool)
    if len(at):
        codes, distinct = pd.factorize(cells.iloc[at].fillna("").astype(str).str.strip())
        absent = np.array([text.lower() in _MISSING for text in distinct])
        read = np.array([_number(text, unit) for text in distinct])
        missing[at], found[at] = absent[codes], read[codes]
    return found, missing


def percent(cells: pd.Series) -> Floats:
    """(n,) of cells such as "99 %" or 99; NaN where they hold no number."""
    import pandas as pd  # noqa: PLC0415

    if not pd.api.types.is_numeric_dtype(cells):
        cells = pd.to_numeric(cells.astype(str).str.rstrip("% "), errors="coerce")
    return cells.to_numpy(dtype=np.float64, na_value=np.nan)


def _number(text: str, unit: Unit) -> float:
    """A number with its unit or with commas between thousands; NaN for anything else."""
    match = re.match(_WITH_UNIT, text[:64])
    if match:
        own = unit_called(match[2])
        known = own is not None and own.quantity == unit.quantity
        return float(match[1]) * own.scale / unit.scale if own and known else float("nan")
    if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", text[:64]):
        return float(text.replace(",", ""))
    return float("nan")
