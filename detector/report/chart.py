"""Pictures of what a host did over time: inline SVG, with the same in words and in a table behind it.

Panels are drawn one under the other on one axis of time.  Nothing is told by colour alone: every
series has its own shape and its name beside it.  Colours are the style sheet's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detector.findings.evidence import duration, watts
from detector.records import Steps
from detector.report.markup import Markup, join, table, tag
from detector.text import minute, number, probability

if TYPE_CHECKING:
    from detector.records import Floats

WIDTH, LEFT, RIGHT = 720, 56, 12  # of the picture, and its margins
PANEL, GAP, BELOW = 84, 26, 24  # heights: a panel, the heading over it, the axis under all
MOST_TICKS: Final = 6
MOST_ROWS: Final = 24  # of the table behind a picture
_MINUTE: Final = 60_000_000_000
_DAY: Final = 1_440 * _MINUTE
TICKS: Final = tuple(
    n * _MINUTE for n in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080, 20160, 43200)
)


@dataclass(frozen=True, slots=True)
class Span:
    """The axis of time of a picture, ns."""

    start_ns: int
    end_ns: int

    def x(self, ns: float) -> float:
        """Where a moment stands, in the picture's units."""
        share = (ns - self.start_ns) / max(self.end_ns - self.start_ns, 1)
        return LEFT + share * (WIDTH - LEFT - RIGHT)


def span(steps: Steps) -> Span:
    """From the first step to the end of the last."""
    n = len(next(iter(steps.columns.values())))
    return Span(steps.start_ns, steps.start_ns + n * steps.step_ns)


def shared(a: Span, b: Span) -> Span | None:
    """One axis for both, where neither would be lost on it."""
    whole = Span(min(a.start_ns, b.start_ns), max(a.end_ns, b.end_ns))
    shorter = min(a.end_ns - a.start_ns, b.end_ns - b.start_ns)
    return whole if whole.end_ns - whole.start_ns <= 4 * shorter else None


def traffic(steps: Steps, axis: Span, name: str, course: Sequence[tuple[int, float]] = ()) -> Markup:
    """Messages and pushes as bars, the score of the behaviour as a dashed line.  name: an id, ours.

    course: (start of a window in ns, the finding's score had all ended with it), in order of time: a line
    of its own; none where that is not known.
    """
    messages, pushes, score = (steps.columns[key] for key in ("messages", "pushes", "score"))
    most = max(float(np.nanmax(messages)), 1.0)
    before = "Score of the finding as it developed (line), and of " if course else "Score of "
    panels = [
        join(
            _heading(0, f"Messages in {duration(steps.step_ns)} (outlined), unprompted by the host (solid)"),
            _scale(0, ("0", number(most))),
            tag("path", d=Markup(_bars(steps, messages, axis, 0, most)), class_="messages"),
            tag("path", d=Markup(_bars(steps, pushes, axis, 0, most)), class_="pushes"),
        ),
        join(
            _heading(1, f"{before}this behaviour alone (dashed)"),
            _scale(1, ("0", "1")),
            tag("path", d=Markup(_line(steps, score, axis, 1, 1.0)), class_="alone"),
            tag("path", d=Markup(_developed(course, axis, 1)), class_="line") if course else None,
        ),
    ]
    told = (
        f"{number(float(np.nansum(messages)))} messages, {number(float(np.nansum(pushes)))} of them"
        f" sent by the other end unprompted; the score of the behaviour ran from"
        f" {probability(float(np.nanmin(score)))} to {probability(float(np.nanmax(score)))}."
    )
    rows = _rows(steps, {"messages": np.nansum, "pushes": np.nansum, "score": np.nanmax})
    numbers = table(
        ("From (UTC)", "Messages", "Unprompted", "Highest score"),
        [_row(when, number(m), number(p), probability(s)) for when, (m, p, s) in rows],
        caption="Suspect channels over time: the numbers",
    )
    if course:
        (began_ns, first), *_, (_, last) = (course[0], *course)
        told += (
            f"  The score of the finding, of all windows, words and power so far, was {probability(first)}"
            f" at {minute(began_ns)} and {probability(last)} at the end."
        )
        numbers = join(numbers, _course_table(course))
    return _figure(name, ("Suspect channels over time", told), panels, axis, numbers)


