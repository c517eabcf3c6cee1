"""Names of mining pools: the shipped list, or the user's own, and which name stands on it.

A listed name stands for itself and for what is below it (`xmr.pool.example` for `pool.example`),
never for a name that only contains it (`pool.example.evil.net`, `notpool.example`).  Nothing is
resolved, and addresses are not matched: one address serves many names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

SHIPPED: Final = Path(__file__).parent / "data" / "pools.txt"
_MOST_BYTES: Final = 64 << 20
_NAME = re.compile(r"(?=.{4,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{2,63}")
_ADDRESS = re.compile(r"[0-9.]+")
_COMPARISON = re.compile(r"domain-name:value\s*=\s*'((?:[^'\\]|\\.){1,260})'")  # STIX 2.1, 9.1


class PoolsError(ValueError):
    """The list cannot be read: one line with file, line and what is wrong."""


@dataclass(frozen=True, slots=True)
class PoolNames:
    """Names in lower case."""

    names: frozenset[str]

    def listed(self, name: str | None) -> str | None:
        """The listed name that `name` is, or is below of; None where there is none."""
        labels = name.lower().removeprefix("*.").rstrip(".").split(".") if name else []
        suffixes = (".".join(labels[i:]) for i in range(len(labels) - 1))
        return next((suffix for suffix in suffixes if suffix in self.names), None)


NONE: Final = PoolNames(frozenset())


def read_pools(path: str | Path = SHIPPED) -> PoolNames:
    """Read a list: a name a line, or STIX 2.1 with indicators of domain names.  Raises PoolsError."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise PoolsError(f"{path}: {(error.strerror or 'cannot be read').lower()}") from error
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise PoolsError(f"{path}: line {line}: not UTF-8 text") from error
    if len(content) > _MOST_BYTES:
        raise PoolsError(f"{path}: larger than {_MOST_BYTES >> 20} MiB; this is no list of names")
    listed = _of_stix(text, path) if text.lstrip()[:1] in ("{", "[") else _of_lines(text)
    names = frozenset(_checked(listed, path))
    if not names:
        raise PoolsError(f"{path}: holds no name")
    return PoolNames(names)


def _of_lines(text: str) -> Iterator[tuple[str, str]]:
    """(where, name) of each line that has one."""
    for number, line in enumerate(text.splitlines(), 1):
        name = line.partition("#")[0].strip()
        if name:
            yield f"line {number}", name


def _of_stix(text: str, path: str | Path) -> Iterator[tuple[str, str]]:
    """(where, name) of each comparison with a domain name in the patterns of indicators."""
    try:
        bundle: Any = json.loads(text)
    except json.JSONDecodeError as error:
        raise PoolsError(f"{path}: line {error.lineno}: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise PoolsError(f"{path}: no JSON that can be read") from error
    objects = bundle.get("objects", [bundle]) if isinstance(bundle, dict) else bundle
    if not isinstance(objects, list):
        raise PoolsError(f"{path}: 'objects' is no list")
    for number, item in enumerate(objects, 1):
        pattern = item.get("pattern") if isinstance(item, dict) and item.get("type") == "indicator" else None
        if isinstance(pattern, str) and not item.get("revoked"):
            for name in _COMPARISON.findall(pattern):
                yield f"object {number}", name


def _checked(listed: Iterable[tuple[str, str]], path: str | Path) -> Iterator[str]:
    for where, name in listed:
        plain = name.lower().removeprefix("*.").rstrip(".")
        if not _NAME.fullmatch(plain) or _ADDRESS.fullmatch(plain):
            raise PoolsError(f"{path}: {where}: {name!r:.80} is no name of a domain")
        yield plain
