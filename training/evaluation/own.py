"""What a sceptic asks of a user's own labels, for `minewatch evaluate --checks`.

Models are fitted anew on the labelled channels alone, groups held out: whether there is anything to learn,
whether something simple would do, and whether the labels give themselves away beside the traffic.  None of
it is of the bundle that is evaluated.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from detector.features import channel as channel_features
from training.dataset import Dataset, DatasetError, Texts, dataset_of
from training.evaluation import checks, held_out, tables
from training.evaluation.scorers import BASELINES, boosted
from training.hostwise import DAY_NS, Held
from training.splits import SplitError, row_weights
from training.table import SPAN_EDGES_S, Rows

SEED = 2_026
MOST_ROWS = 50_000  # windows: more would take hours, and tell no more
MOST_KEYS = 60  # that are left out one by one: a fit each
WIDEST = 40  # characters of a key
WORTH = ("AUC", "found at 1 % false alarms", "false alarms")


@dataclass(frozen=True, slots=True)
class Section:
    """One check: a title, what it means, and a table of texts."""

    title: str
    note: str
    columns: Sequence[str]
    rows: list[list[str]]

    def document(self) -> dict[str, Any]:
        """In JSON types."""
        return asdict(self)


def sections(rows: Rows, held: Sequence[Held]) -> list[Section]:
    """Every check that so many groups allow; of one that they do not it is said what is missing."""
    makers: dict[str, Callable[[], Iterable[Section]]] = {
        "against what is simple": lambda: [_baselines(_dataset(rows))],
        "leave one out": lambda: _left_out(rows, _dataset(rows)),
        "learning curve": lambda: [_learning(_dataset(rows))],
        "ablation": lambda: [_ablation(_dataset(rows))],
        "labels dealt out anew": lambda: [_permuted(_dataset(rows))],
        "duration is no label": lambda: [_duration(rows, _dataset(rows))],
        "leak probe": lambda: [_leaks(rows, held)],
    }
    return [section for title, maker in makers.items() for section in _told(title, maker)]


def _told(title: str, maker: Callable[[], Iterable[Section]]) -> list[Section]:
    try:
        return list(maker())
    except (SplitError, DatasetError) as error:
        return [Section(title, f"not checked: {error}", (), [])]


def _dataset(rows: Rows) -> Dataset:
    weights = row_weights(rows.label, rows.bucket.tolist(), rows.family) * rows.weight
    return dataset_of(
        rows.values, rows.label, rows.group, channel_features.NAMES, examples=rows.example, weights=weights
    )


def _worth(told: held_out.Worth) -> list[str]:
    return [
        tables.interval(told.auc),
        tables.interval(told.recall, percent=True),
        tables.rate(told.false_alarms),
    ]


def _baselines(data: Dataset) -> Section:
    split = held_out.folds(data, SEED)
    rows = [
        [name, *_worth(held_out.worth(held_out.judged(data, split, scorer, SEED)))]
        for name, scorer in BASELINES.items()
    ]
    note = "groups held out, the same for all; where a simple one does as well, your labels ask no more"
    return Section("against what is simple", note, ("scored by", *WORTH), rows)


def _left_out(rows: Rows, data: Dataset) -> Iterator[Section]:
    """Each group left out, and each source and each variant or coin where the labels tell them apart."""
    named = {"group": rows.group, "source": rows.source, "variant or coin": rows.family}
    done: list[list[str]] = []
    for name, keys in named.items():
        if 1 < len(set(keys)) <= MOST_KEYS and not any(_same(keys, other) for other in done):
            done.append(keys)
            yield _one_out(data, name, np.array(keys, object))


def _same(keys: Sequence[str], other: Sequence[str]) -> bool:
    """Whether both part the rows alike."""
    return len(set(zip(keys, other, strict=True))) == len(set(keys)) == len(set(other))


def _one_out(data: Dataset, name: str, keys: Texts) -> Section:
    split = held_out.one_out(data, keys)
    found = held_out.judged(replace(data, groups=keys), split, boosted, SEED)
    rows = []
    for key in sorted(set(found.groups.tolist())):
        mine = found.take(found.groups == key)
        called = [tables.rate(held_out.alarms(mine.take(mine.labels == mines))) for mines in (True, False)]
        rows.append([_short(key), *called])
    note = "each by a model that never saw it, at the threshold of the others"
    return Section(f"leave one {name} out", note, (name, "miners called", "benign called"), rows)


def _short(key: str) -> str:
    return key if len(key) <= WIDEST else f"...{key[-WIDEST:]}"


def _learning(data: Dataset) -> Section:
    rows = [
        [f"{share:.0%}", str(groups), *_worth(worth)]
        for share, groups, worth in checks.learning_curve(data, SEED)
    ]
    note = "share of the training groups; if the last steps still help, label more groups"
    return Section("learning curve", note, ("groups", "how many", *WORTH), rows)


def _ablation(data: Dataset) -> Section:
    rows = [
        [family, str(columns), tables.interval(without.auc), tables.interval(alone.auc)]
        for family, columns, without, alone in checks.ablation(data, SEED)
    ]
    note = "families of columns left out, and alone"
    return Section("ablation", note, ("family", "columns", "AUC without", "AUC alone"), rows)


def _permuted(data: Dataset) -> Section:
    aucs = checks.permuted(data, SEED)
    rows = [[tables.interval(auc)] for auc in aucs]
    verdict = tables.passes(checks.by_chance(aucs))
    note = f"groups with each other's labels; an AUC away from 0.5 would be a leak: {verdict}"
    return Section("labels dealt out anew", note, ("AUC",), rows)


def _duration(rows: Rows, data: Dataset) -> Section:
    spans = ["under 60 s", *(f"from {edge:g} s" for edge in SPAN_EDGES_S)]
    told = [
        [spans[bucket], f"{plain:.0%}", "one class only" if plain in (0.0, 1.0) else f"{weighed:.0%}"]
        for bucket, plain, weighed in checks.duration(rows.bucket, data.labels, data.weights)
    ]
    note = "mining among rows by time observed, as they are and as they are weighed (a half is right)"
    return Section("duration is no label", note, ("observed", "rows", "weighed"), told)


def _leaks(rows: Rows, held: Sequence[Held]) -> Section:
    """Models on what must not tell: one row a host, and for ports one a channel."""
    told = []
    for name, probed in _probes(rows, held):
        worth = checks.probe(probed, SEED)
        verdict = tables.passes(not checks.tells(worth))
        told.append([name, str(len(probed)), tables.interval(worth.auc), verdict])
    note = f"a model on this alone; it FAILS where the whole interval of its AUC lies above {checks.TELLS:g}"
    return Section("leak probe", note, ("a model on", "n", "AUC", "probe"), told)


def _probes(rows: Rows, held: Sequence[Held]) -> Iterator[tuple[str, Dataset]]:
    labels, groups = [one.label.mining for one in held], [one.label.group for one in held]
    start = [datetime.fromtimestamp(one.first_ns // 1_000_000_000, UTC) for one in held]
    columns = {
        "the host's address": [[_number(one.host)] for one in held],
        "hour and weekday of its first packet": [[at.hour + at.minute / 60, at.weekday()] for at in start],
        "length of its record": [[one.days * DAY_NS / 1e9] for one in held],
    }
    for name, values in columns.items():
        yield name, dataset_of(values, labels, groups, [f"leak.{i}" for i in range(len(values[0]))])
    ports = np.array([[_port(example)] for example in rows.example], float)
    yield (
        "the port of a channel",
        dataset_of(ports, rows.label, rows.group, ["leak.port"], examples=rows.example),
    )


def _number(host: str) -> float:
    """The last four bytes of an address, so that neighbours are near; NaN of a meter."""
    try:
        return float(int.from_bytes(ipaddress.ip_address(host).packed[-4:], "big"))
    except ValueError:
        return float("nan")


def _port(example: str) -> float:
    """Of a channel as `table.labelled_rows` names it: its key, of which the last word holds the port."""
    word = np.frombuffer(bytes.fromhex(example.rpartition("#")[2]), np.uint64)[-1]
    return float(int(word) >> 8)
