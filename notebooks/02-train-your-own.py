# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3

# %% [markdown]
# # Train your own: label ten captures, fit, and read the evaluation as a sceptic would
#
# **Claim.** Ten labelled captures of your own are enough to retrain, and not enough to prove anything. Two
# things move: the scores of hosts like those you labelled, and the threshold. Only a comparison at the same
# false alarms tells which of the two helped.
#
# **Data.** Ten captures of an invented site, made here: five of its hosts mine by *polling* a pool over HTTP
# inside TLS (getwork), which from outside looks like any other program that asks a server every few seconds;
# five only browse. **All of it is simulated**: read the pictures for the method, not for the numbers.
#
# On the command line all of this is one line, `minewatch train LABELS.csv --output my-bundle`. The notebook
# does the same by the same functions, so that each step can be looked at. It needs no network and no root.

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from detector.features import channel
from detector.model import Bundle, sigmoid
from detector.records import Vectors
from detector.settings import Settings
from training import budget, build, labelled, metrics, table
from training.labels import LabelError, read_labels
from training.simulation.capture import Captured, capture
from training.simulation.conversation import simulate
from training.simulation.draw import Draw

MINER, QUIET, THIRD = "#D55E00", "#0072B2", "#009E73"  # Okabe and Ito: told apart by all eyes
plt.rcParams.update({"figure.dpi": 72, "font.size": 10, "axes.spines.top": False, "axes.spines.right": False})
SHIPPED = Bundle.load()
SETTINGS = Settings()

# %% [markdown]
# ## 1. Write down what you know: LABELS.csv
#
# One row says which host of which file mined, and when. `group` is the column that matters most: what was
# captured together (a site, a campaign, a day) belongs in one group, because a group is never on both sides
# of a split. Ten captures of two days are **two** independent samples, not ten.

# %%
SITE = Path(tempfile.mkdtemp(prefix="minewatch-"))


def of_site(family: str, wrap: str, number: int) -> Captured:
    """Half an hour of one host of the invented site."""
    talk = simulate(family, number, duration_s=1_800.0, wrap=wrap)
    return capture(talk, Draw(f"site/{family}/{number}"))


lines = ["source,host,start,end,label,group,variant,weight"]
for number in range(5):
    for family, label in (("getwork", "mining"), ("browsing", "benign")):
        seen = of_site(family, "tls13", 500 + number)
        (SITE / f"{label}-{number}.pcap").write_bytes(seen.pcap)
        lines.append(f"{label}-{number}.pcap,{seen.client},,,{label},day-{number % 2},{family},5")
labels_file = SITE / "LABELS.csv"
labels_file.write_text("\n".join(lines) + "\n", encoding="utf-8")
pd.read_csv(labels_file)[["source", "label", "group", "variant", "weight"]]

# %% [markdown]
# ## 2. Mistakes in labels are told before the long work
#
# A misspelt label, a row that contradicts another, a group on both sides: each is one line with its place.
# Nothing is fitted until all of them are gone.

# %%
spoilt = SITE / "SPOILT.csv"
again = lines[1].replace("mining,day-0", "benign,day-1")
spoilt.write_text("\n".join([*lines[:2], lines[3].replace(",mining,", ",minning,"), again]), encoding="utf-8")
try:
    read_labels(spoilt)
except LabelError as error:
    print(str(error).replace(f"{SITE}/", ""))

# %% [markdown]
# ## 3. Labels become rows, by the very road that scoring takes
#
# A row is a channel as the model is shown it when a window closes: numbers of lengths, rhythm and words, no
# address, no port, no clock time. Of a mining host only the channel that mines is labelled so. Beside the
# site's rows stands the simulated corpus, or a model of ten captures would cry wolf at everything else.

# %%
told = labelled.read(read_labels(labels_file), SETTINGS, SHIPPED.channel, labels_file)
own = table.concatenate(told.channels)
corpus = build.simulated_rows(build.Recipe(examples=90, seed=11, jobs=1))
rows = table.concatenate([own, corpus])
print(f"{len(own)} rows of the site, {len(corpus)} simulated ones, {len(channel.NAMES)} columns")

# %%
fitted = build.fit_channel(rows, seed=1)


