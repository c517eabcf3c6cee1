"""A user's labels held against their sources: training rows, and the mistakes that only a source shows.

Rows come by the same road as those of the default corpus.  Every source is read once and wholly
before anything is fitted, so that all mistakes are told before the long work.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector import hosts
from detector.features import power_facts
from detector.findings import Ledger
from detector.kernel import layout
from detector.model import Model
from detector.records import ChannelWindows, PowerWindows, Vectors
from detector.settings import Settings
from detector.windows.power import DAY_S
from training import build, flow_witnesses, leaks, sources, table
from training.compose import Pair
from training.labels import EVERY_HOST, Label, label_of
from training.sightings import Sighting, Sightings, contradiction

NAMES_COMPARED = 5_000  # hosts among which the nearest is looked for
Spans = dict[str, tuple[int, int]]
"""First and last time of each host or meter, ns."""


@dataclass(slots=True)
class Labelled:
    """What the labels gave; lines begin with file and line."""

    channels: list[table.Rows] = field(default_factory=list)
    power: list[build.PowerRows] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)  # what the user surely did not mean
    unmet: list[str] = field(default_factory=list)  # hosts and times that their source does not hold
    notes: list[str] = field(default_factory=list)  # labels that nothing was learnt from, and why


def read(labels: list[Label], settings: Settings, base: Model, place: Path) -> Labelled:
    """Rows of every source that the labels name.  `place` is the labels' file, to name it.

    base: the channel model that picks the mining channel of a host whose mining is encrypted.
    """
    reader = _Reader(settings, base, place)
    for source in dict.fromkeys(label.source for label in labels):
        reader.read_source(source, [label for label in labels if label.source == source])
    reader.settle()
    for label in labels:
        if label.power_source is not None:
            reader.read_pair(label, label.power_source)
    for label, text in leaks.mistakes(labels, reader.prints):
        reader.tell(reader.found.mistakes, label, text)
    return reader.found


class _Reader:
    """One reading of all sources."""

    def __init__(self, settings: Settings, base: Model, place: Path) -> None:
        self.found = Labelled()
        self.prints: dict[int, list[NDArray[np.uint64]]] = {}  # by line: what tells a row from all others
        self._settings, self._base, self._place = settings, base, place
        self._rows: dict[int, table.Rows] = {}  # by line of the label
        self._flows: dict[int, tuple[Label, table.Rows]] = {}  # likewise, of flow logs
        self._sightings = Sightings()
        self._meters: dict[tuple[Path, str, tuple[int, int]], int] = {}  # row of the power table
        self._learnt: set[int] = set()  # lines

    def tell(self, lines: list[str], label: Label, text: str) -> None:
        """Add a line that names the label's."""
        lines.append(f"{self._place}, line {label.line}: {text}")

    def read_source(self, path: Path, labels: list[Label]) -> None:
        """Rows of one source, and which of its labels speak of what is not in it."""
        try:
            source = sources.find(path)
            seen = _over_both(self._channels(source, labels), self._volumes(source, labels))
            for windows in sources.power(source, self._settings):
                seen |= self._power(path, _Meters(windows), labels)
        except (OSError, ValueError) as error:  # every reader's own error is a ValueError of one line
            self.tell(self.found.mistakes, labels[0], str(error))
            return
        if not seen:
            why = source.notes or [f"{path.name} holds no traffic and no readings"]
            self.tell(self.found.unmet, labels[0], why[-1])
            return
        self.found.notes += source.notes
        for label in labels:
            problem = _unmet(label, seen)
            if problem:
                self.tell(self.found.unmet, label, problem)
            elif label.line not in self._learnt:
                text = f"nothing of {label.host} in {path.name} holds enough to learn from, within the label"
                self.tell(self.found.notes, label, text)

    def _channels(self, source: sources.Source, labels: list[Label]) -> Spans:
        ledger, by_line = table.new_ledger(self._settings), {label.line: label for label in labels}
        streams = sources.channels(source, self._settings)
        parts = self._spoken_of(table.judged(streams, self._settings, ledger), labels, flow=False)
        for line in sorted(parts):
            rows = table.concatenate(parts[line])
            self._rows[line] = _witnesses(rows, self._base) if by_line[line].mining else rows
            self.found.channels.append(self._rows[line])
        self._learnt |= parts.keys()
        return _spans(ledger)

    def _volumes(self, source: sources.Source, labels: list[Label]) -> Spans:
        """The same of flow logs; which of a miner's channels mines is settled when all sources are read."""
        ledger, by_line = table.new_ledger(self._settings), {label.line: label for label in labels}
        told = sources.volumes(source, self._settings)
        parts = self._spoken_of(table.judged_volumes(told, self._settings, ledger), labels, flow=True)
        for line in parts:
            self._flows[line] = by_line[line], table.concatenate(parts[line])
        self._learnt |= parts.keys()
        return _spans(ledger)

    def _spoken_of(
        self,
        windows: Iterable[tuple[ChannelWindows, Vectors, hosts.Ends]],
        labels: list[Label],
        *,
        flow: bool,
    ) -> dict[int, list[table.Rows]]:
        """The rows that each label speaks of, by its line."""
        spoken_of, by_line = _Index(labels), {label.line: label for label in labels}
        parts: dict[int, list[table.Rows]] = {}
        for rolled, vectors, ends in windows:
            lines = spoken_of.lines(rolled, ends)
            for line in np.unique(lines[lines > 0]).tolist():
                picked, unknown = np.flatnonzero(lines == line), np.zeros(len(rolled), np.int64)
                rows = table.labelled_rows(rolled, vectors, picked, unknown, _origin(by_line[line]))
                parts.setdefault(line, []).append(rows)
                self.prints.setdefault(line, []).append(leaks.prints_of(rolled, vectors, picked))
                self._sightings.add(by_line[line], rolled, ends, picked, flow=flow)
        return parts

    def settle(self) -> None:
        """Rows of flow logs behind those of captures: of miners the channel that mines; a conversation that a
        capture told of, too, is the same example."""
        heard = {name for rows in self._rows.values() for name in rows.example}
        for line, (label, rows) in sorted(self._flows.items()):
            seen, learnt = self._sightings.flows(line), rows
            if label.mining:
                chosen, text = flow_witnesses.chosen(rows, seen, self._sightings, heard, self._base)
                learnt = table.select(rows, np.array([name in chosen for name in rows.example], np.bool_))
                learnt.label[:] = 1
                for one in text:
                    self.tell(self.found.notes, label, one)
            self.found.channels.append(self._same_examples(label, learnt, seen))

    def _same_examples(self, label: Label, rows: table.Rows, seen: list[Sighting]) -> table.Rows:
        names: dict[str, str] = {}
        for one in seen:
            for other in self._sightings.twins(one):
                text = contradiction(one, other)
                if text:
                    self.tell(self.found.mistakes, label, text)
                elif other.label.group == label.group:
                    names.setdefault(one.example, other.example)
        return replace(rows, example=[names.get(name, name) for name in rows.example])

    def _power(self, path: Path, meters: _Meters, labels: list[Label]) -> Spans:
        for meter, span in meters.spans.items():
            label = label_of(labels, meter, *span)
            if label is not None:
                self._add_meter(path, meters, meter, label)
        return meters.spans

    def _add_meter(self, path: Path, meters: _Meters, meter: str, label: Label) -> int:
        """The row of the power table that this meter is; it is added once."""
        record = (path, meter, meters.spans[meter])
        if record not in self._meters:
            self._meters[record] = len(self.found.power)
            self.found.power.append(meters.row(meter, label))
        self._learnt.add(label.line)
        return self._meters[record]

    def read_pair(self, label: Label, path: Path) -> None:
        """The host of a label with its meter: a row of the fusion model."""
        try:
            meters, meter = self._meter_of(label, path)
        except (OSError, ValueError) as error:
            self.tell(self.found.mistakes, label, str(error))
            return
        rows = self._rows.get(label.line)
        if rows is None and label.line in self._flows:
            text = f"{label.host} and {meter} are no pair: flow logs are judged by themselves"
            self.tell(self.found.notes, label, text)
            return
        if rows is None or not label.covers(label.host, *meters.spans[meter]):
            text = (
                f"{label.host} and {meter} are no pair: the label does not speak of the whole record of both"
            )
            self.tell(self.found.notes, label, text)
            return
        row = self._add_meter(path, meters, meter, label)
        self.found.pairs.append(Pair(frozenset(rows.example), row, label.mining, label.weight))

    def _meter_of(self, label: Label, path: Path) -> tuple[_Meters, str]:
        """The meter of the label's host: that of its name, or the only one.  Raises ValueError, OSError."""
        if label.host == EVERY_HOST:
            raise ValueError("power_source is the meter of one host, not of *: one row a host")
        every = [_Meters(windows) for windows in sources.power(sources.find(path), self._settings)]
        found = [(meters, meter) for meters in every for meter in meters.spans]
        own = [one for one in found if one[1] == label.host] or found
        if len(own) != 1:
            names = ", ".join(meter for _, meter in found[:5]) or "none"
            text = f"power_source {path.name} has {len(found)} meters and none called {label.host}"
            raise ValueError(f"{text} (there are {names})")
        return own[0]


