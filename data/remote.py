"""MNIST, Fashion-MNIST and CIFAR-10 through torchvision: found on disk, or downloaded whole.

torchvision writes downloads in place, so a process that dies half-way leaves files that look
complete. A download therefore goes to a folder of its own and its files are moved one by one, each
atomically, once torchvision has checked and unpacked them. One process downloads a set at a time;
others wait for it. How far it is stands in a small file that any process can read.
"""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

import torch
from torch import Tensor
from torchvision import datasets

from data.catalogue import REMOTE, DatasetInfo, get_info, progress_path
from data.paths import DataError, data_dir

log = logging.getLogger(__name__)

PROGRESS_SECONDS = 0.2
SOCKET_TIMEOUT = 30.0  # seconds without a byte; urllib itself would wait for ever

_DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}


def load_remote(name: str) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """((images, labels) to train on, the same to test on); downloads them when they are not on disk.

    Images are uint8 (N, C, H, W), labels int64 (N,).

    Raises:
        DataError: no network, no room, or damaged files.
    """
    if REMOTE[name].missing(data_dir()):
        download(name)
    return _read(name, train=True), _read(name, train=False)


def download(name: str) -> None:
    """Fetch one of torchvision's sets into `data_dir()`, keeping `progress_path(name)` meanwhile.

    Does nothing when it is there. Archives that someone put there are unpacked, not fetched.

    Raises:
        DataError: no network, a damaged download, or no room on disk.
    """
    info = get_info(name)
    root, staging = data_dir(), data_dir() / f".staging-{name}"
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _alone(root / f".lock-{name}"):
            if not REMOTE[name].missing(root):
                return  # another process was faster
            shutil.rmtree(staging, ignore_errors=True)
            try:
                _fetch(name, staging, info)
                _move_in(name, staging)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
    except (OSError, RuntimeError, HTTPException) as error:  # torchvision raises RuntimeError
        raise _not_there(info, error) from error


def _fetch(name: str, staging: Path, info: DatasetInfo) -> None:
    for archive in REMOTE[name].archives:
        if (data_dir() / archive).is_file():
            target = staging / archive
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(data_dir() / archive, target)
    with _progress(name, staging, info.download_bytes), _socket_timeout():
        _loader(name)(staging, download=True)


def _loader(name: str) -> type[datasets.MNIST] | type[datasets.CIFAR10]:
    loader: type[datasets.MNIST] | type[datasets.CIFAR10] = getattr(datasets, REMOTE[name].loader)
    return loader


def _move_in(name: str, staging: Path) -> None:
    files = REMOTE[name]
    target = data_dir() / files.folder
    target.mkdir(parents=True, exist_ok=True)
    for file in files.files:
        (staging / files.folder / file).replace(target / file)


def _read(name: str, *, train: bool) -> tuple[Tensor, Tensor]:
    info = get_info(name)
    try:
        found = _loader(name)(data_dir(), train=train)
        images = torch.as_tensor(found.data, dtype=torch.uint8)
        labels = torch.as_tensor(found.targets, dtype=torch.int64)
        # torchvision gives grey images as (N, H, W) and coloured ones as (N, H, W, C).
        images = images.unsqueeze(1) if images.dim() == 3 else images.permute(0, 3, 1, 2)
        expected = info.num_train + info.num_val if train else info.num_test
        if images.shape != (expected, *info.shape) or labels.shape != (expected,):
            raise ValueError(f"{tuple(images.shape)} images and {len(labels)} labels")
        if not 0 <= int(labels.min()) <= int(labels.max()) < len(info.classes):
            raise ValueError("labels outside the classes")
    except Exception as error:  # whatever torchvision's parsers stumble over in a damaged file
        log.warning("reading %s: %r", name, error)
        folder = data_dir() / REMOTE[name].folder
        raise DataError(
            f"The files of {info.title} under {folder} are damaged: delete that folder, and they "
            "are downloaded again."
        ) from error
    return images.contiguous(), labels


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Hold a lock that the kernel releases even when the process is killed."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _socket_timeout() -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SOCKET_TIMEOUT)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@contextmanager
def _progress(name: str, staging: Path, total_bytes: int) -> Iterator[None]:
    """Keep the progress file while the body runs: the archives are watched as they grow."""
    path, finished = progress_path(name), threading.Event()

    def report() -> None:
        while True:
            done = sum(_size(staging / archive) for archive in REMOTE[name].archives)
            temporary = path.with_suffix(".tmp")
            try:
                temporary.write_text(json.dumps({"done_bytes": done, "total_bytes": total_bytes}))
                temporary.replace(path)
            except OSError as error:  # a full disk shows in the download itself
                log.debug("progress of %s: %s", name, error)
            if finished.wait(PROGRESS_SECONDS):
                return

    watcher = threading.Thread(target=report, name=f"download-{name}", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        finished.set()
        watcher.join()
        path.unlink(missing_ok=True)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _not_there(info: DatasetInfo, error: Exception) -> DataError:
    log.warning("download of %s: %s", info.name, error)
    folder = data_dir() / REMOTE[info.name].folder
    if isinstance(error, OSError) and error.errno in _DISK_ERRORS:
        return DataError(
            f"{info.title} cannot be stored under {data_dir()} ({error.strerror}): make room there, "
            "or set CONVSCOPE_DATA to another folder."
        )
    return DataError(
        f"{info.title} is not on this machine and could not be downloaded: connect to the network "
        f"and try again, or put its files under {folder}."
    )
