"""Class folders: which of many paths are pictures, of which class, in which split.

A folder on disk and an uploaded archive are arranged by the same rules, so both are read here as
plain lists of paths. Two layouts are understood, `<class>/<picture>` and
`<train|val|test>/<class>/<picture>`. Nothing here imports torch or touches the disk.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from data.paths import DataError

SplitName = Literal["train", "val", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "val", "test")

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp")
MIN_CLASSES, MAX_CLASSES = 2, 200
MIN_PER_CLASS = 3  # one each to train on, validate on and test on
MAX_PICTURES = 100_000
MAX_CLASS_NAME = 80
MAX_HOLD_OUT = 5000


@dataclass(frozen=True)
class Layout:
    """The pictures of a set: per split, (class index, path) in a fixed order."""

    classes: tuple[str, ...]
    files: Mapping[SplitName, tuple[tuple[int, str], ...]]  # a split without own folder is empty
    skipped: int = 0

    @property
    def note(self) -> str:
        """What was left out, as a sentence; empty when nothing was."""
        if not self.skipped:
            return ""
        plural = "s were" if self.skipped > 1 else " was"
        return f"{self.skipped} file{plural} skipped: not a picture directly in a class folder."

    def split_sizes(self) -> tuple[int, int, int]:
        """Images to train on, to validate on and to test on, hold-outs taken out."""
        train, val, test = (len(self.files[split]) for split in SPLITS)
        held_out = hold_out_size(train, len(self.classes))
        val_taken = 0 if val else held_out
        test_taken = 0 if test else held_out
        return train - val_taken - test_taken, val or val_taken, test or test_taken


def hold_out_size(num_images: int, num_classes: int) -> int:
    """How many training images are set aside: 10 %, at most 5000, about one a class at least."""
    at_least = min(num_classes, num_images // 3)
    return max(min(num_images // 10, MAX_HOLD_OUT), at_least)


def is_picture_name(name: str) -> bool:
    """Whether a file of this name is taken for a picture."""
    return name.lower().endswith(PICTURE_SUFFIXES)


def is_clutter(parts: tuple[str, ...]) -> bool:
    """Whether a path is what operating systems strew into folders: ignored without a word."""
    return any(part.startswith(".") or part == "__MACOSX" for part in parts) or parts[-1] in {
        "Thumbs.db",
        "desktop.ini",
    }


def arrange(paths: Iterable[tuple[str, ...]], where: str) -> Layout:
    """The layout of pictures given as path parts, `where` naming the set in error sentences.

    Raises:
        DataError: fewer than two classes, too many, too few or too many pictures, an odd name.
    """
    wanted = [parts for parts in paths if not is_clutter(parts)]
    splits = {parts[0].lower() for parts in wanted if len(parts) > 1}
    in_splits = "train" in splits and splits <= set(SPLITS)
    depth = 3 if in_splits else 2
    pictures = [p for p in wanted if len(p) == depth and is_picture_name(p[-1])]
    per_class = Counter(p[-2] for p in pictures if not in_splits or p[0].lower() == "train")
    classes = tuple(sorted(per_class, key=_natural_key))
    _check(classes, per_class, len(pictures), where)
    index_of = {name: index for index, name in enumerate(classes)}
    files: dict[SplitName, list[tuple[int, str]]] = {split: [] for split in SPLITS}
    for parts in sorted(pictures):
        split = _split_of(parts) if in_splits else "train"
        if parts[-2] in index_of:  # a class that has no training images cannot be tested
            files[split].append((index_of[parts[-2]], "/".join(parts)))
    kept = {split: tuple(entries) for split, entries in files.items()}
    return Layout(classes, kept, len(wanted) - sum(len(entries) for entries in kept.values()))


def _split_of(parts: tuple[str, ...]) -> SplitName:
    return next(split for split in SPLITS if split == parts[0].lower())


def _check(classes: tuple[str, ...], per_class: Counter[str], total: int, where: str) -> None:
    if len(classes) < MIN_CLASSES:
        found = f"only the class {shown(classes[0])}" if classes else "no folder with pictures"
        raise DataError(
            f"{where} holds {found}: put the pictures into at least {MIN_CLASSES} folders, "
            "one for each class."
        )
    if len(classes) > MAX_CLASSES:
        raise DataError(
            f"{where} holds {len(classes)} classes: up to {MAX_CLASSES} are possible, remove some."
        )
    if total > MAX_PICTURES:
        raise DataError(
            f"{where} holds {total} pictures: up to {MAX_PICTURES} are possible, remove some."
        )
    for name in classes:
        if len(name) > MAX_CLASS_NAME or not name.isprintable():
            raise DataError(
                f"{where} holds a class folder named {shown(name)}: use up to {MAX_CLASS_NAME} "
                "printable characters."
            )
        if per_class[name] < MIN_PER_CLASS:
            raise DataError(
                f"{where} holds {per_class[name]} of class {shown(name)}: each class needs at "
                f"least {MIN_PER_CLASS} pictures."
            )


def shown(name: str) -> str:
    """A name from outside, quoted, escaped and short enough for a sentence."""
    return repr(name if len(name) <= 60 else name[:59] + "…")


def _natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """So that class 2 precedes class 10."""
    parts = re.split(r"(\d+)", name.lower())
    return tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts)
