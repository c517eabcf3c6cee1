"""Stratum V2 as real frames: mining, job declaration and template distribution.

Source: stratum-mining/sv2-spec 03 (framing), 05 to 07 (fields), 08 (numbers).  Over Noise each frame
travels as an encrypted header of 22 bytes and a payload with a tag of 16 (`wrapping`); inside a site
it may travel in the clear.
"""

from __future__ import annotations

import struct

from training.simulation.draw import Draw
from training.simulation.families import MINING, Family
from training.simulation.script import Link, Script, Session
from training.simulation.work import drawn_pace, turns

_CHANNEL = 0x8000  # the bit of the extension type that says: this message belongs to a channel
_VENDORS = (
    (b"Bitaxe", b"BM1370", b"esp-miner 2.6"),
    (b"Braiins", b"AML-S9", b"2024-02-22"),
    (b"SRI", b"", b"translator"),
)
_VERSION = 0x20000000


def frame(kind: int, payload: bytes, channel: bool = False) -> bytes:
    """Extension type, message type, length; little endian."""
    return struct.pack("<HB", _CHANNEL if channel else 0, kind) + len(payload).to_bytes(3, "little") + payload


def _text(value: bytes) -> bytes:
    return bytes([len(value)]) + value


def _setup(draw: Draw, protocol: int) -> bytes:
    """SetupConnection: protocol, versions, flags, where to, and who."""
    names = (*draw.pick(_VENDORS), draw.base36(draw.whole(0, 16)).encode())
    host = b"pool.example.net" if draw.chance(0.7) else b"203.0.113.9"
    fixed = struct.pack("<BHHI", protocol, 2, 2, draw.whole(0, 3) if protocol == 0 else 0)
    return frame(0x00, fixed + _text(host) + struct.pack("<H", 34254) + b"".join(map(_text, names)))


_SETUP_OK = frame(0x01, struct.pack("<HI", 2, 0))


def mining(draw: Draw, link: Link) -> Session:
    """A standard channel (header-only) or an extended one; jobs come before they are active, and a new
    block makes one active."""
    pace = drawn_pace(draw, (600, 600, 150), (0, 30, 60, 30, 15), (1.5, 60))
    extended, extranonce, prefix = draw.chance(0.6), draw.whole(4, 16), draw.whole(4, 16)
    coinbase, branches = (draw.whole(40, 110), draw.whole(60, 250)), draw.whole(0, 13)
    user, setup = draw.base36(draw.whole(8, 60)).encode(), _setup(draw, 0)
    batch, target_s = draw.pick((1, 1, 1, 5, 10, 100)), draw.log_uniform(60, 900) if draw.chance(0.5) else 0.0
    job = 0

    def job_of(active: bool) -> bytes:
        """NewExtendedMiningJob or NewMiningJob: a job for later names no time."""
        nonlocal job
        job += 1
        when = struct.pack("<BI", 1, 1_760_000_000 + job) if active else b"\0"
        head = struct.pack("<II", 1, job) + when + struct.pack("<I", _VERSION)
        if not extended:
            return frame(0x15, head + draw.randbytes(32), True)
        path = b"\x01" + bytes([branches]) + draw.randbytes(32 * branches)
        halves = b"".join(struct.pack("<H", size) + draw.randbytes(size) for size in coinbase)
        return frame(0x1F, head + path + halves, True)

    def share(number: int) -> bytes:
        fields = struct.pack("<6I", 1, number, job, draw.getrandbits(32), 1_760_000_000 + number, _VERSION)
        return (
            frame(0x1B, fields + _text(draw.randbytes(extranonce)), True)
            if extended
            else frame(0x1A, fields, True)
        )

    def opened() -> bytes:
        fields = struct.pack("<II", 1, 1) + draw.randbytes(32)
        ids = _text(draw.randbytes(prefix))
        if extended:
            return frame(0x14, fields + struct.pack("<H", extranonce) + ids)
        return frame(0x11, fields + ids + struct.pack("<I", 1))

    def session(length: float) -> Script:
        script = Script(draw, link)
        asks = struct.pack("<I", 1) + _text(user) + struct.pack("<f", 1e12) + b"\xff" * 32
        asked = frame(0x13, asks + struct.pack("<H", extranonce)) if extended else frame(0x10, asks)
        start = script.opening([(setup, _SETUP_OK), (asked, opened())])
        number = 0
        jobs = [(0.001, True), *pace.jobs(draw, length - start)]
        for when, what in turns(jobs, pace.shares(draw, length - start)):
            at = start + when
            if what == "share":
                number += 1
                script.up(at, share(number))
                if number % batch == 0:
                    taken = struct.pack("<IIIQ", 1, number, batch, 2048 * batch)
                    script.down(at + script.delay(), frame(0x1C, taken, True))
                continue
            script.down(at, job_of(what != "block"))
            if what == "block":
                previous = struct.pack("<II", 1, job) + draw.randbytes(32)
                script.down(
                    at + 0.0002, frame(0x20, previous + struct.pack("<II", 1_760_000_000, 0x17034219), True)
                )
        for when in draw.poisson(target_s, length, start) if target_s else ():
            script.down(when, frame(0x21, struct.pack("<I", 1) + draw.randbytes(32), True))
        return script

    return session


