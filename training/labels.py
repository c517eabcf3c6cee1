"""LABELS.csv: which host of which source mined, and when, as the design's contract says.

    source,host,start,end,label,group[,coin,variant,weight,power_source]

`source` and `power_source` are paths relative to the CSV; absolute ones and `..` are taken as
they are, for the file is the user's own.  `host` is an address, a meter, or `*` for every host
of the source; where both speak of the same time a named host goes before `*`.  `start` and
`end` are RFC 3339 with their offset, or empty for all that was recorded; `end` is not included.
"""

from __future__ import annotations

import difflib
import ipaddress
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from detector.tables import Table, TableError, number

REQUIRED = ("source", "host", "start", "end", "label", "group")
OPTIONAL = ("coin", "variant", "weight", "power_source")
COLUMNS = REQUIRED + OPTIONAL
LABELS = ("mining", "benign")
MEANT = {
    **dict.fromkeys(("miner", "miners", "mine", "mines", "cryptomining", "cryptojacking"), "mining"),
    **dict.fromkeys(("malicious", "positive", "yes", "true", "1"), "mining"),
    **dict.fromkeys(("normal", "clean", "clear", "legitimate", "ordinary", "background"), "benign"),
    **dict.fromkeys(("negative", "no", "false", "0"), "benign"),
}
"""What other tools and people call the two."""
EVERY_HOST = "*"
SHOWN = 20  # mistakes told at once
LARGEST = 64 << 20  # bytes
HEAVIEST = 1e6
LONGEST = 500  # characters of a cell
RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
ADDRESS_LIKE = re.compile(r"(\d+(\.\d+){3}|[0-9a-fA-F:]*::[0-9a-fA-F:.]*)(/\d+)?", re.ASCII)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class LabelError(ValueError):
    """One line a mistake, each with file and line; at most SHOWN of them."""


@dataclass(frozen=True, slots=True)
class Label:
    """One row of the file."""

    source: Path
    host: str  # address in canonical form, meter, or "*"
    start_ns: int | None  # None = from the beginning
    end_ns: int | None  # exclusive; None = to the end
    mining: bool
    group: str
    coin: str | None
    variant: str | None
    weight: float
    power_source: Path | None
    line: int

    def overlaps(self, other: Label) -> bool:
        """Whether both speak of the same source, host and time."""
        if self.source != other.source or self.host != other.host:
            return False
        return _before(self.start_ns, other.end_ns) and _before(other.start_ns, self.end_ns)

    def covers(self, host: str, first_ns: int, last_ns: int) -> bool:
        """Whether it speaks of all of what was seen of `host` from first to last."""
        named = self.host in (EVERY_HOST, host)
        begun = self.start_ns is None or self.start_ns <= first_ns
        return named and begun and (self.end_ns is None or last_ns < self.end_ns)


def read_labels(path: str | Path, *, both: bool = True) -> list[Label]:
    """Every label of the file, in its order.  Raises LabelError for anything that is not as it should be.

    both: whether mining and benign rows must be there, as a model needs to learn.
    """
    place = Path(path)
    labels: list[Label] = []
    mistakes: list[str] = []
    for line, cells in _rows(place):
        try:
            labels.append(_label(cells, place.parent, line))
        except ValueError as error:
            mistakes.append(f"{place}, line {line}: {error}")
    mistakes += [f"{place}, {text}" for text in _contradictions(labels)]
    if not mistakes:
        mistakes += _lacking(labels, place, both)
    if mistakes:
        raise LabelError("\n".join(shown(mistakes, place)))
    return labels


def shown(mistakes: list[str], place: str | Path) -> list[str]:
    """The first SHOWN of the lines, and how many more there are."""
    more = [f"{place}: {len(mistakes) - SHOWN} more mistakes"] if len(mistakes) > SHOWN else []
    return [*mistakes[:SHOWN], *more]


