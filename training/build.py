"""The recipe of the default bundle: tables of rows, three models fitted on them, one bundle.

The recipe is seeded; with the same data, sizes and seeds it gives the same bytes, whether its rows
come from the cache or are made anew.  Mining that is simulated and mining that was recorded are kept
apart all the way.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from detector.features import channel as channel_features
from detector.features import power as power_features
from detector.features import volumes
from detector.records import Readings, Vectors
from detector.settings import Settings
from detector.windows.power import power_windows
from training import compose, corpora, fit, store, table
from training.budget import Budget
from training.simulation import corpus, flow_export, power_corpus
from training.simulation.draw import Draw
from training.simulation.power_bank import LoadBank
from training.splits import row_weights

CHUNK = 50  # captures a task, simulated ones also an entry of the cache
POWER_PARTS = 8
UNREAD = Readings([], *(np.empty(0, np.int64),) * 2, np.empty(0), np.empty(0))


@dataclass(frozen=True, slots=True)
class Recipe:
    """Sizes and seeds of a build."""

    examples: int = 24_000  # simulated conversations, half of them mining; families never met are told better
    power_examples: int = 24_000  # records of meters and nodes; average precision still grows with them
    fused_hosts: int = 72_000  # hosts composed of them; with fewer a threshold hangs on a handful
    seed: int = 2_026
    jobs: int = 2
    cache: Path | None = None  # folder of `store`; None: every row is made anew
    most_rows: int = 1_000_000  # channel windows that are fitted: about 4 GB; see `table.gathered`
    budget: Budget = field(default_factory=Budget)  # of false alarms, and of miners called clear


@dataclass(frozen=True, slots=True)
class PowerRows:
    """One row a record of a meter; n rows."""

    values: np.ndarray[Any, np.dtype[np.float64]]  # (n, features)
    label: np.ndarray[Any, np.dtype[np.bool_]]
    group: list[str]
    family: list[str]
    tier: list[str]
    simulated: np.ndarray[Any, np.dtype[np.bool_]]
    weight: np.ndarray[Any, np.dtype[np.float64]]  # what the user gave it, 1 = as any other


def simulated_rows(recipe: Recipe) -> table.Rows:
    """Rows of the simulated corpus."""
    plan = corpus.plan(recipe.examples, recipe.seed)
    tasks = [(plan[i : i + CHUNK], recipe.cache) for i in range(0, len(plan), CHUNK)]
    return table.gathered(_in_parallel(recipe, _simulated, tasks), recipe.most_rows)


def simulated_flow_rows(recipe: Recipe) -> table.Rows:
    """Rows of the same corpus as flow exporters would tell of it; each is the same example as its capture."""
    plan = corpus.plan(recipe.examples, recipe.seed)
    tasks = [(plan[i : i + CHUNK], recipe.cache) for i in range(0, len(plan), CHUNK)]
    return table.gathered(_in_parallel(recipe, _simulated_flows, tasks), recipe.most_rows)


def recorded_rows(recipe: Recipe, mirror: Path | None, without: Collection[str] = ()) -> table.Rows:
    """Benign rows of the real captures that may train, less some sources; none without the public data.

    Recorded mining is not learned from: it is what the models are tested on, as it is and re-wrapped.
    """
    chosen = corpora.to_learn_from(mirror, without) if mirror is not None else []
    tasks = [(chosen[i : i + CHUNK], recipe.cache) for i in range(0, len(chosen), CHUNK)]
    rows = table.gathered(_in_parallel(recipe, _recorded, tasks), recipe.most_rows)
    return table.select(rows, rows.label == 0)


def _in_parallel(recipe: Recipe, work: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]) -> Iterable[Any]:
    """The outcome of each task, in their order, as soon as it is its turn."""
    from joblib import Parallel, delayed  # noqa: PLC0415

    done: Iterable[Any] = Parallel(n_jobs=recipe.jobs, return_as="generator")(
        delayed(work)(*task) for task in tasks
    )
    return done


def _simulated(plan: list[tuple[str, int]], cache: Path | None) -> table.Rows:
    parts = {"simulated": plan, "features": channel_features.NAMES, "settings": asdict(Settings())}
    return store.remembered(cache, table.Rows, parts, lambda: _simulate(plan))


def _simulate(plan: list[tuple[str, int]]) -> table.Rows:
    settings, parts = Settings(), []
    for family, seed in plan:
        made = corpus.example(family, seed)
        tables = table.simulated_tables(made.pcap, settings)
        parts.append(table.rows_of(tables, settings, _origin(made)))
    return table.concatenate(parts)


def _simulated_flows(plan: list[tuple[str, int]], cache: Path | None) -> table.Rows:
    parts = {"simulated_flows": plan, "features": volumes.WITH_MESSAGES, "settings": asdict(Settings())}
    return store.remembered(cache, table.Rows, parts, lambda: _export(plan))


def _export(plan: list[tuple[str, int]]) -> table.Rows:
    settings, parts = Settings(), []
    for family, seed in plan:
        made = corpus.example(family, seed)
        tables = table.simulated_tables(made.pcap, settings)
        draw = Draw(f"export/{family}/{seed}")
        told = flow_export.exported(tables, draw, settings.meter.window_s)
        parts.append(table.rows_of_volumes(told, settings, _origin(made)))
    return table.concatenate(parts)


def _origin(made: corpus.Example) -> table.Origin:
    return table.Origin(
        label=int(made.label == "mining"),
        group=made.group,
        family=made.family,
        source="simulated",
        name=f"{made.family}/{made.seed}",
        simulated=True,
    )


def _recorded(captures: list[corpora.Capture], cache: Path | None) -> table.Rows:
    return table.concatenate([_of_capture(capture, cache) for capture in captures])


def _of_capture(capture: corpora.Capture, cache: Path | None) -> table.Rows:
    origin = table.Origin(
        label=0,
        group=capture.group,
        family=f"{capture.source}/{capture.label}",
        source=capture.source,
        name=str(capture.path.name),
        simulated=False,
        mining_hosts=capture.mining_hosts,
    )
    told = asdict(origin) | {"mining_hosts": sorted(capture.mining_hosts)}
    parts = {"features": channel_features.NAMES, "settings": asdict(Settings()), "origin": told}
    if cache is not None:
        parts["capture"] = store.digest_of(capture.path)  # of what lies there, not of what should
    return store.remembered(cache, table.Rows, parts, lambda: _record(capture.path, origin))


def _record(path: Path, origin: table.Origin) -> table.Rows:
    settings = Settings()
    try:
        return table.rows_of(table.file_tables(str(path), settings), settings, origin)
    except ValueError:  # a capture that cannot be read teaches nothing
        return table.concatenate([])


def fit_channel(rows: table.Rows, seed: int, budget: Budget | None = None) -> fit.Fitted:
    """The channel model of these rows: of their behaviour, whatever was said."""
    return fit.fit_rows(
        table.dataset(rows),
        seed=seed,
        settings=fit.FitSettings(
            trees=300, leaves=63, budget=budget or Budget()
        ),  # strangers are told better
        apart=rows.flow,
    )


def power_rows(recipe: Recipe, mirror: Path | None) -> PowerRows:
    """Rows of simulated records of meters and nodes, on real profiles where there are any."""
    each = recipe.power_examples // POWER_PARTS
    files = corpora.power_digests(mirror) if mirror is not None and recipe.cache is not None else {}
    tasks = [(recipe.seed * 100 + part, each, mirror, files, recipe.cache) for part in range(POWER_PARTS)]
    return joined_power(list(_in_parallel(recipe, _power_part, tasks)))


def joined_power(parts: list[PowerRows]) -> PowerRows:
    """All rows of all parts, in order."""
    return PowerRows(
        values=np.concatenate([part.values for part in parts]),
        label=np.concatenate([part.label for part in parts]),
        group=[g for part in parts for g in part.group],
        family=[f for part in parts for f in part.family],
        tier=[t for part in parts for t in part.tier],
        simulated=np.concatenate([part.simulated for part in parts]),
        weight=np.concatenate([part.weight for part in parts]),
    )


def _power_part(
    seed: int, n: int, mirror: Path | None, files: dict[str, str], cache: Path | None
) -> PowerRows:
    parts = {
        "power": [seed, n],
        "profiles": files,
        "features": power_features.NAMES,
        "settings": asdict(Settings()),
    }
    return store.remembered(cache, PowerRows, parts, lambda: _draw_power(seed, n, mirror))


def _draw_power(seed: int, n: int, mirror: Path | None) -> PowerRows:
    bank = _bank(mirror) if mirror is not None else None
    settings = Settings().windows
    made, values = [], []
    for one in power_corpus.examples(seed, n, bank):
        values.append(power_features.extract(power_windows(one.readings, settings))[1].values)
        made.append(replace(one, readings=UNREAD))  # a month of quarter-hours is a hundred times its vector
    return PowerRows(
        values=np.concatenate(values),
        label=np.array([one.label for one in made]),
        group=[one.group for one in made],
        family=[one.family for one in made],
        tier=[one.tier for one in made],
        simulated=np.array([one.simulated for one in made]),
        weight=np.ones(len(made)),
    )


@functools.lru_cache(maxsize=1)
def _bank(mirror: Path) -> LoadBank:
    """The real profiles, read once a process."""
    return LoadBank.load(mirror)


def fit_power(rows: PowerRows, seed: int, budget: Budget | None = None) -> fit.Fitted:
    """The power model of these rows; only what came and stayed is called mining, see `findings.metered`."""
    tiers = [power_corpus.TIERS.index(tier) for tier in rows.tier]
    return fit.fit_model(
        rows.values,
        rows.label,
        rows.group,
        power_features.NAMES,
        simulated=rows.simulated,
        weights=row_weights(rows.label, tiers, rows.family) * rows.weight,
        accusable=power_features.arrived(Vectors(power_features.NAMES, rows.values)),
        monotone=power_features.MONOTONE,
        seed=seed,
        settings=fit.FitSettings(budget=budget or Budget()),
    )


def fit_all(
    recipe: Recipe,
    rows: table.Rows,
    power: PowerRows,
    say: Callable[[str], None],
    *,
    pairs: Sequence[compose.Pair] = (),
    drawn: fit.Fitted | None = None,
) -> dict[str, fit.Fitted]:
    """The three models, in the order in which one needs the other; `say` is told of each.

    pairs: hosts of which the rows hold both modalities; the fusion model learns from them, too.
    drawn: the power model of these records where it is fitted already.
    """
    say(f"{len(rows)} channel rows, {int(rows.label.sum())} of them mining; {len(power.label)} power records")
    of_one = replace(recipe.budget, per_host_day=None, miss=None)  # hosts are judged by the fusion model
    channel = fit_channel(rows, recipe.seed, of_one)
    say(f"channel model: {_line(channel)}")
    drawn = drawn or fit_power(power, recipe.seed, replace(of_one, lookalikes=None))
    say(f"power model: {_line(drawn)}")
    heard = channel
    if rows.flow.any():  # flow logs are judged by themselves: a host's other evidence is not fused with them
        heard, rows = replace(channel, logit=channel.logit[~rows.flow]), table.of_packets(rows)
    fused = compose.fit_fusion(recipe, rows, heard, power, drawn, pairs=pairs)
    say(f"fusion model: {_line(fused)}")
    return {"channel": channel, "power": drawn, "fusion": fused}


def _line(fitted: fit.Fitted) -> str:
    told = {key: fitted.metrics[key] for key in ("average_precision", "brier")}
    recall = fitted.metrics["mining"]["recall"]["value"]
    return f"average precision {told['average_precision']:.3f}, recall {recall:.2f}, out of fold"


def training_data(rows: table.Rows, power: PowerRows) -> list[dict[str, Any]]:
    """What the manifest says of the data: one object a source, with the digest of its rows."""
    licences = {source.name: source.terms["licence"] for source in corpora.sources()}
    listed = []
    kinds = (("network", ~rows.flow), ("flow", rows.flow))
    named = np.array(rows.source, object)
    for room, source, mine in (
        (room, source, (named == source) & of)
        for room, of in kinds
        for source in sorted(set(named[of].tolist()))
    ):
        listed.append(
            {
                "name": f"{room}/{source}",
                "sha256": _digest(rows.values[mine]),
                "rows": int(mine.sum()),
                "mining_rows": int(rows.label[mine].sum()),
                "simulated": source == "simulated",
                **({"licence": licences[source]} if source in licences else {}),
            }
        )
    listed.append(
        {
            "name": "power/records",
            "sha256": _digest(power.values),
            "rows": len(power.label),
            "mining_rows": int(power.label.sum()),
            "simulated": True,
        }
    )
    return listed


def _digest(values: np.ndarray[Any, Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()
