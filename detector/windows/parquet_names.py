"""Names of channels as one Arrow column: a struct, null where a channel showed none."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

from detector.records import Lookup, Names

DERIVED: Final = ("looked_up", "unasked")
"""Told by other channels' look-ups, anew wherever rows are judged: not stored."""
_ARROW: Final = {"str": "string", "int": "int64", "bool": "bool"}


def names_type() -> Any:
    """The type of the column."""
    import pyarrow as pa  # noqa: PLC0415

    listed = {"certificate": pa.list_(pa.string()), "lookups": pa.list_(_lookup_type())}
    plain = [(name, pa.type_for_alias(_ARROW[kind])) for name, kind in _plain().items()]
    return pa.struct([*plain, *listed.items()])


def names_to_arrow(names: list[Names | None]) -> Any:
    """The column of n rows."""
    import pyarrow as pa  # noqa: PLC0415

    return pa.array([None if one is None else _spread(one) for one in names], names_type())


def names_from_arrow(column: Any) -> list[Names | None]:
    """What `names_to_arrow` was given.  Raises TypeError, ValueError for what it does not write."""
    return [None if row is None else _gathered(row) for row in column.to_pylist()]


def _plain() -> dict[str, str]:
    """Fields that are one value, and their kind."""
    kinds = {item.name: str(item.type).removesuffix(" | None") for item in fields(Names)}
    return {name: kind for name, kind in kinds.items() if kind in _ARROW and name not in DERIVED}


def _lookup_type() -> Any:
    import pyarrow as pa  # noqa: PLC0415

    return pa.struct([("ts_ns", pa.int64()), ("name", pa.string()), ("address", pa.string())])


def _spread(names: Names) -> dict[str, Any]:
    lookups = [{"ts_ns": one.ts_ns, "name": one.name, "address": one.address} for one in names.lookups]
    plain = {name: getattr(names, name) for name in _plain()}
    return {**plain, "certificate": list(names.certificate), "lookups": lookups}


def _gathered(row: dict[str, Any]) -> Names:
    for item in fields(Names):
        certain = not str(item.type).endswith("None") and item.name not in DERIVED
        if certain and row[item.name] is None:
            raise ValueError(f"no {item.name}")
    lookups = tuple(Lookup(**one) for one in row.pop("lookups"))
    if any(one.ts_ns is None or one.name is None for one in lookups):
        raise ValueError("a look-up without time or name")
    certificate = tuple(row.pop("certificate"))
    if None in certificate:
        raise ValueError("a certificate without a name")
    return Names(**row, certificate=certificate, lookups=lookups)
