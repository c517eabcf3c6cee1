"""Stratum V2 in the clear: one side of a connection split into frames, and the layout of each message.

Source: stratum-mining/sv2-spec, 03 (data types, framing), 05 to 07 (fields), 08 (numbers).
A frame is its extension (U16, the top bit says that it belongs to a channel), its type
(U8) and its length (U24), little endian, then the fields.  Specification and reference
code disagree about the channel bit of some messages, so that either is taken; what makes
a frame is a known type whose fields fill it exactly.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from detector.dissectors.contract import Frame
from detector.dissectors.lines import LIMIT, MALFORMED

HEADER: Final = 6

# Fixed fields by their size; `s` STR0_255 and B0_255, `p` B0_32, `B` B0_64K, `o` OPTION[U32],
# `H` SEQ0_255[U256], `I` SEQ0_64K[U32], `W` SEQ0_64K[U16], `*` whatever follows.
_FIXED: Final = {"1": 1, "2": 2, "4": 4, "8": 8, "h": 32}
_COUNTED: Final = {  # letter -> bytes of the count, most, bytes of an item
    "s": (1, 255, 1), "p": (1, 32, 1), "B": (2, 65_535, 1), "o": (1, 1, 4), "H": (1, 255, 32),
    "I": (2, 65_535, 4), "W": (2, 65_535, 2),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kind:
    """Who sends a message, and its fields; some have changed with the drafts."""

    from_client: bool | None  # None: either side
    layouts: tuple[str, ...]

    @property
    def sizes(self) -> tuple[int, int]:
        """Fewest and most bytes of fields."""
        bounds = [_bounds(layout) for layout in self.layouts]
        return min(low for low, _ in bounds), max(high for _, high in bounds)


KINDS: Final = {
    0x00: Kind(True, ("1224s2ssss",)),  # SetupConnection
    0x01: Kind(False, ("24",)),
    0x02: Kind(False, ("4s",)),
    0x03: Kind(False, ("4",)),  # ChannelEndpointChanged
    0x04: Kind(False, ("s2",)),  # Reconnect
    0x10: Kind(True, ("4s4h",)),  # OpenStandardMiningChannel
    0x11: Kind(False, ("44hp4",)),
    0x12: Kind(False, ("4s",)),
    0x13: Kind(True, ("4s4h2",)),  # OpenExtendedMiningChannel
    0x14: Kind(False, ("44h2p4", "44h2p")),
    0x15: Kind(False, ("44o4h",)),  # NewMiningJob
    0x16: Kind(True, ("44h",)),  # UpdateChannel
    0x17: Kind(False, ("4s",)),
    0x18: Kind(None, ("4s",)),  # CloseChannel
    0x19: Kind(False, ("4p",)),  # SetExtranoncePrefix
    0x1A: Kind(True, ("444444",)),  # SubmitSharesStandard
    0x1B: Kind(True, ("444444p",)),  # SubmitSharesExtended
    0x1C: Kind(False, ("4448",)),  # SubmitShares.Success
    0x1D: Kind(False, ("44s",)),
    0x1F: Kind(False, ("44o41HBB",)),  # NewExtendedMiningJob
    0x20: Kind(False, ("44h44",)),  # SetNewPrevHash
    0x21: Kind(False, ("4h",)),  # SetTarget
    0x22: Kind(True, ("44s4h444s4B4H",)),  # SetCustomMiningJob
    0x23: Kind(False, ("444",)),
    0x24: Kind(False, ("44s",)),
    0x25: Kind(False, ("4I",)),  # SetGroupChannel
    0x50: Kind(True, ("s4",)),  # AllocateMiningJobToken
    0x51: Kind(False, ("4sB", "4s4B1")),
    0x53: Kind(False, ("4",)),  # IdentifyTransactions
    0x54: Kind(True, ("4*",)),
    0x55: Kind(False, ("4W",)),  # ProvideMissingTransactions
    0x56: Kind(True, ("4*",)),
    0x57: Kind(True, ("4s4BB*",)),  # DeclareMiningJob
    0x58: Kind(False, ("4s",)),
    0x59: Kind(False, ("4sB",)),
    0x60: Kind(True, ("ph4444",)),  # PushSolution
    0x70: Kind(True, ("4", "42")),  # CoinbaseOutputConstraints
    0x71: Kind(False, ("8144s484B4H",)),  # NewTemplate
    0x72: Kind(False, ("8h44h",)),  # SetNewPrevHash
    0x73: Kind(True, ("8",)),  # RequestTransactionData
    0x74: Kind(False, ("8B*",)),
    0x75: Kind(False, ("8s",)),
    0x76: Kind(True, ("8444B",)),  # SubmitSolution
}


def _bounds(layout: str) -> tuple[int, int]:
    low = high = 0
    for letter in layout:
        if letter == "*":
            high = (1 << 24) - 1
        elif letter in _FIXED:
            low, high = low + _FIXED[letter], high + _FIXED[letter]
        else:
            count, most, item = _COUNTED[letter]
            low, high = low + count, high + count + most * item
    return low, high


_SIZES: Final = {number: kind.sizes for number, kind in KINDS.items()}
_HEADER: Final = re.compile(rb"\0[\0\x80][" + re.escape(bytes(KINDS)) + rb"]", re.S)


def begins(data: bytes) -> bool | None:
    """Whether `data` begins with the header of a frame; None while it is too short to say."""
    known = data[:1] in b"\0" and data[1:2] in (b"", b"\0", b"\x80") and (len(data) < 3 or data[2] in KINDS)
    if not known or len(data) < HEADER:
        return None if known else False
    low, high = _SIZES[data[2]]
    return low <= int.from_bytes(data[3:HEADER], "little") <= high


class Sv2Frames:
    """Incremental splitter of one side; gives frames, MALFORMED for one whose fields do not fill it.

    Where no frame begins it looks for the next header; `text` once that happened more often
    than frames came.  Of a frame above LIMIT bytes the type is given, without its fields.
    """

    __slots__ = ("_buffer", "_good", "_junk", "_seeking", "_skip", "text")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._skip = 0  # bytes left of a frame that is too long
        self._seeking = False
        self._good = self._junk = 0
        self.text = False

    @property
    def held(self) -> int:
        """Number of bytes held."""
        return len(self._buffer)

    def lose(self) -> list[Any]:
        """Bytes were lost: go on at the next header.  Nothing can be told of the frame at hand."""
        self._buffer.clear()
        self._skip = 0
        self._seeking = True
        return []

    def feed(self, data: bytes) -> list[Any]:
        """Frames that `data` completes, in order."""
        if self.text:
            return []
        self._buffer += data
        values: list[Any] = []
        while self._buffer and not self.text and self._step(values):
            pass
        return values

    def _step(self, values: list[Any]) -> bool:
        """One step; False when more bytes are needed."""
        if self._skip:
            return self._pass()
        if self._seeking:
            return self._seek()
        begun = begins(bytes(self._buffer[:HEADER]))
        if begun is None:
            return False
        return self._frame(values) if begun else self._stray()

    def _pass(self) -> bool:
        n = min(self._skip, len(self._buffer))
        del self._buffer[:n]
        self._skip -= n
        return True

    def _seek(self) -> bool:
        found = _HEADER.search(self._buffer)
        if found is None:
            del self._buffer[: max(len(self._buffer) - 2, 0)]
            return False
        del self._buffer[: found.start()]
        begun = begins(bytes(self._buffer[:HEADER]))
        if begun is False:
            del self._buffer[0]
        self._seeking = not begun
        return begun is not None

    def _stray(self) -> bool:
        self._seeking = True
        self._junk += 1
        self.text = self._junk > 1 + self._good
        if self.text:
            self._buffer.clear()
        return True

    def _frame(self, values: list[Any]) -> bool:
        kind, end = self._buffer[2], HEADER + int.from_bytes(self._buffer[3:HEADER], "little")
        if end > LIMIT:
            values.append(Frame(kind))
            self._skip = end
            return True
        if len(self._buffer) < end:
            return False
        fields = fields_of(kind, bytes(self._buffer[HEADER:end]))
        values.append(MALFORMED if fields is None else Frame(kind, fields))
        del self._buffer[:end]
        if fields is None:
            return self._stray()
        self._good += 1
        return True


def fields_of(kind: int, payload: bytes) -> tuple[int | bytes, ...] | None:
    """The fields of a message of `kind`: numbers, and bytes of all that has no fixed length; None where
    they do not fill the payload."""
    for layout in KINDS[kind].layouts:
        fields = _read(layout, payload)
        if fields is not None:
            return fields
    return None


def _read(layout: str, payload: bytes) -> tuple[int | bytes, ...] | None:
    fields: list[int | bytes] = []
    at = 0
    for letter in layout:
        if letter == "*":
            return tuple(fields)
        if letter in _FIXED:
            end = at + _FIXED[letter]
            fields.append(int.from_bytes(payload[at:end], "little"))
        else:
            width, most, item = _COUNTED[letter]
            count = int.from_bytes(payload[at : at + width], "little")
            end = at + width + count * item
            fields.append(payload[at + width : end])
            if count > most:
                return None
        if end > len(payload):
            return None
        at = end
    return tuple(fields) if at == len(payload) else None
