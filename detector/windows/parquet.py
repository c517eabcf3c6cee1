"""Window tables as Arrow tables, for Parquet: one column a quantity, null where it is not known.

Columns are named as in `kernel.layout`, in lower case, with `up_` or `down_` before those of
a direction; times are nanoseconds since the epoch, 0 = none yet.  Histograms, heavy hitters
and events are lists.  `client` and `server` are text.  `facts_*` is what the dissectors heard,
null where they heard nothing; `names` is what channels showed in the clear.  Whether a family
of columns is null is told by `known` (bits of `layout.KNOWN`); reading gives the rows back word for word.

The file itself is read and written by the caller: this module does no I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detector import hosts
from detector.kernel import layout
from detector.records import ChannelWindows, Facts, Names, PowerWindows
from detector.windows.parquet_names import names_from_arrow, names_to_arrow, names_type
from detector.windows.power import COLUMNS as POWER_COLUMNS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detector.records import UInt64s

FORMAT: Final = b"minewatch.windows/1"
KEY: Final = b"minewatch"
LATER: Final = (
    "facts_server_mines",
    "facts_carrier",
    "up_port",
    "down_port",
    "names",
)  # null in files from before there was such a column
HIDDEN: Final = ("wallet", "worker")  # never stored in the clear unless asked
_COUNTS = {"first_ns", "last_ns", "packets", "bytes", "port"}
_PAYLOAD = {"connections", "resets", "payload_bytes", "retransmitted", "keepalives"}
_HEADER = ("window_ns", "first_ns", "last_ns", "connections", "resets", "known", "opening_ns", "tls_records")
_DIRECTION = (
    "packets", "bytes", "payload_bytes", "retransmitted", "keepalives", "messages", "message_bytes",
    "first_message_ns", "last_message_ns", "longest_gap_ns", "pushes", "pushes_answered", "first_push_ns",
    "last_push_ns", "replied", "replied_bytes", "reply_bytes", "short_replies", "pending_ns",
    "pending_length", "busy_bins", "busy_before", "lengths_dropped", "push_lengths_dropped",
    "reply_lengths_dropped", "shortest", "longest", "port",
)  # fmt: skip
_NARROW = (
    ("length_histogram", layout.LENGTH_BINS),
    ("gap_histogram", layout.GAP_BINS),
    ("push_gap_histogram", layout.GAP_BINS),
    ("reply_delay_histogram", layout.DELAY_BINS),
    ("lengths", 2 * layout.COMMON_LENGTHS),
    ("push_lengths", 2 * layout.COMMON_PUSHES),
    ("reply_lengths", 2 * layout.COMMON_REPLIES),
)
_ARROW = {"str": "string", "int": "int64", "float": "float64", "bool": "bool"}


class WindowsFileError(ValueError):
    """A Parquet file that holds no window table of this format; one line that says why."""


@dataclass(frozen=True, slots=True)
class Column:
    """Where a column of the table stands in a row: `size` words from `start` on; size 1 is no list."""

    name: str
    block: str  # "wide" or "narrow"
    start: int
    size: int
    family: int  # bit of layout.KNOWN that says whether it is known; 0 = always


def _columns() -> Iterator[Column]:
    for name in _HEADER:
        yield Column(name, "wide", getattr(layout, name.upper()), 1, _family(name))
    for side, wide, narrow in (
        ("up", layout.UP, layout.NARROW_UP),
        ("down", layout.DOWN, layout.NARROW_DOWN),
    ):
        for name in _DIRECTION:
            yield Column(f"{side}_{name}", "wide", wide + getattr(layout, name.upper()), 1, _family(name))
        opening = wide + layout.OPENING
        yield Column(f"{side}_opening", "wide", opening, layout.OPENINGS, layout.KNOWS_MESSAGES)
        for name, size in _NARROW:
            start = narrow + getattr(layout, name.upper())
            yield Column(f"{side}_{name}", "narrow", start, size, layout.KNOWS_MESSAGES)
    yield Column("head_events", "wide", layout.HEAD, 2 * layout.HEAD_EVENTS, layout.KNOWS_MESSAGES)
    yield Column("tail_events", "wide", layout.TAIL, 2 * layout.TAIL_EVENTS, layout.KNOWS_MESSAGES)


def _family(name: str) -> int:
    if name in {"window_ns", "known"}:
        return 0
    if name in _COUNTS:
        return layout.KNOWS_COUNTS
    return layout.KNOWS_PAYLOAD if name in _PAYLOAD else layout.KNOWS_MESSAGES


CHANNEL_COLUMNS: Final = tuple(_columns())


def channels_to_arrow(windows: ChannelWindows, source: str, hide: Callable[[str], str]) -> Any:
    """The rows as a pyarrow Table; `hide` is put over wallets and workers, `source` into every row."""
    import pyarrow as pa  # noqa: PLC0415

    n = len(windows)
    known = windows.wide[:, layout.KNOWN]
    table: dict[str, Any] = {
        "source": pa.array([source] * n, pa.string()),
        "client": pa.array(_spelled(windows.client), pa.string()),
        "server": pa.array(_spelled(windows.server), pa.string()),
    }
    for name in ("port", "transport", "basis"):
        table[name] = pa.array(getattr(windows, name), pa.int32())
    for column in CHANNEL_COLUMNS:
        block = windows.wide if column.block == "wide" else windows.narrow
        words = block[:, column.start : column.start + column.size]
        unknown = (known & column.family) == 0 if column.family else np.zeros(n, np.bool_)
        table[column.name] = _array(words, unknown, "int64" if column.block == "wide" else "uint32")
    for item in fields(Facts):
        told = [_told(facts, item.name, hide) for facts in windows.facts]
        table[f"facts_{item.name}"] = pa.array(told, _fact_type(item.type))
    table["names"] = names_to_arrow(windows.names)
    return pa.table(table).replace_schema_metadata({KEY: FORMAT + b" channels"})


def channels_from_arrow(table: Any) -> ChannelWindows:
    """What `channels_to_arrow` was given, wallets as hidden.  Raises WindowsFileError."""
    table = _checked(table, "channels", _channel_types())
    n = table.num_rows
    wide = np.zeros((n, layout.WIDE), np.int64)
    narrow = np.zeros((n, layout.NARROW), np.uint32)
    for column in CHANNEL_COLUMNS:
        block = wide if column.block == "wide" else narrow
        _fill(block[:, column.start : column.start + column.size], table.column(column.name), column.name)
    port = _whole(table, "port")
    if n and not 0 <= port.min() <= port.max() <= 65_535:
        raise WindowsFileError("column 'port': not a port")
    return ChannelWindows(
        client=_words(table.column("client").to_pylist()),
        server=_words(table.column("server").to_pylist()),
        port=port,
        transport=_whole(table, "transport"),
        basis=_whole(table, "basis"),
        wide=wide,
        narrow=narrow,
        facts=_facts(table),
        names=_names(table),
    )


def power_to_arrow(windows: PowerWindows, source: str) -> Any:
    """The rows as a pyarrow Table; NaN is null."""
    import pyarrow as pa  # noqa: PLC0415

    n = len(windows)
    table: dict[str, Any] = {
        "source": pa.array([source] * n, pa.string()),
        "meter": pa.array([windows.meters[i] for i in windows.meter.tolist()], pa.string()),
        "window_ns": pa.array(windows.window_ns, pa.int64()),
        "window_s": pa.array(windows.window_s, pa.float64()),
        "estimated": pa.array([windows.estimated] * n, pa.bool_()),
    }
    for i, name in enumerate(POWER_COLUMNS):
        table[name] = pa.array(windows.columns[:, i], pa.float64(), from_pandas=True)
    return pa.table(table).replace_schema_metadata({KEY: FORMAT + b" power"})


def power_from_arrow(table: Any) -> PowerWindows:
    """What `power_to_arrow` was given.  Raises WindowsFileError."""
    table = _checked(table, "power", _power_types())
    names = table.column("meter").to_pylist()
    if None in names:
        raise WindowsFileError("column 'meter': empty cells")
    place = {name: i for i, name in enumerate(dict.fromkeys(names))}
    columns = [table.column(name).to_numpy() for name in POWER_COLUMNS]
    return PowerWindows(
        meters=list(place),
        meter=np.array([place[name] for name in names], np.int64),
        window_ns=_whole(table, "window_ns"),
        window_s=table.column("window_s").to_numpy().astype(np.float64),
        columns=np.column_stack(columns).astype(np.float64).reshape(len(names), len(POWER_COLUMNS)),
        estimated=any(table.column("estimated").to_pylist()),
    )


def _array(words: NDArray[Any], unknown: NDArray[np.bool_], kind: str) -> Any:
    """One column: numbers, or lists where there are several words; null where unknown."""
    import pyarrow as pa  # noqa: PLC0415

    size = words.shape[1]
    if size == 1:
        return pa.array(words[:, 0], kind, mask=unknown)
    offsets = np.concatenate([[0], np.cumsum(np.where(unknown, 0, size))]).astype(np.int32)
    values = pa.array(np.ascontiguousarray(words[~unknown]).ravel(), kind)
    return pa.ListArray.from_arrays(pa.array(offsets), values, mask=pa.array(unknown))


def _fill(words: NDArray[Any], column: Any, name: str) -> None:
    """Put a column's values where it is not null; what is unknown stays 0."""
    size = words.shape[1]
    column = column.combine_chunks()
    there = ~np.asarray(column.is_null())
    if size == 1:
        words[there, 0] = column.drop_null().to_numpy(zero_copy_only=False)
        return
    if column.flatten().null_count:
        raise WindowsFileError(f"column {name!r}: empty cells in a list")
    values = column.flatten().to_numpy(zero_copy_only=False)
    if (np.asarray(column.drop_null().value_lengths()) != size).any():
        raise WindowsFileError(f"column {name!r}: lists of other than {size} numbers")
    words[there] = values.reshape(-1, size)


