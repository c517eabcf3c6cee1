"""`python -m tests.detector.cli.fake_pipeline SCENARIO ARGUMENT...`: minewatch with a pipeline that
gives a known result at once.  What the command line asked for is written to $REQUEST_SEEN."""

import os
import sys
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from detector.cli import main
from detector.hosts import Assets
from detector.settings import Settings
from tests.detector.sinks.samples import MODEL, clear, hostile, mining, source, undecided


@dataclass
class Request:
    paths: tuple[str, ...]
    power: tuple[str, ...] = ()
    assets: str | None = None
    model: str | None = None
    engine: str = "native"
    deep: bool = False
    jobs: int = 1
    scheduler: str | None = None
    settings: Settings = field(default_factory=Settings)
    power_unit: str | None = None
    power_timezone: str | None = None
    state: str | None = None
    jobs_list: str | None = None
    policy: str | None = None
    tips: str | None = None


@dataclass
class Result:
    findings: list[Any] = field(default_factory=list)
    sources: list[Any] = field(default_factory=lambda: [source()])
    problems: list[str] = field(default_factory=list)
    model: dict[str, str] = field(default_factory=lambda: MODEL)
    assets: Assets = field(default_factory=Assets)
    card: str = ""
    notes: list[str] = field(default_factory=list)
    interrupted: bool = False


class OwnError(ValueError):
    __module__ = "detector.bundle"


def score(request: Request, progress: object = None) -> Result:
    if "REQUEST_SEEN" in os.environ:
        with open(os.environ["REQUEST_SEEN"], "w") as file:
            file.write(repr(request))
    scenario = os.environ["SCENARIO"]
    if scenario == "raises":
        raise OwnError("model/: channel.npz: changed since\x1b[1m the bundle was written")
    if scenario == "bug":
        raise ValueError("a mistake of ours")
    if scenario == "interrupted early":
        raise KeyboardInterrupt
    return {
        "mixed": Result([mining(), undecided(), clear()]),
        "clear": Result([clear()]),
        "allowed": Result([mining(allowed="lab"), clear()]),
        "many": Result([clear(f"10.0.{i // 250}.{i % 250}") for i in range(20_000)]),
        "hostile": Result([hostile("\x1b[2J\u202e\ud800é")]),
        "partly": Result([mining()], problems=["b.pcap: empty file", "c.pcap: no such file"]),
        "all failed": Result([], [source(packets=0, decoded=0, problem="b.pcap: empty file")]),
        "empty": Result([], [source(source="b.pcap", decoded=0, undecodable={"link type 147": 912})]),
        "interrupted": Result([mining()], interrupted=True),
    }[scenario]


if __name__ == "__main__":
    module = ModuleType("detector.pipeline")
    module.Request, module.Result, module.score = Request, Result, score  # type: ignore[attr-defined]
    sys.modules["detector.pipeline"] = module
    import detector

    detector.pipeline = module  # type: ignore[attr-defined]
    os.environ["SCENARIO"] = sys.argv[1]
    sys.exit(main(sys.argv[2:]))
