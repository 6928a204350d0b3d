"""One worker process at work on one run, and the thread that listens to it.

It knows processes and nothing of queues: it hands on what the worker says, notices when the worker
falls silent or dies, and sees to it that a stop is obeyed.
"""

from __future__ import annotations

import logging
import pickle
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from engine.forkserver import Forkserver, Worker
from engine.words import Ended, Moved, Order, Stopping, Word
from training.control import Command

log = logging.getLogger(__name__)

_SLICE_SECONDS = 0.1  # how often a listening thread looks at its deadlines
_GIVE_UP_SECONDS = 5.0  # after SIGKILL, for a process that the kernel cannot end


@dataclass(frozen=True)
class Lost:
    """The worker has gone without a last word."""

    exitcode: int | None
    step: int  # at its last sign of life
    silent: bool  # it had to be killed because no sign of life came


class Attempt:
    """Starts a worker in a thread of its own; `report` is called there with each Moved, and at last
    with one Ended or Lost, after the process is gone."""

    def __init__(
        self,
        forkserver: Forkserver,
        order: Order,
        report: Callable[[Attempt, Moved | Ended | Lost], None],
    ) -> None:
        self.order = order
        self._step = 0  # of the last beat
        self._forkserver = forkserver
        self._report = report
        self._lock = threading.Lock()
        self._worker: Worker | None = None
        self._unsent: list[Command] = []
        self._stop_at: float | None = None
        self._killed = False
        self._thread = threading.Thread(target=self._run, name=f"run {order.run_id}", daemon=True)

    @property
    def pid(self) -> int | None:
        """Of the worker; None before it is there."""
        return self._worker.pid if self._worker else None

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def send(self, command: Command) -> None:
        """Hand a command to the worker, in order; kept for it while it starts."""
        with self._lock:
            if self._worker is None:
                self._unsent.append(command)
            else:
                self._send(self._worker, command)

    def stop(self) -> None:
        """Ask the worker to stop, then make it."""
        self.send(Command("stop"))
        with self._lock:
            self._stop_at = self._stop_at or time.monotonic()

    def kill(self) -> None:
        """End the worker now."""
        with self._lock:
            self._killed = True
            if self._worker is not None:
                self._worker.signal(signal.SIGKILL)

    def _send(self, worker: Worker, command: Command) -> None:
        try:
            worker.pipe.send(command)
        except OSError:
            log.info("run %s: the worker is gone; %s dropped", self.order.run_id, command.action)

    def _run(self) -> None:
        try:
            worker = self._forkserver.launch("engine.job_worker:work", self.order)
        except (OSError, EOFError):
            log.exception("run %s: no worker could be started", self.order.run_id)
            self._report(self, Lost(None, 0, silent=False))
            return
        with self._lock:
            self._worker = worker
            for command in self._unsent:
                self._send(worker, command)
            if self._killed:
                worker.signal(signal.SIGKILL)
        last, silent = self._listen(worker)
        with self._lock:
            worker.close()
        self._report(self, last or Lost(worker.exitcode(), self._step, silent))

    def _listen(self, worker: Worker) -> tuple[Ended | None, bool]:
        """The last word, once the pipe has ended; and whether the worker was killed for silence."""
        times = self.order.timings
        last: Ended | None = None
        heard = time.monotonic()
        strongest = 0  # signal sent so far
        while True:
            if worker.pipe.poll(_SLICE_SECONDS):
                try:
                    word: Word = worker.pipe.recv()
                except (EOFError, OSError, pickle.UnpicklingError):
                    return last, strongest == signal.SIGKILL and self._stop_at is None
                heard = time.monotonic()
                if isinstance(word, Ended):
                    last = word
                elif isinstance(word, Moved):
                    self._report(self, word)
                elif isinstance(word, Stopping):
                    self._stop_at = heard
                else:
                    self._step = word.step
            now = time.monotonic()
            stopping = now - self._stop_at if self._stop_at is not None else 0.0
            if now - heard > times.silence or stopping > times.kill:
                if strongest != signal.SIGKILL:
                    worker.signal(signal.SIGKILL)
                    strongest, killed_at = signal.SIGKILL, now
                elif now - killed_at > _GIVE_UP_SECONDS:
                    return last, True
            elif stopping > times.terminate and not strongest:
                worker.signal(signal.SIGTERM)
                strongest = signal.SIGTERM