def examples(part: table.Rows, logit: np.ndarray) -> pd.DataFrame:
    """Each channel once, by the highest of its windows, as a monitor would have alarmed."""
    columns = {"channel": part.example, "mining": part.label == 1, "group": part.group, "family": part.family}
    frame = pd.DataFrame(columns | {"score": sigmoid(logit)})
    best = {"mining": "first", "group": "first", "family": "first", "score": "max"}
    return frame.groupby("channel").agg(best)


held_out = examples(rows, fitted.logit)
mine = examples(own, fitted.logit[: len(own)])
known = examples(corpus, fitted.logit[len(own) :])

# %% [markdown]
# ## 4. Every score is a stranger's
#
# Each channel below was scored by a model that had **not** seen its group: out of fold. Scores of rows that a
# model was fitted on flatter it and are never shown. The threshold is set so that few benign channels reach
# it; on so small a corpus it stands just above the highest of them.

# %%
figure, axis = plt.subplots(figsize=(8.6, 3.2), layout="constrained")
kinds = {
    "site, mining": (mine[mine.mining], MINER, "^"),
    "site, benign": (mine[~mine.mining], QUIET, "o"),
    "corpus, mining": (known[known.mining], MINER, "^"),
    "corpus, benign": (known[~known.mining], QUIET, "o"),
}
rng = np.random.default_rng(0)
for place, (name, (part, colour, marker)) in enumerate(kinds.items()):
    height = place + rng.uniform(-0.22, 0.22, len(part))
    filled = colour if name.startswith("site") else "none"
    axis.scatter(part.score, height, s=34, marker=marker, facecolor=filled, edgecolor=colour)
axis.axvline(fitted.model.thresholds.mining, color="black", linestyle=":")
axis.annotate(" called mining", (fitted.model.thresholds.mining, -0.3), ha="left", va="center")
axis.set_yticks(range(4), [f"{name} ({len(part)})" for name, (part, _, _) in kinds.items()])
axis.set_ylim(3.75, -0.5)
axis.set_xlabel("score, out of fold (0 to 1; higher: more like mining)")
axis.set_title("what a model says of groups it has not seen (simulated)", loc="left", fontweight="bold")
plt.show()

# %% [markdown]
# ## 5. A rate is not a number but a range
#
# Found and falsely called, each with its exact 95 % interval (Clopper and Pearson). Look at the width first:
# five hosts cannot show that a model finds miners, nor that it leaves people alone.

# %%
threshold = fitted.model.thresholds.mining
rates = {
    f"{name}": metrics.clopper_pearson(int((part.score >= threshold).sum()), len(part))
    for name, (part, _, _) in kinds.items()
}
figure, axis = plt.subplots(figsize=(8.6, 2.5), layout="constrained")
for place, (name, rate) in enumerate(rates.items()):
    colour = kinds[name][1]
    axis.plot([100 * rate.low, 100 * rate.high], [place, place], color=colour, linewidth=3)
    axis.plot(100 * rate.value, place, kinds[name][2], color=colour, markersize=9)
    axis.annotate(f"{rate.count} of {rate.n}", (101, place), va="center")
axis.set_yticks(range(4), rates)
axis.set_ylim(3.5, -0.5)
axis.set_xlim(-2, 112)
axis.set_xlabel("called mining, per cent, with the 95 % interval")
axis.set_title("the same in shares: found (triangles), falsely called (dots)", loc="left", fontweight="bold")
plt.show()

# %% [markdown]
# ## 6. How small a false-alarm rate can so much data promise?
#
# With no false alarm among *n* benign examples the true rate may still be about 3 / *n*. Whoever asks for one
# false alarm in a thousand hosts needs three thousand benign ones, and **of as many independent groups**.
# `minewatch train --false-alarms 1/1000` sets the threshold all the same, and says that it is no promise.

# %%
n = np.unique(np.logspace(0.3, 5, 60).astype(int))
figure, axis = plt.subplots(figsize=(8.6, 3.2), layout="constrained")
axis.plot(n, [100 * budget.least_share(int(k)) for k in n], color="black")
marks = {
    "this site's groups": len(set(own.group)),
    "this site's benign channels": int((~mine.mining).sum()),
    "with the corpus": int((~held_out.mining).sum()),
}
for (name, count), colour in zip(marks.items(), (MINER, QUIET, THIRD), strict=True):
    share = 100 * budget.least_share(count)
    axis.plot(count, share, "o", color=colour, markersize=9)
    axis.annotate(f"   {name}: n = {count}", (count, share), va="bottom", color=colour)
