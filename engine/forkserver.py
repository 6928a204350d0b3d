"""The process that workers are forked from: kept warm, and brought back when it dies.

It has torch and everything else a worker needs imported, so a worker is there in some hundredths of
a second, where a new interpreter takes many seconds. Its own warm-up takes those seconds, once, in
the background. multiprocessing would bring a dead forkserver back only at the next start of a
worker, which would then wait for the warm-up; a stand-by process tells the moment it dies.
"""

from __future__ import annotations

import importlib.metadata
import logging
import multiprocessing
import os
import platform
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, Final

from engine.entry import enter

log = logging.getLogger(__name__)

_ROOT: Final = Path(__file__).resolve().parents[1]
ENGINE_VARIABLE: Final = "CONVSCOPE_FORKSERVER_OF"  # tells the forkserver the pid of its engine
_CALM_SECONDS: Final = 5.0  # at least this long between two forkservers
# One thread each, so that no pool is alive at a fork; workers choose their own number.
_ENVIRONMENT: Final = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # Threads of a worker that wait for each other spin for a moment, then sleep. Sleeping at once
    # halves the speed of small networks on a quiet machine; spinning for long (the default is six
    # times this) takes the core from the thread that is waited for when other processes want it.
    "GOMP_SPINCOUNT": "50000",
}


class Worker:
    """One process and our end of its pipe. It is signalled by pid, because multiprocessing takes
    all children for dead once their forkserver is."""

    def __init__(self, process: ForkServerProcess, pipe: Connection[Any, Any]) -> None:
        self._process = process  # must live as long as the worker: it holds the worker's lifeline
        self.pipe = pipe
        self.pid = process.pid or 0

    def signal(self, number: int) -> None:
        """Send a signal. Only while the pipe has not ended: then the pid is still the worker's."""
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            log.debug("worker %d is gone already", self.pid)

    def wait(self) -> None:
        """Until the worker, or its forkserver, ends."""
        wait([self._process.sentinel])

    def exitcode(self) -> int | None:
        """Once the pipe has ended: the exit code, negative for a signal; None if not known."""
        self._process.join(timeout=2.0)
        return self._process.exitcode

    def close(self) -> None:
        """Let go of the pipe; a worker that lives ends itself."""
        self.pipe.close()


class Forkserver:
    """Starts workers. A process has one, as multiprocessing has."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._ready = threading.Event()
        self.device = ""  # what runs compute on, in words; known when ready
        self.versions = {
            "python": platform.python_version(),
            "torch": importlib.metadata.version("torch"),
        }

    @property
    def ready(self) -> bool:
        """Whether a worker would start at once."""
        return self._ready.is_set()

    def start(self, on_ready: Callable[[], None]) -> None:
        """Warm up in the background and stay warm; `on_ready` is called each time that is done."""
        os.environ.update(_ENVIRONMENT)
        os.environ[ENGINE_VARIABLE] = str(os.getpid())
        paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        os.environ["PYTHONPATH"] = os.pathsep.join(paths)  # the forkserver is a new interpreter
        self._context.set_forkserver_preload(["engine.preload"])
        threading.Thread(
            target=self._keep_warm, args=(on_ready,), name="forkserver", daemon=True
        ).start()

    def launch(self, target: str, *arguments: Any) -> Worker:
        """A worker that runs `module:function(*arguments, pipe)`.

        Raises:
            OSError, EOFError: the forkserver died just now.
        """
        ours, theirs = self._context.Pipe()
        try:
            process = self._context.Process(
                target=enter, args=(target, *arguments, theirs), daemon=True
            )
            process.start()
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return Worker(process, ours)

    def _keep_warm(self, on_ready: Callable[[], None]) -> None:
        while True:
            begin = time.monotonic()
            try:
                asked = self.launch("engine.describe:describe")
                self.device = asked.pipe.recv()
                asked.close()
                stand_by = self.launch("engine.describe:stand_by")
            except (OSError, EOFError):
                log.exception("the forkserver could not warm up; trying again")
            else:
                log.info("warm after %.1f s", time.monotonic() - begin)
                self._ready.set()
                on_ready()
                stand_by.wait()
                self._ready.clear()
                stand_by.close()
                log.warning("the forkserver died; starting it again")
            time.sleep(max(0.0, begin + _CALM_SECONDS - time.monotonic()))
