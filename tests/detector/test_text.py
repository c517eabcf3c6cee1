"""Text that is safe to show, and times that are exact."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.text import cells, grouped, number, plain, plural, printable, probability, rfc3339


@given(st.text())
def test_printable_is_one_printable_line(text: str) -> None:
    assert printable(text).isprintable()


@given(st.text(alphabet=st.characters(categories=["L", "N", "P"]), max_size=100))
def test_printable_leaves_ordinary_text_alone(text: str) -> None:
    assert printable(text) == text


def test_printable_shows_what_it_took_out() -> None:
    assert printable("a\x1b[1m\u202eb\u00a0c\nd") == r"a\x1b[1m\u202eb c\nd"
    assert printable("x" * 500).endswith("x…") and len(printable("x" * 500)) == 400


def test_rfc3339_cuts_to_microseconds() -> None:
    assert rfc3339(1_772_445_600_123_456_789) == "2026-03-02T10:00:00.123456Z"
    assert rfc3339(0) == "1970-01-01T00:00:00.000000Z"


@given(st.integers(0, 2**62))
def test_rfc3339_reads_back(ns: int) -> None:
    back = datetime.fromisoformat(rfc3339(ns))
    assert (back - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() == pytest.approx(ns / 1e9, abs=1e-5)


@pytest.mark.parametrize(
    ("value", "told"),
    [(None, "-"), (float("nan"), "-"), (0.9999, "0.999"), (1.0, "1.000"), (0.0, "0.000"), (0.5, "0.500")],
)
def test_probability_is_cut_not_rounded(value: float | None, told: str) -> None:
    assert probability(value) == told


@pytest.mark.parametrize(
    ("value", "told"),
    [(None, "-"), (0, "0"), (7.3, "7.3"), (1234.5, "1 234"), (0.04567, "0.0457"), (-12.34, "-12.3")],
)
def test_number_has_three_digits(value: float | None, told: str) -> None:
    assert number(value) == told


def test_cells_counts_wide_letters_twice_and_marks_not_at_all() -> None:
    assert (cells("ab"), cells("東京"), cells("e\u0301")) == (2, 4, 1)


def test_plain_has_no_nan_at_any_depth() -> None:
    assert plain({"a": [float("inf"), (float("nan"), 1)], 2: {"b": -0.5}}) == {
        "a": [None, [None, 1]],
        "2": {"b": -0.5},
    }


def test_counts_are_in_groups_of_three() -> None:
    assert [grouped(n) for n in (0, 999, 1_000, 1_234_567)] == ["0", "999", "1 000", "1 234 567"]
    assert plural(1_234, "packet") == "1 234 packets" and plural(1, "packet") == "1 packet"
