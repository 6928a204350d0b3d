"""The catalogue of data sets: what each is called, how large it is, where it comes from.

Everything a page must know to offer a data set is here and free of torch, so that the web process
can list, describe and count without loading a single image. `data/load.py` turns a name of this
catalogue into tensors.

Names: `digits` and `shapes` are embedded; `mnist`, `fashion_mnist` and `cifar10` come through
torchvision; `folder:<name>` is a folder of class folders under `data_dir()`; `zip:<digest>` is an
uploaded archive of class folders.
"""

from __future__ import annotations

import difflib
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from data import archives, folders
from data.classes import Layout
from data.paths import DataError, data_dir

__all__ = [
    "REMOTE",
    "DataError",
    "DatasetInfo",
    "DownloadProgress",
    "Framing",
    "RemoteFiles",
    "data_dir",
    "get_info",
    "is_available",
    "list_datasets",
    "progress_path",
    "read_progress",
]

log = logging.getLogger(__name__)

IMAGE_SIZES = (16, 28, 32, 64)  # what people's own pictures are scaled to
DEFAULT_IMAGE_SIZE = 32
_STALE_SECONDS = 30.0

# Own pictures are normalised with the statistics of ImageNet (torchvision's presets), as photos
# usually are: measuring each folder would mean decoding it before it can be described.
PHOTO_MEAN, PHOTO_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Framing:
    """How a drawing must be laid out to look like the pictures of a set of light strokes on black."""

    height: int  # pixels that the drawing's bounding box is scaled to
    width: int
    keep_aspect: bool  # scale both sides alike until the longer one fits, or stretch to fill
    centre: Literal["mass", "box"]  # what comes to lie in the middle of the frame
    stroke: tuple[float, float] | None = None  # pixels: strokes outside this range are adjusted
    ink: float | None = None  # share of the frame that strokes cover, where a set fixes it
    upright: bool = False  # whether the set's drawings have been freed of their slant
    block: int = 1  # pixels a side of the blocks whose mean ink is all that a set kept


@dataclass(frozen=True)
class DatasetInfo:
    """One data set, described. `mean` and `std` are per channel, over training pixels in [0, 1]."""

    name: str
    title: str
    classes: tuple[str, ...]
    shape: tuple[int, int, int]  # (C, H, W)
    mean: tuple[float, ...]
    std: tuple[float, ...]
    num_train: int  # images trained on: the validation images are already taken out
    num_val: int
    num_test: int
    licence: str
    source: str
    download_bytes: int = 0  # 0: nothing to download
    note: str = ""
    sizes: tuple[int, ...] = ()  # image sizes to choose from; empty: only the set's own
    framing: Framing | None = None  # None: photos, whose middle is cut out
    # Photos: the shorter side is scaled to this before the middle is cut out; None: to the image's.
    resize: int | None = None
    interpolation: Literal["bilinear", "bicubic"] = "bicubic"


@dataclass(frozen=True)
class DownloadProgress:
    """How far a download is; `total_bytes` is what the catalogue expects."""

    done_bytes: int
    total_bytes: int


@dataclass(frozen=True)
class RemoteFiles:
    """The files of a torchvision data set, in torchvision's own layout under `data_dir()`."""

    loader: str  # its class in torchvision.datasets
    folder: str  # where the unpacked files lie
    files: tuple[str, ...]
    archives: tuple[str, ...]  # downloaded as, relative to `data_dir()`

    def missing(self, root: Path) -> list[str]:
        """The unpacked files that are not there yet."""
        folder = root / self.folder
        return [name for name in self.files if not _has_bytes(folder / name)]

    def packed(self, root: Path) -> bool:
        """Whether every archive lies there, to be unpacked without the network."""
        return all(_has_bytes(root / name) for name in self.archives)


def _idx_files(loader: str) -> RemoteFiles:
    folder = f"{loader}/raw"
    files = tuple(
        f"{part}-{kind}-ubyte"
        for part in ("train", "t10k")
        for kind in ("images-idx3", "labels-idx1")
    )
    return RemoteFiles(loader, folder, files, tuple(f"{folder}/{name}.gz" for name in files))