def power(steps: Steps, axis: Span, name: str, onset_ns: int | None) -> Markup:
    """Watts as a line in the band of their extremes; the moment a load came as a dashed line."""
    mean, low, high = (steps.columns[key] for key in ("mean", "low", "high"))
    most = max(float(np.nanmax(high)), 1.0) * 1.05
    marked = onset_ns is not None and axis.start_ns <= onset_ns <= axis.end_ns
    panel = join(
        _heading(0, f"Power: mean of {duration(steps.step_ns)} (line), lowest to highest (band)"),
        _scale(0, ("0", watts(most / 1.05)), most=1 / 1.05),
        tag("path", d=Markup(_band(steps, low, high, axis, most)), class_="band"),
        tag("path", d=Markup(_line(steps, mean, axis, 0, most)), class_="line"),
        _onset(axis.x(onset_ns), onset_ns) if marked and onset_ns is not None else None,
    )
    told = (
        f"Between {watts(float(np.nanmin(low)))} and {watts(float(np.nanmax(high)))},"
        f" {watts(float(np.nanmean(mean)))} on average."
    )
    if marked and onset_ns is not None:
        before, after = _around(steps, mean, onset_ns)
        told += f"  A load came at {minute(onset_ns)}: {before} before it, {after} after."
    rows = _rows(steps, {"mean": np.nanmean, "low": np.nanmin, "high": np.nanmax})
    numbers = table(
        ("From (UTC)", "Mean", "Lowest", "Highest"),
        [_row(when, *map(watts, values)) for when, values in rows],
        caption="Power over time: the numbers",
    )
    return _figure(name, ("Power over time", told), [panel], axis, numbers)


def _figure(
    name: str, words: tuple[str, str], panels: Sequence[Markup], axis: Span, numbers: Markup
) -> Markup:
    """words: the heading, and what the picture shows."""
    heading, told = words
    height = len(panels) * (PANEL + GAP) + BELOW
    when = f"{minute(axis.start_ns)} to {minute(axis.end_ns)} UTC."
    picture = tag(
        "svg",
        tag("title", heading, id=f"{name}t"),
        tag("desc", f"{when}  {told}", id=f"{name}d"),
        _axis(axis, height - BELOW),
        *panels,
        viewBox=f"0 0 {WIDTH} {height}",
        role="img",
        aria_labelledby=f"{name}t {name}d",
        class_="chart",
    )
    return tag(
        "figure",
        tag("figcaption", tag("strong", heading), " ", when, " ", told),
        tag("div", picture, class_="wide", tabindex=0, role="group", aria_label=f"{heading}, picture"),
        tag("details", tag("summary", "The numbers behind this picture"), numbers),
    )


def _top(panel: int) -> float:
    return panel * (PANEL + GAP) + GAP


def _heading(panel: int, words: str) -> Markup:
    return tag("text", words, x=LEFT, y=_top(panel) - 9, class_="name")


def _scale(panel: int, ends: tuple[str, str], most: float = 1.0) -> Markup:
    """The line of 0 and that of the other end, which stands at `most` of the panel's height."""
    lines = []
    for share, label in zip((0.0, most), ends, strict=True):
        y = round(_top(panel) + PANEL * (1 - share), 1)
        lines += [
            tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="grid"),
            tag("text", label, x=LEFT - 6, y=y + 4, text_anchor="end", class_="tick"),
        ]
    return join(*lines)


def _developed(course: Sequence[tuple[int, float]], axis: Span, panel: int) -> str:
    """A line of steps: each score from the start of its window to that of the next one, the last to the
    end of the picture."""
    start_ns = max(course[0][0], axis.start_ns)
    parts = [f"M{round(axis.x(start_ns), 1)} {_y(course[0][1], panel, 1.0)}"]
    for time_ns, score in course[1:]:
        parts.append(f"H{round(axis.x(min(time_ns, axis.end_ns)), 1)}V{_y(score, panel, 1.0)}")
    return "".join([*parts, f"H{round(axis.x(axis.end_ns), 1)}"])


