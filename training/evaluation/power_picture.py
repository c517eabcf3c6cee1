"""Recall by the miner's share of the meter, as a small SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from training.bootstrap import Interval

SHARES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.01)
WIDTH, HEIGHT, MARGIN = 420, 240, 44  # pixels
COLOURS = ("#0072b2", "#d55e00")  # told apart by the colour-blind (Okabe and Ito)
MARKS = ("circle", "square")


def picture(curves: Mapping[str, Sequence[Interval]]) -> str:
    """One line a curve over the bins of SHARES, with its interval over groups."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH + 2 * MARGIN}" height="{HEIGHT + 2 * MARGIN}"'
        f' viewBox="0 0 {WIDTH + 2 * MARGIN} {HEIGHT + 2 * MARGIN}" font-family="sans-serif" font-size="11">'
        "<title>Recall of mining meters at 1 % false alarms, by the miner's share</title>",
        f'<rect x="{MARGIN}" y="{MARGIN}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#888"/>',
    ]
    for number, (name, points) in enumerate(curves.items()):
        parts += _curve(name, points, number)
    for place in range(len(SHARES) - 1):
        label = f"{SHARES[place]:.0%}-{min(SHARES[place + 1], 1.0):.0%}"
        parts.append(_text(_x(place), HEIGHT + MARGIN + 15, label, "middle"))
    for value in (0.0, 0.5, 1.0):
        parts.append(_text(MARGIN - 5, _y(value) + 4, f"{value:.0%}", "end"))
    parts.append(_text(MARGIN + WIDTH / 2, HEIGHT + MARGIN + 34, "miner's share of the energy", "middle"))
    parts.append(_text(MARGIN, MARGIN - 26, "recall at 1 % false alarms, 15 to 60 min readings", "start"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _curve(name: str, points: Sequence[Interval], number: int) -> list[str]:
    colour, parts = COLOURS[number], []
    known = [(place, point) for place, point in enumerate(points) if point.value is not None]
    path = " ".join(f"{_x(place, number)},{_y(point.value or 0.0)}" for place, point in known)
    parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
    for place, point in known:
        x, low, high = _x(place, number), _y(point.low or 0.0), _y(point.high or 0.0)
        parts.append(f'<line x1="{x}" y1="{low}" x2="{x}" y2="{high}" stroke="{colour}"/>')
        parts.append(_mark(x, _y(point.value or 0.0), number))
    y = MARGIN - 9
    x = MARGIN + 8 + number * 190
    return [*parts, _mark(x, y - 4, number), _text(x + 9, y, name, "start")]


def _mark(x: float, y: float, number: int) -> str:
    if MARKS[number] == "circle":
        return f'<circle cx="{x}" cy="{y}" r="4" fill="{COLOURS[number]}"/>'
    return f'<rect x="{x - 4}" y="{y - 4}" width="8" height="8" fill="{COLOURS[number]}"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{round(x, 1)}" y="{round(y, 1)}" text-anchor="{anchor}">{text}</text>'


def _x(place: int, number: int = 0) -> float:
    return round(MARGIN + WIDTH * (place + 0.5) / (len(SHARES) - 1) + 4 * number, 1)


def _y(value: float) -> float:
    return round(MARGIN + HEIGHT * (1 - value), 1)
