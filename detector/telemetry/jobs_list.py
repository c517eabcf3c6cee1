"""The scheduler's list of jobs: which nodes had work when.

    sacct --allusers --parsable2 --starttime 2026-03-01 --format=JobID,NodeList,Start,End,State > jobs.txt

Columns in any order, others are passed over; steps of a job (`4711.batch`) are, too.  Times carry no
zone unless `SLURM_TIME_FORMAT` gives one; `Unknown` is a job that waits, or one that still runs.

`sacct` lists all jobs that were there in the span that was asked for, and does not say the span.
Every job it lists ended after the span's start, and began before its end: so from the earliest end
to the latest start the list is whole, and only there does it tell that there was *no* job.  What
cannot be read of a job makes nodes uncertain, never idle.
"""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from detector.streams import StreamError, open_stream
from detector.telemetry.contract import TelemetryError
from detector.telemetry.loglines import text_lines
from detector.telemetry.nodelist import NodeListError, expand
from detector.telemetry.times import BAD, Clock, to_utc, zone_called
from detector.text import minute, plural, printable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import tzinfo

    from detector.records import Int64s
    from detector.telemetry.times import Mask

NEEDED: Final = ("jobid", "nodelist", "start", "end", "state")
HOW: Final = "sacct --allusers --parsable2 --format=JobID,NodeList,Start,End,State"
EVER: Final = (-(1 << 62), 1 << 62)  # ns; of jobs whose times nobody knows
MOST_JOBS: Final = 4_000_000
MOST_NODES: Final = 1 << 18
MOST_PLACES: Final = 1 << 24  # (list, node); 64 MiB
MOST_LIST_CHARACTERS: Final = 1 << 27  # of all different lists of nodes
_BATCH: Final = 1 << 16
_FREE_TEXT: Final = frozenset(
    ("jobname", "comment", "admincomment", "systemcomment", "workdir", "submitline", "account", "reason")
)
"""Columns in which a user may have written the separator."""
_UNKNOWN: Final = frozenset(("", "unknown", "none", "n/a"))
_NO_NODES: Final = frozenset(("", "none", "none assigned", "(null)", "unknown"))
_RUNS: Final = frozenset(("running", "suspended", "completing", "configuring", "resizing", "stopped"))
_ID: Final = re.compile(r"(\d{1,18})(?:([_+])(\d{1,9}))?", re.ASCII)
_EVERY, _NOWHERE = -1, -2  # lists: of jobs whose nodes are unreadable, of jobs without nodes


@dataclass(frozen=True, slots=True)
class NodeJobs:
    """The jobs of some nodes, by their starts.  n jobs."""

    start_ns: Int64s  # (n,)
    end_ns: Int64s  # (n,) EVER[1] where it still runs
    certain: Mask  # (n,) not: there may have been a job, on these nodes or in that time
    row: Int64s  # (n,) for `JobsList.name`


@dataclass(slots=True)
class JobsList:
    """What a list says, as arrays: memory does not depend on how often a set of nodes was used."""

    nodes: dict[str, int]
    starts: Int64s
    ends: Int64s
    certain: Mask
    ids: Int64s  # (jobs, 2): number; task of an array, -2 - component of a heterogeneous job, or -1
    rows_of_list: tuple[Int64s, Int64s]  # bounds, rows; the last list is that of jobs anywhere
    lists_of_node: tuple[Int64s, Int64s]
    whole_ns: tuple[int, int]  # from .. to which every job is listed; from >= to: nowhere
    note: str = ""
    problem: str | None = None

    def knows(self, node: str) -> bool:
        """Whether a job names the node: one that none does may be no node of that scheduler."""
        return node in self.nodes

    def of(self, nodes: Iterable[str]) -> NodeJobs:
        """Jobs that used any of the nodes, and those of which it is not known whether they did."""
        lists = [_taken(self.lists_of_node, self.nodes[node]) for node in nodes if node in self.nodes]
        anywhere = len(self.rows_of_list[0]) - 2
        wanted = np.unique(np.concatenate([*lists, np.array([anywhere], np.int64)])).tolist()
        rows = np.concatenate([_taken(self.rows_of_list, one) for one in wanted])
        rows = rows[np.argsort(self.starts[rows], kind="stable")]
        return NodeJobs(self.starts[rows], self.ends[rows], self.certain[rows], rows)

    def name(self, row: int) -> str:
        """4711, 4711_3 (of an array) or 4711+1 (of a heterogeneous job)."""
        number, task = self.ids[row].tolist()
        return f"{number}" if task == -1 else f"{number}_{task}" if task >= 0 else f"{number}+{-2 - task}"


