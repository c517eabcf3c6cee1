"""Sections that were measured once, kept under a name that everything which decides them makes.

The name holds the source of every module that the section's own modules import, however far: what is
mended elsewhere does not cost an hour here, and nothing is ever out of date.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import hashlib
import json
import platform
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from detector.atomic import drafted

ROOT = Path(__file__).resolve().parents[2]
OURS = ("detector", "training")


@dataclass(frozen=True, slots=True)
class Told:
    """What a section says, and the pictures that stand beside the page, by file name."""

    text: str
    pictures: Mapping[str, str] = field(default_factory=dict)


def remembered(folder: Path | None, parts: Mapping[str, Any], make: Callable[[], Told]) -> Told:
    """What `make()` tells, from the folder where it is there.  `folder` None: always measured.

    parts: what decides it beside Python, numpy and the machine, in JSON types.
    """
    if folder is None:
        return make()
    known = {**parts, "of": [sys.version_info[:2], np.__version__, platform.machine()]}
    path = folder / f"{hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()}.json"
    with contextlib.suppress(OSError, ValueError, TypeError):  # one that cannot be read is made again
        return Told(**json.loads(path.read_text(encoding="utf-8")))
    told = make()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with drafted(path) as draft:
        draft.write_text(json.dumps(asdict(told)), encoding="utf-8")
    return told


def code_of(modules: Iterable[ModuleType]) -> str:
    """SHA-256 of the source of these modules and of all of ours that they import, wherever they do."""
    waiting, seen = [module.__name__ for module in modules], set[str]()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += _imported(name)
    digest = hashlib.sha256()
    for name in sorted(seen):
        path = _path(name)
        if path is not None:
            digest.update(f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


@functools.cache
def _imported(name: str) -> tuple[str, ...]:
    """Names that a module of ours may import: `from a import b` may be a module a.b, or a name in a."""
    path = _path(name)
    if path is None:
        return ()
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(_with_packages(word for word in found if word.split(".")[0] in OURS))


def _with_packages(names: Iterable[str]) -> Iterator[str]:
    """Each name and the packages around it, whose own source is run first."""
    for name in names:
        parts = name.split(".")
        yield from (".".join(parts[:i]) for i in range(1, len(parts) + 1))


def _path(name: str) -> Path | None:
    """Where a module's source lies; None of a name that is no module."""
    base = ROOT.joinpath(*name.split("."))
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)
