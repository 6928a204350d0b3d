"""The architecture's import rules, read from the sources and checked at run time."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("models", "data", "training", "engine", "viz", "ui", "pages", "benchmarks")
OURS = {*PACKAGES, "app"}
TORCH = {"torch", "torchvision", "sklearn", "captum"}


def sources() -> list[Path]:
    found = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    return [ROOT / "app.py", *found]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path, *, top_level_only: bool = False) -> set[str]:
    """Full dotted names a file imports; of `from a import b` both a and a.b."""
    names: set[str] = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def packages(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)}


FILES = {module_name(path): path for path in sources()}


def reachable(start: str) -> dict[str, str]:
    """Every module of ours that importing `start` imports, with the module that imports it."""
    found, todo = {start: ""}, [start]
    while todo:
        name = todo.pop()
        parents = [name.rsplit(".", i)[0] for i in range(1, name.count(".") + 1)]
        for module in [*imported(FILES[name], top_level_only=True), *parents]:
            if module in FILES and module not in found:
                found[module] = name
                todo.append(module)
    return found


@pytest.mark.parametrize(
    ("library", "allowed"),
    [
        ("streamlit", ("app", "pages", "ui", "benchmarks.page_client")),
        ("plotly", ("viz.figures",)),
        ("captum", ("benchmarks.captum_plain",)),
    ],
)
def test_a_library_stays_where_it_belongs(library: str, allowed: tuple[str, ...]) -> None:
    strays = [
        name
        for name, path in FILES.items()
        if library in packages(path)
        and not any(name == place or name.startswith(f"{place}.") for place in allowed)
    ]
    assert strays == []


@pytest.mark.parametrize(
    ("package", "may"),
    [
        ("models", set()),
        ("data", set()),
        ("training", {"models", "data"}),
        ("viz", {"models", "data", "training"}),
        ("engine", {"models", "data", "training", "viz"}),
        ("ui", {"models", "data", "training", "viz", "engine"}),
    ],
)
def test_packages_import_only_what_is_below_them(package: str, may: set[str]) -> None:
    for name, path in FILES.items():
        if name.split(".")[0] == package:
            above = (packages(path) & OURS) - may - {package}
            assert not above, f"{name} imports {above}"


def test_figures_know_only_results() -> None:
    for name, path in FILES.items():
        if name.startswith("viz.figures"):
            ours = {other for other in imported(path) if other in FILES}
            assert all(other.startswith(("viz.figures", "viz.results")) for other in ours), name


@pytest.mark.parametrize(
    "name", sorted(name for name in FILES if name.split(".")[0] in {"app", "pages", "ui"})
)
def test_the_web_process_cannot_reach_torch(name: str) -> None:
    for module, importer in reachable(name).items():
        heavy = {other.split(".")[0] for other in imported(FILES[module])} & TORCH
        assert not heavy, f"{module} (imported by {importer}) imports {heavy}"


def test_nothing_imports_pages() -> None:
    assert [name for name, path in FILES.items() if "pages" in packages(path)] == []


def test_importing_everything_the_web_process_uses_leaves_torch_out() -> None:
    modules = sorted(name for name in FILES if name.split(".")[0] == "ui")
    lines = "".join(f"import {name}\n" for name in modules)
    code = f"{lines}import sys\nprint([n for n in {sorted(TORCH)} if n in sys.modules])"
    done = subprocess.run(  # our own interpreter, our own text
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"


def test_files_stay_readable_in_one_sitting() -> None:
    for path in sources():
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") <= 400, path
        assert ast.get_docstring(ast.parse(text)), f"{path} does not say what it is for"
