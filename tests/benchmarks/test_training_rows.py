"""The benchmark of training rows runs, and tells a peak beyond its limit."""

from __future__ import annotations

import pytest

from benchmarks import training_rows


def test_few_rows_and_a_limit_that_they_exceed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(training_rows, "PART", 500)
    assert training_rows.main(["--rows", "1500", "--most", "1000"]) == 0
    told = capsys.readouterr().out
    assert "1500 rows gathered" in told and "fitted, average precision" in told
    kept = int(told.split("gathered, ")[1].split()[0])
    assert 0 < kept <= 1000
    monkeypatch.setattr(training_rows, "LIMIT_GB", 0.01)
    assert training_rows.main(["--rows", "1500", "--most", "1000"]) == 1
