"""Every type that crosses rooms.  Units are in the names; nothing here behaves.

Tables are columnar: one numpy array a column (or a block of columns), one row a
(channel, window) or a (meter, window).  What a source cannot know is NaN or an unset
bit of `layout.KNOWN`, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]
    UInt64s = NDArray[np.uint64]
    Floats = NDArray[np.float64]

TCP = 6
UDP = 17
BY_LENGTHS = "noise"  # carrier of a dialogue that only its lengths under encryption tell of


class Basis(IntEnum):
    """Why a side of a channel is held to be the client, weakest first."""

    ORDER = 0  # it spoke first
    PORT = 1  # the other side has the service's port
    DISSECTOR = 2  # its messages are those of a client
    SYN = 3  # it opened the connection


@dataclass(slots=True)
class Facts:
    """What a dissector saw on one channel in one window.  No payload, no judgement.

    `wallet`, `worker` are in the clear here and hashed by whoever prints or stores them
    (`findings`); passwords are never kept.  Counts are messages.
    """

    dialect: str  # as `dissectors` names it: "stratum", "cryptonote", "ethproxy", ...
    client_is_a: bool | None = None  # a = smaller (address, port) of the connection; None = not told
    coin: str = "unknown"  # ticker, upper case
    algorithm: str | None = None
    agent: str | None = None
    pool: str | None = None  # a name that the dialogue itself carries
    wallet: str | None = None
    worker: str | None = None
    logins: int = 0  # subscribe, authorize, login
    requests: int = 0  # other requests of a miner (getwork polls, hash rate, keepalive)
    jobs: int = 0  # work given by the pool
    shares: int = 0  # work handed in by the miner
    accepted: int = 0
    rejected: int = 0
    difficulty: float | None = None  # the last one the pool set
    errors: int = 0  # messages of this dialect that did not parse
    server_mines: bool | None = None  # true: the channel's server is a miner, its management API spoke
    carrier: str | None = None  # what the dialogue was wrapped in: websocket, socks5, socks4, connect, gzip


@dataclass(frozen=True, slots=True)
class Lookup:
    """An answered question of DNS: a name, and an address that it was said to have."""

    ts_ns: int
    name: str
    address: str | None  # in its usual spelling; None = there is none


@dataclass(slots=True)
class Names:
    """What a channel shows in the clear of whom it leads to, its payload encrypted or not.

    Supporting facts, weak, kept apart from `Facts`: they say with whom, not what.  Read of one
    connection a window, the first that was seen to open.  The first name known stays.
    """

    hellos: int = 0  # TLS ClientHellos
    without_name: int = 0  # of them: no server name (SNI)
    without_alpn: int = 0  # of them: no application protocol (ALPN)
    server_name: str | None = None
    alpn: str | None = None  # the client's first choice
    ja4: str | None = None
    version: str | None = None  # of TLS, that the server chose: "1.3"
    certificate: tuple[str, ...] = ()  # names in the server's, up to TLS 1.2
    self_signed: bool | None = None
    http_host: str | None = None
    http_agent: str | None = None
    quic: bool = False
    shared: bool = False  # different names led here: the address serves many
    looked_up: str | None = None  # the name for which the client was told this address
    unasked: bool | None = None  # true: the client asks DNS, but not for this; None = cannot be told
    lookups: tuple[Lookup, ...] = ()  # of a channel that carries DNS, the first ones


@dataclass(slots=True)
class ChannelWindows:
    """One row a (channel, window), columns as in `kernel.layout`.  n rows.

    Rows are turned so that `up` is client to server; `basis` says why.  Addresses are
    128-bit as (high, low) words, IPv4 mapped (::ffff:a.b.c.d).
    """

    client: UInt64s  # (n, 2)
    server: UInt64s  # (n, 2)
    port: Int64s  # (n,) of the server, 0..65535
    transport: Int64s  # (n,) IP protocol number
    basis: Int64s  # (n,) Basis
    wide: Int64s  # (n, layout.WIDE)
    narrow: NDArray[np.uint32]  # (n, layout.NARROW)
    facts: list[Facts | None]  # (n,)
    names: list[Names | None] = field(default_factory=list)  # (n,); left out = none

    def __post_init__(self) -> None:
        if not self.names:
            self.names = [None] * len(self.port)

    def __len__(self) -> int:
        return len(self.port)


class Quantity(StrEnum):
    """The closed vocabulary of what a telemetry source may report."""

    POWER_W = "power_w"
    ENERGY_KWH = "energy_kwh"  # in the interval that ends at the reading's time


@dataclass(frozen=True, slots=True)
class GpuUse:
    """How busy a GPU was by its driver's word."""

    mean: float  # percent, 0..100
    busy_h: float  # hours at 95 % or more
    read_h: float  # hours in which it was read


