"""Power files of more readings than memory holds: the parts are the whole, each meter in one of them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.interrupts import Interrupts
from detector.pipeline import Request, score
from detector.records import Readings
from detector.telemetry import Hints, TelemetryError, collect, csv_log, held, parquet, read_parts, read_power

START = pd.Timestamp("2026-03-01", tz="UTC")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory for 1000 readings, and pieces that are smaller still."""
    monkeypatch.setattr(collect, "Held", lambda together: held.Held(together, 1_000))
    monkeypatch.setattr(csv_log, "CHUNK_ROWS", 300)
    monkeypatch.setattr(parquet, "BATCH_ROWS", 300)


def month(meters: int, hours: int, *, by_time: bool) -> pd.DataFrame:
    """Hourly watts of meters, told time by time or meter by meter."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "time": np.tile(pd.date_range(START, periods=hours, freq="h"), meters),
            "meter": np.repeat([f"M-{i:04}" for i in range(meters)], hours),
            "watts": rng.uniform(100, 5_000, meters * hours).round(1),
        }
    )
    return frame.sort_values(["time", "meter"], kind="stable") if by_time else frame


def by_meter(parts: list[Readings]) -> dict[str, tuple[list[int], list[float], float]]:
    found = {}
    for part in parts:
        for number, name in enumerate(part.meters):
            mine = part.meter == number
            assert name not in found, "a meter in two parts"
            found[name] = (part.time_ns[mine].tolist(), part.watts[mine].tolist(), part.interval_s[number])
    return found


@pytest.mark.parametrize("by_time", [True, False])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_parts_are_what_one_table_holds(
    tmp_path: Path, kind: str, by_time: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"month.{kind}"
    frame = month(40, 100, by_time=by_time)
    frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path)
    whole = by_meter([read_power(path)])
    monkeypatch.setattr(collect, "Held", lambda together: held.Held(together, 1_000))
    monkeypatch.setattr(csv_log, "CHUNK_ROWS", 300)
    monkeypatch.setattr(parquet, "BATCH_ROWS", 300)
    parts = list(read_parts(path, Hints()))
    assert len(parts) > 2
    assert max(map(len, parts)) <= 1_100
    assert by_meter(parts) == whole
    assert by_meter([read_power(path)]) == whole


@given(
    rows=st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 99), st.floats(-9, 9)), max_size=300),
    most=st.integers(1, 100),
    cut=st.integers(1, 50),
)
def test_rows_come_back_once_in_order(rows: list[tuple[int, int, float]], most: int, cut: int) -> None:
    kept = held.Held(most=most)
    for begin in range(0, len(rows), cut):
        meter, time_ns, value = zip(*rows[begin : begin + cut], strict=True)
        kept.add(np.array(meter, np.int64), np.array(time_ns, np.int64), np.array(value))
    seen: dict[int, list[tuple[int, float]]] = {}
    for meter, time_ns, value in kept.parts():
        assert not seen.keys() & set(meter.tolist())
        for m, t, v in zip(meter.tolist(), time_ns.tolist(), value.tolist(), strict=True):
            seen.setdefault(m, []).append((t, v))
    expected: dict[int, list[tuple[int, float]]] = {}
    for m, t, v in rows:
        expected.setdefault(m, []).append((t, v))
    assert seen == expected


@pytest.mark.usefixtures("small")
def test_findings_of_parts_are_those_of_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, assets = tmp_path / "month.csv", tmp_path / "assets.csv"
    frame = month(30, 24 * 10, by_time=True)
    total = frame.groupby("time", as_index=False)["watts"].sum().assign(meter="F-1")
    pd.concat([frame, total]).to_csv(path, index=False)
    lines = [f"House {i},M-{i:04},F-1" for i in range(30)]
    assets.write_text("\n".join(["asset,meter,feeder", *lines]) + "\n")
    request = Request((), power=(str(path),), assets=str(assets))
    parted = score(request)
    monkeypatch.setattr(collect, "Held", held.Held)
    whole = score(request)
    assert [(f.host, f.score, f.verdict) for f in parted.findings] == [
        (f.host, f.score, f.verdict) for f in whole.findings
    ]
    assert {f.kind for f in whole.findings} == {"meter", "feeder"}
    assert parted.sources[0].readings == whole.sources[0].readings == len(frame) + len(total)
    assert parted.findings[0].why == whole.findings[0].why


@pytest.mark.usefixtures("small")
def test_meters_that_tell_too_little_do_not_hide_the_others(tmp_path: Path) -> None:
    path = tmp_path / "energy.csv"
    whole = month(20, 100, by_time=False).rename(columns={"watts": "kwh"})
    once = whole.drop_duplicates("meter").assign(meter=lambda f: "once-" + f["meter"])
    pd.concat([whole] + [once.assign(meter=f"{i}" + once["meter"]) for i in range(60)]).to_csv(
        path, index=False
    )
    assert by_meter(list(read_parts(path, Hints()))).keys() >= set(whole["meter"])
    once.to_csv(path, index=False)
    with pytest.raises(TelemetryError, match="one reading of energy"):
        list(read_parts(path, Hints()))


@pytest.mark.usefixtures("small")
def test_an_interrupt_ends_the_file_and_what_was_read_is_given(tmp_path: Path) -> None:
    path = tmp_path / "month.parquet"
    month(10, 400, by_time=True).to_parquet(path, row_group_size=500)
    interrupts = Interrupts()
    kept = held.Held(most=1_000)
    add, taken = kept.add, []

    def asked_after_a_while(*rows: np.ndarray) -> None:
        add(*rows)
        taken.append(len(rows[0]))
        interrupts.asked = sum(taken) >= 1_500

    with pytest.MonkeyPatch.context() as patch:
        kept.add = asked_after_a_while  # type: ignore[method-assign]
        patch.setattr(collect, "Held", lambda together: kept)
        parts = list(read_parts(path, Hints(), interrupts))
    assert 1_500 <= sum(map(len, parts)) < 4_000
    assert "interrupted" in (parts[-1].problem or "")
