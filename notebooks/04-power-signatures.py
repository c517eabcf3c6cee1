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
# # Power signatures: what a meter can tell of mining, and what it cannot
#
# **Claim.** A miner is a load that starts once and then never breathes. A meter shows that well when the
# start is in the record or the miner is most of the load, badly when a small one was there from the first
# day, and not at all against an ordinary load that is just as flat.
#
# **Data.** `sample_data/` (a day of nodes, a month of meters) and some hundred records drawn from the
# simulator's own corpus, with a seed that the shipped bundle was not trained on. **All of it is simulated**;
# no public trace of a large miner exists. Read the pictures as limits and rankings.

# %%
import dataclasses
import itertools
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import ks_2samp

from detector.features import power
from detector.model import Bundle, sigmoid
from detector.records import Vectors
from detector.settings import Settings
from detector.telemetry import read_power
from detector.windows.power import power_windows
from training import metrics
from training.simulation import power_corpus

SAMPLES = next(path for path in (Path("sample_data"), Path("../sample_data")) if path.is_dir())
MINER, QUIET, THIRD = "#D55E00", "#0072B2", "#009E73"  # Okabe and Ito: told apart by all eyes
plt.rcParams.update({"figure.dpi": 72, "font.size": 10, "axes.spines.top": False, "axes.spines.right": False})
BUNDLE, SETTINGS = Bundle.load(), Settings()
LIMITS = BUNDLE.power.thresholds


def watts(path: Path) -> pd.DataFrame:
    """Readings as one column a meter, watts."""
    readings = read_power(path)
    names = np.array(readings.meters)[readings.meter]
    times = pd.to_datetime(readings.time_ns, utc=True)
    frame = pd.DataFrame({"time": times, "meter": names, "watts": readings.watts})
    return frame.pivot(index="time", columns="meter", values="watts")


truth = pd.read_csv(SAMPLES / "truth.csv").set_index("host").label
nodes_at = pd.read_csv(SAMPLES / "assets.csv").dropna(subset=["node"]).set_index("node").ip

# %% [markdown]
# ## 1. High power is not the sign; sameness is
#
# Each dot is a node's day. To the right: much of its own top power. Down: little changes from one hour to the
# next. Miners sit low; but so does a machine that does nothing, and one that computes without pause.

# %%
nodes = watts(SAMPLES / "node-day.csv")
evening = nodes.between_time("12:00", "23:59")  # after the GPU miner has started at 06:40
hourly = evening.resample("1h").mean()
level = evening.mean() / nodes.quantile(0.99)
change = hourly.diff().abs().median() / hourly.mean()
figure, axis = plt.subplots(figsize=(8.6, 3.6), layout="constrained")
styles = {"mining": (MINER, "^"), "look-alike": (THIRD, "s"), "benign": (QUIET, "o")}
for kind, (colour, marker) in styles.items():
    part = [node for node in nodes if truth.get(nodes_at[node], "benign") == kind]
    label = f"{kind} ({len(part)})"
    axis.scatter(100 * level[part], 100 * change[part], s=60, color=colour, marker=marker, label=label)
    for node in part if kind != "benign" else []:
        side = (
            {"ha": "right", "text": f"{node}  "}
            if kind == "look-alike"
            else {"ha": "left", "text": f"  {node}"}
        )
        axis.annotate(xy=(100 * level[node], 100 * change[node]), va="center", color=colour, **side)
axis.set_yscale("log")
axis.set_xlim(right=104)
axis.set_xlabel("mean of the afternoon, per cent of the node's own highest")
axis.set_ylabel("median change from\nhour to hour, per cent")
axis.set_title("a node's level and its sameness (simulated)", loc="left", fontweight="bold")
axis.legend(frameon=False)
plt.show()

# %% [markdown]
# ## 2. Take the house away: what was added, hour by hour
#
# For a meter with a start in the record, subtract the mean day before from the mean day after. What a miner
# adds is the same at every hour; what people add follows the day. No absolute level is needed.

# %%
meters = watts(SAMPLES / "meter-month.csv.gz") / 1000
START = pd.Timestamp("2026-02-14T21:40Z")
others = [meter for meter in meters if meter != "M-0412"]
figure, (left, right) = plt.subplots(1, 2, figsize=(9.4, 3.4), width_ratios=(2, 1), layout="constrained")
added = {}
for meter in meters:
    before, after = meters[meter][:START], meters[meter][START:]
    by_hour = (part.groupby(part.index.hour).mean() for part in (after, before))
    added[meter] = next(by_hour) - next(by_hour)
for meter in others:
    left.plot(added[meter] / meters[meter].mean() * 100, color=QUIET, alpha=0.35, linewidth=1)
left.plot(added["M-0412"] / meters["M-0412"].mean() * 100, color=MINER, linewidth=2.5)
left.axhline(0, color="black", linewidth=0.8)
left.set_xlabel("hour of the day, UTC")
left.set_ylabel("added after 14 Feb,\nper cent of the meter's mean")
left.set_title("M-0412 (orange) and its neighbours", loc="left", fontweight="bold")
left.set_xticks(range(0, 25, 6))
spread = pd.Series({meter: one.std() / abs(one.mean()) for meter, one in added.items()})
sizes = pd.Series({meter: one.mean() / meters[meter].mean() for meter, one in added.items()})
right.scatter(100 * sizes[others], spread[others], color=QUIET, s=40)
right.scatter(100 * sizes["M-0412"], spread["M-0412"], color=MINER, marker="^", s=80)
right.set_yscale("log")
right.set_xlabel("added, per cent of the mean")
right.set_ylabel("spread over the hours / mean")
right.set_title("large and flat", loc="left", fontweight="bold")
plt.show()

