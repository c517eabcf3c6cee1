"""The command line: parse, call, print.

A command is a module with SUMMARY, EPILOG, `add_arguments(parser)` and `run(args) -> int`;
`COMMANDS` names them, and only the one that is called is imported.  Exit status: 0 ran,
1 `--fail-on` met, 2 wrong usage or unreadable input, 130 interrupted.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from detector import __version__
from detector.cli.parser import Parser, nearest

OK, FAILED_ON, WRONG, INTERRUPTED = 0, 1, 2, 130

# name -> (module, what it does); training is named, not imported: detector never depends on it
COMMANDS = {
    "demo": ("detector.cli.demo", "score the bundled samples and compare with the truth"),
    "score": (
        "detector.cli.score",
        "tell who mines, from captures, flow logs and power readings",
    ),
    "extract": ("detector.cli.extract", "write the window tables as Parquet"),
    "monitor": (
        "detector.cli.monitor",
        "watch interfaces, and captures and power logs that are still being written",
    ),
    "train": ("training.commands.train", "fit a model to labelled data"),
    "evaluate": ("training.commands.evaluate", "measure a model on labelled data"),
    "model": ("detector.cli.model", "show, verify or sign a model bundle, or compare two"),
    "simulate": ("training.commands.simulate", "make seeded traffic and power with labels"),
    "doctor": ("detector.cli.doctor", "check what this installation can do, and how to mend the rest"),
}

USAGE = """\
usage: minewatch COMMAND [options]

Tells which hosts and meters are mining cryptocurrency, from captures and
power readings: how sure, and why.  Passive and offline.

commands:
{commands}

  minewatch COMMAND --help     options and examples of a command
  minewatch --version

start here:
  minewatch demo
  minewatch score capture.pcapng
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.  Returns the exit status; lets only programming errors out."""
    words = list(sys.argv[1:] if argv is None else argv)
    _open_streams()
    try:
        status = _command(words)
        sys.stdout.flush()
    except KeyboardInterrupt:
        status = _say("interrupted", INTERRUPTED)
    except MemoryError:
        status = _say("out of memory; nothing was written", WRONG)
    except BrokenPipeError:
        _silence()
        status = OK
    except OSError as error:  # what a command meets is told in `_run`: this is standard output itself
        _silence()
        status = _say(f"standard output: {error.strerror}", WRONG)
    return status


def _open_streams() -> None:
    """Standard output and error that take any letter; nowhere, where whoever started us closed them."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115  until exit
        elif hasattr(stream, "reconfigure"):  # a terminal that lacks a letter gets its escape
            stream.reconfigure(errors="backslashreplace")


def _command(words: list[str]) -> int:
    if not words or words[0] in {"-h", "--help", "help"}:
        sys.stdout.write(usage())
        return OK if words else WRONG
    if words[0] in {"-V", "--version"}:
        sys.stdout.write(f"minewatch {__version__}\n")
        return OK
    if words[0] not in COMMANDS:
        return _say(f"no command {words[0]!r}{nearest(words[0], COMMANDS)}; see minewatch --help", WRONG)
    return _run(words[0], words[1:])


def usage() -> str:
    """What `minewatch --help` prints; imports no command."""
    return USAGE.format(commands="\n".join(f"  {name:<10} {what}" for name, (_, what) in COMMANDS.items()))


def _run(name: str, words: list[str]) -> int:
    parser = command_parser(name)
    if parser is None:
        return _say(f"{name}: this installation lacks {COMMANDS[name][0]}", WRONG)
    try:
        args = parser.parse_args(words)
    except SystemExit as leaving:  # --help, or an error that is already told
        return int(leaving.code or 0)
    try:
        status: int = parser.run(args)
    except BrokenPipeError:  # whoever read our output has seen enough
        raise
    except (OSError, ValueError) as error:
        if not isinstance(error, OSError) and not _ours(error):
            raise
        return _say(f"{name}: {_told(error)}", WRONG)
    return status


def command_parser(name: str) -> Parser | None:
    """The parser of a command, with its module's `run`; None when its package is not installed."""
    import importlib  # noqa: PLC0415

    where = COMMANDS[name][0]
    try:
        module = importlib.import_module(where)
    except ModuleNotFoundError as error:
        if error.name is None or not (where == error.name or where.startswith(error.name + ".")):
            raise
        return None
    parser = Parser(prog=f"minewatch {name}", description=module.SUMMARY, epilog=module.EPILOG)
    module.add_arguments(parser)
    parser.run = module.run
    return parser


def _ours(error: Exception) -> bool:
    """Errors of our own kinds speak to the user; a bare ValueError is our mistake."""
    return type(error).__module__.partition(".")[0] in {"detector", "training"}


def _told(error: Exception) -> str:
    from detector.text import printable  # noqa: PLC0415

    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return printable(f"{os.fsdecode(error.filename)}: {error.strerror}")
    return printable(error)


def _say(line: str, status: int) -> int:
    with contextlib.suppress(OSError):
        sys.stderr.write(f"minewatch: {line}\n")
    return status


def _silence() -> None:
    from detector.cli.output import silence  # noqa: PLC0415

    silence()
