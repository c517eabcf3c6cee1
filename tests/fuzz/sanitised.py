"""Builds of the extensions under AddressSanitizer and UBSan, each in a folder of its own.

A build is a copy of the package below .cache/fuzz; the normal build is never touched.  A
planted build has a bug put into its copy of the source: a harness that does not find it
proves nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.fuzz.seeds import ROOT

FOLDER = ROOT / ".cache" / "fuzz"
SANITISERS = "-fsanitize=address,undefined -fno-sanitize-recover=all"
CFLAGS = f"-O1 -g -fno-omit-frame-pointer {SANITISERS}"
UNCHECKED = ("initializedcheck=False\n", "initializedcheck=False, boundscheck=False\n")
"""Leaves the finding of a bad index to AddressSanitizer."""
WHOLE = ".whole"
"""Holds the digest of the compiled sources; written last, so a build that was killed has none."""


class Plant(NamedTuple):
    """A bug to put in, the mutator that has to find it, and what its report must say."""

    what: str
    file: str
    edits: Sequence[tuple[str, str]]
    mutator: str
    sign: str
    unchecked: str | None = None  # the module whose extension, which the file is a part of, checks no bounds


PLANTS = {
    "ipv6-length": Plant(
        "an IPv6 header passes for whole at 30 bytes, bounds unchecked",
        "detector/kernel/decoding/network.py",
        (("if h[0].end - p < 40:", "if h[0].end - p < 30:"),),
        "packets",
        "AddressSanitizer: use-after-poison",
        unchecked="detector/kernel/frames.py",
    ),
    "error-value": Plant(
        "half an IPv6 address of ones is taken for an error",
        "detector/kernel/decoding/network.py",
        (("@cython.exceptval(-1)  #", "@cython.exceptval(-1, check=False)  #"),),
        "packets",
        "SystemError",
    ),
    "option-length": Plant(
        "the length of a pcapng option is believed, bounds checked",
        "detector/kernel/interfaces.py",
        (("if code == 0 or q + 4 + size > stop:", "if code == 0:"),),
        "blocks",
        "IndexError",
    ),
    "tick-shift": Plant(
        "a pcapng clock may tick 2**127 times a second",
        "detector/kernel/interfaces.py",
        (("rate <<= v if v < 60 else 60", "rate <<= v"),),
        "blocks",
        "runtime error: shift exponent",
    ),
    "retransmission": Plant(
        "a partly repeated segment keeps its length, bounds unchecked",
        "detector/kernel/transport/order.py",
        (("        n += cython.cast(cython.Py_ssize_t, ahead)\n", ""),),
        "talking",
        "AddressSanitizer: use-after-poison",
        unchecked="detector/kernel/channels.py",
    ),
    "record": Plant(
        "a record of a DNS answer that is cut short passes for whole",
        "detector/kernel/answers.py",
        (("at < 0 or at + 10 > n", "at < 0"),),
        "dialogues",
        "IndexError",
    ),
    "handshake": Plant(
        "the header of a message of TLS passes for whole at one byte",
        "detector/kernel/hellos.py",
        (("while at + 4 <= n:", "while at < n:"),),
        "talking",
        "IndexError",
    ),
    "undeclared": Plant(
        "an asset map raises what it does not declare",
        "detector/hosts.py",
        (("decimal(value)\n    except ValueError:", "decimal(value)\n    except KeyError:"),),
        "texts",
        "ValueError",
    ),
    "unpacking": Plant(
        "an error of the zstd library passes",
        "detector/compression.py",
        (("log}), zstd.ZstdError", "log}), KeyError"),),
        "packed",
        "ZstdError",
    ),
    "carrier": Plant(
        "an opening of SOCKS that is cut short passes for whole",
        "detector/dissectors/socks.py",
        (("except IndexError:", "except KeyError:"),),
        "dialogues",
        "IndexError",
    ),
    "feed": Plant(
        "damage of a Green Button feed passes",
        "detector/telemetry/green_button.py",
        (("except (expat.ExpatError, LookupError, ValueError)", "except (LookupError, ValueError)"),),
        "power",
        "ExpatError",
    ),
}  # fmt: skip


def missing() -> str | None:
    """Why no sanitised build can be made here."""
    if not shutil.which("gcc"):
        return "gcc is not installed"
    if not all(Path(library).is_absolute() for library in _libraries()):
        return "libasan and libubsan are not installed (Debian: libgcc-12-dev, with gcc)"
    return None


def _libraries() -> list[str]:
    ask = (["gcc", f"-print-file-name={name}.so"] for name in ("libasan", "libubsan"))
    return [
        subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() for command in ask
    ]


def environment(build: Path) -> dict[str, str]:
    """For a Python that imports `detector` from a build, and `tests` from here.

    Tables and byte windows are numpy's, each a block of malloc's with its red zones;
    PYTHONMALLOC=malloc would put them around every Python object too, at a third of the speed.
    """
    return os.environ | {
        "PYTHONPATH": f"{build}{os.pathsep}{ROOT}",
        "PYTHONSAFEPATH": "1",  # or the folder it starts in goes first
        "LD_PRELOAD": " ".join(_libraries()),
        "ASAN_OPTIONS": "detect_leaks=0:quarantine_size_mb=16",
        "UBSAN_OPTIONS": "print_stacktrace=1",
    }


def build(plant: str | None = None) -> Path:
    """The folder of the sanitised build, or of one with a bug; made anew where the kernel is another."""
    folder = FOLDER / (plant or "sound")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        whole, digest = folder / WHOLE, _digest()
        if not whole.exists() or whole.read_text() != digest:
            shutil.rmtree(folder, ignore_errors=True)
        if plant and not folder.exists():
            shutil.copytree(build(), folder, ignore=shutil.ignore_patterns(WHOLE))
        _mirror(folder, PLANTS[plant] if plant else None)
        _compile(folder)
        whole.write_text(digest)
    return folder


def _digest() -> str:
    """Of all that is compiled, and how."""
    taken = hashlib.sha256(f"{CFLAGS} {sys.version}".encode())
    for source in (ROOT / "setup.py", *sorted((ROOT / "detector" / "kernel").rglob("*.p[yx]*"))):
        taken.update(source.read_bytes())
    return taken.hexdigest()


def _mirror(folder: Path, plant: Plant | None) -> None:
    """Copies the sources that differ; raises ValueError where the bug has no place any more."""
    sources = [
        p for p in (ROOT / "detector").rglob("*") if p.is_file() and p.suffix not in {".so", ".c", ".pyc"}
    ]
    for source in (
        *sources,
        *(ROOT / name for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE")),
    ):
        name = str(source.relative_to(ROOT))
        data = source.read_bytes()
        if plant and name == plant.file:
            data = planted(data.decode(), plant).encode()
        if plant and name == plant.unchecked:
            data = data.decode().replace(*UNCHECKED, 1).encode()
        copy = folder / name
        if not copy.exists() or copy.read_bytes() != data:
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(data)


def planted(source: str, plant: Plant) -> str:
    """The source with the bug.  Raises ValueError where it has no place any more."""
    for old, new in plant.edits:
        if old not in source:
            raise ValueError(
                f"{plant.file} has no {old.strip()!r} any more: give the planted bug a new place"
            )
        source = source.replace(old, new)
    return source


def _compile(folder: Path) -> None:
    flags = {"MINEWATCH_CFLAGS": CFLAGS, "MINEWATCH_LDFLAGS": SANITISERS}
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    done = subprocess.run(
        command, cwd=folder, env=os.environ | flags, capture_output=True, text=True, check=False
    )
    if done.returncode or not list((folder / "detector" / "kernel").glob("frames*.so")):
        raise RuntimeError(f"the sanitised build failed:\n{done.stdout}{done.stderr}")