def _spelled(addresses: UInt64s) -> list[str]:
    """128-bit addresses in their usual spelling; each distinct one is spelled once."""
    unique, place = np.unique(addresses, axis=0, return_inverse=True)
    names = [hosts.text(address) for address in unique.tolist()]
    return [names[i] for i in place.ravel().tolist()]


def _words(names: Iterable[str | None]) -> UInt64s:
    listed = list(names)
    known = {name: _parsed(name) for name in set(listed)}
    return np.array([known[name] for name in listed], np.uint64).reshape(len(listed), 2)


def _parsed(name: str | None) -> tuple[int, int]:
    try:
        return hosts.words(name or "")
    except ValueError as error:
        raise WindowsFileError(f"{name!r} is no address") from error


def _whole(table: Any, name: str) -> NDArray[np.int64]:
    column = table.column(name)
    if column.null_count:
        raise WindowsFileError(f"column {name!r}: empty cells")
    whole: NDArray[np.int64] = column.to_numpy().astype(np.int64)
    return whole


def _told(facts: Facts | None, name: str, hide: Callable[[str], str]) -> Any:
    value = None if facts is None else getattr(facts, name)
    return hide(value) if value is not None and name in HIDDEN else value


def _facts(table: Any) -> list[Facts | None]:
    names = [item.name for item in fields(Facts)]
    certain = [i for i, item in enumerate(fields(Facts)) if not str(item.type).endswith("None")]
    columns = [table.column(f"facts_{name}").to_pylist() for name in names]
    rows = list(zip(*columns, strict=True))
    if any(row[0] is not None and any(row[i] is None for i in certain) for row in rows):
        raise WindowsFileError("columns 'facts_': empty cells beside a dialect")
    return [None if row[0] is None else Facts(**dict(zip(names, row, strict=True))) for row in rows]