def _course_table(course: Sequence[tuple[int, float]]) -> Markup:
    """The last of each of at most MOST_ROWS stretches."""
    each = -(-len(course) // MOST_ROWS)
    rows = [course[min(begin + each, len(course)) - 1] for begin in range(0, len(course), each)]
    return table(
        ("Window (UTC)", "Score of the finding"),
        [_row(minute(time_ns), probability(score)) for time_ns, score in rows],
        caption="The score as it developed: the numbers",
    )


def _axis(axis: Span, bottom: float) -> Markup:
    marks = []
    shown = ""
    for ns in _ticks(axis):
        x = round(axis.x(ns), 1)
        day, clock = minute(ns).split(" ")
        label = clock if day == shown else f"{day} {clock}" if ns % _DAY else day
        shown = day
        marks += [
            tag("line", x1=x, x2=x, y1=GAP, y2=bottom, class_="grid"),
            tag("text", label, x=x, y=bottom + 16, text_anchor="middle", class_="tick"),
        ]
    return join(*marks)


def _ticks(axis: Span) -> Iterator[int]:
    """Round moments, at most MOST_TICKS and not at the edges, where labels would be cut."""
    length = max(axis.end_ns - axis.start_ns, _MINUTE)
    step = next((step for step in TICKS if length // step <= MOST_TICKS), None)
    step = step or math.ceil(length / MOST_TICKS / _DAY) * _DAY
    edge = length // 14
    first = -(-(axis.start_ns + edge) // step) * step
    return iter(range(first, axis.end_ns - edge + 1, step))


def _onset(x: float, onset_ns: int) -> Markup:
    x = round(x, 1)
    left = x > WIDTH / 2
    return join(
        tag("line", x1=x, x2=x, y1=_top(0), y2=_top(0) + PANEL, class_="onset"),
        tag(
            "text",
            f"load came {minute(onset_ns)}",
            x=x - 5 if left else x + 5,
            y=_top(0) + PANEL - 8,
            text_anchor="end" if left else "start",
            class_="name",
        ),
    )


def _y(value: float, panel: int, most: float) -> float:
    return round(_top(panel) + PANEL * (1 - min(max(value / most, 0.0), 1.0)), 1)


def _edges(steps: Steps, axis: Span, index: int) -> tuple[float, float]:
    start = steps.start_ns + index * steps.step_ns
    return round(axis.x(start), 1), round(axis.x(start + steps.step_ns), 1)


def _bars(steps: Steps, values: Floats, axis: Span, panel: int, most: float) -> str:
    base, parts = _y(0.0, panel, most), []
    for index in np.flatnonzero(values > 0).tolist():
        left, right = _edges(steps, axis, index)
        parts.append(f"M{left} {base}V{_y(float(values[index]), panel, most)}H{right}V{base}z")
    return "".join(parts)


def _line(steps: Steps, values: Floats, axis: Span, panel: int, most: float) -> str:
    """A line of steps, broken where nothing is known."""
    parts, last = [], -2
    for index in np.flatnonzero(~np.isnan(values)).tolist():
        left, right = _edges(steps, axis, index)
        y = _y(float(values[index]), panel, most)
        parts.append(f"V{y}H{right}" if index == last + 1 else f"M{left} {y}H{right}")
        last = index
    return "".join(parts)


def _band(steps: Steps, low: Floats, high: Floats, axis: Span, most: float) -> str:
    parts = []
    for index in np.flatnonzero(~np.isnan(low)).tolist():
        left, right = _edges(steps, axis, index)
        parts.append(
            f"M{left} {_y(float(low[index]), 0, most)}V{_y(float(high[index]), 0, most)}"
            f"H{right}V{_y(float(low[index]), 0, most)}z"
        )
    return "".join(parts)


def _around(steps: Steps, mean: Floats, onset_ns: int) -> tuple[str, str]:
    at = (onset_ns - steps.start_ns) // steps.step_ns
    return _level(mean[:at]), _level(mean[at:])


def _level(mean: Floats) -> str:
    return watts(float(np.nanmean(mean))) if np.isfinite(mean).any() else "nothing known"


def _rows(steps: Steps, how: Mapping[str, Callable[[Floats], Any]]) -> Iterator[tuple[str, list[float]]]:
    """(start, a number a column) of at most MOST_ROWS stretches that hold anything."""
    n = len(next(iter(steps.columns.values())))
    each = -(-n // MOST_ROWS)
    for begin in range(0, n, each):
        pieces = [steps.columns[name][begin : begin + each] for name in how]
        if any(np.isfinite(piece).any() for piece in pieces):
            told = [float(f(piece)) for f, piece in zip(how.values(), pieces, strict=True)]
            yield minute(steps.start_ns + begin * steps.step_ns), told


def _row(when: str, *cells: str) -> Markup:
    return tag("tr", tag("th", when, scope="row"), *(tag("td", cell) for cell in cells))
