"""A real dask scheduler with two workers on this machine: the findings of one job."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.document import document
from detector.model import Bundle
from detector.pipeline import Request, score

distributed = pytest.importorskip(
    "distributed", reason="dask is not installed: pip install 'minewatch[cluster]'"
)
CAMPUS = Path(__file__).parents[2] / "sample_data" / "campus-hour.pcap.gz"


def test_two_workers_find_what_one_job_finds(tmp_path: Path) -> None:
    bundle = Bundle.load()
    (tmp_path / "bad.pcap").write_bytes(b"\xd4\xc3\xb2\xa1cut")
    paths = (str(CAMPUS), str(tmp_path / "bad.pcap"))
    one = score(Request(paths=paths), bundle=bundle)
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=False,
        protocol="tcp",
        host="127.0.0.1",
        dashboard_address=None,
    ) as cluster:
        two = score(Request(paths=paths, scheduler=cluster.scheduler_address), bundle=bundle)
    assert [document(f, two.model) for f in two.findings] == [document(f, one.model) for f in one.findings]
    assert two.sources == one.sources and two.problems == one.problems
