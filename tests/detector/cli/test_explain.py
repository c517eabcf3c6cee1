"""Every reason for which the kernel leaves a packet out is told in words, and documented."""

from pathlib import Path

from detector.cli.explain import WORDS, reason_in_words, totals
from detector.kernel import tables
from detector.records import SourceReport
from detector.settings import TUNNELS

DOCUMENT = (Path(__file__).parents[3] / "docs" / "inputs.md").read_text(encoding="utf-8")
REASONS = [name for name in tables.COUNTED if name not in {"packets", "decoded"}]


def test_every_reason_has_words_and_stands_in_the_document() -> None:
    assert set(WORDS) <= set(REASONS)
    for reason in REASONS:
        assert "_" not in reason_in_words(reason)
        assert f"`{reason}" in DOCUMENT


def test_every_tunnel_stands_in_the_document() -> None:
    assert [name for name in TUNNELS if f"`{name}`" not in DOCUMENT] == []


def test_link_types_are_named() -> None:
    report = SourceReport(source="x", packets=4, undecodable={"unknown_linktype:220": 3, "fragment": 1})
    told = totals([report])
    assert "unknown link type 220 (USB (Linux)) 3" in told
    assert "fragment without its first 1" in told
    assert reason_in_words("unknown_linktype:65000") == "unknown link type 65000"
