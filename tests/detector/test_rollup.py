"""The roll-up: every host counted once, bounds exact, energy told as what it is, changes named."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from detector.document import document as finding_document
from detector.hosts import Asset, Assets
from detector.previous import Previous, PreviousError, Told, read_previous
from detector.privacy import Privacy, Pseudonyms
from detector.records import Finding, Verdict
from detector.report.organisations import trend
from detector.rollup import document, rolled_up, share, write_rollup
from detector.settings import PRIVATE_NETWORKS, FindingSettings
from tests.detector.sinks.samples import HOSTILE, MODEL, allowed, clear, metered, mining, pooled, undecided

FACTOR = FindingSettings().co2e_kg_per_kwh
SCHEMA = Path(__file__).resolve().parents[2] / "detector" / "data" / "rollup.schema.json"
VALIDATOR = Draft202012Validator(json.loads(SCHEMA.read_text()), format_checker=FormatChecker())
VERDICTS = st.sampled_from(list(Verdict))
NAMES = st.sampled_from([None, "A", "B"])
BEFORE = st.dictionaries(
    st.tuples(st.sampled_from(["ip", "meter"]), st.sampled_from([f"h{i}" for i in range(8)])),
    st.builds(Told, VERDICTS, NAMES, st.booleans()),
)


def rolled(findings: list[Finding], **changes: object):
    told = {"assets": Assets(), "co2e_kg_per_kwh": FACTOR} | changes
    return rolled_up(findings, told.pop("assets"), **told)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [
        (0, 10, 0.0, 0.3085),
        (1, 10, 0.0025, 0.4450),
        (5, 10, 0.1871, 0.8129),
        (10, 10, 0.6915, 1.0),
        (0, 0, 0.0, 1.0),
    ],
)
def test_bounds_are_those_of_published_tables(count: int, of: int, low: float, high: float) -> None:
    """Clopper and Pearson 1934 at 95 %, as in Geigy's Scientific Tables for n = 10."""
    told = share(count, of)
    assert (told.low, told.high) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 2_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_bounds_hold_the_share(pair: tuple[int, int]) -> None:
    told = share(*pair)
    assert 0 <= told.low <= told.count / told.of <= told.high <= 1


def test_the_schema_can_refuse() -> None:
    Draft202012Validator.check_schema(VALIDATOR.schema)
    told = document(rolled([mining()]))
    whole = told["whole"]
    for broken in (
        told | {"extra": 1},
        told | {"whole": whole | {"mining": {"count": -1, "low": 0, "high": 1}}},
        told | {"whole": {key: value for key, value in whole.items() if key != "allowed"}},
        told | {"from": "yesterday"},
    ):
        assert not VALIDATOR.is_valid(broken)


@given(st.lists(st.tuples(VERDICTS, NAMES, st.booleans(), st.booleans()), max_size=30), st.none() | BEFORE)
def test_every_host_is_counted_once_in_a_valid_document(
    hosts: list[tuple[Verdict, str | None, bool, bool]], before: dict | None
) -> None:
    findings = [
        mining(
            host=f"h{i}",
            verdict=verdict,
            organisation=name,
            kind="ip" if ip else "meter",
            allowed="a rule" if may and verdict in (Verdict.MINING, Verdict.SUSPICIOUS) else None,
        )
        for i, (verdict, name, ip, may) in enumerate(hosts)
    ]
    told = rolled(findings, previous=None if before is None else Previous("old.jsonl", before))
    VALIDATOR.validate(document(told))
    assert sum(unit.checked for unit in told.organisations) == told.whole.checked == len(findings)
    for unit in (*told.organisations, told.whole):
        counted = [*unit.shares.values(), unit.allowed]
        assert unit.clear + sum(one.count for one in counted) == unit.checked
        assert unit.hosts + unit.meters == unit.checked
        assert unit.by_both <= min(unit.by_traffic, unit.by_power)
        if unit.trend and before is not None:
            mined = {
                name for name, host in before.items() if host.verdict is Verdict.MINING and not host.allowed
            }
            went = (unit.trend.now_allowed, unit.trend.no_longer, unit.trend.gone)
            assert sum(map(len, went)) <= len(mined)
            assert unit.trend.seen_again <= len(before)


