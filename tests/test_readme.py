"""What the README names is there: pictures, commands, variables, packages."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def test_pictures_are_there() -> None:
    links = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", TEXT)
    assert links
    assert [link for link in links if not (ROOT / link).is_file()] == []


def test_no_placeholder_is_left() -> None:
    assert re.findall(r"\b[A-Z]+_(?:TABLE|FIGURE|TODO)\b|TODO|XXX", TEXT) == []


def test_every_benchmark_is_named_and_every_named_one_exists() -> None:
    named = set(re.findall(r"python -m benchmarks\.(\w+)", TEXT))
    runnable = {
        path.stem
        for path in (ROOT / "benchmarks").glob("*.py")
        if '__name__ == "__main__"' in path.read_text(encoding="utf-8")
    }
    assert named == runnable


def test_variables_are_read_somewhere() -> None:
    code = "".join(
        path.read_text(encoding="utf-8")
        for package in ("data", "engine", "training")
        for path in (ROOT / package).rglob("*.py")
    )
    variables = set(re.findall(r"CONVSCOPE_[A-Z]+(?:_[A-Z]+)*", TEXT))
    assert variables
    assert [name for name in sorted(variables) if name not in code] == []


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"\bmake (\w+)\s*(?:#|`|$)", TEXT, re.MULTILINE))
    assert {"run", "test"} <= targets
    assert [name for name in targets if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []
