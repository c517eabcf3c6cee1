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
# ---

# %% [markdown]
# # A first look: what mining looks like in traffic and in watts
#
# **Claim.** A miner can be told from its neighbours without reading a word of what it says: by the lengths
# and the rhythm of its messages, and by the power it draws. Neither is proof alone; together they are strong.
#
# **Data.** `sample_data/`: an hour of a campus, a day of node power, a month of meters. **All of it is
# simulated by this project**, so these pictures show how minewatch looks at things and are no evidence of how
# well it does on real networks; `docs/evaluation.md` has that, on recorded traffic.
#
# Nothing here needs a network. It runs from the repository's root or from `notebooks/`.

# %%
from pathlib import Path

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from detector.features import channel, power
from detector.hosts import read_assets
from detector.metering import channel_windows
from detector.pipeline import Request, score
from detector.records import SourceReport
from detector.settings import Settings
from detector.telemetry import read_power
from detector.text import probability
from detector.windows.channel import concatenate
from detector.windows.parquet import channels_to_arrow

SAMPLES = next(path for path in (Path("sample_data"), Path("../sample_data")) if path.is_dir())
MINER, QUIET, THIRD = "#D55E00", "#0072B2", "#009E73"  # Okabe and Ito: told apart by all eyes
plt.rcParams.update({"figure.dpi": 72, "font.size": 10, "axes.spines.top": False, "axes.spines.right": False})

# %% [markdown]
# ## 1. A capture becomes channel windows, and no payload is kept
#
# A *channel* is everything between one host and one remote service; a *window* is 300 seconds of it. A row
# holds counters, histograms, the commonest message lengths, and the first and last few message events. Its
# size does not depend on how much was said, and there is nothing of what was said in it.

# %%
report = SourceReport("campus-hour")
tables = channel_windows(str(SAMPLES / "campus-hour.pcap.gz"), Settings(), "native", report)
windows = channels_to_arrow(concatenate(list(tables)), "campus-hour", hide=lambda name: "hidden").to_pandas()

CHANNELS = {
    "encrypted miner": (("10.20.0.57", "198.51.100.77"), MINER),
    "chat client": (("10.20.0.42", "198.51.100.20"), QUIET),
    "backup": (("10.20.0.43", "198.51.100.200"), THIRD),
}
by_channel = dict(list(windows.groupby(["client", "server"])))
print(f"{report.packets:,} packets became {len(windows)} rows of {windows.shape[1]} columns")
pd.DataFrame(
    {
        name: {
            "5-minute windows": len(by_channel[ends]),
            "client messages": by_channel[ends].up_messages.sum(),
            "server messages": by_channel[ends].down_messages.sum(),
            "of them unprompted": by_channel[ends].down_pushes.sum(),
            "kB in all": (by_channel[ends].up_bytes.sum() + by_channel[ends].down_bytes.sum()) // 1000,
        }
        for name, (ends, _) in CHANNELS.items()
    }
).T.astype(int)

# %% [markdown]
# ## 2. A miner talks all the time, in a few lengths; so does a chat
#
# Jobs come down, shares go up, each of nearly one length, and neither stops while the machine works. The
# marks are the events that the rows keep, the first and last eight messages of each window: what lies between
# two clusters is not silence, only not kept one by one. A backup ends when it is done; a chat is harder.


# %%
def events(rows: pd.DataFrame) -> pd.DataFrame:
    """Time, length in bytes and direction of the message events that the rows kept."""
    words = np.vstack([np.stack(rows[ring]).reshape(-1, 2) for ring in ("head_events", "tail_events")])
    words = np.unique(words[words[:, 0] > 0], axis=0)  # a short window has one event in both rings
    length, is_up = words[:, 1] & 0xFFFF_FFFF, words[:, 1] >> 32 == 0
    return pd.DataFrame({"time": pd.to_datetime(words[:, 0], utc=True), "bytes": length, "up": is_up})


figure, axes = plt.subplots(3, 1, figsize=(8.6, 6), sharex=True, layout="constrained")
for axis, (name, (ends, colour)) in zip(axes, CHANNELS.items(), strict=True):
    kept = events(by_channel[ends])
    for is_up, marker, side in ((True, "^", "client to server"), (False, "v", "server to client")):
        part = kept[kept.up == is_up]
        face = colour if is_up else "none"
        axis.scatter(part.time, part.bytes, s=34, marker=marker, facecolor=face, edgecolor=colour, label=side)
    axis.set_title(f"{name}   {ends[0]} to {ends[1]}", loc="left", color=colour, fontweight="bold")
    axis.set_ylabel("message, bytes")
    axis.set_yscale("log")
    axis.set_yticks([50, 100, 300, 1000, 3000], ["50", "100", "300", "1000", "3000"], minor=False)
    axis.minorticks_off()
    axis.set_ylim(30, 5000)
    axis.grid(axis="y", color="#dddddd")
