"""Writes what was measured: docs/performance.md, and the tables of it on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.captures import MB, Capture, Made
from benchmarks.engines import Engine
from benchmarks.results import BUDGETS, KERNEL, SCORE, Results, Spread

GRAPH = "performance-growth.svg"
_UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that the page tells."""

    results: Results
    engines: Sequence[Engine]
    captures: Sequence[Capture]
    made: Mapping[str, Made]
    made_from: str
    machine: Mapping[str, str]
    missing: Mapping[str, str]  # why an engine did not run, by name
    date: str
    rounds: int
    minutes: float
    others: float  # share of the cores' time that went to other processes
    stolen: float  # share that the host gave to other guests

    def compared(self) -> Iterator[Capture]:
        """The captures that have a table of their own."""
        return (capture for capture in self.captures if capture.what and "curve" not in capture.what)


def number(value: float) -> str:
    """Three digits that count, and a unit prefix: 3.42 M, 118 k, 0.0312."""
    for size, prefix in _UNITS:
        if abs(value) >= size * 0.9995:
            return f"{_digits(value / size)} {prefix}"
    return _digits(value)


def _digits(value: float) -> str:
    if value == 0:
        return "0"
    for limit, places in ((99.95, 0), (9.995, 1), (0.9995, 2), (0.09995, 3)):
        if abs(value) >= limit:
            return f"{value:.{places}f}"
    return f"{value:.2g}"


def ranged(spread: Spread | None) -> str:
    """`median (low-high)`."""
    if spread is None:
        return "-"
    middle = number(spread.median)
    if number(spread.low) == number(spread.high):
        return middle
    return f"{middle} ({number(spread.low)}-{number(spread.high)})"


