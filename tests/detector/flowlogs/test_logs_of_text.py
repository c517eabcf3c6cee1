"""Zeek, Suricata EVE and tables: every spelling gives the same rows, however it lies in files."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector import hosts
from detector.flowlogs import kind_of
from detector.kernel import layout
from detector.records import Basis, Lookup
from detector.streams import StreamError, open_stream
from tests.detector.flowlogs.logs import (
    CONN_FIELDS,
    CONN_HEADER,
    ENDS,
    KINDS,
    START_US,
    Record,
    conn,
    conn_json,
    eve,
    event,
    header,
    read,
    same,
)

MINUTE_US = 60_000_000
records = st.builds(
    Record,
    client=st.sampled_from(["10.0.0.7", "10.0.0.8", "2001:db8::7"]),
    client_port=st.integers(32_768, 65_535),
    server=st.sampled_from(["203.0.113.5", "2001:db8::5"]),
    port=st.sampled_from([53, 443, 3333]),
    transport=st.sampled_from(["tcp", "udp"]),
    first_us=st.integers(0, 30 * MINUTE_US),
    lasted_us=st.integers(0, 20 * MINUTE_US),
    up=st.tuples(st.integers(0, 1 << 30), st.integers(0, 1 << 40)),
    down=st.tuples(st.integers(0, 1 << 30), st.integers(0, 1 << 40)),
)


def written(place: Path, kind: str, lines: list[Record]) -> Path:
    begin, line = KINDS[kind]
    place.write_text(begin + "".join(line(r) + "\n" for r in lines))
    return place


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_is_a_row(kind: str, tmp_path: Path) -> None:
    told = Record(first_us=7, lasted_us=420_000_000)  # seven minutes, two windows: it stands in the last
    rows, (report,) = read(written(tmp_path / kind, kind, [told]))
    (wide,) = rows.wide.tolist()
    assert hosts.text(rows.client[0]), hosts.text(rows.server[0]) == ("10.0.0.7", "203.0.113.5")
    assert (rows.port.tolist(), rows.transport.tolist()) == ([3333], [6])
    assert wide[layout.FIRST_NS] == (START_US + 7) * 1_000
    assert wide[layout.LAST_NS] == (START_US + 420_000_007) * 1_000
    assert wide[layout.WINDOW_NS] == (START_US + 300_000_000) * 1_000
    assert wide[layout.UP + layout.PACKETS : layout.UP + layout.BYTES + 1] == [10, 1_000]
    assert wide[layout.DOWN + layout.PACKETS : layout.DOWN + layout.BYTES + 1] == [8, 2_000]
    assert wide[layout.UP + layout.PORT] == 40_000
    assert wide[layout.KNOWN] == layout.KNOWS_COUNTS and not rows.narrow.any()
    assert rows.basis[0] == (Basis.PORT if kind == "flows.csv" else Basis.SYN)
    assert (report.records, report.undecodable, report.problem) == (1, {}, None)


@pytest.mark.parametrize("kind", KINDS)
@given(told=st.lists(records, min_size=1, max_size=12), data=st.data())
@settings(max_examples=25, deadline=None)
def test_rows_do_not_depend_on_order_or_files(
    kind: str, place: Path, told: list[Record], data: st.DataObject
) -> None:
    whole, _ = read(written(place / f"whole-{kind}", kind, told))
    shuffled = data.draw(st.permutations(told))
    cut = data.draw(st.integers(0, len(told)))
    parts = [shuffled[:cut], shuffled[cut:]]
    paths = [written(place / f"{i}-{kind}", kind, part) for i, part in enumerate(parts) if part]
    again, reports = read(*paths)
    assert same(whole, again)
    assert sum(report.records for report in reports) == len(told)


@given(told=st.lists(records, min_size=1, max_size=8))
@settings(max_examples=25, deadline=None)
def test_text_and_json_of_zeek_agree(place: Path, told: list[Record]) -> None:
    assert same(
        read(written(place / "a.log", "conn.log", told))[0],
        read(written(place / "a.json", "conn.json", told))[0],
    )


@pytest.mark.parametrize("kind", KINDS)
@given(told=st.lists(records, min_size=1, max_size=4), junk=st.binary(max_size=200), data=st.data())
@settings(max_examples=40, deadline=None)
def test_damage_costs_the_lines_that_it_hits(
    kind: str, place: Path, told: list[Record], junk: bytes, data: st.DataObject
) -> None:
    """Whatever stands between them, whole lines are read, and nothing is raised."""
    path = written(place / f"hit-{kind}", kind, told)
    junk = junk.replace(b"\n", b"").replace(b"\r", b"").replace(b'"', b"").removeprefix(b"#")
    path.write_bytes(path.read_bytes() + junk + b"\n" + KINDS[kind][1](Record()).encode() + b"\n")
    _, (report,) = read(path)
    assert report.problem is None and report.records == len(told) + 1
    assert sum(report.undecodable.values()) == bool(junk.strip())


@pytest.mark.parametrize("kind", KINDS)
@given(at=st.integers(0, 2_000), byte=st.integers(0, 255), n=st.integers(0, 4))
@settings(max_examples=60, deadline=None)
def test_no_byte_does_harm(kind: str, place: Path, at: int, byte: int, n: int) -> None:
    path = written(place / f"byte-{kind}", kind, [Record(), Record(first_us=1)])
    content = bytearray(path.read_bytes())
    at %= len(content)
    content[at : at + n] = bytes([byte]) * 2
    path.write_bytes(content)
    _, (report,) = read(path)
    assert report.records <= 2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("1772323200.000000", "-5"), ("1772323200.000000", "1e300"), ("1772323200.000000", "nan"),
        ("40000", "65536"), ("40000", "-1"), ("10.0.0.7", "10.0.0.256"), ("10.0.0.7", "host.example"),
        ("\t10\t1000\t", "\t-\t-\t"), ("\t10\t", "\t99999999999999999999\t"), ("\t10\t", "\t0x10\t"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_left_out(old: str, new: str, tmp_path: Path) -> None:
    line = conn(Record())
    assert old in line
    path = tmp_path / "conn.log"
    path.write_text(CONN_HEADER + conn(Record()) + "\n" + line.replace(old, new, 1) + "\n")
    rows, (report,) = read(path)
    assert len(rows) == 1 and report.records == 1
    assert report.undecodable == {"bad_line": 1}
    assert report.notes == ["1 record left out; line 8: bad line"]


def test_what_has_no_ports_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "conn.log"
    path.write_text(CONN_HEADER + conn(Record(transport="icmp")) + "\n")
    _, (report,) = read(path)
    assert report.undecodable == {"other_transport": 1} and not report.notes


def test_a_line_without_end_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "eve.json"
    path.write_text(eve(Record()) + '\n{"a": "' + "x" * (6 << 20) + '"}\n' + eve(Record(first_us=5)) + "\n")
    rows, (report,) = read(path)
    assert (len(rows), report.records) == (1, 2)
    assert report.undecodable == {"line_too_long": 1}


def test_packed_logs_and_a_log_cut_short(tmp_path: Path) -> None:
    text = (CONN_HEADER + conn(Record()) + "\n" + conn(Record(first_us=3)) + "\n").encode()
    (tmp_path / "conn.log.gz").write_bytes(gzip.compress(text))
    rows, (report,) = read(tmp_path / "conn.log.gz")
    assert (len(rows), report.records, report.problem) == (1, 2, None)
    (tmp_path / "cut.gz").write_bytes(gzip.compress(text)[:-12])
    _, (report,) = read(tmp_path / "cut.gz")
    assert report.problem and "cut" in report.problem


def test_logs_one_behind_the_other(tmp_path: Path) -> None:
    """As `cat conn.*.log` gives them: with other fields from some line on, and other logs between."""
    some = [name for name in CONN_FIELDS if name not in ("uid", "service")]
    kept = [i for i, name in enumerate(CONN_FIELDS) if name in some]
    cells = conn(Record(first_us=9)).split("\t")
    path = tmp_path / "all.log"
    path.write_text(
        CONN_HEADER + conn(Record()) + "\n#close\t2026-03-01-01-00-00\n"
        + header("weird", ["ts", "uid"]) + "1.0\tC1\n"
        + header("conn", some) + "\t".join(cells[i] for i in kept) + "\n"
    )  # fmt: skip
    rows, (report,) = read(path)
    assert (len(rows), report.records, report.undecodable) == (1, 2, {})
    assert report.notes == ["no conn, ssl, dns, http log: weird passed over"]
    assert rows.wide[0, layout.UP + layout.PACKETS] == 20


def test_two_kinds_of_log_count_once(tmp_path: Path) -> None:
    """Zeek tells more than a table: its row stands for both."""
    told = Record()
    paths = [written(tmp_path / kind, kind, [told]) for kind in ("flows.csv", "conn.log", "eve.json")]
    rows, _ = read(*paths)
    assert len(rows) == 1 and rows.wide[0, layout.UP + layout.PACKETS] == 10


def test_halves_meet(tmp_path: Path) -> None:
    """A record a direction, in two files: one row, both ways."""
    up, down = Record(down=(0, 0)), Record(up=(0, 0))
    back = Record(
        client=down.server, client_port=down.port, server=down.client, port=down.client_port,
        up=down.down, down=(0, 0),
    )  # fmt: skip
    rows, _ = read(
        written(tmp_path / "a.csv", "flows.csv", [up]), written(tmp_path / "b.csv", "flows.csv", [back])
    )
    assert same(rows, read(written(tmp_path / "c.csv", "flows.csv", [Record()]))[0])


def test_names_of_zeek(tmp_path: Path) -> None:
    ends = "1772323200.0\tC1\t10.0.0.7\t40000\t203.0.113.5\t443"
    told = ["version", "server_name", "next_protocol", "subject", "validation_status", "ja4"]
    (tmp_path / "ssl.log").write_text(
        header("ssl", [*ENDS, *told])
        + f"{ends}\tTLSv12\tPool.Example.org\t-\tCN=*.pool.example.org,O=x\tself signed certificate"
        "\tt12i190800_9dc949149365_97f8aa674fd9\n"
    )  # fmt: skip
    (tmp_path / "dns.log").write_text(
        header("dns", [*ENDS, "proto", "query", "qtype_name", "rcode_name", "answers"])
        + "1772323199.0\tC2\t10.0.0.7\t5353\t10.0.0.1\t53\tudp\tpool.example.org\tA\tNOERROR"
        "\tcname.example.org,203.0.113.5\n"
        + "1772323199.5\tC2\t10.0.0.7\t5353\t10.0.0.1\t53\tudp\tnone.example.org\tA\tNXDOMAIN\t-\n"
    )  # fmt: skip
    rows, reports = read(tmp_path / "ssl.log", tmp_path / "dns.log")
    assert [report.records for report in reports] == [1, 2]
    dns, tls = rows.names if rows.port.tolist() == [53, 443] else rows.names[::-1]
    assert dns is not None and tls is not None
    assert dns.lookups == (
        Lookup(1_772_323_199_000_000_000, "pool.example.org", "203.0.113.5"),
        Lookup(1_772_323_199_500_000_000, "none.example.org", None),
    )
    assert (tls.server_name, tls.version, tls.certificate) == (
        "pool.example.org",
        "1.2",
        ("pool.example.org",),
    )
    assert (tls.hellos, tls.without_name, tls.without_alpn, tls.self_signed) == (1, 1, 1, True)
    assert not rows.wide[:, layout.KNOWN].any()


def test_names_of_suricata(tmp_path: Path) -> None:
    web = Record(port=443)
    asked = Record(server="10.0.0.1", port=53, transport="udp")
    turned = Record(client="10.0.0.1", client_port=53, server="10.0.0.7", port=40_000, transport="udp")
    answers = [{"rrname": "c.example", "rrtype": "A", "rdata": "203.0.113.5"}]
    path = tmp_path / "eve.json"
    path.write_text(
        "\n".join(
            [
                event(web, "tls", {"sni": "pool.example.org", "version": "TLS 1.3", "subject": "CN=a.example",
                                   "issuerdn": "CN=a.example", "client_alpns": ["h2"]}),
                event(web, "http", {"hostname": "web.example", "http_user_agent": "curl/8"}),
                event(asked, "dns", {"type": "answer", "rrname": "a.example", "rrtype": "A",
                                     "rcode": "NOERROR", "answers": answers}),
                event(turned, "dns", {"type": "response", "queries": [{"rrname": "b.example", "rrtype": "A"}],
                                      "rcode": "NXDOMAIN"}),
                event(web, "alert", {"signature": "x"}),
                '{"timestamp":"2026-03-01T00:00:00+0000","event_type":"stats","stats":{"tls":7}}',
            ]
        )
    )  # fmt: skip
    rows, (report,) = read(path)
    assert (report.records, report.undecodable) == (4, {})
    by_port = dict(zip(rows.port.tolist(), rows.names, strict=True))
    tls, dns = by_port[443], by_port[53]
    assert tls is not None and dns is not None
    assert (tls.server_name, tls.alpn, tls.version) == ("pool.example.org", "h2", "1.3")
    assert (tls.self_signed, tls.http_host, tls.http_agent, tls.hellos) == (True, "web.example", "curl/8", 0)
    assert [(one.name, one.address) for one in dns.lookups] == [
        ("a.example", "203.0.113.5"),
        ("b.example", None),
    ]


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (CONN_HEADER.encode(), "Zeek log"),
        (conn_json(Record()).encode(), "Zeek log"),
        (eve(Record()).encode(), "Suricata EVE log"),
        (b"sIP|dIP|sPort|dPort|pro|packets|bytes|flags|sTime|duration|eTime|sensor|\n", "table of flows"),
        (
            b"StartTime,Proto,SrcAddr,Sport,DstAddr,Dport,SrcPkts,DstPkts,SrcBytes,DstBytes,Dur\n",
            "table of flows",
        ),
        (b"time,watts\n2026-03-01T00:00:00Z,5\n", None),
        (b'{"a": 1}\n', None),
        (b"", None),
    ],
)
def test_kinds_by_content(head: bytes, kind: str | None) -> None:
    source = kind_of(head)
    assert (source and source.NAME) == kind


def test_a_table_that_tells_both_directions_together_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "argus.csv"
    path.write_text("StartTime,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,TotPkts,TotBytes\n")
    _, (report,) = read(path)
    assert (
        report.problem is not None
        and "line 1: no column of packets or bytes of a direction" in report.problem
    )


def test_tables_of_argus_and_silk(tmp_path: Path) -> None:
    (tmp_path / "argus.csv").write_text(
        "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,SrcPkts,DstPkts,SrcBytes,DstBytes\n"
        "2026/03/01 00:00:00.5,2.25,tcp,10.0.0.7,40000,->,203.0.113.5,3333,10,8,1000,2000\n"
        "2026/03/01 00:00:00.5,2.25,icmp,10.0.0.7,0x0303,->,203.0.113.5,0x1,1,0,60,0\n"
    )
    (tmp_path / "silk.txt").write_text(
        "       sIP|        dIP|sPort|dPort|pro| packets|   bytes|                  sTime|duration|\n"
        "  10.0.0.7|203.0.113.5|40000| 3333|  6|      10|    1000|2026/03/01T00:00:00.500|   2.250|\n"
    )
    both, (report,) = read(tmp_path / "argus.csv")
    half, _ = read(tmp_path / "silk.txt")
    assert report.undecodable == {"other_transport": 1}
    for rows, down in ((both, [8, 2_000]), (half, [0, 0])):
        (wide,) = rows.wide.tolist()
        assert wide[layout.FIRST_NS : layout.LAST_NS + 1] == [
            1_772_323_200_500_000_000,
            1_772_323_202_750_000_000,
        ]
        assert wide[layout.UP + layout.PACKETS : layout.UP + layout.BYTES + 1] == [10, 1_000]
        assert wide[layout.DOWN + layout.PACKETS : layout.DOWN + layout.BYTES + 1] == down


def test_no_flow_log_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "words").write_text("just words\n")
    rows, reports = read(tmp_path / "words", tmp_path / "none")
    assert not len(rows)
    assert [report.problem and report.problem.partition(": ")[2] for report in reports] == [
        "no flow log (offset 0)",
        "no such file (offset 0)",
    ]


def test_memory_is_bounded_by_giving_rows_earlier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is given in several rows adds up to what one would hold."""
    told = [Record(client=f"10.0.{i // 250}.{i % 250}", first_us=i * 1_000_000) for i in range(500)] * 2
    path = written(tmp_path / "conn.log", "conn.log", told)
    whole, _ = read(path)
    monkeypatch.setattr("detector.flowlogs.cells.MOST_CELLS", 64)
    monkeypatch.setattr("detector.flowlogs.lines.BLOCK_BYTES", 4_096)
    parts, _ = read(path)
    assert len(parts) > len(whole)
    packets = layout.UP + layout.PACKETS
    assert parts.wide[:, packets].sum() == whole.wide[:, packets].sum() == 10_000
    assert np.unique(parts.client, axis=0).shape == np.unique(whole.client, axis=0).shape


def test_reading_raises_for_what_is_gone(tmp_path: Path) -> None:
    with pytest.raises(StreamError):
        open_stream(str(tmp_path / "gone"))
