"""Packets to start from: one of each link type and protocol chain that the public captures hold."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import dpkt

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("MINEWATCH_DATA", ROOT.parent / "shared" / "data")) / "net"
LARGEST_FILE = 1 << 20
LONGEST_PACKET = 1_600
PACKETS_A_FILE = 400
Seeds = dict[int, list[bytes]]  # by link type


def capture_files(rng: random.Random, most: int) -> list[Path]:
    """At most so many captures, drawn at random; none where the public data is not there."""
    endings = {".pcap", ".pcapng", ".cap", ".trace"}
    files = sorted(p for p in DATA.rglob("*") if p.suffix in endings and p.stat().st_size <= LARGEST_FILE)
    return rng.sample(files, min(most, len(files)))


def gather(rng: random.Random, most_files: int) -> Seeds:
    """Seeds by link type; empty where there are no captures."""
    found: dict[int, dict[object, bytes]] = {}
    for path in capture_files(rng, most_files):
        for link, packet in packets(path):
            found.setdefault(link, {}).setdefault(chain(link, packet), packet[:LONGEST_PACKET])
    return {link: list(by_chain.values()) for link, by_chain in sorted(found.items())}


def packets(path: Path) -> Iterator[tuple[int, bytes]]:
    """(link type, packet) of a capture, as far as dpkt can read it."""
    try:
        with path.open("rb") as file:
            reader = dpkt.pcap.UniversalReader(file)
            link = reader.datalink() & 0xFFFF
            for count, (_, packet) in enumerate(reader, 1):
                yield link, bytes(packet)
                if count == PACKETS_A_FILE:
                    return
    except Exception:  # noqa: BLE001  a test vector that dpkt cannot read: it raises what it likes
        return


def chain(link: int, packet: bytes) -> object:
    """What tells one kind of packet from another: link type, headers one after the other, flags, size."""
    names: list[object] = [link]
    at = {1: 12, 113: 14, 276: 0}.get(link)
    if at is None:
        names.append(packet[:1])
    else:
        names += [packet[at : at + 2], at := at + (18 if link == 276 else 0)]
    at = 0 if at is None else at + 2
    while packet[at - 2 : at] in (b"\x81\x00", b"\x88\xa8", b"\x91\x00"):
        at += 4
        names.append(packet[at - 2 : at])
    version = packet[at] >> 4 if at < len(packet) else 0
    if version == 4:
        header = (packet[at] & 15) * 4
        fragment = packet[at + 6 : at + 8] not in (b"\0\0", b"\x40\0")
        names += [4, header, packet[at + 9 : at + 10], fragment]
        names += _transport(packet[at + 9 : at + 10], packet[at + header :])
    elif version == 6:
        names += [6, packet[at + 6 : at + 7], packet[at + 40 : at + 42]]
        names += _transport(packet[at + 6 : at + 7], packet[at + 40 :])
    return (*names, len(packet).bit_length())


def _transport(protocol: bytes, segment: bytes) -> list[object]:
    ports = [int.from_bytes(segment[i : i + 2], "big") for i in (0, 2)]
    if protocol == b"\x06":
        start = segment[12] >> 4 if len(segment) > 12 else 0
        return [start, segment[13:14], segment[4 * start : 4 * start + 1], min(ports) < 1024]
    return [min(ports) if protocol == b"\x11" else segment[:1]]
