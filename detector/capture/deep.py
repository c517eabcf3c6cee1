"""`--deep`: what Wireshark's dissectors say of one suspected channel: names, hashes, agents.

A plain `tshark -T fields` over the packets of that channel, and over the DNS answers that
name its address.  Only names that tell what a service is are asked for: no request paths,
no credentials.  tshark reads no preferences or scripts of a user.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Final

from detector.capture.files import CaptureError
from detector.capture.pyshark_engine import TSHARK_MISSING

FIELDS: Final = {
    "tls.handshake.extensions_server_name": "tls_server_name",
    "tls.handshake.extensions_alpn_str": "tls_alpn",
    "tls.handshake.ja3": "tls_ja3",
    "tls.handshake.ja3s": "tls_ja3s",
    "x509ce.dNSName": "certificate_names",
    "x509sat.uTF8String": "certificate_texts",
    "x509sat.printableString": "certificate_texts",
    "http.host": "http_host",
    "http.user_agent": "http_user_agent",
    "http.server": "http_server",
    "dns.qry.name": "dns_names",
}
"""Field of Wireshark -> name of the fact."""
MOST_VALUES: Final = 16  # a fact; the first ones seen
MOST_CHARACTERS: Final = 128  # a value
TIMEOUT_S: Final = 120.0
_MOST_LINE: Final = 1 << 16
_BETWEEN_FIELDS: Final = "\t"
_BETWEEN_VALUES: Final = "\x1f"  # no name holds it


def look(path: str, remote: str, port: int, transport: str) -> dict[str, list[str]]:
    """What is said of the channel to `remote` (an address), `port`, "tcp" or "udp", in a capture.

    Facts that are not there have no key; values are printable ASCII, each once, in order of
    appearance, at most `MOST_VALUES` of `MOST_CHARACTERS`.  What was found until `TIMEOUT_S`
    counts.  Raises CaptureError without tshark, ValueError for what is no channel.
    """
    program = shutil.which("tshark")
    if program is None:
        raise CaptureError(f"--deep: {TSHARK_MISSING}")
    with tempfile.TemporaryDirectory(prefix="minewatch-") as empty:
        process = subprocess.Popen(  # noqa: S603  no shell; the filter is made of checked parts
            _command(program, path, channel_filter(remote, port, transport)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=empty,
            env={**os.environ, "WIRESHARK_CONFIG_DIR": empty, "LC_ALL": "C"},
            start_new_session=True,
        )
        assert process.stdout is not None
        timer = threading.Timer(TIMEOUT_S, _kill, (process,))
        timer.start()
        try:
            return collect(_lines(process.stdout))
        finally:
            timer.cancel()
            _kill(process)
            process.stdout.close()
            process.wait()


def channel_filter(remote: str, port: int, transport: str) -> str:
    """Display filter of a channel and of the DNS answers with its address.  Raises ValueError."""
    address = ipaddress.ip_address(ipaddress.ip_address(remote).packed)  # without a scope, which is free text
    if transport not in {"tcp", "udp"} or not 0 <= port < 1 << 16:
        raise ValueError(f"no channel: {transport} {port}")
    field, answer = ("ip.addr", "dns.a") if address.version == 4 else ("ipv6.addr", "dns.aaaa")
    return f"({field} == {address} && {transport}.port == {port}) || {answer} == {address}"


def _command(program: str, path: str, display_filter: str) -> list[str]:
    fields = [word for name in FIELDS for word in ("-e", name)]
    options = (f"separator={_BETWEEN_FIELDS}", f"aggregator={_BETWEEN_VALUES}", "occurrence=a")
    shape = [word for option in options for word in ("-E", option)]
    read = ["-r", str(Path(path).resolve()), "-n", "-Q"]
    return [program, *read, "-Y", display_filter, "-T", "fields", *fields, *shape]


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _lines(out: IO[bytes]) -> Iterable[str]:
    """Lines; longer ones than `_MOST_LINE` are cut, and then not of the right number of fields."""
    while line := out.readline(_MOST_LINE):
        yield line.decode("utf-8", "replace").rstrip("\r\n")


def collect(lines: Iterable[str]) -> dict[str, list[str]]:
    """Facts of the lines that `tshark -T fields` writes."""
    facts: dict[str, dict[str, None]] = {}
    for line in lines:
        cells = line.split(_BETWEEN_FIELDS)
        if len(cells) != len(FIELDS):
            continue
        for name, cell in zip(FIELDS.values(), cells, strict=True):
            for value in cell.split(_BETWEEN_VALUES) if cell else ():
                known = facts.setdefault(name, {})
                if value and len(known) < MOST_VALUES:
                    known[_printable(value)] = None
    return {name: list(values) for name, values in facts.items() if values}


def _printable(value: str) -> str:
    return "".join(c if " " <= c <= "~" else "?" for c in value)[:MOST_CHARACTERS]
