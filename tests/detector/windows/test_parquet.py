"""Window tables through Arrow and back: word for word, with null for what is not known."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.kernel import layout
from detector.records import ChannelWindows, Facts, Lookup, Names, PowerWindows
from detector.windows import parquet
from detector.windows.power import COLUMNS

WALLET = "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD"


def same(text: str) -> str:
    return text


def made(n: int, seed: int) -> ChannelWindows:
    """Rows of random words; families that a row does not know are 0, as every source leaves them."""
    draw = np.random.default_rng(seed)
    wide = draw.integers(-(2**62), 2**62, (n, layout.WIDE))
    narrow = draw.integers(0, 2**32, (n, layout.NARROW), dtype=np.uint32)
    wide[:, layout.KNOWN] = draw.integers(0, 8, n)
    for column in parquet.CHANNEL_COLUMNS:
        if column.family:
            unknown = (wide[:, layout.KNOWN] & column.family) == 0
            block = wide if column.block == "wide" else narrow
            block[unknown, column.start : column.start + column.size] = 0
    addresses = draw.integers(0, 2**63, (n, 2), dtype=np.uint64)
    addresses[::2] = np.stack([np.zeros((n + 1) // 2), 0xFFFF_0A14_0000 + np.arange((n + 1) // 2)], 1)
    facts = [
        Facts("cryptonote", i % 3 == 0 or None, "XMR", wallet=WALLET, jobs=i, difficulty=i / 3)
        for i in range(n)
    ]
    return ChannelWindows(
        client=addresses,
        server=np.roll(addresses, 1, 0),
        port=draw.integers(0, 65536, n),
        transport=np.full(n, 6),
        basis=draw.integers(0, 4, n),
        wide=wide,
        narrow=narrow,
        facts=[f if i % 2 else None for i, f in enumerate(facts)],
        names=[shown(i) if i % 3 else None for i in range(n)],
    )


def shown(i: int) -> Names:
    """Names that differ from row to row, each field set in some and unset in others."""
    lookups = (Lookup(i, "a.example", "203.0.113.5"), Lookup(i, "b.example", None)) if i % 2 else ()
    return Names(
        hellos=i,
        server_name="a.example" if i % 2 else None,
        certificate=("*.a.example", "a.example")[: i % 3],
        self_signed=(None, False, True)[i % 3],
        quic=i % 2 == 0,
        lookups=lookups,
    )


def assert_equal(a: ChannelWindows, b: ChannelWindows) -> None:
    for name in ("client", "server", "port", "transport", "basis", "wide", "narrow"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)
    assert a.facts == b.facts
    assert a.names == b.names


def test_every_word_of_a_row_has_one_column() -> None:
    """A word that layout gains and the file lacks would be lost in silence."""
    for block, size in (("wide", layout.WIDE), ("narrow", layout.NARROW)):
        taken = [
            i for c in parquet.CHANNEL_COLUMNS if c.block == block for i in range(c.start, c.start + c.size)
        ]
        assert sorted(taken) == list(range(size))
    names = [column.name for column in parquet.CHANNEL_COLUMNS]
    assert len(names) == len(set(names))


@settings(max_examples=20, deadline=None)
@given(n=st.integers(0, 9), seed=st.integers(0, 99))
def test_channels_read_back(n: int, seed: int) -> None:
    windows = made(n, seed)
    assert_equal(parquet.channels_from_arrow(parquet.channels_to_arrow(windows, "a.pcap", same)), windows)


def test_channels_read_back_from_a_file(tmp_path: Path) -> None:
    """Several tables in one file, as extract writes them."""
    tables = [parquet.channels_to_arrow(made(n, n), f"{n}.pcap", same) for n in (3, 0, 5)]
    with pq.ParquetWriter(tmp_path / "c.parquet", tables[0].schema, compression="zstd") as writer:
        for table in tables:
            writer.write_table(table)
    table = pq.read_table(tmp_path / "c.parquet")
    assert table.column("source").to_pylist() == ["3.pcap"] * 3 + ["5.pcap"] * 5
    whole = parquet.channels_from_arrow(table)
    np.testing.assert_array_equal(whole.wide, np.concatenate([made(3, 3).wide, made(5, 5).wide]))


def test_unknown_is_null_and_zero_is_zero() -> None:
    windows = made(2, 0)
    windows.wide[:] = 0
    windows.wide[0, layout.KNOWN] = layout.KNOWS_COUNTS
    windows.wide[1, layout.KNOWN] = layout.KNOWS_ALL
    row, other = parquet.channels_to_arrow(windows, "s", same).to_pylist()
    assert (row["up_packets"], row["up_messages"], row["up_payload_bytes"], row["up_lengths"]) == (
        0,
        None,
        None,
        None,
    )
    assert (other["up_packets"], other["up_messages"], len(other["up_lengths"])) == (
        0,
        0,
        2 * layout.COMMON_LENGTHS,
    )
    assert (row["client"], row["facts_dialect"], other["facts_dialect"]) == ("10.20.0.0", None, "cryptonote")


def test_wallets_are_hidden() -> None:
    def hide(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    table = parquet.channels_to_arrow(made(4, 0), "s", hide)
    assert WALLET not in str(table.to_pylist())
    assert hide(WALLET) in table.column("facts_wallet").to_pylist()


@settings(max_examples=20, deadline=None)
@given(n=st.integers(0, 9), seed=st.integers(0, 99))
def test_power_reads_back(n: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    columns = draw.normal(size=(n, len(COLUMNS)))
    columns[draw.random(columns.shape) < 0.2] = np.nan
    windows = PowerWindows(
        meters=[f"pdu1/{i}" for i in range(n)],
        meter=np.arange(n),
        window_ns=draw.integers(0, 2**62, n),
        window_s=np.full(n, 300.0),
        columns=columns,
        estimated=bool(n),
    )
    back = parquet.power_from_arrow(parquet.power_to_arrow(windows, "p.csv"))
    for name in ("meter", "window_ns", "window_s", "columns"):
        np.testing.assert_array_equal(getattr(back, name), getattr(windows, name), err_msg=name)
    assert (back.meters, back.estimated) == (windows.meters, windows.estimated)


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (lambda t: t.replace_schema_metadata({}), "holds no window table"),
        (
            lambda t: t.replace_schema_metadata({parquet.KEY: b"minewatch.windows/1 power"}),
            "not minewatch.windows/1",
        ),
        (lambda t: t.drop_columns(["up_packets"]), "lacks the column 'up_packets'"),
        (lambda t: swapped(t, "client", pa.array(["nowhere"] * t.num_rows)), "'nowhere' is no address"),
        (lambda t: swapped(t, "client", pa.array([None] * t.num_rows, pa.string())), "is no address"),
        (lambda t: swapped(t, "port", pa.array([None] * t.num_rows, pa.int32())), "'port': empty cells"),
        (lambda t: swapped(t, "up_opening", pa.array([[1]] * t.num_rows)), "lists of other than 4 numbers"),
    ],
)
def test_a_foreign_file_is_refused(broken: object, told: str) -> None:
    table = parquet.channels_to_arrow(replace(made(3, 1)), "s", same)
    with pytest.raises(parquet.WindowsFileError, match=told):
        parquet.channels_from_arrow(broken(table))  # type: ignore[operator]


def swapped(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    changed = table.set_column(table.column_names.index(name), name, column)
    return changed.replace_schema_metadata(table.schema.metadata)


def test_files_from_before_a_column_of_the_facts_was_there() -> None:
    table = parquet.channels_to_arrow(made(6, 0), "s", same)
    older = table.drop_columns(list(parquet.LATER))
    assert parquet.channels_from_arrow(older).facts == parquet.channels_from_arrow(table).facts


def test_tables_from_before_names_are_read() -> None:
    table = parquet.channels_to_arrow(made(5, 1), "a.pcap", same).drop_columns(["names"])
    assert parquet.channels_from_arrow(table).names == [None] * 5


@pytest.mark.parametrize(
    "change",
    [{"hellos": None}, {"quic": None}, {"certificate": None}, {"certificate": [None]}, {"lookups": None},
     {"lookups": [{"ts_ns": 1, "name": None, "address": None}]}],
    ids=["count", "flag", "list", "cell", "lookups", "lookup"],
)  # fmt: skip
def test_names_that_nobody_wrote_are_one_line(change: dict[str, object]) -> None:
    table = parquet.channels_to_arrow(made(2, 1), "a.pcap", same)
    rows = table.column("names").to_pylist()
    rows[1] |= change
    place = table.schema.get_field_index("names")
    table = table.set_column(place, "names", pa.array(rows, table.schema.field("names").type))
    with pytest.raises(parquet.WindowsFileError, match="column 'names'"):
        parquet.channels_from_arrow(table)