REMOTE: Mapping[str, RemoteFiles] = {
    "mnist": _idx_files("MNIST"),
    "fashion_mnist": _idx_files("FashionMNIST"),
    "cifar10": RemoteFiles(
        "CIFAR10",
        "cifar-10-batches-py",
        (*(f"data_batch_{index}" for index in range(1, 6)), "test_batch", "batches.meta"),
        ("cifar-10-python.tar.gz",),
    ),
}

_NUMERALS = tuple(str(digit) for digit in range(10))

# Sizes, means and deviations are recomputed from the images by tests/data/test_statistics.py.
_FIXED: Mapping[str, DatasetInfo] = {
    info.name: info
    for info in (
        DatasetInfo(
            name="digits",
            title="Handwritten digits",
            classes=_NUMERALS,
            shape=(1, 16, 16),
            mean=(0.3050,),
            std=(0.3181,),
            num_train=1257,
            num_val=180,
            num_test=360,
            licence="CC BY 4.0 (data), BSD-3-Clause (scikit-learn)",
            source=(
                "E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI 1998, "
                "https://archive.ics.uci.edu/dataset/80; shipped with scikit-learn"
            ),
            note=(
                "1797 digits by 13 writers, 8×8 pixels of 17 grey levels, shown at 16×16. Each "
                "writer appears in all three splits, so the test says nothing about new writers."
            ),
            framing=Framing(
                16, 12, keep_aspect=False, centre="box", ink=0.305, upright=True, block=2
            ),
        ),
        DatasetInfo(
            name="shapes",
            title="Shapes and textures",
            classes=(
                "circle",
                "square",
                "triangle",
                "star",
                "cross",
                "ring",
                "heart",
                "stripes",
                "checker",
                "dots",
            ),
            shape=(3, 32, 32),
            mean=(0.4535, 0.4564, 0.4469),
            std=(0.2423, 0.2475, 0.2390),
            num_train=8000,
            num_val=1000,
            num_test=1000,
            licence="Apache-2.0",
            source="Generated by ConvScope from a fixed seed",
            note=(
                "A plain object is named by its outline, a patterned one by its pattern. Each "
                "image comes with the mask of its object. A shortcut plants a corner patch whose "
                "colour tells the label in training and validation, but never in the test images."
            ),
            sizes=(32, 64),
        ),
        DatasetInfo(
            name="mnist",
            title="MNIST",
            classes=_NUMERALS,
            shape=(1, 28, 28),
            mean=(0.1307,),
            std=(0.3081,),
            num_train=55_000,
            num_val=5_000,
            num_test=10_000,
            licence="CC BY-SA 3.0",
            source="Y. LeCun, C. Cortes and C. Burges, http://yann.lecun.com/exdb/mnist",
            download_bytes=11_594_722,
            framing=Framing(20, 20, keep_aspect=True, centre="mass", stroke=(1.5, 3.0)),
        ),
        DatasetInfo(
            name="fashion_mnist",
            title="Fashion-MNIST",
            classes=(
                "T-shirt/top",
                "Trouser",
                "Pullover",
                "Dress",
                "Coat",
                "Sandal",
                "Shirt",
                "Sneaker",
                "Bag",
                "Ankle boot",
            ),
            shape=(1, 28, 28),
            mean=(0.2860,),
            std=(0.3530,),
            num_train=55_000,
            num_val=5_000,
            num_test=10_000,
            licence="MIT",
            source="H. Xiao, K. Rasul and R. Vollgraf 2017, arXiv:1708.07747",
            download_bytes=30_878_645,
            framing=Framing(28, 28, keep_aspect=True, centre="box"),
        ),
        DatasetInfo(
            name="cifar10",
            title="CIFAR-10",
            classes=(
                "airplane",
                "automobile",
                "bird",
                "cat",
                "deer",
                "dog",
                "frog",
                "horse",
                "ship",
                "truck",
            ),
            shape=(3, 32, 32),
            mean=(0.4914, 0.4822, 0.4465),
            std=(0.2470, 0.2435, 0.2616),
            num_train=45_000,
            num_val=5_000,
            num_test=10_000,
            licence="None stated; free for research with citation",
            source="A. Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html",
            download_bytes=170_498_071,
        ),
    )
}


