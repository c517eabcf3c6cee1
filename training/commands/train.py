"""`minewatch train`: a bundle fitted to labelled data, with the simulated corpus beside it."""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detector.text import printable

if TYPE_CHECKING:
    from detector.model import Bundle, Thresholds
    from training.fit import Fitted
    from training.labelled import Labelled
    from training.table import Rows

SUMMARY = "fit a model to labelled data; prints the honest evaluation"
EPILOG = """\
LABELS.csv has the columns source,host,start,end,label,group[,coin,variant,weight,power_source]:
  source   capture, power file, folder of them, or folder that minewatch extract wrote;
           relative to LABELS.csv
  host     address or meter, * for every host of the source
  label    mining or benign
  group    what belongs together (site, campaign, day): never on both sides of a split
  weight   how much the row counts, 1 = as any other
  power_source  file with the meter of this host: the two are learnt together, too

Mistakes are told before the long work: contradictions, misspelt labels, hosts and times that
the source does not hold, one content under two groups.

examples:
  minewatch train LABELS.csv --output my-bundle
  minewatch train LABELS.csv --output my-bundle --corpus 8000 --jobs 2
  minewatch score capture.pcap --model my-bundle

What is printed was measured out of fold: on groups that the model had not seen.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """LABELS.csv, where to write, what to compare with, and how to fit."""
    parser.add_argument("labels", metavar="LABELS.csv", help="what is known of which host, and when")
    parser.add_argument(
        "--output", required=True, type=Path, metavar="BUNDLE", help="folder, or file ending in .zip"
    )
    parser.add_argument("--base", metavar="BUNDLE", help="bundle to compare with (default: the shipped one)")
    told = "simulated conversations to learn from as well (default: 2000)"
    parser.add_argument("--corpus", type=int, default=2_000, metavar="N", help=told)
    parser.add_argument("--seed", type=int, default=2_026, metavar="N", help="same seed, same bundle")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes (default: 1)")
    parser.add_argument("--created", metavar="DATE", help="date for the bundle (default: today)")
    parser.add_argument("--force", action="store_true", help="replace a bundle that is better on these rows")
    told = "go on when labels name hosts or times that their source does not hold"
    parser.add_argument("--allow-unmet", action="store_true", help=told)
    told = "simulate anew, and keep nothing for the next time"
    parser.add_argument("--no-cache", action="store_true", help=told)


def run(args: argparse.Namespace) -> int:
    """Read, fit, compare, save."""
    from detector.model import Bundle  # noqa: PLC0415  numpy: not for --help
    from training import build, store, table  # noqa: PLC0415
    from training.labels import LabelError  # noqa: PLC0415

    if args.corpus < 400:
        return _refuse("--corpus must be at least 400: without look-alikes a model cries wolf")
    base, standing = Bundle.load(args.base), _loaded(args.output)
    try:
        found = _held_against_sources(args, base)
    except LabelError as error:
        return _refuse(*str(error).splitlines())
    cache = None if args.no_cache else store.home() / "rows"
    recipe = build.Recipe(args.corpus, 2 * args.corpus, 4 * args.corpus, args.seed, args.jobs, cache)
    own = table.gathered(found.channels, recipe.most_rows)
    if not len(own) and not found.power:
        return _refuse("none of the labels met a channel or a meter that can be learnt from")
    _say(f"{len(own)} labelled rows; simulating {args.corpus} conversations beside them")
    rows = table.concatenate([own, build.simulated_rows(recipe)])
    power = build.joined_power([*found.power, build.power_rows(recipe, None)])
    if cache is not None:
        store.prune(cache)
    models = build.fit_all(recipe, rows, power, _say, found.pairs)
    comparison = _compare(own, models["channel"], base, standing)
    sys.stdout.write("\n".join(comparison.lines) + "\n")
    if comparison.worse and not args.force:
        return _refuse(f"{args.output} was left as it is: {comparison.worse} (--force replaces it)")
    saved = _save(args, models, build.training_data(rows, power))
    sys.stdout.write(f"saved {args.output}: {saved.id}, digest {saved.digest[:16]}\n")
    return 0


def _held_against_sources(args: argparse.Namespace, base: Bundle) -> Labelled:
    """What the labels give.  All mistakes are one LabelError; what is none but worth knowing is told."""
    from detector.settings import Settings  # noqa: PLC0415
    from training import labelled  # noqa: PLC0415
    from training.labels import LabelError, doubts, read_labels, shown  # noqa: PLC0415

    labels = read_labels(args.labels)
    found = labelled.read(labels, Settings(), base.channel, Path(args.labels))
    mistakes = found.mistakes if args.allow_unmet else [*found.mistakes, *found.unmet]
    if mistakes:
        raise LabelError("\n".join(shown(mistakes, args.labels)))
    for line in [*found.unmet, *found.notes, *doubts(labels)]:
        _say(line)
    return found


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the new channel model is worth on the user's own rows, beside an old one."""

    lines: list[str]
    worse: str | None  # in what the bundle that would be replaced is better


