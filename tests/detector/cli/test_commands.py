"""The table of commands: help for each, cheap to start, errors that help."""

import importlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from detector import __version__
from detector.cli import COMMANDS, command_parser, main, usage

ROOT = Path(__file__).resolve().parents[3]
HEAVY = ("numpy", "pandas", "sklearn", "rich", "pyarrow", "pyshark", "scipy", "dask")
PRESENT = [name for name, (module, _) in COMMANDS.items() if importlib.util.find_spec(module)]


def ours(name: str) -> bool:
    return COMMANDS[name][0].startswith("detector.")


def test_the_commands_of_the_design() -> None:
    assert set(COMMANDS) == {
        "demo", "score", "extract", "monitor", "train", "evaluate", "model", "simulate", "doctor",
    }  # fmt: skip


@pytest.mark.parametrize(
    "words", [["--help"], ["score", "--help"], ["doctor", "--help"], ["--version"], ["scor"]]
)
def test_starting_imports_nothing_heavy(words: list[str]) -> None:
    script = (
        "import sys; from detector.cli import main; main(sys.argv[1:]);"
        f"sys.exit(' '.join(name for name in {HEAVY!r} if name in sys.modules) or 0)"
    )
    done = subprocess.run(  # noqa: PLW1510  the status is what is tested
        [sys.executable, "-c", script, *words], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_python_minus_m(capfd: pytest.CaptureFixture[str]) -> None:
    done = subprocess.run(  # noqa: PLW1510  the status is what is tested
        [sys.executable, "-m", "detector", "--version"], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, f"minewatch {__version__}\n")


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    assert told == usage()
    assert all(re.search(rf"^  {name} ", told, re.M) for name in COMMANDS)
    assert max(map(len, told.splitlines())) <= 90


@pytest.mark.parametrize("name", PRESENT)
def test_a_command_keeps_the_contract(name: str) -> None:
    """SUMMARY begins with what the table says; the help explains, and says what each option is."""
    module = importlib.import_module(COMMANDS[name][0])
    assert module.SUMMARY.startswith(COMMANDS[name][1])
    assert module.EPILOG.strip() and callable(module.run)
    parser = command_parser(name)
    assert parser is not None
    assert all(action.help for action in parser._actions)
    assert max(map(len, module.EPILOG.splitlines())) <= 105


@pytest.mark.parametrize("name", [name for name in PRESENT if ours(name)])
def test_help_of_each_command(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"usage: minewatch {name}")
    assert COMMANDS[name][1] in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["scroe"], "no command 'scroe'; did you mean 'score'?"),
        (["score", "a", "--repport", "x"], "unknown option --repport; did you mean '--report'?"),
        (["score", "a", "--fail-on=mining", "--outputs=x"], "did you mean '--output'?"),
        (["score", "a", "--qzx"], "unknown option --qzx\n"),
        (["score", "a", "--jobs", "two"], "'two' is no whole number from 1 to 256"),
        (["score", "a", "--jobs", "0"], "'0' is no whole number from 1 to 256"),
        (["score", "a", "--jobs", "9" * 5000], "is no whole number from 1 to 256"),
        (["monitor", "--follow", "a", "--duration", "nan"], "'nan' is no number of seconds from 0.001"),
        (["monitor", "--follow", "a", "--duration", "1e30"], "'1e30' is no number of seconds from 0.001"),
        (
            ["simulate", "node-day", "--output", "x", "--count", "0"],
            "'0' is no whole number from 1 to 1 000 000",
        ),
        (["simulate", "node-day", "--output", "x", "--seed", "-1"], "'-1' is no whole number from 0"),
        (["train", "x", "--output", "y", "--corpus", "1e9"], "'1e9' is no whole number from 400"),
        (["train", "x", "--output", "y", "--jobs", "-5"], "'-5' is no whole number from 1 to 256"),
        (["train", "x", "--output", "y", "--created", "soon"], "'soon' is no date, such as 2026-11-22"),
        (["score", "a", "--home-net", "campus"], "'campus' is no network, such as 10.0.0.0/8"),
        (["model", "shwo"], "invalid choice: 'shwo'"),
        (["doctor", "extra"], "too much: 'extra'"),
    ],
)
def test_errors_say_what_is_near(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    out, error = capsys.readouterr()
    assert told in error and not out


def test_no_command_shows_the_usage_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "commands:" in capsys.readouterr().out


def test_a_package_that_is_not_there_is_said_to_be_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(COMMANDS, "train", ("training_that_is_not_installed.train", "x"))
    assert main(["train"]) == 2
    assert "this installation lacks training_that_is_not_installed.train" in capsys.readouterr().err