def _taken(grouped: tuple[Int64s, Int64s], group: int) -> Int64s:
    bounds, members = grouped
    return members[bounds[group] : bounds[group + 1]]


def read_jobs(path: str, timezone: str | None = None) -> JobsList:
    """Reads a list, packed or not.  timezone: of times that have none; UTC if None.

    Raises TelemetryError (one line) where it is no such list, or larger than the bounds above.  A row
    that cannot be read is counted in the note; damage ends the list, and it then is whole nowhere.
    """
    zone = zone_called(timezone)
    try:
        with open_stream(path) as stream:
            stream.end_at_damage()
            rows: _Rows | None = None
            for number, line in enumerate(text_lines(stream), 1):
                if rows is not None:
                    rows.take(line)
                elif line.strip():
                    rows = _Rows(path, line.removeprefix("\ufeff"), number, zone)
            if rows is None:
                raise TelemetryError(stream.problem or f"{path}: the file is empty; make it with {HOW}")
            return rows.finished(stream.problem, timezone)
    except StreamError as error:
        raise TelemetryError(str(error)) from error


class _Rows:
    """Lines of one list, gathered."""

    def __init__(self, path: str, header: str, number: int, zone: tzinfo) -> None:
        self._path, self._zone, self._clock = path, zone, Clock(path, None)
        names = [name.strip().lower() for name in header.split("|")]
        for wanted in NEEDED:
            if wanted not in names:
                shown = printable(header, 60)
                told = f"no column {wanted} in {shown!r}; make it with {HOW}"
                raise TelemetryError(f"{path}: line {number}: {told}")
        self._width = len(names)
        self._at = [names.index(name) for name in NEEDED]
        free = [place for place, name in enumerate(names) if name in _FREE_TEXT]
        self._free = free[0] if len(free) == 1 else None
        self._numbers, self._tasks, self._lists = array("q"), array("q"), array("q")
        self._starts, self._ends, self._certain = array("q"), array("q"), array("b")
        self._known: dict[str, int] = {}  # list of nodes as written -> its number, or _EVERY
        self._characters = 0
        self._nodes: dict[str, int] = {}
        self._places, self._bounds = array("i"), array("q", [0])
        self._held: list[tuple[str, str, bool]] = []  # start, end, whether it may still run
        self.left: dict[str, int] = {}  # out, by reason

    def take(self, line: str) -> None:
        """One line.  Raises TelemetryError where the list is too large."""
        if not line.strip():
            return
        cells = line.split("|")
        surplus = len(cells) - self._width
        if surplus > 0 and self._free is not None:
            at = self._free
            cells[at : at + surplus + 1] = ["|".join(cells[at : at + surplus + 1])]
        if len(cells) != self._width:
            self._leave("torn")
            return
        name, nodes, start, end, state = (cells[place].strip() for place in self._at)
        if "." in name:  # a step of a job that has a line of its own
            return
        waits = start.lower() in _UNKNOWN
        found = _ID.fullmatch(name.partition("_[")[0] if waits else name)
        if found is None:
            self._leave("without a job's number")
            return
        if len(self._numbers) == MOST_JOBS:
            raise TelemetryError(f"{self._path}: more than {MOST_JOBS} jobs; list a shorter span")
        task = -1 if found[2] is None else int(found[3]) if found[2] == "_" else -2 - int(found[3])
        self._numbers.append(int(found[1]))
        self._tasks.append(task)
        self._lists.append(_NOWHERE if waits else self._list(nodes))
        runs = state.lower().partition(" ")[0].rstrip("+") in _RUNS
        self._held.append(("" if waits else start, "" if end.lower() in _UNKNOWN else end, runs))
        if len(self._held) == _BATCH:
            self._flush()

    def _leave(self, why: str) -> None:
        self.left[why] = self.left.get(why, 0) + 1

    def _list(self, text: str) -> int:
        """Number of a list of nodes."""
        known = self._known.get(text)
        if known is not None:
            return known
        if text.lower() in _NO_NODES:
            return _NOWHERE
        self._characters += len(text)
        if self._characters > MOST_LIST_CHARACTERS:
            raise TelemetryError(f"{self._path}: too many different lists of nodes; list a shorter span")
        try:
            names = expand(text)
        except NodeListError:
            return self._known.setdefault(text, _EVERY)
        self._places.extend(self._nodes.setdefault(name, len(self._nodes)) for name in names)
        if len(self._places) > MOST_PLACES or len(self._nodes) > MOST_NODES:
            raise TelemetryError(f"{self._path}: too many nodes; list a shorter span or fewer nodes")
        self._bounds.append(len(self._places))
        return self._known.setdefault(text, len(self._bounds) - 2)

    def _flush(self) -> None:
        """Times of the lines that are held."""
        if not self._held:
            return
        starts, begun = self._times([start for start, _, _ in self._held], later=False)
        ends, ended = self._times([end for _, end, _ in self._held], later=True)
        runs = np.array([runs for _, _, runs in self._held])
        good = (~begun | (starts != BAD)) & (~ended | (ends != BAD))
        straight = good & (~begun | ~ended | (starts <= ends))
        self._starts.frombytes(np.where(straight & begun, starts, EVER[0]).tobytes())
        self._ends.frombytes(np.where(straight & ended, ends, EVER[1]).tobytes())
        self._certain.frombytes((straight & (ended | runs)).astype(np.int8).tobytes())
        for why, rows in (("with unreadable times", ~good), ("that end before they start", good & ~straight)):
            if rows.any():
                self.left[why] = self.left.get(why, 0) + int(rows.sum())
        self._held.clear()

    def _times(self, texts: list[str], *, later: bool) -> tuple[Int64s, Mask]:
        """(ns or BAD, whether one was written).  later: of the hour that comes twice, the second."""
        import pandas as pd  # noqa: PLC0415

        told = np.array([bool(text) for text in texts])
        found = np.full(len(texts), BAD, np.int64)
        if told.any():
            stamps, _ = self._clock.parse(pd.Series([text for text in texts if text], dtype=object))
            if not self._clock.zoned:
                stamps = to_utc(stamps, np.full(len(stamps), later), self._zone)
            found[told] = stamps
        return found, told

    def finished(self, problem: str | None, timezone: str | None) -> JobsList:
        """All that was taken.  problem: what ended the list before its end."""
        self._flush()
        starts, ends, lists, certain = map(_int64s, (self._starts, self._ends, self._lists, self._certain))
        n_lists = len(self._bounds) - 1
        unread = (lists == _EVERY) & (starts == EVER[0])  # neither nodes nor times: nobody can use it
        group = np.where(lists == _EVERY, n_lists, lists)
        group = np.where((lists == _NOWHERE) | unread, n_lists + 1, group)
        if nowhere := int((lists == _EVERY).sum()):
            self.left["with an unreadable list of nodes"] = nowhere
        of_place = np.repeat(np.arange(n_lists), np.diff(self._bounds))
        made = JobsList(
            self._nodes,
            starts,
            ends,
            (certain > 0) & (lists != _EVERY),
            np.stack([_int64s(self._numbers), _int64s(self._tasks)], axis=1),
            _grouped(group, n_lists + 1),
            _grouped(_int64s(self._places), len(self._nodes), of_place),
            EVER[::-1] if problem else _whole(starts, ends),
            problem=problem,
        )
        made.note = self._note(made, timezone)
        return made

    def _note(self, made: JobsList, timezone: str | None) -> str:
        said = f"{self._path}: {plural(len(made.starts), 'job')} on {plural(len(made.nodes), 'node')}"
        begin, end = made.whole_ns
        said += f", whole from {minute(begin)} to {minute(end)} UTC" if begin < end else ", whole at no time"
        if self._clock.zoned is False and timezone is None:
            said += "; times without a zone taken for UTC (--power-timezone)"
        said += f"; {plural(self._clock.mixed, 'time')} of another zone" if self._clock.mixed else ""
        left = ", ".join(f"{count} {why}" for why, count in self.left.items())
        return f"{said}; not used: {left}" if left else said


def _int64s(numbers: array[int]) -> Int64s:
    """As numpy has them; an empty array has no buffer."""
    return np.array(numbers, np.int64)


def _grouped(of: Int64s, groups: int, members: Int64s | None = None) -> tuple[Int64s, Int64s]:
    """(bounds, members) of groups 0 .. groups - 1; members: their own numbers if None."""
    order = np.argsort(of, kind="stable")
    bounds = np.searchsorted(of[order], np.arange(groups + 1))
    return bounds, order if members is None else members[order]


def _whole(starts: Int64s, ends: Int64s) -> tuple[int, int]:
    """The stretch in which every job is listed: see the head of the module."""
    begun, ended = starts[starts > EVER[0]], ends[ends < EVER[1]]
    if not len(begun) or not len(ended):
        return EVER[::-1]
    return int(ended.min()), int(begun.max())
