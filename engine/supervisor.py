"""Which run trains when, and what state each is in: queue, slots, retries, the truth at boot.

States: queued → starting → running ⇄ paused → done | stopped | failed | interrupted. A paused
run keeps its process and gives up its slot; it waits in the queue again when it is resumed and no
slot is free. A run whose worker is lost goes on once from its checkpoint by itself. No torch here.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections import OrderedDict, deque
from dataclasses import replace
from typing import Final

from engine.attempt import Attempt, Lost
from engine.forkserver import Forkserver
from engine.protocol import EngineError
from engine.status_writer import StatusWriter
from engine.words import Ended, Moved, Order, Timings
from training.control import Command, check_command
from training.run_store import RunState, RunStatus, RunStore
from training.spec import TrainSpec

log = logging.getLogger(__name__)

MAX_WAITING: Final = 50  # runs that are queued or paused
_MAX_NONCES: Final = 1000


class _Run:
    """A run that is not over. Changed under the supervisor's lock only."""

    def __init__(self, run_id: str, status: RunStatus, *, rewind: bool = False) -> None:
        self.run_id = run_id
        self.status = status
        self.rewind = rewind
        self.attempt: Attempt | None = None
        self.has_slot = False
        self.pausing = False  # told to pause (or to step, which ends in a pause), not there yet
        self.resume_again = False  # told to resume while pausing
        self.stopping = False