def _compare(own: Rows, fitted: Fitted, base: Bundle, standing: Bundle | None) -> Comparison:
    """New (out of fold) against the base, and against the bundle that would be replaced."""
    from training import metrics  # noqa: PLC0415

    if not len(own):
        return Comparison(["no labelled channels: the channel model is that of the simulated corpus"], None)
    new = _measured(own, fitted.logit[: len(own)], fitted.model.thresholds)
    lines = ["your labelled channels, out of fold (groups that the model had not seen):"]
    lines += ["  " + line for line in _told("this model", new)]
    lines += ["  " + line for line in _told(f"{base.id}, as it is", _old(own, base))]
    worse = metrics.better(_old(own, standing), new) if standing else None
    return Comparison(lines, worse)


def _loaded(path: Path) -> Bundle | None:
    """The bundle at `path`, if there is one.  Raises BundleError for something else that lies there."""
    from detector.model import Bundle  # noqa: PLC0415

    return Bundle.load(path) if path.exists() else None


def _old(own: Rows, bundle: Bundle) -> dict[str, Any]:
    from detector.features.channel import NAMES  # noqa: PLC0415
    from detector.records import Vectors  # noqa: PLC0415

    scores = bundle.channel.score(Vectors(NAMES, own.values))
    return _measured(own, scores.logit, bundle.channel.thresholds)


def _measured(own: Rows, logit: Any, limits: Thresholds) -> dict[str, Any]:
    """Rates over examples, each the maximum over its rows."""
    import numpy as np  # noqa: PLC0415

    from detector.model import sigmoid  # noqa: PLC0415
    from training import metrics  # noqa: PLC0415

    names, place = np.unique(own.example, return_inverse=True)
    best, label = np.full(len(names), -np.inf), np.zeros(len(names), bool)
    np.maximum.at(best, place, logit)
    np.logical_or.at(label, place, own.label == 1)
    return metrics.at_thresholds(label, sigmoid(best), limits.mining, limits.suspicious)


def _told(name: str, measured: Mapping[str, Any]) -> list[str]:
    lines = [f"{name}:"]
    for verdict in ("mining", "suspicious"):
        recall, alarms = measured[verdict]["recall"], measured[verdict]["false_alarms"]
        lines.append(f"  {verdict:<10} found {_rate(recall)}; false alarms {_rate(alarms)}")
    return lines


def _rate(rate: Mapping[str, Any]) -> str:
    if rate["value"] is None:
        return "- (none labelled)"
    return f"{rate['count']} of {rate['n']} (95 %: {rate['low']:.1%} to {rate['high']:.1%})"


def identity_of(labels: Path) -> str:
    """The id of a bundle that is trained on these labels."""
    return "trained-" + hashlib.sha256(labels.read_bytes()).hexdigest()[:12]


def _save(args: argparse.Namespace, models: Mapping[str, Fitted], data: list[dict[str, Any]]) -> Bundle:
    """Write the bundle.  Its name is that of the labels' content: the same labels, the same name."""
    from training import card, export  # noqa: PLC0415

    identity = identity_of(Path(args.labels))
    created = args.created or datetime.now(UTC).strftime("%Y-%m-%d")
    return export.save_bundle(
        args.output,
        {kind: fitted.entry() for kind, fitted in models.items()},
        identity=identity,
        created=created,
        card=card.text(identity, created, models, data),
        training_data=data,
        notes={"corpus": args.corpus, "seed": args.seed},
    )


def _say(line: str) -> None:
    sys.stderr.write(f"{printable(line)}\n")


def _refuse(*lines: str) -> int:
    for line in lines:
        _say(f"minewatch train: {line}")
    return 2
