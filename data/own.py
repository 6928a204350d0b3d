"""People's own pictures, from a folder or an archive of class folders, decoded into tensors.

Decoding is done by a pool of threads (the decoders release the interpreter's lock). The result is
kept under `data_dir()/.cache`, named by a digest of the listing, so that the next run starts at
once; when a file is added or changed, the digest changes and the old copy is dropped.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from data import archives, folders
from data.catalogue import DatasetInfo
from data.classes import SPLITS, Layout, SplitName, shown
from data.images import MAX_BYTES, ImageError, fit_square, open_picture, to_tensor
from data.paths import DataError, data_dir

log = logging.getLogger(__name__)

MAX_TENSOR_BYTES = 1 << 30
BATCH = 64  # pictures handed to a thread at once
CACHE_VERSION = 1  # raise it when the same files must give other tensors

Source = tuple[int, bytes | Path]  # place in the tensors, and the file or its bytes


@dataclass(frozen=True)
class Own:
    """Decoded pictures: per split (images uint8 (N, 3, H, W), labels int64 (N,)), and what was skipped."""

    parts: Mapping[SplitName, tuple[Tensor, Tensor]]
    note: str


def load_own(info: DatasetInfo) -> Own:
    """The pictures of `folder:<name>` or `zip:<digest>` at the size that `info.shape` asks for.

    Pictures that cannot be read are skipped and counted in the note.

    Raises:
        DataError: too many pictures for the size, or a class of which none can be read.
    """
    kind, _, rest = info.name.partition(":")
    layout = folders.read_folder(rest) if kind == "folder" else archives.read_layout(rest)
    side = info.shape[1]
    total = sum(len(files) for files in layout.files.values())
    if total * 3 * side * side > MAX_TENSOR_BYTES:
        raise DataError(
            f"{info.title} has {total} pictures, which at {side}×{side} pixels need more than "
            f"{MAX_TENSOR_BYTES >> 30} GB: choose a smaller image size or remove some."
        )
    sources = _zip_sources(rest, layout) if kind == "zip" else _folder_sources(rest, layout)
    key = _key(rest, layout, side, kind)
    cached = _read_cache(key)
    if cached is None:
        cached = _decode(sources, total, side)
        _write_cache(key, info.name, side, *cached)
    return _parted(layout, *cached)


def _parted(layout: Layout, images: Tensor, readable: Tensor) -> Own:
    """Split the pictures as the layout does, leaving out those that could not be read."""
    parts: dict[SplitName, tuple[Tensor, Tensor]] = {}
    unreadable: list[str] = []
    start = 0
    for split in SPLITS:
        files = layout.files[split]
        good = readable[start : start + len(files)]
        labels = torch.tensor([label for label, _ in files], dtype=torch.int64)
        parts[split] = (images[start : start + len(files)][good], labels[good])
        unreadable += [path for (_, path), ok in zip(files, good.tolist(), strict=True) if not ok]
        start += len(files)
    left = torch.bincount(parts["train"][1], minlength=len(layout.classes))
    for name, count in zip(layout.classes, left.tolist(), strict=True):
        if count == 0:
            raise DataError(
                f"None of the pictures of class {shown(name)} can be read: save them as JPEG or PNG."
            )
    notes = [layout.note] if layout.note else []
    if unreadable:
        plural = "s" if len(unreadable) > 1 else ""
        notes.append(
            f"{len(unreadable)} picture{plural} could not be read and left out: {shown(unreadable[0])}"
            + (" and others." if plural else ".")
        )
    return Own(parts, " ".join(notes))


def _folder_sources(name: str, layout: Layout) -> Iterator[Source]:
    folder = folders.folder_path(name)
    paths = (path for split in SPLITS for _, path in layout.files[split])
    return ((place, folder / path) for place, path in enumerate(paths))


def _zip_sources(digest: str, layout: Layout) -> Iterator[Source]:
    paths = (path for split in SPLITS for _, path in layout.files[split])
    places = {path: place for place, path in enumerate(paths)}
    return ((places[path], content) for path, content in archives.read_entries(digest, layout))


def _decode(sources: Iterator[Source], total: int, side: int) -> tuple[Tensor, Tensor]:
    """uint8 images (N, 3, side, side) and which of them could be read, bool (N,)."""
    images = torch.zeros(total, 3, side, side, dtype=torch.uint8)
    readable = torch.zeros(total, dtype=torch.bool)

    def work(batch: list[Source]) -> None:
        for place, source in batch:
            try:
                content = source if isinstance(source, bytes) else _read(source)
                # JPEGs may be decoded at twice the size wanted or more, the rest is interpolated.
                images[place] = to_tensor(fit_square(open_picture(content, 2 * side), side))
                readable[place] = True
            except (ImageError, OSError) as error:
                log.debug("picture %d: %s", place, error)

    workers = min(8, os.cpu_count() or 1)
    waiting: deque[Future[None]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="decode") as pool:
        while batch := list(islice(sources, BATCH)):
            waiting.append(pool.submit(work, batch))
            if len(waiting) > 2 * workers:  # an archive's bytes must not all wait in memory
                waiting.popleft().result()
        for future in waiting:
            future.result()
    return images, readable


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _key(rest: str, layout: Layout, side: int, kind: str) -> str:
    """A digest of everything that decides the tensors: the listing with sizes and times, the size."""
    digest = hashlib.sha256(f"{CACHE_VERSION} {kind} {rest} {side}".encode())
    folder = folders.folder_path(rest) if kind == "folder" else None
    for split in SPLITS:
        for label, path in layout.files[split]:
            digest.update(f"\0{split}\0{label}\0{path}".encode(errors="surrogateescape"))
            if folder is not None:
                found = (folder / path).stat()
                digest.update(f"\0{found.st_size}\0{found.st_mtime_ns}".encode())
    return digest.hexdigest()[:32]


def _cache_folder() -> Path:
    return data_dir() / ".cache"


def _read_cache(key: str) -> tuple[Tensor, Tensor] | None:
    for path in _cache_folder().glob(f"*-{key}.safetensors"):
        try:
            with safe_open(path, framework="pt") as file:
                return file.get_tensor("images"), file.get_tensor("readable")
        except (SafetensorError, OSError) as error:
            log.warning("the copy %s is ignored: %s", path.name, error)
    return None


def _write_cache(key: str, name: str, side: int, images: Tensor, readable: Tensor) -> None:
    """Keep the tensors, one copy per set and size; where nothing can be written, go without."""
    folder = _cache_folder()
    prefix = hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()[:16] + f"-{side}"
    path = folder / f"{prefix}-{key}.safetensors"
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob(f"{prefix}-*"):
            old.unlink(missing_ok=True)
        save_file({"images": images, "readable": readable}, temporary)
        temporary.replace(path)
    except (OSError, SafetensorError) as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        log.info("decoded pictures are not kept: %s", error)
