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
# # Evasion: what padding, delays, throttling and proxies do to the score
#
# **Claim.** Behaviour alone is one voice, and whoever knows how can silence it. Encryption and throttling
# cost it little, delays a part; padding to a kilobyte costs it everything, and a tunnel that carries other
# traffic more than half. What helps then is another witness: words, names, watts, other hosts.
#
# **Data.** Conversations of dialects in which pools push work, made by this project and changed here in one
# way at a time. **All of it is simulated**, on fifteen conversations a point: the curves show directions, and
# the shaded bands are their exact 95 % intervals. The bundle has seen these dialects, with light padding.

# %%
from collections.abc import Callable
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from detector.features import channel, power
from detector.model import Bundle, sigmoid
from detector.records import Vectors
from detector.settings import Settings
from detector.windows.power import power_windows
from training import metrics, table
from training.simulation import power_corpus, tls
from training.simulation.capture import capture
from training.simulation.conversation import Connection, simulate
from training.simulation.draw import Draw

MINER, QUIET, THIRD = "#D55E00", "#0072B2", "#009E73"  # Okabe and Ito: told apart by all eyes
plt.rcParams.update({"figure.dpi": 72, "font.size": 10, "axes.spines.top": False, "axes.spines.right": False})
BUNDLE, SETTINGS = Bundle.load(), Settings()
LIMITS = BUNDLE.channel.thresholds
DIALECTS = ("stratum", "cryptonote", "kawpow", "zcash", "ethereumstratum")
EACH = 3  # conversations of a dialect at a point

Writes = list[tuple[float, int, bytes]]  # (seconds, direction, bytes)
Change = Callable[[Writes, Draw], Writes]

# %% [markdown]
# ## 1. One conversation, in the clear and inside TLS
#
# The same fifteen talks, half an hour each, wrapped in each way. This is the model of channels, which knows
# behaviour alone: lengths and rhythm, which encryption leaves nearly as they are. Words in the clear are
# facts that count beside it. *Found* is suspicious or mining, a line that some look-alikes reach, too:
# how many stands in `docs/evaluation.md`.


# %%
def talk(dialect: str, seed: int, wrap: str, change: Change | None = None) -> float:
    """The channel's score after half an hour of one conversation, its writes changed by `change`."""
    made = simulate(dialect, seed, duration_s=1_800.0, wrap=wrap, whole=True)
    if change is not None:
        draw = Draw(f"{dialect}/{seed}")
        made.connections = [replace(one, writes=change(one.writes, draw)) for one in made.connections]
    pcap = capture(made, Draw(f"evasion/{dialect}/{seed}")).pcap
    origin = table.Origin(1, "g", dialect, "simulated", dialect, simulated=True)
    rows = table.rows_of(table.simulated_tables(pcap, SETTINGS), SETTINGS, origin)
    if not len(rows):
        return float("nan")  # too little to be judged
    return float(sigmoid(BUNDLE.channel.score(Vectors(channel.NAMES, rows.values)).logit.max()))


def scores(wrap: str, change: Change | None = None) -> np.ndarray:
    """Of EACH conversations of every dialect."""
    return np.array([talk(dialect, 70 + k, wrap, change) for dialect in DIALECTS for k in range(EACH)])


def share(values: np.ndarray) -> metrics.Rate:
    """Channels called suspicious or mining; whatever says too little is not found."""
    return metrics.clopper_pearson(int((values >= LIMITS.suspicious).sum()), len(values))


WRAPS = {
    "none": "in the clear",
    "tls12": "TLS 1.2",
    "tls13": "TLS 1.3",
    "wss": "WebSocket\nin TLS",
    "opaque": "opaque",
}
wrapped = {wrap: scores(wrap) for wrap in WRAPS}
figure, axis = plt.subplots(figsize=(8.6, 3.2), layout="constrained")
rng = np.random.default_rng(0)
for place, values in enumerate(wrapped.values()):
    axis.scatter(
        place + rng.uniform(-0.18, 0.18, len(values)), values, s=34, marker="^", color=MINER, alpha=0.6
    )
    rate = share(values)
    axis.annotate(f"{rate.count} of {rate.n} found", (place, 1.03), ha="center")
axis.axhline(LIMITS.suspicious, color="#888888", linestyle=":")
axis.axhline(LIMITS.mining, color="black", linestyle=":")
axis.set_xticks(range(len(WRAPS)), WRAPS.values())
axis.set_ylim(top=1.08)
axis.set_ylabel("score of the channel\n(dotted: suspicious, mining)")
axis.set_title("fifteen miners by wrapping (simulated)", loc="left", fontweight="bold")
plt.show()

