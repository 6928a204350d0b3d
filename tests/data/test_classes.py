"""Paths become classes and splits by rules that a folder and an archive share."""

from __future__ import annotations

import pytest

from data import classes
from data.classes import arrange
from data.paths import DataError


def _paths(*names: str) -> list[tuple[str, ...]]:
    return [tuple(name.split("/")) for name in names]


def _three(folder: str) -> list[str]:
    return [f"{folder}/{number}.png" for number in range(3)]


def test_class_folders_in_natural_order() -> None:
    layout = arrange(_paths(*_three("10"), *_three("9"), *_three("Zoo"), *_three("ant")), "It")
    assert layout.classes == ("9", "10", "ant", "Zoo")
    assert layout.files["train"][0] == (1, "10/0.png")
    assert layout.files["val"] == layout.files["test"] == ()
    assert layout.split_sizes() == (4, 4, 4)
    assert layout.note == ""


def test_splits_as_folders() -> None:
    names = [*_three("train/a"), *_three("train/b"), "test/a/0.png", "test/b/0.png"]
    layout = arrange(_paths(*names), "It")
    assert layout.classes == ("a", "b")
    assert layout.files["test"] == ((0, "test/a/0.png"), (1, "test/b/0.png"))
    assert layout.split_sizes() == (4, 2, 2)
    with_val = arrange(_paths(*names, "val/a/0.png"), "It")
    assert with_val.split_sizes() == (6, 1, 2)


def test_a_class_that_is_called_train_is_a_class_among_others() -> None:
    layout = arrange(_paths(*_three("train"), *_three("plane")), "It")
    assert layout.classes == ("plane", "train")


def test_what_is_no_picture_is_skipped_and_counted_but_clutter_is_not() -> None:
    names = [*_three("a"), *_three("b"), "readme.txt", "a/notes.md", "b/more/4.png"]
    clutter = ["__MACOSX/a/._0.png", "a/.DS_Store", "b/Thumbs.db", ".git/config"]
    layout = arrange(_paths(*names, *clutter), "It")
    assert layout.skipped == 3
    assert layout.note == "3 files were skipped: not a picture directly in a class folder."


def test_a_test_class_without_training_pictures_is_skipped() -> None:
    names = [*_three("train/a"), *_three("train/b"), "test/c/0.png"]
    layout = arrange(_paths(*names), "It")
    assert layout.files["test"] == ()
    assert layout.note == "1 file was skipped: not a picture directly in a class folder."


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ([], "holds no folder with pictures"),
        (["a.png", "b.png"], "holds no folder with pictures"),
        (_three("cat"), "holds only the class 'cat'"),
        ([*_three("a"), "b/0.png"], "holds 1 of class 'b': each class needs at least 3"),
        ([*_three("a"), *_three("x" * 81)], "up to 80 printable"),
        ([*_three("a"), *_three("b\u202e\n")], r"'b\\u202e\\n'"),
        ([name for c in range(201) for name in _three(str(c))], "holds 201 classes: up to 200"),
    ],
)
def test_refusals_name_the_reason(names: list[str], reason: str) -> None:
    with pytest.raises(DataError, match=reason) as caught:
        arrange(_paths(*names), "The archive")
    assert str(caught.value).startswith("The archive")
    assert "\n" not in str(caught.value)


def test_too_many_pictures_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classes, "MAX_PICTURES", 5)
    with pytest.raises(DataError, match="holds 6 pictures: up to 5"):
        arrange(_paths(*_three("a"), *_three("b")), "It")


def test_emoji_and_markup_are_ordinary_class_names() -> None:
    layout = arrange(_paths(*_three("🐈"), *_three("<b>dog")), "It")
    assert set(layout.classes) == {"🐈", "<b>dog"}
