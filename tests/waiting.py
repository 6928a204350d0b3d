"""Waiting in tests: for something to become true, with a deadline, never for a fixed time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")
_DEADLINE = 90.0  # seconds; generous, for a machine that has other things to do


def wait_until(condition: Callable[[], _T], what: str, deadline: float = _DEADLINE) -> _T:
    """The first truthy value of `condition`."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline:g} s: {what}")
        time.sleep(0.01)