class _Meters:
    """The meters of one file, described once."""

    def __init__(self, windows: PowerWindows) -> None:
        self._windows = windows
        names, self._vectors, facts = power_facts.survey(windows)
        self._row = {name: row for row, name in enumerate(names)}
        self.spans = {
            name: (int(told["first_ns"]), int(told["last_ns"]))
            for name, told in zip(names, facts, strict=True)
        }

    def row(self, meter: str, label: Label) -> build.PowerRows:
        """The training row of one meter."""
        mine = self._windows.meter == self._windows.meters.index(meter)
        return build.PowerRows(
            values=self._vectors.values[[self._row[meter]]],
            label=np.array([label.mining]),
            group=[label.group],
            family=[label.variant or label.group],
            tier=[_tier(float(self._windows.window_s[mine].min()))],
            simulated=np.zeros(1, np.bool_),
            weight=np.array([label.weight]),
        )


def _tier(window_s: float) -> str:
    """As the corpus calls it."""
    return "node" if window_s < 3600 else "meter" if window_s < DAY_S else "daily"


class _Index:
    """Labels of one source by host."""

    def __init__(self, labels: list[Label]) -> None:
        self._every = [label for label in labels if label.host == EVERY_HOST]
        self._named: dict[str, list[Label]] = {}
        for label in labels:
            self._named.setdefault(label.host, []).append(label)

    def lines(self, rolled: ChannelWindows, ends: hosts.Ends) -> NDArray[np.int64]:
        """The line of the label that speaks of all of each row; 0 = none does."""
        first, last = (rolled.wide[:, column].tolist() for column in (layout.FIRST_NS, layout.LAST_NS))
        return np.array(
            [self._line(*row) for row in zip(map(hosts.text, ends.host), first, last, strict=True)], int
        )

    def _line(self, host: str, first_ns: int, last_ns: int) -> int:
        label = label_of([*self._named.get(host, []), *self._every], host, first_ns, last_ns)
        return label.line if label else 0


