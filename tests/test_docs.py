"""The documents tell the truth about the code as it is now."""

import ast
import io
import json
import re
import subprocess
import sys
from pathlib import Path

from detector.cli import COMMANDS
from detector.document import Context
from detector.model import Bundle
from detector.sinks import SINKS
from tests.detector.sinks.samples import MODEL, pooled

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
WIDTH = 140


def test_readme_shows_what_demo_prints(tmp_path: Path) -> None:
    """The block after the marker is the output of the command in its first line."""
    block = re.search(r"<!-- demo:.*?-->\n```\n\$ minewatch demo \| cut -c1-140\n(.*?)```", README, re.DOTALL)
    assert block, "README has no demo block"
    command = [sys.executable, "-m", "detector", "demo", "--report", str(tmp_path / "report.html")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    shown = [line[:WIDTH].rstrip() for line in done.stdout.splitlines() if not line.startswith("report:")]
    assert block[1].splitlines() == shown[: len(block[1].splitlines())]
    assert any(line.startswith("39 of 39 right") for line in shown)


def test_readme_names_every_command() -> None:
    assert [name for name in COMMANDS if f"minewatch {name}" not in README] == []


def test_readme_names_only_commands_that_exist() -> None:
    """A word after `minewatch` in code is a command."""
    named = set(re.findall(r"`minewatch ([a-z]+)", README)) | set(
        re.findall(r"^minewatch ([a-z]+)", README, re.M)
    )
    assert named <= set(COMMANDS)


def test_make_targets_that_documents_name_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for document in ("README.md", "CONTRIBUTING.md"):
        for target in set(re.findall(r"`make ([a-z]+)`", (ROOT / document).read_text(encoding="utf-8"))):
            assert re.search(rf"^{target}:", makefile, re.M), f"{document} names make {target}"


def test_evaluation_is_of_the_shipped_bundle() -> None:
    """A new model needs a new evaluation."""
    report = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
    assert Bundle.load().digest[:16] in report


def test_files_that_documents_link_exist() -> None:
    for document in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / document).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#:]+)\)", text) + re.findall(
            r"`((?:detector|training|docs|notebooks)/[\w./-]+\.\w+)`", text
        ):
            assert (ROOT / target).exists(), f"{document} links {target}"


def test_every_key_of_a_finding_stands_in_the_document_and_no_other() -> None:
    text = (ROOT / "docs" / "outputs.md").read_text(encoding="utf-8")
    schema = json.loads((ROOT / "detector" / "data" / "finding.schema.json").read_text(encoding="utf-8"))
    table = re.search(r"\| key \| always \| is \|\n(.*?)\n\n", text, re.DOTALL)
    assert table
    rows = [row.split(" | ") for row in table[1].splitlines()[1:]]
    told = {key: always == "yes" for cell, always, *_ in rows for key in re.findall(r"`(\w+)`", cell)}
    assert set(told) == set(schema["properties"])
    assert {key for key, always in told.items() if always} == set(schema["required"])


def test_every_kind_of_evidence_stands_in_the_document_and_no_other() -> None:
    """Kinds are what `findings` gives `Evidence` as its first argument, in whatever way it is called."""
    text = (ROOT / "docs" / "outputs.md").read_text(encoding="utf-8")
    tables = re.findall(r"\| (?:counter-)?evidence \| speaks .*?\n(.*?)\n\n", text, re.DOTALL)
    told = {
        kind
        for table in tables
        for row in table.splitlines()[1:]
        for kind in re.findall(r"`(\w+)`", row.split(" | ")[0])
    }
    given = set()
    for path in (ROOT / "detector" / "findings").glob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") in {"Evidence", "_evidence"}:
                first = [word.value for word in call.keywords if word.arg == "kind"] or call.args[:1]
                values = [node for node in ast.walk(first[0]) if isinstance(node, ast.Constant)]
                given |= {str(node.value) for node in values}
    assert told == given


def test_outputs_are_as_the_document_shows_them() -> None:
    """Each example is what the format writes of one sample; what `…` stands for is left out."""
    text = (ROOT / "docs" / "outputs.md").read_text(encoding="utf-8")
    shown = dict(re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL))
    for sink in SINKS:
        assert f"| `{sink.name}` |" in text
        stream = io.StringIO()
        sink.write([pooled()], stream, Context(model=MODEL))
        told, at = stream.getvalue(), 0
        for piece in re.split(r"\s*…\s*", shown.get(sink.name, "").strip()):
            found = told.find(piece.strip(), at)
            assert found >= 0, f"{sink.name}: {piece}"
            at = found + len(piece)
    assert set(shown) - {"sh", "toml"} == {sink.name for sink in SINKS} - {"table", "json"}
