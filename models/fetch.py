"""Downloads the weights of a pretrained network, whole and checked, or says why not.

The file grows beside its final place and is moved there once its SHA-256 begins as its name
promises. What a killed download leaves behind is continued by the next one. One process downloads a
file at a time; others wait for it. How far it is stands in a small file that any process can read.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from models.weights import WeightsError
from models.zoo import ZooNet, find_net, is_on_disk, progress_path, weights_dir, weights_file

log = logging.getLogger(__name__)

PROGRESS_SECONDS: Final = 0.2
SOCKET_TIMEOUT: Final = 30.0  # seconds without a byte; urllib itself would wait for ever
_CHUNK: Final = 1 << 18
_DISK_ERRORS: Final = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}
_UNSATISFIABLE: Final = 416  # HTTP: nothing is left to send


class _DamagedError(ValueError):
    """What came is not what was published."""


def download_pretrained(name: str) -> Path:
    """Fetch the weights of a network into torch's cache, keeping `progress_path(name)` meanwhile.

    Does nothing when they are there.

    Returns:
        The file.

    Raises:
        ModelError: there is no such network.
        WeightsError: no network, a damaged download, or no room on disk.
    """
    net, target = find_net(name), weights_file(name)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _alone(target.with_name(f".{target.name}.lock")):
            if not is_on_disk(name):  # else another process was faster
                part = target.with_name(f".{target.name}.part")
                try:
                    _fetch(net, part)
                finally:
                    progress_path(name).unlink(missing_ok=True)
                _check(net, part)
                part.replace(target)
    except (OSError, HTTPException, _DamagedError) as error:
        raise _not_there(net, error) from error
    return target


def _fetch(net: ZooNet, part: Path) -> None:
    """Append what is missing to `part`."""
    begun = part.stat().st_size if part.is_file() else 0
    request = Request(net.url, headers={"User-Agent": "convscope"})  # noqa: S310  (https, our table)
    if begun:
        request.add_header("Range", f"bytes={begun}-")
    try:
        response = urlopen(request, timeout=SOCKET_TIMEOUT)  # noqa: S310
    except HTTPError as error:
        if begun and error.code == _UNSATISFIABLE:
            return  # it was complete already
        raise
    with response:
        begun = begun if response.status == 206 else 0  # else all of it comes
        total = begun + int(response.headers.get("Content-Length") or 0)
        with part.open("ab" if begun else "wb") as file:
            _copy(response.read, file.write, _reporter(net, total), begun)
        if part.stat().st_size < total:
            raise _DamagedError("the connection ended early")


def _copy(
    read: Callable[[int], bytes],
    write: Callable[[bytes], Any],
    report: Callable[[int], None],
    done: int,
) -> None:
    last = -PROGRESS_SECONDS
    while chunk := read(_CHUNK):
        write(chunk)
        done += len(chunk)
        if time.monotonic() - last >= PROGRESS_SECONDS:
            last = time.monotonic()
            report(done)


def _reporter(net: ZooNet, total: int) -> Callable[[int], None]:
    path = progress_path(net.name)
    expected = total or round(net.megabytes * 2**20)

    def report(done: int) -> None:
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps({"done_bytes": done, "total_bytes": expected}))
        temporary.replace(path)

    return report


def _check(net: ZooNet, part: Path) -> None:
    """Hold the file against the beginning of its SHA-256 that its name ends with."""
    promised = re.search(r"-([0-9a-f]{8,})\.pth$", net.file_name)
    with part.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if promised is None or not digest.startswith(promised[1]):
        part.unlink()
        raise _DamagedError(f"SHA-256 {digest}")


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Hold a lock that the kernel releases even when the process is killed."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _not_there(net: ZooNet, error: Exception) -> WeightsError:
    log.warning("download of %s: %r", net.name, error)
    if isinstance(error, OSError) and error.errno in _DISK_ERRORS:
        return WeightsError(
            f"The weights of {net.title} cannot be stored under {weights_dir()} "
            f"({error.strerror}): make room there, or set TORCH_HOME to another folder."
        )
    return WeightsError(
        f"The weights of {net.title} ({net.megabytes:.0f} MB) could not be downloaded: connect to "
        f"the network and try again, put {net.file_name} under {weights_dir()}, or choose a "
        "network that comes with the program."
    )