# %% [markdown]
# ## 3. The limit of detection: a miner's share of the meter, and whether its start was seen
#
# Records of the corpus: meters of 7 to 45 days, three in five with a miner somewhere behind. Share found (at
# least suspicious) with exact 95 % intervals, by the part of the energy that the miner takes while it runs.

# %%
made = list(power_corpus.examples(90_210, 900, tiers=("meter",), mining_share=0.6))
vectors = [power.extract(power_windows(one.readings, SETTINGS.windows))[1] for one in made]
values = np.concatenate([one.values for one in vectors])
records = pd.DataFrame(
    {
        "score": sigmoid(BUNDLE.power.score(Vectors(power.NAMES, values)).logit),
        "mining": [one.label for one in made],
        "share": [100 * one.share for one in made],
        "start": [one.onset_in_view for one in made],
        "evasion": [one.evasion for one in made],
        "family": [one.family for one in made],
    }
)
records["found"] = records.score >= LIMITS.suspicious
BINS = [0, 10, 30, 50, 70, 90, 100.1]


def bars(axis: plt.Axes, part: pd.DataFrame, place: float, colour: str, marker: str) -> str:
    """One share with its interval; its counts as text."""
    rate = metrics.clopper_pearson(int(part.found.sum()), len(part))
    if rate.value is not None:
        axis.plot([place, place], [100 * rate.low, 100 * rate.high], color=colour, linewidth=3)
        axis.plot(place, 100 * rate.value, marker, color=colour, markersize=8)
    return f"{rate.count}/{rate.n}"


figure, axis = plt.subplots(figsize=(8.6, 3.4), layout="constrained")
miners = records[records.mining]
for seen, colour, marker, shift in ((True, MINER, "^", -0.12), (False, THIRD, "v", 0.12)):
    for place, (low, high) in enumerate(itertools.pairwise(BINS)):
        part = miners[(miners.share >= low) & (miners.share < high) & (miners.start == seen)]
        bars(axis, part, place + shift, colour, marker)
    axis.plot(
        [], [], marker, color=colour, label="start in the record" if seen else "there from the first day"
    )
axis.set_xticks(range(6), [f"{low:.0f} to {high:.0f} %" for low, high in itertools.pairwise(BINS)])
axis.set_xlabel("the miner's share of the meter while it runs")
axis.set_ylabel("found, per cent")
axis.set_ylim(-3, 103)
axis.legend(frameon=False, loc="upper left")
axis.set_title(
    f"what {len(miners)} hidden miners show of themselves (simulated)", loc="left", fontweight="bold"
)
plt.show()

# %% [markdown]
# ## 4. What ordinary loads score, kind by kind
#
# The bundle was trained on these very kinds, so all but a few stay below the lines. That is the easy half: of
# a flat kind that was left out of training it would call far more. Watts alone never separate a cold store
# that runs day and night from a miner that was always there, so power alone makes `suspicious`, not `mining`.

# %%
benign = records[~records.mining]
order = benign.groupby("family").score.max().sort_values().index
figure, axis = plt.subplots(figsize=(8.6, 4.4), layout="constrained")
for place, family in enumerate(order):
    part = benign[benign.family == family].score
    axis.scatter(part, [place] * len(part), s=30, color=QUIET, alpha=0.4)
axis.axvline(LIMITS.suspicious, color="#888888", linestyle=":")
axis.axvline(LIMITS.mining, color="black", linestyle=":")
counts = benign.family.value_counts()
axis.set_yticks(range(len(order)), [f"{family} ({counts[family]})" for family in order])
axis.set_xlabel("score of the meter (dotted: suspicious, mining)")
axis.set_title("ordinary loads by kind, the highest on top (simulated)", loc="left", fontweight="bold")
plt.show()

# %% [markdown]
# ## 5. The trap: noise of one recipe
#
# If the simulated miners had quieter (or redder) noise than the simulated neighbours, a model would learn the
# simulator and look brilliant. So noise, its colour, rounding and lost rows are drawn without a look at the
# label. Below, both classes side by side: the curves must lie on each other, and the largest gap between them
# (Kolmogorov and Smirnov) must be no more than chance gives.

# %%
traits = pd.DataFrame([dataclasses.asdict(one.traits) for one in made])
figure, axes = plt.subplots(1, 3, figsize=(9.4, 3), sharey=True, layout="constrained")
NAMES = {
    "noise": "noise added, per cent",
    "colour": "its colour (0 white, 2 red)",
    "missing": "rows lost, per cent",
}
for axis, (name, title) in zip(axes, NAMES.items(), strict=True):
    scale = 1 if name == "colour" else 100
    two = [np.sort(traits[name][records.mining == mines]) * scale for mines in (True, False)]
    for part, colour, line in zip(two, (MINER, QUIET), ("-", "--"), strict=True):
        axis.plot(part, np.linspace(0, 100, len(part)), line, color=colour, linewidth=2)
    test = ks_2samp(*two)
    axis.set_title(f"largest gap {100 * test.statistic:.0f} points (p {test.pvalue:.2f})", fontsize=10)
    axis.set_xlabel(title)
axes[0].set_ylabel("records below, per cent")
figure.suptitle("orange: miners, blue dashed: ordinary loads (simulated)", fontsize=10)
plt.show()
