"""A node's watts beside the scheduler's list of jobs: work that is known of, and load without any.

A list of jobs moves no score.  It moves the verdict of power by one step at most: where a job was listed
over the whole load, `mining` becomes `suspicious` and `suspicious` `undecided` (a user may mine in a job,
and a solver looks like that); where none was, what is over the lower threshold is `suspicious` instead
of `undecided`.  It makes no `mining`, and nothing of what is `clear`.

"Without a job" is only said of nodes that the list names, of times in which the list is whole, ten
minutes clear of any job (clocks differ, and a node works on before and after one), and for a stretch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detector.findings.evidence import clean, duration, watts
from detector.records import Evidence
from detector.text import minute

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detector.findings.ledger import PowerRecord
    from detector.findings.peers import Level
    from detector.hosts import Assets
    from detector.records import Floats, Int64s, Steps
    from detector.telemetry.jobs_list import JobsList, NodeJobs

HOUR_NS: Final = 3_600_000_000_000
BESIDE_NS: Final = 600_000_000_000
CONTRAST: Final = 1.5  # of the resting level, from which on a level is a load
AS_MUCH: Final = 0.9  # of what it draws under jobs, where it never rests
ALWAYS: Final = 0.95  # of the load's time under a job
SOME: Final = 0.5  # from which on it is counter-evidence
WITHOUT: Final = 0.1  # of the load's time without one, and an hour
TOLD_JOBS: Final = 4
TOLD_NODES: Final = 4


@dataclass(frozen=True, slots=True)
class Worked:
    """What of a meter's load lies under jobs, ns and W.  `free` is what lies under none."""

    meter: str
    nodes: tuple[str, ...]
    jobs: tuple[str, ...]  # the TOLD_JOBS that it loaded the longest
    n_jobs: int
    load_ns: int
    under_ns: int
    free_ns: int
    under_w: float | None
    free_w: float | None
    free_from_ns: int
    free_to_ns: int
    rests: bool  # whether a resting level is known that the load stands out of

    @property
    def always(self) -> bool:
        """A job was listed over the whole load."""
        return self.under_ns >= ALWAYS * self.load_ns

    @property
    def without(self) -> bool:
        """A part of the load worth telling had no job."""
        return self.free_ns >= max(HOUR_NS, WITHOUT * self.load_ns)

    @property
    def speaks(self) -> bool:
        """Whether that load without a job is known not to be the idling of a node."""
        return self.without and self.rests


class Beside:
    """Meters joined to the nodes of a list of jobs: by their names, and by those of their assets."""

    def __init__(self, jobs: JobsList, assets: Assets) -> None:
        self._jobs, self._assets = jobs, assets
        self._names: dict[str, list[str]] = {}  # asset -> names of its meters, outlets, nodes
        for name, asset in assets.by_meter.items():
            self._names.setdefault(asset.asset, [asset.asset]).append(name)

    def nodes(self, meter: str) -> tuple[str, ...]:
        """The nodes behind a meter; of those that the list names."""
        asset = self._assets.by_meter.get(meter)
        called = [meter, *(self._names[asset.asset] if asset else ())]
        known = {spelling for name in called if (spelling := self._known(name))}
        return tuple(sorted(known))

    def _known(self, name: str) -> str | None:
        """As the list spells it: whole, without the part of a node, or without the domain."""
        host = name.partition("/")[0]
        for spelling in (name, host, host.partition(".")[0]):
            if self._jobs.knows(spelling):
                return spelling
        return None

    def worked(self, record: PowerRecord, level: Level) -> Worked | None:
        """None where it is no node of the list, or its load cannot be told from its rest."""
        nodes = self.nodes(record.meter)
        if not nodes or record.drawn is None:
            return None
        return _worked(record.meter, nodes, record.drawn, level, self._jobs)


def _worked(meter: str, nodes: tuple[str, ...], drawn: Steps, level: Level, jobs: JobsList) -> Worked | None:
    mean, step_ns = drawn.columns["mean"], drawn.step_ns
    edges = drawn.start_ns + np.arange(len(mean) + 1) * step_ns
    listed = jobs.of(nodes)
    certain = listed.certain
    under = _share(edges, _merged(listed.start_ns[certain], listed.end_ns[certain]))
    near = _share(edges, _merged(listed.start_ns - BESIDE_NS, listed.end_ns + BESIDE_NS))
    begin, end = jobs.whole_ns
    free = (near == 0) & (edges[:-1] >= begin) & (edges[1:] <= end)
    limit, rests = _limit(mean, under, free, level)
    if limit is None:
        return None
    high = np.isfinite(mean) & (mean >= limit)
    if not high.any():
        return None
    without, beneath = np.flatnonzero(high & free), high & (under >= SOME)
    names, n_jobs = _longest(edges, high, listed, jobs)
    return Worked(
        meter=clean(meter),
        nodes=tuple(clean(node) for node in nodes),
        jobs=names,
        n_jobs=n_jobs,
        load_ns=int(high.sum()) * step_ns,
        under_ns=int(under[high].sum() * step_ns),
        free_ns=len(without) * step_ns,
        under_w=float(mean[beneath].mean()) if beneath.any() else None,
        free_w=float(mean[without].mean()) if len(without) else None,
        free_from_ns=int(edges[without[0]]) if len(without) else 0,
        free_to_ns=int(edges[without[-1] + 1]) if len(without) else 0,
        rests=rests,
    )


