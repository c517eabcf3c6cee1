"""The law of the house: which room may import which, and what the inner rooms may not touch."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# In the order of the sentence; a room imports rooms of earlier lines (and itself), never later ones.
ORDER = (
    {"records", "settings", "text", "atomic", "interrupts", "community_id", "tables"},
    {"compression"},
    {"formats", "streams"},
    {"kernel"},
    {"blocks", "owners", "hosts", "policy", "pools", "tips"},
    {"capture", "dissectors", "telemetry"},
    {"flowlogs"},
    {"copies"},
    {"inputs"},
    {"windows"},
    {"history"},
    {"metering", "parallel"},
    {"chains"},
    {"cluster"},
    {"features"},
    {"bundle", "flow_limits", "model", "reference", "signing"},
    {"findings"},
    {"privacy"},
    {"document", "vocabulary"},
    {"sinks"},
    {"syslog"},
    {"deep"},
    {"scoring"},
    {"pipeline"},
    {"previous"},
    {"rollup"},
    {"report"},
    {"monitor"},
    {"cli", "__main__"},
)
GROWING = {"dissectors": "DISSECTORS", "flowlogs": "SOURCES", "telemetry": "SOURCES", "sinks": "SINKS"}
PURE = ("kernel", "dissectors", "windows", "features", "findings")
IMPURE = {"time", "datetime.now", "socket", "subprocess", "logging", "random", "os", "pathlib"}


def modules() -> list[Path]:
    return sorted((ROOT / "detector").rglob("*.py"))


def room(path: Path) -> str:
    parts = path.relative_to(ROOT / "detector").parts
    return parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Dotted names of everything a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def rank(name: str) -> int:
    return next(i for i, line in enumerate(ORDER) if name in line)


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    """No module of the package imports a room that stands later in the sentence."""
    here = room(path)
    if here == "__init__":
        return
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "detector" and len(parts) > 1 and parts[1] != "__version__":
            assert rank(parts[1]) <= rank(here), f"{here} imports {name}"


def test_detector_does_not_import_training() -> None:
    for path in modules():
        assert not any(name.split(".")[0] == "training" for name in imports(path)), path


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_the_middle_does_no_io(path: Path) -> None:
    """Decode, dissect, window, feature and judge without files, clocks, threads or logs."""
    allowed = {"kernel/__init__.py", "windows/parquet.py"}  # finding the build; a format at the edge
    if room(path) in PURE and str(path.relative_to(ROOT / "detector")) not in allowed:
        assert not {name.split(".")[0] for name in imports(path)} & IMPURE


def test_every_module_says_what_it_owns() -> None:
    for path in [*modules(), *sorted((ROOT / "training").rglob("*.py"))]:
        source = path.read_text(encoding="utf-8")
        assert not source.strip() or ast.get_docstring(ast.parse(source)), f"{path} has no docstring"


def test_modules_are_short() -> None:
    """Two rooms in one module are one too many."""
    for path in [*modules(), *sorted((ROOT / "training").rglob("*.py"))]:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 400, path


def test_every_part_of_the_kernel_is_compiled() -> None:
    """A module in a folder of the kernel is compiled where another of the kernel imports from it."""
    kernel = ROOT / "detector" / "kernel"
    used = {name.rpartition(".")[0] for path in kernel.rglob("*.py") for name in imports(path)}
    for path in kernel.glob("*/*.py"):
        name = f"detector.kernel.{path.parent.name}.{path.stem}"
        assert path.stem == "__init__" or name in used, f"{path} is in no extension"


def test_packages_are_all_shipped() -> None:
    """Every folder with modules stands in pyproject.toml, so that an installed copy is whole."""
    listed = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for top in ("detector", "training"):
        for path in sorted((ROOT / top).rglob("__init__.py")):
            name = ".".join(path.parent.relative_to(ROOT).parts)
            assert f'"{name}"' in listed, f"{name} is missing in pyproject.toml"
