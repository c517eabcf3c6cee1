"""Blocks of delimited lines as Arrow columns of text; lines of another shape are left out and counted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detector.flowlogs.columns import Written
from detector.flowlogs.contract import BAD_LINE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detector.flowlogs.contract import Account
    from detector.flowlogs.lines import Block
    from detector.records import Int64s

_BLANK: Final = " \t\r\x0b\x0c"
_EMPTY_LINE: Final = re.compile(rb"(?m)^(?=\n)")


@dataclass(frozen=True, slots=True)
class Lines:
    """The rows of one block, and on which line each stands."""

    columns: Written
    line: Int64s  # (n,)


def rows(
    block: Block,
    names: Sequence[str],
    wanted: Sequence[str],
    account: Account,
    *,
    delimiter: str = "\t",
    quoted: bool = False,
    unset: Sequence[str] = (),
) -> Lines:
    """names: of the columns, in the order of the line; wanted: those to read; unset: what stands for nothing.

    A line that begins with "#" is passed over.
    """
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import csv  # noqa: PLC0415

    skipped: list[int] = []

    def refuse(row: Any) -> str:
        number = row.number - 1  # in the block
        skipped.append(number)
        if row.text.strip(_BLANK) and not row.text.startswith("#"):
            account.drop(BAD_LINE, block.line + number)
        return "skip"

    present = [name for name in dict.fromkeys(wanted) if name in names]
    data = _cleaned(block.data)
    try:
        table = csv.read_csv(
            pa.BufferReader(data),
            csv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=list(names)),
            csv.ParseOptions(
                delimiter=delimiter,
                quote_char='"' if quoted else False,
                newlines_in_values=False,
                ignore_empty_lines=False,
                invalid_row_handler=refuse,
            ),
            csv.ConvertOptions(
                check_utf8=False,
                column_types=dict.fromkeys(present, pa.string()),
                include_columns=present,
                null_values=["", *unset],
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid:  # not a single line is of this shape
        account.drop(BAD_LINE, block.line, data.count(b"\n") - len(skipped))
        table = pa.table({name: pa.array([], pa.string()) for name in present})
    line = block.line + _numbers(table.num_rows, skipped)
    return Lines(Written(table), line)


def _numbers(n: int, skipped: list[int]) -> Int64s:
    """The place of each of n rows among all, where some were skipped."""
    places = np.arange(n + len(skipped), dtype=np.int64)
    return np.delete(places, skipped) if skipped else places


def _cleaned(data: bytes) -> bytes:
    """The lines as Arrow takes them: UTF-8, ended by a newline and by nothing else, without zeros."""
    data = data.replace(b"\r\n", b"\n").replace(b"\r", b" ").replace(b"\0", b"?")
    if not data.isascii():
        data = data.decode("utf-8", "replace").encode()
    data = data if data.endswith(b"\n") else data + b"\n"
    if data.startswith(b"\n") or b"\n\n" in data:  # Arrow would take an empty line for a row
        data = _EMPTY_LINE.sub(b"#", data)
    return data
