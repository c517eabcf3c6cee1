"""Scoring in progress: windows and readings go in, what is believed of the hosts comes out.

Files, the monitor and training take their rows through here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from detector import findings, hosts
from detector.blocks import read_blocks
from detector.features import channel as channel_features
from detector.features import volumes
from detector.findings import strip, volume_scores
from detector.model import Bundle
from detector.policy import NO_POLICY, Policy
from detector.pools import SHIPPED, read_pools
from detector.privacy import Privacy
from detector.records import ChannelWindows, Facts, Finding, Readings, Span, Vectors
from detector.settings import Settings
from detector.tips import NO_TIPS, Tips
from detector.windows.channel import Rollup, concatenate, take

if TYPE_CHECKING:
    from detector.history import History
    from detector.records import Int64s
    from detector.telemetry.jobs_list import JobsList

BLOCK = 2_048  # rows judged at a time: their vectors and what they are made from take about 5 KB a row


class Run:
    """Scoring in progress: takes tables of windows and readings, knows what to believe so far."""

    def __init__(
        self,
        bundle: Bundle,
        settings: Settings,
        assets: hosts.Assets,
        policy: Policy = NO_POLICY,
        *,
        history: History | None = None,
        tips: Tips = NO_TIPS,
        jobs: JobsList | None = None,
    ) -> None:
        """Reads the list of pools, and times of blocks.  history: of meters in earlier runs; it is added to.
        jobs: what a scheduler gave the nodes to do.

        Raises PoolsError, BlocksError, NetworkError.
        """
        self.bundle = bundle
        self._policy = policy
        self._tips, self._jobs = tips, jobs
        self._history = history
        self._settings = settings
        self._assets = assets
        self._of_hosts = assets.meter_to_ip()
        self._pools = read_pools(settings.findings.pools or SHIPPED)
        self._rollup = Rollup(settings.meter, settings.windows)
        self._flow_rollup = Rollup(settings.meter, settings.windows)
        self._flow_limits = bundle.flows
        self._extract = volumes.extractor(bundle.channel.names)
        self.privacy = Privacy.of(settings)
        self.ledger = findings.Ledger(
            hosts.HomeNetworks(settings.findings.home_networks),
            settings.findings.min_messages,
            bundle.channel.thresholds.suspicious,
            assets.meter_to_feeder(),
            owners=assets.owners,
            pools=self._pools,
            window_s=settings.meter.window_s,
            blocks=read_blocks(settings.findings.block_times) if settings.findings.block_times else None,
        )

    def add(self, batches: Iterable[ChannelWindows]) -> None:
        """Roll up, judge and remember batches of rows, each of one window (`see` them before)."""
        rows = judged_rows(batches, self._rollup, self.ledger.scoreable, self._extract)
        for rolled, vectors, newest in rows:
            self.ledger.add(rolled, newest, vectors, self.bundle.channel.score(vectors))

    def add_flows(self, table: ChannelWindows, spans: Sequence[Span]) -> None:
        """Take in rows of flow logs, of one window: they hold no messages, and the channel model has no say
        in them unless it learned from flow logs."""
        self.ledger.see(table, spans)
        self.ledger.volumes.add(table)
        if self._flow_limits is None:
            return
        for rolled, vectors, _ in judged_flows([table], self._flow_rollup):
            scores = self.bundle.channel.score(vectors)
            self.ledger.volume_scores.add(rolled, vectors, scores, self._flow_limits.suspicious)

    def add_power(self, readings: Readings, source: str, part: int = 0) -> None:
        """Judge the meters of one source over the whole record given, and what is remembered of them.

        part: number of the part of the source; the first stands for it anew (a log that has grown).
        """
        from detector.features import power_facts  # noqa: PLC0415
        from detector.windows import carried  # noqa: PLC0415
        from detector.windows.power import column, power_windows  # noqa: PLC0415

        windows = power_windows(readings, self._settings.windows)
        self.ledger.feeders.add(windows, source, anew=not part)
        remembered = windows
        if self._history:
            windows, remembered = carried.joined(self._history.recalled(windows.meters), windows)
        meters, vectors, facts = power_facts.survey(windows)
        if self._history:
            came = {meter: told["onset_ns"] for meter, told in zip(meters, facts, strict=True)}
            self._history.keep(remembered, came)
        scores = self.bundle.power.score(vectors)
        counted = np.bincount(windows.meter, weights=column(windows, "n"), minlength=len(windows.meters))
        read = dict(zip(windows.meters, counted.tolist(), strict=True))
        least = min(self.bundle.power.thresholds.suspicious, findings.LIKELIER)
        pictures = strip.Pictures(windows)
        for i, meter in enumerate(meters):
            if meter in self.ledger.feeders:  # many customers at once: judged by its balance
                continue
            description = facts[i]
            told = scores.probability[i] >= least or meter in self._of_hosts
            record = findings.PowerRecord(
                meter=meter,
                logit=float(scores.logit[i]),
                probability=float(scores.probability[i]),
                novelty=float(scores.novelty[i]),
                values=vectors.values[i].copy() if told else None,
                description=description,
                estimated=windows.estimated,
                readings=int(read[meter]),
                drawn=pictures.of(meter) if told else None,
                gpu_use=readings.gpu_use.get(meter),
            )
            span = (int(description["first_ns"]), int(description["last_ns"]))
            self.ledger.add_power(record, span, source)

    def findings(self, look: Callable[[list[Finding]], None] | None = None) -> list[Finding]:
        """What is believed now, worst first, as it may be told; `look` adds to it what needs real names."""
        believed = findings.judge(
            self.ledger,
            self.bundle,
            self._settings,
            self._assets,
            policy=self._policy,
            pools=self._pools,
            tips=self._tips,
            jobs=self._jobs,
        )
        if look:
            look(believed)
        return self.privacy.findings(believed)


def judged_flows(
    batches: Iterable[ChannelWindows], rollup: Rollup
) -> Iterator[tuple[ChannelWindows, Vectors, findings.Newest]]:
    """The same of rows of flow logs, which stay as they are: of the channels kept up as mining is."""
    known = (take(batch, rows) for batch in batches if len(rows := volume_scores.countable(batch)))
    yield from judged_rows(known, rollup, volume_scores.askable, volumes.extract)


def judged_rows(
    batches: Iterable[ChannelWindows],
    rollup: Rollup,
    scoreable: Callable[[ChannelWindows], np.ndarray],
    extract: Callable[[ChannelWindows], Vectors] = channel_features.extract,
) -> Iterator[tuple[ChannelWindows, Vectors, findings.Newest]]:
    """(rolled-up rows, their vectors, their newest windows) of the channels that hold enough.

    Each batch is of one window, and is used up.  What is given may be of several: it is
    gathered until it is worth the calls.  Training takes its rows from here, too.
    """
    waiting: list[ChannelWindows] = []
    facts: list[Facts | None] = []
    counts: list[Int64s] = []
    for batch in batches:
        heard, counted = batch.facts, batch.wide[:, strip.COUNTED]
        rolled = rollup.add(batch)
        judged = np.flatnonzero(scoreable(rolled))
        for begin in range(0, len(judged), BLOCK):
            rows = judged[begin : begin + BLOCK]
            block = take(rolled, rows)
            rollup.name(block)
            waiting.append(block)
            facts += [heard[row] for row in rows.tolist()]
            counts.append(counted[rows])
            if len(facts) >= BLOCK:
                yield *_with_vectors(waiting, extract), findings.Newest(facts, np.concatenate(counts))
                waiting, facts, counts = [], [], []
    if facts:
        yield *_with_vectors(waiting, extract), findings.Newest(facts, np.concatenate(counts))


def _with_vectors(
    waiting: list[ChannelWindows], extract: Callable[[ChannelWindows], Vectors]
) -> tuple[ChannelWindows, Vectors]:
    rows = concatenate(waiting)
    return rows, extract(rows)
