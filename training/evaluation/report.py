"""The sections that rest on rows: splits, baselines, calibration, and the checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from detector.model import Bundle
from training import build, metrics
from training.evaluation import checks, held_out, leaks, tables
from training.evaluation.ground import Ground, Sizes
from training.evaluation.held_out import FALSE_ALARMS, Judged
from training.evaluation.remembered import Told
from training.evaluation.sample import Sample
from training.evaluation.scorers import BASELINES, boosted, of_bundle, said
from training.table import SPAN_EDGES_S, WORDS

DIAGRAM = "reliability.svg"
MIXED = "simulated and recorded"
HUNG = (0.01, 0.001)  # shares of false alarms


def strangers(on: Ground) -> Told:
    """Groups held out: baselines, a later time, what an alarm is worth, calibration and its diagram."""
    found = on.strangers
    told = [
        _head(on.sample, on.sizes),
        _baselines(on.sample, on.bundles, found, on.sizes),
        _later(on.sample, on.sizes),
        _worth(found),
        _calibration(found),
    ]
    bins = tables.reliability(tables.calibrated(found), found.labels)
    return Told("\n\n".join(told), {DIAGRAM: tables.diagram(bins, "Reliability of held-out groups")})


def groups(on: Ground) -> Told:
    """Each group left out."""
    return Told(_one_out(on.sample, on.sizes))


def growth(on: Ground) -> Told:
    """What more groups would give, and which columns matter."""
    return Told("\n\n".join([_learning(on.sample, on.sizes), _ablation(on.sample, on.sizes)]))


def honesty(on: Ground) -> Told:
    """What would make the numbers a lie, looked for."""
    told = [_permutation(on.sample, on.sizes), _leaks(on.sizes), _duration(on.sample), _hanging(on.strangers)]
    return Told("\n\n".join(["## Checks", *told]))


def _head(of: Sample, sizes: Sizes) -> str:
    rows = of.rows
    recorded = int((~rows.simulated).sum())
    times = build.Recipe().examples // sizes.conversations
    return (
        "## Held-out groups\n"
        f"A sample of its own: {sizes.conversations} simulated conversations (seed {sizes.seed}, not"
        f" that of the shipped bundle) and the recorded captures that may"
        f" train: {len(rows)} rows, {recorded} of them"
        f" recorded (benign), {len(set(rows.groups.tolist()))} groups. All mining is simulated."
        " Examples are channels, each by its highest row; a threshold is set on the benign examples of the"
        f" other parts of a split. The shipped model learned from {times} times as many."
    )


def _baselines(of: Sample, bundles: Mapping[str, Bundle], found: Judged, sizes: Sizes) -> str:
    split = held_out.folds(of.rows, sizes.seed)
    rows = [
        [name, MIXED, *tables.worth(held_out.worth(held_out.judged(of.rows, split, scorer, sizes.seed)))]
        for name, scorer in BASELINES.items()
        if scorer is not boosted
    ]
    heard = held_out.judged(replace(of.rows, names=WORDS, values=of.words), split, said, sizes.seed)
    either = replace(found, hit=found.hit | heard.hit, score=np.where(heard.score > 0, np.inf, found.score))
    ours = {
        "words alone: a login, a share or three jobs heard": heard,
        "gradient boosting (this model), behaviour alone": found,
        "words, or else this model": either,
    }
    rows += [[name, MIXED, *tables.worth(held_out.worth(one))] for name, one in ours.items()]
    rows += [_by_bundle(name, bundle, of, sizes) for name, bundle in bundles.items()]
    head = ["scored by", "origin", *tables.WORTH]
    return (
        "### Against what is simple\nStratifiedGroupKFold, 5 parts, the same for all. Intervals over groups."
        " The bundle knows these families by other conversations, so it stands here for the sizes, not the"
        " strangers.\n\n" + tables.table(head, rows)
    )


def _by_bundle(name: str, bundle: Bundle, of: Sample, sizes: Sizes) -> list[str]:
    """The channel model of a bundle as it is, on the rows that it did not learn from."""
    unseen = of.rows.take(~bundle.reference["channel"].knows(of.rows.values))
    everything = np.arange(len(unseen))
    judged = held_out.judged(unseen, [(everything, everything)], of_bundle(bundle), sizes.seed)
    told = tables.worth(held_out.worth(judged))
    return [f"{name} bundle `{bundle.id}` {bundle.digest[:8]}, rows it never saw", "simulated", *told]


def _one_out(of: Sample, sizes: Sizes) -> str:
    found = held_out.judged(of.rows, held_out.one_out(of.rows, of.rows.groups), boosted, sizes.seed)
    by_source = held_out.judged(of.rows, held_out.one_out(of.rows, of.sources), boosted, sizes.seed)
    whole = tables.table(
        ["left out, one at a time", "origin", *tables.WORTH],
        [
            ["group (family, site)", MIXED, *tables.worth(held_out.worth(found))],
            ["source", "recorded", *tables.worth(held_out.worth(by_source.take(~by_source.simulated)))],
        ],
    )
    parts = {
        "Dialects of mining": (found, found.labels & found.simulated, "simulated"),
        "Kinds of benign traffic": (found, ~found.labels & found.simulated, "simulated"),
        "Sites": (found, ~found.labels & ~found.simulated, "recorded"),
    }
    listed = [f"{title}, the worst first:\n\n{tables.by_group(*part)}" for title, part in parts.items()]
    return "\n\n".join(["### Leave one group out\nNever seen in training, whatever it is.", whole, *listed])


def _later(of: Sample, sizes: Sizes) -> str:
    split = held_out.later(of.rows, of.time)
    found = held_out.judged(of.rows, split, boosted, sizes.seed)
    known = of.time[~np.isnan(of.time)]
    middle = np.datetime64(int(np.median(known)), "s")
    return (
        f"### Later than it was trained\nRecorded captures that begin after"
        f" {str(middle)[:10]} (groups that reach"
        " over it are held out whole), scored by a model of the simulated and the earlier recorded ones; the"
        " threshold is that of the held-out benign themselves.\n\n"
        + tables.table(
            ["held out", "origin", *tables.WORTH],
            [["later half", "recorded", *tables.worth(held_out.worth(found))]],
        )
    )


def _worth(found: Judged) -> str:
    worth = held_out.worth(found)
    recall = {"value": worth.recall.value, "low": worth.recall.low, "high": worth.recall.high}
    return (
        f"### What an alarm is worth\nAt the threshold for {FALSE_ALARMS:.0%} false alarms, {MIXED} examples;"
        " no network mines as often as this sample.\n\n"
        + tables.precision(recall, worth.false_alarms.document())
    )


def _calibration(found: Judged) -> str:
    probability = tables.calibrated(found)
    rows = [
        [f"{mean:.3f}", f"{share.count} of {share.n:g}", f"{share.low:.3f} to {share.high:.3f}"]
        for mean, share in tables.reliability(probability, found.labels)
    ]
    brier, error = (
        metrics.brier(found.labels, probability),
        metrics.expected_calibration_error(found.labels, probability),
    )
    return (
        f"### Calibration\n{MIXED.capitalize()} examples of held-out groups, calibrated on the other parts:"
        f" Brier {brier:.3f}, expected calibration error {error:.3f}. It holds for this mix, where mining is"
        f" far commoner than anywhere.\n\n![reliability]({DIAGRAM})\n\n"
        + tables.table(["score said (mean)", "mined", "95 %"], rows)
    )


def _learning(of: Sample, sizes: Sizes) -> str:
    rows = [
        [f"{share:.0%}", groups, *tables.worth(worth)]
        for share, groups, worth in checks.learning_curve(of.rows, sizes.seed)
    ]
    return (
        f"### Learning curve\nShare of the training *groups*; held out are"
        f" always the same. {MIXED.capitalize()}.\n\n"
        + tables.table(["groups", "how many", *tables.WORTH], rows)
    )


def _ablation(of: Sample, sizes: Sizes) -> str:
    rows = []
    for family, columns, without, alone in checks.ablation(of.rows, sizes.seed):
        cells = [tables.interval(one.auc) for one in (without, alone)]
        cells += [tables.interval(one.recall, percent=True) for one in (without, alone)]
        rows.append([family, columns, *cells])
    head = ["family", "columns", "AUC without", "AUC alone", "recall without", "recall alone"]
    return (
        f"### Ablation\n{MIXED.capitalize()}; one fit each, so a point or two is noise.\n\n"
        + tables.table(head, rows)
    )


def _permutation(of: Sample, sizes: Sizes) -> str:
    aucs = checks.permuted(of.rows, sizes.seed, sizes.permutations)
    told = ", ".join(tables.interval(auc) for auc in aucs)
    return (
        "### Labels dealt out anew\nWhole groups get another group's label: an"
        " AUC away from 0.5 would be a leak"
        f" between training and held-out groups. AUC {told}: the check"
        f" {tables.passes(checks.by_chance(aucs))}."
    )


def _leaks(sizes: Sizes) -> str:
    drawn = leaks.drawn(sizes.leak_conversations, sizes.seed)
    kinds = {kind: leaks.of(kind) for kind in ("address", "time", "length", "wrapping", "port")}
    kinds["all but ports"] = [place for kind, places in kinds.items() if kind != "port" for place in places]
    rows = []
    for kind, places in kinds.items():
        worth = checks.probe(checks.part(drawn.rows, places), sizes.seed)
        cells = [tables.interval(worth.auc), tables.interval(worth.recall, percent=True)]
        rows.append([kind, "simulated", *cells, tables.passes(not checks.tells(worth))])
    return (
        f"### Leak probe\nA model on what must not tell, on {len(drawn.rows)}"
        f" simulated captures, one row each; held-out groups. None of it is a feature. A probe FAILS where"
        f" the whole interval of its AUC lies above {checks.TELLS:g}.\n\n"
        + tables.table(["a model on", "origin", "AUC", f"recall at {FALSE_ALARMS:.0%}", "probe"], rows)
        + "\n\n"
        + tables.met(drawn.met, drawn.rows.labels)
    )


def _duration(of: Sample) -> str:
    spans = ["under 60 s", *(f"from {edge:g} s" for edge in SPAN_EDGES_S)]
    rows = []
    for bucket, plain, weighed in checks.duration(of.buckets, of.rows.labels, of.rows.weights):
        one_class = plain in (0.0, 1.0)
        check = "one class only" if one_class else tables.passes(abs(weighed - 0.5) < 0.01)
        rows.append([spans[bucket], f"{plain:.0%}", f"{weighed:.0%}", check])
    return (
        "### Duration is no label\nShare of mining among rows by how long they"
        " were observed: as they are, and as"
        " they are weighed in training (each must be a half, where both classes are there).\n\n"
        + tables.table(["observed", "rows", "weighed", "check"], rows)
    )


def _hanging(found: Judged) -> str:
    parts = [
        "### What the thresholds hang on\nBenign examples at the threshold, whose they are, and where it"
        " would stand (raw log-odds) without each of the worst groups."
    ]
    for share in HUNG:
        told = checks.hangs_on(found, share)
        rows = [[f"`{name}`", f"{limit:.2f}"] for name, limit in told.without]
        parts.append(
            f"For {share:.1%} false alarms: {told.threshold:.2f}, on {told.examples} examples of"
            f" {len(told.groups)} groups.\n\n" + tables.table(["without", "it stands at"], rows)
        )
    return "\n\n".join(parts)