@dataclass(slots=True)
class Readings:
    """Power of many meters as one long table, sorted by (meter, time).  n readings."""

    meters: list[str]  # names, in order of first appearance
    meter: Int64s  # (n,) index into meters
    time_ns: Int64s  # (n,)
    watts: Floats  # (n,) mean over the interval that starts at time_ns
    interval_s: Floats  # (len(meters),) median step of each meter
    estimated: bool = False
    notes: list[str] = field(default_factory=list)  # what was detected: units, zone, layout
    dropped: dict[str, int] = field(default_factory=dict)  # rows left out, by reason
    problem: str | None = None  # one line: why not the whole file was read
    gpu_use: dict[str, GpuUse] = field(default_factory=dict)  # by meter, where the source tells it

    def __len__(self) -> int:
        return len(self.time_ns)


@dataclass(slots=True)
class PowerWindows:
    """One row a (meter, window); float64 columns named in `windows.power.COLUMNS`."""

    meters: list[str]
    meter: Int64s  # (n,) index into meters
    window_ns: Int64s  # (n,) start
    window_s: Floats  # (n,) length
    columns: Floats  # (n, len(COLUMNS))
    estimated: bool = False

    def __len__(self) -> int:
        return len(self.window_ns)


@dataclass(slots=True)
class Vectors:
    """Feature vectors: `values[i]` describes `keys[i]`; undefined is NaN."""

    names: tuple[str, ...]
    values: Floats  # (n, len(names))

    def __len__(self) -> int:
        return len(self.values)


@dataclass(slots=True)
class Scores:
    """What a model says of each vector.  0..1, higher = more like mining."""

    probability: Floats  # (n,) calibrated
    logit: Floats  # (n,) calibrated log-odds; what `probability` is the sigmoid of
    novelty: Floats  # (n,) share of training rows that the forest finds more ordinary, 0..1


class Verdict(StrEnum):
    MINING = "mining"
    SUSPICIOUS = "suspicious"
    UNDECIDED = "undecided"
    CLEAR = "clear"


@dataclass(slots=True)
class Evidence:
    """One reason for (or against) a verdict, in words and in facts."""

    kind: str
    weight: float  # log-odds that it adds; negative speaks against
    summary: str
    first_ns: int | None = None
    last_ns: int | None = None
    channel: Mapping[str, Any] | None = None  # {"remote", "port", "transport"}
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tip:
    """What somebody reported.  Text and source are fit to print."""

    time_ns: int
    text: str
    source: str
    line: int  # of the file


Missing = Mapping[str, str]
"""`cause`: a word for machines; `collect`: what to collect next, in words."""


@dataclass(frozen=True, slots=True)
class Steps:
    """Numbers over equal steps of time; for pictures, not for judging."""

    start_ns: int  # of the first step
    step_ns: int
    columns: Mapping[str, Floats]  # (n,) each; NaN where nothing is known


@dataclass(slots=True)
class Finding:
    """What is believed of one host over a stretch of time; see the design's schema."""

    host: str
    kind: str  # "ip", "asset" (leased addresses only), "meter" or "feeder"
    score: float | None
    verdict: Verdict
    first_ns: int
    last_ns: int
    network_score: float | None = None
    power_score: float | None = None
    novelty: float | None = None
    organisation: str | None = None
    evidence: list[Evidence] = field(default_factory=list)
    counter_evidence: list[Evidence] = field(default_factory=list)
    contributions: list[Mapping[str, Any]] = field(default_factory=list)
    energy: Mapping[str, Any] | None = None
    quality: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""  # one line for the table
    explanation: Mapping[str, Any] | None = None  # the log-odds of the score as an exact sum
    missing: list[Missing] = field(default_factory=list)  # why it is undecided
    tips: Sequence[Tip] = ()  # newest first; they move neither score nor verdict
    role: str | None = None  # of what is no end host: "mining proxy", "pool", "gateway"
    allowed: str | None = None  # the rule of the policy that allows what it is accused of
    course: Sequence[tuple[int, float]] = ()  # (start of a window in ns, the score had all ended with it)
    traffic: Steps | None = None  # of its suspect channels: messages, pushes, score (highest, 0..1)
    drawn: Steps | None = None  # of its meter, W: mean, low, high


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when a source gave packets, ns."""

    source: str
    first_ns: int
    last_ns: int


@dataclass(slots=True)
class SourceReport:
    """What became of one input: the numbers that explain an empty or partial result."""

    source: str
    packets: int = 0
    decoded: int = 0  # packets that reached a channel
    undecodable: dict[str, int] = field(default_factory=dict)  # by reason
    lost: int | None = None  # dropped by the capturing system, where it says so
    records: int = 0  # of flows, of a flow log
    readings: int = 0
    notes: list[str] = field(default_factory=list)  # what was detected: units, time zone, layout
    problem: str | None = None  # one line; the input was not (wholly) read
