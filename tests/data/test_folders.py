"""Folders on the server: found, counted anew when they change, and never left through a link."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from data.folders import folder_names, folder_path, read_folder
from data.paths import DataError
from tests.data.conftest import encoded

ClassFolder = Callable[..., Path]


def test_only_what_looks_like_class_folders_is_named(
    class_folder: ClassFolder, data_root: Path
) -> None:
    class_folder("pets", cat=3, dog=3)
    for split in ("train", "test"):
        (data_root / "split" / split / "a").mkdir(parents=True)
        (data_root / "split" / split / "a" / "0.PNG").write_bytes(encoded((0, 0, 0)))
    class_folder(".hidden", cat=3, dog=3)
    (data_root / "MNIST" / "raw").mkdir(parents=True)
    (data_root / "MNIST" / "raw" / "train-images-idx3-ubyte").write_bytes(b"0")
    (data_root / "flat").mkdir()
    (data_root / "flat" / "0.png").write_bytes(encoded((0, 0, 0)))
    assert folder_names() == ["pets", "split"]


def test_a_listing_follows_the_folder(class_folder: ClassFolder) -> None:
    folder = class_folder("pets", cat=3, dog=3)
    assert read_folder("pets") is read_folder("pets")  # remembered while nothing changes
    before = (folder / "cat").stat()
    (folder / "cat" / "new.png").write_bytes(encoded((9, 9, 9)))
    os.utime(folder / "cat", ns=(before.st_atime_ns, before.st_mtime_ns + 10**9))
    assert len(read_folder("pets").files["train"]) == 7


def test_pictures_behind_a_link_that_leaves_the_folder_are_not_listed(
    class_folder: ClassFolder, tmp_path: Path
) -> None:
    folder = class_folder("pets", cat=3, dog=3)
    secret = tmp_path / "secret"
    secret.mkdir()
    for number in range(3):
        (secret / f"{number}.png").write_bytes(encoded((1, 2, 3)))
    (folder / "fox").symlink_to(secret)
    (folder / "cat" / "linked.png").symlink_to(secret / "0.png")
    (folder / "cat" / "inner.png").symlink_to(folder / "dog" / "0.png")
    layout = read_folder("pets")
    assert layout.classes == ("cat", "dog")
    paths = {path for _, path in layout.files["train"]}
    assert "cat/linked.png" not in paths
    assert "cat/inner.png" in paths


def test_a_folder_that_is_a_link_out_is_refused(data_root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside" / "cat"
    outside.mkdir(parents=True)
    (data_root / "link").symlink_to(outside.parent)
    with pytest.raises(DataError, match="leads out of"):
        folder_path("link")


def test_a_data_directory_that_is_a_link_itself_is_fine(
    class_folder: ClassFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data_root: Path
) -> None:
    class_folder("pets", cat=3, dog=3)
    (tmp_path / "link").symlink_to(data_root)
    monkeypatch.setenv("CONVSCOPE_DATA", str(tmp_path / "link"))
    assert read_folder("pets").classes == ("cat", "dog")


def test_an_empty_folder_says_what_to_do(data_root: Path) -> None:
    (data_root / "empty").mkdir()
    with pytest.raises(DataError, match="at least 2 folders, one for each class"):
        read_folder("empty")


def test_a_folder_that_vanishes_is_said(
    class_folder: ClassFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    class_folder("pets", cat=3, dog=3)

    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(DataError, match="cannot be read: Permission denied"):
        read_folder("pets")
    assert folder_names() == []
