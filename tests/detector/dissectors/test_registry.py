"""The room's law: families of dialects know the shared files, never each other."""

from __future__ import annotations

import ast
import inspect
import sys

from detector.dissectors import DISSECTORS


def test_families_do_not_import_each_other() -> None:
    modules = [family.__module__ for family in DISSECTORS]  # type: ignore[attr-defined]
    assert len(set(modules)) == len(DISSECTORS)
    for module in modules:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
        imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not imported & set(modules), module
        assert "detector.dissectors.registry" not in imported