def test_those_who_may_are_counted_apart() -> None:
    findings = [
        mining(),
        allowed(),
        mining(host="maybe", verdict=Verdict.SUSPICIOUS, allowed="a rule"),
        clear(),
    ]
    whole = rolled(findings).whole
    assert (whole.shares[Verdict.MINING].count, whole.shares[Verdict.SUSPICIOUS].count) == (1, 0)
    assert (whole.allowed.count, whole.clear) == (2, 1)
    assert (whole.energy.measured_kwh, whole.energy_allowed.measured_kwh) == (12.8, 25.6)


def test_energy_is_measured_or_estimated_or_not_read() -> None:
    estimated = mining(host="b", energy={"watts": 1.0, "kwh": 2.0, "co2e_kg": 1.0, "measured": False})
    whole = rolled([mining(), estimated, mining(host="c", energy=None), clear()]).whole
    assert (whole.energy.measured_kwh, whole.energy.estimated_kwh, whole.energy.unread) == (12.8, 2.0, 1)
    assert whole.energy.co2e_kg == pytest.approx(8.3)
    assert rolled([clear()]).whole.energy.measured_kwh is None


def test_the_factor_names_its_source() -> None:
    assert "Ember" in rolled([]).co2e_source
    assert "settings" in rolled([], co2e_kg_per_kwh=0.1).co2e_source


def test_assets_that_were_not_seen_are_named() -> None:
    server, rack = Asset("server", "A"), Asset("rack", "A")
    assets = Assets({"10.0.0.1": server, "10.0.0.2": server}, {"pdu": rack, "gone": Asset("gone", "B")})
    told = rolled([clear("10.0.0.2", organisation="A")], assets=assets)
    assert {unit.organisation: unit.unseen for unit in told.organisations} == {"A": ("rack",), "B": ("gone",)}
    assert set(told.whole.unseen) == {"rack", "gone"}


def test_changes_since_the_previous_run() -> None:
    before = {
        ("ip", "stays"): Told(Verdict.MINING, "A"),
        ("ip", "stopped"): Told(Verdict.MINING, None),  # the asset map names its owner since
        ("ip", "left"): Told(Verdict.MINING, "C"),
        ("ip", "calm"): Told(Verdict.CLEAR, "A"),
        ("ip", "licensed"): Told(Verdict.MINING, "A"),
        ("ip", "lapsed"): Told(Verdict.MINING, "A", allowed=True),
    }
    now = [
        mining(host="stays", organisation="A"),
        mining(host="fresh", organisation="A"),
        clear("stopped", organisation="A"),
        mining(host="licensed", organisation="A", allowed="a rule"),
        mining(host="lapsed", organisation="A"),
    ]
    told = rolled(now, previous=Previous("old.jsonl", before))
    whole = told.whole.trend
    assert whole is not None and whole.before[Verdict.MINING] == 4
    assert (whole.allowed_before, whole.seen_again) == (1, 4)
    assert (whole.newly, whole.now_allowed) == (("fresh", "lapsed"), ("licensed",))
    assert (whole.no_longer, whole.gone) == (("stopped",), ("left",))
    by_name = {unit.organisation: unit.trend for unit in told.organisations}
    assert by_name["A"] is not None and by_name["A"].no_longer == ("stopped",)
    assert by_name["C"] is not None and by_name["C"].gone == ("left",)
    assert rolled(now).whole.trend is None