class Supervisor:
    """All runs of one store. Every method may be called from many threads at once.

    Args:
        slots: how many runs may train at once.
        threads: torch threads of each.
    """

    def __init__(
        self,
        store: RunStore,
        forkserver: Forkserver,
        *,
        slots: int,
        threads: int,
        timings: Timings | None = None,
    ) -> None:
        self.slots = slots
        self._store = store
        self._forkserver = forkserver
        self._threads = threads
        self._timings = timings or Timings()
        self._writer = StatusWriter(store)
        self._submitting = threading.Lock()
        self._nonces: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.RLock()
        self._active: dict[str, _Run] = {}
        self._queue: deque[_Run] = deque()
        self._closed = False

    def recover(self) -> None:
        """At boot: no run of an earlier engine can be going on, whatever its status says."""
        for run_id in self._store.run_ids():
            try:
                status = self._store.status(run_id)
                if status.active:
                    message = f"The engine ended while it was {status.state}; it can be resumed."
                    self._store.write_status(run_id, _moved(status, "interrupted", "", message))
            except (OSError, ValueError) as error:
                log.warning("run %s cannot be looked after: %s", run_id, error)

    def submit(self, spec: TrainSpec, nonce: str | None = None) -> str:
        """Queue a new run; its id.

        Raises:
            EngineError: the queue is full.
            RunError: the run's directory cannot be written.
        """
        with self._submitting:
            if nonce is not None and nonce in self._nonces:
                return self._nonces[nonce]
            with self._lock:
                self._check_room()
            run_id = self._store.new_run(spec)
            now = time.time()
            status = RunStatus(state="queued", created=now, updated=now)
            self._write_now(run_id, status)
            if nonce is not None:
                self._nonces[nonce] = run_id
                while len(self._nonces) > _MAX_NONCES:
                    self._nonces.popitem(last=False)
            with self._lock:
                self._enqueue(_Run(run_id, status))
            return run_id

    def control(
        self, run_id: str, action: str, field: str | None = None, value: float | None = None
    ) -> None:
        """Act on a run; see `Engine.control`.

        Raises:
            SpecError: an unknown action, or a value out of range.
            EngineError: the run is not in a state for this.
            RunError: no such run.
        """
        command = check_command(action, field, value)
        with self._lock:
            run = self._active.get(run_id)
            if run is not None:
                self._command(run, command)
                return
        with self._submitting:
            self._start_again(run_id, command)

    def status(self, run_id: str) -> RunStatus:
        """Where a run stands, also when that could not be written to its directory.

        Raises:
            RunError: no such run.
        """
        with self._lock:
            run = self._active.get(run_id)
            if run is not None:
                return run.status
        return self._writer.get(run_id) or self._store.status(run_id)

    def delete(self, run_id: str) -> None:
        """Remove a run that is over.

        Raises:
            EngineError: it is not over.
            RunError: no such run, or its directory cannot be removed.
        """
        with self._lock:
            run = self._active.get(run_id)
            if run is not None:
                raise EngineError(
                    f"Run {run_id} is {run.status.state}: stop it first, then delete it."
                )
        if not self._writer.flush(1.0) and self._writer.get(run_id) is not None:
            # A full disk keeps the old status in place; deleting the run makes room.
            (self._store.path(run_id) / "status.json").unlink(missing_ok=True)
        self._store.delete(run_id)

    def load(self) -> tuple[int, int]:
        """How many runs hold a slot, and how many wait for one."""
        with self._lock:
            return self._running(), len(self._queue)

    def schedule(self) -> None:
        """Give free slots to those who wait: when the forkserver is ready, and at each change."""
        with self._lock:
            while self._queue and self._running() < self.slots and not self._closed:
                run = self._queue[0]
                if run.attempt is None and not self._forkserver.ready:
                    break
                self._queue.popleft()
                run.has_slot = True
                if run.attempt is None:
                    self._begin(run)
                else:
                    run.attempt.send(Command("resume"))
                    self._move(run, "starting")
            for position, run in enumerate(self._queue, start=1):
                if run.status.queue_position != position:
                    self._write(run, replace(run.status, queue_position=position))

    def worker_pids(self) -> dict[str, int]:
        """The process of each run that has one."""
        with self._lock:
            runs = [(run.run_id, run.attempt) for run in self._active.values()]
        return {run_id: pid for run_id, attempt in runs if attempt and (pid := attempt.pid)}

    def close(self) -> None:
        """End all workers and say so in their runs' statuses; the runs can be resumed."""
        with self._lock:
            self._closed = True
            for run in list(self._active.values()):
                if run.attempt is not None:
                    run.attempt.kill()
                message = f"The engine ended while it was {run.status.state}; it can be resumed."
                self._finish(run, "interrupted", "", message)
        self._writer.flush(1.0)

    # Everything below runs under the lock.

    def _command(self, run: _Run, command: Command) -> None:
        attempt = run.attempt
        if command.action == "stop":
            self._stop(run)
        elif attempt is None:
            if command.action == "resume":
                return  # it waits for its slot already
            raise EngineError(
                f"Run {run.run_id} waits in the queue and has nothing to {command.action} yet: "
                "let it start, or stop it."
            )
        elif command.action == "resume" and (run.pausing or not run.has_slot):
            if run.pausing:
                run.resume_again = True
            elif run not in self._queue:
                self._enqueue(run)
        elif command.action == "pause" and run in self._queue:
            self._queue.remove(run)  # resumed, but no slot was free yet
            self._move(run, "paused")
            self.schedule()
        else:
            if command.action in ("pause", "step"):
                run.pausing, run.resume_again = run.has_slot, False
            attempt.send(command)

    def _stop(self, run: _Run) -> None:
        if run in self._queue:
            self._queue.remove(run)
        run.stopping = True
        if run.attempt is None:
            self._finish(run, "stopped", "stopped", "Stopped while it waited in the queue.")
        else:
            run.attempt.stop()
        self.schedule()

    def _start_again(self, run_id: str, command: Command) -> None:
        with self._lock:
            run = self._active.get(run_id)
            if run is not None:  # somebody started it again just now
                self._command(run, command)
                return
        status = self.status(run_id)
        if command.action not in ("resume", "rewind"):
            raise EngineError(
                f"Run {run_id} is {status.state}: it can be resumed or rewound, not told to "
                f"{command.action}."
            )
        has_checkpoint = self._store.checkpoint_path(run_id).is_file()
        if command.action == "resume" and status.state == "done":
            raise EngineError(
                f"Run {run_id} is done: rewind it to train again, or duplicate it with more epochs."
            )
        if command.action == "resume" and status.state == "failed" and not has_checkpoint:
            raise EngineError(
                f"Run {run_id} failed before its first checkpoint: rewind it to start anew."
            )
        self._store.spec(run_id)
        now = time.time()
        again = RunStatus(state="queued", created=status.created or now, updated=now)
        with self._lock:
            self._check_room()
        self._writer.flush(1.0)
        self._write_now(run_id, again)
        with self._lock:
            self._enqueue(_Run(run_id, again, rewind=command.action == "rewind"))

    def _check_room(self) -> None:
        if self._closed:
            raise EngineError("The engine is ending: try again in some seconds.")
        waiting = len(self._active) - self._running()
        if waiting >= MAX_WAITING:
            raise EngineError(
                f"{waiting} runs wait or are paused already, as many as the engine keeps: "
                "stop one of them or try again later."
            )

    def _enqueue(self, run: _Run, *, first: bool = False) -> None:
        self._active[run.run_id] = run
        if first:
            self._queue.appendleft(run)
        else:
            self._queue.append(run)
        if run.status.state != "queued":
            self._move(run, "queued", message=run.status.message)
        self.schedule()

    def _begin(self, run: _Run) -> None:
        order = Order(
            root=self._store.root.absolute(),
            run_id=run.run_id,
            attempt=run.status.attempt,
            rewind=run.rewind,
            threads=self._threads,
            timings=self._timings,
        )
        run.attempt = Attempt(self._forkserver, order, self._heard)
        run.attempt.start()
        self._move(run, "starting", message=run.status.message)

    def _heard(self, attempt: Attempt, word: Moved | Ended | Lost) -> None:
        with self._lock:
            run = self._active.get(attempt.order.run_id)
            if run is None or run.attempt is not attempt:
                return
            if isinstance(word, Moved):
                self._worker_moved(run, word.state)
            elif isinstance(word, Ended):
                self._finish(run, word.state, word.reason, word.message)
            else:
                self._worker_lost(run, word)
            self.schedule()

    def _worker_moved(self, run: _Run, state: RunState) -> None:
        if state == "paused":
            run.has_slot = run.pausing = False
            if not run.resume_again:
                self._move(run, "paused")
            elif not run.stopping:
                run.resume_again = False
                self._enqueue(run, first=True)
        else:
            run.rewind = False
            self._move(run, "running", message=run.status.message)

    def _worker_lost(self, run: _Run, lost: Lost) -> None:
        how = _how(lost)
        log.warning("run %s: the worker was lost (%s)", run.run_id, how)
        if run.stopping:
            message = "It did not answer and was ended; it can be resumed from its checkpoint."
            self._finish(run, "stopped", "killed", message)
        elif not run.has_slot:
            message = f"Its process ended while it was paused ({how}); it can be resumed."
            self._finish(run, "interrupted", "worker_crash", message)
        elif run.status.attempt == 0:
            run.attempt = None
            run.has_slot = run.pausing = run.resume_again = False
            message = f"The worker was lost ({how}); the run went on from its last checkpoint."
            run.status = replace(run.status, attempt=1, message=message)
            self._enqueue(run, first=True)
        else:
            message = (
                f"The worker was lost twice ({how}): resume the run from its checkpoint, or start "
                "it with a smaller network or batch."
            )
            self._finish(run, "failed", "worker_crash", message)

    def _finish(self, run: _Run, state: RunState, reason: str, message: str) -> None:
        run.has_slot = False
        if run in self._queue:
            self._queue.remove(run)
        self._move(run, state, reason=reason, message=message)
        del self._active[run.run_id]

    def _running(self) -> int:
        return sum(run.has_slot for run in self._active.values())

    def _move(self, run: _Run, state: RunState, *, reason: str = "", message: str = "") -> None:
        self._write(run, _moved(run.status, state, reason, message))

    def _write(self, run: _Run, status: RunStatus) -> None:
        run.status = status
        self._writer.put(run.run_id, status)

    def _write_now(self, run_id: str, status: RunStatus) -> None:
        try:
            self._store.write_status(run_id, status)
        except OSError as error:
            raise EngineError(
                f"The status of run {run_id} cannot be written ({error.strerror or error}): "
                "free some space, then try again."
            ) from error


def _moved(status: RunStatus, state: RunState, reason: str, message: str) -> RunStatus:
    return replace(
        status,
        state=state,
        reason=reason,
        message=message,
        queue_position=None,
        updated=time.time(),
    )


def _how(lost: Lost) -> str:
    if lost.silent:
        return f"no sign of life after step {lost.step}"
    if lost.exitcode is None:
        return "it could not be started"
    if lost.exitcode == -signal.SIGKILL:
        return f"killed after step {lost.step}, perhaps because memory ran out"
    how = f"signal {-lost.exitcode}" if lost.exitcode < 0 else f"exit code {lost.exitcode}"
    return f"{how} after step {lost.step}"
