"""Tips: read with their provenance, told beside findings, moving the order and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from detector.document import document
from detector.findings import judge
from detector.hosts import Asset, Assets
from detector.records import Finding
from detector.settings import Settings
from detector.tips import KEPT, NO_TIPS, Tips, TipsError, read_tips
from tests.detector.findings.records import Models, channel_record, host, ledger

HEAD = "time,host,place,text,source\n"


def tips(folder: Path, rows: str) -> Tips:
    path = folder / "tips.csv"
    path.write_text(HEAD + rows, encoding="utf-8")
    return read_tips(str(path))


def found(given: Tips) -> list[Finding]:
    made = ledger({f"10.0.0.{n}": host(channel_record(n / 10)) for n in (1, 2, 3)})
    made.hosts["10.0.0.9"] = host(channel_record(0.95, suspect_windows=2))  # type: ignore[index]
    assets = Assets({"10.0.0.2": Asset("lab-pc", organisation="Physics")})
    return judge(made, Models(), Settings(), assets, tips=given)  # type: ignore[arg-type]


@pytest.mark.parametrize("who", ["10.0.0.1,", ",PHYSICS", "lab-pc,"])
def test_a_tip_moves_a_host_up_within_its_verdict_and_moves_no_score(tmp_path: Path, who: str) -> None:
    told = found(tips(tmp_path, f"2026-03-01,{who},loud fans at night,neighbour\n"))
    assert told[0].host == "10.0.0.9" and not told[0].tips  # a worse verdict stays before it
    assert told[1].host == ("10.0.0.1" if who.startswith("10") else "10.0.0.2")
    assert [tip.source for tip in told[1].tips] == ["neighbour"]
    bare = {f.host: f for f in found(NO_TIPS)}
    assert all(replace(f, tips=()) == replace(bare[f.host], tips=()) for f in told)


def test_more_sources_weigh_more_than_more_tips_of_one(tmp_path: Path) -> None:
    rows = "2026-03-01,10.0.0.1,,a,x\n2026-03-02,10.0.0.1,,b,x\n2026-03-01,10.0.0.2,,a,x\n"
    rows += "2026-03-01,10.0.0.2,,c,y\n"
    assert [f.host for f in found(tips(tmp_path, rows))][1:3] == ["10.0.0.2", "10.0.0.1"]


def test_the_document_holds_time_text_and_source(tmp_path: Path) -> None:
    rows = "2026-03-01,10.0.0.1,,old,x\n2026-03-02T01:00:00+01:00,10.0.0.1,,new\x1b[2J,y\n"
    told = document(found(tips(tmp_path, rows))[1], {})["tips"]
    assert told == [
        {"time": "2026-03-02T00:00:00.000000Z", "text": "new\\x1b[2J", "source": "y"},
        {"time": "2026-03-01T00:00:00.000000Z", "text": "old", "source": "x"},
    ]


def test_tips_on_one_host_are_bounded_and_the_newest_stay(tmp_path: Path) -> None:
    rows = "".join(f"2026-03-{day:02},h,,t,s\n" for day in range(1, 29))
    kept = tips(tmp_path, rows).of(["H"])
    assert len(kept) == KEPT and [tip.line for tip in kept] == list(range(29, 29 - KEPT, -1))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("time,hots,text,source\n", "line 1: unknown column 'hots'; did you mean 'host'?"),
        ("time,host,text\n", "line 1: no column 'source'"),
        (HEAD + "2026-03-01,h,,t,s,more\n", "line 2: more cells than the header"),
        (HEAD + "2026-03-01,,,t,s\n", "line 2: neither 'host' nor 'place'"),
        (HEAD + "2026-03-01,h,,t,\n", "line 2: empty 'source'"),
        (HEAD + "soon,h,,t,s\n", "line 2: time 'soon' is no time with its zone"),
        (HEAD + '2026-03-01,"h,,t,s\n', "tips.csv: "),
    ],
)
def test_mistakes_are_one_line_with_their_place(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "tips.csv"
    path.write_text(content)
    with pytest.raises(TipsError) as raised:
        read_tips(str(path))
    assert told in str(raised.value) and "\n" not in str(raised.value)


def test_files_that_are_no_tips(tmp_path: Path) -> None:
    (tmp_path / "latin.csv").write_bytes(HEAD.encode() + b"2026-03-01,h,,caf\xe9,s\n")
    for name, told in (("latin.csv", "not UTF-8 text"), ("none.csv", "no such file")):
        with pytest.raises(TipsError, match=told):
            read_tips(str(tmp_path / name))
