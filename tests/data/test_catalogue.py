"""The catalogue: every name it offers can be described, and every other name is refused kindly."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from data.catalogue import (
    REMOTE,
    DataError,
    DownloadProgress,
    data_dir,
    get_info,
    is_available,
    list_datasets,
    progress_path,
    read_progress,
)

ClassFolder = Callable[..., Path]


def test_embedded_sets_come_first_and_are_available() -> None:
    names = [info.name for info in list_datasets()]
    assert names == ["digits", "shapes", "mnist", "fashion_mnist", "cifar10"]
    assert [name for name in names if is_available(name)] == ["digits", "shapes"]


def test_descriptions_are_consistent() -> None:
    for info in list_datasets():
        assert get_info(info.name) is info
        assert len(info.mean) == len(info.std) == info.shape[0]
        assert len(set(info.classes)) == len(info.classes) == 10
        assert all((info.title, info.licence, info.source))
        assert (info.download_bytes > 0) == (info.name in REMOTE)
        assert (info.framing is not None) == (info.shape[0] == 1)


def test_torchvision_agrees_on_class_names_and_files() -> None:
    from torchvision import datasets

    assert get_info("fashion_mnist").classes == tuple(datasets.FashionMNIST.classes)
    assert get_info("mnist").classes == tuple(name[0] for name in datasets.MNIST.classes)
    for name, kind in (("mnist", datasets.MNIST), ("fashion_mnist", datasets.FashionMNIST)):
        unpacked = {Path(file).stem for file, _ in kind.resources}
        assert set(REMOTE[name].files) == unpacked
        assert REMOTE[name].folder == f"{kind.__name__}/raw"
    cifar = datasets.CIFAR10
    listed = {file for file, _ in cifar.train_list + cifar.test_list} | {cifar.meta["filename"]}
    assert set(REMOTE["cifar10"].files) == listed
    assert REMOTE["cifar10"].folder == cifar.base_folder
    assert REMOTE["cifar10"].archives == (cifar.filename,)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mnits", "mnist"),
        ("", "digits"),
        ("folder:", "There is no data set"),
        ("folder:nothing", "There is no folder 'nothing'"),
        ("folder:..", "There is no folder '..'"),
        ("folder:../../etc", "There is no folder"),
        ("folder:/etc", "There is no folder"),
        ("folder:.cache", "There is no folder"),
        ("folder:a\0b", "There is no folder"),
        ("zip:../../etc/passwd", "names no upload"),
        ("zip:" + "0" * 64, "not kept here any more"),
        ("x" * 10_000, "There is no data set"),
    ],
)
def test_unknown_names_are_refused_in_one_short_sentence(name: str, said: str) -> None:
    with pytest.raises(DataError, match=r"^[^\n]+[.?]$") as caught:
        get_info(name)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 400
    assert not is_available(name)


def test_image_size_is_one_the_set_comes_in() -> None:
    assert get_info("shapes", 64).shape == (3, 64, 64)
    assert get_info("mnist", 28) is get_info("mnist")
    with pytest.raises(DataError, match="MNIST does not come in 32×32 pixels: choose 28"):
        get_info("mnist", 32)
    with pytest.raises(DataError, match="choose 32 or 64"):
        get_info("shapes", 28)


def test_class_folders_under_the_data_directory_are_offered(class_folder: ClassFolder) -> None:
    class_folder("pets", dog=12, cat=8)
    class_folder("one", only=5)  # unusable, so not offered
    (data_dir() / "papers").mkdir()
    own = list_datasets()[5:]
    assert [info.name for info in own] == ["folder:pets"]
    (info,) = own
    assert info.classes == ("cat", "dog")
    assert (info.num_train, info.num_val, info.num_test) == (16, 2, 2)
    assert is_available("folder:pets")
    assert not is_available("folder:one")
    assert get_info("folder:pets", 64).shape == (3, 64, 64)


def test_a_missing_data_directory_offers_the_fixed_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVSCOPE_DATA", "/nonexistent/nowhere")
    assert len(list_datasets()) == 5
    monkeypatch.delenv("CONVSCOPE_DATA")
    assert data_dir() == Path.home() / ".cache" / "convscope"


def test_progress_is_read_while_fresh(data_root: Path) -> None:
    assert read_progress("mnist") is None
    path = progress_path("mnist")
    path.write_text(json.dumps({"done_bytes": 5, "total_bytes": 10}))
    assert read_progress("mnist") == DownloadProgress(5, 10)
    long_ago = time.time() - 3600
    os.utime(path, (long_ago, long_ago))
    assert read_progress("mnist") is None  # whoever wrote it died
    assert read_progress("folder:../../etc") is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"done_bytes": "x", "total_bytes": 1}', "{}"])
def test_a_torn_progress_file_is_no_progress(text: str, data_root: Path) -> None:
    progress_path("mnist").write_text(text)
    assert read_progress("mnist") is None


def test_catalogue_and_archives_never_import_torch() -> None:
    code = (
        "import sys, data.catalogue, data.archives; data.catalogue.list_datasets(); "
        "print(sorted({'torch', 'torchvision', 'sklearn', 'PIL', 'numpy'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
