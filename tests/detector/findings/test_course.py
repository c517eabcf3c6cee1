"""The course of a score: at every step what judging would have said had all ended there."""

from __future__ import annotations

import gzip
import random
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.document import document
from detector.findings.course import MOST, Courses, without_course
from detector.findings.ledger import Ledger
from detector.findings.thinned import Thinned, thin
from detector.model import Bundle
from detector.pipeline import Request, score
from detector.records import Finding, Verdict
from tests.detector.findings.records import channel_record
from tests.detector.findings.test_forgetting import hear, new, told, watch
from tests.detector.findings.test_ledger import row

SAMPLES = Path(__file__).parents[3] / "sample_data"
WINDOW_NS = 300_000_000_000
MINER = "10.0.0.7"
ROW = np.dtype([("window", "i8"), ("value", "f8")])
LIKE_MINING = 0.6  # of `new`


# --- the oracle: the same files, cut at the end of a window


def cut(data: bytes, end_ns: int) -> bytes:
    """A classic capture (little-endian, microseconds) without packets of `end_ns` and later."""
    kept, at = [data[:24]], 24
    while at < len(data):
        seconds, micro, length = struct.unpack_from("<III", data, at)
        if seconds * 1_000_000_000 + micro * 1_000 < end_ns:
            kept.append(data[at : at + 16 + length])
        at += 16 + length
    return b"".join(kept)


@pytest.mark.parametrize("power", [False, True])
def test_a_capture_that_ends_at_a_step_is_scored_as_the_step_says(tmp_path: Path, power: bool) -> None:
    bundle = Bundle.load()
    data = gzip.decompress((SAMPLES / "campus-hour.pcap.gz").read_bytes())
    path = tmp_path / "cut.pcap"
    request = Request(
        paths=(str(path),),
        power=(str(SAMPLES / "node-day.csv"),) * power,
        assets=str(SAMPLES / "assets.csv") if power else None,
    )
    path.write_bytes(data)
    whole = {f.host: f for f in score(request, bundle=bundle).findings}
    courses = {host: found.course for host, found in whole.items() if found.course}
    assert len(courses) >= 2 and max(map(len, courses.values())) >= 6
    for time_ns in sorted({time_ns for course in courses.values() for time_ns, _ in course}):
        path.write_bytes(cut(data, time_ns + WINDOW_NS))
        then = {f.host: f.score for f in score(request, bundle=bundle).findings}
        for host, course in courses.items():
            for step_ns, value in course:
                if step_ns == time_ns:
                    assert then[host] == pytest.approx(value, abs=1e-12), (host, time_ns)
    for host, course in courses.items():
        assert course[-1][1] == pytest.approx(whole[host].score, abs=1e-12)


Deed = tuple[int, str, float]  # window, what happens in it, probability


def play(deeds: list[Deed]) -> Ledger:
    made = new()
    for window, deed, probability in deeds:
        if deed == "hears":
            hear(made, window, probability)
        elif deed == "behaves":
            hear(made, window, probability, said=False, port=4444)
        else:
            watch(made, range(window, window + 1))
    return made


