"""Why a host is judged as it is: evidence for and against, contributions, and one line for the table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from detector.features import fusion
from detector.findings import case, evidence, following, hours, metered, roles, scheduled, services, shapes
from detector.findings.case import Case
from detector.findings.together import together
from detector.model import Bundle, Model
from detector.records import Evidence, Verdict
from detector.settings import Settings

if TYPE_CHECKING:
    from detector.records import Floats

TOLD_CONTRIBUTIONS = 6
TOLD_DOUBTS = 2
DOUBT = -0.1  # log-odds; what moves the score by less is no argument
ACCUSED = (Verdict.MINING, Verdict.SUSPICIOUS)


def speaking_for(host: Case, bundle: Bundle, settings: Settings) -> list[Evidence]:
    """Evidence, the heaviest first, at most `max_evidence`."""
    show = settings.findings.show_identifiers
    told: list[Evidence] = []
    said = sum(added for _, _, added in _of_words(host, bundle))
    for channel in host.channels:
        heard = evidence.dialogue(channel, said, show) if channel.said else None
        if heard:
            told.append(heard)
        elif channel.probability >= bundle.channel.thresholds.suspicious:
            told.append(evidence.rhythm(channel, channel.logit))
    if host.meets:
        told.append(evidence.synchrony(*host.meets))
    if host.follows:
        told.append(evidence.blocks(*host.follows))
    if host.in_step:
        told.append(following.told(host.in_step))
    drawn = host.power
    if drawn and drawn.logit > 0:
        told.append(metered.drawn(drawn, host.level))
        told += filter(None, [metered.unfed(drawn, host.record), scheduled.no_job(host.worked)])
        told += filter(None, [metered.busy_gpu(drawn)])
    if host.role and case.serves(host):
        told.append(roles.served(host.role))
    if host.boss:
        told.append(roles.works_for(*host.boss))
    if not told and host.channels:
        told.append(together(host.channels[0], _parts(bundle.fusion, host.values, host.novelty)))
    elif not told and drawn:
        told.append(metered.drawn(drawn, host.level))
    told.sort(key=lambda e: -e.weight)
    return told[: settings.findings.max_evidence]


def speaking_against(host: Case, bundle: Bundle, verdict: Verdict) -> list[Evidence]:
    """What speaks against: the modality that is more likely ordinary than not, what a suspect channel
    does that miners do not, and strangeness."""
    against: list[Evidence] = []
    if host.channels and host.channels[0].logit < 0:
        against.append(evidence.ordinary_traffic(host.channels[0], host.record.judged))
    elif host.channels and verdict in ACCUSED:
        suspect = host.channels[0]
        parts = _parts(bundle.channel, suspect.values, suspect.novelty)
        known = [part for part in parts if part[0] in evidence.MEANINGS and math.isfinite(part[1])]
        doubts = [part for part in known if part[2] < DOUBT]
        if doubts and not suspect.said:
            against.append(evidence.unlike(suspect, doubts[:TOLD_DOUBTS]))
    if host.channels and verdict is not Verdict.CLEAR:
        against += filter(None, [services.no_mining(host.channels[0])])
    if host.power and host.power.logit < 0:
        against.append(metered.ordinary_power(host.power))
    if host.power and host.power.drawn and verdict is not Verdict.CLEAR:
        against += filter(None, [hours.ends_daily(host.power.drawn), scheduled.scheduled_job(host.worked)])
        against += filter(None, [metered.fresh(host.power)])
    if verdict in ACCUSED and host.role and not case.serves(host):
        against.append(roles.shared(host.role))
    elif verdict in ACCUSED and host.crowded_ns is not None:
        against.append(shapes.maybe_shared(host.crowded_ns))
    if host.forgotten < DOUBT:
        against.append(evidence.silence(host.heard_ns, host.quiet_ns, host.forgotten))
    novelty = strangeness(host, bundle)
    if verdict is not Verdict.CLEAR and novelty is not None:
        against.append(evidence.strange(novelty))
    return against


def strangeness(host: Case, bundle: Bundle) -> float | None:
    """The highest novelty that is at or above the limit of the model which found it."""
    seen = [(host.channels[0], bundle.channel)] if host.channels else []
    found = [record.novelty for record, model in seen if record.novelty >= model.thresholds.novelty]
    if host.power and host.power.novelty >= bundle.power.thresholds.novelty:
        found.append(host.power.novelty)
    return max(found, default=None)


def contributions(host: Case, bundle: Bundle) -> list[Mapping[str, Any]]:
    """The largest contributions of columns, rounded, for people; `explanation` is exact."""
    parts = _of_words(host, bundle)
    if host.channels:
        parts += _parts(bundle.channel, host.channels[0].values, host.channels[0].novelty)
    if host.power:
        parts += _parts(bundle.power, host.power.values, host.power.novelty)
    return _largest(parts)


def of_channel(bundle: Bundle, row: Floats, novelty: float) -> list[Mapping[str, Any]]:
    """The same of one row of the channel model."""
    return _largest(_parts(bundle.channel, row, novelty))


def _largest(parts: list[tuple[str, float, float]]) -> list[Mapping[str, Any]]:
    parts.sort(key=lambda part: -abs(part[2]))
    return [
        {
            "feature": name,
            "value": round(value, 4) if math.isfinite(value) else None,
            "contribution": round(added, 4),
        }
        for name, value, added in parts[:TOLD_CONTRIBUTIONS]
    ]


def explanation(host: Case, bundle: Bundle) -> Mapping[str, Any] | None:
    """The log-odds of the score as a sum: start, what each column of its model adds, what was forgotten.

    Exact to float64: path contributions (see `kernel.trees.contribute`), nothing left out or rounded.
    None of a meter whose vector was not kept: it is more ordinary than not, whatever its owner's threshold.
    """
    by_power = host.power if host.power and (not host.channels or host.accused_by_power) else None
    if by_power:
        if by_power.values is None:
            return None
        name, model, logit = "power", bundle.power, by_power.logit
        parts = _parts(model, by_power.values, by_power.novelty)
    else:
        name, model, logit = "fusion", bundle.fusion, host.logit
        parts = _parts(model, host.values, host.novelty)
    forgotten = 0.0 if by_power else host.forgotten
    return {
        "model": name,
        "logit": logit + forgotten,
        "start": model.start,
        "forgotten": forgotten,
        "parts": [
            {"feature": column, "value": value if math.isfinite(value) else None, "contribution": added}
            for column, value, added in parts
        ],
    }


def _of_words(host: Case, bundle: Bundle) -> list[tuple[str, float, float]]:
    """What words of a mining dialogue add to the score of the host; nothing where none were heard."""
    if not any(channel.said for channel in host.channels):
        return []
    return [part for part in _parts(bundle.fusion, host.values, host.novelty) if part[0] in fusion.WORDS]


def _parts(model: Model, row: Floats | None, novelty: float) -> list[tuple[str, float, float]]:
    """(column, value, what it moves the log-odds by)."""
    if row is None:  # a channel that is not the most suspect of its host, and no words were heard on it
        return []
    values = dict(zip(model.names, row.tolist(), strict=True)) | {"novelty": novelty}
    return [(name, values.get(name, math.nan), added) for name, added in model.contributions(row, novelty)]


def why(host: Case, verdict: Verdict, told: list[Evidence], against: list[Evidence]) -> str:
    """One line for the table."""
    if told and told[0].kind != "gpu_use":  # a busy GPU alone is no reason
        more = f" (+{len(told) - 1} more)" if len(told) > 1 else ""
        return f"{told[0].summary}{more}"
    if verdict is Verdict.UNDECIDED and host.power and not host.channels:
        return metered.undecided(host.power, host.worked)
    if verdict is Verdict.UNDECIDED and host.forgotten:
        return evidence.silence(host.heard_ns, host.quiet_ns, host.forgotten).summary
    if verdict is Verdict.UNDECIDED:
        return "looks like mining and like ordinary use: not enough to tell"
    if host.channels:
        known = against[0] if against and against[0].kind == "ordinary_traffic" else None
        return (known or evidence.ordinary_traffic(host.channels[0], host.record.judged)).summary
    return metered.ordinary_power(host.power).summary if host.power else ""
