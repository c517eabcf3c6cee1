"""What a sceptic asks of a user's own labels, for `minewatch evaluate --checks`.

Models are fitted anew on the labelled channels alone, and on the labelled meters alone, groups held out:
whether there is anything to learn, whether something simple would do, and whether the labels give
themselves away beside the traffic.  Of the bundle that is evaluated is only what its parts tell of hosts.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from detector.features import power as power_features
from training import bootstrap, metrics, table
from training.build import PowerRows
from training.dataset import Dataset, DatasetError, Floats, Mask, Texts, dataset_of
from training.evaluation import checks, held_out, tables
from training.evaluation.scorers import BASELINES, POWER_BASELINES, Scorer, boosted
from training.hostwise import DAY_NS, Held
from training.simulation.power_corpus import TIERS
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


Makers = dict[str, Callable[[], Iterable[Section]]]


def sections(rows: Rows, held: Sequence[Held], power: PowerRows | None = None) -> list[Section]:
    """Every check that so many groups allow; of one that they do not it is said what is missing.

    rows: labelled channels.  power: labelled meters, None where there are none.
    """
    makers = _of_channels(rows) | (_of_meters(power) if power is not None else {})
    makers |= {
        "what each part tells": lambda: [_parts(held)],
        "leak probe": lambda: [_leaks(rows, held)],
    }
    return [section for title, maker in makers.items() for section in _told(title, maker)]


def _of_channels(rows: Rows) -> Makers:
    names = {"group": rows.group, "source": rows.source, "variant or coin": rows.family}
    made = functools.partial(table.dataset, rows)  # or refused, for each
    return _fitted("", made, BASELINES, names) | {"duration is no label": lambda: [_duration(rows, made())]}


def _of_meters(power: PowerRows) -> Makers:
    """Meters and nodes, a row a record; published rules of traffic say nothing of them."""
    names = {"group": power.group, "variant": power.family, "resolution": power.tier}
    return _fitted("power: ", functools.partial(_meters, power), POWER_BASELINES, names)


def _fitted(
    of: str,
    made: Callable[[], Dataset],
    baselines: Mapping[str, Scorer],
    names: Mapping[str, Sequence[str]],
) -> Makers:
    """The checks that fit models on rows; `of` stands before their titles."""
    return {
        f"{of}against what is simple": lambda: [_baselines(of, made(), baselines)],
        f"{of}leave one out": lambda: _left_out(of, made(), names),
        f"{of}learning curve": lambda: [_learning(of, made())],
        f"{of}ablation": lambda: [_ablation(of, made())],
        f"{of}labels dealt out anew": lambda: [_permuted(of, made())],
    }


def _told(title: str, maker: Callable[[], Iterable[Section]]) -> list[Section]:
    try:
        return list(maker())
    except (SplitError, DatasetError) as error:
        return [Section(title, f"not checked: {error}", (), [])]


def _meters(power: PowerRows) -> Dataset:
    tiers = [TIERS.index(tier) for tier in power.tier]
    weights = row_weights(power.label, tiers, power.family) * power.weight
    return dataset_of(power.values, power.label, power.group, power_features.NAMES, weights=weights)


def _worth(told: held_out.Worth) -> list[str]:
    return [
        tables.interval(told.auc),
        tables.interval(told.recall, percent=True),
        tables.rate(told.false_alarms),
    ]


def _baselines(of: str, data: Dataset, baselines: Mapping[str, Scorer]) -> Section:
    split = held_out.folds(data, SEED)
    rows = [
        [name, *_worth(held_out.worth(held_out.judged(data, split, scorer, SEED)))]
        for name, scorer in baselines.items()
    ]
    note = "groups held out, the same for all; where a simple one does as well, your labels ask no more"
    return Section(f"{of}against what is simple", note, ("scored by", *WORTH), rows)


def _left_out(of: str, data: Dataset, named: Mapping[str, Sequence[str]]) -> Iterator[Section]:
    """Each group left out, and each source and each variant or coin where the labels tell them apart."""
    done: list[Sequence[str]] = []
    for name, keys in named.items():
        if 1 < len(set(keys)) <= MOST_KEYS and not any(_same(keys, other) for other in done):
            done.append(keys)
            yield _one_out(of, data, name, np.array(keys, object))


def _same(keys: Sequence[str], other: Sequence[str]) -> bool:
    """Whether both part the rows alike."""
    return len(set(zip(keys, other, strict=True))) == len(set(keys)) == len(set(other))


def _one_out(of: str, data: Dataset, name: str, keys: Texts) -> Section:
    split = held_out.one_out(data, keys)
    found = held_out.judged(replace(data, groups=keys), split, boosted, SEED)
    rows = []
    for key in sorted(set(found.groups.tolist())):
        mine = found.take(found.groups == key)
        called = [tables.rate(held_out.alarms(mine.take(mine.labels == mines))) for mines in (True, False)]
        rows.append([_short(key), *called])
    note = "each by a model that never saw it, at the threshold of the others"
    return Section(f"{of}leave one {name} out", note, (name, "miners called", "benign called"), rows)


def _short(key: str) -> str:
    return key if len(key) <= WIDEST else f"...{key[-WIDEST:]}"


def _learning(of: str, data: Dataset) -> Section:
    rows = [
        [f"{share:.0%}", str(groups), *_worth(worth)]
        for share, groups, worth in checks.learning_curve(data, SEED)
    ]
    note = "share of the training groups; if the last steps still help, label more groups"
    return Section(f"{of}learning curve", note, ("groups", "how many", *WORTH), rows)


def _ablation(of: str, data: Dataset) -> Section:
    rows = [
        [family, str(columns), tables.interval(without.auc), tables.interval(alone.auc)]
        for family, columns, without, alone in checks.ablation(data, SEED)
    ]
    note = "families of columns left out, and alone"
    return Section(f"{of}ablation", note, ("family", "columns", "AUC without", "AUC alone"), rows)


def _permuted(of: str, data: Dataset) -> Section:
    aucs = checks.permuted(data, SEED)
    rows = [[tables.interval(auc)] for auc in aucs]
    verdict = tables.passes(checks.by_chance(aucs))
    note = f"groups with each other's labels; an AUC away from 0.5 would be a leak: {verdict}"
    return Section(f"{of}labels dealt out anew", note, ("AUC",), rows)


def _duration(rows: Rows, data: Dataset) -> Section:
    spans = ["under 60 s", *(f"from {edge:g} s" for edge in SPAN_EDGES_S)]
    told = [
        [spans[bucket], f"{plain:.0%}", "one class only" if plain in (0.0, 1.0) else f"{weighed:.0%}"]
        for bucket, plain, weighed in checks.duration(rows.bucket, data.labels, data.weights)
    ]
    note = "mining among rows by time observed, as they are and as they are weighed (a half is right)"
    return Section("duration is no label", note, ("observed", "rows", "weighed"), told)


def _parts(held: Sequence[Held]) -> Section:
    """Of hosts that count, how the bundle ranks them by traffic alone, by power alone, and by both."""
    told = []
    for name, scores in {
        "traffic alone": [one.network_score for one in held],
        "power alone": [one.power_score for one in held],
        "both, as told": [one.score for one in held],
    }.items():
        known = [(one, score) for one, score in zip(held, scores, strict=True) if score is not None]
        mining = np.array([one.label.mining for one, _ in known], bool)
        ranked = np.array([score for _, score in known], float)
        auc = _auc(mining, ranked, [one.label.group for one, _ in known])
        told.append([name, f"{int(mining.sum())} / {int((~mining).sum())}", tables.interval(auc)])
    note = "hosts as this bundle scores them; what is fused should rank no worse than its parts"
    return Section("what each part tells", note, ("scored by", "mining / benign", "AUC"), told)


def _auc(mining: Mask, scores: Floats, groups: Sequence[str]) -> bootstrap.Interval:
    def statistic(counts: Floats) -> float:
        drawn = np.repeat(np.arange(len(counts)), counts.astype(int))
        return metrics.auc(mining[drawn], scores[drawn])

    return bootstrap.over_groups(statistic, groups, SEED, draws=100)


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
    if not held:
        raise DatasetError("no host that a label speaks of wholly")
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
