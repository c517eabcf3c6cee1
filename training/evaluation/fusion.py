"""Traffic and watts together against the better one alone, on paired simulated sites.

A site has hosts with one channel and one meter each, that mine or do not; a tenth of the hosts lacks
one of the two.  Conversations and records are fresh (other seeds than the shipped bundle's), each is
of one host only.  A threshold is set for a share of false alarms on every other site and judged on
the rest, and the other way round; whole sites are drawn anew for the bounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from detector.features import fusion
from detector.features import power as power_features
from detector.features.channel import NAMES as CHANNEL_NAMES
from detector.model import Bundle
from detector.records import Vectors
from training import build
from training.bootstrap import DRAWS
from training.dataset import Floats, Mask
from training.evaluation import tables
from training.metrics import CONFIDENCE, clopper_pearson
from training.table import Rows

CONVERSATIONS: Final = 2_400  # and as many records
OF_SITE: Final = {True: 4, False: 16}  # hosts of a site that mine, and that do not
LACKING: Final = 0.1  # of hosts, one of the two
BUDGETS: Final = (0.01, 0.05)  # shares of hosts that do not mine
NEVER: Final = -np.inf  # the score of a host that a scorer cannot see
SINGLE: Final = ("traffic alone", "power alone")
HEARD = ("logins", "requests", "jobs", "shares")  # in the order of `table.WORDS`
OPENING = ("unnamed", "no_protocol", "self_signed")  # in the order of `fusion.lacks`
SEEN = ("network_logit", "network_again", "network_mean", *OPENING, *HEARD)


Margin = tuple[float, float, float]  # value, low, high


@dataclass(frozen=True, slots=True)
class Hosts:
    """n hosts of paired sites; all (n,)."""

    site: np.ndarray
    mines: Mask
    mute: Mask  # no words of mining are heard
    scores: Mapping[str, Floats]  # by scorer

    def take(self, which: Mask) -> Hosts:
        """Some of the hosts."""
        scores = {name: score[which] for name, score in self.scores.items()}
        return Hosts(self.site[which], self.mines[which], self.mute[which], scores)


def drawn(bundle: Bundle, recipe: build.Recipe, mirror: Path | None) -> Hosts:
    """Sites from the recipe's conversations and records, scored by the bundle as findings score them."""
    channels = _channels(bundle, build.simulated_rows(recipe))
    power = build.power_rows(recipe, mirror)
    watts = bundle.power.score(Vectors(power_features.NAMES, power.values)).logit
    meters = {label: np.flatnonzero(power.label == label) for label in OF_SITE}
    rng = np.random.default_rng([recipe.seed, 19])
    sites = min(min(len(channels[label]), len(meters[label])) // n for label, n in OF_SITE.items())
    parts = []
    for label, n in OF_SITE.items():
        pick = rng.permutation(len(channels[label]))[: sites * n]
        meter = rng.permutation(meters[label])[: sites * n]
        site = np.repeat(np.arange(sites), n)
        parts.append((site, np.full(sites * n, label), channels[label][pick], watts[meter]))
    site, mines, evidence, logits = (np.concatenate(column) for column in zip(*parts, strict=True))
    lacks = rng.choice([0, 1, 2], len(site), p=[1 - LACKING, LACKING / 2, LACKING / 2])  # 1 traffic, 2 watts
    return Hosts(
        site, mines, evidence[:, -len(HEARD) :].sum(axis=1) == 0, _scores(bundle, evidence, logits, lacks)
    )


def _channels(bundle: Bundle, rows: Rows) -> dict[bool, Floats]:
    """By label: of each conversation what SEEN names, as a ledger would remember it."""
    logits = bundle.channel.score(Vectors(CHANNEL_NAMES, rows.values)).logit
    found: dict[bool, list[Floats]] = {True: [], False: []}
    _, place = np.unique(np.array(rows.example, object), return_inverse=True)
    for number in range(int(place.max()) + 1):
        mine = place == number
        ranked = np.sort(logits[mine])[::-1]
        behaved = [ranked[0], ranked[1] if len(ranked) > 1 else np.nan, ranked.mean()]
        opening = np.fmax.reduce(rows.lacks[mine])
        one = [*behaved, *opening, *rows.words[mine].max(axis=0)]
        found[bool(rows.label[mine][0])].append(np.array(one, float))
    return {label: np.array(listed) for label, listed in found.items()}


def _scores(bundle: Bundle, evidence: Floats, logits: Floats, lacks: np.ndarray) -> dict[str, Floats]:
    def fused(with_watts: bool) -> Floats:
        hosts = [
            fusion.HostEvidence(
                **dict(zip(SEEN, seen, strict=True)),
                power_logit=watts if with_watts else float("nan"),
            )
            for seen, watts in zip(evidence.tolist(), logits.tolist(), strict=True)
        ]
        return bundle.fusion.score(fusion.extract(hosts)).probability

    traffic, power, both = fused(False), 1 / (1 + np.exp(-logits)), fused(True)
    seen = (np.where(lacks == 1, NEVER, traffic), np.where(lacks == 2, NEVER, power))
    alone = dict(zip(SINGLE, seen, strict=True))
    either = np.where(lacks == 1, power, traffic)
    return alone | {
        "fused, as findings tell it": np.where(lacks == 0, np.maximum(both, traffic), either),
        "fused, where a meter may acquit": np.where(lacks == 0, both, either),
    }


def found_and_alarmed(hosts: Hosts, score: Floats, budget: float) -> tuple[Mask, Mask]:
    """Whether each host is called at a threshold of the other half of sites: miners, and the others."""
    called = np.zeros(len(score), bool)
    for half in (0, 1):
        here = hosts.site % 2 == half
        others = np.sort(score[~here & ~hosts.mines])[::-1]
        called[here] = score[here] > others[int(budget * len(others))]
    return called & hosts.mines, called & ~hosts.mines


def margin(hosts: Hosts, found: Mask, better: Mask, of: Mask, seed: int) -> Margin:
    """Recall of `found` less that of `better` among miners `of`, and its interval over sites."""
    sites = int(hosts.site.max()) + 1
    gain = np.bincount(hosts.site[of], (found[of].astype(float) - better[of]), sites)
    size = np.bincount(hosts.site[of], minlength=sites).astype(float)
    pick = np.random.default_rng([seed, 23]).integers(0, sites, (DRAWS, sites))
    drawn_gain = gain[pick].sum(axis=1) / np.maximum(size[pick].sum(axis=1), 1)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn_gain, [tail, 1 - tail])
    return float(gain.sum() / size.sum()), float(low), float(high)