axes[0].legend(loc="upper right", ncols=2, frameon=False)
axes[-1].xaxis.set_major_formatter(mdates.DateFormatter("%H:%M"))
axes[-1].set_xlabel("2 March 2026, UTC (simulated)")
plt.show()

# %% [markdown]
# ## 3. Who speaks first, and how long the answers are, tells the miner from the chat
#
# The chat is as regular as the miner. But its client's messages and the server's are of a kind, while a pool
# *pushes* long jobs that nobody asked for, and answers long shares with a short "accepted". The backup sends
# large pieces and is pushed next to nothing. Encryption hides none of this. Counted are the lengths that the
# rows list: the commonest ones of each window.


# %%
def common(rows: pd.DataFrame, column: str) -> pd.Series:
    """Length in bytes -> messages of that length, of a list of the commonest lengths."""
    pairs = np.vstack([np.asarray(row).reshape(-1, 2) for row in rows[column]])
    counts = pd.Series(pairs[:, 1]).groupby(pairs[:, 0]).sum()
    return counts[counts > 0]


KINDS = {
    "client's messages": "up_lengths",
    "server's replies": "up_reply_lengths",
    "server's pushes": "down_push_lengths",
}
figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.2), sharey=True, layout="constrained")
for axis, (name, (ends, colour)) in zip(axes, CHANNELS.items(), strict=True):
    for place, column in enumerate(KINDS.values()):
        found = common(by_channel[ends], column)
        area = 900 * found / found.sum()
        axis.scatter(found.index, [place] * len(found), s=area, color=colour, alpha=0.55)
        most = found.idxmax()
        told = f"{found[most]} of {found.sum()}: {most} bytes"
        axis.annotate(told, (most, place), (0, 20), textcoords="offset points", ha="center")
    axis.set_title(name, color=colour, fontweight="bold")
    axis.set_xscale("log")
    axis.set_xlim(5, 40_000)
    axis.set_xticks([30, 300, 3000], ["30", "300", "3000"])
    axis.minorticks_off()
    axis.set_xlabel("length, bytes")
    axis.grid(axis="x", color="#dddddd")
axes[0].set_yticks(range(3), KINDS)
axes[0].set_ylim(2.6, -0.7)
figure.suptitle("Area: share of the messages of that kind (simulated)", fontsize=10)
plt.show()

# %% [markdown]
# ## 4. A GPU miner's power is flat and stays so; training breathes
#
# From 06:40 the rig holds one level to within a percent, whatever the hour, but for one restart. The training
# node draws more, and dips at every checkpoint and evaluation. High power is not the sign: sameness is.


# %%
def watts(path: Path) -> pd.DataFrame:
    """Readings as one column a meter, watts."""
    readings = read_power(path)
    names = np.array(readings.meters)[readings.meter]
    times = pd.to_datetime(readings.time_ns, utc=True)
    table = pd.DataFrame({"time": times, "meter": names, "watts": readings.watts})
    return table.pivot(index="time", columns="meter", values="watts")


nodes = watts(SAMPLES / "node-day.csv") / 1000
figure, axes = plt.subplots(2, 1, figsize=(8.6, 4.4), sharex=True, layout="constrained")
for axis, node, name, colour in (
    (axes[0], "gpu-057", "GPU miner", MINER),
    (axes[1], "gpu-061", "AI training", QUIET),
):
    axis.plot(nodes.index, nodes[node], color=colour, linewidth=1)
    axis.set_title(f"{name}   {node}", loc="left", color=colour, fontweight="bold")
    axis.set_ylabel("power, kW")
    axis.set_ylim(0, nodes[node].max() * 1.15)
    axis.grid(axis="y", color="#dddddd")
axes[0].axvline(pd.Timestamp("2026-03-02T06:40Z"), color="black", linestyle=":")
axes[0].annotate("mining starts 06:40 ", (pd.Timestamp("2026-03-02T06:40Z"), 0.55), ha="right")
axes[-1].xaxis.set_major_formatter(mdates.DateFormatter("%H:%M"))
axes[-1].set_xlabel("2 March 2026, UTC (simulated)")
plt.show()

