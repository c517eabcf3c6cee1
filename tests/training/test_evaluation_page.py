"""The evaluation by sections: what is kept, what is measured anew, and where it stands on the page."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from training import fit, metrics
from training.evaluation import __main__ as command
from training.evaluation import captures, page, remembered
from training.evaluation.page import Part
from training.evaluation.remembered import Told
from training.evaluation.sections import SECTIONS


def test_a_page_is_read_back_as_it_was_written() -> None:
    known = {"captures": Part("bundle `b` 0123", "## One\n\n| a | b |"), "power": Part("recipe 45", "## Two")}
    written = page.text(known, ["captures", "peers", "power"])
    assert page.parts(written) == known
    assert "| peers | **not measured** |" in written and "| captures | bundle `b` 0123 |" in written
    assert written.index("## One") < written.index("## Two")
    again = page.text(page.parts(written), ["captures", "peers", "power"])
    assert again == written


def test_a_page_of_another_make_has_no_sections() -> None:
    assert page.parts("# Evaluation\n\n## The shipped bundle\nrecorded\n") == {}


def test_a_section_takes_its_old_place_and_leaves_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`make evaluation SECTIONS=...` on a page that holds three: one is measured, two stand."""
    output = tmp_path / "evaluation.md"
    names = [section.name for section in SECTIONS]
    kept = {name: Part("bundle `old`", f"## {name}, old") for name in names[:3]}
    output.write_text(page.text(kept, names))
    monkeypatch.setattr(command.corpora, "mirror", lambda: tmp_path)
    monkeypatch.setattr(command, "SECTIONS", tuple(_Made(section.name) for section in SECTIONS))
    assert command.main([names[1], "--output", str(output), "--no-cache"]) == 0
    found = page.parts(output.read_text())
    assert found[names[1]] == Part("new", f"## {names[1]}, new")
    assert {name: found[name] for name in (names[0], names[2])} == {n: kept[n] for n in (names[0], names[2])}
    assert (tmp_path / "picture.svg").read_text() == names[1]


class _Made:
    """A section that is measured at once."""

    def __init__(self, name: str) -> None:
        self.name = name

    def of(self, on: object) -> str:
        return "new"

    def parts(self, on: object) -> dict[str, str]:
        return {"section": self.name}

    def make(self, on: object) -> Told:
        return Told(f"## {self.name}, new", {"picture.svg": self.name})


def test_an_unknown_section_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["capture", "--output", str(tmp_path / "x.md")])
    assert "no section 'capture'" in capsys.readouterr().err


def test_what_was_measured_is_not_measured_again(tmp_path: Path) -> None:
    made = []

    def make() -> Told:
        made.append(1)
        return Told("text", {"a.svg": "<svg/>"})

    first, again = (remembered.remembered(tmp_path, {"section": "a"}, make) for _ in range(2))
    assert first == again == Told("text", {"a.svg": "<svg/>"}) and len(made) == 1
    remembered.remembered(tmp_path, {"section": "a", "code": "other"}, make)
    assert len(made) == 2
    for entry in tmp_path.iterdir():
        entry.write_text("cut sh")
    assert remembered.remembered(tmp_path, {"section": "a"}, make) == first and len(made) == 3
    remembered.remembered(None, {"section": "a"}, make)
    assert len(made) == 4


def test_the_code_of_a_section_is_all_that_it_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By `import`, by `from`, inside a function, over a package; not what it does not reach."""
    root = tmp_path / "training"
    root.mkdir()
    monkeypatch.setattr(remembered, "ROOT", tmp_path)
    for name, text in {
        "__init__": "",
        "metrics": "import training.a\nfrom training import b\n",
        "a": "def f():\n    from training.c import thing\n",
        "b": "import numpy\n",
        "c": "thing = 1\n",
        "d": "import training.metrics\n",
    }.items():
        (root / f"{name}.py").write_text(text)

    def code() -> str:
        remembered._imported.cache_clear()
        return remembered.code_of([metrics])

    before = code()
    (root / "d.py").write_text("changed = 1\n")
    assert code() == before
    for name in ("a", "b", "c", "__init__"):
        path = root / f"{name}.py"
        was = path.read_text()
        path.write_text(f"{was}\nchanged = 1\n")
        assert code() != before
        path.write_text(was)
    assert code() == before
    remembered._imported.cache_clear()


def test_a_section_hangs_on_what_measures_it_alone() -> None:
    """Who mends the scoring of captures does not measure power again; who mends the fit measures most."""
    reached = {one.name: set[str]().union(*map(_reached, one.modules)) for one in SECTIONS}
    assert len(reached) == len(SECTIONS)
    assert captures.__name__ not in reached["power"] | reached["disguises"]
    assert all(fit.__name__ in reached[name] for name in ("sources", "strange-dialects", "groups", "power"))


def _reached(module: ModuleType) -> set[str]:
    waiting, seen = [module.__name__], set[str]()
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            waiting += remembered._imported(one)
    return seen
