"""The model card: what a bundle is for, what it learned from, what it is worth and where it ends.

After Mitchell et al., Model Cards for Model Reporting (2019).  Markdown, made of metrics only:
nothing in it is written by hand for one bundle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from training.budget import support_words
from training.fit import Fitted

INTENDED = """## Intended use
Ranking hosts and meters by how much they look like cryptocurrency mining, for a person who
then checks. Input is what was passively recorded: message lengths and times of channels,
power readings. It is not for judging people, and no score proves what a machine computes."""

LIMITS = """## Limits
- Calibrated on the mix of the rows above, where mining is far commoner than in a network: a
  score is no share of hosts that mine. Thresholds carry the false-alarm budget, not 0.5.
- Rows marked *simulated* were made by this project's simulator. Rates on them say how the
  model does on what the simulator can imagine; no claim rests on them alone.
- Mining that polls like any JSON-RPC client, and miners that are idle, look like nothing else
  and like everything else: behaviour alone does not find them.
- The budget of network and fusion counts look-alikes as the share of benign examples that stands at the
  threshold, the rest as what was recorded. That share is assumed, not measured: where more of the
  traffic is as nasty as the simulated look-alikes, false alarms are as many times more. The rates of
  look-alikes by themselves stand in the tables.
- Novelty says how unlike the training rows a row is. It is no sign of mining.
- Bounds hold for examples that are independent; those of one group are less so."""


def text(
    identity: str,
    created: str,
    models: Mapping[str, Fitted],
    training_data: Sequence[Mapping[str, Any]],
    kinds: Sequence[str] = (),
) -> str:
    """The card of a bundle: `training_data` as in the manifest (name, rows, simulated, sha256, licence).

    kinds: sentences on the kinds of source that were learnt from.
    """
    parts = [
        f"# Model card: {identity}",
        f"Created {created}. Calibrated gradient boosting beside an isolation forest for each of:"
        f" {', '.join(models)}.",
        INTENDED,
        _data(training_data),
        *(["\n".join(["## Kinds of source", *(f"- {line}" for line in kinds)])] if kinds else []),
        *(_model(kind, fitted) for kind, fitted in models.items()),
        LIMITS,
    ]
    return "\n\n".join(parts) + "\n"


def _data(training_data: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        "## Training data",
        "| source | origin | licence | rows | of mining | SHA-256 of the rows |",
        "|---|---|---|---|---|---|",
    ]
    for source in training_data:
        origin = "**simulated**" if source.get("simulated") else "recorded"
        cells = [source.get("name"), origin, source.get("licence", "-"), source.get("rows")]
        cells += [source.get("mining_rows", "-"), f"`{str(source.get('sha256', '-'))[:16]}`"]
        lines.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    return "\n".join(lines).rstrip()


def _model(kind: str, fitted: Fitted) -> str:
    told, limits, budget = fitted.metrics, fitted.model.thresholds, fitted.settings.budget
    lines = [
        f"## {kind.capitalize()} model",
        f"{told['rows']} rows of {len(fitted.model.names)} columns in {told['groups']} groups;"
        f" {told['simulated_share']:.0%} of the examples are **simulated**. Seed {fitted.seed}.",
        "",
        "Everything below is out of fold: no group is on both sides, and a rate's threshold was set"
        " on the other folds. Bounds are 95 %.",
        "",
        "| verdict | score from | set for | false alarms of recorded | of look-alikes | of others"
        " | mining found | of recorded |",
        "|---|---|---|---|---|---|---|---|",
        _line("mining", limits.mining, budget.mining_fpr, told["mining"]),
        _line("suspicious", limits.suspicious, budget.suspicious_fpr, told["suspicious"]),
        "",
        f"Threshold of mining: {support_words(told['budget'])}.",
        *_clear(limits.clear, budget.miss, told["conformal"]),
        "",
        f"Brier score {told['brier']:.3f}, expected calibration error"
        f" {told['expected_calibration_error']:.3f} (weighted rows); average precision"
        f" {_number(told['average_precision'])}, AUC {_number(told['auc'])} (examples).",
        f"Unlike training from novelty {limits.novelty:.3f} ({budget.novel_share:.1%} of held-out examples).",
        f"Each group counted once, {told['recall_mean_of_groups']:.2%} of mining is found at `mining`.",
        "",
        *_worst(told["recall_by_group"], "Groups whose mining is found least", lowest=True),
        *_worst(told["suspicious_benign_by_group"], "Benign groups called suspicious most", lowest=False),
    ]
    return "\n".join(lines).rstrip()


def _clear(clear: float, miss: float | None, told: Mapping[str, Any]) -> list[str]:
    """Where `clear` ends, when that was asked for."""
    if miss is None:
        return []
    return [
        f"Clear below {clear:.4f}, undecided from there to suspicious (split"
        f" conformal, groups weigh alike, at"
        f" most {miss:.0%} of mining called clear):"
        f" {_rate(told['missed_as_clear'])} of mining is called clear,"
        f" {_rate(told['benign_clear'])} of benign."
    ]


def _line(verdict: str, threshold: float, budget: float, rates: Mapping[str, Any]) -> str:
    cells = [verdict, f"{threshold:.4f}", f"{budget:.2%} of benign"]
    names = (
        *(f"false_alarms_{of}" for of in ("real", "lookalike", "ordinary")),
        "recall",
        "recall_real",
    )
    cells += [_rate(rates[name]) for name in names]
    return "| " + " | ".join(cells) + " |"


def _rate(rate: Mapping[str, Any]) -> str:
    if rate["value"] is None:
        return "none seen"
    return f"{rate['value']:.2%} ({rate['count']} of {rate['n']}; {rate['low']:.2%} to {rate['high']:.2%})"


def _worst(
    by_group: Mapping[str, Mapping[str, Any]], title: str, *, lowest: bool, shown: int = 5
) -> list[str]:
    known = [(rate["value"], name, rate) for name, rate in by_group.items() if rate["value"] is not None]
    known.sort(key=lambda item: (item[0] if lowest else -item[0], item[1]))
    if not known:
        return []
    return [f"{title}:", "", *(f"- {_cell(name)}: {_rate(rate)}" for _, name, rate in known[:shown]), ""]


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"


def _cell(value: object) -> str:
    """Text that cannot break out of its cell or line."""
    return " ".join(str(value).split()).replace("|", "\\|")
