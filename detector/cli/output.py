"""Where a command's result goes: standard output, or a file that is whole or not there."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TextIO

from detector.atomic import replacing
from detector.cli.places import STDOUT
from detector.document import Context
from detector.records import Finding


@contextlib.contextmanager
def opened(path: str | None) -> Iterator[TextIO]:
    """Standard output (None, or "-"), or `path`, which is whole or not there.  Raises OSError.

    A reader of standard output that has seen enough (`| head`) is no error.
    """
    if path not in (None, STDOUT):
        with replacing(path) as stream:
            yield stream
        return
    try:
        yield sys.stdout
        sys.stdout.flush()
    except BrokenPipeError:
        silence()
    except OSError as error:
        if error.filename is not None:
            raise
        silence()
        raise OSError(error.errno, error.strerror, "standard output") from error


def silence() -> None:
    """Standard output has gone: write no more to it, also not when Python exits."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def context(stream: TextIO, model: Mapping[str, str], hidden: Sequence[Finding] = ()) -> Context:
    """What sinks and reports are told beside the findings."""
    return Context(
        model=model,
        hidden=hidden,
        width=shutil.get_terminal_size().columns if stream.isatty() else None,
        colour=_coloured(stream),
        made_ns=time.time_ns(),
    )


def _coloured(stream: TextIO) -> bool:
    """Whether to colour: only a terminal, and not with NO_COLOR (https://no-color.org) or TERM=dumb."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def note(line: str) -> None:
    """One line on standard error; a closed standard error stops nothing."""
    with contextlib.suppress(OSError):
        sys.stderr.write(line + "\n")
        sys.stderr.flush()
