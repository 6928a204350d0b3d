"""The real app on a free port of this machine, with a run directory of its own.

Benchmarks and browser tests share it. The server process ends with the `with` block; what it
started (engine, workers) ends by the engine's own lifeline, which is part of what is tested.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HEALTH = "/_stcore/script-health-check"
ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class AppServer:
    """A running app: `url` ends without a slash."""

    url: str
    port: int
    pid: int
    runs: Path


@contextmanager
def serve(
    runs: Path, *, log: Path, options: tuple[str, ...] = (), script: str = "app.py"
) -> Iterator[AppServer]:
    """Start `streamlit run` and wait until its script health check answers.

    That check runs the app once, as a hosted start does: it starts the engine, and Streamlit knows
    the pages before the first visitor comes by a link to one of them.

    Args:
        runs: run directory (CONVSCOPE_RUNS) of this server.
        log: file that receives what the server prints.
        options: further command-line options of Streamlit.
        script: what to run instead of the app, for tests of a part of it.

    Raises:
        RuntimeError: the server ended or did not answer within a minute.
    """
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", script, "--server.headless=true",
               f"--server.port={port}", "--server.fileWatcherType=none", *options]  # fmt: skip
    environment = {**os.environ, "CONVSCOPE_RUNS": str(runs)}
    with (
        log.open("wb") as sink,
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=sink, stderr=sink) as server,
    ):
        try:
            _wait(server, port, log)
            yield AppServer(f"http://localhost:{port}", port, server.pid, runs)
        finally:
            server.terminate()


def free_port() -> int:
    """A TCP port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise RuntimeError(f"The app ended at once: {log.read_text(errors='replace')[-2000:]}")
        try:
            with urllib.request.urlopen(f"http://localhost:{port}{HEALTH}", timeout=60) as reply:
                if reply.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("The app did not answer within a minute.")