def label_of(labels: Iterable[Label], host: str, first_ns: int, last_ns: int) -> Label | None:
    """What the labels of one source say of `host` from first to last packet, inclusive.

    None when they say nothing, or speak of only a part of that time: then no label is true of
    all of it.  A named host goes before `*`.
    """
    spoken = [label for label in labels if _touches(label, host, first_ns, last_ns)]
    own = [label for label in spoken if label.host != EVERY_HOST] or spoken
    covering = [label for label in own if label.covers(host, first_ns, last_ns)]
    return covering[0] if covering and len({label.mining for label in own}) == 1 else None


def doubts(labels: list[Label]) -> list[str]:
    """What is no mistake, but makes the measured result say less than it seems to."""
    told, groups = [], {(label.group, label.source) for label in labels}
    if len({source for _, source in groups}) > 1 and len({group for group, _ in groups}) == len(groups):
        told.append(
            "no group holds more than one source: what was captured at one site or on one day belongs in"
            " one group, or strangers are measured on what the model knows"
        )
    for mining in (True, False):
        own = {label.group for label in labels if label.mining == mining}
        if len(own) == 1:
            told.append(
                f"all {LABELS[not mining]} rows are of the group {own.pop()!r}: held out, there is none of"
                " yours left to learn from, so what is measured is the simulated corpus"
            )
    return told


def _rows(place: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, cells by column) of each row that is not blank."""
    try:
        table = Table(place, LARGEST, "list of labels")
        rows = iter(table)
        header = _header(next(rows, []), place)
        for cells in rows:
            if any(cell.strip() for cell in cells):
                yield table.line, _cells(header, cells, f"{place}, line {table.line}")
    except TableError as error:
        raise LabelError(str(error).replace(f"{place}: line ", f"{place}, line ", 1)) from error


def _header(cells: list[str], place: Path) -> list[str]:
    names = [cell.strip() for cell in cells]
    for name in names:
        if name not in COLUMNS:
            raise LabelError(f"{place}, line 1: unknown column {name!r:.80}{_nearest(name, COLUMNS)}")
        if names.count(name) > 1:
            raise LabelError(f"{place}, line 1: column {name!r} is there twice")
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise LabelError(f"{place}, line 1: column(s) missing: {', '.join(missing)}")
    return names


def _cells(header: list[str], cells: list[str], where: str) -> dict[str, str]:
    if len(cells) != len(header):
        raise LabelError(f"{where}: {len(cells)} cells under {len(header)} columns")
    return {name: cell.strip() for name, cell in zip(header, cells, strict=True)}


def _label(cells: Mapping[str, str], folder: Path, line: int) -> Label:
    """The row's label.  Raises ValueError with the mistake."""
    for name, cell in cells.items():
        if len(cell) > LONGEST or not cell.isprintable():
            raise ValueError(f"{name} is longer than {LONGEST} characters or has control characters in it")
    label = cells["label"]
    if label not in LABELS:
        raise ValueError(f"label {label!r:.80} is neither 'mining' nor 'benign'{_meant(label)}")
    if not cells["group"]:
        raise ValueError("group is empty; name the site, campaign or day that the row belongs to")
    start, end = _time(cells["start"], "start"), _time(cells["end"], "end")
    if start is not None and end is not None and end <= start:
        raise ValueError(f"end {cells['end']} is not after start {cells['start']}")
    power = cells.get("power_source", "")
    return Label(
        source=_path(cells["source"], "source", folder),
        host=_host(cells["host"]),
        start_ns=start,
        end_ns=end,
        mining=label == "mining",
        group=cells["group"],
        coin=cells.get("coin") or None,
        variant=cells.get("variant") or None,
        weight=_weight(cells.get("weight", "")),
        power_source=_path(power, "power_source", folder) if power else None,
        line=line,
    )


