"""Uploads: archives of class folders and single pictures, checked and kept by their digest.

An archive comes from a stranger. It is checked entry by entry before it is kept, never unpacked to
disk, and read again with the same limits. What it claims about sizes is not believed: bytes are
counted while they are decompressed. Nothing here imports torch or decodes a picture.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import stat
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import IO

from data.classes import Layout, arrange, is_clutter, shown
from data.paths import DataError, check_digest, uploads_dir

MIB = 1024 * 1024
MAX_ARCHIVE_BYTES = 200 * MIB
MAX_ENTRIES = 20_000
MAX_ENTRY_BYTES = 20 * MIB
MAX_UNPACKED_BYTES = 512 * MIB
MAX_IMAGE_BYTES = 20 * MIB
MAX_KEPT_BYTES = 4096 * MIB  # all uploads together

# Archives in an archive, by their first bytes: zip, gzip, 7z, RAR, bzip2, xz, zstandard.
_PACKED = (
    b"PK\3\4",
    b"PK\5\6",
    b"\x1f\x8b",
    b"7z\xbc\xaf",
    b"Rar!",
    b"BZh",
    b"\xfd7zXZ",
    b"(\xb5/\xfd",
)
# The two methods that Python decompresses in bounded pieces.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
_PICTURE = ".img"
_TEMPORARY = ".tmp"
_STALE_SECONDS = 3600.0  # a write that is going on is younger


def store_upload(content: bytes) -> str:
    """Check an uploaded zip of class folders, keep it, and return its data set name, `zip:<digest>`.

    Raises:
        DataError: naming the entry and the reason, when the archive is refused.
    """
    if len(content) > MAX_ARCHIVE_BYTES:
        raise DataError(
            f"The archive has {len(content) // MIB} MB: up to {MAX_ARCHIVE_BYTES // MIB} MB are "
            "possible, make the pictures smaller."
        )
    with _opened(io.BytesIO(content)) as archive:
        _arranged(archive)
        for _ in _unpacked(archive, _members(archive)):
            pass  # every byte is decompressed once, so that a bomb or a torn entry shows now
    return f"zip:{_keep(content, '.zip')}"


def store_image(content: bytes) -> str:
    """Keep an uploaded picture as it came and return its digest. It is decoded only when looked at.

    Raises:
        DataError: when it is empty or too large.
    """
    if not content:
        raise DataError("The picture is empty (0 bytes): choose another file.")
    if len(content) > MAX_IMAGE_BYTES:
        raise DataError(
            f"The picture has {len(content) / MIB:.1f} MB: up to {MAX_IMAGE_BYTES // MIB} MB are "
            "possible, save it smaller."
        )
    return _keep(content, _PICTURE)


def read_image(digest: str) -> bytes:
    """The bytes kept by `store_image`.

    Raises:
        DataError: when there is no such upload.
    """
    try:
        return _path(digest, _PICTURE).read_bytes()
    except OSError:
        raise DataError(
            f"The picture {digest[:8]} is not kept here any more: upload it again."
        ) from None


def read_layout(digest: str) -> Layout:
    """Classes and entries of the archive kept as `digest`.

    Raises:
        DataError: when there is no such upload.
    """
    path = _path(digest, ".zip")
    if not path.is_file():
        raise DataError(f"The archive {digest[:8]} is not kept here any more: upload it again.")
    return _read_layout(str(path))


def read_entries(digest: str, layout: Layout) -> Iterator[tuple[str, bytes]]:
    """(path as in the layout, decompressed bytes) of every picture of an archive, in its order."""
    wanted = {path for files in layout.files.values() for _, path in files}
    with _opened(_path(digest, ".zip")) as archive:
        top = _common_top(archive)
        named = {"/".join(_parts(info)[top:]): info for info in _members(archive)}
        chosen = [info for path, info in named.items() if path in wanted]
        for info, content in _unpacked(archive, chosen):
            yield "/".join(_parts(info)[top:]), content


@lru_cache(maxsize=32)  # an archive is kept under the digest of its bytes and so never changes
def _read_layout(path: str) -> Layout:
    with _opened(Path(path)) as archive:
        return _arranged(archive)


def _opened(source: IO[bytes] | Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(source)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError):
        raise DataError(
            "The file is not a zip archive that can be read: pack the class folders into a new zip."
        ) from None


def _arranged(archive: zipfile.ZipFile) -> Layout:
    top = _common_top(archive)
    return arrange((_parts(info)[top:] for info in _members(archive)), "The archive")


def _common_top(archive: zipfile.ZipFile) -> int:
    """1 when one folder wraps all the class folders, which is left out of the paths, else 0."""
    paths = [_parts(info) for info in _members(archive)]
    wrapped = len({parts[0] for parts in paths}) == 1 and all(len(parts) > 2 for parts in paths)
    return 1 if wrapped and paths else 0


def _members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The files of an archive, clutter left out, once every entry's description is acceptable."""
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise DataError(
            f"The archive has {len(entries)} entries: up to {MAX_ENTRIES} are possible, use fewer."
        )
    for info in entries:
        reason = _refusal(info)
        if reason:
            raise DataError(f"The entry {shown(info.filename)} {reason}.")
    if sum(info.file_size for info in entries) > MAX_UNPACKED_BYTES:
        raise _too_much()
    files = [info for info in entries if not info.is_dir()]
    twice = len(files) - len({info.filename for info in files})
    if twice:
        raise DataError("The archive holds two entries of the same name: pack it anew.")
    return [info for info in files if not is_clutter(_parts(info))]


