"""`minewatch train`: a bundle fitted to labelled data, with the simulated corpus beside it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detector.cli.parser import whole
from detector.text import printable

if TYPE_CHECKING:
    from detector.model import Bundle
    from training.budget import Budget
    from training.fit import Fitted
    from training.labelled import Labelled

SUMMARY = "fit a model to labelled data; prints the honest evaluation"
EPILOG = """\
LABELS.csv has the columns source,host,start,end,label,group[,coin,variant,weight,power_source]:
  source   capture, flow log, power file, folder of them, or folder that minewatch extract
           wrote; relative to LABELS.csv
  host     address or meter, * for every host of the source
  label    mining or benign
  group    what belongs together (site, campaign, day): never on both sides of a split
  weight   how much the row counts, 1 = as any other
  power_source  file with the meter of this host: the two are learnt together, too

Of flow logs (NetFlow, IPFIX, nfdump, Zeek, EVE) channels are learnt that were kept up as mining
is, by packets and bytes alone, and judged by limits of their own; needed are two groups of each
class.  A bundle that learned from none has no say in flow logs (docs/flowlogs.md).

Mistakes are told before the long work: contradictions, misspelt labels, hosts and times that
the source does not hold, one content under two groups.

examples:
  minewatch train LABELS.csv --output my-bundle
  minewatch train LABELS.csv --output my-bundle --corpus 8000 --jobs 2
  minewatch train LABELS.csv --output my-bundle --false-alarms 1/1000-host-days
  minewatch train LABELS.csv --output my-bundle --unlabelled
  minewatch train LABELS.csv --output site --recalibrate default --traffic monday.pcap tuesday.pcap
  minewatch train --output site --recalibrate default --traffic monday.pcap   (no labels at all)
  minewatch score capture.pcap --model my-bundle

What is printed was measured out of fold: on groups that the model had not seen.  Labels that all the
others speak against are named (confident learning), so that you can look again, and count for less.

--false-alarms  1/1000-host-days, or a share of benign examples as 1/1000.  The threshold is set for
                it, and it is said whether the data can promise it, and the least that they can.
--miss          a miner of an unseen group is called clear at most so often; whoever scores between
                that and `suspicious` is undecided (split conformal, on held-out groups).
--unlabelled    "benign" rows are only not known to mine (Elkan and Noto 2008): those that look like
                the miners you know count as miners in part.  Assumes that the miners you know are
                like those you do not; that you found them by chance, not because they are easy.
--recalibrate   moves the offset and the thresholds of a bundle to a site and keeps its trees: from
                --traffic of the site, unlabelled, and the few labels that there are.