def _path(cell: str, column: str, folder: Path) -> Path:
    if not cell:
        raise ValueError(f"{column} is empty")
    path = (folder / cell).resolve()
    try:
        found = path.exists()
    except OSError as error:  # a name that is too long
        raise ValueError(f"{column} {cell!r:.80}: {(error.strerror or 'no path').lower()}") from error
    if not found:
        raise ValueError(f"{column} {cell!r} does not exist (looked for {path})")
    return path


def _host(cell: str) -> str:
    """An address in canonical form, IPv4 out of its IPv6 mapping; any other name as it is."""
    if not cell:
        raise ValueError("host is empty; write an address, a meter or * for every host of the source")
    try:
        address = ipaddress.ip_address(cell)
    except ValueError:
        if ADDRESS_LIKE.fullmatch(cell):
            raise ValueError(f"host {cell!r} is not an address; one row a host, or *") from None
        return cell
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _time(cell: str, column: str) -> int | None:
    if not cell:
        return None
    parts = RFC3339.fullmatch(cell)
    if parts is None:
        raise ValueError(f"{column} {cell!r:.80} is not RFC 3339 with an offset, as 2026-03-01T00:00:00Z")
    day, clock, fraction, offset = parts.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{offset.upper().replace('Z', '+00:00')}")
        since = moment - EPOCH
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{column} {cell!r} is no time: {error}") from None
    ns = int((fraction or ".0")[1:].ljust(9, "0"))
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + ns


def _weight(cell: str) -> float:
    if not cell:
        return 1.0
    try:
        weight = number(cell)
    except ValueError:
        weight = math.nan
    if not 0 < weight <= HEAVIEST:
        raise ValueError(f"weight {cell!r:.80} is not a number above 0 and at most {HEAVIEST:g}")
    return weight


def _contradictions(labels: list[Label]) -> Iterator[str]:
    """Rows that speak of the same host and time and do not say the same; one line each."""
    by_host: dict[tuple[Path, str], list[Label]] = {}
    for label in labels:
        by_host.setdefault((label.source, label.host), []).append(label)
    for same in by_host.values():
        same.sort(key=lambda label: (_least(label.start_ns), label.line))
        widest: dict[tuple[bool, str], Label] = {}  # per (class, group), the row that reaches furthest
        for label in same:
            yield from _against(label, widest)
            mine = widest.get((label.mining, label.group))
            if mine is None or not _before_end(label.end_ns, mine.end_ns):
                widest[label.mining, label.group] = label


def _against(label: Label, earlier: Mapping[tuple[bool, str], Label]) -> Iterator[str]:
    for (mining, group), other in earlier.items():
        if (mining, group) != (label.mining, label.group) and label.overlaps(other):
            what = "label" if mining != label.mining else "group"
            yield f"line {label.line}: contradicts the {what} of line {other.line} ({label.host}, same time)"
            return


def _lacking(labels: list[Label], place: Path, both: bool) -> list[str]:
    present = {label.mining for label in labels}
    if not labels:
        return [f"{place}: no rows"]
    if len(present) == 2 or not both:
        return []
    only, lacking = LABELS if present == {True} else LABELS[::-1]
    return [f"{place}: every row is {only}; add {lacking} ones, for a model learns from both"]


def _touches(label: Label, host: str, first_ns: int, last_ns: int) -> bool:
    if label.host not in (EVERY_HOST, host):
        return False
    begun = label.start_ns is None or label.start_ns <= last_ns
    return begun and (label.end_ns is None or first_ns < label.end_ns)


def _before(start: int | None, end: int | None) -> bool:
    return start is None or end is None or start < end


def _before_end(end: int | None, other: int | None) -> bool:
    """Whether a row ends before another one does."""
    return end is not None and (other is None or end < other)


def _least(start: int | None) -> float:
    return -math.inf if start is None else start


def _meant(label: str) -> str:
    """Which of the two a label surely is, by another name or misspelt."""
    named = MEANT.get(label.lower())
    return f"; did you mean {named!r}?" if named else _nearest(label, LABELS)


def _nearest(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word.lower(), list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}"
