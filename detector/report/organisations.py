"""The roll-up in words and as a table: what an organisation that was told to check hands in."""

from __future__ import annotations

from collections.abc import Iterator

from detector.records import Verdict
from detector.report.markup import Markup, table, tag
from detector.report.words import several
from detector.rollup import SHARES, Drawn, Rollup, Share, Trend, Unit
from detector.text import grouped, number, plural

SHOWN = 200  # organisations with a row; all are in what --rollup writes
NAMED = 20  # hosts of a list that are named


def organisations(rollup: Rollup) -> Markup:
    """The section of the roll-up."""
    several_units = len(rollup.organisations) > 1
    units = [*rollup.organisations[:SHOWN], rollup.whole] if several_units else [rollup.whole]
    headings = (
        "Organisation", "Checked", "By traffic", "By power", "By both", "Mining", "Suspicious",
        "Undecided", "Allowed", "Energy of those called mining", "CO2e", "Listed, not seen",
    )  # fmt: skip
    rows = [_row(unit, unit.organisation or "none named") for unit in units[:-1]] + [
        _row(rollup.whole, "All")
    ]
    left = len(rollup.organisations) - SHOWN
    return tag(
        "section",
        tag("h2", "By organisation", id="organisations"),
        table(headings, rows, "Hosts and meters checked, by organisation"),
        tag("p", f"{grouped(left)} more are in what --rollup writes.", class_="quiet") if left > 0 else None,
        tag(
            "p",
            "In brackets: between which shares the truth lies, at 95 % (Clopper-Pearson), if what was checked"
            " is a fair sample of what the organisation has.  They do not cover what minewatch fails to"
            " recognise.  Allowed: called mining or suspicious, and a policy or the asset map allows it;"
            f" counted there only.  CO2e at {rollup.co2e_kg_per_kwh:g} kg a kWh: {rollup.co2e_source}.",
            class_="quiet",
        ),
        *_lists("Since the previous run", trend(rollup)),
        *_lists("What was not covered", uncovered(rollup)),
        aria_labelledby="organisations",
    )


def _row(unit: Unit, name: str) -> Markup:
    counts = [unit.checked, unit.by_traffic, unit.by_power, unit.by_both]
    return tag(
        "tr",
        tag("th", name, scope="row"),
        *(tag("td", number(count), class_="score") for count in counts),
        *(tag("td", _share(share)) for share in (*(unit.shares[one] for one in SHARES), unit.allowed)),
        tag("td", _energy(unit.energy)),
        tag("td", "-" if unit.energy.co2e_kg is None else f"{number(unit.energy.co2e_kg)} kg"),
        tag("td", grouped(len(unit.unseen))),
    )


def _share(share: Share) -> str:
    if not share.of:
        return "0"
    return f"{number(share.count)} ({share.low:.1%} to {share.high:.1%})"


def _energy(drawn: Drawn) -> str:
    told = [
        f"{number(kwh)} kWh {basis}"
        for kwh, basis in ((drawn.measured_kwh, "measured"), (drawn.estimated_kwh, "estimated"))
        if kwh is not None
    ]
    if drawn.unread:
        told.append(f"{grouped(drawn.unread)} without readings")
    return ", ".join(told) or "-"


def trend(rollup: Rollup) -> Iterator[str]:
    """What changed since the run before."""
    told = rollup.whole.trend
    if told is None:
        return
    mining, before = rollup.whole.shares[Verdict.MINING].count, told.before[Verdict.MINING]
    all_before = sum(told.before.values()) + told.allowed_before
    yield (
        f"Compared with {rollup.previous}: {number(all_before)} checked then, {number(rollup.whole.checked)}"
        f" now; {number(before)} called mining then, {number(mining)} now;"
        f" {number(told.before[Verdict.SUSPICIOUS])} suspicious then,"
        f" {number(rollup.whole.shares[Verdict.SUSPICIOUS].count)} now. "
        f" {number(told.seen_again)} were seen in both."
    )
    if all_before and not told.seen_again:
        yield "No name of then is among those of now: were both runs of this site, and under one site key?"
    yield from _changes(told)


def _changes(told: Trend) -> Iterator[str]:
    lists = {
        "Newly called mining": told.newly,
        "Called mining then, and allowed now": told.now_allowed,
        "No longer called mining": told.no_longer,
        "Called mining then, and not seen now": told.gone,
    }
    for words, names in lists.items():
        yield f"{words}: {_named(names)}." if names else f"{words}: none."


def _named(names: tuple[str, ...]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {grouped(more)} more" if more > 0 else "")


def uncovered(rollup: Rollup) -> Iterator[str]:
    """What nobody may conclude from this report."""
    whole = rollup.whole
    if whole.unseen:
        yield (
            f"{plural(len(whole.unseen), 'asset')} of the asset map of which nothing was seen:"
            f" {_named(whole.unseen)}."
        )
    only_traffic, only_power = whole.by_traffic - whole.by_both, whole.by_power - whole.by_both
    if only_traffic:
        yield f"No power was read of {several(only_traffic)}: mining with hidden traffic may be missed there."
    if only_power:
        yield f"No traffic was seen of {several(only_power)}: small miners may be missed there."
    undecided = whole.shares[Verdict.UNDECIDED].count
    if undecided:
        yield f"{several(undecided)} could not be judged; the list says what is missing of each."
    if rollup.problems:
        yield f"{plural(len(rollup.problems), 'input')} could not be read, or not wholly: see what was read."
    yield "Hosts and meters that are in no capture, no power file and no asset map are not in this report."


def _lists(heading: str, lines: Iterator[str]) -> list[Markup]:
    told = [tag("li", line) for line in lines]
    return [tag("h3", heading), tag("ul", *told)] if told else []
