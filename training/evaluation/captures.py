"""Every public capture scored as a user would, by itself, by `detector.pipeline`.

The leave-one-source-out table is of bundles fitted anew without one source, scoring that source.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from detector.model import Bundle
from detector.pipeline import Request, score
from detector.records import Finding, Verdict
from detector.settings import Settings
from training import build, delay, metrics, table
from training.corpora import Capture

CHUNK = 40
Fitting = Callable[[table.Rows, Path, str], object]
"""Writes the bundle that is fitted to these channel rows; the text says which it is."""
_MINING = (Verdict.MINING,)
_ALARMS = (Verdict.MINING, Verdict.SUSPICIOUS)


@dataclass(frozen=True, slots=True)
class Told:
    """What was said of one host of one capture."""

    host: str
    verdict: Verdict
    score: float | None
    heard: tuple[tuple[str, str], ...]  # (dialect, coin) of its evidence
    days: float  # in windows in which it was active
    delay: int | None = None  # windows until it was called mining, from 1; None = never, or it does not mine


@dataclass(frozen=True, slots=True)
class Outcome:
    """One capture, scored."""

    capture: Capture
    told: tuple[Told, ...]
    problems: tuple[str, ...]


def judge_captures(captures: list[Capture], bundle: Path | None, jobs: int) -> list[Outcome]:
    """Score each capture by itself, in order; `bundle` None = the shipped one."""
    from joblib import Parallel, delayed  # noqa: PLC0415

    parts = [captures[i : i + CHUNK] for i in range(0, len(captures), CHUNK)]
    done = Parallel(n_jobs=jobs)(delayed(_judge)(part, bundle) for part in parts)
    return [outcome for part in done for outcome in part]


def _judge(captures: list[Capture], path: Path | None) -> list[Outcome]:
    bundle = Bundle.load(path)
    outcomes = []
    for capture in captures:
        result = score(Request(paths=(str(capture.path),)), bundle=bundle)
        late = _delays(capture, bundle)
        told = tuple(replace(_told(finding), delay=late.get(finding.host)) for finding in result.findings)
        outcomes.append(Outcome(capture, told, tuple(result.problems)))
    return outcomes


def _delays(capture: Capture, bundle: Bundle) -> dict[str, int | None]:
    """Windows until each of its miners was called so, as the monitor would have; see `training.delay`."""
    if not capture.mining_hosts:
        return {}
    told = delay.delays(str(capture.path), capture.mining_hosts, bundle, Settings())
    return {host: by_level["mining"] for host, by_level in told.items()}


def _told(finding: Finding) -> Told:
    heard = [
        (str(e.facts["dialect"]), str(e.facts["coin"])) for e in finding.evidence if "dialect" in e.facts
    ]
    days = int(finding.quality["windows"]) * Settings().meter.window_s / 86_400
    return Told(finding.host, finding.verdict, finding.score, tuple(dict.fromkeys(heard)), days)


def leave_one_source_out(
    captures: list[Capture], mirror: Path, recipe: build.Recipe, fitted: Fitting
) -> list[Outcome]:
    """Each source that trains, scored by a bundle that never saw it; the others are unseen as they are."""
    simulated = build.simulated_rows(recipe)
    outcomes = []
    for source in sorted({capture.source for capture in captures if capture.trains}):
        rows = table.concatenate([simulated, build.recorded_rows(recipe, mirror, (source,))])
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "bundle"
            fitted(rows, path, f"without {source}")
            outcomes += judge_captures([c for c in captures if c.source == source], path, recipe.jobs)
    return outcomes


def section(shipped: list[Outcome], bundle: Bundle) -> str:
    """Every capture by the shipped bundle, and what was measured when it was fitted."""
    trains = _that_train(shipped)
    parts = [
        "## The shipped bundle\nRecorded captures. It learned from simulated conversations and from the"
        " sources marked *.",
        _mining_table(shipped),
        _source_table(shipped, trains),
        _host_days(shipped),
        _model_table(bundle),
    ]
    return "\n\n".join(parts)


def left_out_section(shipped: list[Outcome], left_out: list[Outcome], examples: int) -> str:
    """Every source by a bundle that never saw it; `examples`: simulated ones of those fitted anew."""
    trains = _that_train(shipped)
    unseen = [outcome for outcome in shipped if outcome.capture.source not in trains] + left_out
    parts = [
        "## Leave one source out\nRecorded captures. Each source is scored by a bundle that never saw any"
        f" of it, fitted with {examples} simulated conversations (those that never train are scored by"
        " the shipped bundle).",
        _mining_table(unseen),
        _source_table(unseen, trains),
    ]
    return "\n\n".join(parts)


def _that_train(outcomes: list[Outcome]) -> set[str]:
    return {outcome.capture.source for outcome in outcomes if outcome.capture.trains}


def _host_days(outcomes: list[Outcome]) -> str:
    """False alarms in the time that benign hosts of ordinary captures were seen."""
    seen = [
        told
        for outcome in outcomes
        if outcome.capture.role == "traffic" and outcome.capture.label == "benign"
        for told in _not_mining(outcome)
        if told.verdict is not Verdict.UNDECIDED
    ]
    days = sum(told.days for told in seen)
    lines = [
        f"False alarms per 1 000 host-days, recorded benign traffic: {len(seen)} hosts, {days:.2f} days"
        " in all (windows of 5 minutes in which a host was active; Garwood bounds). **So few days"
        " promise no budget per day**: the bound is the news.\n",
        "| called | false alarms | per 1 000 host-days, at most |",
        "|---|---|---|",
    ]
    for name, verdicts in (("mining", _MINING), ("suspicious or mining", _ALARMS)):
        rate = metrics.per_thousand_host_days(sum(told.verdict in verdicts for told in seen), days)
        lines.append(f"| {name} | {rate.count} | {'-' if rate.high is None else f'{rate.high:.0f}'} |")
    return "\n".join(lines)


def _mining_table(outcomes: Iterable[Outcome]) -> str:
    head = "| mining capture | host | it is | verdict | score | called after, windows of 5 min | heard |"
    lines = [head, "|---|---|---|---|---|---|---|"]
    for outcome in sorted(outcomes, key=lambda o: str(o.capture.path)):
        hosts = {told.host: told for told in outcome.told}
        for host in sorted(outcome.capture.mining_hosts) if outcome.capture.label == "mining" else ():
            told = hosts.get(host)
            heard = ", ".join(f"{dialect} {coin}" for dialect, coin in told.heard) if told else ""
            number = f"{told.score:.3f}" if told and told.score is not None else "-"
            verdict = told.verdict.value if told else "not seen"
            name = f"{outcome.capture.source.split('__')[-1]}/{outcome.capture.path.name}"
            after = told.delay if told and told.delay is not None else "-"
            cells = (name, host, outcome.capture.protocol, verdict, number, after, heard)
            lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def _source_table(outcomes: list[Outcome], trains: set[str]) -> str:
    head = "| source | label, role | captures | hosts | judged | called mining | suspicious |"
    lines = [head, "|---|---|---|---|---|---|---|"]
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        star = "*" if outcome.capture.source in trains else ""
        kind = f"{outcome.capture.label}, {outcome.capture.role}"
        groups.setdefault((kind, outcome.capture.source + star), []).append(outcome)
        groups.setdefault((kind, "all"), []).append(outcome)
    for (kind, source), members in sorted(groups.items()):
        hosts = [told for outcome in members for told in _not_mining(outcome)]
        if hosts:
            judged = [told for told in hosts if told.verdict is not Verdict.UNDECIDED]
            counts = [_rate(judged, verdict) for verdict in (Verdict.MINING, Verdict.SUSPICIOUS)]
            cells = [source, kind, str(len(members)), str(len(hosts)), str(len(judged)), *counts]
            lines.append("| " + " | ".join(cells) + " |")
    told = (
        "Hosts that do not mine (in mining captures: the others there). Rates and bounds are over the hosts"
        " that could be judged; the others had too few messages, or one direction only, and are `undecided`."
    )
    return told + "\n\n" + "\n".join(lines)


def _not_mining(outcome: Outcome) -> list[Told]:
    return [told for told in outcome.told if told.host not in outcome.capture.mining_hosts]


def _rate(hosts: list[Told], verdict: Verdict) -> str:
    rate = metrics.clopper_pearson(sum(told.verdict is verdict for told in hosts), len(hosts))
    return f"{rate.count} (at most {rate.high:.2%})" if rate.high is not None else "-"


def _model_table(bundle: Bundle) -> str:
    lines = [
        "### The models, out of fold\nWhole families of conversations, loads and sources are held out of each"
        " fold. **Mining is simulated here, and most of the benign: no claim rests on this table alone.**\n"
        "Examples are conversations, records of a meter, and hosts composed of both.\n",
        "| model | mining recall | false alarms | suspicious recall | false alarms | AP | Brier |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind in ("channel", "power", "fusion"):
        told = bundle.manifest["models"][kind]["metrics"]
        cells = [_cell(told.get(name, {}).get(part)) for name in ("mining", "suspicious") for part in _PARTS]
        lines.append(
            f"| {kind} | {' | '.join(cells)} | {told.get('average_precision')} | {told.get('brier')} |"
        )
    return "\n".join(lines)


_PARTS = ("recall", "false_alarms")


def _cell(rate: dict[str, float] | None) -> str:
    if not rate or rate.get("value") is None:
        return "-"
    return f"{rate['value']:.4f} ({rate['count']} of {rate['n']}; {rate['low']:.4f} to {rate['high']:.4f})"


def problems(outcomes: list[Outcome]) -> str:
    lines = [
        f"{outcome.capture.source}: {problem.split('/')[-1]}"
        for outcome in outcomes
        for problem in outcome.problems
    ]
    shown = "\n".join(f"- {line}" for line in lines[:40])
    return f"## Not (wholly) readable\n{len(lines)} of {len(outcomes)} captures; the first 40:\n\n{shown}"
