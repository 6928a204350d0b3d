"""Lenses that misbehave on request, for the worker processes of the lens tests."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

from viz.lenses import LensError


def run(name: str, model: str | None, image: str | None, options: Mapping[str, Any]) -> Any:
    """What the lens `name` of these tests does."""
    if name == "refuse":
        raise LensError("This view needs a network: choose one.")
    if name == "crash":
        raise KeyError("a mistake")
    if name == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if name == "hang":
        time.sleep(3600)
    if name == "tidy":  # leaves something to be done when the process ends in good order
        Finalize(None, Path(options["done"]).touch, exitpriority=1)
    if name == "grow":
        return _grow(Path(options["gate"]))
    if name == "count":  # says that it was called, then waits to be let through
        with Path(options["calls"]).open("a") as calls:
            calls.write("x")
        while not Path(options["gate"]).exists():
            time.sleep(0.01)
    return {"pid": os.getpid(), "model": model, "image": image, **options}


def _grow(gate: Path) -> Iterator[dict[str, Any]]:
    """A result in three parts, the last of them once the gate is there; then a mistake if the gate
    says so."""
    yield {"part": 1, "pid": os.getpid()}
    yield {"part": 2, "pid": os.getpid()}
    while not gate.exists():
        time.sleep(0.01)
        yield {"part": 2, "pid": os.getpid()}
    if gate.read_text():
        raise LensError(gate.read_text())
    yield {"part": 3, "pid": os.getpid()}
