"""Slurm's lists of nodes and jobs: what they say, what they do not, and what cannot be read of them."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.telemetry import TelemetryError, jobs_list
from detector.telemetry.jobs_list import EVER, JobsList, read_jobs
from detector.telemetry.nodelist import MOST, NodeListError, expand

HEAD = "JobID|NodeList|Start|End|State\n"
# As sacct prints them, with steps, an array, a heterogeneous job, one that runs and one that waits.
REAL = """\
JobID|JobName|Partition|NodeList|Start|End|State
4711|relax|batch|cn[001-003,017]|2026-03-02T08:00:00|2026-03-02T14:30:12|COMPLETED
4711.batch|batch||cn001|2026-03-02T08:00:00|2026-03-02T14:30:12|COMPLETED
4711.extern|extern||cn[001-003,017]|2026-03-02T08:00:00|2026-03-02T14:30:12|COMPLETED
4711.0|vasp_std||cn[001-003,017]|2026-03-02T08:00:03|2026-03-02T14:30:12|COMPLETED
4720_7|scan|gpu|gpu02|2026-03-02T09:15:00|2026-03-02T09:45:00|CANCELLED by 1034
4731+1|couple|batch|cn005|2026-03-02T10:00:00|2026-03-02T11:00:00|TIMEOUT
4740|train|gpu|gpu02|2026-03-02T15:00:00|Unknown|RUNNING
4750|wait|batch|None assigned|Unknown|Unknown|PENDING
4751_[1-40]|wait|batch|None assigned|Unknown|Unknown|PENDING
"""
WORD = st.text("abz-_", min_size=1, max_size=4)
NUMBER = st.integers(0, 999)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("login1", ["login1"]),
        ("n[001-004,7],x", ["n001", "n002", "n003", "n004", "n7", "x"]),
        ("n[9-11]", ["n9", "n10", "n11"]),
        ("r[1-2]n[01,3]b", ["r1n01b", "r1n3b", "r2n01b", "r2n3b"]),
        ("a.example.org,b[5]", ["a.example.org", "b5"]),
    ],
)
def test_lists_of_nodes(text: str, names: list[str]) -> None:
    assert expand(text) == names


@pytest.mark.parametrize(
    "text",
    ["", ",", "a,,b", "a,", "n[", "n]", "n[]", "n[1", "n[3-1]", "n[1-2-3]", "n[a]", "n[[1]]", "a b", "n[-1]",
     "n[1,]", "n[1-999999999999]", "n[1-99999]", "a[1-300]b[1-300]", "n[" + "1," * 9, "n[9999999999999]"],
)  # fmt: skip
def test_no_lists_of_nodes(text: str) -> None:
    with pytest.raises(NodeListError):
        expand(text)


def test_no_more_nodes_than_the_bound() -> None:
    assert len(expand(f"n[1-{MOST}]")) == MOST
    for text in (f"n[1-{MOST}],x", f"n[0-{MOST}]", "n" + "[0-9]" * 5):
        with pytest.raises(NodeListError, match="more than"):
            expand(text)


@given(st.lists(st.tuples(WORD, NUMBER, st.integers(0, 20), st.integers(1, 5)), min_size=1, max_size=6))
def test_ranges_are_the_names_between_their_ends(ranges: list[tuple[str, int, int, int]]) -> None:
    text = ",".join(f"{word}[{low:0{width}}-{low + more}]" for word, low, more, width in ranges)
    told = [
        f"{word}{n:0{max(width, len(str(low)))}}"
        for word, low, more, width in ranges
        for n in range(low, low + more + 1)
    ]
    assert expand(text) == told


@given(st.text("n[]-,0123456789 é\n", max_size=40))
def test_any_text_is_a_list_or_an_error(text: str) -> None:
    try:
        names = expand(text)
    except NodeListError:
        return
    assert names and len(names) <= MOST and not any(set("[], ") & set(name) for name in names)


def read(folder: Path, text: str | bytes, timezone: str | None = None) -> JobsList:
    path = folder / "jobs.txt"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_jobs(str(path), timezone)


def ns(text: str) -> int:
    return int(np.datetime64(text, "ns").astype(np.int64))


def of(jobs: JobsList, *nodes: str) -> dict[str, tuple[int, int, bool]]:
    found = jobs.of(nodes)
    rows = zip(found.row.tolist(), found.start_ns.tolist(), found.end_ns.tolist(), found.certain, strict=True)
    return {jobs.name(row): (start, end, bool(sure)) for row, start, end, sure in rows}


def test_a_list_as_sacct_prints_it(tmp_path: Path) -> None:
    jobs = read(tmp_path, REAL)
    assert set(jobs.nodes) == {"cn001", "cn002", "cn003", "cn017", "cn005", "gpu02"}
    assert jobs.knows("cn017") and not jobs.knows("cn004")
    assert of(jobs, "cn003") == {"4711": (ns("2026-03-02T08:00"), ns("2026-03-02T14:30:12"), True)}
    assert of(jobs, "gpu02") == {
        "4720_7": (ns("2026-03-02T09:15"), ns("2026-03-02T09:45"), True),
        "4740": (ns("2026-03-02T15:00"), EVER[1], True),
    }
    assert list(of(jobs, "cn005", "cn001")) == ["4711", "4731+1"]
    assert jobs.whole_ns == (ns("2026-03-02T09:45"), ns("2026-03-02T15:00"))
    assert jobs.note.endswith(
        "6 jobs on 6 nodes, whole from 2026-03-02 09:45 to 2026-03-02 15:00 UTC;"
        " times without a zone taken for UTC (--power-timezone)"
    )


def test_other_forms_of_the_same_list(tmp_path: Path) -> None:
    """--parsable, packed, with a byte order mark and CR LF, columns in another order, names with a |."""
    plain = of(read(tmp_path, REAL), "cn001", "gpu02")
    ended = "".join(f"{line}|\n" for line in REAL.splitlines())
    assert of(read(tmp_path, ended), "cn001", "gpu02") == plain
    assert of(read(tmp_path, gzip.compress(REAL.encode())), "cn001", "gpu02") == plain
    windows = "\ufeff" + REAL.replace("\n", "\r\n")
    assert of(read(tmp_path, windows), "cn001", "gpu02") == plain
    turned = "\n".join("|".join(line.split("|")[::-1]) for line in REAL.splitlines())
    assert of(read(tmp_path, turned), "cn001", "gpu02") == plain
    odd = REAL.replace("relax", "a|b|c")
    assert of(read(tmp_path, odd), "cn001", "gpu02") == plain
    epoch = (
        HEAD
        + f"4711|cn001|{ns('2026-03-02T08:00') // 10**9}|{ns('2026-03-02T14:30:12') // 10**9}|COMPLETED\n"
    )
    assert of(read(tmp_path, epoch), "cn001") == {"4711": plain["4711"]}


def test_times_are_of_the_zone_that_is_named_and_a_job_over_the_hour_that_comes_twice_is_whole(
    tmp_path: Path,
) -> None:
    row = "1|a|2026-10-25T02:30:00|2026-10-25T02:30:00|COMPLETED\n"
    jobs = read(tmp_path, HEAD + row, "Europe/Oslo")
    assert of(jobs, "a")["1"] == (ns("2026-10-25T00:30"), ns("2026-10-25T01:30"), True)
    assert "taken for UTC" not in jobs.note
    zoned = HEAD + "1|a|2026-03-02T09:00:00+0100|2026-03-02T10:00:00+0100|COMPLETED\n"
    assert of(read(tmp_path, zoned), "a")["1"] == (ns("2026-03-02T08:00"), ns("2026-03-02T09:00"), True)


def test_what_cannot_be_read_makes_nodes_uncertain_and_never_idle(tmp_path: Path) -> None:
    jobs = read(
        tmp_path,
        HEAD
        + "1|a|2026-03-02T08:00:00|2026-03-02T09:00:00|COMPLETED\n"
        + "2|a|soon|2026-03-02T09:00:00|COMPLETED\n"  # no time
        + "3|b|2026-03-02T12:00:00|2026-03-02T09:00:00|FAILED\n"  # reversed
        + "4|b[|2026-03-02T10:00:00|2026-03-02T11:00:00|FAILED\n"  # no nodes
        + "5|c|2026-03-02T10:00:00|Unknown|COMPLETED\n"  # over, and nobody wrote when
        + "6|c[|soon|Unknown|COMPLETED\n"  # neither
        + "x|a|2026-03-02T10:00:00|2026-03-02T11:00:00|COMPLETED\n"
        + "7|a|2026-03-02T10:00:00\n",
    )
    anywhere = {"4": (ns("2026-03-02T10:00"), ns("2026-03-02T11:00"), False)}
    sure = {"1": (ns("2026-03-02T08:00"), ns("2026-03-02T09:00"), True)}
    assert of(jobs, "a") == {"2": (*EVER, False)} | sure | anywhere
    assert of(jobs, "b") == {"3": (*EVER, False)} | anywhere
    assert of(jobs, "c") == anywhere | {"5": (ns("2026-03-02T10:00"), EVER[1], False)}
    told = "2 with unreadable times, 1 that end before they start, 2 with an unreadable list of nodes"
    assert "1 without a job's number, 1 torn" in jobs.note and told in jobs.note


@pytest.mark.parametrize(
    "rows",
    [
        "",
        "1|a|2026-03-02T08:00:00|Unknown|RUNNING\n",
        "1|a|2026-03-02T08:00:00|2026-03-02T09:00:00|COMPLETED\n",
    ],
    ids=["none", "one that runs", "one that ended"],
)
def test_few_jobs_tell_of_no_time_without_one(tmp_path: Path, rows: str) -> None:
    begin, end = read(tmp_path, HEAD + rows).whole_ns
    assert begin >= end


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the file is empty"),
        ("JobID|NodeList|Start|End\n", "line 1: no column state"),
        ("\n\nJobID  NodeList  Start\n", "line 3: no column jobid"),
        ("\x1b[2J", "line 1: no column jobid in '\\\\x1b[2J'"),
        (HEAD + "1|a|1e5|1e6|COMPLETED\n", "are no dates"),
    ],
)
def test_files_that_are_no_list_of_jobs(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(TelemetryError) as raised:
        read(tmp_path, text)
    assert told in str(raised.value) and "\n" not in str(raised.value)


def test_a_damaged_list_is_read_to_the_damage_and_is_whole_nowhere(tmp_path: Path) -> None:
    packed = gzip.compress((REAL + "x" * 5).encode())
    jobs = read(tmp_path, packed[:-12])
    assert jobs.problem and jobs.knows("cn001")
    assert jobs.whole_ns[0] >= jobs.whole_ns[1]
    with pytest.raises(TelemetryError, match="no such file"):
        read_jobs(str(tmp_path / "none"))


@pytest.mark.parametrize(
    ("bound", "value", "rows"),
    [
        ("MOST_JOBS", 3, [f"{i}|a|{{}}" for i in range(5)]),
        ("MOST_NODES", 3, ["1|n[1-5]|{}"]),
        ("MOST_PLACES", 8, ["1|n[1-5]|{}", "2|n[2-6]|{}"]),
        ("MOST_LIST_CHARACTERS", 8, ["1|n[1-5]|{}", "2|n[2-6]|{}"]),
    ],
)
def test_larger_than_its_bounds_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str, value: int, rows: list[str]
) -> None:
    times = "2026-03-02T08:00:00|2026-03-02T09:00:00|COMPLETED"
    text = HEAD + "\n".join(row.format(times) for row in rows)
    assert read(tmp_path, text).nodes
    monkeypatch.setattr(jobs_list, bound, value)
    with pytest.raises(TelemetryError, match="list a shorter span"):
        read(tmp_path, text)


def test_many_jobs_are_read_in_batches_as_few_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    starts = np.datetime64("2026-03-02", "s") + rng.integers(0, 86_400, 500)
    ends = starts + rng.integers(0, 86_400, 500)
    rows = [f"{i}|n{i % 7}|{a}|{b}|COMPLETED" for i, (a, b) in enumerate(zip(starts, ends, strict=True))]
    whole = read(tmp_path, HEAD + "\n".join(rows))
    monkeypatch.setattr(jobs_list, "_BATCH", 64)
    parts = read(tmp_path, HEAD + "\n".join(rows))
    for node in whole.nodes:
        assert of(parts, node) == of(whole, node)
    assert parts.whole_ns == whole.whole_ns


@given(st.lists(st.lists(st.text("0123|.,[]-nTU:\n é", max_size=12), min_size=5, max_size=5), max_size=8))
def test_any_rows_give_a_list_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    text = HEAD + "\n".join("|".join(row) for row in rows)
    try:
        jobs = read(tmp_path_factory.mktemp("jobs"), text)
    except TelemetryError as error:
        assert "\n" not in str(error)
        return
    found = jobs.of(jobs.nodes)
    assert (np.diff(found.start_ns) >= 0).all() and (found.start_ns <= found.end_ns).all()
    assert len(set(found.row.tolist())) == len(found.row)
