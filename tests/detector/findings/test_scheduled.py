"""A list of jobs beside a meter: what is said, and how far it moves a verdict."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.cli import main
from detector.findings import judge, scheduled
from detector.findings.peers import Level
from detector.findings.scheduled import Beside, Worked
from detector.hosts import Asset, Assets
from detector.privacy import Privacy
from detector.records import Finding, Steps, Verdict
from detector.settings import PrivacySettings, Settings
from detector.telemetry.jobs_list import EVER, JobsList, _grouped, read_jobs
from tests.detector.findings.records import (
    CAME,
    HOUR_NS,
    TEN,
    Models,
    channel_record,
    host,
    ledger,
    power_record,
)

NIGHT = np.r_[np.full(24, 200.0), np.full(24, 800.0)]  # rests for a day, then works for one
FLAT = np.full(48, 800.0)


def listed(
    *jobs: tuple[str, float, float], certain: bool = True, whole: tuple[float, float] = (-99, 999)
) -> JobsList:
    """Jobs of (node, from, to), hours from TEN on; their numbers are 1, 2, ..."""
    names = list(dict.fromkeys(node for node, _, _ in jobs))
    nodes = {name: place for place, name in enumerate(names)}
    of = np.array([nodes[node] for node, _, _ in jobs], np.int64)
    times = TEN + np.array([job[1:] for job in jobs], np.float64).reshape(-1, 2) * HOUR_NS
    starts, ends = times.astype(np.int64).T
    ids = np.stack([np.arange(1, len(jobs) + 1), np.full(len(jobs), -1)], axis=1)
    spans = tuple(TEN + int(hour * HOUR_NS) for hour in whole)
    return JobsList(
        nodes,
        starts,
        ends,
        np.full(len(jobs), certain),
        ids,
        _grouped(of, len(nodes) + 1),
        _grouped(np.arange(len(nodes)), len(nodes), np.arange(len(nodes))),
        (spans[0], spans[1]),
    )


def drawn(mean: np.ndarray = NIGHT) -> Steps:
    return Steps(TEN, HOUR_NS, {"mean": mean, "low": mean, "high": mean})


def worked(jobs: JobsList, mean: np.ndarray = NIGHT, level: Level = Level()) -> Worked | None:  # noqa: B008
    return Beside(jobs, Assets()).worked(power_record(meter="n1", drawn=drawn(mean)), level)


OTHER = ("n1", -9.0, -8.0)  # a job long before, so that the list knows the node


def test_a_load_under_a_job_all_the_time() -> None:
    found = worked(listed(("n1", 24, 30), ("n1", 30, 48)))
    assert found is not None and found.always and not found.without
    told = scheduled.scheduled_job(found)
    assert told is not None and told.weight == 0
    assert told.summary == "n1 draws 800 W under jobs 2, 1: 100% of its load is work that the scheduler lists"
    hours = {"load_h": 24.0, "under_job_h": 24.0, "without_job_h": 0.0}
    assert told.facts == {"jobs": ["2", "1"], "n_jobs": 2, "meter": "n1", "nodes": ["n1"]} | hours
    assert scheduled.no_job(found) is None


def test_a_load_without_a_job() -> None:
    found = worked(listed(OTHER))
    assert found is not None and found.speaks and not found.always
    told = scheduled.no_job(found)
    assert told is not None and told.weight == 0
    assert told.summary == (
        "n1 draws 800 W while no job is listed on n1: 24 h of 24 h under load,"
        " between 2026-03-03 10:00 and 2026-03-04 10:00 UTC"
    )
    assert (told.first_ns, told.last_ns) == (TEN + 24 * HOUR_NS, TEN + 48 * HOUR_NS)
    assert scheduled.scheduled_job(found) is None


def test_both_are_told_where_both_are() -> None:
    found = worked(listed(("n1", 24, 40)))
    assert found is not None and not found.always and found.without
    assert scheduled.scheduled_job(found) and scheduled.no_job(found)
    assert found.free_from_ns == TEN + 41 * HOUR_NS  # the job's last minutes reach into the hour before


@pytest.mark.parametrize(
    ("jobs", "mean"),
    [
        (listed(("n2", 0, 48)), NIGHT),  # a node that no job names
        (listed(("n1", 24, 47.5)), NIGHT),  # clear of a job for less than an hour
        (listed(OTHER, whole=(0, 24)), NIGHT),  # the list ends before the load begins
        (listed(OTHER, ("n1", 24, 48), certain=False), NIGHT),  # there may have been one
        (listed(OTHER), FLAT),  # nobody knows at which level it rests
        (listed(OTHER), np.full(48, np.nan)),
        (listed(("n1", 0, 24)), np.r_[np.full(24, 800.0), np.full(24, 600.0)]),  # less than under a job
    ],
    ids=["unknown node", "minutes", "outside", "uncertain", "flat", "nothing read", "less"],
)
def test_no_job_is_not_told(jobs: JobsList, mean: np.ndarray) -> None:
    assert scheduled.no_job(worked(jobs, mean)) is None


def test_a_node_that_never_rests_is_held_against_its_jobs_and_its_peers() -> None:
    as_much = worked(listed(("n1", 0, 24)), FLAT)
    assert as_much is not None and as_much.without and not as_much.speaks  # it may only idle
    told = scheduled.no_job(as_much)
    assert told is not None and told.summary.endswith("under jobs it draws 800 W, and it never rests")
    beside = worked(listed(OTHER), FLAT, Level(peers=20, peers_w=150.0))
    assert beside is not None and beside.speaks
    under = worked(listed(("n1", 0, 48)), FLAT)
    assert under is not None and under.always


def test_nodes_are_found_by_their_names_and_those_of_their_asset() -> None:
    jobs = listed(("cn001", 0, 1), ("cn002", 0, 1))
    chassis = Asset("chassis-7")
    rows = {"pdu-3/outlet 4": chassis, "cn001.hpc.example": chassis, "cn002": chassis, "other": Asset("x")}
    beside = Beside(jobs, Assets(by_meter=rows))
    assert beside.nodes("cn002/GPU 1") == ("cn002",)
    assert beside.nodes("cn001.hpc.example") == ("cn001", "cn002")
    assert beside.nodes("pdu-3/outlet 4") == ("cn001", "cn002")
    assert beside.nodes("other") == () and beside.nodes("cn003") == ()
    assert Beside(jobs, Assets(by_meter={"m": Asset("cn001")})).nodes("m") == ("cn001",)


def judged(probability: float, jobs: JobsList | None, mean: np.ndarray = NIGHT, **facts: Any) -> Finding:
    record = power_record(probability, meter="n1", drawn=drawn(mean), description=facts)
    (found,) = judge(ledger({}, (record,)), Models(), Settings(), Assets(), jobs=jobs)  # type: ignore[arg-type]
    return found


UNDER, WITHOUT = listed(("n1", 24, 48)), listed(OTHER)


@pytest.mark.parametrize(
    ("probability", "facts", "verdicts"),  # by power alone, under a job, without one
    [
        (0.95, CAME, "mining suspicious mining"),
        (0.95, CAME | {"arrived": False}, "suspicious undecided suspicious"),
        (0.95, {}, "undecided undecided suspicious"),
        (0.7, CAME, "suspicious undecided suspicious"),
        (0.7, {}, "undecided undecided suspicious"),
        (0.55, CAME, "undecided undecided undecided"),
        (0.4, CAME, "clear clear clear"),
    ],
)
def test_jobs_move_the_verdict_by_one_step_and_never_the_score(
    probability: float, facts: dict, verdicts: str
) -> None:
    found = [judged(probability, jobs, **facts) for jobs in (None, UNDER, WITHOUT)]
    assert " ".join(one.verdict.value for one in found) == verdicts
    assert len({(one.score, one.power_score) for one in found}) == 1


def test_a_doubt_stays_one_without_a_job() -> None:
    record = power_record(0.95, meter="n1", drawn=drawn(), novelty=0.995)
    (found,) = judge(ledger({}, (record,)), Models(), Settings(), Assets(), jobs=WITHOUT)  # type: ignore[arg-type]
    assert found.verdict is Verdict.UNDECIDED


def kinds(found: Finding) -> tuple[set[str], set[str]]:
    return {one.kind for one in found.evidence}, {one.kind for one in found.counter_evidence}


def test_the_finding_tells_it() -> None:
    accused = judged(0.95, UNDER, **CAME)
    assert "scheduled_job" in kinds(accused)[1]
    without = judged(0.95, WITHOUT)
    assert "no_job" in kinds(without)[0]
    doubtful = judged(0.55, WITHOUT)
    assert kinds(doubtful)[0] == {"no_job"} and doubtful.why.startswith(
        "n1 draws 800 W while no job is listed"
    )
    explained = judged(0.7, UNDER)
    assert kinds(explained) == (set(), {"scheduled_job"}) and "what the job runs" in explained.why
    assert any("what the job runs" in lack["collect"] for lack in explained.missing)
    clear = judged(0.4, WITHOUT, **CAME)
    assert not {"no_job", "scheduled_job"} & set.union(*kinds(clear))


def test_nodes_have_pseudonyms(tmp_path: Path) -> None:
    jobs = listed(("cn001", -9, -8), ("cn001", -7, -6))
    assets = Assets(by_meter={"n1": Asset("rig"), "cn001": Asset("rig")})
    record = power_record(0.95, meter="n1", drawn=drawn())
    found = judge(ledger({}, (record,)), Models(), Settings(), assets, jobs=jobs)  # type: ignore[arg-type]
    assert any("on cn001" in one.summary for one in found[0].evidence)
    key = tmp_path / "site.key"
    key.write_bytes(b"k" * 32)
    hidden = Privacy.of(Settings(privacy=PrivacySettings(str(key), pseudonymise=True))).findings(found)
    assert "cn001" not in repr(hidden) and "on node-" in repr(hidden)


def test_traffic_is_believed_whatever_the_scheduler_lists() -> None:
    """A miner that was heard is one in a job, too; and watts under a job support no behaviour."""
    asset = Asset("rig")
    assets = Assets({"10.0.0.7": asset}, {"n1": asset})
    record = power_record(0.95, meter="n1", drawn=drawn(), description=CAME)

    def verdict(windows: int, jobs: JobsList) -> Verdict:
        made = ledger({"10.0.0.7": host(channel_record(0.95, suspect_windows=windows))}, (record,))
        (found,) = judge(made, Models(), Settings(), assets, jobs=jobs)  # type: ignore[arg-type]
        return found.verdict

    assert verdict(2, UNDER) is Verdict.MINING
    assert verdict(0, WITHOUT) is Verdict.MINING and verdict(0, UNDER) is Verdict.SUSPICIOUS


MINUTES = st.integers(-60, 720), st.integers(0, 240)
SPANS = st.lists(
    st.tuples(*MINUTES).map(lambda five: ((5 * five[0] + 1) / 60, five[1] / 12)), max_size=8
)  # at whole minutes, never within rounding of an edge or a limit


@given(SPANS, st.lists(st.sampled_from([np.nan, 150.0, 200.0, 800.0, 820.0]), min_size=1, max_size=60))
def test_time_under_jobs_and_without_is_never_more_than_the_load(
    spans: list[tuple[float, float]], watts: list[float]
) -> None:
    jobs = listed(OTHER, *(("n1", begin, begin + length) for begin, length in spans))
    found = worked(jobs, np.array(watts))
    if found is None:
        return
    steps = np.arange(len(watts))[:, None] * 60 + np.arange(60)  # by minutes
    at = TEN + (steps + 0.5) * (HOUR_NS / 60)
    busy, near, beside = np.zeros(at.shape, bool), np.zeros(at.shape, bool), scheduled.BESIDE_NS
    for start, end in zip(jobs.starts, jobs.ends, strict=True):
        busy |= (at >= start) & (at < end)
        near |= (at >= start - beside) & (at < end + beside)
    limit, _ = scheduled._limit(np.array(watts), busy.mean(1), ~near.any(1), Level())
    assert limit is not None
    high = np.array(watts) >= limit
    assert found.load_ns == high.sum() * HOUR_NS
    assert found.under_ns == pytest.approx(busy[high].mean(1).sum() * HOUR_NS, abs=1e6)
    assert found.free_ns == (high & ~near.any(1)).sum() * HOUR_NS
    assert found.under_ns + found.free_ns <= found.load_ns + 1
    assert (found.n_jobs == 0) == (found.jobs == ())


def test_a_job_that_still_runs_lies_under_all_that_follows(tmp_path: Path) -> None:
    path = tmp_path / "jobs.txt"
    start = datetime.fromtimestamp((TEN + 24 * HOUR_NS) / 1e9, UTC)
    path.write_text(f"JobID|NodeList|Start|End|State\n9|n1|{start:%Y-%m-%dT%H:%M:%S}|Unknown|RUNNING\n")
    jobs = read_jobs(str(path))
    found = worked(jobs)
    assert found is not None and found.always and jobs.ends.tolist() == [EVER[1]]


def readings(folder: Path) -> Path:
    """Nine days of one node, read every 5 minutes: on the fourth a level load comes, and stays."""
    rng = np.random.default_rng(7)
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(["time", "node", "watts"])
    for minute in range(0, 9 * 1440, 5):
        level = 150 + (650 if minute >= 3 * 1440 else 0)
        stamp = datetime.fromtimestamp(TEN / 1e9 + minute * 60, UTC).isoformat()
        rows.writerow([stamp, "cn007", round(level + rng.normal(0, 4), 1)])
    (folder / "nodes.csv").write_text(out.getvalue())
    return folder / "nodes.csv"


def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nodes, jobs = readings(tmp_path), tmp_path / "sacct.txt"
    head = "JobID|NodeList|Start|End|State\n1|cn007|2026-02-27T00:00:00|2026-02-27T01:00:00|COMPLETED\n"
    head += "2|cn099|2026-04-01T00:00:00|2026-04-01T01:00:00|COMPLETED\n"
    found = {}
    for name, row in (
        ("without", ""),
        ("under", "77|cn[001-009]|2026-03-05T10:00:00|2026-03-11T12:00:00|TIMEOUT\n"),
    ):
        jobs.write_text(head + row)
        status = main(["score", "--power", str(nodes), "--jobs-list", str(jobs), "--format", "json"])
        told = capsys.readouterr()
        assert status == 0 and "whole from" in told.err
        (found[name],) = json.loads(told.out)
    assert main(["score", "--power", str(nodes), "--format", "json", "--quiet"]) == 0
    (alone,) = json.loads(capsys.readouterr().out)
    assert {one["score"] for one in found.values()} == {alone["score"]}
    assert alone["verdict"] == found["without"]["verdict"] != found["under"]["verdict"]
    assert "no_job" in {one["kind"] for one in found["without"]["evidence"]}
    against = {one["kind"]: one for one in found["under"]["counter_evidence"]}
    assert against["scheduled_job"]["facts"]["jobs"] == ["77"]


def test_a_list_that_is_none_is_one_line_and_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "jobs.txt").write_text("nothing\n")
    words = ["score", "--power", str(readings(tmp_path)), "--jobs-list", str(tmp_path / "jobs.txt")]
    assert main(words) == 2
    told = capsys.readouterr()
    assert not told.out and "no column jobid" in told.err and "Traceback" not in told.err
