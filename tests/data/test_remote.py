"""torchvision's sets without its servers: from disk, from a server of our own, and from nowhere."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import json
import pickle
import struct
import tarfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torchvision.datasets import CIFAR10, MNIST

from data import catalogue, remote
from data.catalogue import REMOTE, get_info, is_available, progress_path, read_progress
from data.load import load_dataset
from data.paths import DataError

NUM_TRAIN, NUM_TEST = 40, 20


def _idx(values: np.ndarray) -> bytes:
    """The idx format: type 8 is unsigned byte, then the number of axes and their lengths."""
    return struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape) + values.tobytes()


def _mnist_files() -> dict[str, bytes]:
    files = {}
    for part, count in (("train", NUM_TRAIN), ("t10k", NUM_TEST)):
        labels = (np.arange(count) % 10).astype(np.uint8)
        images = np.broadcast_to(labels[:, None, None] * 20, (count, 28, 28)).astype(np.uint8)
        files[f"{part}-images-idx3-ubyte"] = _idx(images)
        files[f"{part}-labels-idx1-ubyte"] = _idx(labels)
    return files


def _cifar_files() -> dict[str, bytes]:
    def batch(count: int) -> bytes:
        labels = [index % 10 for index in range(count)]
        data = np.repeat(np.array(labels, dtype=np.uint8)[:, None] * 20, 3072, axis=1)
        data[:, :1024] += 5  # red, the first plane of the format
        return pickle.dumps({"data": data, "labels": labels})

    files = {f"data_batch_{number}": batch(NUM_TRAIN // 5) for number in range(1, 6)}
    names = {"label_names": list(get_info("cifar10").classes)}
    return files | {"test_batch": batch(NUM_TEST), "batches.meta": pickle.dumps(names)}


class Server:
    """Serves some bytes by name on loopback, counts requests, and may stop half-way."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.hold = threading.Event()  # set: go on; a body stops after its first half until then
        self.hold.set()
        self.cut = False  # close the connection after half of a body
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            do_HEAD = do_GET

            def log_message(self, *_: Any) -> None:
                """Tests are quiet."""

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/"
        self.thread = threading.Thread(target=self.http.serve_forever, daemon=True)
        self.thread.start()

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        name = request.path.lstrip("/")
        body = self.files.get(name)
        if body is None:
            request.send_error(404)
            return
        request.send_response(200)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if request.command == "HEAD":
            return
        self.requests.append(name)
        with suppress(ConnectionError):  # torchvision hangs up once it knows where a link leads
            request.wfile.write(body[: len(body) // 2])
            request.wfile.flush()
            self.hold.wait(30)
            if not self.cut:
                request.wfile.write(body[len(body) // 2 :])

    def close(self) -> None:
        self.hold.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.fixture(autouse=True)
def _small_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalogue expects as few images as the tests make."""
    for name in ("mnist", "cifar10"):
        info = replace(get_info(name), num_train=30, num_val=10, num_test=NUM_TEST)
        monkeypatch.setitem(catalogue._FIXED, name, info)


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens on loopback's port 9 (discard): whatever asks for the network is refused."""
    monkeypatch.setattr(MNIST, "mirrors", ["http://127.0.0.1:9/"])
    monkeypatch.setattr(CIFAR10, "url", "http://127.0.0.1:9/cifar-10-python.tar.gz")


@pytest.fixture
def mnist_online(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    # Zeros after the end are allowed in gzip files; they make these large enough to arrive in parts.
    server.files = {
        f"{name}.gz": gzip.compress(body) + bytes(200_000) for name, body in _mnist_files().items()
    }
    monkeypatch.setattr(MNIST, "mirrors", [server.url])
    sums = [
        (name, hashlib.md5(server.files[name], usedforsecurity=False).hexdigest())
        for name, _ in MNIST.resources
    ]
    monkeypatch.setattr(MNIST, "resources", sums)
    return server


@pytest.fixture
def cifar_archive(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A small archive in CIFAR-10's layout, with torchvision expecting its checksums."""
    buffer, sums = io.BytesIO(), {}
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, body in _cifar_files().items():
            info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
            sums[name] = hashlib.md5(body, usedforsecurity=False).hexdigest()
    content = buffer.getvalue()
    whole = hashlib.md5(content, usedforsecurity=False).hexdigest()
    monkeypatch.setattr(CIFAR10, "tgz_md5", whole)
    monkeypatch.setattr(CIFAR10, "train_list", [[n, sums[n]] for n, _ in CIFAR10.train_list])
    monkeypatch.setattr(CIFAR10, "test_list", [[n, sums[n]] for n, _ in CIFAR10.test_list])
    monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": sums["batches.meta"]})
    return content


def _lay_out_mnist(root: Path) -> Path:
    folder = root / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for name, body in _mnist_files().items():
        (folder / name).write_bytes(body)
    return folder


def _leftovers(root: Path) -> list[str]:
    return [path.name for path in root.iterdir() if path.name.startswith((".staging", ".download"))]


def test_files_on_disk_are_read_without_the_network(data_root: Path) -> None:
    _lay_out_mnist(data_root)
    assert is_available("mnist")
    data = load_dataset("mnist")
    assert [len(data.train), len(data.val), len(data.test)] == [30, 10, 20]
    for part in (data.train, data.val, data.test):
        assert part.images.shape[1:] == (1, 28, 28)
        assert torch.equal(part.images[:, 0, 0, 0], (part.labels * 20).to(torch.uint8))


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_without_network_the_two_ways_out_are_said(name: str, data_root: Path) -> None:
    assert not is_available(name)
    with pytest.raises(DataError) as caught:
        load_dataset(name)
    said = str(caught.value)
    assert "not on this machine and could not be downloaded" in said
    assert "connect to the network and try again" in said
    assert f"put its files under {data_root / REMOTE[name].folder}" in said
    assert "\n" not in said
    assert _leftovers(data_root) == []
    assert read_progress(name) is None


def test_a_download_arrives_and_leaves_only_the_files(
    mnist_online: Server, data_root: Path
) -> None:
    data = load_dataset("mnist")
    assert len(data.test) == NUM_TEST
    # torchvision asks for each file twice: where does the link lead, and then the file itself.
    assert Counter(mnist_online.requests) == dict.fromkeys(mnist_online.files, 2)
    folder = data_root / "MNIST" / "raw"
    assert sorted(path.name for path in folder.iterdir()) == sorted(REMOTE["mnist"].files)
    assert _leftovers(data_root) == []
    load_dataset("mnist")
    assert len(mnist_online.requests) == 8  # not fetched again


def test_progress_can_be_followed_from_another_process(
    mnist_online: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []
    grown = threading.Event()
    mnist_online.hold.clear()
    monkeypatch.setattr(remote, "PROGRESS_SECONDS", 0.01)
    fetching = threading.Thread(target=remote.download, args=("mnist",))
    fetching.start()
    while fetching.is_alive() and not grown.wait(0.01):
        progress = read_progress("mnist")
        if progress is not None and progress.done_bytes > 0:
            seen.append((progress.done_bytes, progress.total_bytes))
            grown.set()
    mnist_online.hold.set()
    fetching.join()
    assert len(seen) == 1
    assert 0 < seen[0][0] < sum(len(body) for body in mnist_online.files.values())
    assert seen[0][1] == get_info("mnist").download_bytes
    assert read_progress("mnist") is None


def test_a_connection_that_breaks_leaves_nothing_and_the_next_try_works(
    mnist_online: Server, data_root: Path
) -> None:
    mnist_online.cut = True
    with pytest.raises(DataError, match="try again"):
        load_dataset("mnist")
    assert not is_available("mnist")
    assert _leftovers(data_root) == []
    mnist_online.cut = False
    assert len(load_dataset("mnist").test) == NUM_TEST


def test_what_a_killed_download_left_is_swept_away(mnist_online: Server, data_root: Path) -> None:
    old = data_root / ".staging-mnist" / "MNIST" / "raw"
    old.mkdir(parents=True)
    (old / "train-images-idx3-ubyte").write_bytes(b"half of it")
    progress_path("mnist").write_text(json.dumps({"done_bytes": 1, "total_bytes": 2}))
    assert len(load_dataset("mnist").test) == NUM_TEST
    assert _leftovers(data_root) == []


def test_two_processes_at_once_fetch_once(mnist_online: Server) -> None:
    threads = [threading.Thread(target=remote.download, args=("mnist",)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert is_available("mnist")
    assert Counter(mnist_online.requests) == dict.fromkeys(mnist_online.files, 2)


def test_archives_put_there_by_hand_are_unpacked_offline(
    mnist_online: Server, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MNIST, "mirrors", ["http://127.0.0.1:9/"])
    folder = data_root / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for name, body in mnist_online.files.items():
        (folder / name).write_bytes(body)
    assert is_available("mnist")
    assert len(load_dataset("mnist").test) == NUM_TEST
    assert mnist_online.requests == []


def test_cifar_from_its_archive(cifar_archive: bytes, data_root: Path) -> None:
    (data_root / "cifar-10-python.tar.gz").write_bytes(cifar_archive)
    data = load_dataset("cifar10")
    assert data.train.images.shape == (30, 3, 32, 32)
    assert data.train.images.is_contiguous()
    planes = data.test.images[:, :, 7, 9]
    labels = (data.test.labels * 20).to(torch.uint8)
    assert torch.equal(planes, torch.stack([labels + 5, labels, labels], 1))
    assert (data_root / "cifar-10-python.tar.gz").exists()  # it was put there by someone


@pytest.mark.parametrize("keep", [0, 8, 100, 20_000])
def test_a_file_cut_short_is_said_with_the_way_out(keep: int, data_root: Path) -> None:
    folder = _lay_out_mnist(data_root)
    path = folder / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError) as caught:
        load_dataset("mnist")
    said = str(caught.value)
    if keep:  # an empty file counts as absent: there the network is asked
        assert said == (
            f"The files of MNIST under {folder} are damaged: delete that folder, and they are "
            "downloaded again."
        )


@pytest.mark.parametrize(
    ("file", "body"),
    [
        ("train-labels-idx1-ubyte", _idx(np.full(NUM_TRAIN, 10, dtype=np.uint8))),
        ("train-labels-idx1-ubyte", _idx(np.zeros(NUM_TRAIN - 1, dtype=np.uint8))),
        ("t10k-images-idx3-ubyte", _idx(np.zeros((NUM_TEST, 14, 14), dtype=np.uint8))),
        ("t10k-images-idx3-ubyte", b"<html>404</html>" * 100),
    ],
)
def test_files_of_other_contents_are_damaged(file: str, body: bytes, data_root: Path) -> None:
    (_lay_out_mnist(data_root) / file).write_bytes(body)
    with pytest.raises(DataError, match="are damaged: delete that folder"):
        load_dataset("mnist")


def test_cifar_with_a_wrong_checksum_is_never_unpickled(
    cifar_archive: bytes, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (data_root / "cifar-10-python.tar.gz").write_bytes(cifar_archive)
    load_dataset("cifar10")
    path = data_root / "cifar-10-batches-py" / "data_batch_1"
    path.write_bytes(path.read_bytes() + b"x")

    def unpickled(*_: object, **__: object) -> None:
        raise AssertionError("a file of unknown contents was unpickled")

    monkeypatch.setattr(pickle, "load", unpickled)
    with pytest.raises(DataError, match="are damaged"):
        load_dataset("cifar10")


def test_a_full_disk_is_said(mnist_online: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(remote, "_fetch", full)
    with pytest.raises(DataError, match=r"No space left on device.*make room there"):
        load_dataset("mnist")
