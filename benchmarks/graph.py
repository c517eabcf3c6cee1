"""The graph of CPU time and peak memory against the size of a capture, as SVG.

Both axes are logarithmic: a straight line at 45 degrees is time in proportion to size, a
level line is memory that does not grow.  Colours read on white and on black.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, floor, log10
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.captures import MB
from benchmarks.page import Report
from benchmarks.running import Sample

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INK = "#808890"  # of text and axes; a contrast of 3.6 at least on both white and black
_COLOURS = ("#2f81f7", "#2ea043", "#d9822b")
_MARKERS = ("o", "s", "^")


def draw(report: Report, path: Path) -> None:
    """Writes the graph of every engine that is on the curve."""
    import matplotlib as mpl  # noqa: PLC0415  (a second, and 100 MB that the engines' parent must not hold)

    mpl.use("svg")
    mpl.rcParams.update(
        {
            "svg.fonttype": "path",
            "svg.hashsalt": "minewatch",
            "font.size": 10,
            "text.color": _INK,
            "axes.edgecolor": _INK,
            "axes.labelcolor": _INK,
            "xtick.color": _INK,
            "ytick.color": _INK,
        }
    )
    from matplotlib import pyplot  # noqa: PLC0415

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    _panel(left, report, "CPU time", "s", lambda s: s.cpu_s)
    _panel(right, report, "peak memory", "MB", lambda s: s.peak_mb)
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    figure.savefig(path, transparent=True, metadata={"Date": None, "Creator": "minewatch benchmarks"})
    pyplot.close(figure)


def _panel(axes: Axes, report: Report, title: str, unit: str, value: Callable[[Sample], float]) -> None:
    sizes = {c.name: report.made[c.name].n_bytes / MB for c in report.captures if c.on_curve}
    engines = [engine for engine in report.engines if engine.curve]
    for engine, colour, marker in zip(engines, _COLOURS, _MARKERS, strict=False):
        found = [(size, report.results.spread(engine.name, name, value)) for name, size in sizes.items()]
        points = sorted((size, spread.median) for size, spread in found if spread)
        if points:
            axes.plot(
                *zip(*points, strict=True), color=colour, marker=marker, ms=4.5, lw=1.6, label=engine.name
            )
    axes.set(xscale="log", yscale="log", title=f"{title}, {unit}", xlabel="size of the capture, MB")
    low, high = axes.get_ylim()
    axes.set_ylim(10 ** floor(log10(low)), 10 ** ceil(log10(high)))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter("")
    axes.grid(color=_INK, alpha=0.25, lw=0.6)
    axes.spines[["top", "right"]].set_visible(False)
