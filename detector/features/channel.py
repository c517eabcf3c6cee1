"""Channel windows -> named columns of behaviour: lengths, rhythm, questions and answers.

What carries the signal, and what does not, was measured (lengths and reply structure
carry it, cadence hardly does; encryption hides neither).  No address, port, timestamp
or duration is a feature: they are labels of the capture, not of the traffic.  What was
said is no feature either: words are the fusion model's, so that this model cannot learn
that mining is what speaks a dialect and everything else is told by its silence.

`up` is client to server.  A *push* is a message that nothing of the other side
prompted.  Lengths and times are base-2 logarithms.  Undefined is NaN: no message, no
push, no reply, or a family of columns that the source does not know.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detector.kernel import layout
from detector.records import UDP, ChannelWindows, Vectors
from detector.windows import histograms

if TYPE_CHECKING:
    from detector.records import Floats

SIDES = (("up", layout.UP, layout.NARROW_UP), ("down", layout.DOWN, layout.NARROW_DOWN))
LEAST_SPAN_S = 10.0  # shorter observations are not told apart from this


@dataclass(frozen=True, slots=True)
class Feature:
    """A column: its name, what it is and why a miner moves it."""

    name: str
    meaning: str


def _side_features(side: str) -> tuple[Feature, ...]:
    """The columns that exist for both directions."""
    who = "client" if side == "up" else "server"
    return (
        Feature(f"{side}.rate", f"log2 messages a minute of the {who}; a miner's are few and steady"),
        Feature(f"{side}.common_length", f"log2 of the commonest length of a {who} message"),
        Feature(f"{side}.common_share", "share of that length; shares and jobs have one or two lengths"),
        Feature(f"{side}.common_share_3", "share of the three commonest lengths"),
        Feature(f"{side}.close_share", "largest share of messages within 8 bytes of each other"),
        Feature(
            f"{side}.close_share_2", "share of the two largest kinds, each within 8 bytes; a miner has few"
        ),
        Feature(f"{side}.distinct", "distinct lengths to messages (of what the summary holds)"),
        Feature(f"{side}.length_entropy", "entropy in bits of the half-octave length histogram"),
        Feature(f"{side}.length_p10", "log2 length, 10th percentile; miners send no tiny messages"),
        Feature(f"{side}.length_p50", "log2 length, median"),
        Feature(f"{side}.length_p90", "log2 length, 90th percentile"),
        Feature(f"{side}.tiny_share", "share below 16 bytes: pings and acknowledgements of other protocols"),
        Feature(f"{side}.big_share", "share of 1.5 kB and more: transfers, pages, video"),
        Feature(f"{side}.longest_ratio", "log2 of the longest message to the median"),
        Feature(f"{side}.gap_p50", "log2 seconds between messages, median"),
        Feature(f"{side}.gap_spread", "octaves from the 10th to the 90th percentile of gaps"),
        Feature(f"{side}.gap_regular", "share of the commonest octave of gaps and its neighbour"),
        Feature(f"{side}.busy", "share of 10-second bins with a message"),
        Feature(f"{side}.silence", "longest gap to the span observed"),
        Feature(f"{side}.push_share", "share of messages that nothing prompted"),
        Feature(
            f"{side}.push_answered", "share of pushes answered within half a second; a miner does not answer"
        ),
        Feature(f"{side}.push_common", "share of the commonest push length"),
        Feature(f"{side}.push_close", "largest share of pushes within 8 bytes of each other"),
        Feature(
            f"{side}.push_close_2", "share of the two largest kinds of pushes: jobs, and new difficulties"
        ),
        Feature(f"{side}.push_length", "log2 of the commonest push length"),
        Feature(f"{side}.push_gap_p50", "log2 seconds between pushes, median"),
        Feature(f"{side}.push_gap_spread", "octaves from the 10th to the 90th percentile of push gaps"),
        Feature(f"{side}.replied", "share of messages that got a reply within two seconds"),
        Feature(f"{side}.reply_common", "share of the commonest reply length; acknowledgements are alike"),
        Feature(f"{side}.reply_close", "largest share of replies within 8 bytes of each other: numbers grow"),
        Feature(f"{side}.reply_length", "log2 mean length of the replies"),
        Feature(f"{side}.reply_ratio", "log2 of reply bytes to the bytes replied to"),
        Feature(f"{side}.reply_short", "share of replies below 120 bytes"),
        Feature(f"{side}.reply_delay", "log2 seconds to the reply, median"),
        Feature(f"{side}.opening_1", "log2 length of the first message of a connection seen from its start"),
        Feature(f"{side}.opening_2", "log2 length of the second"),
    )


_WHOLE = (
    Feature("message_ratio", "log2 client messages to server messages"),
    Feature(
        "push_to_ask", "log2 of the server's commonest push to the client's commonest message: job to share"
    ),
    Feature("reply_to_push", "log2 of the mean reply to the server's commonest push: acknowledgement to job"),
    Feature("byte_ratio", "log2 client bytes to server bytes"),
    Feature("byte_rate", "log2 message bytes a minute; mining is a whisper"),
    Feature("framed_share", "share of messages that are TLS records: their lengths are exact"),
    Feature("datagram", "1 for UDP, 0 for TCP"),
    Feature("retransmitted", "share of packets that repeat bytes: the network, not the application"),
)
FEATURES: tuple[Feature, ...] = _side_features("up") + _side_features("down") + _WHOLE
NAMES: tuple[str, ...] = tuple(f"channel.{feature.name}" for feature in FEATURES)


def extract(windows: ChannelWindows) -> Vectors:
    """One vector a row of `windows` (rows usually rolled up over an hour): (n, len(NAMES))."""
    with np.errstate(all="ignore"):
        columns: dict[str, Floats] = {}
        for side, wide, narrow in SIDES:
            part = _side(windows, wide, narrow)
            columns |= {f"{side}.{name}": values for name, values in part.items()}
        columns |= _whole(windows) | _between(columns)
        columns = _unknown_to_nan(windows, columns)
        values = np.stack([columns[feature.name] for feature in FEATURES], axis=1)  # (n, F)
    return Vectors(NAMES, values)


def span_s(windows: ChannelWindows) -> Floats:
    """Seconds from the first packet of a row to its last, at least LEAST_SPAN_S; (n,)."""
    length = (windows.wide[:, layout.LAST_NS] - windows.wide[:, layout.FIRST_NS]) / 1e9
    return np.maximum(length, LEAST_SPAN_S)


def _side(windows: ChannelWindows, wide: int, narrow: int) -> dict[str, Floats]:
    block = windows.wide[:, wide : wide + layout.DIRECTION].astype(np.float64)
    counts = windows.narrow[:, narrow : narrow + layout.NARROW_DIRECTION]
    span = span_s(windows)
    return (
        _lengths(block, counts)
        | _gaps(block, counts, span)
        | _pushes(block, counts)
        | _replies(block, counts)
        | _opening(block)
        | {"rate": np.log2(block[:, layout.MESSAGES] / span * 60 + 0.01)}
    )


def _lengths(block: Floats, counts: histograms.Counts) -> dict[str, Floats]:
    n = histograms.positive(block[:, layout.MESSAGES])
    histogram = counts[:, layout.LENGTH_HISTOGRAM : layout.LENGTH_HISTOGRAM + layout.LENGTH_BINS]
    common = histograms.Common(counts, layout.LENGTHS, layout.COMMON_LENGTHS)
    p10, p50, p90 = (bins / 2 for bins in histograms.quantiles(histogram, (0.1, 0.5, 0.9)))
    close, close_2 = common.close(n, 2)
    return {
        "common_length": common.length(),
        "common_share": common.share(n, 1),
        "common_share_3": common.share(n, 3),
        "close_share": close,
        "close_share_2": close_2,
        "distinct": common.distinct() / n,
        "length_entropy": histograms.entropy(histogram),
        "length_p10": p10,
        "length_p50": p50,
        "length_p90": p90,
        "tiny_share": histogram[:, :8].sum(axis=1) / n,  # below 2**4
        "big_share": histogram[:, 21:].sum(axis=1) / n,  # 1.5 * 2**10 and above
        "longest_ratio": np.log2(histograms.positive(block[:, layout.LONGEST])) - p50,
    }


def _gaps(block: Floats, counts: histograms.Counts, span: Floats) -> dict[str, Floats]:
    histogram = counts[:, layout.GAP_HISTOGRAM : layout.GAP_HISTOGRAM + layout.GAP_BINS]
    p10, p50, p90 = histograms.quantiles(histogram, (0.1, 0.5, 0.9))
    bits = np.bitwise_count(block[:, layout.BUSY_BINS].astype(np.uint64))
    busy = bits + block[:, layout.BUSY_BEFORE]
    return {
        "gap_p50": histograms.octave_seconds(p50),
        "gap_spread": p90 - p10,
        "gap_regular": histograms.regular(histogram),
        "busy": np.minimum(busy * (layout.BIN_NS / 1e9) / span, 1.0),
        "silence": np.minimum(block[:, layout.LONGEST_GAP_NS] / 1e9 / span, 1.0),
    }


def _pushes(block: Floats, counts: histograms.Counts) -> dict[str, Floats]:
    n = histograms.positive(block[:, layout.PUSHES])
    histogram = counts[:, layout.PUSH_GAP_HISTOGRAM : layout.PUSH_GAP_HISTOGRAM + layout.GAP_BINS]
    p10, p50, p90 = histograms.quantiles(histogram, (0.1, 0.5, 0.9))
    common = histograms.Common(counts, layout.PUSH_LENGTHS, layout.COMMON_PUSHES)
    close, close_2 = common.close(n, 2)
    return {
        "push_share": block[:, layout.PUSHES] / histograms.positive(block[:, layout.MESSAGES]),
        "push_answered": block[:, layout.PUSHES_ANSWERED] / n,
        "push_common": common.share(n, 1),
        "push_close": close,
        "push_close_2": close_2,
        "push_length": common.length(),
        "push_gap_p50": histograms.octave_seconds(p50),
        "push_gap_spread": p90 - p10,
    }


def _replies(block: Floats, counts: histograms.Counts) -> dict[str, Floats]:
    n = histograms.positive(block[:, layout.REPLIED])
    histogram = counts[:, layout.REPLY_DELAY_HISTOGRAM : layout.REPLY_DELAY_HISTOGRAM + layout.DELAY_BINS]
    common = histograms.Common(counts, layout.REPLY_LENGTHS, layout.COMMON_REPLIES)
    return {
        "replied": block[:, layout.REPLIED] / histograms.positive(block[:, layout.MESSAGES]),
        "reply_common": common.share(n, 1),
        "reply_close": common.close(n)[0],
        "reply_length": np.log2(histograms.positive(block[:, layout.REPLY_BYTES]) / n),
        "reply_ratio": np.log2(
            histograms.positive(block[:, layout.REPLY_BYTES])
            / histograms.positive(block[:, layout.REPLIED_BYTES])
        ),
        "reply_short": block[:, layout.SHORT_REPLIES] / n,
        "reply_delay": histograms.octave_seconds(histograms.quantiles(histogram, (0.5,))[0]),
    }


def _opening(block: Floats) -> dict[str, Floats]:
    first = block[:, layout.OPENING : layout.OPENING + 2]
    return {f"opening_{i + 1}": np.log2(histograms.positive(first[:, i])) for i in range(2)}


def _whole(windows: ChannelWindows) -> dict[str, Floats]:
    up = windows.wide[:, layout.UP : layout.UP + layout.DIRECTION].astype(np.float64)
    down = windows.wide[:, layout.DOWN : layout.DOWN + layout.DIRECTION].astype(np.float64)
    messages = up[:, layout.MESSAGES] + down[:, layout.MESSAGES]
    size = up[:, layout.MESSAGE_BYTES] + down[:, layout.MESSAGE_BYTES]
    packets = up[:, layout.PACKETS] + down[:, layout.PACKETS]
    repeated = up[:, layout.RETRANSMITTED] + down[:, layout.RETRANSMITTED]
    return {
        "message_ratio": np.log2((up[:, layout.MESSAGES] + 0.5) / (down[:, layout.MESSAGES] + 0.5)),
        "byte_ratio": np.log2((up[:, layout.MESSAGE_BYTES] + 1) / (down[:, layout.MESSAGE_BYTES] + 1)),
        "byte_rate": np.log2(size / span_s(windows) * 60 + 1),
        "framed_share": windows.wide[:, layout.TLS_RECORDS] / histograms.positive(messages),
        "datagram": (windows.transport == UDP).astype(np.float64),
        "retransmitted": repeated / histograms.positive(packets),
    }


def _between(columns: dict[str, Floats]) -> dict[str, Floats]:
    """Lengths against each other: dialects differ by a factor, and wrappings add to all."""
    return {
        "push_to_ask": columns["down.push_length"] - columns["up.common_length"],
        "reply_to_push": columns["up.reply_length"] - columns["down.push_length"],
    }


def _unknown_to_nan(windows: ChannelWindows, columns: dict[str, Floats]) -> dict[str, Floats]:
    """What the source does not know is NaN: but for two, all of these columns are made of messages."""
    bits = windows.wide[:, layout.KNOWN]
    if (bits & layout.KNOWS_ALL == layout.KNOWS_ALL).all():
        return columns
    needs = {"datagram": 0, "retransmitted": layout.KNOWS_PAYLOAD}
    known = {
        k: bits & needs.get(k, layout.KNOWS_MESSAGES) == needs.get(k, layout.KNOWS_MESSAGES) for k in columns
    }
    return {k: np.where(known[k], v, np.nan) for k, v in columns.items()}
