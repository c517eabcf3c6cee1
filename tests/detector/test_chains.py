"""Files that follow one another are one stream: the findings are those of the files in one."""

from __future__ import annotations

import gzip
import itertools
import random
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.capture import files
from detector.chains import Captures
from detector.document import document
from detector.inputs import Inputs, sort_inputs
from detector.kernel import Meter, layout
from detector.metering import Metering
from detector.model import Bundle
from detector.parallel import metered_with
from detector.pipeline import Request, Result, score
from detector.settings import Settings
from tests.detector.kernel.by_hand import S, Talk, canonical, pcap
from training import corpora

ROOT = Path(__file__).parents[2]
CAMPUS = ROOT / "sample_data" / "campus-hour.pcap.gz"
DATA = corpora.mirror()
REAL = (
    "DanieleDeSensi__peafowl/test/pcaps/monero.pcap",
    "DanieleDeSensi__peafowl/test/pcaps/stratum.pcap",
)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return Bundle.load()


def records(data: bytes) -> list[tuple[int, bytes]]:
    """(time as it lies, record) of a little-endian pcap."""
    found, at = [], 24
    while at < len(data):
        seconds, fraction, n = struct.unpack_from("<III", data, at)
        found.append((seconds * 10**9 + fraction, data[at : at + 16 + n]))
        at += 16 + n
    return found


def split(data: bytes, folder: Path, k: int, draw: random.Random) -> list[str]:
    """A capture cut at k - 1 places where time moves on, in files whose names say nothing."""
    packets = records(data)
    places = [i for i in range(1, len(packets)) if packets[i][0] > max(t for t, _ in packets[i - 1 : i])]
    cuts = [0, *sorted(draw.sample(places, min(k - 1, len(places)))), len(packets)]
    names = [str(folder / f"{number:04}.pcap") for number in draw.sample(range(10_000), len(cuts) - 1)]
    for name, begin, end in zip(names, cuts[:-1], cuts[1:], strict=True):
        body = data[:24] + b"".join(record for _, record in packets[begin:end])
        Path(name).write_bytes(gzip.compress(body, 1) if draw.random() < 0.3 else body)
    return names


def told(result: Result) -> list[object]:
    """The findings, but for the names of the files."""
    documents = [document(finding, result.model) for finding in result.findings]
    for one in documents:
        one["quality"].pop("sources")
    return documents


@pytest.mark.parametrize("seed", range(4))
def test_any_split_of_the_samples_gives_the_same_findings(seed: int, bundle: Bundle, tmp_path: Path) -> None:
    draw = random.Random(seed)
    (tmp_path / "whole.pcap").write_bytes(gzip.decompress(CAMPUS.read_bytes()))
    (tmp_path / "ring").mkdir()
    whole = score(Request(paths=(str(tmp_path / "whole.pcap"),)), bundle=bundle)
    split((tmp_path / "whole.pcap").read_bytes(), tmp_path / "ring", 2 + 7 * seed, draw)
    cut = score(Request(paths=(str(tmp_path / "ring"),), jobs=1 + seed % 2), bundle=bundle)
    assert cut.problems == [] and told(cut) == told(whole)
    assert sum(report.packets for report in cut.sources) == whole.sources[0].packets


@pytest.mark.parametrize("name", REAL)
def test_any_split_of_a_real_capture_gives_the_same_findings(
    name: str, bundle: Bundle, tmp_path: Path
) -> None:
    if DATA is None or not (DATA / "net" / name).exists():
        pytest.skip(f"no {name} in $MINEWATCH_DATA or ../shared/data")
    path = DATA / "net" / name
    whole = score(Request(paths=(str(path),)), bundle=bundle)
    for seed in range(6):
        folder = tmp_path / str(seed)
        folder.mkdir()
        split(path.read_bytes(), folder, 2 + 5 * seed, random.Random(seed))
        for jobs in (1, 3):
            assert told(score(Request(paths=(str(folder),), jobs=jobs), bundle=bundle)) == told(whole)


def read(paths: list[str], jobs: int = 1) -> tuple[Captures, list[object]]:
    inputs = sort_inputs(paths)
    with metered_with(Settings(), jobs) as metering:
        captures = Captures(inputs, Settings(), engine="native", metering=metering)
        rows = list(itertools.chain.from_iterable(captures))
    return captures, rows


def frames(n: int = 120) -> list[tuple[int, bytes]]:
    said = Talk().open()
    for i in range(1, n):
        said.say(10 * S * i, i % 3 != 0, b"x" * (40 + i % 5))
    return said.frames


def kept(folder: Path, name: str, packets: list[tuple[int, bytes]]) -> str:
    path = folder / name
    path.write_bytes(pcap(packets))
    return str(path)