def rows(header: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    """A table of Markdown."""
    told = [[cell.replace("|", "\\|") for cell in line] for line in body]
    return "\n".join(f"| {' | '.join(line)} |" for line in [header, ["---"] * len(header), *told])


def budgets(results: Results) -> str:
    """What the design allows, what was measured, and whether it is kept."""
    body = []
    for budget in BUDGETS:
        sign = "at least" if budget.at_least else "at most"
        measured, verdict = budget.measured(results), budget.verdict(results)
        body.append(
            [
                budget.what,
                f"{sign} {number(budget.limit)} {budget.unit}",
                f"{ranged(measured)} {budget.unit}" if measured else "-",
                verdict if verdict == "met" else f"**{verdict}**",
            ]
        )
    return rows(["budget", "it is", "measured", ""], body)


def engines_on(report: Report, capture: Capture) -> str:
    """One line an engine."""
    body = [
        _line(report.results, engine, capture) for engine in report.engines if _ran(report, engine, capture)
    ]
    header = [
        "engine", "packets given", "CPU s", "wall s", "to start, CPU s", "packets/s", "bytes/s", "peak MB",
        "kernel is faster by", "score is faster by",
    ]  # fmt: skip
    return rows(header, body)


def _ran(report: Report, engine: Engine, capture: Capture) -> bool:
    return bool(report.results.of(engine.name, capture.name)) or bool(
        report.results.failure(engine.name, capture.name)
    )


def _line(results: Results, engine: Engine, capture: Capture) -> list[str]:
    name, on = engine.name, capture.name
    runs = results.of(name, on)
    if not runs:
        return [name, results.failure(name, on), *["-"] * 8]
    peer = not name.startswith("minewatch")
    return [
        name,
        f"{runs[0].packets:,}",
        ranged(results.spread(name, on, lambda s: s.cpu_s)),
        ranged(results.spread(name, on, lambda s: s.wall_s)),
        number(results.start_s(name)),
        ranged(results.packet_rate(name, on)),
        ranged(results.byte_rate(name, on)),
        ranged(results.spread(name, on, lambda s: s.peak_mb)),
        ranged(results.faster(KERNEL, name, on)) if peer else "",
        ranged(results.faster(SCORE, name, on, whole=True)) if peer else "",
    ]


def others(results: Results, engines: Sequence[Engine]) -> str:
    """What is given no capture."""
    body = []
    for engine in engines:
        runs = results.of(engine.name, "")
        if engine.captures:
            continue
        if not runs:
            body.append([engine.name, results.failure(engine.name, "") or "did not run", "-", "-", "-", "-"])
            continue
        rate = results.told_rate(engine.name) if runs[0].told and "cpu_s" in runs[0].told else None
        body.append(
            [
                engine.name,
                engine.does,
                ranged(results.spread(engine.name, "", lambda s: s.wall_s)),
                ranged(results.spread(engine.name, "", lambda s: s.cpu_s)),
                ranged(results.spread(engine.name, "", lambda s: s.peak_mb)),
                f"{ranged(rate)} readings/s" if rate else _live(results) if engine.tells else "",
            ]
        )
    return rows(["program", "does", "wall s", "CPU s", "peak MB", "of the work alone"], body)


def _live(results: Results) -> str:
    metered = results.live(lambda got, sent, lost, s: got / s)
    sent = results.live(lambda got, sent, lost, s: sent / s)
    lost = results.live(lambda got, sent, lost, s: lost)
    return f"{ranged(metered)} packets/s metered of {ranged(sent)} sent; dumpcap lost {ranged(lost)}"


def curve(report: Report) -> str:
    """Time and memory against size, as numbers."""
    body = []
    points = (c for c in report.captures if c.on_curve)
    for capture in sorted(points, key=lambda c: c.n_bytes or 0):
        cells = []
        for engine in report.engines:
            if engine.curve:
                for value in (lambda s: s.cpu_s, lambda s: s.peak_mb):
                    cells.append(ranged(report.results.spread(engine.name, capture.name, value)))
        about = report.made[capture.name]
        body.append([number(about.n_bytes) + "B", f"{about.flows:,}", *cells])
    names = [engine.name for engine in report.engines if engine.curve]
    header = ["size", "flows", *(f"{name}, {what}" for name in names for what in ("CPU s", "peak MB"))]
    return rows(header, body)


def page(report: Report) -> str:
    """The whole page."""
    return _PAGE.format(
        date=report.date,
        rounds=report.rounds,
        minutes=report.minutes,
        others=f"{100 * report.others:.0f}",
        stolen=f"{100 * report.stolen:.1f}",
        budgets=budgets(report.results),
        captures=_captures(report),
        compared="\n\n".join(
            f"### {capture.name}\n\n{engines_on(report, capture)}" for capture in report.compared()
        ),
        programs=others(report.results, report.engines),
        does=rows(
            ["engine", "does", "is given"], (_about(engine) for engine in report.engines if engine.captures)
        ),
        missing="".join(f"- {name} did not run: {why}.\n" for name, why in report.missing.items()),
        graph=GRAPH,
        curve=curve(report),
        machine=rows(["", ""], report.machine.items()),
    )


def _captures(report: Report) -> str:
    body = []
    for capture in report.compared():
        about = report.made[capture.name]
        mean = about.n_bytes / about.packets
        body.append(
            [
                capture.name,
                capture.what,
                f"{about.packets:,}",
                f"{about.n_bytes / MB:,.0f} MB",
                f"{mean:.0f} B",
                f"{about.flows:,}",
            ]
        )
    table = rows(["capture", "what", "packets", "file", "a record", "flows"], body)
    return f"Made by the benchmark from {report.made_from}, with a fixed seed.\n\n{table}"


def _about(engine: Engine) -> list[str]:
    given = [
        name if packets is None else f"{name}: first {packets:,}" for name, packets in engine.captures.items()
    ]
    return [engine.name, engine.does, "; ".join(given)]


_PAGE = """# Performance

Written by `make bench` on {date}: {rounds} rounds in {minutes:.0f} minutes. Other processes took {others} %
of the cores' time meanwhile, and the host gave {stolen} % of it to other guests.

Every engine is a process of its own. A round runs every engine once on every capture, the engines side by
side, the capture in the page cache. Numbers are medians over the rounds, with the least and the most in
brackets.

- *CPU s* is user and system time of all processes that the engine waits for. It is what is compared: wall
  time on a shared machine says more of its other users. Even CPU time moves by a third when a neighbour
  fills the caches.
- *To start* is the least CPU time on a capture of one packet. Rates and *kernel is faster by* leave it out,
  for every engine alike; *score is faster by* is whole process against whole process. Both compare CPU time a
  packet, round by round, since slow engines are given the head of a capture only.
- *Peak MB* is that of the largest process (wait4). Bytes are those of the file.
{missing}
## Budgets
What the design allows. Met is what is within it by the median.

{budgets}

## Captures
{captures}

## Engines
{compared}

They do not all do the same:

{does}

## Start, power, live
{programs}

## Growth
![CPU time and peak memory against the size of the capture]({graph})

Each is the head of the longest, which is two hours of one link. Its hosts and their services recur every half
hour, from other ports of the clients: beyond 1 GB there are more connections, but of the same hosts.

{curve}

## Machine
{machine}

## Again
`make bench` measures all of this and rewrites the page; the captures (10 GB) and the peers' environments are
kept in `minewatch-bench` in the folder for temporary files, or where `--cache` says. `make bench-quick`
prints the tables of smaller captures and writes nothing. What is replicated is public data
(`$MINEWATCH_DATA`); without it the bundled sample is, and other numbers come out.
`python -m benchmarks --help` lists the options.

## What these numbers do not show
- The traffic is replicated test traffic, diverse in protocols: engines that dissect everything look slower
  than on plain HTTPS.
- Frames keep their TCP and UDP checksums when addresses change, so those are wrong; no engine checks them.
- nDPI detects applications, Wireshark dissects every field, minewatch looks for miners: each is fast at its
  own task.
- Python's bytecode is kept, as after an installation: the first start of all takes about 0.1 s longer.
- Fast engines are measured for a second or less; differences below a third are noise unless the ranges are
  apart.
"""