axis.axhline(0.1, color="#888888", linestyle=":")
axis.annotate("1 in 1 000", (2e4, 0.11), va="bottom")
axis.set_xscale("log")
axis.set_yscale("log")
axis.set_xlabel("independent benign examples, none of them called")
axis.set_ylabel("rate that cannot be\nruled out, per cent")
axis.set_title("what 0 false alarms proves (95 %, one-sided)", loc="left", fontweight="bold")
plt.show()
print(budget.support_words(fitted.metrics["budget"]))

# %% [markdown]
# ## 7. Did it help? Other hosts of the site, on another day
#
# Twelve more hosts that poll in the same way, which neither model has seen, and twelve that browse. Each is a
# line from what the shipped bundle says to what the retrained model says. The black bars are the thresholds
# that the models came with. They were set on corpora of very different size, so they promise different
# things; the green ones are set alike: just above every benign channel of the same corpus, seen by neither.
# Where the two models find as many at equal alarms, it was the threshold that helped, not the ten captures;
# and with twelve hosts even 3 found and 7 found have intervals that overlap. The shipped bundle learned such
# polling from a corpus ninety times as large: beside so small a one, ten captures need not win.


# %%
def strangers(family: str) -> table.Rows:
    """Rows of twelve hosts of another day."""
    parts = []
    for number in range(12):
        origin = table.Origin(int(family == "getwork"), "later", family, "site", f"{family}-{number}", True)
        tables = table.simulated_tables(of_site(family, "tls13", 900 + number).pcap, SETTINGS)
        parts.append(table.rows_of(tables, SETTINGS, origin))
    return table.concatenate(parts)


as_shipped = examples(corpus, SHIPPED.channel.score(Vectors(channel.NAMES, corpus.values)).logit)
models = {  # the model, and the highest score that it gives a benign channel of the corpus
    "shipped": (SHIPPED.channel, as_shipped[~as_shipped.mining].score.max()),
    "retrained": (fitted.model, known[~known.mining].score.max()),
}
figure, axes = plt.subplots(1, 2, figsize=(8.6, 3.4), sharey=True, layout="constrained")
summary = []
for axis, family, title, colour in (
    (axes[0], "getwork", "polling miners", MINER),
    (axes[1], "browsing", "people browsing", QUIET),
):
    part = strangers(family)
    vectors = Vectors(channel.NAMES, part.values)
    said = {name: examples(part, model.score(vectors).logit).score for name, (model, _) in models.items()}
    for before, after in zip(*said.values(), strict=True):
        axis.plot([0, 1], [before, after], "o-", color=colour, alpha=0.6)
    for place, (name, (model, highest)) in enumerate(models.items()):
        own_limit = model.thresholds.mining
        axis.plot([place - 0.15, place + 0.15], [own_limit] * 2, color="black", linewidth=2)
        axis.plot([place - 0.15, place + 0.15], [highest] * 2, color=THIRD, linewidth=2, linestyle="--")
        called = {"at its own threshold": said[name] >= own_limit, "at equal alarms": said[name] > highest}
        told_in = {what: f"{int(hit.sum())} of {len(hit)}" for what, hit in called.items()}
        summary.append({"who": title, "model": name, **told_in})
    axis.set_xticks([0, 1], list(models))
    axis.set_xlim(-0.3, 1.3)
    axis.set_title(title, color=colour)
axes[0].set_ylabel("score of the channel (0 to 1)")
figure.suptitle("called mining above the bar: black its own, green dashed at equal false alarms", fontsize=10)
plt.show()
pd.DataFrame(summary).set_index(["who", "model"])

# %% [markdown]
# ## 8. What to do next
#
# * `minewatch train LABELS.csv --output my-bundle` fits all three models (traffic, power, both) on a larger
#   corpus, prints this evaluation, and **refuses to replace a bundle that is better** on your rows.
# * `minewatch evaluate my-bundle OTHER-LABELS.csv` on hosts that were *not* used for training.
# * More groups beat more hosts: a second site is worth more than a second week of the first.
# * No labels at all? `minewatch train --output site --recalibrate default --traffic monday.pcap` keeps the
#   trees and moves only offset and thresholds; `minewatch evaluate --drift default monday.pcap` says whether
#   your traffic left the training set.