@settings(deadline=None, max_examples=25)
@given(cut=st.integers(1, 118))
def test_two_files_of_one_connection_are_one_stream(tmp_path_factory, cut: int) -> None:
    folder = tmp_path_factory.mktemp("seam")
    packets = frames()
    paths = [kept(folder, "b", packets[:cut]), kept(folder, "a", packets[cut:])]
    captures, rows = read(paths)
    whole = read([kept(folder, "c", packets)])[1]
    assert [canonical(r.table) for r in rows] == [canonical(r.table) for r in whole]
    assert [report.packets for report in captures.reports] == [cut, len(packets) - cut]
    assert [report.source for report in captures.reports] == paths


def test_rows_name_the_files_they_come_from(tmp_path: Path) -> None:
    packets = frames()
    early, late = kept(tmp_path, "z", packets[:40]), kept(tmp_path, "a", packets[40:])
    named = [[span.source for span in rows.spans] for rows in read([early, late])[1]]
    assert named[0] == [early] and named[-1] == [late]
    assert [early, late] in named


def test_captures_that_overlap_are_metered_apart(tmp_path: Path) -> None:
    """Two sensors on one line: a packet that both saw is no retransmission."""
    packets = frames()
    one, two = kept(tmp_path, "a", packets), kept(tmp_path, "b", packets[5:])
    rows = read([one, two])[1]
    up = layout.UP + layout.RETRANSMITTED
    assert sum(int(r.table.wide[:, up].sum()) for r in rows) == 0
    assert [r.start_ns for r in rows] == sorted(r.start_ns for r in rows)
    assert {tuple(s.source for s in r.spans) for r in rows} == {(one,), (two,)}


def test_a_file_that_is_cut_costs_the_chain_a_packet(tmp_path: Path) -> None:
    packets = frames()
    paths = [kept(tmp_path, name, part) for name, part in (("a", packets[:60]), ("b", packets[60:]))]
    Path(paths[0]).write_bytes(Path(paths[0]).read_bytes()[:-3])
    captures, rows = read(paths)
    assert [report.packets for report in captures.reports] == [59, len(packets) - 60]
    assert "cut short in a record" in (captures.reports[0].problem or "")
    assert captures.reports[1].problem is None
    assert len(rows) == len(read([kept(tmp_path, "c", packets)])[1])


def test_link_types_differ_in_one_chain(tmp_path: Path) -> None:
    packets = frames()
    late = tmp_path / "late"
    late.write_bytes(pcap([(time, frame[14:]) for time, frame in packets[60:]], link=101))
    rows = read([kept(tmp_path, "early", packets[:60]), str(late)])[1]
    whole = read([kept(tmp_path, "c", packets)])[1]
    messages = layout.UP + layout.MESSAGES
    assert [r.table.wide[:, messages].tolist() for r in rows] == [
        r.table.wide[:, messages].tolist() for r in whole
    ]


def test_windows_do_not_pile_up(tmp_path: Path) -> None:
    """A reader that takes a window at a time has the first before the second file is begun."""
    packets = frames()
    paths = [kept(tmp_path, name, part) for name, part in (("a", packets[:80]), ("b", packets[80:]))]
    captures = Captures(
        Inputs(captures=paths), Settings(), engine="native", metering=lambda: Metering(Settings())
    )
    next(iter(captures))
    assert len(captures.reports) == 1


def test_a_mistake_of_ours_costs_the_rest_of_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came before it stays, and the file that continues it, in the same meter, is read whole."""
    packets = frames()
    paths = [kept(tmp_path, "a", packets[:60]), kept(tmp_path, "b", packets[60:])]
    monkeypatch.setattr(files, "READ_BYTES", 2_000)
    advance, calls = Meter.advance, itertools.count(1)

    def failing(self: Meter, n: int) -> None:
        if next(calls) == 2:
            raise SystemError("what was read")
        advance(self, n)

    monkeypatch.setattr(Meter, "advance", failing)
    captures, rows = read(paths)
    failed, whole = captures.reports
    line = failing.__code__.co_firstlineno + 2
    told = f"a mistake in minewatch, please report it: SystemError at test_chains.py:{line}"
    assert failed.problem == f"{paths[0]}: {told} (after {failed.packets} packets)"
    assert 0 < failed.packets < 60 and rows
    assert (whole.packets, whole.problem) == (len(packets) - 60, None)


def test_want_of_memory_is_no_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line has words of its own for it."""

    def failing(self: Meter, n: int) -> None:
        raise MemoryError

    monkeypatch.setattr(Meter, "advance", failing)
    with pytest.raises(MemoryError):
        read([kept(tmp_path, "a", frames())])
