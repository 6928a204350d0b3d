"""Uploads: good archives are kept by digest; every bad one is refused with the entry and the reason."""

from __future__ import annotations

import io
import os
import stat
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from data import archives
from data.archives import (
    read_entries,
    read_image,
    read_layout,
    store_image,
    store_upload,
)
from data.paths import DataError, uploads_dir
from tests.data.conftest import encoded

PICTURE = encoded((200, 30, 30))
Entry = tuple[str | zipfile.ZipInfo, bytes]


def _pack(*extra: Entry, prefix: str = "", classes: tuple[str, ...] = ("cat", "dog")) -> bytes:
    """A good archive of three pictures a class, with extra entries."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for label in classes:
            for number in range(3):
                archive.writestr(f"{prefix}{label}/{number}.png", PICTURE)
        for name, content in extra:
            archive.writestr(name, content)
    return buffer.getvalue()


def _link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def test_a_good_archive_is_kept_once_under_its_digest() -> None:
    content = _pack()
    name = store_upload(content)
    assert store_upload(content) == name
    kind, digest = name.split(":")
    assert kind == "zip"
    assert [path.name for path in uploads_dir().iterdir()] == [f"{digest}.zip"]
    layout = read_layout(digest)
    assert layout.classes == ("cat", "dog")
    entries = dict(read_entries(digest, layout))
    assert entries == {f"{c}/{n}.png": PICTURE for c in ("cat", "dog") for n in range(3)}


def test_nothing_is_unpacked_to_disk(data_root: Path) -> None:
    store_upload(_pack())
    files = [path for path in data_root.rglob("*") if path.is_file()]
    assert [path.suffix for path in files] == [".zip"]


def test_one_folder_around_everything_is_left_out() -> None:
    digest = store_upload(_pack(("__MACOSX/my/._x", b"x"), prefix="my pictures/")).split(":")[1]
    layout = read_layout(digest)
    assert layout.classes == ("cat", "dog")
    assert layout.skipped == 0
    assert len(list(read_entries(digest, layout))) == 6


def test_a_folder_named_train_around_everything_is_a_wrapper_or_a_split_alike() -> None:
    layout = read_layout(store_upload(_pack(prefix="train/")).split(":")[1])
    assert layout.classes == ("cat", "dog")
    assert len(layout.files["train"]) == 6


def test_windows_separators_are_separators() -> None:
    layout = read_layout(store_upload(_pack(("dog\\9.png", PICTURE))).split(":")[1])
    assert len(layout.files["train"]) == 7


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (("../evil.png", PICTURE), r"'../evil.png' leads out of the archive"),
        (("cat/../../evil.png", PICTURE), "leads out of the archive"),
        (("..\\evil.png", PICTURE), "leads out of the archive"),
        (("/etc/passwd", PICTURE), "'/etc/passwd' has an absolute path"),
        (("C:\\evil.png", PICTURE), "has an absolute path"),
        ((_link("cat/link.png"), b"/etc/passwd"), "'cat/link.png' is a link or a device"),
        (("cat/inner.zip", _pack()), "'cat/inner.zip' is an archive itself"),
        (("cat/9.png", b"\x1f\x8b" + b"\0" * 20), "'cat/9.png' is an archive itself"),
        (("cat/9.png", b"7z\xbc\xaf\x27\x1c"), "is an archive itself"),
        (("cat/big.png", bytes(21 * 1024 * 1024)), "'cat/big.png' has 21 MB: up to 20 MB"),
    ],
)
def test_bad_entries_are_named(entry: Entry, reason: str) -> None:
    with pytest.raises(DataError, match=reason) as caught:
        store_upload(_pack(entry))
    assert "\n" not in str(caught.value)
    assert not uploads_dir().exists() or not list(uploads_dir().iterdir())


def test_control_characters_in_names_are_shown_escaped() -> None:
    with pytest.raises(DataError, match=r"'\.\./\\x1b\[31m'"):
        store_upload(_pack(("../\x1b[31m", PICTURE)))


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip" * 100, PICTURE])
def test_what_is_no_zip_is_refused(content: bytes) -> None:
    with pytest.raises(DataError, match="not a zip archive that can be read"):
        store_upload(content)


def test_a_zip_cut_short_is_refused() -> None:
    content = _pack()
    for length in range(0, len(content), 37):
        with pytest.raises(DataError):
            store_upload(content[:length])


def test_an_encrypted_entry_is_refused() -> None:
    content = bytearray(_pack())
    directory = content.rindex(b"PK\1\2")
    content[directory + 8] |= 1  # general purpose flag of the last entry
    with pytest.raises(DataError, match=r"'dog/2\.png' is encrypted"):
        store_upload(bytes(content))


def test_other_compression_is_refused() -> None:
    buffer = io.BytesIO(_pack())
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("cat/9.png", PICTURE, compress_type=zipfile.ZIP_LZMA)
    with pytest.raises(DataError, match="unusual method"):
        store_upload(buffer.getvalue())


def test_a_bomb_of_many_entries_is_refused_by_what_it_claims(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(archives, "MAX_UNPACKED_BYTES", 3 * archives.MIB)
    zeros = bytes(archives.MIB)
    content = _pack(*[(f"cat/z{number}.bmp", zeros) for number in range(4)])
    assert len(content) < 10_000
    with pytest.raises(DataError, match="unpacks to more than 3 MB"):
        store_upload(content)


def test_an_entry_that_lies_about_its_size_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its directory says 10 bytes; a mebibyte of zeros comes out."""
    content = bytearray(_pack(("dog/bomb.png", bytes(archives.MIB))))
    directory = content.rindex(b"PK\1\2")
    content[directory + 24 : directory + 28] = (10).to_bytes(4, "little")
    with pytest.raises(DataError, match=r"'dog/bomb\.png' is damaged or not as large as it says"):
        store_upload(bytes(content))


