"""The report: inert whatever a capture says, whole for any number of findings, alone in one file."""

import base64
import hashlib
import re
from pathlib import Path

import pytest

from detector.document import Context, since, sureness
from detector.records import Verdict
from detector.report import write_report
from detector.report.card import card
from detector.report.markup import Markup, join, tag
from detector.report.summary import answer
from detector.report.words import advice
from detector.rollup import of_result
from detector.text import printable
from tests.detector.report.read import Strict, drawn, html, read, result, traffic
from tests.detector.sinks.samples import (
    ELEVEN,
    HOSTILE,
    MODEL,
    TEN,
    clear,
    hostile,
    mining,
    source,
    undecided,
)

PARTS = {"answer", "hosts", "organisations", "one-by-one", "read", "methods"}


@pytest.mark.parametrize("count", [0, 1, 100])
def test_any_number_of_findings(count: int) -> None:
    findings = [mining(host=f"10.0.0.{i}") for i in range(count)] + [clear()] * bool(count)
    _, parser = read(findings)
    parts = PARTS if count else PARTS - {"one-by-one"}
    assert len(parser.ids) == len(set(parser.ids)) == count + len(parts)
    assert {link.removeprefix("#") for link in parser.links} == set(parser.ids)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text(text: str) -> None:
    """In every place that a capture, a file or a bundle reaches: shown as it is, and nothing but text."""
    report = source(source=text, undecodable={text: 1}, notes=[text], problem=text)
    model = {"id": text, "schema_digest": text}
    finding = hostile(text)
    finding.traffic, finding.drawn = traffic(), drawn()
    told, parser = read(
        [finding], sources=[report], problems=[text, text + "2"], model=model, card=f"## {text}\n| {text} |"
    )
    assert printable(text) in "".join(parser.text)
    assert "<script" not in told.lower() and "<img" not in told.lower()
    assert all(line.isprintable() for line in told.splitlines())
    known = PARTS | {f"#{part}" for part in PARTS}
    names = [name for name in [*parser.links, *parser.ids] if name not in known]
    assert all(re.fullmatch(r"#?h[0-9a-f]{16}[mw]?[td]?", name) for name in names)
    told.encode("utf-8")