def _limit(
    mean: Floats, under: Floats, free: np.ndarray[tuple[int], np.dtype[np.bool_]], level: Level
) -> tuple[float | None, bool]:
    """(watts from which on it works, whether that is known by a level at which it rests).

    A node that never rests works where it draws as much without a job as under one; it may idle.
    """
    known = np.isfinite(mean)
    if not known.any():
        return None, False
    low, high = np.quantile(mean[known], (0.05, 0.95)).tolist()
    rest = max(min(low, level.peers_w) if level.peers_w is not None else low, 1.0)
    if high >= CONTRAST * rest:
        return (rest + high) / 2, True
    worked, rested = mean[known & (under >= ALWAYS)], mean[known & free]
    if not len(worked) or (len(rested) and np.median(rested) < AS_MUCH * np.median(worked)):
        return None, False
    return AS_MUCH * low, False


Stretches = tuple["Int64s", "Int64s"]


def _merged(starts: Int64s, ends: Int64s) -> Stretches:
    """Disjoint stretches, in order, that cover the same time.  starts ascend."""
    if not len(starts):
        return starts, ends
    reach = np.maximum.accumulate(ends)
    opens = np.flatnonzero(np.concatenate([[True], starts[1:] > reach[:-1]]))
    return starts[opens], reach[np.append(opens[1:], len(starts)) - 1]


def _share(edges: Int64s, stretches: Stretches) -> Floats:
    """(n,) of each step between n + 1 edges, how much lies in disjoint stretches: 0..1."""
    starts, ends = (np.clip(times, edges[0], edges[-1]) for times in stretches)
    before = np.concatenate([[0], np.cumsum(ends - starts)])
    at = np.searchsorted(starts, edges, side="right")
    inside = np.maximum(ends[at - 1] - edges, 0) if len(starts) else 0
    covered = before[at] - np.where(at > 0, inside, 0)
    return np.diff(covered) / np.diff(edges)


def _longest(
    edges: Int64s, high: np.ndarray[tuple[int], np.dtype[np.bool_]], listed: NodeJobs, jobs: JobsList
) -> tuple[tuple[str, ...], int]:
    """Names of the jobs that lie under most of the load, and how many lie under any of it."""
    sure = listed.certain
    rows, loads = listed.row[sure], np.concatenate([[0.0], np.cumsum(high)])
    begin, end = (np.interp(times[sure], edges, loads) for times in (listed.start_ns, listed.end_ns))
    loaded = end - begin
    order = np.argsort(-loaded, kind="stable")[:TOLD_JOBS]
    named = tuple(jobs.name(int(rows[place])) for place in order.tolist() if loaded[place] > 0)
    return named, int((loaded > 0).sum())


def no_job(worked: Worked | None) -> Evidence | None:
    """A load while no job is listed; None where there is none worth telling."""
    if worked is None or not worked.without or worked.free_w is None:
        return None
    told = f"{worked.meter} draws {watts(worked.free_w)} while no job is listed on {_nodes(worked)}:"
    told += f" {duration(worked.free_ns)} of {duration(worked.load_ns)} under load,"
    told += f" between {minute(worked.free_from_ns)} and {minute(worked.free_to_ns)} UTC"
    if not worked.rests:
        told += f"; under jobs it draws {watts(worked.under_w or 0.0)}, and it never rests"
    return Evidence(
        kind="no_job",
        weight=0.0,
        summary=told,
        first_ns=worked.free_from_ns,
        last_ns=worked.free_to_ns,
        facts={"free_w": round(worked.free_w, 1), **_facts(worked)},
    )


def scheduled_job(worked: Worked | None) -> Evidence | None:
    """Load under jobs that the scheduler lists; None where it is the lesser part of the load."""
    if worked is None or not worked.jobs or worked.under_w is None or worked.under_ns < SOME * worked.load_ns:
        return None
    more = worked.n_jobs - len(worked.jobs)
    names = _listed(worked.jobs) + (f" and {more} more" if more else "")
    return Evidence(
        kind="scheduled_job",
        weight=0.0,
        summary=f"{worked.meter} draws {watts(worked.under_w)} under job{'s' * (worked.n_jobs > 1)} {names}:"
        f" {worked.under_ns / worked.load_ns:.0%} of its load is work that the scheduler lists",
        facts={"jobs": list(worked.jobs), "n_jobs": worked.n_jobs, **_facts(worked)},
    )


def _facts(worked: Worked) -> dict[str, Any]:
    spans = {"load_h": worked.load_ns, "under_job_h": worked.under_ns, "without_job_h": worked.free_ns}
    hours = {name: round(span / HOUR_NS, 2) for name, span in spans.items()}
    return {"meter": worked.meter, "nodes": list(worked.nodes[:TOLD_NODES]), **hours}


def _nodes(worked: Worked) -> str:
    more = len(worked.nodes) - TOLD_NODES
    return _listed(worked.nodes[:TOLD_NODES]) + (f" and {more} more" if more > 0 else "")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