def _names(table: Any) -> list[Names | None]:
    try:
        return names_from_arrow(table.column("names"))
    except (TypeError, ValueError) as error:
        raise WindowsFileError(f"column 'names': {error}") from error


def kind_of(schema: Any) -> str | None:
    """ "channels" or "power" for the schema of a window table; None for another one.

    Raises WindowsFileError for a window table of another format.
    """
    found = (schema.metadata or {}).get(KEY)
    if found is None:
        return None
    form, _, kind = found.partition(b" ")
    if form != FORMAT or kind not in (b"channels", b"power"):
        told = found.decode("ascii", "replace")
        raise WindowsFileError(f"holds {told!r:.80}, not {FORMAT.decode()}: extract it again")
    return str(kind.decode())


def _channel_types() -> dict[str, Any]:
    """The Arrow type of each column of a channel table."""
    import pyarrow as pa  # noqa: PLC0415

    types = dict.fromkeys(("source", "client", "server"), pa.string())
    types |= dict.fromkeys(("port", "transport", "basis"), pa.int32())
    for column in CHANNEL_COLUMNS:
        kind = pa.int64() if column.block == "wide" else pa.uint32()
        types[column.name] = kind if column.size == 1 else pa.list_(kind)
    types |= {f"facts_{item.name}": _fact_type(item.type) for item in fields(Facts)}
    return types | {"names": names_type()}


def _power_types() -> dict[str, Any]:
    """The Arrow type of each column of a power table."""
    import pyarrow as pa  # noqa: PLC0415

    told = {"source": pa.string(), "meter": pa.string(), "window_ns": pa.int64(), "estimated": pa.bool_()}
    return told | dict.fromkeys(("window_s", *POWER_COLUMNS), pa.float64())


def _fact_type(kind: object) -> Any:
    import pyarrow as pa  # noqa: PLC0415

    return pa.type_for_alias(_ARROW[str(kind).removesuffix(" | None")])


def _checked(table: Any, kind: str, types: Mapping[str, Any]) -> Any:
    """The table, if it is of this format and every column is there and of its type."""
    import pyarrow as pa  # noqa: PLC0415

    if kind_of(table.schema) != kind:
        raise WindowsFileError(f"holds no window table, not {FORMAT.decode()} {kind}")
    for name, expected in types.items():
        if name in LATER and name not in table.column_names:
            table = table.append_column(name, pa.nulls(table.num_rows, expected))
        if name not in table.column_names:
            raise WindowsFileError(f"lacks the column {name!r}")
        found = table.schema.field(name).type
        listed = pa.types.is_list(found) and pa.types.is_list(expected)
        if (found.value_type != expected.value_type) if listed else (found != expected):
            raise WindowsFileError(f"column {name!r} is {found}, not {expected}")
    return table
