"""docs/training.md names commands and options that there are, and labels that are read."""

from __future__ import annotations

import importlib
import re
import shlex
from pathlib import Path

import pytest

from detector.cli import COMMANDS
from detector.cli.parser import Parser
from training.labels import read_labels

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
BLOCKS = "\n".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL))
LINES = [line.split("   ")[0] for line in BLOCKS.splitlines() if line.startswith("minewatch ")]


@pytest.mark.parametrize("line", LINES)
def test_every_line_is_one_that_the_command_takes(line: str) -> None:
    _, command, *words = shlex.split(line)
    parser = Parser(prog=command)
    importlib.import_module(COMMANDS[command][0]).add_arguments(parser)
    parser.parse_args(words)


def test_every_option_that_is_named_is_one_of_train_or_evaluate() -> None:
    known = Parser(prog="any", conflict_handler="resolve")
    for command in ("train", "evaluate", "model"):
        importlib.import_module(COMMANDS[command][0]).add_arguments(known)
    fetching = {"--mirror", "--download"}  # of python -m training.corpora
    assert len(LINES) >= 10
    assert set(re.findall(r"`(--[a-z-]+)", PAGE)) <= set(known._option_string_actions) | fetching


def test_the_labels_are_labels(tmp_path: Path) -> None:
    path = tmp_path / "LABELS.csv"
    (block,) = re.findall(r"```csv\n(.*?)```", PAGE, re.DOTALL)
    path.write_text(block, encoding="utf-8")
    for name in ("monday.pcap", "tuesday", "racks.csv"):
        (tmp_path / name).touch()
    assert [label.group for label in read_labels(path)] == ["lab", "lab", "library", "racks"]
