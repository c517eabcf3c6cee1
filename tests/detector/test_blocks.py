"""Files of the times at which a node heard of blocks: both forms, and what is refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.blocks import ANY, BlocksError, read_blocks
from detector.cli import main
from detector.text import rfc3339

NS = 1_772_445_600_000_000_000  # 2026-03-02 10:00 UTC


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "blocks.txt"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_a_time_a_line(tmp_path: Path) -> None:
    text = "# my node\n1772445660\n\n1772445600.25\n2026-03-02T11:02:00+01:00\n1772445660\n"
    found = read_blocks(written(tmp_path, text))
    assert {chain: times.tolist() for chain, times in found.items()} == {
        ANY: [NS + 250_000_000, NS + 60_000_000_000, NS + 120_000_000_000]
    }


def test_columns_in_any_order(tmp_path: Path) -> None:
    text = "height,Chain,Time\n1,BTC,1772445600\n7,XMR,2026-03-02T10:00:01Z\n2,BTC,1772445601\n"
    found = read_blocks(written(tmp_path, text))
    assert {chain: times.tolist() for chain, times in found.items()} == {
        "BTC": [NS, NS + 10**9],
        "XMR": [NS + 10**9],
    }


@given(st.lists(st.integers(1, 2**32), min_size=1, max_size=30), st.booleans())
def test_every_time_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, seconds: list[int], as_text: bool
) -> None:
    lines = [rfc3339(one * 10**9) if as_text else str(one) for one in seconds]
    path = written(tmp_path_factory.mktemp("blocks"), "\n".join(lines))
    assert read_blocks(path)[ANY].tolist() == [one * 10**9 for one in sorted(set(seconds))]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "holds no time"),
        ("time,chain\n", "holds no time"),
        ("1772445600\nsoon\n", "line 2: 'soon' is no time"),
        ("2026-03-02T10:00:00\n", "line 1: '2026-03-02T10:00:00' is no time"),
        ("1772445600000\n", "is no time"),  # milliseconds
        ("-5\n", "is no time"),
        ("\u0661\u0662\n", "is no time"),
        ("9" * 5000, "is no time"),
        ("nan\n", "is no time"),
        ("chain,time\nBTC\n", "line 2: a cell is missing"),
        ("time,chain\n" + "".join(f"1,c{i}\n" for i in range(65)), "line 66: more than 64 chains"),
        (b"\xff\xfe1", "not UTF-8"),
        ("x" * 200_000, "line 1"),
    ],
)  # fmt: skip
def test_what_is_no_list_is_refused_in_one_line(text: str | bytes, told: str, tmp_path: Path) -> None:
    with pytest.raises(BlocksError) as caught:
        read_blocks(written(tmp_path, text))
    assert told in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 400


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    try:
        found = read_blocks(written(tmp_path_factory.mktemp("blocks"), content))
    except BlocksError:
        return
    assert all((times[1:] > times[:-1]).all() for times in found.values())


def test_a_file_that_is_not_there_is_told_by_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["score", "--block-times", str(tmp_path / "none"), str(tmp_path)]
    assert main(words) == 2
    told = capsys.readouterr().err
    assert "none: no such file or directory" in told and "Traceback" not in told