def _origin(label: Label) -> table.Origin:
    return table.Origin(
        label=0,
        group=label.group,
        family=label.variant or label.coin or label.group,
        source=str(label.source),
        name=f"{label.source}:{label.line}",
        simulated=False,
        weight=label.weight,
    )


def _witnesses(rows: table.Rows, base: Model) -> table.Rows:
    """Of a host that mines, the channels that mine: those that speak a mining dialect, else the one that
    the base model suspects most.  What the others are is not known, so they are left out."""
    if not len(rows):
        return rows
    chosen = rows.dialogue.copy()
    if not chosen.any():
        logit = base.score(table.vectors(rows, base.names)).logit
        suspect = rows.example[int(np.argmax(logit))]
        chosen = np.array([example == suspect for example in rows.example])
    rows = table.select(rows, chosen)
    rows.label[:] = 1
    return rows


def _spans(ledger: Ledger) -> Spans:
    return {name: (record.first_ns, record.last_ns) for name, record in ledger.hosts.items()}


def _over_both(one: Spans, other: Spans) -> Spans:
    """First and last time of every host of either."""
    both = {
        name: (min(one[name][0], span[0]), max(one[name][1], span[1]))
        for name, span in other.items()
        if name in one
    }
    return one | other | both


def _unmet(label: Label, seen: Spans) -> str | None:
    """What of the label its source does not hold, or None."""
    name = label.source.name
    if label.host == EVERY_HOST:
        first, last = min(span[0] for span in seen.values()), max(span[1] for span in seen.values())
    elif label.host in seen:
        first, last = seen[label.host]
    else:
        near = difflib.get_close_matches(label.host, sorted(seen)[:NAMES_COMPARED], n=1)
        return f"host {label.host!r} is not in {name}" + (f"; did you mean {near[0]!r}?" if near else "")
    begun = label.start_ns is None or label.start_ns <= last
    if begun and (label.end_ns is None or first < label.end_ns):
        return None
    what = "it holds" if label.host == EVERY_HOST else f"it holds {label.host}"
    return f"the time lies outside {name}: {what} from {_utc(first)} to {_utc(last)}"


def _utc(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
