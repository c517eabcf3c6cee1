"""Labels whose source is a flow log: learnt, judged by limits of their own; and nothing else moves."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from detector.cli import main
from detector.features import volumes
from detector.features.channel import NAMES
from detector.flow_limits import FlowLimits, flow_limits
from detector.model import Bundle
from detector.pipeline import Request, score
from detector.records import Verdict
from detector.settings import Settings
from tests.training.flow_logs import HEADER, Told, conversations, labelled, write
from training import build, kinds, table
from training import labelled as reading
from training.labels import read_labels

N = 80


@pytest.fixture(scope="module")
def made() -> list[Told]:
    return list(conversations(N + 12, 5))


@pytest.fixture(scope="module")
def base() -> Bundle:
    return Bundle.load()


@dataclass
class Ran:
    status: int
    out: str
    err: str


def run(*words: str) -> Ran:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(list(words))
    return Ran(status, out.getvalue(), err.getvalue())


@dataclass
class Story:
    """Trained twice on the same labels of flow logs."""

    folder: Path
    labels: Path
    held: Path  # labels of conversations that were not learnt from
    runs: list[Ran]
    bundles: list[Bundle]

    @property
    def bundle(self) -> str:
        return str(self.folder / "bundle-0")


@pytest.fixture(scope="module")
def story(made: list[Told], tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder, other = tmp_path_factory.mktemp("flows"), tmp_path_factory.mktemp("held")
    told = Story(folder, labelled(folder, made[:N]), labelled(other, made[N:]), [], [])
    real = build.Recipe
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            build,
            "Recipe",
            lambda examples, power, fused, seed, jobs, cache: real(100, 160, 320, seed, 1, cache),
        )
        for number in range(2):
            output = str(folder / f"bundle-{number}")
            words = ("--corpus", "400", "--created", "2026-03-01", "--no-cache", "--false-alarms", "1/8")
            told.runs.append(run("train", str(told.labels), "--output", output, *words))
            assert told.runs[-1].status == 0, told.runs[-1].err
            told.bundles.append(Bundle.load(output))
    return told


def test_the_same_labels_give_the_same_digest(story: Story) -> None:
    assert story.bundles[0].digest == story.bundles[1].digest


def test_the_manifest_and_the_card_say_what_was_learnt_from(story: Story) -> None:
    bundle = story.bundles[0]
    told = bundle.manifest["models"]["channel"]["sources"]
    assert told["capture"]["groups"] == 0 and told["capture"]["simulated_rows"] > 100
    assert told["flow"]["rows"] > told["flow"]["simulated_rows"] > 0
    assert told["flow"]["groups"] > 20
    assert bundle.channel.names == volumes.WITH_MESSAGES
    assert bundle.flows == flow_limits(bundle.manifest)
    assert bundle.flows is not None and bundle.flows.mining is not None
    assert bundle.flows.mining != bundle.channel.thresholds.mining
    assert "## Kinds of source" in bundle.card and "By flow logs alone: mining from" in bundle.card
    assert "your labelled channels of flow logs" in story.runs[0].out
    assert "has no say in them" in story.runs[0].out  # the shipped bundle


def test_channels_of_flow_logs_have_a_network_score_by_it_and_none_by_the_shipped_one(story: Story) -> None:
    logs = tuple(str(path) for path in sorted(story.held.parent.glob("*.log")))
    ours, shipped = (score(Request(paths=logs, model=model)).findings for model in (story.bundle, None))
    limits = story.bundles[0].flows
    assert limits is not None
    scored = [one for one in ours if one.network_score is not None]
    assert len(scored) >= 10
    for one in scored:
        assert one.score == one.network_score and one.novelty is not None and one.contributions
        if one.network_score >= limits.suspicious:
            assert one.verdict is not Verdict.CLEAR
        if one.verdict is Verdict.MINING:
            assert limits.mining is not None and one.network_score >= limits.mining
            assert one.evidence[0].kind == "flow_score"
    assert {one.network_score for one in shipped} == {None} == {one.score for one in shipped}
    assert Verdict.MINING not in {one.verdict for one in shipped}


def test_evaluate_tells_rates_by_kind_of_source(story: Story) -> None:
    done = run("evaluate", story.bundle, str(story.held), "--format", "json")
    assert done.status == 0, done.err
    by = json.loads(done.out)["by"]["kind"]
    assert set(by) == {"flow"}
    mining = story.held.read_text().count(",mining,")
    assert by["flow"]["suspicious"]["recall"]["n"] == mining > 0
    assert by["flow"]["suspicious"]["recall"]["high"] <= 1.0
    assert run("evaluate", "default", str(story.held)).status == 0


# --- rows


def read(folder: Path, base: Bundle, *rows: str) -> reading.Labelled:
    path = folder / "LABELS.csv"
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows))
    return reading.read(read_labels(path, both=False), Settings(), base.channel, path)


def pair(made: list[Told]) -> tuple[Told, Told]:
    return next(one for one in made if one.label == "mining"), next(
        one for one in made if one.label == "benign"
    )


def test_rows_of_flow_logs_know_volumes_and_nothing_of_messages(
    tmp_path: Path, made: list[Told], base: Bundle
) -> None:
    miner, other = pair(made)
    write(tmp_path / "m.log", miner.lines)
    write(tmp_path / "b.log", other.lines)
    found = read(tmp_path, base, f"m.log,{miner.host},,,mining,a", f"b.log,{other.host},,,benign,b")
    rows = table.concatenate(found.channels)
    assert not found.mistakes and not found.unmet and rows.flow.all() and set(rows.label.tolist()) == {0, 1}
    messages = [i for i, name in enumerate(NAMES) if name != "channel.datagram"]
    assert np.isnan(rows.values[:, messages]).all()
    assert not np.isnan(rows.values[:, len(NAMES) :]).any()


def test_a_window_table_gives_the_rows_of_the_log_bit_for_bit(
    tmp_path: Path, made: list[Told], base: Bundle
) -> None:
    miner, _ = pair(made)
    write(tmp_path / "m.log", miner.lines)
    assert run("extract", str(tmp_path / "m.log"), "--output", str(tmp_path / "windows")).status == 0
    one, two = (
        table.concatenate(read(tmp_path, base, f"{name},{miner.host},,,mining,a").channels)
        for name in ("m.log", "windows")
    )
    assert len(one) and one.values.tobytes() == two.values.tobytes()


def test_a_capture_and_a_flow_log_of_one_conversation_are_one_example(
    tmp_path: Path, made: list[Told], base: Bundle
) -> None:
    miner = next(one for one in made if one.label == "mining" and _both(one, tmp_path, base))
    (tmp_path / "m.pcap").write_bytes(miner.pcap)
    write(tmp_path / "m.log", miner.lines)
    rows = (f"m.pcap,{miner.host},,,mining,a", f"m.log,{miner.host},,,mining,a")
    found = read(tmp_path, base, *rows)
    told = table.concatenate(found.channels)
    assert not found.mistakes
    assert set(told.flow.tolist()) == {True, False} and len(set(told.example)) == 1
    alone = table.concatenate(read(tmp_path, base, rows[0]).channels)
    heard = table.of_packets(told)
    assert heard.values.tobytes() == alone.values.tobytes() and heard.example == alone.example
    against = read(tmp_path, base, rows[0], rows[1].replace("mining", "benign")).mistakes
    assert len(against) == 1 and "line 3: contradicts the label of line 2" in against[0]
    twice = read(tmp_path, base, rows[0], rows[1].replace(",a", ",z")).mistakes
    assert len(twice) == 1 and "its group is 'z', not 'a'" in twice[0]


def _both(one: Told, place: Path, base: Bundle) -> bool:
    """Whether the capture alone gives rows, too, of one channel."""
    (place / "m.pcap").write_bytes(one.pcap)
    rows = table.concatenate(read(place, base, f"m.pcap,{one.host},,,mining,a").channels)
    return len(set(rows.example)) == 1


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ("m.log,10.99.0.1,,,benign,b", "host '10.99.0.1' is not in m.log"),
        ("m.log,{host},2031-01-01T00:00:00Z,,benign,b", "the time lies outside m.log"),
        ("bad.log,*,,,benign,b", "left out"),
        ("none.log,*,,,benign,b", "holds no traffic and no readings"),
    ],
)
def test_labels_that_meet_nothing_are_one_line(
    tmp_path: Path, made: list[Told], base: Bundle, row: str, text: str
) -> None:
    miner, _ = pair(made)
    write(tmp_path / "m.log", miner.lines)
    write(tmp_path / "none.log", [])
    write(tmp_path / "bad.log", [line.replace("\ttcp\t", "\ttcp\t-\t") for line in miner.lines])
    before = f"m.log,{miner.host},,2030-01-01T00:00:00Z,mining,a"
    found = read(tmp_path, base, before, row.format(host=miner.host))
    (line,) = [*found.mistakes, *found.unmet]
    assert line.startswith(f"{tmp_path / 'LABELS.csv'}, line 3: ") and text in line


# --- what supports limits


def of(label: list[int], group: list[str], flow: list[bool]) -> table.Rows:
    n, none = len(label), np.zeros(len(label), np.int64)
    return table.Rows(
        np.zeros((n, len(volumes.WITH_MESSAGES))), np.array(label), group, group, group, group, none,
        np.zeros((n, 4), np.int64), none > 0, np.ones(n), np.zeros((n, 3)), np.array(flow),
    )  # fmt: skip


def test_flow_rows_of_one_group_of_a_class_are_left_out_with_a_line() -> None:
    rows = of([1, 1, 0, 0, 1], ["a", "b", "c", "c", "d"], [True, True, True, True, False])
    kept, told = kinds.learnable(rows)
    assert not kept.flow.any() and len(kept) == 1 and kept.names == NAMES
    assert len(told) == 1 and "benign channels come from 1 group(s)" in told[0]
    kept, told = kinds.learnable(of([1, 1, 0, 0], ["a", "b", "c", "d"], [True] * 4))
    assert kept.flow.all() and not told


def test_without_its_flow_rows_a_set_is_the_one_that_never_had_any() -> None:
    """The same rows, bytes and columns: whatever is fitted on them is the same."""
    rows = build._simulate(build.corpus.plan(4, 3))
    flows = build._export(build.corpus.plan(40, 3))
    assert flows.flow.all() and len(flows)
    without = table.of_packets(table.concatenate([rows, flows]))
    for name in ("values", "label", "bucket", "words", "simulated", "weight", "lacks", "flow"):
        assert getattr(without, name).tobytes() == getattr(rows, name).tobytes(), name
    one, two = table.dataset(without), table.dataset(rows)
    assert one.names == two.names and one.weights.tobytes() == two.weights.tobytes()


@pytest.mark.parametrize(
    "limits",
    [
        {"mining": 2.0, "suspicious": 0.5, "novelty": 1.0},
        {"mining": 0.1, "suspicious": 0.5, "novelty": 1.0},
        {"mining": None, "suspicious": float("nan"), "novelty": 1.0},
        {"mining": None, "suspicious": "0.5", "novelty": 1.0},
        {"mining": None, "suspicious": 0.5},
        None,
    ],
)
def test_limits_that_are_none_are_refused(limits: object) -> None:
    manifest = {"models": {"channel": {"sources": {"flow": {"groups": 3, "limits": limits}}}}}
    with pytest.raises(ValueError, match="limit"):
        flow_limits(manifest)


def test_an_organisations_thresholds_raise_limits_and_never_lower_them() -> None:
    limits = FlowLimits(0.9, 0.5, 1.0, 4)
    assert limits.as_wanted({"mining": 0.95}).mining == 0.95
    assert limits.as_wanted({"mining": 0.1, "suspicious": 0.1}) == limits
    assert FlowLimits(None, 0.5, 1.0, 4).as_wanted({"mining": 0.1}).mining is None