def list_datasets() -> list[DatasetInfo]:
    """Every data set to offer: embedded, torchvision's, then the class folders on disk."""
    own = []
    for name in folders.folder_names():
        try:
            own.append(get_info(f"folder:{name}"))
        except DataError as error:  # the other sets can still be offered
            log.debug("not offered: %s", error)
    return [*_FIXED.values(), *own]


def get_info(name: str, image_size: int | None = None) -> DatasetInfo:
    """What is known of a data set at `image_size` pixels a side (None: its own size).

    Raises:
        DataError: for an unknown name, a size it does not come in, or an own set that is unusable.
    """
    kind, _, rest = name.partition(":")
    if kind == "folder" and rest:
        return _sized(_own_info(name, rest, folders.read_folder(rest)), image_size)
    if kind == "zip" and rest:
        layout = archives.read_layout(rest)
        return _sized(_own_info(name, _upload_title(layout, rest), layout), image_size)
    if name not in _FIXED:
        close = difflib.get_close_matches(name, _FIXED, n=2, cutoff=0.5) or list(_FIXED)
        raise DataError(f"There is no data set {name[:60]!r}: did you mean {' or '.join(close)}?")
    return _sized(_FIXED[name], image_size)


def _upload_title(layout: Layout, digest: str) -> str:
    """What tells one upload from another: its first classes, and of its digest enough for two uploads
    of the same classes."""
    more = len(layout.classes) - 3
    rest = f" and {more} more" if more > 0 else ""
    return f"Upload of {', '.join(layout.classes[:3])}{rest} ({digest[:6]})"


def is_available(name: str) -> bool:
    """Whether the data set can be loaded without the network. Unknown names are not available."""
    if name in REMOTE:
        return not REMOTE[name].missing(data_dir()) or REMOTE[name].packed(data_dir())
    try:
        get_info(name)
    except DataError:
        return False
    return True


def progress_path(name: str) -> Path:
    """The small file that a running download of a torchvision data set keeps."""
    return data_dir() / f".download-{name}.json"


def read_progress(name: str) -> DownloadProgress | None:
    """How far the download of `name` is; None when none runs.

    A file not renewed for half a minute was left by a process that died and is ignored.
    """
    if name not in REMOTE:
        return None
    path = progress_path(name)
    try:
        age = time.time() - path.stat().st_mtime
        values = json.loads(path.read_text(encoding="utf-8"))
        done, total = int(values["done_bytes"]), int(values["total_bytes"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return None if age > _STALE_SECONDS else DownloadProgress(done, total)


def _sized(info: DatasetInfo, image_size: int | None) -> DatasetInfo:
    if image_size is None or image_size == info.shape[1]:
        return info
    if image_size not in info.sizes:
        sizes = " or ".join(str(size) for size in info.sizes) or str(info.shape[1])
        raise DataError(
            f"{info.title} does not come in {image_size}×{image_size} pixels: choose {sizes}."
        )
    return replace(info, shape=(info.shape[0], image_size, image_size))


def _own_info(name: str, title: str, layout: Layout) -> DatasetInfo:
    num_train, num_val, num_test = layout.split_sizes()
    return DatasetInfo(
        name=name,
        title=title,
        classes=layout.classes,
        shape=(3, DEFAULT_IMAGE_SIZE, DEFAULT_IMAGE_SIZE),
        mean=PHOTO_MEAN,
        std=PHOTO_STD,
        num_train=num_train,
        num_val=num_val,
        num_test=num_test,
        licence="Your own",
        source="A folder on the server" if name.startswith("folder:") else "An uploaded archive",
        note=layout.note,
        sizes=IMAGE_SIZES,
    )


def _has_bytes(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False
