"""Findings rolled up by organisation: `counted`, then `written` as JSON or CSV."""

from detector.rollup.counted import SHARES, Drawn, Rollup, Share, Trend, Unit, of_result, rolled_up, share
from detector.rollup.written import document, write_rollup

__all__ = [
    "SHARES",
    "Drawn",
    "Rollup",
    "Share",
    "Trend",
    "Unit",
    "document",
    "of_result",
    "rolled_up",
    "share",
    "write_rollup",
]
