"""Stratum V2 in the clear: the mining, job declaration and template distribution protocols.

Source: stratum-mining/sv2-spec, 03 and 05 to 07.  A connection is taken by a plausible
SetupConnection, or, joined in the middle, by frames of both sides that agree who mines:
what fits one header and one layout may be chance.  All of it is SHA-256d; a difficulty is
counted as Stratum V1 counts it, against the target of difficulty 1.
"""

from __future__ import annotations

from typing import Any, Final

from detector.dissectors import coins
from detector.dissectors.contract import Frame, Message, Reply, Roles
from detector.dissectors.facts import merge_facts
from detector.dissectors.identity import account, agent_name, host_name
from detector.dissectors.sv2 import KINDS
from detector.records import Facts

DIALECT: Final = "stratumv2"
ALGORITHM: Final = "sha256d"
DIFFICULTY_1: Final = 0xFFFF << 208

SETUP, RECONNECT = 0x00, 0x04
OPEN: Final = (0x10, 0x13)
JOBS: Final = (0x15, 0x1F, 0x71)  # the templates that a pool or a declarator works on are work too
SHARES: Final = (0x1A, 0x1B, 0x60, 0x76)
ACCEPTED, REJECTED = 0x1C, 0x1D
REQUESTS: Final = (0x16, 0x22, 0x50, 0x57, 0x70, 0x73)
TARGETS: Final = {0x11: 2, 0x14: 2, 0x21: 1}  # where the target stands
BITS: Final = {0x20: 4, 0x72: 3}  # where the block's compact target stands

_VERSIONS: Final = range(2, 9)  # 2 is the only one so far
_PROTOCOLS: Final = range(3)  # mining, job declaration, template distribution


class StratumV2:
    """One connection that may speak Stratum V2."""

    __slots__ = ("_outstanding", "_roles", "_sides", "_sure", "_waiting")

    def __init__(self) -> None:
        self._roles = Roles()
        self._outstanding = 0  # shares that nobody has answered yet
        self._sides: set[bool] = set()  # that sent something only their side sends
        self._sure = False
        self._waiting: Facts | None = None

    def read(self, message: Message) -> Facts | Reply:
        """The facts of one message."""
        frame = message.frame
        if frame is None:
            return Reply.NOT_MINE
        if not self._fits(frame, message):
            return Reply.NEED_MORE
        facts = Facts(DIALECT, self._roles.client_is_a, algorithm=ALGORITHM)
        self._fill(facts, frame)
        if self._sure:
            return facts
        self._waiting = merge_facts(self._waiting, facts)
        self._sure = frame.kind == SETUP or len(self._sides) == 2
        return self._waiting if self._sure and self._waiting is not None else Reply.NEED_MORE

    def _fits(self, frame: Frame, message: Message) -> bool:
        """Whether the side that sent it may do so."""
        from_client = KINDS[frame.kind].from_client
        if from_client is None:
            return self._roles.client_is_a is not None
        if frame.kind == SETUP and not _is_setup(frame.fields):
            return False
        known = self._roles.miner(message) if from_client else self._roles.pool(message)
        if known:
            self._sides.add(message.from_a)
        return known

    def _fill(self, facts: Facts, frame: Frame) -> None:
        """Counts, and the names and numbers of the fields where there are some."""
        kind, fields = frame.kind, frame.fields
        facts.logins = int(kind == SETUP or kind in OPEN)
        facts.jobs, facts.requests = int(kind in JOBS), int(kind in REQUESTS)
        if kind in SHARES:
            facts.shares, self._outstanding = 1, self._outstanding + 1
        if kind in (ACCEPTED, REJECTED):
            self._settle(facts, kind, fields)
        if fields and (kind in (SETUP, RECONNECT) or kind in OPEN):
            _add_names(facts, kind, fields)
        if fields and kind in TARGETS:
            facts.difficulty = _difficulty(fields[TARGETS[kind]])
        if fields and kind in BITS:
            hard = coins.is_bitcoin_hard(f"{fields[BITS[kind]]:08x}")
            facts.coin = "BTC" if hard else coins.UNKNOWN

    def _settle(self, facts: Facts, kind: int, fields: tuple[Any, ...]) -> None:
        """One answer may take many shares, but no more than were handed in."""
        accepted = min(fields[2], self._outstanding) if kind == ACCEPTED else 0
        facts.accepted, facts.rejected = accepted, int(kind == REJECTED)
        self._outstanding = max(self._outstanding - accepted - facts.rejected, 0)


def _is_setup(fields: tuple[Any, ...]) -> bool:
    """Versions and protocols that there are, and strings that are text."""
    if not fields or fields[0] not in _PROTOCOLS or fields[1] not in _VERSIONS or fields[1] > fields[2]:
        return False
    return all(_text(name) is not None for name in (fields[4], *fields[6:10]))


def _add_names(facts: Facts, kind: int, fields: tuple[Any, ...]) -> None:
    if kind == SETUP:  # vendor, hardware version, firmware; the device's id is nobody's business
        facts.agent = agent_name(" ".join(filter(None, map(_text, fields[6:9]))))
        facts.pool = host_name(_text(fields[4]))
    elif kind == RECONNECT:
        facts.pool = host_name(_text(fields[0]))
    else:
        facts.wallet, facts.worker = account(_text(fields[1]))
        facts.coin = coins.of_address(facts.wallet)
    if facts.pool is not None:
        facts.coin = coins.of_name(facts.pool)


def _text(value: bytes) -> str | None:
    """A string that holds no control characters."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return None
    return text if not text or text.isprintable() else None


def _difficulty(target: int) -> float | None:
    return DIFFICULTY_1 / target if target else None
