"""`minewatch evaluate --checks` and `--against`: what labels are worth, on rows made up here.

A quick model stands for the boosted one: what is tested is what is asked of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detector.bundle import DEFAULT
from detector.cli import main
from detector.features.channel import NAMES
from detector.features.power import NAMES as POWER_NAMES
from detector.records import Verdict
from training import hostwise, hostwise_text
from training.build import PowerRows
from training.evaluation import checks, own
from training.evaluation.scorers import logistic
from training.hostwise import DAY_NS, Held
from training.labels import Label
from training.table import WORDS, Rows

SAMPLES = Path(__file__).resolve().parents[2] / "sample_data"
bundled = pytest.mark.skipif(not DEFAULT.exists(), reason="the default model is not built: make model")


def example(number: int, port: int) -> str:
    """A channel as `table.labelled_rows` names it."""
    return f"/labels/a.pcap:2#{np.array([1, 2, 3, number, port << 8 | 6], np.uint64).tobytes().hex()}"


def rows(*, leaking_port: bool = False, groups: int = 12) -> Rows:
    """12 groups of 10 channels, half of them mining, which three columns tell."""
    rng = np.random.default_rng(4)
    group = np.repeat(np.arange(groups), 10)
    label = (group % 2 == 0).astype(np.int64)
    values = rng.normal(size=(len(group), len(NAMES)))
    values[:, :3] += 2.0 * label[:, None]
    port = np.where(label == 1, 3333, 443) if leaking_port else rng.integers(1, 60_000, len(group))
    n, flags = len(group), np.zeros(len(group), np.bool_)
    return Rows(
        values=values,
        label=label,
        group=[f"g{g:02d}" for g in group],
        family=[f"v{g % 6}" for g in group],
        source=["/labels/a.pcap"] * n,
        example=[example(i, int(p)) for i, p in enumerate(port)],
        bucket=np.zeros(n, np.int64),
        words=np.zeros((n, len(WORDS)), np.int64),
        simulated=flags,
        weight=np.ones(n),
        lacks=np.full((n, 3), np.nan),
        flow=np.zeros(n, np.bool_),
    )


def held(number: int, mining: bool, host: str, hour: int = 0) -> Held:
    group = f"g{number % 12:02d}"
    label = Label(Path("a.pcap"), host, None, None, mining, group, None, None, 1.0, None, number + 2)
    first_ns = number % 7 * DAY_NS + hour * 3_600_000_000_000
    return Held(host, "a.pcap", label, Verdict.CLEAR, 0.1, 0.5, first_ns=first_ns)


def hosts(*, leaking_address: bool = False) -> list[Held]:
    """Sixty hosts, of which every other mines; with a leak they sit in a network of their own."""
    rng = np.random.default_rng(5)
    found = []
    for i in range(60):
        mining = i % 2 == 0
        net = (10 if mining else 192) if leaking_address else rng.integers(1, 220)
        found.append(held(i, mining, f"{net}.{rng.integers(250)}.0.{i}", int(rng.integers(24))))
    return found


def by_title(sections: list[own.Section]) -> dict[str, own.Section]:
    return {section.title: section for section in sections}


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(own, "boosted", logistic)
        patch.setattr(checks, "boosted", logistic)
        patch.setattr(checks.probe, "__defaults__", (logistic,))
        patch.setattr(own, "BASELINES", {"logistic regression": logistic})
        patch.setattr(own, "POWER_BASELINES", {"logistic regression": logistic})
        yield


@pytest.fixture(scope="module")
def told() -> dict[str, own.Section]:
    return by_title(own.sections(rows(leaking_port=True), hosts(leaking_address=True)))


def test_every_check_is_there(told: dict[str, own.Section]) -> None:
    assert list(told) == [
        "against what is simple",
        "leave one group out",
        "leave one variant or coin out",  # the one source is no split
        "learning curve",
        "ablation",
        "labels dealt out anew",
        "duration is no label",
        "what each part tells",
        "leak probe",
    ]
    assert {row[0] for row in told["leave one group out"].rows} == {f"g{g:02d}" for g in range(12)}
    assert all(len(row) == len(one.columns) for one in told.values() for row in one.rows)
    json.dumps([one.document() for one in told.values()])


def test_what_gives_itself_away_fails_aloud(told: dict[str, own.Section]) -> None:
    verdicts = {row[0]: row[-1] for row in told["leak probe"].rows}
    assert verdicts == {
        "the host's address": "**FAILS**",
        "hour and weekday of its first packet": "passes",
        "length of its record": "passes",
        "the port of a channel": "**FAILS**",
    }


def test_what_does_not_passes() -> None:
    probe = own._leaks(rows(), hosts())
    assert {row[-1] for row in probe.rows} == {"passes"}


def meters(groups: int = 12) -> PowerRows:
    """12 groups of 10 records, half of them mining, which three columns tell."""
    rng = np.random.default_rng(6)
    group = np.repeat(np.arange(groups), 10)
    values = rng.normal(size=(len(group), len(POWER_NAMES)))
    values[:, :3] += 2.0 * (group % 2 == 0)[:, None]
    return PowerRows(
        values=values,
        label=group % 2 == 0,
        group=[f"p{g:02d}" for g in group],
        family=[f"v{g % 6}" for g in group],
        tier=["meter"] * len(group),
        simulated=np.zeros(len(group), np.bool_),
        weight=np.ones(len(group)),
    )


def test_meters_are_checked_beside_channels() -> None:
    told = by_title(own.sections(rows(groups=1), [], meters()))
    assert [title for title in told if title.startswith("power: ")] == [
        "power: against what is simple",
        "power: leave one group out",
        "power: leave one variant out",  # one resolution is no split
        "power: learning curve",
        "power: ablation",
        "power: labels dealt out anew",
    ]
    ((_, auc, *_),) = told["power: against what is simple"].rows
    assert float(auc.split()[0]) > 0.9
    assert {row[0] for row in told["power: leave one variant out"].rows} == {f"v{n}" for n in range(6)}
    assert told["leak probe"].note == "not checked: no host that a label speaks of wholly"
    few = by_title(own.sections(rows(groups=1), [], meters(groups=1)))
    assert few["power: ablation"].note.startswith("not checked: ")


def test_what_each_part_tells_of_the_hosts() -> None:
    """By hand: traffic ranks all rightly, power the hosts that have it the wrong way round."""
    found = []
    for one in hosts():
        mines = one.label.mining
        power = None if one.host.endswith("7") else 0.1 + 0.5 * (not mines)
        found.append(replace(one, score=0.2 + 0.6 * mines, network_score=0.9 * mines, power_score=power))
    (told,) = [section for section in own.sections(rows(groups=1), found) if "part" in section.title]
    by_part = {row[0]: row[1:] for row in told.rows}
    assert by_part["traffic alone"][0] == "30 / 30" and by_part["traffic alone"][1].startswith("1.000")
    assert by_part["power alone"][1].startswith("0.000") and by_part["power alone"][0] == "30 / 24"
    assert by_part["both, as told"][1].startswith("1.000")


def test_too_few_groups_are_said_not_guessed() -> None:
    told = own.sections(rows(groups=1), [held(0, True, "10.0.0.1")])
    assert len(told) == 8 and all(
        section.note.startswith("not checked: ")
        for section in told
        if section.title != "what each part tells"
    )
    text = "\n".join(line for section in told for line in hostwise_text._section(section.document()))
    assert "check: ablation (not checked: " in text


def test_hosts_that_two_bundles_call_otherwise() -> None:
    first, second = hostwise.Hosts(), hostwise.Hosts()
    first.counted = [held(0, True, "10.0.0.1"), held(1, False, "10.0.0.2")]
    changed = Held("10.0.0.1", "a.pcap", first.counted[0].label, Verdict.MINING, 0.99, 0.5)
    second.counted = [changed, first.counted[1]]
    told = hostwise.against(first, second)
    assert told["overall"]["mining"]["recall"]["count"] == 1
    (one,) = told["differ"]
    assert (one["host"], one["verdict"], one["against"]) == ("10.0.0.1", "clear", "mining")


@bundled
def test_the_command_tells_both(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", "default", str(SAMPLES / "LABELS.csv"), "--against", "default", "--checks"]
    assert main(words) == 0
    told = capsys.readouterr().out
    assert "the same hosts by default-" in told and "called otherwise by the two" not in told
    assert "check: ablation (not checked: " in told  # one group of channels: nothing can be held out
