"""One HTML file that says everything: no scripts, no network, light and dark, on screen and on paper."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from detector.atomic import replacing
from detector.document import Context
from detector.report.page import page

if TYPE_CHECKING:
    from detector.pipeline import Result
    from detector.rollup import Rollup

__all__ = ["page", "write_report"]


def write_report(path: str | Path, result: Result, context: Context, rollup: Rollup) -> None:
    """Write the report to `path`, which is whole or not there.  Raises OSError."""
    with replacing(path) as stream:
        stream.write(page(result, context, rollup))
