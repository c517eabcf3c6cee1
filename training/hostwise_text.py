"""What `hostwise` measured, as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from detector.text import cells, plural, printable, probability

ROWS, LISTED = 12, 20  # of a table, of a list
LEVEL_NAMES = {"mining": "mining", "suspicious": "suspicious or mining"}
Row = Sequence[str]


def lines(told: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a document of `hostwise`, with "model", "labels" and "seen_in_training" beside it."""
    for line in _lines(told):
        yield printable(line.rstrip())


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    yield f"{told['model']['id']} (digest {told['model']['digest'][:16]}) held against {told['labels']}"
    if told["seen_in_training"]:
        yield "THIS MODEL WAS TRAINED ON THESE LABELS: the numbers below say nothing about other hosts"
    yield ""
    yield from _counted(told["hosts"])
    yield ""
    yield from _overall(told)
    yield from _over_groups(told["groups"])
    yield from _worth(told["precision"])
    yield from _delay(told["detection_delay"])
    yield from _reliability(told["calibration"])
    for name, parts in told["by"].items():
        if len(parts) < told["hosts"]["counted"]:  # else it is the list of hosts
            yield from _by(name, parts)
    if "against" in told:
        yield from _against(told["against"])
    for section in told.get("checks", ()):
        yield from _section(section)
    wrong = list(_table([_wrong(one) for one in told["wrong"][:LISTED]]))
    yield from _listed("called otherwise than labelled", wrong, len(told["wrong"]))
    partly = [f"{one['host']}  {one['source']}" for one in told["not_counted"]]
    yield from _listed("not counted, for no one label speaks of the whole record", partly, len(partly))
    unseen = [f"line {one['line']}: {one['host']}  {one['source']}" for one in told["not_seen"]]
    title = "labelled but not seen (no packet or reading, or outside --home-net)"
    yield from _listed(title, unseen, len(unseen))


def _counted(hosts: Mapping[str, int]) -> Iterator[str]:
    split = f"{hosts['mining']} mining, {hosts['benign']} benign"
    yield f"{plural(hosts['counted'], 'labelled host')} counted: {split}"
    if hosts["simulated"]:
        yield f"{hosts['simulated']} of them SIMULATED: of real networks these numbers prove nothing"
    if hosts["unlabelled"]:
        yield f"{plural(hosts['unlabelled'], 'host')} without a label left out"


def _overall(told: Mapping[str, Any]) -> Iterator[str]:
    yield from _table([("called", "mining hosts found", "benign hosts, falsely"), *_levels(told["overall"])])
    mining, benign = (told["overall"]["undecided"][label] for label in ("mining", "benign"))
    if mining or benign:
        yield f"undecided: {mining} mining (not found) and {benign} benign (left out)"
    yield ""
    days = told["benign_host_days"]
    yield f"false alarms per 1 000 host-days, in {days:.4g} days from first to last seen of benign hosts:"
    for level, rate in told["false_alarms_per_1000_host_days"].items():
        yield f"  {LEVEL_NAMES[level]:<22}{_per_thousand(rate)}"


def _over_groups(told: Mapping[str, Any]) -> Iterator[str]:
    """The same shares with the number of groups as n."""
    rows: list[Row] = [("called, bound over groups", "mining hosts found", "benign hosts, falsely")]
    for level, name in LEVEL_NAMES.items():
        rows.append((name, *(_interval(told[level][what]) for what in ("recall", "false_alarms"))))
    yield ""
    yield from _table(rows)


def _interval(told: Mapping[str, Any]) -> str:
    if told["value"] is None:
        return "-"
    few = ", too few groups for a bound" if told["groups"] < 10 else ""
    low, high = 100 * told["low"], 100 * told["high"]
    return f"{100 * told['value']:.1f} % ({low:.1f} to {high:.1f} %; {plural(told['groups'], 'group')}{few})"


