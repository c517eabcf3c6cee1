"""The samples and scenarios: same bytes again, labelled, marked as simulated, small."""

from __future__ import annotations

import csv
import gzip
import hashlib
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.cli import main
from detector.metering import channel_windows
from detector.records import SourceReport
from detector.settings import Settings
from training import samples
from training.labels import COLUMNS as LABEL_COLUMNS
from training.simulation import campus, corpus, site
from training.simulation.scenario import COLUMNS, SCENARIOS, run

SHIPPED = Path(__file__).parent.parent.parent / "sample_data"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    samples.write(folder)
    return folder


def content(path: Path) -> bytes:
    """What a file says: two builds of zlib may compress the same bytes differently."""
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def test_regenerating_gives_the_shipped_bytes(made: Path) -> None:
    names = sorted(path.name for path in SHIPPED.iterdir())
    assert names == sorted(path.name for path in made.iterdir())
    differ = [name for name in names if content(SHIPPED / name) != content(made / name)]
    assert differ in ([], ["README.md"])  # which names the digests of the compressed files


def test_samples_stay_small(made: Path) -> None:
    assert sum(path.stat().st_size for path in made.iterdir()) < 3_000_000
    assert (made / samples.CAMPUS).stat().st_size < 1_500_000


def test_readme_names_each_file_with_its_digest() -> None:
    text = (SHIPPED / "README.md").read_text()
    for path in SHIPPED.iterdir():
        if path.name != "README.md":
            assert hashlib.sha256(path.read_bytes()).hexdigest() in text
    assert "simulated by this project" in text


def test_truth_and_labels_agree(made: Path) -> None:
    truth = {row["host"]: row["label"] == "mining" for row in csv.DictReader((made / "truth.csv").open())}
    address = {node.name: node.ip for node in site.NODES}
    labels = list(csv.DictReader((made / "LABELS.csv").open()))
    mining = {address.get(row["host"], row["host"]) for row in labels if row["label"] == "mining"}
    assert mining == {host for host, mines in truth.items() if mines}
    assert {address.get(row["host"], row["host"]) for row in labels} == set(truth)
    assert all((made / row["source"]).is_file() for row in labels)


def test_the_campus_hour_through_the_kernel(made: Path) -> None:
    report = SourceReport("campus")
    facts, hosts = {}, set()
    for table in channel_windows(str(made / samples.CAMPUS), Settings(), "native", report):
        for row, fact in enumerate(table.facts):
            client = ".".join(str(byte) for byte in int(table.client[row, 1]).to_bytes(8, "big")[-4:])
            hosts.add(client)
            if fact is not None:
                facts.setdefault(client, []).append(fact)
    assert report.packets == report.decoded > 20_000
    assert set(facts) == {site.MINER_CLEAR}
    assert {fact.dialect for fact in facts[site.MINER_CLEAR]} == {"cryptonote"}
    assert {fact.coin for fact in facts[site.MINER_CLEAR]} == {"XMR"}
    assert {row[0] for row in campus.truth_rows()} <= hosts


def test_both_miners_are_heard_for_most_of_the_hour() -> None:
    for talk in campus.MINERS:
        packets = campus.packets_of(talk, site.SEED)
        assert packets.time[-1] - packets.time[0] > 2_400
        assert len(packets.frames) > 300


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenarios_write_labels_and_a_note(name: str, tmp_path: Path) -> None:
    files = list(run(name, tmp_path, 3, count=6))
    assert sorted(files) == sorted(tmp_path.iterdir())
    rows = list(csv.DictReader((tmp_path / "LABELS.csv").open()))
    assert set(COLUMNS) <= set(LABEL_COLUMNS)
    assert {row["label"] for row in rows} == {"mining", "benign"}
    assert all((tmp_path / row["source"]).is_file() for row in rows)
    assert "Simulated" in (tmp_path / "SIMULATED.txt").read_text()


def test_an_unknown_scenario_is_a_key_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        list(run("nothing", tmp_path, 1))


def test_an_interrupt_leaves_whole_files_and_their_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = corpus.corpus

    def interrupted(count: int, seed: int) -> Iterator[object]:
        yield from itertools.islice(whole(count, seed), 3)
        raise KeyboardInterrupt

    monkeypatch.setattr(corpus, "corpus", interrupted)
    folder = tmp_path / "sim"
    assert main(["simulate", "mixed-corpus", "--output", str(folder), "--count", "9"]) == 130
    out, error = capsys.readouterr()
    files = {path.name for path in folder.iterdir()}
    assert len(files) == 5 and {Path(line).name for line in out.splitlines()} == files
    assert error == f"minewatch simulate: interrupted; 5 files in {folder}, whole and labelled\n"
    sources = [line.split(",")[0] for line in (folder / "LABELS.csv").read_text().splitlines()[1:]]
    assert set(sources) == {name for name in files if name.endswith(".pcap")}


def test_an_interrupt_before_the_first_file_claims_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(count: int, seed: int) -> Iterator[object]:
        yield from ()
        raise KeyboardInterrupt

    monkeypatch.setattr(corpus, "corpus", interrupted)
    assert main(["simulate", "mixed-corpus", "--output", str(tmp_path)]) == 130
    assert f"interrupted; nothing in {tmp_path} is labelled yet" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["SIMULATED.txt"]


def test_what_simulate_would_not_heed_or_would_overwrite_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", "node-day", "--output", str(tmp_path), "--count", "5"]) == 2
    assert "--count is for mixed-corpus: node-day is always of one size" in capsys.readouterr().err
    (tmp_path / "LABELS.csv").write_text("mine")
    assert main(["simulate", "node-day", "--output", str(tmp_path)]) == 2
    assert "holds LABELS.csv of your own" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["LABELS.csv"]
