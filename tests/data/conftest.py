"""An empty data directory for every test here, and real data only where a test asks for it."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image

from data import archives, folders

REAL_DATA = os.environ.get("CONVSCOPE_DATA")


@pytest.fixture(autouse=True)
def data_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """`data_dir()` is an empty folder, and remembered listings of other tests are gone."""
    root = tmp_path / "data"
    root.mkdir()
    monkeypatch.setenv("CONVSCOPE_DATA", str(root))
    yield root
    folders._listed.cache_clear()
    archives._read_layout.cache_clear()


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def real_data(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """`real_data("MNIST/raw")` points `data_dir()` at real data, or skips with the reason."""

    def use(part: str) -> Path:
        if REAL_DATA is None or not (Path(REAL_DATA) / part).exists():
            pytest.skip(f"needs {part} under CONVSCOPE_DATA, which is {REAL_DATA or 'not set'}")
        monkeypatch.setenv("CONVSCOPE_DATA", REAL_DATA)
        return Path(REAL_DATA)

    return use


def encoded(
    color: tuple[int, int, int], size: tuple[int, int] = (8, 8), kind: str = "PNG"
) -> bytes:
    """A file with a picture of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", size, color).save(buffer, kind)
    return buffer.getvalue()


@pytest.fixture
def class_folder(data_root: Path) -> Callable[..., Path]:
    """`class_folder("pets", cat=4, dog=3)` makes class folders with that many pictures."""

    def make(name: str, **classes: int) -> Path:
        for index, (label, count) in enumerate(classes.items()):
            folder = data_root / name / label
            folder.mkdir(parents=True)
            for number in range(count):
                (folder / f"{number}.png").write_bytes(encoded((40 * index, number, 0)))
        return data_root / name

    return make