def check(deeds: list[Deed], most_checked: int = 12) -> Finding:
    """The course of the whole against judging what was played until each step."""
    found = told(play(deeds))[MINER]
    first = next((w for w, d, p in deeds if d == "hears" or (d == "behaves" and p >= LIKE_MINING)), None)
    if first is None or found.verdict is Verdict.CLEAR:
        assert not found.course
        return found
    windows = [time_ns // WINDOW_NS for time_ns, _ in found.course]
    begin = int(row(window=0).wide[0, 0]) // WINDOW_NS
    assert windows == sorted(set(windows)) and len(windows) <= MOST
    assert windows[0] - begin == first and windows[-1] - begin == deeds[-1][0]
    steps = list(zip(windows, found.course, strict=True))
    for window, (_, value) in random.Random(0).sample(steps, min(most_checked, len(steps))):
        then = told(play([deed for deed in deeds if deed[0] <= window - begin]))[MINER]
        assert then.score == pytest.approx(value, abs=1e-12), window - begin
    assert found.course[-1][1] == found.score
    return found


DEEDS = st.lists(
    st.tuples(st.integers(1, 40), st.sampled_from(["hears", "behaves", "other"]), st.floats(0.01, 0.99)),
    min_size=1,
    max_size=30,
)


@settings(deadline=None, max_examples=40)
@given(DEEDS)
def test_whatever_happens_each_step_is_what_would_have_been_said(steps: list[Deed]) -> None:
    at, deeds = 0, [(0, "behaves", 0.3)]
    for gap, deed, probability in steps:
        at += gap
        deeds.append((at, deed, probability))
    check(deeds)


@pytest.mark.parametrize("each", [1, 5, 40])
def test_long_courses_are_thinned_and_stay_true(each: int) -> None:
    """A thousand windows, in which the host is suspect, ordinary and silent by turns."""
    draw = random.Random(each)
    deeds: list[Deed] = []
    for window in range(1_000):
        quiet = window // 200 % 2 or window % each
        deed = "other" if quiet else draw.choice(["hears", "behaves"])
        deeds.append((window, deed, draw.uniform(0.2, 0.99)))
    found = check([(0, "behaves", 0.95), *deeds[1:]])
    times = np.array([time_ns for time_ns, _ in found.course])
    assert len(times) > MOST // 3 and np.diff(times).max() <= 6 * np.diff(times).mean()
    document(found, {})


def test_silence_lowers_the_course_between_what_was_heard() -> None:
    found = check([(0, "hears", 0.99), *((w, "other", 0.0) for w in range(1, 600)), (600, "hears", 0.99)])
    scores = [value for _, value in found.course]
    assert min(scores) < 0.6 < 0.98 < scores[0] and scores[-1] > 0.98


# --- bounds


def test_only_so_many_hosts_have_one_whatever_the_order_in_a_window() -> None:
    channels = {n: {b"%d" % (9 - n): channel_record()} for n in range(4)}
    for order in ([0, 1, 2, 3], [3, 1, 0, 2]):
        courses = Courses(most=2)
        for number in order:
            courses.touch(number, channels[number], suspect=True)
        courses.step(7)
        assert [number for number in range(4) if courses.of(number)] == [2, 3]
        courses.touch(2, channels[2], suspect=False)
        courses.touch(0, channels[0], suspect=True)
        courses.step(8)
        assert courses.of(0) is None
        grown = courses.of(2)
        assert grown is not None and grown.rows["window"].tolist() == [7, 8]


def test_a_window_that_is_judged_twice_is_one_step() -> None:
    courses = Courses()
    for _ in range(2):
        courses.touch(0, {b"a": channel_record()}, suspect=True)
        courses.step(7)
    one = courses.of(0)
    assert one is not None and one.rows["window"].tolist() == [7]


def test_who_has_none_for_want_of_room_is_counted_on_stderr() -> None:
    made = play([(0, "hears", 0.99)])
    (found,) = told(made).values()
    assert without_course([found]) == []
    found.course = []
    assert without_course([found]) == [
        "how the score came about is told of 2 048 hosts, the first suspect ones: not of 1"
    ]


@given(st.lists(st.integers(1, 50), min_size=1, max_size=300), st.integers(3, 20))
def test_thinned_rows_are_the_first_the_last_and_the_last_of_each_step(gaps: list[int], most: int) -> None:
    windows = np.cumsum(gaps).tolist()
    thinned = Thinned(ROW, most)
    for window in windows:
        thinned.add((window, float(window)))
    kept = thinned.rows["window"].tolist()
    ends = {window // thinned.step: window for window in windows}
    assert kept == sorted({windows[0], *ends.values()}) and len(kept) <= most
    assert thinned.rows["value"].tolist() == kept
    every = np.array([(window, float(window)) for window in windows], ROW)
    assert thin(every, most)["window"].tolist() == kept
