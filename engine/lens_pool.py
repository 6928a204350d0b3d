"""Looks into networks on behalf of pages: a few workers, a cache, and nothing computed twice.

A computation lives as long as somebody waits for it, and a moment longer, because a page that is
drawn anew leaves and asks again. Then the worker is killed, which is the only way to end a
computation, and the next one gets a new worker from the forkserver in some hundredths of a second.

There are two kinds of lanes. Quick lanes have their workers ready and answer what is drawn live. A
long lane starts its worker when it is first needed and ends it when it has been idle; it answers the
lenses known to take long, and helps out where a quick one holds its worker unexpectedly long, such
as the first look into a large data set.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import pickle
import queue
import signal
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from engine.forkserver import Forkserver, Worker
from engine.protocol import EngineError
from engine.words import ANSWER, PARTIAL
from viz.long_lenses import takes_long

log = logging.getLogger(__name__)

_SLICE_SECONDS: Final = 0.05  # how often those who wait look at their deadline
_GRACE: Final = 1.0  # seconds that a computation goes on after the last one has left
_PATIENCE: Final = 1.0  # seconds that a quick view waits before the long lane may take it, too
_KILLED: Final = (
    "The process that computed the view {lens!r} was killed, perhaps because memory ran out: try "
    "again, or choose a smaller network or image."
)


@dataclass(frozen=True)
class Request:
    """What is asked. `version` tells apart the weights that one model reference names over time."""

    lens: str
    model: str | None
    version: str
    image: str | None
    options: Mapping[str, Any]

    @property
    def key(self) -> str:
        """Equal for requests with the same answer."""
        parts = [self.lens, self.model, self.version, self.image, self.options]
        return json.dumps(parts, sort_keys=True)


class _Computation:
    """One request being answered. The pool's lock guards `taken`, `waiters` and `left`."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.taken = False  # by a lane; it may stand in the queues of both
        self.done = threading.Event()
        self.partial: bytes | None = None  # what is known so far
        self.result: bytes | None = None
        self.error = ""
        self.waiters = 0
        self.left = 0.0  # when the last one did, by time.monotonic()


_Queue = queue.SimpleQueue[_Computation]