Status: 0 saved; 2 mistakes in the labels or in use, or the bundle at --output is better.
"""
FEWEST_HOSTS = 4_000
"""Hosts that are composed.  Of 800, who logs in and sends shares stayed below `suspicious` in one of three
drawings: so few say too little of words, and the threshold stands on one or two benign ones."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """LABELS.csv, where to write, what to compare with, and how to fit."""
    told = "what is known of which host, and when; --recalibrate can do without"
    parser.add_argument("labels", metavar="LABELS.csv", nargs="?", help=told)
    parser.add_argument(
        "--output", required=True, type=Path, metavar="BUNDLE", help="folder, or file ending in .zip"
    )
    parser.add_argument("--base", metavar="BUNDLE", help="bundle to compare with (default: the shipped one)")
    told = "simulated conversations to learn from as well, from 400, for the look-alikes (default: 2000)"
    parser.add_argument("--corpus", type=whole(400, 1_000_000), default=2_000, metavar="N", help=told)
    parser.add_argument(
        "--seed", type=whole(0, (1 << 63) - 1), default=2_026, metavar="N", help="same seed, same bundle"
    )
    parser.add_argument("--jobs", type=whole(1, 256), default=1, metavar="N", help="processes (default: 1)")
    parser.add_argument("--created", type=_date, metavar="DATE", help="date for the bundle (default: today)")
    parser.add_argument("--force", action="store_true", help="replace a bundle that is better on these rows")
    add = parser.add_argument_group("thresholds").add_argument
    add("--false-alarms", metavar="BUDGET", help="such as 1/1000-host-days or 1/1000 (default)")
    add("--miss", type=_share, metavar="SHARE", help="miners that may be called clear (default: not set)")
    add = parser.add_argument_group("other ways to learn").add_argument
    add("--unlabelled", action="store_true", help="rows that are not mining are only not known to mine")
    add("--recalibrate", metavar="BUNDLE", help="keep its trees; `default` is the shipped one")
    add("--traffic", nargs="+", default=[], metavar="PATH", help="for --recalibrate: captures of the site")
    add = parser.add_argument_group("signature").add_argument
    add("--sign", type=Path, metavar="KEY", help="sign with this Ed25519 private key (PEM)")

    told = "go on when labels name hosts or times that their source does not hold"
    parser.add_argument("--allow-unmet", action="store_true", help=told)
    told = "simulate anew, and keep nothing for the next time"
    parser.add_argument("--no-cache", action="store_true", help=told)


def _date(word: str) -> str:
    try:
        return date.fromisoformat(word).isoformat()
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{word!r:.40} is no date, such as 2026-11-22") from error


def _share(word: str) -> float:
    try:
        value = float(word)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{word!r} is no number") from error
    if not 0 < value < 0.5:
        raise argparse.ArgumentTypeError(f"{word} is not between 0 and 0.5")
    return value


def run(args: argparse.Namespace) -> int:
    """Read, fit, compare, save."""
    if args.traffic and not args.recalibrate:
        return _refuse("--traffic is for --recalibrate")
    if args.recalibrate:
        from training.commands import recalibrate  # noqa: PLC0415

        return recalibrate.run(args)
    if args.labels is None:
        return _refuse("LABELS.csv is missing: what is known of which host (see minewatch train --help)")
    return _train(args)


def _train(args: argparse.Namespace) -> int:
    from detector.model import Bundle  # noqa: PLC0415  numpy: not for --help
    from training import advice, build, compare, doubts, kinds, positives, store, table  # noqa: PLC0415
    from training.labels import LabelError  # noqa: PLC0415

    budget = budget_of(args)
    base, standing = Bundle.load(args.base), _loaded(args.output)
    try:
        found = _held_against_sources(args, base)
    except LabelError as error:
        return _refuse(*str(error).splitlines())
    cache = None if args.no_cache else store.home() / "rows"
    hosts = max(FEWEST_HOSTS, 4 * args.corpus)
    recipe = build.Recipe(args.corpus, 2 * args.corpus, hosts, args.seed, args.jobs, cache)
    own, left = kinds.learnable(table.gathered(found.channels, recipe.most_rows))
    for line in left:
        _say(line)
    if not len(own) and not found.power:
        return _refuse("none of the labels met a channel or a meter that can be learnt from")
    if budget is not None:
        recipe = replace(recipe, budget=budget)
    _say(f"{len(own)} labelled rows; simulating {args.corpus} conversations beside them")
    simulated = build.simulated_rows(recipe)
    if own.flow.any():
        simulated = table.concatenate([simulated, build.simulated_flow_rows(recipe)])
    if args.unlabelled:
        learned, told = positives.weighed(own, simulated, recipe.seed)  # the rows of `own` stay first
        _say(told)
    else:
        learned, named = doubts.weighed(own, simulated, recipe.seed)
        for line in named:
            _say(line)
    rows = table.concatenate([learned, simulated])
    power = build.joined_power([*found.power, build.power_rows(recipe, None)])
    if cache is not None:
        store.prune(cache)
    models = build.fit_all(recipe, rows, power, _say, pairs=found.pairs)
    comparison = compare.compare(own, models["channel"], base, standing)
    sys.stdout.write("\n".join([*comparison.lines, *_promises(models, budget), *advice.advice(own)]) + "\n")
    if comparison.worse and not args.force:
        return _refuse(f"{args.output} was left as it is: {comparison.worse} (--force replaces it)")
    told = kinds.described(rows, table.select(rows, ~rows.simulated), models["channel"])
    saved = _save(args, models, build.training_data(rows, power), told)
    sys.stdout.write(f"saved {args.output}: {saved.id}, digest {saved.digest[:16]}\n")
    return 0


def _held_against_sources(args: argparse.Namespace, base: Bundle) -> Labelled:
    """What the labels give.  All mistakes are one LabelError; what is none but worth knowing is told."""
    from detector.settings import Settings  # noqa: PLC0415
    from training import labelled  # noqa: PLC0415
    from training.commands import beforehand  # noqa: PLC0415
    from training.labels import LabelError, doubts, read_labels, shown  # noqa: PLC0415

    labels = read_labels(args.labels)
    beforehand.check(args, labels)
    beforehand.look_at_sources(labels, Path(args.labels))
    found = labelled.read(labels, Settings(), base.channel, Path(args.labels))
    mistakes = found.mistakes if args.allow_unmet else [*found.mistakes, *found.unmet]
    if mistakes:
        raise LabelError("\n".join(shown(mistakes, args.labels)))
    for line in [*found.unmet, *found.notes, *doubts(labels)]:
        _say(line)
    return found


def budget_of(args: argparse.Namespace) -> Budget | None:
    """What the words ask for, None for the usual.  Raises BudgetError."""
    from training import budget  # noqa: PLC0415

    if args.false_alarms is None and args.miss is None:
        return None
    asked = budget.parse(args.false_alarms) if args.false_alarms else budget.Budget()
    return replace(asked, miss=args.miss)


def _promises(models: Mapping[str, Fitted], budget: Budget | None) -> list[str]:
    """What of a budget that was asked for the data can promise, one line a model."""
    from training.budget import support_words  # noqa: PLC0415

    if budget is None:
        return []
    return [f"{kind}: {support_words(fitted.metrics['budget'])}" for kind, fitted in models.items()]


def _loaded(path: Path) -> Bundle | None:
    """The bundle at `path`, if there is one.  Raises BundleError for something else that lies there."""
    from detector.model import Bundle  # noqa: PLC0415

    return Bundle.load(path) if path.exists() else None


def identity_of(labels: Path) -> str:
    """The id of a bundle that is trained on these labels."""
    import hashlib  # noqa: PLC0415

    return "trained-" + hashlib.sha256(labels.read_bytes()).hexdigest()[:12]


def _save(
    args: argparse.Namespace,
    models: Mapping[str, Fitted],
    data: list[dict[str, Any]],
    learnt: Mapping[str, Any],
) -> Bundle:
    """Write the bundle.  Its name is that of the labels' content: the same labels, the same name."""
    from training import card, export, kinds  # noqa: PLC0415

    identity = identity_of(Path(args.labels))
    created = args.created or datetime.now(UTC).strftime("%Y-%m-%d")
    return export.save_bundle(
        args.output,
        {
            kind: fitted.entry(**({"sources": learnt} if kind == "channel" else {}))
            for kind, fitted in models.items()
        },
        identity=identity,
        created=created,
        card=card.text(identity, created, models, data, list(kinds.lines(learnt))),
        training_data=data,
        notes={"corpus": args.corpus, "seed": args.seed, "unlabelled": args.unlabelled},
        key=args.sign,
    )


def _say(line: str) -> None:
    sys.stderr.write(f"{printable(line)}\n")


def _refuse(*lines: str) -> int:
    for line in lines:
        _say(f"minewatch train: {line}")
    return 2
