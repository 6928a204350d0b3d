"""Starts an engine as a child of this process, held by a lifeline."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from engine.protocol import EngineError
from engine.rendezvous import RootTakenError

_ROOT: Final = Path(__file__).resolve().parents[1]
_START_SECONDS: Final = 30.0  # until it listens, which takes half a second; not until it is warm
_END_SECONDS: Final = 3.0


@dataclass(frozen=True)
class Child:
    """An engine of our own. When this process ends, in whatever way, the lifeline ends it."""

    process: subprocess.Popen[bytes]
    lifeline: Connection[Any, Any]
    address: str
    key: bytes

    def close(self) -> None:
        """End it, and everything it started."""
        self.lifeline.close()
        _end(self.process)
        shutil.rmtree(Path(self.address).parent, ignore_errors=True)  # where it was killed


def launch() -> Child:
    """A new engine, listening; it warms up by itself.

    Raises:
        RootTakenError: another engine works on the same runs.
        EngineError: it cannot be started.
    """
    ours, theirs = Pipe()
    paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    process = subprocess.Popen(
        [sys.executable, "-m", "engine", "--lifeline", str(theirs.fileno())],
        pass_fds=[theirs.fileno()],
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C ends the server, and the end of the lifeline the engine
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )
    theirs.close()
    try:
        hello = json.loads(ours.recv_bytes()) if ours.poll(_START_SECONDS) else {}
    except (EOFError, OSError):
        hello = {}
    if "address" in hello:
        return Child(process, ours, hello["address"], bytes.fromhex(hello["key"]))
    ours.close()
    _end(process)
    if hello.get("taken"):
        raise RootTakenError(hello["error"])
    raise EngineError(
        hello.get("error") or "The engine could not be started: the server's log has the reason."
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
