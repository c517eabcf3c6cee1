"""What `minewatch train` refuses before it reads a capture: its long work must not end in an error."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from detector import signing
from detector.bundle import FILES
from detector.cli import places
from training import sources
from training.labels import Label, LabelError, shown


def check(args: argparse.Namespace, labels: Iterable[Label]) -> None:
    """Whether the bundle can be written and signed, and replaces nothing that is read.

    Raises OSError, SigningError.
    """
    sources = {str(path) for label in labels for path in (label.source, label.power_source) if path}
    read, output = [*sources, *args.traffic], str(args.output)
    kept = [args.labels, *([str(args.sign)] if args.sign else [])]
    if args.output.suffix == ".zip":
        places.check({"--output": output}, read, kept)
    else:
        places.check_folder(output, FILES, read, kept)
    if args.sign:
        signing.private_key(args.sign)


def look_at_sources(labels: Iterable[Label], place: Path) -> None:
    """Whether every source can be one, by its first bytes.  Raises LabelError, one line a source."""
    mistakes: list[str] = []
    first: dict[Path, Label] = {}
    for label in labels:
        for path in filter(None, (label.source, label.power_source)):
            first.setdefault(path, label)
    for path, label in first.items():
        try:
            sources.find(path)
        except (OSError, ValueError) as error:
            mistakes.append(f"{place}, line {label.line}: {error}")
    if mistakes:
        raise LabelError("\n".join(shown(mistakes, place)))
