"""What the first bytes of a file say it is.

Magic numbers of captures that are read, and of what people hand over by mistake, with what
to do about it.  Sources: pcap and pcapng drafts (IETF opsawg), wiretap's readers, libmagic.
"""

from __future__ import annotations

from typing import Final

from detector.compression import codec_of

CAPTURE_MAGICS: Final = (
    b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4",  # pcap, microseconds
    b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d",  # pcap, nanoseconds
    b"\x34\xcd\xb2\xa1", b"\xa1\xb2\xcd\x34",  # pcap as modified by Kuznetzov
    b"\x0a\x0d\x0d\x0a",  # pcapng
)  # fmt: skip
PARQUET: Final = b"PAR1"
_CONVERT: Final = "convert it with editcap, or use --engine pyshark"
_FOREIGN_CAPTURES: Final = (
    (b"snoop\0\0\0", "a Solaris snoop capture"),
    (b"XCP\0", "a NetXRay capture"),
    (b"VL\0\0", "a NetXRay capture"),
    (b"TRSNIFF data", "a Sniffer capture"),
    (b"RTSS", "a Network Monitor capture"),
    (b"GMBU", "a Network Monitor capture"),
    (b"ObserverPktBuffe", "an Observer capture"),
    (b"\x7fver\0", "an EtherPeek capture"),
)
_OTHERS: Final = (
    (PARQUET, "Parquet"),
    (b"PK\x03\x04", "a zip archive or spreadsheet; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    (b"Rar!\x1a\x07", "a rar archive; unpack it first"),
    (b"\x02\x21\x4c\x18", "lz4 in its legacy format; pack it with lz4 of this century"),
    (b"]\0\0", "lzma in its old format; pack it as xz"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture"),
    (b"\x7fELF", "a program"),
    (b"ElfFile\0", "a Windows event log"),
    (b"SQLite format 3\0", "a database"),
)


def looks_like(head: bytes) -> str:
    """What the first bytes of something that is no capture look like, in words."""
    if name := foreign_capture(head):
        return f"{name}; {_CONVERT}"
    for magic, name in _OTHERS:
        if head.startswith(magic):
            return name
    if head[257:262] == b"ustar":
        return "a tar archive; unpack it first"
    if codec := codec_of(head):
        return f"{codec.name} again; unpack it once first"
    if _event_trace(head):
        return "a Windows event trace (ETL); convert it with etl2pcapng"
    return "text" if _is_text(head) else f"starts with {head[:8].hex(' ')}"


def foreign_capture(head: bytes) -> str | None:
    """What kind of capture it is that Wireshark alone reads; None for anything else."""
    return next((name for magic, name in _FOREIGN_CAPTURES if head.startswith(magic)), None)


def _event_trace(head: bytes) -> bool:
    """Whether a trace buffer's size, a multiple of 1 KiB, is followed by a trace header event at byte 72.

    Its marker has the flags 0xc0 and a header type of 1 or 2 (WMI_BUFFER_HEADER, SYSTEM_TRACE_HEADER).
    """
    size = int.from_bytes(head[:4], "little")
    return (
        len(head) > 75
        and 0 < size <= 1 << 24
        and size % 1024 == 0
        and head[75] == 0xC0
        and 1 <= head[74] <= 2
    )


def _is_text(head: bytes) -> bool:
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # else a letter that the end of the head cuts
            return False
    return all(byte >= 32 or byte in b"\t\r\n\f\x1b" for byte in head)
