"""The table for people: golden text, widths, colours, hostile strings."""

import io

import pytest

from detector.document import Context
from detector.records import Finding, Tip, Verdict
from detector.sinks import by_name
from detector.sinks.table import summary, wrap
from detector.text import cells
from tests.detector.sinks.samples import ELEVEN, HOSTILE, clear, hostile, mining, undecided


def written(findings: list[Finding], **context: object) -> str:
    stream = io.StringIO()
    by_name("table").write(findings, stream, Context(**context))
    return stream.getvalue()


def test_golden_without_terminal() -> None:
    """Nothing is wrapped or cut for a pipe, and a column without content is left out."""
    assert written([mining(), undecided(), clear()]) == (
        "VERDICT    SCORE  SURE       HOST         COIN            SINCE (UTC)       WHY\n"
        "mining     0.999  very sure  10.20.0.23   XMR cryptonote  2026-03-02 10:00"
        "  XMRig/6.21.0 logged in and submitted 12 shares at 203.0.113.5:3333 (Monero)\n"
        "undecided  -                 fe80::1                      2026-03-02 10:00"
        "  at most 3 messages on a channel, 6 are needed\n"
        "clear      0.012             10.20.0.100                  2026-03-02 10:00"
        "  the most mining-like of its channels scores 0.012\n"
        "\n"
        "look first at 10.20.0.23: mining since 2026-03-02 10:00 UTC or earlier, very sure:"
        " a mining dialogue was read\n"
        "3 hosts: 1 mining, 0 suspicious, 1 undecided, 1 clear;"
        " mining drew 12.8 kWh (7.3 kg CO2e), measured\n"
    )


def test_golden_on_a_narrow_terminal() -> None:
    """At 80 columns host, coin and since when stay, the organisation goes, the reason stands below."""
    findings = [
        mining(organisation="University Library"),
        mining(host="10.20.0.100", evidence=[], why="draws 2 kW"),
    ]
    assert written(findings, width=80).split("\n\n")[0] == (
        "VERDICT  SCORE  SURE       HOST         COIN            SINCE (UTC)\n"
        "    WHY\n"
        "mining   0.999  very sure  10.20.0.23   XMR cryptonote  2026-03-02 10:00\n"
        "    XMRig/6.21.0 logged in and submitted 12 shares at 203.0.113.5:3333 (Monero)\n"
        "mining   0.999  likely     10.20.0.100  not known       2026-03-02 10:00\n"
        "    draws 2 kW"
    )


LONG = "2001:db8:85a3:1234:5678:8a2e:370:7334"


@pytest.mark.parametrize("host", [LONG, "rack 7 | PDU 3 | outlet 12 behind the server room", "大学" * 20])
@pytest.mark.parametrize("allowed", [None, "a rule"])
def test_at_80_columns_no_name_pushes_out_verdict_since_when_coin_or_how_sure(
    host: str, allowed: str | None
) -> None:
    findings = [mining(host=host, organisation="University Library", allowed=allowed), undecided()]
    table = written(findings, width=80).split("\n\n")[0]
    heading, _, row, *reason = table.splitlines()
    assert cells(row) <= 80 and heading.split() == [
        "VERDICT",
        "SCORE",
        "SURE",
        "HOST",
        "COIN",
        "SINCE",
        "(UTC)",
    ]
    assert row.startswith("mining") and row.endswith("2026-03-02 10:00") and "very sure" in row
    assert "XMR" in row and "…" in row
    assert "".join(host.split()) in "".join(
        "".join(reason).split()
    )  # the whole name stands before the reason


def test_below_that_the_verdict_the_host_and_since_when_stay() -> None:
    heading, *_ = written([mining(host=LONG, organisation="University Library")], width=44).splitlines()
    assert heading.split() == ["VERDICT", "HOST", "SINCE", "(UTC)"]


def test_the_first_to_look_at_is_the_first_that_may_not() -> None:
    may, report = mining(allowed="a rule"), Tip(1, "it hums", "a neighbour", 2)
    found = mining(host="M-7", evidence=[], why="draws 2 kW", first_ns=ELEVEN, tips=[report, report])
    text = written([may, found])
    assert (
        "look first at M-7: mining since 2026-03-02 11:00 UTC or earlier, likely, reported by 1 source:"
        " draws 2 kW\n" in text
    )
    assert "look first" not in written([may, undecided(), clear()])


def test_the_line_is_as_wide_as_the_terminal() -> None:
    last = written([mining(host=LONG)], width=40).split("\n\n")[1].splitlines()[:-1]
    assert len(last) > 2 and all(cells(line) <= 40 for line in last) and LONG in " ".join(last)


@pytest.mark.parametrize("width", [30, 60, 80, 120, 200])
def test_reasons_fit_the_terminal_and_lose_no_word(width: int) -> None:
    text = written([mining(), clear(organisation="大学" * 20)], width=width)
    table = text.split("\n\n")[0]
    said = [line for line in table.splitlines() if line.startswith(" ")]
    assert all(cells(line) <= width for line in said)
    joined = "".join(table.split())
    assert all("".join(word.split()) in joined for word in mining().why.split() if len(word) < 20)


def test_colour_only_when_asked() -> None:
    assert "\x1b" not in written([mining(), clear()])
    assert written([mining()], colour=True).count("\x1b[0m") == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_on_its_line(text: str) -> None:
    """No control or bidirectional character comes through, and no line is added."""
    lines = written([hostile(text)]).splitlines()
    assert len(lines) == 5
    assert all(line.isprintable() for line in lines)


def test_summary_counts_what_is_not_listed() -> None:
    text = written([mining()], hidden=[clear(), clear("10.20.0.101")])
    assert text.endswith("1 mining, 0 suspicious, 0 undecided, 2 clear; mining drew 12.8 kWh"
                         " (7.3 kg CO2e), measured; 2 not listed\n")  # fmt: skip


def test_summary_without_findings() -> None:
    assert written([]) == "0 hosts: 0 mining, 0 suspicious, 0 undecided, 0 clear\n"


def test_summary_tells_meters_from_hosts_and_estimates_from_measurements() -> None:
    guessed = mining(host="m1", kind="meter", energy={"watts": 1.0, "kwh": 1.2, "measured": False})
    assert summary([guessed, mining(), clear()]) == (
        "2 hosts and 1 meter: 2 mining, 0 suspicious, 0 undecided, 1 clear;"
        " mining drew 14 kWh (7.3 kg CO2e), estimated"
    )


def test_energy_of_hosts_that_do_not_mine_is_not_counted() -> None:
    assert "kWh" not in summary([mining(verdict=Verdict.SUSPICIOUS)])


def test_wrap_breaks_words_that_are_too_long() -> None:
    assert wrap("aa bb cccccccc d", 5) == ["aa bb", "ccccc", "ccc d"]
    assert wrap("", 5) == [""]
    assert max(map(cells, wrap("東京都" * 9, 7))) <= 7
