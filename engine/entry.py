"""The first thing a worker process runs, and the last thing of it that may outlive its parent.

The engine must not import torch, so it names what a worker is to run instead of importing it.
"""

from __future__ import annotations

import contextlib
import os
import pkgutil
import resource
import signal
import threading
from multiprocessing import parent_process
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

_NICE = 5  # the page and the engine come first
_OOM_SCORE = 800  # when memory runs out, the kernel takes a worker and not the server


def enter(target: str, *arguments: Any) -> None:
    """Run `module:function` in this process, under a worker's limits.

    A daemon thread ends the process as soon as the engine is gone, however it went: neither
    daemon=True nor PR_SET_PDEATHSIG does that for children of a forkserver.
    """
    threading.Thread(target=_end_with_parent, name="lifeline", daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the engine, which ends its workers
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):  # Linux only, and a container may forbid it
        Path("/proc/self/oom_score_adj").write_text(str(_OOM_SCORE), encoding="ascii")
    pkgutil.resolve_name(target)(*arguments)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
