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
# # Error analysis: look at the false alarms and the misses, one by one
#
# **Claim.** A mean hides its zeros. Which *kinds* of miners are missed, and which kinds of ordinary programs
# set the threshold, says more of a model than its recall; and each single error can be explained.
#
# **Data.** `sample_data/campus-hour.pcap.gz`, and some hundred conversations of every family that the
# simulator knows, with a seed that the shipped bundle was not trained on. **All of it is simulated**, and the
# bundle knows these families by other conversations: so these errors are the *least* there will be.
# `docs/evaluation.md` has families that were held out, and recorded traffic.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from detector.features import channel
from detector.model import Bundle, sigmoid
from detector.pipeline import Request, score
from detector.records import Vectors
from detector.settings import Settings
from training import metrics, table
from training.simulation import corpus

SAMPLES = next(path for path in (Path("sample_data"), Path("../sample_data")) if path.is_dir())
MINER, QUIET, THIRD = "#D55E00", "#0072B2", "#009E73"  # Okabe and Ito: told apart by all eyes
plt.rcParams.update({"figure.dpi": 72, "font.size": 10, "axes.spines.top": False, "axes.spines.right": False})
BUNDLE, SETTINGS = Bundle.load(), Settings()
LIMITS = BUNDLE.channel.thresholds

# %% [markdown]
# ## 1. Score strangers, one conversation at a time
#
# A conversation's score is the highest of its windows: that is what a monitor would have alarmed on.

# %%
SEED, COUNT = 31_337, 130
made = {f"{family}/{seed}": corpus.example(family, seed) for family, seed in corpus.plan(COUNT, SEED)}
parts = []
for name, one in made.items():
    origin = table.Origin(int(one.label == "mining"), one.group, one.family, "simulated", name, True)
    parts.append(table.rows_of(table.simulated_tables(one.pcap, SETTINGS), SETTINGS, origin))
rows = table.concatenate(parts)
logit = BUNDLE.channel.score(Vectors(channel.NAMES, rows.values)).logit
frame = pd.DataFrame({"name": rows.example, "row": range(len(rows)), "score": sigmoid(logit)})
worst = frame.loc[frame.groupby("name").score.idxmax()].set_index("name")
talks = worst.assign(
    mining=[made[name].label == "mining" for name in worst.index],
    family=[made[name].family for name in worst.index],
    wrapped=[made[name].wrap for name in worst.index],
    minutes=[made[name].duration_s / 60 for name in worst.index],
)
print(f"{len(made)} conversations; {len(made) - len(talks)} said too little to be judged (undecided)")
pd.crosstab(
    talks.mining.map({True: "mines", False: "does not"}),
    np.select(
        [talks.score >= LIMITS.mining, talks.score >= LIMITS.suspicious], ["mining", "suspicious"], "clear"
    ),
    rownames=["in truth"],
    colnames=["the channel alone is called"],
)

# %% [markdown]
# ## 2. Misses by kind: a mean hides which dialects score low
#
# A mark is a conversation. A pool that *pushes* jobs gives itself away; a miner that *asks* (getwork,
# getblocktemplate, ethproxy_poll) looks like any JSON poll, and it is not alone at the bottom. Triangles at
# the right of a line reach that verdict, all others are misses. This is behaviour alone: what is said in the
# clear is no column of this model. It is a fact that counts for the host, in section 6.

# %%
miners = talks[talks.mining].sort_values("score")
order = miners.groupby("family").score.median().sort_values().index
figure, axis = plt.subplots(figsize=(8.6, 7), layout="constrained")
for place, family in enumerate(order):
    part = miners[miners.family == family]
    clear = part.wrapped == "none"
    for kind, face, label in ((clear, "none", "in the clear"), (~clear, MINER, "encrypted or opaque")):
        axis.scatter(
            part.score[kind], [place] * kind.sum(), s=40, marker="^", facecolor=face, edgecolor=MINER,
            label=label if place == 0 else None,
        )  # fmt: skip
axis.axvline(LIMITS.suspicious, color="#888888", linestyle=":")
axis.axvline(LIMITS.mining, color="black", linestyle=":")
axis.set_yticks(range(len(order)), order)
axis.set_xlabel("score of the channel (dotted: suspicious, mining)")
axis.set_title("miners by dialect, the hardest below (simulated)", loc="left", fontweight="bold")
handles = [plt.Line2D([], [], marker="^", linestyle="", markeredgecolor=MINER, markerfacecolor=face)
           for face in ("none", MINER)]  # fmt: skip
axis.legend(handles, ["in the clear", "encrypted or opaque"], frameon=False, loc="upper left")
plt.show()

# %% [markdown]
# ## 3. What makes a miss: too little time, or the wrong wrapping?
#
# Share found (suspicious or mining) with exact 95 % intervals. With so few conversations a kind the intervals
# are wide: where two overlap widely, there is nothing to conclude.

