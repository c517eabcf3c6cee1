"""Notebooks run from end to end, and each is in step with the script that is its source."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))
LARGEST = 300_000  # bytes, with the pictures
needed = pytest.mark.skipif(not NOTEBOOKS, reason="no notebooks beside these tests (not a checkout)")


def cells(notebook: Any) -> list[tuple[str, str]]:
    return [(cell.cell_type, cell.source.strip()) for cell in notebook.cells]


@needed
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_script_and_notebook_are_in_step(path: Path) -> None:
    """After a change of the script: `jupytext --sync`, run all, save."""
    jupytext = pytest.importorskip("jupytext", reason="jupytext is not installed")
    assert cells(jupytext.read(path)) == cells(jupytext.read(path.with_suffix(".py")))


@needed
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_is_committed_is_small_and_names_no_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text) < LARGEST
    places = ("/home/", "/tmp/", "/root/", "/Users/", str(path.parent.parent))
    assert not [place for place in places if place in text]
    assert "Traceback" not in text


@needed
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.parametrize("where", ["notebooks", "."])
def test_notebook_runs(path: Path, where: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """From the folder it lies in and from the repository's root, with this interpreter as its kernel."""
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))  # no profile of the user's
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    root = path.parents[1]
    notebook = nbformat.read(path, as_version=4)
    manager = own_kernel()
    there = {"metadata": {"path": str(root / where)}}
    nbclient.NotebookClient(notebook, km=manager, timeout=60, resources=there).execute()
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code")
    assert len(pictures(notebook)) >= 4
    assert all(picture.startswith(b"\x89PNG") for picture in pictures(notebook))


def own_kernel() -> Any:
    """A kernel of this very interpreter, whatever kernels are installed."""
    from jupyter_client import AsyncKernelManager  # noqa: PLC0415
    from jupyter_client.kernelspec import KernelSpec  # noqa: PLC0415

    class OwnKernel(AsyncKernelManager):
        @property
        def kernel_spec(self) -> KernelSpec:
            launch = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            return KernelSpec(argv=launch, display_name="this Python", language="python")

    return OwnKernel(kernel_name="python3")


def pictures(notebook: Any) -> list[bytes]:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return [base64.b64decode(o.data["image/png"]) for o in outputs if "image/png" in o.get("data", {})]
