"""The report: inert whatever a capture says, whole for any number of findings, alone in one file."""

import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest

from detector.document import Context
from detector.records import Finding
from detector.report import write_report
from detector.report.markup import Markup, join, tag
from detector.report.page import page
from detector.text import printable
from tests.detector.sinks.samples import HOSTILE, MODEL, TEN, clear, hostile, mining, source, undecided

VOID = {"meta", "rect"}
TAGS = {
    "html", "head", "meta", "title", "style", "body", "main", "header", "section", "h1", "h2", "h3", "p",
    "ul", "li", "dl", "dt", "dd", "div", "span", "strong", "a", "table", "thead", "tbody", "tr", "th", "td",
    "svg", "rect",
}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "http-equiv", "content", "name", "class", "id", "href", "scope", "title", "viewbox",
    "width", "height", "rx", "role", "aria-label",
}  # fmt: skip


class Strict(HTMLParser):
    """Refuses what is not balanced, and any tag or attribute that the report does not use."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        assert name in TAGS, name
        for key, value in attributes:
            assert key in ATTRIBUTES, key
            if key == "id":
                self.ids.append(value or "")
            if key == "href":
                self.links.append(value or "")
        if name not in VOID:
            self.open.append(name)

    def handle_endtag(self, name: str) -> None:
        if name not in VOID:
            assert self.open.pop() == name

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text.append(data)


def read(findings: list[Finding], **changes: object) -> tuple[str, Strict]:
    told = {"sources": [source()], "problems": [], "model": MODEL, "interrupted": False} | changes
    html = page(SimpleNamespace(findings=findings, **told), Context(model=MODEL, made_ns=TEN))
    parser = Strict()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    return html, parser


@pytest.mark.parametrize("count", [0, 1, 100])
def test_any_number_of_findings(count: int) -> None:
    findings = [mining(host=f"10.0.0.{i}") for i in range(count)] + [clear()] * bool(count)
    _, parser = read(findings)
    assert len(parser.ids) == len(set(parser.ids)) == count
    assert {link.removeprefix("#") for link in parser.links} == set(parser.ids)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text(text: str) -> None:
    """In every place that a capture reaches: shown as it is, and nothing but text."""
    report = source(source=text, undecodable={text: 1}, notes=[text], problem=text)
    model = {"id": text, "schema_digest": text}
    html, parser = read([hostile(text)], sources=[report], problems=[text, text + "2"], model=model)
    assert printable(text) in "".join(parser.text)
    assert "<script" not in html.lower() and "<img" not in html.lower()
    assert all(line.isprintable() for line in html.splitlines())
    assert all(re.fullmatch(r"#?h[0-9a-f]{16}", link) for link in [*parser.links, *parser.ids])
    html.encode("utf-8")


def test_nothing_is_fetched() -> None:
    html, _ = read([mining()])
    assert not re.search(r"url\(|@import|src=|https?://|<link|<base", html)
    assert "default-src 'none'" in html.replace("&#x27;", "'")


def test_it_says_what_was_found_read_and_not_told() -> None:
    lossy = source(packets=10, decoded=5, undecodable={"truncated": 5}, lost=3)
    _, parser = read(
        [mining(), undecided()], sources=[lossy], problems=["b.pcap: empty file"], interrupted=True
    )
    told = " ".join(parser.text)
    for words in (
        "interrupted",
        "drew 12.8 kWh in the data (measured)",
        "XMRig/6.21.0 logged in and submitted 12 shares",
        "channel.down.modal_length_share",
        "truncated 5",
        "b.pcap: empty file",
        "Whether packets of this host were lost is not known.",
        "No power readings",
        "No traffic of it could be judged",
        "default-2026.11",
    ):
        assert words in told, words


def test_thousands_of_hosts_do_not_make_a_file_of_hundreds_of_megabytes() -> None:
    html, _ = read([mining(host=f"host {i}") for i in range(3000)])
    assert "1000 more are in the JSON output." in html
    assert len(html) < 3_000_000


def test_it_is_whole_or_not_there(tmp_path: Path) -> None:
    place = tmp_path / "report.html"
    result = SimpleNamespace(findings=[mining()], sources=[], problems=[], model=MODEL, interrupted=False)
    write_report(place, result, Context(model=MODEL))
    assert place.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert place.read_text(encoding="utf-8").endswith("</html>\n")
    with pytest.raises(OSError):
        write_report(tmp_path / "no" / "report.html", result, Context(model=MODEL))


def test_markup_escapes_all_but_markup() -> None:
    assert tag("p", "<b>", Markup("<i>"), class_='"x"').html == '<p class="&quot;x&quot;">&lt;b&gt;<i></p>'
    assert join("a", None, 1).html == "a1"


def test_addresses_are_not_broken_and_long_names_are() -> None:
    result = SimpleNamespace(
        findings=[clear("2001:db8:85a3:1234:5678:8a2e:370:7334"), clear("x" * 300)],
        sources=[], problems=[], model=MODEL, interrupted=False,
    )  # fmt: skip
    told = page(result, Context())  # type: ignore[arg-type]
    assert '<th scope="row" class="short">2001:db8' in told
    assert '<th scope="row">xxx' in told


def test_times_among_the_facts_are_read_as_times() -> None:
    finding = mining()
    finding.evidence[0].facts = {"onset_ns": TEN, "step_w": 5.0}
    result = SimpleNamespace(findings=[finding], sources=[], problems=[], model=MODEL, interrupted=False)
    told = page(result, Context())  # type: ignore[arg-type]
    assert "onset: 2026-03-02 10:00" in told and "onset_ns" not in told