# %%
cuts = pd.cut(miners.minutes, [0, 5, 30, 130], labels=["under 5 min", "5 to 30 min", "over 30 min"])
clear = miners.wrapped.map({"none": "in the clear"}).fillna("not in the clear")
figure, axis = plt.subplots(figsize=(8.6, 2.8), layout="constrained")
labels, place = [], 0
for title, keys in (("seen", cuts), ("words", clear)):
    for value in keys.cat.categories if title == "seen" else sorted(keys.unique()):
        part = miners[keys == value]
        rate = metrics.clopper_pearson(int((part.score >= LIMITS.suspicious).sum()), len(part))
        colour = MINER if title == "seen" else THIRD
        if rate.value is not None:
            axis.plot([100 * rate.low, 100 * rate.high], [place, place], color=colour, linewidth=3)
            axis.plot(100 * rate.value, place, "^", color=colour, markersize=9)
        labels.append(f"{value} ({rate.count} of {rate.n})")
        place += 1
axis.set_yticks(range(place), labels)
axis.invert_yaxis()
axis.set_xlim(-2, 102)
axis.set_xlabel("miners found, per cent, with the 95 % interval")
axis.set_title("by time observed, and by what can be read (simulated)", loc="left", fontweight="bold")
plt.show()

# %% [markdown]
# ## 4. Who sets the threshold: the ordinary programs that score highest
#
# A threshold for few false alarms hangs on the few benign channels at the top. Know them by name: without
# the highest *kind*, how far could the threshold fall, and would that be honest? (No: such programs exist.)

# %%
benign = talks[~talks.mining].sort_values("score", ascending=False)
top = benign.head(12).iloc[::-1]
without = benign[benign.family != benign.family.iloc[0]].score.iloc[0]
figure, axis = plt.subplots(figsize=(8.6, 3.6), layout="constrained")
axis.barh(range(len(top)), top.score, color=QUIET)
axis.set_yticks(range(len(top)), [f"{one.family}, {one.wrapped}" for one in top.itertuples()])
axis.axvline(LIMITS.suspicious, color="#888888", linestyle=":")
axis.axvline(LIMITS.mining, color="black", linestyle=":")
axis.set_xlabel("score of the channel (dotted: suspicious, mining)")
axis.set_title(
    f"the highest of {len(benign)} benign conversations (simulated)", loc="left", fontweight="bold"
)
plt.show()
print(f"highest benign score {benign.score.iloc[0]:.3f}; without its family {without:.3f}")

# %% [markdown]
# ## 5. Explain one miss and one near-alarm
#
# What moved each score most, in log-odds: the arithmetic that a finding tells as its `contributions`. For the
# miss, look at what pulls left: that is what an operator should *not* trust it to see.


# %%
def moved(name: str) -> pd.DataFrame:
    """The seven columns that move the highest row of a conversation most."""
    told = BUNDLE.channel.contributions(rows.values[talks.row[name]])[:7]
    return pd.DataFrame(told[::-1], columns=["feature", "contribution"])


long = miners[miners.minutes > 5]
chosen = {
    f"missed: {long.family.iloc[0]} in {long.wrapped.iloc[0]}, score {long.score.iloc[0]:.2f}": long.index[0],
    f"nearly called: {benign.family.iloc[0]}, score {benign.score.iloc[0]:.2f}": benign.index[0],
}
figure, axes = plt.subplots(2, 1, figsize=(8.6, 5), sharex=True, layout="constrained")
for axis, (title, name) in zip(axes, chosen.items(), strict=True):
    part = moved(name)
    axis.barh(part.feature, part.contribution, color=np.where(part.contribution > 0, MINER, QUIET))
    axis.axvline(0, color="black", linewidth=0.8)
    axis.set_title(title, loc="left", fontweight="bold")
axes[-1].set_xlabel("log-odds added by the feature (right, orange: more like mining)")
plt.show()

# %% [markdown]
# ## 6. On a network: errors are of hosts, not of channels
#
# The bundled hour against its truth. `minewatch evaluate default LABELS.csv` tells the same with bounds, by
# group, source, coin and variant, and lists every host that was called otherwise than labelled.

# %%
findings = score(Request(paths=(str(SAMPLES / "campus-hour.pcap.gz"),))).findings
labels = pd.read_csv(SAMPLES / "LABELS.csv")
labels = labels[labels.source == "campus-hour.pcap.gz"].set_index("host")
told = pd.DataFrame({"host": f.host, "verdict": f.verdict.value, "score": f.score} for f in findings)
told = told.set_index("host").join(labels[["label", "variant"]], how="inner")
colours = {"mining": MINER, "benign": QUIET, "look-alike": THIRD}
figure, axis = plt.subplots(figsize=(8.6, 2.6), layout="constrained")
for place, (kind, colour) in enumerate(colours.items()):
    part = told[(told.variant == kind) & told.score.notna()]
    marker = "^" if kind == "mining" else "o"
    axis.scatter(part.score, [place] * len(part), s=60, marker=marker, color=colour, alpha=0.6)
fusion = BUNDLE.fusion.thresholds
axis.axvline(fusion.suspicious, color="#888888", linestyle=":")
axis.axvline(fusion.mining, color="black", linestyle=":")
axis.set_yticks(range(3), [f"{kind} ({(told.variant == kind).sum()})" for kind in colours])
axis.set_ylim(2.5, -0.5)
axis.set_xlabel("score of the host (dotted: suspicious, mining)")
axis.set_title("hosts of the bundled hour by what they are (simulated)", loc="left", fontweight="bold")
plt.show()
told.groupby("variant").verdict.value_counts().unstack(fill_value=0)
