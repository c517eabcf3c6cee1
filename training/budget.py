"""What thresholds are set for, and whether the data can promise it.

A budget is a share of benign examples, or false alarms in 1 000 host-days.  With n benign
examples and no alarm among them the 95 % bound on the rate is still 3 / n (the rule of three):
a smaller budget may be asked for and the threshold then stands above every benign example, but
nobody can promise it, and the manifest says so, with the smallest budget that n supports.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

WORDS = re.compile(r"(?P<alarms>\d+(\.\d+)?([eE]-\d+)?)(/(?P<of>[1-9]\d*))?(?P<days>-host-days?)?", re.ASCII)
EXAMPLES = "1/1000-host-days, 1/1000 or 0.001"
UNLIKELY = 0.05  # one-sided: none seen in n, and the rate may still be 1 - 0.05 ** (1 / n)


class BudgetError(ValueError):
    """Words that are no budget, or one that these rows cannot be held to; one line."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What thresholds are set for."""

    mining_fpr: float = 1e-3  # share of benign examples at or above `mining`
    suspicious_fpr: float = 1e-2  # for a person to look at: ten times as many
    novel_share: float = 0.01  # of held-out examples at or above `novelty`: unlike training
    real_margin: float = 0.5  # log-odds that `mining` keeps above the highest real benign example
    per_host_day: float | None = None  # false alarms at `mining`; goes before `mining_fpr` where given
    miss: float | None = None  # share of mining examples that may be called clear; None = not asked
    # Share of benign examples that behave like the look-alikes, the rest as what was recorded; None = as
    # many as there are among the rows, where look-alikes are far commoner than in any network.  Of the
    # look-alikes themselves no more than `mining_fpr` may be called mining, whatever their share.
    lookalikes: float | None = 0.05

    @property
    def suspicious_per_host_day(self) -> float | None:
        """As many times that of `mining` as the shares are."""
        if self.per_host_day is None:
            return None
        return self.per_host_day * self.suspicious_fpr / self.mining_fpr

    def words(self) -> str:
        """The budget of `mining`, as a person says it."""
        if self.per_host_day is None:
            among = "" if self.lookalikes is None else f", {self.lookalikes:.4g} of them look-alikes"
            return f"{self.mining_fpr:.4g} of benign examples{among}"
        return f"{1000 * self.per_host_day:.4g} in 1000 host-days"


def parse(text: str, usual: Budget | None = None) -> Budget:
    """`1/1000-host-days`, `1/1000` or `0.001`; the rest of the budget as in `usual`.  Raises BudgetError."""
    usual = usual or Budget()
    found = WORDS.fullmatch(text.strip())
    if found is None:
        raise BudgetError(f"{text!r:.60} is no budget of false alarms: {EXAMPLES}")
    rate = float(found["alarms"]) / float(found["of"] or 1)
    if found["days"]:
        if not 0 < rate <= 24:
            raise BudgetError(f"{text!r:.60}: a budget is above 0 and at most 24 a host-day")
        return replace(usual, per_host_day=rate)
    if not 0 < rate <= 0.5:
        raise BudgetError(f"{text!r:.60}: a share of benign examples is above 0 and at most 0.5")
    ratio = usual.suspicious_fpr / usual.mining_fpr
    return replace(usual, mining_fpr=rate, suspicious_fpr=min(1.0, rate * ratio), per_host_day=None)


def least_share(n: int) -> float | None:
    """The smallest rate that 0 of n independent examples supports at 95 %, one-sided; None for n = 0."""
    return 1 - UNLIKELY ** (1 / n) if n else None


def can_show(n: int, budget: Budget) -> bool:
    """Whether n independent ordinary examples could show that `suspicious` keeps its budget: fewer stand
    for nobody but themselves, and the look-alikes among the rows count as they are."""
    least = least_share(n)
    return least is not None and least <= budget.suspicious_fpr


def least_per_day(days: float) -> float | None:
    """The smallest alarms a day that none in so many days supports (Poisson); None for no days."""
    from math import log  # noqa: PLC0415

    return -log(UNLIKELY) / days if days > 0 else None


def support(budget: Budget, benign: int, recorded: int, groups: int, days: float) -> Mapping[str, Any]:
    """Whether so much benign data can promise the budget of `mining`; goes into the manifest.

    benign, recorded: examples, all and those that are not simulated.  groups: what is independent
    among them.  days: benign host-days, 0 where they are not known.  Only recorded examples promise.
    """
    told: dict[str, Any] = {
        "asked": budget.words(),
        "benign": {"examples": benign, "recorded": recorded, "groups": groups, "host_days": days},
    }
    if budget.per_host_day is not None:
        share = recorded / benign if benign else 0.0
        least = {"all": least_per_day(days), "recorded": least_per_day(days * share)}
        wanted = budget.per_host_day
    else:
        least = {"all": least_share(benign), "recorded": least_share(recorded)}
        wanted = budget.mining_fpr
    promised = least["recorded"] is not None and least["recorded"] <= wanted
    return told | {"smallest": least | {"one_a_group": least_share(groups)}, "supported": promised}


def support_words(told: Mapping[str, Any]) -> str:
    """One line of `support`, for the card and the terminal."""
    counted = told["benign"]
    unit = " a host-day" if "host-days" in told["asked"] else ""
    smallest = ", ".join(
        f"{name.replace('_', ' ')} {value:.2g}{unit if name != 'one_a_group' else ''}"
        for name, value in told["smallest"].items()
        if value is not None
    )
    head = f"asked for {told['asked']}: "
    of = (
        f"{counted['examples']} benign examples, {counted['recorded']} of them recorded,"
        f" of {counted['groups']} groups"
    )
    if told["supported"]:
        return head + f"the recorded examples support it ({of}; smallest: {smallest})"
    return (
        head
        + f"the data cannot promise it ({of}; the smallest that none of them calling supports: {smallest})"
    )
