"""Window tables that `minewatch extract` wrote, read back as they were: captures apart, tables in order.

A Parquet file is a stranger's until proven otherwise: it is read a row group at a time, and whatever is
not a window table of this format is refused in one line.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from detector.kernel import layout
from detector.records import ChannelWindows, PowerWindows
from detector.windows import parquet
from detector.windows.channel import take

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.table import Sources

MOST_ROWS = 1 << 21  # of a row group, which is held at once: about 5 GB


def kind_of(path: str) -> str | None:
    """ "channels" or "power" for a window table; None for anything else.  Raises WindowsFileError."""
    with open(path, "rb") as file:
        if file.read(4) != b"PAR1":
            return None
    with _told(path):
        return parquet.kind_of(_opened(path).schema_arrow)


def channels(path: str) -> Sources:
    """The windows of each capture that the file was extracted from, as `in_order` takes them.

    Each row group is one table, as the meter gave it: the rows come out as they did then.
    """
    file, groups = _grouped(path)
    for numbers in groups.values():
        yield 0, (take(*one) for one in _tables(path, file, numbers, flow=False))


def volumes(path: str) -> Iterator[ChannelWindows]:
    """Rows of the flow logs that the file was extracted from, of one window each, in their order."""
    file, groups = _grouped(path)
    for table, rows in _tables(path, file, sorted(itertools.chain.from_iterable(groups.values())), flow=True):
        starts = table.wide[rows, layout.WINDOW_NS]
        for start in dict.fromkeys(starts.tolist()):
            yield take(table, rows[starts == start])


def _grouped(path: str) -> tuple[Any, dict[str | None, list[int]]]:
    """The file, and the numbers of the row groups of each source."""
    with _told(path):
        file = _opened(path)
        groups: dict[str | None, list[int]] = {}
        for number in range(file.num_row_groups):
            if file.metadata.row_group(number).num_rows > MOST_ROWS:
                raise parquet.WindowsFileError(f"row group {number} has more than {MOST_ROWS} rows")
            names = file.read_row_group(number, columns=["source"]).column("source").unique().to_pylist()
            if len(names) != 1:
                raise parquet.WindowsFileError(f"row group {number} is of {len(names)} sources, not of one")
            groups.setdefault(names[0], []).append(number)
    return file, groups


def power(path: str) -> Iterator[PowerWindows]:
    """The windows of each power file that the file was extracted from."""
    import pyarrow.compute as pc  # noqa: PLC0415

    with _told(path):
        file = _opened(path)
        if file.metadata.num_rows > MOST_ROWS:
            raise parquet.WindowsFileError(f"more than {MOST_ROWS} rows")
        whole = file.read()
        for name in whole.column("source").unique():
            yield parquet.power_from_arrow(whole.filter(pc.equal(whole.column("source"), name)))


def _tables(
    path: str, file: Any, numbers: list[int], *, flow: bool
) -> Iterator[tuple[ChannelWindows, NDArray[np.int64]]]:
    """Each table, and its rows of flow logs, which hold no messages, or the others."""
    for number in numbers:
        with _told(path):
            table = parquet.channels_from_arrow(file.read_row_group(number))
        silent = (table.wide[:, layout.KNOWN] & layout.KNOWS_MESSAGES) == 0
        yield table, np.flatnonzero(silent == flow)


def _opened(path: str) -> Any:
    import pyarrow.parquet as pq  # noqa: PLC0415  (heavy)

    return pq.ParquetFile(path)


@contextlib.contextmanager
def _told(path: str) -> Iterator[None]:
    """What is wrong with the file is a WindowsFileError that names it."""
    import pyarrow as pa  # noqa: PLC0415

    try:
        yield
    except parquet.WindowsFileError as error:
        raise parquet.WindowsFileError(f"{path}: {error}") from error
    except (pa.ArrowException, KeyError, OSError, UnicodeDecodeError) as error:  # the last of names
        line = next(iter(str(error).splitlines()), type(error).__name__)
        raise parquet.WindowsFileError(f"{path}: damaged Parquet file: {line[:200]}") from error
