"""`minewatch doctor`: what this installation can do, and the exact line that mends the rest."""

from __future__ import annotations

import argparse
import getpass
import importlib.metadata
import importlib.util
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from detector import __version__
from detector.cli import OK, WRONG, output
from detector.text import printable

SUMMARY = "check what this installation can do, and how to mend the rest"
EPILOG = """\
Each line is `ok`, `missing` (something optional, with the line that installs it) or
`broken` (something that scoring needs).  Status: 0, or 2 when something is broken.
"""
CHECKOUT = (Path(__file__).parents[2] / "Makefile").is_file()
REINSTALL = "make clean demo" if CHECKOUT else "pip install --force-reinstall --no-cache-dir minewatch"
PATIENCE_S = 10  # for another program to answer
REQUIRED = ("numpy", "pandas", "scikit-learn", "pyarrow", "joblib", "rich", "msgspec", "netflume")
EXTRAS = {"cluster": ("dask", "distributed"), "notebooks": ("jupytext", "matplotlib")}


@dataclass(frozen=True, slots=True)
class Check:
    """What was found; `mend` is a line to type, or to act on."""

    state: str  # ok, missing, broken
    what: str
    mend: str | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It takes none."""


def run(args: argparse.Namespace) -> int:
    """Print every check; 2 when something essential is broken."""
    broken = False
    with output.opened(None) as stream:
        for check in checks():
            stream.write(f"{check.state:<8} {printable(check.what)}\n")
            if check.mend:
                stream.write(f"{'':<8}   -> {printable(check.mend)}\n")
            broken |= check.state == "broken"
    return WRONG if broken else OK


def checks() -> Iterator[Check]:
    """Every check in turn."""
    for check in CHECKS:
        yield from check()


def _python() -> Iterator[Check]:
    found = f"minewatch {__version__}, Python {platform.python_version()}, {platform.machine()}"
    yield Check("ok", found)


def _libraries() -> Iterator[Check]:
    versions = {name: _version(name) for name in REQUIRED}
    present = [f"{name} {version}" for name, version in versions.items() if version]
    absent = [name for name, version in versions.items() if not version]
    if present:
        yield Check("ok", ", ".join(present))
    if absent:
        yield Check("broken", f"{', '.join(absent)} not installed", f"pip install {' '.join(absent)}")


def _other_owner() -> Iterator[Check]:
    """Another distribution that installs a package of our name would hide ours, or be hidden."""
    owners = importlib.metadata.packages_distributions().get("detector", [])
    others = sorted(set(owners) - {"minewatch"})
    if others:
        yield Check(
            "broken", f"{', '.join(others)} also owns 'detector'", f"pip uninstall {' '.join(others)}"
        )


def _kernel() -> Iterator[Check]:
    try:
        from detector import kernel  # noqa: PLC0415
    except ImportError as error:
        yield Check("broken", f"the core does not load: {error}", REINSTALL)
        return
    if kernel.COMPILED:
        yield Check("ok", "compiled core")
    else:
        mend = f"sudo apt install gcc python3-dev && {REINSTALL}"
        yield Check("missing", "compiled core; scoring works without it, far slower", mend)


def _model() -> Iterator[Check]:
    try:
        from detector.model import Bundle  # noqa: PLC0415

        bundle = Bundle.load()
    except (ImportError, OSError, ValueError) as error:
        yield Check("broken", f"default model: {error}", "make model" if CHECKOUT else REINSTALL)
    else:
        yield Check("ok", f"default model {bundle.id}: digests and reference scores agree")


def _tshark() -> Iterator[Check]:
    program = shutil.which("tshark")
    if program is None:
        yield Check("missing", "tshark, for --engine pyshark and --deep", "sudo apt install tshark")
        return
    status, told = _asked(program, "--version")
    line = told.splitlines()[0] if told else ""
    if status != 0:
        yield Check(
            "missing", f"tshark does not run: {line or status}", "sudo apt install --reinstall tshark"
        )
        return
    yield Check("ok", line)
    if _version("pyshark"):
        yield Check("ok", f"pyshark {_version('pyshark')}")
    else:
        yield Check("missing", "pyshark, for --engine pyshark", "pip install pyshark")


def _dumpcap() -> Iterator[Check]:
    """Listing link types opens the interface, which needs the rights that capturing needs."""
    program = shutil.which("dumpcap")
    if program is None:
        hidden = any(Path(folder, "dumpcap").exists() for folder in ("/usr/bin", "/usr/local/bin"))
        mend = _join_group() if hidden else "sudo apt install wireshark-common"
        what = "dumpcap may not be run by you" if hidden else "dumpcap"
        yield Check("missing", f"{what}, for live capture with minewatch monitor", mend)
        return
    status, told = _asked(program, "-D")
    interfaces = [line.split(". ", 1)[-1].split(" ")[0] for line in told.splitlines() if ". " in line]
    if status != 0 or not interfaces:
        yield Check("missing", "rights to capture: dumpcap sees no interface", _grant(program))
        return
    status, told = _asked(program, "-L", "-i", interfaces[0])
    if status != 0:
        why = told.splitlines()[0] if told else f"status {status}"
        yield Check("missing", f"rights to capture: {why}", _grant(program))
        return
    shown = ", ".join(interfaces[:6]) + (", ..." if len(interfaces) > 6 else "")
    yield Check("ok", f"dumpcap may capture on {shown}")


def _nfdump() -> Iterator[Check]:
    program = shutil.which("nfdump")
    if program is None:
        yield Check("missing", "nfdump, for its flow files (nfcapd.*)", "sudo apt install nfdump")
        return
    _, told = _asked(program, "-V")
    yield Check("ok", told.splitlines()[0] if told else "nfdump")


def _extras() -> Iterator[Check]:
    for extra, names in EXTRAS.items():
        versions = {name: _version(name) for name in names}
        if all(versions.values()):
            found = ", ".join(f"{name} {version}" for name, version in versions.items())
            yield Check("ok", f"{extra}: {found}")
        else:
            absent = ", ".join(name for name, version in versions.items() if not version)
            yield Check("missing", f"{extra}: {absent}", f"pip install 'minewatch[{extra}]'")


CHECKS: tuple[Callable[[], Iterator[Check]], ...] = (
    _python,
    _libraries,
    _other_owner,
    _kernel,
    _model,
    _tshark,
    _dumpcap,
    _nfdump,
    _extras,
)


def _version(distribution: str) -> str | None:
    """Read from the metadata: importing all of them would take seconds."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _asked(*command: str) -> tuple[int, str]:
    """(status, what it said); -1 when it cannot be run or does not answer."""
    try:
        done = subprocess.run(  # noqa: S603  programs found on the user's own path
            command,
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return -1, str(error)
    return done.returncode, done.stdout.strip() or done.stderr.strip()


def _grant(program: str) -> str:
    return f"sudo setcap cap_net_raw,cap_net_admin+eip {program}"


def _join_group() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "$USER"
    return f"sudo usermod -aG wireshark {user}, then log in again"