@pytest.mark.parametrize("text", HOSTILE)
def test_files_hold_whatever_names_there_are(text: str, tmp_path: Path) -> None:
    told = rolled(
        [mining(host=text, organisation=text), clear()],
        assets=Assets({"10.0.0.9": Asset(text, text)}),
        previous=Previous(text, {("ip", text + "!"): Told(Verdict.MINING, text)}),
        problems=[text],
    )
    write_rollup(tmp_path / "r.json", told)
    VALIDATOR.validate(document(told))
    assert json.loads((tmp_path / "r.json").read_text(encoding="utf-8")) == document(told)
    write_rollup(tmp_path / "r.CSV", told)
    content = (tmp_path / "r.CSV").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(content, newline="")))
    assert [row["checked_all"] for row in rows] == ["1", "1", "2"]
    assert rows[-1]["organisation"] == "(all)" and rows[-1]["mining_count"] == "1"
    assert not any(cell.startswith(("=", "+", "@", "-", "\t")) for row in rows for cell in row.values())


def test_what_jsonl_wrote_is_read_back(tmp_path: Path) -> None:
    findings = [mining(), clear(organisation="A"), undecided(), allowed()]
    path = tmp_path / "old.jsonl"
    lines = [json.dumps(finding_document(f, MODEL)) for f in findings]
    path.write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    read = read_previous(str(path))
    assert read.name == "old.jsonl"
    assert {host: told.verdict for (_, host), told in read.hosts.items()} == {
        f.host: f.verdict for f in findings
    }
    assert read.hosts["ip", "10.20.0.100"].organisation == "A"
    assert [host for (_, host), told in read.hosts.items() if told.allowed] == [allowed().host]


def test_runs_under_one_site_key_are_compared_and_under_two_are_said_not_to_be(tmp_path: Path) -> None:
    """Pseudonyms are stable under a key, so that what changed is told without a name."""
    path = tmp_path / "old.jsonl"
    then, now = [mining(), pooled(), metered()], [mining(), clear(pooled().host), mining(host="10.20.0.77")]

    def under(key: bytes, findings: list[Finding]) -> list[Finding]:
        return Privacy(key, True, PRIVATE_NETWORKS).findings(findings)

    path.write_text("".join(json.dumps(finding_document(f, MODEL)) + "\n" for f in under(b"k" * 32, then)))
    before = read_previous(str(path))
    told = rolled(under(b"k" * 32, now), previous=before)
    names = Pseudonyms(b"k" * 32)
    whole = told.whole.trend
    assert whole is not None and whole.seen_again == 2
    assert whole.newly == (names.address("10.20.0.77"),)
    assert whole.no_longer == (names.address(pooled().host),)
    assert whole.gone == (names.name("meter", metered().host),)
    assert "10.20.0" not in json.dumps(document(told)) and metered().host not in json.dumps(document(told))
    strangers = rolled(under(b"j" * 32, now), previous=before)
    assert strangers.whole.trend is not None and strangers.whole.trend.seen_again == 0
    assert any("under one site key?" in line for line in trend(strangers))
    assert not any("under one site key?" in line for line in trend(told))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"{", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "no finding of the schema"),
        (b'{"schema": "minewatch.finding/2"}', "no finding of the schema"),
        (b'{"schema": "minewatch.finding/1", "kind": 1, "host": "a", "verdict": "clear"}', "no name"),
        (b'{"schema": "minewatch.finding/1", "kind": "ip", "host": "", "verdict": "clear"}', "no name"),
        (b'{"schema": "minewatch.finding/1", "kind": "ip", "host": "a", "verdict": []}', "verdict is none"),
        (b" " * (2 << 20), "longer than"),
    ],
)
def test_what_is_no_finding_is_refused_with_its_line(line: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "old.jsonl"
    path.write_bytes(b"\n" + line)
    with pytest.raises(PreviousError, match=rf"old\.jsonl: line 2: .*{words}"):
        read_previous(str(path))


@given(st.binary(max_size=200))
def test_any_bytes_are_findings_or_refused(content: bytes) -> None:
    import tempfile  # noqa: PLC0415

    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        try:
            read_previous(file.name)
        except PreviousError as error:
            assert "\n" not in str(error)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(PreviousError, match="no such file"):
        read_previous("/nonexistent/old.jsonl")
