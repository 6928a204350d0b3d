"""Own pictures from folders and archives: decoded right, bad ones counted, kept for the next run."""

from __future__ import annotations

import io
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from data import own
from data.archives import store_upload
from data.catalogue import get_info
from data.load import load_dataset
from data.own import load_own
from data.paths import DataError, data_dir
from tests.data.conftest import encoded

ClassFolder = Callable[..., Path]


def test_colours_and_labels_arrive_in_their_classes(class_folder: ClassFolder) -> None:
    class_folder("pets", ant=20, bee=20, cat=10)
    data = load_dataset("folder:pets", image_size=16)
    assert data.info.classes == ("ant", "bee", "cat")
    assert [len(data.train), len(data.val), len(data.test)] == [40, 5, 5]
    assert data.info == get_info("folder:pets", 16)
    for part in (data.train, data.val, data.test):
        assert part.images.shape[1:] == (3, 16, 16)
        # The fixture paints class k with red 40·k.
        assert torch.equal(part.images[:, 0, 0, 0], (40 * part.labels).to(torch.uint8))
    assert data.val.labels.bincount(minlength=3).tolist() == [2, 2, 1]


def test_an_archive_gives_the_same_as_the_folder_it_was_packed_from(
    class_folder: ClassFolder,
) -> None:
    folder = class_folder("pets", ant=5, bee=4)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(folder.rglob("*.png"), reverse=True):  # in another order
            archive.write(path, f"wrapped/{path.relative_to(folder)}")
    name = store_upload(buffer.getvalue())
    one, two = load_dataset("folder:pets"), load_dataset(name)
    assert one.info.classes == two.info.classes
    for part in ("train", "val", "test"):
        assert torch.equal(getattr(one, part).images, getattr(two, part).images)
        assert torch.equal(getattr(one, part).labels, getattr(two, part).labels)


def test_own_splits_are_respected(data_root: Path) -> None:
    for split, count in (("train", 6), ("val", 2), ("test", 3)):
        for index, label in enumerate(("a", "b")):
            folder = data_root / "parts" / split / label
            folder.mkdir(parents=True)
            for number in range(count):
                (folder / f"{number}.png").write_bytes(encoded((100 * index, 0, 0)))
    data = load_dataset("folder:parts")
    assert [len(data.train), len(data.val), len(data.test)] == [12, 4, 6]


def test_pictures_are_cut_to_their_middle_square(data_root: Path) -> None:
    """A wide picture: black, a white square in the middle, black."""
    from PIL import Image

    picture = Image.new("RGB", (90, 30))
    picture.paste((255, 255, 255), (30, 0, 60, 30))
    for label in ("a", "b"):
        (data_root / "wide" / label).mkdir(parents=True)
        for number in range(3):
            picture.save(data_root / "wide" / label / f"{number}.png")
    images = load_dataset("folder:wide", image_size=16).train.images
    assert int(images[..., 1:-1].min()) > 230


def test_unreadable_pictures_are_left_out_and_counted(class_folder: ClassFolder) -> None:
    folder = class_folder("pets", cat=12, dog=12)
    (folder / "cat" / "3.png").write_bytes(b"not a picture")
    (folder / "dog" / "5.png").write_bytes(encoded((1, 1, 1))[:40])
    (folder / "dog" / "notes.txt").write_text("hello")
    data = load_dataset("folder:pets")
    assert len(data.train) + len(data.val) + len(data.test) == 22
    assert "2 pictures could not be read and left out: 'cat/3.png' and others." in data.info.note
    assert "1 file was skipped" in data.info.note
    assert data.info.num_train == len(data.train)


def test_a_class_without_a_readable_picture_is_refused(class_folder: ClassFolder) -> None:
    folder = class_folder("pets", cat=3, dog=3)
    for path in (folder / "dog").iterdir():
        path.write_bytes(b"broken")
    with pytest.raises(DataError, match="None of the pictures of class 'dog' can be read"):
        load_dataset("folder:pets")


def test_too_many_pixels_are_refused_before_decoding(
    class_folder: ClassFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    class_folder("pets", cat=3, dog=3)
    monkeypatch.setattr(own, "MAX_TENSOR_BYTES", 6 * 3 * 32 * 32)
    load_own(get_info("folder:pets", 32))
    with pytest.raises(DataError, match="has 6 pictures, which at 64×64 pixels"):
        load_own(get_info("folder:pets", 64))


def test_the_second_load_comes_from_the_copy_and_a_change_renews_it(
    class_folder: ClassFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = class_folder("pets", cat=4, dog=4)
    first = load_dataset("folder:pets")
    copies = list((data_dir() / ".cache").iterdir())
    assert len(copies) == 1

    decoded: list[int] = []
    real = own._decode

    def counting(*args: object) -> object:
        decoded.append(1)
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(own, "_decode", counting)
    again = load_dataset("folder:pets")
    assert torch.equal(first.train.images, again.train.images)
    assert decoded == []

    path = folder / "cat" / "0.png"
    path.write_bytes(encoded((77, 77, 77)))
    os.utime(path, ns=(0, 1))
    changed = load_dataset("folder:pets")
    assert decoded == [1]
    everything = torch.cat([changed.train.images, changed.val.images, changed.test.images])
    assert bool((everything == 77).flatten(1).all(1).any())
    assert len(list((data_dir() / ".cache").iterdir())) == 1  # the old copy is gone
    load_dataset("folder:pets", image_size=64)
    assert len(list((data_dir() / ".cache").iterdir())) == 2  # one for each size


def test_a_damaged_copy_is_ignored(class_folder: ClassFolder) -> None:
    class_folder("pets", cat=4, dog=4)
    first = load_dataset("folder:pets")
    (copy,) = (data_dir() / ".cache").iterdir()
    copy.write_bytes(copy.read_bytes()[:50])
    assert torch.equal(load_dataset("folder:pets").train.images, first.train.images)


def test_without_a_place_to_write_it_works_all_the_same(
    class_folder: ClassFolder, data_root: Path
) -> None:
    class_folder("pets", cat=4, dog=4)
    (data_root / ".cache").write_text("a file where the folder should be")
    assert len(load_dataset("folder:pets").train) > 0


@pytest.mark.data
def test_real_pictures_by_the_ten_thousand(
    real_data: Callable[[str], Path], data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = real_data("cifar10/test")
    monkeypatch.setenv(
        "CONVSCOPE_DATA", str(data_root)
    )  # so that no copy is left in the real place
    shutil.copytree(root / "cifar10" / "test", data_root / "cifar")
    data = load_dataset("folder:cifar")
    assert data.info.classes == get_info("cifar10").classes
    assert len(data.train) + len(data.val) + len(data.test) == 10_000
    assert data.info.note == ""
    means = (data.train.images.double().mean((0, 2, 3)) / 255).tolist()
    assert means == pytest.approx(get_info("cifar10").mean, abs=0.01)