# %% [markdown]
# ## 2. Padding: every record to a multiple of so many bytes
#
# TLS 1.3 may pad (RFC 8446, section 5.4). Lengths merge, and with them what tells a share from a keep-alive.
# The model met padding to 16, 32, 64 and 128 bytes in training: 64 costs little, what it never met costs more
# and more, and a kilobyte all.


# %%
def padded(size: int) -> Change:
    """Application data in records that are multiples of `size` bytes."""

    def change(writes: Writes, draw: Draw) -> Writes:
        return [(at, way, _padded(data, size, draw)) for at, way, data in writes]

    return change


def _padded(data: bytes, size: int, draw: Draw) -> bytes:
    if data[:1] != bytes([tls.APPLICATION_DATA]):  # the handshake stays as it is
        return data
    whole = -(-len(data) // size) * size
    return tls.record(tls.APPLICATION_DATA, draw.randbytes(whole))


Curve = dict[float, np.ndarray]
pads: Curve = {1: wrapped["tls13"]} | {size: scores("tls13", padded(size)) for size in (64, 256, 1024)}


def draw_curve(axis: plt.Axes, curve: Curve, ticks: list[str], colour: str) -> None:
    """Median score with its quarters above; found with its interval below."""
    places = range(len(curve))
    rates = [share(values) for values in curve.values()]
    known = [np.nan_to_num(values) for values in curve.values()]
    axis[0].plot(places, [np.median(values) for values in known], "^-", color=colour)
    axis[0].fill_between(
        places, *(np.quantile(known, q, axis=1) for q in (0.25, 0.75)), color=colour, alpha=0.15
    )
    axis[0].axhline(LIMITS.suspicious, color="#888888", linestyle=":")
    axis[0].set_ylim(0, 1.02)
    axis[1].plot(places, [100 * rate.value for rate in rates], "^-", color=colour)
    low, high = ([100 * getattr(rate, end) for rate in rates] for end in ("low", "high"))
    axis[1].fill_between(places, low, high, color=colour, alpha=0.15)
    axis[1].set_ylim(-2, 102)
    for one in axis:
        one.set_xticks(places, ticks)


figure, axes = plt.subplots(1, 2, figsize=(8.6, 3), layout="constrained")
draw_curve(axes, pads, ["none", "64", "256", "1024"], MINER)
axes[0].set_ylabel("score: median and quarters")
axes[1].set_ylabel("found, per cent (95 %)")
for axis in axes:
    axis.set_xlabel("records padded to a multiple of, bytes")
figure.suptitle("padding inside TLS 1.3 (simulated)", fontweight="bold")
plt.show()

# %% [markdown]
# ## 3. Delays and throttling: answer late, or say less
#
# A miner that holds its shares back breaks the pairing of question and answer, which costs the score a part,
# and loses the late ones at the pool (a *stale* share is not paid). One that mines with a tenth of its
# machine sends a tenth of the shares and earns a tenth; as long as the pool pushes work it is hardly harder
# to find.


# %%
def delayed(most_s: float) -> Change:
    """What the client says after the opening, held back by up to so many seconds; order kept."""

    def change(writes: Writes, draw: Draw) -> Writes:
        moved, last = [], 0.0
        for at, way, data in writes:
            late = draw.uniform(0, most_s) if way == 0 and at > 10 else 0.0
            last = max(last, at + late) if way == 0 else last
            moved.append((last if way == 0 else at, way, data))
        return sorted(moved, key=lambda write: write[0])

    return change


def throttled(kept: float) -> Change:
    """Only a part of what the client sends after the opening, and of the answers to it."""

    def change(writes: Writes, draw: Draw) -> Writes:
        out, dropped_at = [], -1e9
        for at, way, data in writes:
            if way == 0 and at > 10 and draw.random() >= kept:
                dropped_at = at
                continue
            if way == 1 and at - dropped_at < 0.5:  # the answer to what was not sent
                continue
            out.append((at, way, data))
        return out

    return change


late: Curve = {0: wrapped["tls13"]} | {most: scores("tls13", delayed(most)) for most in (2, 10, 60)}
less: Curve = {1: wrapped["tls13"]} | {kept: scores("tls13", throttled(kept)) for kept in (0.5, 0.2, 0.05)}
figure, axes = plt.subplots(2, 2, figsize=(8.6, 5), layout="constrained")
draw_curve(axes[0], late, ["0", "2", "10", "60"], MINER)
draw_curve(axes[1], less, ["100", "50", "20", "5"], THIRD)
for axis in axes[0]:
    axis.set_xlabel("shares held back by up to, seconds")
for axis in axes[1]:
    axis.set_xlabel("shares that are still sent, per cent")
for row in axes:
    row[0].set_ylabel("score: median and quarters")
    row[1].set_ylabel("found, per cent (95 %)")
figure.suptitle("delays (orange) and throttling (green) inside TLS 1.3 (simulated)", fontweight="bold")
plt.show()

# %% [markdown]
# ## 4. Proxies and tunnels: one channel for many things
#
# Several sessions in one channel blur each other's rhythm. Four miners behind one proxy still sound like
# miners; a tunnel that carries a chat or a person's browsing beside the mining is mostly not found.
# This is the reason why names, certificates, watts and several hosts of one site are asked as well.


# %%
def merged(wrap: str, others: tuple[str, ...]) -> np.ndarray:
    """Scores of a channel that carries a miner and other conversations together, as opaque bytes."""

    def carrying(dialect: str, seed: int) -> Change:
        extra: list[Connection] = []
        for number, family in enumerate(dialect if other == "same" else other for other in others):
            extra += simulate(
                family, 900 + 31 * seed + number, duration_s=1_800.0, wrap=wrap, whole=True
            ).connections
        shared = [(one.start_s + at, way, data) for one in extra for at, way, data in one.writes]
        return lambda writes, _: sorted([*writes, *shared], key=lambda write: write[0])

    return np.array([talk(d, 70 + k, wrap, carrying(d, 70 + k)) for d in DIALECTS for k in range(EACH)])


carried = {
    "the miner\nalone": wrapped["opaque"],
    "four miners\ntogether": merged("opaque", ("same",) * 3),
    "with a\nchat": merged("opaque", ("team_chat",)),
    "with\nbrowsing": merged("opaque", ("browsing",)),
}
figure, axis = plt.subplots(figsize=(8.6, 3.2), layout="constrained")
for place, values in enumerate(carried.values()):
    colour = QUIET if place > 1 else MINER
    axis.scatter(
        place + rng.uniform(-0.18, 0.18, len(values)),
        np.nan_to_num(values),
        s=34,
        marker="^",
        color=colour,
        alpha=0.6,
    )
    rate = share(values)
    axis.annotate(f"{rate.count} of {rate.n} found", (place, 1.03), ha="center")
axis.axhline(LIMITS.suspicious, color="#888888", linestyle=":")
axis.axhline(LIMITS.mining, color="black", linestyle=":")
axis.set_xticks(range(len(carried)), carried)
axis.set_ylim(top=1.08)
axis.set_ylabel("score of the channel\n(dotted: suspicious, mining)")
axis.set_title("what a tunnel carries beside a miner (simulated)", loc="left", fontweight="bold")
plt.show()

# %% [markdown]
# ## 5. Evasion of the meter: throttle, dither, run at night
#
# Power has its own evasions. Records of nodes and meters with a miner, by what its owner does about it; share
# found with the exact 95 % interval. To mine only at night, or behind solar panels, hides well: it looks like
# a habit; of most others so few were drawn that their intervals overlap. None of these changes what the
# traffic says, and none of the above changes the watts.

# %%
made = [one for one in power_corpus.examples(70_707, 700, mining_share=1.0) if one.label]
vectors = [power.extract(power_windows(one.readings, SETTINGS.windows))[1] for one in made]
values = np.concatenate([one.values for one in vectors])
records = pd.DataFrame(
    {
        "score": sigmoid(BUNDLE.power.score(Vectors(power.NAMES, values)).logit),
        "evasion": [one.evasion for one in made],
    }
)
records["found"] = records.score >= BUNDLE.power.thresholds.suspicious
order = records.groupby("evasion").found.mean().sort_values().index
figure, axis = plt.subplots(figsize=(8.6, 3.8), layout="constrained")
names = []
for place, evasion in enumerate(order):
    part = records[records.evasion == evasion]
    rate = metrics.clopper_pearson(int(part.found.sum()), len(part))
    colour = THIRD if evasion == "none" else MINER
    axis.plot([100 * rate.low, 100 * rate.high], [place, place], color=colour, linewidth=3)
    axis.plot(100 * rate.value, place, "^", color=colour, markersize=8)
    names.append(f"{evasion} ({rate.count} of {rate.n})")
axis.set_yticks(range(len(order)), names)
axis.set_xlabel("miners found by power alone, per cent, with the 95 % interval")
axis.set_title("what a miner does to its watts (simulated; green: nothing)", loc="left", fontweight="bold")
plt.show()
