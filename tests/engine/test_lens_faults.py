"""Bad input and bad luck with the real lenses in real workers: a sentence each, and nothing spreads.

The process of these tests stands where the web server stands: it hands over references and gets
sentences, so whatever a picture would unpack to must not show in its memory.
"""

from __future__ import annotations

import os
import pickle
import re
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from data.archives import store_image
from engine.forkserver import Forkserver
from engine.lens_pool import LensPool, Request
from engine.protocol import EngineError
from tests.bad_pictures import broken, huge, odd
from tests.waiting import wait_until
from viz.results import Classification

NET = "shipped:digits_lenet5"
BROKEN = broken()


@pytest.fixture(scope="module")
def pool(forkserver: Forkserver) -> Iterator[LensPool]:
    pool = LensPool(forkserver, workers=1, run="tests.engine.real_lenses:run")
    pool.start()
    yield pool
    pool.close()


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where this process keeps uploads, for the workers too."""
    monkeypatch.setenv("CONVSCOPE_DATA", str(tmp_path))
    return str(tmp_path)


def look(pool: LensPool, lens: str, model: str, image: str | None, **options: Any) -> Any:
    request = Request(lens, model, "", image, options)
    return pickle.loads(pool.look(request, 90.0, lambda: False))  # noqa: S301


def memory(pid: int | str, field: str) -> int:
    """MB of a process: VmRSS now, VmHWM at its highest."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) // 1024


def forget_highest(pid: int | str) -> None:
    """Let VmHWM begin anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_picture_is_a_sentence_and_the_worker_stays(
    kind: str, pool: LensPool, data: str
) -> None:
    content, words = BROKEN[kind]
    look(pool, "classify", NET, "digits/test/1")
    pids = pool.worker_pids()
    with pytest.raises(EngineError) as caught:
        look(pool, "classify", NET, f"upload:{store_image(content)}", _data=data)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert set(pids) <= set(pool.worker_pids())


def test_pictures_made_to_fill_memory_fill_none(pool: LensPool, data: str) -> None:
    """169 megapixels would be 500 MB decoded."""
    digests = [store_image(huge(side, side)) for side in (13_000, 12_900)]
    assert all(path.stat().st_size < 40_000 for path in Path(data).rglob("*") if path.is_file())
    look(pool, "classify", NET, "digits/test/2")
    before = {pid: memory(pid, "VmRSS") for pid in ("self", *map(str, pool.worker_pids()))}
    for pid in before:
        forget_highest(pid)
    for digest in digests:
        with pytest.raises(EngineError, match="up to 12 megapixels can be read"):
            look(pool, "classify", NET, f"upload:{digest}", _data=data)
    growth = {pid: memory(pid, "VmHWM") - megabytes for pid, megabytes in before.items()}
    assert growth.pop("self") < 30
    assert max(growth.values()) < 60


def test_odd_pictures_leave_this_process_as_it_was(pool: LensPool, data: str) -> None:
    files = odd()
    images = {kind: f"upload:{store_image(content)}" for kind, content in files.items()}
    look(pool, "classify", NET, "digits/test/3")
    before = memory("self", "VmRSS")
    forget_highest("self")
    for kind, image in images.items():
        found = look(pool, "classify", NET, image, _data=data)
        assert isinstance(found, Classification), kind
        assert found.image.shape == (16, 16, 1)
    assert memory("self", "VmHWM") - before < 30


@pytest.mark.parametrize(
    ("lens", "model", "image", "options", "words"),
    [
        ("filters", NET, None, {"layer": "conv9"}, "has no convolution 'conv9'"),
        ("feature_maps", NET, "digits/test/1", {"layers": ["x"]}, "no layer with maps called 'x'"),
        ("classify", NET, "sample:nosuch", {}, "no sample picture 'nosuch'"),
        ("classify", f"{NET}@3000", "digits/test/1", {}, "no weights of update 3000"),
        ("classify", "run:20260101-000000-aaaa", "digits/test/1", {}, "is not here"),
        ("network", "torchvision:nosuch", None, {}, "no pretrained network called 'nosuch'"),
        ("nosuch", NET, None, {}, "no view 'nosuch'"),
    ],
)
def test_what_is_not_there_is_a_sentence(
    pool: LensPool, lens: str, model: str, image: str | None, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(EngineError) as caught:
        look(pool, lens, model, image, **options)
    assert words in str(caught.value)
    assert "the server's log" not in str(caught.value)  # not a mistake of the program


def test_a_worker_killed_in_the_middle_of_a_look(pool: LensPool, tmp_path: Path) -> None:
    """Who waits is told, and the same question to the next worker is answered."""
    before = look(pool, "feature_maps", NET, "digits/test/4")
    begun = tmp_path / "begun"
    with ThreadPoolExecutor(1) as thread:
        answer = thread.submit(look, pool, "feature_maps", NET, "digits/test/5", _begun=str(begun))
        wait_until(begun.exists, "the look has begun")
        worker = int(wait_until(begun.read_text, "it says which process it is"))
        memory_before = memory("self", "VmRSS")
        os.kill(worker, signal.SIGKILL)
        with pytest.raises(EngineError, match="computed the view 'feature_maps' was killed"):
            answer.result(timeout=90)
    assert memory("self", "VmRSS") - memory_before < 30
    after = look(pool, "feature_maps", NET, "digits/test/5")
    assert [layer.layer for layer in after.layers] == [layer.layer for layer in before.layers]
    assert worker not in pool.worker_pids()
