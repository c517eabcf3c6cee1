"""What the numbers were measured on, and how busy it was with other things."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.peers import PEERS

_OURS = ("numpy", "scikit-learn", "cython", "dpkt", "pyshark")
_TICKS_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Clock:
    """CPU seconds of the whole machine so far: at work, and taken by other guests of its host."""

    busy_s: float
    stolen_s: float

    @classmethod
    def read(cls) -> Clock:
        """From the first line of /proc/stat (proc(5)); guest time is counted in user time."""
        user, nice, system, _, _, irq, softirq, stolen = map(
            int, Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]
        )
        return cls((user + nice + system + irq + softirq) / _TICKS_S, stolen / _TICKS_S)


def described() -> dict[str, str]:
    """The machine and the versions of all engines, by name."""
    kernel = platform.release().partition("-")[0]
    return {
        "CPU": f"{_field('/proc/cpuinfo', 'model name')}, {os.cpu_count()} cores",
        "memory": f"{int(_field('/proc/meminfo', 'MemTotal').split()[0]) / 1024**2:.0f} GiB",
        "system": f"{platform.freedesktop_os_release().get('PRETTY_NAME', '?')}, Linux {kernel}",
        "Python": platform.python_version(),
        **dict(_versions()),
    }


def _versions() -> Iterator[tuple[str, str]]:
    yield "minewatch", f"{version('minewatch')}, commit {_commit()}"
    for name in _OURS:
        yield name, version(name)
    for program, option in (("tshark", "--version"), ("ndpiReader", "--help")):
        yield program, _first_line([program, option]).removeprefix("Welcome to ")
    for peer in PEERS:
        yield peer.name, f"{peer.version} ({peer.licence}, a program in an environment of its own)"


def _commit() -> str:
    root = str(Path(__file__).resolve().parent.parent)
    changed = _first_line(["git", "-C", root, "status", "--porcelain", "--", "detector"])
    return _first_line(["git", "-C", root, "rev-parse", "--short", "HEAD"]) + (
        " and changes" if changed else ""
    )


def _first_line(command: list[str]) -> str:
    """Of what a program prints; `not installed` without it."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except OSError:
        return "not installed"
    lines = (done.stdout or done.stderr).strip().splitlines()
    return lines[0].strip().removesuffix(".") if lines else ""


def _field(path: str, name: str) -> str:
    """The value of the first `name : value` of a file of /proc."""
    for line in Path(path).read_text(encoding="ascii").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return f"no {name}" if sys.platform == "linux" else "?"
