"""Folders of class folders on the server, directly under `data_dir()`: listed, never decoded.

A folder is named by visitors, so its name is one path component and nothing reached through a
symbolic link that leaves `data_dir()` is read. Listing tens of thousands of files takes a moment,
so a listing is kept until one of the folders changes. Nothing here imports torch.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from data.classes import SPLITS, Layout, arrange, is_picture_name, shown
from data.paths import DataError, data_dir


def folder_names() -> list[str]:
    """The folders under `data_dir()` that look like class folders, unusable ones included."""
    root = data_dir()
    try:
        with os.scandir(root) as entries:
            children = [entry.name for entry in entries if entry.is_dir()]
    except OSError:
        return []
    return [
        name for name in sorted(children) if not name.startswith(".") and _has_classes(root / name)
    ]


def read_folder(name: str) -> Layout:
    """The pictures of `data_dir()/<name>`; paths in the layout are relative to that folder.

    Raises:
        DataError: for a name that is no folder there, or a folder that is no data set.
    """
    folder = folder_path(name)
    try:
        return _listed(str(folder), _stamp(folder), shown(name))
    except OSError as error:
        raise DataError(f"The folder {shown(name)} cannot be read: {error.strerror}.") from None


def folder_path(name: str) -> Path:
    """The folder of that name under `data_dir()`.

    Raises:
        DataError: when it is not a real folder directly there.
    """
    root = data_dir()
    plain = not set(name) & {"/", "\\", "\0"} and name not in {"", ".", ".."} and name[0] != "."
    path = root / name if plain else None
    if path is None or not path.is_dir():
        raise DataError(
            f"There is no folder {shown(name)} under {root}: put a folder with one folder for "
            "each class there, or choose another set."
        )
    if not path.resolve().is_relative_to(root.resolve()):
        raise DataError(
            f"The folder {shown(name)} leads out of {root}: copy the pictures there instead."
        )
    return path


def _stamp(folder: Path) -> tuple[tuple[str, int], ...]:
    """Which folders there are and when each last changed: a new file changes its folder's time."""
    folders = [folder, *_subfolders(folder)]
    if any(sub.name.lower() in SPLITS for sub in folders[1:]):
        folders += [deeper for sub in folders[1:] for deeper in _subfolders(sub)]
    return tuple((str(path), path.stat().st_mtime_ns) for path in folders)


def _subfolders(folder: Path) -> list[Path]:
    inside = folder.resolve()
    with os.scandir(folder) as entries:
        found = [Path(entry.path) for entry in entries if entry.is_dir()]
    return sorted(path for path in found if path.resolve().is_relative_to(inside))


@lru_cache(maxsize=32)
def _listed(folder: str, stamp: tuple[tuple[str, int], ...], title: str) -> Layout:
    paths = (path for subfolder, _ in stamp for path in _files(Path(folder), Path(subfolder)))
    return arrange(paths, f"The folder {title}")


def _files(root: Path, folder: Path) -> Iterator[tuple[str, ...]]:
    above = folder.relative_to(root).parts
    inside = root.resolve()
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(inside):
                continue
            if entry.is_file():
                yield (*above, entry.name)


def _has_classes(folder: Path) -> bool:
    """A cheap look: some folder one or two levels down begins with a picture."""
    try:
        near = _subfolders(folder)
        return any(map(_holds_picture, near)) or any(
            _holds_picture(deeper)
            for sub in near
            if sub.name.lower() in SPLITS
            for deeper in _subfolders(sub)
        )
    except OSError:
        return False


def _holds_picture(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        return any(is_picture_name(entry.name) for entry in entries)
