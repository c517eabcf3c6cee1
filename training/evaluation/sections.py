"""Every section of docs/evaluation.md, in order: by which modules, and of what, it is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from types import ModuleType
from typing import Any

from training import corpora, rebuild
from training.evaluation import (
    captures,
    dialects,
    disguises,
    fusion,
    peers,
    power,
    power_noise,
    power_sample,
    power_traps,
    report,
    rewrapped,
)
from training.evaluation.ground import Ground
from training.evaluation.remembered import Told, code_of


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the page.  bundle: it is of the shipped bundle; else of models that are fitted anew."""

    name: str
    modules: tuple[ModuleType, ...]  # that measure it; what they import has a say, too
    make: Callable[[Ground], Told]
    bundle: bool = False

    def of(self, on: Ground) -> str:
        """What it is measured of, for people."""
        if self.bundle:
            return f"bundle `{on.bundle.id}` {on.bundle.digest[:16]}"
        return f"recipe {code_of(self.modules)[:16]}"

    def parts(self, on: Ground) -> dict[str, Any]:
        """All that decides what it says, in JSON types."""
        return {
            "section": self.name,
            "code": code_of(self.modules),
            "bundles": {name: bundle.digest for name, bundle in on.bundles.items()},
            "sizes": asdict(on.sizes),
            "data": [source.digest for source in corpora.sources()],
            "absent": corpora.absent(on.mirror),
        }


def _captures(on: Ground) -> Told:
    return Told(captures.section(on.shipped, on.bundle))


def _unreadable(on: Ground) -> Told:
    return Told(captures.problems(on.shipped))


def _rewrapped(on: Ground) -> Told:
    return Told(rewrapped.section(rewrapped.judged(rewrapped.sessions(on.listed), on.bundle)))


def _peers(on: Ground) -> Told:
    return Told(peers.section(on.shipped))


def _dialects(on: Ground) -> Told:
    return Told(dialects.section(None, on.sizes.trials, on.jobs))


def _strange_dialects(on: Ground) -> Told:
    return Told(dialects.left_out(on.smaller, on.sizes.trials, on.fitted))


def _disguises(on: Ground) -> Told:
    return Told(disguises.section(None, on.sizes.trials, on.jobs))


def _sources(on: Ground) -> Told:
    left_out = captures.leave_one_source_out(on.listed, on.mirror, on.smaller, on.fitted)
    return Told(captures.left_out_section(on.shipped, left_out, on.sizes.left_out_conversations))


def _paired(on: Ground) -> Told:
    n = min(fusion.CONVERSATIONS, 2 * on.sizes.conversations)
    recipe = replace(on.recipe, examples=n, power_examples=n, seed=on.sizes.seed + 4)
    return Told(fusion.section(fusion.drawn(on.bundle, recipe, on.mirror), recipe.seed))


def _power(on: Ground) -> Told:
    records = power_sample.draw(on.sizes.seed, on.sizes.power_records, on.mirror, on.jobs, on.cache)
    found = power.judge(records, on.sizes.seed)
    told = [*power.sections(found, on.say), *power_traps.sections(records, on.sizes.seed)]
    return Told("\n\n".join(told), {power.PICTURE: power.svg(found)})


def _power_noise(on: Ground) -> Told:
    nodes = on.sizes.power_records // 2
    return Told(power_noise.section(on.sizes.seed, nodes, on.mirror, on.jobs, on.say))


SECTIONS = (
    Section("captures", (captures,), _captures, bundle=True),
    Section("rewrapped", (rewrapped,), _rewrapped, bundle=True),
    Section("peers", (peers,), _peers, bundle=True),
    Section("sources", (captures, rebuild), _sources),
    Section("dialects", (dialects,), _dialects, bundle=True),
    Section("strange-dialects", (dialects, rebuild), _strange_dialects),
    Section("disguises", (disguises,), _disguises, bundle=True),
    Section("strangers", (report,), report.strangers),
    Section("groups", (report,), report.groups),
    Section("growth", (report,), report.growth),
    Section("honesty", (report,), report.honesty),
    Section("power", (power, power_traps, power_sample), _power),
    Section("power-noise", (power_noise,), _power_noise),
    Section("paired", (fusion,), _paired, bundle=True),
    Section("unreadable", (captures,), _unreadable, bundle=True),
)
