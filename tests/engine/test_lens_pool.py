"""The lens pool with lenses that hang, die and refuse, in real worker processes."""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from engine.forkserver import Forkserver
from engine.lens_pool import ByteCache, LensPool, Request
from engine.protocol import EngineError
from tests.waiting import wait_until


def _request(lens: str, version: str = "", **options: Any) -> Request:
    return Request(lens, "random:lenet5", version, "digits/test/3", options)


def _look(pool: LensPool, request: Request, timeout: float = 90.0) -> Any:
    return pickle.loads(pool.look(request, timeout, lambda: False))  # noqa: S301


@pytest.fixture
def make_pool(forkserver: Forkserver) -> Iterator[Callable[..., LensPool]]:
    made: list[LensPool] = []

    def make(workers: int = 1, **settings: Any) -> LensPool:
        pool = LensPool(forkserver, workers=workers, run="tests.engine.fake_lenses:run", **settings)
        made.append(pool)
        pool.start()
        return pool

    yield make
    for pool in made:
        pool.close()


MakePool = Callable[..., LensPool]


def test_result_comes_back_and_the_second_look_is_cached(
    make_pool: MakePool, tmp_path: Path
) -> None:
    pool = make_pool()
    calls, gate = tmp_path / "calls", tmp_path / "gate"
    gate.touch()
    request = _request("count", "1", calls=str(calls), gate=str(gate))
    first = _look(pool, request)
    assert first["model"] == "random:lenet5"
    assert first["image"] == "digits/test/3"
    assert first["pid"] != os.getpid()
    assert _look(pool, request) == first
    assert calls.read_text() == "x"
    _look(pool, _request("count", "2", calls=str(calls), gate=str(gate)))  # other weights
    assert calls.read_text() == "xx"


def test_what_is_known_so_far_is_told(make_pool: MakePool, tmp_path: Path) -> None:
    pool, gate = make_pool(), tmp_path / "gate"
    told: list[int] = []

    def tell(partial: bytes) -> None:
        told.append(pickle.loads(partial)["part"])  # noqa: S301
        if told[-1] == 2:
            gate.touch()

    request = _request("grow", gate=str(gate))
    answer = pickle.loads(pool.look(request, 90.0, lambda: False, tell))  # noqa: S301
    assert answer["part"] == 3
    assert told[0] in (1, 2)
    assert told == sorted(told)
    assert 3 not in told
    assert _look(pool, request) == answer  # kept whole, not in parts


def test_a_mistake_after_parts_is_a_sentence(make_pool: MakePool, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.write_text("No more of this: choose another.")
    with pytest.raises(EngineError, match=r"^No more of this: choose another\.$"):
        _look(make_pool(), _request("grow", gate=str(gate)))


def test_who_comes_back_at_once_finds_the_same_computation(
    make_pool: MakePool, tmp_path: Path
) -> None:
    pool, gate = make_pool(), tmp_path / "gate"
    seen: list[int] = []
    request = _request("grow", gate=str(gate))

    def tell(partial: bytes) -> None:
        seen.append(pickle.loads(partial)["pid"])  # noqa: S301

    with pytest.raises(EngineError, match="has gone"):
        pool.look(request, 90.0, lambda: bool(seen), tell)
    gate.touch()
    assert _look(pool, request)["pid"] == seen[0]


def test_who_watches_has_time_as_long_as_there_is_news(make_pool: MakePool, tmp_path: Path) -> None:
    """The fake yields every hundredth of a second, and the limit passes twice."""
    pool, gate = make_pool(), tmp_path / "gate"
    told: list[float] = []
    limit = 2.0
    _look(pool, _request("echo"))  # the worker is there

    def tell(_partial: bytes) -> None:
        told.append(time.monotonic())
        if told[-1] - told[0] > 2 * limit:
            gate.touch()

    request = _request("grow", gate=str(gate))
    assert pickle.loads(pool.look(request, limit, lambda: False, tell))["part"] == 3  # noqa: S301
    with pytest.raises(EngineError, match=r"not ready after 0\.5 s"):
        pool.look(_request("hang"), 0.5, lambda: False, tell)


def test_two_long_looks_do_not_wait_for_each_other(make_pool: MakePool, tmp_path: Path) -> None:
    pool = make_pool(long_workers=2, is_long=lambda *_: True)
    calls, gate = tmp_path / "calls", tmp_path / "gate"
    with ThreadPoolExecutor(2) as threads:
        asked = [
            threads.submit(_look, pool, _request("count", calls=str(calls), gate=str(gate), n=n))
            for n in range(2)
        ]
        wait_until(lambda: calls.exists() and calls.read_text() == "xx", "both are being computed")
        gate.touch()
        assert len({each.result()["pid"] for each in asked}) == 2


def test_nobody_comes_back_and_the_growing_one_ends(make_pool: MakePool, tmp_path: Path) -> None:
    pool = make_pool()
    seen: list[int] = []
    request = _request("grow", gate=str(tmp_path / "never"))

    def tell(partial: bytes) -> None:
        seen.append(pickle.loads(partial)["pid"])  # noqa: S301

    with pytest.raises(EngineError, match="has gone"):
        pool.look(request, 90.0, lambda: bool(seen), tell)
    wait_until(lambda: not Path(f"/proc/{seen[0]}").exists(), "the worker was killed")


def test_identical_looks_at_once_are_computed_once(make_pool: MakePool, tmp_path: Path) -> None:
    pool = make_pool(workers=2)
    calls, gate = tmp_path / "calls", tmp_path / "gate"
    request = _request("count", calls=str(calls), gate=str(gate))
    with ThreadPoolExecutor(10) as threads:
        answers = [threads.submit(_look, pool, request) for _ in range(10)]
        wait_until(calls.exists, "the lens was called")
        gate.touch()
        assert len({answer.result()["pid"] for answer in answers}) == 1
    assert calls.read_text() == "x"


def test_a_lens_that_hangs_is_killed_and_the_next_answers(make_pool: MakePool) -> None:
    pool = make_pool()
    before = _look(pool, _request("echo"))["pid"]
    with pytest.raises(EngineError, match=r"'hang' was not ready after 0\.3 s"):
        _look(pool, _request("hang"), timeout=0.3)
    after = _look(pool, _request("echo", again=1))["pid"]
    assert after != before
    wait_until(lambda: not Path(f"/proc/{before}").exists(), "the hanging worker is gone")


def test_a_killed_worker_is_told_and_the_pool_goes_on(make_pool: MakePool) -> None:
    pool = make_pool()
    with pytest.raises(EngineError, match="computed the view 'die' was killed"):
        _look(pool, _request("die"))
    pid = _look(pool, _request("echo"))["pid"]
    os.kill(pid, signal.SIGKILL)  # while nobody asks
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), "it is gone")
    assert _look(pool, _request("echo", again=1))["pid"] != pid


