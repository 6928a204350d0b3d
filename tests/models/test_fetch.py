"""Downloads of weights from a server of our own: whole, interrupted, damaged, and from nowhere."""

from __future__ import annotations

import errno
import hashlib
import http.server
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from models import fetch, zoo
from models.architectures.base import ModelError
from models.fetch import download_pretrained
from models.weights import WeightsError
from models.zoo import ZooNet, is_on_disk, progress_path, read_progress, weights_dir, weights_file

BODY = os.urandom(3 << 18)  # three chunks
DIGEST = hashlib.sha256(BODY).hexdigest()
NET = ZooNet("tiny", "Tiny", 1, f"tiny-{DIGEST[:8]}.pth", len(BODY) / 2**20)


class Server:
    """Serves BODY on loopback, whole or from a byte on, and may break off."""

    def __init__(self) -> None:
        self.body = BODY
        self.ranges: list[str | None] = []  # what was asked for
        self.cut: int | None = None  # bytes after which the connection ends
        self.knows_ranges = True
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, *_: Any) -> None:
                """Tests are quiet."""

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/"
        self.thread = threading.Thread(
            target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self.thread.start()

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range")
        self.ranges.append(wanted)
        begin = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        partial = bool(wanted) and self.knows_ranges
        body = self.body[begin:] if partial else self.body
        if partial and not body:
            request.send_error(416)
            return
        request.send_response(206 if partial else 200)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body[: self.cut])

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    """The place the weights come from; torch's cache is empty."""
    served = Server()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setitem(zoo._BY_NAME, "tiny", NET)
    monkeypatch.setattr(ZooNet, "url", property(lambda net: served.url + net.file_name))
    yield served
    served.close()


def left_behind() -> list[str]:
    return sorted(path.name for path in weights_dir().iterdir() if path.name != f".{NET.file_name}.lock")  # fmt: skip


def test_a_download_ends_up_whole_in_torchs_cache(server: Server) -> None:
    assert not is_on_disk("tiny")
    path = download_pretrained("tiny")
    assert path == weights_file("tiny")
    assert path.read_bytes() == BODY
    assert left_behind() == [NET.file_name]
    assert download_pretrained("tiny") == path  # and nothing is asked for again
    assert server.ranges == [None]


def test_progress_can_be_read_while_it_grows(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "PROGRESS_SECONDS", 0.0)
    seen = []
    replace = Path.replace

    def watched(self: Path, target: Path) -> Path:
        moved = replace(self, target)
        seen.append(read_progress("tiny"))
        return moved

    monkeypatch.setattr(Path, "replace", watched)
    download_pretrained("tiny")
    done = [each.done_bytes for each in seen if each is not None]
    assert done == sorted(set(done))
    assert done[-1] == len(BODY)
    assert {each.total_bytes for each in seen if each is not None} == {len(BODY)}
    assert not progress_path("tiny").exists()


def test_what_an_interrupted_download_left_is_continued(server: Server) -> None:
    server.cut = 1 << 18
    with pytest.raises(WeightsError, match="could not be downloaded"):
        download_pretrained("tiny")
    assert not is_on_disk("tiny")
    assert left_behind() == [f".{NET.file_name}.part"]
    server.cut = None
    assert download_pretrained("tiny").read_bytes() == BODY
    assert server.ranges == [None, f"bytes={1 << 18}-"]


def test_a_server_that_knows_no_ranges_sends_all_of_it_again(server: Server) -> None:
    part = weights_file("tiny").with_name(f".{NET.file_name}.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(BODY[:1000])
    server.knows_ranges = False
    assert download_pretrained("tiny").read_bytes() == BODY


def test_a_part_that_was_complete_is_only_checked_and_moved(server: Server) -> None:
    part = weights_file("tiny").with_name(f".{NET.file_name}.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(BODY)
    assert download_pretrained("tiny").read_bytes() == BODY


def test_a_damaged_download_is_thrown_away(server: Server) -> None:
    server.body = BODY[:-1] + b"x"
    with pytest.raises(WeightsError, match="could not be downloaded"):
        download_pretrained("tiny")
    assert left_behind() == []
    server.body = BODY
    assert download_pretrained("tiny").read_bytes() == BODY


def test_without_network_there_are_two_ways_out(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = Server()
    closed.close()
    monkeypatch.setattr(ZooNet, "url", property(lambda net: closed.url))
    with pytest.raises(WeightsError) as caught:
        download_pretrained("tiny")
    sentence = str(caught.value)
    assert f"put {NET.file_name} under {weights_dir()}" in sentence
    assert "choose a network that comes with the program" in sentence
    assert sentence.count("\n") == 0
    assert left_behind() == []


def test_a_full_disk_is_told(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(fetch, "_copy", full)
    with pytest.raises(
        WeightsError, match=r"cannot be stored under .* \(No space left on device\)"
    ):
        download_pretrained("tiny")


def test_two_at_once_download_it_once(server: Server) -> None:
    threads = [threading.Thread(target=download_pretrained, args=("tiny",)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.ranges == [None]
    assert weights_file("tiny").read_bytes() == BODY


def test_unknown_networks_are_not_fetched(server: Server) -> None:
    with pytest.raises(ModelError, match=r"no pretrained network called '\.\./x'"):
        download_pretrained("../x")
    assert server.ranges == []


def test_progress_of_a_process_that_died_does_not_stay(server: Server) -> None:
    weights_dir().mkdir(parents=True)
    progress_path("tiny").write_text(json.dumps({"done_bytes": 1, "total_bytes": 2}))
    download_pretrained("tiny")
    assert read_progress("tiny") is None
