"""Peers that must not live in the project's environment: each in one of its own, beside the captures."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_INSTALL_S = 600


@dataclass(frozen=True, slots=True)
class Peer:
    """A package of PyPI that is run as a program, never imported."""

    name: str
    version: str
    licence: str


PEERS = (
    Peer("nfstream", "6.6.0", "LGPL-3.0"),
    Peer("tsfresh", "0.21.2", "MIT"),
)


def python_of(peer: Peer, folder: Path) -> Path:
    """Its interpreter, whether it is there or not."""
    return folder / f"{peer.name}-{peer.version}" / "bin" / "python"


def install(folder: Path) -> dict[str, str]:
    """Installs what is missing; the reason for each that would not install, by name."""
    return {peer.name: told for peer in PEERS if (told := _install(peer, folder))}


def _install(peer: Peer, folder: Path) -> str:
    home = folder / f"{peer.name}-{peer.version}"
    if (home / "installed").exists():
        return ""
    pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--only-binary", ":all:"]
    for command in ([sys.executable, "-m", "venv", str(home)], [*pip, f"{peer.name}=={peer.version}"]):
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=_INSTALL_S)
        except subprocess.CalledProcessError as error:
            return (error.stderr.strip().splitlines() or ["it said nothing"])[-1]
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
    (home / "installed").touch()
    return ""