def _worth(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Precision by prevalence, and nothing where one class is missing."""
    if all(row[level]["value"] is None for row in rows for level in LEVEL_NAMES):
        return
    yield ""
    shown: list[Row] = [("of hosts that mine", "called mining, right", "suspicious or mining, right")]
    for row in rows:
        mark = " (asked)" if row["asked"] else ""
        shown.append((f"{row['prevalence']:g}{mark}", *(_percent(row[level]) for level in LEVEL_NAMES)))
    yield from _table(shown)


def _percent(told: Mapping[str, float | None]) -> str:
    if told["value"] is None:
        return "-"
    low, high = (0.0 if told["low"] is None else told["low"]), (1.0 if told["high"] is None else told["high"])
    return f"{100 * told['value']:.1f} % ({100 * low:.1f} to {100 * high:.1f} %)"


def _delay(told: Mapping[str, Any]) -> Iterator[str]:
    if not told["hosts"]:
        return
    yield ""
    yield f"windows of 5 minutes until first called so, of {plural(told['hosts'], 'mining host')}:"
    for level, name in LEVEL_NAMES.items():
        one = told[level]
        when = f"median {one['median_windows']:g}, at most {one['most_windows']}" if one["found"] else "never"
        yield f"  {name:<22}{one['found']} found; {when}"


def _against(other: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield f"the same hosts by {other['model']['id']} (digest {other['model']['digest'][:16]}):"
    yield from _table([("called", "mining hosts found", "benign hosts, falsely"), *_levels(other["overall"])])
    rows = [(*_wrong(one)[:3], f"by the other {one['against']}", one["source"]) for one in other["differ"]]
    yield from _listed("called otherwise by the two", list(_table(rows[:LISTED])), len(rows))


def _section(section: Mapping[str, Any]) -> Iterator[str]:
    """A check of the labels, by `evaluation.own`."""
    yield ""
    yield f"check: {section['title']} ({section['note']})"
    yield from _table([section["columns"], *section["rows"]] if section["rows"] else [])


def _levels(rates: Mapping[str, Any]) -> Iterator[Row]:
    for level, name in LEVEL_NAMES.items():
        yield name, _share(rates[level]["recall"]), _share(rates[level]["false_alarms"])


def _reliability(told: Mapping[str, Any]) -> Iterator[str]:
    if not told["n"]:
        return
    yield ""
    yield f"calibration of {plural(told['n'], 'host')} with a score: Brier {told['brier']:.4f} (0 is perfect)"
    rows: list[Row] = [("score", "mean", "of them mining")]
    for one in told["bins"]:
        if one["mean"] is not None:
            span = f"{one['low']:.1f} to {one['high']:.1f}"
            rows.append((span, f"{one['mean']:.3f}", _share(one["mining"])))
    yield from _table(rows)


def _by(name: str, parts: Mapping[str, Any]) -> Iterator[str]:
    """One row a value; where there are many, those with most mistakes."""
    if not parts:
        return
    yield ""
    rows: list[Row] = [(name, "called mining", "or suspicious", "benign mining", "or suspicious")]
    for value in sorted(parts, key=lambda value: (-_mistakes(parts[value]), value))[:ROWS]:
        rates = [parts[value][level][what] for what in ("recall", "false_alarms") for level in LEVEL_NAMES]
        rows.append((value, *map(_share, rates)))
    yield from _table(rows)
    if len(parts) > ROWS:
        yield f"and {len(parts) - ROWS} more, with no more mistakes (--format json has all)"


def _mistakes(rates: Mapping[str, Any]) -> int:
    """Benign hosts not left alone, and mining hosts not called mining."""
    recall, alarms = rates["mining"]["recall"], rates["suspicious"]["false_alarms"]
    return int(recall["n"] - recall["count"] + alarms["count"])


def _wrong(one: Mapping[str, Any]) -> Row:
    said = f"called {one['verdict']}"
    more = one["variant"] or one["group"]
    return one["label"], one["host"], said, probability(one["score"]), one["source"], more


def _listed(title: str, items: Sequence[str], n: int) -> Iterator[str]:
    if n:
        yield ""
        yield f"{title} ({n}):"
        yield from (f"  {item}" for item in items[:LISTED])
    if n > LISTED:
        yield f"  and {n - LISTED} more (--format json has all)"


def _share(rate: Mapping[str, Any]) -> str:
    if rate["value"] is None:
        return "-"
    return f"{rate['count']} of {rate['n']} ({100 * rate['low']:.1f} to {100 * rate['high']:.1f} %)"


def _per_thousand(rate: Mapping[str, Any]) -> str:
    if rate["value"] is None:
        return "- (no time of benign hosts)"
    return f"{rate['value']:.4g} ({rate['low']:.4g} to {rate['high']:.4g})"


def _table(rows: Sequence[Row]) -> Iterator[str]:
    if not rows:
        return
    shown = [[printable(cell) for cell in row] for row in rows]
    widths = [max(cells(row[i]) for row in shown) for i in range(len(rows[0]))]
    for row in shown:
        yield "  ".join(cell + " " * (width - cells(cell)) for cell, width in zip(row, widths, strict=True))
