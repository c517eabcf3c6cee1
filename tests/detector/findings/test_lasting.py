"""What flow logs let one say: whom to record, and of whom nothing lasted; never that a host mines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.findings.upkeep import GAP_NS, LEAST_NS, could_mine
from detector.findings.volumes import Volumes
from detector.kernel import layout
from detector.pipeline import Request, score
from detector.pools import read_pools
from detector.records import TCP, UDP, Finding, Verdict
from detector.windows.channel import empty
from tests.detector.flowlogs.exports import v5
from tests.detector.flowlogs.logs import CONN_HEADER, ENDS, START_US, Record, conn, header, read

MINUTE_US = 60_000_000
MINER = Record(lasted_us=30 * MINUTE_US, up=(300, 45_000), down=(280, 90_000))
BROWSING = [
    Record(
        server="198.51.100.9", port=443, client_port=41_000 + i, first_us=i * 5 * MINUTE_US, down=(90, 99_000)
    )
    for i in range(8)
]


def judged(place: Path, records: list[Record], *others: Path) -> Finding:
    path = place / "conn.log"
    path.write_text(CONN_HEADER + "".join(conn(record) + "\n" for record in records))
    result = score(Request(paths=(str(path), *map(str, others))))
    assert result.problems == []
    (finding,) = result.findings
    assert (finding.score, finding.host) == (None, "10.0.0.7")
    return finding


def test_a_dialogue_that_lasts_is_worth_a_capture(tmp_path: Path) -> None:
    finding = judged(tmp_path, [MINER, *BROWSING])
    assert finding.verdict is Verdict.UNDECIDED
    assert [one["cause"] for one in finding.missing] == ["flows_only"]
    assert "record packets of 10.0.0.7 with 203.0.113.5:3333" in finding.missing[0]["collect"]
    assert finding.why == (
        "203.0.113.5:3333 was kept up for 30 min with 10 packets a minute out and 9.33 in (4.5 kB):"
        " as mining is, and much else"
    )


def test_visits_now_and_then_are_no_mining(tmp_path: Path) -> None:
    finding = judged(tmp_path, BROWSING)
    assert (finding.verdict, finding.missing) == (Verdict.CLEAR, [])
    assert finding.why == (
        "none of its 1 channel in 35 min of flow logs lasted and kept talking both ways as mining does"
    )


def test_a_listed_name_on_it_is_suspicious_and_by_itself_a_reason_to_look(tmp_path: Path) -> None:
    pool = next(iter(sorted(read_pools().names)))
    tls = tmp_path / "ssl.log"
    line = f"{START_US // 1_000_000}.0\tC1\t10.0.0.7\t40000\t203.0.113.5\t{{}}\tTLSv13\t{pool}\n"
    tls.write_text(header("ssl", [*ENDS, "version", "server_name"]) + line.format(3333))
    finding = judged(tmp_path, [MINER, *BROWSING], tls)
    assert finding.verdict is Verdict.SUSPICIOUS
    assert [one.kind for one in finding.evidence] == ["lasting_channel", "listed_name"]
    assert finding.why.endswith(f"server name {pool} (listed) at 203.0.113.5:3333")
    finding = judged(tmp_path, BROWSING, tls)
    assert (finding.verdict, finding.missing[0]["cause"]) == (Verdict.UNDECIDED, "name_alone")
    assert finding.evidence[0].first_ns == START_US * 1_000


def test_a_listed_name_that_was_asked_for_is_a_reason_to_look(tmp_path: Path) -> None:
    pool = next(iter(sorted(read_pools().names)))
    dns = tmp_path / "dns.log"
    dns.write_text(
        header("dns", [*ENDS, "proto", "query", "qtype_name", "rcode_name", "answers"])
        + f"{START_US // 1_000_000}.0\tC1\t10.0.0.7\t5353\t192.0.2.53\t53\tudp\t{pool}\tA\tNOERROR"
        "\t203.0.113.5\n"
    )
    finding = judged(tmp_path, BROWSING, dns)
    assert (finding.verdict, finding.missing[0]["cause"]) == (Verdict.UNDECIDED, "name_alone")
    finding = judged(tmp_path, [MINER, *BROWSING], dns)
    assert finding.verdict is Verdict.SUSPICIOUS  # the channel leads where the name was said to be
    assert f"looked up as {pool} (listed)" in finding.why


def test_what_is_short_or_sampled_cannot_be_told(tmp_path: Path) -> None:
    finding = judged(tmp_path, BROWSING[:2])
    assert finding.why == "its flows span 5 min: too short to see what lasts"
    path = tmp_path / "export"
    path.write_bytes(
        v5(Record(first_us=1_000, lasted_us=40 * MINUTE_US, up=(2, 200), down=(2, 200)), sampling=100)
    )
    (finding,) = score(Request(paths=(str(path),))).findings
    assert (finding.verdict, finding.missing[0]["cause"]) == (Verdict.UNDECIDED, "flows_only")
    path.write_bytes(
        v5(Record(first_us=1_000, lasted_us=40 * MINUTE_US, up=(1, 100), down=(0, 0)), sampling=100)
    )
    (finding,) = score(Request(paths=(str(path),))).findings
    assert (finding.verdict, finding.missing[0]["cause"]) == (Verdict.UNDECIDED, "sampled_flows")


def test_an_hour_of_a_month_is_seen(tmp_path: Path) -> None:
    """Long silence before and after does not water down what was kept up between."""
    day = 24 * 60 * MINUTE_US
    visits = [Record(first_us=i * day, client_port=50_000 + i) for i in (0, 1, 28, 29)]
    mined = Record(first_us=14 * day, lasted_us=60 * MINUTE_US, up=(600, 90_000), down=(600, 180_000))
    assert judged(tmp_path, [*visits, mined]).missing[0]["cause"] == "flows_only"
    assert judged(tmp_path, visits).verdict is Verdict.CLEAR


def test_time_outs_and_reconnects_are_one_stretch(tmp_path: Path) -> None:
    """Half an hour in records of a minute each, as an active time-out cuts it."""
    pieces = [
        Record(first_us=i * MINUTE_US, lasted_us=59_000_000, client_port=40_000 + i // 10, up=(10, 1_500),
               down=(9, 3_000))
        for i in range(30)
    ]  # fmt: skip
    finding = judged(tmp_path, pieces)
    assert finding.missing[0]["cause"] == "flows_only"
    assert "was kept up for 30 min with 10 packets a minute out and 9.01 in" in finding.why


@pytest.mark.parametrize(
    "change",
    [
        {"transport": "udp"}, {"down": (0, 0)}, {"up": (3, 300)}, {"up": (30_000, 2_000_000)},
        {"down": (50_000, 60_000_000)}, {"up": (300, 440_000)}, {"lasted_us": 9 * MINUTE_US},
    ],
)  # fmt: skip
def test_what_no_miner_does(change: dict[str, object], tmp_path: Path) -> None:
    told = Record(**({"lasted_us": MINER.lasted_us, "up": MINER.up, "down": MINER.down} | change))  # type: ignore[arg-type]
    assert judged(tmp_path, [told, *BROWSING]).verdict is Verdict.CLEAR


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 3)), min_size=1, max_size=20), st.integers(1, 19)
)
@settings(max_examples=40, deadline=None)
def test_stretches_do_not_depend_on_how_windows_are_given(times: list[tuple[int, int]], cut: int) -> None:
    """Channels that stand in one table or in two: the same is told of each."""
    tables = []
    for window in sorted({minute // 5 for minute, _ in times}):
        channels = sorted({channel for minute, channel in times if minute // 5 == window})
        table = empty(len(channels))
        table.client[:, 1], table.port[:], table.transport[:] = channels, 3333, TCP
        table.wide[:, layout.FIRST_NS] = window * 300_000_000_000 + 1
        table.wide[:, layout.LAST_NS] = window * 300_000_000_000 + 200_000_000_001
        table.wide[:, [layout.UP + layout.PACKETS, layout.DOWN + layout.PACKETS]] = 20
        tables.append(table)
    whole, parts = Volumes(), Volumes()
    for table in tables:
        whole.add(table)
        for rows in (np.flatnonzero(table.client[:, 1] % 2 == side) for side in (0, 1)):
            if len(rows):
                part = empty(len(rows))
                for name in ("client", "server", "port", "transport", "wide"):
                    getattr(part, name)[:] = getattr(table, name)[rows]
                parts.add(part)
    one, two = whole.told(), parts.told()
    order = [np.argsort(told.keys[:, 1]) for told in (one, two)]
    for name in ("keys", "mining", "seen_ns", "exact"):
        assert np.array_equal(getattr(one, name)[order[0]], getattr(two, name)[order[1]])


def test_channels_are_bounded_and_those_that_may_mine_stay() -> None:
    volumes = Volumes(most=64)
    for window in range(12):
        table = empty(100)
        table.client[:, 1] = [7, *(1_000 + 100 * window + i for i in range(99))]
        table.port[:], table.transport[:] = 3333, TCP
        table.wide[:, layout.FIRST_NS] = window * 300_000_000_000 + 1
        table.wide[:, layout.LAST_NS] = window * 300_000_000_000 + 200_000_000_001
        table.wide[0, [layout.UP + layout.PACKETS, layout.DOWN + layout.PACKETS]] = 20
        table.wide[1:, layout.UP + layout.PACKETS] = 1  # a scan: nobody answers
        volumes.add(table)
    assert len(volumes) <= 64 + 100
    told = volumes.told()
    assert told.mining["last_ns"][told.keys[:, 1] == 7].tolist() == [11 * 300_000_000_000 + 200_000_000_001]


def test_limits_are_those_of_the_page() -> None:
    """Of a stretch on each limit."""
    ten = np.array([LEAST_NS])
    talk, two_way = np.array([[10, 1_000]]), np.array([[10, 2_000]])
    assert could_mine(np.array([TCP]), ten, ten // 5, talk, two_way).all()
    assert not could_mine(np.array([UDP]), ten, ten, talk, two_way).any()
    assert not could_mine(np.array([TCP]), ten - 1, ten, talk, two_way).any()
    assert not could_mine(np.array([TCP]), ten, ten // 6, talk, two_way).any()
    assert GAP_NS > LEAST_NS


def test_rows_of_flow_logs_know_counts_alone(tmp_path: Path) -> None:
    path = tmp_path / "conn.log"
    path.write_text(CONN_HEADER + conn(MINER) + "\n")
    rows, _ = read(path)
    assert rows.wide[0, layout.KNOWN] == layout.KNOWS_COUNTS
