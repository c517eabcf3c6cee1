"""Stratum V2 under Noise, told by the lengths that its encryption leaves as they are.

A message on the wire is a 22-byte header, the payload and a tag of 16 bytes; none is padded
(sv2-spec 03 and 05).  The handshake that opens a connection is 64 bytes up and 234 down (170
by the prose of the specification, 234 by its own field sizes), then SetupConnection is
answered by 44.  A connection that was joined later is told by two kinds of its messages and
by there being next to no others.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from detector.kernel import layout
from detector.records import BY_LENGTHS, TCP, ChannelWindows, Facts

if TYPE_CHECKING:
    from numpy.typing import NDArray

DIALECT, CARRIER = "stratumv2", BY_LENGTHS
ACT_1, ACT_2, SETUP_DONE = 64, (234, 170), 44
SHARE, SHARE_EXTENDED = 62, range(64, 96)  # the latter with 1 to 32 bytes of extranonce
ACCEPTED, TARGET, PREVIOUS_HASH = 58, 74, 86
STANDARD_JOBS = (83, 87)  # for a block to come, and for this one
EXTENDED_JOB = 150  # holds a coinbase and a path of hashes: at least so long
HASH = 32  # a job grows by one where the tree of transactions does
MOST = 0.9  # of the messages of each direction that must be of a known kind
SEVERAL = 3  # extended jobs of one length: of a single one it says nothing
OPENING_MESSAGES = 3  # of each direction, before shares and jobs

Ways = tuple[tuple[int, int], tuple[int, int]]  # places of the miner's block and of the pool's
UPRIGHT: Ways = ((layout.UP, layout.NARROW_UP), (layout.DOWN, layout.NARROW_DOWN))
TURNED: Ways = (UPRIGHT[1], UPRIGHT[0])

_SINGLE = (ACCEPTED, TARGET, PREVIOUS_HASH, *STANDARD_JOBS)
_TOGETHER = frozenset(sum(pair) for pair in itertools.combinations_with_replacement(_SINGLE, 2))
"""Messages that are written at once reach the wire as one."""


def sessions(windows: ChannelWindows) -> list[Facts | None]:
    """What a Stratum V2 miner did on each channel, counted by lengths; None where none is told."""
    opened = _opened(windows)
    plain = (windows.transport == TCP) & (windows.wide[:, layout.TLS_RECORDS] == 0)
    found: list[Facts | None] = [None] * len(windows)
    asked, turned = (_shares(windows, side) for side in (layout.NARROW_UP, layout.NARROW_DOWN))
    for row in np.flatnonzero(plain & (opened | asked)).tolist():
        found[row] = _session(windows, row, UPRIGHT, bool(opened[row]))
    for row in np.flatnonzero(plain & turned & ~opened).tolist():  # joined later, its ends mistaken
        found[row] = found[row] or _session(windows, row, TURNED, False)
    return found


def _opened(windows: ChannelWindows) -> NDArray[np.bool_]:
    """Whether the opening of a connection is the handshake; (n,)."""
    up, down = (windows.wide[:, side + layout.OPENING :][:, :2] for side in (layout.UP, layout.DOWN))
    handshake = (up[:, 0] == ACT_1) & np.isin(down[:, 0], ACT_2)
    opened: NDArray[np.bool_] = handshake & (down[:, 1] == SETUP_DONE)
    return opened


def _shares(windows: ChannelWindows, side: int) -> NDArray[np.bool_]:
    """Whether the messages of one side may be shares, for the most part; (n,)."""
    block = windows.narrow[:, side + layout.LENGTHS :][:, : 2 * layout.COMMON_LENGTHS]
    lengths, counts = block[:, 0::2], block[:, 1::2]
    commonest = lengths[np.arange(len(windows)), counts.argmax(axis=1)]
    shares: NDArray[np.bool_] = (commonest == SHARE) | np.isin(commonest, SHARE_EXTENDED)
    return shares


def _session(windows: ChannelWindows, row: int, ways: Ways, opened: bool) -> Facts | None:
    up, down = (_counts(windows, row, narrow) for _, narrow in ways)
    shares = max((n for length, n in up.items() if length == SHARE or length in SHARE_EXTENDED), default=0)
    jobs = _jobs(down)
    answers = sum(down.get(length, 0) for length in (*_SINGLE, *_TOGETHER) if length not in jobs)
    asked, answered = (int(windows.wide[row, wide + layout.MESSAGES]) for wide, _ in ways)
    openings = OPENING_MESSAGES * sum(down.get(length, 0) for length in ACT_2)
    explained = shares >= MOST * (asked - openings)
    explained &= answers + sum(jobs.values()) >= MOST * (answered - openings)
    if not opened and not (explained and (SHARE in up) + _kinds(down, jobs) >= 2):
        return None
    return Facts(
        DIALECT,
        logins=int(opened),
        jobs=sum(jobs.values()),
        shares=shares,
        accepted=down.get(ACCEPTED, 0),
        carrier=CARRIER,
    )


def _counts(windows: ChannelWindows, row: int, side: int) -> dict[int, int]:
    """Length -> count of the commonest messages of one direction."""
    block = windows.narrow[row, side + layout.LENGTHS :][: 2 * layout.COMMON_LENGTHS].tolist()
    return {length: n for length, n in zip(block[0::2], block[1::2], strict=True) if n}


def _jobs(down: Mapping[int, int]) -> dict[int, int]:
    """The lengths that are jobs, alone or with the hash of the block before: standard ones, and extended
    ones as long as the commonest of them, but for some hashes of the tree."""
    standard = {*STANDARD_JOBS, *(length + PREVIOUS_HASH for length in STANDARD_JOBS)}
    short = {length: n for length, n in down.items() if length in standard}
    long = {length: n for length, n in down.items() if length >= EXTENDED_JOB and length not in ACT_2}
    usual = max(long, key=lambda length: (long[length], -length), default=0)
    bases = (usual, usual - PREVIOUS_HASH, usual + PREVIOUS_HASH)
    long = {length: n for length, n in long.items() if any((length - base) % HASH == 0 for base in bases)}
    return max(short, long, key=lambda jobs: sum(jobs.values()))


def _kinds(down: Mapping[int, int], jobs: Mapping[int, int]) -> int:
    """How many kinds of messages are told apart: acknowledgements, targets, hashes, jobs (standard ones, or
    several extended ones)."""
    hashes = PREVIOUS_HASH in down or any(length - PREVIOUS_HASH in jobs for length in jobs)
    hashes |= any(length + PREVIOUS_HASH in down for length in STANDARD_JOBS)
    work = any(length in down for length in STANDARD_JOBS) or sum(jobs.values()) >= SEVERAL
    return sum((ACCEPTED in down, TARGET in down, hashes, work))
