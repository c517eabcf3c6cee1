"""Packets that each end at memory which nobody may touch, many of them to a call.

A call costs more than a packet.  So packets stand in blocks of pcapng one behind the other, and the
room for options behind each is poisoned: the walk does not read it in (obsolete) packet blocks, and
an access is an AddressSanitizer report, whether or not bounds are checked.
"""

from __future__ import annotations

import ctypes
import functools
import struct
from typing import Any

LENGTH = 48  # of a fence at least: longer than any fixed header
_BLOCK = struct.Struct("<IIHHIIII")  # draft-ietf-opsawg-pcapng, appendix A
_LENGTHS = struct.Struct("<I12xI")  # of the block, and of the packet in it: from the block's second word on


def header(link: int) -> bytes:
    """The beginning of a pcapng whose packets have this link type and times in ns."""
    section = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
    return section + struct.pack("<IIHHIHHIII", 1, 32, link, 0, 0, 9, 1, 9, 0, 32)


def packet(data: bytes, claimed: int, now: int) -> bytes:
    """A packet of that stream and its fence; `now` in ns, `claimed` its length on the wire."""
    size, ticks = len(data), now & 0xFFFFFFFFFFFFFFFF
    fence = LENGTH + -size % 8
    length = _BLOCK.size + size + fence
    head = _BLOCK.pack(2, length, 0, 0xFFFF, ticks >> 32, ticks & 0xFFFFFFFF, size, claimed & 0xFFFFFFFF)
    return b"".join((head, data, bytes(fence)))


def fences(blocks: bytes) -> list[tuple[int, int]]:
    """(start, length) of what stands behind each packet."""
    found, at = [], 0
    while at < len(blocks):
        length, size = _LENGTHS.unpack_from(blocks, at + 4)
        stop = at + _BLOCK.size + size
        at += length
        found.append((stop, at - stop))
    return found


@functools.cache
def _asan(name: str) -> Any:
    """A function of AddressSanitizer's, which was loaded before everything else."""
    function = getattr(ctypes.PyDLL(None), f"__asan_{name}_memory_region")
    function.argtypes, function.restype = (ctypes.c_void_p, ctypes.c_size_t), None
    return function


def poison(address: int, length: int) -> None:
    """From now on nobody may touch these bytes, but for up to seven at their end (8 make a unit)."""
    _asan("poison")(address, length)


def unpoison(address: int, length: int) -> None:
    """Before the memory is used for something else."""
    _asan("unpoison")(address, length)