def test_nothing_is_fetched_and_only_its_own_style_is_allowed() -> None:
    told, _ = read([mining()])
    assert not re.search(r"url\(|@import|src=|https?://|<link|<base|style=", told)
    assert "default-src 'none'" in told.replace("&#x27;", "'")
    style = re.search(r"<style>(.*?)</style>", told, re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"'sha256-{digest}'" in told.replace("&#x27;", "'")


def test_it_says_what_was_found_read_and_not_told() -> None:
    lossy = source(packets=10, decoded=5, undecodable={"truncated": 5}, lost=3)
    _, parser = read(
        [mining(), undecided()], sources=[lossy], problems=["b.pcap: empty file"], interrupted=True
    )
    told = " ".join(parser.text)
    for words in (
        "interrupted",
        "1 of 2 hosts and meters is mining cryptocurrency",
        "drew 12.8 kWh in the data (measured)",
        "XMRig/6.21.0 logged in and submitted 12 shares",
        "very sure",
        "Monero (XMR)",
        "channel.down.modal_length_share",
        "truncated 5",
        "b.pcap: empty file",
        "Whether packets of this host were lost is not known.",
        "No power readings",
        "203.0.113.5 port 3333",
        "default-2026.11",
    ):
        assert words in told, words


def test_ten_thousand_clear_hosts_are_one_folded_table() -> None:
    told, parser = read([mining(), *(clear(f"10.0.{i >> 8}.{i & 255}") for i in range(10_500))])
    assert parser.tags.count("article") == 1
    assert "10 500 hosts and meters clear" in told and "500 more are in the JSON output." in told
    assert len(told) < 2_500_000


def test_thousands_of_miners_with_pictures_do_not_make_a_huge_file() -> None:
    findings = [mining(host=f"host {i}", traffic=traffic(192), drawn=drawn(192)) for i in range(3000)]
    told, parser = read(findings)
    assert "1 000 more are in the JSON output." in told
    assert parser.tags.count("article") == 300
    assert len(told) < 15_000_000


def test_pictures_have_words_and_numbers_behind_them() -> None:
    finding = mining(traffic=traffic(), drawn=drawn())
    finding.evidence[0].facts = {"onset_ns": TEN + 24 * 3_600_000_000_000}
    told, parser = read([finding])
    words = " ".join(parser.text)
    assert parser.tags.count("figure") == 2 and "nan" not in told
    assert "A load came at 2026-03-03 10:00: 100 W before it, 1.60 kW after." in words
    assert "load came 2026-03-03 10:00" in words
    assert "Suspect channels over time: the numbers" in words and "Power over time: the numbers" in words


def test_the_score_is_drawn_as_it_developed() -> None:
    """From its first suspect window on, a step where it changed, level to the end of the picture."""
    told, parser = read([mining(traffic=traffic(), course=[(TEN, 0.0), (TEN + 1_800_000_000_000, 1.0)])])
    words = " ".join(parser.text)
    assert 'd="M56.0 220.0H382.0V136.0H708.0" class="line"' in told  # an hour from 56 to 708
    assert "was 0.000 at 2026-03-02 10:00 and 1.000 at the end." in words
    assert "The score as it developed: the numbers" in words
    told, parser = read([mining(traffic=traffic(), course=[])])
    assert 'class="line"' not in told and "as it developed" not in " ".join(parser.text)


def test_a_long_course_has_a_short_table() -> None:
    course = [(TEN + n * 300_000_000_000, n / 100) for n in range(96)]
    told, _ = read([mining(traffic=traffic(96), course=course)])
    rows = told.split("The score as it developed: the numbers")[-1].split("</table>")[0]
    assert 1 < rows.count("<tr>") - 1 <= 24 and "0.950" in rows


def test_an_empty_picture_is_none() -> None:
    empty = traffic(1)
    empty.columns["score"][:] = float("nan")
    _, parser = read([mining(traffic=empty)])
    assert "figure" not in parser.tags


@pytest.mark.parametrize(
    ("findings", "words"),
    [
        ([], "nothing can be said"),
        ([mining()], "1 of 1 host or meter is mining"),
        ([mining(), mining(), clear(verdict=Verdict.SUSPICIOUS)], "2 of 3 hosts and meters are mining"),
        ([clear(verdict=Verdict.SUSPICIOUS)], "1 is suspicious"),
        ([clear(), undecided()], "1 could not be judged: that is no all-clear"),
    ],
)
def test_the_answer_is_one_sentence(findings: list, words: str) -> None:
    assert words in answer(findings)


def test_since_when_says_when_it_may_have_begun_before() -> None:
    assert since(mining()) == (TEN, True)
    late = mining(first_ns=TEN - 7_200_000_000_000)
    assert since(late) == (TEN, False)
    late.evidence[0].facts = {"onset_ns": ELEVEN}
    assert since(late) == (ELEVEN, False)


def test_sure_is_only_what_was_read() -> None:
    assert sureness(mining())[0] == "very sure"
    by_lengths = mining()
    by_lengths.evidence[0].kind, by_lengths.evidence[0].facts = "behaviour", {}
    assert sureness(by_lengths)[0] == "likely"
    by_noise = mining()
    by_noise.evidence[0].facts = {"dialect": "stratumv2", "carrier": "noise"}
    assert sureness(by_noise) == ("likely", "the lengths are those of a mining dialogue")
    assert sureness(undecided())[0] == "cannot tell"


def test_a_reason_without_weight_moves_nothing() -> None:
    heavy, light = mining(), mining()
    heavy.evidence[0].weight, light.evidence[0].weight = 2.5, 0.0
    assert "moves the log-odds by +2.5" in html([heavy]) and "does not move" not in html([heavy])
    assert "does not move the score" in html([light]) and "log-odds by +0.0" not in html([light])


def test_advice_names_the_other_end_and_never_only_blames() -> None:
    told = list(advice(mining()))
    assert "owner" in told[0] and any("203.0.113.5 port 3333" in line for line in told)
    assert any("inspect the line" in line for line in advice(clear(kind="feeder")))


def test_it_is_whole_or_not_there(tmp_path: Path) -> None:
    place = tmp_path / "report.html"
    run = result([mining()])
    rollup = of_result(run, 0.473)
    write_report(place, run, Context(model=MODEL), rollup)
    assert place.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert place.read_text(encoding="utf-8").endswith("</html>\n")
    with pytest.raises(OSError):
        write_report(tmp_path / "no" / "report.html", run, Context(model=MODEL), rollup)


def test_markup_escapes_all_but_markup() -> None:
    assert tag("p", "<b>", Markup("<i>"), class_='"x"').html == '<p class="&quot;x&quot;">&lt;b&gt;<i></p>'
    assert join("a", None, 1).html == "a1"


def test_addresses_are_not_broken_and_long_names_are() -> None:
    told = html([clear("2001:db8:85a3:1234:5678:8a2e:370:7334"), clear("x" * 300)])
    assert '<th scope="row" class="short">2001:db8' in told
    assert '<th scope="row">xxx' in told


def test_times_among_the_facts_are_read_as_times() -> None:
    finding = mining()
    finding.evidence[0].facts = {"onset_ns": TEN, "step_w": 5.0}
    told = html([finding])
    assert "onset: 2026-03-02 10:00" in told and "onset_ns" not in told


def test_a_model_card_is_headings_lists_tables_and_text() -> None:
    blocks = card("# T\n\ntext **bold**\nmore\n\n## H\n| a | b |\n|---|---|\n| 1 | `2` |\n\n- x\n  y\n- z\n")
    told = join(*blocks).html
    parser = Strict()
    parser.feed(told)
    assert "<p>text bold more</p>" in told and "<h4>H</h4>" in told
    assert "<td>1</td><td>2</td>" in told and "---" not in told
    assert "<li>x y</li><li>z</li>" in told