def test_bytes_are_counted_whatever_the_directory_says(monkeypatch: pytest.MonkeyPatch) -> None:
    content = _pack(("dog/bomb.png", bytes(archives.MIB)))
    monkeypatch.setattr(archives, "_members", lambda archive: archive.infolist())
    monkeypatch.setattr(archives, "MAX_ENTRY_BYTES", 1000)
    with pytest.raises(DataError, match="unpacks to more than"):
        store_upload(content)


def test_a_damaged_entry_is_named() -> None:
    content = bytearray(_pack())
    body = (
        content.index(PICTURE[:8]) if PICTURE[:8] in content else content.index(b"cat/0.png") + 20
    )
    content[body : body + 8] = b"\xff" * 8
    with pytest.raises(DataError, match=r"'cat/0\.png' is damaged"):
        store_upload(bytes(content))


def test_too_many_entries_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_ENTRIES", 6)
    store_upload(_pack())
    with pytest.raises(DataError, match="has 7 entries: up to 6"):
        store_upload(_pack(("cat/9.png", PICTURE)))


def test_an_archive_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_ARCHIVE_BYTES", 100)
    with pytest.raises(DataError, match="The archive has 0 MB"):
        store_upload(_pack())


def test_the_same_name_twice_is_refused() -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = _pack(("cat/0.png", PICTURE))
    with pytest.raises(DataError, match="two entries of the same name"):
        store_upload(content)


def test_one_class_is_refused() -> None:
    with pytest.raises(DataError, match="The archive holds only the class 'cat'"):
        store_upload(_pack(classes=("cat",)))


def test_when_full_the_oldest_pictures_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_KEPT_BYTES", 3 * 100)
    digests = [store_image(bytes([number]) * 100) for number in range(3)]
    for age, digest in enumerate(digests):
        os.utime(uploads_dir() / f"{digest}.img", (age, age))
    store_image(bytes([0]) * 100)  # used again: now the second is the oldest
    added = store_image(b"x" * 100)
    kept = {path.stem for path in uploads_dir().iterdir()}
    assert kept == {digests[0], digests[2], added}


def test_archives_do_not_leave_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    content = _pack()
    monkeypatch.setattr(archives, "MAX_KEPT_BYTES", len(content) + len(PICTURE))
    store_upload(content)
    store_image(PICTURE)
    with pytest.raises(DataError, match="full of archives: remove old ones"):
        store_image(PICTURE + b"x")
    assert len(list(uploads_dir().iterdir())) == 2


def test_what_a_kill_left_half_written_is_swept() -> None:
    uploads_dir().mkdir(parents=True)
    old, young = uploads_dir() / "a.tmp", uploads_dir() / "b.tmp"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    store_image(PICTURE)
    assert not old.exists()
    assert young.exists()  # somebody may be writing it


def test_many_threads_store_pictures_at_once() -> None:
    together = threading.Barrier(8)

    def store(first: int) -> list[str]:
        together.wait()
        return [
            store_image(f"{first + number % 40} {number // 2}".encode()) for number in range(120)
        ]

    with ThreadPoolExecutor(8) as threads:
        digests = {digest for done in threads.map(store, range(8)) for digest in done}
    assert {path.name for path in uploads_dir().iterdir()} == {f"{d}.img" for d in digests}


def test_a_folder_that_cannot_be_written_is_said(data_root: Path) -> None:
    (data_root / "uploads").write_text("a file where the folder should be")
    with pytest.raises(DataError, match="cannot be kept under"):
        store_image(PICTURE)


def test_a_failed_write_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(DataError, match="No space left on device"):
        store_image(PICTURE)
    assert list(uploads_dir().iterdir()) == []


def test_pictures_are_kept_as_they_came() -> None:
    digest = store_image(PICTURE)
    assert read_image(digest) == PICTURE
    with pytest.raises(DataError, match="is empty"):
        store_image(b"")
    with pytest.raises(DataError, match="up to"):
        store_image(bytes(archives.MAX_IMAGE_BYTES + 1))


@pytest.mark.parametrize("digest", ["", "..", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 65])
def test_only_digests_name_uploads(digest: str) -> None:
    for read in (read_image, read_layout):
        with pytest.raises(DataError, match="names no upload"):
            read(digest)


def test_a_forgotten_upload_is_said() -> None:
    for read in (read_image, read_layout):
        with pytest.raises(DataError, match="not kept here any more: upload it again"):
            read("0" * 64)
