"""Engines are run and measured, and the page says what was measured: with engines that are made up."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks import captures, engines, graph, page
from benchmarks.__main__ import told
from benchmarks.captures import ONE_PACKET, Capture, Made
from benchmarks.engines import CAPTURE, ROOT, Engine
from benchmarks.results import BUDGETS, KERNEL, POWER, SCORE, Budget, Results, Spread
from benchmarks.running import Job, Sample, jobs, measure, run

CACHE = Path("nowhere")


def python(code: str, *arguments: str, tells: bool = False) -> Engine:
    return Engine("fake", [sys.executable, "-c", code, *arguments], "nothing", tells=tells)


def sample(
    engine: str, on: str, number: int = 1, cpu_s: float = 1.0, packets: int = 1_000, failed: str = ""
) -> Sample:
    return Sample(engine, on, number, packets, packets * 500, cpu_s * 2, cpu_s, 64.0, failed)


@pytest.fixture
def capture(tmp_path: Path) -> Made:
    path = tmp_path / "a.pcap"
    path.write_bytes(b"\0" * 100)
    return Made(path, packets=7, n_bytes=100, flows=1)


def test_a_run_is_given_its_capture_and_measured(capture: Made) -> None:
    code = "import sys; x = bytearray(60_000_000); assert len(open(sys.argv[1], 'rb').read()) == 100"
    found = run(Job(python(code, CAPTURE), "a"), capture, 3)
    assert (found.failed, found.round, found.packets, found.n_bytes) == ("", 3, 7, 100)
    assert found.peak_mb > 60
    assert found.cpu_s > 0
    assert found.wall_s > 0


def test_time_of_children_counts() -> None:
    code = (
        "import subprocess, sys; subprocess.run([sys.executable, '-c', "
        "'import time\\nwhile time.process_time() < 0.3: pass'])"
    )
    assert run(Job(python(code), ""), None, 1).cpu_s >= 0.3


def test_what_a_program_tells_is_kept() -> None:
    found = run(Job(python("print('noise'); print('{\"items\": 5, \"cpu_s\": 2}')", tells=True), ""), None, 1)
    assert found.told == {"items": 5, "cpu_s": 2}


@pytest.mark.parametrize("printed", ["", "no json", "[1]"])
def test_what_is_no_object_is_not_kept(printed: str) -> None:
    assert run(Job(python(f"print({printed!r})", tells=True), ""), None, 1).told is None


def test_why_a_run_failed_is_kept() -> None:
    code = "import sys; print('one', file=sys.stderr); sys.exit('the reason')"
    assert run(Job(python(code), ""), None, 1).failed == "exit 1: the reason"
    refusal = python('print(\'{"refused": "no right to capture"}\')', tells=True)
    assert run(Job(refusal, ""), None, 1).failed == "no right to capture"


def test_what_takes_too_long_is_stopped() -> None:
    found = run(Job(python("import time; time.sleep(60)"), ""), None, 1, most_s=0.3)
    assert found.failed == "stopped after 0 s"


def test_what_takes_too_much_memory_is_stopped() -> None:
    code = "import time; x = bytearray(b'x') * 200_000_000; time.sleep(60)"
    found = run(Job(python(code), ""), None, 1, most_bytes=150e6)
    assert found.failed == "stopped: it held more than 0.1 GB"


def test_what_it_started_is_stopped_with_it(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time; p = subprocess.Popen(['sleep', '60']); "
        "open(sys.argv[1], 'w').write(str(p.pid)); x = bytearray(b'x') * 200_000_000; time.sleep(60)"
    )
    run(Job(python(code, str(tmp_path / "pid")), ""), None, 1, most_bytes=150e6)
    state = Path(f"/proc/{(tmp_path / 'pid').read_text()}/stat")
    until = time.monotonic() + 10
    while time.monotonic() < until and state.exists() and state.read_text().split()[2] != "Z":
        time.sleep(0.05)
    assert not state.exists() or state.read_text().split()[2] == "Z"


def test_rounds_are_interleaved(capture: Made) -> None:
    rows = [Capture("a", "mixed", packets=7)]
    table = [Engine(name, [sys.executable, "-c", ""], "", captures={"a": 3}) for name in ("one", "two")]
    work = jobs(table, rows)
    assert [(job.engine.name, job.capture) for job in work] == [
        ("one", "one packet"), ("two", "one packet"), ("one", "a"), ("two", "a"),
    ]  # fmt: skip
    assert work[2].given == rows[0].head(3)
    made = {"one packet": capture, work[2].given.name: capture}
    found = list(measure(work, made, 2, lambda line: None))
    assert [s.round for s in found] == [1, 1, 1, 1, 2, 2, 2, 2]


def test_ratios_are_taken_within_rounds() -> None:
    results = Results(
        [
            sample(KERNEL, "mixed", 1, cpu_s=1.0), sample("slow", "mixed", 1, cpu_s=5.0, packets=100),
            sample(KERNEL, "mixed", 2, cpu_s=2.0), sample("slow", "mixed", 2, cpu_s=8.0, packets=100),
            sample(KERNEL, "mixed", 3, cpu_s=2.0, failed="exit 1"),
            sample("slow", "mixed", 3, cpu_s=9.0),
        ]
    )  # fmt: skip
    assert results.faster(KERNEL, "slow", "mixed", whole=True) == Spread(45.0, 40.0, 50.0)
    assert results.faster(KERNEL, "absent", "mixed") is None


def test_starting_is_left_out_of_rates() -> None:
    start = [sample(KERNEL, ONE_PACKET.name, n, cpu_s=s) for n, s in ((1, 0.6), (2, 0.5))]
    results = Results([*start, sample(KERNEL, "mixed", cpu_s=1.0)])
    assert results.packet_rate(KERNEL, "mixed") == Spread(2_000, 2_000, 2_000)
    assert results.byte_rate(KERNEL, "mixed") == Spread(1e6, 1e6, 1e6)


def test_budgets_are_met_or_missed_by_the_median() -> None:
    results = Results([sample(SCORE, "mixed", n, cpu_s=s) for n, s in enumerate((1.0, 2.0, 9.0))])
    budget = Budget("x", 4.0, "s", False, lambda r: r.spread(SCORE, "mixed", lambda s: s.wall_s))
    assert budget.verdict(results) == "met"
    assert Budget("x", 3.9, "s", False, budget.measured).verdict(results) == "missed"
    assert Budget("x", 4.0, "s", True, budget.measured).verdict(results) == "met"
    assert budget.verdict(Results([])) == "not measured"


def test_memory_of_a_stopped_run_counts() -> None:
    results = Results([sample(SCORE, "scan", failed="stopped: it held more than 8 GB")])
    assert results.peak_bytes(SCORE, "scan") == Spread(64e6, 64e6, 64e6)
    assert Results([sample(SCORE, "scan", failed="exit 1")]).peak_bytes(SCORE, "scan") is None


def test_every_budget_is_not_measured_without_samples() -> None:
    assert {budget.verdict(Results([])) for budget in BUDGETS} == {"not measured"}


def test_budgets_name_engines_and_captures_that_exist() -> None:
    """With a sample of everything that the tables hold, nothing but told numbers is lacking."""
    work = jobs(engines.table(CACHE), captures.table())
    told_of = {"items": 9, "cpu_s": 1.0, "sent": 9, "lost": 0, "seconds": 3.0}
    results = Results(
        [
            Sample(
                job.engine.name,
                job.capture,
                1,
                5,
                5,
                1.0,
                1.0,
                1.0,
                "",
                told_of if job.engine.tells else None,
            )
            for job in work
        ]
    )
    assert [budget.what for budget in BUDGETS if budget.measured(results) is None] == []


NUMBERS = {0: "0", 3_421_000: "3.42 M", 118_200: "118 k", 999.9: "1.00 k", 12.34: "12.3", 0.0312: "0.031"}


@pytest.mark.parametrize(("value", "text"), NUMBERS.items())
def test_numbers_have_three_digits(value: float, text: str) -> None:
    assert page.number(value) == text


def facts() -> dict[str, object]:
    """What a run gives, of made-up engines; the score of the scan failed."""
    table, rows = engines.table(CACHE), captures.table()
    work = jobs(table, rows)
    samples = [
        {
            "engine": job.engine.name, "capture": job.capture, "round": number, "packets": 1_000_000,
            "n_bytes": 10**9, "wall_s": 2.0 * number, "cpu_s": 1.5 * number, "peak_mb": 80.0,
            "failed": "stopped | it grew" if (job.engine.name, job.capture) == (SCORE, "scan") else "",
            "told": {"items": 9, "cpu_s": 1.0} if job.engine.name == POWER else None,
        }
        for job in work for number in (1, 2) if job.engine.name != "nfstream"
    ]  # fmt: skip
    made = {
        row.name: {"path": f"/x/{row.name}", "packets": 10, "n_bytes": row.n_bytes or 10**8, "flows": 5}
        for row in rows
    }
    return {
        "samples": samples, "made": made, "made_from": "nothing", "machine": {"CPU": "a good one"},
        "missing": {"nfstream": "not installed"}, "date": "2026-01-02", "rounds": 2, "minutes": 3.0,
        "others": 0.25, "stolen": 0.0,
    }  # fmt: skip


def test_the_page_says_what_was_measured() -> None:
    text = page.page(told(facts(), engines.table(CACHE), captures.table()))
    assert "2026-01-02: 2 rounds in 3 minutes" in text
    assert "Other processes took 25 %" in text
    assert "nfstream did not run: not installed" in text
    assert "**missed**" in text
    assert "| met |" in text
    assert "a good one" in text
    for capture in ("mixed", "small packets", "scan"):
        assert f"### {capture}\n" in text


def test_every_table_of_the_page_is_square() -> None:
    text = page.page(told(facts(), engines.table(CACHE), captures.table()))
    for block in re.findall(r"(?:^\|.*\n)+", text, re.M):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1, block


def test_the_graph_is_of_the_curve(tmp_path: Path) -> None:
    path = tmp_path / "growth.svg"
    graph.draw(told(facts(), engines.table(CACHE), captures.table()), path)
    text = path.read_text()
    assert text.count("<svg") == 1
    assert "#ffffff" not in text  # transparent: the page's own ground shows


def test_programs_that_the_table_names_exist() -> None:
    programs = {part for engine in engines.table(CACHE) for part in engine.command if part.endswith(".py")}
    assert programs == {str(path) for path in (ROOT / "benchmarks" / "programs").glob("*.py")}


def test_the_parent_of_the_engines_is_light() -> None:
    """Its memory would count as theirs."""
    heavy = "{'numpy', 'matplotlib', 'dpkt'}"
    code = f"import sys; import benchmarks.__main__; sys.exit(bool({heavy} & set(sys.modules)))"
    assert run(Job(python(code), ""), None, 1).failed == ""


def test_engines_may_keep_their_bytecode(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else, where the shell forbids it, each start compiles every module anew."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert run(Job(python("import sys; sys.exit(sys.dont_write_bytecode)"), ""), None, 1).failed == ""


def test_an_interrupt_ends_the_engine_too(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    inner = f"import os, time; open({str(told)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    outer = (
        "import sys; from benchmarks.engines import Engine; from benchmarks.running import Job, run; "
        "run(Job(Engine('fake', [sys.executable, '-c', sys.argv[1]], ''), ''), None, 1)"
    )
    process = subprocess.Popen([sys.executable, "-c", outer, inner], cwd=ROOT, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 30
    while time.monotonic() < until and not (told.exists() and told.read_text()):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) != 0
    state = Path(f"/proc/{told.read_text()}/stat")
    while time.monotonic() < until and state.exists() and state.read_text().split()[2] != "Z":
        time.sleep(0.05)
    assert not state.exists() or state.read_text().split()[2] == "Z"
