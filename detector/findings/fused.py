"""What the fusion model is given of a host, and what it says: of all that is known, and of traffic alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detector.features import fusion
from detector.records import Vectors

if TYPE_CHECKING:
    from detector.findings.ledger import ChannelRecord
    from detector.model import Model
    from detector.records import Floats


@dataclass(frozen=True, slots=True)
class Fused:
    """What is said of each of n hosts.  All (n,), but for rows."""

    probability: Floats  # the higher one of both looks, 0..1
    logit: Floats  # of that look
    novelty: Floats
    rows: Floats  # (n, columns of the model), as that look took them
    alone: Floats  # by traffic alone, 0..1


def fused(vectors: Vectors, model: Model) -> Fused:
    """Let the model judge all that is known, and traffic alone; the higher score counts.

    So a meter may add to what traffic says and take nothing from it: what is heard is heard, and
    who hides the readings of a meter gains nothing.
    """
    scores = model.score(vectors)
    told, logits = scores.probability.copy(), scores.logit.copy()
    novelty, rows, alone = scores.novelty.copy(), vectors.values.copy(), told.copy()
    powered = np.flatnonzero(~np.isnan(rows[:, fusion.OF_POWER]).all(axis=1))
    if len(powered):
        traffic = np.where(fusion.OF_POWER, np.nan, rows[powered])
        without = model.score(Vectors(vectors.names, traffic))
        alone[powered] = without.probability
        better = without.logit > logits[powered]
        higher = powered[better]
        told[higher], logits[higher] = without.probability[better], without.logit[better]
        novelty[higher], rows[higher] = without.novelty[better], traffic[better]
    return Fused(told, logits, novelty, rows, alone)


def ranked(channels: Iterable[ChannelRecord]) -> list[ChannelRecord]:
    """The most suspect first, words before scores; the key decides between equals."""
    order = list(channels)
    if len(order) > 1:
        order.sort(key=lambda c: (not c.said, -c.logit, c.key))
    return order


def as_evidence(channels: Sequence[ChannelRecord], power_logit: float = math.nan) -> fusion.HostEvidence:
    """The channels of a host, `ranked`, and its power where that is known, as the fusion model sees them."""
    logits = sorted((channel.logit for channel in channels), reverse=True)
    if not logits:
        return fusion.HostEvidence(power_logit=power_logit)
    heard = [channel.facts for channel in channels if channel.facts is not None]
    lead = max(channels, key=lambda channel: channel.logit)
    unnamed, no_protocol, self_signed = fusion.lacks(lead.names)
    return fusion.HostEvidence(
        network_logit=logits[0],
        network_second=logits[1] if len(logits) > 1 else math.nan,
        network_again=float(np.fmax.reduce([channel.again for channel in channels])),
        network_mean=max(channel.mean for channel in channels),
        unnamed=unnamed,
        no_protocol=no_protocol,
        self_signed=self_signed,
        logins=max((facts.logins for facts in heard), default=0),
        requests=max((facts.requests for facts in heard), default=0),
        jobs=max((facts.jobs for facts in heard), default=0),
        shares=max((facts.shares for facts in heard), default=0),
        power_logit=power_logit,
    )
