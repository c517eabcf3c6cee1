"""Tables of people, as spreadsheets save them: told in one way, whatever encoding, mark and comma."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector import tables
from detector.blocks import read_blocks
from detector.hosts import AssetsError, read_assets, words
from detector.tables import Table, TableError
from detector.tips import read_tips
from training.labels import read_labels

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16")
MARKS = (",", ";", "\t", "|")
CELLS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=8)


@given(
    st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=5),
    st.sampled_from(MARKS),
    st.sampled_from(ENCODINGS),
)
def test_what_was_quoted_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], mark: str, encoding: str
) -> None:
    path = tmp_path_factory.mktemp("t") / "t.csv"
    lines = [mark.join(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row) for row in rows]
    path.write_bytes("".join(f"{line}\r\n" for line in [mark.join("abc"), *lines]).encode(encoding))
    assert list(Table(path, 1 << 20, "table")) == [["a", "b", "c"], *rows]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("mark", MARKS)
def test_every_list_is_read_in_the_same_way(mark: str, encoding: str, tmp_path: Path) -> None:
    def saved(name: str, *lines: str) -> str:
        text = "".join(line.replace("~", mark) + "\r\n" for line in lines)
        (tmp_path / name).write_bytes(text.encode(encoding))
        return str(tmp_path / name)

    assets = read_assets(saved("a.csv", "asset~ip~contract_kw", 'Büro~10.0.0.1~"3,5"'))
    assert assets.by_ip["10.0.0.1"].asset == "Büro" and assets.by_ip["10.0.0.1"].contract_kw == 3.5
    tips = read_tips(saved("t.csv", "time~host~text~source", "2026-03-01~10.0.0.1~hums~neighbour"))
    assert [tip.text for tip in tips.of(["10.0.0.1"])] == ["hums"]
    assert list(read_blocks(saved("b.csv", "time~chain", "1772323200~btc"))) == ["btc"]
    rows = ('t.csv~*~~~mining~a~"0,5"', "b.csv~*~~~benign~b~1")
    labels = read_labels(saved("l.csv", "source~host~start~end~label~group~weight", *rows))
    assert [label.weight for label in labels] == [0.5, 1.0]


def test_what_may_be_two_numbers_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("asset;contract_kw\nx;1,000\n")
    with pytest.raises(AssetsError, match="line 2: contract_kw '1,000' is no number of kW"):
        read_assets(str(tmp_path / "a.csv"))
    assert tables.number("1,5") == tables.number("1.5") == 1.5


def test_a_quote_without_its_other_one_is_named_where_it_begins(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('asset\nx\n"y\n' + "z\n" * 50)
    with pytest.raises(TableError, match="line 3: "):
        list(Table(tmp_path / "a.csv", 1 << 20, "table"))


@pytest.mark.parametrize("start", [b"PK\x03\x04", b"\xd0\xcf\x11\xe0"])
def test_a_spreadsheet_is_told_as_such(start: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(start + bytes(99))
    with pytest.raises(AssetsError, match="a spreadsheet; save it as CSV"):
        read_assets(str(tmp_path / "a.xlsx"))


@pytest.mark.parametrize("name", ["256.1.1.1", "01.2.3.4", "1.2.3", "1.2.3.4.5", "1.2.3.4 ", "\u0661.2.3.4"])
def test_what_is_no_address_stays_none(name: str) -> None:
    with pytest.raises(ValueError, match="does not appear"):
        words(name)
