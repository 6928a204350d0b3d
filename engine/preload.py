"""Everything a worker needs, imported once in the forkserver, so that a fork has it at once.

Unlike every other module this one works when it is imported, because importing is all a forkserver
does. It may leave no thread alive and touch no GPU: neither survives a fork.
"""

from __future__ import annotations

import atexit
import gc
import os
import threading

from engine.forkserver import ENGINE_VARIABLE

_engine = int(os.environ.get(ENGINE_VARIABLE, os.getpid()))
if _engine == os.getpid():
    raise ImportError("engine.preload is imported by the forkserver and by nobody else")


def _end_with_engine(imported: threading.Event) -> None:
    """A forkserver notices by itself that its engine has gone, but not while it imports."""
    while not imported.wait(0.1):
        if os.getppid() != _engine:
            os._exit(1)


_imported = threading.Event()
_watch = threading.Thread(target=_end_with_engine, args=(_imported,), daemon=True)
_watch.start()

import torch  # noqa: E402
import torch._dynamo  # noqa: E402  (the first optimizer of a process imports it: 2 s of CPU)

import engine.job_worker  # noqa: E402  (imports the data sets, the networks and the loop)
import engine.lens_worker  # noqa: E402, F401
import viz.lenses  # noqa: E402, F401

_imported.set()
_watch.join()
torch.set_num_threads(1)  # no OpenMP pool may be alive when the forkserver forks
atexit.register(os._exit, 0)  # tidying all of this up when the engine ends takes seconds
gc.collect()
gc.freeze()  # a worker's collections leave the pages it shares with the forkserver alone