# %% [markdown]
# ## 5. A hidden farm lifts the whole day of a shop, the nights too
#
# Three machines behind a print shop's meter: from the evening of 14 February the shop's own day still shows,
# on top of a floor that was not there before.

# %%
farm = watts(SAMPLES / "meter-month.csv.gz")["M-0412"] / 1000
onset = pd.Timestamp("2026-02-14T21:40Z")
figure, (left, right) = plt.subplots(
    1, 2, figsize=(9.4, 3.3), width_ratios=(2, 1), sharey=True, layout="constrained"
)
for part, name, colour in ((farm[:onset], "before", QUIET), (farm[onset:], "after", MINER)):
    left.plot(part.index, part, color=colour, linewidth=0.8)
    day = part.groupby(part.index.hour).mean()
    right.plot(
        day.index, day, color=colour, linewidth=2.5, label=name, linestyle="--" if name == "before" else "-"
    )
left.axvline(onset, color="black", linestyle=":")
left.annotate("farm starts 14 Feb 21:40 ", (onset, 19.5), ha="right")
left.set_ylabel("power, kW (15 min mean)")
left.set_title("meter M-0412, a print shop", loc="left", fontweight="bold")
left.xaxis.set_major_formatter(mdates.DateFormatter("%d %b"))
left.set_xlabel("2026, UTC (simulated)")
left.set_ylim(0, 21)
right.set_title("its mean day", loc="left", fontweight="bold")
right.set_xlabel("hour of the day, UTC")
right.set_xticks(range(0, 25, 6))
right.legend(loc="center right", frameon=False)
for axis in (left, right):
    axis.grid(axis="y", color="#dddddd")
plt.show()

# %% [markdown]
# ## 6. minewatch finds the miners, and leaves what resembles them alone
#
# The same code as `minewatch score`, with the bundle that ships. `assets.csv` joins nodes to addresses, so
# that traffic and watts of one machine are judged together. The farm has no traffic to be judged by: one kind
# of telemetry alone makes it `suspicious`, not `mining`.

# %%
result = score(
    Request(
        paths=(str(SAMPLES / "campus-hour.pcap.gz"),),
        power=(str(SAMPLES / "node-day.csv"), str(SAMPLES / "meter-month.csv.gz")),
        assets=str(SAMPLES / "assets.csv"),
    )
)
truth = pd.read_csv(SAMPLES / "truth.csv").set_index("host")
address = read_assets(str(SAMPLES / "assets.csv")).meter_to_ip()  # a node without traffic is told by its name
findings = {address.get(finding.host, finding.host): finding for finding in result.findings}
asked = truth[truth.label != "benign"]
told = pd.DataFrame(
    {
        "verdict": findings[host].verdict.value,
        "score": probability(findings[host].score),
        "traffic alone": probability(findings[host].network_score),
        "power alone": probability(findings[host].power_score),
        "in truth": label,
        "which is": note.split(":")[0],
    }
    for host, label, note in asked.itertuples()
)
told = told.set_axis(asked.index).sort_values("score", ascending=False)
told

# %% [markdown]
# ## 7. A finding says why
#
# Each piece of evidence carries the log-odds it adds, in words that can be checked in the capture. Below it:
# which numbers moved the models most. What speaks *against* mining is told as well: nobody was heard to log
# in, because the channel is encrypted.

# %%
finding = findings["10.20.0.57"]
print(f"{finding.host}: {finding.verdict.value}, score {finding.score:.4f}\n")
for item in [*finding.evidence, *finding.counter_evidence]:
    print(f"{item.weight:+.1f}  {item.kind}: {item.summary}\n")

meaning = {f"channel.{feature.name}": feature.meaning for feature in channel.FEATURES}
meaning |= {feature.name: f"{feature.what}; {feature.why}" for feature in power.FEATURES}
moved = pd.DataFrame(finding.contributions).sort_values("contribution", key=abs)
figure, axis = plt.subplots(figsize=(8.6, 2.8), layout="constrained")
colours = np.where(moved.contribution > 0, MINER, QUIET)
axis.barh(moved.feature, moved.contribution, color=colours)
axis.axvline(0, color="black", linewidth=0.8)
axis.set_xlabel("log-odds added by the feature (right: more like mining)")
axis.set_title(f"what moved the score of {finding.host} most (simulated)", loc="left", fontweight="bold")
plt.show()
pd.DataFrame({"value": moved.value, "what it is": moved.feature.map(meaning)}).set_axis(moved.feature).iloc[
    ::-1
]