def section(hosts: Hosts, seed: int) -> str:
    """In Markdown."""
    rows = [row for budget in BUDGETS for row in _at(hosts, budget, seed)]
    head = ("budget", "miners", "scorer", "found", "more than the better single one", "false alarms")
    sites, mute = int(hosts.site.max()) + 1, int((hosts.mines & hosts.mute).sum())
    return (
        "## Traffic and watts together\n"
        f"*Simulated*: {sites} sites with {OF_SITE[True]} hosts that mine and {OF_SITE[False]} that do not"
        f" (seed {seed}); one in ten lacks traffic or watts, and who lacks what a scorer needs is not found"
        " by it, but among those with both. Thresholds are set on the other half of the sites; intervals of"
        " margins are over sites."
        f" Mute: no words of mining are heard ({mute} of {int(hosts.mines.sum())} miners). `minewatch` tells"
        " the fused score that a meter cannot lower ([judgement](judgement.md)); the last line of each group"
        " is what that costs.\n\n" + tables.table(head, rows)
    )


def _at(hosts: Hosts, budget: float, seed: int) -> Iterator[list[str]]:
    """Rows of the table at one budget."""
    called = {name: found_and_alarmed(hosts, score, budget) for name, score in hosts.scores.items()}
    both = np.isfinite([hosts.scores[name] for name in SINGLE]).all(axis=0)
    groups = {"all": hosts.mines, "mute": hosts.mines & hosts.mute, "with both": hosts.mines & both}
    for who, of in groups.items():
        if not of.any():
            continue
        single = max(SINGLE, key=lambda name, of=of: called[name][0][of].mean())
        for name, (found, alarmed) in called.items():
            exact = clopper_pearson(int(found[of].sum()), int(of.sum()))
            alarms = clopper_pearson(int(alarmed.sum()), int((~hosts.mines).sum()))
            more = "" if name in SINGLE else _told(margin(hosts, found, called[single][0], of, seed))
            recall = f"{exact.value:.1%} ({exact.low:.1%} to {exact.high:.1%})"
            yield [f"{budget:.0%}", who, name, recall, more, tables.rate(alarms)]


def _told(gain: Margin) -> str:
    value, low, high = (f"{100 * one:+.1f}" for one in gain)
    return f"{value} points ({low} to {high})"
