"""The forkserver must stay safe to fork, and come back when it dies."""

from __future__ import annotations

import os
import signal

import psutil

from engine.forkserver import Forkserver
from tests.waiting import wait_until

_ASK = "tests.engine.probes:ask"


def _ask(forkserver: Forkserver, threads: int = 1) -> dict[str, int | bool | str]:
    worker = forkserver.launch(_ASK, threads)
    answer: dict[str, int | bool | str] = worker.pipe.recv()
    worker.close()
    return answer


def test_nothing_that_does_not_survive_a_fork_is_alive_in_it(forkserver: Forkserver) -> None:
    answer = _ask(forkserver)
    parent = psutil.Process(int(answer["forkserver"]))
    assert parent.num_threads() == 1
    assert answer["cuda_initialized"] is False
    assert answer["bad_fork"] is False
    assert answer["preloaded"] is True


def test_a_worker_trains_with_as_many_threads_as_it_is_told(forkserver: Forkserver) -> None:
    answer = _ask(forkserver, threads=2)
    assert answer["torch_threads"] == 2
    assert answer["learned"] is True


def test_a_worker_is_limited(forkserver: Forkserver) -> None:
    answer = _ask(forkserver)
    assert answer["nice"] == 5 + os.getpriority(os.PRIO_PROCESS, 0)
    assert answer["core"] == 0


def test_a_dead_forkserver_is_brought_back(forkserver: Forkserver) -> None:
    before = int(_ask(forkserver)["forkserver"])
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: not forkserver.ready, "its death was noticed")
    wait_until(lambda: forkserver.ready, "there is another")
    assert int(_ask(forkserver)["forkserver"]) != before
