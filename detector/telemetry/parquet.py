"""Power logs as Apache Parquet, read batch by batch; typed columns are taken as they are."""

from __future__ import annotations

import shutil
import tempfile
from typing import IO, TYPE_CHECKING, Any, Final

from detector.telemetry.collect import Collector
from detector.telemetry.columns import Layout, find_layout
from detector.telemetry.contract import Hints, TelemetryError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detector.records import Readings
    from detector.streams import Stream

BATCH_ROWS: Final = 250_000


def sniff(head: bytes, name: str) -> bool:
    """The magic bytes of the format."""
    return head.startswith(b"PAR1")


def read(stream: Stream, hints: Hints) -> Iterator[Readings]:
    """All readings of the table but for damaged row groups, in parts.  Raises TelemetryError, OSError."""
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    path = stream.path
    try:
        with _seekable(stream) as plain, pq.ParquetFile(plain, memory_map=False) as file:
            layout = find_layout(
                list(file.schema_arrow.names), path, hints, _only_timestamp(file.schema_arrow, pa)
            )
            collector = Collector(path, layout, hints)
            for group in range(file.num_row_groups):
                if stream.interrupted:
                    break
                if reason := _take(file, group, layout, collector):
                    what = f"row group {group} of {file.num_row_groups} is damaged ({reason})"
                    stream.problem = stream.problem or f"{path}: {what}; what is whole is read"
    except (pa.ArrowException, NotImplementedError, UnicodeDecodeError) as error:  # the last of names
        raise TelemetryError(f"{path}: the Parquet file is damaged ({_reason(error)})") from error
    return collector.finish()


def _take(file: Any, group: int, layout: Layout, collector: Collector) -> str | None:
    """Adds the rows of a row group as far as they are whole; what it is damaged by."""
    import pyarrow as pa  # noqa: PLC0415

    rows = file.metadata.row_group(group).num_rows
    try:
        for batch in file.iter_batches(BATCH_ROWS, row_groups=[group], columns=layout.columns):
            collector.add(_typed(batch, layout.meters, pa))
            rows -= batch.num_rows
    except (pa.ArrowException, NotImplementedError, OSError) as error:
        collector.dropped["row of a damaged row group"] += max(rows, 0)
        return _reason(error)
    return None


def _reason(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]


def _seekable(stream: Stream) -> IO[bytes]:
    """The file itself, or a copy of what is packed or comes from a pipe: the format begins at its end."""
    if stream.is_file and not stream.codec:
        return open(stream.path, "rb")
    copy = tempfile.TemporaryFile()  # noqa: SIM115  the caller closes it
    shutil.copyfileobj(stream, copy, 1 << 20)
    return copy


def _only_timestamp(schema: Any, pa: Any) -> str | None:
    """The column of the type timestamp where there is exactly one."""
    found = [field.name for field in schema if pa.types.is_timestamp(field.type)]
    return str(found[0]) if len(found) == 1 else None


def _typed(batch: Any, named: tuple[str, ...], pa: Any) -> Any:
    """A batch as pandas; decimals become floats, `named` categories (a name is told once a batch), and
    other dictionaries text."""
    columns = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if pa.types.is_decimal(column.type):
            column = column.cast(pa.float64())  # noqa: PLW2901
        elif name in named and (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            column = column.dictionary_encode()  # noqa: PLW2901
        elif name not in named and pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()  # noqa: PLW2901
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, batch.schema.names).to_pandas()
