"""What the engine asks of a first worker, because it needs torch and the engine has none."""

from __future__ import annotations

from multiprocessing.connection import Connection
from typing import Any

from training.device import device_title, pick_device


def describe(pipe: Connection[Any, Any]) -> None:
    """Send what runs compute on, in words. In a process of its own: it may touch the GPU."""
    device, _ = pick_device("auto")
    pipe.send(device_title(device))


def stand_by(pipe: Connection[Any, Any]) -> None:
    """Do nothing for as long as the engine holds the other end."""
    try:
        pipe.recv()
    except EOFError:
        return
