"""`minewatch train --recalibrate`: a bundle moved to a site, with the trees of its parent."""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detector.flow_limits import FLOW
from detector.records import Verdict
from detector.text import printable
from training import export, hostwise, sources
from training.commands import beforehand
from training.labels import LabelError, read_labels
from training.observed import observe
from training.recalibration import Site, recalibrated, site_reference

if TYPE_CHECKING:
    from detector.model import Bundle
    from detector.records import Finding
    from training.labels import Label

SHIPPED = "default"
SHOWN = 10  # hosts
NEAREST = 1e-12  # to 0 and 1: log-odds stay finite


def run(args: argparse.Namespace) -> int:
    """Score the site with the parent, move, save."""
    from detector.model import Bundle  # noqa: PLC0415  numpy: not for --help
    from training.commands.train import budget_of  # noqa: PLC0415

    if args.labels is None and not args.traffic:
        _say("--recalibrate needs LABELS.csv, or --traffic of the site, or both")
        return 2
    if args.output.exists() and not args.force:
        _say(f"{args.output} is there already (--force replaces it)")
        return 2
    try:
        labels = read_labels(args.labels, both=False) if args.labels else []
    except LabelError as error:
        for line in str(error).splitlines():
            _say(line)
        return 2
    beforehand.check(args, labels)
    parent = Bundle.load(None if args.recalibrate == SHIPPED else args.recalibrate)
    site = _site(parent, labels, args)
    model, told = recalibrated(parent, site, budget_of(args) or _usual())
    bundle = _save(args, parent, model, told, site)
    for line in lines(told):
        sys.stdout.write(f"{line}\n")
    sys.stdout.write(f"saved {args.output}: {bundle.id}, digest {bundle.digest[:16]}\n")
    return 0


def lines(told: dict[str, Any]) -> Iterator[str]:
    """What was moved, as a person reads it."""
    hosts = told["hosts"]
    yield (
        f"{hosts['all']} hosts with a score, {hosts['mining']} labelled mining, {hosts['benign']} benign;"
        f" about {told['prevalence']:.2%} mine: log-odds moved by {told['offset_moved']:+.2f}"
    )
    if told["supported"]:
        yield f"thresholds stand for {told['budget']}"
    else:
        yield (
            f"these hosts cannot promise {told['budget']} (the smallest that they support:"
            f" {told['smallest_budget']:.2g}): thresholds were raised where they had to be, none lowered"
        )
    if told["labelled_mining_below_mining"]:
        count = told["labelled_mining_below_mining"]
        yield f"{count} of {hosts['mining']} labelled miners stay below `mining`"


def _site(parent: Bundle, labels: list[Label], args: argparse.Namespace) -> Site:
    held = hostwise.Hosts()
    by_source: dict[Path, list[Label]] = {}
    for label in labels:
        by_source.setdefault(label.source, []).append(label)
    for source, mine in by_source.items():
        held.hold(mine, _findings(parent, (str(source),)), Path(args.labels).parent)
    known = [one for one in held.counted if one.score is not None]
    named = {label.host for label in labels}
    rest = [one for one in _findings(parent, tuple(args.traffic)) if one.host not in named]
    rest = [one for one in rest if one.score is not None]
    called = [one.host for one in rest if one.verdict is Verdict.MINING or _heard(one)]
    if called:  # neither examples of benign hosts, nor known to mine: only a label can say
        shown = ", ".join(printable(host) for host in called[:SHOWN])
        _say(f"left out, for the parent calls them mining and no label says what they are: {shown}")
    rest = [one for one in rest if one.host not in set(called)]
    mining = np.array([one.label.mining for one in known] + [False] * len(rest), bool)
    benign = np.array([not one.label.mining for one in known] + [False] * len(rest), bool)
    score = np.clip([one.score for one in [*known, *rest]], NEAREST, 1 - NEAREST).astype(float)
    novelty = np.array([one.novelty or 0.0 for one in rest], float)
    return Site(np.log(score) - np.log1p(-score), _padded(novelty, len(known)), mining, benign)


def _padded(novelty: Any, labelled: int) -> Any:
    """Labelled hosts say nothing of novelty."""
    return np.concatenate([np.zeros(labelled), novelty])


def _findings(parent: Bundle, paths: tuple[str, ...]) -> Iterable[Finding]:
    from detector.pipeline import Request, score  # noqa: PLC0415

    if not paths:
        return []
    result = score(Request(paths=paths), bundle=parent)
    for problem in result.problems:
        _say(printable(problem))
    kinds = sources.kinds_of(paths)
    by_flows = {one.host for one in result.findings if sources.kind_of(one, kinds) == FLOW}
    return [one for one in result.findings if one.host not in by_flows]  # they are not of the fusion model


def _heard(finding: Finding) -> bool:
    """A mining dialogue: whoever speaks one is no example of a benign host."""
    return any("dialect" in one.facts for one in finding.evidence)


def _save(args: argparse.Namespace, parent: Bundle, model: Any, told: dict[str, Any], site: Site) -> Bundle:
    seen = observe(tuple(args.traffic), names=parent.channel.names)
    entries = {kind: export.entry_of(parent, kind) for kind in ("channel", "power", "fusion")}
    entries["fusion"] = replace(entries["fusion"], model=model)
    if len(seen.host):
        moved = site_reference(entries["channel"].reference, seen.channel, seen.host)
        entries["channel"] = replace(entries["channel"], reference=moved)
    told_of = Path(args.labels).read_bytes() if args.labels else b""
    content = hashlib.sha256(parent.digest.encode() + told_of + site.logit.tobytes())
    created = args.created or datetime.now(UTC).strftime("%Y-%m-%d")
    section = "\n".join(["## Recalibrated", f"From `{parent.id}`, digest `{parent.digest}`.", *lines(told)])
    return export.save_bundle(
        args.output,
        entries,
        identity=f"site-{content.hexdigest()[:12]}",
        created=created,
        card=f"{parent.card.rstrip()}\n\n{section}\n",
        training_data=parent.manifest.get("training_data", []),
        notes={"parent": {"id": parent.id, "digest": parent.digest}, "recalibrated": told},
        key=args.sign,
    )


def _usual() -> Any:
    from training.budget import Budget  # noqa: PLC0415

    return Budget()


def _say(line: str) -> None:
    sys.stderr.write(f"minewatch train: {line}\n")
