"""When a chain's blocks were found, as somebody who runs a node heard of them.

A file of one time a line, or CSV with a header that names `time` and, if there are several chains,
`chain`.  A time is seconds since the epoch or RFC 3339 with its offset.  The stamp in a block's header
is the miner's own and may be off by hours (Bitcoin allows two): the time at which a node heard is meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from detector.tables import Table, TableError
from detector.text import printable

if TYPE_CHECKING:
    from detector.records import Int64s

ANY: Final = ""
"""The chain of a file that names none."""
_MOST_BYTES: Final = 64 << 20
_MOST_CHAINS: Final = 64
_LATEST_S: Final = 1 << 33  # year 2242; what is later is of another unit
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class BlocksError(ValueError):
    """The file cannot be read: one line with file, line and what is wrong."""


def read_blocks(path: str | Path) -> Mapping[str, Int64s]:
    """Chain -> times of its blocks in ns, ascending, each once.  Raises BlocksError."""
    found: dict[str, list[int]] = {}
    for line, time, chain in _rows(path):
        if chain not in found and len(found) == _MOST_CHAINS:
            raise BlocksError(f"{path}: line {line}: more than {_MOST_CHAINS} chains")
        try:
            found.setdefault(chain, []).append(_nanoseconds(time))
        except (ValueError, OverflowError) as error:
            told = printable(time, 40)
            raise BlocksError(
                f"{path}: line {line}: {told!r} is no time: seconds since the epoch or RFC 3339"
            ) from error
    if not found:
        raise BlocksError(f"{path}: holds no time of a block")
    return {chain: np.unique(np.array(times, np.int64)) for chain, times in found.items()}


def _rows(path: str | Path) -> Iterator[tuple[int, str, str]]:
    """(line, time, chain) of each row; empty lines and comments are passed over."""
    place, chain_place = 0, -1
    try:
        table = Table(path, _MOST_BYTES, "list of times of blocks")
        for row in table:
            cells = [cell.strip() for cell in row]
            if not any(cells) or cells[0].startswith("#"):
                continue
            if "time" in (names := [cell.lower() for cell in cells]):
                place = names.index("time")
                chain_place = names.index("chain") if "chain" in names else -1
            elif len(cells) <= max(place, chain_place):
                raise BlocksError(f"{path}: line {table.line}: a cell is missing")
            else:
                chain = cells[chain_place] if chain_place >= 0 else ANY
                yield table.line, cells[place], printable(chain, 24)
    except TableError as error:
        raise BlocksError(str(error)) from error


def _nanoseconds(text: str) -> int:
    """Raises ValueError where it is no time, or not one of this age."""
    if text.replace(".", "", 1).isdecimal() and text.isascii():
        seconds, _, rest = text.partition(".")
        ns = int(seconds or "0") * 10**9 + int(rest[:9].ljust(9, "0"))
    else:
        when = datetime.fromisoformat(text)
        if when.tzinfo is None:
            raise ValueError("without its offset")
        ns = (when - _EPOCH) // timedelta(microseconds=1) * 1_000
    if not 0 < ns < _LATEST_S * 10**9:
        raise ValueError("not of this age")
    return ns