def _refusal(info: zipfile.ZipInfo) -> str | None:
    """Why an entry cannot be accepted, going by its description alone."""
    parts = _parts(info)
    mode = info.external_attr >> 16
    if info.filename.startswith("/") or (parts and parts[0].endswith(":")):
        return "has an absolute path: pack the folders with relative paths"
    if ".." in parts or not parts:
        return "leads out of the archive: pack the class folders themselves"
    if stat.S_IFMT(mode) not in {0, stat.S_IFREG, stat.S_IFDIR}:
        return "is a link or a device, not a file: pack the pictures themselves"
    if info.flag_bits & _ENCRYPTED:
        return "is encrypted: pack the archive without a password"
    if info.compress_type not in _METHODS:
        return "is compressed by an unusual method: pack a plain zip (deflate)"
    if info.file_size > MAX_ENTRY_BYTES:
        return f"has {info.file_size // MIB} MB: up to {MAX_ENTRY_BYTES // MIB} MB are possible"
    return None


def _parts(info: zipfile.ZipInfo) -> tuple[str, ...]:
    return tuple(
        part for part in info.filename.replace("\\", "/").split("/") if part not in {"", "."}
    )


def _unpacked(
    archive: zipfile.ZipFile, members: Iterable[zipfile.ZipInfo]
) -> Iterator[tuple[zipfile.ZipInfo, bytes]]:
    """Each member with its bytes, which are counted as they come.

    Raises:
        DataError: for an entry that is larger than allowed or than it says, torn, or an archive.
    """
    total = 0
    for info in members:
        try:
            with archive.open(info) as entry:
                content = entry.read(MAX_ENTRY_BYTES + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError):
            raise DataError(
                f"The entry {shown(info.filename)} is damaged or not as large as it says: pack the "
                "archive anew."
            ) from None
        total += len(content)
        if len(content) > MAX_ENTRY_BYTES or total > MAX_UNPACKED_BYTES:
            raise _too_much()
        if content.startswith(_PACKED):
            raise DataError(
                f"The entry {shown(info.filename)} is an archive itself: pack only pictures in "
                "class folders."
            )
        yield info, content


def _too_much() -> DataError:
    return DataError(
        f"The archive unpacks to more than {MAX_UNPACKED_BYTES // MIB} MB: use fewer or smaller "
        "pictures."
    )


def _path(digest: str, suffix: str) -> Path:
    return uploads_dir() / f"{check_digest(digest)}{suffix}"


def _keep(content: bytes, suffix: str) -> str:
    """Write `content` under the digest of its bytes, all of it or nothing.

    A picture is not flushed to the disk, which takes longer than everything else about a drawing:
    one that a power cut takes is drawn again.
    """
    digest = hashlib.sha256(content).hexdigest()
    path = _path(digest, suffix)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file():
            with contextlib.suppress(OSError):
                path.touch()  # used just now, so it is not among the first to leave
            return digest
        _make_room(path.parent, len(content))
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=_TEMPORARY, delete=False) as file:
            temporary = Path(file.name)
            try:
                file.write(content)
                file.flush()
                if suffix != _PICTURE:
                    os.fsync(file.fileno())
                temporary.replace(path)
            except OSError:
                temporary.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise DataError(
            f"The upload cannot be kept under {path.parent} ({error.strerror}): make room there, "
            "or set CONVSCOPE_DATA to a folder that can be written."
        ) from None
    return digest


def _make_room(folder: Path, size: int) -> None:
    """See that `size` bytes may be added; the pictures that were stored longest ago leave first.

    Archives stay: runs name them. What a killed process left half-written leaves, too.

    Raises:
        DataError: when even without pictures there is no room.
    """
    files = []
    for entry in os.scandir(folder):
        with contextlib.suppress(FileNotFoundError):  # another thread just renamed or removed it
            status = entry.stat()
            if entry.name.endswith(_TEMPORARY) and time.time() - status.st_mtime > _STALE_SECONDS:
                Path(entry.path).unlink()
            else:
                files.append((status.st_mtime_ns, status.st_size, Path(entry.path)))
    excess = sum(size for _, size, _ in files) + size - MAX_KEPT_BYTES
    pictures = sorted(file for file in files if file[2].suffix == _PICTURE)
    if excess > sum(size for _, size, _ in pictures):
        raise DataError(f"{folder} is full of archives: remove old ones there.")
    for _, size, path in pictures:
        if excess <= 0:
            break
        path.unlink(missing_ok=True)
        excess -= size