def templates(draw: Draw, link: Link) -> Session:
    """A declarator or pool takes templates from its node: a new one each half minute, and at blocks."""
    pace = drawn_pace(draw, (600,), (30, 30, 15, 60), (3_000, 30_000))
    setup, branches, outputs = _setup(draw, 2), draw.whole(8, 13), draw.whole(50, 120)
    transactions, number = draw.size(20_000, 120_000), 0

    def template(future: bool) -> bytes:
        nonlocal number
        number += 1
        head = struct.pack("<QBII", number, int(future), _VERSION, 2) + _text(draw.randbytes(5))
        coinbase = (
            struct.pack("<IQI", 0xFFFFFFFF, 312_500_000, 1)
            + struct.pack("<H", outputs)
            + draw.randbytes(outputs)
        )
        return frame(
            0x71, head + coinbase + struct.pack("<I", 0) + bytes([branches]) + draw.randbytes(32 * branches)
        )

    def session(length: float) -> Script:
        script = Script(draw, link)
        start = script.opening([(setup, _SETUP_OK)])
        script.up(start, frame(0x70, struct.pack("<IH", 100, 4)))
        for when, new_block in [(link.rtt_s, True), *pace.jobs(draw, length - start)]:
            at = start + when
            script.down(at, template(new_block))
            if new_block:
                tip = (
                    struct.pack("<Q", number)
                    + draw.randbytes(32)
                    + struct.pack("<II", 1_760_000_000, 0x17034219)
                )
                script.down(at + 0.0002, frame(0x72, tip + draw.randbytes(32)))
            if draw.chance(0.3):
                size = int(transactions * draw.uniform(0.3, 1.0))
                held = struct.pack("<QHH", number, 0, 1) + size.to_bytes(3, "little") + draw.randbytes(size)
                script.ask(at + 0.01, frame(0x73, struct.pack("<Q", number)), frame(0x74, held))
        return script

    return session


def declaration(draw: Draw, link: Link) -> Session:
    """A declarator asks a pool for tokens and declares the jobs it made itself."""
    pace = drawn_pace(draw, (600,), (30, 30, 60), (3_000, 30_000))
    setup, user, coinbase = _setup(draw, 1), draw.base36(draw.whole(4, 40)).encode(), draw.whole(60, 200)
    transactions = draw.size(50, 3_000)

    def session(length: float) -> Script:
        script = Script(draw, link)
        start = script.opening([(setup, _SETUP_OK)])
        for number, (when, _) in enumerate([(0.001, True), *pace.jobs(draw, length - start)], start=1):
            token = _text(draw.randbytes(16))
            given = struct.pack("<I", number) + token + struct.pack("<H", 43) + draw.randbytes(43)
            got = script.ask(
                start + when, frame(0x50, _text(user) + struct.pack("<I", number)), frame(0x51, given)
            )
            halves = b"".join(struct.pack("<H", size) + draw.randbytes(size) for size in (coinbase, 60))
            short = struct.pack("<H", transactions) + draw.randbytes(6 * transactions)
            job = struct.pack("<I", number) + token + struct.pack("<I", _VERSION) + halves + short
            taken = struct.pack("<I", number) + _text(draw.randbytes(16))
            script.ask(got + 0.02, frame(0x57, job), frame(0x58, taken))
        return script

    return session


FAMILIES = (
    Family("stratum2", MINING, mining, text=True, wraps=("noise",)),
    Family("stratum2_clear", MINING, mining, text=True, wraps=("none",)),
    Family("stratum2_templates", MINING, templates, text=True, wraps=("noise", "none")),
    Family("stratum2_declaration", MINING, declaration, text=True, wraps=("noise", "none")),
)