def test_sentences_pass_and_mistakes_become_one(make_pool: MakePool) -> None:
    pool = make_pool()
    with pytest.raises(EngineError, match=r"^This view needs a network: choose one\.$"):
        _look(pool, _request("refuse"))
    with pytest.raises(EngineError, match=r"could not be computed \(KeyError\)"):
        _look(pool, _request("crash"))


def test_when_the_last_one_leaves_the_computation_ends(make_pool: MakePool) -> None:
    pool = make_pool()
    pid = _look(pool, _request("echo"))["pid"]
    left = threading.Event()
    stays: list[str] = []

    def leaves() -> None:
        with pytest.raises(EngineError, match="has gone"):
            pool.look(_request("hang"), 90.0, left.is_set)

    def waits() -> None:
        with pytest.raises(EngineError, match="not ready after 2 s"):
            pool.look(_request("hang"), 2.0, lambda: False)
        stays.append("waited to its own end")

    threads = [threading.Thread(target=leaves), threading.Thread(target=waits)]
    for thread in threads:
        thread.start()
    left.set()
    threads[0].join()
    assert Path(f"/proc/{pid}").exists()  # somebody still waits
    threads[1].join()
    assert stays == ["waited to its own end"]
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), "the worker was killed")


def test_a_long_look_does_not_delay_a_quick_one(make_pool: MakePool) -> None:
    pool = make_pool(is_long=lambda lens, *_: lens == "hang")
    quick = _look(pool, _request("echo"))["pid"]
    assert pool.worker_pids() == [quick]  # nobody needed the long lane yet
    left = threading.Event()

    def exports() -> None:
        with pytest.raises(EngineError, match="has gone"):
            pool.look(_request("hang"), 90.0, left.is_set)

    thread = threading.Thread(target=exports)
    thread.start()
    wait_until(lambda: len(pool.worker_pids()) == 2, "the long look has a worker of its own")
    assert [_look(pool, _request("echo", number=n))["pid"] for n in range(3)] == [quick] * 3
    left.set()
    thread.join()


def test_a_quick_look_does_not_wait_behind_one_that_takes_long(make_pool: MakePool) -> None:
    """Such as the first look into a large data set, which nobody could know before."""
    pool = make_pool(is_long=lambda *_: False)
    busy = _look(pool, _request("echo"))["pid"]
    left = threading.Event()

    def loads() -> None:
        with pytest.raises(EngineError, match="has gone"):
            pool.look(_request("hang"), 90.0, left.is_set)

    thread = threading.Thread(target=loads)
    thread.start()
    answer = _look(pool, _request("count", calls="/dev/null", gate="/dev/null"))
    assert answer["pid"] in {*pool.worker_pids()} - {busy}
    left.set()
    thread.join()


def test_the_long_worker_ends_when_idle(make_pool: MakePool) -> None:
    pool = make_pool(is_long=lambda lens, *_: lens == "echo", idle_seconds=0.2)
    pid = _look(pool, _request("echo"))["pid"]
    wait_until(lambda: pid not in pool.worker_pids(), "it was let go")
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), "it has ended")
    assert _look(pool, _request("echo", again=1))["pid"] != pid


def test_workers_are_replaced_after_a_while(make_pool: MakePool) -> None:
    pool = make_pool(recycle=2)
    pids = [_look(pool, _request("echo", number=number))["pid"] for number in range(4)]
    assert pids[0] == pids[1] != pids[2] == pids[3]


def test_a_worker_ends_without_tidying_up(forkserver: Forkserver, tmp_path: Path) -> None:
    """The exporter's libraries fill the server's log when they are tidied up."""
    worker = forkserver.launch("engine.lens_worker:work", "tests.engine.fake_lenses:run")
    worker.pipe.send(("tidy", None, None, {"done": str(tmp_path / "done")}))
    assert worker.pipe.recv()[0]
    worker.close()
    worker.wait()
    assert list(tmp_path.iterdir()) == []


def test_cache_keeps_the_recently_used_within_its_bytes() -> None:
    cache = ByteCache(10)
    cache.put("a", b"1234")
    cache.put("b", b"1234")
    assert cache.get("a") == b"1234"
    cache.put("c", b"123")  # 11 bytes: b, not used since, leaves
    assert [cache.get(key) for key in "abc"] == [b"1234", None, b"123"]
    cache.put("d", b"123456")  # more than half
    assert cache.get("d") is None
    cache.put("a", b"12345")  # replaced, not added
    assert [cache.get(key) for key in "ac"] == [b"12345", b"123"]