class ByteCache:
    """Least recently used results, as many as fit into `max_bytes`. Not safe under threads."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries: OrderedDict[str, bytes] = OrderedDict()

    def get(self, key: str) -> bytes | None:
        """The result, which becomes the most recent; None if it is not here."""
        if key in self._entries:
            self._entries.move_to_end(key)
        return self._entries.get(key)

    def put(self, key: str, value: bytes) -> None:
        """Keep a result. One that would take more than half of the room is not kept."""
        if len(value) > self._max_bytes // 2:
            return
        self._bytes += len(value) - len(self._entries.pop(key, b""))
        self._entries[key] = value
        while self._bytes > self._max_bytes:
            self._bytes -= len(self._entries.popitem(last=False)[1])


class LensPool:
    """Answers requests, each from any thread.

    Args:
        run: `module:function` that a worker calls with lens, model, image and options.
        workers: processes for quick views; they start when `start` is called.
        long_workers: processes for long views; each starts when it is needed.
        is_long: given lens, model and options, whether the request gets the long lane.
        idle_seconds: the long lane's worker ends after so long without work.
        recycle: computations after which a worker is replaced.
    """

    def __init__(
        self,
        forkserver: Forkserver,
        *,
        workers: int,
        long_workers: int = 1,
        run: str = "viz.lenses:run_lens",
        is_long: Callable[[str, str | None, Mapping[str, Any]], bool] = takes_long,
        idle_seconds: float = 60.0,
        cache_bytes: int = 64 << 20,
        recycle: int = 500,
    ) -> None:
        self._forkserver = forkserver
        self._run = run
        self._recycle = recycle
        self._lock = threading.Lock()
        self._cache = ByteCache(cache_bytes)
        self._pending: dict[str, _Computation] = {}
        self._is_long = is_long
        self._quick: _Queue = queue.SimpleQueue()
        self._long: _Queue = queue.SimpleQueue()
        self._lanes = [_Lane(self, self._quick) for _ in range(workers)]
        self._lanes += [_Lane(self, self._long, idle_seconds) for _ in range(long_workers)]
        self._started = math.inf  # when, by time.monotonic()

    def start(self) -> None:
        """Begin to answer. Called when the forkserver is ready; more calls do nothing."""
        with self._lock:
            if self._started < math.inf:
                return
            self._started = time.monotonic()
        for lane in self._lanes:
            lane.start()

    def look(
        self,
        request: Request,
        timeout: float,
        gone: Callable[[], bool],
        tell: Callable[[bytes], None] | None = None,
    ) -> bytes:
        """The pickled result.

        Args:
            request: what is asked.
            timeout: seconds, waiting for a worker included. For whoever is told what is known so
                far it is the longest silence of a worker: they see how far it is, and can leave.
            gone: whether the one who asked has left; asked some times a second.
            tell: given each pickled result of what is known so far.

        Raises:
            EngineError: the lens refuses, time is up, or the worker was killed.
        """
        begin = time.monotonic()
        deadline = begin + timeout
        offered = long = self._is_long(request.lens, request.model, request.options)
        key = request.key
        with self._lock:
            cached = self._cache.get(key)
            if cached is not None:
                return cached
            computation = self._pending.get(key)
            if computation is None:
                computation = self._pending[key] = _Computation(request)
                (self._long if long else self._quick).put(computation)
            computation.waiters += 1
        told = None
        try:
            while not computation.done.wait(_SLICE_SECONDS):
                now = time.monotonic()
                partial = computation.partial
                if tell is not None and (partial is not told or not computation.taken):
                    deadline = now + timeout
                if tell is not None and partial is not None and partial is not told:
                    tell(partial)
                    told = partial
                if not (offered or computation.taken) and now > (
                    max(begin, self._started) + _PATIENCE
                ):
                    offered = True
                    self._long.put(computation)
                if now > deadline:
                    raise EngineError(
                        f"The view {request.lens!r} was not ready after {timeout:g} s: choose a "
                        "smaller network or image, or try again when the machine is less busy."
                    )
                if gone():
                    raise EngineError("The page that asked has gone.")
        finally:
            with self._lock:
                computation.waiters -= 1
                computation.left = time.monotonic()
                if computation.waiters == 0 and not computation.taken:
                    self._forget(computation)
        if computation.result is None:
            raise EngineError(computation.error)
        return computation.result

    def worker_pids(self) -> list[int]:
        """The processes that stand ready or compute."""
        return [lane.worker.pid for lane in self._lanes if lane.worker]

    def close(self) -> None:
        """End the workers."""
        for worker in [lane.worker for lane in self._lanes]:
            if worker is not None:
                worker.signal(signal.SIGKILL)

    def take(self, waiting: _Queue, idle_seconds: float | None) -> _Computation | None:
        """For a lane: the next computation that somebody still waits for and no other lane has.

        None if there was none for so long.
        """
        while True:
            try:
                computation = waiting.get(timeout=idle_seconds)
            except queue.Empty:
                return None
            with self._lock:
                if computation.waiters > 0 and not computation.taken:
                    computation.taken = True
                    return computation

    def abandoned(self, computation: _Computation) -> bool:
        """For a lane: whether nobody waits any longer; then nobody will be given it, either."""
        with self._lock:
            if computation.waiters > 0 or time.monotonic() < computation.left + _GRACE:
                return False
            self._forget(computation)
            return True

    def finish(self, computation: _Computation, result: bytes | None, error: str) -> None:
        """For a lane: hand out an answer."""
        with self._lock:
            computation.result, computation.error = result, error
            if result is not None:
                self._cache.put(computation.request.key, result)
            self._forget(computation)
        computation.done.set()

    def _forget(self, computation: _Computation) -> None:
        """With the lock held: who asks the same from now on starts anew."""
        if self._pending.get(computation.request.key) is computation:
            del self._pending[computation.request.key]

    def launch(self) -> Worker:
        """For a lane: a new worker."""
        return self._forkserver.launch("engine.lens_worker:work", self._run)

    @property
    def recycle(self) -> int:
        """Computations after which a worker is replaced."""
        return self._recycle


class _Lane(threading.Thread):
    """One worker and the thread that feeds it.

    With `idle_seconds` the worker is there only from the first computation until it has been idle
    for so long; without, always.
    """

    def __init__(self, pool: LensPool, waiting: _Queue, idle_seconds: float | None = None) -> None:
        super().__init__(name="lens", daemon=True)
        self._pool = pool
        self._waiting = waiting
        self._idle_seconds = idle_seconds
        self._count = 0
        self.worker: Worker | None = None

    def run(self) -> None:
        """Answer for ever."""
        while True:
            if self._idle_seconds is None:
                with contextlib.suppress(OSError, EOFError):
                    self._ensure_worker()  # before anybody asks, so that nobody waits for it
            computation = self._pool.take(
                self._waiting, self._idle_seconds if self.worker else None
            )
            if computation is None:
                self._drop()
                continue
            try:
                result, error = self._compute(computation)
            except (OSError, EOFError, pickle.UnpicklingError):
                self._drop(dead=True)
                result, error = None, _KILLED.format(lens=computation.request.lens)
            self._pool.finish(computation, result, error)

    def _compute(self, computation: _Computation) -> tuple[bytes | None, str]:
        worker = self._ensure_worker()
        request = computation.request
        worker.pipe.send((request.lens, request.model, request.image, dict(request.options)))
        while True:
            if self._pool.abandoned(computation):
                self._drop()
                return None, "Nobody waited for this view any longer."
            if not worker.pipe.poll(_SLICE_SECONDS):
                continue
            kind, answer = worker.pipe.recv()
            if kind != PARTIAL:
                break
            computation.partial = answer
        self._count += 1
        if self._count >= self._pool.recycle:
            self._drop()
        return (answer, "") if kind == ANSWER else (None, answer)

    def _ensure_worker(self) -> Worker:
        if self.worker is not None and self.worker.pipe.poll(0):  # it died while nobody asked
            self._drop(dead=True)
        if self.worker is None:
            self._count = 0
            self.worker = self._pool.launch()
        return self.worker

    def _drop(self, *, dead: bool = False) -> None:
        worker, self.worker = self.worker, None
        if worker is not None:
            if not dead:
                worker.signal(signal.SIGKILL)
            worker.close()
