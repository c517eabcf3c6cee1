"""What was measured, in Markdown; and the reliability diagram as a small SVG."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from detector.model import sigmoid
from training import metrics
from training.bootstrap import FEW, Interval
from training.dataset import Floats, Mask, Texts
from training.evaluation.checks import met_evenly
from training.evaluation.held_out import FALSE_ALARMS, Judged, Worth
from training.hostwise import PREVALENCES

BINS = 10
SIDE, MARGIN = 240, 34  # pixels of the diagram


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")


def interval(told: Interval, *, percent: bool = False) -> str:
    """`0.95 (0.93 to 0.97)`, and whether the groups are too few."""
    if told.value is None or told.low is None or told.high is None:
        return "-"
    scale, digits, unit = (100, 1, " %") if percent else (1, 3, "")
    low, high = (f"{scale * one:.{digits}f}" for one in (told.low, told.high))
    few = f"; {told.groups} groups" if told.groups < FEW else ""
    return f"{scale * told.value:.{digits}f}{unit} ({low} to {high}{few})"


def rate(told: metrics.Rate) -> str:
    """`3 of 988 (at most 0.9 %)`."""
    return "-" if told.high is None else f"{told.count} of {told.n:g} (at most {100 * told.high:.2f} %)"


def passes(well: bool) -> str:
    """What a check says; a failure is seen from afar."""
    return "passes" if well else "**FAILS**"


def met(disturbances: Mapping[str, Texts], labels: Mask) -> str:
    """Whom each disturbance met, one table for all kinds, and which are learnt instead of mining."""
    told = met_evenly(disturbances, labels)
    rows = [
        (one.name, f"{one.mining.count} of {one.mining.n:g}", f"{one.mining.value:.0%}", passes(one.even))
        for one in told
    ]
    failing = [one.name for one in told if not one.even]
    head = (
        "Disturbances must meet both classes alike; mining is"
        f" {labels.mean():.0%} of all, and each must fit its share among those for whom it was drawn"
        " (exact, 95 % for all together)."
    )
    end = f"**Not met alike**: {'; '.join(failing)}." if failing else "All were met alike."
    return f"{head}\n\n" + table(["disturbance", "mining", "share", "check"], rows) + f"\n\n{end}"


WORTH = ("AUC", f"recall at {FALSE_ALARMS:.0%} false alarms", "false alarms", "of recorded")


def worth(told: Worth) -> list[str]:
    """The cells under WORTH."""
    alarms = [rate(told.false_alarms), rate(told.false_alarms_recorded)]
    return [interval(told.auc), interval(told.recall, percent=True), *alarms]


def by_group(found: Judged, of: Mask, origin: str, shown: int = 12) -> str:
    """Each group of some of the examples, the worst first: share called, with its bound."""
    rows = []
    part = found.take(of)
    for name in sorted(set(part.groups.tolist())):
        mine = part.take(part.groups == name)
        told = metrics.clopper_pearson(int(mine.hit.sum()), len(mine.hit))
        rows.append((told, name, bool(mine.labels[0])))
    rows.sort(key=lambda row: ((row[0].value or 0.0) if row[2] else -(row[0].value or 0.0), row[1]))
    listed = [
        (name, origin, f"{r.count} of {r.n:g}", f"{r.low:.1%} to {r.high:.1%}") for r, name, _ in rows[:shown]
    ]
    more = f"\n\nand {len(rows) - shown} more, that do no worse" if len(rows) > shown else ""
    return table(["held out", "origin", "called", "95 %"], listed) + more


def precision(recall: Mapping[str, float | None], alarms: Mapping[str, float | None]) -> str:
    """What an alarm is worth by prevalence."""
    rows = []
    for share in PREVALENCES:
        told = metrics.precision_at(share, recall, alarms)
        cells = ["-" if told[name] is None else f"{told[name]:.1%}" for name in ("value", "low", "high")]
        rows.append([f"{share:g}", *cells])
    return table(["of hosts that mine", "an alarm is right", "at worst", "at best"], rows)


def reliability(probability: Floats, labels: Mask) -> list[tuple[float, metrics.Rate]]:
    """(mean of what was said, share that mined) of BINS equal bins that hold anything."""
    place = np.minimum((probability * BINS).astype(int), BINS - 1)
    told = []
    for number in np.unique(place):
        inside = place == number
        share = metrics.clopper_pearson(int(labels[inside].sum()), int(inside.sum()))
        told.append((float(probability[inside].mean()), share))
    return told


def diagram(bins: Sequence[tuple[float, metrics.Rate]], title: str) -> str:
    """The reliability diagram: what was said against what was true, with 95 % bounds."""
    size = SIDE + 2 * MARGIN

    def x(value: float) -> float:
        return round(MARGIN + SIDE * value, 1)

    def y(value: float) -> float:
        return round(MARGIN + SIDE * (1 - value), 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size}" height="{size}" viewBox="0 0 {size} {size}"'
        f' font-family="sans-serif" font-size="10"><title>{title}</title>',
        f'<rect x="{x(0)}" y="{y(1)}" width="{SIDE}" height="{SIDE}" fill="none" stroke="#888"/>',
        f'<line x1="{x(0)}" y1="{y(0)}" x2="{x(1)}" y2="{y(1)}" stroke="#bbb" stroke-dasharray="4 3"/>',
    ]
    for mean, share in bins:
        if share.value is None or share.low is None or share.high is None:
            continue
        parts.append(
            f'<line x1="{x(mean)}" y1="{y(share.low)}" x2="{x(mean)}" y2="{y(share.high)}" stroke="#1f6f8b"/>'
        )
        parts.append(f'<circle cx="{x(mean)}" cy="{y(share.value)}" r="3" fill="#1f6f8b"/>')
    for value in (0, 0.5, 1):
        parts.append(f'<text x="{x(value)}" y="{y(0) + 13}" text-anchor="middle">{value}</text>')
        parts.append(f'<text x="{x(0) - 4}" y="{y(value) + 3}" text-anchor="end">{value}</text>')
    parts.append(f'<text x="{x(0.5)}" y="{y(0) + 27}" text-anchor="middle">score</text>')
    parts.append(f'<text x="{x(0)}" y="{y(1) - 8}">share that mined</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def calibrated(found: Judged) -> Floats:
    """Probabilities of raw scores, by a calibration that has not seen the part."""
    from training.calibration import platt  # noqa: PLC0415

    out = np.empty(len(found.score))
    for number in np.unique(found.part):
        held = found.part == number
        rest = ~held if (~held).any() else held
        slope, offset = platt(found.score[rest], found.labels[rest])
        out[held] = sigmoid(slope * found.score[held] + offset)
    return out
